//! Objects, envelopes, CBOR: only the one encoding of anything is taken.

use std::fmt::Debug;

use scrip::format::access::{AccessSlot, ITEM_KEY_BYTES, ItemKey, KeyFile};
use scrip::format::certificate::{Certificate, Chain, EnrolRequest};
use scrip::format::checkpoint::{Checkpoint, CheckpointFile};
use scrip::format::cose::{self, Sign1, stated_kind};
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
use scrip::format::record::{Record, RecordHead, RecordOf};
use scrip::format::sheet::{Kit, SealedKit, SealedSecret, Sheet, Voucher, VoucherFile};
use scrip::format::store::StoreEntry;
use scrip::format::transfer::{Funding, Offer, Receipt};
use scrip::format::{DecodeError, Kind, Object, cbor};
use scrip::image::layout::Layout;
use scrip::image::manifest;
use scrip::ledger::check_proof;
use scrip::reconcile::{Plan, read_decision};
use scrip::trust::ring::{item_key_slot, read_item_key};
use scrip::trust::{check_grant, check_policy};
use scrip::units::CurrencyForm;

use super::{Body, world};

/// Every type of object, by the name of its vectors.
pub const TYPES: [(&str, Body); 42] = [
    ("certificate", certificate),
    ("enrol-request", any::<EnrolRequest>),
    ("policy", policy),
    ("revocation", any::<Revocation>),
    ("manifest", manifest),
    ("edition-seal", any::<EditionSeal>),
    ("medium-seal", any::<MediumSeal>),
    ("medium-certificate", any::<MediumCertificate>),
    ("user-information", any::<UserInformation>),
    ("sheet", sheet),
    ("kit", any::<Kit>),
    ("voucher", any::<Voucher>),
    ("store-entry", any::<StoreEntry>),
    ("record", record),
    ("settings", any::<Settings>),
    ("catalogue", any::<Catalogue>),
    ("access-slot", any::<AccessSlot>),
    ("sealed-kit", any::<SealedKit>),
    ("key-file", any::<KeyFile>),
    ("edition-header", header),
    ("chain", any::<Chain>),
    ("certificate-slot", any::<CertificateSlot>),
    ("sheet-slot", any::<SheetSlot>),
    ("signed-manifest", any::<SignedManifest>),
    ("voucher-file", any::<VoucherFile>),
    ("checkpoint", any::<Checkpoint>),
    ("receipt", any::<Receipt>),
    ("item", any::<ItemEntry>),
    ("package", any::<Package>),
    ("funding", any::<Funding>),
    ("offer", any::<Offer>),
    ("item-key", item_key),
    ("checkpoint-file", any::<CheckpointFile>),
    ("sealed-secret", any::<SealedSecret>),
    ("plan-head", any::<PlanHead>),
    ("plan-entry", any::<PlanEntry>),
    ("plan-tail", any::<PlanTail>),
    ("plan", plan),
    ("papers", papers),
    ("fork-proof", fork_proof),
    ("decision", any::<Decision>),
    ("decision-file", decision_file),
];

/// First byte: the type; then the object.
pub fn objects(data: &[u8]) {
    let Some((place, bytes)) = data.split_first() else { return };
    TYPES[usize::from(*place) % TYPES.len()].1(bytes);
}

fn any<T: Object + PartialEq + Debug>(bytes: &[u8]) {
    read::<T>(bytes);
}

/// What states that it is whole states it of these bytes alone.
fn papers(bytes: &[u8]) {
    let Some(papers) = read::<Papers>(bytes) else { return };
    let other = Papers { generation: papers.generation ^ 1, ..papers.clone() };
    assert!(papers.checked() != other.checked());
}

