//! Samples of what lies on a medium, in an edition and in a store's folder.

use data_encoding::HEXLOWER;
use scrip::crypto::password::{Cost, Password};
use scrip::crypto::seal::SealPublicKey;
use scrip::crypto::{Secret, SeededRandom};
use scrip::format::Object;
use scrip::format::access::KeyFile;
use scrip::format::certificate::{Chain, Confirmation, Role};
use scrip::format::edition::{
    Catalogue, Destination, EditionHeader, EditionSeal, FileEntry, Item, ItemKind, Manifest,
    RamKind, Settings, Shape, SignedManifest,
};
use scrip::format::field::Bytes;
use scrip::format::item::{ItemEntry, Package};
use scrip::format::medium::{
    CertificateSlot, MediumCertificate, MediumSeal, SheetSlot, UserInformation,
};
use scrip::format::sheet::{SealedKit, SealedSecret};
use scrip::format::store::{Burn, StoreEntry, StoreEvent, Value};
use scrip::trust::access::HolderKeys;
use scrip::trust::ring::wrap_item_key;
use scrip::trust::{EditionSecret, Passphrase, lock_key, sign};
use scrip::voucher::kit::seal_kit;

use super::samples::{Form, SHEET, Sample, hash_of, kit, signed_sheet};
use super::world::{World, amount, bytes, medium, store_id, time, yen};

const PASSWORD: &str = "correct horse battery staple";

/// What the rom-signer signs, and what the manifest covers.
pub(crate) fn edition() -> Manifest {
    let file =
        |path: &str, size, root| FileEntry { path: path.to_owned(), size: bytes(size), root };
    Manifest {
        name: "Example 1".to_owned(),
        layout: 1,
        shape: shape(),
        files: vec![
            file("/CONTENT/texts/\u{8a69}.txt", 5_000, Some([0xc1; 32])),
            file("/EMPTY", 0, Some([0; 32])),
            file("/SCRIP/MANIFEST.CBR", 12_288, None),
            file("/SCRIP/MEDIUM/CERT.CBR", 8_192, None),
        ],
        currency: yen(),
    }
}

fn shape() -> Shape {
    Shape {
        rom: bytes(34 << 20),
        ram: bytes(34 << 20),
        rom_label: "SCRIP-ROM".to_owned(),
        ram_label: "SCRIP-RAM".to_owned(),
        ram_kind: RamKind::Rewritable,
        journal: bytes(1 << 20),
        papers: None,
    }
}

/// Objects of an edition.
pub(crate) fn of_editions(world: &World) -> Vec<Sample<'_>> {
    let manifest = edition();
    let signed = SignedManifest {
        manifest: Bytes(sign(&world.rom_signer, &manifest)),
        chain: world.chain(Role::RomSigner),
        items: None,
    };
    let bare = Bytes(manifest.encode());
    let bare = SignedManifest { manifest: bare, chain: Chain::default(), items: None };
    let entries = [entry(None), entry(Some([0xc7; 32]))];
    let signed_entries = entries.each_ref().map(|entry| Bytes(sign(&world.rom_signer, entry)));
    let offering = SignedManifest { items: Some(signed_entries.to_vec()), ..signed.clone() };
    let [free, sealed] = entries;
    let [_, item] = signed_entries;
    let package = Package { item, chain: world.chain(Role::RomSigner) };
    let id = hash_of(&manifest.encode());
    let edition_seal = EditionSeal { edition: id, root: [0xd1; 32], rom: bytes(34 << 20) };
    let header = EditionHeader {
        format: "scrip edition".to_owned(),
        version: 1,
        edition: id,
        manifest_offset: bytes(4_096),
        manifest_bytes: bytes(12_288),
        shape: shape(),
    };
    let press = || Form::Signed(&world.rom_signer);
    vec![
        Sample::of("manifest", "four-files", "a manifest", press(), &manifest)
            .note("edition", HEXLOWER.encode(&id)),
        Sample::of("edition-seal", "plain", "an edition's seal", press(), &edition_seal),
        Sample::of("signed-manifest", "signed", "a manifest's file", Form::Plain, &signed),
        Sample::of("signed-manifest", "unsigned", "one before it is signed", Form::Plain, &bare),
        Sample::of("edition-header", "plain", "an edition file's header", Form::Plain, &header),
        Sample::of("settings", "plain", "settings", Form::Plain, &settings()),
        Sample::of("settings", "slot", "settings in a slot", Form::Slot(512), &settings()),
        Sample::of("catalogue", "two-items", "a catalogue", Form::Plain, &catalogue()),
        Sample::of(
            "catalogue",
            "sealed",
            "one with a sealed item",
            Form::Plain,
            &sealed_catalogue(),
        ),
        Sample::of("signed-manifest", "items", "one with items", Form::Plain, &offering),
        Sample::of("item", "sealed", "an item whose file is sealed", press(), &sealed),
        Sample::of("item", "free", "one whose file is not", press(), &free),
        Sample::of("package", "plain", "an item with its signer", Form::Plain, &package),
    ]
}

