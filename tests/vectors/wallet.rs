//! Samples of what a wallet writes: a record of every kind, receipts, checkpoints.

use data_encoding::HEXLOWER;
use scrip::crypto::sign::SecretKey;
use scrip::format::certificate::Role;
use scrip::format::checkpoint::{
    Bounded, Checkpoint, CheckpointFile, OpenTransfer, SettledSince, UsedSlots, UsedVoucher,
};
use scrip::format::field::Bytes;
use scrip::format::papers::Papers;
use scrip::format::policy::{Policy, Revocation};
use scrip::format::record::{Cause, EventId, Record};
use scrip::format::sheet::{Sheet, Voucher};
use scrip::format::transfer::{Partner, Receipt, Terms};
use scrip::ledger::next::{self, Code, Host, Package, Segment, Slip, Statement};
use scrip::ledger::{Rules, State, follow};
use scrip::trust::{Signer, Verified, sign, verify};
use scrip::units::{MediumId, Sequence};
use scrip::voucher::{VoucherSale, sign_voucher};

use super::medium::medium_certificate;
use super::samples::{Form, SHEET, Sample, code, hash_of, policy, signed_sheet};
use super::world::{World, amount, bytes, medium, store_id, time, yen};

/// The medium that sells to the first.
pub(super) fn other_medium() -> MediumId {
    MediumId::from_serial(4_821_093_766)
}

pub(super) fn host() -> Host {
    Host { at: time(1_803_000_000), floor: time(1_800_000_000), instance: [0x1e; 8] }
}

pub(super) fn event(number: u8) -> EventId {
    [number; 16]
}

pub(super) fn terms() -> Terms {
    let (price, length) = (amount(300), bytes(5_000));
    Terms { transfer: [0x7f; 16], entry: [0xce; 32], price, length, share_ppm: 300_000 }
}

/// What all records are held against.
pub(super) struct Court {
    pub(super) policy: Policy,
    later: Vec<Verified<Policy>>,
    sheets: Vec<Verified<Sheet>>,
    pub(super) stores: Vec<Signer>,
    pub(super) issuer: Signer,
}

impl Court {
    pub(super) fn new(world: &World) -> Self {
        let store = world.signer(Role::Store);
        let newer = Policy { number: 4, ..policy() };
        let issuer = store.issuer();
        Self {
            policy: policy(),
            later: vec![issuer.open(&sign(&world.issuer, &newer)).unwrap()],
            sheets: vec![issuer.open(&signed_sheet(world)).unwrap()],
            stores: vec![store],
            issuer,
        }
    }

    pub(super) fn rules(&self) -> Rules<'_> {
        Rules {
            later: &self.later,
            sheets: &self.sheets,
            stores: &self.stores,
            issuer: Some(&self.issuer),
            ..Rules::of(&self.policy, yen())
        }
    }
}

/// A journal as it grows: every record in it was applied.
struct Journal<'w> {
    court: &'w Court,
    state: State,
    key: &'w SecretKey,
    samples: Vec<Sample<'w>>,
}

impl Journal<'_> {
    fn put(&mut self, subject: &'static str, about: &'static str, record: &Record) -> Vec<u8> {
        let signed = sign(self.key, record);
        follow(&self.court.rules(), &mut self.state, &signed).unwrap();
        let sample = Sample::of("record", subject, about, Form::Signed(self.key), record);
        let balance = self.state.balance.minor().to_string();
        self.samples.push(sample.note("balance", balance));
        signed
    }

    fn transfers(&mut self) {
        let host = host();
        let (terms, id) = (terms(), terms().transfer);
        let partner = Partner::Medium(other_medium());
        let package = Package { terms: &terms, item: "song", partner };
        let start = next::download_start(&self.state, &host, event(0xe6), &package).unwrap();
        self.put("download-start", "a download begins", &start);
        let broken =
            next::download_interrupted(&self.state, &host, event(0xe7), id, bytes(1_999)).unwrap();
        self.put("download-interrupted", "it breaks off", &broken);
        let kiosk = Package { partner: Partner::Store(store_id(7)), ..package };
        let again = next::download_start(&self.state, &host, event(0xe8), &kiosk).unwrap();
        self.put("download-resumed", "it goes on with another partner", &again);
        let end = next::download_end(&self.state, &host, event(0xe9), id).unwrap();
        self.put("download-end", "it is complete", &end);
    }
}

/// A journal of the owner's, its samples in order; then what a settler says of it.
pub(crate) fn journal(world: &World) -> Vec<Sample<'_>> {
    let court = Box::leak(Box::new(Court::new(world)));
    let certificate = hash_of(&sign(&world.store, &medium_certificate(world)));
    let state = State::blank(medium(), certificate, world.holder.public());
    let mut own = Journal { court, state, key: &world.holder, samples: vec![] };
    first_records(world, &mut own);
    own.transfers();
    let settled = last_records(world, &mut own, certificate);
    let mut samples = own.samples;
    samples.extend(uploads(world, court));
    samples.extend(settled);
    samples
}

