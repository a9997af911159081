//! The page of a real run in a real browser.

use std::collections::BTreeMap;
use std::fs::{self, File};

use scrip::format::plan::{Class, Finding, PlanEntry, Side};
use scrip::report::{Control, Run, Totals, write_page};
use scrip::tool::Exit;
use scrip::units::{CurrencyForm, MediumId};
use scrip::words::Language;
use serde_json::{Value, json};

use super::browser::Browser;
use super::town::{HOSTILE, Town, text_of};
use crate::world::{at, yen};

const DIALS: [(&str, u32); 8] = [
    ("clones", 100),
    ("rewinds", 100),
    ("stolen", 100),
    ("liars", 100),
    ("voids", 100),
    ("damaged", 150),
    ("clocks", 100),
    ("unsold", 100),
];
/// So many findings are drawn at first.
const DRAWN: usize = 100;

/// Choose something in a control, as whoever uses it does.
fn choose(browser: &mut Browser, control: &str, value: &str) {
    let value = json!(value);
    browser.value(&format!(
        "(() => {{ const c = document.getElementById('{control}'); c.value = {value}; \
         c.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()"
    ));
}

/// Wait until so many are found, and that many or the first of them are drawn.
#[track_caller]
fn shows(browser: &mut Browser, count: usize, all: usize) {
    browser.until(
        "document.getElementById('count').textContent.split(' findings')[0]",
        &json!(format!("{count} of {all}")),
    );
    let drawn = json!([count.min(DRAWN), count != 0, count <= DRAWN]);
    let found = "[document.querySelectorAll('tr.finding').length, \
                 document.getElementById('nothing').hidden, document.getElementById('more').hidden]";
    assert_eq!(browser.value(found), drawn);
}

/// What stands in a column of all rows that are drawn.
fn column(browser: &mut Browser, class: &str) -> Vec<String> {
    let cells = browser.value(&format!(
        "[...document.querySelectorAll('tr.finding > .{class}')].map((cell) => cell.textContent)"
    ));
    cells.as_array().unwrap().iter().map(|cell| cell.as_str().unwrap().to_owned()).collect()
}

/// How many findings have each value of a field.
fn counted(findings: &[Value], field: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for value in findings.iter().map(|finding| &finding[field]).filter(|value| !value.is_null()) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        *counts.entry(value).or_default() += 1;
    }
    counts
}

#[test]
fn a_page_is_searched_sorted_and_printed_and_asks_for_nothing() {
    let town = Town::planted(80, &DIALS);
    town.add(HOSTILE, b"dear diary");
    let (result, page) = town.page("report.html", &[]);
    let findings = result["findings"].as_array().unwrap();
    let all = findings.len();
    assert!(all > DRAWN && result["exit"] == 4, "{all} findings, {}", result["exit"]);
    let mut browser = Browser::open(&page);
    browser.screen(1280, "light");
    shows(&mut browser, all, all);
    filters(&mut browser, findings);
    order_and_details(&mut browser, findings);
    let hostile = "document.querySelector('#skipped td').textContent";
    assert_eq!(
        browser.value(hostile),
        json!(format!("town/evidence/{}", HOSTILE.replace('\u{202e}', "\\u{202e}")))
    );
    let banner = browser.value("document.querySelector('.banner').textContent");
    for words in ["Exit code 4", "1 file not read. Nothing", "Damage or forgery is among"] {
        assert!(banner.as_str().unwrap().contains(words), "{banner}");
    }
    looks(&mut browser);
    printed(&mut browser, findings, &town);
    assert_eq!(browser.value("document.title"), json!("Reconciliation report"));
    assert_eq!(browser.requests(), [format!("file://{}", page.display())]);
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}

