//! One record against one state.

use super::State;
use crate::format::Kind;
use crate::format::cose::Sign1;
use crate::format::policy::Policy;
use crate::format::record::{Accounting, Body, EventId, Record, RecordKind};
use crate::format::sheet::{SecretDigits, Sheet, SheetId};
use crate::trust::{Revoked, RevokedError, Signer, TrustError, Verified, verify};
use crate::units::{Amount, Currency, MediumId, Sequence, Timestamp, UnitError};
use crate::voucher::{self, RedeemError, VoucherError, VoucherTerms};

/// What a record is held against beside the state: all of it signed by others.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The newest policy.
    pub policy: &'a Policy,
    /// The currency of the medium's certificate.
    pub currency: Currency,
    /// The medium's live sheets.
    pub sheets: &'a [Verified<Sheet>],
    /// Stores whose vouchers can be checked here.
    pub stores: &'a [Signer],
    /// What is revoked.
    pub revoked: &'a Revoked,
}

/// Why a record does not follow: the rules say no.
#[derive(Debug, thiserror::Error)]
#[error("record {seq} of medium {medium}: {reason}")]
pub struct Refusal {
    /// The medium.
    pub medium: MediumId,
    /// The sequence that was due.
    pub seq: Sequence,
    /// What is wrong.
    #[source]
    pub reason: Reason,
}

