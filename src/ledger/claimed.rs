//! What a chain of records says of itself, where nothing is at hand that its money rests on.
//!
//! A writable area alone carries neither certificate nor policy nor sheets. What can be judged
//! without them: that each record continues the one before, that it is signed by the key that the
//! chain itself names, that sums add up, that a checkpoint is signed by the settler whose certificate
//! lies beside it. Who made that chain can't be: whoever writes one anew with keys of their own passes
//! all of it. So this gives [`Claims`], a type of its own: no [`Verified`](crate::trust::Verified)
//! value, no state and no account comes of it.

use std::collections::HashMap;
use std::ops::Deref;

use super::apply::{claim, due};
use super::facts::Facts;
use super::moves::rekey_message;
use super::refusal::{Reason, Refusal, broken};
use crate::crypto::digest::sha256;
use crate::crypto::sign::{KeyId, PublicKey, Signature};
use crate::format::Kind;
use crate::format::certificate::{Certificate, Role};
use crate::format::checkpoint::Checkpoint;
use crate::format::cose::Sign1;
use crate::format::record::{Body, Record};
use crate::trust::{Claimed, TrustError, verify};
use crate::units::{Amount, MediumId, Sequence, Timestamp, UnitError};

/// What a medium's records say of themselves; nobody vouches for it.
#[derive(Debug, Clone)]
pub struct Claims {
    medium: MediumId,
    records: Vec<Claim>,
    older: Vec<Claim>,
    first: Option<Stated>,
    newest: Option<Stated>,
    key: Key,
    rekeyed: bool,
}

/// One record as it stands there.
#[derive(Debug, Clone)]
pub struct Claim {
    record: Record,
    hash: [u8; 32],
    signer: KeyId,
    judged: Judged,
}

/// What is known of a record's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// It is by the key that the chain names; whose that is isn't known.
    Fits,
    /// The key that it names isn't here.
    Unknown,
}

/// A checkpoint as it lies in a journal.
#[derive(Debug, Clone)]
pub struct Stated {
    checkpoint: Checkpoint,
    settler: String,
    balance: Amount,
}

/// Why a chain contradicts itself.
#[derive(Debug, thiserror::Error)]
pub enum ClaimsError {
    /// It begins with neither a record nor a checkpoint.
    #[error("what the journal begins with can't be read: {0}")]
    Beginning(TrustError),
    /// A record doesn't follow the ones before it.
    #[error(transparent)]
    Broken(#[from] Refusal),
}

/// What a balance is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The newest record that moved money.
    Record(Sequence),
    /// The checkpoint of this number, behind which the journal begins.
    Checkpoint(u64),
    /// No record moved money.
    Nothing,
}

impl Claims {
    /// Hold the records of a journal's newest generation against each other; `outside` are those that
    /// it carries outside the chain, `named` the keys that the medium names in the open elsewhere.
    pub fn of(
        records: &[Vec<u8>],
        outside: &[Vec<u8>],
        named: &[PublicKey],
    ) -> Result<Self, ClaimsError> {
        let first = records.first().map_or(&[][..], Vec::as_slice);
        let behind = Sign1::decode(first, Kind::Checkpoint).is_ok();
        let (mut walk, rest) = if behind {
            Walk::behind(records, outside)?
        } else {
            (Walk::from_genesis(first, outside, named)?, records)
        };
        let first = walk.newest.clone();
        let records = rest.iter().map(|bytes| walk.step(bytes)).collect::<Result<_, _>>()?;
        let Walk { medium, newest, key, rekeyed, .. } = walk;
        Ok(Self { medium, records, older: vec![], first, newest, key, rekeyed })
    }

    /// The medium that all of them name.
    pub fn medium(&self) -> MediumId {
        self.medium
    }

