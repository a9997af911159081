//! Re-stamping in place: what changes, what never does, and what a cut leaves.

mod cut;
#[cfg(all(feature = "server", feature = "verify"))]
mod sale;
#[cfg(all(feature = "server", feature = "verify"))]
mod clerk;

use std::fs;
use std::num::NonZeroU32;
use std::ops::Range;

use scrip::crypto::SeededRandom;
use scrip::crypto::sign::SecretKey;
use scrip::device::simulated::Counted;
use scrip::device::{Device, MemoryDevice};
use scrip::format::certificate::{Certificate, Chain, Confirmation, StoreGrant};
use scrip::format::field::Bytes;
use scrip::format::medium::SheetSlot;
use scrip::format::policy::{Policy, Revocation};
use scrip::format::sheet::{Run, Sheet};
use scrip::format::{Object, cbor};
use scrip::image::check::{Grade, History, Identity, Reading, Report, Verdict, check, judge};
use scrip::image::layout::{
    CERTIFICATE_SLOT, POLICY_SLOT, REVOKED_SLOT, SHEETS_SLOT, SLOTS, USER_SLOT,
};
use scrip::image::leaves::Unwatched;
use scrip::image::restamp::{
    Blocks, Examined, Planned, Renewal, RestampError, Restamped, Sale, bytes_to_write, examine,
    write,
};
use scrip::trust::{Signer, Trust, Verified, sign, verify};
use scrip::units::{MediumId, StoreId};
use scrip::voucher::{SheetPlan, make_sheet};

use crate::burn::tool;
use crate::second_reader::found_on;
use crate::world::{Sample, THREADS, World, at, minor, policy, yen};

const MEDIUM: u64 = 71;
/// What re-stamping may write.
const WRITTEN_MAX: u64 = 1 << 20;

/// A burnt medium on the counter of a store.
pub(crate) struct Counter {
    pub(crate) world: World,
    pub(crate) sample: Sample,
    pub(crate) trust: Trust,
    pub(crate) device: MemoryDevice,
    pub(crate) reading: Reading,
    pub(crate) store: Store,
}

/// A store that stamps again.
pub(crate) struct Store {
    key: SecretKey,
    signer: Signer,
    grant: StoreGrant,
    policy: Verified<Policy>,
    list: Verified<Revocation>,
}

impl Store {
    fn new(world: &World, key: SecretKey, chain: &Chain) -> Self {
        let signer = world.trust().signer(chain).unwrap();
        let grant = signer.certificate().grant.clone().unwrap();
        let issuer = &world.issuer;
        let newer = Policy { number: 2, issued: at(200), ..policy() };
        let policy = verify(&sign(issuer, &newer), &issuer.public()).unwrap();
        Self { key, signer, grant, policy, list: list(world, 1, vec![]) }
    }

    /// A store of the same issuer.
    pub(crate) fn other(world: &World, number: u64, refreshes: Option<Vec<StoreId>>) -> Self {
        let key = SecretKey::generate(&mut SeededRandom::new([9; 32]));
        let own = verify::<Certificate>(&world.store_chain.0[0], &world.issuer.public()).unwrap();
        let own = own.into_value();
        let store = StoreId::from_number(number).unwrap();
        let grant = own.grant.map(|grant| StoreGrant { store, refreshes, ..grant });
        let key_claim = Confirmation(key.public());
        let leaf = Certificate { key: key_claim, grant, subject: "other".to_owned(), ..own };
        let leaf = sign(&world.issuer, &leaf);
        let chain = Chain([&[leaf], &world.store_chain.0[1..]].concat());
        Self::new(world, key, &chain)
    }

    pub(crate) fn renewal(&self, sale: Sale) -> Renewal<'_> {
        Renewal {
            signer: &self.signer,
            grant: &self.grant,
            name: "Test store",
            key: &self.key,
            policy: Some(&self.policy),
            revocation: Some(&self.list),
            sheets: vec![],
            sale,
            at: at(1_000),
        }
    }
}

fn list(world: &World, number: u64, media: Vec<MediumId>) -> Verified<Revocation> {
    let list = Revocation { number, issued: at(300), media, sheets: vec![], stores: vec![] };
    verify(&sign(&world.issuer, &list), &world.issuer.public()).unwrap()
}

