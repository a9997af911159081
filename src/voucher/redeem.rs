//! Redeeming: what a code is worth, by the sheet alone.

use std::num::NonZeroU32;

use super::sheet::slot_commitment;
use crate::crypto::digest::sha256_parts;
use crate::format::record::EventId;
use crate::format::sheet::{SecretDigits, Sheet, SheetId};
use crate::trust::{ROUNDS_MAX, RevokedError};
use crate::units::{Amount, Currency, MediumId, StoreId};

/// How many sheets of a medium are live at once; older ones are only recognised.
pub const LIVE_SHEETS_MAX: usize = 2;

/// Why a code adds nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedeemError {
    /// A slot that the sheet doesn't have.
    #[error("slot {slot}: the sheet of medium {medium} has slots 0 to {last}")]
    Slot {
        /// The slot.
        slot: u8,
        /// The sheet's medium.
        medium: MediumId,
        /// Its last slot.
        last: u8,
    },
    /// A well-formed code that opens nothing here.
    #[error("this is not a code of medium {medium}")]
    NotOfThisMedium {
        /// This medium.
        medium: MediumId,
    },
    /// It opens a slot of a sheet that is no longer live.
    #[error("this code is of an old sheet of medium {medium}")]
    OldSheet {
        /// This medium.
        medium: MediumId,
    },
    /// A sheet of another currency than the medium's.
    #[error("sheet of medium {medium} is in {found}, the medium holds {expected}")]
    Currency {
        /// The medium.
        medium: MediumId,
        /// The sheet's currency.
        found: Currency,
        /// The medium's.
        expected: Currency,
    },
    /// A sheet of another medium.
    #[error("a sheet of medium {found} lies on medium {expected}")]
    ForeignSheet {
        /// The sheet's medium.
        found: MediumId,
        /// This medium.
        expected: MediumId,
    },
    /// A sheet whose parts don't agree.
    #[error("the sheet of medium {medium} is damaged: {reason}")]
    DamagedSheet {
        /// The sheet's medium.
        medium: MediumId,
        /// What is wrong.
        reason: String,
    },
    /// The medium, the sheet or the slot is revoked.
    #[error(transparent)]
    Revoked(#[from] RevokedError),
}

/// What the slot credits, if these digits open its commitment; costs the sheet's rounds.
pub fn check_slot(sheet: &Sheet, slot: u8, secret: &SecretDigits) -> Result<Amount, RedeemError> {
    let medium = sheet.medium;
    let last = sheet.slots().ok_or_else(|| damaged(sheet, "runs and commitments disagree"))? - 1;
    let rounds = match NonZeroU32::new(sheet.rounds) {
        Some(rounds) if sheet.rounds <= ROUNDS_MAX => rounds,
        _ => return Err(damaged(sheet, &format!("{} rounds", sheet.rounds))),
    };
    let (Some(amount), Some(expected)) = (sheet.amount(slot), sheet.commitment(slot)) else {
        return Err(RedeemError::Slot { slot, medium, last });
    };
    if slot_commitment(secret, medium, &sheet.id, slot, rounds) == expected {
        return Ok(amount);
    }
    Err(RedeemError::NotOfThisMedium { medium })
}

fn damaged(sheet: &Sheet, reason: &str) -> RedeemError {
    RedeemError::DamagedSheet { medium: sheet.medium, reason: reason.to_owned() }
}

/// The accounting event of a code: the same on every branch that redeems it.
///
/// SHA-256 over `"scrip/v1/topup-code" | medium (8 bytes, big-endian) | sheet (16) | slot (1)`,
/// cut to 16 bytes.
pub fn code_event(medium: MediumId, sheet: &SheetId, slot: u8) -> EventId {
    let medium = medium.number().to_be_bytes();
    cut(sha256_parts(&[b"scrip/v1/topup-code", &medium, sheet, &[slot]]))
}

/// The accounting event of a voucher.
///
/// SHA-256 over `"scrip/v1/topup-voucher" | medium (8 bytes, big-endian) | voucher id (16)`, cut
/// to 16 bytes.
pub fn voucher_event(medium: MediumId, voucher: &[u8; 16]) -> EventId {
    cut(sha256_parts(&[b"scrip/v1/topup-voucher", &medium.number().to_be_bytes(), voucher]))
}

