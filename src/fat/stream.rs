//! Filling any range of a planned volume.

use std::io;

use super::geometry::ROOT_CLUSTER;
use super::layout::{Run, Source};
use super::plan::{Plan, Role};

/// Entries 0 and 1 of a FAT: the medium's type, and a volume that was cleanly unmounted.
const FAT_HEAD: [u32; 2] = [0x0FFF_FFF8, 0x0FFF_FFFF];

/// Where the bytes of files come from.
pub trait Contents: Sync {
    /// Fill `buf` with the bytes at `offset` of the file of index `file` in [`Plan::files`].
    /// Never asked beyond a file's length, nor for a reserve file.
    fn read_at(&self, file: usize, offset: u64, buf: &mut [u8]) -> io::Result<()>;
}

/// Contents where none are asked for.
struct NoContents;

impl Contents for NoContents {
    fn read_at(&self, _file: usize, _offset: u64, _buf: &mut [u8]) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Why a range of a volume could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The range does not lie inside the volume.
    #[error("bytes {offset} to {end} lie outside a volume of {volume_bytes} bytes")]
    OutOfRange {
        /// First byte asked for.
        offset: u64,
        /// One past the last byte asked for.
        end: u64,
        /// Length of the volume.
        volume_bytes: u64,
    },
    /// A file's bytes could not be had.
    #[error("reading {count} bytes at {offset} of {path}: {source}")]
    Contents {
        /// The file.
        path: String,
        /// First byte asked for.
        offset: u64,
        /// How many bytes.
        count: usize,
        /// What went wrong.
        source: io::Error,
    },
}

impl Plan {
    /// Fill `buf` with the bytes of the volume from `offset` on.
    ///
    /// Each stretch of a file in the range is asked for in one call.
    pub fn read_at(
        &self,
        offset: u64,
        buf: &mut [u8],
        contents: &dyn Contents,
    ) -> Result<(), ReadError> {
        let volume_bytes = self.geometry.volume_bytes();
        let end = offset.saturating_add(buf.len() as u64);
        if end > volume_bytes {
            return Err(ReadError::OutOfRange { offset, end, volume_bytes });
        }
        let [first_fat, second_fat] = self.geometry.fat_offsets();
        let mut areas = Areas { at: offset, rest: buf };
        if let Some((at, part)) = areas.before(first_fat) {
            copy_padded(&self.reserved, at, part);
        }
        for (start, end) in [(first_fat, second_fat), (second_fat, self.geometry.data_offset())] {
            if let Some((at, part)) = areas.before(end) {
                self.fill_fat(at - start, part);
            }
        }
        match areas.before(u64::MAX) {
            Some((at, part)) => self.fill_data(at, part, contents),
            None => Ok(()),
        }
    }

    /// Fill `buf` with the bytes from `offset` on, where no file's data lies.
    ///
    /// The range has to lie inside one of [`Plan::metadata_ranges`].
    pub fn read_metadata(&self, offset: u64, buf: &mut [u8]) {
        self.read_at(offset, buf, &NoContents).expect("the range holds metadata alone");
    }

    /// Fill `buf` with the bytes of one copy of the FAT from `offset` in it on.
    pub(super) fn fill_fat(&self, offset: u64, buf: &mut [u8]) {
        let head = (offset.next_multiple_of(4) - offset).min(buf.len() as u64);
        let (head, rest) = buf.split_at_mut(usize::try_from(head).expect("below 4"));
        let mut entry = u32::try_from(offset / 4).expect("a FAT has below 2^28 entries");
        if !head.is_empty() {
            let from = usize::try_from(offset % 4).expect("below 4");
            head.copy_from_slice(&self.fat_bytes_of(entry)[from..from + head.len()]);
            entry += 1;
        }
        let (whole, tail) = rest.as_chunks_mut::<4>();
        self.fill_entries(entry, whole);
        if !tail.is_empty() {
            let last = self.fat_bytes_of(entry + u32::try_from(whole.len()).expect("as above"));
            tail.copy_from_slice(&last[..tail.len()]);
        }
    }

    fn fat_bytes_of(&self, entry: u32) -> [u8; 4] {
        let mut bytes = [[0; 4]];
        self.fill_entries(entry, &mut bytes);
        bytes[0]
    }