pub(crate) fn sold(owner: Option<&str>) -> Sale {
    Sale::Sold { at: at(900), owner: owner.map(str::to_owned) }
}

impl Counter {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let sample = Sample::of(&world, MEDIUM);
        let device = sample.burnt();
        let reading = Reading::take(&device, THREADS, &Unwatched).unwrap();
        let seed = world.store.seed();
        let key = SecretKey::from_seed(*seed.expose());
        let store = Store::new(&world, key, &world.store_chain);
        Self { trust: world.trust(), world, sample, device, reading, store }
    }

    /// The reading of this counter's medium, with all that stamping and touching change read anew.
    pub(crate) fn read(&self, device: &dyn Device) -> Reading {
        let mut reading = self.reading.clone();
        let layout = &self.sample.sealed.layout;
        for range in self.sample.sealed.plan.metadata_ranges() {
            let start = layout.rom().start;
            reading.refresh(device, start + range.start..start + range.end).unwrap();
        }
        for range in self.stamped() {
            reading.refresh(device, range).unwrap();
        }
        reading
    }

    /// What is stamped: slots, tree, seal.
    fn stamped(&self) -> Vec<Range<u64>> {
        let (layout, plan) = (&self.sample.sealed.layout, &self.sample.sealed.plan);
        let slots = SLOTS.iter().map(|slot| {
            let start = layout.rom().start + plan.locate(slot.path).unwrap();
            start..start + slot.bytes
        });
        slots.chain([layout.seal()]).collect()
    }

    pub(crate) fn examine(
        &self,
        device: &dyn Device,
        blocks: &Blocks,
    ) -> Result<Examined, RestampError> {
        examine(self.read(device), device, blocks, &self.trust, &Identity::Image)
    }

    pub(crate) fn plan(&self, store: &Store, sale: Sale) -> Result<Planned, RestampError> {
        let none = Blocks::new();
        let examined = self.examine(&self.device, &none)?;
        let renewal = store.renewal(sale);
        examined.plan(&self.device, &none, &renewal, &self.trust, &Identity::Image)
    }

    /// Plan and write; the report that comes of it.
    fn restamp(&self, store: &Store, sale: Sale) -> Report {
        let planned = self.plan(store, sale).unwrap();
        self.write(&planned.blocks)
    }

    fn write(&self, blocks: &Blocks) -> Report {
        let reading = self.read(&self.device);
        write(reading, &self.device, blocks, &self.trust, &Identity::Image).unwrap().report
    }

    pub(crate) fn judge(&self, device: &dyn Device) -> Report {
        judge(&self.read(device), device, &self.trust, &Identity::Image).unwrap()
    }

    /// What ordinary use does: a dirty bit, and a folder of Windows'.
    pub(crate) fn touch(&self) {
        self.device.write_at(self.sample.sealed.layout.rom().start + 0x41, &[1]).unwrap();
    }
}

#[test]
fn a_sale_and_newer_lists_are_stamped_in_place_and_nothing_else_changes() {
    let counter = Counter::new();
    let before = counter.device.snapshot();
    let planned = counter.plan(&counter.store, sold(Some("Mika"))).unwrap();
    assert_eq!(planned.changed, [POLICY_SLOT.path, REVOKED_SLOT.path, USER_SLOT.path]);
    let spied = Counted::new(&counter.device);
    let reading = counter.read(&counter.device);
    let (blocks, trust) = (&planned.blocks, &counter.trust);
    let told = bytes_to_write(reading.clone(), &spied, blocks, trust, &Identity::Image).unwrap();
    assert_eq!(spied.counts().writes, 0);
    let Restamped { report, bytes } =
        write(reading, &spied, blocks, trust, &Identity::Image).unwrap();
    assert_eq!((report.verdict, &report.faults), (Verdict::Sealed, &vec![]));
    assert_eq!(report.medium.as_ref().unwrap().sold, Some(at(900)));
    let (counts, after) = (spied.counts(), counter.device.snapshot());
    assert_eq!([told, bytes], [counts.written_bytes; 2]);
    assert!(counts.written_bytes < WRITTEN_MAX / 16, "{} bytes", counts.written_bytes);
    let stamped = counter.stamped();
    for (offset, _) in (0_u64..).zip(before.iter().zip(&after)).filter(|(_, (a, b))| a != b) {
        assert!(stamped.iter().any(|range| range.contains(&offset)), "byte {offset} changed");
    }
    assert_eq!(check_whole(&counter).verdict, Verdict::Sealed);
    let again = counter.plan(&counter.store, sold(None)).unwrap();
    assert!(again.blocks.is_empty() && again.changed.is_empty(), "{:?}", again.changed);
}

