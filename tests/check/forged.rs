//! What stores, thieves and copiers may try, and what is said of it.

use scrip::crypto::sign::SecretKey;
use scrip::crypto::{Secret, SeededRandom};
use scrip::device::{Device, MemoryDevice};
use scrip::format::Object;
use scrip::format::certificate::{Certificate, Chain, Confirmation, Role, StoreGrant};
use scrip::format::edition::EditionSeal;
use scrip::format::field::Bytes;
use scrip::format::medium::{MediumSeal, SheetSlot, UserInformation};
use scrip::format::policy::{Policy, Revocation};
use scrip::image::check::{Binding, Grade, Identity, Part, Report, Verdict, check};
use scrip::image::edition::tree_uuid;
use scrip::image::layout::{
    CERTIFICATE_SLOT, POLICY_SLOT, REVOKED_SLOT, SHEETS_SLOT, Slot, USER_SLOT,
};
use scrip::image::leaves::{Unwatched, of_device};
use scrip::image::stamp::stamp;
use scrip::image::tree::HashTree;
use scrip::trust::access::HolderKeys;
use scrip::trust::{Root, TestRoots, Trust, sign};
use scrip::units::{ByteCount, MediumId, StoreId};

use crate::world::{Sample, THREADS, World, at, minor, policy, yen};

const MEDIUM: u64 = 60;
const PLAYER: &str = "/players/linux-x86_64/scrip-wallet";

/// A burnt medium in the hands of someone who has a store's key.
struct Forge {
    world: World,
    sample: Sample,
    device: MemoryDevice,
}

impl Forge {
    fn new() -> Self {
        let (world, sample) = (World::new(), Sample::new(MEDIUM));
        let device = sample.burnt();
        Self { world, sample, device }
    }

    fn report(&self) -> Report {
        self.as_seen_by(&self.world.trust(), &Identity::Image)
    }

    fn as_seen_by(&self, trust: &Trust, identity: &Identity) -> Report {
        check(&self.device, trust, identity, THREADS, &Unwatched).unwrap()
    }

    /// Where a file of the read-only area begins on the medium.
    fn place(&self, path: &str) -> u64 {
        self.sample.sealed.layout.rom().start + self.sample.sealed.plan.locate(path).unwrap()
    }

    fn flip(&self, at: u64) {
        let mut byte = [0];
        self.device.read_at(at, &mut byte).unwrap();
        self.device.write_at(at, &[byte[0] ^ 0x10]).unwrap();
    }

    fn put_slot(&self, slot: Slot, object: &[u8]) {
        let mut bytes = object.to_vec();
        bytes.resize(usize::try_from(slot.bytes).unwrap(), 0);
        self.device.write_at(self.place(slot.path), &bytes).unwrap();
    }

    /// Make the stored tree and the medium seal fit what now lies in the read-only area.
    fn reseal(&self, key: &SecretKey, change: impl FnOnce(&mut MediumSeal)) {
        let sealed = &self.sample.sealed;
        let layout = &sealed.layout;
        let leaves =
            of_device(&self.device, layout.rom().start, layout.rom_blocks(), THREADS, &Unwatched);
        let tree = HashTree::from_leaves(leaves.unwrap()).unwrap();
        let mut stored = vec![0; usize::try_from(tree.stored_blocks()).unwrap() * 4096];
        tree.fill(&tree_uuid(&sealed.id), 0, &mut stored);
        self.device.write_at(layout.seal().start, &stored).unwrap();
        let shape = layout.shape();
        let mut seal = MediumSeal {
            medium: MediumId::from_serial(MEDIUM),
            edition: sealed.id,
            certificate: self.sample.stamped.certificate,
            root: tree.root(),
            rom: shape.rom,
            seal: ByteCount::from_bytes(layout.seal().end - layout.seal().start),
            ram: shape.ram,
            store: StoreId::from_number(7).unwrap(),
            at: at(200),
            chain: None,
        };
        change(&mut seal);
        let mut bytes = sign(key, &seal);
        bytes.resize(16 << 10, 0);
        self.device.write_at(layout.medium_seal().start, &bytes).unwrap();
    }

    fn reseal_as_the_store(&self) {
        self.reseal(&self.world.store, |_| ());
    }

