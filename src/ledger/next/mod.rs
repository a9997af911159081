//! The next record of a medium, as [`super::apply`] will accept it.

mod download;
mod upload;

pub use download::{Package, download_end, download_interrupted, download_start};
pub use upload::{Segment, earn, receipt, upload_end, upload_interrupted, upload_start};

use super::State;
use super::charge::ChargeError;
use super::event::placed_event;
use super::moves::rekey_message;
use super::settled::settled_since_hash;
use crate::crypto::sign::SecretKey;
use crate::format::field::Bytes;
use crate::format::record::{Accounting, Body, Cause, EventId, History, Record};
use crate::format::sheet::{SecretDigits, SheetId, Voucher};
use crate::trust::Verified;
use crate::units::{Amount, StoreId, Timestamp, UnitError};
use crate::voucher::{code_event, voucher_event};

/// Where and when a record is made.
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

/// A voucher, and its store's certificate where that is not the medium's store.
#[derive(Debug, Clone, Copy)]
pub struct Slip<'a> {
    /// The voucher.
    pub voucher: &'a Verified<Voucher>,
    /// The certificate.
    pub certificate: Option<&'a [u8]>,
}

/// A checkpoint and the certificate of the settler that signed it.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    /// The signed checkpoint.
    pub checkpoint: &'a [u8],
    /// The settler's certificate.
    pub certificate: &'a [u8],
}

