//! One medium's records, linked into chains by their hashes, each folded by [`crate::ledger`].

use std::collections::{BTreeMap, BTreeSet};

use super::pieces::{Carried, Pieces, Ruling, settled_by};
use crate::format::checkpoint::Checkpoint;
use crate::format::record::{Body, Record};
use crate::ledger::{Fold, Refusal, State, anchored, fold, fold_settled};
use crate::trust::{Claimed, Verified};
use crate::units::{MediumId, Sequence};

/// A chain that goes on nowhere in the evidence, folded as far as its records follow.
#[derive(Debug, Clone)]
pub struct Branch {
    /// What it adds up to.
    pub state: State,
    /// Number of the checkpoint that it was folded behind; 0 from the first record on.
    pub behind: u64,
}

/// A record that doesn't follow from the one that it names.
#[derive(Debug)]
pub struct Refused {
    /// Its hash.
    pub record: [u8; 32],
    /// Its sequence.
    pub seq: Sequence,
    /// Why.
    pub refusal: Refusal,
    /// How many records follow it, and are not looked at.
    pub behind: usize,
}

/// Records that continue one which isn't in the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphans {
    /// The oldest of them.
    pub record: [u8; 32],
    /// Its sequence.
    pub seq: Sequence,
    /// The record that it continues.
    pub prev: [u8; 32],
    /// How many there are.
    pub count: usize,
    /// Did one of the medium's keys that are known sign the oldest?
    pub signed: bool,
}

/// All that one medium's records come to.
#[derive(Debug, Default)]
pub struct Branches {
    /// Chains that go on nowhere, by the hash of their newest record.
    pub branches: Vec<Branch>,
    /// Every record that follows, by its hash.
    pub records: BTreeMap<[u8; 32], Verified<Record>>,
    /// Checkpoints that a settler of the medium's issuer signed, by their number and hash.
    pub checkpoints: BTreeMap<(u64, [u8; 32]), Verified<Checkpoint>>,
    /// What doesn't follow.
    pub refused: Vec<Refused>,
    /// What continues something that isn't here.
    pub orphans: Vec<Orphans>,
    /// Hashes of what is no record, of those that say they are another medium's among them.
    pub unreadable: Vec<[u8; 32]>,
}

/// Link and fold the records of one medium.
///
/// A chain is folded behind the newest checkpoint that its medium or a payer began behind, so that
/// what was spent before it doesn't count against the caps again; else from its first record on.
/// Each signature is verified once.
pub fn branches(ruling: &Ruling, pieces: &Pieces) -> Branches {
    let mut unreadable = vec![];
    let nodes = Nodes::of(ruling.medium(), &pieces.records, &mut unreadable);
    let mut walk =
        Walk { ruling, nodes: &nodes, found: Branches { unreadable, ..Branches::default() } };
    for (start, behind, sure) in walk.starts(pieces) {
        walk.from(start, behind, sure);
    }
    walk.leave_orphans();
    walk.take_over();
    let mut found = walk.found;
    found.branches.sort_by_key(|branch| branch.state.head);
    found.refused.sort_by_key(|refused| refused.record);
    found
}

/// A record before its signature was looked at.
struct Node<'a> {
    bytes: &'a Vec<u8>,
    seq: Sequence,
    prev: [u8; 32],
}

/// Records by their hash, and by the hash of what they continue.
struct Nodes<'a> {
    by_hash: BTreeMap<[u8; 32], Node<'a>>,
    next: BTreeMap<[u8; 32], Vec<[u8; 32]>>,
}

impl<'a> Nodes<'a> {
    fn of(
        medium: MediumId,
        records: &'a BTreeMap<[u8; 32], Vec<u8>>,
        unreadable: &mut Vec<[u8; 32]>,
    ) -> Self {
        let mut nodes = Self { by_hash: BTreeMap::new(), next: BTreeMap::new() };
        for (hash, bytes) in records {
            match Claimed::<Record>::read(bytes) {
                Ok(record) if record.medium == medium => {
                    let (seq, prev) = (record.seq, record.prev);
                    nodes.next.entry(prev).or_default().push(*hash);
                    nodes.by_hash.insert(*hash, Node { bytes, seq, prev });
                }
                _ => unreadable.push(*hash),
            }
        }
        nodes
    }

