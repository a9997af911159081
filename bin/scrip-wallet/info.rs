//! `info`: originality, balance and catalogue, without a password.
//!
//! With `--json` the last line is an object of type `result`:
//! - `exit`: the exit code; `originality`: `sealed`, `touched`, `altered`, `files-intact` or
//!   `no-medium`; `medium`: the number's twelve digits;
//! - `balance`: `minor` as text and `currency`, none if the journal could not be read; `root`: its
//!   fingerprint and what is known of it, for a person;
//! - `catalogue`: of each item `id`, `title`, `kind`, `price` for a person, and `affordable`;
//! - `check`: the report that `scrip-verify check --json` gives, with `journal.records`, `.codes`
//!   spent, `.generation`, and `.opened`, false while the key is still the one the store made.

use scrip::format::edition::{Catalogue, Settings};
use scrip::format::{Kind, Object};
use scrip::image::check::{Grade, Report};
use scrip::image::layout::{CATALOGUE_PATH, SETTINGS_PATH};
use scrip::phrases;
use scrip::tool::{Exit, Failure, Interrupt, Output, Source, money};
use scrip::wallet::{Overview, advice};
use scrip::words::{Language, Phrase};
use serde_json::json;

use crate::cli::Common;
use crate::medium::{check, path, root_word};

phrases! {
    fn root_line(root) { en: "  root          {root}", ja: "  発行元        {root}" }
}

/// Show the medium.
pub(crate) fn info(
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let path = path(common)?;
    let source = Source::open(&path)?;
    let report = check(&source, &path, common, output, interrupt)?;
    let read = |path, kind: Kind| source.file(path, kind.bytes_max() as u64);
    let original = report.grade() < Grade::Damaged;
    let catalogue = read(CATALOGUE_PATH, Kind::Catalogue).filter(|_| original);
    let settings = read(SETTINGS_PATH, Kind::Settings).filter(|_| original);
    let overview = Overview::new(
        &report,
        catalogue.and_then(|bytes| Catalogue::decode(&bytes).ok()),
        settings.and_then(|bytes| Settings::decode(&bytes).ok()),
    );
    let (exit, root) = root_word(&report);
    for line in overview.lines() {
        output.line(line);
    }
    if let Some(root) = &root {
        output.line(root_line(root));
    }
    if !original {
        match output.language() {
            Language::English => report.lines().iter().for_each(|line| output.note(line)),
            // What lies deepest is told in English alone; this is all that an owner can act on.
            Language::Japanese => advice(&report).iter().for_each(|line| output.note(line)),
        }
    }
    tell_json(&overview, &report, root.as_ref().map(Phrase::en), exit, output);
    Ok(exit)
}

fn tell_json(
    overview: &Overview<'_>,
    report: &Report,
    root: Option<&str>,
    exit: Exit,
    output: &Output,
) {
    let offers: Vec<_> = overview
        .offers()
        .iter()
        .map(|offer| {
            json!({
                "id": offer.item.id,
                "title": offer.item.title,
                "kind": offer.item.kind.word(),
                "price": offer.price.en(),
                "affordable": offer.affordable,
            })
        })
        .collect();
    let balance =
        overview.balance().map(|balance| money(balance.amount, balance.currency.currency()));
    let fields = json!({
        "originality": report.verdict.word(),
        "medium": report.medium.as_ref().map(|medium| medium.number.to_string()),
        "balance": balance,
        "root": root,
        "catalogue": offers,
        "check": report.fields(),
    });
    output.result(exit, &fields);
}
