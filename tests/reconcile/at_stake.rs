//! What is decided is decided for all that would be posted, others' receipts among it: never more.

use std::fs;

use scrip::format::policy::{Policy, Revocation};
use scrip::journal::first_frames;
use scrip::ledger::next;
use scrip::records::Account;
use scrip::units::{ByteCount, Timestamp};
use serde_json::Value;
use tempfile::TempDir;

use super::decided::{SETTLE, strict, the};
use super::desk::{founded, server};
use super::made::{Stick, host};
use super::office::Office;
use super::tool::{folder, run};
use crate::owner::bench::Answer;
use crate::world::{minor, policy};

const LAPSED: &str = "what was decided was about less than is at stake now, and lapsed";

/// A medium that waits for a person, and one that sent to it and comes later.
struct Desk {
    office: Office,
    place: TempDir,
    payer: Stick,
    giver: Stick,
    plans: u32,
}

impl Desk {
    fn new(office: Office, payer: Stick, giver: Stick, files: &[(&str, Vec<u8>)]) -> Self {
        let place = folder(&office, files);
        let made = ["staff", "Ben", "--out", "ben", "--no-passphrase"];
        server(&office, place.path(), &made).says(0, "decides with the key in");
        Self { office, place, payer, giver, plans: 0 }
    }

    fn reconcile(&mut self) -> Value {
        self.plans += 1;
        let plan = self.plans.to_string();
        run(&self.office, self.place.path(), &["--json", "evidence", "--plan", &plan]).result()
    }

    /// Somebody says that the newest plan's finding of a class is to be settled.
    fn decide(&self, told: &Value, class: &str) -> Answer {
        let (plan, finding) = (self.plans.to_string(), the(told, class)["id"].as_str().unwrap());
        let because = [&SETTLE[2..], &["--by", "ben"]].concat();
        let all = [&["decide", finding, "--plan", &plan][..], &because].concat();
        server(&self.office, self.place.path(), &all)
    }

    fn giver_comes(&self) {
        let evidence = self.place.path().join("evidence");
        fs::write(evidence.join("giver"), self.giver.export(&self.office.ground)).unwrap();
    }

    /// Decide before the giver is seen, and again once it was; post what was decided then.
    fn settle_with_the_giver(&mut self, class: &str, stakes: [&str; 2]) {
        let alone = self.reconcile();
        assert_eq!(the(&alone, class)["stake"], stakes[0], "{alone}");
        self.decide(&alone, class).says(0, "kept");
        assert_eq!(self.reconcile()["settles"], 1, "what was decided is what would be posted");
        self.giver_comes();
        let told = self.reconcile();
        let held = the(&told, class);
        let state = (&held["stake"], &held["state"]);
        assert_eq!(state, (&stakes[1].into(), &"open".into()), "{held}");
        assert!(held["rule"].as_str().unwrap().ends_with(LAPSED), "{held}");
        assert_eq!(told["settles"], 1, "the giver alone");
        let provisional = Account::Provisional(self.giver.id());
        server(&self.office, self.place.path(), &["settle", "3", "--out", "out", "--yes"])
            .says(0, "posted");
        assert_eq!(self.office.owed(&provisional), 24, "its fee waits for the payer");
        let told = self.reconcile();
        self.decide(&told, class).says(0, "kept");
        let told = self.reconcile();
        assert_eq!(told["settles"], 2, "{told}");
        assert!(!the(&told, class)["rule"].as_str().unwrap().contains("lapsed"), "{told}");
        let plan = self.plans.to_string();
        server(&self.office, self.place.path(), &["settle", &plan, "--out", "out", "--yes"])
            .says(0, "posted");
        assert_eq!(self.office.owed(&provisional), 0);
        assert_eq!(self.office.owed(&Account::Settled(self.giver.id())), 1_024);
        let told = self.reconcile();
        assert_eq!((&told["exit"], &told["settles"]), (&0.into(), &0.into()), "{told}");
    }
}

/// A revoked medium that began to take from another, which isn't here yet.
fn revoked() -> Desk {
    let mut office = founded(&Policy { decide_alone: Some(minor(10_000)), ..policy() });
    let (mut payer, mut giver) = (office.owned(0, 2), office.owned(1, 2));
    payer.start(&office.ground, 1, giver.id());
    giver.send(&office.ground, &payer, 1, &payer.receipt(1, 40));
    let (media, issued) = (vec![payer.id()], Timestamp::from_seconds(5).unwrap());
    let list = Revocation { number: 1, issued, media, sheets: vec![], stores: vec![] };
    let frames = first_frames(&payer.bytes()).unwrap();
    let export = [payer.slots(&office.ground, Some(&list)), frames].concat();
    Desk::new(office, payer, giver, &[("payer", export)])
}

#[test]
fn a_revoked_mediums_decision_lapses_when_a_receipt_charges_more() {
    let mut desk = revoked();
    desk.settle_with_the_giver("revoked", ["1000", "1120"]);
    let payer = desk.payer.id();
    let [settled, reserved] = [Account::Settled(payer), Account::Reserved(payer)];
    assert_eq!([desk.office.owed(&settled), desk.office.owed(&reserved)], [880, 0]);
}

#[test]
fn what_all_evidence_comes_to_is_at_stake_before_anyone_decides() {
    let mut desk = revoked();
    desk.giver_comes();
    let told = desk.reconcile();
    assert_eq!((&the(&told, "revoked")["stake"], &told["settles"]), (&"1120".into(), &1.into()));
    desk.decide(&told, "revoked").says(0, "at stake: ¥1,120");
    let told = desk.reconcile();
    assert_eq!(told["settles"], 2, "{told}");
    assert_eq!(the(&told, "revoked")["decided"]["verdict"], "settle");
}

#[test]
fn a_frozen_mediums_decision_lapses_when_a_receipt_takes_more() {
    let mut office = founded(&Policy { starter_cap: minor(300), ..strict(10_000) });
    let (mut payer, mut giver) = (office.owned(0, 2), office.owned(1, 2));
    office.settles(&[payer.export(&office.ground)]);
    payer.play(&office.ground, "film");
    payer.start(&office.ground, 1, giver.id());
    giver.send(&office.ground, &payer, 1, &payer.receipt(1, 40));
    // It charges itself for ten bytes of the forty that it signed for.
    let got = ByteCount::from_bytes(10);
    let close = next::download_interrupted(&payer.state, &host(), [8; 16], [1; 16], got).unwrap();
    payer.put(&office.ground, &close);
    let mut copy = payer.clone();
    payer.buy(&office.ground, "film", 900);
    copy.buy(&office.ground, "song", 900);
    let files = [("one", payer.export(&office.ground)), ("other", copy.export(&office.ground))];
    let mut desk = Desk::new(office, payer, giver, &files);
    desk.settle_with_the_giver("fork", ["830", "920"]);
    let payer = desk.payer.id();
    let [settled, debt] = [Account::Settled(payer), Account::Debt(payer)];
    assert_eq!([desk.office.owed(&settled), desk.office.owed(&debt)], [0, -920]);
}
