//! Redeeming: what a code is worth, by the medium's sheets alone.

use std::num::NonZeroU32;

use super::code::{CodeError, TypedCode};
use super::sheet::slot_commitment;
use crate::crypto::digest::sha256_parts;
use crate::format::record::EventId;
use crate::format::sheet::{SecretDigits, Sheet, SheetId};
use crate::trust::{ROUNDS_MAX, Revoked, RevokedError, Verified};
use crate::units::{Amount, Currency, MediumId, StoreId};

/// How many sheets of a medium are live at once; older ones are only recognised.
pub const LIVE_SHEETS_MAX: usize = 2;

/// What a typed code is held against.
#[derive(Debug, Clone, Copy)]
pub struct CodeTerms<'a> {
    /// This medium.
    pub medium: MediumId,
    /// The currency it holds.
    pub currency: Currency,
    /// Its sheets, newest first; the first [`LIVE_SHEETS_MAX`] are live.
    pub sheets: &'a [Verified<Sheet>],
    /// What is revoked.
    pub revoked: &'a Revoked,
}

/// What a code opened; that it was not credited before is the ledger's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// The sheet.
    pub sheet: SheetId,
    /// The slot on it.
    pub slot: u8,
    /// What it credits.
    pub amount: Amount,
}

/// Why a code adds nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedeemError {
    /// What was typed is no code.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// There is nothing to check a code by.
    #[error("medium {medium} has no sheet of codes")]
    NoSheet {
        /// This medium.
        medium: MediumId,
    },
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

/// Open what was typed; each sheet that is tried costs its rounds.
pub fn open_text(terms: &CodeTerms<'_>, typed: &str) -> Result<Opened, RedeemError> {
    open_code(terms, &typed.parse()?)
}

/// Open a code with the medium's live sheets; a slot of an older sheet is only recognised.
pub fn open_code(terms: &CodeTerms<'_>, code: &TypedCode) -> Result<Opened, RedeemError> {
    let medium = terms.medium;
    terms.revoked.check_medium(medium)?;
    if terms.sheets.is_empty() {
        return Err(RedeemError::NoSheet { medium });
    }
    let mut fault = RedeemError::NotOfThisMedium { medium };
    for (place, sheet) in terms.sheets.iter().enumerate() {
        match open_slot(terms, sheet, code) {
            Ok(_) if place >= LIVE_SHEETS_MAX => return Err(RedeemError::OldSheet { medium }),
            Ok(opened) => return Ok(opened),
            Err(RedeemError::Slot { .. } | RedeemError::NotOfThisMedium { .. }) => {}
            Err(revoked @ RedeemError::Revoked(_)) => return Err(revoked),
            Err(other) => fault = other,
        }
    }
    Err(fault)
}

fn open_slot(
    terms: &CodeTerms<'_>,
    sheet: &Sheet,
    code: &TypedCode,
) -> Result<Opened, RedeemError> {
    check_sheet(terms, sheet)?;
    let amount = check_slot(sheet, code.slot(), code.secret())?;
    terms.revoked.check_slot(&sheet.id, code.slot())?;
    Ok(Opened { sheet: sheet.id, slot: code.slot(), amount })
}

/// Can any code be held against this sheet here?
pub(super) fn check_sheet(terms: &CodeTerms<'_>, sheet: &Sheet) -> Result<(), RedeemError> {
    let (medium, expected) = (terms.medium, terms.currency);
    if sheet.medium != medium {
        return Err(RedeemError::ForeignSheet { found: sheet.medium, expected: medium });
    }
    if sheet.currency != expected {
        return Err(RedeemError::Currency { medium, found: sheet.currency, expected });
    }
    costs(sheet).map(|_| ())
}

/// The last slot of a sheet and its rounds.
fn costs(sheet: &Sheet) -> Result<(u8, NonZeroU32), RedeemError> {
    let slots = sheet.slots().ok_or_else(|| damaged(sheet, "runs and commitments disagree"))?;
    match NonZeroU32::new(sheet.rounds) {
        Some(rounds) if sheet.rounds <= ROUNDS_MAX => Ok((slots - 1, rounds)),
        _ => Err(damaged(sheet, &format!("{} rounds", sheet.rounds))),
    }
}

