//! A small world for tests: a test root, its roles, one store, a sheet a medium, small editions.

use std::num::{NonZeroU32, NonZeroUsize};

use scrip::crypto::password::{Cost, Password};
use scrip::crypto::seal::SealSecretKey;
use scrip::crypto::sign::{PublicKey, SecretKey};
use scrip::crypto::{Random, Secret, SeededRandom};
use scrip::device::{Device, MemoryDevice, Target};
use scrip::fat::Contents;
use scrip::format::Object;
use scrip::format::certificate::{Certificate, Chain, Confirmation, Purpose, Role, StoreGrant};
use scrip::format::edition::{Catalogue, Item, ItemKind, PaperRoom, RamKind, Shape};
use scrip::format::policy::{Policy, Revocation};
use scrip::format::sheet::Run;
use scrip::image::burn::{Burn, Care, Follow, Step};
use scrip::image::edition::{Authored, Draft};
use scrip::image::items::item_keys;
use scrip::image::layout::{CATALOGUE_PATH, Layout};
use scrip::image::leaves::{Unwatched, Watch};
use scrip::image::sealed::{SealedEdition, open_sealed, sign_edition};
use scrip::image::stamp::{Order, Stamped, Stamper, stamp};
use scrip::ledger::next::Code;
use scrip::trust::access::HolderKeys;
use scrip::trust::{EditionSecret, LIVE_ROUNDS_MIN, Root, TestRoots, Trust, sign};
use scrip::units::{Amount, ByteCount, Currency, CurrencyForm, MediumId, StoreId, Timestamp};
use scrip::voucher::{SheetPlan, make_sheet, slot_secret};

/// Two workers, whatever the machine has.
pub(crate) const THREADS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds).unwrap()
}

pub(crate) fn minor(value: u64) -> Amount {
    Amount::from_minor(value).unwrap()
}

pub(crate) fn yen() -> Currency {
    "JPY".parse().unwrap()
}

pub(crate) struct World {
    pub(crate) purpose: Purpose,
    pub(crate) root: Vec<u8>,
    pub(crate) issuer: SecretKey,
    pub(crate) rom_signer: SecretKey,
    pub(crate) rom_chain: Chain,
    pub(crate) store: SecretKey,
    pub(crate) store_chain: Chain,
    pub(crate) settler: SecretKey,
    pub(crate) settler_chain: Chain,
    pub(crate) seal: Secret<32>,
    pub(crate) policy: Vec<u8>,
    pub(crate) revocation: Option<Vec<u8>>,
    pub(crate) password: Password,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(7)
    }

    /// Worlds of different seeds share no key.
    pub(crate) fn of(seed: u8) -> Self {
        Self::with(seed, Purpose::Test)
    }

    /// A world under a live root, whose codes cost what live codes cost.
    pub(crate) fn live(seed: u8) -> Self {
        Self::with(seed, Purpose::Live)
    }

    fn with(seed: u8, purpose: Purpose) -> Self {
        let mut rng = SeededRandom::new([seed; 32]);
        let mut key = || SecretKey::generate(&mut rng);
        let (root_key, issuer, rom_signer, store) = (key(), key(), key(), key());
        let seal_key = SealSecretKey::generate(&mut rng).public();
        let mut certify = |by: &SecretKey, key: PublicKey, role: Role| {
            let grant = (role == Role::Store).then(|| StoreGrant {
                store: StoreId::from_number(7).unwrap(),
                seal_key: *seal_key.as_bytes(),
                currency: yen(),
                quota: minor(1_000_000),
                single_max: minor(1_000),
                serial_first: 1,
                serial_last: 1_000,
                refreshes: None,
            });
            let mut id = [0; 16];
            rng.fill(&mut id);
            sign(
                by,
                &Certificate {
                    issuer: "test world".to_owned(),
                    subject: format!("test {role}"),
                    expires: at(0).plus_days(700),
                    issued: at(0),
                    id,
                    key: Confirmation(key),
                    role,
                    purpose,
                    grant,
                },
            )
        };
        let root = certify(&root_key, root_key.public(), Role::Root);
        let issuer_certificate = certify(&root_key, issuer.public(), Role::Issuer);
        let mut chain = |key: &SecretKey, role| {
            let leaf = certify(&issuer, key.public(), role);
            Chain(vec![leaf, issuer_certificate.clone(), root.clone()])
        };
        let rom_chain = chain(&rom_signer, Role::RomSigner);
        let store_chain = chain(&store, Role::Store);
        let policy = sign(&issuer, &policy());
        let seal = Secret::generate(&mut rng);
        let settler = SecretKey::from_seed([seed ^ 0x5e; 32]);
        let settler_chain = {
            let leaf = settler_certificate(&issuer, settler.public(), purpose);
            Chain(vec![leaf, issuer_certificate, root.clone()])
        };
        let password = Password::new("first password".to_owned());
        Self {
            purpose,
            root,
            issuer,
            rom_signer,
            rom_chain,
            store,
            store_chain,
            settler,
            settler_chain,
            seal,
            policy,
            revocation: None,
            password,
        }
    }

    /// The same under another policy.
    pub(crate) fn under(mut self, policy: &Policy) -> Self {
        self.policy = sign(&self.issuer, policy);
        self
    }

    /// The same with a revocation list that media carry.
    pub(crate) fn revoking(mut self, list: &Revocation) -> Self {
        self.revocation = Some(sign(&self.issuer, list));
        self
    }

    /// Trust in this world's root.
    pub(crate) fn trust(&self) -> Trust {
        Trust::new(vec![Root::read(&self.root).unwrap()], TestRoots::Allowed)
    }

    /// A signed sheet of ten codes of 500.
    pub(crate) fn sheet(&self, medium: MediumId) -> ([u8; 16], Vec<u8>) {
        let id = [4; 16];
        let rounds = match self.purpose {
            Purpose::Live => LIVE_ROUNDS_MIN,
            Purpose::Test => 1,
        };
        let plan = SheetPlan {
            id,
            medium,
            currency: yen(),
            rounds: NonZeroU32::new(rounds).unwrap(),
            runs: vec![Run { count: 10, amount: minor(500) }],
            issued: at(10),
        };
        (id, make_sheet(&self.issuer, &self.seal, &plan).unwrap())
    }

    pub(crate) fn code(&self, medium: MediumId, slot: u8) -> Code {
        let secret = slot_secret(&self.seal, medium, &[4; 16], slot);
        Code { sheet: [4; 16], slot, secret, amount: minor(500) }
    }

    pub(crate) fn order<'a>(
        &'a self,
        medium: MediumId,
        holder: &'a HolderKeys,
        seed: &'a Secret<32>,
    ) -> Order<'a> {
        Order {
            medium,
            currency: yen(),
            sheets: vec![self.sheet(medium)],
            policy: &self.policy,
            revocation: self.revocation.as_deref(),
            serial: 1,
            at: at(100),
            floor: at(10),
            hardware: None,
            holder,
            seed,
            password: &self.password,
            cost: Cost::MINIMAL,
            items: &[],
            code: Some(self.code(medium, 3)),
            sold: None,
        }
    }

    pub(crate) fn stamper(&self) -> Stamper<'_> {
        Stamper {
            store: StoreId::from_number(7).unwrap(),
            name: "Test store",
            key: &self.store,
            chain: &self.store_chain,
        }
    }
}

