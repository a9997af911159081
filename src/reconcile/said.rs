//! What media say of others, put down until all were looked at, so that memory doesn't grow with it.
//!
//! It is gone through as often as there are parts: what can only be held against one another lies in one
//! part, and a part fits into memory.

use std::collections::{BTreeMap, BTreeSet};

use super::first::{Fee, First, Kept};
use super::remembered::{Reader, Writer};
use super::transfers::Mark;
use super::twins::{Credit, Twin, twins};
use crate::device::{DeviceError, Put, Scratch};
use crate::units::{MediumId, Sequence, Timestamp};

/// Segments and vouchers that are held in memory at once, about.
const PART: usize = 1 << 20;
/// Parts are told apart by one byte.
const PARTS_MAX: usize = 256;

/// What stays in memory of a first look.
pub(super) struct Looked {
    pub(super) kept: Kept,
    pub(super) newest: Option<Timestamp>,
    /// What it says of others, if it says anything.
    said: Option<Put>,
    /// How many segments it closed, and how many vouchers it credited.
    counts: [u32; 2],
}

/// What media say of others.
pub(super) type AllLooked = BTreeMap<MediumId, Looked>;

/// What one medium says of others.
struct Said {
    fees: Vec<Fee>,
    closed: Vec<Mark>,
    credits: Vec<Credit>,
}

impl Looked {
    /// Put down what a first look gave of others.
    pub(super) fn of(first: First, scratch: &Scratch) -> Result<(MediumId, Self), DeviceError> {
        let First { medium, kept, newest, fees, closed, credits } = first;
        let counts = [closed.len(), credits.len()];
        let counts = counts.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        let nothing = fees.is_empty() && counts == [0, 0];
        let said = Said { fees, closed, credits };
        let said = (!nothing).then(|| scratch.put(&said.written())).transpose()?;
        Ok((medium, Self { kept, newest, said, counts }))
    }

    fn said(&self, medium: MediumId, scratch: &Scratch) -> Result<Option<Said>, DeviceError> {
        let Some(put) = self.said else { return Ok(None) };
        let said = Said::read(medium, &scratch.get(put)?);
        Ok(Some(said.expect("it is what was put down")))
    }
}

impl Said {
    fn written(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.number(self.fees.len() as u64);
        for Fee { payer, mark, vested, shown, .. } in &self.fees {
            let flags = u64::from(*vested);
            out.number(payer.number()).number(flags).bytes(mark.as_ref().map_or(&[], |one| one));
            out.bytes(&shown.map(Put::to_bytes).map_or(vec![], Vec::from));
        }
        out.bytes(self.closed.as_flattened()).number(self.credits.len() as u64);
        for Credit { id, voucher, seq, amount, bytes, .. } in &self.credits {
            out.bytes(id).bytes(voucher).number(seq.number()).number(amount.cast_unsigned());
            out.bytes(&bytes.to_bytes());
        }
        out.finish()
    }

    fn read(medium: MediumId, bytes: &[u8]) -> Option<Self> {
        let mut read = Reader::of(bytes);
        let (mut fees, mut credits) = (vec![], vec![]);
        for _ in 0..read.number()? {
            let payer = MediumId::from_number(read.number()?).ok()?;
            let vested = read.number()? == 1;
            let mark = read.bytes()?.try_into().ok();
            let shown = read.bytes()?.try_into().ok().map(Put::from_bytes);
            fees.push(Fee { by: medium, payer, mark, vested, shown });
        }
        let closed = read.bytes()?.as_chunks::<16>().0.to_vec();
        for _ in 0..read.number()? {
            let (id, voucher) = (read.bytes()?.try_into().ok()?, read.bytes()?.try_into().ok()?);
            let seq = Sequence::from_number(read.number()?);
            let amount = read.number()?.cast_signed();
            let bytes = Put::from_bytes(read.bytes()?.try_into().ok()?);
            credits.push(Credit { id, voucher, medium, seq, amount, bytes });
        }
        Some(Self { fees, closed, credits })
    }
}

/// How many parts so much is in.
fn parts(all: &AllLooked, of: usize) -> usize {
    let count: usize = all.values().map(|one| one.counts[of] as usize).sum();
    (count / PART + 1).min(PARTS_MAX)
}

/// The part that what begins so lies in; parts are in the order of what begins them.
fn part(begins: u8, parts: usize) -> usize {
    usize::from(begins) * parts / PARTS_MAX
}

fn each(all: &AllLooked, scratch: &Scratch, mut one: impl FnMut(Said)) -> Result<(), DeviceError> {
    for (medium, looked) in all {
        if let Some(said) = looked.said(*medium, scratch)? {
            one(said);
        }
    }
    Ok(())
}

/// The payers that are asked for fees, and all of those. What is settled on both sides, and the same on
/// both, is asked of nobody; if anything is asked of a payer, all of it is.
pub(super) fn in_question(
    all: &AllLooked,
    scratch: &Scratch,
) -> Result<(BTreeSet<MediumId>, Vec<Fee>), DeviceError> {
    let (mut asked, mut fees) = (BTreeSet::new(), vec![]);
    let parts = parts(all, 0);
    for at in 0..parts {
        let here = |mark: &Mark| part(mark[0], parts) == at;
        let mut closed: Vec<Mark> = vec![];
        each(all, scratch, |said| closed.extend(said.closed.into_iter().filter(here)))?;
        closed.sort_unstable();
        let agreed = |fee: &Fee| {
            let closed = |mark: Mark| closed.binary_search(&mark).is_ok();
            fee.vested && (!all.contains_key(&fee.payer) || fee.mark.is_some_and(closed))
        };
        each(all, scratch, |said| {
            let fees = said.fees.iter().filter(|fee| fee.mark.as_ref().is_none_or(here));
            asked.extend(fees.filter(|fee| !agreed(fee)).map(|fee| fee.payer));
        })?;
    }
    if !asked.is_empty() {
        each(all, scratch, |said| {
            fees.extend(said.fees.into_iter().filter(|fee| asked.contains(&fee.payer)));
        })?;
    }
    Ok((asked, fees))
}

/// Vouchers of which others have the same id.
pub(super) fn all_twins(
    all: &AllLooked,
    scratch: &Scratch,
) -> Result<BTreeMap<MediumId, Vec<Vec<Twin>>>, DeviceError> {
    let mut found: BTreeMap<MediumId, Vec<Vec<Twin>>> = BTreeMap::new();
    let parts = parts(all, 1);
    for at in 0..parts {
        let mut credits: Vec<Credit> = vec![];
        each(all, scratch, |said| {
            let here = said.credits.into_iter();
            credits.extend(here.filter(|credit| part(credit.id[0], parts) == at));
        })?;
        for (medium, twins) in twins(credits, scratch)? {
            found.entry(medium).or_default().extend(twins);
        }
    }
    Ok(found)
}
