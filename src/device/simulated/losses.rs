//! Every state that a loss of power may leave, within bounds, always in the same order.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::contents::{Contents, Sector};
use super::volatile::{Event, Volatile};
use super::{SECTOR, SECTOR_BYTES};
use crate::device::splitmix::SplitMix;

/// How far the states of one stretch between two flushes are listed.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Up to this many subsets of the unflushed sectors are all listed. Where there are more:
    /// prefixes in the order of writing, all but one, only one, and random subsets, each at
    /// most this many. A stretch's list is held in memory: four bytes a sector and state.
    pub states_max: usize,
    /// After how many of its bytes the sector that follows a prefix is torn.
    pub torn_bytes: Vec<usize>,
    /// What may go wrong beside the loss itself, one at a time.
    pub faults: Vec<FaultKind>,
    /// Where the random subsets start from.
    pub seed: u64,
}

/// What a medium may do beside losing unflushed sectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// One flush returned and did nothing.
    LyingFlush,
    /// The erase block of this many bytes around an unflushed write is destroyed, and holds
    /// `fill` wherever no unflushed sector arrived after all.
    EraseBlock {
        /// Length and alignment of an erase block.
        len_bytes: u64,
        /// What an erased cell reads as.
        fill: u8,
    },
    /// Two flushes, one after the other, returned and did nothing.
    TwoLyingFlushes,
    /// One flush did nothing, and after it an erase block around an unflushed write, or around one
    /// that the flush should have kept, was destroyed.
    LyingFlushAndEraseBlock {
        /// Length and alignment of an erase block.
        len_bytes: u64,
        /// What an erased cell reads as.
        fill: u8,
    },
}

/// One loss of power: which of the unflushed sectors arrived, and what else went wrong.
#[derive(Debug, Clone)]
pub struct Loss {
    window: Arc<Window>,
    /// For each unflushed sector the version that arrived, counted from 1; 0 for none.
    kept: Vec<u32>,
    torn: Option<Torn>,
    fault: Option<Fault>,
}

/// What went wrong beside the loss itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The flush at this position did nothing.
    LyingFlush(usize),
    /// These sectors were destroyed, and hold this byte.
    EraseBlock(Range<u64>, u8),
    /// The flush at this position and the one before it did nothing.
    TwoLyingFlushes(usize),
    /// The flush at this position did nothing, and these sectors were destroyed.
    LyingFlushAndEraseBlock(usize, Range<u64>, u8),
}

#[derive(Debug, Clone, Copy)]
struct Torn {
    pending: usize,
    version: u32,
    bytes: usize,
}

/// A stretch without an effective flush, at the end of which the power goes.
#[derive(Debug)]
struct Window {
    durable: Contents,
    /// Events before the loss.
    at: usize,
    /// Flushes since then that did nothing.
    lied: Option<Fault>,
    pending: Vec<Pending>,
    /// Index and version of each unflushed sector, in the order of writing.
    order: Vec<(usize, u32)>,
}

#[derive(Debug)]
struct Pending {
    sector: u64,
    versions: Vec<Sector>,
}

impl Default for Bounds {
    fn default() -> Self {
        let erase = |len_bytes| FaultKind::EraseBlock { len_bytes, fill: 0xFF };
        Self {
            states_max: 256,
            torn_bytes: vec![16, 256, 500],
            faults: vec![FaultKind::LyingFlush, erase(128 << 10), erase(4 << 20)],
            seed: 1,
        }
    }
}

impl Bounds {
    /// Every fault beyond what media are thought to do in one stretch between two losses: two at
    /// once.
    #[must_use]
    pub fn beyond(self) -> Self {
        let both = |len_bytes| FaultKind::LyingFlushAndEraseBlock { len_bytes, fill: 0xFF };
        let faults = vec![FaultKind::TwoLyingFlushes, both(128 << 10), both(4 << 20)];
        Self { faults, ..self }
    }

