//! A root, an issuer and what they send to stores, made without the issuer's tool.

use std::num::NonZeroU32;

use scrip::crypto::seal::SealPublicKey;
use scrip::crypto::sign::{PublicKey, SecretKey};
use scrip::crypto::{Secret, SeededRandom};
use scrip::format::Object;
use scrip::format::certificate::{
    Certificate, Chain, Confirmation, EnrolRequest, Purpose, Role, StoreGrant,
};
use scrip::format::field::Bytes;
use scrip::format::policy::{Policy, Revocation};
use scrip::format::sheet::{Blank, Kit, Run, StockedCode};
use scrip::trust::{Root, Verified, sign, verify};
use scrip::units::{Amount, ByteCount, Currency, CurrencyForm, MediumId, StoreId, Timestamp};
use scrip::voucher::kit::seal_kit;
use scrip::voucher::{SheetPlan, make_sheet, slot_secret};

/// When everything is issued unless a test says otherwise.
pub(super) const ISSUED: u64 = 1_800_000_000;
/// When every certificate ends unless a test says otherwise.
pub(super) const EXPIRES: u64 = ISSUED + 400 * Timestamp::DAY_S;

pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

pub(super) fn amount(minor: u64) -> Amount {
    Amount::from_minor(minor).unwrap()
}

pub(super) fn yen() -> Currency {
    "JPY".parse().unwrap()
}

pub(super) fn store_number(number: u64) -> StoreId {
    StoreId::from_number(number).unwrap()
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed([seed; 32])
}

fn certificate(role: Role, holder: PublicKey, purpose: Purpose) -> Certificate {
    Certificate {
        issuer: "above".to_owned(),
        subject: format!("the {role}"),
        expires: at(EXPIRES),
        issued: at(ISSUED),
        id: [role as u8; 16],
        key: Confirmation(holder),
        role,
        purpose,
        grant: None,
    }
}

/// Key 1 is the root's, key 2 the issuer's; `shift` moves both, for a rival.
pub(super) struct Issuer {
    shift: u8,
    purpose: Purpose,
    policy: u64,
    pub(super) revocation: Option<Vec<u8>>,
}

/// What a store is granted.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) store: u64,
    pub(super) id: u8,
    pub(super) quota: u64,
    pub(super) expires: u64,
    pub(super) issued: u64,
    pub(super) single_max: u64,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            store: 7,
            id: 1,
            quota: 100_000,
            expires: EXPIRES,
            issued: ISSUED,
            single_max: 5_000,
        }
    }
}

impl Issuer {
    pub(super) fn new() -> Self {
        Self { shift: 0, purpose: Purpose::Test, policy: 1, revocation: None }
    }

    pub(super) fn rival() -> Self {
        Self { shift: 100, ..Self::new() }
    }

    fn root_key(&self) -> SecretKey {
        key(1 + self.shift)
    }

    fn key(&self) -> SecretKey {
        key(2 + self.shift)
    }

    fn root_bytes(&self) -> Vec<u8> {
        let root = self.root_key();
        sign(&root, &certificate(Role::Root, root.public(), self.purpose))
    }

    pub(super) fn root(&self) -> Root {
        Root::read(&self.root_bytes()).unwrap()
    }

    fn chain(&self) -> Chain {
        let own = certificate(Role::Issuer, self.key().public(), self.purpose);
        Chain(vec![sign(&self.root_key(), &own), self.root_bytes()])
    }

    /// A certificate file for whoever signed the request.
    pub(super) fn enrol(&self, request: &[u8], terms: &Terms) -> Vec<u8> {
        let request = read_request(request);
        let grant = StoreGrant {
            store: store_number(terms.store),
            seal_key: request.seal_key,
            currency: yen(),
            quota: amount(terms.quota),
            single_max: amount(terms.single_max),
            serial_first: 1,
            serial_last: 3,
            refreshes: None,
        };
        let certificate = Certificate {
            subject: request.name.clone(),
            grant: Some(grant),
            expires: at(terms.expires),
            issued: at(terms.issued),
            id: [terms.id; 16],
            ..certificate(Role::Store, request.key, self.purpose)
        };
        self.with_chain(&certificate)
    }

    /// A certificate file of another role for the request's key.
    pub(super) fn certify(&self, request: &[u8], role: Role) -> Vec<u8> {
        self.with_chain(&certificate(role, read_request(request).key, self.purpose))
    }

    fn with_chain(&self, certificate: &Certificate) -> Vec<u8> {
        let own = sign(&self.key(), certificate);
        Chain([vec![own], self.chain().0].concat()).encode()
    }

    /// A kit of media numbered from `first`, each with two codes of 1,000 and one of 3,000.
    pub(super) fn kit(
        &self,
        request: &[u8],
        store: u64,
        id: u8,
        first: u64,
        count: u64,
    ) -> Vec<u8> {
        let media = (first..first + count).map(MediumId::from_serial);
        let kit = Kit {
            id: [id; 16],
            store: store_number(store),
            currency: yen(),
            issued: at(ISSUED),
            blanks: media.map(|medium| self.blank(medium)).collect(),
            policy: Bytes(self.policy(self.policy, ISSUED)),
            revocation: self.revocation.clone().map(Bytes),
        };
        let to = SealPublicKey::from_bytes(read_request(request).seal_key).unwrap();
        let signed = sign(&self.key(), &kit);
        let mut rng = SeededRandom::new([id; 32]);
        seal_kit(store_number(store), &to, self.chain(), &signed, &mut rng)
    }

    fn blank(&self, medium: MediumId) -> Blank {
        let run = |count, minor| Run { count, amount: amount(minor) };
        let id = <[u8; 16]>::try_from([medium.number().to_be_bytes(); 2].concat()).unwrap();
        let plan = SheetPlan {
            id,
            medium,
            currency: yen(),
            rounds: NonZeroU32::MIN,
            runs: vec![run(3, 1_000), run(2, 3_000)],
            issued: at(ISSUED),
        };
        let seal = Secret::new([9; 32]);
        let code = |slot| StockedCode { slot, secret: slot_secret(&seal, medium, &id, slot) };
        let sheet = make_sheet(&self.key(), &seal, &plan).unwrap();
        Blank { medium, sheet: Bytes(sheet), codes: vec![code(0), code(1), code(3)] }
    }

    pub(super) fn policy(&self, number: u64, issued: u64) -> Vec<u8> {
        let policy = Policy {
            number,
            issued: at(issued),
            currencies: vec![CurrencyForm::new(yen(), 0).unwrap()],
            balance_max: amount(100_000),
            topup_max: amount(10_000),
            offline_cap: amount(1_000),
            offline_count: 10,
            starter_cap: amount(100),
            starter_count: 3,
            debt_cap: amount(1_000),
            rounds_min: 1,
            chunk: ByteCount::from_bytes(1 << 20),
            share_ppm: 100_000,
            decide_alone: None,
        };
        sign(&self.key(), &policy)
    }

    pub(super) fn revoke(&self, list: &Revocation) -> Vec<u8> {
        sign(&self.key(), list)
    }
}

pub(super) fn read_request(bytes: &[u8]) -> Verified<EnrolRequest> {
    let message = scrip::format::cose::Sign1::decode(bytes, EnrolRequest::KIND).unwrap();
    let claimed = EnrolRequest::decode(message.payload()).unwrap();
    verify(bytes, &claimed.key).unwrap()
}
