//! What a store has and had: a fold of its journal over the blanks of its kits.
//!
//! [`Books::check`] is the only place that says what an entry may do; reading a journal and adding
//! to it both go through it, so what was written can always be read again.

use std::collections::{BTreeMap, HashMap};

use super::refusal::Refusal;
use crate::format::sheet::{Sheet, SheetId, StockedCode};
use crate::format::store::{StoreEntry, StoreEvent, Value};
use crate::trust::Verified;
use crate::units::{Amount, MediumId};

/// How far a medium has come; the number is the sequence of the entry that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// In a kit, nothing done with it.
    Blank,
    /// A burn began.
    Begun(u64),
    /// Burnt, on the shelf.
    Burnt(u64),
    /// Sold.
    Sold(u64),
    /// The burn was given up; never used again.
    Abandoned(u64),
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Blank => write!(f, "blank"),
            Self::Begun(seq) => write!(f, "being burnt since entry {seq}"),
            Self::Burnt(seq) => write!(f, "burnt by entry {seq}"),
            Self::Sold(seq) => write!(f, "sold by entry {seq}"),
            Self::Abandoned(seq) => write!(f, "given up by entry {seq}"),
        }
    }
}

/// What became of a code; the number is the sequence of the entry that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeState {
    /// May be sold.
    InStock,
    /// Sold to the owner.
    Sold(u64),
    /// Put on the medium by its burn.
    Spent(u64),
    /// Sold and taken back; its digits were seen, so it never goes back into stock.
    Voided(u64),
}

impl std::fmt::Display for CodeState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InStock => write!(f, "in stock"),
            Self::Sold(seq) => write!(f, "sold by entry {seq}"),
            Self::Spent(seq) => write!(f, "spent by entry {seq}"),
            Self::Voided(seq) => write!(f, "taken back by entry {seq}"),
        }
    }
}

/// A code that a kit gave to this store.
#[derive(Debug)]
pub struct Code {
    /// Its sheet.
    pub sheet: SheetId,
    /// Slot and secret.
    pub stocked: StockedCode,
    /// What it credits.
    pub amount: Amount,
    /// What became of it.
    pub state: CodeState,
}

/// A medium of an accepted kit.
#[derive(Debug)]
pub struct StockedMedium {
    /// Its verified first sheet, which names its number.
    pub sheet: Verified<Sheet>,
    /// Its further sheets, which came in later kits.
    pub further: Vec<Verified<Sheet>>,
    /// The store's codes, in the kit's order.
    pub codes: Vec<Code>,
    /// How far it has come.
    pub stage: Stage,
}

impl StockedMedium {
    /// All its sheets.
    pub fn sheets(&self) -> impl Iterator<Item = &Verified<Sheet>> {
        [&self.sheet].into_iter().chain(&self.further)
    }

    /// Its first code of this amount that is in stock.
    pub fn code(&self, amount: Amount) -> Option<&Code> {
        self.codes.iter().find(|code| code.state == CodeState::InStock && code.amount == amount)
    }

    /// What it has in stock: how many codes of each amount.
    pub fn stock(&self) -> BTreeMap<Amount, u32> {
        let mut stock = BTreeMap::new();
        for code in self.codes.iter().filter(|code| code.state == CodeState::InStock) {
            *stock.entry(code.amount).or_default() += 1;
        }
        stock
    }
}

/// A sale that `void` can take back.
#[derive(Debug, Clone)]
struct Sale {
    event: StoreEvent,
    medium: MediumId,
    slot: Option<(SheetId, u8)>,
    voided_by: Option<u64>,
}

/// The stages in which a step is allowed.
#[derive(Clone, Copy)]
struct Needs {
    words: &'static str,
    fits: fn(Stage) -> bool,
}

const BLANK: Needs = Needs { words: "blank", fits: |stage| stage == Stage::Blank };
const BEGUN: Needs = Needs { words: "being burnt", fits: |stage| matches!(stage, Stage::Begun(_)) };
const BURNT: Needs =
    Needs { words: "burnt and not sold", fits: |stage| matches!(stage, Stage::Burnt(_)) };
