//! What people decide about findings, by the tools: held media go on, notes are shown, and nothing
//! that was not decided is posted.

use std::fs;

use scrip::format::checkpoint::CheckpointFile;
use scrip::format::cose::Sign1;
use scrip::format::decision::{Decision, DecisionFile};
use scrip::format::plan::Class;
use scrip::format::policy::{Policy, Revocation};
use scrip::format::{Kind, Object};
use scrip::journal::first_frames;
use scrip::ledger::next::{self, Statement};
use scrip::records::{Account, Row, Ruled};
use scrip::units::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

use super::desk::{founded, server};
use super::made::{Stick, host};
use super::office::Office;
use super::tool::{folder, run};
use crate::owner::bench::Answer;
use crate::world::{minor, policy};

/// What one person decides alone, of two branches that spent 900 of 1,000.
pub(super) fn strict(alone: u64) -> Policy {
    Policy {
        offline_cap: minor(500),
        starter_cap: minor(100),
        debt_cap: minor(600),
        decide_alone: Some(minor(alone)),
        ..policy()
    }
}

/// A medium that was settled with 1,000, then two branches of it that spent 900 each.
fn frozen(office: &mut Office) -> (Stick, Stick) {
    let mut stick = office.owned(0, 2);
    office.settles(&[stick.export(&office.ground)]);
    stick.play(&office.ground, "film");
    let mut copy = stick.clone();
    stick.buy(&office.ground, "film", 900);
    copy.buy(&office.ground, "song", 900);
    (stick, copy)
}

/// The frozen medium's evidence in a folder, two people who decide, and the plan `one`.
struct Desk {
    office: Office,
    place: TempDir,
    stick: Stick,
    copy: Stick,
    finding: String,
}

impl Desk {
    fn new(alone: u64) -> Self {
        let mut office = founded(&strict(alone));
        let (stick, copy) = frozen(&mut office);
        let files = [("one", stick.export(&office.ground)), ("other", copy.export(&office.ground))];
        let place = folder(&office, &files);
        for (name, folder) in [("Aiko", "aiko"), ("Ben", "ben"), ("Aiko", "twin")] {
            let made = ["staff", name, "--out", folder, "--no-passphrase"];
            server(&office, place.path(), &made).says(0, "decides with the key in");
        }
        let told = run(&office, place.path(), &["--json", "evidence", "--plan", "one"]).result();
        assert_eq!((&told["exit"], &told["settles"]), (&1.into(), &0.into()), "{told}");
        let held = the(&told, "fork").clone();
        assert_eq!((&held["stake"], &held["state"]), (&"800".into(), &"open".into()), "{held}");
        let finding = held["id"].as_str().unwrap().to_owned();
        Self { office, place, stick, copy, finding }
    }

    fn decide(&self, arguments: &[&str]) -> Answer {
        let all = [&["decide", self.finding.as_str()], arguments].concat();
        server(&self.office, self.place.path(), &all)
    }

    fn reconcile(&self, arguments: &[&str]) -> Value {
        let all = [&["--json", "evidence"], arguments].concat();
        run(&self.office, self.place.path(), &all).result()
    }

    fn row(&mut self) -> Row {
        self.office.records.known(self.stick.id()).unwrap().unwrap().row
    }

    fn settle(&self, plan: &str) -> Answer {
        server(&self.office, self.place.path(), &["settle", plan, "--out", "out", "--yes"])
    }

    fn checkpoint(&self, number: u64) -> CheckpointFile {
        let name = format!("out/{}-{number}.checkpoint", self.stick.id());
        CheckpointFile::decode(&fs::read(self.place.path().join(name)).unwrap()).unwrap()
    }
}

/// What the first person signed.
fn payload(file: &DecisionFile) -> Vec<u8> {
    let signed = &file.signed.0[0].decision.0;
    Sign1::decode(signed, Kind::Decision).unwrap().payload().to_vec()
}

pub(super) fn the<'v>(told: &'v Value, class: &str) -> &'v Value {
    let findings = told["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["class"] == class).unwrap_or_else(|| panic!("{told}"))
}

