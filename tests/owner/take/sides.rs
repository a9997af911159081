//! Three media in memory with their OUTBOXes, whose storage stops where a test says.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};

use scrip::crypto::{Random, SeededRandom};
use scrip::device::{Device, DeviceError, MemoryDevice};
use scrip::format::Object;
use scrip::format::certificate::Chain;
use scrip::format::field::Bytes;
use scrip::format::item::Package;
use scrip::format::policy::Policy;
use scrip::format::record::Record;
use scrip::format::transfer::Receipt;
use scrip::image::leaves::{Unwatched, Watch};
use scrip::image::tree::{file_root, push_leaves};
use scrip::journal::{Archive, ArchiveFault};
use scrip::trust::{Verified, sign, verify};
use scrip::units::{ByteCount, MediumId};
use scrip::wallet::take::{
    Content, File, Giver, Goods, Hand, Leaves, Owner, Payer, Sealing, Shelf, ShelfError, TakeError,
    Taken, resume, settle as settle_sides, take,
};
use scrip::wallet::{Medium, Opened};

use crate::owner::settled::Records;
use crate::owner::{FIRST, OWN, Scratch, code, password, rng};
use crate::world::{Sample, THREADS, World, at, minor, policy, yen};

pub(super) const CHUNK: u64 = 8 << 10;
pub(super) const LENGTH: u64 = 5 * CHUNK + 777;
pub(super) const PRICE: u64 = 299;
const SERIALS: [u64; 3] = [81, 82, 83];

/// Whether the media have seen a settler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::owner) enum Settled {
    Never,
    Before,
}

/// Lets so many writes and flushes pass; then all storage fails, or one medium's.
pub(super) struct Fuse {
    left: AtomicI64,
    only: Option<MediumId>,
    asked: AtomicU64,
}

impl Fuse {
    pub(super) fn never() -> Self {
        Self::after(i64::MAX, None)
    }

    pub(super) fn after(count: i64, only: Option<MediumId>) -> Self {
        Self { left: AtomicI64::new(count), only, asked: AtomicU64::new(0) }
    }

    /// Writes and flushes that were asked for.
    pub(super) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    fn is_burnt(&self, medium: MediumId) -> bool {
        self.only.is_none_or(|only| only == medium) && self.left.load(Ordering::Relaxed) <= 0
    }

    /// One more write or flush of a medium; whether it passes.
    fn passes(&self, medium: MediumId) -> bool {
        if self.only.is_some_and(|only| only != medium) {
            return true;
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.left.fetch_sub(1, Ordering::Relaxed) > 0
    }
}

/// A medium that is its owner's, with 1,000 on it.
struct Base {
    device: MemoryDevice,
    found: Medium,
}

/// The world of these tests: its receipts are for 8 KiB.
fn world() -> World {
    let mut world = World::new();
    let chunk = ByteCount::from_bytes(CHUNK);
    world.policy = sign(&world.issuer, &Policy { chunk, ..policy() });
    world
}

fn bases(settled: Settled) -> &'static [Base; 3] {
    static BASES: [OnceLock<[Base; 3]>; 2] = [OnceLock::new(), OnceLock::new()];
    BASES[settled as usize].get_or_init(|| SERIALS.map(|serial| base(serial, settled)))
}

fn base(serial: u64, settled: Settled) -> Base {
    let world = world();
    let device = Sample::of(&world, serial).burnt();
    let examined = || Medium::of(crate::owner::examined(&device)).unwrap();
    let mut opened = Opened::open(&device, examined(), &mut rng(1)).unwrap();
    let first = opened.unlock(&password(FIRST)).unwrap();
    let own = opened.rekey(&first, &password(OWN), at(1_000), &mut rng(2)).unwrap();
    let typed = scrip::wallet::read_typed(&code(serial, 0)).unwrap();
    let topup = opened.medium().judge(&typed).ok().unwrap();
    opened.topup(&own.keys, &topup, at(1_001), &mut rng(3)).unwrap();
    drop(opened);
    if settled == Settled::Before {
        settle(&device, examined());
    }
    let found = examined();
    assert_eq!(found.balance(), minor(1_000));
    Base { device, found }
}

