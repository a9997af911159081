//! What an owner gives to top up: typed digits, a voucher, a picture of either.

use crate::format::sheet::VoucherFile;
use crate::format::{DecodeError, Kind, Object, cose};
use crate::qr::{PictureError, is_picture, read_picture};
use crate::units::MediumId;
use crate::voucher::code::{CodeDigits, CodeError};
use crate::voucher::{VoucherTextError, is_voucher_text, read_voucher_text};

/// A top-up as it was given, of the right form; whether it adds anything is asked next.
#[derive(Clone, PartialEq, Eq)]
pub enum Entry {
    /// Twenty digits; their check may disagree.
    Code(CodeDigits),
    /// A voucher with its store's chain.
    Voucher(Box<VoucherFile>),
}

/// Why what was given is no top-up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Not twenty digits.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// A voucher's text that is cut off or changed.
    #[error(transparent)]
    VoucherText(#[from] VoucherTextError),
    /// A voucher's file that is cut off or changed.
    #[error("the voucher's file is damaged: {0}")]
    VoucherFile(DecodeError),
    /// A voucher alone.
    #[error("this voucher came without its store's certificates: ask the shop for its file")]
    BareVoucher,
    /// A picture from which nothing can be read.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A picture of something else.
    #[error("the QR code says the number of medium {0}, not a top-up")]
    MediumNumber(MediumId),
    /// A picture of QR codes of other things.
    #[error("the picture's QR code is no top-up")]
    OtherQr,
    /// A picture of several top-ups.
    #[error("the picture shows {0} top-ups: show one at a time")]
    Several(usize),
    /// A file of another kind.
    #[error("the file is neither a voucher, a picture of a top-up nor a code")]
    OtherFile,
}

impl EntryError {
    /// A short name that stays the same whatever the words are.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Code(CodeError::Incomplete { .. }) => "incomplete",
            Self::Code(CodeError::TooLong { .. }) => "too-long",
            Self::Code(CodeError::Check { .. }) => "typo",
            Self::Code(_) => "not-a-code",
            Self::VoucherText(_) | Self::VoucherFile(_) => "damaged-voucher",
            Self::BareVoucher => "bare-voucher",
            Self::Picture(_) => "unreadable-picture",
            Self::Several(_) => "several",
            Self::MediumNumber(_) | Self::OtherQr | Self::OtherFile => "not-a-topup",
        }
    }
}

/// Read what was typed or pasted: digits in any spelling, or a voucher's text.
pub fn read_typed(text: &str) -> Result<Entry, EntryError> {
    if is_voucher_text(text) {
        return Ok(Entry::Voucher(Box::new(read_voucher_text(text)?)));
    }
    Ok(Entry::Code(CodeDigits::read(text)?))
}

/// Read a file: a PNG or JPEG picture of a QR code, a voucher's file, or text as it is typed.
pub fn read_given(bytes: &[u8]) -> Result<Entry, EntryError> {
    if is_picture(bytes) {
        return of_picture(&read_picture(bytes)?);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return read_typed(text);
    }
    if cose::stated_kind(bytes) == Some(Kind::Voucher) {
        return Err(EntryError::BareVoucher);
    }
    // A voucher's file is a map of two.
    if bytes.first() != Some(&0xa2) {
        return Err(EntryError::OtherFile);
    }
    let file = VoucherFile::decode(bytes).map_err(EntryError::VoucherFile)?;
    Ok(Entry::Voucher(Box::new(file)))
}

/// The one top-up among what a picture's QR codes say.
fn of_picture(codes: &[Vec<u8>]) -> Result<Entry, EntryError> {
    let texts = codes.iter().filter_map(|bytes| std::str::from_utf8(bytes).ok());
    let mut read: Vec<_> = texts.clone().map(read_typed).collect();
    let mut entries: Vec<_> = read.extract_if(.., |one| one.is_ok()).flatten().collect();
    match (entries.pop(), entries.len()) {
        (Some(entry), 0) => return Ok(entry),
        (Some(_), more) => return Err(EntryError::Several(more + 1)),
        (None, _) => {}
    }
    if let Some(medium) = texts.clone().find_map(|text| text.parse().ok()) {
        return Err(EntryError::MediumNumber(medium));
    }
    let damaged = |error: &EntryError| error.name() == "damaged-voucher";
    let mut faults = read.into_iter().filter_map(Result::err);
    Err(faults.find(damaged).unwrap_or(EntryError::OtherQr))
}
