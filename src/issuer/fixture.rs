//! What this room's tests share: a test issuer in a folder of its own, and one store.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::founding::Founding;
use super::{Issuer, Wishes, read_request};
use crate::crypto::SeededRandom;
use crate::crypto::password::Cost;
use crate::crypto::seal::SealSecretKey;
use crate::crypto::sign::SecretKey;
use crate::format::certificate::{EnrolRequest, Purpose};
use crate::trust::{Passphrase, sign};
use crate::units::{Amount, CurrencyForm, MediumId, StoreId, Timestamp};

/// A folder for temporary files that goes away with the test.
pub(super) struct Grounds(tempfile::TempDir);

impl Grounds {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().expect("tests have a folder for temporary files"))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn issuer(&self) -> PathBuf {
        self.0.path().join("issuer")
    }

    /// An issuer whose keys lie bare.
    pub(super) fn found(&self) -> Issuer {
        Issuer::found(&self.issuer(), &founding(Passphrase::None), &mut rng(), at(1)).unwrap()
    }
}

/// A request of a store whose key belongs to this seed.
pub(super) fn request(name: &str, seed: u8) -> Vec<u8> {
    let key = SecretKey::from_seed([seed; 32]);
    let request = EnrolRequest {
        name: name.to_owned(),
        key: key.public(),
        seal_key: *store_seal_key().public().as_bytes(),
        made: at(1),
    };
    sign(&key, &request)
}

pub(super) fn founding(passphrase: Passphrase<'_>) -> Founding<'_> {
    Founding {
        name: "Kiosk Union",
        form: CurrencyForm::new("JPY".parse().unwrap(), 0).unwrap(),
        purpose: Purpose::Test,
        passphrase,
        cost: Cost::MINIMAL,
        rounds: 2,
        place: None,
    }
}

pub(super) fn rng() -> SeededRandom {
    SeededRandom::new([11; 32])
}

pub(super) fn store_key() -> SecretKey {
    SecretKey::from_seed([3; 32])
}

pub(super) fn store_seal_key() -> SealSecretKey {
    SealSecretKey::from_bytes([9; 32])
}

pub(super) fn amount(minor: u64) -> Amount {
    Amount::from_minor(minor).unwrap()
}

/// So many days after the year 2027 began.
pub(super) fn at(days: u64) -> Timestamp {
    Timestamp::from_seconds(1_798_761_600).unwrap().plus_days(days)
}

/// Enrol the store "Shop" under default terms.
pub(super) fn enrolled(issuer: &mut Issuer) -> StoreId {
    let requested = read_request(&request("Shop", 3)).unwrap();
    let terms = Wishes::default().terms(issuer.form(), issuer.policy().topup_max);
    let key = issuer.issuer_key(Passphrase::None).unwrap();
    issuer.enrol(&requested, &terms, &key, &mut rng(), at(2)).unwrap().store.id
}

/// Enrol the store and make a kit for it.
pub(super) fn stocked(issuer: &mut Issuer, count: u32) -> (Vec<MediumId>, StoreId) {
    let store = enrolled(issuer);
    let plan = issuer.plan_blanks(store, count, at(3)).unwrap();
    let keys = issuer.blank_keys(Passphrase::None).unwrap();
    let mut step = |_| ControlFlow::Continue(());
    let made = issuer.make_blanks(&plan, &keys, &mut rng(), at(3), &mut step).unwrap();
    (made.media, store)
}