    /// A certified store of this issuer.
    fn store(&self, number: u64, refreshes: Option<Vec<StoreId>>) -> (SecretKey, Chain) {
        let key = SecretKey::generate(&mut SeededRandom::new([200; 32]));
        let certificate = Certificate {
            issuer: "test world".to_owned(),
            subject: "another store".to_owned(),
            expires: at(0).plus_days(700),
            issued: at(0),
            id: [9; 16],
            key: Confirmation(key.public()),
            role: Role::Store,
            purpose: self.world.purpose,
            grant: Some(StoreGrant {
                store: StoreId::from_number(number).unwrap(),
                seal_key: [9; 32],
                currency: yen(),
                quota: minor(1_000),
                single_max: minor(10),
                serial_first: 1,
                serial_last: 10,
                refreshes,
            }),
        };
        let mut chain = self.world.store_chain.clone();
        chain.0[0] = sign(&self.world.issuer, &certificate);
        (key, chain)
    }
}

/// What is stated otherwise than it is.
type Change<'a> = &'a dyn Fn(&mut MediumSeal);

/// The parts at fault, and their reasons.
fn faults(report: &Report) -> Vec<(String, &str)> {
    report.faults.iter().map(|fault| (fault.part.to_string(), fault.reason.en())).collect()
}

fn refused(report: &Report, part: &str, words: &str) {
    assert_eq!((report.verdict, report.grade()), (Verdict::Altered, Grade::Damaged), "{report:#?}");
    let named = faults(report).iter().any(|(own, why)| own == part && why.contains(words));
    assert!(named, "{part}: {words:?} is missing in {:#?}", faults(report));
}

#[test]
fn a_store_cannot_seal_a_changed_player() {
    let forge = Forge::new();
    forge.flip(forge.place(PLAYER) + 100_000);
    let report = forge.report();
    let fault = &report.faults[0];
    assert_eq!(fault.part, Part::File(PLAYER.to_owned()));
    let block = (forge.place(PLAYER) + 100_000) / 4096;
    assert_eq!(fault.blocks, Some(block..block + 1));
    assert_eq!(report.faults.len(), 1, "{report:#?}");
    forge.reseal_as_the_store();
    let report = forge.report();
    refused(&report, PLAYER, "its hash is not the manifest's");
    refused(&report, "edition seal", "its root is not that of the read-only area");
}

#[test]
fn a_store_cannot_seal_a_changed_file_system_or_reserve() {
    let forge = Forge::new();
    let rom = forge.sample.sealed.layout.rom().start;
    // The hidden sectors of the boot sector: nothing that a manifest's root covers.
    forge.flip(rom + 28);
    forge.reseal_as_the_store();
    refused(&forge.report(), "file system", "the boot sector's BPB_HiddSec has changed");
    forge.flip(rom + 28);
    forge.flip(forge.sample.sealed.layout.rom().end - 1);
    forge.reseal_as_the_store();
    refused(&forge.report(), "/SCRIP/RESERVE.BIN", "its data has changed");
    forge.flip(forge.sample.sealed.layout.rom().end - 1);
    forge.reseal_as_the_store();
    assert_eq!(forge.report().verdict, Verdict::Sealed);
}

#[test]
fn only_the_certifying_store_or_one_that_may_refresh_can_seal() {
    let forge = Forge::new();
    let seven = StoreId::from_number(7).unwrap();
    for (refreshes, good) in [(None, false), (Some(vec![]), false), (Some(vec![seven]), true)] {
        let (key, chain) = forge.store(8, refreshes);
        forge.reseal(&key, |seal| {
            seal.store = StoreId::from_number(8).unwrap();
            seal.chain = Some(chain.clone());
        });
        let report = forge.report();
        if good {
            assert_eq!((report.verdict, report.grade()), (Verdict::Sealed, Grade::Good));
        } else {
            refused(&report, "medium seal", "its store is 8, which may not refresh, expected 7");
        }
    }
    // It may also renew what is stamped, but not the certificate.
    let (key, _) = forge.store(8, Some(vec![seven]));
    let user = UserInformation {
        medium: MediumId::from_serial(MEDIUM),
        user: [1; 8],
        store: StoreId::from_number(8).unwrap(),
        store_name: "another store".to_owned(),
        sold: Some(at(300)),
        owner: None,
    };
    forge.put_slot(USER_SLOT, &sign(&key, &user));
    let (_, chain) = forge.store(8, Some(vec![seven]));
    forge.reseal(&key, |seal| {
        seal.store = StoreId::from_number(8).unwrap();
        seal.chain = Some(chain);
    });
    let report = forge.report();
    assert_eq!(report.verdict, Verdict::Sealed, "{report:#?}");
    assert_eq!(report.medium.unwrap().sold, Some(at(300)));
    // A key that no issuer certified.
    forge.reseal(&SecretKey::from_seed([3; 32]), |_| ());
    refused(&forge.report(), "medium seal", "expected key");
}

