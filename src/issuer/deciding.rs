//! Who decides about findings, and what they decide.

use std::path::Path;

use super::defaults::CERTIFICATE_DAYS;
use super::founding::{NameError, Subject, certify, check_name};
use super::keys::{certified_key, certified_signer, chain_file, key_cover, key_file};
use super::{CertifiedKey, ClockError, Issuer, KeyCover, KeyError};
use crate::crypto::Random;
use crate::crypto::password::Cost;
use crate::crypto::sign::SecretKey;
use crate::device::{Folder, FolderError, Privacy};
use crate::format::Object;
use crate::format::certificate::{Chain, Role};
use crate::format::checkpoint::Bounded;
use crate::format::decision::{DECIDERS_MAX, Decision, DecisionFile, SignedDecision, Verdict};
use crate::format::field::Bytes;
use crate::format::plan::{Finding, PlanRow};
use crate::reconcile::{DecisionError, Standing, read_decision, shown_id};
use crate::records::{self, Row, Ruled, StorageError};
use crate::trust::{KeyFileError, Passphrase, Signer, TestRoots, Trust, lock_key, sign};
use crate::units::{Amount, MediumId, Timestamp};

/// The longest reason, in bytes.
pub const REASON_BYTES_MAX: usize = 1_000;

/// One who is to decide.
pub struct Staff<'a> {
    /// The name, as certificates show it.
    pub name: &'a str,
    /// What protects the key.
    pub passphrase: Passphrase<'a>,
    /// What one guess at the passphrase costs.
    pub cost: Cost,
}

/// What is to be decided about a finding of a plan.
#[derive(Debug, Clone, Copy)]
pub struct Deciding<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// Where its medium stands, as the plan saw it.
    pub before: Option<&'a PlanRow>,
    /// What.
    pub verdict: Verdict,
    /// Why.
    pub reason: &'a str,
}

