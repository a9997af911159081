//! How large a population is.

use super::dials::{Dials, RATE_ALL};
use crate::issuer::BLANKS_MAX;

/// The fewest records that a medium makes: it is begun, taken over, topped up and used.
const EVENTS_MIN: u64 = 8;
/// The most records that a medium makes on average.
const EVENTS_MAX: u64 = 100_000;
/// Media of a store unless it is said how many stores there are.
const STORE_MEDIA: u32 = 500;
/// Of a hundred records so many add a code.
const CODES_PERCENT: u64 = 5;
/// The most codes that one medium is sold: the store's kit has thirty.
const CODES_MAX: u64 = 26;

/// How large a population is, and what it follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Population {
    /// All choices follow from it.
    pub seed: u64,
    /// How many media.
    pub media: u32,
    /// How many records all media make, apart from what is planted.
    pub events: u64,
    /// How many stores.
    pub stores: u32,
    /// Of a thousand stores, the journals of so many are in the records.
    pub imported: u32,
    /// What is planted.
    pub dials: Dials,
}

/// Why there is no such population.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PopulationError {
    /// Too few media to have partners, or more than medium numbers are drawn for.
    #[error("media: {0}, allowed are 2 to {MEDIA_MAX}")]
    Media(u32),
    /// Too few or too many records.
    #[error("{events} events of {media} media, allowed are {least} to {most}")]
    Events {
        /// As asked for.
        events: u64,
        /// Of so many media.
        media: u32,
        /// The fewest.
        least: u64,
        /// The most.
        most: u64,
    },
    /// Stores without media, or with more than a kit has.
    #[error("{stores} stores of {media} media, allowed are {least} to {media}")]
    Stores {
        /// As asked for.
        stores: u32,
        /// Of so many media.
        media: u32,
        /// The fewest.
        least: u32,
    },
    /// More is planted than there are media.
    #[error("what is planted adds up to {0} of 1000 media: each has one thing at most")]
    Rates(u32),
    /// More than all.
    #[error("{what}: {found} of 1000, at most 1000")]
    Rate {
        /// Of what.
        what: &'static str,
        /// As asked for.
        found: u32,
    },
}

/// The most media.
pub const MEDIA_MAX: u32 = 1_000_000;

impl Population {
    /// How many stores so many media have unless it is said otherwise.
    pub fn usual_stores(media: u32) -> u32 {
        media.div_ceil(STORE_MEDIA).max(2).min(media)
    }

    /// Refuse what can't be.
    pub fn check(&self) -> Result<(), PopulationError> {
        let Self { media, events, stores, .. } = *self;
        if !(2..=MEDIA_MAX).contains(&media) {
            return Err(PopulationError::Media(media));
        }
        let (least, most) = (EVENTS_MIN * u64::from(media), EVENTS_MAX * u64::from(media));
        if !(least..=most).contains(&events) {
            return Err(PopulationError::Events { events, media, least, most });
        }
        let least = media.div_ceil(BLANKS_MAX);
        if !(least..=media).contains(&stores) {
            return Err(PopulationError::Stores { stores, media, least });
        }
        match self.imported {
            0..=RATE_ALL => self.dials.check(),
            found => Err(PopulationError::Rate { what: "imported stores", found }),
        }
    }

    /// The store of a medium, and its place in that store's kit.
    pub(super) fn stall_of(&self, medium: usize) -> (usize, usize) {
        let stores = self.stores as usize;
        (medium % stores, medium / stores)
    }

    /// How many media this store has.
    pub(super) fn blanks_of(&self, store: u32) -> u32 {
        (self.media - store).div_ceil(self.stores)
    }

    /// How many records this medium makes.
    pub(super) fn events_of(&self, medium: usize) -> u64 {
        let media = u64::from(self.media);
        self.events / media + u64::from((medium as u64) < self.events % media)
    }

    /// How many codes and vouchers a medium is sold.
    pub(super) fn topups_each(&self) -> (u64, u64) {
        let each = self.events / u64::from(self.media);
        let by_code = (each * CODES_PERCENT / 100).max(1);
        let codes = by_code.min(CODES_MAX);
        (codes, each / 100 + by_code - codes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(media: u32, events: u64, stores: u32) -> Population {
        Population { seed: 1, media, events, stores, imported: 1000, dials: Dials::each(0) }
    }

    #[test]
    fn media_and_events_are_shared_out_whole() {
        let population = of(17, 1_003, 3);
        assert_eq!(population.check(), Ok(()));
        assert_eq!((0..3).map(|store| population.blanks_of(store)).sum::<u32>(), 17);
        assert_eq!((0..17).map(|medium| population.events_of(medium)).sum::<u64>(), 1_003);
        let places: std::collections::BTreeSet<_> =
            (0..17).map(|medium| population.stall_of(medium)).collect();
        assert_eq!(places.len(), 17);
    }

    #[test]
    fn what_can_not_be_is_refused() {
        let cases = [
            (of(1, 100, 1), "media: 1, allowed are 2 to 1000000"),
            (of(10, 79, 2), "79 events of 10 media, allowed are 80 to 1000000"),
            (of(10, 1_000_001, 2), "1000001 events of 10 media, allowed are 80 to 1000000"),
            (of(10, 100, 0), "0 stores of 10 media, allowed are 1 to 10"),
            (of(10, 100, 11), "11 stores of 10 media, allowed are 1 to 10"),
            (of(20_001, 200_000, 2), "2 stores of 20001 media, allowed are 3 to 20001"),
        ];
        for (population, message) in cases {
            assert_eq!(population.check().unwrap_err().to_string(), message);
        }
        let most = Population { imported: 1001, ..of(10, 100, 2) };
        let message = "imported stores: 1001 of 1000, at most 1000";
        assert_eq!(most.check().unwrap_err().to_string(), message);
        assert_eq!(Population::usual_stores(20_000), 40);
        assert_eq!((Population::usual_stores(2), Population::usual_stores(600)), (2, 2));
    }
}
