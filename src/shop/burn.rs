//! Burning, as far as the store's folder goes: numbers used once, secrets kept until verified.

use super::books::{CodeState, Stage};
use super::enter::Draft;
use super::open::{BURNS, Shop, Writing};
use super::sale::SoldCode;
use super::secrets::{BurnSecrets, SEALED_BYTES_MAX};
use super::{Refusal, ShopError};
use crate::crypto::Random;
use crate::device::Privacy;
use crate::format::sheet::Sheet;
use crate::format::store::{Burn, StoreEvent};
use crate::trust::Verified;
use crate::units::{Amount, MediumId, Timestamp};

/// A label's number has so many digits at most.
const LABEL_DIGITS_MAX: u64 = 20;

/// A medium number that a burn has used up.
#[derive(Debug)]
pub struct ReservedBlank {
    /// The number.
    pub medium: MediumId,
    /// The sequence of the entry that used it up: the serial in the medium's certificate.
    pub serial: u64,
    /// When that was: the time in the medium's certificate.
    pub at: Timestamp,
    /// The medium's sheet.
    pub sheet: Verified<Sheet>,
}

impl Shop {
    /// Use up the next blank's number and keep the burn's secrets, before anything is written to
    /// a medium.
    pub fn begin_burn(
        &mut self,
        secrets: &BurnSecrets,
        now: Timestamp,
        rng: &mut dyn Random,
    ) -> Result<ReservedBlank, ShopError> {
        self.standing()?;
        let medium = self.next_blank()?;
        // Secrets first: without an entry they are stale and go at the next opening.
        self.keep_secrets(medium, secrets, rng)?;
        self.enter(Draft::new(StoreEvent::Begun, medium), now)?;
        self.reserved(medium)
    }

    /// Would the next blank have a code of this amount to start with?
    pub fn check_starting_code(&self, amount: Amount) -> Result<(), Refusal> {
        self.next_code(self.next_blank()?, amount).map(|_| ())
    }

    /// The number, sheet and serial of a burn that began and hasn't ended.
    pub fn reserved(&self, medium: MediumId) -> Result<ReservedBlank, ShopError> {
        let enrolled = self.enrolled()?;
        let stocked = enrolled.books.medium(medium)?;
        let Stage::Begun(serial) = stocked.stage else {
            let found = stocked.stage.to_string();
            return Err(Refusal::Stage { medium, found, needed: "being burnt" }.into());
        };
        let at = self.entry(serial)?.at;
        Ok(ReservedBlank { medium, serial, at, sheet: stocked.sheet.clone() })
    }

    /// Media whose burn began and hasn't ended.
    pub fn unfinished_burns(&self) -> Result<Vec<MediumId>, Refusal> {
        let media = self.books()?.media().iter();
        let begun = media.filter(|medium| matches!(medium.stage, Stage::Begun(_)));
        Ok(begun.map(|medium| medium.sheet.medium).collect())
    }

    /// The secrets of a burn that is to be resumed.
    pub fn burn_secrets(&self, medium: MediumId) -> Result<BurnSecrets, ShopError> {
        let name = secrets_name(medium);
        let bytes = self.folder.folder(BURNS)?.read(&name, SEALED_BYTES_MAX)?;
        BurnSecrets::open(&bytes, &self.keys.sign, medium)
            .map_err(|error| ShopError::damaged(format!("{BURNS}/{name}"), &error))
    }

    /// The codes that this burn has already spent.
    pub fn spent_codes(&self, medium: MediumId) -> Result<Vec<SoldCode>, ShopError> {
        let spent = self.enrolled()?.books.medium(medium)?.codes.iter().filter_map(|code| {
            let CodeState::Spent(seq) = code.state else { return None };
            Some((seq, (code.sheet, code.stocked.slot)))
        });
        spent.map(|(seq, slot)| self.sold_code(medium, slot, seq)).collect()
    }

    /// The burn was verified: journal it, then erase its secrets.
    pub fn record_burnt(
        &mut self,
        medium: MediumId,
        burn: Burn,
        now: Timestamp,
    ) -> Result<u64, ShopError> {
        let draft = Draft { burn: Some(burn), ..Draft::new(StoreEvent::Burnt, medium) };
        let seq = self.enter(draft, now)?;
        self.erase_secrets(medium)?;
        Ok(seq)
    }

    /// The burn is given up; its number is never used again.
    pub fn abandon(&mut self, medium: MediumId, now: Timestamp) -> Result<u64, ShopError> {
        let seq = self.enter(Draft::new(StoreEvent::Abandoned, medium), now)?;
        self.erase_secrets(medium)?;
        Ok(seq)
    }