const BURNT_OR_SOLD: Needs = Needs {
    words: "burnt or sold",
    fits: |stage| matches!(stage, Stage::Burnt(_) | Stage::Sold(_)),
};

/// What a store has and had.
#[derive(Debug, Default)]
pub struct Books {
    media: Vec<StockedMedium>,
    places: HashMap<MediumId, usize>,
    sales: BTreeMap<u64, Sale>,
    serial: Option<u64>,
    vouchers: u128,
    vouchers_sold: u64,
}

/// What an entry changes; made by [`Books::check`] alone.
#[derive(Debug)]
pub struct Change {
    seq: u64,
    stage: Option<(usize, Stage)>,
    code: Option<(usize, usize, CodeState)>,
    sale: Option<Sale>,
    voids: Option<u64>,
    voucher: Option<(u64, Amount)>,
}

impl Books {
    /// Add a medium of a kit, as a blank, or a further sheet of one that is known; the sheet must be
    /// new.
    pub fn stock(&mut self, mut medium: StockedMedium) -> Result<(), MediumId> {
        let number = medium.sheet.medium;
        let Some(place) = self.places.get(&number) else {
            self.places.insert(number, self.media.len());
            self.media.push(medium);
            return Ok(());
        };
        let known = &mut self.media[*place];
        if known.sheets().any(|sheet| sheet.id == medium.sheet.id) {
            return Err(number);
        }
        // Kits are read in any order: the first sheet is the one that was issued first.
        if medium.sheet.issued < known.sheet.issued {
            std::mem::swap(&mut known.sheet, &mut medium.sheet);
            std::mem::swap(&mut known.codes, &mut medium.codes);
        }
        known.further.push(medium.sheet);
        known.codes.append(&mut medium.codes);
        Ok(())
    }

    /// Every medium, in the order of the kits.
    pub fn media(&self) -> &[StockedMedium] {
        &self.media
    }

    /// A medium by its number.
    pub fn medium(&self, number: MediumId) -> Result<&StockedMedium, Refusal> {
        self.place(number).map(|place| &self.media[place])
    }

    /// The last voucher serial, if there is one.
    pub fn last_serial(&self) -> Option<u64> {
        self.serial
    }

    /// How many vouchers were sold, those taken back included.
    pub fn vouchers_sold(&self) -> u64 {
        self.vouchers_sold
    }

    /// What they add up to, minor units.
    pub fn vouchers_sum(&self) -> u128 {
        self.vouchers
    }

    /// What all codes of all kits and all vouchers add up to, minor units; nothing is taken off
    /// for what was taken back, since its digits or bytes were seen.
    pub fn handed_out(&self) -> u128 {
        let codes = self.media.iter().flat_map(|medium| &medium.codes);
        self.vouchers + codes.map(|code| u128::from(code.amount.minor())).sum::<u128>()
    }

    /// The entry that took this one back.
    pub fn voided_by(&self, seq: u64) -> Option<u64> {
        self.sales.get(&seq)?.voided_by
    }

    /// What an entry would change, or why it may not stand in the journal.
    pub fn check(&self, entry: &StoreEntry) -> Result<Change, Refusal> {
        match entry.event {
            StoreEvent::Begun => self.step(entry, BLANK, Stage::Begun),
            StoreEvent::Abandoned => self.step(entry, BEGUN, Stage::Abandoned),
            StoreEvent::Burnt if entry.burn.is_none() => incomplete(entry, "a burn record"),
            StoreEvent::Burnt => self.step(entry, BEGUN, Stage::Burnt),
            StoreEvent::Spent => self.code(entry, BEGUN, CodeState::Spent(entry.seq)),
            StoreEvent::CodeSold => {
                let change = self.code(entry, BURNT_OR_SOLD, CodeState::Sold(entry.seq))?;
                Ok(change.with_sale(entry))
            }
            StoreEvent::Sold => self.sale(entry),
            StoreEvent::VoucherSold => self.voucher(entry),
            StoreEvent::Voided => self.void(entry),
            StoreEvent::Refreshed => Ok(Change::none(entry)),
        }
    }