/// What is taken is written again as the same bytes, and is what a CBOR library reads in them.
fn read<T: Object + PartialEq + Debug>(bytes: &[u8]) -> Option<T> {
    match T::decode(bytes) {
        Ok(object) => {
            let again = object.encode();
            assert_eq!(again, bytes, "{object:?}");
            let value: ciborium::Value = ciborium::from_reader(bytes).expect("it is CBOR");
            assert_eq!(object.to_value(), value, "{object:?}");
            assert_eq!(T::decode(&again).as_ref(), Ok(&object));
            Some(object)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

fn certificate(bytes: &[u8]) {
    if let Some(grant) = read::<Certificate>(bytes).and_then(|certificate| certificate.grant) {
        let _ = check_grant(&grant);
    }
}

fn policy(bytes: &[u8]) {
    if let Some(policy) = read::<Policy>(bytes) {
        let _ = check_policy(&policy);
        for form in &policy.currencies {
            let shown = form.show(policy.balance_max);
            let number = shown.strip_suffix(form.currency().code()).unwrap_or(&shown);
            assert_eq!(form.parse(number.trim_end()), Ok(policy.balance_max));
        }
    }
}

/// A whole plan is written again as the same bytes, and so is each posting in it.
fn plan(bytes: &[u8]) {
    let Ok(plan) = Plan::decode(bytes) else { return };
    assert_eq!(plan.encode(), bytes);
    for posting in plan.postings() {
        let _ = posting.map(|posting| posting.moves.len());
    }
}

/// What holds names whoever decided.
fn decision_file(bytes: &[u8]) {
    read::<DecisionFile>(bytes);
    match read_decision(bytes, &world().trust()) {
        Ok(standing) => assert!(!standing.by.is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// What holds is of one place, and is two things.
fn fork_proof(bytes: &[u8]) {
    read::<ForkProof>(bytes);
    match check_proof(bytes, &world().trust()) {
        Ok(proven) => assert!(proven.hashes[0] != proven.hashes[1], "{proven:?}"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Read where it stands, it says what it says when it is read to be kept.
fn record(bytes: &[u8]) {
    let whole = read::<Record>(bytes);
    let view = RecordHead::read(bytes).and_then(|(head, rest)| Some((head, rest.body()?)));
    assert_eq!(whole.is_some(), view.is_some());
    let Some((whole, (head, body))) = whole.zip(view) else { return };
    assert_eq!((told(&head), body), (told(&whole), whole.body));
}

/// All of a record but its body.
fn told<T: Debug, Rest>(record: &RecordOf<T, Rest>) -> String {
    let RecordOf { medium, seq, prev, floor, instance, history, accounting, body: _ } = record;
    format!("{:?}", (medium, seq, prev, floor, instance, history, accounting))
}

/// A whole slot is written again as the same bytes.
fn item_key(bytes: &[u8]) {
    read::<ItemKey>(bytes);
    let mut slot = [0; ITEM_KEY_BYTES];
    let length = bytes.len().min(slot.len());
    slot[..length].copy_from_slice(&bytes[..length]);
    if let Some(key) = read_item_key(&slot) {
        assert_eq!(item_key_slot(Some(&key)), slot);
    }
}

fn sheet(bytes: &[u8]) {
    let Some(sheet) = read::<Sheet>(bytes) else { return };
    let slots = sheet.slots();
    for slot in 0..=u8::MAX {
        let here = slots.is_some_and(|slots| slot < slots);
        if slots.is_some() {
            let found = (sheet.amount(slot).is_some(), sheet.commitment(slot).is_some());
            assert_eq!(found, (here, here), "slot {slot}");
        }
        let form = CurrencyForm::usual(sheet.currency);
        let _ = sheet.amount(slot).map(|amount| form.show(amount));
    }
}

fn manifest(bytes: &[u8]) {
    if let Some(manifest) = read::<Manifest>(bytes)
        && let Ok(layout) = manifest::check(&manifest)
        && let Ok(plan) = layout.rom_plan(&manifest, 1)
    {
        assert!(manifest.files.iter().all(|file| plan.find(&file.path).is_some()));
    }
}

fn header(bytes: &[u8]) {
    if let Some(header) = read::<EditionHeader>(bytes)
        && let Ok(layout) = Layout::new(&header.shape)
    {
        let _ = layout.ram_plan(1);
    }
}

/// First byte: the kind; then a signed object.
pub fn envelope(data: &[u8]) {
    let Some((place, bytes)) = data.split_first() else { return };
    let kind = Kind::ALL[usize::from(*place) % Kind::ALL.len()];
    let stated = stated_kind(bytes);
    let Ok(message) = Sign1::decode(bytes, kind) else { return };
    assert_eq!((stated, message.kind()), (Some(kind), kind));
    let payload = message.payload().to_vec();
    let again = cose::assemble(kind, message.key_id(), payload, |signed| {
        assert_eq!(signed, message.to_be_signed());
        *message.signature()
    });
    assert_eq!(again, bytes);
    for other in Kind::ALL.iter().filter(|other| **other != kind) {
        assert!(Sign1::decode(bytes, *other).is_err(), "{kind:?} as {other:?}");
    }
}

/// What we measure, a CBOR library reads and writes as the same bytes.
pub fn cbor(data: &[u8]) {
    if let Ok(used) = cbor::measure(data) {
        let value: ciborium::Value = ciborium::from_reader(&data[..used]).expect("it is CBOR");
        assert_eq!(cbor::encode(&value), &data[..used]);
        for kind in [Kind::Voucher, Kind::Kit] {
            match cbor::check(data, kind) {
                Ok(()) => assert_eq!(used, data.len()),
                Err(DecodeError::Trailing { used: stated, found }) => {
                    assert_eq!((stated, found), (used, data.len()));
                }
                Err(error) => {
                    let limit = matches!(
                        error,
                        DecodeError::TooLarge { .. } | DecodeError::TooManyItems { .. }
                    );
                    assert!(limit, "{error}");
                }
            }
        }
    }
    if let Ok(Some(object)) = cbor::unpad(data) {
        assert_eq!(cbor::measure(object), Ok(object.len()));
        assert!(data[object.len()..].iter().all(|byte| *byte == 0));
    }
}