/// The catalogue's song, or its poem.
fn entry(content: Option<[u8; 32]>) -> ItemEntry {
    let place = usize::from(content.is_some());
    let Item { id, title, title_ja, kind, size, price, rights_holder, .. } =
        catalogue().items.remove(place);
    let (name, root) = (id.clone(), [0xf0; 32]);
    ItemEntry {
        id,
        title,
        title_ja,
        kind,
        name,
        size,
        price,
        rights_holder,
        content,
        currency: yen(),
        root,
    }
}

fn sealed_catalogue() -> Catalogue {
    let mut catalogue = catalogue();
    catalogue.items[1].content = Some([0xc7; 32]);
    Catalogue { secret: Some([0x5c; 16]), ..catalogue }
}

fn settings() -> Settings {
    let destination = |name: &str, url: &str, pin| Destination {
        name: name.to_owned(),
        url: url.to_owned(),
        pin,
    };
    Settings {
        language: "ja".to_owned(),
        currency: yen(),
        exponent: 0,
        destinations: vec![
            destination("home", "https://scrip.example/", Some([0x71; 32])),
            destination("mirror", "https://mirror.example/", None),
        ],
        display: vec!["colour".to_owned(), "width=320".to_owned()],
    }
}

fn catalogue() -> Catalogue {
    let item = |id: &str, title_ja: Option<&str>, kind, price| Item {
        id: id.to_owned(),
        title: format!("The {id}"),
        title_ja: title_ja.map(str::to_owned),
        kind,
        path: format!("/CONTENT/{id}"),
        size: bytes(5_000),
        price: amount(price),
        rights_holder: "The author".to_owned(),
        content: None,
    };
    Catalogue {
        currency: yen(),
        secret: None,
        items: vec![
            item("poem", Some("\u{8a69}"), ItemKind::Text, 0),
            item("song", None, ItemKind::Audio, 300),
        ],
    }
}

pub(crate) fn medium_certificate(world: &World) -> MediumCertificate {
    MediumCertificate {
        issuer: "Kiosk \u{99c5}\u{524d}".to_owned(),
        issued: time(1_801_000_000),
        key: Confirmation(world.holder.public()),
        medium: medium(),
        edition: hash_of(&edition().encode()),
        store: store_id(7),
        serial: 12,
        sheets: vec![SHEET],
        currency: yen(),
        hardware: Some("usb:0781:5581:4C530001".to_owned()),
    }
}

