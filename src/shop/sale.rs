//! Selling: media, codes, vouchers; and taking a sale back.

use std::collections::BTreeMap;

use super::books::Code;
use super::combine::combinations;
use super::enter::Draft;
use super::open::Shop;
use super::{Receipt, Refusal, ShopError};
use crate::format::field::Bytes;
use crate::format::sheet::{SheetId, VoucherFile};
use crate::format::store::{StoreEntry, StoreEvent, Value};
use crate::trust::Verified;
use crate::units::{Amount, CurrencyForm, MediumId, Timestamp};
use crate::voucher::code::TypedCode;
use crate::voucher::{VoucherSale, sign_voucher};

/// How long a voucher is good: it is sold to be used soon, and what it holds back is the quota.
pub const VOUCHER_DAYS: u64 = 365;

/// How many ways to make up a sum are offered.
const OFFERS_MAX: usize = 3;
/// Fewer codes of an amount than this are too few.
pub(super) const CODES_MIN: u32 = 5;

/// A code that left the stock.
#[derive(Clone, PartialEq, Eq)]
pub struct SoldCode {
    /// The entry that says so.
    pub seq: u64,
    /// The sheet that it opens a slot of.
    pub sheet: SheetId,
    /// What it credits.
    pub amount: Amount,
    /// Slot and secret.
    pub code: TypedCode,
}

impl Shop {
    /// Sell a burnt medium, with a code of `starter` on its receipt if that is asked for.
    pub fn sell(
        &mut self,
        medium: MediumId,
        price: Option<Amount>,
        starter: Option<Amount>,
        now: Timestamp,
    ) -> Result<Receipt, ShopError> {
        self.standing()?;
        self.enrolled()?.revoked.check_medium(medium).map_err(Refusal::from)?;
        let value = starter.map(|amount| self.next_code(medium, amount)).transpose()?;
        let draft = Draft { value, price, ..Draft::new(StoreEvent::Sold, medium) };
        let seq = self.enter(draft, now)?;
        self.receipt(seq)
    }

    /// Sell a code of this amount for a medium.
    pub fn sell_code(
        &mut self,
        medium: MediumId,
        amount: Amount,
        now: Timestamp,
    ) -> Result<Receipt, ShopError> {
        self.standing()?;
        self.enrolled()?.revoked.check_medium(medium).map_err(Refusal::from)?;
        let value = Some(self.next_code(medium, amount)?);
        let seq = self.enter(Draft { value, ..Draft::new(StoreEvent::CodeSold, medium) }, now)?;
        self.receipt(seq)
    }

    /// Sell a voucher, which needs no code in stock; its receipt carries it.
    pub fn sell_voucher(
        &mut self,
        medium: MediumId,
        amount: Amount,
        now: Timestamp,
    ) -> Result<Receipt, ShopError> {
        self.standing()?;
        let enrolled = self.enrolled()?;
        enrolled.revoked.check_medium(medium).map_err(Refusal::from)?;
        self.check_topup(amount)?;
        let form = enrolled.form();
        if amount > enrolled.grant.single_max {
            let (found, limit) = (form.show(amount), form.show(enrolled.grant.single_max));
            return Err(Refusal::TooLarge { found, what: "voucher", limit }.into());
        }
        let what = || format!("a voucher of {}", form.show(amount));
        enrolled.check_quota(amount.minor().into(), what)?;
        let serial = Some(self.next_serial()?);
        let currency = enrolled.grant.currency;
        let value = Some(Value { amount, currency, sheet: None, slot: None, serial });
        let seq =
            self.enter(Draft { value, ..Draft::new(StoreEvent::VoucherSold, medium) }, now)?;
        self.receipt(seq)
    }

    /// Take a code of this amount out of the stock for a medium that is being burnt.
    pub fn spend_code(
        &mut self,
        medium: MediumId,
        amount: Amount,
        now: Timestamp,
    ) -> Result<SoldCode, ShopError> {
        self.standing()?;
        let value = self.next_code(medium, amount)?;
        let slot = value.sheet.zip(value.slot).expect("a code has a sheet and a slot");
        let draft = Draft { value: Some(value), ..Draft::new(StoreEvent::Spent, medium) };
        let seq = self.enter(draft, now)?;
        self.sold_code(medium, slot, seq)
    }

    /// Take a sale back.
    ///
    /// The buyer saw a code's digits or a voucher's bytes: they never go back into stock and stay
    /// within what counts against the quota.
    pub fn void(&mut self, seq: u64, now: Timestamp) -> Result<Receipt, ShopError> {
        let sale = self.entry(seq)?;
        let (event, medium) = (sale.event, sale.medium);
        if !matches!(event, StoreEvent::Sold | StoreEvent::CodeSold | StoreEvent::VoucherSold) {
            return Err(Refusal::NotVoidable { seq, what: event.word().to_owned() }.into());
        }
        let draft = Draft { voids: Some(seq), ..Draft::new(StoreEvent::Voided, medium) };
        let seq = self.enter(draft, now)?;
        self.receipt(seq)
    }

