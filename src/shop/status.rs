//! What a store's keeper wants to see at a glance.

use std::collections::BTreeMap;

use super::ShopError;
use super::books::{Books, CodeState, Stage};
use super::enrolled::show_sum;
use super::log::hex;
use super::open::Shop;
use super::sale::CODES_MIN;
use crate::trust::Fingerprint;
use crate::units::{Amount, CurrencyForm, StoreId, Timestamp};

/// Fewer days to the certificate's end than this are too few.
const DAYS_MIN: u64 = 30;

/// Codes of one amount over all kits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AmountLine {
    /// In stock.
    pub in_stock: u32,
    /// Sold to owners.
    pub sold: u32,
    /// Put on media by burns.
    pub spent: u32,
    /// Sold and taken back.
    pub voided: u32,
}

/// Media by how far they have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MediaLine {
    /// Not begun.
    pub blank: u32,
    /// A burn began and hasn't ended.
    pub begun: u32,
    /// On the shelf.
    pub burnt: u32,
    /// Sold.
    pub sold: u32,
    /// Given up.
    pub abandoned: u32,
}

/// What a store is, has, and may still do.
#[derive(Debug)]
pub struct Status {
    /// The store's number.
    pub store: StoreId,
    /// The certified name.
    pub name: String,
    /// The root that is pinned.
    pub root: Fingerprint,
    /// How sums are written.
    pub form: CurrencyForm,
    /// Media by stage.
    pub media: MediaLine,
    /// Codes by amount.
    pub codes: BTreeMap<Amount, AmountLine>,
    /// What all codes and vouchers add up to, minor units.
    pub quota_used: u128,
    /// What they may add up to.
    pub quota: Amount,
    /// Vouchers sold, those taken back included.
    pub vouchers: u64,
    /// What they add up to, minor units.
    pub vouchers_sum: u128,
    /// The next voucher's serial; none when they are used up.
    pub next_serial: Option<u64>,
    /// The last voucher's serial.
    pub last_serial: u64,
    /// The certificate's end.
    pub expires: Timestamp,
    /// The newest time signed by the issuer.
    pub floor: Option<Timestamp>,
    /// Days from `floor` or the host's clock, whichever is later, to the certificate's end.
    pub days_left: u64,
    /// The newest policy's number.
    pub policy: Option<u64>,
    /// The newest revocation list's number.
    pub revocation: Option<u64>,
    /// How many entries the journal has.
    pub entries: u64,
    /// Hash of the newest entry, in hex.
    pub head: Option<String>,
    /// What the keeper should act on.
    pub warnings: Vec<String>,
}

impl Shop {
    /// What the store is, has, and may still do; `now` only warns.
    pub fn status(&self, now: Timestamp) -> Result<Status, ShopError> {
        let enrolled = self.enrolled()?;
        let certificate = enrolled.signer.certificate();
        let floor = enrolled.trust.floor();
        let mut status = Status {
            store: enrolled.grant.store,
            name: certificate.subject.clone(),
            root: enrolled.signer.anchor().fingerprint(),
            form: enrolled.form(),
            media: MediaLine::default(),
            codes: BTreeMap::new(),
            quota_used: enrolled.books.handed_out(),
            quota: enrolled.grant.quota,
            vouchers: enrolled.books.vouchers_sold(),
            vouchers_sum: enrolled.books.vouchers_sum(),
            next_serial: self.next_serial().ok(),
            last_serial: enrolled.grant.serial_last,
            expires: certificate.expires,
            floor,
            days_left: days_left(certificate.expires, floor, now),
            policy: enrolled.policy.as_ref().map(|policy| policy.number),
            revocation: enrolled.revoked.list().map(|list| list.number),
            entries: enrolled.log.next_seq(),
            head: enrolled.log.head().map(|head| hex(&head)),
            warnings: vec![],
        };
        status.count(self);
        status.warnings = self.warnings(&status, now);
        Ok(status)
    }

    /// What this computer's clock gives reason to look at; it alone never refuses anything.
    pub fn clock_warnings(&self, now: Timestamp) -> Vec<String> {
        let Ok(enrolled) = self.enrolled() else { return vec![] };
        let mut warnings = vec![];
        let end = enrolled.signer.certificate().expires;
        let floor = enrolled.trust.floor();
        let days = days_left(end, floor, now);
        if end <= now {
            warnings.push(format!("by this computer's clock the certificate ended at {end}"));
        } else if days < DAYS_MIN {
            warnings.push(format!("the certificate ends in {days} days"));
        }
        if let Some(floor) = floor.filter(|floor| *floor > now) {
            warnings.push(format!("this computer's clock, {now}, is behind the issuer's {floor}"));
        }
        warnings
    }

    fn warnings(&self, status: &Status, now: Timestamp) -> Vec<String> {
        let mut warnings = vec![];
        if let Err(refusal) = self.standing() {
            warnings.push(refusal.to_string());
        }
        warnings.extend(self.clock_warnings(now));
        if status.media.begun > 0 {
            warnings.push(format!("burns that began and haven't ended: {}", status.media.begun));
        }
        // What can't be listed holds up no look at the rest.
        let cut_off = self.unfinished_stamps().unwrap_or_default();
        warnings.extend(cut_off.iter().map(|medium| {
            format!("stamping of medium {medium} was cut off; `scrip-store refresh` ends it")
        }));
        let low = status.codes.iter().filter(|(_, line)| line.in_stock < CODES_MIN);
        warnings.extend(low.map(|(amount, line)| {
            format!("only {} codes of {} are left", line.in_stock, status.form.show(*amount))
        }));
        match self.log().map_or(0, super::log::Log::torn_bytes) {
            0 => {}
            torn => warnings.push(format!(
                "an entry of {torn} bytes was cut off while it was written; it is left out"
            )),
        }
        warnings
    }
}

/// Days from the later of floor and clock to the end.
fn days_left(end: Timestamp, floor: Option<Timestamp>, now: Timestamp) -> u64 {
    let today = floor.map_or(now, |floor| floor.max(now));
    end.seconds().saturating_sub(today.seconds()) / Timestamp::DAY_S
}

impl Status {
    /// Vouchers sold, as `2 sold for ¥1,000`.
    pub fn vouchers_line(&self) -> String {
        format!("{} sold for {}", self.vouchers, show_sum(self.form, self.vouchers_sum))
    }

    /// Handed out of the quota, as `¥210,000 of ¥1,000,000`.
    pub fn quota_line(&self) -> String {
        format!("{} of {}", show_sum(self.form, self.quota_used), self.form.show(self.quota))
    }

    fn count(&mut self, shop: &Shop) {
        let media = shop.books().map(Books::media).unwrap_or_default();
        for medium in media {
            *self.media.of(medium.stage) += 1;
            for code in &medium.codes {
                *self.codes.entry(code.amount).or_default().of(code.state) += 1;
            }
        }
    }
}

impl MediaLine {
    fn of(&mut self, stage: Stage) -> &mut u32 {
        match stage {
            Stage::Blank => &mut self.blank,
            Stage::Begun(_) => &mut self.begun,
            Stage::Burnt(_) => &mut self.burnt,
            Stage::Sold(_) => &mut self.sold,
            Stage::Abandoned(_) => &mut self.abandoned,
        }
    }
}

impl AmountLine {
    fn of(&mut self, state: CodeState) -> &mut u32 {
        match state {
            CodeState::InStock => &mut self.in_stock,
            CodeState::Sold(_) => &mut self.sold,
            CodeState::Spent(_) => &mut self.spent,
            CodeState::Voided(_) => &mut self.voided,
        }
    }
}
