//! The next record of a medium, as [`super::apply`] will accept it.

use super::State;
use crate::format::record::{Accounting, Body, EventId, History, Record, RecordKind};
use crate::format::sheet::{SecretDigits, SheetId};
use crate::units::{Amount, Timestamp, UnitError};
use crate::voucher::code_event;

/// Where a record is made.
#[derive(Debug, Clone)]
pub struct Host {
    /// The host's clock.
    pub at: Timestamp,
    /// The newest time signed by an issuer or settler that is known.
    pub floor: Timestamp,
    /// Random for each session.
    pub instance: [u8; 8],
}

/// A code that opened its slot.
#[derive(Debug, Clone)]
pub struct Code {
    /// The sheet.
    pub sheet: SheetId,
    /// The slot.
    pub slot: u8,
    /// What opened it.
    pub secret: SecretDigits,
    /// What it credits.
    pub amount: Amount,
}

/// The first record of a medium.
pub fn genesis(blank: &State, host: &Host, event: EventId) -> Record {
    let history = History {
        event,
        at: host.at,
        kind: RecordKind::Genesis,
        partner: "store".to_owned(),
        content: None,
        link: None,
    };
    record(blank, host, history, None, Body::Genesis { certificate: blank.head })
}

/// A top-up by a code that opened its slot.
pub fn topup(
    state: &State,
    host: &Host,
    code: &Code,
    event: EventId,
    partner: &str,
) -> Result<Record, UnitError> {
    let accounting = Accounting {
        event: code_event(state.medium, &code.sheet, code.slot),
        at: host.at,
        amount: i64::try_from(code.amount.minor()).expect("amounts are far below 2^63"),
        balance_after: state.balance.checked_add(code.amount)?,
        partner: partner.to_owned(),
        reason: "top-up by code".to_owned(),
    };
    let history = History {
        event,
        at: host.at,
        kind: RecordKind::Topup,
        partner: partner.to_owned(),
        content: None,
        link: Some(accounting.event),
    };
    let (sheet, slot, secret) = (code.sheet, code.slot, code.secret.clone());
    Ok(record(state, host, history, Some(accounting), Body::TopupCode { sheet, slot, secret }))
}

fn record(
    state: &State,
    host: &Host,
    history: History,
    accounting: Option<Accounting>,
    body: Body,
) -> Record {
    Record {
        medium: state.medium,
        seq: state.next,
        prev: state.head,
        floor: state.floor.map_or(host.floor, |floor| floor.max(host.floor)),
        instance: host.instance,
        history,
        accounting,
        body,
    }
}