fn check_whole(counter: &Counter) -> Report {
    check(&counter.device, &counter.trust, &Identity::Image, THREADS, &Unwatched).unwrap()
}

/// The user information on the medium, as its bytes.
fn user_holds(counter: &Counter, text: &str) -> bool {
    let place = counter.sample.sealed.plan.locate(USER_SLOT.path).unwrap();
    let mut bytes = vec![0; 4096];
    counter.device.read_at(counter.sample.sealed.layout.rom().start + place, &mut bytes).unwrap();
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

#[test]
fn an_owners_name_stays_with_its_sale_and_goes_with_it() {
    let counter = Counter::new();
    counter.restamp(&counter.store, sold(Some("Mika")));
    assert!(user_holds(&counter, "Mika"));
    counter.restamp(&counter.store, Sale::Unchanged);
    counter.restamp(&counter.store, sold(None));
    assert!(user_holds(&counter, "Mika"), "the same sale keeps its name");
    let report = counter.restamp(&counter.store, Sale::Sold { at: at(950), owner: None });
    assert_eq!(report.medium.unwrap().sold, Some(at(950)));
    assert!(!user_holds(&counter, "Mika"), "another sale has none of it");
    let report = counter.restamp(&counter.store, Sale::Unsold);
    assert_eq!((report.verdict, report.medium.unwrap().sold), (Verdict::Sealed, None));
}

#[test]
fn veritysetup_agrees_with_a_medium_stamped_again_after_it_was_touched() {
    let counter = Counter::new();
    counter.touch();
    let report = counter.restamp(&counter.store, sold(None));
    assert_eq!((report.verdict, report.touches), (Verdict::Sealed, vec![]));
    let (layout, bytes) = (&counter.sample.sealed.layout, counter.device.snapshot());
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, range) in [("rom", layout.rom()), ("seal", layout.seal())] {
        let part = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        fs::write(text(name), &bytes[part]).unwrap();
    }
    let start = usize::try_from(layout.seal().start).unwrap();
    let root = scrip::crypto::digest::sha256(&bytes[start + 4096..start + 8192]);
    assert_ne!(root, counter.sample.stamped.root);
    let root = data_encoding::HEXLOWER.encode(&root);
    tool("veritysetup", &["verify", &text("rom"), &text("seal"), &root]);
    tool("fsck.vfat", &["-n", &text("rom")]);
}

#[test]
fn the_second_reader_agrees_with_a_medium_stamped_again_by_either_store() {
    let counter = Counter::new();
    let folder = tempfile::tempdir().unwrap();
    let (image, root) = (folder.path().join("medium.img"), folder.path().join("trust.cbr"));
    fs::write(&root, &counter.world.root).unwrap();
    let seven = StoreId::from_number(7).unwrap();
    let friend = Store::other(&counter.world, 8, Some(vec![seven]));
    for store in [&counter.store, &friend] {
        let blocks = counter.plan(store, sold(Some("Mika"))).unwrap().blocks;
        assert_eq!(counter.write(&blocks).verdict, Verdict::Sealed);
        fs::write(&image, counter.device.snapshot()).unwrap();
        let found = found_on(&image, &root);
        assert_eq!(found["medium"], MediumId::from_serial(MEDIUM).to_string());
        assert_eq!((&found["balance"], &found["copies_agree"]), (&500.into(), &true.into()));
        assert_ne!(found["root"], data_encoding::HEXLOWER.encode(&counter.sample.stamped.root));
    }
}