    fn next(&self, hash: &[u8; 32]) -> &[[u8; 32]] {
        self.next.get(hash).map_or(&[], Vec::as_slice)
    }

    /// Everything from a record on.
    fn all_from(&self, hash: [u8; 32]) -> BTreeSet<[u8; 32]> {
        let (mut all, mut open) = (BTreeSet::new(), vec![hash]);
        while let Some(hash) = open.pop() {
            if all.insert(hash) {
                open.extend(self.next(&hash));
            }
        }
        all
    }
}

/// May another start reach what a start leads to?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sure {
    /// No: what doesn't follow from it doesn't follow.
    Only,
    /// Yes: where it leads to a refusal, it is not the one.
    Other,
}

struct Walk<'a> {
    ruling: &'a Ruling,
    nodes: &'a Nodes<'a>,
    found: Branches,
}

impl Walk<'_> {
    /// Where chains may begin: behind checkpoints, the newest that are known to stand there first,
    /// and at the first record.
    fn starts(&mut self, pieces: &Pieces) -> Vec<(State, u64, Sure)> {
        let issuer = &self.ruling.certified.issuer;
        let mut starts = vec![];
        for all in [&pieces.carried, &pieces.beside] {
            let own = |checkpoint: &Verified<Checkpoint>| checkpoint.medium == self.ruling.medium();
            let signed = all.values().filter_map(|carried| settled_by(issuer, carried)).filter(own);
            let mut signed: Vec<_> = signed.collect();
            signed.sort_by_key(|checkpoint| {
                (std::cmp::Reverse(checkpoint.number), checkpoint.hash())
            });
            let lead = signed.iter().filter(|checkpoint| {
                let carried = pieces.carried.contains_key(&checkpoint.hash());
                carried || !self.nodes.next(&checkpoint.head).is_empty()
            });
            starts.extend(lead.filter_map(|checkpoint| self.behind(checkpoint)));
            let numbered = signed.into_iter().map(|all| ((all.number, all.hash()), all));
            self.found.checkpoints.extend(numbered);
        }
        starts.push((self.ruling.blank(), 0, Sure::Only));
        starts
    }

    fn behind(&self, checkpoint: &Verified<Checkpoint>) -> Option<(State, u64, Sure)> {
        let open = checkpoint.open.0.iter().map(|open| open.start);
        let listed = open.chain(checkpoint.exceptions.0.iter().copied());
        let outside = listed.filter_map(|hash| {
            let node = self.nodes.by_hash.get(&hash)?;
            checkpoint.vouch::<Record>(|_| hash, node.bytes).ok()
        });
        let state = anchored(checkpoint, &outside.collect::<Vec<_>>()).ok()?;
        let reached = self.nodes.by_hash.contains_key(&checkpoint.head);
        Some((state, checkpoint.number, if reached { Sure::Other } else { Sure::Only }))
    }

    /// Follow all that continues a state; what was followed before is left alone.
    fn from(&mut self, start: State, behind: u64, sure: Sure) {
        let (mut branches, mut refused, mut records) = (vec![], vec![], BTreeMap::new());
        let mut open = vec![start];
        while let Some(state) = open.pop() {
            let (mut follows, was) = (false, open.len());
            for next in self.nodes.next(&state.head) {
                if self.found.records.contains_key(next) || records.contains_key(next) {
                    follows = true;
                    continue;
                }
                let run = self.run(*next);
                let fold = self.fold(&state, &run);
                let count = fold.records.len();
                follows |= count > 0;
                records.extend(run.iter().copied().zip(fold.records));
                if let Some(refusal) = fold.refusal {
                    refused.push(self.refused(run[count], refusal));
                }
                if count == run.len() {
                    open.push(fold.state);
                } else if count > 0 {
                    branches.push(Branch { state: fold.state, behind });
                }
            }
            debug_assert!(open.len() >= was, "what follows is looked at later");
            let begun = state.next != Sequence::FIRST && !self.subsumed(&state);
            if !follows && begun {
                branches.push(Branch { state, behind });
            }
        }
        if sure == Sure::Other && !refused.is_empty() {
            return;
        }
        self.found.records.extend(records);
        self.found.branches.extend(branches);
        let known: BTreeSet<_> = self.found.refused.iter().map(|known| known.record).collect();
        self.found.refused.extend(refused.into_iter().filter(|new| !known.contains(&new.record)));
    }

    /// Fold a run of records: up to the newest that is settled without asking for signatures again.
    fn fold(&self, state: &State, run: &[[u8; 32]]) -> Fold {
        let bytes = |hash: &[u8; 32]| self.nodes.by_hash[hash].bytes;
        let rules = self.ruling.rules();
        let place = |head: &[u8; 32]| run.iter().position(|hash| hash == head);
        let settled = self.ruling.settled.as_ref().and_then(|head| {
            let (known, rest) = run.split_at(place(head)? + 1);
            let known: Vec<&[u8]> = known.iter().map(|hash| bytes(hash).as_slice()).collect();
            Some((fold_settled(&rules, state.clone(), &known, head)?, rest))
        });
        let copied =
            |run: &[[u8; 32]]| run.iter().map(|hash| bytes(hash).clone()).collect::<Vec<_>>();
        let Some((mut known, rest)) = settled else {
            return fold(&rules, state.clone(), &copied(run));
        };
        let behind = fold(&rules, known.state, &copied(rest));
        known.records.extend(behind.records);
        Fold { state: behind.state, records: known.records, refusal: behind.refusal }
    }

    /// A record and those behind it, up to where chains part.
    fn run(&self, first: [u8; 32]) -> Vec<[u8; 32]> {
        let mut run = vec![first];
        while let [next] = self.nodes.next(run.last().expect("it begins with one")) {
            if self.found.records.contains_key(next) {
                break;
            }
            run.push(*next);
        }
        run
    }

    /// Is there a branch that begins where this one ends?
    fn subsumed(&self, state: &State) -> bool {
        let branches = self.found.branches.iter();
        branches.filter(|branch| branch.state.head == state.head).count() > 0
    }

    fn refused(&self, record: [u8; 32], refusal: Refusal) -> Refused {
        let behind = self.nodes.all_from(record).len() - 1;
        Refused { record, seq: self.nodes.by_hash[&record].seq, refusal, behind }
    }

    /// Checkpoints that records took over, as far as a settler's certificate vouches for them.
    fn take_over(&mut self) {
        let issuer = &self.ruling.certified.issuer;
        let taken = self.found.records.values().filter_map(|record| match &record.body {
            Body::Checkpoint { checkpoint, certificate }
            | Body::Merge { checkpoint, certificate, .. } => {
                let (checkpoint, certificate) = (checkpoint.0.clone(), certificate.0.clone());
                settled_by(issuer, &Carried { checkpoint, certificate })
            }
            _ => None,
        });
        let taken: Vec<_> = taken.map(|one| ((one.number, one.hash()), one)).collect();
        self.found.checkpoints.extend(taken);
    }

    /// What nothing leads to.
    fn leave_orphans(&mut self) {
        let refused = self.found.refused.iter().map(|refused| refused.record);
        let mut seen: BTreeSet<_> = refused.flat_map(|hash| self.nodes.all_from(hash)).collect();
        seen.extend(self.found.records.keys());
        let listed = self.found.checkpoints.values().flat_map(|checkpoint| {
            let open = checkpoint.open.0.iter().map(|open| open.start);
            open.chain(checkpoint.exceptions.0.iter().copied())
        });
        let outside: BTreeSet<_> = listed.collect();
        for (hash, node) in &self.nodes.by_hash {
            let leads = self.nodes.by_hash.contains_key(&node.prev);
            if leads || seen.contains(hash) || outside.contains(hash) {
                continue;
            }
            let count = self.nodes.all_from(*hash).len();
            let signed = self.is_signed(node);
            let (record, seq, prev) = (*hash, node.seq, node.prev);
            self.found.orphans.push(Orphans { record, seq, prev, count, signed });
        }
    }

    fn is_signed(&self, node: &Node<'_>) -> bool {
        let first = self.ruling.certified.certificate.key.0;
        let holders = self.found.branches.iter().map(|branch| branch.state.holder);
        let stated = self.found.checkpoints.values().map(|checkpoint| checkpoint.holder);
        let mut keys = std::iter::once(first).chain(holders).chain(stated);
        keys.any(|key| crate::trust::verify::<Record>(node.bytes, &key).is_ok())
    }
}
