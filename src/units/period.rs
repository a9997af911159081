//! Periods: months or days, one or from one to another, in UTC.

use std::fmt;
use std::str::FromStr;

use super::{DAY_CHARACTERS, Month, Timestamp, UnitError};

/// A month, a day, or all from one to another, both of them within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first second.
    pub from: Timestamp,
    /// The first second behind it.
    pub until: Timestamp,
}

impl Period {
    /// This month.
    pub fn of(month: Month) -> Self {
        Self { from: month.first(), until: month.end() }
    }

    /// Does a time lie within it?
    pub fn holds(self, at: Timestamp) -> bool {
        (self.from..self.until).contains(&at)
    }
}

impl FromStr for Period {
    type Err = UnitError;

    /// Read a period: `2026-11`, `2026-11-21`, `2026-10..2026-12`, `2026-11-01..2026-11-15`.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let (first, last) = (one(first)?, one(last)?);
        if first.from >= last.until {
            return Err(UnitError::PeriodText(text.to_owned()));
        }
        Ok(Self { from: first.from, until: last.until })
    }
}

/// A month or a day.
fn one(text: &str) -> Result<Period, UnitError> {
    if text.len() != DAY_CHARACTERS {
        return text.parse().map(Period::of);
    }
    let from: Timestamp = text.parse()?;
    Ok(Period { from, until: from.plus_days(1) })
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let month = Month::of(self.from);
        if *self == Self::of(month) {
            return month.fmt(f);
        }
        let day = |at: Timestamp| at.to_string().chars().take(DAY_CHARACTERS).collect::<String>();
        let last = Timestamp::from_seconds(self.until.seconds() - 1).expect("before its end");
        let (first, last) = (day(self.from), day(last));
        if first == last { f.write_str(&first) } else { write!(f, "{first}..{last}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_and_hold_their_ends() {
        let period = |text: &str| text.parse::<Period>();
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let november = period("2026-11").unwrap();
        assert_eq!(november, Period::of("2026-11".parse().unwrap()));
        assert!(november.holds(time("2026-11-01")) && !november.holds(time("2026-12-01")));
        assert_eq!(period("2026-11-01..2026-11-30").unwrap(), november);
        let quarter = period("2026-10..2026-12").unwrap();
        assert_eq!((quarter.from, quarter.until), (time("2026-10-01"), time("2027-01-01")));
        let day = period("2026-11-21").unwrap();
        assert_eq!(day.until, time("2026-11-22"));
        assert!(day.holds(time("2026-11-21T23:59:59Z")) && !day.holds(day.until));
        for (found, shown) in [
            (november, "2026-11"),
            (quarter, "2026-10-01..2026-12-31"),
            (day, "2026-11-21"),
            (period("2026-11-03..2026-12").unwrap(), "2026-11-03..2026-12-31"),
        ] {
            assert_eq!((found.to_string(), period(shown).unwrap()), (shown.to_owned(), found));
        }
        for wrong in
            ["2026-12..2026-11", "2026-11..", "..", "2026", "2026-11-31", "2026-11-1..2026-12"]
        {
            assert!(period(wrong).is_err(), "{wrong}");
        }
    }
}
