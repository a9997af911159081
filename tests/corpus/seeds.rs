//! The first seeds: from the test vectors, and what the small world signs.

use std::fs;
use std::path::Path;

use scrip::crypto::Secret;
use scrip::crypto::SeededRandom;
use scrip::crypto::password::{Cost, Password};
use scrip::crypto::sign::SecretKey;
use scrip::format::checkpoint::{Bounded, Checkpoint};
use scrip::format::cose::Sign1;
use scrip::format::field::Bytes;
use scrip::format::record::{Accounting, Body, History, Record, RecordKind};
use scrip::format::sheet::{Blank, Kit, StockedCode, Voucher, VoucherFile};
use scrip::format::{Kind, Object};
use scrip::journal::{carried_frames, first_frames};
use scrip::ledger::claimed::Claims;
use scrip::trust::access::{HolderKeys, access_file};
use scrip::trust::{Passphrase, lock_key, sign};
use scrip::units::{MediumId, Sequence, StoreId};
use scrip::voucher::{voucher_event, voucher_id, voucher_text};

use super::bodies::{PATCH_ANCHORS, TYPES};
use super::memories;
use crate::world::{World, at, minor, yen};

/// Seeds of one target by their names.
pub(super) type Seeds = Vec<(String, Vec<u8>)>;

/// Vectors longer than this are left to the fuzzer.
const SEED_BYTES_MAX: usize = 6_000;

/// Every target's seeds; `vectors` is the folder of the test vectors.
pub(super) fn all(vectors: &Path) -> Vec<(&'static str, Seeds)> {
    let world = World::new();
    let found = read_vectors(vectors);
    let good: Vec<_> = found.iter().filter(|vector| vector.good).collect();
    vec![
        ("objects", good.iter().filter_map(|vector| vector.object()).collect()),
        ("envelope", good.iter().filter_map(|vector| vector.envelope()).collect()),
        (
            "cbor",
            found.iter().filter(|vector| vector.folder == "voucher").map(Vector::plain).collect(),
        ),
        ("chain", chains(&world)),
        ("keyfile", key_files()),
        ("access", access_files()),
        ("kit", kits(&world)),
        ("journal", journals(&world)),
        ("ledger", ledgers(&world, &good)),
        ("funding", fundings(&good)),
        ("evidence", heaps(&world, &good)),
        ("keyed", memories::files()),
        ("remembered", memories::values(signed_as(&good, "receipt"))),
        ("shop_log", shop_logs(&world, &good)),
        ("enrol_request", requests(&good)),
        ("kept_stamp", kept_stamps(&found)),
        ("recipe", recipes()),
        ("start_page", pages()),
        ("typed_code", texts(&CODES)),
        ("topup_entry", topups(&good)),
        ("topup_picture", pictures()),
        ("units", texts(&UNITS)),
        ("gpt", tables()),
        ("fat_volume", patches(&[])),
        ("elf_player", programs()),
        ("machine", machines()),
        ("edition_open", mixed()),
        ("image_take", devices()),
        ("image_check", mixed()),
    ]
}

/// A signed object of a kind.
fn signed_as<'v>(good: &[&'v Vector], folder: &str) -> &'v [u8] {
    let found = good.iter().find(|vector| vector.folder == folder);
    &found.expect("each kind has a vector").bytes
}

/// Files that an owner may give to top up.
fn topups(good: &[&Vector]) -> Seeds {
    let vouchers = good.iter().filter(|vector| vector.folder.starts_with("voucher"));
    let vouchers = vouchers.map(|vector| (vector.folder.clone(), vector.bytes.clone()));
    let text = good.iter().find(|vector| vector.folder == "voucher-file").map(|vector| {
        let file = VoucherFile::decode(&vector.bytes).unwrap();
        ("voucher-text".to_owned(), voucher_text(&file).into_bytes())
    });
    texts(&CODES).into_iter().chain(vouchers).chain(text).collect()
}

/// Pictures that an owner may give to top up.
fn pictures() -> Seeds {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures");
    let names = ["code.jpg", "nothing.jpg", "screenshot.png"];
    names.map(|name| (name.to_owned(), fs::read(folder.join(name)).unwrap())).into()
}

