//! Reading directory records that anyone may have written.

use super::record::{
    LONG_NAME, RECORD_BYTES, UNITS_PER_RECORD, VOLUME_LABEL, checksum, long_units,
};

/// Greatest number of long-name records before an 8.3 record.
const LONG_RECORDS_MAX: usize = 20;
/// First byte of a record that was removed.
const REMOVED: u8 = 0xE5;
/// Marks the first long-name record of a name, which holds the name's end.
const LAST_PART: u8 = 0x40;
/// Attribute bits that tell a long-name record.
const LONG_NAME_MASK: u8 = 0x3F;

/// One name of a directory, as its records tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// Number of its records.
    pub(super) records: usize,
    /// The long name, if it has a sound one.
    pub(super) long: Option<String>,
    /// The 8.3 name with its dot.
    pub(super) short: String,
    /// Attribute bits.
    pub(super) attributes: u8,
    /// First cluster.
    pub(super) first_cluster: u32,
    /// Length of a file.
    pub(super) size_bytes: u32,
}

impl Listed {
    /// The name that people see.
    pub(super) fn name(&self) -> &str {
        self.long.as_deref().unwrap_or(&self.short)
    }

    /// Whether this is the volume's label, not a file or directory.
    pub(super) fn is_label(&self) -> bool {
        self.attributes & VOLUME_LABEL != 0
    }

    fn of(record: &[u8; RECORD_BYTES], long: Option<String>, records: usize) -> Self {
        let half = |at: usize| u32::from(u16::from_le_bytes([record[at], record[at + 1]]));
        Self {
            records,
            long,
            short: short_text(record),
            attributes: record[11],
            first_cluster: half(20) << 16 | half(26),
            size_bytes: half(30) << 16 | half(28),
        }
    }
}

/// What one more record told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Part of a long name; its 8.3 record is still to come.
    Part,
    /// A name is complete.
    Name(Listed),
    /// The record was removed.
    Removed,
    /// Here the directory ends.
    End,
}

/// Puts names together from records, one after the other.
#[derive(Debug, Default)]
pub(super) struct Lister {
    parts: Vec<[u16; UNITS_PER_RECORD]>,
    missing: usize,
    checksum: u8,
}

impl Lister {
    /// Take the next record.
    ///
    /// Also returns how many long-name records before it belong to no name.
    pub(super) fn feed(&mut self, record: &[u8; RECORD_BYTES]) -> (usize, Told) {
        if record[0] == 0 || record[0] == REMOVED {
            let told = if record[0] == 0 { Told::End } else { Told::Removed };
            return (self.discard(), told);
        }
        if record[11] & LONG_NAME_MASK == LONG_NAME {
            return (self.take_part(record), Told::Part);
        }
        let short: &[u8; 11] = record.first_chunk().expect("a record is longer than its name");
        let whole = !self.parts.is_empty() && self.missing == 0;
        let long = (whole && self.checksum == checksum(short)).then(|| self.long_name()).flatten();
        let parts = self.discard();
        let stray = if long.is_some() { 0 } else { parts };
        (stray, Told::Name(Listed::of(record, long, 1 + parts - stray)))
    }

    /// Forget the parts of an unfinished name; returns how many there were.
    pub(super) fn discard(&mut self) -> usize {
        let parts = self.parts.len();
        self.parts.clear();
        parts
    }

    /// Take a long-name record; returns how many before it belong to no name.
    fn take_part(&mut self, record: &[u8; RECORD_BYTES]) -> usize {
        let mut stray = 0;
        let begins = record[0] & LAST_PART != 0;
        let number = usize::from(record[0] & !LAST_PART);
        if begins {
            stray = self.discard();
            (self.missing, self.checksum) = (number, record[13]);
        }
        let in_place = begins || !self.parts.is_empty();
        let numbered = (1..=LONG_RECORDS_MAX).contains(&number) && number == self.missing;
        if in_place && numbered && record[13] == self.checksum {
            self.missing -= 1;
        } else {
            // Kept as a part of a name that no record completes, so that it is counted as stray.
            self.missing = usize::MAX;
            stray += self.discard();
        }
        self.parts.push(long_units(record));
        stray
    }

    /// The name that the parts hold, if it is sound.
    fn long_name(&self) -> Option<String> {
        let units: Vec<u16> = self.parts.iter().rev().flatten().copied().collect();
        let len = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
        let padded = units[len..].iter().skip(1).all(|unit| *unit == 0xFFFF);
        let name = String::from_utf16(&units[..len]).ok()?;
        (padded && !name.is_empty()).then_some(name)
    }
}

