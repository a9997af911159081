//! A voucher on its way: with its store's chain, as a file or as text.

use data_encoding::BASE32_NOPAD;

use super::signed::{VoucherError, VoucherTerms, verify_voucher};
use crate::format::sheet::{Voucher, VoucherFile};
use crate::format::{DecodeError, Kind, Object};
use crate::trust::{Anchor, Fingerprint, Signer, Trust, TrustError, Verified};

/// What a voucher begins with as text.
pub const VOUCHER_TEXT_PREFIX: &str = "SCRIP:";
/// The longest text that is read as a voucher, white space included.
pub const VOUCHER_TEXT_BYTES_MAX: usize = 2 * Kind::VoucherFile.bytes_max();

/// A voucher that holds, with the store that signed it.
#[derive(Debug, Clone)]
pub struct CarriedVoucher {
    /// The voucher.
    pub voucher: Verified<Voucher>,
    /// The store, by the chain that came with it.
    pub store: Signer,
}

/// Why a carried voucher is not believed, or adds nothing.
#[derive(Debug, thiserror::Error)]
pub enum CarriedError {
    /// The chain isn't believed.
    #[error("the voucher's store: {0}")]
    Chain(#[from] TrustError),
    /// The chain stands under another root.
    #[error("the voucher stands under root {found}, which nothing here pins")]
    Unpinned {
        /// The root of its chain.
        found: Fingerprint,
    },
    /// The voucher itself.
    #[error(transparent)]
    Voucher(#[from] VoucherError),
}

/// Why text is no voucher.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VoucherTextError {
    /// It begins with something else.
    #[error("a voucher's text begins with {VOUCHER_TEXT_PREFIX}")]
    Prefix,
    /// Longer than any voucher.
    #[error("text of {bytes} bytes is no voucher, which has at most {VOUCHER_TEXT_BYTES_MAX}")]
    TooLong {
        /// Length of the text.
        bytes: usize,
    },
    /// Cut off, or with characters that don't belong there.
    #[error("the voucher's text is damaged at character {at}")]
    Damaged {
        /// Where, white space left out.
        at: usize,
    },
    /// Whole text of something else.
    #[error("the voucher's text: {0}")]
    Decode(#[from] DecodeError),
}

/// Verify a carried voucher under the pinned roots and hold it against where it is redeemed.
pub fn open_carried(
    trust: &Trust,
    file: &VoucherFile,
    terms: &VoucherTerms<'_>,
) -> Result<CarriedVoucher, CarriedError> {
    let store = trust.signer(&file.chain)?;
    if let Anchor::Unpinned(found) = store.anchor() {
        return Err(CarriedError::Unpinned { found });
    }
    let voucher = verify_voucher(&store, &file.voucher.0, terms)?;
    Ok(CarriedVoucher { voucher, store })
}

/// A carried voucher as text that fits densely into a QR code.
pub fn voucher_text(file: &VoucherFile) -> String {
    format!("{VOUCHER_TEXT_PREFIX}{}", BASE32_NOPAD.encode(&file.encode()))
}

/// Does this text claim to be a voucher?
pub fn is_voucher_text(text: &str) -> bool {
    let mut letters = text.chars().filter(|c| !c.is_whitespace());
    let begins = |expected: char| letters.next().is_some_and(|c| c.eq_ignore_ascii_case(&expected));
    VOUCHER_TEXT_PREFIX.chars().all(begins)
}

/// Read a voucher's text, in letters of either case, however it was broken into lines.
pub fn read_voucher_text(text: &str) -> Result<VoucherFile, VoucherTextError> {
    if text.len() > VOUCHER_TEXT_BYTES_MAX {
        return Err(VoucherTextError::TooLong { bytes: text.len() });
    }
    if !is_voucher_text(text) {
        return Err(VoucherTextError::Prefix);
    }
    let letters: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let letters = letters[VOUCHER_TEXT_PREFIX.len()..].to_ascii_uppercase();
    let damaged = |error: data_encoding::DecodeError| VoucherTextError::Damaged {
        at: error.position + VOUCHER_TEXT_PREFIX.len(),
    };
    let bytes = BASE32_NOPAD.decode(letters.as_bytes()).map_err(damaged)?;
    Ok(VoucherFile::decode(&bytes)?)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{
        amount, at, grant, issuer_chain, key, medium, store_signer, trust, yen,
    };
    use super::super::signed::{VoucherSale, sign_voucher};
    use super::*;
    use crate::format::field::Bytes;
    use crate::trust::{Revoked, TestRoots};
    use crate::units::MediumId;

    fn file() -> VoucherFile {
        let sale = VoucherSale {
            medium: medium(),
            amount: amount(5_000),
            serial: 100,
            issued: at(2_000),
            expires: at(3_000),
        };
        let voucher = Bytes(sign_voucher(&key(3), &grant(), &sale).unwrap());
        VoucherFile { voucher, chain: store_signer().chain() }
    }

    fn terms(revoked: &Revoked) -> VoucherTerms<'_> {
        VoucherTerms { medium: medium(), currency: yen(), floor: None, revoked }
    }

    #[test]
    fn a_carried_voucher_holds_under_the_pinned_root_alone() {
        let none = Revoked::none();
        let found = open_carried(&trust(), &file(), &terms(&none)).unwrap();
        assert_eq!((found.voucher.amount, found.voucher.serial), (amount(5_000), 100));
        assert_eq!(found.store.certificate().hash(), store_signer().certificate().hash());
        let stranger = Trust::new(vec![], TestRoots::Allowed);
        let error = open_carried(&stranger, &file(), &terms(&none)).unwrap_err().to_string();
        assert!(error.ends_with("which nothing here pins"), "{error}");
        let other = VoucherTerms { medium: MediumId::from_serial(1), ..terms(&none) };
        let error = open_carried(&trust(), &file(), &other).unwrap_err().to_string();
        assert!(error.contains("this is medium 000000000195"), "{error}");
    }

    #[test]
    fn an_issuers_chain_makes_no_voucher_good() {
        let file = VoucherFile { chain: issuer_chain(), ..file() };
        let error = open_carried(&trust(), &file, &terms(&Revoked::none())).unwrap_err();
        assert!(error.to_string().contains("only a store may sign it"), "{error}");
    }

    #[test]
    fn text_is_read_back_whatever_became_of_its_lines_and_case() {
        let text = voucher_text(&file());
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b':')
        );
        let broken: String = text.chars().flat_map(|c| [c.to_ascii_lowercase(), '\n']).collect();
        for text in [&text, &broken, &format!("  {text}\r\n")] {
            assert_eq!(read_voucher_text(text).unwrap(), file());
        }
    }

    #[test]
    fn text_that_was_cut_or_changed_is_no_voucher() {
        let text = voucher_text(&file());
        for end in 0..text.len() {
            assert!(read_voucher_text(&text[..end]).is_err(), "cut at {end}");
        }
        let error = |text: &str| read_voucher_text(text).unwrap_err().to_string();
        assert_eq!(error("SCRIPT"), "a voucher's text begins with SCRIP:");
        assert_eq!(error("SCRIP:AAAA1AAA"), "the voucher's text is damaged at character 10");
        assert!(error("SCRIP:é").starts_with("the voucher's text is damaged"));
        let long = format!("SCRIP:{}", " ".repeat(VOUCHER_TEXT_BYTES_MAX));
        assert!(error(&long).starts_with("text of "));
    }
}