fn settler_certificate(issuer: &SecretKey, key: PublicKey, purpose: Purpose) -> Vec<u8> {
    let certificate = Certificate {
        issuer: "test world".to_owned(),
        subject: "test settler".to_owned(),
        expires: at(0).plus_days(700),
        issued: at(0),
        id: [0x5e; 16],
        key: Confirmation(key),
        role: Role::Settler,
        purpose,
        grant: None,
    };
    sign(issuer, &certificate)
}

pub(crate) fn policy() -> Policy {
    Policy {
        number: 1,
        issued: at(5),
        currencies: vec![CurrencyForm::new(yen(), 0).unwrap()],
        balance_max: minor(100_000),
        topup_max: minor(50_000),
        offline_cap: minor(10_000),
        offline_count: 30,
        starter_cap: minor(1_000),
        starter_count: 3,
        debt_cap: minor(10_000),
        rounds_min: 1,
        chunk: ByteCount::from_bytes(1 << 20),
        share_ppm: 200_000,
        decide_alone: None,
    }
}

/// Files in memory.
pub(crate) struct Files(pub(crate) Vec<(String, Vec<u8>)>);

impl Contents for Files {
    fn read_at(&self, file: usize, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        buf.copy_from_slice(&self.0[file].1[start..start + buf.len()]);
        Ok(())
    }
}

impl Files {
    /// The catalogue among them.
    fn catalogue(&self) -> Option<Catalogue> {
        let (_, bytes) = self.0.iter().find(|(path, _)| path == CATALOGUE_PATH)?;
        Some(Catalogue::decode(bytes).unwrap())
    }
}

/// The secret that items are sealed under.
pub(crate) fn edition_secret() -> EditionSecret {
    EditionSecret::new(Secret::new([0x5e; 32]))
}

/// A few files of different lengths, some below and some above a block.
pub(crate) fn files() -> Files {
    let mut rng = SeededRandom::new([77; 32]);
    let mut file = |path: &str, length: usize| {
        let mut bytes = vec![0; length];
        rng.fill(&mut bytes);
        (path.to_owned(), bytes)
    };
    Files(vec![
        file("/START.HTM", 3_000),
        file("/start.sh", 700),
        file("/players/linux-x86_64/scrip-wallet", 300_000),
        file("/CONTENT/A long name with spaces.txt", 12_345),
        file("/CONTENT/empty.txt", 0),
        file("/CONTENT/日本語.txt", 4_096),
        file("/SCRIP/SETTINGS.CBR", 100),
    ])
}