#[test]
fn each_statement_of_the_seals_is_held_against_the_medium() {
    let forge = Forge::new();
    let key = &forge.world.store;
    let cases: [(Change<'_>, &str); 6] = [
        (&|seal| seal.medium = MediumId::from_serial(61), "its medium is 0000"),
        (&|seal| seal.edition = [1; 32], "its edition is 0101"),
        (&|seal| seal.certificate = [1; 32], "its certificate is 0101"),
        (&|seal| seal.store = StoreId::from_number(9).unwrap(), "its store is 9, expected 7"),
        (
            &|seal| seal.ram = ByteCount::from_bytes(1),
            "its writable area is 1 bytes, expected 3565",
        ),
        (&|seal| seal.root = [1; 32], "its root is not that of the read-only area"),
    ];
    for (change, words) in cases {
        forge.reseal(key, change);
        refused(&forge.report(), "medium seal", words);
    }
    forge.reseal_as_the_store();
    let sealed = &forge.sample.sealed;
    let put = |key: &SecretKey, seal: &EditionSeal| {
        let mut bytes = sign(key, seal);
        bytes.resize(16 << 10, 0);
        forge.device.write_at(sealed.layout.edition_seal().start, &bytes).unwrap();
    };
    let good = EditionSeal {
        edition: sealed.id,
        root: sealed.tree.root(),
        rom: sealed.manifest.shape.rom,
    };
    put(&forge.world.store, &good);
    refused(&forge.report(), "edition seal", "expected key");
    put(&forge.world.rom_signer, &EditionSeal { root: [1; 32], ..good.clone() });
    refused(&forge.report(), "edition seal", "its root is not that of the read-only area");
    put(&forge.world.rom_signer, &EditionSeal { edition: [1; 32], ..good.clone() });
    refused(&forge.report(), "edition seal", "its edition is 0101");
    put(&forge.world.rom_signer, &good);
    assert_eq!(forge.report().verdict, Verdict::Sealed);
}

#[test]
fn objects_of_others_are_refused_in_every_slot() {
    let forge = Forge::new();
    let other = World::of(8);
    let foreign = MediumId::from_serial(61);
    let sheets =
        |world: &World, medium| SheetSlot { sheets: vec![Bytes(world.sheet(medium).1)] }.encode();
    let own = MediumId::from_serial(MEDIUM);
    let cases = [
        (POLICY_SLOT, other.policy.clone(), "expected key"),
        (POLICY_SLOT, vec![], "it is empty"),
        (SHEETS_SLOT, sheets(&other, own), "expected key"),
        (SHEETS_SLOT, sheets(&forge.world, foreign), "a sheet's medium is 0000"),
        (REVOKED_SLOT, forge.world.policy.clone(), "not a signed revocation"),
        (CERTIFICATE_SLOT, vec![0xa0], "certificate"),
    ];
    for (slot, object, words) in cases {
        let mut kept = vec![0; usize::try_from(slot.bytes).unwrap()];
        forge.device.read_at(forge.place(slot.path), &mut kept).unwrap();
        forge.put_slot(slot, &object);
        forge.reseal_as_the_store();
        refused(&forge.report(), slot.path, words);
        forge.put_slot(slot, &kept);
    }
    forge.reseal_as_the_store();
    assert_eq!(forge.report().verdict, Verdict::Sealed);
}

#[test]
fn a_signed_slot_that_the_seal_was_not_made_over_is_named() {
    let forge = Forge::new();
    let newer = Policy { number: 2, ..policy() };
    forge.put_slot(POLICY_SLOT, &sign(&forge.world.issuer, &newer));
    let report = forge.report();
    refused(&report, POLICY_SLOT.path, "but the seal was made over something else");
    refused(&report, "medium seal", "its root is not that of the read-only area");
    assert!(!faults(&report).iter().any(|(part, _)| part == "edition seal"));
}

#[test]
fn a_genuine_edition_under_another_roots_store_is_refused() {
    let (world, other) = (World::new(), World::of(8));
    let sample = Sample::new(MEDIUM);
    let holder = HolderKeys::generate(&mut SeededRandom::new([5; 32]));
    let seed = Secret::new([5; 32]);
    let order = other.order(MediumId::from_serial(MEDIUM), &holder, &seed);
    let stamped = stamp(&sample.sealed, &sample.edition, &other.stamper(), &order).unwrap();
    let sample = Sample { stamped, ..sample };
    let forge = Forge { device: sample.burnt(), sample, world };
    refused(&forge.report(), CERTIFICATE_SLOT.path, "its root is");
    let roots = [&forge.world, &other].map(|world| Root::read(&world.root).unwrap()).to_vec();
    let both = Trust::new(roots, TestRoots::Allowed);
    let report = forge.as_seen_by(&both, &Identity::Image);
    refused(&report, CERTIFICATE_SLOT.path, "its root is");
}

#[test]
fn a_bound_certificate_on_other_hardware_is_a_copy() {
    let (world, sample) = (World::new(), Sample::new(MEDIUM));
    let holder = HolderKeys::generate(&mut SeededRandom::new([5; 32]));
    let seed = Secret::new([5; 32]);
    let mut order = world.order(MediumId::from_serial(MEDIUM), &holder, &seed);
    order.hardware = Some("usb:0781:5581:4C530001".to_owned());
    let stamped = stamp(&sample.sealed, &sample.edition, &world.stamper(), &order).unwrap();
    let sample = Sample { stamped, ..sample };
    let forge = Forge { device: sample.burnt(), sample, world };
    let known = |name: &str| Identity::Known(name.to_owned());
    let unreadable = Identity::Unreadable("behind a card reader".to_owned());
    let cases = [
        (known("usb:0781:5581:4C530001"), Grade::Good, "usb:0781:5581:4C530001, as its"),
        (known("usb:0781:5581:4C530002"), Grade::Differs, "a copy of usb:0781:5581:4C530001: this"),
        (Identity::Image, Grade::Differs, "a copy of usb:0781:5581:4C530001: this is an image"),
        (unreadable, Grade::Good, "not checked against usb:0781:5581:4C530001: behind a card"),
    ];
    for (identity, grade, words) in cases {
        let report = forge.as_seen_by(&forge.world.trust(), &identity);
        assert_eq!((report.verdict, report.grade()), (Verdict::Sealed, grade), "{identity:?}");
        let told = report.lines().join("\n");
        assert!(told.contains(&format!("hardware          {words}")), "{told}");
    }
    let unbound = Forge::new().as_seen_by(&forge.world.trust(), &known("usb:1:2:3"));
    assert_eq!((unbound.hardware, unbound.verdict), (Binding::Unbound, Verdict::Sealed));
}

#[test]
fn a_policy_or_list_that_says_no_ends_with_refused() {
    let forge = Forge::new();
    let cheap = Policy { rounds_min: 50, ..policy() };
    forge.put_slot(POLICY_SLOT, &sign(&forge.world.issuer, &cheap));
    forge.reseal_as_the_store();
    let report = forge.report();
    assert_eq!((report.verdict, report.grade()), (Verdict::Sealed, Grade::Refused));
    assert!(report.refusals[0].en().contains("1 rounds, expected 50"), "{:?}", report.refusals);
    let broken = Policy { share_ppm: 1_000_001, ..policy() };
    forge.put_slot(POLICY_SLOT, &sign(&forge.world.issuer, &broken));
    forge.reseal_as_the_store();
    assert!(forge.report().refusals[0].en().contains("uploader's share 1000001 is above 1000000"));
    forge.put_slot(POLICY_SLOT, &forge.world.policy);
    let media = vec![MediumId::from_serial(MEDIUM)];
    let list = Revocation { number: 4, issued: at(500), media, sheets: vec![], stores: vec![] };
    forge.put_slot(REVOKED_SLOT, &sign(&forge.world.issuer, &list));
    forge.reseal_as_the_store();
    let report = forge.report();
    assert_eq!(report.grade(), Grade::Refused);
    assert!(report.refusals[0].en().contains("is revoked by list 4"), "{:?}", report.refusals);
}