/// Have the settler state what is on a medium, and its owner apply that: the journal is compacted,
/// or where that can't be a record takes it over.
fn settle<D: Device>(device: D, medium: Medium) {
    let mut opened = Opened::open(device, medium, &mut rng(43)).unwrap();
    let file = Records::of(opened.medium()).settle(&[&opened.medium().account().state]);
    let settling = opened.medium().settling(&file.encode()).unwrap();
    if opened.compact(&settling, &mut Kept(vec![])).is_err() {
        let own = opened.unlock(&password(OWN)).unwrap();
        opened.take_over(&own.keys, &settling, at(1_600), &mut rng(44)).unwrap();
    }
}

/// A medium in memory: what is written lies over the base, and can be thrown away.
pub(super) struct Stick {
    device: Scratch<'static>,
    base: &'static Base,
    files: Mutex<BTreeMap<String, Vec<u8>>>,
}

/// A medium's storage while a fuse lasts.
struct Fused<'a> {
    stick: &'a Stick,
    fuse: &'a Fuse,
}

impl Fused<'_> {
    fn done(passes: bool) -> Result<(), DeviceError> {
        let source = std::io::Error::other("pulled out");
        let failed = DeviceError::Io { action: "using", offset: 0, count: 0, source };
        if passes { Ok(()) } else { Err(failed) }
    }

    fn shelf(&self, passes: bool) -> Result<MutexGuard<'_, BTreeMap<String, Vec<u8>>>, ShelfError> {
        if !passes {
            return Err(ShelfError::new("pulled out"));
        }
        Ok(self.stick.files.lock().unwrap())
    }

    fn reads(&self) -> bool {
        !self.fuse.is_burnt(self.stick.id())
    }

    fn writes(&self) -> bool {
        self.fuse.passes(self.stick.id())
    }
}

impl Device for Fused<'_> {
    fn len_bytes(&self) -> u64 {
        self.stick.device.len_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        Self::done(self.reads())?;
        self.stick.device.read_at(offset, buf)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        Self::done(self.writes())?;
        self.stick.device.write_at(offset, bytes)
    }

    fn flush(&self) -> Result<(), DeviceError> {
        Self::done(self.writes())
    }
}

impl Shelf for Fused<'_> {
    fn size(&self, name: &str) -> Result<Option<u64>, ShelfError> {
        Ok(self.shelf(self.reads())?.get(name).map(|bytes| bytes.len() as u64))
    }

    fn read(&self, name: &str, limit_bytes: u64) -> Result<Vec<u8>, ShelfError> {
        let bytes = self.shelf(self.reads())?[name].clone();
        assert!(bytes.len() as u64 <= limit_bytes);
        Ok(bytes)
    }

    fn read_at(&self, name: &str, offset: u64, buf: &mut [u8]) -> Result<(), ShelfError> {
        let start = usize::try_from(offset).unwrap();
        buf.copy_from_slice(&self.shelf(self.reads())?[name][start..start + buf.len()]);
        Ok(())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ShelfError> {
        self.shelf(self.writes())?.insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn append(&self, name: &str, at: u64, bytes: &[u8]) -> Result<(), ShelfError> {
        let mut files = self.shelf(self.writes())?;
        let file = files.entry(name.to_owned()).or_default();
        assert_eq!(file.len() as u64, at);
        file.extend_from_slice(bytes);
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), ShelfError> {
        self.shelf(self.writes())?.remove(name).unwrap();
        Ok(())
    }

    fn list(&self) -> Result<Vec<String>, ShelfError> {
        Ok(self.shelf(self.reads())?.keys().cloned().collect())
    }

    fn free_bytes(&self) -> Result<u64, ShelfError> {
        Ok(1 << 30)
    }
}

impl Stick {
    fn of(base: &'static Base) -> Self {
        Self { device: Scratch::over(&base.device), base, files: Mutex::default() }
    }

    pub(super) fn id(&self) -> MediumId {
        self.base.found.id()
    }

    /// The medium as it stands, its chain folded anew.
    pub(super) fn medium(&self) -> Medium {
        let opened = Opened::open(&self.device, self.base.found.clone(), &mut rng(40)).unwrap();
        opened.medium().clone()
    }

    pub(super) fn records(&self) -> Vec<Verified<Record>> {
        self.medium().account().records.clone()
    }

    pub(super) fn balance(&self) -> u64 {
        self.medium().balance().minor()
    }

    pub(super) fn topup(&self, slot: u8) {
        let mut opened = Opened::open(&self.device, self.base.found.clone(), &mut rng(41)).unwrap();
        let own = opened.unlock(&password(OWN)).unwrap();
        let serial = SERIALS.iter().find(|serial| MediumId::from_serial(**serial) == self.id());
        let typed = scrip::wallet::read_typed(&code(*serial.unwrap(), slot)).unwrap();
        let topup = opened.medium().judge(&typed).ok().unwrap();
        opened.topup(&own.keys, &topup, at(1_500), &mut rng(42)).unwrap();
    }

    /// Have it settled as it stands.
    pub(super) fn settle(&self) {
        settle(&self.device, self.base.found.clone());
    }

    /// Is a transfer under way?
    pub(super) fn takes(&self) -> bool {
        !self.medium().account().state.transfers.is_empty()
    }

    pub(super) fn forget_files(&self) {
        self.files.lock().unwrap().clear();
    }

    /// Put bytes behind what is there of a file.
    pub(super) fn lengthen(&self, name: &str, bytes: &[u8]) {
        self.files.lock().unwrap().get_mut(name).unwrap().extend_from_slice(bytes);
    }
}

/// An archive in memory.
struct Kept(Vec<u8>);

impl Archive for Kept {
    fn keep(&mut self, frames: &[u8]) -> Result<(), ArchiveFault> {
        self.0 = frames.to_vec();
        Ok(())
    }

    fn read_back(&mut self) -> Result<Vec<u8>, ArchiveFault> {
        Ok(self.0.clone())
    }
}

/// What the side that sends reads, counted.
struct Counted<'a> {
    bytes: &'a [u8],
    sent: AtomicU64,
}

