//! Revoking media, sheets and stores: a new list with a higher number, which holds all the old
//! one held.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;

use super::{CertifiedKey, ClockError, Issuer, OpenError, REVOCATION_FILE, open_revoked};
use crate::device::{FolderError, Privacy};
use crate::format::field::{Bytes, Field};
use crate::format::policy::{Revocation, RevokedStore, UnsoldKit, UnsoldSlots};
use crate::format::sheet::{KIT_SHEETS_MAX, SheetId, sheet_id};
use crate::format::store::StoreEntry;
use crate::format::{Kind, cbor};
use crate::records::{HandedSlots, RevokeError, StorageError, StoreRefusal};
use crate::shop::{ExportError, read_export};
use crate::trust::{Revoked, TestRoots, Trust, TrustError, Verified, sign, verify};
use crate::units::{MediumId, StoreId, Timestamp};

/// What is to be revoked.
#[derive(Debug, Clone)]
pub enum Revoke {
    /// A medium: nothing is added to it any more.
    Medium(MediumId),
    /// A sheet: none of its codes adds anything.
    Sheet(SheetId),
    /// A store: what it did not sell by the cut adds nothing.
    Store(StoreCut),
}

/// Up to where a revoked store's sales count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreCut {
    store: StoreId,
    serial_cut: u64,
    head: Option<[u8; 32]>,
    sold: BTreeSet<(SheetId, u8)>,
}

impl StoreCut {
    /// Nothing that the store sold counts: its journal was never seen.
    pub fn nothing_sold(store: StoreId) -> Self {
        Self { store, serial_cut: 0, head: None, sold: BTreeSet::new() }
    }

    /// What the journal shows as sold, and not taken back, counts.
    fn by_entries(store: StoreId, entries: &[Verified<StoreEntry>]) -> Self {
        let voided: BTreeSet<u64> = entries.iter().filter_map(|entry| entry.voids).collect();
        let counted = entries.iter().filter(|entry| !voided.contains(&entry.seq));
        let codes = counted
            .filter_map(|entry| entry.value.as_ref())
            .filter_map(|value| Some((value.sheet?, value.slot?)));
        let serials = entries.iter().filter_map(|entry| entry.value.as_ref()?.serial);
        Self {
            store,
            serial_cut: serials.max().unwrap_or(0),
            head: entries.last().map(Verified::hash),
            sold: codes.collect(),
        }
    }
}

