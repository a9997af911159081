//! What posting a plan costs beside bare inserts of the same rows.

use std::collections::BTreeMap;

use postgres::types::Type;
use scrip::crypto::digest::sha256;
use scrip::crypto::sign::SecretKey;
use scrip::format::certificate::Chain;
use scrip::format::checkpoint::{Bounded, Checkpoint, SettledSince};
use scrip::format::record::EventId;
use scrip::ledger::{self, Booked, Effect, Settler, settled_since_hash};
use scrip::records::{Account, FindingNote, Move, Place, Planned, Posting, Records, Row, Signing};
use scrip::units::{Amount, MediumId, Sequence, Timestamp};

use super::{copy, measure as timed};

/// Records that are settled at first, and those that follow; every second one moves something.
const FIRST: u64 = 400;
const NEXT: u64 = 5;
/// As long as a checkpoint's file with its signature, about.
const CHECKPOINT: [u8; 1_000] = [0x5c; 1_000];

/// The tables of what is posted, as bare ones.
const TABLES: [(&str, &str); 5] = [
    (
        "events",
        "medium BIGINT NOT NULL, event BYTES NOT NULL, number BIGINT NOT NULL, \
      amount BIGINT NOT NULL, effect BIGINT NOT NULL, PRIMARY KEY (medium, event)",
    ),
    (
        "held",
        "medium BIGINT NOT NULL, seq BIGINT NOT NULL, hash BYTES NOT NULL, \
      PRIMARY KEY (medium, seq)",
    ),
    (
        "checkpoints",
        "medium BIGINT NOT NULL, number BIGINT NOT NULL, content BYTES NOT NULL, \
      PRIMARY KEY (medium, number)",
    ),
    (
        "answers",
        "medium BIGINT NOT NULL, finding BYTES NOT NULL, class BIGINT NOT NULL, \
      number BIGINT NOT NULL, PRIMARY KEY (medium, finding)",
    ),
    (
        "lines",
        "medium BIGINT NOT NULL, number BIGINT NOT NULL, line BIGINT NOT NULL, \
      at BIGINT NOT NULL, debit BIGINT NOT NULL, credit BIGINT NOT NULL, amount BIGINT NOT NULL, \
      PRIMARY KEY (medium, number, line)",
    ),
];

/// Rows by the checkpoint that settles them: media and the sequences of their records.
pub(crate) struct Rows {
    media: Vec<MediumId>,
    number: u64,
    seqs: std::ops::Range<u64>,
}

impl Rows {
    fn count(&self) -> u64 {
        let each = self.seqs.end - self.seqs.start;
        self.media.len() as u64 * (each + 2 * moving(&self.seqs).count() as u64 + 2)
    }
}

/// Settle the records' first media, then settle what follows; each beside bare inserts.
pub(crate) fn measure(place: &Place, media: u32, bare: &mut dyn FnMut(&Rows)) {
    let what = match place {
        Place::File(_) => "SQLite",
        Place::Server(_) => "PostgreSQL",
    };
    let mut records = Records::open(place).expect("made before");
    let media = records.media(None, media.into()).expect("reads");
    let mut standing = vec![Row::UNSETTLED; media.len()];
    for (number, seqs) in [(1, 0..FIRST), (2, FIRST..FIRST + NEXT)] {
        let rows = Rows { media: media.clone(), number, seqs };
        let name = format!("{what}, bare rows of checkpoint {number}");
        let floor = timed(&name, rows.count(), || bare(&rows));
        let postings: Vec<_> = media
            .iter()
            .zip(&standing)
            .map(|(medium, row)| posting(*medium, *row, &rows))
            .collect();
        let planned =
            Planned { hash: hash(media[0], number), base: records.base().expect("reads") };
        let (key, chain) = (SecretKey::from_seed([1; 32]), Chain(vec![]));
        let settler = Settler { key: &key, chain: &chain };
        let signing = Signing { settler, files: &[] };
        let name = format!("{what}, a plan posted, checkpoint {number}");
        let own = timed(&name, rows.count(), || {
            let posted =
                records.post(&planned, || postings.iter().cloned().map(Ok), &signing, at());
            assert_eq!(posted.expect("posts").media, media.len() as u64);
        });
        println!("  plan at {:.2} of bare", floor / own);
        let name = format!("{what}, known media read");
        timed(&name, rows.seqs.end * media.len() as u64, || {
            for (medium, row) in media.iter().zip(&mut standing) {
                *row = records.known(*medium).expect("reads").expect("it is known").row;
            }
        });
        let name = format!("{what}, stamps of media read");
        timed(&name, media.len() as u64, || {
            media.iter().map(|medium| records.stamp(*medium).expect("reads")[0]).max()
        });
    }
}