/// Why nobody is made a decider.
#[derive(Debug, thiserror::Error)]
pub enum StaffError {
    /// A clock that nothing is signed under.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// A name that certificates can't carry.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A folder that can't be made.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The key can't be locked.
    #[error(transparent)]
    Key(#[from] KeyFileError),
}

/// Why nothing is decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// A clock that nothing is signed under.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// No reason, one that is too long, or with characters that a terminal would act on.
    #[error("a reason has 1 to {REASON_BYTES_MAX} bytes and no control characters")]
    Reason,
    /// Nothing that a person has to decide.
    #[error("finding {0} keeps nothing from being settled: it can be explained, not {1}")]
    Free(String, &'static str),
    /// A number that was never given out.
    #[error("medium {0} is unknown: its number was never given out, nothing can be posted for it")]
    UnknownMedium(MediumId),
    /// More than one person decides.
    #[error(
        "finding {finding}: {} minor units are at stake, one person decides up to {}",
        stake.minor(),
        alone.minor()
    )]
    Alone {
        /// The finding.
        finding: String,
        /// What is at stake.
        stake: Amount,
        /// What one person decides.
        alone: Amount,
    },
    /// Nobody, or more than can be kept.
    #[error("{0} people are to decide, expected 1 to {DECIDERS_MAX}")]
    Count(usize),
    /// One person two times.
    #[error("{0} is one person and counts once")]
    Twice(String),
    /// What was signed doesn't hold.
    #[error(transparent)]
    Signed(#[from] DecisionError),
    /// The records refuse it.
    #[error("finding {finding}: {source}")]
    Records {
        /// The finding.
        finding: String,
        /// Why.
        source: records::DecideError,
    },
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Issuer {
    /// Make a new folder with a decider's key and certificates.
    pub fn staff(
        &self,
        folder: &Path,
        staff: &Staff<'_>,
        issuer: &CertifiedKey,
        rng: &mut dyn Random,
        now: Timestamp,
    ) -> Result<(), StaffError> {
        self.check_staff(staff.name, now)?;
        let folder = Folder::create(folder)?;
        let (role, key) = (Role::Decider, SecretKey::generate(rng));
        let last = self.signer.certificate().expires;
        let expires = now.plus_days(CERTIFICATE_DAYS.issuer).min(last);
        let name = staff.name.to_owned();
        let subject = Subject { name, role, key: key.public(), expires, grant: None };
        let leaf = certify((self.name(), &issuer.key), subject, self.purpose(), rng, now);
        let chain = Chain([vec![leaf], self.signer.chain().0].concat());
        let locked = lock_key(role.word(), &key.seed(), staff.passphrase, staff.cost, rng)?;
        folder.create_new(key_file(role), &locked, Privacy::Secret)?;
        Ok(folder.create_new(chain_file(role), &chain.encode(), Privacy::Public)?)
    }

    /// Refuse what could not be made a decider.
    pub fn check_staff(&self, name: &str, now: Timestamp) -> Result<(), StaffError> {
        self.check_clock(now)?;
        Ok(check_name(name)?)
    }

    /// Whose folder it is, by its certificates.
    pub fn decider(&self, folder: &Path) -> Result<Signer, KeyError> {
        certified_signer(&Folder::open(folder)?, &self.root, Role::Decider)
            .map(|(signer, _)| signer)
    }

    /// How the key in a decider's folder lies.
    pub fn decider_cover(&self, folder: &Path) -> Result<KeyCover, KeyError> {
        key_cover(&Folder::open(folder)?, Role::Decider)
    }

    /// The key in a decider's folder.
    pub fn decider_key(
        &self,
        folder: &Path,
        passphrase: Passphrase<'_>,
    ) -> Result<CertifiedKey, KeyError> {
        certified_key(&Folder::open(folder)?, &self.root, Role::Decider, passphrase)
    }

    /// Sign and keep a decision. The same by the same people again is answered by the one that is
    /// kept, and nothing is written.
    pub fn decide(
        &mut self,
        deciding: &Deciding<'_>,
        by: &[CertifiedKey],
        now: Timestamp,
    ) -> Result<(Standing, bool), DecideError> {
        let trust = self.own_trust();
        let decision = deciding.as_of(now);
        let signed = by.iter().map(|person| SignedDecision {
            decision: Bytes(sign(&person.key, &decision)),
            chain: person.chain.clone(),
        });
        let content = DecisionFile { signed: Bounded(signed.collect()) }.encode();
        let standing = read_decision(&content, &trust)?;
        let chains = by.iter().map(|person| trust.signer(&person.chain));
        let signers = chains.collect::<Result<Vec<_>, _>>().map_err(DecisionError::from)?;
        if let Some(known) = self.try_decide(deciding, &signers, now)? {
            return Ok((known, false));
        }
        let refused = |source| refused(deciding.finding, source);
        self.records.decide(&ruled(deciding, &content), now).map_err(refused)?;
        Ok((standing, true))
    }

    /// Whether these people may decide it; what they decided already, if it is the same.
    pub fn try_decide(
        &mut self,
        deciding: &Deciding<'_>,
        by: &[Signer],
        now: Timestamp,
    ) -> Result<Option<Standing>, DecideError> {
        self.check_clock(now)?;
        check_reason(deciding.reason)?;
        let people = check_people(by)?;
        self.check_stake(deciding, people.len())?;
        let trust = self.own_trust();
        let wanted = deciding.as_of(now);
        for file in self.records.decisions()? {
            let known = read_decision(&file, &trust)?;
            let same = Decision { at: known.decision.at, ..wanted.clone() };
            if known.decision == same && known.by == people {
                return Ok(Some(known));
            }
        }
        let refused = |source| refused(deciding.finding, source);
        self.records.try_decide(&ruled(deciding, &[])).map_err(refused)?;
        Ok(None)
    }

    /// What stands decided, by the findings' ids.
    pub fn decisions(&mut self) -> Result<Vec<Standing>, DecideError> {
        let trust = self.own_trust();
        let files = self.records.decisions()?;
        Ok(files.iter().map(|file| read_decision(file, &trust)).collect::<Result<_, _>>()?)
    }

    fn own_trust(&self) -> Trust {
        Trust::new(vec![self.root.clone()], TestRoots::Allowed)
    }

    fn check_stake(&self, deciding: &Deciding<'_>, people: usize) -> Result<(), DecideError> {
        let Deciding { finding, verdict, .. } = *deciding;
        if verdict == Verdict::Explained {
            return Ok(());
        }
        let id = shown_id(&finding.id);
        let Some(stake) = finding.stake else {
            let verb = if verdict == Verdict::Settle { "settled" } else { "written off" };
            return Err(DecideError::Free(id, verb));
        };
        if let (Some(medium), None) = (finding.medium, deciding.before) {
            return Err(DecideError::UnknownMedium(medium));
        }
        let alone = self.policy.decided_alone();
        if stake > alone && people < DECIDERS_MAX {
            return Err(DecideError::Alone { finding: id, stake, alone });
        }
        Ok(())
    }
}

fn check_reason(reason: &str) -> Result<(), DecideError> {
    let fits = (1..=REASON_BYTES_MAX).contains(&reason.trim().len());
    if fits && reason.len() <= REASON_BYTES_MAX && !reason.chars().any(char::is_control) {
        return Ok(());
    }
    Err(DecideError::Reason)
}

/// Their names: each another person, by key and by name.
fn check_people(by: &[Signer]) -> Result<Vec<String>, DecideError> {
    if !(1..=DECIDERS_MAX).contains(&by.len()) {
        return Err(DecideError::Count(by.len()));
    }
    let mut people: Vec<&Signer> = vec![];
    for person in by {
        let (own, name) = (person.certificate().key.0, &person.certificate().subject);
        let known = people.iter().map(|known| known.certificate());
        if known.into_iter().any(|known| known.key.0 == own || known.subject == *name) {
            return Err(DecideError::Twice(name.clone()));
        }
        people.push(person);
    }
    Ok(people.iter().map(|person| person.certificate().subject.clone()).collect())
}

impl Deciding<'_> {
    /// The decision as it is signed then.
    pub fn as_of(&self, now: Timestamp) -> Decision {
        let Self { finding, before, verdict, reason } = *self;
        let (number, hash) = before.map_or((0, [0; 32]), |row| (row.number, row.hash));
        Decision {
            finding: finding.id,
            class: finding.class,
            medium: finding.medium,
            number,
            hash,
            stake: finding.stake.unwrap_or(Amount::ZERO),
            verdict,
            text: reason.to_owned(),
            at: now,
        }
    }
}

fn ruled<'a>(deciding: &Deciding<'a>, content: &'a [u8]) -> Ruled<'a> {
    let row = |row: &PlanRow| {
        let PlanRow { number, hash, seq, head } = *row;
        Row { number, hash, seq, head }
    };
    let medium = deciding.finding.medium.zip(deciding.before.map(row));
    Ruled { finding: deciding.finding.id, medium, content }
}

fn refused(finding: &Finding, source: records::DecideError) -> DecideError {
    DecideError::Records { finding: shown_id(&finding.id), source }
}