/// Kept stamps, sound and not, as they are and without their hash.
fn kept_stamps(found: &[Vector]) -> Seeds {
    let own = found.iter().filter(|vector| vector.folder == "kept-stamp");
    own.flat_map(|vector| {
        let open = &vector.bytes[..vector.bytes.len() - 32];
        [(vector.name(), headed(0, &vector.bytes)), (vector.name() + "_open", headed(1, open))]
    })
    .collect()
}

/// A test vector: its bytes, and what its head says of them.
struct Vector {
    folder: String,
    name: String,
    good: bool,
    signed: bool,
    bytes: Vec<u8>,
}

fn read_vectors(top: &Path) -> Vec<Vector> {
    let mut found = vec![];
    for folder in fs::read_dir(top).expect("the vectors").flatten().map(|entry| entry.path()) {
        for file in fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path())
        {
            let text = fs::read_to_string(&file).expect("a vector");
            let Some((head, body)) = text.split_once("\n\n") else { continue };
            let digits: String = body.split_whitespace().collect();
            let Ok(bytes) = data_encoding::HEXLOWER.decode(digits.as_bytes()) else { continue };
            let word = |path: Option<&std::ffi::OsStr>| {
                path.unwrap_or_default().to_string_lossy().into_owned()
            };
            found.push(Vector {
                folder: word(folder.file_name()),
                name: word(file.file_stem()),
                good: head.contains("\nexpect: good"),
                signed: head.contains("\nform: signed"),
                bytes,
            });
        }
    }
    found.retain(|vector| vector.bytes.len() <= SEED_BYTES_MAX);
    found.sort_by(|a, b| (&a.folder, &a.name).cmp(&(&b.folder, &b.name)));
    found
}

impl Vector {
    fn name(&self) -> String {
        format!("{}_{}", self.folder, self.name)
    }

    fn plain(&self) -> (String, Vec<u8>) {
        (self.name(), self.bytes.clone())
    }

    /// The object inside, if it is signed; else the object.
    fn payload(&self) -> Vec<u8> {
        let kind = Kind::ALL.iter().find(|kind| kind.name() == self.folder);
        match kind.filter(|_| self.signed).map(|kind| Sign1::decode(&self.bytes, *kind)) {
            Some(Ok(message)) => message.payload().to_vec(),
            _ => self.bytes.clone(),
        }
    }

    fn object(&self) -> Option<(String, Vec<u8>)> {
        let place = TYPES.iter().position(|(name, _)| *name == self.folder)?;
        Some((self.name(), headed(place, &self.payload())))
    }

    fn envelope(&self) -> Option<(String, Vec<u8>)> {
        let place = Kind::ALL.iter().position(|kind| kind.name() == self.folder)?;
        self.signed.then(|| (self.name(), headed(place, &self.bytes)))
    }
}

fn headed(first: usize, bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(first).expect("a small number")], bytes].concat()
}

/// A byte, a length, as many bytes.
fn part(form: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a short part").to_be_bytes();
    [&[form], &length[..], bytes].concat()
}

fn named(seeds: Vec<Vec<u8>>) -> Seeds {
    seeds
        .into_iter()
        .enumerate()
        .map(|(place, bytes)| (format!("seed-{place:02}"), bytes))
        .collect()
}

fn texts(texts: &[&str]) -> Seeds {
    named(texts.iter().map(|text| text.as_bytes().to_vec()).collect())
}

fn inside(kind: Kind, signed: &[u8]) -> Vec<u8> {
    Sign1::decode(signed, kind).expect("the world's own").payload().to_vec()
}

fn chains(world: &World) -> Seeds {
    let payload = |signed: &[u8]| inside(Kind::Certificate, signed);
    let (store, rom) = (&world.store_chain, &world.rom_chain);
    let whole = [
        part(1, &payload(&store.0[0])),
        part(0, &payload(&store.0[1])),
        part(0, &payload(&world.root)),
    ];
    let short = Object::encode(store);
    named(vec![
        headed(0, &short),
        headed(1, &whole.concat()),
        headed(1, &[part(1, &payload(&rom.0[0])), vec![4]].concat()),
        headed(1, &[4]),
    ])
}

