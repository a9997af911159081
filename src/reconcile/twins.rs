//! One voucher's id on two different vouchers: their store signed one serial two times.

use std::collections::BTreeMap;

use super::finding::Draft;
use super::judged::Judged;
use super::told::{Says, Told};
use crate::crypto::digest::sha256;
use crate::device::{DeviceError, Put, Scratch};
use crate::format::plan::Class;
use crate::format::sheet::Voucher;
use crate::trust::Claimed;
use crate::units::{MediumId, Sequence};

/// Where a voucher was credited.
#[derive(Debug, Clone, Copy)]
pub(super) struct Credit {
    pub(super) id: [u8; 16],
    /// SHA-256 over the voucher.
    pub(super) voucher: [u8; 32],
    pub(super) medium: MediumId,
    pub(super) seq: Sequence,
    pub(super) amount: i64,
    pub(super) bytes: Put,
}

/// A voucher of several with one id.
#[derive(Debug, Clone)]
pub(super) struct Twin {
    medium: MediumId,
    seq: Sequence,
    amount: i64,
    voucher: Vec<u8>,
}

/// The vouchers that a medium's records credit, by the hashes of the records.
pub(super) fn credits(
    medium: MediumId,
    told: &[Told<'_>],
    scratch: &Scratch,
) -> Result<Vec<Credit>, DeviceError> {
    let read = told.iter().filter_map(|record| {
        let Says::Voucher(voucher) = record.says else { return None };
        let id = Claimed::<Voucher>::read(voucher).ok()?.id;
        Some((id, voucher, record))
    });
    let read: Vec<_> = read.collect();
    let vouchers: Vec<&[u8]> = read.iter().map(|(_, voucher, _)| *voucher).collect();
    let puts = if vouchers.is_empty() { vec![] } else { scratch.put_all(&vouchers)? };
    let credits = read.into_iter().zip(puts).map(|((id, voucher, record), bytes)| {
        let (voucher, seq, amount) = (sha256(voucher), record.seq, record.amount.unwrap_or(0));
        Credit { id, voucher, medium, seq, amount, bytes }
    });
    Ok(credits.collect())
}

/// Those that have one id and differ, for each medium that holds one; credits come by their media.
pub(super) fn twins(
    mut credits: Vec<Credit>,
    scratch: &Scratch,
) -> Result<BTreeMap<MediumId, Vec<Vec<Twin>>>, DeviceError> {
    credits.sort_by_key(|credit| credit.id);
    let mut found: BTreeMap<MediumId, Vec<Vec<Twin>>> = BTreeMap::new();
    for same in credits.chunk_by(|one, other| one.id == other.id) {
        if same.iter().all(|credit| credit.voucher == same[0].voucher) {
            continue;
        }
        // Where one voucher was credited two times, the last place stands for it.
        let last: BTreeMap<_, &Credit> =
            same.iter().map(|credit| (credit.voucher, credit)).collect();
        let mut all = vec![];
        for credit in last.values() {
            let Credit { medium, seq, amount, bytes, .. } = **credit;
            all.push(Twin { medium, seq, amount, voucher: scratch.get(bytes)? });
        }
        all.sort_by(|one, other| one.voucher.cmp(&other.voucher));
        let mut media: Vec<MediumId> = all.iter().map(|twin| twin.medium).collect();
        media.sort_unstable();
        media.dedup();
        for medium in media {
            found.entry(medium).or_default().push(all.clone());
        }
    }
    Ok(found)
}

/// Tell a medium which of its vouchers have twins.
pub(super) fn tell_twins(judged: &mut Judged, all: &[Vec<Twin>]) {
    let medium = judged.medium;
    for twins in all {
        for own in twins.iter().filter(|own| own.medium == medium) {
            let mut draft = Draft::of(Class::DuplicateCodeOrVid).at(own.seq).moving(own.amount);
            for Twin { medium, amount, voucher, .. } in twins {
                draft = draft.shown(format!("a voucher of {amount} for medium {medium}"), voucher);
            }
            judged.tell(draft);
        }
    }
}
