//! From the names on the command line to targets that may be burnt.

use std::path::{Path, PathBuf};

use scrip::device::{
    Access, Aim, Check, Cleared, Device, FileDevice, Hardware, Machine, Refusal, Request, clear,
};
use scrip::tool::{Exit, Explain, Failure, Output};

/// A target that passed the guards.
pub(crate) struct Target {
    /// As it was named.
    pub(crate) name: String,
    /// For the journal, and for finding a burn that broke off.
    pub(crate) description: String,
    /// Identity of the hardware, where it has one.
    pub(crate) hardware: Option<String>,
    pub(crate) cleared: Cleared,
}

/// What targets have to satisfy.
pub(crate) struct Terms<'a> {
    pub(crate) needs_bytes: u64,
    pub(crate) edition: &'a Path,
    pub(crate) lifted: &'a [Check],
}

/// Look at this machine.
pub(crate) fn observe() -> Result<Machine, Failure> {
    Machine::observe(Path::new("/")).or_exit(Exit::Failure)
}

/// Let every named target pass, or tell each one's refusals; nothing is opened for writing.
///
/// A file that `resumable` names may stand there already: it is a burn that broke off.
pub(crate) fn choose(
    names: &[PathBuf],
    terms: &Terms<'_>,
    resumable: &dyn Fn(&str) -> bool,
    output: &Output,
) -> Result<Vec<Target>, Failure> {
    let machine = observe()?;
    let mut targets = vec![];
    let mut refused = vec![];
    for name in names {
        let aim = Aim::look(name).or_exit(Exit::Failure)?;
        let (description, hardware) = describe(&machine, &aim);
        let mut lifted = terms.lifted.to_vec();
        if resumable(&description) {
            lifted.push(Check::ExistingFile);
        }
        let request = Request {
            aim: &aim,
            needs_bytes: terms.needs_bytes,
            edition: terms.edition,
            lifted: &lifted,
        };
        match clear(&machine, &request) {
            Ok(cleared) => {
                let name = name.display().to_string();
                targets.push(Target { name, description, hardware, cleared });
            }
            Err(refusals) => refused.extend(refusals),
        }
    }
    refuse_twice(&targets)?;
    if refused.is_empty() { Ok(targets) } else { Err(told(&refused, output)) }
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
pub(crate) fn open(target: &Target, resumed: bool) -> Result<FileDevice, Failure> {
    if let (Aim::File { path, len }, true) = (target.cleared.aim(), resumed)
        && *len == target.cleared.needs_bytes()
    {
        return FileDevice::open(path, Access::Write).or_exit(Exit::Failure);
    }
    let device = target.cleared.open(|| Machine::observe(Path::new("/")));
    let device = device.or_exit_while(Exit::Failure, format!("opening {}", target.name))?;
    debug_assert!(device.len_bytes() >= target.cleared.needs_bytes());
    Ok(device)
}
