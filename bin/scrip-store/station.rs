//! Choosing a device in person, and the station: every new stick of one kind is burnt.

use std::collections::BTreeSet;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use scrip::device::{Disk, Machine};
use scrip::tool::{Exit, Failure};
use scrip::units::ByteCount;

use crate::burn::{Bench, Outcome, report};
use crate::devices::standing;
use crate::targets::observe;

/// How often the station looks for new sticks.
const LOOK_EVERY: Duration = Duration::from_millis(700);

/// Ask a person which device is to be burnt; its name has to be typed.
pub(crate) fn ask(bench: &Bench<'_>) -> Result<Vec<PathBuf>, Failure> {
    if !io::stdin().is_terminal() {
        let failure = Failure::new(Exit::Usage, "no target: nobody is here to be asked");
        return Err(failure.hint("name targets with --to, or see `scrip-store devices`"));
    }
    let machine = observe()?;
    let needs = bench.source.sealed.layout.medium_bytes();
    let allowed: Vec<&Disk> =
        machine.disks.iter().filter(|disk| standing(&machine, disk, needs).is_empty()).collect();
    if allowed.is_empty() {
        let failure = Failure::new(Exit::Refusal, "no device here may be burnt");
        return Err(failure.hint("`scrip-store devices` says why; an image file always may: --to"));
    }
    for disk in &allowed {
        bench.output.note(shown(disk));
    }
    bench.output.note("all that is on it will be lost; type its name to burn it");
    let typed = typed_line()?;
    let chosen = allowed.iter().find(|disk| disk.name == typed || disk.path.as_os_str() == &*typed);
    let none = || Failure::new(Exit::Refusal, format!("{typed:?} is none of these devices"));
    Ok(vec![chosen.ok_or_else(none)?.path.clone()])
}

fn shown(disk: &Disk) -> String {
    let size = ByteCount::from_bytes(disk.size_bytes);
    let serial = disk.serial.as_deref().unwrap_or("no serial number");
    let parts: Vec<_> = disk.partitions.iter().map(|part| part.name.as_str()).collect();
    let holds = if parts.is_empty() { "no partition".to_owned() } else { parts.join(" ") };
    format!("  {}  {}  {size}  {serial}  {holds}", disk.path.display(), disk.title())
}

fn typed_line() -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::of(Exit::Failure, &error);
    let mut err = io::stderr();
    write!(err, "> ").and_then(|()| err.flush()).map_err(failed)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok(line.trim().to_owned())
}

/// What every medium of a station's run has in common.
struct Like {
    title: String,
    size_bytes: u64,
}

impl Like {
    fn is(&self, disk: &Disk) -> bool {
        disk.title() == self.title && disk.size_bytes == self.size_bytes
    }
}

/// Burn every newly plugged device like the one that was confirmed, until there are enough.
pub(crate) fn station(bench: &mut Bench<'_>) -> Result<Exit, Failure> {
    let named = if bench.args.to.is_empty() { ask(bench)? } else { bench.args.to.clone() };
    let [first] = named.as_slice() else {
        return Err(Failure::new(Exit::Usage, "a station starts with one device: give --to once"));
    };
    let machine = observe()?;
    let disk = machine.disks.iter().find(|disk| disk.path == *first);
    let missing = || Failure::new(Exit::Usage, format!("{} is no disk", first.display()));
    let disk = disk.ok_or_else(missing)?;
    let like = Like { title: disk.title(), size_bytes: disk.size_bytes };
    let size = ByteCount::from_bytes(like.size_bytes);
    bench.output.note(format!("burning every {} of {size} that is plugged in", like.title));
    let mut outcomes = bench.burn_named(std::slice::from_ref(first))?;
    let mut seen: BTreeSet<Plugged> = machine.disks.iter().map(Plugged::of).collect();
    while enough(bench, &outcomes) {
        if bench.interrupt.requested() {
            break;
        }
        std::thread::sleep(LOOK_EVERY);
        let machine = observe()?;
        let fresh = newly_plugged(&machine, &mut seen, &like);
        if !fresh.is_empty() {
            outcomes.extend(bench.burn_named(&fresh)?);
            bench.output.note("done: take it out and plug in the next");
        }
    }
    Ok(report(bench.output, &outcomes))
}

fn enough(bench: &Bench<'_>, outcomes: &[Outcome]) -> bool {
    let good = outcomes.iter().filter(|outcome| outcome.result.is_ok()).count();
    bench.args.count.is_none_or(|count| (good as u64) < count)
}

/// One plugging in of one disk.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
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

/// Disks that were not there at the last look; what was unplugged may come again.
fn newly_plugged(machine: &Machine, seen: &mut BTreeSet<Plugged>, like: &Like) -> Vec<PathBuf> {
    let now: BTreeSet<Plugged> = machine.disks.iter().map(Plugged::of).collect();
    let fresh = now.difference(seen).filter(|plugged| {
        machine.disks.iter().any(|disk| disk.path == plugged.path && like.is(disk))
    });
    let paths = fresh.map(|plugged| plugged.path.clone()).collect();
    *seen = now;
    paths
}
