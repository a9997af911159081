//! Typed codes: what a receipt shows and an owner types to top up.
//!
//! A code is 20 digits: the slot (2), the slot's secret (16), and two check digits (ISO 7064
//! mod 97-10) over the 18 before them. It is printed in five groups of four.

use std::str::FromStr;

use thiserror::Error;

use crate::format::sheet::{SLOTS_MAX, SecretDigits};
use crate::units::check_digits;

/// Digits of a whole code.
pub const CODE_DIGITS: usize = 20;
/// Longest text that is read as a code.
pub const TEXT_BYTES_MAX: usize = 256;

/// Digits that the check digits are computed over.
const CHECKED_DIGITS: usize = 18;

/// A code whose check digits agree; whether it opens a slot only a medium's sheet can say.
///
/// It is worth money to whoever reads it, so it isn't printed by accident: it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct TypedCode {
    slot: u8,
    secret: SecretDigits,
}

impl TypedCode {
    /// Puts together slot and secret; the check digits follow from them.
    pub fn new(slot: u8, secret: SecretDigits) -> Result<Self, CodeError> {
        if usize::from(slot) >= SLOTS_MAX {
            return Err(CodeError::Slot(slot));
        }
        Ok(Self { slot, secret })
    }

    /// The slot on the medium's sheet.
    pub fn slot(&self) -> u8 {
        self.slot
    }

    /// The slot's secret.
    pub fn secret(&self) -> &SecretDigits {
        &self.secret
    }

    /// The code as it stands on a receipt: `0123-4567-8901-2345-6789`.
    pub fn printed(&self) -> String {
        let digits = self.digits();
        let groups: Vec<&str> = digits
            .0
            .chunks(4)
            .map(|group| str::from_utf8(group).expect("digits are ASCII"))
            .collect();
        groups.join("-")
    }

    /// The 20 digits without anything between: what a QR code says.
    pub fn plain(&self) -> String {
        self.digits().0.iter().map(|digit| char::from(*digit)).collect()
    }

    /// All 20 digits.
    pub fn digits(&self) -> CodeDigits {
        let mut digits = [b'0' + self.slot / 10; CODE_DIGITS];
        digits[1] = b'0' + self.slot % 10;
        digits[2..CHECKED_DIGITS].copy_from_slice(self.secret.expose());
        let check = format!("{:02}", check_digits(number(&digits[..CHECKED_DIGITS])));
        digits[CHECKED_DIGITS..].copy_from_slice(check.as_bytes());
        CodeDigits(digits)
    }
}

/// What every receipt says of a code, whoever sold it.
pub fn slip(code: &TypedCode, amount: &str) -> [String; 3] {
    [
        format!("top-up of {amount}: type the code"),
        code.printed(),
        "good once, and for this medium alone".to_owned(),
    ]
}

impl FromStr for TypedCode {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        CodeDigits::read(text)?.code()
    }
}

/// Twenty digits as they were typed; the check digits may disagree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CodeDigits([u8; CODE_DIGITS]);

impl CodeDigits {
    /// Reads decimal digits of any script, whatever spaces and hyphens stand between.
    pub fn read(text: &str) -> Result<Self, CodeError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(CodeError::TextTooLong { bytes: text.len() });
        }
        let mut digits = Vec::with_capacity(CODE_DIGITS);
        for c in text.chars().filter(|c| !separates(*c)) {
            digits.push(digit(c).ok_or(CodeError::NotADigit(c))?);
        }
        match digits.len() {
            0..CODE_DIGITS => Err(CodeError::Incomplete { digits: digits.len() }),
            CODE_DIGITS => Ok(Self(digits.try_into().expect("the length was just compared"))),
            digits => Err(CodeError::TooLong { digits }),
        }
    }

    /// The code, if the check digits agree.
    pub fn code(&self) -> Result<TypedCode, CodeError> {
        let (found, expected) = (self.found_check(), self.expected_check());
        if found != expected {
            return Err(CodeError::Check { found, expected });
        }
        let slot = (self.0[0] - b'0') * 10 + (self.0[1] - b'0');
        let secret = self.0[2..CHECKED_DIGITS].try_into().expect("16 digits lie between");
        let secret = SecretDigits::from_ascii(secret).expect("all are digits");
        TypedCode::new(slot, secret)
    }

    /// Whether the check digits agree, which is cheaper to ask than for the code.
    pub(super) fn check_agrees(&self) -> bool {
        self.found_check() == self.expected_check()
    }

    pub(super) fn ascii(&self) -> &[u8; CODE_DIGITS] {
        &self.0
    }

    /// Changes the digits as a typing error does; digits stay digits.
    pub(super) fn with(mut self, change: impl FnOnce(&mut [u8; CODE_DIGITS])) -> Self {
        change(&mut self.0);
        debug_assert!(self.0.iter().all(u8::is_ascii_digit));
        self
    }

    fn found_check(&self) -> u64 {
        number(&self.0[CHECKED_DIGITS..])
    }

    fn expected_check(&self) -> u64 {
        check_digits(number(&self.0[..CHECKED_DIGITS]))
    }
}

