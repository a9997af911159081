//! Names: what a long name may hold, when two names are the same, and the 8.3 names beside them.

use std::collections::{HashMap, HashSet};

/// Greatest length of a long name, in UTF-16 units.
pub(super) const NAME_UNITS_MAX: usize = 255;

/// Names that Windows reserves for devices, with any extension; `COM1` and its like come on top.
const DEVICE_NAMES: [&str; 7] = ["CON", "PRN", "AUX", "NUL", "CLOCK$", "CONIN$", "CONOUT$"];

/// Why `name` can't stand in a directory, if it can't.
pub(super) fn fault(name: &str) -> Option<&'static str> {
    let forbidden = |c: char| c.is_control() || "\"*/:<>?\\|\u{fffe}\u{ffff}".contains(c);
    if name.is_empty() || name == "." || name == ".." {
        Some("is empty, `.` or `..`")
    } else if name.encode_utf16().count() > NAME_UNITS_MAX {
        Some("is longer than 255 UTF-16 units")
    } else if name.ends_with(['.', ' ']) {
        Some("ends with a dot or a space")
    } else if name.contains(forbidden) {
        Some("holds a control character or one of \"*/:<>?\\|")
    } else if is_device(name) {
        Some("is a name that Windows reserves for a device")
    } else {
        None
    }
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ').to_uppercase();
    let is_port = ["COM", "LPT"].into_iter().any(|port| {
        let mut rest = stem.strip_prefix(port).unwrap_or("").chars();
        rest.next().is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c))
            && rest.next().is_none()
    });
    is_port || DEVICE_NAMES.contains(&stem.as_str())
}

/// The form under which two names of one directory are the same name.
///
/// Each character on its own goes to upper case and then to lower case, where that gives a single
/// character: at least what Windows and Linux take for one name is one name here.
pub(super) fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    name.chars().map(fold_char).collect()
}

fn fold_char(c: char) -> char {
    let mut upper = c.to_uppercase();
    let big = if upper.len() == 1 { upper.next().unwrap_or(c) } else { c };
    let mut lower = big.to_lowercase();
    if lower.len() == 1 { lower.next().unwrap_or(big) } else { big }
}

/// Whether `byte` may stand in an 8.3 name as we write them.
pub(super) fn is_short_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"!#$%&'()-@^_`{}~".contains(&byte)
}

/// The 8.3 names of a directory's `names`, in the same order and unique among each other.
///
/// A name that is 8.3 but for its case keeps its upper-case form; each other gets a `~number`,
/// counted in the order of `names` for each stem. No two of `names` may fold to the same form.
pub(super) fn short_names(names: &[&str]) -> Vec<[u8; 11]> {
    let plain: Vec<_> = names.iter().map(|name| plain_short(name)).collect();
    let mut taken: HashSet<[u8; 11]> = plain.iter().flatten().copied().collect();
    let mut counters = HashMap::new();
    let mut numbered = |name: &str| next_numbered(Basis::of(name), &mut taken, &mut counters);
    names.iter().zip(plain).map(|(name, short)| short.unwrap_or_else(|| numbered(name))).collect()
}

/// The upper-case 8.3 form of `name`, if nothing but its case is lost.
fn plain_short(name: &str) -> Option<[u8; 11]> {
    let (stem, extension) = match name.rsplit_once('.') {
        Some(("", _) | (_, "")) => return None,
        Some(parts) => parts,
        None => (name, ""),
    };
    if stem.len() > 8 || extension.len() > 3 {
        return None;
    }
    let mut short = [b' '; 11];
    let places = (0..8).zip(stem.bytes()).chain((8..11).zip(extension.bytes()));
    for (place, byte) in places {
        short[place] = byte.to_ascii_uppercase();
        if !is_short_byte(short[place]) {
            return None;
        }
    }
    Some(short)
}

/// Whether an entry for `name` needs long-name entries beside its 8.3 name `short`.
pub(super) fn needs_long(name: &str, short: &[u8; 11]) -> bool {
    plain_short(name) != Some(*short) || name.bytes().any(|b| b.is_ascii_lowercase())
}

/// What is left of a long name in its 8.3 name: up to 6 characters and up to 3 of extension.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Basis {
    stem: [u8; 6],
    stem_len: usize,
    extension: [u8; 3],
}

