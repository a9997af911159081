//! A report in words and as JSON.

use std::ops::Range;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::report::{
    Access, Balance, Binding, Fault, Grade, Hashes, History, Holder, ItemKeys, MediumFacts,
    Outcome, Papers, Report, Rival, Touch, Verdict,
};
use crate::format::certificate::Purpose;
use crate::trust::Anchor;
use crate::words::Phrase;

/// The most faults, touches and notes that are shown to a person.
const SHOWN_MAX: usize = 20;

impl Report {
    /// The report for a person: the verdict first, then who and what, each step, each fault.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.headline()];
        lines.extend(self.medium.as_ref().map(medium_line));
        lines.extend(self.edition.as_ref().map(|edition| {
            let id = HEXLOWER.encode(&edition.id[..8]);
            row("edition", &format!("{} ({id}…), signed by {}", edition.name, edition.signer))
        }));
        lines.extend(self.root.map(|root| row("root", &root_text(root, self.purpose))));
        lines.extend(self.steps.iter().map(|step| match &step.outcome {
            Outcome::Good(seen) => row(step.what, seen),
            Outcome::Bad(seen) => row(step.what, &format!("NOT GOOD: {seen}")),
            Outcome::NotChecked(why) => row(step.what, &format!("not checked: {why}")),
        }));
        lines.push(row("hardware", &binding_text(&self.hardware)));
        lines.push(row("journal", &history_text(&self.history)));
        lines.extend(self.rival.as_ref().map(|rival| row("second history", &rival_text(rival))));
        lines.push(row("access key", &access_text(&self.access)));
        lines.push(row("item keys", &items_text(&self.items)));
        if !matches!(self.papers, Papers::None | Papers::Sound(0) | Papers::NotChecked(_)) {
            lines.push(row("papers", &papers_text(&self.papers)));
        }
        listed(&mut lines, "fault", self.faults.iter().map(fault_text), self.fault_count);
        listed(&mut lines, "changed", self.touches.iter().map(touch_text), self.touches.len());
        let texts =
            |phrases: &[Phrase]| phrases.iter().map(|phrase| phrase.en().to_owned()).collect();
        let (refusals, notes): (Vec<_>, Vec<_>) = (texts(&self.refusals), texts(&self.notes));
        listed(&mut lines, "refused", refusals.into_iter(), self.refusals.len());
        listed(&mut lines, "note", notes.into_iter(), self.notes.len());
        lines.extend(self.last_words());
        lines
    }

    /// The verdict in one line, with TEST in front where nothing is worth anything.
    pub fn headline(&self) -> String {
        let test = if self.purpose == Some(Purpose::Test) { "TEST: " } else { "" };
        format!("{test}{}", self.verdict)
    }

    /// What a person has to do or to know after all else.
    fn last_words(&self) -> Option<String> {
        match (self.verdict, self.root) {
            (Verdict::NoMedium, _) | (_, None) => None,
            (_, Some(Anchor::Unpinned(root))) => Some(format!(
                "consistent under root {root}, which nothing here pins: compare with the package"
            ))
            .filter(|_| self.grade() < Grade::Damaged),
            (Verdict::Touched, _) => Some(
                "ordinary use has touched it; `scrip-wallet doctor --reseal` restores it, or its \
                 store's `scrip-store refresh`"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// The report as JSON.
    pub fn fields(&self) -> Value {
        let step = |step: &super::Step| {
            let (outcome, text) = match &step.outcome {
                Outcome::Good(text) => ("good", text),
                Outcome::Bad(text) => ("bad", text),
                Outcome::NotChecked(text) => ("not-checked", text),
            };
            json!({ "what": step.what, "outcome": outcome, "text": text })
        };
        json!({
            "verdict": self.verdict.word(),
            "test": self.purpose == Some(Purpose::Test),
            "root": self.root.map(|root| json!({
                "fingerprint": root.fingerprint().to_string(),
                "pinned": root.is_pinned(),
            })),
            "edition": self.edition.as_ref().map(|edition| json!({
                "name": edition.name,
                "id": HEXLOWER.encode(&edition.id),
                "signer": edition.signer,
            })),
            "medium": self.medium.as_ref().map(|medium| json!({
                "number": medium.number.to_string(),
                "store": medium.store.number(),
                "store_name": medium.store_name,
                "made": medium.made.to_string(),
                "sold": medium.sold.map(|sold| sold.to_string()),
            })),
            "steps": self.steps.iter().map(step).collect::<Vec<_>>(),
            "hardware": binding_fields(&self.hardware),
            "journal": history_fields(&self.history),
            "rival": self.rival.as_ref().map(Rival::fields),
            "access": access_fields(&self.access),
            "items": items_fields(&self.items),
            "papers": papers_fields(&self.papers),
            "faults": self.faults.iter().map(fault_fields).collect::<Vec<_>>(),
            "fault_count": self.fault_count,
            "unreadable_blocks": self.unreadable,
            "touches": self.touches.iter().map(|touch| json!({
                "what": touch.what.en(),
                "bytes": touch.bytes.as_ref().map(range_fields),
            })).collect::<Vec<_>>(),
            "refusals": self.refusals.iter().map(Phrase::en).collect::<Vec<_>>(),
            "notes": self.notes.iter().map(Phrase::en).collect::<Vec<_>>(),
        })
    }
}

impl Verdict {
    /// The word for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Touched => "touched",
            Self::Altered => "altered",
            Self::Unreadable => "unreadable",
            Self::FilesIntact => "files-intact",
            Self::NoMedium => "no-medium",
        }
    }
}

