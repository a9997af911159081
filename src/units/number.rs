//! Numbers of things: media, stores, records, bytes.

use std::fmt;
use std::str::FromStr;

use super::UnitError;

/// The number of a medium: ten digits and two check digits (ISO 7064 mod 97-10), 12 in all.
///
/// It is printed on the package in three groups of four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediumId(u64);

impl MediumId {
    /// How many different numbers there are.
    pub const COUNT: u64 = 10_000_000_000;

    /// Make a number from its first ten digits; the check digits are computed.
    ///
    /// Takes the value modulo [`MediumId::COUNT`], so any random value gives a number.
    pub fn from_serial(serial: u64) -> Self {
        let serial = serial % Self::COUNT;
        Self(serial * 100 + check_digits(serial))
    }

    /// Check a whole number of 12 digits.
    pub fn from_number(number: u64) -> Result<Self, UnitError> {
        if number >= Self::COUNT * 100 {
            return Err(UnitError::MediumForm(number.to_string()));
        }
        let (found, expected) = (number % 100, check_digits(number / 100));
        if found != expected {
            return Err(UnitError::MediumCheck { given: number, found, expected });
        }
        Ok(Self(number))
    }

    /// All 12 digits as one number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// All 12 digits as the package shows them: `4821 0937 6512`.
    pub fn grouped(self) -> String {
        let digits = self.to_string();
        format!("{} {} {}", &digits[..4], &digits[4..8], &digits[8..])
    }
}

/// The check digits (ISO 7064 mod 97-10) of a number: `number * 100 + digits` leaves 1 when divided
/// by 97. They show every wrong digit and every swap of neighbours.
pub fn check_digits(number: u64) -> u64 {
    98 - (number % 97 * 100) % 97
}

impl fmt::Display for MediumId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:012}", self.0))
    }
}

impl FromStr for MediumId {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        if digits.len() != 12 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(UnitError::MediumForm(text.to_owned()));
        }
        Self::from_number(digits.parse().expect("12 digits fit u64"))
    }
}

/// The number that an issuer gave a store: 1 to 999,999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId(u32);

impl StoreId {
    /// The largest store number.
    pub const MAX: u32 = 999_999;

    /// Make a store number.
    pub fn from_number(number: u64) -> Result<Self, UnitError> {
        match u32::try_from(number) {
            Ok(id) if (1..=Self::MAX).contains(&id) => Ok(Self(id)),
            _ => Err(UnitError::Store(number)),
        }
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for StoreId {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let number = text.parse().map_err(|_| UnitError::StoreForm(text.to_owned()))?;
        Self::from_number(number)
    }
}

/// The place of a record in its chain, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(u64);

impl Sequence {
    /// The first record's place.
    pub const FIRST: Self = Self(0);

    /// Make a sequence number.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The next place; none after 2^64 - 1.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A count of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteCount(u64);

impl ByteCount {
    /// Make a count.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The count.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: u64 = 1 << 20;
        if self.0 >= 10 * MIB {
            return write!(f, "{} MiB", self.0 / MIB);
        }
        write!(f, "{} bytes", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medium_numbers_leave_one_modulo_97() {
        for serial in [0, 1, 96, 97, 4_821_093_765, 9_999_999_999] {
            let id = MediumId::from_serial(serial);
            assert_eq!(id.number() % 97, 1, "{id}");
            assert_eq!(id.to_string().len(), 12);
            assert_eq!(id.to_string().parse::<MediumId>().unwrap(), id);
        }
    }

    #[test]
    fn every_wrong_digit_and_adjacent_swap_is_seen() {
        let good = MediumId::from_serial(4_821_093_765).to_string();
        for place in 0..12 {
            for digit in b'0'..=b'9' {
                let mut text = good.clone().into_bytes();
                if text[place] == digit {
                    continue;
                }
                text[place] = digit;
                let text = String::from_utf8(text).unwrap();
                assert!(text.parse::<MediumId>().is_err(), "{text}");
            }
            let mut text = good.clone().into_bytes();
            if place > 0 && text[place] != text[place - 1] {
                text.swap(place, place - 1);
                assert!(String::from_utf8(text).unwrap().parse::<MediumId>().is_err());
            }
        }
    }

    #[test]
    fn medium_numbers_are_read_in_groups() {
        let id = MediumId::from_serial(1);
        assert_eq!(id.grouped().len(), 14);
        assert_eq!(id.grouped().parse::<MediumId>().unwrap(), id);
        assert_eq!(id.grouped().replacen(' ', "-", 1).parse::<MediumId>().unwrap(), id);
        let message = "123".parse::<MediumId>().unwrap_err().to_string();
        assert_eq!(message, "\"123\" is not a medium number: it has 12 digits");
    }

    #[test]
    fn store_numbers_run_from_one() {
        assert!(StoreId::from_number(0).is_err());
        assert!(StoreId::from_number(1_000_000).is_err());
        assert_eq!(StoreId::from_number(7).unwrap().number(), 7);
        assert!("x".parse::<StoreId>().is_err());
    }
}
