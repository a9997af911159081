//! What an owner gives to top up, and what becomes of it: every failure in its own words.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU32;
use std::path::Path;

use scrip::crypto::{Random, SeededRandom};
use scrip::format::Object;
use scrip::format::field::Bytes;
use scrip::format::policy::{Revocation, RevokedStore};
use scrip::format::record::EventId;
use scrip::format::sheet::{Run, Sheet, SheetId, Voucher, VoucherFile};
use scrip::qr::read_picture;
use scrip::tool::Exit;
use scrip::trust::{Revoked, Trust, Verified, sign, verify};
use scrip::units::{Amount, Currency, CurrencyForm, MediumId, Sequence, StoreId};
use scrip::voucher::code::TypedCode;
use scrip::voucher::{
    SheetPlan, code_event, make_sheet, slot_secret, voucher_event, voucher_id, voucher_text,
};
use scrip::wallet::{
    Credited, Entry, EntryError, Source, Topup, TopupRefusal, TopupTerms, read_given, read_typed,
};

use crate::world::{World, at, minor, yen};

const NEW: SheetId = [4; 16];
const MIDDLE: SheetId = [3; 16];
const OLD: SheetId = [2; 16];

/// A medium with two live sheets and an old one, and what was credited on it.
struct Owner {
    world: World,
    trust: Trust,
    sheets: Vec<Verified<Sheet>>,
    revoked: Revoked,
    balance: Amount,
    credited: BTreeMap<EventId, Credited>,
}

fn medium() -> MediumId {
    MediumId::from_serial(4_821_093_765)
}

fn euro() -> Currency {
    "EUR".parse().unwrap()
}

impl Owner {
    fn new() -> Self {
        let world = World::new();
        let mut owner = Self {
            trust: world.trust(),
            world,
            sheets: vec![],
            revoked: Revoked::none(),
            balance: minor(300),
            credited: BTreeMap::new(),
        };
        owner.sheets = [NEW, MIDDLE, OLD].map(|id| owner.sheet(id, medium(), yen())).into();
        owner
    }

    fn sheet(&self, id: SheetId, medium: MediumId, currency: Currency) -> Verified<Sheet> {
        let run = |count, amount| Run { count, amount: minor(amount) };
        let plan = SheetPlan {
            id,
            medium,
            currency,
            rounds: NonZeroU32::MIN,
            runs: vec![run(6, 500), run(2, 2_000), run(1, 60_000)],
            issued: at(10),
        };
        let signed = make_sheet(&self.world.issuer, &self.world.seal, &plan).unwrap();
        verify(&signed, &self.world.issuer.public()).unwrap()
    }

    fn code(&self, medium: MediumId, sheet: SheetId, slot: u8) -> TypedCode {
        TypedCode::new(slot, slot_secret(&self.world.seal, medium, &sheet, slot)).unwrap()
    }

    fn voucher(&self, change: impl FnOnce(&mut Voucher)) -> VoucherFile {
        let store = StoreId::from_number(7).unwrap();
        let mut voucher = Voucher {
            id: voucher_id(store, 5),
            medium: medium(),
            amount: minor(700),
            currency: yen(),
            store,
            serial: 5,
            issued: at(20),
            expires: at(0).plus_days(300),
        };
        change(&mut voucher);
        let signed = sign(&self.world.store, &voucher);
        VoucherFile { voucher: Bytes(signed), chain: self.world.store_chain.clone() }
    }

    fn judge(&self, entry: &Entry) -> Result<Topup, TopupRefusal> {
        let credited = |event: &EventId| self.credited.get(event).copied();
        self.terms(&credited).judge(entry)
    }

    fn terms<'a>(&'a self, credited: &'a dyn Fn(&EventId) -> Option<Credited>) -> TopupTerms<'a> {
        TopupTerms {
            medium: medium(),
            form: CurrencyForm::usual(yen()),
            sheets: &self.sheets,
            trust: &self.trust,
            revoked: &self.revoked,
            balance: self.balance,
            balance_max: minor(100_000),
            topup_max: minor(50_000),
            credited,
        }
    }

    /// The name, the words and the class of what is refused.
    fn refused(&self, entry: &Entry) -> (&'static str, String, Exit) {
        let refusal = self.judge(entry).err().expect("refused");
        (refusal.name(), refusal.to_string(), Exit::from(&refusal))
    }

