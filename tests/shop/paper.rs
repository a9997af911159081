//! What is handed over at the counter, read by others: QR codes by zbar, drawings by librsvg.

use std::fs;
use std::path::Path;
use std::process::Command;

use scrip::qr::read_picture;

use super::tool::Desk;

/// What a program prints; what is missing is installed by the test command.
fn printed(program: &str, args: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(args).output();
    let output = output.unwrap_or_else(|error| {
        panic!("{program}: {error}: sudo apt-get install zbar-tools librsvg2-bin")
    });
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {told}");
    output.stdout
}

/// The text of the one QR code in a picture, as an independent reader sees it.
fn scanned(picture: &str) -> String {
    let said = printed("zbarimg", &["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", picture]);
    String::from_utf8(said).unwrap().trim_end().to_owned()
}

/// An SVG as pixels, on white paper.
fn rendered(desk: &Desk, svg: &str) -> String {
    let picture =
        desk.file(&format!("{}.png", Path::new(svg).file_stem().unwrap().to_str().unwrap()));
    printed(
        "rsvg-convert",
        &["--width", "800", "--background-color", "white", "-o", &picture, svg],
    );
    picture
}

/// The first SVG inside a page, as a file.
fn cut_out(desk: &Desk, page: &str, name: &str) -> String {
    let html = fs::read_to_string(page).unwrap();
    let start = html.find("<svg").expect("the page shows a QR code");
    let end = start + html[start..].find("</svg>").unwrap() + "</svg>".len();
    let file = desk.file(name);
    fs::write(&file, &html[start..end]).unwrap();
    file
}

#[test]
fn a_codes_qr_is_read_back_by_others_and_by_us() {
    let desk = Desk::stocked();
    let medium = desk.burnt();
    let [png, page] = ["code.png", "receipt.html"].map(|name| desk.file(name));
    let sold =
        desk.run(&["topup", &medium, "1000", "--qr", &png, "--page", &page, "--json"]).result();
    let code = sold["code"].as_str().unwrap();
    let digits = code.replace('-', "");
    assert_eq!(scanned(&png), digits);
    assert_eq!(read_picture(&fs::read(&png).unwrap()), Ok(vec![digits.clone().into_bytes()]));
    let svg = desk.file("drawn.svg");
    assert_eq!(desk.run(&["receipt", &sold["receipt"].to_string(), "--qr", &svg]).exit, 0);
    assert_eq!(scanned(&rendered(&desk, &svg)), digits);
    let shown = cut_out(&desk, &page, "shown.svg");
    assert_eq!(scanned(&rendered(&desk, &shown)), digits);
    let html = fs::read_to_string(&page).unwrap();
    for part in [code, "¥1,000", "Kiosk", "type the 20 digits", "20桁の数字を入力", "lang=\"ja\""]
    {
        assert!(html.contains(part), "{part}");
    }
    assert!(
        !html.contains("src=")
            && !html.contains("url(")
            && !html.contains("http://www.w3.org/1999/xlink")
    );
}

#[test]
fn a_vouchers_qr_holds_all_of_it() {
    let desk = Desk::stocked();
    let medium = desk.burnt();
    let [file, png, page] = ["v.voucher", "v.png", "v.html"].map(|name| desk.file(name));
    let args = ["topup", &medium, "500", "--voucher", &file, "--qr", &png, "--page", &page];
    let sold = desk.run(&args);
    assert_eq!(sold.exit, 0, "{}", sold.err);
    let bytes = fs::read(&file).unwrap();
    let carried = |text: &str| {
        use scrip::format::Object;
        scrip::voucher::read_voucher_text(text).unwrap().encode()
    };
    assert_eq!(carried(&scanned(&png)), bytes);
    let ours = read_picture(&fs::read(&png).unwrap()).unwrap();
    assert_eq!(carried(std::str::from_utf8(&ours[0]).unwrap()), bytes);
    let shown = cut_out(&desk, &page, "shown.svg");
    assert_eq!(carried(&scanned(&rendered(&desk, &shown))), bytes);
}

#[test]
fn what_was_taken_back_shows_no_code_on_its_page() {
    let desk = Desk::stocked();
    let medium = desk.burnt();
    let sold = desk.run(&["topup", &medium, "1000", "--json"]).result();
    let seq = sold["receipt"].to_string();
    assert_eq!(desk.run(&["void", &seq]).exit, 0);
    let page = desk.file("void.html");
    assert_eq!(desk.run(&["receipt", &seq, "--page", &page]).exit, 0);
    let html = fs::read_to_string(&page).unwrap();
    assert!(
        html.contains("Taken back by receipt 3") && !html.contains(sold["code"].as_str().unwrap())
    );
    let qr = desk.file("void.png");
    let back = desk.run(&["receipt", &seq, "--qr", &qr]);
    assert_eq!((back.exit, Path::new(&qr).exists()), (5, false));
    assert!(back.err.contains("receipt 2 was taken back by receipt 3"), "{}", back.err);
    let none = desk.run(&["receipt", "3", "--qr", &qr]);
    assert_eq!(none.exit, 5);
    assert!(none.err.contains("receipt 3, \"voided\", has no code or voucher"), "{}", none.err);
}

#[test]
fn a_labels_qr_is_its_mediums_number() {
    use scrip::shop::labels::{Label, labels_page};
    let desk = Desk::stocked();
    let medium: scrip::units::MediumId = desk.burnt().parse().unwrap();
    let label = Label {
        medium,
        place: 1,
        edition: "Starter",
        store: "Kiosk",
        root: desk.folder.issuer.root().fingerprint(),
        password: "abcd-efgh-jkmn",
    };
    let page = desk.file("labels.html");
    fs::write(&page, labels_page(&[label])).unwrap();
    let shown = cut_out(&desk, &page, "label.svg");
    assert_eq!(scanned(&rendered(&desk, &shown)), medium.to_string());
}
