//! Test vectors: what the formats say, in files that a second reader reads too.
//!
//! `SCRIP_WRITE_VECTORS=1 cargo test vectors` writes them anew after a deliberate change.

pub(crate) mod file;
mod chains;
mod decisions;
mod derivations;
mod envelopes;
mod faults;
mod fields;
mod funding;
mod journals;
mod medium;
mod notation;
mod plans;
mod proofs;
mod samples;
mod stamps;
mod wallet;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use scrip::crypto::digest::sha256;
use scrip::crypto::sign::PublicKey;
use scrip::format::access::{AccessSlot, ItemKey, KeyFile};
use scrip::format::certificate::{Certificate, Chain, EnrolRequest};
use scrip::format::checkpoint::{Checkpoint, CheckpointFile};
use scrip::format::cose::Sign1;
use scrip::format::decision::{Decision, DecisionFile};
use scrip::format::edition::{
    Catalogue, EditionHeader, EditionSeal, Manifest, Settings, SignedManifest,
};
use scrip::format::item::{ItemEntry, Package};
use scrip::format::medium::{
    CertificateSlot, MediumCertificate, MediumSeal, SheetSlot, UserInformation,
};
use scrip::format::papers::Papers;
use scrip::format::plan::{PlanEntry, PlanHead, PlanTail};
use scrip::format::policy::{Policy, Revocation};
use scrip::format::proof::ForkProof;
use scrip::format::record::Record;
use scrip::format::sheet::{Kit, SealedKit, SealedSecret, Sheet, Voucher, VoucherFile};
use scrip::format::store::StoreEntry;
use scrip::format::transfer::{Funding, Offer, Receipt};
use scrip::format::{DecodeError, Kind, Object, cbor};
use scrip::trust::{Root, TestRoots, Trust, TrustError, verify};
use scrip::units::Timestamp;

use file::Vector;
use samples::{Form, Sample};
use world::World;

const SPEC: &str = include_str!("../src/format/SPEC.md");

/// The classes of refusal that vectors can show.
const CLASSES: &str = "chain duplicate-key envelope expired field indefinite journal kept-stamp \
    key-order key-type malformed not-shortest padding purpose signature signer simple tag test-root \
    too-deep too-large too-many trailing truncated utf8";

/// Read an object; under a key if it is signed. Gives back the one encoding of what was read.
pub(crate) type Read = fn(&[u8], Option<&PublicKey>) -> Result<Vec<u8>, TrustError>;

/// How each folder's objects are read, and the kind that names their limits and domain.
pub(crate) const READERS: &[(&str, Kind, Read)] = &[
    ("certificate", Kind::Certificate, read::<Certificate>),
    ("enrol-request", Kind::EnrolRequest, read::<EnrolRequest>),
    ("policy", Kind::Policy, read::<Policy>),
    ("revocation", Kind::Revocation, read::<Revocation>),
    ("manifest", Kind::Manifest, read::<Manifest>),
    ("edition-seal", Kind::EditionSeal, read::<EditionSeal>),
    ("medium-seal", Kind::MediumSeal, read::<MediumSeal>),
    ("medium-certificate", Kind::MediumCertificate, read::<MediumCertificate>),
    ("user-information", Kind::UserInformation, read::<UserInformation>),
    ("sheet", Kind::Sheet, read::<Sheet>),
    ("kit", Kind::Kit, read::<Kit>),
    ("voucher", Kind::Voucher, read::<Voucher>),
    ("store-entry", Kind::StoreEntry, read::<StoreEntry>),
    ("record", Kind::Record, read::<Record>),
    ("checkpoint", Kind::Checkpoint, read::<Checkpoint>),
    ("receipt", Kind::Receipt, read::<Receipt>),
    ("funding", Kind::Funding, read::<Funding>),
    ("offer", Kind::Offer, read::<Offer>),
    ("settings", Kind::Settings, read::<Settings>),
    ("catalogue", Kind::Catalogue, read::<Catalogue>),
    ("item", Kind::Item, read::<ItemEntry>),
    ("sealed-secret", Kind::SealedSecret, read::<SealedSecret>),
    ("item-key", Kind::ItemKey, read::<ItemKey>),
    ("package", Kind::Package, read::<Package>),
    ("access-slot", Kind::AccessSlot, read::<AccessSlot>),
    ("sealed-kit", Kind::SealedKit, read::<SealedKit>),
    ("key-file", Kind::KeyFile, read::<KeyFile>),
    ("edition-header", Kind::EditionHeader, read::<EditionHeader>),
    ("chain", Kind::Chain, read::<Chain>),
    ("certificate-slot", Kind::Chain, read::<CertificateSlot>),
    ("sheet-slot", Kind::Chain, read::<SheetSlot>),
    ("signed-manifest", Kind::Manifest, read::<SignedManifest>),
    ("voucher-file", Kind::VoucherFile, read::<VoucherFile>),
    ("checkpoint-file", Kind::CheckpointFile, read::<CheckpointFile>),
    ("plan-head", Kind::PlanHead, read::<PlanHead>),
    ("plan-entry", Kind::PlanEntry, read::<PlanEntry>),
    ("plan-tail", Kind::PlanTail, read::<PlanTail>),
    ("papers", Kind::Papers, read::<Papers>),
    ("fork-proof", Kind::ForkProof, read::<ForkProof>),
    ("decision", Kind::Decision, read::<Decision>),
    ("decision-file", Kind::DecisionFile, read::<DecisionFile>),
];