fn key_files() -> Seeds {
    let seed = Secret::new([5; 32]);
    let password = Password::new("open sesame".to_owned());
    let mut rng = SeededRandom::new([1; 32]);
    let mut file =
        |under| lock_key("issuer", &seed, under, Cost::MINIMAL, &mut rng).expect("memory");
    named(vec![file(Passphrase::None), file(Passphrase::Password(&password))])
}

fn access_files() -> Seeds {
    let mut rng = SeededRandom::new([2; 32]);
    let password = Password::new("open sesame".to_owned());
    let keys = HolderKeys::generate(&mut rng);
    let mut slot = |generation| {
        keys.seal(MediumId::from_serial(42), generation, &password, Cost::MINIMAL, &mut rng)
            .expect("memory")
    };
    let one = access_file(&[slot(1)]);
    let two = access_file(&[slot(1), slot(2)]);
    named(vec![one[..4_096].to_vec(), two[..8_192].to_vec(), one[..300].to_vec()])
}

fn kits(world: &World) -> Seeds {
    let blank = |serial| {
        let medium = MediumId::from_serial(serial);
        let code = world.code(medium, 3);
        let codes = vec![StockedCode { slot: 3, secret: code.secret }];
        Blank { medium, sheet: Bytes(world.sheet(medium).1), codes }
    };
    let kit = Kit {
        id: [6; 16],
        store: StoreId::from_number(7).expect("a small number"),
        currency: yen(),
        issued: at(10),
        blanks: vec![blank(1), blank(2)],
        policy: Bytes(world.policy.clone()),
        revocation: None,
    };
    named(vec![headed(2, &kit.encode()), headed(1, &sign(&world.issuer, &kit)), vec![0]])
}

fn journals(world: &World) -> Seeds {
    let frames = |count: u8| {
        let records: Vec<_> = (0..count).map(|n| vec![n; 30 + usize::from(n) * 300]).collect();
        first_frames(&records).expect("short records")
    };
    let raw = |bytes: &[u8]| headed(0, bytes);
    let frame = |copies: u8, sector: u8, generation: u8, index: u8, length: u16| {
        let [high, low] = length.to_be_bytes();
        vec![copies, sector, generation, index, 7, high, low]
    };
    let built = |frames: &[Vec<u8>]| headed(1, &frames.concat());
    named(vec![
        raw(&frames(1)),
        raw(&frames(3)),
        built(&[frame(0, 0, 0, 0, 9), frame(0, 1, 0, 1, 600), frame(0, 3, 0, 2, 9)]),
        built(&[frame(0, 0, 0, 0, 9), frame(1, 1, 0, 1, 9), frame(2, 1, 0, 1, 9)]),
        built(&[frame(0, 0, 0, 0, 9), frame(0, 8, 1, 0, 9), frame(2, 9, 1, 1, 2_048)]),
        built(&[frame(0, 0, 0, 0, 9), frame(1, 1, 0, 1, 9), frame(0, 2, 0, 2, 9)]),
        headed(2, &[3, 20, 40, 66, 5, 7, 97, 9, 130, 11, 160, 13, 65, 4]),
        headed(2, &[1, 2, 3, 4, 66, 5, 6, 66, 129, 145, 9]),
        raw(&[vec![0; 4096], compacted(world)].concat()),
    ])
}

/// A generation behind a checkpoint, in the second bank, and one record more.
fn compacted(world: &World) -> Vec<u8> {
    let (record, holder) = (voucher_record(world), SecretKey::from_seed([4; 32]));
    let checkpoint = Checkpoint {
        medium: record.medium,
        number: 1,
        prev: [9; 32],
        seq: Sequence::FIRST,
        head: record.prev,
        holder: holder.public(),
        settled: minor(0),
        provisional: minor(0),
        debt: minor(0),
        open: Bounded::default(),
        slots: Bounded::default(),
        vouchers: Bounded::default(),
        counted: Bounded::default(),
        cleared: Bounded::default(),
        exceptions: Bounded::default(),
        policy: 1,
        revocation: 0,
        as_of: at(10),
        settled_since: None,
        attachments: Bounded::default(),
    };
    let front = [sign(&world.settler, &checkpoint), world.settler_chain.0[0].clone()];
    let chain = [front.to_vec(), vec![sign(&holder, &record)]].concat();
    let claims = Claims::of(&chain, &[], &[]).expect("a checkpoint and a record behind it");
    assert_eq!((claims.count(), claims.fitting()), (1, 1));
    carried_frames(&chain, &[]).expect("short records")
}

