//! Names of files beside each other: items that were taken, in OUTBOX; items laid out, in a kiosk's
//! folder. The SPEC lists them under `offer`.

use super::transfer::TransferId;

/// A kiosk's signed offer, in its folder.
pub const OFFER_NAME: &str = "OFFER.CBR";
/// The chain of the store that signed it.
pub const STORE_NAME: &str = "STORE.CBR";
/// Where buyers leave what shows what they took.
pub const INBOX_NAME: &str = "INBOX";
/// The end of the name of a package's file.
pub const PACKAGE_END: &str = ".item";
/// The end of the name of a newest receipt.
pub const RECEIPT_END: &str = ".receipt";
/// The end of the name of what a payer showed.
pub const FUNDING_END: &str = ".funding";

/// So many characters of an item's id stand in a file's name.
const ID_CHARS_MAX: usize = 48;

/// What an item's files are called: its id as far as it makes a file's name, and what tells signed
/// entries of one id apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemNames(String);

impl ItemNames {
    /// The names of an item's files, by its id and SHA-256 over its signed entry.
    pub fn of(id: &str, entry: &[u8; 32]) -> Self {
        let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let id: String = id.chars().filter(plain).take(ID_CHARS_MAX).collect();
        Self(format!("{id}-{}", data_encoding::HEXLOWER.encode(&entry[..4])))
    }

    /// What the names have in common.
    pub fn stem(&self) -> &str {
        &self.0
    }

    /// Its package: the signed entry with its signer's chain.
    pub fn package(&self) -> String {
        format!("{}{PACKAGE_END}", self.0)
    }

    /// Its file.
    pub fn data(&self) -> String {
        format!("{}.data", self.0)
    }

    /// Its key, in a kiosk's folder.
    pub fn key(&self) -> String {
        format!("{}.key", self.0)
    }
}

/// The newest receipt that was given for a transfer.
pub fn receipt_name(transfer: &TransferId) -> String {
    format!("{}{RECEIPT_END}", data_encoding::HEXLOWER.encode(transfer))
}

/// What a payer showed for the segment that the record of this sequence began.
pub fn funding_name(transfer: &TransferId, start: u64) -> String {
    format!("{}-{start}{FUNDING_END}", data_encoding::HEXLOWER.encode(transfer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_short_and_tell_entries_apart() {
        let entry = [0xab; 32];
        let names = ItemNames::of("A song/№ 1_b-c", &entry);
        assert_eq!(names.stem(), "Asong1_b-c-abababab");
        assert_eq!(names.package(), "Asong1_b-c-abababab.item");
        assert_eq!(names.data(), "Asong1_b-c-abababab.data");
        assert_eq!(names.key(), "Asong1_b-c-abababab.key");
        assert_eq!(ItemNames::of(&"x".repeat(99), &entry).stem().len(), 48 + 9);
        assert_eq!(receipt_name(&[1; 16]), format!("{}.receipt", "01".repeat(16)));
        assert_eq!(funding_name(&[1; 16], 7), format!("{}-7.funding", "01".repeat(16)));
    }
}
