//! The kernel's tables of mounts and swap areas, as text.

use std::path::PathBuf;

use super::DeviceNumber;

/// Rows read from either table at most; a machine with more is not one to burn media on.
const ROWS_MAX: usize = 100_000;

/// One row of `/proc/self/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The device as the file system gives it; major number 0 where it has none of its own.
    pub number: DeviceNumber,
    /// What was mounted: often the path of a block device.
    pub source: String,
    /// Where it is mounted.
    pub place: PathBuf,
    /// Kind of the file system.
    pub kind: String,
    /// The folders an overlay lies on; empty for all else.
    pub layers: Vec<PathBuf>,
}

/// One row of `/proc/swaps`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// A block device, or a file.
    pub path: PathBuf,
}

/// The mounts of a `mountinfo` table; rows that aren't well formed are left out.
pub(super) fn parse_mounts(text: &str) -> Vec<Mount> {
    text.lines().take(ROWS_MAX).filter_map(parse_mount).collect()
}

/// The swap areas of a `swaps` table, whose first row is a heading.
pub(super) fn parse_swaps(text: &str) -> Vec<Swap> {
    let rows = text.lines().skip(1).take(ROWS_MAX);
    let paths = rows.filter_map(|row| row.split_whitespace().next());
    paths.map(|path| Swap { path: PathBuf::from(unescape(path)) }).collect()
}

fn parse_mount(row: &str) -> Option<Mount> {
    let (about, file_system) = row.split_once(" - ")?;
    let mut about = about.split(' ').skip(2);
    let number = about.next()?.parse().ok()?;
    let place = PathBuf::from(unescape(about.nth(1)?));
    let mut file_system = file_system.split(' ');
    let kind = file_system.next()?.to_owned();
    let source = unescape(file_system.next()?);
    let options = file_system.next().unwrap_or("");
    let layers = if kind == "overlay" { layers(options) } else { Vec::new() };
    Some(Mount { number, source, place, kind, layers })
}

fn layers(options: &str) -> Vec<PathBuf> {
    let values = options.split(',').filter_map(|option| option.split_once('='));
    let folders = values
        .filter(|(key, _)| matches!(*key, "lowerdir" | "upperdir" | "lowerdir+" | "datadir+"));
    let paths = folders.flat_map(|(_, value)| value.split(':'));
    paths.filter(|path| !path.is_empty()).map(|path| PathBuf::from(unescape(path))).collect()
}

/// The kernel writes blanks, line feeds and backslashes as `\` and three octal digits.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match after.first_chunk::<3>().and_then(|digits| octal(*digits)) {
            Some(byte) if *first == b'\\' => {
                bytes.push(byte);
                rest = &after[3..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn octal(digits: [u8; 3]) -> Option<u8> {
    let digits = str::from_utf8(&digits).ok().filter(|digits| digits.starts_with(char::is_numeric));
    digits.and_then(|digits| u8::from_str_radix(digits, 8).ok())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Swap, parse_mounts, parse_swaps, unescape};
    use crate::device::DeviceNumber;

    #[test]
    fn a_mount_is_read_from_its_row() {
        let rows = parse_mounts(
            "36 35 8:17 / /media/a\\040b rw,nosuid shared:1 master:2 - vfat /dev/sdb1 rw,fmask=0022\n",
        );
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].number, DeviceNumber { major: 8, minor: 17 });
        assert_eq!((rows[0].source.as_str(), rows[0].kind.as_str()), ("/dev/sdb1", "vfat"));
        assert_eq!(rows[0].place, Path::new("/media/a b"));
    }

    #[test]
    fn an_overlay_names_its_layers() {
        let rows = parse_mounts(
            "22 1 0:21 / / rw - overlay overlay rw,lowerdir=/run/a:/run/b,upperdir=/cow/up,workdir=/cow/w\n",
        );
        assert_eq!(rows[0].layers, ["/run/a", "/run/b", "/cow/up"].map(PathBuf::from));
    }

    #[test]
    fn rows_that_are_not_well_formed_are_left_out() {
        assert_eq!(parse_mounts("nonsense\n1 2 3\n1 2 x:y / / rw - ext4 /dev/sda rw\n\n"), []);
    }

    #[test]
    fn swap_areas_follow_the_heading() {
        let table = "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2  partition\t8\t0\t-2\n/swap\\040file file 8 0 -3\n";
        let paths = ["/dev/sda2", "/swap file"].map(|path| Swap { path: path.into() });
        assert_eq!(parse_swaps(table), paths);
        assert_eq!(parse_swaps(""), []);
    }

    #[test]
    fn octal_escapes_are_undone_and_nothing_else() {
        let table = [("a\\040b", "a b"), ("\\134", "\\"), ("a\\9", "a\\9"), ("\\+12", "\\+12")];
        for (escaped, plain) in table {
            assert_eq!(unescape(escaped), plain);
        }
    }
}
