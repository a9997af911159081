//! Proofs of two histories, made of one medium's pieces or of a store's journal.

use std::collections::{BTreeMap, BTreeSet};

use super::pieces::{Carried, Certified, Pieces};
use crate::format::certificate::Chain;
use crate::format::field::Bytes;
use crate::format::plan::{Class, Finding};
use crate::format::proof::{ForkProof, NamedHolder};
use crate::format::record::{Body, Record};
use crate::format::{DecodeError, Kind, Object};
use crate::ledger::{ProofError, check_proof};
use crate::shop::Export;
use crate::trust::{Claimed, Signer, Trust};
use crate::units::Sequence;

/// So many records behind a fork are looked at for two that are shorter.
const BEHIND_MAX: usize = 4_096;

/// Why a fork can't be shown to others by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// One of the two isn't in the evidence.
    #[error("one of the two signed records is not in the evidence")]
    Missing,
    /// Two keys signed them, or one that isn't known.
    #[error("no key that the evidence names signed both records")]
    Keys,
    /// All that it takes is too long.
    #[error("it takes {0} bytes, a proof has at most {max}", max = Kind::ForkProof.bytes_max())]
    TooLong(usize),
}

/// A proof of the fork that a finding of this medium tells, which holds under these roots.
///
/// Where the first two records that differ are too long, the shortest two of one sequence behind
/// them show the same.
pub fn fork_proof(trust: &Trust, pieces: &Pieces, finding: &Finding) -> Result<Vec<u8>, Unproven> {
    let sides: Vec<[u8; 32]> = finding.sides.iter().map(|side| side.hash).collect();
    let (Class::Fork, [one, other]) = (finding.class, sides.as_slice()) else {
        return Err(Unproven::Missing);
    };
    let (Some(first), Some(second)) = (pieces.records.get(one), pieces.records.get(other)) else {
        return Err(Unproven::Missing);
    };
    let certified = |pair: [&[u8]; 2]| {
        let proofs = pieces.certified.values();
        let proofs = proofs.map(|certified| of_pair(trust, pieces, certified, pair));
        proofs.reduce(Result::or).unwrap_or(Err(Unproven::Missing))
    };
    match (certified([first, second]), shortest_behind(pieces, one, other)) {
        (Err(Unproven::TooLong(length)), Some(pair)) => {
            certified(pair).or(Err(Unproven::TooLong(length)))
        }
        (proof, _) => proof,
    }
}

/// A proof that a store signed two journals, by an entry of one and another of the other.
pub fn rival_entries(
    trust: &Trust,
    export: &Export,
    finding: &Finding,
) -> Result<Vec<u8>, Unproven> {
    let sides: Vec<&Bytes> = finding.sides.iter().filter_map(|side| side.bytes.as_ref()).collect();
    let [one, other] = sides.as_slice() else { return Err(Unproven::Missing) };
    fitting(trust, &export.signer, bare(None, [&one.0, &other.0]))
}

/// The proof of two records under one of the medium's certificates.
fn of_pair(
    trust: &Trust,
    pieces: &Pieces,
    certified: &Certified,
    pair: [&[u8]; 2],
) -> Result<Vec<u8>, Unproven> {
    let bytes = |bytes: &[u8]| Bytes(bytes.to_vec());
    let proof = bare(Some(bytes(certified.certificate.bytes())), pair);
    let rekeys = pieces.records.values().filter(|bytes| is_rekey(bytes));
    let by_rekey = rekeys.map(|rekey| ForkProof { rekey: Some(bytes(rekey)), ..proof.clone() });
    let words = pieces.carried.values().chain(pieces.beside.values());
    let by_word = words.map(|Carried { checkpoint, certificate }| {
        let (checkpoint, certificate) = (bytes(checkpoint), bytes(certificate));
        ForkProof { holder: Some(NamedHolder { checkpoint, certificate }), ..proof.clone() }
    });
    let mut why = Unproven::Keys;
    for proof in std::iter::once(proof.clone()).chain(by_rekey).chain(by_word) {
        match fitting(trust, &certified.store, proof) {
            Err(Unproven::TooLong(length)) => why = Unproven::TooLong(length),
            Err(_) => {}
            good => return good,
        }
    }
    Err(why)
}

fn bare(certificate: Option<Bytes>, [one, other]: [&[u8]; 2]) -> ForkProof {
    let (one, other) = (Bytes(one.to_vec()), Bytes(other.to_vec()));
    ForkProof { chain: Chain::default(), certificate, rekey: None, holder: None, one, other }
}

fn is_rekey(bytes: &[u8]) -> bool {
    Claimed::<Record>::read(bytes).is_ok_and(|record| matches!(record.body, Body::Rekey { .. }))
}

/// With the whole chain, else without its root.
fn fitting(trust: &Trust, store: &Signer, proof: ForkProof) -> Result<Vec<u8>, Unproven> {
    let mut chain = store.chain();
    let mut bytes = ForkProof { chain: chain.clone(), ..proof.clone() }.encode();
    if bytes.len() > Kind::ForkProof.bytes_max() {
        chain.0.pop();
        bytes = ForkProof { chain, ..proof }.encode();
    }
    match check_proof(&bytes, trust) {
        Ok(_) => Ok(bytes),
        Err(ProofError::Decode(DecodeError::TooLarge { found, .. })) => {
            Err(Unproven::TooLong(found))
        }
        Err(_) => Err(Unproven::Keys),
    }
}

/// The shortest two records of one sequence on the two branches that part here.
fn shortest_behind<'a>(
    pieces: &'a Pieces,
    one: &[u8; 32],
    other: &[u8; 32],
) -> Option<[&'a [u8]; 2]> {
    let mut next: BTreeMap<[u8; 32], Vec<(&[u8; 32], Sequence)>> = BTreeMap::new();
    for (hash, bytes) in &pieces.records {
        let Ok(record) = Claimed::<Record>::read(bytes) else { continue };
        next.entry(record.prev).or_default().push((hash, record.seq));
    }
    let behind = |hash: &[u8; 32]| {
        let (mut found, mut open) = (BTreeMap::new(), vec![*hash]);
        let mut seen = BTreeSet::new();
        while let Some(hash) = open.pop().filter(|_| seen.len() < BEHIND_MAX) {
            for (next, seq) in next.get(&hash).into_iter().flatten() {
                if seen.insert(**next) {
                    open.push(**next);
                    let bytes = pieces.records[*next].as_slice();
                    let shortest = found.entry(*seq).or_insert(bytes);
                    *shortest = if bytes.len() < shortest.len() { bytes } else { shortest };
                }
            }
        }
        found
    };
    let (ones, others) = (behind(one), behind(other));
    let pairs = ones.iter().filter_map(|(seq, one)| Some([*one, *others.get(seq)?]));
    pairs.min_by_key(|pair| pair[0].len() + pair[1].len())
}
