//! Bundles: plain tar archives (ustar and pax), whose members are read where they stand.
//!
//! Only headers are walked; a member's bytes are read by their offset, from any thread. What isn't
//! exactly such an archive ends the walk and says where.

use crate::device::{Device, DeviceError};

/// Everything in an archive is aligned to this.
const BLOCK: u64 = 512;
const BLOCK_BYTES: usize = 512;
/// The longest names and other words about one member.
const WORDS_BYTES_MAX: u64 = 64 << 10;
/// Behind its end an archive is filled up with so many zeros at most.
const FILL_BYTES_MAX: u64 = 1 << 20;
/// Where a header's fields lie.
const NAME: std::ops::Range<usize> = 0..100;
const SIZE: std::ops::Range<usize> = 124..136;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const KIND: usize = 156;
const MAGIC: std::ops::Range<usize> = 257..262;
const PREFIX: std::ops::Range<usize> = 345..500;

/// A member of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name in the archive.
    pub name: String,
    /// Where its bytes begin.
    pub offset: u64,
    /// How many there are.
    pub length: u64,
    /// What it is.
    pub form: Form,
}

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A file.
    File,
    /// A folder: it has no bytes.
    Folder,
    /// A link, a device or something else that isn't followed.
    Other,
}

/// Why a bundle isn't read further.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It ends inside a member or without its end mark.
    #[error("the bundle is cut off: {needed} bytes are needed, it has {found}")]
    Cut {
        /// Its length.
        found: u64,
        /// The least that it needs.
        needed: u64,
    },
    /// Something that is no header stands where one would.
    #[error("the bundle holds no member at {offset}: {what}")]
    Header {
        /// Where.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// It could not be read.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// Does a file begin as a bundle does?
pub fn is_bundle(head: &[u8]) -> bool {
    head.first_chunk::<BLOCK_BYTES>().is_some_and(|header| checked(header).is_ok())
}

/// The members of a bundle in their order; behind the first fault there are no more.
#[derive(Debug)]
pub struct Members<'a, D: ?Sized> {
    device: &'a D,
    at: u64,
    ended: bool,
}

/// What headers say of the member behind them.
#[derive(Default)]
struct Words {
    name: Option<String>,
    length: Option<u64>,
}

impl<'a, D: Device + ?Sized> Members<'a, D> {
    /// Those of this archive.
    pub fn of(device: &'a D) -> Self {
        Self { device, at: 0, ended: false }
    }

    /// Where the walk is.
    pub fn offset(&self) -> u64 {
        self.at
    }

    fn step(&mut self) -> Result<Option<Member>, BundleError> {
        let mut words = Words::default();
        loop {
            let offset = self.at;
            let mut header = [0; BLOCK_BYTES];
            self.read(&mut header)?;
            if header == [0; BLOCK_BYTES] {
                return self.end().map(|()| None);
            }
            let fault = |what| BundleError::Header { offset, what };
            checked(&header).map_err(fault)?;
            let stated = number(&header[SIZE]).ok_or_else(|| fault("its length is no number"))?;
            let kind = header[KIND];
            if matches!(kind, b'x' | b'g' | b'L' | b'K') {
                let text = self.text(stated)?;
                match kind {
                    b'x' => words.read(&text).ok_or_else(|| fault("its words can't be read"))?,
                    b'L' => words.name = Some(word(&text)),
                    _ => {}
                }
                continue;
            }
            let form = match kind {
                b'0' | 0 => Form::File,
                b'5' => Form::Folder,
                _ => Form::Other,
            };
            // Only files, and what nobody knows, have bytes.
            let has_none = matches!(kind, b'1'..=b'6');
            let length = if has_none { 0 } else { words.length.unwrap_or(stated) };
            let member = Member {
                name: words.name.unwrap_or_else(|| plain_name(&header)),
                offset: self.at,
                length,
                form,
            };
            self.skip(length)?;
            return Ok(Some(member));
        }
    }

