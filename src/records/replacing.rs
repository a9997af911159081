//! A lost medium's money goes to the one that takes its place.

use super::Records;
use super::accounts::{Known, PostError, Posting};
use super::database::{StorageError, operation_error};
use super::ground::Ground;
use super::known::known;
use super::moves::{Account, Holders, Move};
use super::post::{Signing, add_plan, sign};
use super::posting::{Change, write_all};
use super::statement::Transaction;
use super::value::{Row, Value};
use crate::crypto::digest::sha256_parts;
use crate::format::checkpoint::{Bounded, Checkpoint, CheckpointFile, SettledSince};
use crate::format::record::EventId;
use crate::format::{DecodeError, Object};
use crate::ledger::{Booked, Effect, settled_since_hash};
use crate::trust::{Claimed, TrustError};
use crate::units::{Amount, MediumId, Timestamp};

/// A list of settled events is read up to this length.
const SINCE_MAX: usize = 1_024;
/// All that is kept of a replacement.
const FIND: &str = "SELECT lost, heir, list, begun_at, due_at, heir_number, credited_minor \
    FROM replacements WHERE lost = $1";

/// A medium that another one takes the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replacement {
    /// The medium that is lost or broke.
    pub lost: MediumId,
    /// The one in its place.
    pub heir: MediumId,
    /// The revocation list that ended the lost one.
    pub list: u64,
    /// When that was.
    pub begun: Timestamp,
    /// From then on the heir is credited.
    pub due: Timestamp,
    /// The heir's checkpoint that carries the sum; 0 before there is one.
    pub number: u64,
    /// All that went over.
    pub credited: Amount,
}

