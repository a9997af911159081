//! The history of a medium as lines: what happened, and what it did to the money.

use std::ops::Deref;

use crate::format::record::{Record, RecordKind};
use crate::phrases;
use crate::units::{CurrencyForm, Timestamp};
use crate::words::{Phrase, Side};

phrases! {
    fn at() { en: "at (UTC)", ja: "日時（UTC）" }
    fn kind() { en: "kind", ja: "種類" }
    fn partner() { en: "partner", ja: "相手" }
    fn content() { en: "content", ja: "内容" }
    fn event() { en: "accounting", ja: "会計番号" }
    fn number() { en: "#", ja: "#" }
    fn amount() { en: "amount", ja: "金額" }
    fn balance() { en: "balance", ja: "残高" }
    fn reason() { en: "reason", ja: "理由" }
    fn in_minor_units(name) { en: "{name} (minor units)", ja: "{name}（最小単位）" }
}

/// Which of the two histories is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ledger {
    /// What happened.
    History,
    /// What it did to the money: records that moved some.
    Accounting,
}

/// What of a history is wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Nothing before.
    pub since: Option<Timestamp>,
    /// Nothing from then on.
    pub until: Option<Timestamp>,
    /// Records of this kind alone.
    pub kind: Option<RecordKind>,
    /// The last so many of those that are left.
    pub limit: Option<usize>,
}

impl Ledger {
    /// The heads of its columns, for a person; without a form for sums of no known currency.
    pub fn heads(self, form: Option<CurrencyForm>) -> [Phrase; 6] {
        let sum = |name| sum_name(name, form);
        match self {
            Self::History => [at(), kind(), partner(), content(), event(), number()],
            Self::Accounting => {
                [at(), sum(amount()), sum(balance()), partner(), reason(), number()]
            }
        }
    }

    /// Where the text of its columns stands.
    pub fn sides(self) -> [Side; 6] {
        let mut sides = [Side::Left; 6];
        sides[5] = Side::Right;
        if self == Self::Accounting {
            (sides[1], sides[2]) = (Side::Right, Side::Right);
        }
        sides
    }

    /// The cells of a record for a person, who reads minutes, words and the beginning of an
    /// event's id; none for a record without money where money is asked for. Sums are in minor units
    /// where the currency isn't known.
    pub fn shown(self, record: &Record, form: Option<CurrencyForm>) -> Option<[Phrase; 6]> {
        let (history, seq) = (&record.history, Phrase::same(record.seq.to_string()));
        Some(match self {
            Self::History => [
                minute(history.at),
                kind_word(history.kind),
                partner_word(&history.partner),
                Phrase::same(history.content.clone().unwrap_or_default()),
                Phrase::same(
                    history.link.as_ref().map(|id| hex(id)[..8].to_owned()).unwrap_or_default(),
                ),
                seq,
            ],
            Self::Accounting => {
                let entry = record.accounting.as_ref()?;
                [
                    minute(entry.at),
                    Phrase::same(form.map_or_else(
                        || format!("{:+}", entry.amount),
                        |form| signed(form, entry.amount),
                    )),
                    Phrase::same(form.map_or_else(
                        || entry.balance_after.minor().to_string(),
                        |form| form.show(entry.balance_after),
                    )),
                    partner_word(&entry.partner),
                    reason_word(&entry.reason),
                    seq,
                ]
            }
        })
    }

    /// The names of its columns, for a program.
    pub fn columns(self) -> [&'static str; 6] {
        match self {
            Self::History => ["at", "kind", "partner", "content", "accounting event", "record"],
            Self::Accounting => ["at", "amount", "balance after", "partner", "reason", "record"],
        }
    }

    /// The cells of a record, with sums as they are given; none for a record without money where
    /// money is asked for.
    pub fn cells(self, record: &Record, mut sum: impl FnMut(i64) -> String) -> Option<[String; 6]> {
        let seq = record.seq.to_string();
        let history = &record.history;
        Some(match self {
            Self::History => [
                history.at.to_string(),
                history.kind.to_string(),
                history.partner.clone(),
                history.content.clone().unwrap_or_default(),
                history.link.as_ref().map(hex).unwrap_or_default(),
                seq,
            ],
            Self::Accounting => {
                let entry = record.accounting.as_ref()?;
                let balance = i64::try_from(entry.balance_after.minor()).unwrap_or(i64::MAX);
                let (amount, balance) = (sum(entry.amount), sum(balance));
                let (partner, reason) = (entry.partner.clone(), entry.reason.clone());
                [entry.at.to_string(), amount, balance, partner, reason, seq]
            }
        })
    }
}

