//! What each fuzz target does with its input; the tests replay the corpora through the same functions.
//!
//! No input may panic, and none may lead to a value whose encoding is other than what was read.

use std::ops::Range;
use std::path::Path;
use std::sync::{LazyLock, Mutex};

use scrip::crypto::sign::{PublicKey, SecretKey};
use scrip::device::{Contents, Device, MemoryDevice, Slice};
use scrip::fat;
use scrip::format::access::{AccessSlot, KeyFile};
use scrip::format::certificate::{Certificate, Chain, EnrolRequest};
use scrip::format::cose::{self, Sign1};
use scrip::format::edition::{
    Catalogue, EditionHeader, EditionSeal, Manifest, Settings, SignedManifest,
};
use scrip::format::medium::{
    CertificateSlot, MediumCertificate, MediumSeal, SheetSlot, UserInformation,
};
use scrip::format::policy::{Policy, Revocation};
use scrip::format::record::Record;
use scrip::format::sheet::{Kit, SealedKit, Sheet, Voucher};
use scrip::format::store::StoreEntry;
use scrip::format::{Kind, Object, cbor};
use scrip::image::check::{Identity, Reading, Verdict, judge};
use scrip::image::edition;
use scrip::image::layout::{CERTIFICATE_SLOT, Layout, MANIFEST_PATH, USER_SLOT};
use scrip::image::leaves::Unwatched;
use scrip::image::recipe::Recipe;
use scrip::journal::{self, Place, frame::Frame};
use scrip::shop::{self, log::Log, log::LogOwner};
use scrip::trust::access::read_access_file;
use scrip::trust::{TestRoots, Trust};
use scrip::units::{Amount, Currency, CurrencyForm, MediumId, StoreId};
use scrip::voucher::code::{CodeDigits, TypedCode};
use scrip::voucher::repair::candidates;

use crate::world::{Sample, THREADS, World};

/// What is done with an input.
pub(crate) type Body = fn(&[u8]);

/// Every kind of object, as a first byte of the input chooses it.
pub(crate) const OBJECTS: &[(&str, Body)] = &[
    ("certificate", object_of::<Certificate>),
    ("enrol-request", object_of::<EnrolRequest>),
    ("policy", object_of::<Policy>),
    ("revocation", object_of::<Revocation>),
    ("manifest", object_of::<Manifest>),
    ("edition-seal", object_of::<EditionSeal>),
    ("medium-seal", object_of::<MediumSeal>),
    ("medium-certificate", object_of::<MediumCertificate>),
    ("user-information", object_of::<UserInformation>),
    ("sheet", object_of::<Sheet>),
    ("kit", object_of::<Kit>),
    ("voucher", object_of::<Voucher>),
    ("store-entry", object_of::<StoreEntry>),
    ("record", object_of::<Record>),
    ("settings", object_of::<Settings>),
    ("catalogue", object_of::<Catalogue>),
    ("access-slot", object_of::<AccessSlot>),
    ("sealed-kit", object_of::<SealedKit>),
    ("key-file", object_of::<KeyFile>),
    ("edition-header", object_of::<EditionHeader>),
    ("chain", object_of::<Chain>),
    ("certificate-slot", object_of::<CertificateSlot>),
    ("sheet-slot", object_of::<SheetSlot>),
    ("signed-manifest", object_of::<SignedManifest>),
];

/// Every body by its target's name.
pub(crate) const BODIES: &[(&str, Body)] = &[
    ("access_file", access_file),
    ("cbor", cbor_item),
    ("chain", chain),
    ("edition", edition_file),
    ("frame", frame),
    ("image", image),
    ("journal", journal_copies),
    ("object", object),
    ("peek", peek),
    ("recipe", recipe),
    ("signed", signed),
    ("store_journal", store_journal),
    ("typed", typed),
    ("volume", volume),
];

fn object_of<T: Object>(bytes: &[u8]) {
    if let Ok(object) = T::decode(bytes) {
        assert_eq!(object.encode(), bytes, "an object has one encoding");
    }
}