#[test]
fn a_renewed_certificate_of_the_same_key_takes_the_old_ones_place() {
    let mut counter = Counter::new();
    let own = counter.store.signer.certificate();
    let (own, issuer) = (Certificate::clone(own), &counter.world.issuer);
    let renewed = Certificate { issued: at(500), expires: at(0).plus_days(900), ..own };
    let chain = [&[sign(issuer, &renewed)], &counter.world.store_chain.0[1..]].concat();
    counter.store.signer = counter.trust.signer(&Chain(chain)).unwrap();
    let planned = counter.plan(&counter.store, Sale::Unchanged).unwrap();
    assert!(planned.changed.contains(&CERTIFICATE_SLOT.path), "{:?}", planned.changed);
    assert_eq!(counter.write(&planned.blocks).verdict, Verdict::Sealed);
    let old = Store::new(
        &counter.world,
        SecretKey::from_seed(*counter.world.store.seed().expose()),
        &counter.world.store_chain,
    );
    let again = counter.plan(&old, Sale::Unchanged).unwrap();
    assert!(again.changed.is_empty(), "an older chain comes back: {:?}", again.changed);
}

#[test]
fn another_store_may_refresh_only_what_its_grant_lists() {
    let counter = Counter::new();
    let seven = StoreId::from_number(7).unwrap();
    for refreshes in [None, Some(vec![StoreId::from_number(6).unwrap()])] {
        let stranger = Store::other(&counter.world, 8, refreshes);
        let told = counter.plan(&stranger, Sale::Unchanged).unwrap_err();
        assert!(matches!(told, RestampError::OtherStore { .. }), "{told}");
        assert!(told.to_string().ends_with("is of store 7, which store 8 may not refresh"));
    }
    let friend = Store::other(&counter.world, 8, Some(vec![seven]));
    let report = counter.restamp(&friend, Sale::Unchanged);
    assert_eq!((report.verdict, report.medium.unwrap().store), (Verdict::Sealed, seven));
    let report = counter.restamp(&counter.store, sold(None));
    assert_eq!((report.verdict, &report.faults), (Verdict::Sealed, &vec![]));
}

#[test]
fn what_is_no_intact_medium_of_a_pinned_root_is_refused() {
    let counter = Counter::new();
    let whole = counter.device.snapshot();
    let plan = &counter.sample.sealed.plan;
    let script = counter.sample.sealed.layout.rom().start + plan.locate("/start.sh").unwrap();
    counter.device.write_at(script, &[0]).unwrap();
    let reading = Reading::take(&counter.device, THREADS, &Unwatched).unwrap();
    let none = Blocks::new();
    let told = |reading, device: &dyn Device, trust: &Trust| {
        examine(reading, device, &none, trust, &Identity::Image).err().unwrap().to_string()
    };
    let altered = told(reading, &counter.device, &counter.trust);
    assert!(altered.contains("is altered") && altered.contains("/start.sh"), "{altered}");
    let device = MemoryDevice::from_bytes(whole);
    let nobody = Trust::new(vec![], scrip::trust::TestRoots::Allowed);
    let reading = counter.read(&device);
    let unpinned = examine(reading, &device, &none, &nobody, &Identity::Image).err().unwrap();
    assert!(unpinned.to_string().contains("test root"), "{unpinned}");
    let live = World::live(3);
    let sample = Sample::of(&live, MEDIUM);
    let foreign = sample.burnt();
    let reading = Reading::take(&foreign, THREADS, &Unwatched).unwrap();
    let unpinned = told(reading, &foreign, &counter.trust);
    assert!(unpinned.ends_with("which nothing here pins"), "{unpinned}");
    let zeros = MemoryDevice::zeroed(1 << 20);
    let reading = Reading::take(&zeros, THREADS, &Unwatched).unwrap();
    assert!(told(reading, &zeros, &counter.trust).contains("not a Scrip medium"));
}

#[test]
fn a_medium_that_its_store_knows_to_be_revoked_is_refused() {
    let mut counter = Counter::new();
    let medium = MediumId::from_serial(MEDIUM);
    counter.store.list = list(&counter.world, 4, vec![medium]);
    let told = counter.plan(&counter.store, sold(None)).unwrap_err().to_string();
    assert_eq!(told, format!("medium {medium} is revoked by list 4"));
}

