//! What a checkpoint answered already: records that only take over what a settler states.

use super::conclude::moved_since;
use super::judged::Judged;
use super::pieces::{Pieces, Tip};
use crate::format::record::Body;
use crate::ledger::{Fork, State};
use crate::units::Sequence;

/// Does a branch say more behind a settled record than that it took over what was settled?
pub(super) fn says_more(judged: &Judged, state: &State, settled: Sequence) -> bool {
    let mut at = state.head;
    while let Some(record) = judged.found.records.get(&at).filter(|record| record.seq > settled) {
        match record.body {
            Body::Checkpoint { .. } | Body::Merge { .. } | Body::Policy { .. } => at = record.prev,
            _ => return true,
        }
    }
    false
}

/// Does a merge stand where the medium lacked a record: one that the merge's checkpoint settled?
///
/// Where another branch goes on behind that checkpoint as well, there are two histories.
pub(super) fn is_merged(judged: &Judged, fork: &Fork) -> bool {
    let held = judged.before.held.get(&fork.seq);
    let [one, other] = fork.records;
    let merge = if held == Some(&one) { other } else { one };
    let Some(record) = judged.found.records.get(&merge).filter(|_| held.is_some()) else {
        return false;
    };
    let Body::Merge { checkpoint, .. } = &record.body else { return false };
    let known = judged.found.checkpoints.values().find(|known| known.bytes() == checkpoint.0);
    known.is_some_and(|known| {
        let goes_on = |state: &&State| {
            moved_since(judged, state.head, &[merge]).0.is_none()
                && says_more(judged, state, known.seq)
        };
        known.seq >= fork.seq && !judged.states().iter().any(goes_on)
    })
}

/// The ends of the medium's own statements that took over its newest checkpoint among them: the
/// others are older, not behind.
pub(super) fn newest_tips(judged: &Judged, pieces: &Pieces) -> Vec<[u8; 32]> {
    let numbered = pieces.tips.iter().map(|tip| (taken_over(judged, tip), tip.record));
    let numbered: Vec<(u64, [u8; 32])> = numbered.collect();
    let newest = numbered.iter().map(|(number, _)| *number).max();
    let of = numbered.into_iter().filter(|(number, _)| Some(*number) == newest);
    of.map(|(_, tip)| tip).collect()
}

/// The number of the newest checkpoint that a statement took over; 0 without one.
fn taken_over(judged: &Judged, tip: &Tip) -> u64 {
    let all = &judged.found.checkpoints;
    let behind = all.keys().find(|(_, hash)| *hash == tip.behind);
    let behind = behind.map_or(0, |(number, _)| *number);
    let mut at = tip.record;
    while let Some(record) = judged.found.records.get(&at) {
        if let Body::Checkpoint { checkpoint, .. } | Body::Merge { checkpoint, .. } = &record.body {
            let known = all.values().find(|known| known.bytes() == checkpoint.0);
            return known.map_or(behind, |known| known.number.max(behind));
        }
        at = record.prev;
    }
    behind
}
