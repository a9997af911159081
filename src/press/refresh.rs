//! Media that come back to their store: refreshed, or sold with the sale on them.
//!
//! A medium is examined first, with what the store's folder kept of a stamping that was cut off
//! laid over it; then it is planned what is to stand on it; then the blocks are kept in the
//! folder, written, read back, journalled, and let go. A sale is journalled before its stamp is
//! kept: whatever cuts it off, the journal has the sale once, and the same command goes on.

use crate::device::Target;
use crate::image::check::{History, Identity, Reading, Report};
use crate::image::restamp::{
    self, Blocks, Examined, Planned, Renewal, RestampError, Restamped, Sale, bytes_to_write,
};
use crate::shop::books::Stage;
use crate::shop::{KeptStamp, Receipt, Refusal, Shop, ShopError};
use crate::trust::Trust;
use crate::units::{Amount, MediumId, Timestamp};

/// Why a medium was not refreshed or sold.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The store's folder says no.
    #[error(transparent)]
    Shop(#[from] ShopError),
    /// The medium can't be stamped again.
    #[error(transparent)]
    Restamp(#[from] RestampError),
    /// Nobody is to buy a medium whose journal is damaged.
    #[error("medium {medium} is not to be sold: its journal is damaged: {reason}")]
    Journal {
        /// The medium.
        medium: MediumId,
        /// What is wrong.
        reason: String,
    },
}

impl From<Refusal> for RefreshError {
    fn from(refusal: Refusal) -> Self {
        Self::Shop(refusal.into())
    }
}

/// What a medium is to be sold for, and to whom.
#[derive(Debug, Clone, Default)]
pub struct SaleWish {
    /// The price.
    pub price: Option<Amount>,
    /// A code of this amount comes with it.
    pub starter: Option<Amount>,
    /// The owner's name, only if the owner asks for it to stand on the medium.
    pub owner: Option<String>,
}

/// A medium in the store's hands.
pub struct InHand<'a> {
    device: &'a dyn Target,
    identity: &'a Identity,
    reading: Reading,
    /// What a stamping that was cut off was to write.
    kept: Option<KeptStamp>,
    /// The medium as it will be when that is written.
    examined: Examined,
}

/// What became of a medium.
#[derive(Debug)]
pub struct Refreshed {
    /// What a check says of it now.
    pub report: Report,
    /// How many bytes were written.
    pub bytes: u64,
    /// The journal's entry, if it was stamped.
    pub entry: Option<u64>,
}

impl<'a> InHand<'a> {
    /// Judge a medium that was read, and take up a stamping of it that was cut off. Nothing is
    /// written.
    pub fn examine(
        shop: &Shop,
        device: &'a dyn Target,
        identity: &'a Identity,
        reading: Reading,
    ) -> Result<Self, RefreshError> {
        shop.standing()?;
        let trust = shop.trust()?;
        let none = Blocks::new();
        let own = restamp::examine(reading.clone(), &device, &none, trust, identity);
        let seen = Seen { device, identity, reading: &reading, trust };
        let (kept, examined) = match seen.kept(shop, own.as_ref().ok())? {
            Some((kept, examined)) => (Some(kept), examined),
            None => (None, own?),
        };
        Ok(Self { device, identity, reading, kept, examined })
    }

    /// The medium.
    pub fn medium(&self) -> MediumId {
        self.examined.medium()
    }

    /// What the check found; of a stamping that was cut off, as if it were ended.
    pub fn report(&self) -> &Report {
        self.examined.report()
    }

    /// Whether a stamping that was cut off is to be ended.
    pub fn is_cut_off(&self) -> bool {
        self.kept.is_some()
    }

    /// What brings the medium up to what this store has and its journal says.
    pub fn refresh(&self, shop: &Shop, now: Timestamp) -> Result<Planned, RefreshError> {
        let sale = if self.examined.store() == shop.store()? {
            self.journalled(shop)?
        } else {
            Sale::Unchanged
        };
        self.plan(shop, sale, now)
    }

    /// Journal the medium's sale, unless that was done before it could be stamped, and plan its
    /// stamp. What would be refused of the stamp is refused before.
    pub fn sell(
        &self,
        shop: &mut Shop,
        wish: &SaleWish,
        now: Timestamp,
    ) -> Result<(Receipt, Planned), RefreshError> {
        let (medium, owner) = (self.medium(), wish.owner.clone());
        if let History::Damaged(reason) = &self.report().history {
            return Err(RefreshError::Journal { medium, reason: reason.en().to_owned() });
        }
        self.examined.permit(&self.renewal(shop, Sale::Unchanged, now)?)?;
        let stage = shop.books()?.medium(medium)?.stage;
        if let Stage::Sold(seq) = stage {
            let receipt = shop.receipt(seq)?;
            if !self.is_begun(&receipt, wish) {
                if self.is_stamped(&receipt) {
                    // Letting it go was cut off; it may hold an owner's name.
                    shop.forget_stamp(medium)?;
                }
                let (found, needed) = (stage.to_string(), "burnt and not sold");
                return Err(Refusal::Stage { medium, found, needed }.into());
            }
            let planned = self.plan(shop, Sale::Sold { at: receipt.at, owner }, now)?;
            return Ok((receipt, planned));
        }
        let planned = self.plan(shop, Sale::Sold { at: now, owner }, now)?;
        let receipt = shop.sell(medium, wish.price, wish.starter, now)?;
        Ok((receipt, planned))
    }