    /// Make a change that was checked against these very books.
    pub fn apply(&mut self, change: Change) {
        if let Some((place, stage)) = change.stage {
            self.media[place].stage = stage;
        }
        if let Some((place, code, state)) = change.code {
            self.media[place].codes[code].state = state;
        }
        if let Some(sale) = change.sale {
            self.sales.insert(change.seq, sale);
        }
        if let Some(sale) = change.voids.and_then(|seq| self.sales.get_mut(&seq)) {
            sale.voided_by = Some(change.seq);
        }
        if let Some((serial, amount)) = change.voucher {
            self.serial = Some(serial);
            self.vouchers += u128::from(amount.minor());
            self.vouchers_sold += 1;
        }
    }

    fn place(&self, number: MediumId) -> Result<usize, Refusal> {
        self.places.get(&number).copied().ok_or(Refusal::UnknownMedium(number))
    }

    /// The medium's place, if its stage is one that is needed.
    fn at_stage(&self, medium: MediumId, needs: Needs) -> Result<usize, Refusal> {
        let place = self.place(medium)?;
        let stage = self.media[place].stage;
        if (needs.fits)(stage) {
            return Ok(place);
        }
        Err(Refusal::Stage { medium, found: stage.to_string(), needed: needs.words })
    }

    fn step(
        &self,
        entry: &StoreEntry,
        needs: Needs,
        to: fn(u64) -> Stage,
    ) -> Result<Change, Refusal> {
        let place = self.at_stage(entry.medium, needs)?;
        Ok(Change { stage: Some((place, to(entry.seq))), ..Change::none(entry) })
    }

    fn code(&self, entry: &StoreEntry, needs: Needs, to: CodeState) -> Result<Change, Refusal> {
        let place = self.at_stage(entry.medium, needs)?;
        let Some(Value { amount, currency, sheet: Some(sheet), slot: Some(slot), serial: None }) =
            entry.value
        else {
            return incomplete(entry, "amount, currency, sheet and slot");
        };
        let medium = &self.media[place];
        let fault = |found: String| Refusal::Slot {
            medium: entry.medium,
            slot,
            sheet: data_encoding::HEXLOWER.encode(&sheet),
            found,
        };
        let of_currency = medium.sheet.currency == currency;
        let is_it = |code: &Code| of_currency && code.sheet == sheet && code.stocked.slot == slot;
        let number = medium.codes.iter().position(is_it);
        let number = number.ok_or_else(|| fault("not this store's".to_owned()))?;
        let code = &medium.codes[number];
        if code.state != CodeState::InStock {
            return Err(fault(code.state.to_string()));
        }
        if code.amount != amount {
            return Err(fault(format!("worth {}, not {}", code.amount.minor(), amount.minor())));
        }
        Ok(Change { code: Some((place, number, to)), ..Change::none(entry) })
    }

    fn sale(&self, entry: &StoreEntry) -> Result<Change, Refusal> {
        let step = self.step(entry, BURNT, Stage::Sold)?;
        let code = match entry.value {
            Some(_) => self.code(entry, BURNT, CodeState::Sold(entry.seq))?.code,
            None => None,
        };
        Ok(Change { code, ..step }.with_sale(entry))
    }

    fn voucher(&self, entry: &StoreEntry) -> Result<Change, Refusal> {
        let Some(Value { amount, serial: Some(serial), sheet: None, slot: None, .. }) = entry.value
        else {
            return incomplete(entry, "amount, currency and serial");
        };
        let first = self.serial.map_or(0, |last| last.saturating_add(1));
        if serial < first || self.serial == Some(serial) {
            return Err(Refusal::Serial { found: serial, first, last: u64::MAX });
        }
        Ok(Change { voucher: Some((serial, amount)), ..Change::none(entry) }.with_sale(entry))
    }

