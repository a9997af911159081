//! From the names on the command line to targets that may be burnt.

use std::path::{Path, PathBuf};

use scrip::device::{
    Access, Aim, Check, Cleared, FileDevice, Hardware, Machine, Refusal, Request, clear,
};
use scrip::tool::{Classed, Exit, Failure, Output};

/// A target that passed the guards.
pub(crate) struct Target {
    /// As it was named.
    pub(crate) name: String,
    /// For the journal, and for finding a burn that broke off.
    pub(crate) description: String,
    /// Identity of the hardware, where it has one.
    pub(crate) hardware: Option<String>,
    /// Whether a burn to it broke off.
    pub(crate) resumable: bool,
    pub(crate) cleared: Cleared,
}

impl Target {
    /// Whether it is storage rather than an image file.
    pub(crate) fn is_disk(&self) -> bool {
        matches!(self.cleared.aim(), Aim::Block { .. })
    }
}

/// What targets have to satisfy.
pub(crate) struct Terms<'a> {
    pub(crate) needs_bytes: u64,
    pub(crate) edition: &'a Path,
    pub(crate) lifted: &'a [Check],
    /// Targets of burns that broke off: such a file may stand there already.
    pub(crate) resumable: Vec<String>,
}

/// Look at this machine.
pub(crate) fn observe() -> Result<Machine, Failure> {
    Machine::observe(Path::new("/")).or_fail()
}

/// Let every named target pass, or tell each one's refusals; nothing is opened for writing.
pub(crate) fn choose(
    names: &[PathBuf],
    terms: &Terms<'_>,
    output: &Output,
) -> Result<Vec<Target>, Failure> {
    let machine = observe()?;
    let (mut targets, mut refused) = (vec![], vec![]);
    for name in names {
        match pass(&machine, name, terms)? {
            Ok(target) => targets.push(target),
            Err(refusals) => refused.extend(refusals),
        }
    }
    refuse_twice(&targets)?;
    if refused.is_empty() { Ok(targets) } else { Err(told(&refused, output)) }
}

/// Let one target pass, or give every reason why not.
pub(crate) fn pass(
    machine: &Machine,
    name: &Path,
    terms: &Terms<'_>,
) -> Result<Result<Target, Vec<Refusal>>, Failure> {
    let aim = Aim::look(name).or_fail()?;
    let (description, hardware) = describe(machine, &aim);
    let resumable = terms.resumable.contains(&description);
    let mut lifted = terms.lifted.to_vec();
    lifted.extend(resumable.then_some(Check::ExistingFile));
    let Terms { needs_bytes, edition, .. } = *terms;
    let request = Request { aim: &aim, needs_bytes, edition, lifted: &lifted };
    let name = name.display().to_string();
    let passed = clear(machine, &request);
    Ok(passed.map(|cleared| Target { name, description, hardware, resumable, cleared }))
}

/// A target for the journal: an image by its path, a disk by what it says of itself.
pub(crate) fn describe(machine: &Machine, aim: &Aim) -> (String, Option<String>) {
    let Aim::Block { path, number } = aim else {
        return (aim.path().display().to_string(), None);
    };
    let Some(disk) = machine.disk_of(*number) else {
        return (path.display().to_string(), None);
    };
    match &disk.hardware {
        Hardware::Unknown(_) => (format!("{} at {}", disk.title(), path.display()), None),
        hardware => (format!("{} {hardware}", disk.title()), Some(hardware.to_string())),
    }
}

fn refuse_twice(targets: &[Target]) -> Result<(), Failure> {
    for (index, target) in targets.iter().enumerate() {
        let aim = target.cleared.aim();
        let same = |other: &&Target| match (other.cleared.aim(), aim) {
            (Aim::Block { number: a, .. }, Aim::Block { number: b, .. }) => a == b,
            (a, b) => a.path() == b.path(),
        };
        if let Some(other) = targets[..index].iter().find(same) {
            let message = format!("{} and {} are one target", other.name, target.name);
            return Err(Failure::new(Exit::Usage, message));
        }
    }
    Ok(())
}

/// Every refusal on a line, the first as the failure with what to do about it.
pub(crate) fn told(refused: &[Refusal], output: &Output) -> Failure {
    for refusal in &refused[1..] {
        output.warn(format!("{}: {refusal}", refusal.check.name()));
    }
    let first = &refused[0];
    let failure = Failure::new(Exit::Refusal, format!("{}: {first}", first.check.name()));
    failure.hint(first.check.hint())
}

/// Open a target for burning. A burn that broke off keeps the file that it left.
pub(crate) fn open(target: &Target) -> Result<FileDevice, Failure> {
    if let (Aim::File { path, len, .. }, true) = (target.cleared.aim(), target.resumable)
        && *len == target.cleared.needs_bytes()
    {
        return FileDevice::open(path, Access::Write).or_fail();
    }
    target.cleared.open(|| Machine::observe(Path::new("/"))).or_fail()
}

/// Take away an image file that was made for a burn that never began.
pub(crate) fn forget(target: &Target) {
    if let Aim::New { path } = target.cleared.aim() {
        // An empty file that stays does no harm; why the burn didn't begin is what is told.
        let _ = std::fs::remove_file(path);
    }
}
