//! Enrolling stores: from a store's request to its certificate.

use super::defaults::{CERTIFICATE_DAYS, QUOTA_MINOR, VOUCHER_SHARE, scaled};
use super::founding::{NameError, Subject, certify, check_name};
use super::{CertifiedKey, ClockError, Issuer};
use crate::crypto::Random;
use crate::crypto::seal::{SealKeyError, SealPublicKey};
use crate::format::certificate::{Chain, EnrolRequest, Role, StoreGrant};
use crate::format::cose::Sign1;
use crate::format::{DecodeError, Kind, Object};
use crate::records::{self, Enrolment, Quota, StorageError, Store};
use crate::trust::{GrantError, TrustError, Verified, check_grant, verify};
use crate::units::{Amount, CurrencyForm, StoreId, Timestamp};

/// A store's request, signed by the key that it asks to have certified.
#[derive(Debug)]
pub struct Requested {
    request: Verified<EnrolRequest>,
    seal_key: SealPublicKey,
}

/// Why bytes are no enrolment request: they are damaged or forged.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Not a request.
    #[error("{0}")]
    Decode(#[from] DecodeError),
    /// Not signed by the key it names.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A seal key to which nobody could seal.
    #[error("enrol-request: seal key: {0}")]
    SealKey(#[from] SealKeyError),
    /// A name that no certificate can carry.
    #[error("enrol-request: {0}")]
    Name(#[from] NameError),
}

/// What a store is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// All that its codes and vouchers may add up to.
    pub quota: Amount,
    /// The largest voucher.
    pub single_max: Amount,
    /// How many vouchers.
    pub vouchers: u64,
    /// How long its certificate lasts.
    pub days: u64,
}

/// Terms as far as somebody chose them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wishes {
    /// All that codes and vouchers may add up to.
    pub quota: Option<Amount>,
    /// The largest voucher.
    pub single_max: Option<Amount>,
    /// How many vouchers.
    pub vouchers: Option<u64>,
    /// How long the certificate lasts.
    pub days: Option<u64>,
}

/// A store that is enrolled.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// As recorded.
    pub store: Store,
    /// What the store is handed: its certificate and those above it.
    pub chain: Chain,
    /// Was it enrolled before?
    pub standing: Standing,
}

/// Was a store enrolled before?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Just now.
    New,
    /// The same request under the same terms was granted before; this is the answer of then.
    Known,
}

