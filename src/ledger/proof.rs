//! Checking a proof of two histories: pinned roots and the proof's own bytes are all that it takes.

use data_encoding::HEXLOWER;

use super::moves::rekey_message;
use crate::crypto::digest::sha256;
use crate::crypto::sign::{PublicKey, Signature};
use crate::format::certificate::Role;
use crate::format::checkpoint::Checkpoint;
use crate::format::cose::Sign1;
use crate::format::medium::MediumCertificate;
use crate::format::proof::{ForkProof, NamedHolder};
use crate::format::record::{Body, Record};
use crate::format::store::StoreEntry;
use crate::format::{DecodeError, Kind, Object};
use crate::trust::{Anchor, Signer, Trust, TrustError, verify};
use crate::units::{MediumId, Sequence, StoreId};

/// What a proof shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The root that it stands under.
    pub root: Anchor,
    /// The store, and its name.
    pub store: (StoreId, String),
    /// The medium; none where the store's own entries differ.
    pub medium: Option<MediumId>,
    /// Where both stand.
    pub seq: Sequence,
    /// SHA-256 over each.
    pub hashes: [[u8; 32]; 2],
    /// The key that signed both.
    pub key: PublicKey,
    /// Whose key that is, and by whose word.
    pub by: Hand,
}

/// Whose key signed two histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// The store's own, which signs its journal.
    Store,
    /// The key that the store made for the medium: it says nothing against an owner.
    StoreMade,
    /// The owner's, by the rekey at this sequence.
    Rekeyed(Sequence),
    /// The owner's, by the settler's word in the checkpoint of this number.
    Settled(u64),
}