/// An object of the kind that the first byte chooses.
pub(crate) fn object(data: &[u8]) {
    if let Some((first, rest)) = data.split_first() {
        OBJECTS[usize::from(*first) % OBJECTS.len()].1(rest);
    }
}

/// One item of strict CBOR.
pub(crate) fn cbor_item(data: &[u8]) {
    if let Ok(value) = cbor::decode(data, Kind::Chain) {
        assert_eq!(cbor::encode(&value), data, "a value has one encoding");
    }
    if let Ok(Some(object)) = cbor::unpad(data) {
        assert_eq!(cbor::measure(object), Ok(object.len()));
    }
}

/// A signed object of the kind that the first byte chooses.
pub(crate) fn signed(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let kind = Kind::ALL[usize::from(*first) % Kind::ALL.len()];
    let _ = cose::stated_kind(rest);
    if let Ok(message) = Sign1::decode(rest, kind) {
        let signature = *message.signature();
        let again = cose::assemble(kind, message.key_id(), message.payload().to_vec(), |made| {
            assert_eq!(made, message.to_be_signed());
            signature
        });
        assert_eq!(again, rest, "an envelope has one encoding");
    }
}

/// A chain of certificates, walked under a root that signed none of it.
pub(crate) fn chain(data: &[u8]) {
    static TRUST: LazyLock<Trust> = LazyLock::new(|| World::new().trust());
    let Ok(chain) = Chain::decode(data) else { return };
    if let Ok(signer) = TRUST.signer(&chain) {
        assert!(!signer.anchor().is_pinned(), "nobody can sign under this root");
    }
    let refused = Trust::new(vec![], TestRoots::Refused);
    let _ = refused.signer(&chain);
}

/// A frame of a journal.
pub(crate) fn frame(data: &[u8]) {
    if let Some(frame) = Frame::decode(data) {
        let stored = frame.encode().expect("what was read is short enough");
        assert_eq!(stored, data[..frame.stored_bytes()], "a frame has one encoding");
    }
}

/// Two copies of a journal, half of the input each.
pub(crate) fn journal_copies(data: &[u8]) {
    const COPY_BYTES: usize = 8 << 10;
    let mut bytes = vec![0; 2 * COPY_BYTES];
    let (a, b) = data.split_at(data.len() / 2);
    for (start, half) in [(0, a), (COPY_BYTES, b)] {
        let count = half.len().min(COPY_BYTES);
        bytes[start..start + count].copy_from_slice(&half[..count]);
    }
    let device = MemoryDevice::from_bytes(bytes);
    let bytes = COPY_BYTES as u64;
    let place = Place { starts: [0, bytes], bytes };
    if let Ok(mut reading) = journal::read(&device, &place) {
        let count = reading.records.len();
        if journal::append(&device, &place, &mut reading, vec![7; 100]).is_ok() {
            let again = journal::read(&device, &place).expect("it was readable before");
            assert_eq!(again.records.len(), count + 1);
        }
    }
}

/// A store's journal, and an exported one.
pub(crate) fn store_journal(data: &[u8]) {
    static KEY: LazyLock<PublicKey> = LazyLock::new(|| SecretKey::from_seed([3; 32]).public());
    let owner = LogOwner {
        store: StoreId::from_number(7).expect("a store"),
        key: *KEY,
        certificates: vec![[0; 32]],
    };
    if let Ok(log) = Log::read(data, &owner) {
        assert_eq!(log.sound_bytes() + log.torn_bytes(), data.len() as u64);
    }
    let _ = shop::read_export(data, &Trust::new(vec![], TestRoots::Allowed));
}

/// The slots of an access file.
pub(crate) fn access_file(data: &[u8]) {
    for slot in read_access_file(data).into_iter().flatten() {
        assert!(!slot.encode().is_empty());
    }
}

