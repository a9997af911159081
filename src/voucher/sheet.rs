//! Issuing: sheets of commitments, and the secrets behind them.
//!
//! A slot's secret belongs to the issuer's seal key, the medium, the sheet and the slot, so none
//! is ever stored: 16 digits by [`derive_digits`] over `"scrip/v1/code-secret" | medium (8 bytes,
//! big-endian) | sheet (16) | slot (1)`. The sheet holds [`commitment`]s to them alone.

use std::num::NonZeroU32;
use std::thread;

use crate::crypto::Secret;
use crate::crypto::sign::SecretKey;
use crate::crypto::stretch::{commitment, derive_digits};
use crate::format::field::Bytes;
use crate::format::sheet::{COMMITMENT_BYTES, Run, SLOTS_MAX, SecretDigits, Sheet, SheetId};
use crate::trust::{ROUNDS_MAX, sign};
use crate::units::{Amount, Currency, CurrencyForm, MediumId, Timestamp};

/// The most threads that make one sheet.
const THREADS_MAX: usize = 8;
/// What separates a code's secret from all else under the seal key.
const SECRET_DOMAIN: &[u8] = b"scrip/v1/code-secret";
/// What separates a commitment from all else made of a code's secret.
const COMMITMENT_DOMAIN: &[u8] = b"scrip/seal/v1";

/// What a sheet holds unless the issuer plans otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedRun {
    /// How many slots.
    pub slots: u8,
    /// What each credits, in minor units of a currency of up to two decimal places.
    pub minor: u64,
    /// How many of them, from the first, go into the store's kit; the issuer sells the rest.
    pub in_kit: u8,
}

/// Forty slots of 1,000 to 10,000, of which thirty go into the store's kit.
pub const PLANNED_RUNS: [PlannedRun; 4] = [
    PlannedRun { slots: 16, minor: 1_000, in_kit: 12 },
    PlannedRun { slots: 12, minor: 3_000, in_kit: 9 },
    PlannedRun { slots: 8, minor: 5_000, in_kit: 6 },
    PlannedRun { slots: 4, minor: 10_000, in_kit: 3 },
];

impl PlannedRun {
    /// The run in a currency: 1,000 yen and 10.00 euro are both 1,000 minor units.
    pub fn in_currency(self, form: CurrencyForm) -> Run {
        let minor = self.minor * minor_scale(form);
        let amount = Amount::from_minor(minor).expect("planned amounts are far below the limit");
        Run { count: self.slots.into(), amount }
    }
}

/// The slots of [`PLANNED_RUNS`] that go into the store's kit, ascending.
pub fn slots_in_kit() -> impl Iterator<Item = u8> {
    let firsts = PLANNED_RUNS.iter().scan(0, |next, run| {
        let first = *next;
        *next += run.slots;
        Some(first..first + run.in_kit)
    });
    firsts.flatten()
}

/// What sums planned for two decimal places are multiplied by in a currency of three or four.
///
/// A yen and a cent are both one minor unit of a similar worth; a fils is a tenth of that.
pub fn minor_scale(form: CurrencyForm) -> u64 {
    10_u64.pow(u32::from(form.exponent()).saturating_sub(2))
}

/// What a sheet is to hold.
#[derive(Debug, Clone)]
pub struct SheetPlan {
    /// Random; names the sheet.
    pub id: SheetId,
    /// The only medium its codes are for.
    pub medium: MediumId,
    /// The currency of its amounts.
    pub currency: Currency,
    /// PBKDF2 rounds of the commitments.
    pub rounds: NonZeroU32,
    /// Runs of slots, from slot 0.
    pub runs: Vec<Run>,
    /// Issued at.
    pub issued: Timestamp,
}

/// Why no sheet is made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// Too many slots, or none.
    #[error("sheet for medium {medium}: {slots} slots planned, allowed are 1 to {SLOTS_MAX}")]
    Slots {
        /// The medium.
        medium: MediumId,
        /// Slots in all runs.
        slots: u64,
    },
    /// A run of nothing, or of no worth.
    #[error("sheet for medium {medium}: run {place} has {count} slots of {minor} minor units")]
    EmptyRun {
        /// The medium.
        medium: MediumId,
        /// The run's place, from 0.
        place: usize,
        /// Its slots.
        count: u32,
        /// Its amount.
        minor: u64,
    },
    /// More rounds than any reader would do.
    #[error("sheet for medium {medium}: {rounds} rounds planned, the limit is {ROUNDS_MAX}")]
    Rounds {
        /// The medium.
        medium: MediumId,
        /// The rounds.
        rounds: u32,
    },
}