/// What is wrong with a record.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// Not signed by the holder key, or malformed.
    #[error("{0}")]
    Trust(#[from] TrustError),
    /// It speaks of another medium.
    #[error("it is medium {0}'s")]
    Medium(MediumId),
    /// It is not the next one.
    #[error("it says it is record {0}")]
    Sequence(Sequence),
    /// It continues another chain.
    #[error("it continues {found}, the chain's head is {expected}")]
    Chain {
        /// The hash it states, in hex.
        found: String,
        /// The head, in hex.
        expected: String,
    },
    /// It states an older time floor than a record before it.
    #[error("its time floor {found} is before the floor {floor} of an earlier record")]
    Floor {
        /// What it states.
        found: Timestamp,
        /// What was stated before.
        floor: Timestamp,
    },
    /// Its history entry, accounting entry and body don't belong together.
    #[error("a {kind} record {fault}")]
    Shape {
        /// Its kind.
        kind: RecordKind,
        /// What is wrong.
        fault: &'static str,
    },
    /// Its sheet isn't a live sheet of this medium.
    #[error("its code is of a sheet that is not on this medium")]
    Sheet,
    /// Its code is not good.
    #[error("its code: {0}")]
    Code(#[from] RedeemError),
    /// Its voucher is not good.
    #[error("its voucher: {0}")]
    Voucher(#[from] VoucherError),
    /// Its voucher is of a store that nothing here certifies.
    #[error("its voucher is of a store that is not certified here")]
    Store,
    /// Its code or voucher is revoked.
    #[error("{0}")]
    Revoked(#[from] RevokedError),
    /// Its code or voucher was credited before.
    #[error("its code or voucher was credited before")]
    CreditedBefore,
    /// It states another event id than its code or voucher gives.
    #[error("its accounting event is not the one that its code or voucher gives")]
    Event,
    /// It states another amount than its code or voucher gives.
    #[error("it adds {found}, its code or voucher gives {expected} minor units")]
    Amount {
        /// What it states.
        found: i64,
        /// What the code or voucher gives.
        expected: u64,
    },
    /// The claim about the balance is wrong.
    #[error("it claims a balance of {found}, the records add up to {expected} minor units")]
    Claim {
        /// The claim.
        found: u64,
        /// The sum.
        expected: u64,
    },
    /// A top-up above the policy's limit.
    #[error("a top-up of {found}, policy {policy} allows {limit} minor units")]
    TopupLimit {
        /// The top-up.
        found: u64,
        /// The policy's number.
        policy: u64,
        /// The limit.
        limit: u64,
    },
    /// A balance above the policy's limit.
    #[error("the balance would be {found}, policy {policy} allows {limit} minor units")]
    BalanceLimit {
        /// The balance.
        found: u64,
        /// The policy's number.
        policy: u64,
        /// The limit.
        limit: u64,
    },
    /// A sum outside the range of amounts.
    #[error("{0}")]
    Range(#[from] UnitError),
}

/// The state after one more record, or why it does not follow; the state is not changed then.
pub fn apply(
    rules: &Rules<'_>,
    state: &State,
    record: &Verified<Record>,
) -> Result<State, Refusal> {
    step(rules, state, record).map_err(|reason| refusal(state, reason))
}

/// What records add up to, and how far they follow.
#[derive(Debug)]
pub struct Fold {
    /// The state after the last record that follows.
    pub state: State,
    /// The records that follow.
    pub records: Vec<Verified<Record>>,
    /// Why the next one does not, if there is a next one.
    pub refusal: Option<Refusal>,
}

/// Verify and apply records in order, from a blank medium on, up to the first refusal.
pub fn fold(rules: &Rules<'_>, blank: State, records: &[Vec<u8>]) -> Fold {
    let mut fold = Fold { state: blank, records: Vec::with_capacity(records.len()), refusal: None };
    for bytes in records {
        let next = verify::<Record>(bytes, &fold.state.holder)
            .map_err(|error| refusal(&fold.state, error.into()))
            .and_then(|record| Ok((apply(rules, &fold.state, &record)?, record)));
        match next {
            Ok((state, record)) => {
                fold.state = state;
                fold.records.push(record);
            }
            Err(refusal) => {
                fold.refusal = Some(refusal);
                break;
            }
        }
    }
    fold
}

fn refusal(state: &State, reason: Reason) -> Refusal {
    Refusal { medium: state.medium, seq: state.next, reason }
}

fn step(rules: &Rules<'_>, state: &State, record: &Verified<Record>) -> Result<State, Reason> {
    follows(state, record)?;
    let kind = record.history.kind;
    let shape = |fault| Err(Reason::Shape { kind, fault });
    if record.body.kind() != kind {
        return shape("carries another kind's body");
    }
    if record.history.link != record.accounting.as_ref().map(|entry| entry.event) {
        return shape("links another accounting event than its own");
    }
    let mut next = state.clone();
    next.head = record.hash();
    next.next = state.next.next().ok_or(Reason::Sequence(record.seq))?;
    next.floor = Some(record.floor);
    match (&record.body, &record.accounting) {
        (Body::Genesis { certificate }, None) if state.next == Sequence::FIRST => {
            if *certificate != state.head {
                return Err(broken(certificate, &state.head));
            }
        }
        (Body::Genesis { .. }, _) => return shape("stands first and moves no money"),
        _ if state.next == Sequence::FIRST => return shape("can't stand first"),
        (_, None) => return shape("lacks its accounting entry"),
        (Body::TopupCode { sheet, slot, secret }, Some(entry)) => {
            let (amount, event) = code(rules, state, sheet, *slot, secret, entry)?;
            credit(rules, &mut next, entry, amount, event)?;
        }
        (Body::TopupVoucher { voucher }, Some(entry)) => {
            let (amount, event) = signed(rules, state, record.floor, &voucher.0)?;
            credit(rules, &mut next, entry, amount, event)?;
        }
    }
    Ok(next)
}

/// Is this record the one that is due?
fn follows(state: &State, record: &Record) -> Result<(), Reason> {
    if record.medium != state.medium {
        return Err(Reason::Medium(record.medium));
    }
    if record.seq != state.next {
        return Err(Reason::Sequence(record.seq));
    }
    if record.prev != state.head {
        return Err(broken(&record.prev, &state.head));
    }
    match state.floor {
        Some(floor) if record.floor < floor => Err(Reason::Floor { found: record.floor, floor }),
        _ => Ok(()),
    }
}

fn broken(found: &[u8; 32], expected: &[u8; 32]) -> Reason {
    let hex = |hash: &[u8; 32]| data_encoding::HEXLOWER.encode(&hash[..8]);
    Reason::Chain { found: hex(found), expected: hex(expected) }
}

/// What a sealed code credits, and its event; the cheap checks come first.
fn code(
    rules: &Rules<'_>,
    state: &State,
    sheet: &SheetId,
    slot: u8,
    secret: &SecretDigits,
    entry: &Accounting,
) -> Result<(Amount, EventId), Reason> {
    let live = rules.sheets.iter().find(|live| live.id == *sheet && live.medium == state.medium);
    let live = live.ok_or(Reason::Sheet)?;
    if live.currency != rules.currency {
        return Err(Reason::Sheet);
    }
    rules.revoked.check_slot(sheet, slot)?;
    let event = voucher::code_event(state.medium, sheet, slot);
    if entry.event != event {
        return Err(Reason::Event);
    }
    Ok((voucher::check_slot(live, slot, secret)?, event))
}

/// What a voucher credits, and its event.
fn signed(
    rules: &Rules<'_>,
    state: &State,
    floor: Timestamp,
    bytes: &[u8],
) -> Result<(Amount, EventId), Reason> {
    let terms = VoucherTerms {
        medium: state.medium,
        currency: rules.currency,
        floor: Some(floor),
        revoked: rules.revoked,
    };
    let key_id = Sign1::decode(bytes, Kind::Voucher).map_err(TrustError::from)?.key_id();
    let signed_it = |signer: &&Signer| signer.certificate().key.0.key_id() == key_id;
    let signer = rules.stores.iter().find(signed_it).ok_or(Reason::Store)?;
    let voucher = voucher::verify_voucher(signer, bytes, &terms)?;
    Ok((voucher.amount, voucher::voucher_event(state.medium, &voucher.id)))
}

/// Add what was credited, once, within the policy's limits, as claimed.
fn credit(
    rules: &Rules<'_>,
    next: &mut State,
    entry: &Accounting,
    amount: Amount,
    event: EventId,
) -> Result<(), Reason> {
    let policy = rules.policy.number;
    if entry.event != event {
        return Err(Reason::Event);
    }
    if u64::try_from(entry.amount) != Ok(amount.minor()) {
        return Err(Reason::Amount { found: entry.amount, expected: amount.minor() });
    }
    if amount > rules.policy.topup_max {
        let (found, limit) = (amount.minor(), rules.policy.topup_max.minor());
        return Err(Reason::TopupLimit { found, policy, limit });
    }
    if !next.credited.insert(event) {
        return Err(Reason::CreditedBefore);
    }
    next.balance = next.balance.checked_add(amount)?;
    if next.balance > rules.policy.balance_max {
        let (found, limit) = (next.balance.minor(), rules.policy.balance_max.minor());
        return Err(Reason::BalanceLimit { found, policy, limit });
    }
    if entry.balance_after != next.balance {
        let (found, expected) = (entry.balance_after.minor(), next.balance.minor());
        return Err(Reason::Claim { found, expected });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::crypto::sign::SecretKey;
    use crate::crypto::{Secret, SeededRandom};
    use crate::format::sheet::Run;
    use crate::ledger::next;
    use crate::trust::sign;
    use crate::voucher::{SheetPlan, make_sheet, slot_secret};

    struct World {
        holder: SecretKey,
        seal: Secret<32>,
        sheets: Vec<Verified<Sheet>>,
        policy: Policy,
        revoked: Revoked,
        blank: State,
    }

    const SHEET: SheetId = [3; 16];

    fn minor(value: u64) -> Amount {
        Amount::from_minor(value).unwrap()
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(seconds).unwrap()
    }

    fn policy() -> Policy {
        Policy {
            number: 1,
            issued: at(10),
            currencies: vec![],
            balance_max: minor(1500),
            topup_max: minor(2000),
            offline_cap: minor(10),
            offline_count: 1,
            starter_cap: minor(1),
            starter_count: 1,
            debt_cap: minor(10),
            rounds_min: 1,
            chunk: crate::units::ByteCount::from_bytes(1),
            share_ppm: 0,
        }
    }

    fn world() -> World {
        let mut rng = SeededRandom::new([9; 32]);
        let (issuer, holder) = (SecretKey::generate(&mut rng), SecretKey::generate(&mut rng));
        let seal = Secret::generate(&mut rng);
        let medium = MediumId::from_serial(77);
        let plan = SheetPlan {
            id: SHEET,
            medium,
            currency: "JPY".parse().unwrap(),
            rounds: NonZeroU32::MIN,
            runs: vec![Run { count: 4, amount: minor(500) }, Run { count: 1, amount: minor(2500) }],
            issued: at(20),
        };
        let signed = make_sheet(&issuer, &seal, &plan).unwrap();
        let sheets = vec![verify(&signed, &issuer.public()).unwrap()];
        let blank = State::blank(medium, [1; 32], holder.public());
        World { holder, seal, sheets, policy: policy(), revoked: Revoked::none(), blank }
    }

    impl World {
        fn rules(&self) -> Rules<'_> {
            Rules {
                policy: &self.policy,
                currency: "JPY".parse().unwrap(),
                sheets: &self.sheets,
                stores: &[],
                revoked: &self.revoked,
            }
        }

        fn genesis(&self) -> Record {
            next::genesis(
                &self.blank,
                &next::Host { at: at(30), floor: at(20), instance: [0; 8] },
                [8; 16],
            )
        }

        fn topup(&self, state: &State, slot: u8, amount: u64) -> Record {
            let secret = slot_secret(&self.seal, state.medium, &SHEET, slot);
            let host = next::Host { at: at(40), floor: at(20), instance: [0; 8] };
            let code = next::Code { sheet: SHEET, slot, secret, amount: minor(amount) };
            next::topup(state, &host, &code, [slot; 16], "store 7").unwrap()
        }

        fn apply(&self, state: &State, record: &Record) -> Result<State, Refusal> {
            let signed = sign(&self.holder, record);
            apply(&self.rules(), state, &verify(&signed, &self.holder.public()).unwrap())
        }
    }

    #[test]
    fn codes_add_up_and_each_counts_once() {
        let world = world();
        let mut state = world.apply(&world.blank, &world.genesis()).unwrap();
        for (slot, balance) in [(0, 500), (3, 1000), (1, 1500)] {
            let record = world.topup(&state, slot, 500);
            state = world.apply(&state, &record).unwrap();
            assert_eq!(state.balance.minor(), balance);
        }
        let again = world.apply(&state, &world.topup(&state, 3, 500)).unwrap_err();
        assert!(again.to_string().ends_with("was credited before"), "{again}");
        let over = world.apply(&state, &world.topup(&state, 2, 500)).unwrap_err().to_string();
        assert!(over.ends_with("the balance would be 2000, policy 1 allows 1500 minor units"));
    }

    #[test]
    fn each_wrong_record_is_refused_for_its_own_reason() {
        let world = world();
        let state = world.apply(&world.blank, &world.genesis()).unwrap();
        let good = world.topup(&state, 0, 500);
        let entry = good.accounting.clone().unwrap();
        let with = |change: &dyn Fn(&mut Record)| {
            let mut record = good.clone();
            change(&mut record);
            world.apply(&state, &record).unwrap_err().to_string()
        };
        let accounting = |change: &dyn Fn(&mut Accounting)| {
            let mut entry = entry.clone();
            change(&mut entry);
            with(&|record| {
                record.history.link = Some(entry.event);
                record.accounting = Some(entry.clone());
            })
        };
        let wrong = SecretDigits::from_ascii(*b"0000000000000000").unwrap();
        let code = |sheet, slot| Body::TopupCode { sheet, slot, secret: wrong.clone() };
        let cases = [
            (with(&|r| r.medium = MediumId::from_serial(78)), "it is medium 000000007858's"),
            (with(&|r| r.seq = Sequence::from_number(5)), "it says it is record 5"),
            (with(&|r| r.prev = [7; 32]), "it continues 0707070707070707"),
            (with(&|r| r.floor = at(1)), "its time floor"),
            (with(&|r| r.body = code([4; 16], 0)), "a sheet that is not on this medium"),
            (with(&|r| r.body = code(SHEET, 0)), "its code:"),
            (with(&|r| r.history.kind = RecordKind::Refund), "another kind's body"),
            (with(&|r| r.accounting = None), "links another accounting event"),
            (accounting(&|a| a.amount = 501), "it adds 501, its code or voucher gives 500"),
            (accounting(&|a| a.amount = -500), "it adds -500"),
            (accounting(&|a| a.event = [0; 16]), "not the one that its code"),
            (accounting(&|a| a.balance_after = minor(499)), "claims a balance of 499"),
        ];
        for (message, words) in cases {
            assert!(message.contains(words), "{message} lacks {words}");
        }
        let large = world.apply(&state, &world.topup(&state, 4, 2500)).unwrap_err().to_string();
        assert!(large.contains("a top-up of 2500, policy 1 allows 2000"), "{large}");
    }

    #[test]
    fn genesis_stands_first_and_only_there() {
        let world = world();
        let first = world.apply(&world.blank, &world.topup(&world.blank, 0, 500)).unwrap_err();
        assert!(first.to_string().contains("a topup record can't stand first"), "{first}");
        let state = world.apply(&world.blank, &world.genesis()).unwrap();
        let mut second = world.genesis();
        (second.seq, second.prev) = (state.next, state.head);
        let refused = world.apply(&state, &second).unwrap_err().to_string();
        assert!(refused.contains("stands first"), "{refused}");
    }

    #[test]
    fn a_fold_stops_where_a_foreign_key_signs() {
        let world = world();
        let genesis = sign(&world.holder, &world.genesis());
        let other = SecretKey::from_seed([1; 32]);
        let forged = sign(&other, &world.genesis());
        let kept = fold(&world.rules(), world.blank.clone(), &[genesis.clone(), forged]);
        let good = fold(&world.rules(), world.blank.clone(), &[genesis]);
        assert!(good.refusal.is_none() && good.records.len() == 1);
        assert_eq!(kept.state, good.state);
        let refusal = kept.refusal.unwrap();
        assert!(refusal.to_string().contains("signed by key"), "{refusal}");
    }
}