pub(super) const SETTLE: [&str; 5] =
    ["--plan", "one", "--settle", "--because", "came in with both"];

#[test]
fn above_the_limit_two_people_let_a_frozen_medium_go_on_with_its_debt() {
    let mut desk = Desk::new(100);
    desk.decide(&[]).says(5, "is not in this plan");
    desk.decide(&["--plan", "one"]).says(0, "fork: open, it holds its medium; at stake: ¥800");
    let by = |people: &[&str]| desk.decide(&[&SETTLE, people].concat());
    by(&["--by", "aiko"]).says(5, "800 minor units are at stake, one person decides up to 100");
    by(&["--by", "aiko", "--second", "aiko"]).says(5, "Aiko is one person and counts once");
    by(&["--by", "aiko", "--second", "twin"]).says(5, "Aiko is one person and counts once");
    by(&["--by", "aiko", "--second", "ben", "--dry-run"]).says(0, "would be kept");
    assert_eq!(desk.reconcile(&[])["settles"], 0, "a dry run decides nothing");
    by(&["--by", "aiko", "--second", "ben"]).says(0, "settle by Aiko and Ben at ");
    by(&["--by", "aiko", "--second", "ben"]).says(0, "was kept before");
    desk.settle("one").says(5, "sales were booked or findings decided meanwhile");
    let told = desk.reconcile(&["--plan", "two"]);
    assert_eq!((&told["exit"], &told["settles"]), (&1.into(), &1.into()), "{told}");
    let fork = the(&told, "fork");
    assert_eq!(
        (&fork["state"], &fork["decided"]["verdict"]),
        (&"planned".into(), &"settle".into())
    );
    assert_eq!(fork["decided"]["text"], SETTLE[4]);
    assert_eq!(fork["decided"]["by"], serde_json::json!(["Aiko", "Ben"]));
    // One of the two signatures alone, put there past the verb, lets nothing go on.
    let both = desk.office.records.decisions().unwrap().remove(0);
    let mut one = DecisionFile::decode(&both).unwrap();
    one.signed.0.truncate(1);
    let (finding, row) = (Decision::decode(&payload(&one)).unwrap().finding, desk.row());
    for (content, settles) in [(one.encode(), 0), (both, 1)] {
        let ruled = Ruled { finding, medium: Some((desk.stick.id(), row)), content: &content };
        desk.office.records.decide(&ruled, Timestamp::MAX).unwrap();
        let told = desk.reconcile(&["--plan", &format!("by {settles}")]);
        assert_eq!(told["settles"], settles, "{told}");
    }
    desk.settle("by 1").says(0, "posted");
    let id = desk.stick.id();
    let owed = |office: &mut Office, account: &Account| office.owed(account);
    assert_eq!(owed(&mut desk.office, &Account::Debt(id)), -800, "above the cap, and it stands");
    assert_eq!(owed(&mut desk.office, &Account::Settled(id)), 0);
    let again = desk.reconcile(&[]);
    assert_eq!((&again["exit"], &again["settles"]), (&0.into(), &0.into()), "{again}");
    desk.decide(&["--plan", "by 1"]).says(0, "settled, answered by checkpoint 2 of medium ");
    desk.decide(&["--plan", "two", "--explain", "late", "--by", "ben"])
        .says(5, "answered by checkpoint 2");
    // A top-up pays off part of it, and what is left freezes nothing again.
    desk.office.sell_code(id, 2);
    desk.stick.code(&desk.office.ground, 2);
    fs::write(desk.place.path().join("evidence/one"), desk.stick.export(&desk.office.ground))
        .unwrap();
    let paid = desk.reconcile(&["--plan", "three"]);
    assert_eq!(paid["settles"], 1, "{paid}");
    desk.settle("three").says(0, "posted");
    assert_eq!(owed(&mut desk.office, &Account::Debt(id)), -300);
    assert!(!desk.checkpoint(3).checkpoint.0.is_empty());
}