/// A look at a disk's first bytes.
pub(crate) fn peek(data: &[u8]) {
    let device = MemoryDevice::from_bytes(data.to_vec());
    if let Ok(contents) = Contents::of(&device) {
        assert!(!contents.to_string().contains(char::is_control), "it is printed");
    }
}

/// The text of a recipe.
pub(crate) fn recipe(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Err(error) = Recipe::parse(Path::new("recipe.toml"), text)
    {
        assert!(error.to_string().len() < 4_096, "a message stays short");
    }
}

/// What people type: codes, numbers, sums.
pub(crate) fn typed(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(code) = text.parse::<TypedCode>() {
        assert!(code.printed().parse::<TypedCode>().is_ok_and(|again| again == code));
    }
    if let Ok(digits) = CodeDigits::read(text) {
        let _ = candidates(digits).take(100).count();
    }
    if let Ok(medium) = text.parse::<MediumId>() {
        assert_eq!(medium.to_string().parse::<MediumId>(), Ok(medium));
    }
    let _ = (text.parse::<StoreId>(), text.parse::<Currency>());
    for exponent in 0..=4 {
        let euro = "EUR".parse().expect("a currency");
        let form = CurrencyForm::new(euro, exponent).expect("at most 4");
        if let Ok(amount) = form.parse(text) {
            let shown = form.show(amount);
            let number = shown.split(' ').next().expect("a number");
            assert_eq!(form.parse(number).map(Amount::minor), Ok(amount.minor()));
        }
    }
}

/// A change of some bytes at a place.
struct Patch<'d> {
    at: u64,
    bytes: &'d [u8],
}

/// Patches within these ranges: each begins with range (1), offset (3), length (1).
fn patches<'d>(mut data: &'d [u8], ranges: &[Range<u64>]) -> Vec<Patch<'d>> {
    let mut all = vec![];
    while let Some((head, rest)) = data.split_at_checked(5) {
        let range = &ranges[usize::from(head[0]) % ranges.len()];
        let offset = u64::from(u32::from_be_bytes([0, head[1], head[2], head[3]]));
        let at = range.start + offset % (range.end - range.start);
        let room = usize::try_from(range.end - at).unwrap_or(usize::MAX);
        let count = (usize::from(head[4]) + 1).min(rest.len()).min(room);
        let end = at + count as u64;
        // No byte is patched twice, so that each patch says by itself whether it changes anything.
        let apart =
            |other: &Patch<'_>| end <= other.at || other.at + other.bytes.len() as u64 <= at;
        if all.iter().all(apart) {
            all.push(Patch { at, bytes: &rest[..count] });
        }
        data = &rest[count..];
        if all.len() == 16 {
            break;
        }
    }
    all
}

/// Storage that can be patched and is put back afterwards.
struct Bench {
    device: MemoryDevice,
    ranges: Vec<Range<u64>>,
}

impl Bench {
    /// Do something with the patched device; is told which bytes differ.
    fn patched(&self, data: &[u8], act: impl FnOnce(&MemoryDevice, &[Range<u64>])) {
        let patches = patches(data, &self.ranges);
        let mut kept = vec![];
        for Patch { at, bytes } in &patches {
            let mut old = vec![0; bytes.len()];
            self.device.read_at(*at, &mut old).expect("inside the device");
            self.device.write_at(*at, bytes).expect("inside the device");
            kept.push((*at, old));
        }
        let differs = |(at, old): &(u64, Vec<u8>)| {
            let mut now = vec![0; old.len()];
            self.device.read_at(*at, &mut now).expect("inside the device");
            (now != *old).then(|| *at..at + old.len() as u64)
        };
        let changed: Vec<_> = kept.iter().filter_map(differs).collect();
        act(&self.device, &changed);
        for (at, old) in kept.iter().rev() {
            self.device.write_at(*at, old).expect("inside the device");
        }
    }
}

/// A burnt medium that was read once.
struct Medium {
    bench: Bench,
    reading: Reading,
    trust: Trust,
    layout: Layout,
}

