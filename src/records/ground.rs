//! Where media stand that are to be posted, asked of many at once.

use std::collections::{HashMap, HashSet};

use postgres::types::Type;

use super::accounts::{PostError, Posting};
use super::asked::Asked;
use super::database::StorageError;
use super::known::Standing;
use super::posting::booked;
use super::statement::Transaction;
use super::value::Value;
use crate::format::record::EventId;
use crate::format::sheet::SheetId;
use crate::units::{MediumId, Sequence, StoreId};

/// What the records hold of the media of some postings, as far as these concern it.
pub(super) struct Ground {
    media: HashMap<MediumId, (StoreId, Standing)>,
    amounts: HashMap<(MediumId, EventId), i64>,
    held: HashSet<(MediumId, Sequence)>,
    sheets: HashMap<MediumId, Vec<(u64, SheetId)>>,
}

impl Ground {
    pub(super) fn of(tx: &mut Transaction<'_>, postings: &[Posting]) -> Result<Self, StorageError> {
        let (media, amounts) = (standings(tx, postings)?, amounts(tx, postings)?);
        Ok(Self { media, amounts, held: held(tx, postings)?, sheets: sheets(tx, postings)? })
    }

    /// The store that a medium was given to, and where it stands.
    pub(super) fn of_medium(&self, medium: MediumId) -> Result<(StoreId, &Standing), PostError> {
        let found = self.media.get(&medium).ok_or(PostError::UnknownMedium(medium))?;
        Ok((found.0, &found.1))
    }

    /// What an event of a posting was booked with before, minor units.
    pub(super) fn amount(&self, medium: MediumId, event: EventId) -> Option<i64> {
        self.amounts.get(&(medium, event)).copied()
    }

    /// Is anything held at this place of a posting already?
    pub(super) fn holds(&self, medium: MediumId, seq: Sequence) -> bool {
        self.held.contains(&(medium, seq))
    }

    /// The sheets of a medium whose checkpoint lists slots, newest first.
    pub(super) fn sheets(&self, medium: MediumId) -> impl Iterator<Item = SheetId> {
        self.sheets.get(&medium).into_iter().flatten().map(|(_, sheet)| *sheet)
    }
}

/// Those of media that have a checkpoint already; of the others nothing else is there.
fn settled(postings: &[Posting]) -> impl Iterator<Item = &Posting> {
    postings.iter().filter(|posting| posting.before.number > 0)
}

fn standings(
    tx: &mut Transaction<'_>,
    postings: &[Posting],
) -> Result<HashMap<MediumId, (StoreId, Standing)>, StorageError> {
    const FIND: &str = "SELECT number, hash, seq, head, settled_minor, provisional_minor, \
        reserved_minor, debt_minor, store_loss_minor, rekey_seq, rekey_key, first_seq, \
        media.medium, media.store FROM asked JOIN media ON media.medium = asked.medium \
        LEFT JOIN accounts ON accounts.medium = media.medium";
    let rows = postings.iter().map(|posting| [posting.medium.into()]);
    let asked = Asked::new([("medium", Type::INT8)], rows);
    let found = tx.rows_asked(FIND, &asked, |row| {
        let standing = row.optional(0, |row, _| Standing::read(row))?;
        Ok((row.medium(12)?, (row.store(13)?, standing.unwrap_or(Standing::UNSETTLED))))
    })?;
    Ok(found.into_iter().collect())
}

fn amounts(
    tx: &mut Transaction<'_>,
    postings: &[Posting],
) -> Result<HashMap<(MediumId, EventId), i64>, StorageError> {
    const FIND: &str = "SELECT settled_events.medium, settled_events.event, amount_minor \
        FROM asked JOIN settled_events ON settled_events.medium = asked.medium \
        AND settled_events.event = asked.event";
    let rows = settled(postings).flat_map(|posting| {
        let medium = Value::from(posting.medium);
        booked(posting).map(move |(event, _)| [medium, Value::Bytes(event)])
    });
    let asked = Asked::new([("medium", Type::INT8), ("event", Type::BYTEA)], rows);
    let found =
        tx.rows_asked(FIND, &asked, |row| Ok(((row.medium(0)?, row.array(1)?), row.int(2)?)))?;
    Ok(found.into_iter().collect())
}

fn held(
    tx: &mut Transaction<'_>,
    postings: &[Posting],
) -> Result<HashSet<(MediumId, Sequence)>, StorageError> {
    const FIND: &str = "SELECT held_records.medium, held_records.seq FROM asked \
        JOIN held_records ON held_records.medium = asked.medium \
        AND held_records.seq BETWEEN asked.first AND asked.last";
    let rows = settled(postings).filter_map(|posting| {
        let held = &posting.account.held;
        let ends = [held.first_key_value()?.0, held.last_key_value()?.0];
        let [first, last] = ends.map(|seq| Value::count(seq.number()));
        Some([posting.medium.into(), first, last])
    });
    let columns = ["medium", "first", "last"].map(|name| (name, Type::INT8));
    let found = tx.rows_asked(FIND, &Asked::new(columns, rows), |row| {
        Ok((row.medium(0)?, Sequence::from_number(row.count(1)?)))
    })?;
    Ok(found.into_iter().collect())
}

fn sheets(
    tx: &mut Transaction<'_>,
    postings: &[Posting],
) -> Result<HashMap<MediumId, Vec<(u64, SheetId)>>, StorageError> {
    const FIND: &str = "SELECT sheets.medium, sheets.number, sheets.sheet FROM asked \
        JOIN sheets ON sheets.medium = asked.medium";
    let listed = postings.iter().filter(|posting| !posting.checkpoint.slots.0.is_empty());
    let rows = listed.map(|posting| [posting.medium.into()]);
    let asked = Asked::new([("medium", Type::INT8)], rows);
    let found =
        tx.rows_asked(FIND, &asked, |row| Ok((row.medium(0)?, (row.count(1)?, row.array(2)?))))?;
    let mut sheets: HashMap<MediumId, Vec<(u64, SheetId)>> = HashMap::new();
    for (medium, sheet) in found {
        sheets.entry(medium).or_default().push(sheet);
    }
    for sheets in sheets.values_mut() {
        sheets.sort_unstable_by(|one, other| other.cmp(one));
    }
    Ok(sheets)
}
