//! One good object or more of every kind.

use std::num::NonZeroU32;

use data_encoding::HEXLOWER;
use scrip::crypto::Secret;
use scrip::crypto::digest::sha256;
use scrip::crypto::sign::SecretKey;
use scrip::format::certificate::{EnrolRequest, Role};
use scrip::format::field::Bytes;
use scrip::format::policy::{Policy, Revocation, RevokedStore, UnsoldKit, UnsoldSlots};
use scrip::format::sheet::{Blank, Kit, Run, Sheet, SheetId, StockedCode, Voucher, VoucherFile};
use scrip::format::{Kind, Object};
use scrip::trust::{sign, verify};
use scrip::units::{CurrencyForm, MediumId};
use scrip::voucher;
use scrip::voucher::code::TypedCode;

use super::world::{World, amount, bytes, medium, store_id, time, yen};

/// How an object lies in a vector.
pub(crate) enum Form<'w> {
    /// Under this key's signature.
    Signed(&'w SecretKey),
    /// As it is.
    Plain,
    /// At the start of a slot of this many bytes.
    Slot(usize),
}

/// A good object.
pub(crate) struct Sample<'w> {
    pub(crate) folder: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) about: &'static str,
    pub(crate) kind: Kind,
    pub(crate) form: Form<'w>,
    pub(crate) payload: Vec<u8>,
    /// Intermediate values.
    pub(crate) notes: Vec<(&'static str, String)>,
}

impl<'w> Sample<'w> {
    /// A sample of a typed object.
    pub(crate) fn of<T: Object>(
        folder: &'static str,
        subject: &'static str,
        about: &'static str,
        form: Form<'w>,
        object: &T,
    ) -> Self {
        Self {
            folder,
            subject,
            about,
            kind: T::KIND,
            form,
            payload: object.encode(),
            notes: vec![],
        }
    }

    /// Add an intermediate value.
    pub(crate) fn note(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.notes.push((name, value.into()));
        self
    }
}

/// The id of the sheet that the samples share.
pub(crate) const SHEET: SheetId = [0x5e; 16];
/// The key that the samples' codes are derived from.
pub(crate) const CODE_KEY: [u8; 32] = [0x09; 32];
const ROUNDS: u32 = 1000;

/// What the issuer signs, and what asks it to.
pub(crate) fn issued(world: &World) -> Vec<Sample<'_>> {
    let certificate = |role: Role, subject, about, above| {
        Sample::of("certificate", subject, about, Form::Signed(above), &world.claims(role))
    };
    let request = EnrolRequest {
        name: "Kiosk \u{99c5}\u{524d}".to_owned(),
        key: world.store.public(),
        seal_key: *world.seal.public().as_bytes(),
        made: time(1_789_999_000),
    };
    let store = Form::Signed(&world.store);
    let issuer = || Form::Signed(&world.issuer);
    vec![
        certificate(Role::Root, "root", "a root's certificate, signed by itself", &world.root),
        certificate(Role::Issuer, "issuer", "an issuer's certificate", &world.root),
        certificate(Role::Store, "store", "a store's certificate with its grant", &world.issuer),
        certificate(Role::Settler, "settler", "a settler's certificate", &world.issuer),
        certificate(Role::RomSigner, "romsigner", "a rom-signer's certificate", &world.issuer),
        certificate(Role::Decider, "decider", "a decider's certificate", &world.issuer),
        Sample::of("enrol-request", "store", "a request, signed by the key in it", store, &request),
        Sample::of("policy", "plain", "a policy", issuer(), &policy()),
        Sample::of(
            "policy",
            "deciding",
            "a policy that says who decides",
            issuer(),
            &Policy { decide_alone: Some(amount(20_000)), ..policy() },
        ),
        Sample::of("revocation", "empty", "a list of nothing", issuer(), &nothing_revoked()),
        Sample::of("revocation", "full", "a list of everything", issuer(), &revocation()),
        sheet(world),
        Sample::of("kit", "one-blank", "a kit of one blank medium", issuer(), &kit(world)),
    ]
}

/// A signed sheet of five slots.
pub(crate) fn signed_sheet(world: &World) -> Vec<u8> {
    let run = |count, minor| Run { count, amount: amount(minor) };
    let plan = voucher::SheetPlan {
        id: SHEET,
        medium: medium(),
        currency: yen(),
        rounds: NonZeroU32::new(ROUNDS).unwrap(),
        runs: vec![run(3, 1_000), run(2, 5_000)],
        issued: time(1_800_000_000),
    };
    voucher::make_sheet(&world.issuer, &Secret::new(CODE_KEY), &plan).unwrap()
}