fn first_records<'w>(world: &'w World, own: &mut Journal<'w>) {
    let host = host();
    let genesis = next::genesis(&own.state, &host, event(0xe0));
    own.put("genesis", "a journal's first record", &genesis);
    let secret = code(4).secret().clone();
    let by_code = Code { sheet: SHEET, slot: 4, secret, amount: amount(5_000) };
    let record = next::topup(&own.state, &host, &by_code, event(0xe1), "store 7").unwrap();
    own.put("topup-code", "a sealed code's credit", &record);
    let rekey = next::rekey(&own.state, &host, event(0xe2), &world.owner);
    own.put("rekey", "the owner's key takes over", &rekey);
    own.key = &world.owner;
    let sale = next::sale(&own.state, &host, event(0xe3), (store_id(7), 13), Some(amount(500)));
    own.put("sale", "the receipt of the medium's own sale", &sale);
    let connect = next::connect(&own.state, &host, event(0xe4), "home", Some([0x71; 32]));
    own.put("connect", "a server was reached", &connect);
    let voucher = voucher(world, &world.store, 42, 3_000);
    let slip = Slip { voucher: &voucher, certificate: None };
    let record = next::topup_voucher(&own.state, &host, &slip, event(0xe5)).unwrap();
    own.put("topup-voucher", "a voucher's credit", &record);
    let bought =
        next::purchase(&own.state, &host, event(0xea), ("film", "The author"), amount(800));
    let bought = bought.unwrap();
    own.put("purchase", "goods were bought", &bought);
    let play = next::play(&own.state, &host, event(0xeb), "film", "default player");
    own.put("play", "goods were played", &play);
    let refund = bought.accounting.unwrap().event;
    let voucher = self::voucher(world, &world.store, 43, 800);
    let slip = Slip { voucher: &voucher, certificate: None };
    let record = next::refund(&own.state, &host, &slip, event(0xec), ("film", refund)).unwrap();
    own.put("refund", "value was given back", &record);
    let policy = next::policy(&own.state, &host, event(0xed), &own.court.later[0]);
    own.put("policy", "a policy was taken over", &policy);
}

fn voucher(world: &World, key: &SecretKey, serial: u64, minor: u64) -> Verified<Voucher> {
    let sale = VoucherSale {
        medium: medium(),
        amount: amount(minor),
        serial,
        issued: time(1_801_000_000),
        expires: time(1_832_536_000),
    };
    let signed = sign_voucher(key, &world.grant(), &sale).unwrap();
    verify(&signed, &key.public()).unwrap()
}

/// The last records, and the checkpoints that they take over.
fn last_records<'w>(
    world: &'w World,
    own: &mut Journal<'w>,
    certificate: [u8; 32],
) -> Vec<Sample<'w>> {
    let host = host();
    let subject = Some([0xab; 32]);
    let record = next::exception(&own.state, &host, event(0xee), Cause::Diverged, subject);
    let exception = hash_of(&own.put("exception", "the mirror diverged", &record));
    let mut checkpoint = plain(&own.state, certificate);
    checkpoint.slots.0[0].slots[0] = 1 << 4;
    checkpoint.cleared.0.push(exception);
    let signed = sign(&world.settler, &checkpoint);
    let settler = world.certificate(Role::Settler);
    let statement = Statement { checkpoint: &signed, certificate: &settler };
    let record = next::checkpoint(&own.state, &host, event(0xef), &statement);
    own.put("checkpoint", "a settled state was taken over", &record);
    let spent = [[0x51; 16], [0x52; 16]];
    let foreign = Checkpoint {
        number: 2,
        prev: hash_of(&signed),
        seq: Sequence::from_number(90),
        head: [0x99; 32],
        settled: amount(4_000),
        provisional: amount(60),
        open: Bounded(vec![OpenTransfer {
            transfer: [0x7e; 16],
            start: [0x5a; 32],
            reserved: amount(0),
            covered: bytes(1_024),
        }]),
        counted: Bounded(vec![[0x53; 16]]),
        exceptions: Bounded(vec![[0x54; 32]]),
        settled_since: Some(SettledSince { number: 0, events: next::settled_since(&spent) }),
        attachments: Bounded(vec![[0x55; 32]]),
        ..checkpoint.clone()
    };
    let other = sign(&world.settler, &foreign);
    let statement = Statement { checkpoint: &other, certificate: &settler };
    let record = next::merge(&own.state, &host, event(0xf0), &statement, &spent);
    own.put("merge", "a state of another branch was taken over", &record);
    let by = || Form::Signed(&world.settler);
    vec![
        Sample::of("checkpoint", "own", "a settled state on the chain", by(), &checkpoint),
        Sample::of("checkpoint", "foreign", "one on another branch", by(), &foreign),
        checkpoint_file(world, foreign, spent.to_vec()),
        papers(world),
    ]
}