impl Basis {
    fn of(name: &str) -> Self {
        let (stem, extension) = match name.trim_start_matches(['.', ' ']).rsplit_once('.') {
            Some((stem, extension)) => (stem, extension),
            None => (name, ""),
        };
        let mut basis = Self { stem: [b' '; 6], stem_len: 0, extension: [b' '; 3] };
        for (place, byte) in basis.stem.iter_mut().zip(short_bytes(stem)) {
            *place = byte;
            basis.stem_len += 1;
        }
        for (place, byte) in basis.extension.iter_mut().zip(short_bytes(extension)) {
            *place = byte;
        }
        basis
    }

    /// `STEM~number.EXT`, the stem cut as far as the number asks.
    fn numbered(&self, number: u32) -> [u8; 11] {
        let tail = format!("~{number}");
        let kept = self.stem_len.min(8 - tail.len());
        let mut short = [b' '; 11];
        short[..kept].copy_from_slice(&self.stem[..kept]);
        short[kept..kept + tail.len()].copy_from_slice(tail.as_bytes());
        short[8..].copy_from_slice(&self.extension);
        short
    }
}

/// The characters of `text` as an 8.3 name can hold them; spaces and dots fall out.
fn short_bytes(text: &str) -> impl Iterator<Item = u8> {
    text.chars().filter(|c| !matches!(c, ' ' | '.')).map(|c| {
        let upper = u8::try_from(c).unwrap_or(b'_').to_ascii_uppercase();
        if is_short_byte(upper) { upper } else { b'_' }
    })
}

fn next_numbered(
    basis: Basis,
    taken: &mut HashSet<[u8; 11]>,
    counters: &mut HashMap<Basis, u32>,
) -> [u8; 11] {
    let counter = counters.entry(basis).or_insert(0);
    loop {
        *counter += 1;
        let short = basis.numbered(*counter);
        if taken.insert(short) {
            return short;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_fat_cannot_hold_are_refused() {
        let long = "ä".repeat(256);
        let bad = [
            "",
            ".",
            "..",
            "a.",
            "a ",
            "a/b",
            "a\\b",
            "a:b",
            "a*",
            "a?",
            "a\"",
            "a<",
            "a>",
            "a|",
            "a\n",
            "a\u{7f}",
            "a\u{85}",
            "con",
            "Con.txt",
            "NUL",
            "nul.tar.gz",
            "com1",
            "LPT9.x",
            "COM²",
            "CONIN$",
            "aux .txt",
            &long,
        ];
        for name in bad {
            assert!(fault(name).is_some(), "{name:?} passed");
        }
        let longest = "𝄞".repeat(127) + "x";
        let good =
            [" a", ".a", "a b", "+,;=[]", "console", "com", "com10", "comx", "日本", &longest];
        for name in good {
            assert_eq!(fault(name), None, "{name:?}");
        }
    }

    #[test]
    fn fold_makes_one_of_what_differs_in_case() {
        for (a, b) in [("README", "readme"), ("ÄÖ", "äö"), ("ΣΑΣ", "σας"), ("ДОМ", "дом")]
        {
            assert_eq!(fold(a), fold(b));
        }
        assert_ne!(fold("straße"), fold("strasse"));
        assert_ne!(fold("a"), fold("ä"));
    }

    #[test]
    fn short_names_are_the_ones_dos_tools_expect() {
        let names = [
            "A.B.C",
            "LONGFI~1.TXT",
            "Long file name.txt",
            "Long fix.txt",
            "README",
            "a",
            "lower.txt",
            "x+y",
            ".hidden",
            "日本.txt",
            "no ext",
        ];
        let shorts: Vec<String> = short_names(&names)
            .iter()
            .map(|s| String::from_utf8(s.to_vec()).expect("ASCII"))
            .collect();
        let expected = [
            "AB~1    C  ",
            "LONGFI~1TXT",
            "LONGFI~2TXT",
            "LONGFI~3TXT",
            "README     ",
            "A          ",
            "LOWER   TXT",
            "X_Y~1      ",
            "HIDDEN~1   ",
            "__~1    TXT",
            "NOEXT~1    ",
        ];
        assert_eq!(shorts, expected);
        let long: Vec<bool> =
            names.iter().zip(short_names(&names)).map(|(n, s)| needs_long(n, &s)).collect();
        assert_eq!(long, [true, false, true, true, false, true, true, true, true, true, true]);
    }

    #[test]
    fn short_names_stay_unique_in_a_full_directory() {
        let names: Vec<String> = (0..20_000).map(|n| format!("one common beginning {n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let unique: HashSet<_> = short_names(&names).into_iter().collect();
        assert_eq!(unique.len(), names.len());
        assert!(unique.contains(b"ONEC~999   ") && unique.contains(b"ON~19999   "));
    }
}
