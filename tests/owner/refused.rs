//! Top-ups and purchases that are refused: each by its name, with both values, and without a trace.

use scrip::format::Object;
use scrip::format::edition::Catalogue;
use scrip::format::field::Bytes;
use scrip::format::policy::{Policy, Revocation, RevokedStore, UnsoldSlots};
use scrip::format::sheet::{Voucher, VoucherFile};
use scrip::image::layout::CATALOGUE_PATH;
use scrip::trust::sign;
use scrip::units::{MediumId, StoreId};
use scrip::voucher::voucher_id;

use super::bench::Bench;
use super::{SERIAL, code};
use crate::world::{Sample, World, at, files, item, minor, policy, sealed_as, shape, stamped, yen};

/// A medium that its owner logged in to, as an image and as directories.
fn both(sample: &Sample) -> [Bench; 2] {
    let both = [Bench::of(sample), Bench::directories_of(sample)];
    for bench in &both {
        bench.login().says(0, "is yours now");
    }
    both
}

/// A voucher's file by the world's store, for the sample's medium.
pub(super) fn voucher(world: &World, change: impl FnOnce(&mut Voucher)) -> Vec<u8> {
    let store = StoreId::from_number(7).unwrap();
    let mut voucher = Voucher {
        id: voucher_id(store, 5),
        medium: MediumId::from_serial(SERIAL),
        amount: minor(700),
        currency: yen(),
        store,
        serial: 5,
        issued: at(20),
        expires: at(0).plus_days(300),
    };
    change(&mut voucher);
    let signed = Bytes(sign(&world.store, &voucher));
    VoucherFile { voucher: signed, chain: world.store_chain.clone() }.encode()
}

/// A medium whose catalogue offers items at these prices.
pub(super) fn shop(offers: &[(&str, u64)]) -> Sample {
    let items = offers.iter().map(|(id, price)| item(id, *price)).collect();
    let mut files = files();
    let catalogue = Catalogue { currency: yen(), items, secret: None };
    files.0.push((CATALOGUE_PATH.to_owned(), catalogue.encode()));
    let world = World::new();
    let (sealed, edition) = sealed_as(&world, shape(), &files);
    let stamped = stamped(&world, &sealed, &edition, SERIAL);
    Sample { sealed, edition, stamped }
}

/// The arguments of a top-up.
pub(super) fn topup(entry: &str) -> [&str; 4] {
    ["topup", entry, "--password-file", "own"]
}

#[test]
fn codes_and_vouchers_of_other_media_are_refused_by_number() {
    let world = World::new();
    let number = MediumId::from_serial(SERIAL).grouped();
    for bench in both(&Sample::new(SERIAL)) {
        let foreign = code(SERIAL + 1, 0);
        let words = ["not a code of this medium", &number, "hint: where the number is this one"];
        bench.refuses(&topup(&foreign), 5, &words);
        let other = MediumId::from_serial(SERIAL + 1);
        bench.put("other.voucher", voucher(&world, |voucher| voucher.medium = other));
        bench.refuses(&topup("other.voucher"), 5, &["not a voucher of this medium", &number]);
        assert_eq!(bench.balance(), "500");
    }
}

#[test]
fn another_currency_is_refused_by_both_names() {
    let world = World::new();
    for bench in both(&Sample::new(SERIAL)) {
        let euro = voucher(&world, |voucher| voucher.currency = "EUR".parse().unwrap());
        bench.put("euro.voucher", euro);
        bench.refuses(&topup("euro.voucher"), 5, &["in EUR, this medium holds JPY"]);
    }
}

#[test]
fn forged_vouchers_are_damage_not_refusal() {
    let world = World::new();
    for bench in both(&Sample::new(SERIAL)) {
        bench.put("dear.voucher", voucher(&world, |voucher| voucher.amount = minor(1_001)));
        bench.refuses(&topup("dear.voucher"), 3, &["not genuine", "1001", "1000"]);
        bench.put("late.voucher", voucher(&world, |voucher| voucher.serial = 1_001));
        bench.refuses(&topup("late.voucher"), 3, &["not genuine"]);
        bench.put("stranger.voucher", voucher(&World::of(9), |_| {}));
        bench.refuses(&topup("stranger.voucher"), 3, &["not genuine"]);
        let mut flipped = voucher(&world, |_| {});
        flipped[90] ^= 1;
        bench.put("flipped.voucher", flipped);
        bench.refuses(&topup("flipped.voucher"), 3, &["not genuine"]);
    }
}