    /// Fill `out` with the FAT's entries from `entry` on.
    fn fill_entries(&self, entry: u32, out: &mut [[u8; 4]]) {
        out.fill([0; 4]);
        let end = entry + u32::try_from(out.len()).expect("a FAT has below 2^28 entries");
        let mut put = |at: u32, value: u32| out[(at - entry) as usize] = value.to_le_bytes();
        for (at, value) in (0..).zip(FAT_HEAD) {
            if (entry..end).contains(&at) {
                put(at, value);
            }
        }
        for run in &self.runs[self.first_run_after(entry)..] {
            if run.first >= end {
                break;
            }
            for at in run.first.max(entry)..(run.end - 1).min(end) {
                put(at, at + 1);
            }
            if (entry..end).contains(&(run.end - 1)) {
                put(run.end - 1, run.next);
            }
        }
    }

    /// Index of the first run that ends after `cluster`.
    fn first_run_after(&self, cluster: u32) -> usize {
        self.runs.partition_point(|run| run.end <= cluster)
    }

    /// Fill `buf` with the bytes of the data area from `offset` in the volume on.
    fn fill_data(
        &self,
        offset: u64,
        buf: &mut [u8],
        contents: &dyn Contents,
    ) -> Result<(), ReadError> {
        let within = (offset - self.geometry.data_offset()) / self.geometry.cluster_bytes();
        let cluster = u32::try_from(within).expect("inside the volume") + ROOT_CLUSTER;
        let mut areas = Areas { at: offset, rest: buf };
        for run in &self.runs[self.first_run_after(cluster)..] {
            let start = self.geometry.cluster_offset(run.first);
            if let Some((_, free)) = areas.before(start) {
                free.fill(0);
            }
            let end = self.geometry.cluster_offset(run.end);
            match areas.before(end) {
                Some((at, part)) => self.fill_run(run, at - start, part, contents)?,
                None => break,
            }
        }
        areas.rest.fill(0);
        Ok(())
    }

    /// Fill `buf` with what `run` holds from `offset` in it on.
    fn fill_run(
        &self,
        run: &Run,
        offset: u64,
        buf: &mut [u8],
        contents: &dyn Contents,
    ) -> Result<(), ReadError> {
        match run.source {
            Source::Directory(at) => {
                let records = &self.records[self.directories()[at].records.clone()];
                copy_padded(records, offset, buf);
            }
            Source::File(at) => return self.fill_file(at, offset, buf, contents),
            Source::Reserve(_) => buf.fill(0),
        }
        Ok(())
    }

    fn fill_file(
        &self,
        at: usize,
        offset: u64,
        buf: &mut [u8],
        contents: &dyn Contents,
    ) -> Result<(), ReadError> {
        let file = &self.files()[at];
        debug_assert_eq!(file.role, Role::Content);
        let mut areas = Areas { at: offset, rest: buf };
        if let Some((_, part)) = areas.before(file.size_bytes) {
            contents.read_at(at, offset, part).map_err(|source| {
                let (path, count) = (file.path.clone(), part.len());
                ReadError::Contents { path, offset, count, source }
            })?;
        }
        areas.rest.fill(0);
        Ok(())
    }
}

/// A range of bytes still to be filled, cut off area by area.
struct Areas<'a> {
    at: u64,
    rest: &'a mut [u8],
}

impl<'a> Areas<'a> {
    /// The part that lies before `end`, with its offset; `None` if there is none.
    fn before(&mut self, end: u64) -> Option<(u64, &'a mut [u8])> {
        let room = usize::try_from(end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let whole = std::mem::take(&mut self.rest);
        let (part, rest) = whole.split_at_mut(room.min(whole.len()));
        self.rest = rest;
        let at = self.at;
        self.at += part.len() as u64;
        (!part.is_empty()).then_some((at, part))
    }
}

/// Copy `source` from `offset` on into `buf`, and zeros after its end.
fn copy_padded(source: &[u8], offset: u64, buf: &mut [u8]) {
    let rest = usize::try_from(offset).ok().and_then(|at| source.get(at..)).unwrap_or(&[]);
    let count = rest.len().min(buf.len());
    buf[..count].copy_from_slice(&rest[..count]);
    buf[count..].fill(0);
}