/// The secret of a slot: whoever has it has the slot's amount.
pub fn slot_secret(
    seal_key: &Secret<32>,
    medium: MediumId,
    sheet: &SheetId,
    slot: u8,
) -> SecretDigits {
    let digits = derive_digits(seal_key.expose(), &bound(SECRET_DOMAIN, medium, sheet, slot));
    SecretDigits::from_ascii(digits).expect("derived digits are digits")
}

/// The commitment to a slot's secret: what a sheet holds and a redeemer computes again.
pub fn slot_commitment(
    secret: &SecretDigits,
    medium: MediumId,
    sheet: &SheetId,
    slot: u8,
    rounds: NonZeroU32,
) -> [u8; COMMITMENT_BYTES] {
    let salt = bound(COMMITMENT_DOMAIN, medium, sheet, slot);
    commitment(secret.expose(), &salt, rounds)
}

/// Make and sign the sheet of a plan.
///
/// Each slot costs `rounds` of PBKDF2; they are spread over this machine's processors.
pub fn make_sheet(
    issuer: &SecretKey,
    seal_key: &Secret<32>,
    plan: &SheetPlan,
) -> Result<Vec<u8>, SheetError> {
    let slots = check(plan)?;
    let sheet = Sheet {
        id: plan.id,
        medium: plan.medium,
        currency: plan.currency,
        rounds: plan.rounds.get(),
        runs: plan.runs.clone(),
        commitments: Bytes(commitments(seal_key, plan, slots)),
        issued: plan.issued,
    };
    Ok(sign(issuer, &sheet))
}

/// How many slots a sound plan has.
fn check(plan: &SheetPlan) -> Result<u8, SheetError> {
    let medium = plan.medium;
    if plan.rounds.get() > ROUNDS_MAX {
        return Err(SheetError::Rounds { medium, rounds: plan.rounds.get() });
    }
    let empty = |run: &Run| run.count == 0 || run.amount.is_zero();
    if let Some(place) = plan.runs.iter().position(empty) {
        let Run { count, amount } = &plan.runs[place];
        return Err(SheetError::EmptyRun { medium, place, count: *count, minor: amount.minor() });
    }
    let slots: u64 = plan.runs.iter().map(|run| u64::from(run.count)).sum();
    match u8::try_from(slots) {
        Ok(count) if (1..=SLOTS_MAX).contains(&count.into()) => Ok(count),
        _ => Err(SheetError::Slots { medium, slots }),
    }
}

/// All commitments in order, each thread taking a stretch of slots.
fn commitments(seal_key: &Secret<32>, plan: &SheetPlan, slots: u8) -> Vec<u8> {
    let numbers: Vec<u8> = (0..slots).collect();
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let stretch = |slots: &[u8]| -> Vec<u8> {
        slots.iter().flat_map(|slot| planned_commitment(seal_key, plan, *slot)).collect()
    };
    let stretch = &stretch;
    thread::scope(|scope| {
        let parts = numbers.chunks(numbers.len().div_ceil(threads));
        let workers: Vec<_> = parts.map(|part| scope.spawn(move || stretch(part))).collect();
        let joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
        joined.flat_map(|part| part.expect("a worker only computes")).collect()
    })
}

fn planned_commitment(seal_key: &Secret<32>, plan: &SheetPlan, slot: u8) -> [u8; COMMITMENT_BYTES] {
    let secret = slot_secret(seal_key, plan.medium, &plan.id, slot);
    slot_commitment(&secret, plan.medium, &plan.id, slot, plan.rounds)
}

