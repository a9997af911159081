//! A medium's journal: commits beside bare writes and SQLite, and opening a full one.
//!
//! `cargo bench --bench journal -- [COMMITS]`; writes and syncs are counted by `strace`.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads its arguments and the clock")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use scrip::crypto::digest::sha256;
use scrip::device::{Access, Device, Existing, FileDevice, Folder, MemoryDevice, MountedTree};
use scrip::fat::Exchange;
use scrip::format::edition::RamKind;
use scrip::journal::{Carry, Journal, Mirror, OutboxArchive, Place, Use, first_frames};
use scrip::units::MediumId;

const COPY_BYTES: u64 = 4 << 20;
const PLACE: Place = Place { starts: [1 << 20, 24 << 20], bytes: COPY_BYTES };
const IMAGE_BYTES: u64 = 32 << 20;
/// About as long as a signed top-up by a code.
const RECORD: [u8; 420] = [7; 420];
const SUBJECTS: [&str; 7] = [
    "two bare writes",
    "journal",
    "three bare writes",
    "journal, mirrored",
    "SQLite",
    "SQLite WAL",
    "three bare, one apart",
];
const OPENINGS: usize = 15;

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|text| text != "--bench").collect();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    if let [only, count] = arguments.as_slice() {
        let mut subject = Subject::new(only, folder.path());
        (0..count.parse().expect("a number")).for_each(|nth| subject.commit(nth));
        return;
    }
    let commits = arguments.first().and_then(|text| text.parse().ok()).unwrap_or(400);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{commits} commits each, one after the other in turn; {cores} cores, one is used");
    commit_times(folder.path(), commits);
    for subject in SUBJECTS {
        counted(subject, folder.path());
    }
    open_full(folder.path());
}

/// Something that commits.
enum Subject {
    /// The files, and where each write goes: (file, offset).
    Bare(Vec<FileDevice>, Vec<(usize, u64)>),
    Journal(Box<Journal<FileDevice>>),
    Sqlite(rusqlite::Connection),
}

impl Subject {
    fn new(name: &str, folder: &Path) -> Self {
        let path = folder.join(name.replace([' ', ','], "-"));
        let twice = PLACE.starts.map(|start| (0, start));
        match name {
            "two bare writes" => Self::Bare(vec![prepared(&path)], twice.to_vec()),
            "three bare writes" => {
                Self::Bare(vec![prepared(&path)], [&twice[..], &[(0, 12 << 20)]].concat())
            }
            // As a mirror lies: in a file of its own.
            "three bare, one apart" => {
                let files = vec![prepared(&path), prepared(&path.with_extension("apart"))];
                Self::Bare(files, [&twice[..], &[(1, 1 << 20)]].concat())
            }
            "journal" => Self::Journal(Box::new(journal(prepared(&path)))),
            "journal, mirrored" => {
                let state = Folder::open_or_create(&folder.join("state")).expect("a folder");
                let mirror = Mirror::open(&state, MediumId::from_serial(1), COPY_BYTES);
                let mut journal = journal(prepared(&path));
                journal.attach(mirror.expect("a mirror")).expect("it is written");
                Self::Journal(Box::new(journal))
            }
            _ => Self::Sqlite(database(&path, name == "SQLite WAL")),
        }
    }

    fn commit(&mut self, nth: u64) {
        match self {
            Self::Bare(files, writes) => {
                let mut sector = [0; 512];
                sector[..RECORD.len()].copy_from_slice(&RECORD);
                for (file, start) in writes {
                    files[*file].write_at(*start + (nth + 1) * 512, &sector).expect("written");
                    files[*file].flush().expect("flushed");
                }
            }
            Self::Journal(journal) => {
                let _ = journal.append(&RECORD, Use::Keeps).expect("it takes it");
            }
            Self::Sqlite(database) => {
                let row = (nth.cast_signed(), RECORD);
                database.execute("INSERT INTO records VALUES (?, ?)", row).expect("it commits");
            }
        }
    }
}

/// A file whose every block is allocated.
fn prepared(path: &Path) -> FileDevice {
    let file = FileDevice::create(path, IMAGE_BYTES, Existing::Replace).expect("room");
    file.write_at(0, &vec![0; usize::try_from(IMAGE_BYTES).expect("in memory")]).expect("room");
    file.flush().expect("flushed");
    file
}

fn journal<D: Device>(file: D) -> Journal<D> {
    let first = first_frames(&[RECORD.to_vec()]).expect("a short record");
    for start in PLACE.starts {
        file.write_at(start, &first).expect("written");
    }
    Journal::open(file, PLACE, RamKind::Rewritable).expect("it was just made")
}

fn database(path: &Path, wal: bool) -> rusqlite::Connection {
    let database = rusqlite::Connection::open(path).expect("opens");
    let mode = if wal { "WAL" } else { "DELETE" };
    database.pragma_update(None, "journal_mode", mode).expect("takes it");
    database.pragma_update(None, "synchronous", "FULL").expect("takes it");
    let table = "CREATE TABLE records (sequence INTEGER PRIMARY KEY, record BLOB NOT NULL)";
    database.execute(table, []).expect("makes it");
    database
}

