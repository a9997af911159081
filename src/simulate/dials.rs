//! What can be planted, and how often.

use super::chance::Chance;
use super::population::PopulationError;

/// Rates are of so many.
pub const RATE_ALL: u32 = 1000;

/// Define the dials: variant, option's name, what it plants.
macro_rules! dials {
    ($( $(#[$meta:meta])* $variant:ident $name:literal, )*) => {
        /// Something that is planted on media; a medium has one of them at most.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Dial { $( $(#[$meta])* $variant, )* }

        impl Dial {
            /// All of them, in the order in which they are drawn.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];

            /// Its name, as options and the truth have it.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }
        }
    };
}

dials! {
    /// The newest record is lost; a computer that saw it has it.
    Yanks "yanks",
    /// A transfer's start never reached its medium, its receipt reached the sender.
    LostAnswers "lost-answers",
    /// An older image is gone on with.
    Rewinds "rewinds",
    /// A copy is made, and all is spent on both.
    Clones "clones",
    /// A code or voucher is added that a store never sold.
    Stolen "stolen",
    /// A receipt says more, or less, than the payer was charged for.
    Liars "liars",
    /// A record is made by a clock before all that was signed.
    Clocks "clocks",
    /// A checkpoint was taken over that the records don't have.
    Restored "restored",
    /// A code is added whose sale was taken back.
    Voids "voids",
    /// A medium that holds value is used, and was never sold.
    Unsold "unsold",
    /// An export is cut off, has a flipped bit or a forged signature, or lacks a record.
    Damaged "damaged",
    /// A transfer breaks off: its payer's record of the end is not made, its receipt is.
    Breaks "breaks",
    /// A kiosk keeps what its payer showed; the payer's newest record is lost.
    Kiosks "kiosks",
    /// A changed player signs a record that the rules refuse.
    Changed "changed",
    /// Two owners made a copy of an unsold medium their own.
    Contested "contested",
    /// A store's key makes a second medium of a number.
    Rivals "rivals",
    /// A store's key makes a medium of a number that nobody gave out.
    Unknown "unknown",
    /// The issuer blocks a medium.
    Revoked "revoked",
    /// A store journals a second sale of one code.
    Resold "resold",
}

impl Dial {
    /// Is nothing of such a medium posted, whether or not its owner came by before?
    pub(super) fn holds(self, came_by: bool) -> bool {
        match self {
            Self::Restored | Self::Revoked => true,
            // The rekey that was recorded stands.
            Self::Contested => !came_by,
            _ => false,
        }
    }

    /// Is it there from the beginning, and would be found half-way?
    fn begins_early(self) -> bool {
        matches!(self, Self::Restored | Self::Unsold | Self::Resold)
    }
}

/// How many of a thousand media get what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dials {
    rates: Vec<u32>,
    /// Files that are none of a population's, for a thousand media.
    pub foreign: u32,
    /// So many of a thousand owners come by half-way: what they did by then is settled.
    pub visits: u32,
}

impl Dials {
    /// The same rate for each; nobody comes by.
    pub fn each(rate: u32) -> Self {
        Self { rates: vec![rate; Dial::ALL.len()], foreign: rate, visits: 0 }
    }

    /// Turn one.
    #[must_use]
    pub fn with(mut self, dial: Dial, rate: u32) -> Self {
        self.rates[dial as usize] = rate;
        self
    }

    /// The rate of one.
    pub fn rate(&self, dial: Dial) -> u32 {
        self.rates[dial as usize]
    }

    /// Refuse rates that can't be: a medium has one thing planted at most.
    pub fn check(&self) -> Result<(), PopulationError> {
        let named = Dial::ALL.iter().map(|dial| (dial.name(), self.rate(*dial)));
        for (what, found) in named.chain([("foreign", self.foreign), ("visits", self.visits)]) {
            if found > RATE_ALL {
                return Err(PopulationError::Rate { what, found });
            }
        }
        match self.rates.iter().sum() {
            0..=RATE_ALL => Ok(()),
            found => Err(PopulationError::Rates(found)),
        }
    }

    /// What is planted on the medium at this place.
    pub(super) fn drawn(&self, seed: u64, medium: usize) -> Option<Dial> {
        let drawn = Chance::new(seed, "dial", medium as u64).below(RATE_ALL.into());
        let mut end = 0;
        let hit = |dial: &&Dial| {
            end += u64::from(self.rate(**dial));
            drawn < end
        };
        Dial::ALL.iter().find(hit).copied()
    }

    /// Does the owner of the medium at this place come by half-way?
    pub(super) fn comes_by(&self, seed: u64, medium: usize) -> bool {
        let early = self.drawn(seed, medium).is_some_and(Dial::begins_early);
        let drawn = Chance::new(seed, "visit", medium as u64).below(RATE_ALL.into());
        !early && drawn < self.visits.into()
    }

    /// How many foreign files lie among the exports of so many media.
    pub(super) fn foreign_files(&self, media: u32) -> u64 {
        u64::from(media) * u64::from(self.foreign) / u64::from(RATE_ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_met_and_media_have_one_thing_at_most() {
        let dials = Dials::each(0).with(Dial::Clones, 250).with(Dial::Damaged, 500);
        let drawn: Vec<_> = (0..4_000).map(|medium| dials.drawn(3, medium)).collect();
        let of = |dial| drawn.iter().filter(|drawn| **drawn == dial).count();
        assert!((900..1_100).contains(&of(Some(Dial::Clones))), "{}", of(Some(Dial::Clones)));
        assert!((1_900..2_100).contains(&of(Some(Dial::Damaged))));
        assert_eq!(of(None) + of(Some(Dial::Clones)) + of(Some(Dial::Damaged)), 4_000);
        assert!((0..100).all(|medium| Dials::each(0).drawn(3, medium).is_none()));
        let all = Dials::each(0).with(Dial::Voids, 1_000);
        assert!((0..100).all(|medium| all.drawn(3, medium) == Some(Dial::Voids)));
    }

    #[test]
    fn rates_that_can_not_be_are_refused() {
        let refused = |dials: Dials| dials.check().unwrap_err().to_string();
        let over = Dials::each(0).with(Dial::Yanks, 1_001);
        assert_eq!(refused(over), "yanks: 1001 of 1000, at most 1000");
        let foreign = Dials { foreign: 2_000, ..Dials::each(0) };
        assert_eq!(refused(foreign), "foreign: 2000 of 1000, at most 1000");
        let message = "what is planted adds up to 1900 of 1000 media: each has one thing at most";
        assert_eq!(refused(Dials::each(100)), message);
        assert_eq!(Dials::each(50).check(), Ok(()));
    }
}
