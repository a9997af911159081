//! An edition's signed items: they go with the catalogue and hold apart from it.

use std::fs;

use scrip::crypto::digest::sha256;
use scrip::format::edition::{Catalogue, SignedManifest};
use scrip::format::field::Bytes;
use scrip::format::item::{ItemEntry, Package};
use scrip::format::{Object, cbor};
use scrip::image::check::{Part, Verdict};
use scrip::image::items::entries;
use scrip::image::layout::{CATALOGUE_PATH, MANIFEST_PATH};
use scrip::image::leaves::Unwatched;
use scrip::image::sealed::{SealError, sign_edition};
use scrip::image::tree::{file_root, push_leaves};
use scrip::trust::{TrustError, sign, verify};
use scrip::units::ByteCount;

use super::mounted::Mounted;
use crate::goods::{goods, plain, sample};
use crate::world::{THREADS, World, authored_as, minor, sealed_as, shape};

#[test]
fn each_item_is_signed_and_holds_apart_from_its_edition() {
    let world = World::new();
    let sample = sample(43);
    let (_, file) = &goods().0[3];
    let mut leaves = vec![];
    push_leaves(&mut leaves, file);
    let entry = &sample.sealed.items[1];
    assert_eq!((entry.id.as_str(), entry.name.as_str()), ("fair", "A long name with spaces.txt"));
    assert_eq!((entry.size.bytes(), entry.root), (file.len() as u64, file_root(&leaves)));
    assert_eq!((entry.price.minor(), entry.currency.code()), (400, "JPY"));
    assert_eq!(entry.content, Some(sha256(&plain("/CONTENT/A long name with spaces.txt"))));
    let package = Package { item: Bytes(entry.bytes().to_vec()), chain: world.rom_chain.clone() };
    let package = Package::decode(&package.encode()).unwrap();
    let signer = world.trust().signer(&package.chain).unwrap();
    assert_eq!(**entry, *signer.open::<ItemEntry>(&package.item.0).unwrap());
    let store = world.trust().signer(world.stamper().chain).unwrap();
    assert!(matches!(store.open::<ItemEntry>(entry.bytes()), Err(TrustError::Role { .. })));
}

#[test]
fn what_contradicts_the_catalogue_is_not_signed() {
    let world = World::new();
    let (sealed, _) = sealed_as(&world, shape(), &goods());
    let refused = |change: &dyn Fn(&mut Catalogue)| {
        let mut catalogue = sealed.catalogue.clone().unwrap();
        change(&mut catalogue);
        let mut files = goods();
        files.0.retain(|(path, _)| path != CATALOGUE_PATH);
        files.0.push((CATALOGUE_PATH.to_owned(), catalogue.encode()));
        let (_, edition) = authored_as(shape(), &files, THREADS);
        let signed =
            sign_edition(&edition, &world.rom_signer, &world.rom_chain, THREADS, &Unwatched);
        let before = entries(&catalogue, &sealed.manifest).unwrap_err().to_string();
        let error = signed.unwrap_err();
        assert!(matches!(error, SealError::Items(_)), "{error}");
        assert!(error.to_string().ends_with(&before), "{error}");
        before
    };
    assert_eq!(
        refused(&|catalogue| catalogue.items[1].path = "/CONTENT/none".to_owned()),
        "item \"fair\": \"/CONTENT/none\" of 12361 bytes is no file of the manifest"
    );
    assert!(
        refused(&|catalogue| catalogue.items[1].size = ByteCount::from_bytes(1))
            .contains("of 1 bytes is no file")
    );
    assert!(
        refused(&|catalogue| catalogue.items[1].path = MANIFEST_PATH.to_owned())
            .contains("is no file of the manifest")
    );
    assert_eq!(
        refused(&|catalogue| catalogue.items[1].id = "gift".to_owned()),
        "catalogue: item \"gift\" stands twice"
    );
    assert_eq!(
        refused(&|catalogue| catalogue.currency = "EUR".parse().unwrap()),
        "catalogue: its prices are in EUR, the manifest says JPY"
    );
}

type Change<'a> = &'a dyn Fn(&mut Vec<Bytes>);

/// A medium in directories whose signed items were changed.
fn changed(change: Change<'_>) -> Mounted {
    let mounted = Mounted::of(&sample(43));
    let path = mounted.rom(MANIFEST_PATH);
    let slot = fs::read(&path).unwrap();
    let mut object = SignedManifest::decode(cbor::unpad(&slot).unwrap().unwrap()).unwrap();
    let mut items = object.items.take().unwrap();
    change(&mut items);
    object.items = (!items.is_empty()).then_some(items);
    let mut bytes = object.encode();
    bytes.resize(slot.len(), 0);
    fs::write(&path, bytes).unwrap();
    mounted
}

#[test]
fn items_that_are_not_those_of_the_catalogue_are_refused() {
    let world = World::new();
    assert_eq!(changed(&|_| {}).report().verdict, Verdict::FilesIntact);
    let resigned = |items: &mut Vec<Bytes>, change: &dyn Fn(&mut ItemEntry)| {
        let key = &world.rom_signer;
        let mut item = verify::<ItemEntry>(&items[1].0, &key.public()).unwrap().into_value();
        change(&mut item);
        items[1] = Bytes(sign(key, &item));
    };
    let cases: [(&str, Change<'_>); 6] = [
        ("signed item 1 is not there, the catalogue says \"gift\"", &Vec::clear),
        ("signed item 2 is not there", &|items| items.truncate(1)),
        ("signed item 1 is \"fair\"", &|items| items.swap(0, 1)),
        ("signed item 4 is \"gift\"", &|items| items.push(items[0].clone())),
        ("signed item 2 is \"fair\"", &|items| {
            resigned(items, &|item| item.price = minor(1));
        }),
        ("signed item \"fair\": the manifest has no file", &|items| {
            resigned(items, &|item| item.root = [7; 32]);
        }),
    ];
    for (words, change) in cases {
        let (part, reason) = changed(change).culprit();
        assert_eq!(part, Part::File(MANIFEST_PATH.to_owned()));
        assert!(reason.contains(words), "{reason}");
    }
    let (_, reason) = changed(&|items| *items[1].0.last_mut().unwrap() ^= 1).culprit();
    assert!(reason.starts_with("signed item 2: "), "{reason}");
}