/// What the slot credits, if these digits open its commitment; costs the sheet's rounds.
pub fn check_slot(sheet: &Sheet, slot: u8, secret: &SecretDigits) -> Result<Amount, RedeemError> {
    let medium = sheet.medium;
    let (last, rounds) = costs(sheet)?;
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
    use super::super::fixture::{amount, at, key, medium, seal_key, yen};
    use super::*;
    use crate::crypto::digest::sha256;
    use crate::format::field::Bytes;
    use crate::format::policy::Revocation;
    use crate::trust::{sign, verify};
    use crate::voucher::fixture::sheet as signed_sheet;
    use crate::voucher::sheet::slot_secret;

    fn sheet() -> Sheet {
        signed_sheet([5; 16], medium()).into_value()
    }

    fn code(sheet: &SheetId, slot: u8) -> TypedCode {
        let secret = slot_secret(&seal_key(), medium(), sheet, slot);
        TypedCode::new(slot, secret).unwrap()
    }

    fn terms<'a>(sheets: &'a [Verified<Sheet>], revoked: &'a Revoked) -> CodeTerms<'a> {
        CodeTerms { medium: medium(), currency: yen(), sheets, revoked }
    }

    fn secret(slot: u8) -> SecretDigits {
        slot_secret(&seal_key(), medium(), &[5; 16], slot)
    }

    #[test]
    fn each_secret_opens_its_own_slot_alone() {
        let sheet = sheet();
        for slot in 0..5 {
            for tried in 0..5 {
                let opened = check_slot(&sheet, slot, &secret(tried));
                let minor = if slot < 3 { 1_000 } else { 5_000 };
                if slot == tried {
                    assert_eq!(opened, Ok(amount(minor)));
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
        let medium = medium();
        let number = medium.number().to_be_bytes();
        let parts = [b"scrip/v1/topup-code".as_slice(), &number, &[5; 16], &[9]].concat();
        assert_eq!(code_event(medium, &[5; 16], 9), sha256(&parts)[..16]);
        let parts = [b"scrip/v1/topup-voucher".as_slice(), &number, &[5; 16]].concat();
        assert_eq!(voucher_event(medium, &[5; 16]), sha256(&parts)[..16]);
        let store = StoreId::from_number(7).unwrap();
        let parts = [7_u64.to_be_bytes(), 300_u64.to_be_bytes()].concat();
        assert_eq!(voucher_id(store, 300), sha256(&parts)[..16]);
    }

    #[test]
    fn a_typed_code_opens_either_live_sheet_and_names_an_old_one() {
        let sheets = [5, 6, 7].map(|id| signed_sheet([id; 16], medium()));
        let none = Revoked::none();
        let terms = terms(&sheets, &none);
        for id in [5, 6] {
            let opened = open_text(&terms, &code(&[id; 16], 4).printed()).unwrap();
            let expected = Opened { sheet: [id; 16], slot: 4, amount: amount(5_000) };
            assert_eq!(opened, expected);
        }
        let old = open_code(&terms, &code(&[7; 16], 4)).unwrap_err();
        assert_eq!(old.to_string(), "this code is of an old sheet of medium 482109376527");
        let foreign = open_code(&terms, &code(&[8; 16], 4)).unwrap_err();
        assert_eq!(foreign, RedeemError::NotOfThisMedium { medium: medium() });
        let short = open_text(&terms, "0712-3456").unwrap_err();
        assert_eq!(short.to_string(), "code is incomplete: 8 of 20 digits");
    }

    #[test]
    fn sheets_that_cannot_be_used_are_named() {
        let none = Revoked::none();
        let missing = open_code(&terms(&[], &none), &code(&[5; 16], 0)).unwrap_err();
        assert_eq!(missing.to_string(), "medium 482109376527 has no sheet of codes");
        let foreign = [signed_sheet([5; 16], MediumId::from_serial(1))];
        let error = open_code(&terms(&foreign, &none), &code(&[5; 16], 0)).unwrap_err();
        let message = "a sheet of medium 000000000195 lies on medium 482109376527";
        assert_eq!(error.to_string(), message);
        let both = [foreign[0].clone(), signed_sheet([6; 16], medium())];
        assert!(open_code(&terms(&both, &none), &code(&[6; 16], 0)).is_ok(), "the other is good");
        let euro = CodeTerms { currency: "EUR".parse().unwrap(), ..terms(&both[1..], &none) };
        let error = open_code(&euro, &code(&[6; 16], 0)).unwrap_err();
        let message = "sheet of medium 482109376527 is in JPY, the medium holds EUR";
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn what_is_revoked_adds_nothing() {
        let list = |media: Vec<MediumId>, sheets: Vec<SheetId>| {
            let issued = at(1_800_000_000);
            let list = Revocation { number: 3, issued, media, sheets, stores: vec![] };
            Revoked::none().with(verify(&sign(&key(2), &list), &key(2).public()).unwrap())
        };
        let sheets = [signed_sheet([5; 16], medium())];
        let refused = |revoked: &Revoked| {
            open_code(&terms(&sheets, revoked), &code(&[5; 16], 2)).unwrap_err().to_string()
        };
        let message = "medium 482109376527 is revoked by list 3";
        assert_eq!(refused(&list(vec![medium()], vec![])), message);
        let message = "slot 2 of this sheet is revoked by list 3";
        assert_eq!(refused(&list(vec![], vec![[5; 16]])), message);
    }
}