/// What a medium keeps of what came with its checkpoints.
fn papers(world: &World) -> Sample<'_> {
    let policy = sign(&world.issuer, &Policy { number: 4, ..policy() });
    let list = Revocation {
        number: 9,
        issued: time(1_803_000_000),
        media: vec![other_medium()],
        sheets: vec![],
        stores: vec![],
    };
    let mut papers = Papers {
        generation: 3,
        policies: Bounded(vec![Bytes(policy)]),
        sheets: Bounded(vec![Bytes(signed_sheet(world))]),
        revocation: Some(Bytes(sign(&world.issuer, &list))),
        check: [0; 32],
    };
    papers.check = papers.checked();
    let about = "what is kept of what came with checkpoints";
    Sample::of("papers", "plain", about, Form::Plain, &papers)
}

/// A checkpoint as an owner gets it, with the events it names and a policy.
fn checkpoint_file(world: &World, checkpoint: Checkpoint, spent: Vec<EventId>) -> Sample<'_> {
    let policy = sign(&world.issuer, &Policy { number: 4, ..policy() });
    let attachments = Bounded(vec![hash_of(&policy)]);
    let checkpoint = sign(&world.settler, &Checkpoint { attachments, ..checkpoint });
    let file = CheckpointFile {
        checkpoint: Bytes(checkpoint),
        chain: world.chain(Role::Settler),
        settled_since: Some(Bounded(spent)),
        attachments: Bounded(vec![Bytes(policy)]),
    };
    let about = "that one with its settler's chain";
    Sample::of("checkpoint-file", "plain", about, Form::Plain, &file)
}

/// The state as a settler states it when nothing contradicts it.
pub(super) fn plain(state: &State, certificate: [u8; 32]) -> Checkpoint {
    let seq = Sequence::from_number(state.next.number() - 1);
    let used = |serial, seq| UsedVoucher {
        id: scrip::voucher::voucher_id(store_id(7), serial),
        seq: Sequence::from_number(seq),
        at: time(1_803_000_000),
    };
    Checkpoint {
        medium: medium(),
        number: 1,
        prev: certificate,
        seq,
        head: state.head,
        holder: state.holder,
        settled: state.free(),
        provisional: state.provisional,
        debt: state.debt,
        open: Bounded::default(),
        slots: Bounded(vec![UsedSlots { sheet: SHEET, slots: [0; 13] }]),
        vouchers: Bounded(vec![used(42, 5), used(43, 8)]),
        counted: Bounded::default(),
        cleared: Bounded::default(),
        exceptions: Bounded::default(),
        policy: 4,
        revocation: 1,
        as_of: time(1_800_000_000),
        settled_since: None,
        attachments: Bounded::default(),
    }
}

/// The other side of a transfer: a segment sent, signed for and earned.
fn uploads<'w>(world: &'w World, court: &'w Court) -> Vec<Sample<'w>> {
    let mut state = State::blank(other_medium(), [0x0c; 32], world.holder.public());
    let host = host();
    let genesis = next::genesis(&state, &host, event(0xe0));
    follow(&court.rules(), &mut state, &sign(&world.holder, &genesis)).unwrap();
    let rekey = next::rekey(&state, &host, event(0xe1), &world.other_owner);
    follow(&court.rules(), &mut state, &sign(&world.holder, &rekey)).unwrap();
    let mut own = Journal { court, state, key: &world.other_owner, samples: vec![] };
    let terms = terms();
    let segment = Segment {
        terms: &terms,
        item: "song",
        payer: medium(),
        key: world.owner.public(),
        before: bytes(0),
        start: [0xd5; 32],
    };
    let start = next::upload_start(&own.state, &host, event(0xf1), &segment);
    own.put("upload-start", "an upload begins", &start);
    let id = terms.transfer;
    let broken = next::upload_interrupted(&own.state, &host, event(0xf2), id, bytes(1_999));
    own.put("upload-interrupted", "it breaks off", &broken.unwrap());
    let receipt = Receipt {
        medium: medium(),
        transfer: id,
        start: Sequence::from_number(10),
        partner: Partner::Medium(other_medium()),
        before: bytes(0),
        got: bytes(1_999),
    };
    let signed = verify(&sign(&world.owner, &receipt), &world.owner.public()).unwrap();
    let earn = next::earn(&own.state, &host, event(0xf3), &signed).unwrap();
    own.put("earn", "its fee is earned", &earn);
    let rest = Segment { before: bytes(1_999), ..segment };
    let again = next::upload_start(&own.state, &host, event(0xf4), &rest);
    follow(&court.rules(), &mut own.state, &sign(own.key, &again)).unwrap();
    let end = next::upload_end(&own.state, &host, event(0xf5), id, bytes(3_001)).unwrap();
    own.put("upload-end", "it is complete", &end);
    let fee = earn.accounting.unwrap().event;
    let about = "a downloader's count of verified bytes";
    let form = Form::Signed(&world.owner);
    own.samples.push(
        Sample::of("receipt", "plain", about, form, &receipt).note("event", HEXLOWER.encode(&fee)),
    );
    own.samples
}