#[test]
fn more_than_the_policy_allows_is_refused_by_both_sums() {
    let small = Policy { balance_max: minor(1_200), topup_max: minor(600), ..policy() };
    let world = World::new().under(&small);
    for bench in both(&Sample::of(&world, SERIAL)) {
        bench.put("big.voucher", voucher(&world, |_| {}));
        let words = ["¥700 would make ¥700, above the largest top-up, ¥600"];
        bench.refuses(&topup("big.voucher"), 5, &words);
        bench.topup(&bench.code(0)).says(0, "Balance: ¥1,000");
        let words = ["¥500 would make ¥1,500, above the largest balance, ¥1,200"];
        bench.refuses(&topup(&bench.code(1)), 5, &words);
        bench.refuses(&["topup", &bench.code(1), "--dry-run"], 5, &words);
        assert_eq!(bench.balance(), "1000");
    }
}

/// Slot 5 was never sold by a store that was robbed; the medium carries the list that says so.
#[test]
fn a_code_that_a_robbed_store_never_sold_is_refused_by_its_list() {
    let mut slots = [0; 13];
    slots[0] = 1 << 5;
    let unsold = UnsoldSlots { sheet: [4; 16], slots };
    let robbed = RevokedStore {
        store: StoreId::from_number(7).unwrap(),
        serial_cut: 4,
        head: None,
        unsold: vec![unsold],
        kits: vec![],
    };
    let list = Revocation {
        number: 3,
        issued: at(30),
        media: vec![],
        sheets: vec![],
        stores: vec![robbed],
    };
    let world = World::new().revoking(&list);
    for bench in both(&Sample::of(&world, SERIAL)) {
        bench.refuses(&topup(&bench.code(5)), 5, &["slot 5 of this sheet is revoked by list 3"]);
        bench.put("stolen.voucher", voucher(&world, |_| {}));
        let words = ["voucher 5 of store 7 is above the cut 4 of list 3"];
        bench.refuses(&topup("stolen.voucher"), 5, &words);
        bench.topup(&bench.code(4)).says(0, "Balance: ¥1,000");
    }
}

#[test]
fn a_purchase_says_how_much_is_missing() {
    for bench in both(&shop(&[("fair", 500), ("dear", 501)])) {
        let buy = |item| ["buy", item, "--password-file", "own"];
        let words = ["dear costs ¥501, ¥500 may be spent: ¥1 are missing"];
        bench.refuses(&buy("dear"), 5, &words);
        bench.refuses(&buy("none"), 5, &["no item \"none\""]);
        bench.run(&buy("fair")).says(0, "Paid: ¥500");
    }
}

#[test]
fn what_is_no_medium_is_named() {
    let bench = Bench::image();
    bench.put("zeros.img", vec![0; 3 << 20]);
    bench.put("text.txt", "no medium");
    std::fs::create_dir(bench.folder.path().join("empty")).unwrap();
    for (medium, exit, words) in [
        ("zeros.img", 3, "this is no medium"),
        ("text.txt", 3, "this is no medium"),
        ("empty", 2, "0 read-only areas are mounted here"),
        ("vanished", 4, "vanished: there is no such file or device"),
    ] {
        for verb in [&["balance"][..], &["info"], &topup(&bench.code(0))] {
            let arguments = [&["--medium", medium], verb].concat();
            let told = super::bench::answer(&mut bench.command("scrip-wallet", &arguments));
            told.says(exit, words);
        }
    }
}

#[cfg(feature = "store")]
#[test]
fn a_picture_of_a_code_tops_up_once_and_one_of_another_medium_never() {
    use scrip::qr::{Drawing, Strength};
    for bench in both(&Sample::new(SERIAL)) {
        let picture = |name: &str, code: &str| {
            let digits: String = code.chars().filter(char::is_ascii_digit).collect();
            bench.put(name, Drawing::new(&digits, Strength::High).unwrap().png());
        };
        picture("own.png", &bench.code(0));
        picture("foreign.png", &code(SERIAL + 1, 0));
        bench.put("blank.png", std::fs::read("tests/pictures/nothing.jpg").unwrap());
        bench.refuses(&topup("foreign.png"), 5, &["not a code of this medium"]);
        bench.refuses(&topup("blank.png"), 5, &["blank.png", "no QR code can be read"]);
        bench.run(&topup("own.png")).says(0, "Balance: ¥1,000");
        bench.run(&topup("own.png")).says(0, "Already added: ¥500");
        assert_eq!(bench.balance(), "1000");
    }
}