    fn revoke(&mut self, media: Vec<MediumId>, sheets: Vec<SheetId>, cut: Option<u64>) {
        let stores = cut.map(|serial_cut| RevokedStore {
            store: StoreId::from_number(7).unwrap(),
            serial_cut,
            head: None,
            unsold: vec![],
            kits: vec![],
        });
        let stores = stores.into_iter().collect();
        let list = Revocation { number: 3, issued: at(30), media, sheets, stores };
        let signed = sign(&self.world.issuer, &list);
        let list = verify(&signed, &self.world.issuer.public()).unwrap();
        self.revoked = Revoked::none().with(list);
    }

    fn credit(&mut self, event: EventId) {
        let record = Sequence::FIRST.next().unwrap();
        self.credited.insert(event, Credited::Record { record, at: at(50) });
    }
}

fn typed(code: &TypedCode) -> Entry {
    read_typed(&code.printed()).unwrap()
}

fn carried(file: VoucherFile) -> Entry {
    Entry::Voucher(Box::new(file))
}

#[test]
fn a_code_of_either_live_sheet_and_a_voucher_add_what_they_say() {
    let owner = Owner::new();
    for sheet in [NEW, MIDDLE] {
        let topup = owner.judge(&typed(&owner.code(medium(), sheet, 6))).unwrap();
        assert_eq!((topup.amount, topup.balance), (minor(2_000), minor(2_300)));
        assert_eq!(topup.event, code_event(medium(), &sheet, 6));
        let Source::Code { opened, .. } = topup.source else { panic!("a code") };
        assert_eq!((opened.sheet, opened.slot), (sheet, 6));
    }
    let file = owner.voucher(|_| {});
    for entry in [read_given(&file.encode()), read_typed(&voucher_text(&file))] {
        let topup = owner.judge(&entry.unwrap()).unwrap();
        assert_eq!((topup.amount, topup.balance), (minor(700), minor(1_000)));
        let Source::Voucher { file: kept, carried } = topup.source else { panic!("a voucher") };
        assert_eq!((*kept, carried.voucher.serial), (file.clone(), 5));
        assert_eq!(topup.event, voucher_event(medium(), &carried.voucher.id));
    }
}

#[test]
fn every_refused_code_has_its_own_name_and_words() {
    let mut owner = Owner::new();
    let mut mistyped = owner.code(medium(), NEW, 1).plain().into_bytes();
    mistyped[7] = b'0' + (mistyped[7] - b'0' + 1) % 10;
    let mistyped = read_typed(std::str::from_utf8(&mistyped).unwrap()).unwrap();
    let (name, words, exit) = owner.refused(&mistyped);
    assert_eq!((name, exit), ("typo", Exit::Refusal));
    assert_eq!(words, "there is a typing error in this code");

    let foreign = owner.code(MediumId::from_serial(1), NEW, 0);
    let no_slot = owner.code(medium(), NEW, 77);
    for code in [foreign, no_slot] {
        let (name, words, exit) = owner.refused(&typed(&code));
        assert_eq!((name, exit), ("not-of-this-medium", Exit::Refusal));
        let expected = "this is not a code of this medium, 4821 0937 6527: compare the number on \
                        the receipt";
        assert_eq!(words, expected);
    }

    let (name, words, _) = owner.refused(&typed(&owner.code(medium(), OLD, 0)));
    assert_eq!(name, "old-sheet");
    assert!(words.contains("of an old sheet of this medium and no longer counts"), "{words}");

    let (name, words, _) = owner.refused(&typed(&owner.code(medium(), NEW, 8)));
    assert_eq!(name, "over-limit");
    let expected = "¥60,000 would make ¥60,000, above the largest top-up, ¥50,000; \
                    nothing was changed";
    assert_eq!(words, expected);
    owner.balance = minor(99_900);
    let (name, words, _) = owner.refused(&typed(&owner.code(medium(), NEW, 0)));
    assert_eq!(name, "over-limit");
    let expected = "¥500 would make ¥100,400, above the largest balance, ¥100,000; \
                    nothing was changed";
    assert_eq!(words, expected);

    owner.credit(code_event(medium(), &NEW, 2));
    let (name, words, _) = owner.refused(&typed(&owner.code(medium(), NEW, 2)));
    assert_eq!(name, "already-added");
    let when = at(50);
    assert_eq!(words, format!("already added: ¥500 on {when}, in record 1; nothing was changed"));
    owner.balance = minor(0);
    assert!(
        owner.judge(&typed(&owner.code(medium(), NEW, 3))).is_ok(),
        "another slot is untouched"
    );

    owner.revoke(vec![], vec![NEW], None);
    let (name, words, exit) = owner.refused(&typed(&owner.code(medium(), NEW, 3)));
    assert_eq!((name, exit), ("revoked", Exit::Refusal));
    assert_eq!(words, "slot 3 of this sheet is revoked by list 3");
    let (name, ..) = owner.refused(&typed(&owner.code(medium(), NEW, 2)));
    assert_eq!(name, "already-added", "what was added before is told before the revocation");
    owner.revoke(vec![medium()], vec![], None);
    assert_eq!(owner.refused(&typed(&owner.code(medium(), NEW, 2))).0, "revoked");
}

