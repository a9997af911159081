//! Points in time: whole seconds since 1970-01-01T00:00:00Z.

use std::fmt;

use super::UnitError;

/// A point in time in seconds of Unix time, up to the end of the year 9998.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// 9998-12-31T23:59:59Z.
    pub const MAX: Self = Self(253_370_764_799);
    /// One day in seconds.
    pub const DAY_S: u64 = 86_400;

    /// Make a time from seconds since 1970.
    pub fn from_seconds(seconds: u64) -> Result<Self, UnitError> {
        if seconds > Self::MAX.0 {
            return Err(UnitError::Time(seconds));
        }
        Ok(Self(seconds))
    }

    /// Seconds since 1970.
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// The time `days` later, at the latest [`Timestamp::MAX`].
    #[must_use]
    pub fn plus_days(self, days: u64) -> Self {
        let later = days.saturating_mul(Self::DAY_S).saturating_add(self.0);
        Self(later.min(Self::MAX.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0).expect("below the year 10000");
        let time = jiff::Timestamp::from_second(seconds).expect("below the year 9999");
        time.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(Timestamp::from_seconds(0).unwrap().to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp::MAX.to_string(), "9998-12-31T23:59:59Z");
        assert!(Timestamp::from_seconds(253_370_764_800).is_err());
        assert_eq!(Timestamp::MAX.plus_days(u64::MAX), Timestamp::MAX);
    }
}
