//! What a plan posts, as other programs of accountants read it.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::town::Town;
use crate::plain_text::{by_beancount, by_hledger};

const DIALS: [(&str, u32); 4] = [("clones", 200), ("liars", 200), ("voids", 200), ("unsold", 100)];

/// What each account has by the books of the issuer.
fn balances(town: &Town) -> BTreeMap<String, i64> {
    let told = town.server(&["books", "--json"]).result();
    let row = |told: &Value| {
        let minor = told["balance"]["minor"].as_str().unwrap().parse().unwrap();
        (told["account"].as_str().unwrap().to_owned(), minor)
    };
    told["accounts"].as_array().unwrap().iter().map(row).collect()
}

fn numbers(sums: BTreeMap<String, String>) -> BTreeMap<String, i64> {
    sums.into_iter().map(|(account, sum)| (account, sum.parse().unwrap())).collect()
}

#[test]
fn what_the_plan_posts_is_what_hledger_and_beancount_read_of_it() {
    let town = Town::planted(40, &DIALS);
    let asked = ["--json", "--plan", "a.plan", "--export-ledger", "a.journal"];
    let result = town.reconcile(&asked).result();
    let journal = town.path("a.journal");
    let (by_one, by_other) = (numbers(by_hledger(&journal)), numbers(by_beancount(&journal)));
    assert_eq!(by_one, by_other);
    let kinds: i64 =
        by_one.iter().filter(|(name, _)| name.contains(":Outstanding:")).map(|(_, sum)| sum).sum();
    let books = &result["books"]["outstanding"];
    let minor = |value: &Value| value.as_str().unwrap().parse::<i64>().unwrap();
    assert_eq!(kinds, minor(&books["after"]) - minor(&books["before"]));
    let before = balances(&town);
    town.server(&["settle", "../../a.plan", "--out", "../../out", "--yes"]).says(0, "posted");
    let mut changes = balances(&town);
    for (account, sum) in before {
        *changes.entry(account).or_default() -= sum;
    }
    changes.retain(|account, sum| *sum != 0 || by_one.contains_key(account));
    assert!(changes.len() > 40 && changes.keys().any(|name| name.starts_with("Income:Revenue:")));
    assert_eq!(by_one, changes);
    // They do check: a sum that was changed is found.
    let text = fs::read_to_string(&journal).unwrap();
    let sum = text.lines().find(|line| line.starts_with("  Liabilities:Outstanding")).unwrap();
    fs::write(&journal, text.replacen(sum, &sum.replace(" JPY", "1 JPY"), 1)).unwrap();
    let refused = Command::new("hledger").arg("-f").arg(&journal).arg("check").output().unwrap();
    assert!(!refused.status.success(), "hledger took a journal that is out of balance");
}

#[test]
fn a_plan_that_posts_nothing_is_a_journal_of_nothing() {
    let town = Town::planted(8, &[]);
    town.reconcile(&["--plan", "a.plan"]).says(1, "medium-ahead");
    town.server(&["settle", "../../a.plan", "--out", "../../out", "--yes"]).says(0, "posted");
    town.reconcile(&["--export-ledger", "b.journal"]).says(0, "nothing is to be settled");
    let journal = town.path("b.journal");
    assert_eq!((by_hledger(&journal), by_beancount(&journal)), (BTreeMap::new(), BTreeMap::new()));
}
