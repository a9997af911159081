//! The papers that a medium keeps beside its journal: what came with its checkpoints.
//!
//! Two files of two slots each. A generation lies in slot `generation % 2` of both, so that writing
//! one never touches the one before. The highest generation that is whole in either file counts:
//! each paper in it is signed, and more papers than a journal needs do no harm.

use crate::device::{Device, DeviceError};
use crate::format::checkpoint::Bounded;
use crate::format::field::Bytes;
use crate::format::medium::MediumCertificate;
use crate::format::papers::{PAPERS_SLOT_BYTES, PAPERS_SLOTS, Papers};
use crate::format::policy::{Policy, Revocation};
use crate::format::sheet::Sheet;
use crate::format::{Object, cbor};
use crate::trust::{Signer, TrustError, Verified};

/// The papers of one generation, each verified.
#[derive(Debug, Clone, Default)]
pub struct KeptPapers {
    /// 0 where nothing was ever kept.
    pub generation: u64,
    /// Policies, lowest number first.
    pub policies: Vec<Verified<Policy>>,
    /// Sheets, newest first.
    pub sheets: Vec<Verified<Sheet>>,
    /// A revocation list.
    pub revocation: Option<Verified<Revocation>>,
}

impl PartialEq for KeptPapers {
    fn eq(&self, other: &Self) -> bool {
        self.object() == other.object()
    }
}

impl Eq for KeptPapers {}

impl KeptPapers {
    /// How many papers there are.
    pub fn count(&self) -> usize {
        self.policies.len() + self.sheets.len() + usize::from(self.revocation.is_some())
    }

    /// Does it hold the same papers, of whatever generation?
    pub fn holds_as(&self, other: &Self) -> bool {
        Self { generation: other.generation, ..self.clone() } == *other
    }

    /// As a slot holds it.
    pub fn object(&self) -> Papers {
        let policies = self.policies.iter().map(|policy| Bytes(policy.bytes().to_vec()));
        let sheets = self.sheets.iter().map(|sheet| Bytes(sheet.bytes().to_vec()));
        let mut papers = Papers {
            generation: self.generation,
            policies: Bounded(policies.collect()),
            sheets: Bounded(sheets.collect()),
            revocation: self.revocation.as_ref().map(|list| Bytes(list.bytes().to_vec())),
            check: [0; 32],
        };
        papers.check = papers.checked();
        papers
    }

    /// Verify what a slot holds: all of it has to be this medium's issuer's, and for this medium.
    pub fn open(papers: &Papers, keeper: &Keeper<'_>) -> Option<Self> {
        let sheets = papers.sheets.0.iter().map(|bytes| keeper.sheet(&bytes.0));
        let policies = papers.policies.0.iter().map(|bytes| keeper.issuer.open(&bytes.0));
        let list = papers.revocation.as_ref().map(|bytes| keeper.issuer.open(&bytes.0));
        Some(Self {
            generation: papers.generation,
            policies: policies.collect::<Result<_, _>>().ok()?,
            sheets: sheets.collect::<Option<_>>()?,
            revocation: list.transpose().ok()?,
        })
    }
}

/// Whose papers are kept: what they have to be signed by and for.
#[derive(Debug, Clone, Copy)]
pub struct Keeper<'a> {
    /// The medium's certificate.
    pub certificate: &'a MediumCertificate,
    /// Its issuer.
    pub issuer: &'a Signer,
}

impl Keeper<'_> {
    /// A sheet of this medium, in its currency.
    pub fn sheet(&self, bytes: &[u8]) -> Option<Verified<Sheet>> {
        let sheet: Result<Verified<Sheet>, TrustError> = self.issuer.open(bytes);
        let own = |sheet: &Verified<Sheet>| {
            sheet.medium == self.certificate.medium && sheet.currency == self.certificate.currency
        };
        sheet.ok().filter(own)
    }
}

/// Both papers files as they stand.
#[derive(Debug)]
pub struct PaperFiles {
    starts: [u64; 2],
    /// By copy, then by slot.
    slots: [[PaperSlot; PAPERS_SLOTS]; 2],
}

/// What a slot of one file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PaperSlot {
    Empty,
    /// Torn, or nothing that this medium's issuer signed for it.
    Torn,
    Whole(Box<KeptPapers>),
}

/// What the two papers files hold together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaperState {
    /// Both hold so many papers.
    Sound(usize),
    /// A copy lacks what counts.
    Repaired {
        /// How many papers there are.
        papers: usize,
        /// Which copies lack them, 0 for A.
        lacking: Vec<usize>,
    },
    /// A slot is damaged in both: what it held may be lost.
    Damaged(usize),
}

