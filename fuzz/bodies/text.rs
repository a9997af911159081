//! Texts: recipes, start pages, typed codes, numbers.

use std::path::{Component, Path};
use std::sync::OnceLock;

use scrip::device::{Check, DeviceNumber, Hardware, Protection, Scrub, UsbDevice};
use scrip::image::recipe::Recipe;
use scrip::image::startpage::{Facts, fill};
use scrip::qr::is_picture;
use scrip::records::Place;
use scrip::units::{Amount, Currency, CurrencyForm, MediumId, StoreId};
use scrip::voucher::code::{CodeDigits, TypedCode};
use scrip::voucher::repair::candidates;
use scrip::voucher::voucher_text;
use scrip::wallet::{Entry, read_given, read_typed};

const STARTER: &str = include_str!("../../images/starter/recipe.toml");

/// A recipe's text.
pub fn recipe(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Recipe::parse(Path::new("images/sample/recipe.toml"), text) {
        Ok(recipe) => {
            assert!(recipe.edition_name().starts_with(&recipe.name));
            for item in &recipe.items {
                let inside = |part| matches!(part, Component::Normal(_));
                assert!(Path::new(&item.path).components().all(inside), "{}", item.path);
            }
            let files = recipe.files.components();
            assert!(files.into_iter().all(|part| part != Component::ParentDir));
        }
        Err(error) => {
            let shown = error.to_string();
            assert!(!shown.contains(char::is_control), "{shown:?}");
            assert!(shown.len() < 4_096, "{} bytes", shown.len());
        }
    }
}

/// A start page that is filled in from the starter's recipe.
pub fn start_page(data: &[u8]) {
    static RECIPE: OnceLock<Recipe> = OnceLock::new();
    let recipe = RECIPE.get_or_init(|| {
        Recipe::parse(Path::new("images/starter/recipe.toml"), STARTER).expect("the starter's")
    });
    let facts = Facts {
        players: vec![Some(5 << 20); recipe.players.len()],
        items: vec![12_345; recipe.items.len()],
        sealed: vec![true; recipe.items.len()],
    };
    if let Ok(page) = fill(data, recipe, &facts) {
        assert!(page == data || page.len() > data.len() / 2);
        assert!(std::str::from_utf8(&page).is_ok());
    }
}

/// A code as an owner types it.
pub fn typed_code(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(typed) = CodeDigits::read(text) else {
        assert!(text.parse::<TypedCode>().is_err());
        return;
    };
    if let Ok(code) = typed.code() {
        assert!(code.printed().parse::<TypedCode>() == Ok(code.clone()));
        assert!(code.digits() == typed);
    }
    let found = candidates(typed);
    assert!(found.len() < 1_000, "{} candidates", found.len());
    assert!(found.iter().all(|candidate| candidate.code.digits() != typed));
}

/// A file that an owner gives to top up: a voucher or text.
pub fn topup_entry(data: &[u8]) {
    if !is_picture(data) {
        given(data);
    }
}

/// A picture that an owner gives to top up: these take a thousand times as long.
pub fn topup_picture(data: &[u8]) {
    if is_picture(data) {
        given(data);
    }
}

fn given(data: &[u8]) {
    match read_given(data) {
        Ok(Entry::Code(digits)) => {
            let code = digits.code().map(|code| code.printed());
            assert!(code.is_err() || read_typed(&code.unwrap()) == Ok(Entry::Code(digits)));
        }
        Ok(Entry::Voucher(file)) => {
            assert!(read_typed(&voucher_text(&file)) == Ok(Entry::Voucher(file)));
        }
        Err(error) => assert!(!error.to_string().contains(char::is_control), "{error}"),
    }
}

/// Numbers, amounts, names and addresses that people or kernels write.
pub fn units(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(medium) = text.parse::<MediumId>() {
        assert_eq!(medium.grouped().parse(), Ok(medium));
    }
    if let Ok(store) = text.parse::<StoreId>() {
        assert_eq!(store.to_string().parse(), Ok(store));
    }
    if let Ok(currency) = text.parse::<Currency>() {
        assert_eq!(currency.code(), text);
    }
    for code in ["JPY", "EUR", "KWD", "CLF"] {
        amount(CurrencyForm::usual(code.parse().expect("a currency")), text);
    }
    if let Ok(number) = text.parse::<DeviceNumber>() {
        assert_eq!(number.to_string().parse::<DeviceNumber>().ok(), Some(number));
    }
    if let Ok(check) = text.parse::<Check>() {
        assert_eq!(check.name(), text);
    }
    let _ = text.parse::<Scrub>();
    place(text);
    let _ = Protection::from_csd(text);
    let card = Hardware::sd_card(text).to_string();
    assert!(!card.contains(char::is_control));
    let usb = UsbDevice { serial: Some(text.to_owned()), ..UsbDevice::default() };
    let stick = Hardware::usb_stick(&usb, text, 1).to_string();
    assert!(!stick.contains(char::is_control));
}

fn amount(form: CurrencyForm, text: &str) {
    if let Ok(amount) = form.parse(text) {
        let shown = form.show(amount);
        let number = shown.strip_suffix(form.currency().code()).unwrap_or(&shown);
        assert_eq!(form.parse(number.trim_end()), Ok(amount));
        assert_eq!(Amount::from_minor(amount.minor()), Ok(amount));
    }
}

/// What a records' address shows doesn't hang on its password.
fn place(text: &str) {
    let Ok(place) = text.parse::<Place>() else { return };
    let Place::Server(config) = &place else { return };
    let mut other = config.clone();
    other.password("another");
    assert_eq!(place.to_string(), Place::Server(other).to_string());
}