/// Why a medium isn't replaced.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// No such medium was ever given out.
    #[error("medium {0} is unknown: its number was never given out")]
    UnknownMedium(MediumId),
    /// A medium can't take its own place.
    #[error("medium {0} can't take its own place")]
    Same(MediumId),
    /// Another one takes its place.
    #[error("medium {lost} is replaced by medium {heir} already, not by {asked}")]
    Another {
        /// The lost one.
        lost: MediumId,
        /// The one in its place.
        heir: MediumId,
        /// The one that was asked for.
        asked: MediumId,
    },
    /// The heir is lost itself.
    #[error("medium {0} was replaced itself, and takes nobody's place")]
    Lost(MediumId),
    /// Their stores sell in different currencies.
    #[error("medium {lost} holds {found}, medium {heir} holds {expected}")]
    Currency {
        /// The lost one.
        lost: MediumId,
        /// Its currency.
        found: String,
        /// The heir.
        heir: MediumId,
        /// The heir's currency.
        expected: String,
    },
    /// The heir has no checkpoint to go on from.
    #[error(
        "medium {0} was never settled, so that nothing can be credited to it: reconcile its export \
         and settle that first"
    )]
    Unsettled(MediumId),
    /// The records' own checkpoint doesn't read.
    #[error("checkpoint of medium {medium} in the records: {reason}")]
    Checkpoint {
        /// The medium.
        medium: MediumId,
        /// What is wrong.
        reason: String,
    },
    /// The sums can't be posted.
    #[error(transparent)]
    Post(#[from] PostError),
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

operation_error!(ReplaceError);

impl Records {
    /// Whether one medium can take the other's place; what is kept of it if it does so already.
    pub fn check_replacement(
        &mut self,
        lost: MediumId,
        heir: MediumId,
    ) -> Result<Option<Replacement>, ReplaceError> {
        self.database.read(|tx| check(tx, lost, heir))
    }

    /// Keep that one medium takes the other's place from `due` on; what is kept already stays.
    pub fn begin_replacement(
        &mut self,
        [lost, heir]: [MediumId; 2],
        revoked_by: u64,
        due: Timestamp,
        now: Timestamp,
    ) -> Result<Replacement, ReplaceError> {
        const ADD: &str = "INSERT INTO replacements (lost, heir, list, begun_at, due_at) \
            VALUES ($1, $2, $3, $4, $5)";
        self.database.write(|tx| {
            if let Some(known) = check(tx, lost, heir)? {
                return Ok(known);
            }
            let values =
                [lost.into(), heir.into(), Value::count(revoked_by), now.into(), due.into()];
            tx.execute(ADD, &values)?;
            Ok(Replacement {
                lost,
                heir,
                list: revoked_by,
                begun: now,
                due,
                number: 0,
                credited: Amount::ZERO,
            })
        })
    }

    /// What would go from a lost medium to its heir now.
    pub fn owed_to_heir(&mut self, lost: MediumId) -> Result<Amount, StorageError> {
        self.database.read(|tx| Ok(known(tx, lost)?.as_ref().map_or(Amount::ZERO, net)))
    }

    /// Move what the lost medium has to its heir, with a checkpoint for each; nothing where it has
    /// nothing.
    pub fn credit_heir(
        &mut self,
        replacement: &Replacement,
        signing: &Signing<'_>,
        now: Timestamp,
    ) -> Result<Replacement, ReplaceError> {
        self.database.write(|tx| {
            let (lost, heir) = (replacement.lost, replacement.heir);
            let known_lost = known(tx, lost)?.ok_or(ReplaceError::UnknownMedium(lost))?;
            let known_heir = known(tx, heir)?.ok_or(ReplaceError::UnknownMedium(heir))?;
            let sum = net(&known_lost);
            if sum == Amount::ZERO {
                return Ok(check(tx, lost, heir)?.unwrap_or(*replacement));
            }
            if known_heir.row.number == 0 {
                return Err(ReplaceError::Unsettled(heir));
            }
            let name = name_of(&known_lost, heir);
            let event: EventId = *name.first_chunk().expect("32 bytes hold 16");
            let emptied = emptied(tx, &known_lost, (event, sum), heir, now)?;
            let credited = credited(tx, &known_heir, (event, sum), now)?;
            let plan = add_plan(tx, &name, now)?;
            let ground = Ground::of(tx, &[emptied.clone(), credited.clone()])?;
            let changes = vec![
                Change::check(emptied, &ground, Some(heir))?,
                Change::check(credited, &ground, None)?,
            ];
            let ready = sign(tx, &ground, changes, signing)?;
            let holders = Holders::load(tx)?;
            write_all(tx, plan, &ready, &holders)?;
            note(tx, lost, known_heir.row.number + 1, sum)?;
            Ok(check(tx, lost, heir)?.unwrap_or(*replacement))
        })
    }

    /// All replacements, by the lost media.
    pub fn replacements(&mut self) -> Result<Vec<Replacement>, StorageError> {
        const ALL: &str = "SELECT lost, heir, list, begun_at, due_at, heir_number, credited_minor \
            FROM replacements ORDER BY lost";
        self.database.read(|tx| tx.rows(ALL, &[], replacement))
    }
}

fn replacement(row: &Row<'_>) -> Result<Replacement, StorageError> {
    Ok(Replacement {
        lost: row.medium(0)?,
        heir: row.medium(1)?,
        list: row.count(2)?,
        begun: row.time(3)?,
        due: row.time(4)?,
        number: row.count(5)?,
        credited: row.amount(6)?,
    })
}

fn check(
    tx: &mut Transaction<'_>,
    lost: MediumId,
    heir: MediumId,
) -> Result<Option<Replacement>, ReplaceError> {
    const CURRENCY: &str = "SELECT stores.currency FROM media JOIN stores \
        ON stores.store = media.store WHERE media.medium = $1";
    if lost == heir {
        return Err(ReplaceError::Same(lost));
    }
    let mut currency = |medium: MediumId| -> Result<String, ReplaceError> {
        let found = tx.row(CURRENCY, &[medium.into()], |row| Ok(row.text(0)?.to_owned()))?;
        found.ok_or(ReplaceError::UnknownMedium(medium))
    };
    let (found, expected) = (currency(lost)?, currency(heir)?);
    if found != expected {
        return Err(ReplaceError::Currency { lost, found, heir, expected });
    }
    if tx.row(FIND, &[heir.into()], replacement)?.is_some() {
        return Err(ReplaceError::Lost(heir));
    }
    match tx.row(FIND, &[lost.into()], replacement)? {
        Some(known) if known.heir != heir => {
            Err(ReplaceError::Another { lost, heir: known.heir, asked: heir })
        }
        known => Ok(known),
    }
}

fn reserved(known: &Known) -> Amount {
    let open = known.account.open.iter();
    let sum = open.fold(0_u64, |sum, open| sum.saturating_add(open.reserved.minor()));
    Amount::from_minor(sum).unwrap_or(Amount::MAX)
}

/// What is free of what a medium has and its open transfers hold, less what it lacks.
fn net(known: &Known) -> Amount {
    let has = known.account.settled.minor().saturating_add(reserved(known).minor());
    Amount::from_minor(has.saturating_sub(known.account.debt.minor())).unwrap_or(Amount::MAX)
}

/// What a sum that goes over is named by: both media, and how often the lost one was settled.
fn name_of(lost: &Known, heir: MediumId) -> [u8; 32] {
    let numbers = [lost.medium.number(), heir.number(), lost.row.number];
    let [lost, heir, number] = numbers.map(u64::to_be_bytes);
    sha256_parts(&[b"scrip/replace/v1", &lost, &heir, &number])
}

/// The lost medium, with nothing on it.
fn emptied(
    tx: &mut Transaction<'_>,
    known: &Known,
    (event, sum): (EventId, Amount),
    heir: MediumId,
    now: Timestamp,
) -> Result<Posting, ReplaceError> {
    let medium = known.medium;
    let (held, debt) = (reserved(known), known.account.debt);
    let minor = -sum.minor().cast_signed();
    let mut posting = posting(tx, known, (event, minor), now)?;
    (posting.account.settled, posting.account.debt) = (Amount::ZERO, Amount::ZERO);
    posting.account.open = vec![];
    let settled = || Account::Settled(medium);
    posting.moves = moves([
        (Account::Reserved(medium), settled(), held),
        (settled(), Account::Debt(medium), debt),
        (settled(), Account::Outstanding(heir), sum),
    ]);
    Ok(stated(posting))
}

/// The heir, with the sum on it.
fn credited(
    tx: &mut Transaction<'_>,
    known: &Known,
    (event, sum): (EventId, Amount),
    now: Timestamp,
) -> Result<Posting, ReplaceError> {
    let medium = known.medium;
    let mut posting = posting(tx, known, (event, sum.minor().cast_signed()), now)?;
    let paid = known.account.debt.min(sum);
    let account = &mut posting.account;
    let less = |one: Amount, other: Amount| {
        Amount::from_minor(one.minor() - other.minor()).expect("it is at most that")
    };
    account.debt = less(account.debt, paid);
    let settled = account.settled.checked_add(less(sum, paid));
    account.settled =
        settled.map_err(|error| ReplaceError::Checkpoint { medium, reason: error.to_string() })?;
    let settled = || Account::Settled(medium);
    posting.moves = moves([
        (Account::Outstanding(medium), settled(), sum),
        (settled(), Account::Debt(medium), paid),
        (settled(), settled(), Amount::ZERO),
    ]);
    Ok(stated(posting))
}

fn moves(all: [(Account, Account, Amount); 3]) -> Vec<Move> {
    let some = all.into_iter().filter(|(_, _, amount)| *amount != Amount::ZERO);
    some.map(|(debit, credit, amount)| Move { debit, credit, amount }).collect()
}

/// A medium settled where it stands, by one event more.
fn posting(
    tx: &mut Transaction<'_>,
    known: &Known,
    (event, amount): (EventId, i64),
    now: Timestamp,
) -> Result<Posting, ReplaceError> {
    let mut account = known.account.clone();
    account.number += 1;
    let mut since: Vec<EventId> = account.events.keys().copied().chain([event]).collect();
    since.sort_unstable();
    if since.len() > SINCE_MAX {
        since.clear();
    }
    let booked = Booked { amount, effect: Effect::Own, number: account.number };
    account.events = [(event, booked)].into();
    let (as_of, listed) = (now, settled_since_hash(&since));
    let newest = newest(tx, known)?;
    let checkpoint = Checkpoint {
        number: account.number,
        prev: known.row.hash,
        as_of: as_of.max(newest.as_of),
        settled_since: (!since.is_empty()).then_some(SettledSince { number: 0, events: listed }),
        attachments: Bounded(vec![]),
        ..newest
    };
    Ok(Posting {
        medium: known.medium,
        before: known.row,
        account,
        moves: vec![],
        checkpoint,
        settled_since: since,
        findings: vec![],
    })
}

/// The checkpoint states what the account has.
fn stated(posting: Posting) -> Posting {
    let account = &posting.account;
    let (settled, debt) = (account.settled, account.debt);
    let open = Bounded(account.open.clone());
    let checkpoint = Checkpoint { settled, debt, open, ..posting.checkpoint };
    Posting { checkpoint, ..posting }
}

/// A medium's newest checkpoint.
fn newest(tx: &mut Transaction<'_>, known: &Known) -> Result<Checkpoint, ReplaceError> {
    const NEWEST: &str = "SELECT content FROM checkpoints WHERE medium = $1 AND number = $2";
    let medium = known.medium;
    let wrong = |reason: String| ReplaceError::Checkpoint { medium, reason };
    let values = [medium.into(), Value::count(known.row.number)];
    let file = tx.row(NEWEST, &values, |row| Ok(row.bytes(0)?.to_vec()))?;
    let file =
        file.ok_or_else(|| wrong(format!("there is none of number {}", known.row.number)))?;
    let file =
        CheckpointFile::decode(&file).map_err(|error: DecodeError| wrong(error.to_string()))?;
    let read = Claimed::<Checkpoint>::read(&file.checkpoint.0);
    read.map(Claimed::into_value).map_err(|error: TrustError| wrong(error.to_string()))
}

fn note(
    tx: &mut Transaction<'_>,
    lost: MediumId,
    number: u64,
    sum: Amount,
) -> Result<(), StorageError> {
    const NOTE: &str = "UPDATE replacements SET heir_number = $2, \
        credited_minor = credited_minor + $3 WHERE lost = $1";
    tx.execute(NOTE, &[lost.into(), Value::count(number), sum.into()]).map(drop)
}