impl Medium {
    fn new() -> Self {
        let sample = Sample::new(31);
        let device = sample.burnt();
        let layout = sample.sealed.layout.clone();
        let rom = layout.rom();
        let place = |path: &str, length: u64| {
            let start = rom.start + sample.sealed.plan.locate(path).expect("a planned file");
            start..start + length
        };
        let ranges = vec![
            0..34 * 512,
            layout.medium_bytes() - 33 * 512..layout.medium_bytes(),
            rom.start..rom.start + 2_048,
            rom.start + 16_384..rom.start + 16_384 + 4_096,
            rom.start + sample.sealed.plan.geometry().data_offset()..rom.end,
            place(MANIFEST_PATH, 4_096),
            place(CERTIFICATE_SLOT.path, CERTIFICATE_SLOT.bytes),
            place(USER_SLOT.path, USER_SLOT.bytes),
            layout.seal(),
            layout.edition_seal(),
            layout.medium_seal(),
            layout.ram().start + (5 << 20)..layout.ram().start + (7 << 20),
        ];
        let reading = Reading::take(&device, THREADS, &Unwatched).expect("memory reads");
        let bench = Bench { device, ranges };
        Self { bench, reading, trust: World::new().trust(), layout }
    }
}

static MEDIUM: LazyLock<Mutex<Medium>> = LazyLock::new(|| Mutex::new(Medium::new()));

/// A burnt medium with patches: sealed if, and only if, nothing outside RAM differs.
pub(crate) fn image(data: &[u8]) {
    let medium = MEDIUM.lock().expect("no input panics");
    medium.bench.patched(data, |device, changed| {
        let mut reading = medium.reading.clone();
        let ram = medium.layout.ram();
        let mut differs = false;
        for bytes in changed {
            reading.refresh(device, bytes.clone()).expect("memory reads");
            differs |= !ram.contains(&bytes.start);
        }
        let report =
            judge(&reading, device, &medium.trust, &Identity::Image).expect("no test root");
        assert!(!report.lines().concat().contains(char::is_control), "it is printed");
        if differs {
            assert_ne!(report.verdict, Verdict::Sealed, "patched at {changed:?}");
        } else {
            assert_eq!(report.verdict, Verdict::Sealed);
        }
    });
}

/// The read-only volume with patches, read as a file system.
pub(crate) fn volume(data: &[u8]) {
    let medium = MEDIUM.lock().expect("no input panics");
    let rom = medium.layout.rom();
    medium.bench.patched(data, |device, _| {
        let Ok(volume) = fat::open(device, rom.start, rom.end - rom.start) else { return };
        for folder in ["", "/SCRIP", "/SCRIP/MEDIUM", "/CONTENT"] {
            for item in volume.list(folder).unwrap_or_default().iter().take(20) {
                let path = format!("{folder}/{}", item.name);
                if let Ok(bytes) = volume.read(&path, 64 << 10) {
                    assert!(bytes.len() <= 64 << 10);
                }
            }
        }
    });
    let slice = Slice::new(&medium.bench.device, rom.start, rom.end - rom.start);
    assert!(slice.is_ok_and(|slice| fat::open(&slice, 0, slice.len_bytes()).is_ok()), "put back");
}

static EDITION: LazyLock<Mutex<Bench>> = LazyLock::new(|| {
    let sample = Sample::new(31);
    let (layout, device) = (sample.sealed.layout.clone(), sample.edition);
    let header = edition::open(&device).expect("it was authored").header;
    let start = layout.rom().start + header.manifest_offset.bytes();
    let manifest = start..start + header.manifest_bytes.bytes();
    Mutex::new(Bench { device, ranges: vec![0..512, 0..4_096, manifest, layout.edition_seal()] })
});

/// An edition file with patches.
pub(crate) fn edition_file(data: &[u8]) {
    let bench = EDITION.lock().expect("no input panics");
    bench.patched(data, |device, changed| {
        let opened = edition::open(device);
        assert!(opened.is_ok() || !changed.is_empty());
    });
}
