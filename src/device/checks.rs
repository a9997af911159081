//! The reasons not to burn a target, each with a name of its own.

use std::fmt;
use std::str::FromStr;

use super::Use;

/// One reason not to burn a target; the override of this name lifts it and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// The target is not, or no longer, there.
    Gone,
    /// The running system lies on the target.
    SystemDisk,
    /// A file system on the target is mounted.
    Mounted,
    /// The target holds a swap area in use.
    Swap,
    /// LUKS, LVM, RAID or another block device is made of the target.
    Held,
    /// The edition to be burnt lies on the target.
    SourceDisk,
    /// The target is a partition, not a whole medium.
    Partition,
    /// The target's medium isn't removable.
    NotRemovable,
    /// The target is larger than media usually are.
    OddlyLarge,
    /// The target refuses writes.
    ReadOnly,
    /// The target has no medium in it.
    Empty,
    /// The target is smaller than the edition needs.
    TooSmall,
    /// The target is a plain file in `/dev`, where a name was mistyped.
    FileInDev,
    /// The target is a file that exists.
    ExistingFile,
    /// The target is not what it was when it was chosen.
    Changed,
}

impl Check {
    /// Every check, the gravest first.
    pub const ALL: [Self; 15] = [
        Self::Gone,
        Self::SystemDisk,
        Self::Mounted,
        Self::Swap,
        Self::Held,
        Self::SourceDisk,
        Self::Partition,
        Self::NotRemovable,
        Self::OddlyLarge,
        Self::ReadOnly,
        Self::Empty,
        Self::TooSmall,
        Self::FileInDev,
        Self::ExistingFile,
        Self::Changed,
    ];

    /// The checks that an override can lift. The others have none: no burn can come of it.
    pub const LIFTABLE: [Self; 8] = [
        Self::Mounted,
        Self::Swap,
        Self::Held,
        Self::Partition,
        Self::NotRemovable,
        Self::OddlyLarge,
        Self::FileInDev,
        Self::ExistingFile,
    ];

    /// Its name, as overrides give it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::SystemDisk => "system-disk",
            Self::Mounted => "mounted",
            Self::Swap => "swap",
            Self::Held => "held",
            Self::SourceDisk => "source-disk",
            Self::Partition => "partition",
            Self::NotRemovable => "not-removable",
            Self::OddlyLarge => "oddly-large",
            Self::ReadOnly => "read-only",
            Self::Empty => "empty",
            Self::TooSmall => "too-small",
            Self::FileInDev => "file-in-dev",
            Self::ExistingFile => "existing-file",
            Self::Changed => "changed",
        }
    }

    /// What to do when it refuses.
    pub fn hint(self) -> String {
        let advice = match self {
            Self::Gone => "plug it in and try again",
            Self::SystemDisk => "the disk that the system runs from is never burnt",
            Self::SourceDisk => "copy the edition to another disk first",
            Self::ReadOnly => "slide the write-protect switch back, or take another medium",
            Self::Empty => "put a medium in",
            Self::TooSmall => "take a larger medium",
            Self::Changed => "look at the list of devices again",
            Self::Mounted => "unmount it first",
            Self::Swap => "switch the swap area off first",
            Self::Held => "close what is made of it first",
            Self::Partition => "name the whole disk",
            Self::ExistingFile => "name a file that does not exist yet",
            Self::FileInDev => "check the name of the device",
            Self::NotRemovable | Self::OddlyLarge => "check that it is the medium you mean",
        };
        if Self::LIFTABLE.contains(&self) {
            format!("{advice}, or lift this check alone: --override {}", self.name())
        } else {
            advice.to_owned()
        }
    }

    /// The check that a use of a disk fails, but for the running system's, which comes alone.
    pub(super) fn of(used: &Use) -> Option<Self> {
        match used {
            Use::System { .. } => None,
            Use::Mounted { .. } => Some(Self::Mounted),
            Use::Swap { .. } => Some(Self::Swap),
            Use::Held { .. } => Some(Self::Held),
        }
    }
}

/// The text names no check that can be lifted.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no check that can be lifted; these are: {list}", list = liftable_names())]
pub struct CheckError(String);

impl FromStr for Check {
    type Err = CheckError;

    /// Only a check that can be lifted is read.
    fn from_str(name: &str) -> Result<Self, CheckError> {
        let found = Self::LIFTABLE.into_iter().find(|check| check.name() == name);
        found.ok_or_else(|| CheckError(name.to_owned()))
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

fn liftable_names() -> String {
    Check::LIFTABLE.map(Check::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::Check;

    #[test]
    fn overrides_are_a_closed_set() {
        for check in Check::LIFTABLE {
            assert_eq!(check.name().parse::<Check>().unwrap(), check);
            assert!(check.hint().ends_with(&format!("--override {check}")), "{}", check.hint());
        }
        for name in ["system-disk", "too-small", "read-only", "all", ""] {
            let refused = name.parse::<Check>().unwrap_err().to_string();
            assert!(refused.starts_with(&format!("{name:?} is no check that can be lifted; ")));
            assert!(refused.ends_with("file-in-dev, existing-file"), "{refused}");
        }
        assert_eq!(Check::SystemDisk.hint(), "the disk that the system runs from is never burnt");
    }
}
