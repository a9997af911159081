//! A plan: what reconciling found, and what settling it posts.
//!
//! A file of a plan is a row of objects one behind the other: a head, an entry for each medium in
//! the order of their numbers, a tail. Nobody signs it: whoever posts it makes it his own.

use super::checkpoint::Checkpoint;
use super::decision::Verdict;
use super::field::{Bytes, choice, record};
use super::objects;
use super::record::EventId;
use crate::crypto::sign::PublicKey;
use crate::units::{Amount, Currency, MediumId, Sequence, StoreId, Timestamp};

choice! {
    /// What the evidence is, whatever anyone meant by it.
    pub enum Class {
        /// All that it states is settled.
        0 => Matched "matched",
        /// It states more than is settled.
        1 => MediumAhead "medium-ahead",
        /// It is a beginning of what is known.
        2 => MediumBehind "medium-behind",
        /// Two records at one sequence.
        3 => Fork "fork",
        /// Two owners' keys took over from the store's.
        4 => ContestedActivation "contested-activation",
        /// Two amounts for one thing.
        5 => AmountDiffers "amount-differs",
        /// Two counts of bytes for one thing.
        6 => BytesDiffer "bytes-differ",
        /// A payer signed for bytes of a segment that its journal doesn't begin.
        7 => ReceiptWithoutStart "receipt-without-start",
        /// Records between others are missing.
        8 => Gap "gap",
        /// Bytes aren't what was written.
        9 => Damaged "damaged",
        /// Something isn't signed by whom it should be.
        10 => BadSignature "bad-signature",
        /// A number that was never given out.
        11 => UnknownMedium "unknown-medium",
        /// Another store than the one that has the number.
        12 => WrongStore "wrong-store",
        /// More than a store may sell.
        13 => OverQuota "over-quota",
        /// What was revoked.
        14 => Revoked "revoked",
        /// One thing was sold two times.
        15 => SoldTwice "sold-twice",
        /// A code or voucher that no journal sold.
        16 => RedeemedNeverSold "redeemed-never-sold",
        /// A code or voucher whose sale was taken back.
        17 => RedeemedAfterVoid "redeemed-after-void",
        /// A medium that no journal sold was spent from.
        18 => SpentNeverSold "spent-never-sold",
        /// One code or voucher counts for two things.
        19 => DuplicateCodeOrVid "duplicate-code-or-vid",
        /// Another currency than the records'.
        20 => Currency "currency",
        /// More than was there, or than goes on without a person.
        21 => Overdraft "overdraft",
        /// Times that can't be.
        22 => ClockOddity "clock-oddity",
        /// Something could not be looked at.
        23 => NotChecked "not-checked",
    }
}

choice! {
    /// How a settled event counts.
    pub enum PlanEffect {
        /// No money moved.
        0 => Nothing "nothing",
        /// Added or taken on the medium itself, or a fee that vested.
        1 => Own "own",
        /// Taken by a segment of a download.
        2 => AtPartner "at a partner",
        /// Earned and not vested.
        3 => Earned "earned",
        /// Nothing moved, a transfer began.
        4 => Began "began",
    }
}

choice! {
    /// Whose key made a fork possible.
    pub enum PlanBlame {
        /// Nobody's that matters: a merge settles it.
        0 => Nobody "nobody",
        /// The store's, who had the key.
        1 => Store "store",
        /// It lies before the first checkpoint: its cost is the store's.
        2 => StoreKey "store key",
    }
}

choice! {
    /// A kind of account in the books.
    pub enum AccountKind {
        /// The issuer has it.
        1 => Cash "cash",
        /// A store owes it.
        2 => Store "store",
        /// Sold for a medium and not known to be on it.
        3 => Outstanding "outstanding",
        /// A medium may spend it.
        4 => Settled "settled",
        /// A medium earned it, and it isn't vested.
        5 => Provisional "provisional",
        /// Open transfers hold it.
        6 => Reserved "reserved",
        /// A medium lacks it.
        7 => Debt "debt",
        /// A rights holder's goods brought it.
        8 => Revenue "revenue",
        /// A store bears it.
        9 => ForkLoss "fork loss",
    }
}

record! {
    /// Where a medium stands in the records; before the first checkpoint hashes are zeros.
    pub struct PlanRow {
        /// Number of its newest checkpoint.
        1 => number: u64,
        /// SHA-256 over that.
        2 => hash: [u8; 32],
        /// Sequence of the newest settled record.
        3 => seq: Option<Sequence>,
        /// SHA-256 over that.
        4 => head: [u8; 32],
    }
}

record! {
    /// One of the two things that a finding holds against each other.
    pub struct Side {
        /// What it is, for a person.
        1 => what: String,
        /// SHA-256 over it.
        2 => hash: [u8; 32],
        /// It itself, where it is signed and short.
        3 => bytes: Option<Bytes>,
    }
}

