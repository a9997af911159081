//! Records of the side that sends and earns, and the receipts that it is given.

use super::{Host, NextError, about, booked, noted, signed};
use crate::crypto::sign::PublicKey;
use crate::format::field::Bytes;
use crate::format::record::{Accounting, Body, EventId, Record};
use crate::format::transfer::{Partner, Receipt, Terms, TransferId};
use crate::ledger::charge::segment;
use crate::ledger::event::earn_event;
use crate::ledger::{State, Transfer, Upload};
use crate::trust::Verified;
use crate::units::{ByteCount, MediumId};

/// What the payer's committed download-start says of the segment that begins.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// The terms.
    pub terms: &'a Terms,
    /// The item.
    pub item: &'a str,
    /// The payer.
    pub payer: MediumId,
    /// The payer's key.
    pub key: PublicKey,
    /// Bytes that it has.
    pub before: ByteCount,
    /// SHA-256 over the signed download-start.
    pub start: [u8; 32],
}

/// A segment of an upload begins.
pub fn upload_start(state: &State, host: &Host, event: EventId, segment: &Segment<'_>) -> Record {
    let Segment { terms, item, payer, key, before, start } = *segment;
    let partner = Partner::Medium(payer);
    let key = Box::new(key);
    let body = Body::UploadStart { terms: terms.clone(), partner, before, start, key };
    about(noted(state, host, event, &partner.to_string(), body), item)
}

/// The open segment of an upload broke off; the payer signed for so many bytes.
pub fn upload_interrupted(
    state: &State,
    host: &Host,
    event: EventId,
    transfer: TransferId,
    got: ByteCount,
) -> Result<Record, NextError> {
    let body = Body::UploadInterrupted { transfer, got };
    closed(state, host, event, &transfer, body)
}

/// The open segment of an upload sent the last byte; the payer signed for so many bytes.
pub fn upload_end(
    state: &State,
    host: &Host,
    event: EventId,
    transfer: TransferId,
    got: ByteCount,
) -> Result<Record, NextError> {
    closed(state, host, event, &transfer, Body::UploadEnd { transfer, got })
}

/// The fee of a closed segment, by the greatest receipt that the payer signed.
pub fn earn(
    state: &State,
    host: &Host,
    event: EventId,
    receipt: &Verified<Receipt>,
) -> Result<Record, NextError> {
    let known = known(state, &receipt.transfer)?;
    let fee = segment(&known.terms, known.before, receipt.got)?.fee;
    let partner = known.partner.to_string();
    let entry = Accounting {
        event: earn_event(receipt, state.medium),
        at: host.at,
        amount: signed(fee),
        balance_after: state.balance.checked_add(fee)?,
        partner: String::new(),
        reason: "upload".to_owned(),
    };
    let body = Body::Earn { receipt: Bytes(receipt.bytes().to_vec()) };
    Ok(about(booked(state, host, event, &partner, entry, body), &known.content))
}

/// What the downloader signs after each chunk that it verified.
pub fn receipt(medium: MediumId, transfer: &Transfer, got: ByteCount) -> Option<Receipt> {
    let open = transfer.open.as_ref()?;
    Some(Receipt {
        medium,
        transfer: transfer.terms.transfer,
        start: open.start,
        partner: open.partner,
        before: transfer.covered,
        got,
    })
}

fn known<'a>(state: &'a State, transfer: &TransferId) -> Result<&'a Upload, NextError> {
    state.uploads.get(transfer).ok_or(NextError::Transfer("was not begun"))
}

fn closed(
    state: &State,
    host: &Host,
    event: EventId,
    transfer: &TransferId,
    body: Body,
) -> Result<Record, NextError> {
    let known = known(state, transfer)?;
    let partner = known.partner.to_string();
    Ok(about(noted(state, host, event, &partner, body), &known.content))
}