#[test]
fn a_write_off_is_borne_by_the_stores_fork_loss_and_both_branches_go_on() {
    let mut desk = Desk::new(800);
    let wrong = ["--plan", "one", "--write-off", "--by", "aiko"];
    desk.decide(&wrong).says(2, "--because");
    desk.decide(&[&wrong[..], &["--because", "the shop's fault"]].concat())
        .says(0, "write-off by Aiko at ");
    assert_eq!(desk.reconcile(&["--plan", "two"])["settles"], 1);
    desk.settle("two").says(0, "posted");
    let id = desk.stick.id();
    let store = scrip::units::StoreId::from_number(7).unwrap();
    let mut owed = |account| desk.office.owed(&account);
    assert_eq!(
        [owed(Account::Debt(id)), owed(Account::Settled(id)), owed(Account::ForkLoss(store))],
        [0, 0, -800]
    );
    assert_eq!(desk.reconcile(&[])["exit"], 0);
    server(&desk.office, desk.place.path(), &["audit"]).says(0, "fork loss");
    // Both sticks take the checkpoint over and have nothing left, nor any debt.
    let file = desk.checkpoint(2);
    let certificate = file.chain.0[0].clone();
    let statement = Statement { checkpoint: &file.checkpoint.0, certificate: &certificate };
    let since = file.settled_since.unwrap().0;
    let events: Vec<[u8; 16]> = since;
    for mut stick in [desk.stick.clone(), desk.copy.clone()] {
        let head = stick.with_rules(&desk.office.ground, |_| stick.state.head);
        let ahead =
            scrip::format::cose::Sign1::decode(&file.checkpoint.0, scrip::format::Kind::Checkpoint)
                .unwrap();
        let stated = scrip::format::checkpoint::Checkpoint::decode(ahead.payload()).unwrap();
        let record = if stated.head == head {
            next::checkpoint(&stick.state, &host(), [7; 16], &statement)
        } else {
            next::merge(&stick.state, &host(), [7; 16], &statement, &events)
        };
        stick.put(&desk.office.ground, &record);
        assert_eq!((stick.state.balance.minor(), stick.state.debt.minor()), (0, 0));
    }
}

#[test]
fn a_decision_lapses_when_more_is_at_stake_or_the_records_moved() {
    let mut desk = Desk::new(1_000);
    desk.decide(&[&SETTLE[..], &["--by", "ben"]].concat()).says(0, "kept");
    assert_eq!(desk.reconcile(&["--plan", "two"])["settles"], 1);
    desk.copy.buy(&desk.office.ground, "more", 50);
    fs::write(desk.place.path().join("evidence/other"), desk.copy.export(&desk.office.ground))
        .unwrap();
    let told = desk.reconcile(&["--plan", "three"]);
    assert_eq!(told["settles"], 0, "{told}");
    assert_eq!(
        (&the(&told, "fork")["stake"], &the(&told, "fork")["state"]),
        (&"850".into(), &"open".into())
    );
    // The plan that was made before settles the medium; what another plan says of it is stale.
    desk.settle("two").says(0, "posted");
    let stale = ["--plan", "three", "--settle", "--because", "too late", "--by", "ben"];
    desk.decide(&stale).says(5, "answered by checkpoint 2");
    let told = desk.reconcile(&["--plan", "four"]);
    let held = the(&told, "overdraft");
    assert_eq!((&held["stake"], &told["settles"]), (&"850".into(), &0.into()), "{told}");
    let other = held["id"].as_str().unwrap();
    let named = ["decide", other, "--plan", "three", "--explain", "which", "--by", "ben"];
    server(&desk.office, desk.place.path(), &named)
        .says(5, &format!("finding {other} is not in this plan"));
}

