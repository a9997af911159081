//! A long journal folded: by its head beside a bare chain of SHA-256, with every signature beside
//! `ed25519-dalek`'s batches; and records decoded beside `coset` and `ciborium`.
//!
//! `cargo bench --bench ledger -- [RECORDS]`: of so many records, 4,095 by default, as many as a
//! bank of a medium's journal holds.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads its arguments and the clock")]

use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use ciborium::Value;
use coset::{CoseSign1, TaggedCborSerializable};
use ed25519_dalek::VerifyingKey;
use scrip::crypto::Secret;
use scrip::crypto::digest::sha256;
use scrip::crypto::sign::SecretKey;
use scrip::format::cose::Sign1;
use scrip::format::policy::Policy;
use scrip::format::record::{EventId, Record};
use scrip::format::sheet::{Run, Sheet};
use scrip::format::transfer::{Partner, Terms, TransferId};
use scrip::format::{Kind, Object};
use scrip::ledger::next::{self, Code, Host, NextError, Package};
use scrip::ledger::{Rules, State, fold, fold_by_head, follow};
use scrip::trust::{Claimed, Verified, sign, verify};
use scrip::units::{Amount, ByteCount, MediumId, Timestamp};
use scrip::voucher::{SheetPlan, make_sheet, slot_secret};

const ROUNDS: usize = 15;
const SHEET: [u8; 16] = [3; 16];
const LENGTH: u64 = 7_340_032;

fn main() {
    let count = std::env::args().find_map(|text| text.parse().ok()).unwrap_or(4_095);
    let world = World::new();
    let rules = world.rules();
    let (blank, records, state) = world.journal(count);
    let bytes: usize = records.iter().map(Vec::len).sum();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{count} records of {} bytes on average; {cores} cores, one is used", bytes / count);
    let triples = Triples::of(&records, &blank, &state);
    let payloads: Vec<&[u8]> = records.iter().map(|record| payload(record)).collect();
    let mut subjects = [
        Subject::new("bare SHA-256 chain", || chained(&records)),
        Subject::new("folded by head", || {
            let folded = fold_by_head(&rules, blank.clone(), &records);
            assert_eq!(folded.as_ref(), Some(&state));
        }),
        Subject::new("dalek's batch", || triples.batch()),
        Subject::new("folded, every signature", || {
            let folded = fold(&rules, blank.clone(), &records);
            assert_eq!((folded.records.len(), &folded.state), (count, &state));
        }),
        Subject::new("payloads, ciborium", || {
            for bytes in &payloads {
                black_box(ciborium::from_reader::<Value, _>(*bytes).expect("CBOR"));
            }
        }),
        Subject::new("payloads, ours", || {
            for bytes in &payloads {
                black_box(Record::decode(bytes).expect("a record"));
            }
        }),
        Subject::new("records, coset + ciborium", || {
            for record in &records {
                let message = CoseSign1::from_tagged_slice(record).expect("it is signed");
                let payload = message.payload.as_deref().expect("it is attached");
                black_box(ciborium::from_reader::<Value, _>(payload).expect("CBOR"));
            }
        }),
        Subject::new("records, ours", || {
            for bytes in &records {
                black_box(Claimed::<Record>::read(bytes).expect("a record"));
            }
        }),
    ];
    for _ in 0..ROUNDS {
        subjects.iter_mut().for_each(Subject::run);
    }
    let medians = subjects.map(|subject| subject.told(count));
    let [chain, head, batch, every, generic, ours, generic_signed, ours_signed] = medians;
    println!("folded by head at {:.2} of the bare chain (aim 0.4)", chain / head);
    println!("every signature at {:.2} of dalek's batch (aim 0.85)", batch / every);
    println!("payloads read {:.1} times as fast as by ciborium", generic / ours);
    println!(
        "records read {:.1} times as fast as by coset and ciborium",
        generic_signed / ours_signed
    );
}

/// Something that goes through all records, and how long it took each time.
struct Subject<'a> {
    name: &'static str,
    work: Box<dyn Fn() + 'a>,
    times: Vec<Duration>,
}

impl<'a> Subject<'a> {
    fn new(name: &'static str, work: impl Fn() + 'a) -> Self {
        Self { name, work: Box::new(work), times: vec![] }
    }

    fn run(&mut self) {
        let start = Instant::now();
        (self.work)();
        self.times.push(start.elapsed());
    }

    /// The median in seconds, printed for one record.
    fn told(mut self, count: usize) -> f64 {
        self.times.sort();
        let [best, median] = [0, ROUNDS / 2].map(|place| self.times[place].as_secs_f64());
        #[allow(clippy::cast_precision_loss, reason = "shown with a few digits")]
        let each = |seconds: f64| seconds / count as f64 * 1e6;
        println!("{:26} {:7.3} µs a record, at best {:7.3}", self.name, each(median), each(best));
        median
    }
}

/// What a chain costs that is nothing but hashes: each record's, held against what follows.
fn chained(records: &[Vec<u8>]) {
    let mut head = [0; 32];
    for record in records {
        head = sha256(black_box(record));
    }
    black_box(head);
}

fn payload(record: &[u8]) -> &[u8] {
    Sign1::decode(record, Kind::Record).expect("it is signed").payload()
}

/// Signatures as `ed25519-dalek` takes them.
struct Triples {
    messages: Vec<Vec<u8>>,
    signatures: Vec<ed25519_dalek::Signature>,
    keys: Vec<VerifyingKey>,
}

