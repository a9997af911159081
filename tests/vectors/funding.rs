//! Samples of what is shown when content is taken: by the side that pays, and by a kiosk.

use scrip::crypto::sign::SecretKey;
use scrip::format::certificate::Role;
use scrip::format::checkpoint::{Bounded, OpenTransfer};
use scrip::format::record::Record;
use scrip::format::transfer::{Offer, Partner};
use scrip::ledger::funding::{Papers, gather};
use scrip::ledger::next::{self, Code, Package, Statement};
use scrip::ledger::{State, follow};
use scrip::trust::{Verified, sign};

use super::medium::medium_certificate;
use super::samples::{Form, SHEET, Sample, code, policy};
use super::wallet::{Court, event, host, other_medium, plain, terms};
use super::world::{World, amount, bytes, medium, store_id, time, yen};

/// A payer's chain.
pub(super) struct Chain<'a> {
    court: &'a Court,
    pub(super) state: State,
    pub(super) records: Vec<Verified<Record>>,
}

impl<'a> Chain<'a> {
    pub(super) fn new(court: &'a Court, state: State) -> Self {
        Self { court, state, records: vec![] }
    }

    fn put(&mut self, key: &SecretKey, record: &Record) {
        let signed = sign(key, record);
        self.records.push(follow(&self.court.rules(), &mut self.state, &signed).unwrap());
    }

    /// Up to the owner's key, with 5,000 on it.
    pub(super) fn load(&mut self, world: &World) {
        let genesis = next::genesis(&self.state, &host(), event(0xd0));
        self.put(&world.holder, &genesis);
        let secret = code(4).secret().clone();
        let topup = Code { sheet: SHEET, slot: 4, secret, amount: amount(5_000) };
        let topup = next::topup(&self.state, &host(), &topup, event(0xd1), "store 7").unwrap();
        self.put(&world.holder, &topup);
        let rekey = next::rekey(&self.state, &host(), event(0xd2), &world.owner);
        self.put(&world.holder, &rekey);
    }

    /// What was begun breaks off, and a settler states that.
    fn settle(&mut self, world: &World, certificate: [u8; 32], policy: u64) {
        let (id, got) = (terms().transfer, bytes(1_999));
        let broken = next::download_interrupted(&self.state, &host(), event(0xd4), id, got);
        self.put(&world.owner, &broken.unwrap());
        let open = &self.state.transfers[&id];
        let open = OpenTransfer {
            transfer: id,
            start: open.hash,
            reserved: amount(0),
            covered: open.covered,
        };
        let mut checkpoint = plain(&self.state, certificate);
        checkpoint.slots.0[0].slots[0] = 1 << 4;
        (checkpoint.vouchers, checkpoint.policy) = (Bounded::default(), policy);
        checkpoint.open.0.push(open);
        let signed = sign(&world.settler, &checkpoint);
        let settler = world.certificate(Role::Settler);
        let statement = Statement { checkpoint: &signed, certificate: &settler };
        let record = next::checkpoint(&self.state, &host(), event(0xd5), &statement);
        self.put(&world.owner, &record);
    }

    fn begin(&mut self, key: &SecretKey, number: u8) {
        let (terms, partner) = (terms(), Partner::Medium(other_medium()));
        let package = Package { terms: &terms, item: "song", partner };
        let start = next::download_start(&self.state, &host(), event(number), &package).unwrap();
        self.put(key, &start);
    }
}

/// What a payer shows before and behind its first checkpoint, and what a store offers.
pub(crate) fn shown(world: &World) -> Vec<Sample<'_>> {
    let court = Court::new(world);
    let signed = sign(&world.store, &medium_certificate(world));
    let certificate = court.stores[0].open(&signed).unwrap();
    let policy = court.issuer.open(&sign(&world.issuer, &policy())).unwrap();
    let papers = Papers {
        certificate: &certificate,
        store: &court.stores[0],
        policy: &policy,
        rules: court.rules(),
    };
    let state = State::blank(medium(), certificate.hash(), world.holder.public());
    let mut chain = Chain::new(&court, state);
    let told = |chain: &Chain<'_>, subject, about| {
        let funding = gather(&papers, None, &chain.records).unwrap();
        Sample::of("funding", subject, about, Form::Plain, &funding)
            .note("balance", chain.state.balance.minor().to_string())
            .note("reserved", chain.state.reserved().minor().to_string())
    };
    chain.load(world);
    chain.begin(&world.owner, 0xd3);
    let first = told(&chain, "first", "a payer before its first checkpoint");
    chain.settle(world, certificate.hash(), policy.number);
    chain.begin(&world.owner, 0xd6);
    let settled = told(&chain, "settled", "a payer behind its first checkpoint, going on");
    vec![first, settled, offer(world)]
}

fn offer(world: &World) -> Sample<'_> {
    let offer = Offer {
        store: store_id(7),
        name: "Example store".to_owned(),
        issued: time(1_803_000_000),
        currency: yen(),
        entries: Bounded(vec![[0xce; 32], [0xcf; 32]]),
    };
    Sample::of("offer", "plain", "two items of store 7", Form::Signed(&world.store), &offer)
}
