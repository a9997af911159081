//! What was kept of a transfer and is damaged, as on a stick that was pulled out while another system
//! wrote it: it stops nobody, nothing is lost and nothing paid twice.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use scrip::device::{Access, Device, FileDevice};
use scrip::format::shelf::{FUNDING_END, PACKAGE_END, RECEIPT_END};
use scrip::wallet::take::Shelf;
use tempfile::TempDir;

use super::FORMS;
use super::fair::{CHUNK, Fair, Form, LENGTH, PRICE, is_data, song};
use crate::fat::damage::Damage;
use crate::owner::take::charges;

impl Fair {
    /// The file in a medium's OUTBOX whose name ends so.
    fn kept_as(&self, name: &str, end: &str) -> String {
        let names = self.outbox(name).list().unwrap();
        names.into_iter().find(|name| name.ends_with(end)).unwrap_or_else(|| panic!("no {end}"))
    }

    /// Damage a file in the OUTBOX of an image.
    fn strike(&self, name: &str, file: &str, damage: Damage) {
        let area = self.medium(name).grounds().volume.clone();
        let device = FileDevice::open(&self.path(name), Access::Write).unwrap();
        let mut volume = vec![0; usize::try_from(area.end - area.start).unwrap()];
        device.read_at(area.start, &mut volume).unwrap();
        damage.strike(&mut volume, file);
        device.write_at(area.start, &volume).unwrap();
    }

    /// Kill a run from `two` when it had signed for some, and before it was whole.
    fn cut_off(&self) -> TempDir {
        loop {
            self.restore(&["one", "two", "three-of-two"]);
            let mut running = self.begin("one", "two");
            self.wait_for("one", 3 * CHUNK, &mut running);
            running.signal(Signal::KILL);
            let _ = running.ended();
            let names = self.outbox("two").list().unwrap();
            let signed = names.iter().any(|name| name.ends_with(RECEIPT_END));
            if signed && !self.medium("two").account().state.uploads.is_empty() {
                return self.saved(&["one", "two", "three-of-two"]);
            }
        }
    }

    #[track_caller]
    fn is_settled(&self, givers: &[&str], told: &str) {
        assert!(self.file("one") == song(), "{told}: other bytes");
        assert_eq!(charges(&self.records("one")), PRICE, "{told}");
        self.adds_up("one", givers);
        assert!(self.medium("two").account().state.uploads.is_empty(), "{told}");
        for name in ["one", "two"] {
            self.run(name, &["doctor"]).says(0, "");
        }
    }
}

/// What the doctor says of a receipt with this damage; nothing of one whose name is gone, or that
/// can be read all the same.
fn told_of_receipt(damage: Damage) -> &'static str {
    match damage {
        Damage::NoEntry | Damage::Freed | Damage::Broken => "",
        _ => " is damaged, the newest receipt for what you send (",
    }
}

#[test]
fn a_giver_whose_receipt_is_damaged_is_paid_once() {
    let fair = Fair::new(Form::Images);
    let cut = fair.cut_off();
    fair.take("one", "three-of-two", &[]).says(0, "Taken: song");
    let elsewhere = fair.saved(&["one", "two", "three-of-two"]);
    for damage in Damage::ALL {
        fair.bring(elsewhere.path(), &["one", "two", "three-of-two"]);
        fair.strike("two", &fair.kept_as("two", RECEIPT_END), damage);
        fair.run("two", &["doctor"]).says(0, told_of_receipt(damage));
        fair.take("one", "two", &[]).says(0, "Already yours");
        fair.is_settled(&["two", "three-of-two"], &format!("{damage:?}, gone on elsewhere"));

        fair.bring(cut.path(), &["one", "two", "three-of-two"]);
        for end in [RECEIPT_END, FUNDING_END] {
            fair.strike("two", &fair.kept_as("two", end), damage);
        }
        fair.take("one", "two", &[]).says(0, "Taken: song");
        fair.is_settled(&["two"], &format!("{damage:?}, gone on with the same"));
    }
}