/// What is stamped on a medium.
pub(crate) fn stamped(world: &World) -> Vec<Sample<'_>> {
    let certificate = medium_certificate(world);
    let signed = sign(&world.store, &certificate);
    let hash = hash_of(&signed);
    let unbound = MediumCertificate { hardware: None, sheets: vec![], ..certificate.clone() };
    let slot = CertificateSlot { certificate: Bytes(signed), chain: world.chain(Role::Store) };
    let sheets = SheetSlot { sheets: vec![Bytes(signed_sheet(world))] };
    let seal = MediumSeal {
        medium: medium(),
        edition: certificate.edition,
        certificate: hash,
        root: [0xd2; 32],
        rom: bytes(34 << 20),
        seal: bytes(1 << 20),
        ram: bytes(34 << 20),
        store: store_id(7),
        at: time(1_801_000_100),
        chain: None,
    };
    let refreshed = MediumSeal { chain: Some(world.chain(Role::Store)), ..seal.clone() };
    let shelf = user(None, None);
    let sold = user(Some(1_802_000_000), Some("\u{5c71}\u{7530} Hanako"));
    let store = || Form::Signed(&world.store);
    let of_certificate = |subject, about, object: &MediumCertificate| {
        Sample::of("medium-certificate", subject, about, store(), object)
    };
    vec![
        of_certificate("bound", "a certificate bound to a stick", &certificate),
        of_certificate("unbound", "one of an image, without codes", &unbound),
        Sample::of("certificate-slot", "plain", "certificate and chain", Form::Plain, &slot),
        Sample::of("sheet-slot", "one", "the sheets of a new medium", Form::Plain, &sheets),
        Sample::of("medium-seal", "burnt", "a seal by the burning store", store(), &seal),
        Sample::of("medium-seal", "refreshed", "one with its own chain", store(), &refreshed),
        Sample::of("user-information", "shelf", "of an unsold medium", store(), &shelf),
        Sample::of("user-information", "sold", "of a sold medium", store(), &sold),
    ]
}

fn user(sold: Option<u64>, owner: Option<&str>) -> UserInformation {
    UserInformation {
        medium: medium(),
        user: [0x75; 8],
        store: store_id(7),
        store_name: "Kiosk \u{99c5}\u{524d}".to_owned(),
        sold: sold.map(time),
        owner: owner.map(str::to_owned),
    }
}

/// Entries of the store's journal.
pub(crate) fn store_journal(world: &World) -> Vec<Sample<'_>> {
    let certificate = hash_of(&sign(&world.store, &medium_certificate(world)));
    let burnt = StoreEntry {
        seq: 0,
        prev: hash_of(&world.certificate(Role::Store)),
        store: store_id(7),
        at: time(1_801_000_200),
        event: StoreEvent::Burnt,
        medium: medium(),
        burn: Some(Burn {
            edition: hash_of(&edition().encode()),
            certificate,
            root: [0xd2; 32],
            target: "SanDisk Extreme".to_owned(),
            hardware: Some("usb:0781:5581:4C530001".to_owned()),
            label: Some(17),
        }),
        value: None,
        price: None,
        voids: None,
    };
    let value =
        |sheet, slot, serial| Value { amount: amount(3_000), currency: yen(), sheet, slot, serial };
    let next = |seq, event, value, price, voids| StoreEntry {
        seq,
        prev: [0x9e; 32],
        event,
        burn: None,
        value,
        price,
        voids,
        ..burnt.clone()
    };
    let code_sold =
        next(1, StoreEvent::CodeSold, Some(value(Some(SHEET), Some(4), None)), None, None);
    let by_voucher = Some(value(None, None, Some(42)));
    let voucher_sold = next(2, StoreEvent::VoucherSold, by_voucher, Some(amount(3_000)), None);
    let voided = next(3, StoreEvent::Voided, None, None, Some(2));
    let store = || Form::Signed(&world.store);
    vec![
        Sample::of("store-entry", "burnt", "a burn record", store(), &burnt),
        Sample::of("store-entry", "code-sold", "a code was sold", store(), &code_sold),
        Sample::of("store-entry", "voucher-sold", "a voucher was sold", store(), &voucher_sold),
        Sample::of("store-entry", "voided", "a sale was taken back", store(), &voided),
    ]
}