    /// The records, oldest first: those that [`Claims::recall`] found, then those of the journal.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = &Claim> {
        self.older.iter().chain(&self.records)
    }

    /// How many records the journal holds.
    pub fn count(&self) -> usize {
        self.records.len()
    }

    /// How many of them are signed by the key that the chain names.
    pub fn fitting(&self) -> usize {
        self.records.iter().filter(|claim| claim.judged == Judged::Fits).count()
    }

    /// The checkpoint behind which the journal begins.
    pub fn first(&self) -> Option<&Stated> {
        self.first.as_ref()
    }

    /// The newest checkpoint in it.
    pub fn newest(&self) -> Option<&Stated> {
        self.newest.as_ref()
    }

    /// The key that signs the next record, where it is named whole.
    pub fn holder(&self) -> Option<PublicKey> {
        match self.key {
            Key::Known(key) => Some(key),
            Key::Named(_) => None,
        }
    }

    /// Whether the owner's key has taken the place of the store-made one.
    pub fn rekeyed(&self) -> bool {
        self.rekeyed
    }

    /// The newest balance that is claimed.
    pub fn balance(&self) -> (Amount, Source) {
        let mut moved = self.records.iter().rev();
        let moved = moved.find_map(|claim| Some((claim.accounting.as_ref()?, claim.seq)));
        match (moved, &self.first) {
            (Some((entry, seq)), _) => (entry.balance_after, Source::Record(seq)),
            (None, Some(stated)) => (stated.balance, Source::Checkpoint(stated.number)),
            (None, None) => (Amount::ZERO, Source::Nothing),
        }
    }

    /// The number of the newest checkpoint, if it stands behind the record that the balance is taken
    /// from: what it settled isn't added up.
    pub fn settled_later(&self) -> Option<u64> {
        let later = self.records.iter().rev().take_while(|claim| claim.accounting.is_none());
        let taken =
            |claim: &Claim| matches!(claim.body, Body::Checkpoint { .. } | Body::Merge { .. });
        let found = later.into_iter().any(taken);
        self.newest.as_ref().filter(|_| found).map(|stated| stated.number)
    }

    /// Put in front what was moved out of the journal, by the hash of each record's bytes: as far as
    /// each names the one before it.
    pub fn recall(&mut self, held: &HashMap<[u8; 32], Vec<u8>>) -> usize {
        let Some(stated) = &self.first else { return 0 };
        let (mut next, mut older) = (stated.head, vec![]);
        while let Some(claim) = held.get(&next).and_then(|bytes| Claim::unjudged(bytes).ok()) {
            if claim.medium != self.medium {
                break;
            }
            next = claim.prev;
            older.push(claim);
        }
        older.reverse();
        self.older = older;
        self.older.len()
    }
}

impl Claim {
    fn unjudged(bytes: &[u8]) -> Result<Self, TrustError> {
        let claimed = Claimed::<Record>::read(bytes)?;
        let (hash, signer) = (claimed.hash(), claimed.signer());
        Ok(Self { record: claimed.into_value(), hash, signer, judged: Judged::Unknown })
    }

    /// SHA-256 over the signed bytes.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The key that it names as its signer's.
    pub fn signer(&self) -> KeyId {
        self.signer
    }

    /// What is known of its signature.
    pub fn judged(&self) -> Judged {
        self.judged
    }
}

impl Deref for Claim {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.record
    }
}

impl Stated {
    /// A checkpoint that the key in this settler's certificate signed; who certified that isn't here.
    fn read(checkpoint: &[u8], certificate: &[u8]) -> Result<Self, Reason> {
        let certificate = Claimed::<Certificate>::read(certificate)?;
        if certificate.role != Role::Settler {
            return Err(Reason::Checkpoint("has no settler's certificate behind it"));
        }
        let checkpoint = verify::<Checkpoint>(checkpoint, &certificate.key.0)?.into_value();
        let balance = held(&checkpoint)?;
        Ok(Self { checkpoint, settler: certificate.subject.clone(), balance })
    }

    /// What its settler's certificate calls the settler.
    pub fn settler(&self) -> &str {
        &self.settler
    }
}

impl Deref for Stated {
    type Target = Checkpoint;

