//! What a check found, as plain data.

use std::fmt;
use std::ops::Range;

use super::super::tree::Digest;
use super::words;
use crate::device::Difference;
use crate::format::certificate::Purpose;
use crate::format::edition::EditionId;
use crate::trust::Anchor;
use crate::units::{Amount, CurrencyForm, MediumId, StoreId, Timestamp};
use crate::words::Phrase;

/// The most faults, and the most touches, that are told one by one.
pub const TOLD_MAX: usize = 1_000;

/// What partition table, read-only area and seal are worth together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every byte is as the seals say.
    Sealed,
    /// Only what ordinary use changes has changed; every file and slot is intact.
    Touched,
    /// Something else has changed.
    Altered,
    /// Some blocks can't be read; nothing that was read has changed but by ordinary use.
    Unreadable,
    /// Looked at through mounted directories: files and slots are intact, the seal is not checked.
    FilesIntact,
    /// Nothing here says that it is a medium.
    NoMedium,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sealed => "sealed",
            Self::Touched => "touched",
            Self::Altered => "altered",
            Self::Unreadable => "not wholly readable",
            Self::FilesIntact => "files intact; seal not checked (needs the device or image)",
            Self::NoMedium => "not a Scrip medium",
        })
    }
}

/// How grave a whole report is, gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Nothing to report, or a note.
    Good,
    /// Differences: a root that is not pinned, a copy on other hardware.
    Differs,
    /// Sound bytes that a rule says no to: revoked, too cheap to guess.
    Refused,
    /// Damage or forgery.
    Damaged,
    /// Storage that fails.
    Unreadable,
}

/// A part of a medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The medium as a whole.
    Medium,
    /// Protective MBR, GPT header and entries at the start.
    PartitionTable,
    /// GPT entries and header at the end.
    BackupTable,
    /// Bytes that no part takes and that are zero.
    Unused,
    /// A file of the read-only area.
    File(String),
    /// The read-only area's file system.
    FileSystem,
    /// The stored hash tree.
    HashTree,
    /// The rom-signer's seal.
    EditionSeal,
    /// The store's seal.
    MediumSeal,
    /// The owner's part, as far as a check looks at it: journal and access key.
    WritableArea,
}

impl Part {
    /// For a person.
    pub fn phrase(&self) -> Phrase {
        match self {
            Self::Medium => words::the_medium(),
            Self::PartitionTable => words::partition_table(),
            Self::BackupTable => words::backup_table(),
            Self::Unused => words::unused_bytes(),
            Self::File(path) => Phrase::same(path),
            Self::FileSystem => words::file_system(),
            Self::HashTree => words::hash_tree(),
            Self::EditionSeal => words::edition_seal(),
            Self::MediumSeal => words::medium_seal(),
            Self::WritableArea => words::writable_area(),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.phrase().en())
    }
}

/// What became of a block, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// How it differs.
    Bytes(Difference),
    /// It holds what belongs into another block, as media of faked capacity do.
    OtherBlock(
        /// That block, counted from the medium's start.
        u64,
    ),
}

impl Damage {
    /// What became of `expected`; none if it is what was found.
    pub(super) fn between(found: &[u8], expected: &[u8]) -> Option<Self> {
        Difference::between(expected, found).map(Self::Bytes)
    }

    /// What became of a block whose bytes nobody knows any more.
    pub(super) fn of(found: &[u8]) -> Self {
        let uniform = found.iter().all(|byte| *byte == found[0]);
        Self::Bytes(if uniform { Difference::Filled(found[0]) } else { Difference::Unrelated })
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(difference) => difference.fmt(f),
            Self::OtherBlock(block) => write!(f, "the data of block {block}"),
        }
    }
}

/// A hash as it should be and as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashes {
    /// By manifest, seal or layout.
    pub expected: Digest,
    /// Of what is there.
    pub found: Digest,
}

/// One thing that makes a medium altered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub part: Part,
    /// What is wrong.
    pub reason: Phrase,
    /// Blocks of 4,096 bytes, counted from the medium's start, if the fault has a place.
    pub blocks: Option<Range<u64>>,
    /// Hashes of the first of these blocks; of the whole file where blocks can't be told apart.
    pub hashes: Option<Hashes>,
    /// What became of the first of these blocks.
    pub damage: Option<Damage>,
}

impl Fault {
    /// A fault without a place.
    pub fn new(part: Part, reason: Phrase) -> Self {
        Self { part, reason, blocks: None, hashes: None, damage: None }
    }