pub(crate) fn shape() -> Shape {
    shape_of(34)
}

/// A shape with a read-only volume of so many MiB.
pub(crate) fn shape_of(rom_mib: u64) -> Shape {
    let mib = |count: u64| ByteCount::from_bytes(count << 20);
    Shape {
        rom: mib(rom_mib),
        ram: mib(34),
        rom_label: "SCRIP-ROM".to_owned(),
        ram_label: "SCRIP-RAM".to_owned(),
        ram_kind: RamKind::Rewritable,
        journal: mib(1),
        papers: Some(PaperRoom::Beside),
    }
}

/// Author the sample files into memory, unsigned.
pub(crate) fn authored_as(
    shape: Shape,
    files: &Files,
    threads: NonZeroUsize,
) -> (Authored, MemoryDevice) {
    let draft = Draft {
        name: "sample".to_owned(),
        shape,
        currency: yen(),
        files: files.0.iter().map(|(path, bytes)| (path.clone(), bytes.len() as u64)).collect(),
        catalogue: files.catalogue(),
    };
    let length = Layout::new(&draft.shape).unwrap().edition_bytes();
    let device = MemoryDevice::zeroed(usize::try_from(length).unwrap());
    let placed = draft.place().unwrap();
    let authored = placed.author(files, &device, threads, &Unwatched).unwrap();
    (authored, device)
}

/// The sample edition, signed and opened.
pub(crate) fn sealed(world: &World) -> (SealedEdition, MemoryDevice) {
    sealed_as(world, shape(), &files())
}

pub(crate) fn sealed_as(
    world: &World,
    shape: Shape,
    files: &Files,
) -> (SealedEdition, MemoryDevice) {
    let (_, device) = authored_as(shape, files, THREADS);
    sign_edition(&device, &world.rom_signer, &world.rom_chain, THREADS, &Unwatched).unwrap();
    let sealed = open_sealed(&device, &world.trust(), THREADS, &Unwatched).unwrap();
    (sealed, device)
}

/// Nobody follows.
pub(crate) struct Unfollowed;

impl Follow for Unfollowed {
    fn step(&self, _: Step, _: u64) {}

    fn watch(&self) -> &dyn Watch {
        &Unwatched
    }
}

/// One edition and what is stamped on one medium of it.
pub(crate) struct Sample {
    pub(crate) sealed: SealedEdition,
    pub(crate) edition: MemoryDevice,
    pub(crate) stamped: Stamped,
}

impl Sample {
    pub(crate) fn new(serial: u64) -> Self {
        Self::of(&World::new(), serial)
    }

    pub(crate) fn of(world: &World, serial: u64) -> Self {
        let (sealed, edition) = sealed(world);
        let stamped = stamped(world, &sealed, &edition, serial);
        Self { sealed, edition, stamped }
    }

    pub(crate) fn burn(&self) -> Burn<'_> {
        Burn { sealed: &self.sealed, edition: &self.edition, stamped: &self.stamped }
    }

    /// Burn to a target.
    pub(crate) fn burn_to(&self, target: &dyn Target) {
        self.burn().run(target, &Care::FRESH, &Unfollowed).unwrap();
    }

    /// A burnt medium in memory, on storage that held other bytes before.
    pub(crate) fn burnt(&self) -> MemoryDevice {
        let length = self.sealed.layout.medium_bytes();
        let device = MemoryDevice::filled(usize::try_from(length).unwrap(), 0xa5);
        self.burn_to(&device);
        device
    }
}

pub(crate) fn stamped(
    world: &World,
    sealed: &SealedEdition,
    edition: &dyn Device,
    serial: u64,
) -> Stamped {
    let seed = Secret::new([u8::try_from(serial % 251).unwrap(); 32]);
    let holder = HolderKeys::generate(&mut SeededRandom::new(*seed.expose()));
    let items = item_keys(sealed, edition, &[edition_secret()]).unwrap();
    let order = world.order(MediumId::from_serial(serial), &holder, &seed);
    let order = Order { items: &items, ..order };
    stamp(sealed, edition, &world.stamper(), &order).unwrap()
}

/// Something that a catalogue offers.
pub(crate) fn item(id: &str, price: u64) -> Item {
    Item {
        id: id.to_owned(),
        title: format!("Title of {id}"),
        title_ja: None,
        kind: ItemKind::Text,
        path: "/START.HTM".to_owned(),
        size: ByteCount::from_bytes(3_000),
        price: minor(price),
        rights_holder: "somebody".to_owned(),
        content: None,
    }
}
