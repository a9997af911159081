//! Selling: media, codes, vouchers; and taking a sale back.

use super::books::Code;
use super::enter::Draft;
use super::open::Shop;
use super::{Receipt, Refusal, ShopError};
use crate::format::sheet::SheetId;
use crate::format::store::{StoreEntry, StoreEvent, Value};
use crate::trust::Verified;
use crate::units::{Amount, MediumId, Timestamp};
use crate::voucher::code::TypedCode;
use crate::voucher::{VoucherSale, sign_voucher};

/// How long a voucher is good: it is sold to be used soon, and what it holds back is the quota.
pub const VOUCHER_DAYS: u64 = 365;

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
        let slot = value.slot.expect("a code has a slot");
        let draft = Draft { value: Some(value), ..Draft::new(StoreEvent::Spent, medium) };
        let seq = self.enter(draft, now)?;
        self.sold_code(medium, slot, seq)
    }

    /// Take a sale back.
    pub fn void(&mut self, seq: u64, now: Timestamp) -> Result<Receipt, ShopError> {
        let medium = self.entry(seq)?.medium;
        let draft = Draft { voids: Some(seq), ..Draft::new(StoreEvent::Voided, medium) };
        let seq = self.enter(draft, now)?;
        self.receipt(seq)
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
        let none = || Refusal::NoCode {
            medium,
            amount: form.show(amount),
            stock: list_stock(stocked.stock().into_iter().map(|(a, n)| (form.show(a), n))),
        };
        let code = stocked.code(amount).ok_or_else(none)?;
        let (id, slot) = (stocked.sheet.id, code.stocked.slot);
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
        slot: u8,
        seq: u64,
    ) -> Result<SoldCode, ShopError> {
        let stocked = self.enrolled()?.books.medium(medium)?;
        let find = |code: &&Code| code.stocked.slot == slot;
        let code = stocked.codes.iter().find(find).expect("the journal was checked against it");
        let typed = TypedCode::new(slot, code.stocked.secret.clone());
        let code = typed.map_err(|error| ShopError::damaged("kit", &error))?;
        let (sheet, amount) = (stocked.sheet.id, stocked.sheet.amount(slot).unwrap_or_default());
        Ok(SoldCode { seq, sheet, amount, code })
    }

    /// The voucher of a sale; the same bytes each time.
    pub(super) fn voucher(&self, sale: &StoreEntry) -> Result<Option<Vec<u8>>, ShopError> {
        let Some(Value { amount, serial: Some(serial), .. }) = sale.value else { return Ok(None) };
        let (medium, issued) = (sale.medium, sale.at);
        let expires = issued.plus_days(VOUCHER_DAYS);
        let sale = VoucherSale { medium, amount, serial, issued, expires };
        let voucher = sign_voucher(&self.keys.sign, &self.enrolled()?.grant, &sale);
        voucher.map(Some).map_err(|error| ShopError::damaged("store journal", &error))
    }
}

fn list_stock(stock: impl Iterator<Item = (String, u32)>) -> String {
    let lines: Vec<_> = stock.map(|(amount, count)| format!("{count} of {amount}")).collect();
    if lines.is_empty() { "empty".to_owned() } else { lines.join(", ") }
}