#[test]
fn a_payer_whose_files_are_damaged_pays_once() {
    let fair = Fair::new(Form::Images);
    let cut = fair.cut_off();
    for damage in Damage::ALL {
        let strike = || {
            fair.bring(cut.path(), &["one", "two", "three-of-two"]);
            fair.strike("one", &fair.data_name("one"), damage);
            fair.strike("one", &fair.kept_as("one", PACKAGE_END), damage);
            fair.run("one", &["doctor"]).says(0, "");
        };
        strike();
        fair.take("one", "two", &[]).says(0, "Taken: song");
        fair.is_settled(&["two"], &format!("{damage:?}"));
        // Elsewhere nobody knows what it signed for: it pays there for all that has to come again,
        // and the first one earns by the receipt that it holds.
        strike();
        fair.take("one", "three-of-two", &[]).says(0, "Taken: song");
        fair.take("one", "two", &[]).says(0, "Already yours");
        assert!(fair.file("one") == song(), "{damage:?}, elsewhere");
        assert_eq!(charges(&fair.records("one")), PRICE, "{damage:?}, elsewhere");
        // Both sides' at once.
        fair.bring(cut.path(), &["one", "two", "three-of-two"]);
        fair.strike("one", &fair.data_name("one"), damage);
        fair.strike("two", &fair.kept_as("two", RECEIPT_END), damage);
        fair.take("one", "two", &[]).says(0, "Taken: song");
        fair.is_settled(&["two"], &format!("{damage:?} of both"));
    }
}

#[test]
fn what_was_taken_whole_and_is_damaged_comes_again_unpaid() {
    let fair = Fair::new(Form::Images);
    fair.take("one", "two", &[]).says(0, "Taken: song");
    let whole = fair.saved(&["one", "two"]);
    for damage in Damage::ALL {
        fair.bring(whole.path(), &["one", "two"]);
        fair.strike("one", &fair.data_name("one"), damage);
        for end in [RECEIPT_END, FUNDING_END] {
            fair.strike("two", &fair.kept_as("two", end), damage);
        }
        fair.take("one", "two", &[]).says(0, "Already yours");
        fair.is_settled(&["two"], &format!("{damage:?}"));
        // Nor does it stop whoever comes next.
        fair.restore(&["three"]);
        fair.take("three", "two", &[]).says(0, "Taken: song");
    }
}

#[test]
fn bytes_that_are_no_receipt_stop_nobody_in_either_form() {
    for form in FORMS {
        let fair = Fair::new(form);
        let cut = fair.cut_off();
        for bytes in [&b""[..], b"garbage", &[0; 400], &[0xA5; 5_000]] {
            fair.bring(cut.path(), &["one", "two", "three-of-two"]);
            let outbox = fair.outbox("two");
            for end in [RECEIPT_END, FUNDING_END] {
                outbox.write(&fair.kept_as("two", end), bytes).unwrap();
            }
            let told = fair.run("two", &["doctor"]);
            told.says(0, " is damaged, the newest receipt for what you send (");
            told.says(0, " is damaged, it was to show what others took from you (");
            fair.take("one", "three-of-two", &[]).says(0, "Taken: song");
            fair.take("one", "two", &[]).says(0, "Already yours");
            fair.is_settled(&["two", "three-of-two"], &format!("{form:?}, {} bytes", bytes.len()));
        }
    }
}

#[test]
fn a_kiosk_whose_receipt_is_damaged_sells_on() {
    let fair = Fair::new(Form::Images);
    let kiosk = fair.kiosk();
    let mut running = fair.begin("one", &kiosk);
    fair.wait_for("one", 3 * CHUNK, &mut running);
    running.signal(Signal::KILL);
    let _ = running.ended();
    for file in fs::read_dir(Path::new(&kiosk).join("INBOX")).unwrap().flatten() {
        fs::write(file.path(), vec![0xA5; usize::try_from(LENGTH).unwrap()]).unwrap();
    }
    assert_eq!(fair.take("one", &kiosk, &[]).exit, 0);
    assert!(fair.file("one") == song() && charges(&fair.records("one")) == PRICE);
    assert_eq!(fair.outbox("one").list().unwrap().iter().filter(|name| is_data(name)).count(), 1);
}