    fn deref(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

/// All that is on a medium by a checkpoint alone.
fn held(checkpoint: &Checkpoint) -> Result<Amount, UnitError> {
    let reserved = checkpoint.open.0.iter().map(|open| open.reserved);
    let free = checkpoint.settled.minor().saturating_sub(checkpoint.debt.minor());
    let mut parts = reserved.chain([checkpoint.provisional]);
    parts.try_fold(Amount::from_minor(free)?, Amount::checked_add)
}

/// The key that the chain names for its next record.
#[derive(Debug, Clone, Copy)]
enum Key {
    Known(PublicKey),
    /// By its short name alone: the one that the store made, which nothing here shows whole.
    Named(KeyId),
}

/// How far a chain was followed.
struct Walk {
    medium: MediumId,
    next: Sequence,
    head: [u8; 32],
    floor: Option<Timestamp>,
    key: Key,
    rekeyed: bool,
    newest: Option<Stated>,
    /// The sum so far; none from the first checkpoint on, which settles what isn't here.
    sum: Option<Amount>,
}

impl Walk {
    fn from_genesis(
        first: &[u8],
        outside: &[Vec<u8>],
        named: &[PublicKey],
    ) -> Result<Self, ClaimsError> {
        let record = Claim::unjudged(first).map_err(ClaimsError::Beginning)?;
        let whole = named.iter().find(|key| key.key_id() == record.signer);
        let walk = Self {
            medium: record.medium,
            next: Sequence::FIRST,
            head: record.prev,
            floor: None,
            key: whole.map_or(Key::Named(record.signer), |key| Key::Known(*key)),
            rekeyed: false,
            newest: None,
            sum: Some(Amount::ZERO),
        };
        if !outside.is_empty() {
            return Err(
                walk.refused(Reason::Checkpoint("is missing in front of a compacted chain"))
            );
        }
        Ok(walk)
    }

    /// Begin behind a checkpoint; gives the records that follow.
    fn behind<'r>(
        records: &'r [Vec<u8>],
        outside: &[Vec<u8>],
    ) -> Result<(Self, &'r [Vec<u8>]), ClaimsError> {
        let checkpoint =
            Claimed::<Checkpoint>::read(&records[0]).map_err(ClaimsError::Beginning)?;
        let mut walk = Self {
            medium: checkpoint.medium,
            next: checkpoint.seq,
            head: checkpoint.head,
            floor: None,
            key: Key::Known(checkpoint.holder),
            rekeyed: true,
            newest: None,
            sum: None,
        };
        let [checkpoint, certificate, rest @ ..] = records else {
            return Err(walk.refused(Reason::Checkpoint("has no settler's certificate behind it")));
        };
        let stated =
            Stated::read(checkpoint, certificate).map_err(|reason| walk.refused(reason))?;
        let open = stated.open.0.iter().map(|open| open.start);
        let listed: Vec<_> = open.chain(stated.exceptions.0.iter().copied()).collect();
        if outside.iter().any(|bytes| !listed.contains(&sha256(bytes))) {
            let unknown = "lists no record that is carried outside the chain";
            return Err(walk.refused(Reason::Checkpoint(unknown)));
        }
        let next = stated.seq.next().ok_or(Reason::Sequence(stated.seq));
        walk.next = next.map_err(|reason| walk.refused(reason))?;
        walk.newest = Some(stated);
        Ok((walk, rest))
    }

    fn refused(&self, reason: Reason) -> ClaimsError {
        ClaimsError::Broken(Refusal { medium: self.medium, seq: self.next, reason })
    }

    fn step(&mut self, bytes: &[u8]) -> Result<Claim, ClaimsError> {
        self.follow(bytes).map_err(|reason| self.refused(reason))
    }

    fn follow(&mut self, bytes: &[u8]) -> Result<Claim, Reason> {
        let mut claim = Claim::unjudged(bytes)?;
        due(&Facts::of(&claim, &claim.body), (self.medium, self.next), &self.head, self.floor)?;
        self.genesis(&claim)?;
        if let Body::Checkpoint { checkpoint, certificate }
        | Body::Merge { checkpoint, certificate, .. } = &claim.body
        {
            self.settle(&checkpoint.0, &certificate.0)?;
        }
        claim.judged = self.judge(bytes, claim.signer)?;
        if let Body::Rekey { key, proof } = &claim.body {
            self.rekey(**key, proof)?;
        }
        self.add(&claim)?;
        self.next = self.next.next().ok_or(Reason::Sequence(claim.seq))?;
        (self.head, self.floor) = (claim.hash, Some(claim.record.floor));
        Ok(claim)
    }

    /// The first record alone is a genesis, and names the certificate that it continues.
    fn genesis(&self, claim: &Claim) -> Result<(), Reason> {
        let kind = claim.history.kind;
        match &claim.body {
            Body::Genesis { certificate } if self.next == Sequence::FIRST => {
                let same = *certificate == self.head;
                if same { Ok(()) } else { Err(broken(certificate, &self.head)) }
            }
            Body::Genesis { .. } => Err(Reason::Shape { kind, fault: "stands first alone" }),
            _ if self.next == Sequence::FIRST => {
                Err(Reason::Shape { kind, fault: "can't stand first" })
            }
            _ => Ok(()),
        }
    }

    /// A checkpoint names the key that its own record is signed by.
    fn settle(&mut self, checkpoint: &[u8], certificate: &[u8]) -> Result<(), Reason> {
        let stated = Stated::read(checkpoint, certificate)?;
        if stated.medium != self.medium {
            return Err(Reason::Medium(stated.medium));
        }
        (self.key, self.rekeyed, self.sum) = (Key::Known(stated.holder), true, None);
        self.newest = Some(stated);
        Ok(())
    }

    fn judge(&self, bytes: &[u8], signer: KeyId) -> Result<Judged, Reason> {
        match self.key {
            Key::Known(key) => {
                verify::<Record>(bytes, &key)?;
                Ok(Judged::Fits)
            }
            Key::Named(key) if key == signer => Ok(Judged::Unknown),
            Key::Named(key) => {
                Err(Reason::Holder { found: signer.to_string(), expected: key.to_string() })
            }
        }
    }

    /// The new key signs over the old one, which isn't here in every case.
    fn rekey(&mut self, new: PublicKey, proof: &[u8; 64]) -> Result<(), Reason> {
        if let Key::Known(old) = self.key {
            let message = rekey_message(self.medium, self.next, &self.head, &old, &new);
            let proof = Signature::from_bytes(*proof);
            new.verify(&message, &proof).map_err(|_| Reason::Proof)?;
        }
        (self.key, self.rekeyed) = (Key::Known(new), true);
        Ok(())
    }

    /// What a record says that it moved is what its balance differs by.
    fn add(&mut self, claimed: &Claim) -> Result<(), Reason> {
        let (Some(sum), Some(entry)) = (self.sum, &claimed.accounting) else { return Ok(()) };
        let after = i128::from(sum.minor()) + i128::from(entry.amount);
        let after = Amount::from_minor(u64::try_from(after).unwrap_or(u64::MAX))?;
        claim(entry.balance_after, after)?;
        self.sum = Some(after);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::fixture::{Purse, SETTLER, World, host, key, minor, stated};
    use crate::ledger::next::{self, Statement};
    use crate::trust::sign;

    fn refused(records: &[Vec<u8>]) -> String {
        Claims::of(records, &[], &[]).unwrap_err().to_string()
    }

    #[test]
    fn a_chain_is_followed_by_what_it_names_itself() {
        let world = World::new();
        let mut purse = world.purse(1, 2);
        purse.put(&purse.purchase("song", 300)).unwrap();
        let claims = Claims::of(&purse.records, &[], &[]).unwrap();
        assert_eq!((claims.count(), claims.fitting()), (5, 3), "the first key isn't here");
        assert_eq!(claims.balance(), (minor(700), Source::Record(Sequence::from_number(4))));
        assert_eq!((claims.holder(), claims.rekeyed()), (Some(purse.public()), true));
        let named = [key(101).public()];
        let claims = Claims::of(&purse.records, &[], &named).unwrap();
        assert_eq!((claims.count(), claims.fitting()), (5, 5));
        let early = Claims::of(&purse.records[..1], &[], &[]).unwrap();
        assert_eq!((early.balance(), early.holder()), ((minor(0), Source::Nothing), None));
    }

    #[test]
    fn whoever_writes_all_of_it_anew_passes_and_that_is_why_nothing_is_verified() {
        let world = World::new();
        let mut forged = Purse::blank(&world, 1);
        forged.key = key(77);
        let genesis = next::genesis(&forged.state, &host(), [1; 16]);
        let mut records = vec![sign(&forged.key, &genesis)];
        let mut rich = forged.topup(0);
        rich.seq = Sequence::from_number(1);
        rich.prev = sha256(&records[0]);
        let entry = rich.accounting.as_mut().unwrap();
        (entry.amount, entry.balance_after) = (1_000_000, minor(1_000_000));
        records.push(sign(&forged.key, &rich));
        let claims = Claims::of(&records, &[], &[]).unwrap();
        assert_eq!((claims.balance().0, claims.fitting()), (minor(1_000_000), 0));
        let named = Claims::of(&records, &[], &[key(77).public()]).unwrap();
        assert_eq!(named.fitting(), 2);
    }

    #[test]
    fn what_was_changed_in_a_chain_is_named() {
        let world = World::new();
        let mut purse = world.purse(1, 2);
        purse.put(&purse.purchase("song", 300)).unwrap();
        let good = &purse.records;
        for at in 0..good.len() {
            let mut flipped = good.clone();
            *flipped[at].last_mut().unwrap() ^= 1;
            let told = refused(&flipped);
            let next = format!("record {} of medium", if at < 2 { at + 1 } else { at });
            assert!(told.starts_with(&next), "{at}: {told}");
            let mut without = good.clone();
            without.remove(at);
            assert!(at + 1 == good.len() || !refused(&without).is_empty());
        }
        let mut richer = purse.purchase("film", 100);
        richer.accounting.as_mut().unwrap().balance_after = minor(9_000);
        let all = [good.clone(), vec![sign(&purse.key, &richer)]].concat();
        let words = "claims a balance of 9000, the records add up to 600 minor units";
        assert!(refused(&all).ends_with(words), "{}", refused(&all));
        let stranger = [good.clone(), vec![sign(&key(9), &purse.purchase("film", 1))]].concat();
        assert!(refused(&stranger).contains("signed by key"), "{}", refused(&stranger));
        assert!(refused(&[]).starts_with("what the journal begins with can't be read"));
    }

    #[test]
    fn a_new_key_signs_for_its_taking_over_where_the_old_one_is_here() {
        let world = World::new();
        let mut purse = Purse::blank(&world, 1);
        purse.put(&next::genesis(&purse.state, &host(), [1; 16])).unwrap();
        let mut rekey = next::rekey(&purse.state, &host(), [2; 16], &key(9));
        rekey.body = Body::Rekey { key: key(8).public().into(), proof: [0; 64] };
        let records = [purse.records.clone(), vec![sign(&purse.key, &rekey)]].concat();
        assert!(Claims::of(&records, &[], &[]).is_ok());
        let told = Claims::of(&records, &[], &[purse.public()]).unwrap_err().to_string();
        assert!(told.contains("has not signed for it"), "{told}");
    }

    #[test]
    fn a_checkpoint_counts_by_the_certificate_beside_it() {
        let world = World::new();
        let mut purse = world.purse(1, 2);
        let settled = purse.records.len();
        let checkpoint = stated(&purse.state, 1, 3);
        let signed = sign(&key(SETTLER), &checkpoint);
        let taken = |purse: &Purse<'_>, signed: &[u8]| {
            let statement = Statement { checkpoint: signed, certificate: &world.settler };
            next::checkpoint(&purse.state, &host(), [7; 16], &statement)
        };
        let forged = taken(&purse, &sign(&key(6), &checkpoint));
        let forged = [purse.records.clone(), vec![sign(&purse.key, &forged)]].concat();
        assert!(refused(&forged).contains("checkpoint: signed by key"), "{}", refused(&forged));
        purse.put(&taken(&purse, &signed)).unwrap();
        let claims = Claims::of(&purse.records, &[], &[]).unwrap();
        assert_eq!((claims.newest().unwrap().number, claims.settled_later()), (1, Some(1)));
        assert_eq!(claims.newest().unwrap().settler(), "settler");

        let front = [signed, world.settler.clone()];
        let mut compacted = front.to_vec();
        compacted.extend_from_slice(&purse.records[settled..]);
        let claims = Claims::of(&compacted, &[], &[]).unwrap();
        assert_eq!(claims.balance(), (minor(1_000), Source::Checkpoint(1)));
        assert_eq!((claims.count(), claims.first().unwrap().number), (1, 1));
        let held = purse.records.iter().map(|bytes| (sha256(bytes), bytes.clone())).collect();
        let mut recalled = claims.clone();
        assert_eq!(recalled.recall(&held), settled);
        let numbers: Vec<_> = recalled.records().map(|claim| claim.seq.number()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
        let outside = Claims::of(&compacted, &purse.records[..1], &[]).unwrap_err().to_string();
        assert!(outside.ends_with("lists no record that is carried outside the chain"));
        let lone = refused(&front[..1]);
        assert!(lone.ends_with("has no settler's certificate behind it"), "{lone}");
    }
}
