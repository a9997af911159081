//! What an owner wants to know at a glance.

use crate::format::edition::{Catalogue, Destination, Item, ItemKind, Settings};
use crate::image::check::{Balance, Binding, History, Holder, Report, Verdict};
use crate::phrases;
use crate::units::{Amount, CurrencyForm};
use crate::words::{Phrase, Side, pad};

/// Columns of the names at the left.
const NAMES: usize = 12;

phrases! {
    fn sealed() { en: "sealed: as the shop made it", ja: "封は完全：店で作られたまま" }
    fn touched() {
        en: "touched by ordinary use; nothing that counts has changed",
        ja: "通常の使用の跡あり。大事なものは何も変わっていません",
    }
    fn files_intact() {
        en: "files intact; seal not checked (needs the device or image)",
        ja: "ファイルは無事。封は未確認（デバイスかイメージが必要）",
    }
    fn altered() {
        en: "ALTERED: don't use it, bring it to the shop",
        ja: "改変あり：使わずに店へお持ちください",
    }
    fn unreadable() {
        en: "NOT WHOLLY READABLE: bring it to the shop",
        ja: "読めない部分あり：店へお持ちください",
    }
    fn no_medium() { en: "this is no medium", ja: "媒体ではありません" }
    pub(super) fn medium() { en: "medium", ja: "媒体" }
    fn shop() { en: "shop", ja: "店" }
    fn store(name, number, sold) {
        en: "{name} (store {number}), {sold}",
        ja: "{name}（店{number}）、{sold}",
    }
    fn not_sold() { en: "not sold yet", ja: "未販売" }
    fn sold(at) { en: "sold {at}", ja: "販売 {at}" }
    fn edition() { en: "edition", ja: "エディション" }
    pub(super) fn originality() { en: "originality", ja: "正規品確認" }
    fn hardware() { en: "hardware", ja: "機器" }
    fn copy(bound, found) { en: "a copy of {bound}, on {found}", ja: "{bound}の複製、{found}上" }
    fn caution() {
        en: "a program on the medium can't vouch for it; scrip-verify elsewhere can",
        ja: "媒体上のプログラムは媒体を保証できません。別の場所のscrip-verifyならできます",
    }
    pub(super) fn balance() { en: "balance", ja: "残高" }
    fn lacks(balance, copies) {
        en: "{balance} (copy {copies} lacks records)",
        ja: "{balance}（写し{copies}に欠けあり）",
    }
    fn not_known(reason) { en: "not known: {reason}", ja: "不明：{reason}" }
    fn one_spent() { en: "1 code of its sheet spent", ja: "コード表のうち1個使用済み" }
    fn spent(count) { en: "{count} codes of its sheet spent", ja: "コード表のうち{count}個使用済み" }
    pub(super) fn access_key() { en: "access key", ja: "アクセスキー" }
    pub(super) fn shops_key() {
        en: "still the one that the shop made: the first login makes the medium yours",
        ja: "まだ店が作ったもの：最初のログインであなたの媒体になります",
    }
    fn connects_to() { en: "connects to", ja: "接続先" }
    fn free() { en: "free", ja: "無料" }
    pub(super) fn minor_units(count) { en: "{count} minor units", ja: "最小単位で{count}" }
    fn text() { en: "text", ja: "文章" }
    fn audio() { en: "audio", ja: "音楽" }
    fn picture() { en: "picture", ja: "絵" }
    fn video() { en: "video", ja: "動画" }
    fn other() { en: "other", ja: "その他" }
    fn offered(title, price, id) { en: "{title}  {price}  ({id})", ja: "{title}  {price}（{id}）" }
}

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
    pub price: Phrase,
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
            History::Sound(balance)
            | History::Repaired { balance, .. }
            | History::Restored { balance, .. } => Some(balance),
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
    pub fn originality(&self) -> Phrase {
        match self.report.verdict {
            Verdict::Sealed => sealed(),
            Verdict::Touched => touched(),
            Verdict::FilesIntact => files_intact(),
            Verdict::Altered => altered(),
            Verdict::Unreadable => unreadable(),
            Verdict::NoMedium => no_medium(),
        }
    }

    /// The lines for a person.
    pub fn lines(&self) -> Vec<Phrase> {
        let mut lines = vec![];
        if let Some(facts) = &self.report.medium {
            lines.push(row(&medium(), &Phrase::same(facts.number.grouped())));
            let sale = facts.sold.map_or_else(not_sold, sold);
            lines.push(row(&shop(), &store(&facts.store_name, facts.store, sale)));
        }
        if let Some(facts) = &self.report.edition {
            lines.push(row(&edition(), &Phrase::same(&facts.name)));
        }
        lines.push(row(&originality(), &self.originality()));
        if let Binding::CopyOf { bound, found } = &self.report.hardware {
            lines.push(row(&hardware(), &copy(bound, found)));
        }
        if self.report.verdict != Verdict::NoMedium {
            lines.push(row(&Phrase::default(), &caution()));
        }
        lines.push(row(&balance(), &self.balance_text()));
        lines.extend(self.balance().map(|found| row(&Phrase::default(), &spent_text(found))));
        let store_made = |found: &&Balance| found.holder == Holder::Store;
        lines.extend(self.balance().filter(store_made).map(|_| row(&access_key(), &shops_key())));
        lines.extend(self.offers().iter().map(offer_line));
        lines.extend(self.destinations().iter().map(|destination| {
            let Destination { name, url, .. } = destination;
            row(&connects_to(), &Phrase::same(format!("{name}, {url}")))
        }));
        lines
    }

    fn balance_text(&self) -> Phrase {
        match &self.report.history {
            History::Sound(balance) | History::Restored { balance, .. } => {
                Phrase::same(balance.currency.show(balance.amount))
            }
            History::Repaired { balance, lacking } => {
                lacks(balance.currency.show(balance.amount), lacking.join(" + "))
            }
            History::Damaged(reason) | History::NotChecked(reason) => not_known(reason),
        }
    }
}

fn spent_text(balance: &Balance) -> Phrase {
    if balance.codes == 1 { one_spent() } else { spent(balance.codes) }
}

fn offer(item: &Item, form: Option<CurrencyForm>, balance: Amount) -> Offer<'_> {
    let price = match form {
        _ if item.price.is_zero() => free(),
        Some(form) => Phrase::same(form.show(item.price)),
        None => minor_units(item.price.minor()),
    };
    Offer { item, price, affordable: item.price <= balance }
}

/// The title of an item, in the languages it has.
fn title(item: &Item) -> Phrase {
    Phrase::new(&item.title, item.title_ja.as_ref().unwrap_or(&item.title))
}

fn kind(item: &Item) -> Phrase {
    match item.kind {
        ItemKind::Text => text(),
        ItemKind::Audio => audio(),
        ItemKind::Picture => picture(),
        ItemKind::Video => video(),
        ItemKind::Other => other(),
    }
}

fn offer_line(offer: &Offer<'_>) -> Phrase {
    let mark = if offer.affordable { " " } else { "*" };
    let Offer { item, price, .. } = offer;
    let name = kind(item).map(|kind| format!("{kind} {mark}"));
    row(&name, &offered(title(item), price, &item.id))
}

pub(super) fn row(name: &Phrase, text: &Phrase) -> Phrase {
    let line = |name: &str, text: &str| format!("  {}  {text}", pad(name, NAMES, Side::Left));
    Phrase::new(line(name.en(), text.en()), line(name.ja(), text.ja()))
}
