//! One self-contained page: it loads nothing, says so to the browser, and prints whole.

use std::borrow::Borrow;
use std::io::Write;

use data_encoding::{BASE64, HEXLOWER};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::facts::Run;
use super::plots::Scale;
use super::rows::write_data;
use super::standing::State;
use super::totals::Totals;
use super::{ReportError, words};
use crate::crypto::digest::sha256;
use crate::format::plan::{AccountKind, PlanEntry};
use crate::reconcile::PlanError;
use crate::tool::{Exit, printable};
use crate::words::{Phrase, Spoken};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// So many paths of evidence are named.
const EVIDENCE_SHOWN: usize = 20;

/// Write the page of a run; the entries are those that `totals` were taken of.
pub fn write_page<E: Borrow<PlanEntry>>(
    out: &mut dyn Write,
    run: &Run<'_>,
    totals: &Totals,
    entries: impl IntoIterator<Item = Result<E, PlanError>>,
) -> Result<(), ReportError> {
    let say = Say { run };
    writeln!(out, "{}<html lang=\"{}\">", DOCTYPE.into_string(), run.language.tag())?;
    out.write_all(say.head().into_string().as_bytes())?;
    out.write_all(b"<body>\n")?;
    let mut part = |markup: Markup| writeln!(out, "{}", markup.into_string());
    part(html! { header { (say.title()) (say.banner(totals)) } })?;
    part(html! { section #control { (say.control(totals)) } })?;
    if !run.control.skipped.is_empty() {
        part(html! { section #skipped { (say.skipped()) } })?;
    }
    part(html! { section #classes { (say.classes(totals)) } })?;
    part(html! { section #money { (say.flows(totals)) (say.books(totals)) } })?;
    part(html! { section #findings { (say.findings(totals)) } })?;
    part(html! { footer { (say.foot()) } })?;
    out.write_all(b"<script id=\"data\" type=\"application/json\">\n")?;
    write_data(out, run, totals, entries.into_iter())?;
    write!(out, "\n</script>\n<script>{SCRIPT}</script>\n</body></html>\n")?;
    Ok(())
}

/// Says everything in one language.
#[derive(Clone, Copy)]
struct Say<'a> {
    run: &'a Run<'a>,
}

impl Say<'_> {
    fn text(self, phrase: impl Spoken) -> Markup {
        html! { (phrase.phrase().text(self.run.language)) }
    }

    fn sentence(self, phrase: Phrase) -> Markup {
        self.text(words::sentence(phrase))
    }

    fn plain(self, phrase: impl Spoken) -> String {
        phrase.phrase().text(self.run.language).to_owned()
    }

    fn sum(self, minor: i64) -> String {
        self.run.form.show_minor(minor)
    }

    fn head(self) -> Markup {
        let hash = |text: &str| format!("'sha256-{}'", BASE64.encode(&sha256(text.as_bytes())));
        let policy = format!(
            "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
            hash(STYLE),
            hash(SCRIPT)
        );
        html! {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                title { (self.text(words::title())) }
                style { (PreEscaped(STYLE)) }
            }
        }
    }

    fn title(self) -> Markup {
        html! {
            h1 { (self.text(words::title())) }
            p.about {
                (self.sentence(words::about(shown_time(&self.run.as_of.to_string())))) " "
                (self.sentence(words::currency(self.run.form.currency())))
            }
        }
    }

    /// How it ended, and what was not read: that must not be overlooked.
    fn banner(self, totals: &Totals) -> Markup {
        let (exit, found) = (self.run.exit, totals.exit());
        let skipped = self.run.control.skipped.len();
        let noun = if skipped == 1 { "file" } else { "files" };
        let files = Phrase::new(format!("{} {noun}", grouped(skipped)), grouped(skipped));
        let tone = match exit {
            Exit::Done => "calm",
            Exit::Differences => "differs",
            _ => "grave",
        };
        html! {
            div.banner.(tone) role="status" {
                p { strong { (self.sentence(words::verdict(exit))) } " "
                    span.exit { (self.text(words::ends_with(exit.code()))) } }
                @if found != exit { p { (self.sentence(words::of_the_read(words::verdict(found)))) } }
                @if skipped > 0 {
                    p { strong { (self.text(words::unread(files))) } " "
                        (self.text(words::unread_more())) }
                }
            }
        }
    }

    fn control(self, totals: &Totals) -> Markup {
        let (run, control) = (self.run, self.run.control);
        let more = run.evidence.len().saturating_sub(EVIDENCE_SHOWN);
        html! {
            h2 { (self.text(words::control())) }
            dl.control {
                dt { (self.text(words::files_read())) } dd { (grouped(control.files())) }
                @for (kind, count) in &control.read {
                    dt.part { (self.text(words::file_kind(kind))) } dd.part { (grouped(*count)) }
                }
                dt { (self.text(words::files_skipped())) }
                dd.loud[!control.skipped.is_empty()] { (grouped(control.skipped.len())) }
                dt { (self.text(words::media())) } dd { (grouped(totals.media)) }
                dt { (self.text(words::records_read())) } dd { (grouped(control.records)) }
                dt { (self.text(words::findings())) } dd { (grouped(totals.findings)) }
                @for state in State::ALL.iter().filter(|state| totals.states.contains_key(state)) {
                    dt.part { (self.text(words::state_name(*state))) }
                    dd.part { (grouped(totals.states[state])) }
                }
                dt { (self.text(words::to_settle())) } dd { (grouped(totals.postings)) }
            }
            dl.sources {
                dt { (self.text(words::evidence())) }
                dd {
                    @for path in run.evidence.iter().take(EVIDENCE_SHOWN) { p { bdi { (printable(path)) } } }
                    @if more > 0 { p { (self.text(words::and_more(more))) } }
                }
                dt { (self.text(words::records_at())) } dd { bdi { (printable(run.records)) } }
                dt { (self.text(words::plan())) }
                dd {
                    @if let Some(path) = run.plan_file { p { bdi { (printable(path)) } } }
                    @else { p { (self.text(words::no_plan())) } }
                    p.hash { "SHA-256 " (HEXLOWER.encode(&run.plan)) }
                }
                dt { (self.text(words::made())) }
                dd { (shown_time(&run.made.to_string())) ", " (run.program) }
            }
        }
    }

    fn skipped(self) -> Markup {
        html! {
            h2 { (self.text(words::files_skipped())) }
            table {
                thead { tr {
                    th scope="col" { (self.text(words::file())) }
                    th scope="col" { (self.text(words::why())) }
                } }
                tbody { @for file in &self.run.control.skipped {
                    tr {
                        td { bdi.path { (printable(&file.name)) } }
                        td {
                            @if file.damage { strong { (self.text(words::damaged_file())) } ": " }
                            bdi { (printable(&file.why)) }
                        }
                    }
                } }
            }
        }
    }

    fn classes(self, totals: &Totals) -> Markup {
        let classes = &totals.classes;
        let counts =
            || classes.values().map(|class| i64::try_from(class.count).unwrap_or(i64::MAX));
        let (by_count, by_sum) =
            (Scale::of(counts()), Scale::of(classes.values().map(|class| class.minor)));
        let share = |count| self.plain(words::share(count, totals.findings));
        html! {
            h2 { (self.text(words::by_class())) }
            p.about { (self.text(words::by_class_about())) }
            @if classes.is_empty() { p { (self.text(words::no_findings())) } }
            @else {
                table.plot {
                    thead { tr {
                        th scope="col" { (self.text(words::class())) }
                        th.number scope="col" { (self.text(words::count())) } td {}
                        th.number scope="col" { (self.text(words::amount())) } td {}
                    } }
                    tbody { @for ((class, sums), count) in classes.iter().zip(counts()) {
                        tr {
                            th scope="row" { (self.text(words::class_name(*class))) }
                            td.number { (grouped(sums.count)) }
                            td.drawn { (by_count.bar(count, &share(sums.count))) }
                            td.number { (self.sum(sums.minor)) }
                            td.drawn { (by_sum.bar(sums.minor, &self.sum(sums.minor))) }
                        }
                    } }
                }
            }
        }
    }

    fn flows(self, totals: &Totals) -> Markup {
        let minor = |sum: u64| i64::try_from(sum).unwrap_or(i64::MAX);
        let scale = Scale::of(totals.flows.values().map(|sum| minor(*sum)));
        html! {
            h2 { (self.text(words::flows())) }
            p.about { (self.text(words::flows_about())) }
            @if totals.flows.is_empty() { p { (self.text(words::no_flows())) } }
            @else {
                table.plot {
                    thead { tr {
                        th scope="col" { (self.text(words::debit())) }
                        th scope="col" { (self.text(words::credit())) }
                        th.number scope="col" { (self.text(words::amount())) } td {}
                    } }
                    tbody { @for ((debit, credit), sum) in &totals.flows {
                        tr {
                            td { (self.text(words::account_name(*debit))) }
                            td { (self.text(words::account_name(*credit))) }
                            td.number { (self.sum(minor(*sum))) }
                            td.drawn { (scale.bar(minor(*sum), &self.sum(minor(*sum)))) }
                        }
                    } }
                }
            }
        }
    }

    fn books(self, totals: &Totals) -> Markup {
        let changes = totals.changes();
        let of = |kind: AccountKind| {
            let before = *self.run.books.get(&kind).unwrap_or(&0);
            let change = *changes.get(&kind).unwrap_or(&0);
            [before, change, before.saturating_add(change)]
        };
        let known = |kind: &AccountKind| of(*kind) != [0; 3];
        let kinds = AccountKind::ALL.iter().copied().filter(known);
        let all = kinds.clone().map(of).fold([0_i64; 3], |all, sums| {
            std::array::from_fn(|at| all[at].saturating_add(sums[at]))
        });
        html! {
            h2 { (self.text(words::books())) }
            p.about { (self.text(words::books_about())) }
            table.books {
                thead { tr {
                    th scope="col" { (self.text(words::account())) }
                    @for name in [words::before(), words::change(), words::after()] {
                        th.number scope="col" { (self.text(name)) }
                    }
                } }
                tbody { @for kind in kinds {
                    tr {
                        th scope="row" { (self.text(words::account_name(kind))) }
                        @for sum in of(kind) { td.number { (self.sum(sum)) } }
                    }
                } }
                tfoot { tr {
                    th scope="row" { (self.text(words::total())) }
                    @for sum in all { td.number { (self.sum(sum)) } }
                } }
            }
        }
    }

    /// The frame that the script fills.
    fn findings(self, totals: &Totals) -> Markup {
        let columns = [
            ("medium", words::medium()),
            ("seq", words::place()),
            ("class", words::class()),
            ("state", words::state()),
            ("amount", words::amount()),
        ];
        html! {
            h2 { (self.text(words::findings())) }
            noscript { p.banner.differs { (self.text(words::needs_script())) } }
            (self.filters(totals))
            p #count role="status" {}
            table #list {
                thead { tr {
                    th scope="col" { button type="button" data-sort="id" { (self.text(words::number())) } }
                    @for (key, name) in columns {
                        th.number[key == "amount"] scope="col" {
                            button type="button" data-sort=(key) { (self.text(name)) }
                        }
                    }
                } }
            }
            p #nothing hidden { (self.text(words::none_found())) }
            button #more type="button" hidden {}
        }
    }

    fn filters(self, totals: &Totals) -> Markup {
        let all = || html! { option value="" { (self.text(words::all())) } };
        let states = State::ALL.iter().filter(|state| totals.states.contains_key(state));
        html! {
            form #filters role="search" hidden {
                label.wide { span { (self.text(words::search())) }
                    input #text type="search" autocomplete="off" spellcheck="false"; }
                label { span { (self.text(words::medium())) }
                    input #medium type="search" inputmode="numeric" autocomplete="off"; }
                label { span { (self.text(words::class())) }
                    select #class { (all()) @for (class, sums) in &totals.classes {
                        option value=(class.word()) {
                            (self.text(words::class_name(*class))) " (" (sums.count) ")" } } } }
                label { span { (self.text(words::store())) }
                    select #store { (all()) @for store in &totals.stores {
                        option value=(store.number()) { (store) } } } }
                label { span { (self.text(words::state())) }
                    select #state { (all()) @for state in states {
                        option value=(state.word()) {
                            (self.text(words::state_name(*state))) " (" (totals.states[state]) ")" } } } }
                label { span { (self.text(words::sort())) }
                    select #sort { @for (value, name) in sortings() {
                        option value=(value) { (self.text(name)) } } } }
                button #reset type="reset" { (self.text(words::reset())) }
            }
        }
    }

    fn foot(self) -> Markup {
        html! {
            h2 { (self.text(words::how_to_read())) }
            ul {
                li { (self.text(words::posts_nothing())) }
                li { (self.text(words::stays())) }
                @for exit in [Exit::Done, Exit::Differences, Exit::Damage, Exit::Failure] {
                    li { (self.text(words::ends_with(exit.code()))) ": "
                        (self.sentence(words::verdict(exit))) }
                }
                li { (self.text(words::alone())) }
            }
        }
    }
}

