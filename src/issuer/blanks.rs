//! Making blanks: medium numbers, sheets, and the store's share of the codes, as one sealed kit.

use std::num::NonZeroU32;
use std::ops::ControlFlow;

use super::{CertifiedKey, ClockError, Issuer, KeyError};
use crate::crypto::seal::{SealKeyError, SealPublicKey};
use crate::crypto::{Random, Secret};
use crate::format::field::Bytes;
use crate::format::sheet::{Blank, KIT_SHEETS_MAX, Kit, Run, SheetId, StockedCode, sheet_id};
use crate::records::{
    self, KitError, MediaError, Slot, SlotPlace, SlotState, StorageError, Store, StoreRefusal,
    StoreStatus,
};
use crate::trust::{EditionSecret, Passphrase, RevokedError, sign};
use crate::units::{Amount, CurrencyForm, MediumId, StoreId, Timestamp};
use crate::voucher::kit::seal_kit;
use crate::voucher::sheet::slots_in_kit;
use crate::voucher::{PLANNED_RUNS, SheetError, SheetPlan, make_sheet, slot_secret};

/// The most blanks in one kit.
pub const BLANKS_MAX: u32 = KIT_SHEETS_MAX;

/// What a kit would be, before any of it is made.
#[derive(Debug, Clone)]
pub struct BlankPlan {
    /// The store it is for.
    pub store: Store,
    /// How many blanks.
    pub count: u32,
    /// Runs of slots of each sheet.
    pub runs: Vec<Run>,
    /// What the codes in the kit add up to.
    pub worth: Amount,
    /// What the store's quota still allows in kits, before this one.
    pub left: Amount,
    /// Media that get further sheets; none where new numbers are drawn.
    pub media: Vec<MediumId>,
}

/// A kit that was made and recorded.
#[derive(Debug, Clone)]
pub struct MadeKit {
    /// Random; names the kit.
    pub id: [u8; 16],
    /// The sealed kit's bytes.
    pub bytes: Vec<u8>,
    /// The medium numbers in it.
    pub media: Vec<MediumId>,
}

