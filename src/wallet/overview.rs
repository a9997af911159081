//! What an owner wants to know at a glance.

use crate::format::edition::{Catalogue, Destination, Item, Settings};
use crate::image::check::{Balance, Binding, History, Holder, Report, Verdict};
use crate::units::{Amount, CurrencyForm};

/// A medium for its owner: what was judged, and what its read-only area offers.
#[derive(Debug)]
pub struct Overview<'a> {
    report: &'a Report,
    catalogue: Option<Catalogue>,
    settings: Option<Settings>,
}

/// One thing of the catalogue.
#[derive(Debug)]
pub struct Offer<'a> {
    /// The item.
    pub item: &'a Item,
    /// Its price for a person; `free` for nothing.
    pub price: String,
    /// Does the balance reach?
    pub affordable: bool,
}

impl<'a> Overview<'a> {
    /// Put together what is known.
    pub fn new(
        report: &'a Report,
        catalogue: Option<Catalogue>,
        settings: Option<Settings>,
    ) -> Self {
        Self { report, catalogue, settings }
    }

    /// What may be spent, where the journal could be read.
    pub fn balance(&self) -> Option<&'a Balance> {
        match &self.report.history {
            History::Sound(balance) | History::Repaired { balance, .. } => Some(balance),
            History::Damaged(_) | History::NotChecked(_) => None,
        }
    }

    /// How the catalogue's prices are written.
    fn form(&self) -> Option<CurrencyForm> {
        let settings = self.settings.as_ref()?;
        CurrencyForm::new(settings.currency, settings.exponent).ok()
    }

    /// The catalogue, priced.
    pub fn offers(&self) -> Vec<Offer<'_>> {
        let balance = self.balance().map_or(Amount::ZERO, |balance| balance.amount);
        let form = self.form();
        let items = self.catalogue.iter().flat_map(|catalogue| &catalogue.items);
        items.map(|item| offer(item, form, balance)).collect()
    }

    /// Where the player could connect.
    pub fn destinations(&self) -> &[Destination] {
        self.settings.as_ref().map_or(&[], |settings| &settings.destinations)
    }

    /// Originality in words an owner understands.
    pub fn originality(&self) -> &'static str {
        match self.report.verdict {
            Verdict::Sealed => "sealed: as the shop made it",
            Verdict::Touched => "touched by ordinary use; nothing that counts has changed",
            Verdict::FilesIntact => "files intact; seal not checked (needs the device or image)",
            Verdict::Altered => "ALTERED: don't use it, bring it to the shop",
            Verdict::Unreadable => "NOT WHOLLY READABLE: bring it to the shop",
            Verdict::NoMedium => "this is no medium",
        }
    }

    /// The lines for a person.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![];
        if let Some(medium) = &self.report.medium {
            lines.push(row("medium", &medium.number.grouped()));
            let sold = medium.sold.map_or("not sold yet".to_owned(), |at| format!("sold {at}"));
            lines.push(row(
                "shop",
                &format!("{} (store {}), {sold}", medium.store_name, medium.store),
            ));
        }
        if let Some(edition) = &self.report.edition {
            lines.push(row("edition", &edition.name));
        }
        lines.push(row("originality", self.originality()));
        if let Binding::CopyOf { bound, found } = &self.report.hardware {
            lines.push(row("hardware", &format!("a copy of {bound}, on {found}")));
        }
        if self.report.verdict != Verdict::NoMedium {
            let caution = "a program on the medium can't vouch for it; scrip-verify elsewhere can";
            lines.push(row("", caution));
        }
        lines.push(row("balance", &self.balance_text()));
        lines.extend(self.balance().map(|balance| row("", &spent_text(balance))));
        lines.extend(self.balance().and_then(key_text).map(|text| row("access key", text)));
        lines.extend(self.offers().iter().map(offer_line));
        lines.extend(self.destinations().iter().map(|destination| {
            row("connects to", &format!("{}, {}", destination.name, destination.url))
        }));
        lines
    }

    fn balance_text(&self) -> String {
        match &self.report.history {
            History::Sound(balance) => balance.currency.show(balance.amount),
            History::Repaired { balance, lacking } => {
                let lacking = lacking.join(" and ");
                format!("{} (copy {lacking} lacks records)", balance.currency.show(balance.amount))
            }
            History::Damaged(reason) | History::NotChecked(reason) => {
                format!("not known: {reason}")
            }
        }
    }
}

fn spent_text(balance: &Balance) -> String {
    let codes = if balance.codes == 1 { "code" } else { "codes" };
    format!("{} {codes} of its sheet spent", balance.codes)
}

fn key_text(balance: &Balance) -> Option<&'static str> {
    let text = "still the one that the shop made: the first login makes the medium yours";
    (balance.holder == Holder::Store).then_some(text)
}

fn offer(item: &Item, form: Option<CurrencyForm>, balance: Amount) -> Offer<'_> {
    let price = match form {
        _ if item.price.is_zero() => "free".to_owned(),
        Some(form) => form.show(item.price),
        None => format!("{} minor units", item.price.minor()),
    };
    Offer { item, price, affordable: item.price <= balance }
}

fn offer_line(offer: &Offer<'_>) -> String {
    let mark = if offer.affordable { " " } else { "*" };
    let Offer { item, price, .. } = offer;
    row(&format!("{} {mark}", item.kind), &format!("{}  {price}  ({})", item.title, item.id))
}

fn row(name: &str, text: &str) -> String {
    format!("  {name:<12}  {text}")
}
