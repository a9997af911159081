//! Players: programs that an edition carries for the computers it may be put into.

use std::path::PathBuf;

use crate::device::{SourceFile, TreeError};

/// How much of a program is looked at.
const HEAD_BYTES: u64 = 64 << 10;
const ELF_HEADER_BYTES: usize = 64;
const PROGRAM_HEADER_BYTES: usize = 56;
/// Program header that names the loader of a dynamically linked program.
const PT_INTERP: u32 = 3;
const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;
const EM_X86_64: u16 = 62;
const EM_AARCH64: u16 = 183;

/// What a player runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// Linux on a 64-bit PC.
    LinuxX86_64,
    /// Linux on 64-bit ARM.
    LinuxAarch64,
    /// Windows on a 64-bit PC.
    WindowsX86_64,
    /// macOS on any of its processors.
    MacosUniversal,
}

/// Why a file is no player for its platform.
#[derive(Debug, thiserror::Error)]
pub enum PlayerError {
    /// The file could not be read.
    #[error("player for {platform}: {source}", platform = platform.word())]
    File {
        /// For what.
        platform: Platform,
        /// What is wrong.
        source: TreeError,
    },
    /// Its first bytes could not be read.
    #[error("player for {platform}: reading {}: {source}", path.display(), platform = platform.word())]
    Read {
        /// For what.
        platform: Platform,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A program of another kind.
    #[error(
        "player for {platform}: {} is {found}, expected {expected}",
        path.display(), platform = platform.word()
    )]
    Kind {
        /// For what.
        platform: Platform,
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// It needs libraries that other computers may not have.
    #[error(
        "player for {platform}: {} is dynamically linked: it needs {loader} and the libraries of the \
         computer it was built on, which another computer may not have",
        path.display(), platform = platform.word()
    )]
    Dynamic {
        /// For what.
        platform: Platform,
        /// The file.
        path: PathBuf,
        /// The loader that it names.
        loader: String,
    },
}

impl Platform {
    /// All platforms.
    pub const ALL: [Self; 4] =
        [Self::LinuxX86_64, Self::LinuxAarch64, Self::WindowsX86_64, Self::MacosUniversal];

    /// The word for it, which names its folder too.
    pub fn word(self) -> &'static str {
        match self {
            Self::LinuxX86_64 => "linux-x86_64",
            Self::LinuxAarch64 => "linux-aarch64",
            Self::WindowsX86_64 => "windows-x86_64",
            Self::MacosUniversal => "macos-universal",
        }
    }

    /// The platform of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|platform| platform.word() == word)
    }

    /// Where its player lies, relative to the top of the read-only area.
    pub fn player_path(self) -> String {
        let ending = if self == Self::WindowsX86_64 { ".exe" } else { "" };
        format!("players/{}/scrip-wallet{ending}", self.word())
    }
}