impl Content for Counted<'_> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), ShelfError> {
        let start = usize::try_from(offset).unwrap();
        buf.copy_from_slice(&self.bytes[start..start + buf.len()]);
        self.sent.fetch_add(buf.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// Asks to stop once so many bytes are there.
struct Until(u64, AtomicU64);

impl Watch for Until {
    fn progress(&self, done: u64, _total: u64) {
        self.1.store(done, Ordering::Relaxed);
    }

    fn stopped(&self) -> bool {
        self.1.load(Ordering::Relaxed) >= self.0
    }
}

/// Three media and an item.
pub(super) struct Scene {
    pub(super) sticks: [Stick; 3],
    pub(super) goods: Goods,
    pub(super) bytes: Vec<u8>,
    /// Bytes that were sent in the last run, the look before it left out.
    sent: AtomicU64,
}

impl Scene {
    pub(super) fn new(settled: Settled) -> Self {
        let mut bytes = vec![0; usize::try_from(LENGTH).unwrap()];
        SeededRandom::new([99; 32]).fill(&mut bytes);
        let mut leaves = vec![];
        push_leaves(&mut leaves, &bytes);
        let goods = Goods {
            item: "song".to_owned(),
            entry: [7; 32],
            price: minor(PRICE),
            currency: yen(),
            length: ByteCount::from_bytes(LENGTH),
            root: file_root(&leaves),
            sealing: Sealing::Open,
        };
        let sticks = bases(settled).each_ref().map(Stick::of);
        Self { sticks, goods, bytes, sent: AtomicU64::new(0) }
    }

    /// Another item with the same bytes.
    pub(super) fn priced(&self, price: u64) -> Goods {
        let entry = [u8::try_from(price % 251).unwrap(); 32];
        Goods { price: minor(price), entry, ..self.goods.clone() }
    }

    pub(super) fn take(&self, payer: &Stick, giver: &Stick, fuse: &Fuse) -> Result<Taken, String> {
        self.run(&self.goods, payer, giver, fuse, &Unwatched).map_err(|error| error.to_string())
    }

    pub(super) fn take_until(&self, payer: &Stick, giver: &Stick, bytes: u64) -> Taken {
        let until = Until(bytes, AtomicU64::new(0));
        self.run(&self.goods, payer, giver, &Fuse::never(), &until).unwrap()
    }

    pub(super) fn run(
        &self,
        goods: &Goods,
        payer: &Stick,
        giver: &Stick,
        fuse: &Fuse,
        watch: &dyn Watch,
    ) -> Result<Taken, TakeError> {
        let content = Counted { bytes: &self.bytes, sent: AtomicU64::new(0) };
        let leaves = Leaves::survey(&content, goods, THREADS, &Unwatched).unwrap();
        content.sent.store(0, Ordering::Relaxed);
        let taken = between(payer, giver, fuse, watch, |payer, giver, hand| {
            let package = Package { item: Bytes(vec![]), chain: Chain(vec![]) };
            let file = File { content: &content, leaves: &leaves, package: &package };
            take(payer, giver, goods, file, hand)
        });
        self.sent.store(content.sent.load(Ordering::Relaxed), Ordering::Relaxed);
        taken
    }

    /// Bring two media together again, so that each closes what it left open.
    pub(super) fn meet(&self, payer: &Stick, giver: &Stick) {
        let content = Counted { bytes: &self.bytes, sent: AtomicU64::new(0) };
        let leaves = Leaves::survey(&content, &self.goods, THREADS, &Unwatched).unwrap();
        between(payer, giver, &Fuse::never(), &Unwatched, |payer, giver, hand| {
            resume(payer, giver, &self.goods, &leaves, hand)
        })
        .unwrap();
    }

    /// The same, while a fuse lasts.
    pub(super) fn meet_while(
        &self,
        payer: &Stick,
        giver: &Stick,
        fuse: &Fuse,
    ) -> Result<(), TakeError> {
        between(payer, giver, fuse, &Unwatched, |payer, giver, hand| {
            settle_sides(payer, giver, &self.goods, hand)
        })
    }

    /// The side that sent goes on with what waits there by what it holds alone.
    pub(super) fn close_alone(payer: &Stick, giver: &Stick) {
        let medium = payer.id();
        between(payer, giver, &Fuse::never(), &Unwatched, |_, giver, hand| {
            for (transfer, _) in giver.waiting(medium) {
                giver.close(&transfer, None, hand)?;
            }
            Ok(())
        })
        .unwrap();
    }

    /// Bytes that were sent in the last run.
    pub(super) fn sent_bytes(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Bytes that the greatest receipt counts which the side that sends keeps.
    pub(super) fn signed_for(payer: &Stick, giver: &Stick) -> u64 {
        let key = payer.medium().account().state.holder;
        let files = giver.files.lock().unwrap();
        let receipts = files.iter().filter(|(name, _)| name.ends_with(".receipt"));
        let counts = receipts.map(|(_, bytes)| verify::<Receipt>(bytes, &key).unwrap().got);
        counts.max().map_or(0, ByteCount::bytes)
    }

    pub(super) fn has_all(&self, payer: &Stick) -> bool {
        payer.files.lock().unwrap().get(&self.goods.names().data()) == Some(&self.bytes)
    }
}

/// Open both media and have them speak.
fn between<T>(
    payer: &Stick,
    giver: &Stick,
    fuse: &Fuse,
    watch: &dyn Watch,
    speak: impl FnOnce(
        &mut Payer<'_, &Fused<'_>>,
        &mut Owner<'_, &Fused<'_>>,
        &mut Hand<'_>,
    ) -> Result<T, TakeError>,
) -> Result<T, TakeError> {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&RUNS.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    let mut rng = SeededRandom::new(seed);
    let [one, other] = [payer, giver].map(|stick| Fused { stick, fuse });
    let (mut first, mut second) = (opened(&one, &mut rng)?, opened(&other, &mut rng)?);
    let keys = [&mut first, &mut second].map(|opened| opened.unlock(&password(OWN)).unwrap().keys);
    let trust = world().trust();
    let mut payer = Payer { opened: &mut first, keys: &keys[0], shelf: &one };
    let mut giver = Owner { opened: &mut second, keys: &keys[1], shelf: &other, trust: &trust };
    let clock = || at(2_000);
    speak(&mut payer, &mut giver, &mut Hand { clock: &clock, rng: &mut rng, watch })
}

/// To be opened costs a flush, which may be the one that fails.
fn opened<'f>(
    side: &'f Fused<'f>,
    rng: &mut dyn Random,
) -> Result<Opened<&'f Fused<'f>>, TakeError> {
    let opened = Opened::open(side, side.stick.base.found.clone(), rng);
    opened.map_err(|error| TakeError::Storage(ShelfError::new(error)))
}