fn at() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000).expect("a time")
}

/// The records that move something.
fn moving(seqs: &std::ops::Range<u64>) -> impl Iterator<Item = u64> {
    seqs.clone().filter(|seq| seq.is_multiple_of(2))
}

fn hash(medium: MediumId, seq: u64) -> [u8; 32] {
    sha256(&[medium.number().to_be_bytes(), seq.to_be_bytes()].concat())
}

fn event(medium: MediumId, seq: u64) -> EventId {
    hash(medium, seq)[16..].try_into().expect("16 bytes")
}

/// A medium that is topped up by one at every second record.
fn posting(medium: MediumId, before: Row, rows: &Rows) -> Posting {
    let (one, number) = (Amount::from_minor(1).expect("an amount"), rows.number);
    let booked = Booked { amount: 1, effect: Effect::Own, number };
    let events: BTreeMap<_, _> =
        moving(&rows.seqs).map(|seq| (event(medium, seq), booked)).collect();
    let since: Vec<EventId> = events.keys().copied().collect();
    let sum = moving(&(0..rows.seqs.end)).count() as u64;
    let sum = Amount::from_minor(sum).expect("an amount");
    let held = rows.seqs.clone().map(|seq| (Sequence::from_number(seq), hash(medium, seq)));
    let last = rows.seqs.end - 1;
    let key = SecretKey::from_seed([2; 32]).public();
    let account = ledger::Account {
        number,
        settled: sum,
        held: held.collect(),
        events,
        ..ledger::Account::new(medium, [0; 32])
    };
    let (debit, credit) = (Account::Outstanding(medium), Account::Settled(medium));
    let each = Move { debit, credit, amount: one };
    let checkpoint = Checkpoint {
        medium,
        number,
        prev: before.hash,
        seq: Sequence::from_number(last),
        head: hash(medium, last),
        holder: key,
        settled: sum,
        provisional: Amount::ZERO,
        debt: Amount::ZERO,
        open: Bounded::default(),
        slots: Bounded::default(),
        vouchers: Bounded::default(),
        counted: Bounded::default(),
        cleared: Bounded::default(),
        exceptions: Bounded::default(),
        policy: 1,
        revocation: 0,
        as_of: at(),
        settled_since: Some(SettledSince {
            number: number - 1,
            events: settled_since_hash(&since),
        }),
        attachments: Bounded::default(),
    };
    let (moves, findings) = (vec![each; since.len()], vec![finding(medium, number)]);
    Posting { medium, before, account, moves, checkpoint, settled_since: since, findings }
}

fn finding(medium: MediumId, number: u64) -> FindingNote {
    FindingNote { id: event(medium, u64::MAX - number), class: 1 }
}

fn each(rows: &Rows) -> impl Iterator<Item = (MediumId, u64)> {
    rows.media.iter().flat_map(|medium| rows.seqs.clone().map(move |seq| (*medium, seq)))
}

fn each_moving(rows: &Rows) -> impl Iterator<Item = (MediumId, u64)> {
    each(rows).filter(|(_, seq)| seq.is_multiple_of(2))
}

fn number(medium: MediumId) -> i64 {
    medium.number().cast_signed()
}

fn line(medium: MediumId, seq: u64, rows: &Rows) -> [i64; 7] {
    let (medium, number, seq) = (number(medium), rows.number.cast_signed(), seq.cast_signed());
    [medium, number, seq, seq, 3_000_000_000_000 + medium, 4_000_000_000_000 + medium, 1]
}