/// Refuse a file that is no program for `platform` or won't run on any computer of it.
pub fn check(platform: Platform, file: &SourceFile) -> Result<(), PlayerError> {
    let path = || file.path().to_path_buf();
    let count = file.len_bytes().min(HEAD_BYTES);
    let mut head = vec![0; usize::try_from(count).expect("at most 64 KiB")];
    file.read_at(0, &mut head).map_err(|source| PlayerError::Read {
        platform,
        path: path(),
        source,
    })?;
    let (expected, found) = match platform {
        Platform::LinuxX86_64 => ("a Linux program for x86-64", elf(&head, EM_X86_64)),
        Platform::LinuxAarch64 => ("a Linux program for aarch64", elf(&head, EM_AARCH64)),
        Platform::WindowsX86_64 => ("a Windows program (MZ)", magic(&head, &[b"MZ"])),
        Platform::MacosUniversal => {
            ("a macOS program (Mach-O)", magic(&head, &[b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe"]))
        }
    };
    match found {
        Ok(()) => Ok(()),
        Err(Unfit::Kind(found)) => {
            Err(PlayerError::Kind { platform, path: path(), found, expected })
        }
        Err(Unfit::Dynamic(loader)) => Err(PlayerError::Dynamic { platform, path: path(), loader }),
    }
}

/// Why a program's head is not what it should be.
#[derive(Debug, PartialEq, Eq)]
enum Unfit {
    Kind(String),
    Dynamic(String),
}

fn magic(head: &[u8], wanted: &[&[u8]]) -> Result<(), Unfit> {
    if wanted.iter().any(|magic| head.starts_with(magic)) {
        return Ok(());
    }
    let first: Vec<_> = head.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    Err(Unfit::Kind(format!("a file that begins with {}", first.join(" "))))
}

/// A statically linked program for `machine` (System V ABI, ELF header and program headers).
fn elf(head: &[u8], machine: u16) -> Result<(), Unfit> {
    magic(head, &[b"\x7fELF"])?;
    let kind = |found: &str| Unfit::Kind(found.to_owned());
    let header = head.get(..ELF_HEADER_BYTES).ok_or_else(|| kind("a truncated program"))?;
    if header[4..6] != [2, 1] {
        return Err(kind("a program that isn't 64-bit little-endian"));
    }
    let found = u16_at(header, 18);
    if found != machine {
        return Err(Unfit::Kind(format!("a program for {}", machine_name(found))));
    }
    let entry = u64_at(header, 24);
    if !matches!(u16_at(header, 16), ET_EXEC | ET_DYN) || entry == 0 {
        return Err(kind("a library or an object file, without a place to start"));
    }
    for number in 0..usize::from(u16_at(header, 56)) {
        let segment = program_header(head, number).ok_or_else(|| kind("a damaged program"))?;
        if u32_at(segment, 0) == PT_INTERP {
            return Err(Unfit::Dynamic(loader(head, segment)));
        }
    }
    Ok(())
}

fn program_header(head: &[u8], number: usize) -> Option<&[u8]> {
    let (start, size) = (u64_at(head, 32), usize::from(u16_at(head, 54)));
    let at = usize::try_from(start).ok()?.checked_add(number.checked_mul(size)?)?;
    head.get(at..)?.get(..PROGRAM_HEADER_BYTES).filter(|_| size >= PROGRAM_HEADER_BYTES)
}

/// The path in the segment that names a loader.
fn loader(head: &[u8], segment: &[u8]) -> String {
    let at = usize::try_from(u64_at(segment, 8)).ok();
    let bytes = at.and_then(|at| head.get(at..)).unwrap_or_default();
    let path: Vec<u8> = bytes.iter().copied().take(200).take_while(|byte| *byte != 0).collect();
    if path.is_empty() { "a loader".to_owned() } else { path.escape_ascii().to_string() }
}

fn machine_name(machine: u16) -> String {
    match machine {
        3 => "32-bit x86".to_owned(),
        40 => "32-bit ARM".to_owned(),
        EM_X86_64 => "x86-64".to_owned(),
        EM_AARCH64 => "aarch64".to_owned(),
        243 => "RISC-V".to_owned(),
        other => format!("machine {other}"),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of `segments`, whose loader's path stands at 300.
    fn program(kind: u16, machine: u16, segments: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0; 400];
        let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
        put(0, b"\x7fELF\x02\x01\x01");
        put(16, &kind.to_le_bytes());
        put(18, &machine.to_le_bytes());
        put(24, &4096_u64.to_le_bytes());
        put(32, &64_u64.to_le_bytes());
        put(54, &56_u16.to_le_bytes());
        put(56, &u16::try_from(segments.len()).unwrap().to_le_bytes());
        for (at, segment) in (64..).step_by(56).zip(segments) {
            put(at, &segment.to_le_bytes());
            put(at + 8, &300_u64.to_le_bytes());
        }
        put(300, b"/lib64/ld-linux-x86-64.so.2\0");
        bytes
    }

    #[test]
    fn static_programs_pass_and_dynamic_ones_name_their_loader() {
        let static_pie = program(ET_DYN, EM_X86_64, &[1, 2, 6]);
        for good in [program(ET_EXEC, EM_X86_64, &[1]), static_pie] {
            assert_eq!(elf(&good, EM_X86_64), Ok(()));
        }
        let dynamic = elf(&program(ET_DYN, EM_X86_64, &[6, PT_INTERP, 1]), EM_X86_64);
        assert_eq!(dynamic, Err(Unfit::Dynamic("/lib64/ld-linux-x86-64.so.2".to_owned())));
    }

    #[test]
    fn other_programs_are_named() {
        let words = |bytes: &[u8]| match elf(bytes, EM_X86_64) {
            Err(Unfit::Kind(found)) => found,
            other => panic!("{other:?}"),
        };
        assert_eq!(words(&program(ET_EXEC, EM_AARCH64, &[1])), "a program for aarch64");
        assert_eq!(words(&program(ET_EXEC, 8, &[1])), "a program for machine 8");
        assert_eq!(words(b"#!/bin/sh\n"), "a file that begins with 23 21 2f 62");
        assert_eq!(words(b""), "a file that begins with ");
        assert!(words(&program(1, EM_X86_64, &[1])).starts_with("a library or an object file"));
        let mut half = program(ET_EXEC, EM_X86_64, &[1; 4]);
        half.truncate(200);
        assert_eq!(words(&half), "a damaged program");
        half.truncate(63);
        assert_eq!(words(&half), "a truncated program");
    }

    #[test]
    fn a_damaged_head_never_panics() {
        let whole = program(ET_DYN, EM_X86_64, &[1, PT_INTERP]);
        for place in 0..whole.len() {
            for value in [0x00, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[place] = value;
                let _ = elf(&bytes, EM_X86_64);
                let _ = elf(&bytes[..place], EM_X86_64);
            }
        }
    }

    #[test]
    fn platforms_name_their_players() {
        let paths = Platform::ALL.map(Platform::player_path);
        assert_eq!(paths[0], "players/linux-x86_64/scrip-wallet");
        assert_eq!(paths[2], "players/windows-x86_64/scrip-wallet.exe");
        assert!(Platform::ALL.iter().all(|p| Platform::of_word(p.word()) == Some(*p)));
        assert_eq!(Platform::of_word("linux"), None);
    }
}