record! {
    /// One classified difference.
    pub struct Finding {
        /// The first 16 bytes of SHA-256 over `"scrip/finding/v1"`, class (1 byte), medium (8 bytes,
        /// zeros for none) and the hashes that it rests on, ascending.
        1 => id: [u8; 16],
        /// What it is.
        2 => class: Class,
        /// The medium.
        3 => medium: Option<MediumId>,
        /// The store.
        4 => store: Option<StoreId>,
        /// The record, or the entry of the store's journal.
        5 => seq: Option<Sequence>,
        /// What it moves or concerns, minor units.
        6 => amount: i64,
        /// Both sides, as far as they are known.
        7 => sides: Vec<Side>,
        /// The rule that decides.
        8 => rule: String,
        /// What the owner is told.
        9 => owner: String,
        /// It keeps its medium from being settled until a person decides; this is at stake, minor
        /// units.
        10 => stake: Option<Amount>,
        /// What a person decided about it.
        11 => decided: Option<Decided>,
    }
}

record! {
    /// What a person decided about a finding, by the records.
    pub struct Decided {
        /// What.
        1 => verdict: Verdict,
        /// When.
        2 => at: Timestamp,
        /// Why.
        3 => text: String,
        /// Who.
        4 => by: Vec<String>,
    }
}

record! {
    /// An account in the books.
    pub struct PlanAccount {
        /// Its kind.
        1 => kind: AccountKind,
        /// The medium's or store's number.
        2 => number: Option<u64>,
        /// The rights holder's name.
        3 => name: Option<String>,
    }
}

record! {
    /// A sum that goes from one account to another.
    pub struct PlanMove {
        /// It has more then.
        1 => debit: PlanAccount,
        /// It has less then.
        2 => credit: PlanAccount,
        /// More than nothing, minor units.
        3 => amount: Amount,
    }
}

record! {
    /// An event that a settlement settles, or counts otherwise than before.
    pub struct PlanEvent {
        /// The event.
        1 => event: EventId,
        /// What it added or took, minor units.
        2 => amount: i64,
        /// How that counts.
        3 => effect: PlanEffect,
    }
}

record! {
    /// The record that is seen first at a sequence.
    pub struct PlanHeld {
        /// The sequence.
        1 => seq: Sequence,
        /// SHA-256 over the record.
        2 => hash: [u8; 32],
    }
}

record! {
    /// Two records at one sequence.
    pub struct PlanFork {
        /// The sequence.
        1 => seq: Sequence,
        /// SHA-256 over the one.
        2 => one: [u8; 32],
        /// SHA-256 over the other, which is greater.
        3 => other: [u8; 32],
        /// Whose it is.
        4 => by: PlanBlame,
    }
}

record! {
    /// What settling posts of one medium.
    pub struct PlanPosting {
        /// To be signed; the account afterwards is in it.
        1 => checkpoint: Checkpoint,
        /// What the store lost by forks so far, minor units.
        2 => store_loss: Amount,
        /// Events of this settlement, ascending.
        3 => events: Vec<PlanEvent>,
        /// Sequence of the rekey that stands.
        4 => rekey: Option<Sequence>,
        /// The key that took over by it.
        5 => key: Option<PublicKey>,
        /// Sequence of the newest record that the first checkpoint settled.
        6 => first: Option<Sequence>,
        /// Records that are new, by sequence.
        7 => held: Vec<PlanHeld>,
        /// Forks that are new.
        8 => forks: Vec<PlanFork>,
        /// What moves in the books.
        9 => moves: Vec<PlanMove>,
        /// What the checkpoint names by its `settled_since`, ascending.
        10 => settled_since: Vec<EventId>,
    }
}

record! {
    /// How a plan begins.
    pub struct PlanHead {
        /// 1.
        1 => version: u64,
        /// What was known by then is in it.
        2 => as_of: Timestamp,
        /// The currency of all sums.
        3 => currency: Currency,
        /// What of the records beside the media it was made against: their own digest.
        4 => base: [u8; 32],
    }
}

record! {
    /// What was found of one medium, or of a store where no medium is named.
    pub struct PlanEntry {
        /// The medium.
        1 => medium: Option<MediumId>,
        /// Where it stands in the records; absent where they don't know it.
        2 => before: Option<PlanRow>,
        /// Findings, by their ids.
        3 => findings: Vec<Finding>,
        /// What is to be posted, if anything.
        4 => posting: Option<Box<PlanPosting>>,
    }
}

record! {
    /// How many findings of a class there are, and their sum.
    pub struct ClassSum {
        /// The class.
        1 => class: Class,
        /// How many.
        2 => count: u64,
        /// The sum of their amounts, minor units.
        3 => amount: i64,
    }
}

record! {
    /// How a plan ends: what it adds up to.
    pub struct PlanTail {
        /// Entries.
        1 => entries: u64,
        /// Entries with a posting.
        2 => postings: u64,
        /// Findings by class, each that there is.
        3 => classes: Vec<ClassSum>,
        /// The sum of all moves, minor units.
        4 => moved: u64,
        /// SHA-256 over head and entries.
        5 => digest: [u8; 32],
    }
}

objects! {
    PlanHead => PlanHead,
    PlanEntry => PlanEntry,
    PlanTail => PlanTail,
}