/// Why a proof shows nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// Not a proof.
    #[error("{0}")]
    Decode(#[from] DecodeError),
    /// A part isn't signed by whom it should be.
    #[error("{0}")]
    Trust(#[from] TrustError),
    /// The chain doesn't end in a store.
    #[error("its chain certifies a {0}, expected a store")]
    Role(Role),
    /// A part belongs to something else.
    #[error("{what} is of {found}, the proof is of {expected}")]
    Other {
        /// The part.
        what: &'static str,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// Parts that don't go together.
    #[error("{0}")]
    Form(&'static str),
    /// A rekey that its new key didn't agree to.
    #[error("the rekey at {0} is not signed by its new key")]
    Rekey(Sequence),
    /// Both could stand in one history.
    #[error("they stand at {one} and {other}: only two of one sequence can't both stand")]
    Places {
        /// Where the one stands.
        one: Sequence,
        /// Where the other stands.
        other: Sequence,
    },
    /// A record that the key could not have signed yet.
    #[error("record {found} doesn't come behind the rekey at {rekey}")]
    Early {
        /// The record.
        found: Sequence,
        /// The rekey.
        rekey: Sequence,
    },
    /// The same thing, said two times.
    #[error("both say the same, {}: that is one record", HEXLOWER.encode(.0))]
    Same([u8; 32]),
}

/// Check a proof; its root may be one that nothing here pins.
pub fn check_proof(bytes: &[u8], trust: &Trust) -> Result<Proven, ProofError> {
    let proof = ForkProof::decode(bytes)?;
    let store = trust.signer(&proof.chain)?;
    let certificate = store.certificate();
    let Some(grant) = certificate.grant.as_ref().filter(|_| certificate.role == Role::Store) else {
        return Err(ProofError::Role(certificate.role));
    };
    let (id, name) = (grant.store, certificate.subject.clone());
    let (medium, key, by) = match &proof.certificate {
        Some(bytes) => of_medium(&store, id, &bytes.0, &proof)?,
        None if proof.rekey.is_some() || proof.holder.is_some() => {
            return Err(ProofError::Form("it gives a holder's key, and no medium's certificate"));
        }
        None => (None, certificate.key.0, Hand::Store),
    };
    let read = |bytes: &[u8]| match medium {
        Some(medium) => place_of_record(bytes, &key, medium),
        None => place_of_entry(bytes, &store, id),
    };
    let (one, other) = (read(&proof.one.0)?, read(&proof.other.0)?);
    if one != other {
        return Err(ProofError::Places { one, other });
    }
    if let Hand::Rekeyed(rekey) = by
        && one <= rekey
    {
        return Err(ProofError::Early { found: one, rekey });
    }
    let kind = if medium.is_some() { Kind::Record } else { Kind::StoreEntry };
    differ(kind, &proof)?;
    let hashes = [sha256(&proof.one.0), sha256(&proof.other.0)];
    Ok(Proven { root: store.anchor(), store: (id, name), medium, seq: one, hashes, key, by })
}

/// The medium, the key that its proof is about, and whose that is.
fn of_medium(
    store: &Signer,
    id: StoreId,
    bytes: &[u8],
    proof: &ForkProof,
) -> Result<(Option<MediumId>, PublicKey, Hand), ProofError> {
    let certificate = store.open::<MediumCertificate>(bytes)?;
    if certificate.store != id {
        return Err(other("the medium's certificate", &certificate.store, &id));
    }
    let (medium, first) = (certificate.medium, certificate.key.0);
    let (key, by) = match (&proof.rekey, &proof.holder) {
        (None, None) => (first, Hand::StoreMade),
        (Some(rekey), None) => rekeyed(&rekey.0, &first, medium)?,
        (None, Some(holder)) => named(store, holder, medium)?,
        (Some(_), Some(_)) => {
            return Err(ProofError::Form("its key is given by a rekey and by a checkpoint"));
        }
    };
    Ok((Some(medium), key, if key == first { Hand::StoreMade } else { by }))
}

fn rekeyed(
    bytes: &[u8],
    first: &PublicKey,
    medium: MediumId,
) -> Result<(PublicKey, Hand), ProofError> {
    let record = verify::<Record>(bytes, first)?;
    if record.medium != medium {
        return Err(other("the rekey", &record.medium, &medium));
    }
    let Body::Rekey { key, proof } = &record.body else {
        return Err(ProofError::Form("the record that is to give the key is no rekey"));
    };
    let message = rekey_message(medium, record.seq, &record.prev, first, key);
    key.verify(&message, &Signature::from_bytes(*proof))
        .map_err(|_| ProofError::Rekey(record.seq))?;
    Ok((**key, Hand::Rekeyed(record.seq)))
}

fn named(
    store: &Signer,
    holder: &NamedHolder,
    medium: MediumId,
) -> Result<(PublicKey, Hand), ProofError> {
    let settler = store.issuer().certify(&holder.certificate.0, None)?;
    let checkpoint = settler.open::<Checkpoint>(&holder.checkpoint.0)?;
    if checkpoint.medium != medium {
        return Err(other("the checkpoint", &checkpoint.medium, &medium));
    }
    Ok((checkpoint.holder, Hand::Settled(checkpoint.number)))
}

fn place_of_record(
    bytes: &[u8],
    key: &PublicKey,
    medium: MediumId,
) -> Result<Sequence, ProofError> {
    let record = verify::<Record>(bytes, key)?;
    if record.medium == medium {
        return Ok(record.seq);
    }
    Err(other("a record", &record.medium, &medium))
}

fn place_of_entry(bytes: &[u8], signer: &Signer, store: StoreId) -> Result<Sequence, ProofError> {
    let entry = signer.open::<StoreEntry>(bytes)?;
    if entry.store == store {
        return Ok(Sequence::from_number(entry.seq));
    }
    Err(other("an entry", &entry.store, &store))
}

fn other(what: &'static str, found: &impl ToString, expected: &impl ToString) -> ProofError {
    ProofError::Other { what, found: found.to_string(), expected: expected.to_string() }
}

/// One payload under two signatures of one key is one record.
fn differ(kind: Kind, proof: &ForkProof) -> Result<(), ProofError> {
    let payload = |bytes| Sign1::decode(bytes, kind).map(|message| message.payload().to_vec());
    let (one, other) = (payload(&proof.one.0)?, payload(&proof.other.0)?);
    if one == other { Err(ProofError::Same(sha256(&one))) } else { Ok(()) }
}