/// The name of a column of sums: it says where they are minor units of an unknown currency.
pub fn sum_name(name: Phrase, form: Option<CurrencyForm>) -> Phrase {
    if form.is_some() { name } else { in_minor_units(name) }
}

/// A time to the minute: `2026-11-21 09:30`.
fn minute(at: Timestamp) -> Phrase {
    const MINUTE_CHARACTERS: usize = 16;
    let text: String = at.to_string().chars().take(MINUTE_CHARACTERS).collect();
    Phrase::same(text.replace('T', " "))
}

/// The name of a kind of record.
pub fn kind_word(kind: RecordKind) -> Phrase {
    let ja = match kind {
        RecordKind::Genesis => "発行",
        RecordKind::Topup => "チャージ",
        RecordKind::Sale => "販売",
        RecordKind::Purchase => "購入",
        RecordKind::Play => "再生",
        RecordKind::Connect => "接続",
        RecordKind::DownloadStart => "取込開始",
        RecordKind::DownloadInterrupted => "取込中断",
        RecordKind::DownloadEnd => "取込完了",
        RecordKind::UploadStart => "提供開始",
        RecordKind::UploadInterrupted => "提供中断",
        RecordKind::UploadEnd => "提供完了",
        RecordKind::Earn => "提供料",
        RecordKind::Checkpoint => "精算",
        RecordKind::Policy => "規約変更",
        RecordKind::Exception => "要確認",
        RecordKind::Merge => "統合",
        RecordKind::Rekey => "鍵の変更",
        RecordKind::Refund => "返金",
    };
    Phrase::new(kind.word(), ja)
}

/// Who a record says was on the other side: a store and a medium are told in each language,
/// a name is a name.
pub fn partner_word(partner: &str) -> Phrase {
    let told = |word, ja| Some(format!("{ja}{}", partner.strip_prefix(word)?));
    let ja = match partner {
        "store" => "店".to_owned(),
        "owner" => "本人".to_owned(),
        "standard output" => "標準出力".to_owned(),
        "a program of the owner's" => "持ち主のプログラム".to_owned(),
        "the program for its kind" => "対応するプログラム".to_owned(),
        _ => {
            let named = told("store ", "店").or_else(|| told("medium ", "媒体"));
            named.unwrap_or_else(|| partner.to_owned())
        }
    };
    Phrase::new(partner, ja)
}

/// The reason that a record gives for moving money.
pub fn reason_word(reason: &str) -> Phrase {
    let ja = match reason {
        "top-up by code" => "コードでチャージ",
        "top-up by voucher" => "引換券でチャージ",
        "purchase" => "購入",
        "download" => "取り込み",
        "upload" => "提供",
        "refund" => "返金",
        other => other,
    };
    Phrase::new(reason, ja)
}

fn hex(event: &[u8; 16]) -> String {
    data_encoding::HEXLOWER.encode(event)
}

impl Filter {
    /// Those of the records that are wanted, in their order.
    pub fn choose<'r, R: Deref<Target = Record>>(
        &self,
        ledger: Ledger,
        records: impl Iterator<Item = &'r R>,
    ) -> Vec<&'r R> {
        let wanted: Vec<_> = records.filter(|record| self.wants(ledger, record)).collect();
        let passed = self.limit.map_or(0, |limit| wanted.len().saturating_sub(limit));
        wanted[passed..].to_vec()
    }

    fn wants(&self, ledger: Ledger, record: &Record) -> bool {
        let at = record.history.at;
        self.since.is_none_or(|since| at >= since)
            && self.until.is_none_or(|until| at < until)
            && self.kind.is_none_or(|kind| record.history.kind == kind)
            && (ledger == Ledger::History || record.accounting.is_some())
    }
}

/// A sum with its sign, for a person: `+¥500`.
pub fn signed(form: CurrencyForm, minor: i64) -> String {
    let sum = form.show_minor(minor);
    if minor < 0 { sum } else { format!("+{sum}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_have_their_sign() {
        let yen = CurrencyForm::new("JPY".parse().unwrap(), 0).unwrap();
        assert_eq!([1500, -5].map(|minor| signed(yen, minor)), ["+¥1,500", "-¥5"]);
    }

    #[test]
    fn whom_no_shop_and_no_medium_names_is_named_in_japanese() {
        let own =
            ["owner", "standard output", "a program of the owner's", "the program for its kind"];
        for partner in own {
            let word = partner_word(partner);
            assert_eq!(word.en(), partner);
            assert!(!word.ja().contains(|c: char| c.is_ascii_alphabetic()), "{}", word.ja());
        }
        assert_eq!(partner_word("store 7").ja(), "店7");
        assert_eq!(partner_word("A Publisher").ja(), "A Publisher");
    }
}
