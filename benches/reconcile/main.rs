//! Reconciling a crowd of owners beside a bare merge of the same rows.
//!
//! `cargo bench --bench reconcile -- [EVENTS] [--keep FOLDER] [--make]`: of so many events, a million
//! by default, 500 to a medium. What is made stays in FOLDER and is used again from there; with
//! `--make` nothing is measured.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads its arguments and the clock")]

mod crowd;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use crowd::rows::{Merged, merge};
use crowd::{Crowd, Made};

const EVENTS: u64 = 1_000_000;
const EACH: u64 = 500;
const SEED: u64 = 20_261_121;
/// So many media of a thousand bring a code or voucher that nobody sold.
const BOGUS: u32 = 5;

struct Asked {
    crowd: Crowd,
    keep: Option<PathBuf>,
    make_only: bool,
}

fn main() {
    let asked = asked();
    let own = tempfile::tempdir().expect("a temporary folder");
    let folder = asked.keep.clone().unwrap_or_else(|| own.path().to_path_buf());
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let made = asked.crowd.find(&folder).unwrap_or_else(|| {
        let start = Instant::now();
        let made = asked.crowd.make(&folder, cores);
        println!("made in {:.1} s by {cores} threads", start.elapsed().as_secs_f64());
        made
    });
    show(&made);
    if asked.make_only {
        let (folder, as_of) = (folder.display(), Crowd::as_of().seconds());
        println!(
            "scrip-verify reconcile --records {folder}/issuer --trust {folder}/issuer/trust.cbr \
             --allow-test-root --as-of {as_of} {folder}/evidence"
        );
        return;
    }
    let start = Instant::now();
    let merged = merge(&folder);
    println!("bare merge of 64-byte rows {:8.2} s", start.elapsed().as_secs_f64());
    let both =
        Merged { both: made.held, evidence_only: made.events - made.held, ..Merged::default() };
    assert_eq!(merged, both);
}

fn asked() -> Asked {
    let (mut events, mut keep, mut make_only) = (EVENTS, None, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--keep" => keep = arguments.next().map(PathBuf::from),
            "--make" => make_only = true,
            "--bench" => {}
            number => events = number.parse().expect("a number of events"),
        }
    }
    let media = u32::try_from(events / EACH / 100 * 100).expect("fewer media").max(100);
    Asked { crowd: Crowd { seed: SEED, media, each: EACH, bogus: BOGUS }, keep, make_only }
}

fn show(made: &Made) {
    let Made { events, held, later, receipts, papers, topups, bytes, .. } = made;
    println!(
        "{events} events of {} media in {} MB of bundles, {held} of them in the records, {later} of \
         media that lie apart",
        made.crowd.media,
        bytes / 1_000_000
    );
    println!("{topups} codes and vouchers, {receipts} receipts in journals, {papers} files beside");
    for bogus in made.expected.iter().filter(|bogus| !bogus.later) {
        println!("bogus: {} #{} {} {}", bogus.medium, bogus.seq, bogus.class, bogus.amount);
    }
}