/// Why nothing is revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevocationError {
    /// A clock that nothing is signed under.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// No kit has this medium.
    #[error("medium {0} is unknown: its number was never given out")]
    UnknownMedium(MediumId),
    /// No kit has this sheet.
    #[error("sheet {} is unknown", HEXLOWER.encode(.0))]
    UnknownSheet(SheetId),
    /// The store's journal isn't believed.
    #[error(transparent)]
    Journal(#[from] ExportError),
    /// The journal is another store's.
    #[error("this is the journal of store {found}, expected store {expected}")]
    OtherJournal {
        /// Whose it is.
        found: StoreId,
        /// Whose it should be.
        expected: StoreId,
    },
    /// The store is revoked with another cut, and a list takes nothing back.
    #[error("store {store} is revoked by list {list} with another cut, which can't be changed")]
    OtherCut {
        /// The store.
        store: StoreId,
        /// The list that revoked it.
        list: u64,
    },
    /// The list would no longer be carried by media.
    #[error("revocation list {number} would have {found} bytes, the limit is {max}")]
    TooLong {
        /// The list's number.
        number: u64,
        /// Its length.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// The store is unknown.
    #[error(transparent)]
    Store(#[from] RevokeError),
    /// The list as it stands can't be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The list can't be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The list just signed isn't believed: the key is not the issuer's.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl Issuer {
    /// Where a store is cut by the journal that it exported: what it shows as sold counts.
    pub fn cut_by_journal(
        &self,
        store: StoreId,
        exported: &[u8],
    ) -> Result<StoreCut, RevocationError> {
        let trust = Trust::new(vec![self.root.clone()], TestRoots::Allowed);
        let export = read_export(exported, &trust)?;
        let grant = export.signer.certificate().grant.as_ref();
        match grant.map(|grant| grant.store) {
            Some(found) if found != store => {
                Err(RevocationError::OtherJournal { found, expected: store })
            }
            _ => Ok(StoreCut::by_entries(store, &export.entries)),
        }
    }

    /// Sign and write a list with one more thing on it; the answer is the list's number.
    ///
    /// What is revoked already leaves list and number as they are.
    pub fn revoke(
        &mut self,
        what: &Revoke,
        issuer: &CertifiedKey,
        now: Timestamp,
    ) -> Result<u64, RevocationError> {
        let _lock = self.folder.lock("revoking")?;
        self.revoked = open_revoked(&self.folder, &self.signer)?;
        let list = self.list_with(what, now)?;
        let known = self.revoked.list().map(|list| list.number);
        if known != Some(list.number) {
            self.write_list(&list, issuer)?;
        }
        if let Revoke::Store(cut) = what {
            self.records.revoke_store(cut.store, now)?;
        }
        Ok(list.number)
    }

    /// The list as it would be; nothing is written.
    pub fn list_with(
        &mut self,
        what: &Revoke,
        now: Timestamp,
    ) -> Result<Revocation, RevocationError> {
        self.check_clock(now)?;
        let old = self.revoked.list().map(|list| Revocation::clone(list));
        let mut list = old.clone().unwrap_or_else(|| empty_list(now));
        match what {
            Revoke::Medium(medium) => self.add_medium(&mut list, *medium)?,
            Revoke::Sheet(sheet) => self.add_sheet(&mut list, *sheet)?,
            Revoke::Store(cut) => self.add_store(&mut list, cut)?,
        }
        if old.as_ref() != Some(&list) {
            list.number += 1;
            list.issued = list.issued.max(now);
        }
        Ok(list)
    }

    fn add_medium(
        &mut self,
        list: &mut Revocation,
        medium: MediumId,
    ) -> Result<(), RevocationError> {
        if self.records.store_of(medium)?.is_none() {
            return Err(RevocationError::UnknownMedium(medium));
        }
        insert_sorted(&mut list.media, medium);
        Ok(())
    }

    fn add_sheet(&mut self, list: &mut Revocation, sheet: SheetId) -> Result<(), RevocationError> {
        if self.records.medium_of(&sheet)?.is_none() {
            return Err(RevocationError::UnknownSheet(sheet));
        }
        insert_sorted(&mut list.sheets, sheet);
        Ok(())
    }

    fn add_store(&mut self, list: &mut Revocation, cut: &StoreCut) -> Result<(), RevocationError> {
        let store = cut.store;
        if self.records.store(store)?.is_none() {
            return Err(RevokeError::Store(StoreRefusal::Unknown(store)).into());
        }
        let handed = self.records.handed_slots(store)?;
        let (unsold, kits) = unsold(&handed, &cut.sold);
        let (serial_cut, head) = (cut.serial_cut, cut.head);
        let revoked = RevokedStore { store, serial_cut, head, unsold, kits };
        match list.stores.iter().find(|known| known.store == store) {
            Some(known) if *known == revoked => {}
            Some(_) => return Err(RevocationError::OtherCut { store, list: list.number }),
            None => list.stores.push(revoked),
        }
        Ok(())
    }

    fn write_list(
        &mut self,
        list: &Revocation,
        issuer: &CertifiedKey,
    ) -> Result<(), RevocationError> {
        let bytes = sign(&issuer.key, list);
        let (number, found, max) = (list.number, bytes.len(), Kind::Revocation.bytes_max());
        if found > max {
            return Err(RevocationError::TooLong { number, found, max });
        }
        let verified = verify::<Revocation>(&bytes, &self.signer.certificate().key.0)?;
        self.folder.write(REVOCATION_FILE, &bytes, Privacy::Public)?;
        self.revoked = Revoked::none().with(verified);
        Ok(())
    }
}

fn empty_list(now: Timestamp) -> Revocation {
    Revocation { number: 0, issued: now, media: vec![], sheets: vec![], stores: vec![] }
}

fn insert_sorted<T: Ord>(all: &mut Vec<T>, item: T) {
    if let Err(place) = all.binary_search(&item) {
        all.insert(place, item);
    }
}

/// What was not sold of what a store was handed: each kit in whichever form is shorter.
fn unsold(
    handed: &[HandedSlots],
    sold: &BTreeSet<(SheetId, u8)>,
) -> (Vec<UnsoldSlots>, Vec<UnsoldKit>) {
    let (mut sheets, mut kits) = (vec![], vec![]);
    for own in handed.chunk_by(|one, next| one.kit == next.kit) {
        let single = one_by_one(own, sold);
        match as_kit(own, sold) {
            Some(kit) if length(&kit) < single.iter().map(length).sum() => kits.push(kit),
            _ => sheets.extend(single),
        }
    }
    (sheets, kits)
}

fn length(part: &impl Field) -> usize {
    cbor::encode(&part.to_value()).len()
}

fn one_by_one(own: &[HandedSlots], sold: &BTreeSet<(SheetId, u8)>) -> Vec<UnsoldSlots> {
    let left = own.iter().map(|HandedSlots { sheet, slots, .. }| {
        let left = slots.iter().copied().filter(|slot| !sold.contains(&(*sheet, *slot)));
        UnsoldSlots { sheet: *sheet, slots: bit_map(left) }
    });
    left.filter(|unsold| unsold.slots != [0; 13]).collect()
}

/// A kit as one; none if its sheets aren't named after it, or differ in the slots that were handed.
fn as_kit(own: &[HandedSlots], sold: &BTreeSet<(SheetId, u8)>) -> Option<UnsoldKit> {
    let first = own.first()?;
    let named = |(place, one): (u32, &HandedSlots)| {
        one.sheet == sheet_id(&one.kit, place) && one.slots == first.slots
    };
    let sheets = u32::try_from(own.len()).ok().filter(|sheets| *sheets <= KIT_SHEETS_MAX)?;
    let places = own.iter().flat_map(|one| one.slots.iter().map(|slot| (one.sheet, *slot)));
    let bits: Vec<bool> = places.map(|place| sold.contains(&place)).collect();
    let used = bits.iter().rposition(|sold| *sold).map_or(0, |last| last + 1);
    let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
    let packed: Vec<u8> = bits[..used].chunks(8).map(byte).collect();
    (0..).zip(own).all(named).then(|| UnsoldKit {
        kit: first.kit,
        sheets,
        slots: bit_map(first.slots.iter().copied()),
        sold: (!packed.is_empty()).then_some(Bytes(packed)),
    })
}

/// Bit `slot % 8` of byte `slot / 8` stands for a slot.
fn bit_map(slots: impl Iterator<Item = u8>) -> [u8; 13] {
    slots.fold([0; 13], |mut map, slot| {
        map[usize::from(slot / 8)] |= 1 << (slot % 8);
        map
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Grounds, amount, at, stocked, store_key};
    use super::*;
    use crate::crypto::digest::sha256;
    use crate::format::Object;
    use crate::format::certificate::Chain;
    use crate::format::store::{StoreEvent, Value};
    use crate::records::StoreStatus;
    use crate::shop::log::frame;
    use crate::trust::Passphrase;

    fn hex(id: &SheetId) -> String {
        HEXLOWER.encode(id)
    }

    #[test]
    fn lists_grow_and_are_read_again() {
        let grounds = Grounds::new();
        let mut issuer = grounds.found();
        let (media, _) = stocked(&mut issuer, 2);
        let key = issuer.issuer_key(Passphrase::None).unwrap();
        let sheet = issuer.records().sheets_of(media[1]).unwrap()[0].id;
        let steps = [
            (Revoke::Medium(media[0]), 1),
            (Revoke::Medium(media[0]), 1),
            (Revoke::Sheet(sheet), 2),
        ];
        for (what, number) in steps {
            assert_eq!(issuer.revoke(&what, &key, at(9)).unwrap(), number);
        }
        let again = Issuer::open(&grounds.issuer(), None).unwrap();
        let refused = again.revoked().check_medium(media[0]).unwrap_err();
        assert_eq!(refused.to_string(), format!("medium {} is revoked by list 2", media[0]));
        assert!(again.revoked().check_slot(&sheet, 0).is_err());
    }

    #[test]
    fn what_is_unknown_is_not_revoked() {
        let grounds = Grounds::new();
        let mut issuer = grounds.found();
        let key = issuer.issuer_key(Passphrase::None).unwrap();
        let (medium, sheet) = (MediumId::from_serial(1), [7; 16]);
        let store = StoreId::from_number(5).unwrap();
        let cases = [
            (Revoke::Medium(medium), "medium 000000000195 is unknown".to_owned()),
            (Revoke::Sheet(sheet), format!("sheet {} is unknown", hex(&sheet))),
            (Revoke::Store(StoreCut::nothing_sold(store)), "store 5 is not enrolled".to_owned()),
        ];
        for (what, message) in cases {
            let error = issuer.revoke(&what, &key, at(9)).unwrap_err().to_string();
            assert!(error.starts_with(&message), "{error}");
        }
        assert!(issuer.revoked().list().is_none());
    }

    /// An export in which slot 0 was sold, slot 1 sold and taken back, voucher 3 sold.
    fn exported(issuer: &mut Issuer, store: StoreId, medium: MediumId, sheet: SheetId) -> Vec<u8> {
        let certificate = issuer.records().store(store).unwrap().unwrap().certificate;
        let mut prev = sha256(&certificate);
        let chain = Chain([vec![certificate], issuer.signer().chain().0].concat());
        let value = |slot, serial: Option<u64>| Value {
            amount: amount(1_000),
            currency: "JPY".parse().unwrap(),
            sheet: serial.is_none().then_some(sheet),
            slot,
            serial,
        };
        let events = [
            (StoreEvent::CodeSold, Some(value(Some(0), None)), None),
            (StoreEvent::CodeSold, Some(value(Some(1), None)), None),
            (StoreEvent::Voided, None, Some(1)),
            (StoreEvent::VoucherSold, Some(value(None, Some(3))), None),
        ];
        let mut bytes = frame(&chain.encode());
        for (seq, (event, value, voids)) in (0..).zip(events) {
            let (at, burn, price) = (at(8), None, None);
            let entry =
                StoreEntry { seq, prev, store, at, event, medium, burn, value, price, voids };
            let signed = sign(&store_key(), &entry);
            prev = sha256(&signed);
            bytes.extend(frame(&signed));
        }
        bytes
    }

    #[test]
    fn a_store_is_cut_where_its_journal_ends() {
        let grounds = Grounds::new();
        let mut issuer = grounds.found();
        let (media, store) = stocked(&mut issuer, 1);
        let key = issuer.issuer_key(Passphrase::None).unwrap();
        let sheet = issuer.records().sheets_of(media[0]).unwrap()[0].id;
        let bytes = exported(&mut issuer, store, media[0], sheet);
        let cut = issuer.cut_by_journal(store, &bytes).unwrap();
        let head = cut.head.unwrap();
        let cut = Revoke::Store(cut);
        assert_eq!(issuer.revoke(&cut, &key, at(9)).unwrap(), 1);
        assert_eq!(issuer.revoke(&cut, &key, at(10)).unwrap(), 1, "the same again");
        let list = issuer.revoked().list().unwrap();
        let revoked = &list.stores[0];
        assert_eq!((revoked.serial_cut, revoked.head), (3, Some(head)));
        for (slot, good) in [(0, true), (1, false), (2, false), (12, true), (39, true)] {
            // Slots 12 and 39 are the issuer's own.
            assert_eq!(issuer.revoked().check_slot(&sheet, slot).is_ok(), good, "slot {slot}");
        }
        let status = issuer.records().store(store).unwrap().unwrap().status;
        assert_eq!(status, StoreStatus::Revoked(at(9)));
        let harder = Revoke::Store(StoreCut::nothing_sold(store));
        let error = issuer.revoke(&harder, &key, at(11)).unwrap_err().to_string();
        let message = "store 1 is revoked by list 1 with another cut, which can't be changed";
        assert_eq!(error, message);
    }

    fn kit_of(id: u8, sheets: u32) -> Vec<HandedSlots> {
        let kit = [id; 16];
        let sheet =
            |place| HandedSlots { kit, sheet: sheet_id(&kit, place), slots: (0..20).collect() };
        (0..sheets).map(sheet).collect()
    }

    fn list_of(handed: &[HandedSlots], sold: &BTreeSet<(SheetId, u8)>) -> Verified<Revocation> {
        let (unsold, kits) = unsold(handed, sold);
        let store = StoreId::from_number(1).unwrap();
        let revoked = RevokedStore { store, serial_cut: 0, head: None, unsold, kits };
        let list = Revocation { number: 1, stores: vec![revoked], ..empty_list(at(9)) };
        verify(&sign(&store_key(), &list), &store_key().public()).unwrap()
    }

    #[test]
    fn a_list_holds_hundreds_of_kits_of_which_nothing_was_sold() {
        let handed: Vec<_> = (0..10).flat_map(|kit| kit_of(kit, KIT_SHEETS_MAX)).collect();
        let list = list_of(&handed, &BTreeSet::new());
        assert!(list.bytes().len() < 1_000, "{} bytes", list.bytes().len());
        let revoked = Revoked::none().with(list);
        assert!(revoked.check_slot(&handed[99_999].sheet, 19).is_err());
        assert!(revoked.check_slot(&handed[99_999].sheet, 20).is_ok(), "the issuer's own");
        assert!(revoked.check_slot(&sheet_id(&[3; 16], KIT_SHEETS_MAX), 0).is_ok(), "no kit's");
    }

    #[test]
    fn each_slot_counts_if_and_only_if_it_was_sold() {
        let handed: Vec<_> =
            [(1, 30), (2, 1), (3, 9)].map(|(id, sheets)| kit_of(id, sheets)).concat();
        let all: Vec<_> =
            handed.iter().flat_map(|one| one.slots.iter().map(|slot| (one.sheet, *slot))).collect();
        for (divisor, forms) in [(2, (1, 2)), (7, (1, 2)), (1_000, (1, 2)), (1, (0, 0))] {
            let counts = |nth: &usize| (nth * nth).is_multiple_of(divisor);
            let places = all.iter().enumerate().filter(|(nth, _)| counts(nth));
            let sold: BTreeSet<_> = places.map(|(_, place)| *place).collect();
            let list = list_of(&handed, &sold);
            let store = &list.stores[0];
            assert_eq!((store.unsold.len(), store.kits.len()), forms, "every {divisor}th square");
            let revoked = Revoked::none().with(list);
            for (sheet, slot) in &all {
                let good = revoked.check_slot(sheet, *slot).is_ok();
                assert_eq!(good, sold.contains(&(*sheet, *slot)), "slot {slot} of {}", hex(sheet));
            }
        }
        let strangers: Vec<_> = handed
            .iter()
            .map(|one| HandedSlots { sheet: [one.sheet[0]; 16], ..one.clone() })
            .collect();
        let store = &list_of(&strangers[..3], &BTreeSet::new()).stores[0];
        assert_eq!((store.unsold.len(), store.kits.len()), (3, 0), "named otherwise");
    }

    #[test]
    fn a_journal_of_another_store_or_an_altered_one_cuts_nothing() {
        let grounds = Grounds::new();
        let mut issuer = grounds.found();
        let (media, store) = stocked(&mut issuer, 1);
        let bytes = exported(&mut issuer, store, media[0], [5; 16]);
        let other = StoreId::from_number(2).unwrap();
        let error = issuer.cut_by_journal(other, &bytes).unwrap_err().to_string();
        assert_eq!(error, "this is the journal of store 1, expected store 2");
        for byte in (0..bytes.len()).step_by(5) {
            let mut altered = bytes.clone();
            altered[byte] ^= 1;
            assert!(issuer.cut_by_journal(store, &altered).is_err(), "byte {byte}");
        }
    }

    #[test]
    fn a_store_whose_journal_nobody_saw_sold_nothing() {
        let grounds = Grounds::new();
        let mut issuer = grounds.found();
        let (media, store) = stocked(&mut issuer, 1);
        let key = issuer.issuer_key(Passphrase::None).unwrap();
        let sheet = issuer.records().sheets_of(media[0]).unwrap()[0].id;
        issuer.revoke(&Revoke::Store(StoreCut::nothing_sold(store)), &key, at(9)).unwrap();
        assert!(issuer.revoked().check_slot(&sheet, 0).is_err());
        assert!(issuer.revoked().check_slot(&sheet, 12).is_ok(), "the issuer's own");
        let error = issuer.plan_blanks(store, 1, at(3)).unwrap_err().to_string();
        assert!(error.starts_with("store 1 was revoked at "), "{error}");
    }
}