    /// No fault beside the loss itself.
    #[must_use]
    pub fn without_faults(self) -> Self {
        Self { faults: Vec::new(), ..self }
    }
}

impl Loss {
    /// Whether more went wrong than one thing beside the loss itself.
    pub fn is_beyond(&self) -> bool {
        let two = |fault: &Fault| {
            matches!(fault, Fault::TwoLyingFlushes(_) | Fault::LyingFlushAndEraseBlock(..))
        };
        self.fault.as_ref().is_some_and(two)
    }

    /// How many sectors were unflushed when the power went.
    pub fn unflushed(&self) -> usize {
        self.kept.len()
    }

    /// How many writes and flushes were done before the power went.
    pub fn at(&self) -> usize {
        self.window.at
    }

    /// What went wrong beside the loss itself.
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// The medium as it is found when the power is back.
    pub fn reopen(&self) -> Volatile {
        let mut contents = self.window.durable.clone();
        if let Some((sectors, fill)) = self.fault.as_ref().and_then(Fault::destroyed) {
            contents.destroy(sectors.clone(), fill);
        }
        for (pending, kept) in self.window.pending.iter().zip(&self.kept) {
            if let Some(version) = kept.checked_sub(1) {
                contents.set(pending.sector, pending.versions[version as usize].clone());
            }
        }
        if let Some(torn) = self.torn {
            let pending = &self.window.pending[torn.pending];
            let mut sector = contents.sector(pending.sector);
            let new = &pending.versions[torn.version as usize - 1];
            sector[..torn.bytes].copy_from_slice(&new.bytes()[..torn.bytes]);
            contents.set(pending.sector, Sector::new(&sector));
        }
        Volatile::started(contents)
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept.iter().filter(|version| **version > 0).count();
        write!(f, "power lost after {} writes and flushes: ", self.window.at)?;
        write!(f, "{kept} of {} unflushed sectors arrived (", self.kept.len())?;
        for (pending, version) in self.window.pending.iter().zip(&self.kept).take(32) {
            write!(f, " {}:{version}", pending.sector)?;
        }
        write!(f, " )")?;
        if let Some(torn) = self.torn {
            let sector = self.window.pending[torn.pending].sector;
            write!(f, ", sector {sector} torn after {} bytes", torn.bytes)?;
        }
        match &self.fault {
            Some(Fault::LyingFlush(at) | Fault::LyingFlushAndEraseBlock(at, ..)) => {
                write!(f, ", flush at {at} did nothing")?;
            }
            Some(Fault::TwoLyingFlushes(at)) => {
                write!(f, ", flush at {at} and the one before it did nothing")?;
            }
            _ => {}
        }
        if let Some((sectors, fill)) = self.fault.as_ref().and_then(Fault::destroyed) {
            write!(f, ", sectors {} to {} became {fill:#04x}", sectors.start, sectors.end)?;
        }
        Ok(())
    }
}

impl Fault {
    /// The sectors that were destroyed, and what they hold.
    fn destroyed(&self) -> Option<(&Range<u64>, u8)> {
        match self {
            Self::EraseBlock(sectors, fill) | Self::LyingFlushAndEraseBlock(_, sectors, fill) => {
                Some((sectors, *fill))
            }
            Self::LyingFlush(_) | Self::TwoLyingFlushes(_) => None,
        }
    }
}

