//! What this room's tests share: root 1, issuer 2, store 7 with key 3, by the seeds of their keys.

use std::num::NonZeroU32;

use crate::crypto::Secret;
use crate::crypto::seal::SealSecretKey;
use crate::crypto::sign::SecretKey;
use crate::format::certificate::{Certificate, Chain, Confirmation, Purpose, Role, StoreGrant};
use crate::format::sheet::{Run, Sheet, SheetId};
use crate::trust::{Root, Signer, TestRoots, Trust, Verified, sign, verify};
use crate::units::{Amount, Currency, MediumId, StoreId, Timestamp};
use crate::voucher::sheet::{SheetPlan, make_sheet};

pub(super) fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed([seed; 32])
}

pub(super) fn seal_key() -> Secret<32> {
    Secret::new([2; 32])
}

pub(super) fn store_seal_key() -> SealSecretKey {
    SealSecretKey::from_bytes([9; 32])
}

pub(super) fn amount(minor: u64) -> Amount {
    Amount::from_minor(minor).unwrap()
}

pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

pub(super) fn yen() -> Currency {
    "JPY".parse().unwrap()
}

pub(super) fn store(number: u64) -> StoreId {
    StoreId::from_number(number).unwrap()
}

/// Medium 482109376527.
pub(super) fn medium() -> MediumId {
    MediumId::from_serial(4_821_093_765)
}

pub(super) fn grant() -> StoreGrant {
    StoreGrant {
        store: store(7),
        seal_key: *store_seal_key().public().as_bytes(),
        currency: yen(),
        quota: amount(500_000),
        single_max: amount(5_000),
        serial_first: 1,
        serial_last: 100,
        refreshes: None,
    }
}

fn certificate(role: Role, holder: u8, by: u8) -> Vec<u8> {
    let certificate = Certificate {
        issuer: "above".to_owned(),
        subject: role.word().to_owned(),
        expires: at(2_000_000_000),
        issued: at(1_000),
        id: [1; 16],
        key: Confirmation(key(holder).public()),
        role,
        purpose: Purpose::Test,
        grant: (role == Role::Store).then(grant),
    };
    sign(&key(by), &certificate)
}

pub(super) fn trust() -> Trust {
    let root = Root::read(&certificate(Role::Root, 1, 1)).unwrap();
    Trust::new(vec![root], TestRoots::Allowed)
}

pub(super) fn issuer_chain() -> Chain {
    Chain(vec![certificate(Role::Issuer, 2, 1), certificate(Role::Root, 1, 1)])
}

pub(super) fn store_signer() -> Signer {
    let store = certificate(Role::Store, 3, 2);
    trust().signer(&Chain([vec![store], issuer_chain().0].concat())).unwrap()
}

/// Slots 0 to 2 of 1,000 and 3 to 4 of 5,000.
pub(super) fn sheet_bytes(id: SheetId, medium: MediumId) -> Vec<u8> {
    let run = |count, minor| Run { count, amount: amount(minor) };
    let plan = SheetPlan {
        id,
        medium,
        currency: yen(),
        rounds: NonZeroU32::new(2).unwrap(),
        runs: vec![run(3, 1_000), run(2, 5_000)],
        issued: at(1_800_000_000),
    };
    make_sheet(&key(2), &seal_key(), &plan).unwrap()
}

pub(super) fn sheet(id: SheetId, medium: MediumId) -> Verified<Sheet> {
    verify(&sheet_bytes(id, medium), &key(2).public()).unwrap()
}