#[test]
fn an_old_code_that_was_added_is_told_kindly() {
    let mut owner = Owner::new();
    owner.credit(code_event(medium(), &OLD, 1));
    assert_eq!(owner.refused(&typed(&owner.code(medium(), OLD, 1))).0, "already-added");
    assert_eq!(owner.refused(&typed(&owner.code(medium(), OLD, 2))).0, "old-sheet");
    // The right slot alone isn't enough: another medium's code is another medium's code.
    let other = owner.code(MediumId::from_serial(9), OLD, 1);
    assert_eq!(owner.refused(&typed(&other)).0, "not-of-this-medium");
}

#[test]
fn sheets_that_can_not_be_used_are_named() {
    let mut owner = Owner::new();
    let code = owner.code(medium(), NEW, 0);
    owner.sheets = vec![owner.sheet(NEW, medium(), euro())];
    let (name, words, _) = owner.refused(&typed(&code));
    let expected = ("wrong-currency", "it is in EUR, this medium holds JPY");
    assert_eq!((name, words.as_str()), expected);
    let mut torn = owner.sheet(NEW, medium(), yen()).into_value();
    torn.commitments.0.pop();
    let torn = sign(&owner.world.issuer, &torn);
    let torn = verify(&torn, &owner.world.issuer.public()).unwrap();
    for (sheets, reason) in [
        (vec![torn], "runs and commitments disagree"),
        (vec![owner.sheet(NEW, MediumId::from_serial(1), yen())], "medium 000000000195 lies on"),
        (vec![], "has no sheet of codes"),
    ] {
        owner.sheets = sheets;
        let (name, words, exit) = owner.refused(&typed(&code));
        assert_eq!((name, exit), ("damaged-sheet", Exit::Damage));
        assert!(
            words.contains(reason) && words.ends_with("a voucher can still be added"),
            "{words}"
        );
    }
    assert!(owner.judge(&carried(owner.voucher(|_| {}))).is_ok());
}

#[test]
fn every_refused_voucher_has_its_own_name_and_words() {
    let mut owner = Owner::new();
    let other = carried(owner.voucher(|voucher| voucher.medium = MediumId::from_serial(1)));
    let (name, words, _) = owner.refused(&other);
    assert_eq!(name, "not-of-this-medium");
    assert!(words.starts_with("this is not a voucher of this medium, 4821 0937 6527"), "{words}");
    let altered = carried(owner.voucher(|voucher| voucher.amount = minor(1_001)));
    let (name, words, exit) = owner.refused(&altered);
    assert_eq!((name, exit), ("not-genuine", Exit::Damage));
    assert!(words.contains("1001 minor units, allowed are 1 to 1000"), "{words}");
    let rival = Owner { world: World::of(9), ..Owner::new() };
    let (name, words, _) = owner.refused(&carried(rival.voucher(|_| {})));
    assert_eq!(name, "not-genuine");
    assert!(words.contains("which nothing here pins"), "{words}");
    let swapped = VoucherFile { chain: rival.world.store_chain.clone(), ..owner.voucher(|_| {}) };
    assert_eq!(owner.refused(&carried(swapped)).0, "not-genuine");
    let euros = carried(owner.voucher(|voucher| voucher.currency = euro()));
    assert_eq!(owner.refused(&euros).0, "wrong-currency");

    let good = carried(owner.voucher(|_| {}));
    owner.trust.raise_floor(at(0).plus_days(300));
    assert_eq!(owner.refused(&good).0, "expired");
    owner.trust = owner.world.trust();
    owner.revoke(vec![], vec![], Some(4));
    assert_eq!(owner.refused(&good).0, "revoked");
    owner.credit(voucher_event(medium(), &voucher_id(StoreId::from_number(7).unwrap(), 5)));
    assert_eq!(owner.refused(&good).0, "already-added", "revoked since, and added before");
    owner.revoked = Revoked::none();
    let (name, words, _) = owner.refused(&good);
    assert_eq!(name, "already-added");
    assert!(words.starts_with("already added: ¥700 on "), "{words}");
}