/// The losses of a device that began as `start` and lived through `events`.
pub(super) fn losses_of(
    start: &Contents,
    events: Vec<Event>,
    bounds: &Bounds,
) -> impl Iterator<Item = Loss> + use<> {
    let flushes = events.iter().enumerate().filter(|(_, event)| matches!(event, Event::Flush));
    let flushes: Vec<usize> = flushes.map(|(at, _)| at).collect();
    let bounds = bounds.clone();
    let start = start.clone();
    (0..=flushes.len()).flat_map(move |nth| {
        let end = flushes.get(nth).copied().unwrap_or(events.len());
        let from = |back: usize| nth.checked_sub(back).map_or(0, |nth| flushes[nth] + 1);
        let mut losses = Window::new(&start, &events, from(1), end, None).honest_losses(&bounds);
        for kind in &bounds.faults {
            let (back, erase) = match kind {
                FaultKind::LyingFlush => (2, None),
                FaultKind::TwoLyingFlushes => (3, None),
                FaultKind::LyingFlushAndEraseBlock { len_bytes, fill } => {
                    (2, Some((*len_bytes, *fill)))
                }
                FaultKind::EraseBlock { .. } => continue,
            };
            let Some(last) = nth.checked_sub(1).filter(|_| nth + 1 >= back) else { continue };
            let fault = match back {
                2 => Fault::LyingFlush(flushes[last]),
                _ => Fault::TwoLyingFlushes(flushes[last]),
            };
            let window = Window::new(&start, &events, from(back), end, Some(fault));
            losses.extend(match erase {
                Some((len_bytes, fill)) => window.destroyed(len_bytes, fill, &bounds),
                None => window.arrivals(&bounds),
            });
        }
        losses
    })
}

impl Window {
    /// The stretch of `events` from `from` to `at`, all before it durable.
    fn new(
        start: &Contents,
        events: &[Event],
        from: usize,
        at: usize,
        lied: Option<Fault>,
    ) -> Arc<Self> {
        let mut durable = start.clone();
        for (sector, bytes) in written(&events[..from]) {
            durable.set(*sector, bytes.clone());
        }
        let (mut pending, mut order, mut known) = (Vec::new(), Vec::new(), HashMap::new());
        for (sector, bytes) in written(&events[from..at]) {
            let index = *known.entry(*sector).or_insert(pending.len());
            if index == pending.len() {
                pending.push(Pending { sector: *sector, versions: Vec::new() });
            }
            pending[index].versions.push(bytes.clone());
            let version = u32::try_from(pending[index].versions.len()).expect("few rewrites");
            order.push((index, version));
        }
        Arc::new(Self { durable, at, lied, pending, order })
    }

    fn honest_losses(self: &Arc<Self>, bounds: &Bounds) -> Vec<Loss> {
        let mut losses = self.arrivals(bounds);
        for fault in &bounds.faults {
            if let FaultKind::EraseBlock { len_bytes, fill } = fault {
                losses.extend(self.destroyed(*len_bytes, *fill, bounds));
            }
        }
        losses
    }

    /// Some of what was unflushed arrives, and one sector of it may be torn.
    fn arrivals(self: &Arc<Self>, bounds: &Bounds) -> Vec<Loss> {
        let mut losses = self.subsets(bounds);
        losses.extend(self.tears(bounds));
        losses
    }

    fn loss(self: &Arc<Self>, kept: Vec<u32>) -> Loss {
        Loss { window: Arc::clone(self), kept, torn: None, fault: self.lied.clone() }
    }

    fn subsets(self: &Arc<Self>, bounds: &Bounds) -> Vec<Loss> {
        let subsets = self.all_subsets(bounds.states_max).unwrap_or_else(|| self.some(bounds));
        subsets.into_iter().map(|kept| self.loss(kept)).collect()
    }

    /// Every choice of a version, or none, for every unflushed sector; none if there are more
    /// than `states_max`.
    fn all_subsets(&self, states_max: usize) -> Option<Vec<Vec<u32>>> {
        let versions = self.pending.iter().map(|pending| pending.versions.len());
        let choices: Vec<usize> = versions.map(|versions| versions + 1).collect();
        let count = choices.iter().try_fold(1usize, |count, choices| count.checked_mul(*choices));
        let count = count.filter(|count| *count <= states_max)?;
        let subset = |nth: usize| {
            let mut rest = nth;
            let mut digit = |choices: &usize| {
                let version = rest % choices;
                rest /= choices;
                u32::try_from(version).expect("few rewrites")
            };
            choices.iter().map(&mut digit).collect()
        };
        Some((0..count).map(subset).collect())
    }