fn voucher_record(world: &World) -> Record {
    let (medium, store) =
        (MediumId::from_serial(42), StoreId::from_number(7).expect("a small number"));
    let id = voucher_id(store, 3);
    let voucher = Voucher {
        id,
        medium,
        amount: minor(500),
        currency: yen(),
        store,
        serial: 3,
        issued: at(20),
        expires: at(0).plus_days(30),
    };
    let event = voucher_event(medium, &id);
    let partner = "store 7".to_owned();
    let history = History {
        event: [9; 16],
        at: at(200),
        kind: RecordKind::Topup,
        partner: partner.clone(),
        content: None,
        link: Some(event),
    };
    let accounting = Accounting {
        event,
        at: at(200),
        amount: 500,
        balance_after: minor(500),
        partner,
        reason: "top-up".to_owned(),
    };
    let voucher = Bytes(sign(&world.store, &voucher));
    let body = Body::TopupVoucher { voucher, certificate: None };
    let seq = Sequence::from_number(1);
    Record {
        medium,
        seq,
        prev: [0; 32],
        floor: at(10),
        instance: [1; 8],
        history,
        accounting: Some(accounting),
        body,
    }
}

fn ledgers(world: &World, good: &[&Vector]) -> Seeds {
    let records: Vec<_> = good
        .iter()
        .filter(|vector| vector.folder == "record")
        .map(|vector| vector.payload())
        .collect();
    let own = voucher_record(world).encode();
    let mut seeds = vec![
        vec![10],
        vec![10, 0, 1, 2, 9],
        vec![10, 3, 3],
        vec![10, 4, 11, 5, 12, 100, 13, 0, 14, 50, 13, 0, 15, 0, 16, 0, 17, 80, 18, 80],
        [vec![10], part(128, &own), vec![11, 4]].concat(),
        [vec![10], part(19, &own)].concat(),
    ];
    seeds.extend(records.iter().map(|record| [vec![10, 11], part(128, record)].concat()));
    named(seeds)
}

fn fundings(good: &[&Vector]) -> Seeds {
    let shown = good.iter().filter(|vector| vector.folder == "funding");
    let mut seeds = vec![
        vec![1, 10, 11, 0, 1, 13, 0],
        vec![1, 10, 0, 11, 1, 2, 3, 13, 0, 14, 50, 13, 0],
        vec![1, 10, 11, 0, 12, 100, 13, 0, 15, 0, 13, 0],
    ];
    seeds.extend(shown.map(|vector| [vec![0], vector.bytes.clone()].concat()));
    named(seeds)
}

fn heaps(world: &World, good: &[&Vector]) -> Seeds {
    let of = ["funding", "receipt", "checkpoint-file", "package"];
    let files = good.iter().filter(|vector| of.contains(&vector.folder.as_str()));
    let files = files.map(|vector| [vec![0], vector.bytes.clone()].concat());
    let mut seeds = vec![
        vec![1, 10, 11, 0, 1, 13, 0],
        vec![1, 10, 0, 11, 1, 2, 3, 12, 50, 13, 0],
        [vec![0], compacted(world)].concat(),
        [vec![0], bundle(b"SCRJ"), bundle(&bundle(&[])), vec![0; 1024]].concat(),
    ];
    seeds.extend(files.filter(|seed| seed.len() <= SEED_BYTES_MAX));
    named(seeds)
}