fn commit_times(folder: &Path, commits: u64) {
    let mut subjects = SUBJECTS.map(|name| (Subject::new(name, folder), Duration::ZERO));
    for nth in 0..commits {
        for (subject, spent) in &mut subjects {
            let start = Instant::now();
            subject.commit(nth);
            *spent += start.elapsed();
        }
    }
    let seconds = subjects.map(|(_, spent)| spent.as_secs_f64());
    #[allow(clippy::cast_precision_loss, reason = "shown with a few digits")]
    let each = |seconds: f64| seconds / commits as f64 * 1e6;
    for (name, seconds) in SUBJECTS.iter().zip(seconds) {
        println!("{name:22} {:8.0} µs a commit", each(seconds));
    }
    println!("  journal at {:.2} of two bare writes", seconds[0] / seconds[1]);
    println!("  mirrored at {:.2} of three bare writes", seconds[2] / seconds[3]);
    println!("  mirrored at {:.2} of three with one in another file", seconds[6] / seconds[3]);
    println!(
        "  journal at {:.2} of SQLite's time, {:.2} of WAL's",
        seconds[1] / seconds[4],
        seconds[1] / seconds[5]
    );
}

/// Bytes written, writes and syncs of a commit: what 300 cost above what 100 do.
fn counted(name: &str, folder: &Path) {
    let [few, many] = [100, 300].map(|count: u64| traced(name, folder, count));
    #[allow(clippy::cast_precision_loss, reason = "shown with a few digits")]
    let each = |nth: usize| (many[nth] - few[nth]) as f64 / 200.0;
    let [bytes, writes, syncs] = [0, 1, 2].map(each);
    println!("{name:22} {bytes:8.0} bytes, {writes:.1} writes, {syncs:.1} syncs a commit");
}

/// What a run of so many commits asks of the system: bytes written, writes, syncs.
fn traced(name: &str, folder: &Path, count: u64) -> [u64; 3] {
    let trace = folder.join("trace");
    let calls = "trace=write,pwrite64,pwritev,fsync,fdatasync,sync_file_range";
    let status = Command::new("strace")
        .args(["-f", "-qq", "-e", calls, "-o", trace.to_str().expect("a plain path")])
        .arg(std::env::current_exe().expect("its own path"))
        .args([name, &count.to_string()])
        .status();
    assert!(status.is_ok_and(|status| status.success()), "strace: apt-get install strace");
    let mut sums = [0; 3];
    for line in std::fs::read_to_string(&trace).expect("a trace").lines() {
        let Some((call, result)) = line.split_once(" = ") else { continue };
        match result.split(' ').next().and_then(|text| text.parse::<u64>().ok()) {
            Some(bytes) if call.contains("write") => {
                sums[0] += bytes;
                sums[1] += 1;
            }
            Some(_) if call.contains("sync") => sums[2] += 1,
            _ => {}
        }
    }
    sums
}

fn fill(journal: &mut Journal<MemoryDevice>) {
    while journal.append(&RECORD, Use::Keeps).is_ok() {}
}

/// Open a journal of two full banks: as it is, and with copy A destroyed.
fn open_full(folder: &Path) {
    let path = folder.join("full");
    let mut made = journal(MemoryDevice::zeroed(usize::try_from(IMAGE_BYTES).expect("in memory")));
    let outbox = Exchange::mounted(MountedTree::at(folder));
    fill(&mut made);
    let head = sha256(&RECORD);
    let carry = Carry { head, checkpoint: &[RECORD.to_vec()], outside: &[] };
    let _ = made.compact(&carry, &mut OutboxArchive::new(&outbox, "0")).expect("it compacts");
    fill(&mut made);
    let records = made.reading().records.len();
    prepared(&path).write_at(0, &made.device().snapshot()).expect("room");
    let file = || FileDevice::open(&path, Access::Write).expect("it is there");
    for (what, destroyed) in [("whole", false), ("copy A destroyed", true)] {
        let mut times: Vec<Duration> = (0..OPENINGS)
            .map(|_| {
                if destroyed {
                    let copy = vec![0xff; usize::try_from(COPY_BYTES).expect("in memory")];
                    file().write_at(PLACE.starts[0], &copy).expect("written");
                    file().flush().expect("flushed");
                }
                let start = Instant::now();
                let opened = Journal::open(file(), PLACE, RamKind::Rewritable).expect("opens");
                assert_eq!(opened.reading().records.len(), records);
                start.elapsed()
            })
            .collect();
        times.sort();
        println!(
            "opening {records} records, {what}: {:.1?}, at most {:.1?}",
            times[OPENINGS / 2],
            times[OPENINGS - 1]
        );
    }
}
