//! Values that can't be wrong: amounts, currencies, numbers, times.

mod amount;
mod month;
mod number;
mod period;
mod time;

pub use amount::{Amount, Currency, CurrencyForm};
pub use month::Month;
pub use number::{ByteCount, MediumId, Sequence, StoreId, check_digits};
pub use period::Period;
pub use time::{DAY_CHARACTERS, Timestamp};

/// Why a value is not one of its kind; the message names the value and the limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// More than [`Amount::MAX`].
    #[error("amount {0} is above the limit of {max} minor units", max = Amount::MAX.minor())]
    AmountTooLarge(u64),
    /// A sum or difference left the range of amounts.
    #[error("{left} {operation} {right} minor units is outside 0 to {max}", max = Amount::MAX.minor())]
    AmountRange {
        /// Left operand, minor units.
        left: u64,
        /// `plus` or `minus`.
        operation: &'static str,
        /// Right operand, minor units.
        right: u64,
    },
    /// Text that is no amount in this currency.
    #[error("\"{text}\" is not an amount in {currency}: {reason}")]
    AmountText {
        /// What was given.
        text: String,
        /// Currency code.
        currency: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Not three capital letters.
    #[error("\"{0}\" is not a currency code of three capital letters (ISO 4217)")]
    Currency(String),
    /// A currency exponent above 4.
    #[error("currency exponent {0} is above 4")]
    Exponent(u8),
    /// Not 12 digits.
    #[error("\"{0}\" is not a medium number: it has 12 digits")]
    MediumForm(String),
    /// The two check digits don't agree with the ten before them.
    #[error(
        "medium number {given:012}: check digits are {found:02}, the number needs {expected:02}"
    )]
    MediumCheck {
        /// The number as given.
        given: u64,
        /// The check digits it carries.
        found: u64,
        /// The check digits its first ten digits need.
        expected: u64,
    },
    /// Text that is no store number.
    #[error("{0:?} is not a store number from 1 to {max}", max = StoreId::MAX)]
    StoreForm(String),
    /// Store numbers run from 1.
    #[error("store number {0} is not in 1 to {max}", max = StoreId::MAX)]
    Store(u64),
    /// After the year 9998.
    #[error("time {0} s is after the year 9998")]
    Time(u64),
    /// Text that is no day and no time.
    #[error("{0:?} is no day such as 2026-11-21 and no time such as 2026-11-21T09:30:00Z")]
    TimeText(String),
    /// Text that is no month.
    #[error("{0:?} is no month such as 2026-11")]
    MonthText(String),
    /// A period that ends before it begins.
    #[error("{0:?} is no period such as 2026-10..2026-12: it ends before it begins")]
    PeriodText(String),
}