fn read<T: Object>(bytes: &[u8], key: Option<&PublicKey>) -> Result<Vec<u8>, TrustError> {
    match key {
        Some(key) => Ok(verify::<T>(bytes, key)?.encode()),
        None => Ok(T::decode(bytes)?.encode()),
    }
}

fn reader(folder: &str) -> Read {
    let found = READERS.iter().find(|(known, _, _)| *known == folder);
    found.unwrap_or_else(|| panic!("no reader for {folder}")).2
}

/// Every vector that there has to be.
fn generated() -> Vec<Vector> {
    let world = World::new();
    let samples = [
        samples::issued(&world),
        vec![samples::voucher_sale(&world), samples::voucher_file(&world)],
        medium::of_editions(&world),
        medium::stamped(&world),
        wallet::journal(&world),
        funding::shown(&world),
        medium::store_journal(&world),
        medium::sealed(&world),
        plans::plan(&world),
        proofs::proofs(&world),
        decisions::decided(&world),
    ];
    let mut all = vec![];
    let mut seen = vec![];
    for sample in samples.iter().flatten() {
        all.extend(of_sample(&world, sample, !seen.contains(&sample.folder)));
        seen.push(sample.folder);
    }
    all.extend(chains::vectors(&world));
    all.extend(derivations::vectors());
    all.extend(journals::vectors());
    all.extend(stamps::vectors());
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// A good vector and its bad ones: all of them for the first of a folder, some for the others.
fn of_sample(world: &World, sample: &Sample<'_>, first: bool) -> Vec<Vector> {
    let enough =
        ["truncated", "padding", "trailing-byte", "flipped-bit", "long-integer", "duplicate-key"];
    let mut bad = faults::general(sample, &world.other_store);
    bad.retain(|bad| first || enough.contains(&bad.fault));
    // A plan's entry of a store alone names no medium: its first key may be absent.
    bad.retain(|bad| sample.folder != "plan-entry" || bad.fault != "missing-key");
    if let (Form::Signed(key), "policy") = (&sample.form, sample.folder) {
        bad.extend(envelopes::faults(sample, key));
    }
    bad.extend(fields::payloads(sample).into_iter().map(|(fault, words, payload)| faults::Bad {
        fault,
        bytes: faults::wrap(sample, payload),
        class: "field",
        words,
    }));
    let refused = |bad: faults::Bad| {
        let name = format!("{}/{}_{}", sample.folder, sample.subject, bad.fault);
        described(Vector::new(name, bad.bytes), sample)
            .with("expect", format!("refused {}", bad.class))
            .with("words", bad.words)
    };
    std::iter::once(good(sample)).chain(bad.into_iter().map(refused)).collect()
}

fn described(vector: Vector, sample: &Sample<'_>) -> Vector {
    let (form, signer) = match &sample.form {
        Form::Signed(key) => ("signed".to_owned(), Some(key.public())),
        Form::Plain => ("plain".to_owned(), None),
        Form::Slot(length) => (format!("slot {length}"), None),
    };
    let vector = vector.with("about", sample.about).with("kind", sample.kind.name());
    let vector = vector.with("form", form);
    match signer {
        Some(key) => vector.with("signer", HEXLOWER.encode(key.as_bytes())),
        None => vector,
    }
}

fn good(sample: &Sample<'_>) -> Vector {
    let bytes = faults::wrap(sample, sample.payload.clone());
    let name = format!("{}/{}", sample.folder, sample.subject);
    let mut vector = described(Vector::new(name, bytes.clone()), sample).with("expect", "good");
    if matches!(sample.form, Form::Signed(_)) {
        let message = Sign1::decode(&bytes, sample.kind).unwrap();
        vector = vector
            .with("message", HEXLOWER.encode(&sha256(&message.to_be_signed())))
            .with("hash", HEXLOWER.encode(&sha256(&bytes)));
    }
    for (name, value) in &sample.notes {
        vector = vector.with(name, value.clone());
    }
    let value = ciborium::from_reader(sample.payload.as_slice()).unwrap();
    vector
        .with("payload", HEXLOWER.encode(&sha256(&sample.payload)))
        .with("value", notation::notation(&value))
}

#[test]
fn the_vectors_are_the_generated_ones() {
    let generated = generated();
    if std::env::var_os("SCRIP_WRITE_VECTORS").is_some() {
        file::write_all(&generated);
    }
    let stored = file::read_all();
    let names = |all: &[Vector]| all.iter().map(|v| v.name.clone()).collect::<Vec<_>>();
    let mut found = names(&stored);
    found.sort();
    assert_eq!(found, names(&generated), "SCRIP_WRITE_VECTORS=1 writes them anew");
    for vector in &stored {
        let place = generated.binary_search_by(|new| new.name.cmp(&vector.name)).unwrap();
        assert_eq!(*vector, generated[place], "{}", vector.name);
    }
}

#[test]
fn every_vector_reads_as_it_says() {
    let mut refused = BTreeSet::new();
    let mut by_folder: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for vector in file::read_all() {
        let (good, bad) = by_folder.entry(vector.folder().to_owned()).or_default();
        *if vector.is_good() { good } else { bad } += 1;
        let outcome = match vector.header("form") {
            "trust" => trust_outcome(&vector),
            "derivation" => continue,
            "journal" => told_outcome(&vector, journals::outcome(&vector)),
            "kept-stamp" => told_outcome(&vector, stamps::outcome(&vector)),
            form => object_outcome(&vector, form),
        };
        assert_eq!(outcome, vector.header("expect"), "{}", vector.name);
        refused.extend(outcome.strip_prefix("refused ").map(str::to_owned));
    }
    let classes = refused.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    assert_eq!(classes, CLASSES, "every class of refusal has a vector");
    for (folder, _, _) in READERS {
        let (good, bad) = by_folder[*folder];
        assert!(good >= 1 && bad >= 3 * good, "{folder}: {good} good, {bad} bad");
    }
    println!("good and bad vectors by folder: {by_folder:?}");
}

fn object_outcome(vector: &Vector, form: &str) -> String {
    let read = reader(vector.folder());
    let key = (form == "signed").then(|| {
        let key = HEXLOWER.decode(vector.header("signer").as_bytes()).unwrap();
        PublicKey::from_bytes(key.try_into().unwrap()).unwrap()
    });
    let object = if form.starts_with("slot") { cbor::unpad(&vector.body) } else { Ok(None) };
    let outcome = object
        .map_err(TrustError::from)
        .and_then(|object| read(object.unwrap_or(&vector.body), key.as_ref()));
    let again = |payload: Vec<u8>| {
        assert_eq!(HEXLOWER.encode(&sha256(&payload)), vector.header("payload"), "{}", vector.name);
    };
    described_outcome(vector, outcome.map(again))
}

fn described_outcome(vector: &Vector, outcome: Result<(), TrustError>) -> String {
    match outcome {
        Ok(()) => "good".to_owned(),
        Err(error) => {
            let (message, words) = (error.to_string(), vector.header("words"));
            assert!(message.contains(words), "{}: {message}", vector.name);
            format!("refused {}", class(&error))
        }
    }
}

/// A form that is no object is refused as itself.
fn told_outcome(vector: &Vector, outcome: Result<String, String>) -> String {
    match outcome {
        Ok(gives) => {
            assert_eq!(gives, vector.header("gives"), "{}", vector.name);
            "good".to_owned()
        }
        Err(message) => {
            assert!(message.contains(vector.header("words")), "{}: {message}", vector.name);
            format!("refused {}", vector.header("form"))
        }
    }
}

fn trust_outcome(vector: &Vector) -> String {
    let optional = |name: &str| {
        vector.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    };
    let roots = optional("root")
        .map(|hex| Root::read(&HEXLOWER.decode(hex.as_bytes()).unwrap()).expect("a root"));
    let test_roots =
        if optional("test-roots").is_some() { TestRoots::Refused } else { TestRoots::Allowed };
    let mut trust = Trust::new(roots.into_iter().collect(), test_roots);
    if let Some(floor) = optional("floor") {
        trust.raise_floor(Timestamp::from_seconds(floor.parse().unwrap()).unwrap());
    }
    let chain = Chain::decode(&vector.body).unwrap();
    described_outcome(
        vector,
        trust.signer(&chain).map(|signer| {
            let pinned = if signer.anchor().is_pinned() {
                "the pinned root".to_owned()
            } else {
                format!("unpinned root {}", signer.anchor().fingerprint())
            };
            let gives = format!("{} under {pinned}", signer.certificate().role.word());
            assert_eq!(gives, vector.header("gives"), "{}", vector.name);
        }),
    )
}

/// The class of a refusal, as the specification names it.
fn class(error: &TrustError) -> &'static str {
    match error {
        TrustError::Decode(error) => decode_class(error),
        TrustError::Signature { .. } => "signature",
        TrustError::Signer { .. } => "signer",
        TrustError::Role { .. } => "role",
        TrustError::Chain { .. } => "chain",
        TrustError::Expired { .. } => "expired",
        TrustError::Purpose { .. } => "purpose",
        TrustError::TestRoot(_) => "test-root",
        TrustError::Hash { .. } => "hash",
    }
}

