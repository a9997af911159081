//! Records of downloads and uploads: reserves, charges, fees, and what partners may be owed.

use super::apply::{Case, Done, OPEN_MAX, claim};
use super::charge::{ChargeError, SHARE_ALL_PPM, segment};
use super::event::earn_event;
use super::planted::{Fault, planted};
use super::refusal::Reason;
use super::rules::Asked;
use super::state::{Effect, Segment, State, Transfer, Upload};
use crate::crypto::sign::PublicKey;
use crate::format::checkpoint::OpenTransfer;
use crate::format::cose::Sign1;
use crate::format::field::Bytes;
use crate::format::policy::Policy;
use crate::format::record::{Body, Record};
use crate::format::transfer::{Partner, Receipt, Terms, TransferId};
use crate::format::{Kind, Object};
use crate::trust::{Claimed, TrustError, Verified, verify};
use crate::units::{Amount, ByteCount};

/// How a segment closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    /// Before the last byte.
    Interrupted,
    /// With it.
    Complete,
}

/// What may be spent at partners until the next checkpoint, and in how many transfers.
pub fn offline_limits(policy: &Policy, state: &State) -> (Amount, u64) {
    if state.checkpoint.is_some() || planted(Fault::NoStarterCap) {
        return (policy.offline_cap, policy.offline_count.into());
    }
    (policy.starter_cap.min(state.loaded), policy.starter_count.into())
}

/// A segment begins: its greatest charge is reserved.
pub(super) fn start(
    case: &Case<'_>,
    state: &mut State,
    terms: &Terms,
    partner: Partner,
    before: ByteCount,
) -> Result<Done, Reason> {
    check_terms(state, terms, partner)?;
    let known = state.transfers.get(&terms.transfer);
    continues(case, known, terms, before)?;
    let first = known.is_none();
    let left = ByteCount::from_bytes(terms.length.bytes() - before.bytes());
    let reserved = segment(terms, before, left)?.charge;
    let event = case.segment(reserved, (&terms.transfer, partner))?;
    case.moves_nothing(Some(event))?;
    affords(case.policy, state, reserved, first)?;
    if first && state.transfers.len() >= OPEN_MAX {
        return Err(Reason::Open { what: "downloads", limit: OPEN_MAX });
    }
    let (start, hash) = (case.record.seq, case.hash);
    let reserved = if planted(Fault::NoReserve) { Amount::ZERO } else { reserved };
    let open = Segment { start, hash, partner, event, reserved };
    let content = case.content()?.as_str().to_owned();
    let terms = terms.clone();
    let transfer = Transfer { terms, content, covered: before, open: Some(open), start, hash };
    state.transfers.insert(transfer.terms.transfer, transfer);
    state.exposure.transfers += u64::from(first);
    Ok((if first { Effect::Began } else { Effect::Nothing }, None))
}

fn check_terms(state: &State, terms: &Terms, partner: Partner) -> Result<(), Reason> {
    if terms.length.bytes() == 0 {
        return Err(ChargeError::Empty.into());
    }
    if terms.share_ppm > SHARE_ALL_PPM {
        return Err(ChargeError::Share(terms.share_ppm).into());
    }
    if partner == Partner::Medium(state.medium) {
        return Err(Reason::Partner(partner));
    }
    Ok(())
}

/// It goes on where the transfer stands, under the same terms.
fn continues(
    case: &Case<'_>,
    known: Option<&Transfer>,
    terms: &Terms,
    before: ByteCount,
) -> Result<(), Reason> {
    let Some(known) = known else {
        if terms.share_ppm != case.policy.share_ppm {
            return Err(Reason::OtherTerms);
        }
        return match before.bytes() {
            0 => Ok(()),
            _ => Err(Reason::Transfer("was not begun")),
        };
    };
    if known.terms != *terms || known.content.as_bytes() != case.content()?.as_bytes() {
        return Err(Reason::OtherTerms);
    }
    if known.open.is_some() {
        return Err(Reason::Transfer("has an open segment"));
    }
    if known.covered != before {
        return Err(Reason::Transfer("stands at another byte"));
    }
    Ok(())
}