    fn some(&self, bounds: &Bounds) -> Vec<Vec<u32>> {
        let max = bounds.states_max;
        let newest = self.prefix(self.order.len());
        let mut random = SplitMix::new(bounds.seed ^ self.at as u64);
        let one = |index: usize, others: &dyn Fn(usize) -> u32, own: u32| {
            let version = |i| if i == index { own } else { others(i) };
            (0..self.pending.len()).map(version).collect::<Vec<u32>>()
        };
        let mut subsets: Vec<Vec<u32>> = Vec::new();
        subsets.extend(spread(self.order.len() + 1, max).map(|len| self.prefix(len)));
        subsets.extend(spread(newest.len(), max).map(|at| one(at, &|i| newest[i], 0)));
        subsets.extend(spread(newest.len(), max).map(|at| one(at, &|_| 0, newest[at])));
        subsets.extend((0..max).map(|_| {
            let choose = |pending: &Pending| random.next() % (pending.versions.len() as u64 + 1);
            let chosen = self.pending.iter().map(choose);
            chosen.map(|version| u32::try_from(version).expect("few rewrites")).collect()
        }));
        subsets
    }

    /// What is kept when the first `len` sector writes arrived, in their order.
    fn prefix(&self, len: usize) -> Vec<u32> {
        let mut kept = vec![0; self.pending.len()];
        for (index, version) in &self.order[..len] {
            kept[*index] = *version;
        }
        kept
    }

    /// Prefixes whose next sector is torn.
    fn tears(self: &Arc<Self>, bounds: &Bounds) -> Vec<Loss> {
        let mut losses = Vec::new();
        for len in spread(self.order.len(), bounds.states_max) {
            let (pending, version) = self.order[len];
            for bytes in bounds.torn_bytes.iter().map(|bytes| (*bytes).min(SECTOR_BYTES)) {
                let torn = Some(Torn { pending, version, bytes });
                losses.push(Loss { torn, ..self.loss(self.prefix(len)) });
            }
        }
        losses
    }

    /// One erase block around an unflushed sector destroyed, with nothing, everything, or some
    /// of what was unflushed arriving after all.
    fn destroyed(self: &Arc<Self>, len_bytes: u64, fill: u8, bounds: &Bounds) -> Vec<Loss> {
        let per_block = len_bytes.div_ceil(SECTOR).max(1);
        let blocks = self.pending.iter().map(|pending| pending.sector / per_block);
        let mut blocks: Vec<u64> = blocks.collect();
        blocks.sort_unstable();
        blocks.dedup();
        let end = self.durable.len() / SECTOR;
        let mut losses = Vec::new();
        for block in spread(blocks.len(), bounds.states_max).map(|at| blocks[at]) {
            let sectors = block * per_block..((block + 1) * per_block).min(end);
            let sectors = || sectors.clone();
            let fault = match self.lied {
                Some(Fault::LyingFlush(at)) => Fault::LyingFlushAndEraseBlock(at, sectors(), fill),
                _ => Fault::EraseBlock(sectors(), fill),
            };
            let torn = |loss| Loss { fault: Some(fault.clone()), ..loss };
            losses.extend(self.arrivals(bounds).into_iter().map(torn));
        }
        losses
    }
}

/// The sector writes of some events, in their order.
fn written(events: &[Event]) -> impl Iterator<Item = &(u64, Sector)> {
    events.iter().flat_map(|event| match event {
        Event::Write(sectors) => sectors.as_slice(),
        Event::Flush => &[],
    })
}