fn decode_class(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::TooLarge { .. } => "too-large",
        DecodeError::TooManyItems { .. } => "too-many",
        DecodeError::Truncated { .. } => "truncated",
        DecodeError::Trailing { .. } => "trailing",
        DecodeError::Padding { .. } => "padding",
        DecodeError::Malformed { .. } => "malformed",
        DecodeError::NotShortest { .. } => "not-shortest",
        DecodeError::Indefinite { .. } => "indefinite",
        DecodeError::KeyType { .. } => "key-type",
        DecodeError::DuplicateKey { .. } => "duplicate-key",
        DecodeError::KeyOrder { .. } => "key-order",
        DecodeError::Tag { .. } => "tag",
        DecodeError::Simple { .. } => "simple",
        DecodeError::NotUtf8 { .. } => "utf8",
        DecodeError::TooDeep { .. } => "too-deep",
        DecodeError::Object { .. } => "field",
        DecodeError::Envelope { .. } => "envelope",
    }
}

/// A sound payload of a folder whose objects are signed.
pub(crate) fn payload_of(folder: &str) -> Option<Vec<u8>> {
    let all = file::read_all();
    let mut own = all.iter().filter(|vector| vector.folder() == folder && vector.is_good());
    let vector = own.find(|vector| vector.header("form") == "signed")?;
    let kind = READERS.iter().find(|(known, _, _)| *known == folder)?.1;
    Some(Sign1::decode(&vector.body, kind).ok()?.payload().to_vec())
}