/// What the list can be sorted by; a minus turns the order round.
fn sortings() -> [(&'static str, Phrase); 8] {
    [
        ("medium", words::in_order()),
        ("id", words::number()),
        ("class", words::class()),
        ("state", words::state()),
        ("store", words::store()),
        ("seq", words::place()),
        ("-amount", words::greatest()),
        ("amount", words::least()),
    ]
}

/// A time for people: `2026-11-21 16:20:00 UTC`.
fn shown_time(time: &str) -> String {
    time.replace('T', " ").replace('Z', " UTC")
}

/// A count for people.
fn grouped(count: impl TryInto<u64>) -> String {
    let count: u64 = count.try_into().unwrap_or(u64::MAX);
    let digits = count.to_string();
    let mut parts: Vec<&str> = digits.as_bytes().rchunks(3).map(ascii).collect();
    parts.reverse();
    parts.join(",")
}

fn ascii(digits: &[u8]) -> &str {
    std::str::from_utf8(digits).expect("digits are ASCII")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{Control, SkippedFile};
    use super::*;
    use crate::format::field::Bytes;
    use crate::format::plan::{Class, Finding, Side};
    use crate::units::{CurrencyForm, MediumId, Timestamp};
    use crate::words::Language;

    const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\u{202e}gpj\u{2028}&amp;\"'";

    fn finding(class: Class, what: &str) -> Finding {
        let bytes = Some(Bytes(vec![1, 2, 3]));
        let side = Side { what: what.to_owned(), hash: [7; 32], bytes };
        Finding {
            id: [9; 16],
            class,
            medium: Some(MediumId::from_serial(1)),
            store: None,
            seq: None,
            amount: -5,
            sides: vec![side],
            rule: "a rule; of a kind".to_owned(),
            owner: "A sentence.".to_owned(),
            stake: None,
            decided: None,
        }
    }

    fn entry(class: Class, what: &str) -> PlanEntry {
        let medium = Some(MediumId::from_serial(1));
        PlanEntry { medium, before: None, findings: vec![finding(class, what)], posting: None }
    }

    fn page(language: Language, exit: Exit, control: &Control, entries: &[PlanEntry]) -> String {
        let form = CurrencyForm::usual("JPY".parse().unwrap());
        let at = Timestamp::from_seconds(0).unwrap();
        let (evidence, books) = ([HOSTILE.to_owned()], BTreeMap::new());
        let run = Run {
            control,
            evidence: &evidence,
            records: HOSTILE,
            books: &books,
            as_of: at,
            made: at,
            form,
            plan: [3; 32],
            plan_file: Some(HOSTILE),
            exit,
            program: "scrip-verify 1",
            language,
        };
        let all = || entries.iter().map(Ok);
        let totals = Totals::of(all()).unwrap();
        let mut out = vec![];
        write_page(&mut out, &run, &totals, all()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn hostile_names_are_shown_and_end_nothing() {
        let name = HOSTILE.to_owned();
        let skipped = vec![SkippedFile { name: name.clone(), why: name, damage: false }];
        let control = Control { skipped, ..Control::default() };
        let page = page(Language::English, Exit::Failure, &control, &[entry(Class::Fork, HOSTILE)]);
        assert_eq!(page.matches("</script").count(), 2);
        assert!(!page.contains("<img") && !page.contains('\u{202e}') && !page.contains('\u{2028}'));
        assert_eq!(page.matches("&lt;/script&gt;&lt;img").count(), 5);
        assert!(page.contains(r"\u003c/script\u003e\u003cimg src=x"), "{page}");
        assert!(page.contains("1 file not read. Nothing in this report speaks for what was not"));
        assert!(page.contains("Exit code 4"));
    }

    #[test]
    fn what_was_read_is_judged_beside_what_was_not() {
        let control = Control::default();
        let damaged = [entry(Class::Damaged, "a record")];
        let bad = page(Language::English, Exit::Failure, &control, &damaged);
        assert!(bad.contains("In what was read: Damage or forgery"), "{bad}");
        let good = page(Language::English, Exit::Done, &control, &[]);
        assert!(good.contains("banner calm") && !good.contains("not read. Nothing"), "{good}");
        assert!(!good.contains("In what was read"), "{good}");
    }

    #[test]
    fn it_speaks_japanese_and_asks_nothing_of_a_network() {
        let control = Control::default();
        let all: Vec<_> = Class::ALL.iter().map(|class| entry(*class, "what")).collect();
        let page = page(Language::Japanese, Exit::Damage, &control, &all);
        for part in ["<html lang=\"ja\">", "照合報告書", "媒体が先行", "終了コード3"]
        {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("A sentence.") && page.contains("-¥5"));
        for part in ["http:", "https:", "url(", "@import", "src=\"", "href="] {
            assert!(!page.contains(part), "{part}");
        }
    }
}
