//! The file allocation tables of a volume, for writing: free clusters, chains, the summary.

use std::collections::BTreeSet;
use std::ops::Range;

use super::geometry::ROOT_CLUSTER;
use super::reader::{Chain, ReadFileError, Volume};
use crate::device::DeviceError;

/// Bytes of a FAT that are read or written at a time.
const WINDOW_BYTES: u64 = 64 << 10;
/// Bytes of one entry.
const ENTRY_BYTES: u64 = 4;
/// What a FAT says at the last cluster of a chain.
pub(super) const END: u32 = 0x0FFF_FFFF;
/// The bits of an entry that belong to no cluster number stay as they are.
const RESERVED_BITS: u32 = 0xF000_0000;

/// The tables of a volume.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) volume: Volume<'a>,
    /// Stretches of the device that no file may be given.
    pub(super) kept: &'a [Range<u64>],
}

impl Table<'_> {
    /// Whether a cluster reaches into what is kept.
    pub(super) fn is_kept(&self, cluster: u32) -> bool {
        let start = self.volume.cluster_offset(cluster);
        let end = start + self.volume.cluster_bytes;
        self.kept.iter().any(|kept| start < kept.end && kept.start < end)
    }

    /// The first `count` free clusters, or how many there are if they are fewer.
    ///
    /// On a stick that was pulled out a cluster may be free by the table and yet be a file's: one
    /// that a name begins in, as `begun` says, or that the cluster before leads to. To give it to
    /// another file as well would mix the two up.
    pub(super) fn free(
        &self,
        count: u64,
        begun: &BTreeSet<u32>,
    ) -> Result<Result<Vec<Range<u32>>, u64>, DeviceError> {
        let mut runs: Vec<Range<u32>> = vec![];
        let (mut found, mut led_to) = (0, 0);
        self.each_entry(&mut |cluster, value| {
            let claimed = led_to == cluster || begun.contains(&cluster);
            led_to = value;
            if value != 0 || claimed || self.is_kept(cluster) || found == count {
                return found == count;
            }
            found += 1;
            match runs.last_mut() {
                Some(run) if run.end == cluster => run.end += 1,
                _ => runs.push(cluster..cluster + 1),
            }
            false
        })?;
        Ok(if found == count { Ok(runs) } else { Err(found) })
    }

    /// Show each cluster and its entry to `visit`, until that returns true.
    fn each_entry(&self, visit: &mut dyn FnMut(u32, u32) -> bool) -> Result<(), DeviceError> {
        let end = ROOT_CLUSTER + self.volume.clusters;
        let mut bytes = vec![];
        let mut cluster = ROOT_CLUSTER;
        while cluster < end {
            let count = u64::from(end - cluster).min(WINDOW_BYTES / ENTRY_BYTES);
            bytes.resize(usize::try_from(count * ENTRY_BYTES).expect("a window"), 0);
            let offset = self.volume.fat_offset + u64::from(cluster) * ENTRY_BYTES;
            self.volume.device.read_at(offset, &mut bytes)?;
            for entry in bytes.as_chunks().0 {
                if visit(cluster, u32::from_le_bytes(*entry) & !RESERVED_BITS) {
                    return Ok(());
                }
                cluster += 1;
            }
        }
        Ok(())
    }

    /// The clusters of a chain, all of them; damage is what has more than the volume, or kept ones.
    pub(super) fn chain(&self, path: &str, first: u32) -> Result<Vec<Range<u32>>, ReadFileError> {
        let mut runs: Vec<Range<u32>> = vec![];
        if first == 0 {
            return Ok(runs);
        }
        let mut chain = Chain::from(self.volume, path, first);
        for _ in 0..=self.volume.clusters {
            let Some(cluster) = chain.next_cluster()? else { return Ok(runs) };
            if self.is_kept(cluster) {
                let reason = format!("cluster {cluster} lies where the medium's own files are");
                return Err(chain.damaged(reason));
            }
            match runs.last_mut() {
                Some(run) if run.end == cluster => run.end += 1,
                _ => runs.push(cluster..cluster + 1),
            }
        }
        Err(chain.damaged("it never ends".to_owned()))
    }

    /// Chain these runs one after the other, the last one ending.
    pub(super) fn link(&self, runs: &[Range<u32>]) -> Result<(), DeviceError> {
        for (nth, run) in runs.iter().enumerate() {
            let after = runs.get(nth + 1).map_or(END, |next| next.start);
            let value = |cluster| if cluster + 1 == run.end { after } else { cluster + 1 };
            self.set(run.clone(), &value)?;
        }
        Ok(())
    }

    /// Give back the clusters of these runs.
    pub(super) fn release(&self, runs: &[Range<u32>]) -> Result<(), DeviceError> {
        runs.iter().try_for_each(|run| self.set(run.clone(), &|_| 0))
    }

    /// Write the entries of neighbouring clusters: into the last table first, the one that is read
    /// comes last.
    pub(super) fn set(
        &self,
        clusters: Range<u32>,
        value: &dyn Fn(u32) -> u32,
    ) -> Result<(), DeviceError> {
        let mut bytes = vec![];
        for copy in (0..self.volume.fats).rev() {
            let mut cluster = clusters.start;
            while cluster < clusters.end {
                let count = u64::from(clusters.end - cluster).min(WINDOW_BYTES / ENTRY_BYTES);
                bytes.resize(usize::try_from(count * ENTRY_BYTES).expect("a window"), 0);
                let table = self.volume.fat_offset + copy * self.volume.fat_bytes;
                let offset = table + u64::from(cluster) * ENTRY_BYTES;
                self.volume.device.read_at(offset, &mut bytes)?;
                for entry in bytes.as_chunks_mut().0 {
                    let kept = u32::from_le_bytes(*entry) & RESERVED_BITS;
                    *entry = (kept | value(cluster)).to_le_bytes();
                    cluster += 1;
                }
                self.volume.device.write_at(offset, &bytes)?;
            }
        }
        Ok(())
    }

    /// Free bytes, by what the table says.
    pub(super) fn free_bytes(&self) -> Result<u64, DeviceError> {
        let mut free = 0;
        self.each_entry(&mut |cluster, value| {
            free += u64::from(value == 0 && !self.is_kept(cluster));
            false
        })?;
        Ok(free * self.volume.cluster_bytes)
    }

    /// Tell the volume's summary that so many clusters fewer, or more, are free.
    ///
    /// It is a hint that systems show; a summary that is none, or out of range, stays as it is.
    pub(super) fn summarise(&self, taken: i64) -> Result<(), DeviceError> {
        let Some(offset) = self.volume.summary.filter(|_| taken != 0) else { return Ok(()) };
        let mut sector = [0; 512];
        self.volume.device.read_at(offset, &mut sector)?;
        let word = |at: usize| u32::from_le_bytes(*sector[at..].first_chunk().expect("a sector"));
        let is_summary = sector.starts_with(b"RRaA") && sector[484..].starts_with(b"rrAa");
        let free = i64::from(word(488)) - taken;
        let free = u32::try_from(free).ok().filter(|free| *free <= self.volume.clusters);
        let Some(free) = free.filter(|_| is_summary) else { return Ok(()) };
        sector[488..492].copy_from_slice(&free.to_le_bytes());
        self.volume.device.write_at(offset, &sector)
    }
}
