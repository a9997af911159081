//! A mounted or copied writable area whose read-only area isn't there: only looked at.

use std::path::Path;

use super::medium::{is_writable_area, read_only_areas_of};
use super::{Exit, Explain, Failure, Tell};
use crate::device::{
    Access, Device, FileDevice, Joined, Machine, MemoryDevice, MountedTree, OpenError,
};
use crate::fat::Exchange;
use crate::image::layout::{
    ACCESS_BYTES, ACCESS_PATHS, ALIGN_BYTES, JOURNAL_MAX_BYTES, JOURNAL_PATHS, RING_BYTES,
    RING_PATHS,
};
use crate::phrases;
use crate::wallet::Alone;
use crate::words::Phrase;

phrases! {
    fn no_journal() {
        en: "the journal is damaged: neither SCRIP/JOURNAL.A nor SCRIP/JOURNAL.B is there",
        ja: "取引記録が壊れています：SCRIP/JOURNAL.AもSCRIP/JOURNAL.Bもありません",
    }
    fn cut_off(lengths) {
        en: "the journal is damaged: its copies are of {lengths}, of which neither is a whole number \
             of MiB up to 64",
        ja: "取引記録が壊れています：写しの長さが{lengths}で、どちらも1〜64メビバイトの整数ではありません",
    }
    fn differ(lengths) {
        en: "the journal is damaged: its copies are of {lengths}, so one is cut off",
        ja: "取引記録が壊れています：写しの長さが{lengths}と異なり、一方が途中で切れています",
    }
    fn bytes(first, second) { en: "{first} and {second} bytes", ja: "{first}と{second}バイト" }
}

/// The files of a writable area alone; nothing is written.
pub struct WritableArea {
    tree: MountedTree,
    files: Joined<Box<dyn Device>>,
    journal_bytes: u64,
}

impl WritableArea {
    /// The writable area at a path, if one is there and its read-only area isn't.
    pub fn find(path: &Path) -> Result<Option<MountedTree>, Failure> {
        let Ok(path) = path.canonicalize() else { return Ok(None) };
        if !is_writable_area(&path) {
            return Ok(None);
        }
        let machine = Machine::observe(Path::new("/")).or_exit(Exit::Failure)?;
        let alone = read_only_areas_of(&path, &machine).is_empty();
        Ok(alone.then(|| MountedTree::at(&path)))
    }

    /// Open its files; of a pair, one that is missing or cut off is done without.
    pub fn open(tree: MountedTree) -> Result<Self, Failure> {
        let journals = [opened(&tree, JOURNAL_PATHS[0])?, opened(&tree, JOURNAL_PATHS[1])?];
        let journal_bytes = length([0, 1].map(|copy| journals[copy].as_ref().map(len)))?;
        let mut files: Vec<Box<dyn Device>> = vec![];
        files.extend(journals.into_iter().map(|file| whole(file, journal_bytes)));
        for (paths, length) in [(ACCESS_PATHS, ACCESS_BYTES), (RING_PATHS, RING_BYTES)] {
            for path in paths {
                files.push(whole(opened(&tree, path)?, length));
            }
        }
        Ok(Self { tree, files: Joined::new(files), journal_bytes })
    }

    /// What it claims; damaged is what contradicts itself.
    pub fn read(&self) -> Result<Alone, Failure> {
        Alone::read(&self.files, self.journal_bytes).or_tell()
    }

    /// The length of a copy of its journal.
    pub fn journal_bytes(&self) -> u64 {
        self.journal_bytes
    }

    /// Its OUTBOX and INBOX, to look into.
    pub fn exchange(&self) -> Exchange<'static> {
        Exchange::mounted(self.tree.clone())
    }
}

fn len(file: &FileDevice) -> u64 {
    file.len_bytes()
}

/// A file of the area; some systems show FAT's names in lower case, and some of them mind.
fn opened(tree: &MountedTree, path: &str) -> Result<Option<FileDevice>, Failure> {
    for path in [path, &path.to_ascii_lowercase()] {
        match FileDevice::open(&tree.place_of(path), Access::Read) {
            Err(OpenError::Missing { .. }) => {}
            opened => return opened.map(Some).or_tell(),
        }
    }
    Ok(None)
}

/// A file as it was laid out; one that is missing or of another length reads as empty, and the
/// other one of its pair stands in for it.
fn whole(file: Option<FileDevice>, length: u64) -> Box<dyn Device> {
    match file {
        Some(file) if file.len_bytes() == length => Box::new(file),
        _ => Box::new(MemoryDevice::zeroed(usize::try_from(length).expect("at most 64 MiB"))),
    }
}

/// The length of the journal's copies, which the read-only area would state.
fn length(found: [Option<u64>; 2]) -> Result<u64, Failure> {
    let fits = |bytes: &u64| {
        (ALIGN_BYTES..=JOURNAL_MAX_BYTES).contains(bytes) && bytes.is_multiple_of(ALIGN_BYTES)
    };
    let shown = || bytes(found[0].unwrap_or(0), found[1].unwrap_or(0));
    let damaged = |message: Phrase| Err(Failure::new(Exit::Damage, message));
    match found.map(|length| length.filter(fits)) {
        [Some(first), Some(second)] if first != second => damaged(differ(shown())),
        [Some(bytes), _] | [None, Some(bytes)] => Ok(bytes),
        [None, None] if found == [None, None] => damaged(no_journal()),
        [None, None] => damaged(cut_off(shown())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_was_cut_off_is_not_read_as_a_shorter_journal() {
        const MIB: u64 = 1 << 20;
        let told = |found| length(found).map_err(|failure| failure.message().to_owned());
        assert_eq!(told([Some(4 * MIB), Some(4 * MIB)]), Ok(4 * MIB));
        assert_eq!(told([None, Some(MIB)]), Ok(MIB));
        assert_eq!(told([Some(2 * MIB), Some(MIB + 7)]), Ok(2 * MIB));
        let bad =
            [[None, None], [Some(0), None], [Some(65 * MIB), None], [Some(MIB), Some(2 * MIB)]];
        for found in bad {
            let message = told(found).unwrap_err();
            assert!(message.starts_with("the journal is damaged: "), "{message}");
        }
    }
}