impl PaperSlot {
    fn read(bytes: &[u8], at: usize, keeper: &Keeper<'_>) -> Self {
        let object = match cbor::unpad(bytes) {
            Ok(None) => return Self::Empty,
            Ok(Some(object)) => object,
            Err(_) => return Self::Torn,
        };
        let papers = Papers::decode(object).ok().filter(|papers| papers.check == papers.checked());
        let range = 1..u64::MAX;
        let own = |papers: &Papers| {
            range.contains(&papers.generation) && slot_of(papers.generation) == at
        };
        let kept = papers.filter(own).and_then(|papers| KeptPapers::open(&papers, keeper));
        kept.map_or(Self::Torn, |kept| Self::Whole(Box::new(kept)))
    }

    fn whole(&self) -> Option<&KeptPapers> {
        match self {
            Self::Whole(kept) => Some(kept),
            Self::Empty | Self::Torn => None,
        }
    }
}

/// The slot of a generation.
fn slot_of(generation: u64) -> usize {
    usize::from(generation % PAPERS_SLOTS as u64 == 1)
}

impl PaperFiles {
    /// Read both files.
    pub fn read(
        device: &dyn Device,
        starts: [u64; 2],
        keeper: &Keeper<'_>,
    ) -> Result<Self, DeviceError> {
        let mut slots = [0, 1].map(|_| [PaperSlot::Empty, PaperSlot::Empty]);
        let mut bytes = vec![0; PAPERS_SLOT_BYTES];
        for (copy, start) in slots.iter_mut().zip(starts) {
            for (at, slot) in copy.iter_mut().enumerate() {
                device.read_at(start + (at * PAPERS_SLOT_BYTES) as u64, &mut bytes)?;
                *slot = PaperSlot::read(&bytes, at, keeper);
            }
        }
        Ok(Self { starts, slots })
    }

    /// The generation that counts; of two of one number that of A, which is written first.
    pub fn kept(&self) -> KeptPapers {
        let whole = self.slots.iter().rev().flatten().filter_map(PaperSlot::whole);
        whole.max_by_key(|kept| kept.generation).cloned().unwrap_or_default()
    }

    /// How the two files stand.
    pub fn state(&self) -> PaperState {
        let papers = self.kept().count();
        let torn = |at: &usize| self.slots.iter().all(|copy| copy[*at] == PaperSlot::Torn);
        let lacking = self.lacking();
        if (0..PAPERS_SLOTS).any(|at| torn(&at)) {
            PaperState::Damaged(papers)
        } else if lacking.is_empty() {
            PaperState::Sound(papers)
        } else {
            PaperState::Repaired { papers, lacking }
        }
    }

    /// The copies that lack what counts.
    fn lacking(&self) -> Vec<usize> {
        let kept = self.kept();
        let own = |copy: &usize| self.slots[*copy][slot_of(kept.generation)].whole() == Some(&kept);
        (0..2).filter(|copy| kept.generation > 0 && !own(copy)).collect()
    }

    /// Give each copy what counts, if it lacks that: A, flush, then B, flush. Gives to how many.
    pub fn repair(&mut self, device: &dyn Device) -> Result<usize, DeviceError> {
        let (kept, lacking) = (self.kept(), self.lacking());
        for copy in &lacking {
            self.put(device, *copy, &kept)?;
        }
        Ok(lacking.len())
    }

    /// Keep these papers from now on, as the next generation: A, flush, then B, flush. It gives
    /// what is kept then.
    ///
    /// Stopped anywhere, the files hold what was kept before, or this.
    pub fn write(
        &mut self,
        device: &dyn Device,
        papers: &KeptPapers,
    ) -> Result<KeptPapers, DeviceError> {
        let generation = self.kept().generation + 1;
        let papers = KeptPapers { generation, ..papers.clone() };
        for copy in 0..2 {
            self.put(device, copy, &papers)?;
        }
        Ok(papers)
    }

    fn put(
        &mut self,
        device: &dyn Device,
        copy: usize,
        papers: &KeptPapers,
    ) -> Result<(), DeviceError> {
        let at = slot_of(papers.generation);
        let mut bytes = papers.object().encode();
        bytes.resize(PAPERS_SLOT_BYTES, 0);
        device.write_at(self.starts[copy] + (at * PAPERS_SLOT_BYTES) as u64, &bytes)?;
        device.flush()?;
        self.slots[copy][at] = PaperSlot::Whole(Box::new(papers.clone()));
        Ok(())
    }
}
