//! What people decided about findings, kept as they signed it.

use super::Records;
use super::accounts::{FindingId, KnownFinding, Row};
use super::database::{StorageError, operation_error};
use super::known::{Standing, findings};
use super::statement::Transaction;
use super::value::Value;
use crate::units::{MediumId, Timestamp};

/// A decision to be kept.
#[derive(Debug, Clone, Copy)]
pub struct Ruled<'a> {
    /// The finding.
    pub finding: FindingId,
    /// Its medium, and where that has to stand; none where it is no medium's, or of one whose number
    /// was never given out.
    pub medium: Option<(MediumId, Row)>,
    /// Its file.
    pub content: &'a [u8],
}

/// Why a decision isn't kept.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// A checkpoint answered the finding.
    #[error("it was answered by checkpoint {number}, posted at {at}: nothing is left to decide")]
    Answered {
        /// By which.
        number: u64,
        /// When.
        at: Timestamp,
    },
    /// The medium was settled meanwhile.
    #[error("medium {medium}: the plan saw {planned}, the records hold {found}")]
    Moved {
        /// The medium.
        medium: MediumId,
        /// Where the plan saw it.
        planned: Box<Row>,
        /// Where it stands.
        found: Box<Row>,
    },
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

operation_error!(DecideError);

impl Records {
    /// Keep a decision, unless its finding was answered or its medium moved meanwhile.
    pub fn decide(&mut self, ruled: &Ruled<'_>, now: Timestamp) -> Result<(), DecideError> {
        const NEXT: &str = "SELECT COUNT(*) FROM decisions";
        const ADD: &str = "INSERT INTO decisions (number, finding, medium, at, content) \
            VALUES ($1, $2, $3, $4, $5)";
        self.database.write(|tx| {
            check(tx, ruled)?;
            let number = 1 + tx.row(NEXT, &[], |row| row.count(0))?.unwrap_or(0);
            let medium = ruled.medium.map_or(Value::Nothing, |(medium, _)| medium.into());
            let (finding, content) = (Value::Bytes(&ruled.finding), Value::Bytes(ruled.content));
            tx.execute(ADD, &[Value::count(number), finding, medium, now.into(), content])?;
            Ok(())
        })
    }

    /// Whether [`Records::decide`] would keep it.
    pub fn try_decide(&mut self, ruled: &Ruled<'_>) -> Result<(), DecideError> {
        self.database.read(|tx| check(tx, ruled))
    }

    /// The findings that checkpoints answered, with their media: those that `is` says yes to.
    pub fn answered(
        &mut self,
        is: impl Fn(&FindingId) -> bool,
    ) -> Result<Vec<(MediumId, KnownFinding)>, StorageError> {
        const ALL: &str = "SELECT medium, finding FROM answered_findings ORDER BY medium, finding";
        self.database.read(|tx| {
            let all = tx.rows(ALL, &[], |row| Ok((row.medium(0)?, row.array(1)?)))?;
            let mut found = vec![];
            for (medium, id) in all.into_iter().filter(|(_, id)| is(id)) {
                let own = findings(tx, medium)?.into_iter();
                found.extend(
                    own.filter(|known| known.finding.id == id).map(|known| (medium, known)),
                );
            }
            Ok(found)
        })
    }

    /// The files of the decisions that count, by their findings.
    pub fn decisions(&mut self) -> Result<Vec<Vec<u8>>, StorageError> {
        const NEWEST: &str = "SELECT content FROM decisions WHERE number = (SELECT MAX(number) \
            FROM decisions AS newer WHERE newer.finding = decisions.finding) ORDER BY finding";
        self.database.read(|tx| tx.rows(NEWEST, &[], |row| Ok(row.bytes(0)?.to_vec())))
    }
}

fn check(tx: &mut Transaction<'_>, ruled: &Ruled<'_>) -> Result<(), DecideError> {
    let Some((medium, planned)) = ruled.medium else { return Ok(()) };
    let answered = findings(tx, medium)?;
    let answered = answered.iter().find(|known| known.finding.id == ruled.finding);
    if let Some(KnownFinding { number, at, .. }) = answered {
        return Err(DecideError::Answered { number: *number, at: *at });
    }
    let found = Standing::of(tx, medium)?.row;
    if found == planned {
        return Ok(());
    }
    Err(DecideError::Moved { medium, planned: Box::new(planned), found: Box::new(found) })
}
