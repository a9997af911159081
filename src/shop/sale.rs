//! Selling: media, codes, vouchers; and taking a sale back.

use std::collections::BTreeMap;

use super::books::Code;
use super::enter::Draft;
use super::open::Shop;
use super::{Receipt, Refusal, ShopError};
use crate::format::sheet::SheetId;
use crate::format::store::{StoreEntry, StoreEvent, Value};
use crate::trust::Verified;
use crate::units::{Amount, CurrencyForm, MediumId, Timestamp};
use crate::voucher::code::TypedCode;
use crate::voucher::{VoucherSale, sign_voucher};

/// How long a voucher is good: it is sold to be used soon, and what it holds back is the quota.
pub const VOUCHER_DAYS: u64 = 365;

/// Steps after which nobody looks on for codes that add up to a sum.
const MAKE_UP_STEPS: u32 = 100_000;

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
        let none = || no_code(form, medium, amount, &stocked.stock());
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

/// The refusal where no code has this amount, with what would add up to it.
fn no_code(
    form: CurrencyForm,
    medium: MediumId,
    amount: Amount,
    stock: &BTreeMap<Amount, u32>,
) -> Refusal {
    let list = |codes: &[(Amount, u32)]| {
        let lines =
            codes.iter().map(|(amount, count)| format!("{count} of {}", form.show(*amount)));
        lines.collect::<Vec<_>>().join(", ")
    };
    let largest_first: Vec<_> =
        stock.iter().rev().map(|(amount, count)| (*amount, *count)).collect();
    let sum = make_up(&largest_first, amount.minor(), &mut { MAKE_UP_STEPS });
    let instead = sum.map(|codes| format!(", of which {} add up to it", list(&codes)));
    let stock = if stock.is_empty() { "empty".to_owned() } else { list(&largest_first) };
    let amount = form.show(amount);
    Refusal::NoCode { medium, amount, stock, instead: instead.unwrap_or_default() }
}

/// Codes that add up to a sum, large ones preferred; gives up after some steps.
fn make_up(stock: &[(Amount, u32)], sum: u64, steps: &mut u32) -> Option<Vec<(Amount, u32)>> {
    if sum == 0 {
        return Some(vec![]);
    }
    *steps = steps.checked_sub(1)?;
    let ((amount, count), smaller) = stock.split_first()?;
    let most = u32::try_from(sum / amount.minor()).unwrap_or(u32::MAX).min(*count);
    (0..=most).rev().find_map(|used| {
        let mut codes = make_up(smaller, sum - u64::from(used) * amount.minor(), steps)?;
        if used > 0 {
            codes.insert(0, (*amount, used));
        }
        Some(codes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_up(stock: &[(u64, u32)], sum: u64) -> Option<Vec<(u64, u32)>> {
        let amount = |minor: u64| Amount::from_minor(minor).unwrap();
        let stock: Vec<_> = stock.iter().map(|(minor, count)| (amount(*minor), *count)).collect();
        let codes = make_up(&stock, sum, &mut { MAKE_UP_STEPS })?;
        Some(codes.into_iter().map(|(amount, count)| (amount.minor(), count)).collect())
    }

    #[test]
    fn codes_add_up_to_a_sum_where_they_can() {
        let stock = [(10_000, 1), (5_000, 2), (3_000, 3), (1_000, 1)];
        let cases: [(u64, &[(u64, u32)]); 4] = [
            (8_000, &[(5_000, 1), (3_000, 1)]),
            (9_000, &[(5_000, 1), (3_000, 1), (1_000, 1)]),
            (12_000, &[(5_000, 1), (3_000, 2), (1_000, 1)]),
            (30_000, &[(10_000, 1), (5_000, 2), (3_000, 3), (1_000, 1)]),
        ];
        for (sum, codes) in cases {
            assert_eq!(made_up(&stock, sum).as_deref(), Some(codes), "{sum}");
        }
        assert_eq!(made_up(&stock, 2_000), None);
        assert_eq!(made_up(&stock, 30_001), None);
        assert_eq!(made_up(&[], 1), None);
    }

    #[test]
    fn a_hopeless_search_gives_up() {
        let stock: Vec<_> = (1..=50).rev().map(|n| (2 * n, 1)).collect();
        assert_eq!(made_up(&stock, 1_275), None, "even codes never make an odd sum");
    }
}