    fn void(&self, entry: &StoreEntry) -> Result<Change, Refusal> {
        let Some(seq) = entry.voids else {
            return incomplete(entry, "the entry that it takes back");
        };
        let no_sale = || Refusal::NotVoidable { seq, what: "no sale".to_owned() };
        let sale = self.sales.get(&seq).ok_or_else(no_sale)?;
        if let Some(by) = sale.voided_by {
            return Err(Refusal::AlreadyVoided { seq, by });
        }
        if sale.medium != entry.medium {
            let what = format!("{} of medium {}", sale.event, sale.medium);
            return Err(Refusal::NotVoidable { seq, what });
        }
        let mut change = Change { voids: Some(seq), ..Change::none(entry) };
        if sale.event == StoreEvent::Sold {
            let place = self.place(sale.medium)?;
            change.stage = Some((place, Stage::Burnt(entry.seq)));
        }
        if let Some((sheet, slot)) = sale.slot {
            let place = self.place(sale.medium)?;
            let is_it = |code: &Code| code.sheet == sheet && code.stocked.slot == slot;
            let code = self.media[place].codes.iter().position(is_it);
            change.code = code.map(|code| (place, code, CodeState::Voided(entry.seq)));
        }
        Ok(change)
    }
}

impl Change {
    fn none(entry: &StoreEntry) -> Self {
        let seq = entry.seq;
        Self { seq, stage: None, code: None, sale: None, voids: None, voucher: None }
    }

    fn with_sale(mut self, entry: &StoreEntry) -> Self {
        let value = entry.value.as_ref();
        let slot = value.and_then(|value| value.sheet.zip(value.slot));
        let (event, medium) = (entry.event, entry.medium);
        self.sale = Some(Sale { event, medium, slot, voided_by: None });
        self
    }
}