impl Triples {
    /// The first two records are by the store-made key.
    fn of(records: &[Vec<u8>], blank: &State, state: &State) -> Self {
        let [made, owners] = [blank, state]
            .map(|state| VerifyingKey::from_bytes(state.holder.as_bytes()).expect("a sound key"));
        let read = |record| Sign1::decode(record, Kind::Record).expect("it is signed");
        let parts = records.iter().map(|record| read(record));
        let (messages, signatures) = parts
            .map(|part| {
                (part.to_be_signed(), ed25519_dalek::Signature::from_bytes(part.signature()))
            })
            .unzip();
        let keys = (0..records.len()).map(|place| if place < 2 { made } else { owners }).collect();
        Self { messages, signatures, keys }
    }

    fn batch(&self) {
        let messages: Vec<&[u8]> = self.messages.iter().map(Vec::as_slice).collect();
        ed25519_dalek::verify_batch(&messages, &self.signatures, &self.keys).expect("all are good");
    }
}

fn minor(value: u64) -> Amount {
    Amount::from_minor(value).expect("a small amount")
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds).expect("a time")
}

/// A policy under which a long journal is possible, and a sheet with one rich code.
struct World {
    policy: Policy,
    sheets: Vec<Verified<Sheet>>,
}

impl World {
    fn new() -> Self {
        let policy = Policy {
            number: 1,
            issued: at(0),
            currencies: vec![],
            balance_max: minor(1_000_000_000),
            topup_max: minor(1_000_000_000),
            offline_cap: minor(1_000_000_000),
            offline_count: u32::MAX,
            starter_cap: minor(1_000_000_000),
            starter_count: u32::MAX,
            debt_cap: minor(0),
            rounds_min: 1,
            chunk: ByteCount::from_bytes(1 << 20),
            share_ppm: 300_000,
            decide_alone: None,
        };
        let issuer = SecretKey::from_seed([2; 32]);
        let plan = SheetPlan {
            id: SHEET,
            medium: medium(),
            currency: "JPY".parse().expect("a currency"),
            rounds: NonZeroU32::MIN,
            runs: vec![Run { count: 1, amount: minor(1_000_000_000) }],
            issued: at(0),
        };
        let sheet = make_sheet(&issuer, &seal(), &plan).expect("a sound plan");
        let sheets = vec![verify(&sheet, &issuer.public()).expect("it is signed")];
        Self { policy, sheets }
    }

    fn rules(&self) -> Rules<'_> {
        let currency = "JPY".parse().expect("a currency");
        Rules { sheets: &self.sheets, ..Rules::of(&self.policy, currency) }
    }

    /// A blank medium, the records of so many events, and what they add up to.
    fn journal(&self, count: usize) -> (State, Vec<Vec<u8>>, State) {
        let (made, owners) = (SecretKey::from_seed([7; 32]), SecretKey::from_seed([8; 32]));
        let blank = State::blank(medium(), [9; 32], made.public());
        let (mut state, mut records) = (blank.clone(), vec![]);
        for nth in 0..count {
            let record = next_record(&state, nth, &owners).expect("there is enough left");
            let signed = sign(if nth < 2 { &made } else { &owners }, &record);
            follow(&self.rules(), &mut state, &signed).expect("it follows");
            records.push(signed);
        }
        (blank, records, state)
    }
}

fn medium() -> MediumId {
    MediumId::from_serial(4_821_093_765)
}

fn seal() -> Secret<32> {
    Secret::new([6; 32])
}

/// Of eight records in a row: three plays, two purchases, one server, one download in two.
fn next_record(state: &State, nth: usize, owners: &SecretKey) -> Result<Record, NextError> {
    let number = nth as u64;
    let host = Host { at: at(60 * number), floor: at(0), instance: [5; 8] };
    let event: EventId = *sha256(&number.to_be_bytes()).first_chunk().expect("32 bytes hold 16");
    let item = format!("{:04}-an-item-of-some-length", nth % 1_000);
    Ok(match nth {
        0 => next::genesis(state, &host, event),
        1 => next::rekey(state, &host, event, owners),
        2 => next::topup(state, &host, &code(), event, "store 7")?,
        _ => match nth % 8 {
            3 | 5 => next::purchase(state, &host, event, (&item, "Example Records"), minor(120))?,
            4 | 6 | 7 => next::play(state, &host, event, &item, "scrip-wallet"),
            0 => next::connect(state, &host, event, "https://scrip.example", Some([4; 32])),
            1 => {
                let terms = terms(transfer(number));
                let partner = Partner::Medium(MediumId::from_serial(2));
                let package = Package { terms: &terms, item: &item, partner };
                next::download_start(state, &host, event, &package)?
            }
            _ => next::download_end(state, &host, event, transfer(number - 1))?,
        },
    })
}

fn code() -> Code {
    let secret = slot_secret(&seal(), medium(), &SHEET, 0);
    Code { sheet: SHEET, slot: 0, secret, amount: minor(1_000_000_000) }
}

fn transfer(number: u64) -> TransferId {
    u128::from(number).to_be_bytes()
}

fn terms(transfer: TransferId) -> Terms {
    let length = ByteCount::from_bytes(LENGTH);
    Terms { transfer, entry: [6; 32], price: minor(300), length, share_ppm: 300_000 }
}