    /// The part and what is wrong with it.
    pub fn phrase(&self) -> Phrase {
        words::of_part(self.part.phrase(), &self.reason)
    }
}

/// One change that ordinary use makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// What it is, for a person.
    pub what: Phrase,
    /// Bytes of the medium, if the change has a place.
    pub bytes: Option<Range<u64>>,
}

/// How one step of a check went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is as it should be; the text says what was seen.
    Good(String),
    /// It is not.
    Bad(String),
    /// It could not be checked; the text says why.
    NotChecked(String),
}

/// One step of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was looked at.
    pub what: &'static str,
    /// How it went.
    pub outcome: Outcome,
}

/// The edition that a medium says it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditionFacts {
    /// Its name.
    pub name: String,
    /// SHA-256 over its manifest's payload.
    pub id: EditionId,
    /// Who signed it.
    pub signer: String,
}

/// Which medium it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediumFacts {
    /// Its number.
    pub number: MediumId,
    /// Number of the store that made it.
    pub store: StoreId,
    /// That store's name.
    pub store_name: String,
    /// Made at.
    pub made: Timestamp,
    /// Sold at, if it was sold.
    pub sold: Option<Timestamp>,
}

/// Whether the certificate is bound to the hardware it lies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// The certificate binds it to no hardware.
    Unbound,
    /// It is this hardware.
    Same(String),
    /// It is other hardware: a copy.
    CopyOf {
        /// The hardware in the certificate.
        bound: String,
        /// What it lies on now.
        found: Phrase,
    },
    /// It could not be told.
    NotChecked {
        /// The hardware in the certificate; none if the certificate is not to be had.
        bound: Option<String>,
        /// Why.
        reason: String,
    },
}

/// What the journal's two copies hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum History {
    /// Every record follows, and both copies hold every record.
    Sound(Balance),
    /// Every record follows; a copy lacks some that the other has.
    Repaired {
        /// What the records add up to.
        balance: Balance,
        /// Names of the copies that lack records.
        lacking: Vec<&'static str>,
    },
    /// Every record follows, with those that both copies lack and this computer's mirror has: they
    /// are not on the medium before it is opened for writing.
    Restored {
        /// What the records add up to.
        balance: Balance,
        /// What is wrong with the medium itself.
        hole: Phrase,
    },
    /// Records are lost or don't follow.
    Damaged(Phrase),
    /// It could not be checked.
    NotChecked(Phrase),
}

/// Whose key signs a medium's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The first key, which its store made.
    Store,
    /// A key that its owner made since.
    Owner,
}

/// What records add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// How many records there are.
    pub records: usize,
    /// How many of them spent a sealed code.
    pub codes: usize,
    /// Whose key signs the next record.
    pub holder: Holder,
    /// The journal's generation; an even one lies in the first bank of each copy, an odd one in
    /// the second.
    pub generation: u64,
    /// The checkpoint that its records begin behind, if it was compacted under one.
    pub checkpoint: Option<u64>,
    /// All that is on it.
    pub amount: Amount,
    /// The currency and its decimal places.
    pub currency: CurrencyForm,
}

/// Whether the owner's access key is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Both access files hold a slot of the holder key.
    Sound,
    /// Only one does; the text names what is wrong with the other.
    OneCopy(Phrase),
    /// Neither does.
    Damaged(Phrase),
    /// It could not be checked.
    NotChecked(Phrase),
}

/// A second history: records that one copy of the journal has in place of those that count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    /// The copy that has them.
    pub copy: &'static str,
    /// Sequence of the first of them, as it states.
    pub from: u64,
    /// The records; fewer than those that count.
    pub records: Vec<Vec<u8>>,
    /// Whether they follow as well: then the medium went two ways.
    pub follows: bool,
}

/// What the two files of the item key ring hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKeys {
    /// Both hold so many keys.
    Sound(usize),
    /// A copy lacks some, or a change of one was cut off.
    Repaired {
        /// How many keys there are, by both together.
        keys: usize,
        /// Names of the copies that are given some.
        lacking: Vec<&'static str>,
    },
    /// Some are whole in neither.
    Damaged {
        /// How many keys there are, by both together.
        keys: usize,
        /// How many are gone.
        lost: usize,
    },
    /// They could not be checked.
    NotChecked(Phrase),
}

