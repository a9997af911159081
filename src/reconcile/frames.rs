//! Rows of frames in a file: an export's, an old generation's, a branch's, a whole copy's.

use crate::device::MemoryDevice;
use crate::format::cose::stated_kind;
use crate::format::papers::Papers;
use crate::format::{Kind, Object};
use crate::journal::frame::Frame;
use crate::journal::opening::Opening;
use crate::journal::{Place, survey};

/// What stands in frames, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// The chain in its order: where it was compacted, the checkpoint and its certificate first.
    pub(super) chain: Vec<Vec<u8>>,
    /// What was carried outside the chain.
    pub(super) outside: Vec<Vec<u8>>,
    /// What the copies hold beside, where they part.
    pub(super) rival: Vec<Vec<u8>>,
    /// What is wrong, in words that name no file.
    pub(super) fault: Option<String>,
}

impl Row {
    /// The frames that `bytes` begins with; a copy of a journal is read with both its banks.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let (row, rest) = Self::plain(bytes);
        if rest == 0 {
            return row;
        }
        let fault = format!("frame {} is cut off or damaged", row.frames());
        let whole = Self::copies(bytes.to_vec(), [0, 0], bytes.len() as u64);
        if whole.fault.is_none() && whole.chain.len() >= row.chain.len() {
            return whole;
        }
        Self { fault: Some(fault), ..row }
    }

    /// The frames of an export, and the papers behind them, if its medium keeps any.
    pub(super) fn before_papers(bytes: &[u8]) -> (&[u8], Option<Papers>) {
        let (_, rest) = Self::plain(bytes);
        let (frames, rest) = bytes.split_at(bytes.len() - rest);
        let papers = Papers::decode(rest).ok().filter(|papers| papers.check == papers.checked());
        match papers {
            Some(papers) => (frames, Some(papers)),
            None => (bytes, None),
        }
    }

    /// Two copies of a journal, read as on a medium.
    pub(super) fn copies(bytes: Vec<u8>, starts: [u64; 2], length: u64) -> Self {
        let place = Place { starts, bytes: length };
        Self::surveyed(&MemoryDevice::from_bytes(bytes), &place)
    }

    /// What a medium's journal holds, as far as it is there.
    pub(super) fn surveyed(device: &dyn crate::device::Device, place: &Place) -> Self {
        match survey(device, place) {
            Ok(reading) => {
                let fault = reading.lost.map(|lost| {
                    let (index, later) = (lost.index, lost.later);
                    format!("frame {index} is lost in both copies, frame {later} is there")
                });
                let (chain, outside, rival) = (reading.records, reading.outside, reading.rival);
                Self { chain, outside, rival, fault }
            }
            Err(error) => Self { fault: Some(error.to_string()), ..Self::default() },
        }
    }

    /// Frames that follow one another from the beginning, and how many bytes stand behind them.
    fn plain(bytes: &[u8]) -> (Self, usize) {
        let (mut rest, mut frames) = (bytes, vec![]);
        while let Some(frame) = Frame::decode(rest) {
            let follows = usize::try_from(frame.index) == Ok(frames.len());
            if !follows {
                break;
            }
            rest = rest.get(frame.stored_bytes()..).unwrap_or_default();
            frames.push(frame.record);
        }
        let opening = frames.first().and_then(|first| Opening::decode(first));
        let mut row = Self::default();
        match opening {
            None => row.chain = frames,
            Some(opening) => {
                let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
                let chain = count(opening.carried - opening.outside);
                let mut frames = frames.into_iter().skip(1);
                row.chain = frames.by_ref().take(chain).collect();
                row.outside = frames.by_ref().take(count(opening.outside)).collect();
                row.chain.extend(frames);
            }
        }
        (row, rest.len())
    }

    fn frames(&self) -> usize {
        self.chain.len() + self.outside.len()
    }

    /// The checkpoint and its settler's certificate, where the chain begins behind one.
    pub(super) fn begins_behind(&self) -> Option<(&[u8], &[u8])> {
        match self.chain.as_slice() {
            [checkpoint, certificate, ..] if stated_kind(checkpoint) == Some(Kind::Checkpoint) => {
                Some((checkpoint, certificate))
            }
            _ => None,
        }
    }

    /// The records of the chain.
    pub(super) fn records(&self) -> &[Vec<u8>] {
        let skipped = if self.begins_behind().is_some() { 2 } else { 0 };
        &self.chain[skipped..]
    }
}
