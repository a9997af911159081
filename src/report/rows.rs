//! The findings as data in the page: one array each, texts that return stand once.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::io::Write;

use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};

use super::facts::Run;
use super::standing::{Standing, State, spoken};
use super::totals::Totals;
use super::{ReportError, words};
use crate::format::plan::{Finding, PlanEntry, Side};
use crate::reconcile::{PlanError, shown_id};
use crate::tool::printable;
use crate::units::{MediumId, Sequence, StoreId};
use crate::words::{Language, Phrase};

/// Write the object that the page's script reads: words, findings, and the texts they name.
pub(super) fn write_data<E: Borrow<PlanEntry>>(
    out: &mut dyn Write,
    run: &Run<'_>,
    totals: &Totals,
    entries: impl Iterator<Item = Result<E, PlanError>>,
) -> Result<(), ReportError> {
    let head = safe(&head(run, totals));
    let head = head.strip_suffix('}').expect("an object ends so");
    write!(out, "{head},\n\"findings\":[")?;
    let mut texts = Texts { language: run.language, places: BTreeMap::new(), all: vec![] };
    let mut first = true;
    for entry in entries {
        let entry = entry?;
        let entry = entry.borrow();
        for finding in &entry.findings {
            let row = safe(&row(entry, finding, &mut texts));
            write!(out, "{}\n{row}", if first { "" } else { "," })?;
            first = false;
        }
    }
    write!(out, "],\n\"texts\":{}}}", safe(&json!(texts.all)))?;
    Ok(())
}

/// JSON that ends no element and begins none.
fn safe(value: &Value) -> String {
    let text = value.to_string();
    text.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

/// Texts that many findings share.
struct Texts {
    language: Language,
    places: BTreeMap<String, usize>,
    all: Vec<String>,
}

impl Texts {
    fn place(&mut self, text: String) -> usize {
        *self.places.entry(text).or_insert_with_key(|text| {
            self.all.push(text.clone());
            self.all.len() - 1
        })
    }
}

fn head(run: &Run<'_>, totals: &Totals) -> Value {
    let say = |phrase: Phrase| phrase.text(run.language).to_owned();
    let classes: BTreeMap<_, _> =
        totals.classes.keys().map(|class| (class.word(), say(words::class_name(*class)))).collect();
    let states: BTreeMap<_, _> =
        State::ALL.iter().map(|state| (state.word(), say(words::state_name(*state)))).collect();
    json!({
        "language": run.language.tag(),
        "money": {
            "sign": run.form.sign(),
            "code": run.form.currency().code(),
            "exponent": run.form.exponent(),
        },
        "classes": classes,
        "states": states,
        "words": {
            "shown": say(words::shown("{shown}", "{all}", "{sum}")),
            "more": say(words::more("{count}")),
            "rule": say(words::rule()),
            "owner": say(words::owner()),
            "sides": say(words::sides()),
            "bytes": say(words::bytes("{count}")),
            "nothing": say(words::no_hash()),
            "whole": say(words::whole_number()),
            "details": say(words::details()),
            "state": say(words::state()),
            "decided": say(words::decided()),
            "store": say(words::store()),
            "answered": say(words::answered_by("{number}")),
            "answers": say(words::will_answer("{number}")),
        },
    })
}

fn row(entry: &PlanEntry, finding: &Finding, texts: &mut Texts) -> Value {
    let standing = Standing::of(entry, finding);
    let language = texts.language;
    let rule = printable(&words::rule_in(language, finding.class, &finding.rule)).into_owned();
    let owner = printable(&words::owner_in(language, finding.class, &finding.owner)).into_owned();
    json!([
        shown_id(&finding.id),
        HEXLOWER.encode(&finding.id),
        finding.class.word(),
        finding.medium.map(MediumId::grouped),
        finding.store.map(StoreId::number),
        finding.seq.map(Sequence::number),
        finding.amount.to_string(),
        standing.state.word(),
        standing.checkpoint,
        texts.place(rule),
        texts.place(owner),
        finding.sides.iter().map(side).collect::<Vec<_>>(),
        finding.decided.as_ref().map(spoken),
    ])
}

/// What it is, its hash unless that is all zeros, and its bytes.
fn side(side: &Side) -> Value {
    let hash = (side.hash != [0; 32]).then(|| BASE64.encode(&side.hash));
    json!([printable(&side.what), hash, side.bytes.as_ref().map(|bytes| BASE64.encode(&bytes.0))])
}