/// A voucher's id: SHA-256 over store and serial, eight bytes each, big-endian, cut to 16 bytes.
pub fn voucher_id(store: StoreId, serial: u64) -> [u8; 16] {
    cut(sha256_parts(&[&u64::from(store.number()).to_be_bytes(), &serial.to_be_bytes()]))
}

fn cut(digest: [u8; 32]) -> [u8; 16] {
    *digest.first_chunk().expect("32 bytes hold 16")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Secret;
    use crate::crypto::digest::sha256;
    use crate::crypto::sign::SecretKey;
    use crate::format::field::Bytes;
    use crate::format::sheet::Run;
    use crate::trust::verify;
    use crate::units::Timestamp;
    use crate::voucher::sheet::{SheetPlan, make_sheet, slot_secret};

    const MEDIUM: u64 = 4_821_093_765;

    fn run(count: u32, minor: u64) -> Run {
        Run { count, amount: Amount::from_minor(minor).unwrap() }
    }

    fn sheet() -> Sheet {
        let plan = SheetPlan {
            id: [5; 16],
            medium: MediumId::from_serial(MEDIUM),
            currency: "JPY".parse().unwrap(),
            rounds: NonZeroU32::new(2).unwrap(),
            runs: vec![run(3, 1_000), run(2, 5_000)],
            issued: Timestamp::from_seconds(1_800_000_000).unwrap(),
        };
        let issuer = SecretKey::from_seed([1; 32]);
        let bytes = make_sheet(&issuer, &Secret::new([2; 32]), &plan).unwrap();
        verify::<Sheet>(&bytes, &issuer.public()).unwrap().into_value()
    }

    fn secret(slot: u8) -> SecretDigits {
        slot_secret(&Secret::new([2; 32]), MediumId::from_serial(MEDIUM), &[5; 16], slot)
    }

    #[test]
    fn each_secret_opens_its_own_slot_alone() {
        let sheet = sheet();
        for slot in 0..5 {
            for tried in 0..5 {
                let opened = check_slot(&sheet, slot, &secret(tried));
                let minor = if slot < 3 { 1_000 } else { 5_000 };
                if slot == tried {
                    assert_eq!(opened, Ok(Amount::from_minor(minor).unwrap()));
                } else {
                    let message = opened.unwrap_err().to_string();
                    assert_eq!(message, "this is not a code of medium 482109376527");
                }
            }
        }
        let past = check_slot(&sheet, 5, &secret(5)).unwrap_err();
        assert_eq!(past.to_string(), "slot 5: the sheet of medium 482109376527 has slots 0 to 4");
    }

    #[test]
    fn a_secret_opens_no_other_medium_and_no_other_sheet() {
        let other_medium = Sheet { medium: MediumId::from_serial(1), ..sheet() };
        assert!(check_slot(&other_medium, 0, &secret(0)).is_err());
        let other_sheet = Sheet { id: [6; 16], ..sheet() };
        assert!(check_slot(&other_sheet, 0, &secret(0)).is_err());
    }

    #[test]
    fn damaged_sheets_are_named() {
        let reason = |sheet: Sheet| check_slot(&sheet, 0, &secret(0)).unwrap_err().to_string();
        let torn = Sheet { commitments: Bytes(vec![0; 79]), ..sheet() };
        let expected = "the sheet of medium 482109376527 is damaged: runs and commitments disagree";
        assert_eq!(reason(torn), expected);
        for rounds in [0, ROUNDS_MAX + 1] {
            let dear = Sheet { rounds, ..sheet() };
            assert!(reason(dear).ends_with(&format!("is damaged: {rounds} rounds")));
        }
    }

    #[test]
    fn events_are_the_documented_digests() {
        let medium = MediumId::from_serial(MEDIUM);
        let number = medium.number().to_be_bytes();
        let parts = [b"scrip/v1/topup-code".as_slice(), &number, &[5; 16], &[9]].concat();
        assert_eq!(code_event(medium, &[5; 16], 9), sha256(&parts)[..16]);
        let parts = [b"scrip/v1/topup-voucher".as_slice(), &number, &[5; 16]].concat();
        assert_eq!(voucher_event(medium, &[5; 16]), sha256(&parts)[..16]);
        let store = StoreId::from_number(7).unwrap();
        let parts = [7_u64.to_be_bytes(), 300_u64.to_be_bytes()].concat();
        assert_eq!(voucher_id(store, 300), sha256(&parts)[..16]);
    }
}