/// A member of a tar archive.
fn bundle(bytes: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    header[..6].copy_from_slice(b"member");
    header[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
    header[148..156].fill(b' ');
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut all = [&header[..], bytes].concat();
    all.resize(all.len().next_multiple_of(512), 0);
    all
}

fn shop_logs(world: &World, good: &[&Vector]) -> Seeds {
    let entries: Vec<_> = good
        .iter()
        .filter(|vector| vector.folder == "store-entry")
        .map(|vector| vector.payload())
        .collect();
    let placed: Vec<u8> = entries.iter().flat_map(|entry| part(128, entry)).collect();
    let torn = [part(128, &entries[0]), part(64 + 20, &entries[1])].concat();
    let chain = scrip::shop::log::frame(&Object::encode(&world.store_chain));
    named(vec![
        headed(2, &placed),
        headed(2, &torn),
        headed(2, &part(3, &entries[0])),
        headed(1, &chain),
        vec![0],
        headed(0, &scrip::shop::log::frame(&entries[0])),
    ])
}

fn requests(good: &[&Vector]) -> Seeds {
    let vectors = good.iter().filter(|vector| vector.folder == "enrol-request");
    let key = SecretKey::from_seed([8; 32]);
    let seal_key = *scrip::crypto::seal::SealSecretKey::from_bytes([9; 32]).public().as_bytes();
    let own = scrip::format::certificate::EnrolRequest {
        name: "Corner shop".to_owned(),
        key: key.public(),
        seal_key,
        made: at(1),
    };
    named(
        vectors.map(|vector| headed(0, &vector.bytes)).chain([headed(1, &own.encode())]).collect(),
    )
}

fn recipes() -> Seeds {
    let starter = include_str!("../../images/starter/recipe.toml");
    let lines = starter.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let short: Vec<_> = lines.collect();
    texts(&[
        &short.join("\n"),
        &short[..16].join("\n"),
        "schema = 1\nname = \"\u{1f600}\"\n[[item]]\n",
    ])
}

fn pages() -> Seeds {
    texts(&[
        "<ul>\n<!-- scrip:catalogue -->\n</ul>\n<!-- scrip:players -->\n",
        "<!-- scrip:edition -->\r\n-\n<!-- scrip:players -->",
        "a\nb <!-- scrip:players -->\n",
        "<!-- scrip:players -->\n<!-- scrip:players -->",
    ])
}

const CODES: [&str; 5] = [
    "0123-4567-8901-2345-6789",
    "0312-3456-7890-1234-5601",
    "０１２３ ４５６７ ８９０１ ２３４５ ６７８９",
    "01234567890123456",
    "0123 4567 8901 2345 678x",
];

const UNITS: [&str; 14] = [
    "4821 0937 6512",
    "000000000197",
    "7",
    "JPY",
    "1,000",
    "12.34",
    "18446744073709551616",
    "259:3",
    "postgres://scrip:very-secret-word@db.example:5432/records",
    "postgresql://%2Frun%2Fpostgresql/records?user=scrip",
    "035344534331364780a1b2c3d4013a00",
    "4C530001220903117283",
    "oddly-large",
    "discard",
];

fn tables() -> Seeds {
    let mut table = vec![0; 1024 + 256];
    table[510..512].copy_from_slice(&[0x55, 0xaa]);
    table[446 + 4] = 0xee;
    table[512..520].copy_from_slice(b"EFI PART");
    table[512 + 72] = 2;
    let kind = [
        0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44, 0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99,
        0xc7,
    ];
    table[1024..1040].copy_from_slice(&kind);
    table[1024 + 33] = 8;
    table[1024 + 42] = 1;
    table[1024 + 56..1024 + 62].copy_from_slice(b"R\0O\0M\0");
    let mut older = vec![0; 512];
    older[446 + 4] = 0x0c;
    older[510..].copy_from_slice(&[0x55, 0xaa]);
    let mut volume = vec![0; 128];
    volume[82..90].copy_from_slice(b"FAT32   ");
    named(vec![table, older, volume, vec![0; 64], b"hsqs".to_vec()])
}

/// One patch: see `bodies::medium`.
fn patch(anchor: u8, offset: u16, bytes: &[u8]) -> Vec<u8> {
    let [high, low] = offset.to_be_bytes();
    let count = u8::try_from(bytes.len()).expect("a short patch");
    [&[anchor, 0, high, low, count], bytes].concat()
}

fn patches(head: &[u8]) -> Seeds {
    let mut seeds = vec![vec![]];
    let flipped = [0xff, 0x5a, 1];
    seeds.extend((0..PATCH_ANCHORS).map(|anchor| patch(anchor, 0, &flipped)));
    seeds.extend((3..7).map(|anchor| patch(anchor, 65, &[1])));
    seeds.push([patch(3, 0x1e8, &[9; 8]), patch(4, 4, &[0xff, 0xff, 0xff, 0x07])].concat());
    seeds.push([patch(6, 0x0b, &[0x10]), patch(6, 0x40, b"NEWFILE TXT")].concat());
    named(seeds.into_iter().map(|seed| [head, &seed].concat()).collect())
}

/// Patches to be read alone, and two that are read with all below them.
fn mixed() -> Seeds {
    let whole = patches(&[7]).into_iter().take(2);
    let renamed = whole.map(|(name, bytes)| (format!("whole-{name}"), bytes));
    patches(&[1]).into_iter().chain(renamed).collect()
}

fn programs() -> Seeds {
    let program = |machine: u16, segments: &[u32]| {
        let mut bytes = vec![0; 330];
        let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
        put(0, b"\x7fELF\x02\x01\x01");
        put(16, &3_u16.to_le_bytes());
        put(18, &machine.to_le_bytes());
        put(24, &4096_u64.to_le_bytes());
        put(32, &64_u64.to_le_bytes());
        put(54, &56_u16.to_le_bytes());
        put(56, &u16::try_from(segments.len()).expect("a few").to_le_bytes());
        for (at, segment) in (64..).step_by(56).zip(segments) {
            put(at, &segment.to_le_bytes());
            put(at + 8, &300_u64.to_le_bytes());
        }
        put(300, b"/lib64/ld-linux-x86-64.so.2\0");
        bytes
    };
    let others = [&b"MZ\x90\0"[..], b"\xca\xfe\xba\xbe", b"#!/bin/sh\n"].map(<[u8]>::to_vec);
    let own = [program(62, &[1, 2, 6]), program(62, &[6, 3, 1]), program(183, &[1])];
    named(own.into_iter().chain(others).collect())
}

fn machines() -> Seeds {
    let rows = |mounts: &str, disk: &[&str]| {
        let swaps = "Filename\tType\n/dev/sda2\tpartition\t1\t0\t-2\n";
        let all = [&[mounts, swaps], disk].concat();
        all.iter().map(|row| row.trim_end()).collect::<Vec<_>>().join("\n--\n")
    };
    let mounted = "36 35 8:17 / /media/a\\040b rw shared:1 - vfat /dev/sdb1 rw\n37 35 0:40 / / rw - overlay overlay rw,lowerdir=/a:/b,upperdir=/c\n";
    let stick = [
        "62500000",
        "8:16",
        "1",
        "0",
        "SanDisk",
        "Ultra",
        "xxxx12345678",
        "8:17",
        "2048",
        "1000",
        "1",
        "0781",
        "5581",
        "4C530001220903117283",
    ];
    let card = [
        "62500000",
        "179:0",
        "0",
        "0",
        "SD",
        "035344534331364780a1b2c3d4013a00",
        "400e00325b590000edc87f800a404013",
        "179:1",
        "1",
        "1",
        "1",
    ];
    texts(&[
        &rows(mounted, &stick),
        &rows("", &card),
        &rows("36 35 8:16 / / rw - ext4 /dev/sdb rw", &stick[..4]),
        "\n--\n--\n",
    ])
}

/// Lengths in units of 64 bytes, then patches: see `bodies::medium`.
fn devices() -> Seeds {
    let long = 0xffff_u16.to_be_bytes().to_vec();
    let short = 16_u16.to_be_bytes().to_vec();
    let mut boot = vec![0; 4];
    boot.copy_from_slice(&(34_u32 << 11).to_le_bytes());
    let superblock = b"verity\0\0\x01\0\0\0\x01\0\0\0";
    let manifest = [0xa2, 1, 0x58, 3, 1, 2, 3, 2, 0x80];
    named(vec![
        vec![],
        short,
        [long.clone(), patch(3, 32, &boot), patch(3, 0xc20, &boot)].concat(),
        [long.clone(), patch(3, 32, &boot), patch(4, 0, &manifest)].concat(),
        [long.clone(), patch(5, 0, superblock)].concat(),
        [long, patch(1, 0, b"EFI PART"), patch(0, 0, &[0xa6, 1])].concat(),
    ])
}
