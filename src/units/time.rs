//! Points in time: whole seconds since 1970-01-01T00:00:00Z.

use std::fmt;
use std::str::FromStr;

use super::UnitError;

/// A point in time in seconds of Unix time, up to the end of the year 9998.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const BEGINNING: Self = Self(0);
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

impl FromStr for Timestamp {
    type Err = UnitError;

    /// Read a day, `2026-11-21`, which stands for its beginning in UTC, or a time as RFC 3339
    /// writes it.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::TimeText(text.to_owned());
        let whole = if text.len() == DAY_CHARACTERS {
            format!("{text}T00:00:00Z")
        } else {
            text.to_owned()
        };
        let time: jiff::Timestamp = whole.parse().map_err(|_| wrong())?;
        Self::from_seconds(u64::try_from(time.as_second()).map_err(|_| wrong())?)
    }
}

/// How long a day is as text.
pub const DAY_CHARACTERS: usize = 10;

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
    fn days_and_times_are_read() {
        let read = |text: &str| text.parse::<Timestamp>().map(Timestamp::seconds);
        assert_eq!(read("1970-01-02").unwrap(), 86_400);
        assert_eq!(read("1970-01-01T01:00:00+01:00").unwrap(), 0);
        for bad in ["", "yesterday", "1969-12-31", "2026-13-01", "9999-12-31"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(Timestamp::from_seconds(0).unwrap().to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp::MAX.to_string(), "9998-12-31T23:59:59Z");
        assert!(Timestamp::from_seconds(253_370_764_800).is_err());
        assert_eq!(Timestamp::MAX.plus_days(u64::MAX), Timestamp::MAX);
    }
}