/// The reserve is there, and within what may be spent at partners.
fn affords(policy: &Policy, state: &State, reserved: Amount, first: bool) -> Result<(), Reason> {
    let free = state.free();
    if reserved > free {
        return Err(Reason::Funds { needs: reserved.minor(), free: free.minor() });
    }
    if planted(Fault::NoCap) {
        return Ok(());
    }
    let (cap, count) = offline_limits(policy, state);
    let at_partners =
        state.exposure.charged.checked_add(state.reserved())?.checked_add(reserved)?;
    if at_partners > cap {
        return Err(Reason::OfflineCap { found: at_partners.minor(), limit: cap.minor() });
    }
    let transfers = state.exposure.transfers + u64::from(first);
    if first && transfers > count {
        return Err(Reason::OfflineCount { found: transfers, limit: count });
    }
    Ok(())
}

/// A segment closes: what it brought is charged, the rest of its reserve is free again.
pub(super) fn close(
    case: &Case<'_>,
    state: &mut State,
    transfer: &TransferId,
    got: ByteCount,
    how: Close,
) -> Result<Done, Reason> {
    let known = Case::begun(&state.transfers, transfer)?;
    let Some(open) = &known.open else {
        return Err(Reason::Transfer("has no open segment"));
    };
    if known.content.as_bytes() != case.content()?.as_bytes() {
        return Err(Reason::OtherTerms);
    }
    let charge = segment(&known.terms, known.covered, got)?.charge;
    let covered = ByteCount::from_bytes(known.covered.bytes() + got.bytes());
    if (covered == known.terms.length) != (how == Close::Complete) {
        return Err(Reason::Transfer("is complete with its last byte, and not before"));
    }
    if case.record.link != Some(open.event) {
        return case.shape("links another accounting event than its segment's");
    }
    let (balance, event) = charged(case, state, charge, open.event)?;
    state.exposure.charged = state.exposure.charged.checked_add(charge)?;
    state.balance = balance;
    match how {
        Close::Complete => drop(state.transfers.remove(transfer)),
        Close::Interrupted => {
            let known = state.transfers.get_mut(transfer).expect("it was found above");
            (known.covered, known.open) = (covered, None);
        }
    }
    Ok((if event.is_some() { Effect::AtPartner } else { Effect::Nothing }, event))
}

/// The balance after a segment's charge, as the entry claims it; no entry where none is due.
fn charged(
    case: &Case<'_>,
    state: &State,
    charge: Amount,
    event: [u8; 16],
) -> Result<(Amount, Option<[u8; 16]>), Reason> {
    let balance = state.balance.checked_sub(charge)?;
    let expected = -signed(charge);
    match &case.record.accounting {
        None if charge.is_zero() => Ok((balance, None)),
        Some(entry) if !charge.is_zero() && entry.event == event => {
            if entry.amount != expected {
                return Err(Reason::Charge { found: entry.amount, expected });
            }
            claim(entry.balance_after, balance)?;
            Ok((balance, Some(event)))
        }
        Some(_) if !charge.is_zero() => Err(Reason::Place),
        entry => {
            let found = entry.as_ref().map_or(0, |entry| entry.amount);
            Err(Reason::Charge { found, expected })
        }
    }
}

fn signed(amount: Amount) -> i64 {
    i64::try_from(amount.minor()).expect("amounts are far below 2^63")
}

/// A segment of an upload begins.
pub(super) fn upload(
    case: &Case<'_>,
    state: &mut State,
    terms: &Terms,
    partner: Partner,
    before: ByteCount,
    key: PublicKey,
) -> Result<Done, Reason> {
    check_terms(state, terms, partner)?;
    let done = case.moves_nothing(None)?;
    let content = case.content()?.as_str().to_owned();
    match state.uploads.get(&terms.transfer) {
        Some(known) if known.got.is_none() => {
            return Err(Reason::Transfer("has an open segment"));
        }
        None if state.uploads.len() >= OPEN_MAX => {
            return Err(Reason::Open { what: "uploads", limit: OPEN_MAX });
        }
        _ => {}
    }
    segment(terms, before, ByteCount::from_bytes(0))?;
    let upload = Upload { terms: terms.clone(), content, partner, key, before, got: None };
    state.uploads.insert(terms.transfer, upload);
    Ok(done)
}