    /// A medium was stamped again.
    pub fn record_refreshed(&mut self, medium: MediumId, now: Timestamp) -> Result<u64, ShopError> {
        self.standing()?;
        self.enter(Draft::new(StoreEvent::Refreshed, medium), now)
    }

    /// Are so many blanks left?
    pub fn check_blanks(&self, needed: usize) -> Result<(), Refusal> {
        let left = self.blanks()?.count();
        let total = self.enrolled()?.books.media().len();
        if left < needed { Err(Refusal::NoBlank { needed, left, total }) } else { Ok(()) }
    }

    /// The next label's number: one above all in the burn record.
    pub fn next_label(&self) -> Result<u64, ShopError> {
        let burns = self.enrolled()?.log.entries().iter().filter_map(|entry| entry.burn.as_ref());
        let last = burns.filter_map(|burn| burn.label).max();
        let kept = self.unfinished_burns()?.into_iter().map(|medium| self.verified_label(medium));
        let kept = kept.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().max();
        Ok(last.max(kept).map_or(1, |last| last.saturating_add(1)))
    }

    /// A burn's body was read back and is right: keep the number of its label. From now on the
    /// medium may look whole, so it is never to be burnt to other storage.
    pub fn mark_verified(&self, medium: MediumId, label: u64) -> Result<(), ShopError> {
        if self.writing == Writing::Real {
            let (burns, text) = (self.folder.folder(BURNS)?, label.to_string());
            burns.write(&verified_name(medium), text.as_bytes(), Privacy::Secret)?;
        }
        Ok(())
    }

    /// The label's number, if a burn's body was read back and its medium may look whole.
    pub fn verified_label(&self, medium: MediumId) -> Result<Option<u64>, ShopError> {
        let name = verified_name(medium);
        if !self.folder.contains(BURNS)? || !self.folder.folder(BURNS)?.contains(&name)? {
            return Ok(None);
        }
        let bytes = self.folder.folder(BURNS)?.read(&name, LABEL_DIGITS_MAX)?;
        let label = str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
        let damaged = || ShopError::damaged(format!("{BURNS}/{name}"), &"holds no label's number");
        label.map(Some).ok_or_else(damaged)
    }

    fn next_blank(&self) -> Result<MediumId, Refusal> {
        self.check_blanks(1)?;
        let blank = self.blanks()?.next();
        Ok(blank.expect("there is one"))
    }

    fn blanks(&self) -> Result<impl Iterator<Item = MediumId>, Refusal> {
        let enrolled = self.enrolled()?;
        let blank = enrolled.books.media().iter().filter(|medium| medium.stage == Stage::Blank);
        let numbers = blank.map(|medium| medium.sheet.medium);
        Ok(numbers.filter(|medium| enrolled.revoked.check_medium(*medium).is_ok()))
    }

    fn keep_secrets(
        &self,
        medium: MediumId,
        secrets: &BurnSecrets,
        rng: &mut dyn Random,
    ) -> Result<(), ShopError> {
        let sealed = secrets.seal(&self.keys.sign, medium, rng)?;
        if self.writing == Writing::Real {
            // In place of what a failed beginning left, whose number was never used up.
            let burns = self.folder.folder(BURNS)?;
            burns.write(&secrets_name(medium), &sealed, Privacy::Secret)?;
        }
        Ok(())
    }

    fn erase_secrets(&self, medium: MediumId) -> Result<(), ShopError> {
        if self.writing == Writing::Dry {
            return Ok(());
        }
        let burns = self.folder.folder(BURNS)?;
        for name in names(medium) {
            if burns.contains(&name)? {
                burns.erase(&name)?;
            }
        }
        Ok(())
    }

    /// Erase what a crash left: secrets of burns that ended, or whose number was never used up.
    pub(super) fn erase_stale_secrets(&self) -> Result<(), ShopError> {
        if self.writing == Writing::Dry || !self.folder.contains(BURNS)? {
            return Ok(());
        }
        let live: Vec<_> = self.unfinished_burns().unwrap_or_default();
        let live: Vec<_> = live.into_iter().flat_map(names).collect();
        let burns = self.folder.folder(BURNS)?;
        for name in burns.list()?.iter().filter(|name| !live.contains(name)) {
            burns.erase(name)?;
        }
        Ok(())
    }
}

/// What the folder keeps of one burn.
fn names(medium: MediumId) -> [String; 2] {
    [secrets_name(medium), verified_name(medium)]
}

fn secrets_name(medium: MediumId) -> String {
    format!("{medium}.sealed")
}

fn verified_name(medium: MediumId) -> String {
    format!("{medium}.verified")
}