#[test]
fn the_specification_states_what_the_vectors_state() {
    let all = file::read_all();
    let rows: Vec<_> =
        SPEC.lines().filter_map(|line| line.strip_prefix("| `derivation/")).collect();
    assert!(rows.len() > 15, "the table of vectors is there");
    for row in rows {
        let cells: Vec<_> = row.trim_end_matches(" |").split(" | ").collect();
        let [name, header, value] = cells[..] else { panic!("{row}") };
        let name = format!("derivation/{}", name.trim_matches('`'));
        let vector = all.iter().find(|vector| vector.name == name).expect("a known vector");
        assert_eq!(vector.header(header), value.trim_matches('`'), "{row}");
    }
}

#[test]
fn the_specification_shows_one_object_step_by_step() {
    let all = file::read_all();
    let vector = all.iter().find(|vector| vector.name == "edition-seal/plain").unwrap();
    let message = Sign1::decode(&vector.body, Kind::EditionSeal).unwrap();
    for part in [message.payload(), &message.to_be_signed(), &vector.body] {
        let lines: Vec<_> = part.chunks(48).map(|line| HEXLOWER.encode(line)).collect();
        assert!(SPEC.contains(&format!("\n{}\n", lines.join("\n"))), "{lines:?}");
    }
}

#[test]
fn the_specification_states_every_kinds_limits() {
    let rows: Vec<_> = SPEC.lines().filter(|line| line.starts_with("| ")).collect();
    let number = |cell: &str| cell.trim().replace(',', "").parse::<usize>().ok();
    for kind in Kind::ALL {
        let own = |row: &&&str| {
            let cells: Vec<_> = row.split('|').collect();
            cells.len() == 5
                && cells[1].contains(&format!("`{}`", kind.name()))
                && number(cells[2]).is_some()
        };
        let row = rows
            .iter()
            .find(own)
            .or_else(|| rows.iter().find(|row| row.starts_with("| all others | ")));
        let cells: Vec<_> = row.expect("a row of limits").split('|').collect();
        let stated = (number(cells[2]), number(cells[3]));
        assert_eq!(stated, (Some(kind.bytes_max()), Some(kind.items_max())), "{}", kind.name());
    }
}