/// Why a store is not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// Terms that contradict each other.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// A voucher could be larger than the policy allows a top-up to be.
    #[error("largest voucher {single} minor units, the policy allows top-ups of {most}")]
    SingleMax {
        /// As asked for.
        single: u64,
        /// The policy's limit.
        most: u64,
    },
    /// Another store has the name.
    #[error("store {store} is called {name:?} already, and has another key")]
    NameTaken {
        /// The other store.
        store: StoreId,
        /// The name.
        name: String,
    },
    /// A clock that nothing is signed under.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The records.
    #[error(transparent)]
    Records(#[from] records::EnrolError),
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Verify a request's own signature, then read it.
pub fn read_request(bytes: &[u8]) -> Result<Requested, RequestError> {
    let message = Sign1::decode(bytes, Kind::EnrolRequest)?;
    let claimed = EnrolRequest::decode(message.payload())?;
    let request = verify::<EnrolRequest>(bytes, &claimed.key)?;
    let seal_key = SealPublicKey::from_bytes(request.seal_key)?;
    check_name(&request.name)?;
    Ok(Requested { request, seal_key })
}

impl Requested {
    /// The request.
    pub fn request(&self) -> &EnrolRequest {
        &self.request
    }
}

impl Wishes {
    /// Fill in what nobody chose.
    ///
    /// A quota of [`QUOTA_MINOR`]; vouchers as large as the policy allows, but no larger than the
    /// part of the quota that is for vouchers, a [`VOUCHER_SHARE`]th; as many as fit into it.
    pub fn terms(&self, form: CurrencyForm, topup_max: Amount) -> Terms {
        let quota = self.quota.unwrap_or_else(|| scaled(QUOTA_MINOR, form));
        let for_vouchers = quota.minor() / VOUCHER_SHARE;
        let least = Amount::from_minor(for_vouchers).expect("less than the quota");
        let single_max = self.single_max.unwrap_or_else(|| topup_max.min(least));
        let fitting = for_vouchers.checked_div(single_max.minor()).unwrap_or(1).max(1);
        let vouchers = self.vouchers.unwrap_or(fitting);
        Terms { quota, single_max, vouchers, days: self.days.unwrap_or(CERTIFICATE_DAYS.store) }
    }
}

impl Terms {
    /// The grant of a store with this number.
    fn grant(&self, store: StoreId, requested: &Requested, form: CurrencyForm) -> StoreGrant {
        StoreGrant {
            store,
            seal_key: *requested.seal_key.as_bytes(),
            currency: form.currency(),
            quota: self.quota,
            single_max: self.single_max,
            serial_first: 1,
            serial_last: self.vouchers,
            refreshes: None,
        }
    }

    fn quota(&self, form: CurrencyForm) -> Quota {
        Quota {
            currency: form.currency(),
            total: self.quota,
            single_max: self.single_max,
            serial_first: 1,
            serial_last: self.vouchers,
        }
    }
}

impl Issuer {
    /// Refuse terms and names that can't be granted; nothing is written.
    pub fn check_enrolment(
        &mut self,
        requested: &Requested,
        terms: &Terms,
        now: Timestamp,
    ) -> Result<(), EnrolError> {
        self.check_clock(now)?;
        let first = StoreId::from_number(1).expect("stores are numbered from 1");
        check_grant(&terms.grant(first, requested, self.form))?;
        let (single, most) = (terms.single_max.minor(), self.policy.topup_max.minor());
        if single > most {
            return Err(EnrolError::SingleMax { single, most });
        }
        let (name, key) = (&requested.request.name, requested.request.key);
        let same = |store: &Store| {
            store.enrolment.holder_key != key && same_name(&store.enrolment.name, name)
        };
        match self.records.stores()?.into_iter().find(same) {
            Some(taken) => Err(EnrolError::NameTaken { store: taken.id, name: name.clone() }),
            None => Ok(()),
        }
    }

    /// Enrol a store; the same request under the same terms gets the same answer again.
    pub fn enrol(
        &mut self,
        requested: &Requested,
        terms: &Terms,
        issuer: &CertifiedKey,
        rng: &mut dyn Random,
        now: Timestamp,
    ) -> Result<Enrolled, EnrolError> {
        self.check_enrolment(requested, terms, now)?;
        let request = &requested.request;
        let enrolment = Enrolment {
            name: request.name.clone(),
            holder_key: request.key,
            seal_key: request.seal_key,
            quota: terms.quota(self.form),
        };
        let own = self.signer.certificate();
        let (name, form, purpose) = (own.subject.as_str(), self.form, own.purpose);
        let expires = now.plus_days(terms.days).min(own.expires);
        let mut standing = Standing::Known;
        let store = self.records.enrol(&enrolment, now, |number| {
            standing = Standing::New;
            let grant = Some(terms.grant(number, requested, form));
            let (name_of, key, role) = (request.name.clone(), request.key, Role::Store);
            let subject = Subject { name: name_of, role, key, expires, grant };
            Ok::<_, EnrolError>(certify((name, &issuer.key), subject, purpose, rng, now))
        })?;
        let chain = Chain([vec![store.certificate.clone()], issuer.chain.0.clone()].concat());
        Ok(Enrolled { store, chain, standing })
    }
}

/// Do two names look alike to a person?
fn same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Grounds, amount, at, enrolled, request, rng, store_seal_key};
    use super::*;
    use crate::crypto::sign::SecretKey;
    use crate::trust::{Passphrase, TestRoots, Trust, sign};

    fn terms(issuer: &Issuer) -> Terms {
        Wishes::default().terms(issuer.form(), issuer.policy().topup_max)
    }

    #[test]
    fn a_store_is_certified_under_the_root_and_once() {
        let grounds = Grounds::new();
        let mut issuer = grounds.found();
        let key = issuer.issuer_key(Passphrase::None).unwrap();
        let requested = read_request(&request("Shop", 3)).unwrap();
        let terms = terms(&issuer);
        let mut enrol = |now| issuer.enrol(&requested, &terms, &key, &mut rng(), now).unwrap();
        let (first, again) = (enrol(at(2)), enrol(at(30)));
        assert_eq!((first.standing, again.standing), (Standing::New, Standing::Known));
        assert_eq!(first.chain, again.chain);
        let trust = Trust::new(vec![issuer.root().clone()], TestRoots::Allowed);
        let signer = trust.signer(&first.chain).unwrap();
        let grant = signer.certificate().grant.as_ref().unwrap();
        assert_eq!((grant.quota, grant.single_max), (amount(10_000_000), amount(50_000)));
        assert_eq!((grant.serial_first, grant.serial_last), (1, 50));
        assert_eq!(signer.certificate().expires, at(2).plus_days(730));
    }

    #[test]
    fn the_same_name_or_key_with_something_else_is_refused() {
        let grounds = Grounds::new();
        let mut issuer = grounds.found();
        enrolled(&mut issuer);
        let key = issuer.issuer_key(Passphrase::None).unwrap();
        let mut refused = |name, seed, terms: Terms| {
            let requested = read_request(&request(name, seed)).unwrap();
            let result = issuer.enrol(&requested, &terms, &key, &mut rng(), at(2));
            result.unwrap_err().to_string()
        };
        let granted =
            Terms { quota: amount(10_000_000), single_max: amount(50_000), vouchers: 50, days: 9 };
        let taken = "store 1 is called \"sHOP\" already, and has another key";
        assert_eq!(refused("sHOP", 4, granted), taken);
        let other = "store 1 is enrolled with name Shop, this asks for Other";
        assert_eq!(refused("Other", 3, granted), other);
        let larger = Terms { quota: amount(20_000_000), ..granted };
        let message = "store 1 is enrolled with quota 10000000, this asks for 20000000";
        assert_eq!(refused("Shop", 3, larger), message);
    }

    #[test]
    fn terms_that_contradict_each_other_are_refused() {
        let grounds = Grounds::new();
        let mut issuer = grounds.found();
        let requested = read_request(&request("Shop", 3)).unwrap();
        let good = terms(&issuer);
        let cases = [
            (
                Terms { vouchers: 201, ..good },
                "201 serials of at most 50000 add up to 10050000, the quota is 10000000",
            ),
            (
                Terms { single_max: amount(50_001), ..good },
                "largest voucher 50001 minor units, the policy allows top-ups of 50000",
            ),
            (Terms { vouchers: 0, ..good }, "voucher serials 1 to 0 are no range"),
        ];
        for (terms, message) in cases {
            let error = issuer.check_enrolment(&requested, &terms, at(2)).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        for (now, says) in [(at(4_000), "2037-12-14"), (at(0), "2027-01-01")] {
            let wrong = issuer.check_enrolment(&requested, &good, now).unwrap_err().to_string();
            let message = format!(
                "this computer's clock says {says}T00:00:00Z, the issuer's certificate runs from \
                 2027-01-02T00:00:00Z to 2037-01-01T00:00:00Z"
            );
            assert_eq!(wrong, message);
        }
    }

    #[test]
    fn forged_requests_and_bad_keys_are_refused() {
        let bytes = request("Shop", 3);
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(read_request(&altered).is_err(), "bit {bit}");
        }
        let key = SecretKey::from_seed([3; 32]);
        let honest = read_request(&bytes).unwrap().request().clone();
        let foreign = sign(&SecretKey::from_seed([4; 32]), &honest);
        let error = read_request(&foreign).unwrap_err().to_string();
        assert!(error.starts_with("enrol-request: signed by key "), "{error}");
        let weak = EnrolRequest { seal_key: [0; 32], ..honest.clone() };
        let error = read_request(&sign(&key, &weak)).unwrap_err().to_string();
        assert!(error.starts_with("enrol-request: seal key: "), "{error}");
        let nameless = EnrolRequest { name: String::new(), ..honest.clone() };
        let error = read_request(&sign(&key, &nameless)).unwrap_err().to_string();
        assert!(error.starts_with("enrol-request: name \"\" is empty"), "{error}");
        assert_eq!(honest.seal_key, *store_seal_key().public().as_bytes());
    }
}
