//! The records' databases: rows in, rows out, and what a kit, a store's journal and settling cost
//! beside bare inserts.
//!
//! `cargo bench --bench records -- [ROWS] [BLANKS] [ENTRIES] [SETTLED]`; it starts its own
//! `PostgreSQL`. Settled are so many media, first 400 records of each, then 5 more.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads its arguments and the clock")]

use std::time::Instant;

use postgres::binary_copy::BinaryCopyInWriter;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::{ToSql, Type};
use scrip::crypto::SeededRandom;
use scrip::crypto::sign::SecretKey;
use scrip::records::{
    Account, Enrolment, JournalLine, Kit, Move, Place, Quota, Records, Sheet, Slot, SlotPlace,
    SlotState,
};
use scrip::units::{Amount, Currency, MediumId, StoreId, Timestamp};

#[path = "../tests/postgres.rs"]
mod cluster;
#[path = "records/settling.rs"]
mod settling;

const ROWS: u64 = 1_000_000;
const BLANKS: u32 = 10_000;
const ENTRIES: u64 = 200_000;
const SETTLED: u32 = 1_000;
/// About as long as a signed sale.
const ENTRY: [u8; 300] = [0x5c; 300];
/// Rows a transaction.
const BATCH: u64 = 100_000;
/// Records of one medium that follow each other.
const RUN: u64 = 500;
const SHEET_BYTES: usize = 1_000;
const SLOTS: u8 = 40;
const RECORDS_TABLE: &str = "CREATE TABLE rows (medium BIGINT NOT NULL, seq BIGINT NOT NULL, \
    head BYTES NOT NULL, amount BIGINT NOT NULL, PRIMARY KEY (medium, seq))";
const BARE_TABLES: &str = "CREATE TABLE sheets (number BIGINT PRIMARY KEY, \
    sheet BYTES NOT NULL UNIQUE, content BYTES NOT NULL); \
    CREATE TABLE slots (number BIGINT NOT NULL, slot BIGINT NOT NULL, \
    amount BIGINT NOT NULL, place BIGINT NOT NULL, PRIMARY KEY (number, slot)); \
    CREATE TABLE entries (store BIGINT NOT NULL, seq BIGINT NOT NULL, content BYTES NOT NULL, \
    medium BIGINT NOT NULL, event BYTES NOT NULL, PRIMARY KEY (store, seq)); \
    CREATE TABLE moves (store BIGINT NOT NULL, seq BIGINT NOT NULL, at BIGINT NOT NULL, \
    debit BIGINT NOT NULL, credit BIGINT NOT NULL, amount BIGINT NOT NULL, \
    PRIMARY KEY (store, seq))";

fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse().ok());
    let rows = numbers.next().unwrap_or(ROWS);
    let blanks = numbers.next().map_or(BLANKS, |count| u32::try_from(count).expect("fits u32"));
    let entries = numbers.next().unwrap_or(ENTRIES);
    let settled =
        numbers.next().map_or(SETTLED, |count| u32::try_from(count).expect("fits u32")).min(blanks);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut cluster = cluster::Cluster::start(&[]);

    let path = folder.path().join("bare.db");
    let mut file = rusqlite::Connection::open(path).expect("opens");
    file.execute_batch("PRAGMA journal_mode = wal; PRAGMA synchronous = full").expect("sets");
    file.execute_batch(&RECORDS_TABLE.replace("BYTES", "BLOB")).expect("makes");
    measure("SQLite, insert", rows, || insert_file(&mut file, rows));
    measure("SQLite, ordered read", rows, || read_file(&file));

    let mut server = connect(&cluster.database());
    server.batch_execute(&RECORDS_TABLE.replace("BYTES", "BYTEA")).expect("makes");
    measure("PostgreSQL, COPY", rows, || copy_server(&mut server, rows));
    measure("PostgreSQL, ordered read", rows, || read_server(&mut server));

    let sheets = u64::from(blanks) * (u64::from(SLOTS) + 1);
    file.execute_batch(&BARE_TABLES.replace("BYTES", "BLOB")).expect("makes");
    let bare = measure("SQLite, bare sheets and slots", sheets, || bare_file(&mut file, blanks));
    let kit = kit(&Place::in_folder(folder.path()), "SQLite, one kit", blanks);
    println!("  kit at {:.2} of bare", bare / kit);
    let bare = measure("SQLite, bare entries and moves", 2 * entries, || {
        bare_entries_file(&mut file, entries);
    });
    let journal = journal(&Place::in_folder(folder.path()), "SQLite, one journal", entries);
    println!("  journal at {:.2} of bare", bare / journal);
    settling::measure(&Place::in_folder(folder.path()), settled, &mut |rows| {
        settling::bare_file(&mut file, rows);
    });
    server.batch_execute(&BARE_TABLES.replace("BYTES", "BYTEA")).expect("makes");
    let bare =
        measure("PostgreSQL, bare sheets and slots", sheets, || bare_server(&mut server, blanks));
    let place = cluster.database().parse().expect("a URL");
    let kit = self::kit(&place, "PostgreSQL, one kit", blanks);
    println!("  kit at {:.2} of bare", bare / kit);
    let bare = measure("PostgreSQL, bare entries and moves", 2 * entries, || {
        bare_entries_server(&mut server, entries);
    });
    let journal = self::journal(&place, "PostgreSQL, one journal", entries);
    println!("  journal at {:.2} of bare", bare / journal);
    settling::measure(&place, settled, &mut |rows| settling::bare_server(&mut server, rows));
}

fn connect(url: &str) -> postgres::Client {
    postgres::Client::connect(url, postgres::NoTls).expect("connects")
}

/// Seconds.
fn measure<T>(what: &str, rows: u64, work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    std::hint::black_box(work());
    let seconds = start.elapsed().as_secs_f64();
    #[allow(clippy::cast_precision_loss, reason = "shown with a few digits")]
    let rate = rows as f64 / seconds / 1000.0;
    println!("{what:36} {rows:>9} rows {seconds:8.2} s {rate:8.0} k/s");
    seconds
}

