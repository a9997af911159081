//! Choosing a device in person, and the station: every new stick of one kind is burnt.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use scrip::device::{Access, Aim, Contents, Device, Disk, FileDevice, Refusal};
use scrip::image::gpt::{HEADER_BYTES, SECTOR_BYTES, disk_guid};
use scrip::image::layout::Names;
use scrip::tool::{Exit, Failure, Form, Output, typed_line};
use scrip::units::{ByteCount, MediumId};

use crate::bench::Bench;
use crate::burn::{Burnt, Outcome};
use crate::crew::{self, Feed};
use crate::devices::standing;
use crate::targets::{self, Target, observe};

/// Ask a person which device is to be burnt; its name has to be typed.
pub(crate) fn ask(bench: &Bench<'_>) -> Result<Vec<PathBuf>, Failure> {
    if !io::stdin().is_terminal() || bench.output.form() == Form::Json {
        let failure = Failure::new(Exit::Usage, "no target: nobody is here to be asked");
        return Err(failure.hint("name targets with --to, or see `scrip-store devices`"));
    }
    let machine = observe()?;
    let terms = bench.terms()?;
    let allowed: Vec<&Disk> = machine
        .disks
        .iter()
        .filter(|disk| standing(&machine, disk, terms.needs_bytes, terms.lifted).is_empty())
        .collect();
    if allowed.is_empty() {
        let failure = Failure::new(Exit::Refusal, "no device here may be burnt");
        return Err(failure.hint("`scrip-store devices` says why; an image file always may: --to"));
    }
    for disk in &allowed {
        bench.output.note(shown(disk));
    }
    bench.output.note("all that is on it will be lost; type its name to burn it:");
    let typed = typed_line()?.unwrap_or_default();
    let chosen = allowed.iter().find(|disk| disk.name == typed || disk.path == Path::new(&typed));
    let none = || Failure::new(Exit::Refusal, format!("{typed:?} is none of these devices"));
    Ok(vec![chosen.ok_or_else(none)?.path.clone()])
}

/// Model, size, serial number, and what is on it.
fn shown(disk: &Disk) -> String {
    let size = ByteCount::from_bytes(disk.size_bytes);
    let serial = disk.serial.as_deref().unwrap_or("no serial number");
    let holds = FileDevice::open(&disk.path, Access::Read)
        .map_err(|error| error.to_string())
        .and_then(|device| Contents::of(&device).map_err(|error| error.to_string()))
        .map_or_else(|error| error, |contents| contents.to_string());
    format!("  {}  {}  {size}  {serial}  {holds}", disk.path.display(), disk.title())
}

/// Burn every newly plugged device like the one that was confirmed, until there are enough.
///
/// Without a count, Ctrl-C while nothing is being burnt is its good end.
pub(crate) fn run(bench: &mut Bench<'_>, names: &[PathBuf]) -> Result<Vec<Outcome>, Failure> {
    let [first] = names else {
        return Err(Failure::new(Exit::Usage, "a station starts with one device: give --to once"));
    };
    let machine = observe()?;
    let chosen = bench.choose(names)?;
    let no_disk = || {
        let message = format!("{}: a station burns devices, this is none", first.display());
        Failure::new(Exit::Usage, message)
    };
    let [Target { cleared, resumable, .. }] = chosen.as_slice() else { return Err(no_disk()) };
    let Aim::Block { number, .. } = cleared.aim() else { return Err(no_disk()) };
    let disk = machine.disk_of(*number).ok_or_else(no_disk)?;
    let wanted = bench.args.count.unwrap_or(1);
    bench.check_blanks(wanted.saturating_sub(usize::from(*resumable)))?;
    let (title, size_bytes) = (disk.title(), disk.size_bytes);
    let size = ByteCount::from_bytes(size_bytes);
    bench.output.note(format!("burning every {title} of {size} that is plugged in; Ctrl-C ends"));
    let seen = machine.disks.iter().map(Plugged::of).collect();
    let told = BTreeSet::new();
    let mut station =
        Station { title, size_bytes, count: bench.args.count, first: chosen, seen, told, said: 0 };
    let outcomes = crew::burn(bench, &mut station);
    if station.wanted(&outcomes, 0) > 0 && !bench.interrupt.requested() {
        bench.output.warn("no blank is left: ask the issuer for a kit");
    }
    Ok(outcomes)
}

/// One plugging in of one disk.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Plugged {
    path: PathBuf,
    sequence: Option<u64>,
    size_bytes: u64,
}

