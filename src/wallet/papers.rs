//! Papers kept beside the journal of a medium that is open for writing.

use super::attached::{Attached, Keeping, NotKept, Reliance, Standing};
use super::opened::{CommitError, Opened};
use super::settling::{ApplyRefusal, Settling, opened_file};
use crate::crypto::Random;
use crate::device::{Device, DeviceError};
use crate::format::field::Bytes;
use crate::image::check::Grounds;
use crate::image::papers::{Keeper, KeptPapers, PaperFiles, PaperState};
use crate::journal::{self, Use};
use crate::ledger::next;
use crate::trust::access::HolderKeys;
use crate::units::Timestamp;

/// Why what goes with a checkpoint could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// It is no file that counts here.
    #[error(transparent)]
    Refused(#[from] ApplyRefusal),
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] journal::ReadError),
    /// The papers files could not be read or written.
    #[error("papers files: {0}")]
    Device(#[from] DeviceError),
}

/// The papers files of a medium that has some, and what counts of them.
pub(super) fn read(
    device: &dyn Device,
    grounds: &Grounds,
) -> Result<Option<PaperFiles>, DeviceError> {
    let keeper = Keeper { certificate: &grounds.certificate, issuer: &grounds.issuer };
    grounds.papers.map(|starts| PaperFiles::read(device, starts, &keeper)).transpose()
}

/// Keep again what goes with a checkpoint that was taken over before, on a medium whose records may
/// rely on papers that it lost. `device` is what its journal lies on, to be written by nobody else.
pub fn keep_again(
    device: &dyn Device,
    grounds: &Grounds,
    bytes: &[u8],
) -> Result<Vec<Attached>, KeepError> {
    let (file, _) = opened_file(grounds, bytes)?;
    let mut files = read(device, grounds)?;
    let kept = files.as_ref().map(PaperFiles::kept).unwrap_or_default();
    let grounds = grounds.keeping(kept, None);
    let chain = journal::survey(device, &grounds.journal)?.records;
    let keeping = Keeping::of(&grounds, &Reliance::of(&chain), &file.attachments.0);
    let _kept = write(device, files.as_mut(), &keeping.papers)?;
    Ok(keeping.attached)
}

/// Write papers if they are others than those that count, or what stood beside those is damaged.
fn write(
    device: &dyn Device,
    files: Option<&mut PaperFiles>,
    papers: &KeptPapers,
) -> Result<Option<KeptPapers>, DeviceError> {
    let Some(files) = files else { return Ok(None) };
    if papers.holds_as(&files.kept()) && !matches!(files.state(), PaperState::Damaged(_)) {
        return Ok(None);
    }
    files.write(device, papers).map(Some)
}

impl<D: Device> Opened<D> {
    /// Keep what goes with a checkpoint: before it is taken over, since records behind it rely on
    /// that, and once more behind it, for a list that revokes what records before it credited.
    ///
    /// Papers are written to A, flush, to B, flush, as a new generation: stopped anywhere, what was
    /// kept is kept. What becomes of each file is told.
    pub fn keep(&mut self, checkpoint: &Settling) -> Result<Vec<Attached>, DeviceError> {
        self.keep_files(&checkpoint.file.attachments.0)
    }

    /// Keep again what goes with a checkpoint that was taken over before, and is not here any more.
    pub fn keep_again(&mut self, bytes: &[u8]) -> Result<Vec<Attached>, KeepError> {
        let (file, _) = opened_file(&self.medium.grounds, bytes)?;
        Ok(self.keep_files(&file.attachments.0)?)
    }

    fn keep_files(&mut self, files: &[Bytes]) -> Result<Vec<Attached>, DeviceError> {
        let Keeping { papers, attached } = self.medium.keeping(files);
        if let Some(kept) = write(self.journal.device(), self.papers.as_mut(), &papers)? {
            self.medium.keep(kept);
        }
        Ok(attached)
    }

    /// Have the newest policy that is here bind from now on, by a record, if it doesn't: its number.
    pub fn bind_policy(
        &mut self,
        keys: &HolderKeys,
        now: Timestamp,
        rng: &mut dyn Random,
    ) -> Result<Option<u64>, CommitError> {
        let Some(policy) = self.medium.waiting_policy().cloned() else { return Ok(None) };
        let mut event = [0; 16];
        rng.fill(&mut event);
        let record = next::policy(&self.medium.account.state, &self.host(now), event, &policy);
        self.commit_own(keys, &record, Use::Keeps)?;
        Ok(Some(policy.number))
    }
}

/// What became of each file at first, or once the checkpoint had been taken over.
pub fn in_the_end(before: Vec<Attached>, after: Vec<Attached>) -> Vec<Attached> {
    let pairs = before.into_iter().zip(after);
    let settled = |(before, after): (Attached, Attached)| match before.standing {
        Standing::NotKept(NotKept::Binds(_)) => after,
        _ => before,
    };
    pairs.map(settled).collect()
}
