//! What of a record the rules look at.

use crate::format::record::{Body, EventId, RecordKind, RecordOf};
use crate::format::text::{Text, TextView};
use crate::units::{Amount, MediumId, Sequence, Timestamp};

/// What of a record the rules look at, however it keeps its texts: nothing that is for persons.
pub(super) struct Facts<'a> {
    pub(super) medium: MediumId,
    pub(super) seq: Sequence,
    pub(super) prev: &'a [u8; 32],
    pub(super) floor: Timestamp,
    pub(super) kind: RecordKind,
    pub(super) content: Option<TextView<'a>>,
    pub(super) link: Option<EventId>,
    pub(super) accounting: Option<Entry>,
    pub(super) body: &'a Body,
}

/// What it says that it did to the money.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) event: EventId,
    pub(super) amount: i64,
    pub(super) balance_after: Amount,
}

impl<'a> Facts<'a> {
    #[inline]
    pub(super) fn of<T: Text, Rest>(record: &'a RecordOf<T, Rest>, body: &'a Body) -> Self {
        let (history, accounting) = (&record.history, record.accounting.as_ref());
        Self {
            medium: record.medium,
            seq: record.seq,
            prev: &record.prev,
            floor: record.floor,
            kind: history.kind,
            content: history.content.as_ref().map(Text::view),
            link: history.link,
            accounting: accounting.map(|entry| Entry {
                event: entry.event,
                amount: entry.amount,
                balance_after: entry.balance_after,
            }),
            body,
        }
    }
}