/// What the two papers files hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Papers {
    /// The medium has no place for any.
    None,
    /// Both hold so many papers.
    Sound(usize),
    /// A copy lacks some.
    Repaired {
        /// How many papers there are, by both together.
        papers: usize,
        /// Names of the copies that are given some.
        lacking: Vec<&'static str>,
    },
    /// What both held may be lost; so many are whole.
    Damaged(usize),
    /// They could not be checked.
    NotChecked(Phrase),
}

/// All that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The verdict on partition table, read-only area and seal.
    pub verdict: Verdict,
    /// The root that everything was signed under.
    pub root: Option<Anchor>,
    /// What that root is for.
    pub purpose: Option<Purpose>,
    /// The edition.
    pub edition: Option<EditionFacts>,
    /// The medium.
    pub medium: Option<MediumFacts>,
    /// What makes it altered, and what could not be read, at most [`TOLD_MAX`].
    pub faults: Vec<Fault>,
    /// How many faults there are, told or not.
    pub fault_count: usize,
    /// How many blocks of 4,096 bytes could not be read.
    pub unreadable: usize,
    /// What ordinary use has changed, at most [`TOLD_MAX`].
    pub touches: Vec<Touch>,
    /// What rules say no to.
    pub refusals: Vec<Phrase>,
    /// What a person should know, without weight.
    pub notes: Vec<Phrase>,
    /// The steps in order, each checked or not.
    pub steps: Vec<Step>,
    /// The hardware binding.
    pub hardware: Binding,
    /// The journal.
    pub history: History,
    /// A second history beside it.
    pub rival: Option<Rival>,
    /// The access key.
    pub access: Access,
    /// The item key ring.
    pub items: ItemKeys,
    /// The papers that came with its checkpoints.
    pub papers: Papers,
}

impl Report {
    pub(super) fn begin() -> Self {
        let unknown = words::unknown;
        Self {
            verdict: Verdict::NoMedium,
            root: None,
            purpose: None,
            edition: None,
            medium: None,
            faults: vec![],
            fault_count: 0,
            unreadable: 0,
            touches: vec![],
            refusals: vec![],
            notes: vec![],
            steps: vec![],
            hardware: Binding::NotChecked { bound: None, reason: unknown().en().to_owned() },
            history: History::NotChecked(unknown()),
            rival: None,
            access: Access::NotChecked(unknown()),
            items: ItemKeys::NotChecked(unknown()),
            papers: Papers::NotChecked(unknown()),
        }
    }

    /// How grave the whole is.
    pub fn grade(&self) -> Grade {
        let damaged = matches!(self.verdict, Verdict::Altered | Verdict::NoMedium)
            || matches!(self.history, History::Damaged(_))
            || matches!(self.access, Access::Damaged(_))
            || matches!(self.items, ItemKeys::Damaged { .. })
            || matches!(self.papers, Papers::Damaged(_));
        let copy = matches!(self.hardware, Binding::CopyOf { .. });
        if self.unreadable > 0 {
            Grade::Unreadable
        } else if damaged {
            Grade::Damaged
        } else if !self.refusals.is_empty() {
            Grade::Refused
        } else if copy || !self.root.is_some_and(Anchor::is_pinned) {
            Grade::Differs
        } else {
            Grade::Good
        }
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        self.fault_count += 1;
        if self.faults.len() < TOLD_MAX {
            self.faults.push(fault);
        }
    }

    pub(super) fn touch(&mut self, touch: Touch) {
        if self.touches.len() < TOLD_MAX && !self.touches.contains(&touch) {
            self.touches.push(touch);
        }
    }

    /// Note a step that went well if no fault came since `before` were counted.
    pub(super) fn step(&mut self, what: &'static str, before: usize, good: impl Into<String>) {
        let outcome = match self.fault_count - before {
            0 => Outcome::Good(good.into()),
            1 => Outcome::Bad("1 fault".to_owned()),
            count => Outcome::Bad(format!("{count} faults")),
        };
        self.steps.push(Step { what, outcome });
    }

    pub(super) fn not_checked(&mut self, what: &'static str, why: impl Into<String>) {
        self.steps.push(Step { what, outcome: Outcome::NotChecked(why.into()) });
    }

    /// Sealed, touched or altered, by what was found.
    pub(super) fn conclude(&mut self) {
        self.verdict = if self.fault_count > 0 {
            Verdict::Altered
        } else if self.touches.is_empty() {
            Verdict::Sealed
        } else {
            Verdict::Touched
        };
    }
}
