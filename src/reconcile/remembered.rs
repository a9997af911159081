//! What is found of a medium as it is remembered: all that follows from its pieces, from what the
//! records know of it and from what all media are judged by.

use super::first::{Dated, Fee, First, Kept};
use super::transfers::{Ruled, Shown, Verdict};
use super::twins::Credit;
use crate::crypto::digest::sha256_parts;
use crate::device::{DeviceError, Keyed, Scratch, ValueKey};
use crate::format::Object;
use crate::format::plan::PlanEntry;
use crate::units::{MediumId, Sequence, Timestamp};

/// What a key is made for: another form of what is remembered is another word.
const FORM: &[u8] = b"scrip/found/2";

/// A key over what something was found from.
pub(super) fn key(parts: &[&[u8]]) -> ValueKey {
    let lengths: Vec<[u8; 8]> =
        parts.iter().map(|part| (part.len() as u64).to_be_bytes()).collect();
    let mut all = vec![FORM, lengths.as_flattened()];
    all.extend(parts);
    sha256_parts(&all)
}

/// Keep a value; what can't be kept is found anew by the next run.
pub(super) fn keep(memory: &Keyed, key: ValueKey, value: &[u8]) {
    let _ = memory.keep(key, value);
}

/// Bytes with their lengths in front, one behind the other.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

/// What a [`Writer`] wrote.
pub(super) struct Reader<'a>(&'a [u8]);

impl Writer {
    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64).0.extend(bytes);
        self
    }

    /// 0, or one more than its seconds.
    fn time(&mut self, time: Option<Timestamp>) -> &mut Self {
        self.number(time.map_or(0, |time| time.seconds() + 1))
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

impl<'a> Reader<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_be_bytes(*number))
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes()?.try_into().ok()
    }

    fn medium(&mut self) -> Option<MediumId> {
        MediumId::from_number(self.number()?).ok()
    }

    fn finished(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

impl First {
    /// As it is remembered, with what became of its pieces.
    pub(super) fn remembered(
        &self,
        scratch: &Scratch,
        became: &[u8],
    ) -> Result<Vec<u8>, DeviceError> {
        let mut out = Writer::default();
        out.bytes(became).bytes(&scratch.get(self.kept.entry)?);
        let (form, until) = match self.kept.dated {
            Dated::Never => (0, None),
            Dated::Until(until) => (1, until),
            Dated::Anew => (2, None),
        };
        out.number(form).time(until).time(self.newest).number(self.fees.len() as u64);
        for Fee { payer, mark, vested, shown, .. } in &self.fees {
            out.number(payer.number()).bytes(mark.as_ref().map_or(&[], |mark| &mark[..]));
            let shown = shown.map(|shown| scratch.get(shown)).transpose()?.unwrap_or_default();
            out.number((*vested).into()).bytes(&shown);
        }
        out.bytes(self.closed.as_flattened()).number(self.credits.len() as u64);
        for credit in &self.credits {
            out.bytes(&credit.id).bytes(&credit.voucher).number(credit.seq.number());
            out.number(credit.amount.cast_unsigned()).bytes(&scratch.get(credit.bytes)?);
        }
        Ok(out.finish())
    }

    /// Of what was remembered, and what became of its pieces; none of what was something else.
    pub(super) fn recalled<'v>(
        medium: MediumId,
        value: &'v [u8],
        scratch: &Scratch,
    ) -> Result<Option<(Self, &'v [u8])>, DeviceError> {
        let mut put = |bytes: &[u8]| scratch.put(bytes);
        Self::read(medium, value, &mut put).transpose()
    }

    fn read<'v, E>(
        medium: MediumId,
        value: &'v [u8],
        put: &mut dyn FnMut(&[u8]) -> Result<crate::device::Put, E>,
    ) -> Option<Result<(Self, &'v [u8]), E>> {
        let mut read = Reader::of(value);
        let (became, entry) = (read.bytes()?, read.bytes()?);
        is_entry_of(medium, entry)?;
        let dated = match (read.number()?, time(read.number()?)) {
            (0, _) => Dated::Never,
            (1, until) => Dated::Until(until),
            (2, _) => Dated::Anew,
            _ => return None,
        };
        let newest = time(read.number()?);
        let (mut fees, mut credits) = (vec![], vec![]);
        for _ in 0..read.number()? {
            let (payer, mark, vested) = (read.medium()?, read.bytes()?, read.number()? == 1);
            let mark = mark.try_into().ok();
            let shown = Some(read.bytes()?).filter(|shown| !shown.is_empty());
            if let Some(shown) = shown {
                Shown::read(shown)?;
            }
            match shown.map(&mut *put).transpose() {
                Ok(shown) => fees.push(Fee { by: medium, payer, mark, vested, shown }),
                Err(error) => return Some(Err(error)),
            }
        }
        let closed = read.bytes()?.as_chunks::<16>().0.to_vec();
        for _ in 0..read.number()? {
            let (id, voucher) = (read.array()?, read.array()?);
            let seq = Sequence::from_number(read.number()?);
            let amount = read.number()?.cast_signed();
            match put(read.bytes()?) {
                Ok(bytes) => credits.push(Credit { id, voucher, medium, seq, amount, bytes }),
                Err(error) => return Some(Err(error)),
            }
        }
        read.finished()?;
        let entry = match put(entry) {
            Ok(entry) => entry,
            Err(error) => return Some(Err(error)),
        };
        let kept = Kept { entry, dated };
        Some(Ok((Self { medium, kept, newest, fees, closed, credits }, became)))
    }
}

