//! Heads of CBOR items (RFC 8949 section 3), in the one form that is the shortest.

use super::DecodeError;
use super::cbor::TAG_SIGN1;
use super::field::Mismatch;

/// Major types (RFC 8949 section 3.1).
pub(super) const UNSIGNED: u8 = 0;
pub(super) const NEGATIVE: u8 = 1;
pub(super) const BYTES: u8 = 2;
pub(super) const TEXT: u8 = 3;
pub(super) const ARRAY: u8 = 4;
pub(super) const MAP: u8 = 5;
pub(super) const TAG: u8 = 6;
pub(super) const SIMPLE: u8 = 7;
/// The simple values (RFC 8949 section 3.3) that are allowed.
const FALSE: u64 = 20;
pub(super) const TRUE: u64 = 21;

/// What no encoder would have written; small, so that what is read travels in registers.
pub(super) type Encoding = Box<DecodeError>;

/// The head of an item: its major type and its argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Head {
    pub(super) major: u8,
    pub(super) argument: u64,
}

impl Head {
    fn found(self) -> &'static str {
        match self.major {
            UNSIGNED | NEGATIVE => "an integer",
            BYTES => "a byte string",
            TEXT => "text",
            ARRAY => "an array",
            MAP => "a map",
            SIMPLE => "a boolean",
            _ => "something else",
        }
    }

    pub(super) fn expected<T>(self, what: &str) -> Result<T, Mismatch> {
        Err(Mismatch::new(format!("expected {what}, found {}", self.found())))
    }
}

/// A key as it stands in a map: -1 - n where it is negative.
#[expect(clippy::cast_sign_loss, reason = "a key and its complement: whichever is not negative")]
#[inline]
pub(super) const fn key_head(key: i64) -> Head {
    if key < 0 {
        Head { major: NEGATIVE, argument: !key as u64 }
    } else {
        Head { major: UNSIGNED, argument: key as u64 }
    }
}

/// Read the head of a value of any length.
#[inline(never)]
pub(super) fn long_head(rest: &[u8], total: usize) -> Result<(Head, &[u8]), Encoding> {
    let at = total - rest.len();
    let (head, rest) = argument(rest, total)?;
    match head {
        Head { major: SIMPLE, argument } if !matches!(argument, FALSE | TRUE) => {
            Err(DecodeError::Simple { at }.into())
        }
        Head { major: TAG, argument: tag } if tag != TAG_SIGN1 || at != 0 => {
            Err(DecodeError::Tag { at, tag }.into())
        }
        head => Ok((head, rest)),
    }
}

/// Read a major type and its argument in shortest form.
pub(super) fn argument(rest: &[u8], total: usize) -> Result<(Head, &[u8]), Encoding> {
    let at = total - rest.len();
    let Some((first, rest)) = rest.split_first() else {
        return Err(truncated(rest, total, 1).into());
    };
    let (major, info) = (first >> 5, first & 31);
    let ((argument, rest), least) = match info {
        0..=23 => return Ok((Head { major, argument: info.into() }, rest)),
        24 => (number(rest, total, |[byte]| byte.into())?, 24),
        25 => (number(rest, total, |bytes| u16::from_be_bytes(bytes).into())?, 1 << 8),
        26 => (number(rest, total, |bytes| u32::from_be_bytes(bytes).into())?, 1 << 16),
        27 => (number(rest, total, u64::from_be_bytes)?, 1 << 32),
        31 => return Err(DecodeError::Indefinite { at }.into()),
        _ => return Err(DecodeError::Malformed { at }.into()),
    };
    if major == SIMPLE {
        return Err(DecodeError::Simple { at }.into());
    }
    if argument < least {
        return Err(DecodeError::NotShortest { at }.into());
    }
    Ok((Head { major, argument }, rest))
}

#[inline(always)]
fn number<const N: usize>(
    rest: &[u8],
    total: usize,
    of: impl FnOnce([u8; N]) -> u64,
) -> Result<(u64, &[u8]), Encoding> {
    let Some((bytes, rest)) = rest.split_first_chunk() else {
        return Err(truncated(rest, total, N as u64).into());
    };
    Ok((of(*bytes), rest))
}

/// A number of so many bytes, if no shorter form would hold it.
#[inline(always)]
pub(super) fn at_least<const N: usize>(
    least: u64,
    rest: &[u8],
    of: impl FnOnce([u8; N]) -> u64,
) -> Option<(u64, &[u8])> {
    let (bytes, rest) = rest.split_first_chunk()?;
    let number = of(*bytes);
    (number >= least).then_some((number, rest))
}

#[cold]
pub(super) fn truncated(rest: &[u8], total: usize, needs: u64) -> DecodeError {
    DecodeError::Truncated { at: total - rest.len(), needs, found: rest.len() }
}