#[test]
fn lists_that_refuse_what_the_owner_has_done_are_not_stamped() {
    let mut counter = Counter::new();
    let issuer = &counter.world.issuer;
    let strict = Policy { number: 3, balance_max: minor(100), ..policy() };
    counter.store.policy = verify(&sign(issuer, &strict), &issuer.public()).unwrap();
    let told = counter.plan(&counter.store, sold(None)).unwrap_err().to_string();
    let words = format!("medium {}: with this store's newer lists", MediumId::from_serial(MEDIUM));
    assert!(told.starts_with(&words) && told.contains("100"), "{told}");
    counter.store.policy = verify(&counter.world.policy, &issuer.public()).unwrap();
    let sheets = vec![[4; 16]];
    let list = Revocation { sheets, ..Revocation::clone(&counter.store.list) };
    counter.store.list = verify(&sign(issuer, &list), &issuer.public()).unwrap();
    // What was spent before its sheet was revoked stays spent.
    let report = counter.restamp(&counter.store, sold(None));
    assert_eq!(report.verdict, Verdict::Sealed);
    assert!(matches!(report.history, History::Sound(_)), "{:?}", report.history);
}

#[test]
fn a_newer_sheet_comes_in_front_and_at_most_two_stay() {
    let counter = Counter::new();
    let (world, medium) = (&counter.world, MediumId::from_serial(MEDIUM));
    let sheet = |id: u8, medium: MediumId, seconds: u64| {
        let plan = SheetPlan {
            id: [id; 16],
            medium,
            currency: yen(),
            rounds: NonZeroU32::MIN,
            runs: vec![Run { count: 3, amount: minor(500) }],
            issued: at(seconds),
        };
        let signed = make_sheet(&world.issuer, &world.seal, &plan).unwrap();
        verify::<Sheet>(&signed, &world.issuer.public()).unwrap()
    };
    let (newer, newest) = (sheet(5, medium, 50), sheet(6, medium, 60));
    let other = sheet(7, MediumId::from_serial(72), 70);
    let none = Blocks::new();
    let plan = |sheets| {
        let renewal = Renewal { sheets, ..counter.store.renewal(Sale::Unchanged) };
        let examined = counter.examine(&counter.device, &none).unwrap();
        examined.plan(&counter.device, &none, &renewal, &counter.trust, &Identity::Image)
    };
    let planned = plan(vec![&newer, &other]).unwrap();
    assert!(planned.changed.contains(&SHEETS_SLOT.path), "{:?}", planned.changed);
    let report = counter.write(&planned.blocks);
    assert_eq!((report.verdict, report.grade()), (Verdict::Sealed, Grade::Good));
    let place = counter.sample.sealed.plan.locate(SHEETS_SLOT.path).unwrap();
    let mut bytes = vec![0; 8 << 10];
    counter.device.read_at(counter.sample.sealed.layout.rom().start + place, &mut bytes).unwrap();
    let slot = SheetSlot::decode(cbor::unpad(&bytes).unwrap().unwrap()).unwrap();
    let own = world.sheet(medium).1;
    assert_eq!(slot.sheets, [Bytes(newer.bytes().to_vec()), Bytes(own)]);
    assert!(plan(vec![&newer]).unwrap().changed.is_empty());
    // The third would push out the sheet that record 1 has spent a code of.
    let told = plan(vec![&newest]).unwrap_err().to_string();
    assert!(told.contains("its journal is refused"), "{told}");
}

#[test]
fn a_clock_that_is_behind_makes_no_seal_older_than_the_one_before() {
    let counter = Counter::new();
    counter.restamp(&counter.store, sold(None));
    let renewal = Renewal { at: at(3), ..counter.store.renewal(Sale::Unsold) };
    let none = Blocks::new();
    let examined = counter.examine(&counter.device, &none).unwrap();
    let sealed = examined.sealed();
    let identity = Identity::Image;
    let planned = examined.plan(&counter.device, &none, &renewal, &counter.trust, &identity);
    counter.write(&planned.unwrap().blocks);
    assert_eq!(counter.examine(&counter.device, &none).unwrap().sealed(), sealed);
}

#[test]
fn blocks_that_were_kept_for_other_places_are_refused() {
    let counter = Counter::new();
    let layout = &counter.sample.sealed.layout;
    for offset in [0, layout.rom().start, layout.seal().start, layout.ram().start + (8 << 20)] {
        let mut bytes = vec![0; 4096];
        counter.device.read_at(offset, &mut bytes).unwrap();
        let told = counter.examine(&counter.device, &Blocks::from([(offset, bytes)]));
        let told = told.err().unwrap();
        assert!(matches!(told, RestampError::Stray { offset: at } if at == offset), "{told}");
    }
}
