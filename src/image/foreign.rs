//! What a file is that is no edition, as far as its first bytes tell.

use data_encoding::HEXLOWER;

use crate::device::{Contents, Device, DeviceError};
use crate::format::certificate::Chain;
use crate::format::sheet::SealedKit;
use crate::format::{Object, cbor, cose};

/// Objects up to this long are told by their kind; longer ones by their first bytes.
const OBJECT_BYTES_MAX: u64 = 1 << 20;
/// So many first bytes are shown of what nobody knows.
const SHOWN_BYTES: usize = 8;

/// Name what lies there: an object of ours, a medium, a file system, or its first bytes.
pub(super) fn what_is(device: &dyn Device) -> Result<String, DeviceError> {
    let len = device.len_bytes();
    let mut bytes = vec![0; usize::try_from(len.min(OBJECT_BYTES_MAX)).expect("at most 1 MiB")];
    device.read_at(0, &mut bytes)?;
    if let Some(kind) = object(&bytes) {
        return Ok(kind);
    }
    Ok(match Contents::of(&device)? {
        _ if len == 0 => "an empty file".to_owned(),
        Contents::Gpt(names) if names.iter().any(|name| name == "Scrip ROM") => {
            "a burnt medium".to_owned()
        }
        Contents::Blank => format!("{len} bytes that begin with zeros"),
        Contents::Unknown => {
            let first = HEXLOWER.encode(&bytes[..bytes.len().min(SHOWN_BYTES)]);
            format!("{len} bytes that begin with {first}")
        }
        contents => format!("an image ({contents})"),
    })
}

/// The kind of an object of ours, whether it is signed or not.
fn object(bytes: &[u8]) -> Option<String> {
    let used = cbor::measure(bytes).ok()?;
    let object = &bytes[..used];
    let signed = cose::stated_kind(object).map(|kind| format!("a signed object, {}", kind.name()));
    let chain = || Chain::decode(object).ok().map(|_| "a store's certificate".to_owned());
    let kit = || SealedKit::decode(object).ok().map(|_| "a kit of blanks".to_owned());
    signed.or_else(chain).or_else(kit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::MemoryDevice;

    fn named(bytes: &[u8]) -> String {
        what_is(&MemoryDevice::from_bytes(bytes.to_vec())).unwrap()
    }

    #[test]
    fn what_is_no_edition_is_named_by_what_it_is() {
        let mut volume = vec![0; 4096];
        volume[82..90].copy_from_slice(b"FAT32   ");
        let cases: [(&[u8], &str); 5] = [
            (b"", "an empty file"),
            (b"\x7fELF\x02\x01\x01\0\0", "9 bytes that begin with 7f454c4602010100"),
            (b"hi", "2 bytes that begin with 6869"),
            (&[0; 512], "512 bytes that begin with zeros"),
            (&volume, "an image (FAT32, no partition table)"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(named(bytes), expected);
        }
    }
}