fn sheet(world: &World) -> Sample<'_> {
    let signed = signed_sheet(world);
    let sheet = verify::<Sheet>(&signed, &world.issuer.public());
    let sheet = sheet.unwrap().into_value();
    let code = code(4);
    let number = medium().number().to_be_bytes();
    let salt = [b"scrip/seal/v1".as_slice(), &number, &SHEET, &[4]].concat();
    let event = voucher::code_event(medium(), &SHEET, 4);
    let about = "a sheet of 3 slots of 1,000 and 2 of 5,000, and the code of slot 4";
    Sample::of("sheet", "five-slots", about, Form::Signed(&world.issuer), &sheet)
        .note("code", code.printed())
        .note("salt", HEXLOWER.encode(&salt))
        .note("commitment", HEXLOWER.encode(&sheet.commitment(4).unwrap()))
        .note("event", HEXLOWER.encode(&event))
        .note("amount", sheet.amount(4).unwrap().minor().to_string())
}

/// The code of a slot of the sheet.
pub(crate) fn code(slot: u8) -> TypedCode {
    let secret = voucher::slot_secret(&Secret::new(CODE_KEY), medium(), &SHEET, slot);
    TypedCode::new(slot, secret).unwrap()
}

pub(crate) fn policy() -> Policy {
    Policy {
        number: 3,
        issued: time(1_795_000_000),
        currencies: vec![
            CurrencyForm::new(yen(), 0).unwrap(),
            CurrencyForm::new("EUR".parse().unwrap(), 2).unwrap(),
        ],
        balance_max: amount(100_000),
        topup_max: amount(30_000),
        offline_cap: amount(10_000),
        offline_count: 20,
        starter_cap: amount(1_000),
        starter_count: 3,
        debt_cap: amount(10_000),
        rounds_min: 100,
        chunk: bytes(1 << 20),
        share_ppm: 300_000,
        decide_alone: None,
    }
}

fn nothing_revoked() -> Revocation {
    Revocation {
        number: 1,
        issued: time(1_795_000_000),
        media: vec![],
        sheets: vec![],
        stores: vec![],
    }
}

fn revocation() -> Revocation {
    let mut slots = [0; 13];
    slots[0] = 0b0001_1010;
    let kit = |sold| UnsoldKit { kit: [0x4b; 16], sheets: 10_000, slots, sold };
    let store = |number, head| RevokedStore {
        store: store_id(number),
        serial_cut: 120,
        head,
        unsold: vec![UnsoldSlots { sheet: SHEET, slots }],
        kits: vec![kit(None), kit(Some(Bytes(vec![0, 0b101])))],
    };
    Revocation {
        number: 9,
        issued: time(1_797_000_000),
        media: vec![MediumId::from_serial(1), MediumId::from_serial(2)],
        sheets: vec![[0x66; 16]],
        stores: vec![store(8, Some([0xab; 32])), store(9, None)],
    }
}

/// The kit that the store was given.
pub(crate) fn kit(world: &World) -> Kit {
    let stocked = |slot| StockedCode { slot, secret: code(slot).secret().clone() };
    Kit {
        id: [0x4b; 16],
        store: store_id(7),
        currency: yen(),
        issued: time(1_800_000_000),
        blanks: vec![Blank {
            medium: medium(),
            sheet: Bytes(signed_sheet(world)),
            codes: vec![stocked(0), stocked(3)],
        }],
        policy: Bytes(sign(&world.issuer, &policy())),
        revocation: Some(Bytes(sign(&world.issuer, &nothing_revoked()))),
    }
}

/// The voucher that the store sold.
pub(crate) fn voucher_sale(world: &World) -> Sample<'_> {
    let (store, serial) = (store_id(7), 42);
    let id = voucher::voucher_id(store, serial);
    let voucher = Voucher {
        id,
        medium: medium(),
        amount: amount(3_000),
        currency: yen(),
        store,
        serial,
        issued: time(1_801_000_000),
        expires: time(1_832_536_000),
    };
    let event = voucher::voucher_event(medium(), &id);
    Sample::of("voucher", "plain", "a voucher of store 7", Form::Signed(&world.store), &voucher)
        .note("event", HEXLOWER.encode(&event))
}

/// That voucher as its buyer carries it.
pub(crate) fn voucher_file(world: &World) -> Sample<'_> {
    let sale = voucher_sale(world).payload;
    let sale = Voucher::decode(&sale).expect("it was encoded just now");
    let voucher = Bytes(sign(&world.store, &sale));
    let file = VoucherFile { voucher, chain: world.chain(Role::Store) };
    Sample::of("voucher-file", "plain", "that voucher with its store's chain", Form::Plain, &file)
        .note("text", voucher::voucher_text(&file))
}

/// The hash by which other objects name a signed one.
pub(crate) fn hash_of(signed: &[u8]) -> [u8; 32] {
    sha256(signed)
}