impl Plugged {
    fn of(disk: &Disk) -> Self {
        Self { path: disk.path.clone(), sequence: disk.sequence, size_bytes: disk.size_bytes }
    }
}

/// What is burnt at a station, and what was there before or has been burnt already.
struct Station {
    title: String,
    size_bytes: u64,
    count: Option<usize>,
    first: Vec<Target>,
    /// Never burnt, or not again, unless it is unplugged and comes back.
    seen: BTreeSet<Plugged>,
    /// Refusals that were told.
    told: BTreeSet<(Plugged, String)>,
    said: usize,
}

impl Station {
    fn is_like(&self, disk: &Disk) -> bool {
        disk.title() == self.title && disk.size_bytes == self.size_bytes
    }

    /// How many more may be begun while so many are under way.
    fn wanted(&self, outcomes: &[Outcome], running: usize) -> usize {
        self.count.map_or(usize::MAX, |count| count.saturating_sub(good(outcomes) + running))
    }

    /// New disks of this kind that pass the guards; what refuses one is told once.
    fn fresh(
        &mut self,
        bench: &Bench<'_>,
        outcomes: &[Outcome],
        wanted: usize,
    ) -> Result<Vec<Target>, Failure> {
        let machine = observe()?;
        let terms = bench.terms()?;
        let there: BTreeSet<_> = machine.disks.iter().map(Plugged::of).collect();
        self.seen.retain(|plugged| there.contains(plugged));
        let mut targets = vec![];
        for disk in &machine.disks {
            let plugged = Plugged::of(disk);
            if targets.len() == wanted || !self.is_like(disk) || self.seen.contains(&plugged) {
                continue;
            }
            if let Some(medium) = again(disk, outcomes) {
                let path = disk.path.display();
                bench.output.warn(format!("{path}: is medium {medium}, just burnt: take it out"));
                self.seen.insert(plugged);
                continue;
            }
            match targets::pass(&machine, &disk.path, &terms)? {
                Ok(target) => {
                    self.seen.insert(plugged);
                    targets.push(target);
                }
                Err(refusals) => self.tell(&plugged, &refusals, bench.output),
            }
        }
        Ok(targets)
    }

    /// Tell each refusal of a plugged disk once; it may be lifted by hand, as a mount is.
    fn tell(&mut self, plugged: &Plugged, refusals: &[Refusal], output: &Output) {
        for refusal in refusals {
            let words = format!("{}: {refusal}", refusal.check.name());
            if self.told.insert((plugged.clone(), words.clone())) {
                output.warn(words);
            }
        }
    }

    /// Count aloud after each medium.
    fn say(&mut self, output: &Output, outcomes: &[Outcome]) {
        if outcomes.len() == self.said {
            return;
        }
        self.said = outcomes.len();
        let (good, bad) = (good(outcomes), outcomes.len() - good(outcomes));
        let of = self.count.map_or_else(String::new, |count| format!(" of {count}"));
        output.note(format!("{good}{of} good, {bad} bad; plug in the next"));
    }
}

fn good(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| outcome.result.is_ok()).count()
}

/// The medium of this run that was plugged in once more, by its disk's GUID.
fn again(disk: &Disk, outcomes: &[Outcome]) -> Option<MediumId> {
    let mut header = [0; HEADER_BYTES];
    // What can't be read is for the guards and the burn to tell.
    FileDevice::open(&disk.path, Access::Read).ok()?.read_at(SECTOR_BYTES, &mut header).ok()?;
    let found = disk_guid(&header)?;
    let burnt = outcomes.iter().filter_map(|outcome| outcome.result.as_ref().ok());
    burnt.map(|Burnt { medium, .. }| *medium).find(|medium| Names::of(*medium).disk == found)
}

impl Feed for Station {
    fn next(&mut self, bench: &Bench<'_>, outcomes: &[Outcome], running: usize) -> Vec<Target> {
        if !self.first.is_empty() {
            return std::mem::take(&mut self.first);
        }
        let wanted = self.wanted(outcomes, running);
        if wanted > 0 {
            self.say(bench.output, outcomes);
        }
        if wanted == 0 || bench.check_blanks(1).is_err() {
            return vec![];
        }
        self.fresh(bench, outcomes, wanted).unwrap_or_else(|failure| {
            // The next look may succeed: a disk was pulled out while it was looked at.
            bench.output.warn(failure.message());
            vec![]
        })
    }

    fn is_dry(&self, bench: &Bench<'_>, outcomes: &[Outcome]) -> bool {
        let enough = self.count.is_some_and(|count| good(outcomes) >= count);
        self.first.is_empty() && (enough || bench.check_blanks(1).is_err())
    }
}