/// Rows as they arrive: a medium's records in order, media in no order.
fn row(index: u64) -> (i64, i64, [u8; 32], i64) {
    let medium = (index / RUN).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24;
    let mut head = [0; 32];
    let mut word = index.wrapping_mul(0xD134_2543_DE82_EF95) | 1;
    for chunk in head.chunks_exact_mut(8) {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    (medium.cast_signed(), (index % RUN).cast_signed(), head, (word % 100_000).cast_signed())
}

fn insert_file(file: &mut rusqlite::Connection, rows: u64) {
    for start in (0..rows).step_by(BATCH.try_into().expect("fits")) {
        let batch = file.transaction().expect("begins");
        let mut insert = batch.prepare("INSERT INTO rows VALUES (?, ?, ?, ?)").expect("parses");
        for index in start..rows.min(start + BATCH) {
            insert.execute(row(index)).expect("inserts");
        }
        drop(insert);
        batch.commit().expect("commits");
    }
}

fn read_file(file: &rusqlite::Connection) -> i64 {
    let sql = "SELECT medium, seq, head, amount FROM rows ORDER BY medium, seq";
    let mut select = file.prepare(sql).expect("parses");
    let mut rows = select.query([]).expect("runs");
    let mut sum = 0;
    while let Some(row) = rows.next().expect("reads") {
        let int = |column| row.get::<_, i64>(column).expect("a number");
        let head = row.get_ref(2).expect("a column").as_blob().expect("bytes");
        sum ^= int(0) ^ int(1) ^ int(3) ^ i64::from(head[0]);
    }
    sum
}

fn copy<const N: usize>(
    server: &mut postgres::Client,
    into: &str,
    types: &[Type; N],
    rows: impl Iterator<Item = [Box<dyn ToSql + Sync>; N]>,
) {
    let mut batch = server.transaction().expect("begins");
    let writer = batch.copy_in(&format!("COPY {into} FROM STDIN (FORMAT binary)")).expect("runs");
    let mut writer = BinaryCopyInWriter::new(writer, types);
    for row in rows {
        writer.write(&row.each_ref().map(|value| &**value)).expect("copies");
    }
    writer.finish().expect("ends");
    batch.commit().expect("commits");
}

fn copy_server(server: &mut postgres::Client, rows: u64) {
    let types = [Type::INT8, Type::INT8, Type::BYTEA, Type::INT8];
    for start in (0..rows).step_by(BATCH.try_into().expect("fits")) {
        let batch = (start..rows.min(start + BATCH)).map(row);
        copy(
            server,
            "rows",
            &types,
            batch.map(|(medium, seq, head, amount)| {
                [
                    Box::new(medium) as _,
                    Box::new(seq) as _,
                    Box::new(head.to_vec()) as _,
                    Box::new(amount) as _,
                ]
            }),
        );
    }
}

fn read_server(server: &mut postgres::Client) -> i64 {
    let sql = "SELECT medium, seq, head, amount FROM rows ORDER BY medium, seq";
    let mut rows = server.query_raw(sql, Vec::<i64>::new()).expect("runs");
    let mut sum = 0;
    while let Some(row) = rows.next().expect("reads") {
        let int = |column| row.get::<usize, i64>(column);
        sum ^= int(0) ^ int(1) ^ int(3) ^ i64::from(row.get::<_, &[u8]>(2)[0]);
    }
    sum
}

/// A sheet's number and name.
fn sheets(blanks: u32) -> impl Iterator<Item = (i64, [u8; 16])> {
    (0..blanks).map(|blank| {
        let (_, _, head, _) = row(blank.into());
        (blank.into(), head[..16].try_into().expect("16 bytes"))
    })
}

fn slots(blanks: u32) -> impl Iterator<Item = [i64; 4]> {
    sheets(blanks).flat_map(|(number, _)| {
        (0..i64::from(SLOTS)).map(move |slot| [number, slot, 1000, i64::from(slot >= 30)])
    })
}

fn bare_file(file: &mut rusqlite::Connection, blanks: u32) {
    let batch = file.transaction().expect("begins");
    let content = vec![0x5c; SHEET_BYTES];
    let mut insert = batch.prepare("INSERT INTO sheets VALUES (?, ?, ?)").expect("parses");
    for (number, sheet) in sheets(blanks) {
        insert.execute((number, sheet, &content)).expect("inserts");
    }
    drop(insert);
    let mut insert = batch.prepare("INSERT INTO slots VALUES (?, ?, ?, ?)").expect("parses");
    for slot in slots(blanks) {
        insert.execute(slot).expect("inserts");
    }
    drop(insert);
    batch.commit().expect("commits");
}

fn bare_server(server: &mut postgres::Client, blanks: u32) {
    let types = [Type::INT8, Type::BYTEA, Type::BYTEA];
    copy(
        server,
        "sheets",
        &types,
        sheets(blanks).map(|(number, sheet)| {
            let content = vec![0x5c_u8; SHEET_BYTES];
            [Box::new(number) as _, Box::new(sheet.to_vec()) as _, Box::new(content) as _]
        }),
    );
    let rows = slots(blanks).map(|slot| slot.map(|value| Box::new(value) as _));
    copy(server, "slots", &[Type::INT8; 4], rows);
}

/// Seconds to take in a journal of so many sales.
fn journal(place: &Place, what: &str, entries: u64) -> f64 {
    let mut records = Records::open(place).expect("made before");
    let store = StoreId::from_number(1).expect("the first store");
    let amount = Amount::from_minor(1000).expect("a small amount");
    let line = |seq: u64| {
        let medium = MediumId::from_serial(seq % 1000);
        let credit = Account::Outstanding(medium);
        let moves = Some(Move { debit: Account::Store(store), credit, amount });
        let at = Timestamp::from_seconds(seq).expect("early");
        let event = Some(event(seq));
        JournalLine { seq, at, voids: None, medium, event, own: false, moves, content: &ENTRY }
    };
    let lines: Vec<JournalLine<'_>> = (0..entries).map(line).collect();
    measure(what, 2 * entries, || records.import_journal(store, &lines).expect("imports"))
}

fn event(seq: u64) -> [u8; 16] {
    row(seq).2[..16].try_into().expect("16 bytes")
}

/// The rows of the same journal: store, sequence, time, debit, credit, amount.
fn move_rows(entries: u64) -> impl Iterator<Item = [i64; 6]> {
    (0..entries.cast_signed())
        .map(|seq| [1, seq, seq, 2_000_000_000_001, 3_000_000_000_000 + seq % 1000, 1000])
}

fn bare_entries_file(file: &mut rusqlite::Connection, entries: u64) {
    let batch = file.transaction().expect("begins");
    let mut insert = batch.prepare("INSERT INTO entries VALUES (?, ?, ?, ?, ?)").expect("parses");
    for [store, seq, ..] in move_rows(entries) {
        let event = event(seq.cast_unsigned());
        insert.execute((store, seq, ENTRY, seq % 1000, event)).expect("inserts");
    }
    drop(insert);
    let mut insert = batch.prepare("INSERT INTO moves VALUES (?, ?, ?, ?, ?, ?)").expect("parses");
    for row in move_rows(entries) {
        insert.execute(row).expect("inserts");
    }
    drop(insert);
    batch.commit().expect("commits");
}

fn bare_entries_server(server: &mut postgres::Client, entries: u64) {
    let rows = move_rows(entries).map(|[store, seq, ..]| {
        let event = event(seq.cast_unsigned()).to_vec();
        [
            Box::new(store) as _,
            Box::new(seq) as _,
            Box::new(ENTRY.to_vec()) as _,
            Box::new(seq % 1000) as _,
            Box::new(event) as _,
        ]
    });
    let types = [Type::INT8, Type::INT8, Type::BYTEA, Type::INT8, Type::BYTEA];
    copy(server, "entries", &types, rows);
    let rows = move_rows(entries).map(|row| row.map(|value| Box::new(value) as _));
    copy(server, "moves", &[Type::INT8; 6], rows);
}

/// Seconds to record one kit of this many blanks.
fn kit(place: &Place, what: &str, blanks: u32) -> f64 {
    let mut records = Records::create(place).expect("makes records");
    let currency: Currency = "JPY".parse().expect("a currency");
    let enrolled: Result<_, Box<dyn std::error::Error>> =
        records.enrol(&enrolment(currency), Timestamp::MAX, |_| Ok(vec![1]));
    let store = enrolled.expect("enrols").id;
    let start = Instant::now();
    let media = records.reserve_media(store, blanks, &mut SeededRandom::new([1; 32]));
    let media = media.expect("reserves");
    println!(
        "{:36} {blanks:>9} rows {:8.2} s",
        "  medium numbers for it",
        start.elapsed().as_secs_f64()
    );
    let sheets: Vec<Sheet> = sheets(blanks)
        .zip(media)
        .map(|((_, id), medium)| Sheet {
            id,
            medium,
            content: vec![0x5c; SHEET_BYTES],
            slots: (0..SLOTS).map(slot).collect(),
        })
        .collect();
    let rows = u64::from(blanks) * (u64::from(SLOTS) + 1);
    measure(what, rows, || records.add_kit(&empty_kit(store), currency, &sheets).expect("adds"))
}

fn enrolment(currency: Currency) -> Enrolment {
    let (total, single_max) = (Amount::MAX, Amount::ZERO);
    Enrolment {
        name: "Bench".to_owned(),
        holder_key: SecretKey::from_seed([1; 32]).public(),
        seal_key: [1; 32],
        quota: Quota { currency, total, single_max, serial_first: 1, serial_last: 0 },
    }
}

fn empty_kit(store: StoreId) -> Kit {
    Kit { id: [1; 16], store, made_at: Timestamp::MAX, content: Vec::new() }
}

fn slot(slot: u8) -> Slot {
    let amount = Amount::from_minor(1000).expect("a small amount");
    let place = if slot >= 30 { SlotPlace::Held } else { SlotPlace::Kit };
    Slot { slot, amount, place, state: SlotState::Free }
}
