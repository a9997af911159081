//! What this room's tests share: a root, its roles, a policy, and media that records are put on.

use std::num::NonZeroU32;

use super::next::{self, Code, Host};
use super::{Refusal, Rules, State, apply};
use crate::crypto::Secret;
use crate::crypto::sign::{PublicKey, SecretKey};
use crate::format::certificate::{Certificate, Chain, Confirmation, Purpose, Role, StoreGrant};
use crate::format::checkpoint::{Bounded, Checkpoint, OpenTransfer, UsedSlots};
use crate::format::policy::Policy;
use crate::format::record::Record;
use crate::format::sheet::{Run, Sheet, SheetId};
use crate::trust::{Root, Signer, TestRoots, Trust, Verified, sign, verify};
use crate::units::{Amount, ByteCount, Currency, MediumId, Sequence, StoreId, Timestamp};
use crate::voucher::{SheetPlan, VoucherSale, make_sheet, sign_voucher, slot_secret};

pub(super) const SHEET: SheetId = [3; 16];

pub(super) fn minor(value: u64) -> Amount {
    Amount::from_minor(value).unwrap()
}

pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

pub(super) fn yen() -> Currency {
    "JPY".parse().unwrap()
}

pub(super) fn bytes(count: u64) -> ByteCount {
    ByteCount::from_bytes(count)
}

pub(super) fn medium(serial: u64) -> MediumId {
    MediumId::from_serial(serial)
}

pub(super) fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed([seed; 32])
}

pub(super) fn host() -> Host {
    Host { at: at(40), floor: at(20), instance: [0; 8] }
}

pub(super) fn policy() -> Policy {
    Policy {
        number: 1,
        issued: at(10),
        currencies: vec![],
        balance_max: minor(1_500),
        topup_max: minor(2_000),
        offline_cap: minor(600),
        offline_count: 4,
        starter_cap: minor(400),
        starter_count: 2,
        debt_cap: minor(600),
        rounds_min: 1,
        chunk: bytes(1),
        share_ppm: 300_000,
        decide_alone: None,
    }
}

/// Who signs, and what everyone can check it by.
pub(super) struct World {
    pub(super) policy: Policy,
    pub(super) store: Signer,
    pub(super) issuer: Signer,
    pub(super) settler: Vec<u8>,
    pub(super) other_store: Vec<u8>,
}

pub(super) const STORE: u8 = 3;
pub(super) const OTHER_STORE: u8 = 4;
pub(super) const SETTLER: u8 = 5;

impl World {
    pub(super) fn new() -> Self {
        let root = certificate(Role::Root, 1, 1, 0);
        let trust = Trust::new(vec![Root::read(&root).unwrap()], TestRoots::Allowed);
        let issuer = certificate(Role::Issuer, 2, 1, 0);
        let chain = |leaf: Vec<u8>| Chain(vec![leaf, issuer.clone(), root.clone()]);
        let store = trust.signer(&chain(certificate(Role::Store, STORE, 2, 7))).unwrap();
        Self {
            policy: policy(),
            issuer: store.issuer(),
            store,
            settler: certificate(Role::Settler, SETTLER, 2, 0),
            other_store: certificate(Role::Store, OTHER_STORE, 2, 8),
        }
    }

    pub(super) fn rules<'a>(&'a self, sheets: &'a [Verified<Sheet>]) -> Rules<'a> {
        Rules {
            sheets,
            stores: std::slice::from_ref(&self.store),
            issuer: Some(&self.issuer),
            ..Rules::of(&self.policy, yen())
        }
    }

    /// A medium after the first login, with so much on it by codes of 500.
    pub(super) fn purse(&self, serial: u64, codes: u8) -> Purse<'_> {
        let mut purse = Purse::blank(self, serial);
        let owner = key(purse.owner);
        purse.put(&next::genesis(&purse.state, &host(), [1; 16])).unwrap();
        purse.put(&next::rekey(&purse.state, &host(), [2; 16], &owner)).unwrap();
        purse.key = owner;
        for slot in 0..codes {
            purse.put(&purse.topup(slot)).unwrap();
        }
        purse
    }
}

fn certificate(role: Role, holder: u8, by: u8, store: u64) -> Vec<u8> {
    let grant = (role == Role::Store).then(|| StoreGrant {
        store: StoreId::from_number(store).unwrap(),
        seal_key: [9; 32],
        currency: yen(),
        quota: minor(500_000),
        single_max: minor(5_000),
        serial_first: 1,
        serial_last: 100,
        refreshes: None,
    });
    let certificate = Certificate {
        issuer: "above".to_owned(),
        subject: role.word().to_owned(),
        expires: at(2_000_000_000),
        issued: at(5),
        id: [1; 16],
        key: Confirmation(key(holder).public()),
        role,
        purpose: Purpose::Test,
        grant,
    };
    sign(&key(by), &certificate)
}