fn bound(domain: &[u8], medium: MediumId, sheet: &SheetId, slot: u8) -> Vec<u8> {
    [domain, &medium.number().to_be_bytes(), sheet, &[slot]].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use data_encoding::HEXLOWER;

    use super::*;
    use crate::crypto::hmac_sha256;
    use crate::trust::verify;

    fn form(code: &str, exponent: u8) -> CurrencyForm {
        CurrencyForm::new(code.parse().unwrap(), exponent).unwrap()
    }

    fn plan(runs: Vec<Run>) -> SheetPlan {
        SheetPlan {
            id: [5; 16],
            medium: MediumId::from_serial(4_821_093_765),
            currency: "JPY".parse().unwrap(),
            rounds: NonZeroU32::new(3).unwrap(),
            runs,
            issued: Timestamp::from_seconds(1_800_000_000).unwrap(),
        }
    }

    fn planned() -> Vec<Run> {
        PLANNED_RUNS.map(|run| run.in_currency(form("JPY", 0))).to_vec()
    }

    #[test]
    fn a_sheet_holds_what_was_planned_and_every_secret_opens_its_slot() {
        let (issuer, seal_key) = (SecretKey::from_seed([1; 32]), Secret::new([2; 32]));
        let plan = plan(planned());
        let bytes = make_sheet(&issuer, &seal_key, &plan).unwrap();
        let sheet = verify::<Sheet>(&bytes, &issuer.public()).unwrap();
        assert_eq!((sheet.slots(), sheet.amount(39)), (Some(40), Amount::from_minor(10_000).ok()));
        for slot in 0..40 {
            let secret = slot_secret(&seal_key, plan.medium, &plan.id, slot);
            let again = slot_commitment(&secret, plan.medium, &plan.id, slot, plan.rounds);
            assert_eq!(sheet.commitment(slot), Some(again), "slot {slot}");
        }
        assert_eq!(make_sheet(&issuer, &seal_key, &plan).unwrap(), bytes, "the same again");
    }

    #[test]
    fn the_salt_is_the_documented_one() {
        let (medium, id) = (MediumId::from_serial(1), [0xab; 16]);
        let secret = SecretDigits::from_ascii(*b"0123456789012345").unwrap();
        let salt = ["scrip/seal/v1".as_bytes(), &[0, 0, 0, 0, 0, 0, 0, 195], &id, &[7]].concat();
        assert_eq!(medium.number(), 195);
        // One round of PBKDF2 is one HMAC over salt and block number.
        let expected = hmac_sha256(secret.expose(), &[&salt, &[0, 0, 0, 1]]);
        let found = slot_commitment(&secret, medium, &id, 7, NonZeroU32::MIN);
        assert_eq!(HEXLOWER.encode(&found), HEXLOWER.encode(&expected[..16]));
    }

    #[test]
    fn secrets_differ_by_key_medium_sheet_and_slot() {
        let [one, two] = [1, 2].map(MediumId::from_serial);
        let mut seen = HashSet::new();
        for (key, medium, sheet, slot) in [
            (1, one, [1; 16], 0),
            (2, one, [1; 16], 0),
            (1, two, [1; 16], 0),
            (1, one, [2; 16], 0),
            (1, one, [1; 16], 1),
        ] {
            let secret = slot_secret(&Secret::new([key; 32]), medium, &sheet, slot);
            assert!(seen.insert(*secret.expose()));
        }
    }

    #[test]
    fn thirty_of_forty_slots_go_into_the_kit() {
        let in_kit: Vec<u8> = slots_in_kit().collect();
        assert_eq!(in_kit.len(), 30);
        let expected: Vec<u8> = (0..12).chain(16..25).chain(28..34).chain(36..39).collect();
        assert_eq!(in_kit, expected);
    }

    #[test]
    fn planned_sums_follow_the_currency() {
        for (code, exponent, minor) in
            [("JPY", 0, 1_000), ("EUR", 2, 1_000), ("KWD", 3, 10_000), ("CLF", 4, 100_000)]
        {
            let run = PLANNED_RUNS[0].in_currency(form(code, exponent));
            assert_eq!((run.count, run.amount.minor()), (16, minor), "{code}");
        }
    }

    #[test]
    fn unsound_plans_are_refused_with_both_values() {
        let run = |count, minor| Run { count, amount: Amount::from_minor(minor).unwrap() };
        let cases = [
            (vec![], "sheet for medium 482109376527: 0 slots planned, allowed are 1 to 100"),
            (
                vec![run(60, 1), run(41, 2)],
                "sheet for medium 482109376527: 101 slots planned, allowed are 1 to 100",
            ),
            (
                vec![run(1, 1), run(0, 5)],
                "sheet for medium 482109376527: run 1 has 0 slots of 5 minor units",
            ),
            (vec![run(2, 0)], "sheet for medium 482109376527: run 0 has 2 slots of 0 minor units"),
        ];
        let (issuer, seal_key) = (SecretKey::from_seed([1; 32]), Secret::new([2; 32]));
        for (runs, message) in cases {
            let error = make_sheet(&issuer, &seal_key, &plan(runs)).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        let rounds = NonZeroU32::new(10_000_001).unwrap();
        let dear = SheetPlan { rounds, ..plan(planned()) };
        let error = make_sheet(&issuer, &seal_key, &dear).unwrap_err();
        assert!(error.to_string().ends_with("10000001 rounds planned, the limit is 10000000"));
    }
}