fn incomplete(entry: &StoreEntry, needed: &'static str) -> Result<Change, Refusal> {
    Err(Refusal::Incomplete { event: entry.event.word(), needed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::sign::SecretKey;
    use crate::format::field::Bytes;
    use crate::format::sheet::{Run, SecretDigits};
    use crate::format::store::Burn;
    use crate::trust::{sign, verify};
    use crate::units::{Currency, StoreId, Timestamp};

    const SHEET: SheetId = [3; 16];

    fn amount(minor: u64) -> Amount {
        Amount::from_minor(minor).unwrap()
    }

    fn jpy() -> Currency {
        "JPY".parse().unwrap()
    }

    fn number(serial: u64) -> MediumId {
        MediumId::from_serial(serial)
    }

    /// A medium with slots 0 and 1 worth 1,000 and slot 2 worth 3,000, all of them in stock.
    fn medium(serial: u64) -> StockedMedium {
        let runs =
            vec![Run { count: 2, amount: amount(1000) }, Run { count: 1, amount: amount(3000) }];
        let sheet = Sheet {
            id: SHEET,
            medium: number(serial),
            currency: jpy(),
            rounds: 1,
            runs,
            commitments: Bytes(vec![0; 48]),
            issued: Timestamp::from_seconds(0).unwrap(),
        };
        let issuer = SecretKey::from_seed([1; 32]);
        let sheet = verify::<Sheet>(&sign(&issuer, &sheet), &issuer.public()).unwrap();
        let code = |slot| Code {
            sheet: SHEET,
            stocked: StockedCode {
                slot,
                secret: SecretDigits::from_ascii(*b"1234567890123456").unwrap(),
            },
            amount: sheet.amount(slot).unwrap(),
            state: CodeState::InStock,
        };
        let codes = vec![code(0), code(1), code(2)];
        StockedMedium { codes, sheet, further: vec![], stage: Stage::Blank }
    }

    /// The same medium on another sheet, issued later.
    fn further(serial: u64) -> StockedMedium {
        let first = medium(serial);
        let issued = Timestamp::from_seconds(9).unwrap();
        let sheet = Sheet { id: [4; 16], issued, ..Sheet::clone(&first.sheet) };
        let key = SecretKey::from_seed([1; 32]);
        let sheet = verify::<Sheet>(&sign(&key, &sheet), &key.public()).unwrap();
        let codes = first.codes.into_iter().map(|code| Code { sheet: [4; 16], ..code });
        StockedMedium { codes: codes.collect(), sheet, further: vec![], stage: Stage::Blank }
    }

    #[test]
    fn a_further_sheet_adds_its_codes_whichever_kit_is_read_first() {
        for kits in [[medium(1), further(1)], [further(1), medium(1)]] {
            let mut books = Books::default();
            for kit in kits {
                books.stock(kit).unwrap();
            }
            let stocked = books.medium(number(1)).unwrap();
            assert_eq!((stocked.sheet.id, stocked.further[0].id), (SHEET, [4; 16]));
            assert_eq!(stocked.stock(), BTreeMap::from([(amount(1000), 4), (amount(3000), 2)]));
            assert_eq!(stocked.code(amount(3000)).unwrap().sheet, SHEET, "the older one's first");
            assert_eq!((books.media().len(), books.handed_out()), (1, 10_000));
            assert_eq!(books.stock(further(1)).unwrap_err(), number(1), "twice");
        }
    }

    fn books() -> Books {
        let mut books = Books::default();
        books.stock(medium(1)).unwrap();
        books.stock(medium(2)).unwrap();
        books
    }

    fn entry(seq: u64, event: StoreEvent, serial: u64) -> StoreEntry {
        StoreEntry {
            seq,
            prev: [0; 32],
            store: StoreId::from_number(7).unwrap(),
            at: Timestamp::from_seconds(0).unwrap(),
            event,
            medium: number(serial),
            burn: None,
            value: None,
            price: None,
            voids: None,
        }
    }

    fn burnt(seq: u64, serial: u64) -> StoreEntry {
        let burn = Burn {
            edition: [0; 32],
            certificate: [0; 32],
            root: [0; 32],
            target: "stick.img".to_owned(),
            hardware: None,
            label: None,
        };
        StoreEntry { burn: Some(burn), ..entry(seq, StoreEvent::Burnt, serial) }
    }

    fn code(slot: u8, minor: u64) -> Value {
        let (sheet, slot) = (Some(SHEET), Some(slot));
        Value { amount: amount(minor), currency: jpy(), sheet, slot, serial: None }
    }

    fn voucher(serial: u64) -> Value {
        let (sheet, slot) = (None, None);
        Value { amount: amount(500), currency: jpy(), sheet, slot, serial: Some(serial) }
    }

    fn enter(books: &mut Books, entry: &StoreEntry) {
        let change = books.check(entry).unwrap();
        books.apply(change);
    }

    fn refusal(books: &Books, entry: &StoreEntry) -> String {
        books.check(entry).unwrap_err().to_string()
    }

    #[test]
    fn a_number_goes_one_way_and_is_never_used_again() {
        let mut books = books();
        let begun = entry(0, StoreEvent::Begun, 1);
        assert!(
            refusal(&books, &burnt(0, 1)).ends_with("is blank; this needs one that is being burnt")
        );
        enter(&mut books, &begun);
        assert!(refusal(&books, &begun).contains("being burnt since entry 0"));
        assert!(
            refusal(&books, &entry(1, StoreEvent::Sold, 1)).contains("needs one that is burnt")
        );
        enter(&mut books, &burnt(1, 1));
        assert!(refusal(&books, &burnt(2, 1)).contains("burnt by entry 1"));
        assert!(refusal(&books, &begun).contains("burnt by entry 1"));
        enter(&mut books, &entry(2, StoreEvent::Sold, 1));
        assert!(refusal(&books, &entry(3, StoreEvent::Sold, 1)).contains("sold by entry 2"));
        enter(&mut books, &entry(3, StoreEvent::Begun, 2));
        enter(&mut books, &entry(4, StoreEvent::Abandoned, 2));
        assert!(refusal(&books, &entry(5, StoreEvent::Begun, 2)).contains("given up by entry 4"));
        let unknown = refusal(&books, &entry(5, StoreEvent::Begun, 3));
        assert_eq!(unknown, format!("medium {} is in no kit of this store", number(3)));
        let bare = entry(5, StoreEvent::Burnt, 1);
        assert_eq!(refusal(&books, &bare), "a \"burnt\" entry needs a burn record");
    }

    #[test]
    fn a_code_leaves_the_stock_once() {
        let mut books = books();
        let spend = StoreEntry { value: Some(code(0, 1000)), ..entry(1, StoreEvent::Spent, 1) };
        assert!(refusal(&books, &spend).contains("needs one that is being burnt"));
        enter(&mut books, &entry(0, StoreEvent::Begun, 1));
        enter(&mut books, &spend);
        assert!(refusal(&books, &spend).contains("is spent by entry 1"));
        enter(&mut books, &burnt(2, 1));
        let sell = |slot, minor| StoreEntry {
            value: Some(code(slot, minor)),
            ..entry(3, StoreEvent::CodeSold, 1)
        };
        assert!(refusal(&books, &sell(2, 1000)).contains("worth 3000, not 1000"));
        assert!(refusal(&books, &sell(9, 1000)).contains("is not this store's"));
        assert!(refusal(&books, &sell(0, 1000)).contains("is spent by entry 1"));
        enter(&mut books, &sell(1, 1000));
        assert!(refusal(&books, &sell(1, 1000)).contains("is sold by entry 3"));
        let stock = books.medium(number(1)).unwrap().stock();
        assert_eq!(stock, BTreeMap::from([(amount(3000), 1)]));
        assert!(books.medium(number(1)).unwrap().code(amount(1000)).is_none());
        let bare = entry(4, StoreEvent::CodeSold, 1);
        assert!(refusal(&books, &bare).contains("needs amount, currency, sheet and slot"));
    }

    #[test]
    fn what_is_taken_back_once_is_not_sold_again_except_a_medium() {
        let mut books = books();
        enter(&mut books, &entry(0, StoreEvent::Begun, 1));
        enter(&mut books, &burnt(1, 1));
        enter(
            &mut books,
            &StoreEntry { value: Some(code(0, 1000)), ..entry(2, StoreEvent::Sold, 1) },
        );
        let void = StoreEntry { voids: Some(2), ..entry(3, StoreEvent::Voided, 1) };
        let foreign = StoreEntry { medium: number(2), ..void.clone() };
        assert!(refusal(&books, &foreign).contains("which can't be taken back"));
        enter(&mut books, &void);
        assert_eq!(books.voided_by(2), Some(3));
        assert_eq!(refusal(&books, &void), "entry 2 was already taken back by entry 3");
        let code_state = books.medium(number(1)).unwrap().codes[0].state;
        assert_eq!(code_state, CodeState::Voided(3));
        enter(&mut books, &entry(4, StoreEvent::Sold, 1));
        let wrong = StoreEntry { voids: Some(0), ..entry(5, StoreEvent::Voided, 1) };
        assert_eq!(refusal(&books, &wrong), "entry 0 is \"no sale\", which can't be taken back");
    }

    #[test]
    fn voucher_serials_rise_and_count_against_the_quota() {
        let mut books = books();
        let codes = 2 * (1000 + 1000 + 3000);
        assert_eq!(books.handed_out(), codes);
        let sell = |seq, serial| StoreEntry {
            value: Some(voucher(serial)),
            ..entry(seq, StoreEvent::VoucherSold, 9)
        };
        enter(&mut books, &sell(0, 5));
        for serial in [0, 4, 5] {
            assert!(refusal(&books, &sell(1, serial)).contains("is not in 6 to"), "{serial}");
        }
        enter(&mut books, &sell(1, 8));
        let void = StoreEntry { voids: Some(1), ..entry(2, StoreEvent::Voided, 9) };
        enter(&mut books, &void);
        assert_eq!((books.last_serial(), books.handed_out()), (Some(8), codes + 1000));
    }

    #[test]
    fn a_number_is_stocked_once() {
        assert_eq!(books().stock(medium(2)), Err(number(2)));
    }
}
