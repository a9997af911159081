//! Months, in UTC.

use std::fmt;
use std::str::FromStr;

use super::{Timestamp, UnitError};

/// A month of a year from 1970 to 9997.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    year: u64,
    /// From 1.
    month: u64,
}

impl Month {
    /// The month that a time lies in; the last one for what lies behind it.
    pub fn of(time: Timestamp) -> Self {
        let last = Self { year: 9997, month: 12 };
        time.to_string().get(..7).and_then(|text| text.parse().ok()).unwrap_or(last)
    }

    /// Its first second.
    pub fn first(self) -> Timestamp {
        format!("{self}-01").parse().expect("every month has a first day")
    }

    /// The first second of the next one.
    pub fn end(self) -> Timestamp {
        let next = match self.month {
            12 => Self { year: self.year + 1, month: 1 },
            month => Self { month: month + 1, ..self },
        };
        next.first()
    }
}

impl FromStr for Month {
    type Err = UnitError;

    /// Read a month: `2026-11`.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let number = |digits: &str, count: usize| -> Option<u64> {
            let plain = digits.len() == count && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok())?
        };
        let read = || {
            let (year, month) = text.split_once('-')?;
            let (year, month) = (number(year, 4)?, number(month, 2)?);
            let exists = (1970..=9997).contains(&year) && (1..=12).contains(&month);
            exists.then_some(Self { year, month })
        };
        read().ok_or_else(|| UnitError::MonthText(text.to_owned()))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_each_other_without_a_gap() {
        let month = |text: &str| text.parse::<Month>();
        let last = month("2027-12").unwrap();
        assert_eq!(last.first(), "2027-12-01".parse().unwrap());
        assert_eq!(last.end(), month("2028-01").unwrap().first());
        assert_eq!(month("2028-02").unwrap().end(), "2028-03-01".parse().unwrap());
        assert_eq!(Month::of("2028-02-29T23:59:59Z".parse().unwrap()).to_string(), "2028-02");
        assert_eq!(Month::of(Timestamp::MAX).end(), "9998-01-01".parse().unwrap());
        for wrong in ["2026-13", "2026-00", "2026-1", "26-01", "1969-12", "2026-011", "+026-01", ""]
        {
            assert!(month(wrong).is_err(), "{wrong}");
        }
    }
}