/// Is this an entry of a plan, of this medium?
pub(super) fn is_entry_of(medium: MediumId, bytes: &[u8]) -> Option<()> {
    let entry = PlanEntry::decode(bytes).ok()?;
    (entry.medium == Some(medium)).then_some(())
}

/// Would a run believe a value that it remembers, of any kind? One that it wouldn't is found anew.
pub fn is_believed(medium: MediumId, value: &[u8]) -> bool {
    let mut put = |bytes: &[u8]| Scratch::memory().put(bytes);
    let first = First::read(medium, value, &mut put).is_some();
    first || ruled(value).is_some() || is_entry_of(medium, value).is_some()
}

/// What [`Writer::time`] wrote.
fn time(number: u64) -> Option<Timestamp> {
    Timestamp::from_seconds(number.checked_sub(1)?).ok()
}

/// Verdicts as they are remembered.
pub(super) fn rulings(ruled: &[Ruled]) -> Vec<u8> {
    let mut out = Writer::default();
    for Ruled { by, place: (payer, transfer, seq), receipt, verdict } in ruled {
        let (form, start, fee) = match verdict {
            Verdict::Vests => (0, [0; 32], 0),
            Verdict::Forged => (1, [0; 32], 0),
            Verdict::NoPayer => (2, [0; 32], 0),
            Verdict::NoStart => (3, [0; 32], 0),
            Verdict::OtherTerms { start, fee } => (4, *start, *fee),
        };
        out.number(by.number()).number(payer.number()).bytes(transfer).number(seq.number());
        out.bytes(receipt).number(form).bytes(&start).number(fee.cast_unsigned());
    }
    out.finish()
}

/// Verdicts of what was remembered.
pub(super) fn ruled(value: &[u8]) -> Option<Vec<Ruled>> {
    let (mut read, mut all) = (Reader::of(value), vec![]);
    while read.finished().is_none() {
        let (by, payer, transfer) = (read.medium()?, read.medium()?, read.array()?);
        let seq = Sequence::from_number(read.number()?);
        let (receipt, form, start) = (read.array()?, read.number()?, read.array()?);
        let fee = read.number()?.cast_signed();
        let verdict = match form {
            0 => Verdict::Vests,
            1 => Verdict::Forged,
            2 => Verdict::NoPayer,
            3 => Verdict::NoStart,
            4 => Verdict::OtherTerms { start, fee },
            _ => return None,
        };
        all.push(Ruled { by, place: (payer, transfer, seq), receipt, verdict });
    }
    Some(all)
}
