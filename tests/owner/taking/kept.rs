//! What came with a payer's checkpoint is part of what it shows a partner.

use std::fs;

use scrip::format::Object;
use scrip::format::policy::Policy;
use scrip::format::shelf::FUNDING_END;
use scrip::format::transfer::Funding;
use scrip::trust::sign;
use scrip::units::ByteCount;
use scrip::wallet::take::Shelf;

use super::FORMS;
use super::fair::{CHUNK, Fair};
use crate::owner::papers::{NEW, code, sheet};
use crate::owner::settled::Records;
use crate::world::{World, minor, policy};

/// The medium that pays.
const ONE: u64 = 11;

#[test]
fn a_partner_reads_the_sheet_and_the_policy_that_came_with_a_checkpoint() {
    for form in FORMS {
        let fair = Fair::new(form);
        let medium = fair.medium("one");
        let chunk = ByteCount::from_bytes(CHUNK);
        let later = Policy { number: 2, offline_cap: minor(300), chunk, ..policy() };
        let later = sign(&World::new().issuer, &later);
        let mut records = Records::of(&medium);
        records.attached = vec![sheet(NEW, ONE), later.clone()];
        let file = records.settle(&[&medium.account().state]);
        fs::write(fair.folder().join("checkpoint"), file.encode()).unwrap();
        fair.run("one", &["apply", "checkpoint"]).says(0, "which is kept");
        let added = fair.run("one", &["topup", &code(NEW, ONE, 0), "--password-file", "own"]);
        added.says(0, "Balance: ¥1,700");
        fair.take("one", "two", &[]).says(0, "Taken: song");
        let outbox = fair.outbox("two");
        let shown = outbox.list().unwrap().into_iter().find(|name| name.ends_with(FUNDING_END));
        let funding = Funding::decode(&outbox.read(&shown.unwrap(), 1 << 20).unwrap()).unwrap();
        assert!(funding.sheets.0[0].0 == sheet(NEW, ONE) && funding.policies.0[1].0 == later);
        assert_eq!(fair.medium("one").account().state.policy, 2);
    }
}