/// Why no kit is made.
#[derive(Debug, thiserror::Error)]
pub enum BlanksError {
    /// None, or too many.
    #[error("{count} blanks asked for, a kit has 1 to {BLANKS_MAX}")]
    Count {
        /// As asked for.
        count: u32,
    },
    /// The store can't have any.
    #[error(transparent)]
    Store(#[from] StoreRefusal),
    /// A further sheet for a medium of nobody.
    #[error("medium {0} is unknown: its number was never given out")]
    UnknownMedium(MediumId),
    /// A medium that is named twice.
    #[error("medium {0} is named twice: a kit brings one sheet for each")]
    Twice(MediumId),
    /// Media of several stores.
    #[error(
        "medium {medium} is store {found}'s, the first one store {expected}'s: a kit is for one"
    )]
    OtherStore {
        /// The medium.
        medium: MediumId,
        /// Its store.
        found: StoreId,
        /// That of the first medium.
        expected: StoreId,
    },
    /// A revoked medium.
    #[error(transparent)]
    Revoked(#[from] RevokedError),
    /// A clock that nothing is signed under.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The recorded seal key is no key.
    #[error("store {store}: its recorded seal key: {source}")]
    SealKey {
        /// The store.
        store: StoreId,
        /// What is wrong.
        source: SealKeyError,
    },
    /// No medium numbers.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// A sheet that can't be.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// Over quota, or recorded otherwise.
    #[error(transparent)]
    Kit(#[from] KitError),
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Broken off; the medium numbers drawn for it are never used.
    #[error("broken off after {made} of {count} blanks: no kit was made")]
    BrokenOff {
        /// Blanks made so far.
        made: u32,
        /// Blanks asked for.
        count: u32,
    },
}

/// The keys that making blanks takes.
pub struct BlankKeys {
    /// Signs sheets and kit.
    pub issuer: CertifiedKey,
    /// What all codes are derived from.
    pub seal: Secret<32>,
}

impl Issuer {
    /// The keys that making blanks takes.
    pub fn blank_keys(&self, passphrase: Passphrase<'_>) -> Result<BlankKeys, KeyError> {
        let issuer = self.issuer_key(passphrase)?;
        Ok(BlankKeys { issuer, seal: self.seal_key(passphrase)? })
    }

    /// Seal an edition's secret to a store's key; nothing is written.
    pub fn seal_secret(
        &mut self,
        store: StoreId,
        secret: &EditionSecret,
        rng: &mut dyn Random,
    ) -> Result<Vec<u8>, BlanksError> {
        let store = self.records.store(store)?.ok_or(StoreRefusal::Unknown(store))?;
        if let StoreStatus::Revoked(since) = store.status {
            return Err(StoreRefusal::Revoked { id: store.id, since }.into());
        }
        let to = SealPublicKey::from_bytes(store.enrolment.seal_key)
            .map_err(|source| BlanksError::SealKey { store: store.id, source })?;
        Ok(secret.seal(store.id, &to, rng))
    }

    /// Refuse blanks that can't be made; nothing is written.
    pub fn plan_blanks(
        &mut self,
        store: StoreId,
        count: u32,
        now: Timestamp,
    ) -> Result<BlankPlan, BlanksError> {
        self.plan(store, count, vec![], now)
    }

    /// Refuse further sheets that can't be made for media of one store; nothing is written.
    pub fn plan_sheets(
        &mut self,
        media: &[MediumId],
        now: Timestamp,
    ) -> Result<BlankPlan, BlanksError> {
        let mut stores = vec![];
        for (place, medium) in media.iter().enumerate() {
            self.revoked.check_medium(*medium)?;
            let store = self.records.store_of(*medium)?;
            stores.push(store.ok_or(BlanksError::UnknownMedium(*medium))?);
            let (medium, found, expected) = (*medium, stores[place], stores[0]);
            if found != expected {
                return Err(BlanksError::OtherStore { medium, found, expected });
            }
            if media[..place].contains(&medium) {
                return Err(BlanksError::Twice(medium));
            }
        }
        let count = u32::try_from(media.len()).unwrap_or(u32::MAX);
        let store = stores.first().copied().ok_or(BlanksError::Count { count })?;
        self.plan(store, count, media.to_vec(), now)
    }

    fn plan(
        &mut self,
        store: StoreId,
        count: u32,
        media: Vec<MediumId>,
        now: Timestamp,
    ) -> Result<BlankPlan, BlanksError> {
        self.check_clock(now)?;
        if !(1..=BLANKS_MAX).contains(&count) {
            return Err(BlanksError::Count { count });
        }
        let store = self.records.store(store)?.ok_or(StoreRefusal::Unknown(store))?;
        if let StoreStatus::Revoked(since) = store.status {
            return Err(StoreRefusal::Revoked { id: store.id, since }.into());
        }
        let runs = PLANNED_RUNS.map(|run| run.in_currency(self.form)).to_vec();
        let asked = u128::from(kit_minor(self.form)) * u128::from(count);
        let left = left_for_kits(&store);
        let worth = u64::try_from(asked).ok().and_then(|minor| Amount::from_minor(minor).ok());
        match worth.filter(|worth| *worth <= left) {
            Some(worth) => Ok(BlankPlan { store, count, runs, worth, left, media }),
            None => Err(over_quota(&store, asked).into()),
        }
    }

    /// Make, record and seal a kit of a plan.
    ///
    /// `step` is told how many blanks are done and may break off. The kit is recorded before it
    /// is handed back: what gets lost on its way can be had again by [`Issuer::recorded_kit`].
    pub fn make_blanks(
        &mut self,
        plan: &BlankPlan,
        keys: &BlankKeys,
        rng: &mut dyn Random,
        now: Timestamp,
        step: &mut dyn FnMut(u32) -> ControlFlow<()>,
    ) -> Result<MadeKit, BlanksError> {
        let store = &plan.store;
        let to = SealPublicKey::from_bytes(store.enrolment.seal_key)
            .map_err(|source| BlanksError::SealKey { store: store.id, source })?;
        let media = match plan.media.as_slice() {
            [] => self.records.reserve_media(store.id, plan.count, rng)?,
            known => known.to_vec(),
        };
        let mut made = Vec::new();
        let id = draw_id(rng);
        for (place, medium) in (0..).zip(&media) {
            made.push(self.make_blank(*medium, plan, keys, sheet_id(&id, place), now)?);
            let count = place + 1;
            if step(count).is_break() {
                return Err(BlanksError::BrokenOff { made: count, count: plan.count });
            }
        }
        let (blanks, sheets): (Vec<Blank>, Vec<records::Sheet>) = made.into_iter().unzip();
        let kit = self.kit(store, blanks, id, now);
        let signed = sign(&keys.issuer.key, &kit);
        let bytes = seal_kit(store.id, &to, keys.issuer.chain.clone(), &signed, rng);
        let content = bytes.clone();
        let recorded = records::Kit { id: kit.id, store: store.id, made_at: now, content };
        self.records.add_kit(&recorded, kit.currency, &sheets)?;
        Ok(MadeKit { id: kit.id, bytes, media })
    }

    /// A kit that was made before, as it was sealed then.
    pub fn recorded_kit(&mut self, id: &[u8; 16]) -> Result<Option<records::Kit>, StorageError> {
        self.records.kit(id)
    }

    fn kit(&self, store: &Store, blanks: Vec<Blank>, id: [u8; 16], now: Timestamp) -> Kit {
        Kit {
            id,
            store: store.id,
            currency: store.enrolment.quota.currency,
            issued: now,
            blanks,
            policy: Bytes(self.policy.bytes().to_vec()),
            revocation: self.revoked.list().map(|list| Bytes(list.bytes().to_vec())),
        }
    }

    fn make_blank(
        &self,
        medium: MediumId,
        plan: &BlankPlan,
        keys: &BlankKeys,
        id: SheetId,
        now: Timestamp,
    ) -> Result<(Blank, records::Sheet), SheetError> {
        let sheet = SheetPlan {
            id,
            medium,
            currency: plan.store.enrolment.quota.currency,
            rounds: NonZeroU32::new(self.policy.rounds_min).unwrap_or(NonZeroU32::MIN),
            runs: plan.runs.clone(),
            issued: now,
        };
        let content = make_sheet(&keys.issuer.key, &keys.seal, &sheet)?;
        let code =
            |slot| StockedCode { slot, secret: slot_secret(&keys.seal, medium, &sheet.id, slot) };
        let codes = slots_in_kit().map(code).collect();
        let blank = Blank { medium, sheet: Bytes(content.clone()), codes };
        let slots = slots_of(&plan.runs);
        Ok((blank, records::Sheet { id: sheet.id, medium, content, slots }))
    }
}

/// What the codes in a kit add up to for one blank, minor units.
fn kit_minor(form: CurrencyForm) -> u64 {
    let run = |run: &crate::voucher::PlannedRun| {
        u64::from(run.in_kit) * run.in_currency(form).amount.minor()
    };
    PLANNED_RUNS.iter().map(run).sum()
}

/// What a store's quota still allows in kits.
pub fn left_for_kits(store: &Store) -> Amount {
    let quota = &store.enrolment.quota;
    let used = quota.vouchers_minor() + u128::from(store.in_kits.minor());
    let left = u128::from(quota.total.minor()).saturating_sub(used);
    let left = u64::try_from(left).expect("no more than the quota");
    Amount::from_minor(left).expect("no more than the quota")
}

fn over_quota(store: &Store, asked: u128) -> KitError {
    let quota = &store.enrolment.quota;
    KitError::OverQuota {
        store: store.id,
        currency: quota.currency,
        asked,
        in_kits: store.in_kits.minor(),
        vouchers: quota.vouchers_minor(),
        quota: quota.total.minor(),
    }
}

/// The slots of a sheet as records hold them: those of the kit, and those held back.
fn slots_of(runs: &[Run]) -> Vec<Slot> {
    let in_kit: Vec<u8> = slots_in_kit().collect();
    let amounts = runs.iter().flat_map(|run| (0..run.count).map(|_| run.amount));
    let slot = |(slot, amount)| {
        let place = if in_kit.contains(&slot) { SlotPlace::Kit } else { SlotPlace::Held };
        Slot { slot, amount, place, state: SlotState::Free }
    };
    (0..).zip(amounts).map(slot).collect()
}

fn draw_id(rng: &mut dyn Random) -> [u8; 16] {
    let mut id = [0; 16];
    rng.fill(&mut id);
    id
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Grounds, amount, at, enrolled, request, rng, store_seal_key};
    use super::super::{Wishes, read_request};
    use super::*;
    use crate::trust::{TestRoots, Trust};
    use crate::voucher::kit::open_kit;

    #[test]
    fn a_kit_opens_at_its_store_and_is_recorded() {
        let grounds = Grounds::new();
        let mut issuer = grounds.found();
        let store = enrolled(&mut issuer);
        let plan = issuer.plan_blanks(store, 3, at(4)).unwrap();
        assert_eq!((plan.worth, plan.left), (amount(297_000), amount(7_500_000)));
        let keys = issuer.blank_keys(Passphrase::None).unwrap();
        let mut steps = vec![];
        let mut step = |done| {
            steps.push(done);
            ControlFlow::Continue(())
        };
        let made = issuer.make_blanks(&plan, &keys, &mut rng(), at(7), &mut step).unwrap();
        assert_eq!(steps, [1, 2, 3]);
        let trust = Trust::new(vec![issuer.root().clone()], TestRoots::Allowed);
        let opened = open_kit(&made.bytes, store, &store_seal_key(), &trust).unwrap();
        let media: Vec<MediumId> = opened.kit.blanks.iter().map(|blank| blank.medium).collect();
        assert_eq!((media, opened.kit.id), (made.media.clone(), made.id));
        assert!(opened.kit.blanks.iter().all(|blank| blank.codes.len() == 30));
        let recorded = issuer.recorded_kit(&made.id).unwrap().unwrap();
        assert_eq!(recorded.content, made.bytes);
        assert_eq!(issuer.plan_blanks(store, 1, at(4)).unwrap().left, amount(7_203_000));
    }

    #[test]
    fn blanks_beyond_the_quota_are_refused_before_any_work() {
        let grounds = Grounds::new();
        let mut issuer = grounds.found();
        let store = enrolled(&mut issuer);
        assert_eq!(issuer.plan_blanks(store, 75, at(4)).unwrap().worth, amount(7_425_000));
        let over = issuer.plan_blanks(store, 76, at(4)).unwrap_err().to_string();
        let message = "store 1: 7524000 JPY more in codes, with 0 in earlier kits and 2500000 in \
                       vouchers, pass its quota of 10000000";
        assert_eq!(over, message);
        for count in [0, 10_001] {
            let error = issuer.plan_blanks(store, count, at(4)).unwrap_err().to_string();
            assert_eq!(error, format!("{count} blanks asked for, a kit has 1 to 10000"));
        }
        let unknown = issuer.plan_blanks(StoreId::from_number(2).unwrap(), 1, at(4)).unwrap_err();
        assert_eq!(unknown.to_string(), "store 2 is not enrolled");
    }

    #[test]
    fn a_broken_off_kit_counts_for_nothing() {
        let grounds = Grounds::new();
        let mut issuer = grounds.found();
        let store = enrolled(&mut issuer);
        let plan = issuer.plan_blanks(store, 3, at(4)).unwrap();
        let keys = issuer.blank_keys(Passphrase::None).unwrap();
        let mut stop =
            |done| if done == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let error = issuer.make_blanks(&plan, &keys, &mut rng(), at(7), &mut stop).unwrap_err();
        assert_eq!(error.to_string(), "broken off after 2 of 3 blanks: no kit was made");
        assert_eq!(issuer.plan_blanks(store, 1, at(4)).unwrap().left, plan.left);
        assert!(issuer.records().kits_of(store).unwrap().is_empty());
    }

    #[test]
    fn slots_are_split_between_store_and_issuer() {
        let form = CurrencyForm::new("JPY".parse().unwrap(), 0).unwrap();
        let runs = PLANNED_RUNS.map(|run| run.in_currency(form));
        let slots = slots_of(&runs);
        let worth = |place| -> u64 {
            let of = slots.iter().filter(|slot| slot.place == place);
            of.map(|slot| slot.amount.minor()).sum()
        };
        assert_eq!(slots.len(), 40);
        assert_eq!((worth(SlotPlace::Kit), worth(SlotPlace::Held)), (99_000, 33_000));
        assert_eq!(worth(SlotPlace::Kit), kit_minor(form));
    }

    #[test]
    fn a_small_quota_gives_small_vouchers() {
        let grounds = Grounds::new();
        let mut issuer = grounds.found();
        let requested = read_request(&request("Shop", 3)).unwrap();
        let wishes = Wishes { quota: Some(amount(100_000)), ..Wishes::default() };
        let terms = wishes.terms(issuer.form(), issuer.policy().topup_max);
        assert_eq!((terms.single_max, terms.vouchers), (amount(25_000), 1));
        issuer.check_enrolment(&requested, &terms, at(2)).unwrap();
    }
}
