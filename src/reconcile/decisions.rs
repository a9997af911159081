//! What people decided about findings, as far as it still counts.

use std::collections::BTreeMap;

use super::finding::shown_id;
use crate::crypto::digest::Sha256;
use crate::crypto::sign::PublicKey;
use crate::format::cose::Sign1;
use crate::format::decision::{Decision, DecisionFile, Verdict};
use crate::format::plan::{Decided, Finding};
use crate::format::{DecodeError, Kind, Object};
use crate::records::Row;
use crate::trust::{Anchor, Fingerprint, Trust, TrustError};
use crate::units::{Amount, MediumId};

/// A decision whose signatures hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What was decided.
    pub decision: Decision,
    /// By whom: names in certificates, as they signed.
    pub by: Vec<String>,
}

/// Why a decision doesn't count.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    /// Not a decision.
    #[error("decision: {0}")]
    Decode(#[from] DecodeError),
    /// It isn't signed by a decider.
    #[error("decision: {0}")]
    Trust(#[from] TrustError),
    /// A decider under a root that isn't pinned.
    #[error("decision: it stands under root {0}, which nothing here pins")]
    Unpinned(Fingerprint),
    /// Nobody signed it.
    #[error("decision: nobody signed it")]
    Nobody,
    /// Not the same decision under both signatures.
    #[error("decision about {0}: its signers signed different ones")]
    Different(String),
    /// One person two times.
    #[error("decision: {0} signed it two times, and counts once")]
    Twice(String),
}

/// Read a decision as the records keep it; every signature has to hold.
pub fn read_decision(bytes: &[u8], trust: &Trust) -> Result<Standing, DecisionError> {
    let file = DecisionFile::decode(bytes)?;
    let mut first: Option<(Vec<u8>, Decision)> = None;
    let (mut keys, mut by): (Vec<PublicKey>, Vec<String>) = (vec![], vec![]);
    for signed in &file.signed.0 {
        let decider = trust.signer(&signed.chain)?;
        if let Anchor::Unpinned(root) = decider.anchor() {
            return Err(DecisionError::Unpinned(root));
        }
        let decision = decider.open::<Decision>(&signed.decision.0)?;
        let payload = Sign1::decode(&signed.decision.0, Kind::Decision)?.payload().to_vec();
        let (key, name) = (decider.certificate().key.0, decider.certificate().subject.clone());
        if keys.contains(&key) || by.contains(&name) {
            return Err(DecisionError::Twice(name));
        }
        if first.as_ref().is_some_and(|(known, _)| *known != payload) {
            return Err(DecisionError::Different(shown_id(&decision.finding)));
        }
        first = Some((payload, decision.into_value()));
        keys.push(key);
        by.push(name);
    }
    let (_, decision) = first.ok_or(DecisionError::Nobody)?;
    Ok(Standing { decision, by })
}

/// All decisions that stand, by their findings.
#[derive(Debug)]
pub struct Decisions {
    standing: BTreeMap<[u8; 16], Standing>,
    digest: [u8; 32],
}

impl Decisions {
    /// Nobody decided anything.
    pub const fn none() -> Self {
        Self { standing: BTreeMap::new(), digest: [0; 32] }
    }

    /// Of the records' files: the newest about each finding, by the findings' ids.
    pub fn read<'f>(
        files: impl IntoIterator<Item = &'f Vec<u8>>,
        trust: &Trust,
    ) -> Result<Self, DecisionError> {
        let mut digest = Sha256::new();
        let mut standing = BTreeMap::new();
        for file in files {
            digest.update(file);
            let read = read_decision(file, trust)?;
            standing.insert(read.decision.finding, read);
        }
        Ok(Self { standing, digest: digest.finish() })
    }

    /// Over all of them: what was judged under others is judged again.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Those about one medium, or about none.
    pub(super) fn of(&self, medium: Option<MediumId>) -> BTreeMap<[u8; 16], Standing> {
        let own = self.standing.iter().filter(|(_, known)| known.decision.medium == medium);
        own.map(|(id, known)| (*id, known.clone())).collect()
    }
}

impl Standing {
    /// Does it still count for this finding of a medium that stands there?
    fn covers(&self, finding: &Finding, row: &Row) -> bool {
        let Decision { class, medium, number, hash, stake, verdict, .. } = &self.decision;
        let same = (*class, *medium) == (finding.class, finding.medium);
        if *verdict == Verdict::Explained {
            return same && finding.stake.unwrap_or(Amount::ZERO) <= *stake;
        }
        let stands = same && (*number, *hash) == (row.number, row.hash);
        stands && finding.stake.is_some_and(|found| found <= *stake)
    }

    /// Was it about less than is at stake now?
    fn falls_short(&self, finding: &Finding) -> bool {
        let Decision { class, medium, stake, .. } = &self.decision;
        let same = (*class, *medium) == (finding.class, finding.medium);
        same && finding.stake.is_some_and(|found| found > *stake)
    }

    fn told(&self) -> Decided {
        let Decision { verdict, at, text, .. } = self.decision.clone();
        Decided { verdict, at, text, by: self.by.clone() }
    }
}

/// The rule of a finding that was decided when less was at stake ends with this.
const LAPSED: &str = "; what was decided was about less than is at stake now, and lapsed";

/// Say in a finding what was decided about it, as far as that counts.
pub(super) fn tell_decided(
    finding: &mut Finding,
    standing: &BTreeMap<[u8; 16], Standing>,
    row: &Row,
) {
    let known = standing.get(&finding.id).filter(|known| known.covers(finding, row));
    finding.decided = known.map(Standing::told);
    let short = standing.get(&finding.id).is_some_and(|known| known.falls_short(finding));
    if short && !finding.rule.ends_with(LAPSED) {
        finding.rule.push_str(LAPSED);
    }
}

/// May it be posted, by what was decided about it?
pub(super) fn is_lifted(finding: &Finding) -> bool {
    finding.decided.as_ref().is_some_and(|decided| decided.verdict != Verdict::Explained)
}
