//! What a medium's hardware says about itself: identity and write protection.

use std::fmt;

/// A USB serial number shorter than this was not given to one stick.
const SERIAL_CHARS_MIN: usize = 8;
/// Serial numbers that makers leave in as they found them begin like this.
const SERIALS_IN_SEQUENCE: [&str; 3] =
    ["0123456789ABCDEF", "1234567890ABCDEF", "12345678901234567890"];
/// In the model of a card reader; its serial number is the reader's, not the card's.
const READER_WORDS: [&str; 6] =
    ["reader", "card", "sd/mmc", "multi", "massstorageclass", "storage device"];

/// Whether a medium can be told from every other medium, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hardware {
    /// An SD card's card identification register, 16 bytes.
    SdCard {
        /// As the card gives it.
        cid: [u8; 16],
    },
    /// A USB stick's own serial number.
    UsbStick {
        /// Who made it, as USB numbers makers.
        vendor: u16,
        /// What it is, as the maker numbers products.
        product: u16,
        /// Letters and digits.
        serial: String,
    },
    /// It can't be told; the text says why.
    Unknown(&'static str),
}

/// An SD card's own write protection, from its card-specific data register.
///
/// Setting it takes a command to the card that has no safe wrapper, so it is read and told, and
/// not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// The card can be written.
    Writable,
    /// `TMP_WRITE_PROTECT` is set: the card refuses writes until it is cleared.
    Temporary,
    /// `PERM_WRITE_PROTECT` is set: the card refuses writes for ever.
    Permanent,
}

/// What a USB device says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsbDevice {
    /// Who made it, as USB numbers makers.
    pub vendor: u16,
    /// What it is, as the maker numbers products.
    pub product: u16,
    /// Serial number, if it gives one.
    pub serial: Option<String>,
    /// Name of the product, if it gives one.
    pub name: Option<String>,
}

impl Hardware {
    /// An SD card by its register as the kernel writes it: 32 hexadecimal digits.
    pub fn sd_card(cid: &str) -> Self {
        match register(cid) {
            Some(register) => Self::SdCard { cid: register.to_be_bytes() },
            None => Self::Unknown("the card's identification register can't be read"),
        }
    }

    /// A USB stick by its serial number, if that is the stick's alone: `disks` is how many
    /// disks the USB device shows, `model` what the disk calls itself.
    pub fn usb_stick(usb: &UsbDevice, model: &str, disks: usize) -> Self {
        let names = [model, usb.name.as_deref().unwrap_or("")].map(str::to_lowercase);
        let reader = |name: &String| READER_WORDS.iter().any(|word| name.contains(word));
        if disks != 1 || names.iter().any(reader) {
            return Self::Unknown("behind a card reader, whose serial number isn't the card's");
        }
        match usb.serial.as_deref().map(str::trim) {
            Some(serial) if is_own_serial(serial) => Self::UsbStick {
                vendor: usb.vendor,
                product: usb.product,
                serial: serial.to_owned(),
            },
            Some(_) => Self::Unknown("the USB serial number is one that many sticks share"),
            None => Self::Unknown("the USB device has no serial number"),
        }
    }
}

impl fmt::Display for Hardware {
    /// One line that stays the same for a medium: `sd:` and the register, or `usb:` and the
    /// numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SdCard { cid } => {
                write!(f, "sd:")?;
                cid.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::UsbStick { vendor, product, serial } => {
                write!(f, "usb:{vendor:04x}:{product:04x}:{serial}")
            }
            Self::Unknown(reason) => write!(f, "unknown: {reason}"),
        }
    }
}

impl Protection {
    /// What the card-specific data register says, as the kernel writes it: 32 hexadecimal
    /// digits; none if it isn't that.
    pub fn from_csd(csd: &str) -> Option<Self> {
        let register = register(csd)?;
        let bit = |number: u32| register >> number & 1 == 1;
        // SD Physical Layer Simplified Specification, section 5.3.
        Some(match (bit(13), bit(12)) {
            (true, _) => Self::Permanent,
            (false, true) => Self::Temporary,
            (false, false) => Self::Writable,
        })
    }
}

fn register(hex: &str) -> Option<u128> {
    let digits = hex.trim();
    let plain = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    plain.then(|| u128::from_str_radix(digits, 16).ok()).flatten()
}

fn is_own_serial(serial: &str) -> bool {
    let plain = serial.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let same = serial.bytes().all(|byte| byte == serial.as_bytes()[0]);
    let sequence =
        SERIALS_IN_SEQUENCE.iter().any(|known| known.starts_with(&serial.to_uppercase()));
    serial.len() >= SERIAL_CHARS_MIN && plain && !same && !sequence
}

#[cfg(test)]
mod tests {
    use super::{Hardware, Protection, UsbDevice};

    fn usb(serial: &str) -> UsbDevice {
        let serial = Some(serial.to_owned());
        UsbDevice { vendor: 0x0781, product: 0x5581, serial, name: None }
    }

    #[test]
    fn a_card_is_known_by_its_register() {
        let card = Hardware::sd_card("035344534331364780a1b2c3d4013a00\n");
        assert_eq!(card.to_string(), "sd:035344534331364780a1b2c3d4013a00");
        for wrong in
            ["", "0353", "g35344534331364780a1b2c3d4013a00", "+35344534331364780a1b2c3d4013a0"]
        {
            assert!(matches!(Hardware::sd_card(wrong), Hardware::Unknown(_)), "{wrong}");
        }
    }

    #[test]
    fn a_stick_is_known_by_a_serial_number_of_its_own() {
        let stick = Hardware::usb_stick(&usb("4C530001220903117283"), "Ultra", 1);
        assert_eq!(stick.to_string(), "usb:0781:5581:4C530001220903117283");
        for shared in ["0", "00000000000000", "0123456789AB", "123456789012", "abc def 12345", ""] {
            let stick = Hardware::usb_stick(&usb(shared), "Ultra", 1);
            assert!(stick.to_string().contains("many sticks share"), "{shared}: {stick}");
        }
    }

    #[test]
    fn a_readers_serial_number_is_not_the_cards() {
        let usb = usb("4C530001220903117283");
        for (model, disks) in
            [("Ultra", 4), ("SD/MMC CRW", 1), ("STORAGE DEVICE", 1), ("Card  Reader", 1)]
        {
            let card = Hardware::usb_stick(&usb, model, disks);
            assert!(card.to_string().starts_with("unknown: behind a card reader"), "{model}");
        }
    }

    #[test]
    fn write_protection_is_read_from_bits_12_and_13() {
        let csd = |low: &str| format!("400e00325b590000edc87f800a40{low}\n");
        assert_eq!(Protection::from_csd(&csd("0001")), Some(Protection::Writable));
        assert_eq!(Protection::from_csd(&csd("1001")), Some(Protection::Temporary));
        assert_eq!(Protection::from_csd(&csd("2001")), Some(Protection::Permanent));
        assert_eq!(Protection::from_csd(&csd("3001")), Some(Protection::Permanent));
        assert_eq!(Protection::from_csd("short"), None);
    }
}
