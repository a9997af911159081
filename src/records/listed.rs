//! What a settlement settled, event by event.
//!
//! A settlement moves one sum for all that it credited and one for all that a rights holder's goods
//! cost; which events these were stands beside it. They are listed wherever they come to that sum.

use std::collections::{BTreeMap, BTreeSet};

use super::database::StorageError;
use super::entries::sales_of;
use super::holding::{Happening, StatementLine};
use super::statement::Transaction;
use crate::format::record::EventId;
use crate::units::MediumId;

/// Effects of settled events as the table has them.
const OWN: i64 = 1;
const EARNED: i64 = 3;

/// The settled events of a medium, by the checkpoint that settled them.
pub(super) struct Events {
    of: BTreeMap<u64, Vec<Event>>,
    /// What crediting a code or voucher is that somebody sold.
    sold: BTreeSet<EventId>,
}

#[derive(Clone, Copy)]
struct Event {
    id: EventId,
    minor: i64,
    effect: i64,
}

impl Events {
    pub(super) fn of(tx: &mut Transaction<'_>, medium: MediumId) -> Result<Self, StorageError> {
        const FIND: &str = "SELECT number, event, amount_minor, effect FROM settled_events \
            WHERE medium = $1 ORDER BY number, event";
        let mut of: BTreeMap<u64, Vec<Event>> = BTreeMap::new();
        tx.for_each(FIND, &[medium.into()], |row| -> Result<(), StorageError> {
            let (id, minor, effect) = (row.array(1)?, row.int(2)?, row.int(3)?);
            of.entry(row.count(0)?).or_default().push(Event { id, minor, effect });
            Ok(())
        })?;
        let sold = sales_of(tx, medium)?.sold.into_iter().map(|sold| sold.event).collect();
        Ok(Self { of, sold })
    }

    /// The lines of a checkpoint, each sum in its events where they come to it; `vested` is what
    /// was provisional before and is no more.
    pub(super) fn list(
        &self,
        checkpoint: u64,
        lines: Vec<StatementLine>,
        vested: i64,
    ) -> Vec<StatementLine> {
        let events = self.of.get(&checkpoint).map_or(&[][..], Vec::as_slice);
        let (fees, credits) = self.added(events, vested);
        let spent: Vec<Event> = events.iter().copied().filter(|one| one.minor < 0).collect();
        let mut kinds: [(Vec<StatementLine>, Vec<Event>); 3] =
            [(vec![], credits), (vec![], spent), (vec![], fees)];
        let mut listed = vec![];
        for line in lines {
            match line.what {
                Happening::Credited => kinds[0].0.push(line),
                Happening::Spent(_) => kinds[1].0.push(line),
                Happening::Earned(_) => kinds[2].0.push(line),
                _ => listed.push(line),
            }
        }
        let each = kinds.into_iter().flat_map(|(lines, events)| each_event(lines, &events));
        each.chain(listed).collect()
    }

    /// Fees that were earned by this settlement, and what was credited by it.
    fn added(&self, events: &[Event], vested: i64) -> (Vec<Event>, Vec<Event>) {
        let more = events.iter().copied().filter(|one| one.minor > 0);
        let (mut fees, own): (Vec<_>, Vec<_>) = more.partition(|one| one.effect == EARNED);
        let own = own.into_iter().filter(|one| one.effect == OWN);
        // A fee that vests is the medium's own as well; no code or voucher has its name.
        let (credits, vesting): (Vec<_>, Vec<_>) =
            own.partition(|one| vested == 0 || self.sold.contains(&one.id));
        fees.extend(vesting);
        (fees, credits)
    }
}

/// The lines of one kind event by event, unless these come to something else.
fn each_event(lines: Vec<StatementLine>, events: &[Event]) -> Vec<StatementLine> {
    let by_lines: i64 = lines.iter().map(|line| line.balance).sum();
    let by_events: i64 = events.iter().map(|one| one.minor).sum();
    let Some(first) = lines.first().filter(|_| by_lines == by_events) else { return lines };
    let mut parties: Vec<&str> = lines.iter().filter_map(|line| line.what.party()).collect();
    parties.dedup();
    let what = match &first.what {
        Happening::Spent(_) => Happening::Spent(parties.join(" or ")),
        Happening::Earned(_) => Happening::Earned(parties.join(" or ")),
        other => other.clone(),
    };
    let each = events.iter().map(|one| StatementLine {
        what: what.clone(),
        event: Some(one.id),
        balance: one.minor,
        unredeemed: if what == Happening::Credited { -one.minor } else { 0 },
        ..first.clone()
    });
    each.collect()
}
