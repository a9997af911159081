//! A run as an object for programs; `docs/reconcile.schema.json` describes it.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::facts::Run;
use super::standing::{Standing, State};
use super::totals::Totals;
use crate::format::plan::{AccountKind, Finding, PlanEntry, Side};
use crate::reconcile::{PlanError, shown_id};
use crate::units::{MediumId, Sequence, StoreId};

/// All of a run but its findings; sums are minor units as text.
pub fn object(run: &Run<'_>, totals: &Totals) -> Value {
    let skipped = run.control.skipped.iter();
    let skipped: Vec<Value> = skipped
        .map(|file| json!({ "file": file.name, "why": file.why, "damage": file.damage }))
        .collect();
    let classes: BTreeMap<&str, Value> = totals
        .classes
        .iter()
        .map(|(class, sum)| {
            (class.word(), json!({ "count": sum.count, "minor": sum.minor.to_string() }))
        })
        .collect();
    let states: BTreeMap<&str, u64> = State::ALL
        .iter()
        .map(|state| (state.word(), *totals.states.get(state).unwrap_or(&0)))
        .collect();
    json!({
        "currency": run.form.currency().code(),
        "exponent": run.form.exponent(),
        "as_of": run.as_of.seconds(),
        "read": run.control.read,
        "skipped": skipped,
        "records": run.control.records,
        "media": totals.media,
        "settles": totals.postings,
        "classes": classes,
        "states": states,
        "moves": moves(totals),
        "books": books(run, totals),
        "plan": run.plan_file,
        "plan_hash": HEXLOWER.encode(&run.plan),
    })
}

/// The findings of a run, each as an object.
pub fn finding_objects<E: Borrow<PlanEntry>>(
    entries: impl IntoIterator<Item = Result<E, PlanError>>,
) -> impl Iterator<Item = Result<Value, PlanError>> {
    entries.into_iter().flat_map(|entry| match entry {
        Ok(entry) => {
            let entry = entry.borrow();
            entry.findings.iter().map(|finding| Ok(found(entry, finding))).collect()
        }
        Err(error) => vec![Err(error)],
    })
}

fn moves(totals: &Totals) -> Vec<Value> {
    let flows = totals.flows.iter();
    let told = flows.map(|((from, to), sum)| {
        json!({ "from": from.word(), "to": to.word(), "minor": sum.to_string() })
    });
    told.collect()
}

/// What each kind of account has before and after; debits less credits.
fn books(run: &Run<'_>, totals: &Totals) -> BTreeMap<&'static str, Value> {
    let changes = totals.changes();
    let of = |kind: &AccountKind| {
        let before = *run.books.get(kind).unwrap_or(&0);
        let after = before.saturating_add(*changes.get(kind).unwrap_or(&0));
        let sums = json!({ "before": before.to_string(), "after": after.to_string() });
        (kind.word(), sums)
    };
    AccountKind::ALL.iter().map(of).collect()
}

fn found(entry: &PlanEntry, finding: &Finding) -> Value {
    let standing = Standing::of(entry, finding);
    json!({
        "id": shown_id(&finding.id),
        "finding": HEXLOWER.encode(&finding.id),
        "class": finding.class.word(),
        "medium": finding.medium.map(|medium: MediumId| medium.to_string()),
        "store": finding.store.map(StoreId::number),
        "seq": finding.seq.map(Sequence::number),
        "minor": finding.amount.to_string(),
        "sides": finding.sides.iter().map(side).collect::<Vec<_>>(),
        "rule": finding.rule,
        "owner": finding.owner,
        "state": standing.state.word(),
        "checkpoint": standing.checkpoint,
        "settled": entry.posting.is_some(),
        "stake": finding.stake.map(|stake| stake.minor().to_string()),
        "decided": finding.decided.as_ref().map(|decided| json!({
            "verdict": decided.verdict.word(),
            "by": decided.by,
            "at": decided.at.to_string(),
            "text": decided.text,
        })),
    })
}

fn side(side: &Side) -> Value {
    let bytes = side.bytes.as_ref().map(|bytes| HEXLOWER.encode(&bytes.0));
    json!({ "what": side.what, "hash": HEXLOWER.encode(&side.hash), "bytes": bytes })
}