    fn read(&mut self, block: &mut [u8; BLOCK_BYTES]) -> Result<(), BundleError> {
        self.has(BLOCK)?;
        self.device.read_at(self.at, block)?;
        self.at += BLOCK;
        Ok(())
    }

    /// Does it have so many bytes more?
    fn has(&self, count: u64) -> Result<(), BundleError> {
        let found = self.device.len_bytes();
        let needed = self.at.saturating_add(count);
        if needed > found { Err(BundleError::Cut { found, needed }) } else { Ok(()) }
    }

    fn skip(&mut self, length: u64) -> Result<(), BundleError> {
        let whole = length.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX);
        self.has(whole)?;
        self.at += whole;
        Ok(())
    }

    fn text(&mut self, length: u64) -> Result<Vec<u8>, BundleError> {
        if length > WORDS_BYTES_MAX {
            let what = "more words than are read";
            return Err(BundleError::Header { offset: self.at, what });
        }
        let offset = self.at;
        self.skip(length)?;
        let mut text = vec![0; usize::try_from(length).expect("64 KiB at most")];
        self.device.read_at(offset, &mut text)?;
        Ok(text)
    }

    /// Nothing but zeros stands behind the end.
    fn end(&mut self) -> Result<(), BundleError> {
        let rest = self.device.len_bytes() - self.at;
        let mut fill = vec![0; usize::try_from(rest.min(FILL_BYTES_MAX)).expect("1 MiB at most")];
        self.device.read_at(self.at, &mut fill)?;
        if rest > FILL_BYTES_MAX || fill.iter().any(|byte| *byte != 0) {
            let what = "something stands behind its end";
            return Err(BundleError::Header { offset: self.at, what });
        }
        self.at += rest;
        Ok(())
    }
}

impl<D: Device + ?Sized> Iterator for Members<'_, D> {
    type Item = Result<Member, BundleError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.step().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

impl Words {
    /// Lines `length key=value` of a pax header.
    fn read(&mut self, mut text: &[u8]) -> Option<()> {
        while !text.is_empty() {
            let space = text.iter().position(|byte| *byte == b' ')?;
            let length: usize = std::str::from_utf8(&text[..space]).ok()?.parse().ok()?;
            let line = text.get(space + 1..length)?.strip_suffix(b"\n")?;
            text = &text[length..];
            let split = line.iter().position(|byte| *byte == b'=')?;
            let (key, value) = (&line[..split], &line[split + 1..]);
            match key {
                b"path" => self.name = Some(word(value)),
                b"size" => self.length = Some(std::str::from_utf8(value).ok()?.parse().ok()?),
                _ => {}
            }
        }
        Some(())
    }
}

/// A header whose sum is right, of a form that is known.
fn checked(header: &[u8; BLOCK_BYTES]) -> Result<(), &'static str> {
    if header[MAGIC] != *b"ustar" {
        return Err("it is no header of a tar archive");
    }
    let sum: u64 = (0..)
        .zip(header)
        .map(|(place, byte)| if CHECKSUM.contains(&place) { b' ' } else { *byte })
        .map(u64::from)
        .sum();
    if octal(&header[CHECKSUM]) == Some(sum) { Ok(()) } else { Err("its header's sum is wrong") }
}