/// What lies sealed or under a password.
pub(crate) fn sealed(world: &World) -> Vec<Sample<'_>> {
    let mut rng = SeededRandom::new([0x0a; 32]);
    let password = Password::new(PASSWORD.to_owned());
    let keys = HolderKeys {
        key: scrip::crypto::sign::SecretKey::from_seed(*world.holder.seed().expose()),
        ring: Secret::new([0x0b; 32]),
    };
    let slot = keys.seal(medium(), 1, &password, Cost::MINIMAL, &mut rng).unwrap();
    let seed = Secret::new([0x0c; 32]);
    let mut file = |passphrase| {
        let bytes = lock_key("store", &seed, passphrase, Cost::MINIMAL, &mut rng).unwrap();
        KeyFile::decode(&bytes).unwrap()
    };
    let locked = file(Passphrase::Password(&password));
    let bare = file(Passphrase::None);
    let secret = EditionSecret::new(Secret::new([0x5e; 32])).to_file(&mut rng);
    let secret = KeyFile::decode(&secret).unwrap();
    let item = (&[0xf0; 32], &Secret::new([0x17; 32]));
    let item_key = wrap_item_key(&keys.ring, medium(), item, &mut SeededRandom::new([0x1c; 32]));
    let seed = HEXLOWER.encode(seed.expose());
    let opened = [world.holder.seed(), Secret::new([0x0b; 32])];
    vec![
        Sample::of("access-slot", "plain", "an access key's slot", Form::Plain, &slot)
            .note("password", PASSWORD)
            .note("medium", medium().to_string())
            .note("opened", opened.map(|part| HEXLOWER.encode(part.expose())).concat()),
        Sample::of("item-key", "plain", "a slot of a ring", Form::Plain, &item_key)
            .note("ring", HEXLOWER.encode(keys.ring.expose()))
            .note("medium", medium().to_string())
            .note("opened", HEXLOWER.encode(&[0x17; 32])),
        Sample::of("key-file", "locked", "a key under a passphrase", Form::Plain, &locked)
            .note("password", PASSWORD)
            .note("opened", seed.clone()),
        Sample::of("key-file", "bare", "a key without one", Form::Plain, &bare)
            .note("opened", seed),
        Sample::of("key-file", "edition-secret", "an edition's secret", Form::Plain, &secret)
            .note("opened", HEXLOWER.encode(&[0x5e; 32])),
        Sample::of("chain", "store", "a store's chain", Form::Plain, &world.chain(Role::Store)),
        sealed_kit(world, &mut rng),
        sealed_secret(world),
    ]
}

fn sealed_secret(world: &World) -> Sample<'_> {
    let secret = EditionSecret::new(Secret::new([0x5e; 32]));
    let sealed = secret.seal(store_id(7), &world.seal.public(), &mut SeededRandom::new([0x5f; 32]));
    let object = SealedSecret::decode(&sealed).unwrap();
    let about = "an edition's secret on its way to store 7";
    Sample::of("sealed-secret", "plain", about, Form::Plain, &object)
        .note("seal-key", HEXLOWER.encode(world.seal.secret().expose()))
        .note("opened", HEXLOWER.encode(secret.expose()))
}

fn sealed_kit<'w>(world: &'w World, rng: &mut SeededRandom) -> Sample<'w> {
    let signed = sign(&world.issuer, &kit(world));
    let to = SealPublicKey::from_bytes(*world.seal.public().as_bytes()).unwrap();
    let sealed = seal_kit(store_id(7), &to, world.chain(Role::Issuer), &signed, rng);
    let object = SealedKit::decode(&sealed).unwrap();
    Sample::of("sealed-kit", "one-blank", "a kit on its way to store 7", Form::Plain, &object)
        .note("seal-key", HEXLOWER.encode(world.seal.secret().expose()))
        .note("opened", HEXLOWER.encode(&hash_of(&signed)))
}
