//! Directory records: 32 bytes each, a file's long name in front of its 8.3 record.

use super::name::needs_long;

/// Bytes of one record.
pub(super) const RECORD_BYTES: usize = 32;
/// Attribute of a file that ordinary tools don't change.
pub(super) const READ_ONLY: u8 = 0x01;
/// Attribute of a file that listings leave out.
pub(super) const HIDDEN: u8 = 0x02;
/// Attribute of a file that belongs to the system.
pub(super) const SYSTEM: u8 = 0x04;
/// Attribute of the record that holds the volume label.
pub(super) const VOLUME_LABEL: u8 = 0x08;
/// Attribute of a directory.
pub(super) const DIRECTORY: u8 = 0x10;
/// Attribute of a file not yet backed up: what every system gives a new file.
pub(super) const ARCHIVE: u8 = 0x20;
/// Attribute of a long-name record.
pub(super) const LONG_NAME: u8 = 0x0F;
/// UTF-16 units in one long-name record.
pub(super) const UNITS_PER_RECORD: usize = 13;
/// Where those units lie.
const UNIT_OFFSETS: [usize; UNITS_PER_RECORD] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

/// A date and time as directories hold it: 1980 to 2107, in steps of two seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DosTime {
    date: u16,
    time: u16,
}

impl DosTime {
    /// The first of January 1980, midnight.
    pub const EPOCH: Self = Self { date: 0x0021, time: 0 };

    /// A moment by calendar and clock; odd seconds are rounded down. `None` if a part is out of
    /// range (the day is checked against 31, not against the month).
    pub fn new(date: (u16, u16, u16), time: (u16, u16, u16)) -> Option<Self> {
        let ((year, month, day), (hour, minute, second)) = (date, time);
        let fits = (1980..=2107).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        fits.then(|| Self {
            date: ((year - 1980) << 9) | (month << 5) | day,
            time: (hour << 11) | (minute << 5) | (second / 2),
        })
    }
}

/// What an 8.3 record says beside its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// Attribute bits.
    pub(super) attributes: u8,
    /// First cluster; 0 for an empty file, and for `..` of a directory in the root.
    pub(super) first_cluster: u32,
    /// Length of a file; 0 for a directory.
    pub(super) size_bytes: u32,
    /// When it was made, changed and read.
    pub(super) at: DosTime,
}

/// Number of records that a name takes.
pub(super) fn records_for(name: &str, short: &[u8; 11]) -> usize {
    if needs_long(name, short) {
        1 + name.encode_utf16().count().div_ceil(UNITS_PER_RECORD)
    } else {
        1
    }
}

/// Append the records of `name` to a directory.
pub(super) fn push(directory: &mut Vec<u8>, name: &str, short: &[u8; 11], facts: Facts) {
    if needs_long(name, short) {
        push_long(directory, name, checksum(short));
    }
    push_short(directory, short, facts);
}

/// Append one 8.3 record.
pub(super) fn push_short(directory: &mut Vec<u8>, short: &[u8; 11], facts: Facts) {
    let mut record = [0; RECORD_BYTES];
    let mut put = |at: usize, bytes: &[u8]| record[at..at + bytes.len()].copy_from_slice(bytes);
    let (date, time) = (facts.at.date.to_le_bytes(), facts.at.time.to_le_bytes());
    let cluster = facts.first_cluster.to_le_bytes();
    put(0, short);
    put(11, &[facts.attributes]);
    put(14, &time);
    put(16, &date);
    put(18, &date);
    put(20, &cluster[2..]);
    put(22, &time);
    put(24, &date);
    put(26, &cluster[..2]);
    put(28, &facts.size_bytes.to_le_bytes());
    directory.extend_from_slice(&record);
}

/// Append the long-name records of `name`, its end first.
fn push_long(directory: &mut Vec<u8>, name: &str, checksum: u8) {
    let mut units: Vec<u16> = name.encode_utf16().collect();
    let count = units.len().div_ceil(UNITS_PER_RECORD);
    if units.len() < count * UNITS_PER_RECORD {
        units.push(0);
        units.resize(count * UNITS_PER_RECORD, 0xFFFF);
    }
    for (index, part) in units.chunks_exact(UNITS_PER_RECORD).enumerate().rev() {
        let mut record = [0; RECORD_BYTES];
        let last = if index + 1 == count { 0x40 } else { 0 };
        record[0] = u8::try_from(index + 1).expect("a name has at most 20 records") | last;
        record[11] = LONG_NAME;
        record[13] = checksum;
        for (at, unit) in UNIT_OFFSETS.into_iter().zip(part) {
            record[at..at + 2].copy_from_slice(&unit.to_le_bytes());
        }
        directory.extend_from_slice(&record);
    }
}

/// The UTF-16 units that a long-name record holds.
pub(super) fn long_units(record: &[u8; RECORD_BYTES]) -> [u16; UNITS_PER_RECORD] {
    UNIT_OFFSETS.map(|at| u16::from_le_bytes([record[at], record[at + 1]]))
}

/// The checksum that ties long-name records to their 8.3 record.
pub(super) fn checksum(short: &[u8; 11]) -> u8 {
    short.iter().fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: Facts = Facts {
        attributes: READ_ONLY,
        first_cluster: 0x0001_0203,
        size_bytes: 5,
        at: DosTime::EPOCH,
    };

    #[test]
    fn a_short_record_has_its_fields_where_the_specification_puts_them() {
        let mut directory = Vec::new();
        push(&mut directory, "README.TXT", b"README  TXT", FACTS);
        let mut expected = [0_u8; 32];
        expected[..11].copy_from_slice(b"README  TXT");
        expected[11] = 1;
        expected[16..20].copy_from_slice(&[0x21, 0, 0x21, 0]);
        expected[20..22].copy_from_slice(&[1, 0]);
        expected[24..29].copy_from_slice(&[0x21, 0, 0x03, 0x02, 5]);
        assert_eq!(directory, expected);
    }

    #[test]
    fn long_names_are_ended_only_where_they_do_not_fill_their_records() {
        for (units, records, ended) in [(13, 1, false), (14, 2, true), (26, 2, false), (1, 1, true)]
        {
            let name = "é".repeat(units);
            let mut directory = Vec::new();
            push(&mut directory, &name, b"____~1     ", FACTS);
            assert_eq!(directory.len(), (records + 1) * RECORD_BYTES);
            assert_eq!(records_for(&name, b"____~1     "), records + 1);
            assert_eq!(usize::from(directory[0]), 0x40 | records);
            assert_eq!(directory[30..32] == [0xFF, 0xFF] || directory[28..30] == [0, 0], ended);
        }
    }

    #[test]
    fn checksum_is_the_published_one() {
        // Computed by the C routine of Microsoft's FAT specification 1.03, section 7.
        assert_eq!(checksum(b"README  TXT"), 0x73);
    }

    #[test]
    fn times_out_of_range_are_none() {
        assert_eq!(DosTime::new((1980, 1, 1), (0, 0, 0)), Some(DosTime::EPOCH));
        let late = DosTime::new((2107, 12, 31), (23, 59, 59)).expect("the last moment");
        assert_eq!((late.date, late.time), (0xFF9F, 0xBF7D));
        for bad in
            [((1979, 1, 1), (0, 0, 0)), ((2108, 1, 1), (0, 0, 0)), ((2000, 13, 1), (0, 0, 0))]
        {
            assert_eq!(DosTime::new(bad.0, bad.1), None);
        }
        assert_eq!(DosTime::new((2000, 1, 1), (24, 0, 0)), None);
    }
}