/// A length: in octal, or as 11 bytes big-endian behind one of 0x80.
fn number(field: &[u8]) -> Option<u64> {
    match field.split_first()? {
        (0x80, rest) => rest
            .iter()
            .try_fold(0_u64, |sum, byte| sum.checked_mul(256).map(|sum| sum + u64::from(*byte))),
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches([' ', '\0']);
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

fn plain_name(header: &[u8; BLOCK_BYTES]) -> String {
    // What GNU tar writes there is no prefix.
    let prefix = if header[262] == 0 { word(&header[PREFIX]) } else { String::new() };
    let name = word(&header[NAME]);
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}

/// Text up to the first zero.
fn word(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::MemoryDevice;

    /// One member with its header in front and its fill behind.
    fn member(name: &str, kind: u8, bytes: &[u8], stated: usize) -> Vec<u8> {
        let mut header = [0; BLOCK_BYTES];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[SIZE].copy_from_slice(format!("{stated:011o}\0").as_bytes());
        header[CHECKSUM].fill(b' ');
        header[KIND] = kind;
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
        header[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let mut all = [&header[..], bytes].concat();
        all.resize(all.len().next_multiple_of(BLOCK_BYTES), 0);
        all
    }

    fn archive(members: &[Vec<u8>]) -> Vec<u8> {
        [members.concat(), vec![0; 2 * BLOCK_BYTES]].concat()
    }

    fn walked(bytes: &[u8]) -> (Vec<(String, Vec<u8>)>, Option<String>) {
        let device = MemoryDevice::from_bytes(bytes.to_vec());
        let (mut found, mut fault) = (vec![], None);
        for member in Members::of(&device) {
            match member {
                Ok(member) => {
                    let mut bytes = vec![0; usize::try_from(member.length).unwrap()];
                    device.read_at(member.offset, &mut bytes).unwrap();
                    found.push((member.name, bytes));
                }
                Err(error) => fault = Some(error.to_string()),
            }
        }
        (found, fault)
    }

    #[test]
    fn members_are_found_with_their_names_and_bytes() {
        let long = "l".repeat(300);
        let path = format!("path={long}\n");
        let line = format!("{} {path}", path.len() + 4);
        let bytes = archive(&[
            member("a/", b'5', &[], 0),
            member("a/one", b'0', &[7; 700], 700),
            member("pax", b'x', line.as_bytes(), line.len()),
            member("cut", b'0', b"two", 3),
            member("name", b'L', b"gnu\0", 4),
            member("cut", 0, b"", 0),
            member("link", b'2', &[], 0),
        ]);
        assert!(is_bundle(&bytes));
        let (found, fault) = walked(&bytes);
        let expected = [("a/", vec![]), ("a/one", vec![7; 700]), (&long, b"two".to_vec())];
        let rest = [("gnu", vec![]), ("link", vec![])];
        let expected = expected.into_iter().chain(rest);
        assert_eq!(found, expected.map(|(name, all)| (name.to_owned(), all)).collect::<Vec<_>>());
        assert_eq!(fault, None);
    }

    #[test]
    fn what_is_cut_off_or_lies_about_its_length_is_told() {
        let bytes = archive(&[member("one", b'0', &[7; 700], 700), member("two", b'0', b"2", 1)]);
        let whole = 6 * BLOCK_BYTES;
        for end in 0..=bytes.len() {
            let (found, fault) = walked(&bytes[..end]);
            assert_eq!(fault.is_none(), end >= whole, "cut at {end}: {fault:?}");
            let words = fault.as_ref().is_none_or(|fault| fault.contains("cut off"));
            assert!(words && found.len() <= 2, "{fault:?}");
        }
        let liar = archive(&[member("liar", b'0', b"1", 1 << 30), member("two", b'0', b"2", 1)]);
        let (found, fault) = walked(&liar);
        assert!(found.is_empty(), "its bytes would be another member's");
        let words = "the bundle is cut off: 1073742336 bytes are needed, it has 3072";
        assert_eq!(fault.as_deref(), Some(words));
        let beyond = member("one", b'0', b"1", 1).into_iter().chain([0; 1024]).chain([1]);
        let (found, fault) = walked(&beyond.collect::<Vec<_>>());
        assert!(found.len() == 1 && fault.unwrap().contains("behind its end"));
    }

    #[test]
    fn a_header_that_was_changed_is_none() {
        let bytes = archive(&[member("one", b'0', &[7; 700], 700)]);
        for bit in 0..BLOCK_BYTES * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (found, fault) = walked(&flipped);
            // Of the words for its sum, some mean the same.
            let same = CHECKSUM.contains(&(bit / 8)) && !found.is_empty();
            assert!(same || (found.is_empty() && fault.is_some()), "bit {bit}: {found:?}");
        }
    }
}