    /// A warning where few codes of an amount are left for a medium.
    pub fn low_stock(&self, medium: MediumId, amount: Amount) -> Option<String> {
        let enrolled = self.enrolled().ok()?;
        let stock = enrolled.books.medium(medium).ok()?.stock();
        let left = stock.get(&amount).copied().unwrap_or_default();
        let (medium, sum) = (medium.grouped(), enrolled.form().show(amount));
        let codes = if left == 1 { "code" } else { "codes" };
        (left < CODES_MIN).then(|| format!("medium {medium}: {left} {codes} of {sum} left"))
    }

    /// An entry of the journal.
    pub fn entry(&self, seq: u64) -> Result<&Verified<StoreEntry>, Refusal> {
        let entries = self.enrolled()?.log.entries();
        let place = usize::try_from(seq).ok();
        let none = Refusal::NoEntry { found: seq, count: entries.len() as u64 };
        place.and_then(|place| entries.get(place)).ok_or(none)
    }

    /// The value of the next code of this amount for a medium.
    pub(super) fn next_code(&self, medium: MediumId, amount: Amount) -> Result<Value, Refusal> {
        self.check_topup(amount)?;
        let enrolled = self.enrolled()?;
        let stocked = enrolled.books.medium(medium)?;
        let form = enrolled.form();
        let none = || no_code(form, medium, amount, &stocked.stock());
        let code = stocked.code(amount).ok_or_else(none)?;
        let (id, slot) = (code.sheet, code.stocked.slot);
        enrolled.revoked.check_slot(&id, slot)?;
        let currency = stocked.sheet.currency;
        Ok(Value { amount, currency, sheet: Some(id), slot: Some(slot), serial: None })
    }

    fn check_topup(&self, amount: Amount) -> Result<(), Refusal> {
        let enrolled = self.enrolled()?;
        let form = enrolled.form();
        if amount.is_zero() {
            return Err(Refusal::Nothing(form.show(amount)));
        }
        match enrolled.policy.as_ref().map(|policy| policy.topup_max) {
            Some(most) if amount > most => {
                let (found, limit) = (form.show(amount), form.show(most));
                Err(Refusal::TooLarge { found, what: "top-up", limit })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn next_serial(&self) -> Result<u64, Refusal> {
        let enrolled = self.enrolled()?;
        let (first, last) = (enrolled.grant.serial_first, enrolled.grant.serial_last);
        let next = enrolled.books.last_serial().map_or(first, |last| last.saturating_add(1));
        let found = next.max(first);
        let past = found > last || enrolled.books.last_serial() == Some(u64::MAX);
        if past { Err(Refusal::Serial { found, first, last }) } else { Ok(found) }
    }

    pub(super) fn sold_code(
        &self,
        medium: MediumId,
        (sheet, slot): (SheetId, u8),
        seq: u64,
    ) -> Result<SoldCode, ShopError> {
        let stocked = self.enrolled()?.books.medium(medium)?;
        let find = |code: &&Code| code.sheet == sheet && code.stocked.slot == slot;
        let code = stocked.codes.iter().find(find).expect("the journal was checked against it");
        let amount = code.amount;
        let typed = TypedCode::new(slot, code.stocked.secret.clone());
        let typed = typed.map_err(|error| ShopError::damaged("kit", &error))?;
        Ok(SoldCode { seq, sheet, amount, code: typed })
    }

    /// The voucher of a sale, the same each time, under the newest certificate that covers it.
    pub(super) fn voucher(&self, sale: &StoreEntry) -> Result<Option<VoucherFile>, ShopError> {
        let Some(Value { amount, serial: Some(serial), .. }) = sale.value else { return Ok(None) };
        let (medium, issued) = (sale.medium, sale.at);
        let expires = issued.plus_days(VOUCHER_DAYS);
        let sale = VoucherSale { medium, amount, serial, issued, expires };
        let mut refusal = None;
        for signer in self.enrolled()?.certificates.iter().rev() {
            let grant = signer.certificate().grant.as_ref().expect("a store's certificate");
            match sign_voucher(&self.keys.sign, grant, &sale) {
                Ok(voucher) => {
                    let (voucher, chain) = (Bytes(voucher), signer.chain());
                    return Ok(Some(VoucherFile { voucher, chain }));
                }
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        let refusal = refusal.expect("an enrolled store has a certificate");
        Err(ShopError::damaged("store journal", &refusal))
    }
}

/// The refusal where no code has this amount, with what would add up to it.
fn no_code(
    form: CurrencyForm,
    medium: MediumId,
    amount: Amount,
    stock: &BTreeMap<Amount, u32>,
) -> Refusal {
    let list = |codes: &[(Amount, u32)], between: &str| {
        let lines =
            codes.iter().map(|(amount, count)| format!("{count} of {}", form.show(*amount)));
        lines.collect::<Vec<_>>().join(between)
    };
    let largest_first: Vec<_> =
        stock.iter().rev().map(|(amount, count)| (*amount, *count)).collect();
    let offers = combinations(stock, amount, OFFERS_MAX);
    let offers: Vec<_> = offers.iter().map(|codes| list(codes, " + ")).collect();
    let instead = if offers.is_empty() {
        String::new()
    } else {
        format!("; these add up to it: {}", offers.join(", or "))
    };
    let stock = if stock.is_empty() { "empty".to_owned() } else { list(&largest_first, ", ") };
    let amount = form.show(amount);
    Refusal::NoCode { medium, amount, stock, instead }
}