fn row(what: &str, text: &str) -> String {
    format!("  {what:<17} {text}")
}

fn listed(lines: &mut Vec<String>, what: &str, texts: impl Iterator<Item = String>, count: usize) {
    lines.extend(texts.take(SHOWN_MAX).map(|text| row(what, &text)));
    if count > SHOWN_MAX {
        lines.push(row(what, &format!("… and {} more", count - SHOWN_MAX)));
    }
}

fn medium_line(medium: &MediumFacts) -> String {
    let MediumFacts { number, store, store_name, made, sold } = medium;
    let sold = sold.map_or_else(|| "not sold yet".to_owned(), |sold| format!("sold {sold}"));
    row("medium", &format!("{number}, made {made} by store {store} ({store_name}), {sold}"))
}

fn root_text(root: Anchor, purpose: Option<Purpose>) -> String {
    let pinned = if root.is_pinned() { "pinned" } else { "not pinned" };
    let purpose = purpose.map(|purpose| format!(", for {purpose} use")).unwrap_or_default();
    format!("{}, {pinned}{purpose}", root.fingerprint())
}

fn binding_text(binding: &Binding) -> String {
    match binding {
        Binding::Unbound => "its certificate is bound to none".to_owned(),
        Binding::Same(hardware) => format!("{hardware}, as its certificate says"),
        Binding::CopyOf { bound, found } => format!("a copy of {bound}: this is {}", found.en()),
        Binding::NotChecked { bound: Some(bound), reason } => {
            format!("not checked against {bound}: {reason}")
        }
        Binding::NotChecked { bound: None, reason } => format!("not checked: {reason}"),
    }
}

fn binding_fields(binding: &Binding) -> Value {
    match binding {
        Binding::Unbound => json!({ "binding": "unbound" }),
        Binding::Same(bound) => json!({ "binding": "same", "bound": bound }),
        Binding::CopyOf { bound, found } => {
            json!({ "binding": "copy", "bound": bound, "found": found.en() })
        }
        Binding::NotChecked { bound, reason } => {
            json!({ "binding": "not-checked", "bound": bound, "reason": reason })
        }
    }
}

fn balance_text(balance: &Balance) -> String {
    let records = if balance.records == 1 { "record" } else { "records" };
    let behind =
        balance.checkpoint.map(|number| format!(" behind checkpoint {number}")).unwrap_or_default();
    let sum = balance.currency.show(balance.amount);
    format!("{} {records}{behind}, balance {sum}", balance.records)
}

fn history_text(history: &History) -> String {
    match history {
        History::Sound(balance) => format!("sound: {}", balance_text(balance)),
        History::Repaired { balance, lacking } => {
            let lacking = lacking.join(" and ");
            format!(
                "repaired by the other copy: {}; copy {lacking} lacks some",
                balance_text(balance)
            )
        }
        History::Restored { balance, hole } => {
            format!("{}; with this computer's copy: {}", hole.en(), balance_text(balance))
        }
        History::Damaged(reason) => format!("DAMAGED: {}", reason.en()),
        History::NotChecked(reason) => format!("not checked: {}", reason.en()),
    }
}

fn history_fields(history: &History) -> Value {
    let with = |state: &str, balance: &Balance, lacking: &[&str]| {
        json!({
            "state": state,
            "records": balance.records,
            "codes": balance.codes,
            "opened": balance.holder == Holder::Owner,
            "generation": balance.generation,
            "checkpoint": balance.checkpoint,
            "balance": {
                "minor": balance.amount.minor().to_string(),
                "currency": balance.currency.currency().code(),
            },
            "lacking": lacking,
        })
    };
    match history {
        History::Sound(balance) => with("sound", balance, &[]),
        History::Repaired { balance, lacking } => with("repaired", balance, lacking),
        History::Restored { balance, hole } => {
            let mut fields = with("restored", balance, &[]);
            fields["hole"] = hole.en().into();
            fields
        }
        History::Damaged(reason) => json!({ "state": "damaged", "reason": reason.en() }),
        History::NotChecked(reason) => json!({ "state": "not-checked", "reason": reason.en() }),
    }
}

fn rival_text(rival: &Rival) -> String {
    let Rival { copy, from, records, follows } = rival;
    let count = records.len();
    let signed = if *follows { "which follow as well" } else { "which do not follow" };
    format!("copy {copy} has {count} other records from #{from} on, {signed}; they don't count")
}

