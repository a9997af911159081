//! Resealing: giving a touched medium back the bytes that its seal was made over.
//!
//! The manifest fixes every byte of the read-only area's file system, so nothing has to be kept for
//! this: the layout is computed anew, and each sector that differs is written. Only sectors of the
//! file system are ever written, and only on a medium whose verdict is *touched*.
//!
//! Each state between two writes is touched, too. Sectors in which a directory ends go from the
//! last to the first, each flushed: what a system added there is cut off from its end, as it is
//! when a system removes it. The order of all others doesn't matter.

use super::check::{self, CheckError, Identity, Reading, Report, Verdict};
use super::layout::Layout;
use super::leaves::CHUNK_BYTES;
use crate::device::{Device, DeviceError, Target};
use crate::fat::Plan;
use crate::phrases;
use crate::trust::Trust;
use crate::words::Phrase;

phrases! {
    fn no_number() { en: "its number is not known", ja: "媒体番号が分かりません" }
    fn no_manifest() {
        en: "its manifest can't be read any more",
        ja: "署名された一覧がもう読めません",
    }
}

/// Written as one.
const SECTOR_BYTES: usize = 512;
/// A directory's record: a sector whose last one is empty ends its directory.
const RECORD_BYTES: usize = 32;

/// Why a medium was not resealed.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    /// It could not be checked.
    #[error("{0}")]
    Check(#[from] CheckError),
    /// More than housekeeping differs, so that there is nothing to restore it to.
    #[error(
        "the verdict is {verdict}, and only a touched medium can be resealed: {}",
        reason.en()
    )]
    NotTouched {
        /// The verdict.
        verdict: Verdict,
        /// The first fault.
        reason: Phrase,
    },
    /// It could not be written or read back.
    #[error("{doing}: {source}")]
    Device {
        /// Gerund.
        doing: &'static str,
        /// What went wrong.
        source: DeviceError,
    },
    /// A sector doesn't hold what was written to it.
    #[error("reading back: the sector at byte {offset} does not hold what was written")]
    ReadBack {
        /// Its first byte on the medium.
        offset: u64,
    },
    /// Everything was written, and it still isn't sealed.
    #[error("the verdict after resealing is {verdict}, expected sealed")]
    StillNot {
        /// The verdict.
        verdict: Verdict,
    },
}

/// What a medium needs to be sealed again; nothing is written yet.
pub struct Mending {
    reading: Reading,
    report: Report,
    /// Offset on the medium and bytes of each sector that differs, ascending.
    sectors: Vec<(u64, [u8; SECTOR_BYTES])>,
}

/// Judge a medium that was read, and find the sectors that keep it from being sealed.
///
/// Refused are media that are altered or none at all. A sealed one needs no sector.
pub fn prepare(
    reading: Reading,
    device: &dyn Device,
    trust: &Trust,
    identity: &Identity,
) -> Result<Mending, ResealError> {
    let report = check::judge(&reading, device, trust, identity)?;
    let sectors = if report.verdict == Verdict::Sealed {
        vec![]
    } else {
        let (layout, plan) = touched(&reading, device, trust, &report)?;
        differing(device, &layout, &plan).map_err(doing("reading"))?
    };
    Ok(Mending { reading, report, sectors })
}

/// How a touched medium is laid out; all others are refused.
fn touched(
    reading: &Reading,
    device: &dyn Device,
    trust: &Trust,
    report: &Report,
) -> Result<(Layout, Plan), ResealError> {
    let refused = |reason| Err(ResealError::NotTouched { verdict: report.verdict, reason });
    let medium = match (report.verdict, report.faults.first(), &report.medium) {
        (Verdict::Touched, None, Some(medium)) => medium.number,
        (_, Some(fault), _) => return refused(fault.phrase()),
        _ => return refused(no_number()),
    };
    match check::planned(reading, device, trust, medium)? {
        Some(planned) => Ok(planned),
        None => refused(no_manifest()),
    }
}

impl Mending {
    /// What the check found.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// How many bytes are to be written.
    pub fn bytes(&self) -> u64 {
        (self.sectors.len() * SECTOR_BYTES) as u64
    }

    /// Write the sectors, read them back, and check the medium again.
    ///
    /// If it is broken off the medium is still touched, and resealing can begin anew.
    pub fn write(
        mut self,
        device: &dyn Target,
        trust: &Trust,
        identity: &Identity,
    ) -> Result<Report, ResealError> {
        let flush = || device.flush().map_err(doing("flushing"));
        for (offset, bytes) in self.sectors.iter().rev() {
            device.write_at(*offset, bytes).map_err(doing("writing"))?;
            if bytes.ends_with(&[0; RECORD_BYTES]) {
                flush()?;
            }
        }
        flush()?;
        for (offset, bytes) in &self.sectors {
            let mut found = [0; SECTOR_BYTES];
            device.read_back_at(*offset, &mut found).map_err(doing("reading back"))?;
            if found != *bytes {
                return Err(ResealError::ReadBack { offset: *offset });
            }
            let sector = *offset..*offset + SECTOR_BYTES as u64;
            self.reading.refresh(device, sector).map_err(doing("reading back"))?;
        }
        let report = check::judge(&self.reading, device, trust, identity)?;
        match report.verdict {
            Verdict::Sealed => Ok(report),
            verdict => Err(ResealError::StillNot { verdict }),
        }
    }
}

/// The sectors of a medium's read-only file system that aren't as planned.
fn differing(
    device: &dyn Device,
    layout: &Layout,
    plan: &Plan,
) -> Result<Vec<(u64, [u8; SECTOR_BYTES])>, DeviceError> {
    let mut sectors = vec![];
    for range in plan.metadata_ranges() {
        for start in (range.start..range.end).step_by(CHUNK_BYTES) {
            let count = (range.end - start).min(CHUNK_BYTES as u64);
            let mut found = vec![0; usize::try_from(count).expect("at most a chunk")];
            let mut expected = found.clone();
            let offset = layout.rom().start + start;
            device.read_at(offset, &mut found)?;
            plan.read_metadata(start, &mut expected);
            let (found, expected) = (found.as_chunks().0, expected.as_chunks().0);
            let pairs = (offset..).step_by(SECTOR_BYTES).zip(found.iter().zip(expected));
            let differ = pairs.filter(|(_, (found, expected))| found != expected);
            sectors.extend(differ.map(|(offset, (_, expected))| (offset, *expected)));
        }
    }
    Ok(sectors)
}

fn doing(doing: &'static str) -> impl Fn(DeviceError) -> ResealError {
    move |source| ResealError::Device { doing, source }
}