    /// Whether this sale stands on the medium, wholly.
    fn is_stamped(&self, receipt: &Receipt) -> bool {
        self.examined.sold() == Some(receipt.at) && !self.is_cut_off()
    }

    /// Whether this sale was journalled, and its stamp didn't come to its end.
    fn is_begun(&self, receipt: &Receipt, wish: &SaleWish) -> bool {
        let fits = |wished: Option<Amount>, sold| wished.is_none() || wished == sold;
        !self.is_stamped(receipt)
            && fits(wish.price, receipt.price)
            && fits(wish.starter, receipt.amount)
    }

    /// The medium's sale, as the store's journal has it.
    fn journalled(&self, shop: &Shop) -> Result<Sale, RefreshError> {
        let medium = self.medium();
        match shop.books()?.medium(medium)?.stage {
            Stage::Burnt(_) => Ok(Sale::Unsold),
            Stage::Sold(seq) => Ok(Sale::Sold { at: shop.entry(seq)?.at, owner: None }),
            stage => {
                let (found, needed) = (stage.to_string(), "burnt or sold");
                Err(Refusal::Stage { medium, found, needed }.into())
            }
        }
    }

    fn plan(&self, shop: &Shop, sale: Sale, now: Timestamp) -> Result<Planned, RefreshError> {
        let renewal = self.renewal(shop, sale, now)?;
        let (kept, trust) = (self.kept_blocks(), shop.trust()?);
        Ok(self.examined.plan(&self.device, &kept, &renewal, trust, self.identity)?)
    }

    fn renewal<'s>(
        &self,
        shop: &'s Shop,
        sale: Sale,
        at: Timestamp,
    ) -> Result<Renewal<'s>, RefreshError> {
        let stocked = shop.books()?.medium(self.medium()).ok();
        Ok(Renewal {
            signer: shop.signer()?,
            grant: shop.grant()?,
            name: shop.name(),
            key: shop.key(),
            policy: shop.policy(),
            revocation: shop.revocation(),
            sheets: stocked.iter().flat_map(|stocked| stocked.sheets()).collect(),
            sale,
            at,
        })
    }

    fn kept_blocks(&self) -> Blocks {
        self.kept.as_ref().map(|kept| kept.blocks.clone()).unwrap_or_default()
    }

    /// How many bytes carrying a plan out would write.
    pub fn bytes(&self, shop: &Shop, planned: &Planned) -> Result<u64, RefreshError> {
        let mut blocks = self.kept_blocks();
        blocks.extend(planned.blocks.clone());
        let reading = self.reading.clone();
        Ok(bytes_to_write(reading, &self.device, &blocks, shop.trust()?, self.identity)?)
    }

    /// Keep the blocks, write them, journal that, and let them go.
    pub fn carry_out(
        self,
        shop: &mut Shop,
        planned: Planned,
        now: Timestamp,
    ) -> Result<Refreshed, RefreshError> {
        let medium = self.medium();
        let (mut blocks, mut since) = (self.kept_blocks(), self.kept.map(|kept| kept.since));
        if !planned.blocks.is_empty() {
            blocks.extend(planned.blocks);
            since = Some(shop.keep_stamp(medium, &blocks)?);
        }
        let Restamped { report, bytes } =
            restamp::write(self.reading, self.device, &blocks, shop.trust()?, self.identity)?;
        let entry = match since {
            Some(since) => Some(shop.end_stamp(medium, since, now)?),
            // What was kept for another state of it is of no use any more.
            None => shop.forget_stamp(medium).map(|()| None)?,
        };
        Ok(Refreshed { report, bytes, entry })
    }
}

/// A medium as it was read.
struct Seen<'a> {
    device: &'a dyn Target,
    identity: &'a Identity,
    reading: &'a Reading,
    trust: &'a Trust,
}

impl Seen<'_> {
    /// What the store's folder kept for this medium, if that makes a sound one of it which isn't
    /// older than what it is.
    fn kept(
        &self,
        shop: &Shop,
        own: Option<&Examined>,
    ) -> Result<Option<(KeptStamp, Examined)>, RefreshError> {
        for medium in shop.unfinished_stamps()? {
            if own.is_some_and(|own| own.medium() != medium) {
                continue;
            }
            let kept = match shop.kept_stamp(medium) {
                // It is of no use, and holds up no other medium.
                Err(ShopError::Damaged { .. }) => continue,
                kept => kept?,
            };
            let Self { device, identity, reading, trust } = *self;
            let view = restamp::examine(reading.clone(), &device, &kept.blocks, trust, identity);
            let Ok(view) = view else { continue };
            let is_older = own.is_some_and(|own| own.sealed() > view.sealed());
            if view.medium() == medium && !is_older {
                return Ok(Some((kept, view)));
            }
        }
        Ok(None)
    }
}