impl Rival {
    /// The same as JSON.
    pub fn fields(&self) -> Value {
        let Self { copy, from, records, follows } = self;
        json!({ "copy": copy, "from": from, "records": records.len(), "follows": follows })
    }
}

fn access_text(access: &Access) -> String {
    match access {
        Access::Sound => "sound".to_owned(),
        Access::OneCopy(reason) => format!("in one copy alone; {}", reason.en()),
        Access::Damaged(reason) => format!("DAMAGED: {}", reason.en()),
        Access::NotChecked(reason) => format!("not checked: {}", reason.en()),
    }
}

fn access_fields(access: &Access) -> Value {
    let (state, reason) = match access {
        Access::Sound => ("sound", None),
        Access::OneCopy(reason) => ("one-copy", Some(reason)),
        Access::Damaged(reason) => ("damaged", Some(reason)),
        Access::NotChecked(reason) => ("not-checked", Some(reason)),
    };
    json!({ "state": state, "reason": reason.map(Phrase::en) })
}

fn items_text(items: &ItemKeys) -> String {
    match items {
        ItemKeys::Sound(keys) => format!("sound: {keys}"),
        ItemKeys::Repaired { keys, lacking } => {
            format!("repaired by the other copy: {keys}; copy {} lacks some", lacking.join(" and "))
        }
        ItemKeys::Damaged { keys, lost } => {
            format!("DAMAGED: {lost} in both copies; {keys} are whole")
        }
        ItemKeys::NotChecked(reason) => format!("not checked: {}", reason.en()),
    }
}

fn items_fields(items: &ItemKeys) -> Value {
    let with = |state: &str, keys: usize| json!({ "state": state, "keys": keys });
    match items {
        ItemKeys::Sound(keys) => with("sound", *keys),
        ItemKeys::Repaired { keys, lacking } => {
            let mut fields = with("repaired", *keys);
            fields["lacking"] = json!(lacking);
            fields
        }
        ItemKeys::Damaged { keys, lost } => {
            let mut fields = with("damaged", *keys);
            fields["lost"] = json!(lost);
            fields
        }
        ItemKeys::NotChecked(reason) => {
            json!({ "state": "not-checked", "reason": reason.en() })
        }
    }
}

fn papers_text(papers: &Papers) -> String {
    match papers {
        Papers::None => "this medium has no place for any".to_owned(),
        Papers::Sound(papers) => format!("sound: {papers}"),
        Papers::Repaired { papers, lacking } => {
            let lacking = lacking.join(" and ");
            format!("repaired by the other copy: {papers}; copy {lacking} lacks some")
        }
        Papers::Damaged(papers) => format!(
            "DAMAGED: some in both copies; {papers} are whole; apply the checkpoint's file again"
        ),
        Papers::NotChecked(reason) => format!("not checked: {}", reason.en()),
    }
}

fn papers_fields(papers: &Papers) -> Value {
    match papers {
        Papers::None => json!({ "state": "none" }),
        Papers::Sound(papers) => json!({ "state": "sound", "papers": papers }),
        Papers::Repaired { papers, lacking } => {
            json!({ "state": "repaired", "papers": papers, "lacking": lacking })
        }
        Papers::Damaged(papers) => json!({ "state": "damaged", "papers": papers }),
        Papers::NotChecked(reason) => json!({ "state": "not-checked", "reason": reason.en() }),
    }
}

fn fault_text(fault: &Fault) -> String {
    let mut parts = vec![fault.phrase().en().to_owned()];
    parts.extend(fault.blocks.as_ref().map(|blocks| match blocks.end - blocks.start {
        1 => format!("block {}", blocks.start),
        _ => format!("blocks {} to {}", blocks.start, blocks.end - 1),
    }));
    parts.extend(fault.damage.map(|damage| damage.to_string()));
    parts.extend(fault.hashes.map(|Hashes { expected, found }| {
        let (found, expected) = (HEXLOWER.encode(&found[..8]), HEXLOWER.encode(&expected[..8]));
        format!("hash is {found}…, expected {expected}…")
    }));
    parts.join("; ")
}

fn fault_fields(fault: &Fault) -> Value {
    json!({
        "part": fault.part.to_string(),
        "reason": fault.reason.en(),
        "blocks": fault.blocks.as_ref().map(range_fields),
        "kind": fault.damage.map(|damage| damage.to_string()),
        "found": fault.hashes.map(|hashes| HEXLOWER.encode(&hashes.found)),
        "expected": fault.hashes.map(|hashes| HEXLOWER.encode(&hashes.expected)),
    })
}

fn range_fields(range: &Range<u64>) -> Value {
    json!({ "first": range.start, "last": range.end.saturating_sub(1) })
}

fn touch_text(touch: &Touch) -> String {
    touch.what.en().to_owned()
}
