//! Records of the side that receives and pays.

use super::{Host, NextError, about, noted, signed};
use crate::format::record::{Accounting, Body, EventId, Record};
use crate::format::transfer::{Partner, Terms, TransferId};
use crate::ledger::charge::segment;
use crate::ledger::event::segment_event;
use crate::ledger::{State, Transfer};
use crate::units::ByteCount;

/// What is fetched, and from whom.
#[derive(Debug, Clone, Copy)]
pub struct Package<'a> {
    /// The terms; those of the first start, if it goes on.
    pub terms: &'a Terms,
    /// The item.
    pub item: &'a str,
    /// Who sends.
    pub partner: Partner,
}

/// A segment begins where the transfer stands; its greatest charge is reserved.
pub fn download_start(
    state: &State,
    host: &Host,
    event: EventId,
    package: &Package<'_>,
) -> Result<Record, NextError> {
    let Package { terms, item, partner } = *package;
    let known = state.transfers.get(&terms.transfer);
    let before = known.map_or(ByteCount::from_bytes(0), |known| known.covered);
    let left = ByteCount::from_bytes(terms.length.bytes().saturating_sub(before.bytes()));
    let reserved = segment(terms, before, left)?.charge;
    let free = state.free();
    if reserved > free {
        return Err(NextError::Funds { needs: reserved.minor(), free: free.minor() });
    }
    let (whose, minor) = ((&terms.transfer, partner), reserved.minor());
    let placed = segment_event(state.medium, &state.head, minor, whose, item.as_bytes());
    let body = Body::DownloadStart { terms: terms.clone(), partner, before };
    let mut record = about(noted(state, host, event, &partner.to_string(), body), item);
    record.history.link = Some(placed);
    Ok(record)
}

/// The open segment of a transfer broke off after so many bytes.
pub fn download_interrupted(
    state: &State,
    host: &Host,
    event: EventId,
    transfer: TransferId,
    got: ByteCount,
) -> Result<Record, NextError> {
    closed(state, host, event, &transfer, got, Body::DownloadInterrupted { transfer, got })
}

/// The open segment of a transfer brought the last byte.
pub fn download_end(
    state: &State,
    host: &Host,
    event: EventId,
    transfer: TransferId,
) -> Result<Record, NextError> {
    let known = known(state, &transfer)?;
    let left = known.terms.length.bytes().saturating_sub(known.covered.bytes());
    let got = ByteCount::from_bytes(left);
    closed(state, host, event, &transfer, got, Body::DownloadEnd { transfer, got })
}

fn known<'a>(state: &'a State, transfer: &TransferId) -> Result<&'a Transfer, NextError> {
    state.transfers.get(transfer).ok_or(NextError::Transfer("was not begun"))
}

fn closed(
    state: &State,
    host: &Host,
    event: EventId,
    transfer: &TransferId,
    got: ByteCount,
    body: Body,
) -> Result<Record, NextError> {
    let known = known(state, transfer)?;
    let open = known.open.as_ref().ok_or(NextError::Transfer("has no open segment"))?;
    let charge = segment(&known.terms, known.covered, got)?.charge;
    let partner = open.partner.to_string();
    let mut record = about(noted(state, host, event, &partner, body), &known.content);
    record.history.link = Some(open.event);
    if !charge.is_zero() {
        record.accounting = Some(Accounting {
            event: open.event,
            at: host.at,
            amount: -signed(charge),
            balance_after: state.balance.checked_sub(charge)?,
            partner,
            reason: "download".to_owned(),
        });
    }
    Ok(record)
}
