//! What owners and shops are told once a plan is settled: each event, and sums that add up.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use super::town::Town;

const DIALS: [(&str, u32); 4] = [("clones", 150), ("liars", 150), ("voids", 200), ("unsold", 100)];

fn minor(value: &Value) -> i64 {
    value["minor"].as_str().unwrap().parse().unwrap()
}

/// A town whose evidence was reconciled and settled, and what reconciling it said.
fn settled() -> (Town, Value) {
    let town = Town::planted(40, &DIALS);
    let result = town.reconcile(&["--json", "--plan", "a.plan"]).result();
    town.server(&["settle", "../../a.plan", "--out", "../../out", "--yes"]).says(0, "posted");
    (town, result)
}

#[test]
fn a_statement_lists_each_event_and_runs_to_its_closing() {
    let (town, _) = settled();
    let truth = fs::read(town.path("town/truth.json")).unwrap();
    let truth: Value = serde_json::from_slice(&truth).unwrap();
    let (mut events, mut sums) = (BTreeSet::new(), 0);
    for own in truth["accounts"].as_array().unwrap() {
        let medium = own["medium"].as_str().unwrap();
        let told = town.server(&["statement", medium, "--json"]).result();
        let mut then = ["unredeemed", "balance"].map(|name| minor(&told["opening"][name]));
        for line in told["lines"].as_array().unwrap() {
            for (sum, name) in then.iter_mut().zip(["unredeemed", "balance"]) {
                *sum += minor(&line[name]);
                assert_eq!(minor(&line["then"][name]), *sum, "{medium}: {line}");
            }
            match line["event"].as_str() {
                Some(event) => assert!(events.insert(event.to_owned()), "{event} stands twice"),
                None => sums += usize::from(line["by"].as_str().unwrap().starts_with("checkpoint")),
            }
            let whose = line["party"].as_str().unwrap();
            let paid = ["spent", "earned"].contains(&line["what"].as_str().unwrap());
            assert!(!paid || !whose.is_empty(), "{line}");
        }
        let closing = ["unredeemed", "balance"].map(|name| minor(&told["closing"][name]));
        assert_eq!(then, closing, "{medium}");
    }
    assert!(events.len() > 500 && events.len() > 20 * sums, "{} and {sums}", events.len());
}

#[test]
fn dues_of_months_follow_each_other_and_name_what_came_back_too_late() {
    let (town, result) = settled();
    let names = ["opening", "sold", "voided", "paid", "owed"];
    let dues = |period: &str| {
        let told = town.server(&["dues", "--json", "--period", period]).result();
        let stores = told["stores"].as_array().unwrap().clone();
        for store in &stores {
            let [opening, sold, voided, paid, owed] = names.map(|name| minor(&store[name]));
            assert_eq!(opening + sold + voided + paid, owed, "{period}: {store}");
        }
        stores
    };
    let all = dues("1970-01..2099-12");
    let mut last: Vec<i64> = all.iter().map(|_| 0).collect();
    let mut sold = last.clone();
    let parts =
        ["1970-01..2025-12", "2026-01..2026-12", "2027-01-01..2027-12-31", "2028-01..2099-12"];
    for period in parts {
        for (place, store) in dues(period).iter().enumerate() {
            assert_eq!(minor(&store["opening"]), last[place], "{period}: {store}");
            last[place] = minor(&store["owed"]);
            sold[place] += minor(&store["sold"]);
        }
    }
    let owed = |name: &str| all.iter().map(|store| minor(&store[name])).collect::<Vec<_>>();
    assert_eq!((last, sold), (owed("owed"), owed("sold")));
    assert_eq!(too_late(&all), by_findings(&result));
    let shown = town.server(&["dues", "--period", "1970-01..2099-12"]);
    shown.says(0, "redeemed though voided, not owed above: ¥");
    let before = dues("1970-01..1971-12");
    assert!(before.iter().all(|store| store["redeemed_though_voided"] == json!([])));
    town.server(&["dues", "--period", "2026-12..2026-11"]).says(2, "it ends before it begins");
}

/// What dues tell of sales that were taken back too late, by their media.
fn too_late(stores: &[Value]) -> BTreeMap<String, i64> {
    let mut late = BTreeMap::new();
    for one in stores.iter().flat_map(|store| store["redeemed_though_voided"].as_array().unwrap()) {
        *late.entry(one["medium"].as_str().unwrap().to_owned()).or_default() +=
            minor(&one["amount"]);
    }
    late
}

/// What reconciling told of them.
fn by_findings(result: &Value) -> BTreeMap<String, i64> {
    let findings = result["findings"].as_array().unwrap().iter();
    let found = findings.filter(|finding| finding["class"] == "redeemed-after-void");
    let found: BTreeMap<String, i64> = found
        .map(|finding| {
            let sum = finding["minor"].as_str().unwrap().parse().unwrap();
            (finding["medium"].as_str().unwrap().to_owned(), sum)
        })
        .collect();
    assert!(found.len() > 2, "{found:?}");
    found
}