fn filters(browser: &mut Browser, findings: &[Value]) {
    let all = findings.len();
    let classes = counted(findings, "class");
    assert!(classes.len() > 6, "{classes:?}");
    for (control, counts) in [
        ("class", classes),
        ("store", counted(findings, "store")),
        ("state", counted(findings, "state")),
    ] {
        for (value, count) in counts {
            choose(browser, control, &value);
            let shown = match (control, value.as_str()) {
                ("store", _) => format!("Store {value}"),
                ("state", "planned") => "to be settled".to_owned(),
                _ => value,
            };
            let class = if control == "store" { "medium" } else { control };
            let fits = format!(
                "[...document.querySelectorAll('tr.finding > .{class}')]\
                 .every((cell) => cell.textContent.endsWith({}))",
                json!(shown)
            );
            browser.until(&fits, &json!(true));
            shows(browser, count, all);
        }
        choose(browser, control, "");
    }
    shows(browser, all, all);
    for (medium, count) in counted(findings, "medium").into_iter().take(3) {
        choose(browser, "medium", &format!("{} {}", &medium[..4], &medium[4..]));
        shows(browser, count, all);
    }
    choose(browser, "medium", "");
    let one = &findings[all / 2];
    let hash = one["sides"][0]["hash"].as_str().unwrap();
    let number = one["id"].as_str().unwrap();
    choose(browser, "text", &format!("{} {}", number.to_lowercase(), &hash[..20]));
    shows(browser, 1, all);
    assert_eq!(column(browser, "id"), [number]);
    choose(browser, "text", "no finding says this");
    shows(browser, 0, all);
    browser.value("document.getElementById('reset').click()");
    shows(browser, all, all);
}

fn order_and_details(browser: &mut Browser, findings: &[Value]) {
    let minor = |finding: &Value| finding["minor"].as_str().unwrap().parse::<i64>().unwrap();
    let least = findings.iter().map(minor).min().unwrap();
    let amount = |minor: i64| minor.abs().to_string();
    let first = "document.querySelector('tr.finding .number').textContent.replace(/\\D/g, '')";
    browser.value("document.querySelector('[data-sort=amount]').click()");
    browser.until(first, &json!(amount(least)));
    browser.value("document.querySelector('[data-sort=amount]').click()");
    let most = findings.iter().map(minor).max().unwrap();
    browser.until(first, &json!(amount(most)));
    browser.value("document.querySelector('[data-sort=medium]').click()");
    let more = "document.getElementById('more').click(), \
                document.querySelectorAll('tr.finding').length";
    assert_eq!(browser.value(more), json!(findings.len().min(2 * DRAWN)));
    let place = findings.iter().position(|one| one["sides"][0]["bytes"].is_string()).unwrap();
    let opened = browser.value(&format!(
        "(() => {{ const body = document.querySelectorAll('#list tbody')[{place}]; \
         body.querySelector('.id button').click(); \
         body.querySelectorAll('details').forEach((one) => {{ one.open = true; }}); \
         return body.querySelector('.id button').getAttribute('aria-expanded'); }})()"
    ));
    assert_eq!(opened, "true");
    let finding = &findings[place];
    browser.until("document.querySelectorAll('pre').length > 0", &json!(true));
    let told = browser.value("document.querySelector('tr.details').textContent");
    let told = told.as_str().unwrap();
    for side in finding["sides"].as_array().unwrap() {
        assert!(told.contains(side["what"].as_str().unwrap()), "{told}");
        assert!(told.contains(side["hash"].as_str().unwrap()), "{told}");
    }
    let bytes = finding["sides"][0]["bytes"].as_str().unwrap();
    assert!(told.replace(' ', "").contains(bytes), "{told}");
    for field in ["rule", "owner"] {
        assert!(told.contains(finding[field].as_str().unwrap()), "{told}");
    }
}

/// Narrow and dark.
fn looks(browser: &mut Browser) {
    let wide = "[document.documentElement.scrollWidth <= innerWidth, innerWidth]";
    assert_eq!(browser.value(wide), json!([true, 1280]));
    let paper = "getComputedStyle(document.body).backgroundColor";
    let light = browser.value(paper);
    browser.screen(390, "dark");
    browser.until(wide, &json!([true, 390]));
    assert_ne!(browser.value(paper), light);
    let inside = "[...document.querySelectorAll('td, th, dd, p, input, select, svg')] \
        .filter((one) => one.getBoundingClientRect().right > 391).length";
    assert_eq!(browser.value(inside), json!(0));
    browser.screen(1280, "light");
}

