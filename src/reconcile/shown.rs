//! What media show of one another's transfers, put down until their payers are asked.

use super::transfers::{Earned, Shown};
use crate::device::{DeviceError, Put, Scratch};
use crate::format::transfer::{Receipt, Terms};
use crate::trust::Claimed;
use crate::units::{Amount, ByteCount, MediumId, Sequence};

impl Shown {
    /// Put it down.
    pub(super) fn put(&self, scratch: &Scratch) -> Result<Put, DeviceError> {
        let earned = self.earned.as_ref().expect("only what was earned goes to another medium");
        let Terms { transfer, entry, price, length, share_ppm } = &earned.terms;
        let parts: [&[u8]; 11] = [
            &earned.by.number().to_be_bytes(),
            &earned.fee.to_be_bytes(),
            &earned.seq.number().to_be_bytes(),
            &earned.start,
            &earned.event,
            transfer,
            entry,
            &price.minor().to_be_bytes(),
            &length.bytes().to_be_bytes(),
            &share_ppm.to_be_bytes(),
            &self.bytes,
        ];
        scratch.put(&parts.concat())
    }

    /// Take it up again.
    pub(super) fn take(scratch: &Scratch, put: Put) -> Result<Self, DeviceError> {
        let bytes = scratch.get(put)?;
        let shown = Self::read(&bytes);
        Ok(shown.expect("it is what was put down"))
    }

    pub(super) fn read(mut rest: &[u8]) -> Option<Self> {
        let rest = &mut rest;
        let by = MediumId::from_number(number(rest)?).ok()?;
        let fee = number(rest)?.cast_signed();
        let seq = Sequence::from_number(number(rest)?);
        let (start, event, transfer, entry) = (part(rest)?, part(rest)?, part(rest)?, part(rest)?);
        let price = Amount::from_minor(number(rest)?).ok()?;
        let length = ByteCount::from_bytes(number(rest)?);
        let share_ppm = u32::from_be_bytes(part(rest)?);
        let terms = Terms { transfer, entry, price, length, share_ppm };
        let receipt = Receipt::clone(&*Claimed::<Receipt>::read(rest).ok()?);
        let earned = Some(Earned { by, terms, start, event, fee, seq });
        Some(Self { receipt, bytes: rest.to_vec(), earned })
    }
}

fn part<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (part, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*part)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    part(rest).map(u64::from_be_bytes)
}