/// Why typed text is no code.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CodeError {
    /// Far longer than any spelling of a code.
    #[error("text of {bytes} bytes is no code, which is read from at most {TEXT_BYTES_MAX}")]
    TextTooLong {
        /// Length of the text.
        bytes: usize,
    },
    /// Neither a digit nor something that separates digits.
    #[error("a code has digits only, found {0:?}")]
    NotADigit(char),
    /// Digits are missing.
    #[error("code is incomplete: {digits} of {CODE_DIGITS} digits")]
    Incomplete {
        /// How many there are.
        digits: usize,
    },
    /// Digits too many.
    #[error("code is too long: {digits} digits, a code has {CODE_DIGITS}")]
    TooLong {
        /// How many there are.
        digits: usize,
    },
    /// A typing error.
    #[error(
        "code has a typing error: it ends in {found:02}, its other digits ask for {expected:02}"
    )]
    Check {
        /// The check digits that were typed.
        found: u64,
        /// The check digits that the other 18 ask for.
        expected: u64,
    },
    /// A slot that two digits can't say.
    #[error("slot {0} has no code, the last slot is {last}", last = SLOTS_MAX - 1)]
    Slot(u8),
}

/// Where the ten decimal digits of each script begin (Unicode's category Nd) that keyboards give.
const ZEROS: [char; 42] = [
    '0',
    '\u{660}',
    '\u{6f0}',
    '\u{7c0}',
    '\u{966}',
    '\u{9e6}',
    '\u{a66}',
    '\u{ae6}',
    '\u{b66}',
    '\u{be6}',
    '\u{c66}',
    '\u{ce6}',
    '\u{d66}',
    '\u{de6}',
    '\u{e50}',
    '\u{ed0}',
    '\u{f20}',
    '\u{1040}',
    '\u{1090}',
    '\u{17e0}',
    '\u{1810}',
    '\u{1946}',
    '\u{19d0}',
    '\u{1a80}',
    '\u{1a90}',
    '\u{1b50}',
    '\u{1bb0}',
    '\u{1c40}',
    '\u{1c50}',
    '\u{a620}',
    '\u{a8d0}',
    '\u{a900}',
    '\u{a9d0}',
    '\u{a9f0}',
    '\u{aa50}',
    '\u{abf0}',
    '\u{ff10}',
    '\u{1d7ce}',
    '\u{1d7d8}',
    '\u{1d7e2}',
    '\u{1d7ec}',
    '\u{1d7f6}',
];

/// The ASCII form of a decimal digit of any of those scripts.
fn digit(c: char) -> Option<u8> {
    let value = |zero: char| u32::from(c).checked_sub(zero.into()).filter(|value| *value < 10);
    let value = ZEROS.into_iter().find_map(value)?;
    u8::try_from(value).ok().map(|value| b'0' + value)
}

/// Spaces, seen or not, and everything that keyboards and copied receipts give for a hyphen.
fn separates(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '-' | '_' | '.' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
        || matches!(c, '\u{30fb}' | '\u{30fc}' | '\u{fe63}' | '\u{ff0d}' | '\u{ff65}' | '\u{ff70}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}')
        || matches!(c, '\u{2066}'..='\u{2069}')
}

