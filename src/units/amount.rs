//! Money: whole minor units of one currency, never negative, never above 10^12.

use std::fmt;
use std::str::FromStr;

use super::UnitError;

/// A sum of money in minor units (yen, cents): 0 to 10^12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(u64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount that any balance, price or charge may have: 10^12 minor units.
    pub const MAX: Self = Self(1_000_000_000_000);

    /// Make an amount from minor units.
    pub fn from_minor(minor: u64) -> Result<Self, UnitError> {
        if minor > Self::MAX.0 {
            return Err(UnitError::AmountTooLarge(minor));
        }
        Ok(Self(minor))
    }

    /// The amount in minor units.
    pub const fn minor(self) -> u64 {
        self.0
    }

    /// Is this nothing?
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Add; refuses to pass [`Amount::MAX`].
    pub fn checked_add(self, other: Self) -> Result<Self, UnitError> {
        let range = UnitError::AmountRange { left: self.0, operation: "plus", right: other.0 };
        self.0.checked_add(other.0).filter(|sum| *sum <= Self::MAX.0).map(Self).ok_or(range)
    }

    /// Subtract; refuses to go below zero.
    pub fn checked_sub(self, other: Self) -> Result<Self, UnitError> {
        let range = UnitError::AmountRange { left: self.0, operation: "minus", right: other.0 };
        self.0.checked_sub(other.0).map(Self).ok_or(range)
    }

    /// Multiply by a count; refuses to pass [`Amount::MAX`].
    pub fn checked_mul(self, count: u64) -> Result<Self, UnitError> {
        self.0
            .checked_mul(count)
            .ok_or(UnitError::AmountTooLarge(u64::MAX))
            .and_then(Self::from_minor)
    }
}

/// A currency by its ISO 4217 code: three capital letters.
///
/// Signed objects carry the code itself, so each can be read without the table; how many minor
/// units make one major unit stands in the policy's table ([`CurrencyForm`]).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The code, three capital letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("three ASCII letters by construction")
    }
}

impl FromStr for Currency {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => Ok(Self(code)),
            _ => Err(UnitError::Currency(text.to_owned())),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// How amounts of a currency are written: its code and its exponent (JPY 0, EUR 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrencyForm {
    currency: Currency,
    exponent: u8,
}

impl CurrencyForm {
    /// Make a form; the exponent is the count of decimal places, 0 to 4.
    pub fn new(currency: Currency, exponent: u8) -> Result<Self, UnitError> {
        if exponent > 4 {
            return Err(UnitError::Exponent(exponent));
        }
        Ok(Self { currency, exponent })
    }

    /// The form that ISO 4217 gives a currency: two decimal places, but for the few it lists.
    pub fn usual(currency: Currency) -> Self {
        let exponent = match currency.code() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF"
            | "UGX" | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            "CLF" | "UYW" => 4,
            _ => 2,
        };
        Self { currency, exponent }
    }

    /// The currency.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// Decimal places.
    pub fn exponent(&self) -> u8 {
        self.exponent
    }

    /// Write an amount for a person: `¥1,234`, `€12.34`, `12.34 CHF`.
    ///
    /// A currency whose sign means another one as well is written with its code.
    pub fn show(&self, amount: Amount) -> String {
        self.show_size(amount.minor())
    }

    fn show_size(self, minor: u64) -> String {
        let unit = 10_u64.pow(self.exponent.into());
        let mut sum = grouped(minor / unit);
        if self.exponent > 0 {
            let width = usize::from(self.exponent);
            sum = format!("{sum}.{:0width$}", minor % unit);
        }
        match self.sign() {
            Some(sign) => format!("{sign}{sum}"),
            None => format!("{sum} {}", self.currency),
        }
    }

    /// Write a sum that may be below zero: `-¥1,234`.
    pub fn show_minor(&self, minor: i64) -> String {
        let sign = if minor < 0 { "-" } else { "" };
        format!("{sign}{}", self.show_size(minor.unsigned_abs()))
    }

    /// Write a sum as a spreadsheet reads it: `-12.34`.
    pub fn decimal(&self, minor: i64) -> String {
        let unit = 10_u64.pow(self.exponent.into());
        let (sign, minor) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
        match usize::from(self.exponent) {
            0 => format!("{sign}{minor}"),
            width => format!("{sign}{}.{:0width$}", minor / unit, minor % unit),
        }
    }

    /// The sign that stands before a sum, where it names one currency alone.
    pub fn sign(self) -> Option<char> {
        Some(match self.currency.code() {
            "JPY" => '¥',
            "EUR" => '€',
            "GBP" => '£',
            "USD" => '$',
            "INR" => '₹',
            "KRW" => '₩',
            _ => return None,
        })
    }

    /// Read an amount a person typed: `1000`, `1,000`, `12.34`, `¥1,000`.
    pub fn parse(&self, text: &str) -> Result<Amount, UnitError> {
        let wrong = |reason| UnitError::AmountText {
            text: text.to_owned(),
            currency: self.currency.to_string(),
            reason,
        };
        let number = self.sign().and_then(|sign| text.strip_prefix(sign)).unwrap_or(text);
        let (major, minor) = number.split_once('.').unwrap_or((number, ""));
        if minor.len() > usize::from(self.exponent) {
            return Err(wrong("it has more decimal places than the currency"));
        }
        let digits: String = major.chars().filter(|c| *c != ',').collect();
        let all = format!("{digits}{minor:0<width$}", width = usize::from(self.exponent));
        if digits.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong("it is not a number"));
        }
        let value = all.parse().map_err(|_| wrong("it is too large"))?;
        Amount::from_minor(value)
    }
}

fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(code: &str, exponent: u8) -> CurrencyForm {
        CurrencyForm::new(code.parse().unwrap(), exponent).unwrap()
    }

    #[test]
    fn sums_below_zero_are_written_for_people_and_for_spreadsheets() {
        let (yen, euro) = (form("JPY", 0), form("EUR", 2));
        assert_eq!([1500, -1500].map(|minor| yen.show_minor(minor)), ["¥1,500", "-¥1,500"]);
        assert_eq!(euro.show_minor(-1_234_567_890_123), "-€12,345,678,901.23");
        assert_eq!([123_456, -5].map(|minor| euro.show_minor(minor)), ["€1,234.56", "-€0.05"]);
        assert_eq!([-1500].map(|minor| yen.decimal(minor)), ["-1500"]);
        assert_eq!([123_456, -5].map(|minor| euro.decimal(minor)), ["1234.56", "-0.05"]);
    }

    #[test]
    fn amounts_stay_in_range() {
        let one = Amount::from_minor(1).unwrap();
        assert_eq!(
            Amount::MAX.checked_add(one).unwrap_err().to_string(),
            "1000000000000 plus 1 minor units is outside 0 to 1000000000000"
        );
        assert!(Amount::ZERO.checked_sub(one).is_err());
        assert!(Amount::from_minor(1_000_000_000_001).is_err());
        assert!(Amount::MAX.checked_mul(u64::MAX).is_err());
    }

    #[test]
    fn amounts_are_written_and_read_in_their_currency() {
        let cases = [
            ("JPY", 0, 1_234_567, "¥1,234,567"),
            ("EUR", 2, 5, "€0.05"),
            ("CHF", 2, 5, "0.05 CHF"),
        ];
        for (code, exponent, minor, text) in cases {
            let amount = Amount::from_minor(minor).unwrap();
            assert_eq!(form(code, exponent).show(amount), text);
            let number = text.split(' ').next().unwrap();
            assert_eq!(form(code, exponent).parse(number).unwrap(), amount);
        }
        for bad in ["", "-1", "1.5", "x", "1e3"] {
            assert!(form("JPY", 0).parse(bad).is_err(), "{bad}");
        }
        assert_eq!(form("EUR", 2).parse("1.5").unwrap().minor(), 150);
    }

    #[test]
    fn usual_forms_are_those_of_iso_4217() {
        for (code, exponent) in [("JPY", 0), ("EUR", 2), ("USD", 2), ("KWD", 3), ("CLF", 4)] {
            assert_eq!(CurrencyForm::usual(code.parse().unwrap()), form(code, exponent));
        }
    }

    #[test]
    fn currency_codes_are_three_capitals() {
        for bad in ["", "jpy", "JP", "JPYX", "J1Y", "円"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad}");
        }
    }
}