#[test]
fn few_codes_of_an_amount_are_told() {
    let mut owner = Owner::new();
    for slot in 0..6 {
        owner.credit(code_event(medium(), &NEW, slot));
    }
    for slot in 0..2 {
        owner.credit(code_event(medium(), &MIDDLE, slot));
    }
    let credited = |event: &EventId| owner.credited.get(event).copied();
    let few = owner.terms(&credited).few_left();
    assert_eq!(few, [(minor(500), 4)], "none of the others was used");
}

fn picture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures").join(name)).unwrap()
}

fn unread(bytes: &[u8]) -> EntryError {
    read_given(bytes).err().expect("no top-up")
}

#[test]
fn pictures_are_read_as_what_they_show() {
    let code = read_typed("0712-3456-7890-1234-5667").unwrap();
    for name in ["code.jpg", "screenshot.png"] {
        assert!(read_given(&picture(name)) == Ok(code.clone()), "{name}");
    }
    let vector = crate::vectors::file::read_all();
    let vector = vector.iter().find(|vector| vector.name == "voucher-file/plain").unwrap();
    let Ok(Entry::Voucher(file)) = read_given(&picture("voucher.jpg")) else {
        panic!("a voucher was photographed");
    };
    assert_eq!(file.encode(), vector.body);
    let error = unread(&picture("nothing.jpg"));
    assert_eq!(error.name(), "unreadable-picture");
    assert_eq!(error.to_string(), "no QR code can be read in the picture of 320 x 240 pixels");
}

#[test]
fn damaged_pictures_are_refused_or_still_read_right() {
    let mut rng = SeededRandom::new([44; 32]);
    let mut draw = |below: usize| {
        let mut bytes = [0; 8];
        rng.fill(&mut bytes);
        usize::try_from(u64::from_be_bytes(bytes) % below as u64).unwrap()
    };
    for name in ["screenshot.png", "nothing.jpg", "code.jpg"] {
        let whole = picture(name);
        for round in 0..60 {
            let mut bad = whole.clone();
            if round % 2 == 0 {
                bad.truncate(draw(whole.len()));
            }
            for _ in 0..=round / 10 {
                if !bad.is_empty() {
                    let at = draw(bad.len());
                    bad[at] ^= 1 << draw(8);
                }
            }
            if let Ok(texts) = read_picture(&bad) {
                let right = texts.iter().all(|text| text == b"07123456789012345667");
                assert!(right, "{name}, round {round}: {texts:?}");
            }
        }
    }
}

#[cfg(feature = "store")]
#[test]
fn pictures_of_other_things_are_told_apart() {
    use scrip::qr::{Drawing, Strength};
    let drawn = |text: &str| Drawing::new(text, Strength::High).unwrap().png();
    let number = unread(&drawn(&medium().to_string()));
    let words = "the QR code says the number of medium 482109376527, not a top-up";
    assert_eq!((number.name(), number.to_string().as_str()), ("not-a-topup", words));
    assert_eq!(unread(&drawn("https://example.org/")).name(), "not-a-topup");
    let owner = Owner::new();
    let text = voucher_text(&owner.voucher(|_| {}));
    assert_eq!(unread(&drawn(&text[..text.len() / 2])).name(), "damaged-voucher");
    let whole = read_given(&Drawing::new(&text, Strength::Low).unwrap().png()).unwrap();
    assert!(whole == carried(owner.voucher(|_| {})));
}

#[test]
fn what_is_no_topup_says_so() {
    let owner = Owner::new();
    let file = owner.voucher(|_| {});
    let bytes = file.encode();
    let cases: [(&[u8], &str, Exit); 8] = [
        (b"0712 3456 7890", "incomplete", Exit::Refusal),
        (b"0712 3456 7890 1234 5667 8", "too-long", Exit::Refusal),
        (b"hello", "not-a-code", Exit::Refusal),
        (b"SCRIP:AAAA", "damaged-voucher", Exit::Damage),
        (&bytes[..bytes.len() - 1], "damaged-voucher", Exit::Damage),
        (&file.voucher.0, "bare-voucher", Exit::Refusal),
        (b"\xff\xfe\x00", "not-a-topup", Exit::Refusal),
        (b"\x89PNG\r\n\x1a\n", "unreadable-picture", Exit::Damage),
    ];
    for (given, name, exit) in cases {
        let error = unread(given);
        assert_eq!((error.name(), Exit::from(&error)), (name, exit), "{error}");
    }
    let code = owner.code(medium(), NEW, 0);
    let wide: String = code
        .printed()
        .chars()
        .map(|c| c.to_digit(10).map_or('　', |digit| char::from_u32(0xff10 + digit).unwrap()))
        .collect();
    assert!(read_given(wide.as_bytes()) == read_typed(&code.plain()), "{wide}");
}