fn printed(browser: &mut Browser, findings: &[Value], town: &Town) {
    choose(browser, "text", "no finding says this");
    shows(browser, 0, findings.len());
    let text = text_of(&browser.print(), &town.path(""));
    for finding in findings {
        let number = finding["id"].as_str().unwrap();
        assert!(text.contains(number), "{number} isn't printed");
    }
    for words in ["Control totals", "Files not read", "The books before and after"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("Show all") && !text.contains("Sort by"), "controls are printed");
    shows(browser, 0, findings.len());
}

#[test]
fn a_page_in_japanese_says_the_same_in_the_browser() {
    let town = Town::planted(8, &[("voids", 1000)]);
    let (result, page) = town.page("報告.html", &["--lang", "ja"]);
    let all = result["findings"].as_array().unwrap().len();
    let mut browser = Browser::open(&page);
    let count = browser.value("document.getElementById('count').textContent");
    assert!(count.as_str().unwrap().starts_with(&format!("{all}件のうち{all}件")), "{count}");
    let classes = column(&mut browser, "class");
    assert!(classes.contains(&"取消後の追加".to_owned()), "{classes:?}");
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}

#[test]
fn a_page_is_written_whole_and_over_nothing() {
    let town = Town::planted(8, &[]);
    town.reconcile(&["--report", "a.html"]).says(1, "medium-ahead");
    let first = fs::read(town.path("a.html")).unwrap();
    town.reconcile(&["--report", "a.html"]).says(5, "a.html");
    assert!(fs::read(town.path("a.html")).unwrap() == first);
    town.reconcile(&["--report", "b.html", "--plan", "b.html"]).says(2, "is to be two files");
    town.reconcile(&["--report", "none/b.html"]).says(4, "none");
    town.reconcile(&["--report", "b.html", "--lang", "xx"]).says(2, "expected en or ja");
    let left = fs::read_dir(town.path("")).unwrap().map(|one| one.unwrap().file_name());
    assert_eq!(left.filter(|name| name != "town").count(), 1, "nothing is left beside it");
}

/// A finding of its own for each number.
fn finding(number: u32) -> Finding {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    let side = Side { what: format!("record {number}"), hash: [7; 32], bytes: None };
    Finding {
        id,
        class: Class::Gap,
        medium: Some(MediumId::from_serial(number.into())),
        store: None,
        seq: None,
        amount: -1,
        sides: vec![side],
        rule: "a rule".to_owned(),
        owner: "A sentence.".to_owned(),
        stake: None,
        decided: None,
    }
}

#[test]
fn twenty_thousand_findings_are_searched_and_a_hundred_of_them_are_rows() {
    let entries = || {
        (1..=20_000).map(|number| {
            let (finding, posting) = (finding(number), None);
            Ok(PlanEntry { medium: finding.medium, before: None, findings: vec![finding], posting })
        })
    };
    let control = Control::default();
    let run = Run {
        control: &control,
        evidence: &[],
        records: "records.db",
        books: &BTreeMap::new(),
        as_of: at(0),
        made: at(0),
        form: CurrencyForm::usual(yen()),
        plan: [0; 32],
        plan_file: None,
        exit: Exit::Differences,
        program: "a test",
        language: Language::English,
    };
    let totals = Totals::of(entries()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    write_page(&mut File::create(&page).unwrap(), &run, &totals, entries()).unwrap();
    let mut browser = Browser::open(&page);
    let count = "document.getElementById('count').textContent";
    browser.until(count, &json!("20,000 of 20,000 findings, together -¥20,000"));
    let drawn = "document.querySelectorAll('tr.finding').length";
    assert_eq!(browser.value(drawn), json!(DRAWN));
    choose(&mut browser, "text", "record 19999");
    browser.until(count, &json!("1 of 20,000 findings, together -¥1"));
    assert_eq!(browser.value(drawn), json!(1));
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}