/// At most `max` of the numbers below `count`, the first and the last among them.
fn spread(count: usize, max: usize) -> impl Iterator<Item = usize> {
    let steps = count.min(max);
    (0..steps).map(move |step| if steps < 2 { 0 } else { step * (count - 1) / (steps - 1) })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::{Bounds, Fault, FaultKind, Loss, spread};
    use crate::device::Device;
    use crate::device::simulated::Volatile;

    fn firsts(device: &Volatile) -> Vec<u8> {
        device.snapshot().chunks(512).map(|sector| sector[0]).collect()
    }

    fn states(device: &Volatile, bounds: &Bounds) -> BTreeSet<Vec<u8>> {
        device.losses(bounds).map(|loss| firsts(&loss.reopen())).collect()
    }

    fn plain() -> Bounds {
        Bounds { torn_bytes: Vec::new(), ..Bounds::default().without_faults() }
    }

    #[test]
    fn any_subset_of_unflushed_sectors_may_arrive() {
        let device = Volatile::filled(3 * 512, 0);
        device.write_at(0, &[1; 512]).unwrap();
        device.flush().unwrap();
        device.write_at(512, &[2; 1024]).unwrap();
        let expected = [[0, 0, 0], [1, 0, 0], [1, 2, 0], [1, 0, 2], [1, 2, 2]];
        assert_eq!(states(&device, &plain()), expected.map(Vec::from).into());
    }

    #[test]
    fn a_sector_written_twice_may_hold_either_version() {
        let device = Volatile::filled(512, 0);
        device.write_at(0, &[1; 512]).unwrap();
        device.write_at(0, &[2; 512]).unwrap();
        assert_eq!(states(&device, &plain()), [[0], [1], [2]].map(Vec::from).into());
    }

    #[test]
    fn what_was_flushed_before_the_loss_is_there() {
        let device = Volatile::filled(2 * 512, 0);
        device.write_at(0, &[1; 512]).unwrap();
        device.flush().unwrap();
        let committed = device.position();
        device.write_at(512, &[2; 512]).unwrap();
        device.flush().unwrap();
        let late: Vec<Loss> =
            device.losses(&plain()).filter(|loss| loss.at() >= committed).collect();
        assert_eq!(late.len(), 3);
        assert!(late.iter().all(|loss| firsts(&loss.reopen())[0] == 1));
    }

    #[test]
    fn a_lying_flush_loses_what_it_promised_but_not_what_the_next_one_kept() {
        let device = Volatile::filled(3 * 512, 0);
        for sector in 0..3 {
            device.write_at(sector * 512, &[1; 512]).unwrap();
            device.flush().unwrap();
        }
        let bounds = Bounds { faults: vec![FaultKind::LyingFlush], ..plain() };
        let lied: BTreeSet<Vec<u8>> = device
            .losses(&bounds)
            .filter(|loss| matches!(loss.fault(), Some(Fault::LyingFlush(_))))
            .map(|loss| firsts(&loss.reopen()))
            .collect();
        assert!(lied.contains(&vec![0, 1, 0]), "the first flush lied, the second write arrived");
        assert!(lied.contains(&vec![1, 0, 0]), "the second flush lied");
        assert!(!lied.contains(&vec![0, 0, 1]), "two flushes lied");
        assert!(!lied.contains(&vec![0, 1, 1]), "the second flush kept the first write");
    }

    #[test]
    fn beyond_the_model_two_things_go_wrong_at_once() {
        let device = Volatile::filled(3 * 512, 0);
        for sector in 0..3 {
            device.write_at(sector * 512, &[1; 512]).unwrap();
            device.flush().unwrap();
        }
        let twice = Bounds { faults: vec![FaultKind::TwoLyingFlushes], ..plain() };
        let found = states(&device, &twice);
        assert!(found.contains(&vec![0, 0, 1]), "two flushes lied");
        let erase = FaultKind::LyingFlushAndEraseBlock { len_bytes: 512, fill: 9 };
        let both = Bounds { faults: vec![erase], ..plain() };
        assert!(states(&device, &both).contains(&vec![0, 9, 0]));
        let beyond = device.losses(&both).filter(Loss::is_beyond);
        assert!(beyond.map(|loss| loss.to_string()).all(|told| {
            told.contains("did nothing, sectors") && told.ends_with("became 0x09")
        }));
    }

    #[test]
    fn an_erase_block_takes_durable_neighbours_with_it() {
        let device = Volatile::filled(8 * 512, 1);
        device.write_at(5 * 512, &[2; 512]).unwrap();
        let erase = FaultKind::EraseBlock { len_bytes: 1024, fill: 0xFF };
        let bounds = Bounds { faults: vec![erase], ..plain() };
        let found = states(&device, &bounds);
        assert!(found.contains(&vec![1, 1, 1, 1, 0xFF, 0xFF, 1, 1]));
        assert!(found.contains(&vec![1, 1, 1, 1, 0xFF, 2, 1, 1]));
        assert_eq!(found.len(), 4);
        let whole = FaultKind::EraseBlock { len_bytes: 4 << 20, fill: 0 };
        let bounds = Bounds { faults: vec![whole], ..plain() };
        assert!(states(&device, &bounds).contains(&vec![0; 8]));
    }

    #[test]
    fn a_torn_sector_is_new_up_to_the_tear() {
        let device = Volatile::filled(512, 1);
        device.write_at(0, &[2; 512]).unwrap();
        let bounds = Bounds { torn_bytes: vec![100], ..plain() };
        let torn = device.losses(&bounds).map(|loss| loss.reopen().snapshot());
        assert!(torn.into_iter().any(|bytes| bytes[..100] == [2; 100] && bytes[100..] == [1; 412]));
    }

    #[test]
    fn many_sectors_are_sampled_within_the_bound_and_always_alike() {
        let device = Volatile::filled(4096 * 512, 0);
        device.write_at(0, &vec![1; 4096 * 512]).unwrap();
        let bounds = Bounds { states_max: 10, ..plain() };
        let list = || device.losses(&bounds).map(|loss| loss.to_string()).collect::<Vec<_>>();
        assert_eq!(list(), list());
        assert_eq!(list().len(), 40);
        let counts: Vec<usize> = device
            .losses(&bounds)
            .map(|loss| firsts(&loss.reopen()).into_iter().map(usize::from).sum())
            .collect();
        for count in [0, 1, 4095, 4096] {
            assert!(counts.contains(&count), "{count} of 4096 sectors: {counts:?}");
        }
    }

    #[test]
    fn losses_nest_and_count_by_fingerprint() {
        let device = Volatile::filled(4 * 512, 0);
        device.write_at(0, &[1; 1024]).unwrap();
        let mut distinct = HashSet::new();
        for loss in device.losses(&plain()) {
            let reopened = loss.reopen();
            reopened.write_at(1024, &[2; 1024]).unwrap();
            distinct.extend(reopened.losses(&plain()).map(|loss| loss.reopen().fingerprint()));
        }
        assert_eq!(distinct.len(), 16);
    }

    #[test]
    fn a_loss_says_what_happened() {
        let device = Volatile::filled(2 * 512, 0);
        device.write_at(0, &[1; 512]).unwrap();
        device.flush().unwrap();
        device.write_at(512, &[1; 512]).unwrap();
        let said: Vec<String> =
            device.losses(&Bounds::default()).map(|loss| loss.to_string()).collect();
        assert!(said.contains(
            &"power lost after 3 writes and flushes: 1 of 2 unflushed sectors arrived ( 0:0 1:1 ), \
              flush at 1 did nothing"
                .to_owned()
        ));
        assert!(said.iter().any(|line| line.ends_with(", sector 1 torn after 256 bytes")));
        assert!(said.iter().any(|line| line.ends_with(", sectors 0 to 2 became 0xff")));
    }

    #[test]
    fn spreading_takes_both_ends() {
        assert_eq!(spread(5, 9).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(spread(100, 3).collect::<Vec<_>>(), [0, 49, 99]);
        assert_eq!(spread(0, 3).count() + spread(3, 0).count(), 0);
        assert_eq!(spread(7, 1).collect::<Vec<_>>(), [0]);
    }
}
