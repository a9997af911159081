//! Records that move money within one medium, and those that move none.

use super::apply::{Case, Done, OPEN_MAX, claim};
use super::facts::Entry;
use super::planted::{Fault, planted};
use super::refusal::Reason;
use super::rules::Asked;
use super::state::{Effect, KeyLife, Rekeyed, State};
use crate::crypto::sign::{PublicKey, Signature};
use crate::format::field::Bytes;
use crate::format::record::EventId;
use crate::format::sheet::{SecretDigits, SheetId};
use crate::units::{Amount, MediumId, Sequence};
use crate::voucher;

/// A sealed code; the cheap checks come first.
pub(super) fn by_code(
    case: &Case<'_>,
    state: &mut State,
    code: (&SheetId, u8, &SecretDigits),
) -> Result<Done, Reason> {
    let entry = case.entry()?;
    let event = voucher::code_event(state.medium, code.0, code.1);
    fresh(state, entry, event)?;
    let amount = case.rules.code(state.medium, case.record.floor, code)?;
    credit(case, state, entry, amount)
}

/// A voucher.
pub(super) fn by_voucher(
    case: &Case<'_>,
    state: &mut State,
    voucher: &Bytes,
    certificate: Option<&Bytes>,
) -> Result<Done, Reason> {
    let entry = case.entry()?;
    let certificate = certificate.map(|certificate| certificate.0.as_slice());
    let floor = case.record.floor;
    let (amount, id) = case.rules.voucher(state.medium, floor, &voucher.0, certificate)?;
    fresh(state, entry, voucher::voucher_event(state.medium, &id))?;
    credit(case, state, entry, amount)
}

/// Its event is that of its code or voucher, which was not credited before.
fn fresh(state: &State, entry: &Entry, event: EventId) -> Result<(), Reason> {
    if entry.event != event {
        return Err(Reason::Event);
    }
    if state.credited.contains(&event) && !planted(Fault::CreditAgain) {
        return Err(Reason::CreditedBefore);
    }
    Ok(())
}

/// Add what was credited, within the policy's limits, as claimed; a debt takes its part first.
fn credit(
    case: &Case<'_>,
    state: &mut State,
    entry: &Entry,
    amount: Amount,
) -> Result<Done, Reason> {
    let policy = case.policy.number;
    if u64::try_from(entry.amount) != Ok(amount.minor()) {
        return Err(Reason::Amount { found: entry.amount, expected: amount.minor() });
    }
    if amount > case.policy.topup_max {
        let (found, limit) = (amount.minor(), case.policy.topup_max.minor());
        return Err(Reason::TopupLimit { found, policy, limit });
    }
    let paid = amount.min(state.debt);
    let balance = state.balance.checked_add(amount.checked_sub(paid)?)?;
    if balance > case.policy.balance_max {
        let (found, limit) = (balance.minor(), case.policy.balance_max.minor());
        return Err(Reason::BalanceLimit { found, policy, limit });
    }
    claim(entry.balance_after, balance)?;
    let (debt, loaded) = (state.debt.checked_sub(paid)?, state.loaded.checked_add(amount)?);
    (state.debt, state.loaded, state.balance) = (debt, loaded, balance);
    state.credited.insert(entry.event);
    Ok((Effect::Own, Some(entry.event)))
}

/// Goods of this medium.
pub(super) fn purchase(case: &Case<'_>, state: &mut State) -> Result<Done, Reason> {
    let entry = case.entry()?;
    let price = entry.amount.checked_neg().and_then(|price| u64::try_from(price).ok());
    let Some(price) = price.filter(|price| *price > 0) else {
        return case.shape("takes nothing");
    };
    let price = Amount::from_minor(price)?;
    let free = state.free();
    if price > free {
        return Err(Reason::Funds { needs: price.minor(), free: free.minor() });
    }
    if entry.event != case.placed(price)? && !planted(Fault::LooseEvents) {
        return Err(Reason::Place);
    }
    let balance = state.balance.checked_sub(price)?;
    claim(entry.balance_after, balance)?;
    state.balance = balance;
    Ok((Effect::Own, Some(entry.event)))
}

/// What a new holder key signs to take over: `"scrip/v1/rekey"`, medium and sequence (8 bytes each,
/// big-endian), hash of the record before (32), old key (32), new key (32).
pub fn rekey_message(
    medium: MediumId,
    seq: Sequence,
    prev: &[u8; 32],
    old: &PublicKey,
    new: &PublicKey,
) -> Vec<u8> {
    let (medium, seq) = (medium.number().to_be_bytes(), seq.number().to_be_bytes());
    let parts: [&[u8]; 6] =
        [b"scrip/v1/rekey", &medium, &seq, prev, old.as_bytes(), new.as_bytes()];
    parts.concat()
}

/// The owner's key takes the place of the store-made one.
pub(super) fn rekey(
    case: &Case<'_>,
    state: &mut State,
    key: PublicKey,
    proof: [u8; 64],
) -> Result<Done, Reason> {
    let done = case.moves_nothing(None)?;
    let message = rekey_message(state.medium, state.next, &state.head, &state.holder, &key);
    let proven = || key.verify(&message, &Signature::from_bytes(proof)).is_ok();
    if key == state.holder || !(case.rules.asked == Asked::Settler || proven()) {
        return Err(Reason::Proof);
    }
    state.holder = key;
    state.signer = key.key_id();
    state.life = KeyLife::Owners;
    state.rekey = Some(Rekeyed { seq: case.record.seq, key });
    Ok(done)
}

/// A newer policy binds from here on. One whose number the stamped policy has reached since changes
/// nothing: the higher number counts.
pub(super) fn policy(
    case: &Case<'_>,
    state: &mut State,
    number: u64,
    hash: &[u8; 32],
) -> Result<Done, Reason> {
    let done = case.moves_nothing(None)?;
    let stamped = case.rules.policy.number;
    if number <= stamped && case.policy.number == stamped {
        return Ok(done);
    }
    let named =
        case.rules.later.iter().any(|policy| policy.number == number && policy.hash() == *hash);
    if !named || number <= case.policy.number {
        return Err(Reason::Policy { found: number, binding: case.policy.number });
    }
    state.policy = number;
    Ok(done)
}

/// Something that stays until a checkpoint clears it.
pub(super) fn exception(case: &Case<'_>, state: &mut State) -> Result<Done, Reason> {
    let done = case.moves_nothing(None)?;
    if state.exceptions.len() >= OPEN_MAX {
        return Err(Reason::Open { what: "exceptions", limit: OPEN_MAX });
    }
    state.exceptions.insert(case.hash);
    Ok(done)
}