/// The 8.3 name of a record: name, dot, extension, in the case that the record asks for.
fn short_text(record: &[u8; RECORD_BYTES]) -> String {
    let part = |bytes: &[u8], lower: bool| -> String {
        let text: String = bytes
            .iter()
            .map(
                |byte| {
                    if byte.is_ascii() { char::from(*byte) } else { char::REPLACEMENT_CHARACTER }
                },
            )
            .collect();
        let text = text.trim_end_matches(' ');
        if lower { text.to_ascii_lowercase() } else { text.to_owned() }
    };
    let stem = part(&record[..8], record[12] & 0x08 != 0);
    let extension = part(&record[8..11], record[12] & 0x10 != 0);
    if extension.is_empty() { stem } else { format!("{stem}.{extension}") }
}

/// All names that `records` hold, up to the directory's end.
pub(super) fn names(records: &[u8]) -> Vec<Listed> {
    let mut assembler = Lister::default();
    let mut names = Vec::new();
    for record in records.as_chunks::<RECORD_BYTES>().0 {
        match assembler.feed(record).1 {
            Told::Name(listed) => names.push(listed),
            Told::End => break,
            Told::Part | Told::Removed => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fat::name::short_names;
    use crate::fat::record::{ARCHIVE, DosTime, Facts, push};

    const FACTS: Facts = Facts {
        attributes: ARCHIVE,
        first_cluster: 0x000A_000B,
        size_bytes: 0x0001_0002,
        at: DosTime::EPOCH,
    };

    fn directory(texts: &[&str]) -> Vec<u8> {
        let mut records = Vec::new();
        for (text, short) in texts.iter().zip(short_names(texts)) {
            push(&mut records, text, &short, FACTS);
        }
        records
    }

    #[test]
    fn what_was_written_is_listed() {
        let texts = ["PLAIN.TXT", "lower", "thirteen code", "fourteen units", "日本 𝄞.txt"];
        let listed = names(&directory(&texts));
        assert_eq!(listed.iter().map(Listed::name).collect::<Vec<_>>(), texts);
        assert_eq!(listed.iter().map(|l| l.records).collect::<Vec<_>>(), [1, 2, 2, 3, 2]);
        assert!(
            listed.iter().all(|l| l.first_cluster == 0x000A_000B && l.size_bytes == 0x0001_0002)
        );
        assert_eq!(listed[3].short, "FOURTE~1");
    }

    #[test]
    fn parts_that_fit_no_name_are_stray() {
        let sound = directory(&["a name of three records, really"]);
        let (records, rest) = sound.as_chunks::<RECORD_BYTES>();
        assert!(records.len() == 4 && rest.is_empty());
        let count = |order: &[usize]| {
            let mut assembler = Lister::default();
            let mut stray = 0;
            let mut long = None;
            for at in order {
                let (before, told) = assembler.feed(&records[*at]);
                stray += before;
                if let Told::Name(listed) = told {
                    long = Some(listed.long.is_some());
                }
            }
            (stray + assembler.discard(), long)
        };
        assert_eq!(count(&[0, 1, 2, 3]), (0, Some(true)));
        assert_eq!(count(&[0, 1, 3]), (2, Some(false)));
        assert_eq!(count(&[1, 2, 3]), (2, Some(false)));
        assert_eq!(count(&[0, 2, 1, 3]), (3, Some(false)));
        assert_eq!(count(&[0, 1, 0, 1, 2, 3]), (2, Some(true)));
        assert_eq!(count(&[0, 1, 2]), (3, None));
    }

    #[test]
    fn any_record_can_be_fed_after_any_other() {
        let mut assembler = Lister::default();
        let mut state = 1_u32;
        let mut counted = 0;
        for fed in 0..200_000_usize {
            let mut record = [0_u8; RECORD_BYTES];
            for byte in &mut record {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = (state >> 24) as u8;
            }
            if fed % 2 == 0 {
                record[11] = LONG_NAME;
                record[0] &= 0x43;
                record[13] = 0;
            }
            let (stray, told) = assembler.feed(&record);
            counted += stray;
            counted += match told {
                Told::Name(listed) => listed.records,
                Told::Removed | Told::End => 1,
                Told::Part => 0,
            };
            assert_eq!(counted + assembler.parts.len(), fed + 1);
            assert!(assembler.parts.len() <= LONG_RECORDS_MAX);
        }
    }
}
