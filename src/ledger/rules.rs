//! What a record is held against beside the state: all of it signed by others.

use super::planted::{Fault, planted};
use super::refusal::Reason;
use crate::format::Kind;
use crate::format::checkpoint::Checkpoint;
use crate::format::cose::Sign1;
use crate::format::policy::Policy;
use crate::format::sheet::{SecretDigits, Sheet, SheetId, Voucher};
use crate::trust::{Claimed, Revoked, Signer, TrustError, Verified};
use crate::units::{Amount, Currency, MediumId, Timestamp};
use crate::voucher::{self, VoucherError, VoucherTerms};

/// Who answers for the secrets and foreign signatures in records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// They themselves: each is checked.
    Each,
    /// Whoever settled these very records checked them then.
    Settler,
}

/// What a record is held against beside the state: all of it signed by others.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The policy that the medium was made under, or that was stamped on it since.
    pub policy: &'a Policy,
    /// Policies that came later; one binds from the record on that takes it over.
    pub later: &'a [Verified<Policy>],
    /// The currency of the medium's certificate.
    pub currency: Currency,
    /// The medium's live sheets.
    pub sheets: &'a [Verified<Sheet>],
    /// Stores whose vouchers can be checked here.
    pub stores: &'a [Signer],
    /// Who certifies the settlers and other stores that records bring along.
    pub issuer: Option<&'a Signer>,
    /// What is revoked; it binds records whose time floor shows that the list had arrived.
    pub revoked: &'a Revoked,
    /// Who answers for secrets and foreign signatures.
    pub asked: Asked,
}

static NOTHING_REVOKED: Revoked = Revoked::none();

impl<'a> Rules<'a> {
    /// Rules with nothing but a policy and a currency; the rest is filled in by name.
    pub fn of(policy: &'a Policy, currency: Currency) -> Self {
        Self {
            policy,
            later: &[],
            currency,
            sheets: &[],
            stores: &[],
            issuer: None,
            revoked: &NOTHING_REVOKED,
            asked: Asked::Each,
        }
    }

    /// The policy that binds where one of this number was taken over, 0 for none: the highest number
    /// counts, so that one that was stamped since takes the place of all below it.
    pub fn binding(&self, number: u64) -> Result<&'a Policy, Reason> {
        if number <= self.policy.number {
            return Ok(self.policy);
        }
        let later = self.later.iter().find(|policy| policy.number == number);
        let binding = self.policy.number;
        later.map(|policy| &**policy).ok_or(Reason::Policy { found: number, binding })
    }

    /// The list that had arrived by then.
    fn revoked_by(&self, floor: Timestamp) -> &'a Revoked {
        match self.revoked.list() {
            Some(list) if list.issued > floor || planted(Fault::RevokedCounts) => &NOTHING_REVOKED,
            _ => self.revoked,
        }
    }

    /// What a sealed code credits; it costs the sheet's rounds.
    pub(super) fn code(
        &self,
        medium: MediumId,
        floor: Timestamp,
        (sheet, slot, secret): (&SheetId, u8, &SecretDigits),
    ) -> Result<Amount, Reason> {
        let live = self.sheets.iter().find(|live| live.id == *sheet && live.medium == medium);
        let live = live.filter(|live| live.currency == self.currency).ok_or(Reason::Sheet)?;
        self.revoked_by(floor).check_slot(sheet, slot)?;
        match self.asked {
            Asked::Settler => live.amount(slot).ok_or(Reason::Sheet),
            Asked::Each => Ok(voucher::check_slot(live, slot, secret)?),
        }
    }

    /// What a voucher credits, and its id.
    pub(super) fn voucher(
        &self,
        medium: MediumId,
        floor: Timestamp,
        bytes: &[u8],
        certificate: Option<&[u8]>,
    ) -> Result<(Amount, [u8; 16]), Reason> {
        let terms = VoucherTerms {
            medium,
            currency: self.currency,
            floor: Some(floor),
            revoked: self.revoked_by(floor),
        };
        if self.asked == Asked::Settler {
            let claimed = Claimed::<Voucher>::read(bytes)?;
            terms.revoked.check_voucher(&claimed).map_err(VoucherError::from)?;
            return Ok((claimed.amount, claimed.id));
        }
        let voucher = match certificate {
            Some(certificate) => {
                let store = self.certified(certificate, floor)?;
                voucher::verify_voucher(&store, bytes, &terms)?
            }
            None => voucher::verify_voucher(self.store(bytes)?, bytes, &terms)?,
        };
        Ok((voucher.amount, voucher.id))
    }

    /// A checkpoint, by the settler whose certificate comes with it.
    pub(super) fn checkpoint(
        &self,
        floor: Timestamp,
        bytes: &[u8],
        certificate: &[u8],
    ) -> Result<Verified<Checkpoint>, Reason> {
        Ok(self.certified(certificate, floor)?.open(bytes)?)
    }

    fn certified(&self, certificate: &[u8], floor: Timestamp) -> Result<Signer, Reason> {
        let issuer = self.issuer.ok_or(Reason::Issuer)?;
        Ok(issuer.certify(certificate, Some(floor))?)
    }

    fn store(&self, voucher: &[u8]) -> Result<&'a Signer, Reason> {
        let key_id = Sign1::decode(voucher, Kind::Voucher).map_err(TrustError::from)?.key_id();
        let signed_it = |signer: &&Signer| signer.certificate().key.0.key_id() == key_id;
        self.stores.iter().find(signed_it).ok_or(Reason::Store)
    }
}