/// Why there is no such next record.
#[derive(Debug, thiserror::Error)]
pub enum NextError {
    /// A sum outside the range of amounts.
    #[error("{0}")]
    Range(#[from] UnitError),
    /// Less may be spent than it takes.
    #[error("{needs} minor units are needed, {free} may be spent")]
    Funds {
        /// What it takes.
        needs: u64,
        /// What may be spent.
        free: u64,
    },
    /// Terms or counts that make no sense.
    #[error("transfer: {0}")]
    Charge(#[from] ChargeError),
    /// A transfer that doesn't stand where it would have to.
    #[error("the transfer {0}")]
    Transfer(&'static str),
}

/// The first record of a medium.
pub fn genesis(blank: &State, host: &Host, event: EventId) -> Record {
    let body = Body::Genesis { certificate: blank.head };
    noted(blank, host, event, "store", body)
}

/// A top-up by a code that opened its slot.
pub fn topup(
    state: &State,
    host: &Host,
    code: &Code,
    event: EventId,
    partner: &str,
) -> Result<Record, UnitError> {
    let credited = code_event(state.medium, &code.sheet, code.slot);
    let entry = credit(state, host, credited, code.amount, "top-up by code")?;
    let (sheet, slot, secret) = (code.sheet, code.slot, code.secret.clone());
    Ok(booked(state, host, event, partner, entry, Body::TopupCode { sheet, slot, secret }))
}

/// A top-up by a voucher that was verified.
pub fn topup_voucher(
    state: &State,
    host: &Host,
    slip: &Slip<'_>,
    event: EventId,
) -> Result<Record, UnitError> {
    let credited = voucher_event(state.medium, &slip.voucher.id);
    let entry = credit(state, host, credited, slip.voucher.amount, "top-up by voucher")?;
    let voucher = Bytes(slip.voucher.bytes().to_vec());
    let certificate = slip.certificate.map(|bytes| Bytes(bytes.to_vec()));
    let partner = format!("store {}", slip.voucher.store);
    Ok(booked(state, host, event, &partner, entry, Body::TopupVoucher { voucher, certificate }))
}

/// Value given back by a voucher for the purchase of this item.
pub fn refund(
    state: &State,
    host: &Host,
    slip: &Slip<'_>,
    event: EventId,
    (item, refunded): (&str, EventId),
) -> Result<Record, UnitError> {
    let credited = voucher_event(state.medium, &slip.voucher.id);
    let entry = credit(state, host, credited, slip.voucher.amount, "refund")?;
    let voucher = Bytes(slip.voucher.bytes().to_vec());
    let certificate = slip.certificate.map(|bytes| Bytes(bytes.to_vec()));
    let partner = format!("store {}", slip.voucher.store);
    let body = Body::Refund { voucher, certificate, refunded };
    Ok(about(booked(state, host, event, &partner, entry, body), item))
}

/// A purchase of goods on this medium.
pub fn purchase(
    state: &State,
    host: &Host,
    event: EventId,
    (item, rights_holder): (&str, &str),
    price: Amount,
) -> Result<Record, NextError> {
    let free = state.free();
    if price > free {
        return Err(NextError::Funds { needs: price.minor(), free: free.minor() });
    }
    let entry = Accounting {
        event: placed_event(state.medium, &state.head, price.minor(), item.as_bytes()),
        at: host.at,
        amount: -signed(price),
        balance_after: state.balance.checked_sub(price)?,
        partner: rights_holder.to_owned(),
        reason: "purchase".to_owned(),
    };
    let record = booked(state, host, event, rights_holder, entry, Body::Purchase {});
    Ok(about(record, item))
}

/// Goods were played.
pub fn play(state: &State, host: &Host, event: EventId, item: &str, player: &str) -> Record {
    about(noted(state, host, event, player, Body::Play {}), item)
}

/// A server was reached, whose key has this SHA-256 if it was pinned.
pub fn connect(
    state: &State,
    host: &Host,
    event: EventId,
    server: &str,
    pin: Option<[u8; 32]>,
) -> Record {
    noted(state, host, event, server, Body::Connect { pin })
}

/// The medium was sold to its owner, by this receipt.
pub fn sale(
    state: &State,
    host: &Host,
    event: EventId,
    (store, receipt): (StoreId, u64),
    price: Option<Amount>,
) -> Record {
    let body = Body::Sale { store, receipt, price };
    noted(state, host, event, &format!("store {store}"), body)
}

/// The owner's key takes the place of the store-made one; to be signed by the latter.
pub fn rekey(state: &State, host: &Host, event: EventId, new: &SecretKey) -> Record {
    let key = new.public();
    let message = rekey_message(state.medium, state.next, &state.head, &state.holder, &key);
    let proof = *new.sign(&message).as_bytes();
    noted(state, host, event, "owner", Body::Rekey { key: Box::new(key), proof })
}

/// A policy binds from here on.
pub fn policy(
    state: &State,
    host: &Host,
    event: EventId,
    policy: &Verified<crate::format::policy::Policy>,
) -> Record {
    let body = Body::Policy { number: policy.number, hash: policy.hash() };
    noted(state, host, event, "issuer", body)
}

/// Something needs a look; the subject is the hash of what it is about.
pub fn exception(
    state: &State,
    host: &Host,
    event: EventId,
    cause: Cause,
    subject: Option<[u8; 32]>,
) -> Record {
    noted(state, host, event, cause.word(), Body::Exception { cause, subject })
}

/// A checkpoint whose head is on this chain.
pub fn checkpoint(state: &State, host: &Host, event: EventId, statement: &Statement<'_>) -> Record {
    let (checkpoint, certificate) = statement.parts();
    noted(state, host, event, "settler", Body::Checkpoint { checkpoint, certificate })
}

/// A checkpoint whose head is on another branch, with the events that go with it.
pub fn merge(
    state: &State,
    host: &Host,
    event: EventId,
    statement: &Statement<'_>,
    settled_since: &[EventId],
) -> Record {
    let (checkpoint, certificate) = statement.parts();
    let mut settled_since = settled_since.to_vec();
    settled_since.sort_unstable();
    let body = Body::Merge { checkpoint, certificate, settled_since };
    noted(state, host, event, "settler", body)
}

/// What a checkpoint's `settled_since` is for these events, in any order.
pub fn settled_since(events: &[EventId]) -> [u8; 32] {
    let mut events = events.to_vec();
    events.sort_unstable();
    settled_since_hash(&events)
}

impl Statement<'_> {
    fn parts(&self) -> (Bytes, Bytes) {
        (Bytes(self.checkpoint.to_vec()), Bytes(self.certificate.to_vec()))
    }
}

fn signed(amount: Amount) -> i64 {
    i64::try_from(amount.minor()).expect("amounts are far below 2^63")
}

/// An entry that adds; what is lacking takes its part before the balance grows.
fn credit(
    state: &State,
    host: &Host,
    event: EventId,
    amount: Amount,
    reason: &str,
) -> Result<Accounting, UnitError> {
    let rest = amount.checked_sub(amount.min(state.debt))?;
    Ok(Accounting {
        event,
        at: host.at,
        amount: signed(amount),
        balance_after: state.balance.checked_add(rest)?,
        partner: String::new(),
        reason: reason.to_owned(),
    })
}

/// A record that moves no money.
fn noted(state: &State, host: &Host, event: EventId, partner: &str, body: Body) -> Record {
    let kind = body.kind();
    let history = History {
        event,
        at: host.at,
        kind,
        partner: partner.to_owned(),
        content: None,
        link: None,
    };
    Record {
        medium: state.medium,
        seq: state.next,
        prev: state.head,
        floor: state.floor.map_or(host.floor, |floor| floor.max(host.floor)),
        instance: host.instance,
        history,
        accounting: None,
        body,
    }
}

/// A record that moves money.
fn booked(
    state: &State,
    host: &Host,
    event: EventId,
    partner: &str,
    entry: Accounting,
    body: Body,
) -> Record {
    let mut record = noted(state, host, event, partner, body);
    record.history.link = Some(entry.event);
    record.accounting = Some(Accounting { partner: partner.to_owned(), ..entry });
    record
}

/// The record with the item that it is about.
fn about(mut record: Record, item: &str) -> Record {
    record.history.content = Some(item.to_owned());
    record
}
