//! What payers showed is held against what they show next, and goes once it is settled; uploads whose
//! payers never return stop nobody.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use scrip::format::record::Body;
use scrip::format::shelf::{FUNDING_END, receipt_name};
use scrip::format::transfer::Receipt;
use scrip::ledger::OPEN_MAX;
use scrip::trust::verify;
use scrip::wallet::take::Shelf;

use super::FORMS;
use super::fair::{CHUNK, Fair, Form, song};
use crate::world::minor;

/// The names in a medium's OUTBOX that end so.
fn kept(fair: &Fair, name: &str, end: &str) -> Vec<String> {
    let mut names = fair.outbox(name).list().unwrap();
    names.retain(|name| name.ends_with(end));
    names
}

/// A medium as it was, on a computer that never saw it.
fn rewind(fair: &Fair, name: &str, bytes: &[u8]) {
    fs::write(fair.path(name), bytes).unwrap();
    let _ = fs::remove_dir_all(fair.folder().join("state"));
}

#[test]
fn copies_of_one_medium_are_held_to_one_cap_together() {
    let fair = Fair::new(Form::Images);
    let fresh = fs::read(fair.path("one")).unwrap();
    for _ in 0..3 {
        rewind(&fair, "one", &fresh);
        fair.take("one", "two", &[]).says(0, "Taken: song");
    }
    rewind(&fair, "one", &fresh);
    let refused = fair.take("one", "two", &[]);
    refused.says(5, "1196 minor units at partners since the last settlement, policy 1 allows 1000");
    assert_eq!(kept(&fair, "two", FUNDING_END).len(), 3);
    // Elsewhere, and once a settler has seen it, the owner of that medium is nobody's suspect.
    fair.take("one", "three-of-two", &[]).says(0, "Taken: song");
    rewind(&fair, "one", &fresh);
    fair.settle("one");
    fair.take("one", "two", &[]).says(0, "Taken: song");
}

#[test]
fn copies_of_one_medium_are_held_to_one_cap_at_a_kiosk_too() {
    let fair = Fair::new(Form::Images);
    let (kiosk, fresh) = (fair.kiosk(), fs::read(fair.path("one")).unwrap());
    for _ in 0..3 {
        rewind(&fair, "one", &fresh);
        fair.take("one", &kiosk, &[]).says(0, "Taken: song");
    }
    rewind(&fair, "one", &fresh);
    let refused = fair.take("one", &kiosk, &[]);
    refused.says(5, "1196 minor units at partners since the last settlement, policy 1 allows 1000");
    assert_eq!(fair.medium("one").balance(), minor(1_000));
    let left = fs::read_dir(Path::new(&kiosk).join("INBOX")).unwrap().flatten();
    let shown = left.filter(|file| file.file_name().to_string_lossy().ends_with(FUNDING_END));
    assert_eq!(shown.count(), 3);
    // Nobody else is held to what this one showed, nor this one once a settler has seen it.
    fair.take("three", &kiosk, &[]).says(0, "Taken: song");
    rewind(&fair, "one", &fresh);
    fair.settle("one");
    fair.take("one", &kiosk, &[]).says(0, "Taken: song");
}

#[test]
fn what_payers_showed_goes_once_a_checkpoint_has_settled_it() {
    for form in FORMS {
        let fair = Fair::new(form);
        fair.take("one", "two", &[]).says(0, "Taken: song");
        assert_eq!(kept(&fair, "two", FUNDING_END).len(), 1);
        let told = fair.run("two", &["doctor"]);
        told.says(0, "2 files in SCRIP/OUTBOX show what others took from you");
        let name = &kept(&fair, "two", FUNDING_END)[0];
        let evidence = fair.outbox("two").read(name, 1 << 20).unwrap();
        fair.settle("two");
        assert_eq!(kept(&fair, "two", FUNDING_END), [""; 0]);
        // Cut off before that was removed, the doctor removes it, and nothing that is foreign.
        let foreign = format!("{}-7{FUNDING_END}", "ab".repeat(16));
        for name in [name, &foreign] {
            fair.outbox("two").write(name, &evidence).unwrap();
        }
        let cleared = format!("SCRIP/OUTBOX/{name}");
        fair.run("two", &["doctor", "--dry-run"])
            .says(0, &format!("{cleared} is removed; nothing"));
        fair.run("two", &["doctor"]).says(0, &format!("Done: {cleared} is removed."));
        assert_eq!(kept(&fair, "two", FUNDING_END), [foreign]);
    }
}

#[test]
fn uploads_that_nobody_ends_give_way_to_the_next_one() {
    let fair = Fair::new(Form::Images);
    let fresh = fs::read(fair.path("one")).unwrap();
    let uploads = || fair.medium("two").account().state.uploads.len();
    while uploads() < OPEN_MAX {
        // Copies of one medium: each begins a transfer that this one will never end.
        rewind(&fair, "one", &fresh);
        let mut running = fair.begin("one", "two");
        // What is sent next was signed for before.
        fair.wait_for("one", 2 * CHUNK, &mut running);
        running.signal(Signal::KILL);
        let _ = running.ended();
        for name in kept(&fair, "two", FUNDING_END) {
            fair.outbox("two").remove(&name).unwrap();
        }
    }
    let begun = fair.medium("two").balance();
    let oldest = fair.records("two").iter().find_map(|record| match &record.body {
        Body::UploadStart { terms, .. } => Some(terms.transfer),
        _ => None,
    });
    let receipt = fair.outbox("two").read(&receipt_name(&oldest.unwrap()), 1 << 10).unwrap();
    let holder = fair.medium("one").account().state.holder;
    let signed = verify::<Receipt>(&receipt, &holder).unwrap().got.bytes();
    assert!(signed >= CHUNK, "{signed}");
    let told = fair.run("two", &["doctor"]);
    told.says(
        0,
        "16 items that you send wait for their fee; until then a checkpoint is added as a",
    );
    let full = fair.saved(&["two"]);
    rewind(&fair, "one", &fresh);
    fair.take("one", "two", &[]).says(0, "Taken: song");
    assert_eq!((fair.file("one"), uploads()), (song(), OPEN_MAX - 1));
    let records = fair.records("two");
    let closed = records.iter().rev().find_map(|record| match &record.body {
        Body::UploadInterrupted { got, .. } => Some(got.bytes()),
        _ => None,
    });
    assert_eq!(closed, Some(signed), "it is closed by the receipt");
    let earned = records.iter().filter(|record| matches!(record.body, Body::Earn { .. }));
    assert!(earned.count() >= 2 && fair.medium("two").balance() > begun);
    // One whose receipt is damaged gives way last.
    fair.bring(full.path(), &["two"]);
    fair.outbox("two").write(&receipt_name(&oldest.unwrap()), b"garbage").unwrap();
    rewind(&fair, "one", &fresh);
    fair.take("one", "two", &[]).says(0, "Taken: song");
    let medium = fair.medium("two");
    let open = &medium.account().state.uploads;
    assert!(open.len() == OPEN_MAX - 1 && open[&oldest.unwrap()].got.is_none());
}