/// One medium: its state, and the key that signs its next record.
pub(super) struct Purse<'w> {
    pub(super) world: &'w World,
    pub(super) sheets: Vec<Verified<Sheet>>,
    pub(super) state: State,
    pub(super) key: SecretKey,
    pub(super) owner: u8,
    pub(super) records: Vec<Vec<u8>>,
}

impl<'w> Purse<'w> {
    pub(super) fn blank(world: &'w World, serial: u64) -> Self {
        let medium = medium(serial);
        let plan = SheetPlan {
            id: SHEET,
            medium,
            currency: yen(),
            rounds: NonZeroU32::MIN,
            runs: vec![Run { count: 4, amount: minor(500) }, Run { count: 1, amount: minor(2500) }],
            issued: at(20),
        };
        let signed = make_sheet(&key(2), &Secret::new([6; 32]), &plan).unwrap();
        let sheets = vec![verify(&signed, &key(2).public()).unwrap()];
        let seed = u8::try_from(serial).unwrap();
        let made = key(100 + seed);
        let state = State::blank(medium, [seed; 32], made.public());
        Self { world, sheets, state, key: made, owner: 150 + seed, records: vec![] }
    }

    pub(super) fn public(&self) -> PublicKey {
        self.key.public()
    }

    /// The record's message if it does not follow.
    pub(super) fn refused(&self, record: &Record) -> String {
        self.judge(record).unwrap_err().to_string()
    }

    pub(super) fn judge(&self, record: &Record) -> Result<State, Refusal> {
        let signed = sign(&self.key, record);
        let record = verify(&signed, &self.key.public()).unwrap();
        apply(&self.world.rules(&self.sheets), &self.state, &record)
    }

    pub(super) fn put(&mut self, record: &Record) -> Result<Vec<u8>, Refusal> {
        self.state = self.judge(record)?;
        let signed = sign(&self.key, record);
        self.records.push(signed.clone());
        Ok(signed)
    }

    pub(super) fn code(&self, slot: u8) -> Code {
        let secret = slot_secret(&Secret::new([6; 32]), self.state.medium, &SHEET, slot);
        let amount = minor(if slot < 4 { 500 } else { 2_500 });
        Code { sheet: SHEET, slot, secret, amount }
    }

    pub(super) fn topup(&self, slot: u8) -> Record {
        next::topup(&self.state, &host(), &self.code(slot), [slot; 16], "store 7").unwrap()
    }

    pub(super) fn purchase(&self, item: &str, price: u64) -> Record {
        next::purchase(&self.state, &host(), [9; 16], (item, "author"), minor(price)).unwrap()
    }

    /// A signed voucher for this medium.
    pub(super) fn voucher(&self, store: u8, serial: u64, amount: u64) -> Vec<u8> {
        let sale = VoucherSale {
            medium: self.state.medium,
            amount: minor(amount),
            serial,
            issued: at(10),
            expires: at(1_000),
        };
        let mut grant = self.world.store.certificate().grant.clone().unwrap();
        if store == OTHER_STORE {
            grant.store = StoreId::from_number(8).unwrap();
        }
        sign_voucher(&key(store), &grant, &sale).unwrap()
    }
}

/// The state as a settler states it, with these slots credited.
pub(super) fn stated(state: &State, number: u64, slots: u8) -> Checkpoint {
    let open = state.transfers.values().map(|transfer| OpenTransfer {
        transfer: transfer.terms.transfer,
        start: transfer.hash,
        reserved: transfer.open.as_ref().map_or(Amount::ZERO, |open| open.reserved),
        covered: transfer.covered,
    });
    let mut map = [0; 13];
    map[0] = slots;
    Checkpoint {
        medium: state.medium,
        number,
        prev: state.checkpoint.map_or([1; 32], |known| known.hash),
        seq: Sequence::from_number(state.next.number() - 1),
        head: state.head,
        holder: state.holder,
        settled: state.free(),
        provisional: state.provisional,
        debt: state.debt,
        open: Bounded(open.collect()),
        slots: Bounded(vec![UsedSlots { sheet: SHEET, slots: map }]),
        vouchers: Bounded::default(),
        counted: Bounded::default(),
        cleared: Bounded::default(),
        exceptions: Bounded(state.exceptions.iter().copied().collect()),
        policy: 1,
        revocation: 0,
        as_of: at(20),
        settled_since: None,
        attachments: Bounded::default(),
    }
}