#[test]
fn an_explained_finding_is_shown_apart_and_moves_no_money() {
    let mut desk = Desk::new(100);
    let explain = ["--plan", "one", "--explain", "a copy for a museum", "--by", "ben"];
    desk.decide(&explain).says(0, "explained by Ben at ");
    let told = desk.reconcile(&["--plan", "two"]);
    assert_eq!((&told["settles"], &told["states"]["explained"]), (&0.into(), &1.into()), "{told}");
    assert_eq!(told["exit"], 0, "{told}");
    let fork = the(&told, "fork");
    assert_eq!((&fork["state"], &fork["class"]), (&"explained".into(), &"fork".into()));
    let text = run(&desk.office, desk.place.path(), &["evidence"]);
    text.says(0, "explained by a person, and not settled: 1");
    text.says(0, "  explained by Ben at ");
    text.says(0, "a copy for a museum");
    desk.decide(&[]).says(0, "explained by Ben at ");
    // It was about 800: more is at stake now, and nobody explained that.
    let evidence = desk.place.path().join("evidence/other");
    let before = fs::read(&evidence).unwrap();
    let mut copy = desk.copy.clone();
    copy.buy(&desk.office.ground, "more", 50);
    fs::write(&evidence, copy.export(&desk.office.ground)).unwrap();
    let more = desk.reconcile(&[]);
    assert_eq!((&the(&more, "fork")["state"], &more["exit"]), (&"open".into(), &1.into()));
    fs::write(&evidence, before).unwrap();
    desk.settle("two").says(0, "posted");
    assert_eq!(desk.office.owed(&Account::Settled(desk.stick.id())), 1_000);
    // Something else that is found keeps it from being agreement.
    let mut other = desk.office.owned(1, 1);
    other.buy(&desk.office.ground, "song", 100);
    fs::write(desk.place.path().join("evidence/more"), other.export(&desk.office.ground)).unwrap();
    let told = desk.reconcile(&["--plan", "three"]);
    assert_eq!((&told["exit"], &told["states"]["explained"]), (&1.into(), &1.into()));
    // What holds nothing is explained alone.
    let ahead = the(&told, "medium-ahead")["id"].as_str().unwrap().to_owned();
    let free = ["decide", &ahead, "--plan", "three", "--settle", "--because", "why", "--by", "ben"];
    server(&desk.office, desk.place.path(), &free).says(5, "keeps nothing from being settled");
    assert_eq!(Class::MediumAhead.word(), "medium-ahead");
}

#[test]
fn records_that_hold_a_decision_nobody_signed_are_damaged() {
    let mut desk = Desk::new(1_000);
    desk.decide(&[&SETTLE[..], &["--by", "ben"]].concat()).says(0, "kept");
    let files = desk.office.records.decisions().unwrap();
    let mut forged = files[0].clone();
    *forged.last_mut().unwrap() ^= 1;
    let ruled = scrip::records::Ruled { finding: [1; 16], medium: None, content: &forged };
    desk.office.records.decide(&ruled, Timestamp::from_seconds(5).unwrap()).unwrap();
    run(&desk.office, desk.place.path(), &["evidence"]).says(3, "decision: ");
    desk.decide(&[]).says(3, "decision: ");
}

#[test]
fn a_revoked_medium_is_settled_if_somebody_says_so() {
    let mut office = founded(&strict(1_000));
    let stick = office.owned(0, 2);
    let (id, issued) = (stick.id(), Timestamp::from_seconds(5).unwrap());
    let (sheets, stores) = (vec![], vec![]);
    let list = Revocation { number: 1, issued, media: vec![id], sheets, stores };
    let frames = first_frames(&stick.bytes()).unwrap();
    let export = [stick.slots(&office.ground, Some(&list)), frames].concat();
    let place = folder(&office, &[("one", export)]);
    server(&office, place.path(), &["staff", "Ben", "--out", "ben", "--no-passphrase"]).says(0, "");
    let reconcile =
        |plan: &str| run(&office, place.path(), &["--json", "evidence", "--plan", plan]).result();
    let told = reconcile("one");
    let held = the(&told, "revoked");
    assert_eq!((&held["stake"], &told["settles"]), (&"1000".into(), &0.into()), "{told}");
    let finding = held["id"].as_str().unwrap();
    let decide = [&["decide", finding], &SETTLE[..], &["--by", "ben"]].concat();
    server(&office, place.path(), &decide).says(0, "at stake: ¥1,000");
    assert_eq!(reconcile("two")["settles"], 1);
    server(&office, place.path(), &["settle", "two", "--out", "out", "--yes"]).says(0, "posted");
    assert_eq!(office.owed(&Account::Settled(id)), 1_000);
    assert_eq!(run(&office, place.path(), &["--json", "evidence"]).result()["exit"], 0);
}