/// A segment of an upload closes; where no fee is due, nothing is left to be earned.
pub(super) fn uploaded(
    case: &Case<'_>,
    state: &mut State,
    transfer: &TransferId,
    got: ByteCount,
) -> Result<Done, Reason> {
    let done = case.moves_nothing(None)?;
    let known = Case::begun(&state.uploads, transfer)?;
    if known.got.is_some() {
        return Err(Reason::Transfer("has no open segment"));
    }
    if known.content.as_bytes() != case.content()?.as_bytes() {
        return Err(Reason::OtherTerms);
    }
    let fee = segment(&known.terms, known.before, got)?.fee;
    if fee.is_zero() {
        state.uploads.remove(transfer);
    } else {
        state.uploads.get_mut(transfer).expect("it was found above").got = Some(got);
    }
    Ok(done)
}

/// The fee of a closed segment, by the partner's receipt; provisional until it is settled.
pub(super) fn earn(case: &Case<'_>, state: &mut State, receipt: &Bytes) -> Result<Done, Reason> {
    let entry = case.entry()?;
    let known = Case::begun(&state.uploads, &stated(&receipt.0)?)?;
    let receipt = match case.rules.asked {
        Asked::Each => verify::<Receipt>(&receipt.0, &known.key)?.into_value(),
        Asked::Settler => Claimed::<Receipt>::read(&receipt.0)?.into_value(),
    };
    fits(case, state, known, &receipt)?;
    let fee = segment(&known.terms, known.before, receipt.got)?.fee;
    let expected = signed(fee);
    if entry.amount != expected {
        return Err(Reason::Charge { found: entry.amount, expected });
    }
    if entry.event != earn_event(&receipt, state.medium) {
        return Err(Reason::Place);
    }
    if state.tail.iter().any(|step| step.event == Some(entry.event)) {
        return Err(Reason::EarnedBefore);
    }
    let balance = state.balance.checked_add(fee)?;
    claim(entry.balance_after, balance)?;
    state.provisional = state.provisional.checked_add(fee)?;
    state.balance = balance;
    state.uploads.remove(&receipt.transfer);
    Ok((Effect::Earned, Some(entry.event)))
}

/// The transfer that a receipt says it is of.
fn stated(receipt: &[u8]) -> Result<TransferId, TrustError> {
    let message = Sign1::decode(receipt, Kind::Receipt)?;
    Ok(Receipt::decode(message.payload())?.transfer)
}

/// The receipt is of this very segment.
fn fits(case: &Case<'_>, state: &State, known: &Upload, receipt: &Receipt) -> Result<(), Reason> {
    let same = [
        ("content", known.content.as_bytes() == case.content()?.as_bytes()),
        ("payer", known.partner == Partner::Medium(receipt.medium)),
        ("uploader", receipt.partner == Partner::Medium(state.medium)),
        ("segment", receipt.before == known.before),
        ("count", known.got == Some(receipt.got)),
    ];
    match same.iter().find(|(_, same)| !same) {
        Some((what, _)) => Err(Reason::Receipt(what)),
        None => Ok(()),
    }
}

/// A transfer as a checkpoint lists it, by the start that was carried along.
pub(super) fn carried(record: &Verified<Record>, open: &OpenTransfer) -> Option<Transfer> {
    let Body::DownloadStart { terms, partner, .. } = &record.body else { return None };
    if terms.transfer != open.transfer || open.covered >= terms.length {
        return None;
    }
    let (start, hash) = (record.seq, record.hash());
    let segment =
        |event| Segment { start, hash, partner: *partner, event, reserved: open.reserved };
    Some(Transfer {
        terms: terms.clone(),
        content: record.history.content.clone()?,
        covered: open.covered,
        open: record.history.link.filter(|_| !open.reserved.is_zero()).map(segment),
        start,
        hash,
    })
}
