//! A medium of which nothing is new is seen to be so in little time, and what is changed never is.

use std::sync::Arc;

use scrip::device::{DeviceError, MemoryDevice, Scratch};
use scrip::format::policy::Revocation;
use scrip::image::leaves::Unwatched;
use scrip::journal::first_frames;
use scrip::ledger::next;
use scrip::reconcile::{
    Books, Index, Journalled, Reading, Run, Signatures, Terms, reconcile, reconcile_all,
};
use scrip::records::{Known, Records, Still, StorageError};
use scrip::shop::Export;
use scrip::units::{ByteCount, MediumId, StoreId, Timestamp};

use super::made::host;
use super::office::Office;

/// Every so many bytes of an export one is changed: a prime, so that all places of records come up.
const STEP: usize = 89;

/// Records that count how often they are asked for all that they know of a medium.
struct Counting<'a> {
    records: &'a mut Records,
    known: usize,
}

impl Books for Counting<'_> {
    type Error = StorageError;

    fn known(&mut self, medium: MediumId) -> Result<Option<Known>, StorageError> {
        self.known += 1;
        self.records.known(medium)
    }

    fn still(&mut self, medium: MediumId) -> Result<Option<Still>, StorageError> {
        self.records.still(medium)
    }

    fn stamp(&mut self, medium: MediumId) -> Result<Option<[u8; 32]>, StorageError> {
        self.records.stamp(medium).map(Some)
    }

    fn journal(&mut self, store: StoreId, export: &Export) -> Result<Journalled, StorageError> {
        Books::journal(self.records, store, export)
    }
}

/// The plan's file by an index, what became of each file, and how many media were looked at whole.
fn indexed(office: &mut Office, files: &[Vec<u8>]) -> (Vec<u8>, Vec<String>, usize) {
    let mut index = Index::new(office.ground.world.trust());
    let threads = 1.try_into().unwrap();
    for (place, file) in files.iter().enumerate() {
        let device = Arc::new(MemoryDevice::from_bytes(file.clone()));
        index.add_held(&place.to_string(), device, Reading { threads, watch: &Unwatched });
    }
    let terms = Terms { threads, ..office.terms() };
    let mut books = Counting { records: &mut office.records, known: 0 };
    let (evidence, terms, scratch, watch) = (&index, &terms, &Scratch::memory(), &Unwatched);
    let (books_of, signatures) = (std::slice::from_mut(&mut books), Signatures::New);
    let run = Run { evidence, books: books_of, terms, scratch, watch, memory: None, signatures };
    let mut bytes = vec![];
    let written: Result<_, DeviceError> = reconcile_all(run).unwrap().write(&mut |part| {
        bytes.extend_from_slice(part);
        Ok(())
    });
    written.unwrap();
    let became = index.units().into_iter().map(|(_, became)| format!("{became:?}"));
    (bytes, became.collect(), books.known)
}

/// The same by all that is known, in memory.
fn whole(office: &mut Office, files: &[Vec<u8>]) -> (Vec<u8>, Vec<String>) {
    let mut heap = office.ground.heap();
    let became = files.iter().map(|file| format!("{:?}", heap.take_bytes(file))).collect();
    let terms = office.terms();
    (reconcile(&heap, &mut office.records, &terms).unwrap().encode(), became)
}

/// Two owners who settled all: codes, a voucher, goods, and a transfer that broke off.
fn settled(office: &mut Office) -> Vec<Vec<u8>> {
    let (mut payer, mut giver) = (office.owned(0, 2), office.owned(1, 2));
    office.sell_voucher(payer.id(), 9, 400);
    let voucher = office.ground.signed_voucher(payer.id(), 9, 400);
    payer.voucher(&office.ground, &voucher);
    payer.buy(&office.ground, "film", 300);
    payer.start(&office.ground, 1, giver.id());
    let receipt = payer.receipt(1, 40);
    giver.send(&office.ground, &payer, 1, &receipt);
    let got = ByteCount::from_bytes(40);
    let close = next::download_interrupted(&payer.state, &host(), [8; 16], [1; 16], got).unwrap();
    payer.put(&office.ground, &close);
    payer.play(&office.ground, "film");
    let files = vec![payer.export(&office.ground), giver.export(&office.ground)];
    office.settles(&files);
    files
}

#[test]
fn what_is_settled_is_not_looked_at_again_and_the_plan_is_the_same() {
    let mut office = Office::new();
    let files = settled(&mut office);
    let (plan, became, looked_at) = indexed(&mut office, &files);
    assert_eq!((plan, became), whole(&mut office, &files));
    assert_eq!(looked_at, 0, "the records' newest record vouches for all");
    let (plan, _, looked_at) = indexed(&mut office, &files[1..]);
    assert_eq!(plan, whole(&mut office, &files[1..]).0, "a giver whose payer shows nothing");
    assert_eq!(looked_at, 0);
    let twice = [&files[..], &files[..1]].concat();
    let (plan, _, looked_at) = indexed(&mut office, &twice);
    assert_eq!(plan, whole(&mut office, &twice).0, "one of them two times");
    assert!(looked_at > 0, "what two files say is looked at");
}

#[test]
fn what_another_says_of_it_is_held_against_it() {
    let mut office = Office::new();
    let files = settled(&mut office);
    // One more owner, who is not settled, has a fee from the same payer, and the payer's old copy.
    let mut third = office.owned(2, 1);
    let mut payer = office.ground.owned(office.media[0], 2);
    payer.start(&office.ground, 5, third.id());
    let receipt = payer.receipt(5, 40);
    third.send(&office.ground, &payer, 5, &receipt);
    let more = [&files[..], &[third.export(&office.ground)]].concat();
    let (plan, became, looked_at) = indexed(&mut office, &more);
    assert_eq!((plan, became), whole(&mut office, &more));
    assert!(looked_at > 1, "its payer is asked");
}

#[test]
fn what_was_credited_and_is_revoked_is_looked_at() {
    let mut office = Office::new();
    let mut files = settled(&mut office);
    let issued = Timestamp::from_seconds(5).unwrap();
    let sheets = vec![[4; 16]];
    let list = Revocation { number: 1, issued, media: vec![], sheets, stores: vec![] };
    let third = office.owned(2, 0);
    let frames = first_frames(&third.bytes()).unwrap();
    files.push([third.slots(&office.ground, Some(&list)), frames].concat());
    let (plan, became, looked_at) = indexed(&mut office, &files);
    assert_eq!((plan, became), whole(&mut office, &files));
    assert!(looked_at > 2, "{looked_at} were looked at");
}

#[test]
fn whatever_byte_is_changed_it_says_the_same_as_all_of_it() {
    let mut office = Office::new();
    let files = settled(&mut office);
    let (untouched, ..) = indexed(&mut office, &files);
    let (mut same, mut places) = (0, 0);
    for place in (0..files[0].len()).step_by(STEP) {
        let mut changed = files.clone();
        changed[0][place] ^= 0x10;
        let (plan, became, _) = indexed(&mut office, &changed);
        same += usize::from(plan == untouched);
        assert_eq!((plan, became), whole(&mut office, &changed), "byte {place}");
        places += 1;
    }
    for end in [files[0].len() - 512, files[0].len() - 1, 40 << 10, 100] {
        let mut cut = files.clone();
        cut[0].truncate(end);
        let (plan, became, _) = indexed(&mut office, &cut);
        assert_eq!((plan, became), whole(&mut office, &cut), "cut at {end}");
    }
    // The slot of who has it says nothing of money.
    assert!(places > 400 && same < places / 4, "{same} of {places} are seen by nobody");
}
