//! What a sale's receipt says: derived from the journal, so it can be printed again.

use super::books::CodeState;
use super::open::Shop;
use super::{ShopError, SoldCode};
use crate::format::certificate::Purpose;
use crate::format::sheet::VoucherFile;
use crate::format::store::{StoreEntry, StoreEvent};
use crate::trust::Fingerprint;
use crate::units::{Amount, CurrencyForm, MediumId, StoreId, Timestamp};
use crate::voucher::{slip, voucher_text};

/// What stands on receipts under a test root.
pub(super) const TEST_LINE: &str = "TEST: worth nothing";

/// What an entry of the store's journal means to who stands at the counter.
pub struct Receipt {
    /// The entry's sequence.
    pub number: u64,
    /// The store's number.
    pub store: StoreId,
    /// The store's name.
    pub store_name: String,
    /// The root under which it sells.
    pub root: Fingerprint,
    /// What the root is for: under a test root nothing is worth money.
    pub purpose: Purpose,
    /// The store's clock.
    pub at: Timestamp,
    /// What was done.
    pub event: StoreEvent,
    /// The medium.
    pub medium: MediumId,
    /// The price of the medium.
    pub price: Option<Amount>,
    /// What the code or voucher credits.
    pub amount: Option<Amount>,
    /// The code to type; none in a dry run.
    pub code: Option<SoldCode>,
    /// The voucher with this store's chain; none in a dry run.
    pub voucher: Option<VoucherFile>,
    /// The voucher's serial.
    pub serial: Option<u64>,
    /// What the burn put on the medium, for its sale.
    pub balance: Amount,
    /// The entry that this one takes back.
    pub voids: Option<u64>,
    /// Is what this one takes back a code or voucher that its buyer has seen?
    pub seen: Option<Amount>,
    /// The entry that took this one back.
    pub voided_by: Option<u64>,
    /// How sums are written.
    pub form: CurrencyForm,
}

impl Shop {
    /// The receipt of an entry.
    pub fn receipt(&self, seq: u64) -> Result<Receipt, ShopError> {
        let entry = self.entry(seq)?;
        let enrolled = self.enrolled()?;
        let value = entry.value.as_ref();
        let slot = value.and_then(|value| value.sheet.zip(value.slot));
        // What isn't in the journal on the disk isn't sold, and isn't shown.
        let durable = seq < self.durable;
        let slot = slot.filter(|_| durable);
        let code = slot.map(|slot| self.sold_code(entry.medium, slot, seq)).transpose()?;
        let undone = entry.voids.and_then(|seq| self.entry(seq).ok());
        Ok(Receipt {
            number: seq,
            store: entry.store,
            store_name: enrolled.signer.certificate().subject.clone(),
            root: enrolled.signer.anchor().fingerprint(),
            purpose: enrolled.signer.certificate().purpose,
            at: entry.at,
            event: entry.event,
            medium: entry.medium,
            price: entry.price,
            amount: value.map(|value| value.amount),
            code,
            voucher: if durable { self.voucher(entry)? } else { None },
            serial: value.and_then(|value| value.serial),
            balance: self.balance(entry),
            voids: entry.voids,
            seen: undone.and_then(|sale| sale.value.as_ref()).map(|value| value.amount),
            voided_by: enrolled.books.voided_by(seq),
            form: enrolled.form(),
        })
    }

    /// What the burn put on the medium of a sale.
    fn balance(&self, entry: &StoreEntry) -> Amount {
        let stocked = self.books().ok().and_then(|books| books.medium(entry.medium).ok());
        let Some(stocked) = stocked.filter(|_| entry.event == StoreEvent::Sold) else {
            return Amount::ZERO;
        };
        let spent = stocked.codes.iter().filter(|code| matches!(code.state, CodeState::Spent(_)));
        let sum = spent.map(|code| code.amount.minor()).sum();
        Amount::from_minor(sum).unwrap_or(Amount::MAX)
    }
}

impl Receipt {
    /// What the receipt says, one line each, without the store and the number.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("medium {}: {}", self.medium.grouped(), self.event)];
        if let Some(price) = self.price {
            lines.push(format!("price {}", self.form.show(price)));
        }
        if !self.balance.is_zero() {
            lines.push(format!("balance on it {}", self.form.show(self.balance)));
        }
        if let Some(amount) = self.amount {
            lines.extend(self.topup_lines(&self.form.show(amount)));
        }
        if let Some(seq) = self.voids {
            lines.push(format!("takes back receipt {seq}"));
        }
        lines.extend(self.seen_words());
        if let Some(by) = self.voided_by {
            lines.push(format!("TAKEN BACK by receipt {by}"));
        }
        lines
    }

    fn topup_lines(&self, amount: &str) -> Vec<String> {
        match (&self.code, self.serial) {
            (Some(code), _) => slip(&code.code, amount).to_vec(),
            (None, Some(serial)) => vec![format!("top-up of {amount}: voucher {serial}")],
            (None, None) => vec![format!("top-up of {amount}: not sold, so no code is shown")],
        }
    }

    /// What a QR code of this receipt says: the code's digits, or the voucher's text.
    pub fn qr_text(&self) -> Option<String> {
        let code = self.code.as_ref().map(|code| code.code.plain());
        code.or_else(|| self.voucher.as_ref().map(voucher_text))
    }

    /// What taking back means where a buyer has seen a code or a voucher.
    pub fn seen_words(&self) -> Vec<String> {
        let Some(amount) = self.seen.map(|amount| self.form.show(amount)) else { return vec![] };
        vec![
            format!("{amount} stay counted against this store: its buyer has seen what to type"),
            "what was typed in before stays credited: look at the medium before paying back".into(),
        ]
    }

    /// Who sold: `Kiosk, store 7`.
    pub fn seller(&self) -> String {
        format!("{}, store {}", self.store_name, self.store)
    }

    /// The whole receipt as text.
    pub fn text(&self) -> String {
        let mut lines = vec![self.seller(), format!("receipt {} of {}", self.number, self.at)];
        if self.purpose == Purpose::Test {
            lines.push(TEST_LINE.to_owned());
        }
        lines.extend(self.lines());
        lines.push(format!("issuer's fingerprint {}", self.root));
        lines.join("\n")
    }
}