pub(crate) fn bare_file(file: &mut rusqlite::Connection, rows: &Rows) {
    for (name, columns) in TABLES {
        let columns = columns.replace("BYTES", "BLOB");
        file.execute_batch(&format!("CREATE TABLE IF NOT EXISTS {name} ({columns})"))
            .expect("makes");
    }
    let batch = file.transaction().expect("begins");
    let insert = |name: &str, places: &str| {
        batch.prepare(&format!("INSERT INTO {name} VALUES ({places})")).expect("parses")
    };
    let number_i64 = rows.number.cast_signed();
    let mut events = insert("events", "?, ?, ?, ?, ?");
    for (medium, seq) in each_moving(rows) {
        events.execute((number(medium), event(medium, seq), number_i64, 1, 1)).expect("inserts");
    }
    let mut held = insert("held", "?, ?, ?");
    for (medium, seq) in each(rows) {
        held.execute((number(medium), seq.cast_signed(), hash(medium, seq))).expect("inserts");
    }
    let mut checkpoints = insert("checkpoints", "?, ?, ?");
    for medium in &rows.media {
        checkpoints.execute((number(*medium), number_i64, CHECKPOINT)).expect("inserts");
    }
    let mut answers = insert("answers", "?, ?, ?, ?");
    for medium in &rows.media {
        let finding = finding(*medium, rows.number);
        let row = (number(*medium), finding.id, finding.class, number_i64);
        answers.execute(row).expect("inserts");
    }
    let mut lines = insert("lines", "?, ?, ?, ?, ?, ?, ?");
    for (medium, seq) in each_moving(rows) {
        lines.execute(line(medium, seq, rows)).expect("inserts");
    }
    drop((events, held, checkpoints, answers, lines));
    batch.commit().expect("commits");
}

pub(crate) fn bare_server(server: &mut postgres::Client, rows: &Rows) {
    for (name, columns) in TABLES {
        let columns = columns.replace("BYTES", "BYTEA");
        server
            .batch_execute(&format!("CREATE TABLE IF NOT EXISTS {name} ({columns})"))
            .expect("makes");
    }
    let (int, bytes) = (Type::INT8, Type::BYTEA);
    let number_i64 = rows.number.cast_signed();
    let events = each_moving(rows).map(|(medium, seq)| {
        let event = event(medium, seq).to_vec();
        [
            Box::new(number(medium)) as _,
            Box::new(event) as _,
            Box::new(number_i64) as _,
            Box::new(1_i64) as _,
            Box::new(1_i64) as _,
        ]
    });
    let types = [int.clone(), bytes.clone(), int.clone(), int.clone(), int.clone()];
    copy(server, "events", &types, events);
    let held = each(rows).map(|(medium, seq)| {
        let hash = hash(medium, seq).to_vec();
        [Box::new(number(medium)) as _, Box::new(seq.cast_signed()) as _, Box::new(hash) as _]
    });
    copy(server, "held", &[int.clone(), int.clone(), bytes.clone()], held);
    let checkpoints = rows.media.iter().map(|medium| {
        let content = CHECKPOINT.to_vec();
        [Box::new(number(*medium)) as _, Box::new(number_i64) as _, Box::new(content) as _]
    });
    copy(server, "checkpoints", &[int.clone(), int.clone(), bytes.clone()], checkpoints);
    let answers = rows.media.iter().map(|medium| {
        let finding = finding(*medium, rows.number);
        [
            Box::new(number(*medium)) as _,
            Box::new(finding.id.to_vec()) as _,
            Box::new(i64::from(finding.class)) as _,
            Box::new(number_i64) as _,
        ]
    });
    copy(server, "answers", &[int.clone(), bytes, int.clone(), int], answers);
    let lines = each_moving(rows)
        .map(|(medium, seq)| line(medium, seq, rows).map(|value| Box::new(value) as _));
    copy(server, "lines", &[Type::INT8; 7], lines);
}