/// The number that at most 19 ASCII digits spell.
fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(slot: u8, secret: [u8; 16]) -> TypedCode {
        TypedCode::new(slot, SecretDigits::from_ascii(secret).unwrap()).unwrap()
    }

    fn error(text: &str) -> CodeError {
        text.parse::<TypedCode>().err().unwrap()
    }

    #[test]
    fn a_code_is_printed_in_groups_and_read_back() {
        // 071234567890123456 * 100 mod 97 = 31, and 98 - 31 = 67.
        let code = code(7, *b"1234567890123456");
        assert_eq!(code.printed(), "0712-3456-7890-1234-5667");
        let read: TypedCode = code.printed().parse().unwrap();
        assert_eq!((read.slot(), read.secret().expose()), (7, b"1234567890123456"));
    }

    #[test]
    fn every_slot_has_codes_that_leave_one_modulo_97() {
        for slot in 0..100 {
            let code = code(slot, *b"9070503010908070");
            let number = code.printed().replace('-', "").parse::<u128>().unwrap();
            assert_eq!(number % 97, 1, "slot {slot}");
            assert!(code.printed().parse::<TypedCode>().unwrap() == code);
        }
        let secret = SecretDigits::from_ascii([b'0'; 16]).unwrap();
        let error = TypedCode::new(100, secret).err().unwrap();
        assert_eq!(error.to_string(), "slot 100 has no code, the last slot is 99");
    }

    #[test]
    fn any_spelling_is_read() {
        let expected = code(7, *b"1234567890123456");
        let spellings = [
            "07123456789012345667",
            " 0712 3456\t7890 1234 5667\n",
            "0712–3456—7890−1234‐5667",
            "０７１２ー３４５６　７８９０－１２３４・５６６７",
            "07.12_34-56 78 90 12 34 56 67",
            "\u{feff}\u{202d}0712\u{200b}3456-7890-1234-5667\u{202c}",
            "٠٧١٢ ٣٤٥٦ ٧٨٩٠ ١٢٣٤ ٥٦٦٧",
            "۰۷۱۲-۳۴۵۶-۷۸۹۰-۱۲۳۴-۵۶۶۷",
            "०७१२ ३४५६ ७८९० १२३४ ५६६७",
            "𝟘𝟟𝟙𝟚 𝟛𝟜𝟝𝟞 𝟽𝟾𝟿𝟶 𝟏𝟐𝟑𝟒 𝟱𝟲𝟲𝟳",
        ];
        for text in spellings {
            let read = text.parse::<TypedCode>();
            assert!(read.is_ok_and(|code| code == expected), "{text}");
        }
    }

    #[test]
    fn every_mistake_has_its_own_words() {
        let cases = [
            ("", "code is incomplete: 0 of 20 digits"),
            ("0712-3456-7890-1234-56", "code is incomplete: 18 of 20 digits"),
            ("0712-3456-7890-1234-5667-2", "code is too long: 21 digits, a code has 20"),
            ("0712-3456-7890-1234-564O", "a code has digits only, found 'O'"),
            ("〇七一二", "a code has digits only, found '〇'"),
            ("0712/3456\x1b", "a code has digits only, found '/'"),
            ("\x1b[2J", "a code has digits only, found '\\u{1b}'"),
            (
                "0712-3456-7890-1234-5668",
                "code has a typing error: it ends in 68, its other digits ask for 67",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(error(text).to_string(), message, "{text:?}");
        }
        let long = "0 ".repeat(129);
        assert_eq!(error(&long), CodeError::TextTooLong { bytes: 258 });
    }

    #[test]
    fn check_digits_have_one_spelling() {
        // 02 and 99 leave the same remainder; only 02 is right.
        let found = (0..1000u64).find_map(|tail| {
            let secret = format!("{tail:016}").into_bytes().try_into().unwrap();
            let printed = code(0, secret).printed();
            printed.ends_with("02").then_some(printed)
        });
        let alias = format!("{}99", found.unwrap().strip_suffix("02").unwrap());
        assert_eq!(error(&alias), CodeError::Check { found: 99, expected: 2 });
    }
}
