//! Which clusters hold what: stretches of the data area handed out in order.

use std::ops::Range;

use super::geometry::{Geometry, ROOT_CLUSTER};

/// End-of-chain mark in the FAT.
pub(super) const END_OF_CHAIN: u32 = 0x0FFF_FFFF;

/// A stretch of clusters, and what they hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Its first cluster.
    pub(super) first: u32,
    /// One past its last cluster.
    pub(super) end: u32,
    /// What the FAT says at the last cluster: where the chain goes on, or that it ends.
    pub(super) next: u32,
    /// What the clusters hold.
    pub(super) source: Source,
}

/// Where the bytes of a run come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// The directory of this index.
    Directory(usize),
    /// The file of this index.
    File(usize),
    /// Zeros that belong to the reserve file of this index.
    Reserve(usize),
}

/// Hands out the clusters of a data area.
pub(super) struct Allocator {
    gaps: Vec<Range<u32>>,
    skipped: Vec<Range<u32>>,
    align: u32,
}

impl Allocator {
    /// All clusters but the `placed` stretches, which are sorted and disjoint.
    pub(super) fn around(geometry: &Geometry, placed: &[Range<u32>]) -> Self {
        let starts = std::iter::once(ROOT_CLUSTER).chain(placed.iter().map(|run| run.end));
        let ends = placed.iter().map(|run| run.start).chain([geometry.cluster_end()]);
        let gaps = starts.zip(ends).map(|(start, end)| start..end).collect();
        Self { gaps, skipped: Vec::new(), align: geometry.clusters_per_align() }
    }

    /// The first cluster of the first stretch of `count` that begins on an alignment boundary.
    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        let align = self.align;
        let aligned = |start: u32| (start - ROOT_CLUSTER).next_multiple_of(align) + ROOT_CLUSTER;
        let fits = |gap: &&mut Range<u32>| {
            aligned(gap.start).checked_add(count).is_some_and(|end| end <= gap.end)
        };
        let gap = self.gaps.iter_mut().find(fits)?;
        let first = aligned(gap.start);
        if gap.start < first {
            self.skipped.push(gap.start..first);
        }
        gap.start = first + count;
        Some(first)
    }

    /// All that was not handed out, in ascending order.
    pub(super) fn left(self) -> Vec<Range<u32>> {
        let mut left = self.skipped;
        left.extend(self.gaps.into_iter().filter(|gap| !gap.is_empty()));
        left.sort_unstable_by_key(|range| range.start);
        left
    }
}

/// Chain the stretches `left` into files of at most `clusters_max` each, in ascending order.
///
/// Returns the runs and the number of clusters of each file.
pub(super) fn reserve_runs(left: &[Range<u32>], clusters_max: u32) -> (Vec<Run>, Vec<u32>) {
    let mut runs: Vec<Run> = Vec::with_capacity(left.len());
    let mut sizes = Vec::new();
    let mut room = 0;
    for range in left {
        let mut first = range.start;
        while first < range.end {
            if room == 0 {
                room = clusters_max;
                sizes.push(0);
            } else if let Some(before) = runs.last_mut() {
                before.next = first;
            }
            let count = room.min(range.end - first);
            let (end, source) = (first + count, Source::Reserve(sizes.len() - 1));
            runs.push(Run { first, end, next: END_OF_CHAIN, source });
            if let Some(size) = sizes.last_mut() {
                *size += count;
            }
            room -= count;
            first = end;
        }
    }
    (runs, sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserve_files_split_at_their_limit_and_chain_within_it() {
        let (runs, sizes) = reserve_runs(&[2..5, 9..10, 20..30], 6);
        assert_eq!(sizes, [6, 6, 2]);
        let shown: Vec<_> = runs.iter().map(|r| (r.first, r.end, r.next, r.source)).collect();
        let end = END_OF_CHAIN;
        assert_eq!(
            shown,
            [
                (2, 5, 9, Source::Reserve(0)),
                (9, 10, 20, Source::Reserve(0)),
                (20, 22, end, Source::Reserve(0)),
                (22, 28, end, Source::Reserve(1)),
                (28, 30, end, Source::Reserve(2)),
            ]
        );
    }
}
