//! What follows from what by arithmetic and hashing alone: numbers, names, events, trees, layout.

use std::num::NonZeroU32;

use data_encoding::HEXLOWER;
use scrip::crypto::Secret;
use scrip::crypto::chunks::{self, CHUNK_BYTES, Position};
use scrip::crypto::digest::sha256;
use scrip::crypto::sign::SecretKey;
use scrip::crypto::stretch::commitment;
use scrip::format::edition::{PaperRoom, RamKind, Shape};
use scrip::image::edition::tree_uuid;
use scrip::image::gpt::Tables;
use scrip::image::layout::{ACCESS_PATHS, JOURNAL_PATHS, Layout, Names, PAPERS_PATHS, RING_PATHS};
use scrip::image::tree::{self, HashTree};
use scrip::journal::frame::Frame;
use scrip::trust::{EditionSecret, Fingerprint};
use scrip::units::MediumId;
use scrip::voucher;

use super::file::Vector;
use super::samples::{CODE_KEY, SHEET, code};
use super::world::{bytes, medium, store_id};

/// Every derivation.
pub(crate) fn vectors() -> Vec<Vector> {
    [keys(), numbers(), codes(), roots(), trees(), names(), layouts(), frames(), items()].concat()
}

fn vector(what: &str, case: &str, about: &str) -> Vector {
    Vector::new(format!("derivation/{what}-{case}"), vec![])
        .with("about", about)
        .with("form", "derivation")
        .with("what", what)
        .with("expect", "good")
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

fn keys() -> Vec<Vector> {
    let key = SecretKey::from_seed([1; 32]).public();
    vec![
        vector("key", "root", "a key's short name, and what a person compares")
            .with("key", hex(key.as_bytes()))
            .with("id", key.key_id().to_string())
            .with("fingerprint", Fingerprint::of(&key).to_string()),
    ]
}

fn numbers() -> Vec<Vector> {
    let serials = [0, 1, 96, 97, 4_821_093_765, 9_999_999_999];
    let number = |serial: u64| {
        vector("medium-number", &serial.to_string(), "ten digits and two check digits")
            .with("serial", serial.to_string())
            .with("number", MediumId::from_serial(serial).to_string())
    };
    serials.map(number).to_vec()
}

fn codes() -> Vec<Vector> {
    let about = |what, case, text| {
        vector(what, case, text).with("medium", medium().to_string()).with("sheet", hex(&SHEET))
    };
    let secret = code(4).secret().clone();
    let salt =
        [b"scrip/seal/v1".as_slice(), &medium().number().to_be_bytes(), &SHEET, &[4]].concat();
    let made = commitment(secret.expose(), &salt, NonZeroU32::new(100_000).unwrap());
    let id = voucher::voucher_id(store_id(7), 42);
    vec![
        about("code", "slot-4", "a slot's secret, its code as printed, its event")
            .with("seal-key", hex(&CODE_KEY))
            .with("slot", "4")
            .with("secret", str::from_utf8(secret.expose()).unwrap())
            .with("code", code(4).printed())
            .with("event", hex(&voucher::code_event(medium(), &SHEET, 4))),
        about("commitment", "slot-4", "what a sheet holds of a slot's secret")
            .with("slot", "4")
            .with("secret", str::from_utf8(secret.expose()).unwrap())
            .with("rounds", "100000")
            .with("salt", hex(&salt))
            .with("commitment", hex(&made)),
        vector("voucher", "42", "a voucher's id and its event")
            .with("store", "7")
            .with("serial", "42")
            .with("medium", medium().to_string())
            .with("id", hex(&id))
            .with("event", hex(&voucher::voucher_event(medium(), &id))),
    ]
}

/// Byte i of the pattern is i mod 251.
fn pattern(count: usize) -> Vec<u8> {
    (0..=250).cycle().take(count).collect()
}

fn roots() -> Vec<Vector> {
    let root = |count: usize| {
        let mut leaves = vec![];
        tree::push_leaves(&mut leaves, &pattern(count));
        vector("file-root", &count.to_string(), "the root of a file whose byte i is i mod 251")
            .with("bytes", count.to_string())
            .with("root", hex(&tree::file_root(&leaves)))
    };
    [0, 1, 4_096, 4_097, 128 * 4_096, 128 * 4_096 + 1].map(root).to_vec()
}

fn trees() -> Vec<Vector> {
    let tree = |blocks: usize| {
        let mut leaves = vec![];
        tree::push_leaves(&mut leaves, &pattern(blocks * 4_096));
        let tree = HashTree::from_leaves(leaves).unwrap();
        let uuid = tree_uuid(&[0xed; 32]);
        let mut stored = vec![0; usize::try_from(tree.stored_blocks()).unwrap() * 4_096];
        tree.fill(&uuid, 0, &mut stored);
        vector("tree", &blocks.to_string(), "a tree over blocks of that pattern, as it is stored")
            .with("blocks", blocks.to_string())
            .with("edition", hex(&[0xed; 32]))
            .with("uuid", hex(&uuid))
            .with("root", hex(&tree.root()))
            .with("superblock", hex(&stored[..80]))
            .with("stored-bytes", stored.len().to_string())
            .with("stored", hex(&sha256(&stored)))
    };
    [2, 128, 129, 300].map(tree).to_vec()
}

fn names() -> Vec<Vector> {
    let names = Names::of(medium());
    vec![
        vector("names", "medium", "what tells a medium from others on one computer")
            .with("medium", medium().to_string())
            .with("disk", hex(&names.disk))
            .with("rom", hex(&names.partitions[0]))
            .with("seal", hex(&names.partitions[1]))
            .with("ram", hex(&names.partitions[2]))
            .with("rom-serial", names.rom_serial.to_string())
            .with("ram-serial", names.ram_serial.to_string()),
    ]
}

fn layouts() -> Vec<Vector> {
    [("smallest", 34, 34, 1), ("starter", 350, 300, 4), ("large", 4_000, 2_000, 64)]
        .into_iter()
        .map(|(case, rom, ram, journal)| layout(case, [rom, ram, journal], None))
        .chain([layout("papers", [34, 34, 1], Some(PaperRoom::Beside))])
        .collect()
}

fn layout(case: &str, mib: [u64; 3], papers: Option<PaperRoom>) -> Vector {
    let [rom, ram, journal] = mib.map(|count| bytes(count << 20));
    let shape = Shape {
        rom,
        ram,
        rom_label: "SCRIP-ROM".to_owned(),
        ram_label: "SCRIP-RAM".to_owned(),
        ram_kind: RamKind::Rewritable,
        journal,
        papers,
    };
    let layout = Layout::new(&shape).unwrap();
    let tables = Tables::new(&layout, &Names::of(medium()), layout.medium_bytes());
    let ram_plan = layout.ram_plan(1).unwrap();
    let place = |path: &str| ram_plan.locate(path).unwrap().to_string();
    let range = |range: std::ops::Range<u64>| format!("{} {}", range.start, range.end);
    let vector =
        vector("layout", case, "where everything lies on a medium of this shape, and its tables")
            .with("shape", mib.map(|count| (count << 20).to_string()).join(" "))
            .with("medium", medium().to_string())
            .with("rom", range(layout.rom()))
            .with("seal", range(layout.seal()))
            .with("ram", range(layout.ram()))
            .with("edition-seal", range(layout.edition_seal()))
            .with("medium-seal", range(layout.medium_seal()))
            .with("access", ACCESS_PATHS.map(place).join(" "))
            .with("journal", JOURNAL_PATHS.map(place).join(" "))
            .with("ring", RING_PATHS.map(place).join(" "))
            .with("length", layout.medium_bytes().to_string())
            .with("primary-header", hex(&tables.primary[512..604]))
            .with("primary", hex(&sha256(&tables.primary)))
            .with("backup", hex(&sha256(&tables.backup)));
    match papers {
        Some(PaperRoom::Beside) => vector.with("papers", PAPERS_PATHS.map(place).join(" ")),
        None => vector,
    }
}

fn frames() -> Vec<Vector> {
    let frame = |case: &str, generation, index, before: u32, record: Vec<u8>| {
        let stored = Frame { generation, index, before, record: record.clone() };
        let stored = stored.encode().unwrap();
        let mut vector =
            vector("frame", case, "a record as it stands in a journal, with its frame")
                .with("generation", generation.to_string())
                .with("index", index.to_string())
                .with("before", hex(&before.to_be_bytes()))
                .with("record", hex(&record));
        vector.body = stored;
        vector
    };
    vec![
        frame("first", 0, 0, 0, pattern(300)),
        frame("second", 1, 1, 0x0102_0304, pattern(484)),
        frame("long", 7, 300, 0xfedc_ba98, pattern(700)),
    ]
}

/// Files sealed under the keys that follow from an edition's secret.
fn items() -> Vec<Vector> {
    let secret = EditionSecret::new(Secret::new([0x5e; 32]));
    let sealed = |count: usize| {
        let plain = pattern(count);
        let content = sha256(&plain);
        let key = secret.item_key("song", &content);
        let chunks = plain.chunks(CHUNK_BYTES).map(<[u8]>::to_vec);
        let chunks: Vec<_> = if count == 0 { vec![vec![]] } else { chunks.collect() };
        let last = chunks.len() - 1;
        let parts = chunks.iter().enumerate().map(|(at, chunk)| {
            let position = if at == last { Position::Last } else { Position::Inner };
            chunks::seal(&key, at as u64, position, chunk)
        });
        let bytes = parts.collect::<Vec<_>>().concat();
        let mut leaves = vec![];
        tree::push_leaves(&mut leaves, &bytes);
        vector("sealed-file", &count.to_string(), "a file of that pattern, sealed as an item")
            .with("secret", hex(secret.expose()))
            .with("secret-id", hex(&secret.id()))
            .with("item", "song")
            .with("bytes", count.to_string())
            .with("content", hex(&content))
            .with("key", hex(key.expose()))
            .with("sealed-bytes", bytes.len().to_string())
            .with("sealed", hex(&sha256(&bytes)))
            .with("root", hex(&tree::file_root(&leaves)))
    };
    [0, 1, 65_520, 65_521, 3 * 65_520 + 5].map(sealed).to_vec()
}
