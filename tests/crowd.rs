//! The benchmark's crowd: the same for one seed, and nothing is found in it but what is bogus.

use std::num::NonZeroUsize;
use std::path::Path;

use scrip::crypto::digest::sha256;
use scrip::format::plan::{Class, Finding};
use scrip::issuer::Issuer;
use scrip::reconcile::{Decisions, Heap, Plan, Skipped, Terms, reconcile};
use scrip::trust::{TestRoots, Trust};

#[path = "../benches/reconcile/crowd/mod.rs"]
mod made;

use made::rows::{Merged, merge};
use made::{Crowd, Expected, Made, News, bundle, bundles};

const CROWD: Crowd = Crowd { seed: 3, media: 100, each: 60, bogus: 150, news: News::All };

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// All bundles of these folders against the records.
fn plan(folder: &Path, names: &[&str]) -> Plan {
    let mut issuer = Issuer::open(&folder.join("issuer"), None).unwrap();
    let mut heap = Heap::new(Trust::new(vec![issuer.root().clone()], TestRoots::Allowed));
    for path in names.iter().flat_map(|name| bundles(&folder.join(name))) {
        for member in bundle::read(&path) {
            let taken: Result<_, Skipped> = heap.take_bytes(&member.bytes);
            assert!(taken.is_ok(), "{}: {taken:?}", member.name);
        }
    }
    let currency = issuer.form().currency();
    let base = issuer.records().base().unwrap();
    let (as_of, decisions) = (Some(Crowd::as_of()), &Decisions::none());
    let terms = Terms { currency, base, as_of, threads: threads(2), decisions };
    reconcile(&heap, issuer.records(), &terms).unwrap()
}

/// SHA-256 over all bundles.
fn digest(folder: &Path) -> [u8; 32] {
    let bundles = ["evidence", "later"].map(|name| bundles(&folder.join(name))).concat();
    let files = bundles.iter().map(|path| sha256(&std::fs::read(path).unwrap()));
    sha256(&files.flatten().collect::<Vec<u8>>())
}

fn findings(plan: &Plan) -> impl Iterator<Item = &Finding> {
    plan.entries.iter().flat_map(|entry| &entry.findings)
}

/// What is more than news, in the order of [`Expected`].
fn told(plan: &Plan, later: &[String]) -> Vec<Expected> {
    let news = |finding: &&Finding| !matches!(finding.class, Class::MediumAhead | Class::Matched);
    let mut told: Vec<_> = findings(plan)
        .filter(news)
        .map(|finding| {
            let medium = finding.medium.unwrap().to_string();
            Expected {
                later: later.contains(&medium),
                medium,
                class: finding.class.word().to_owned(),
                seq: finding.seq.unwrap().number(),
                amount: finding.amount,
            }
        })
        .collect();
    told.sort_unstable();
    told
}

#[test]
fn a_crowd_is_the_same_for_one_seed_and_only_what_is_bogus_is_found() {
    for news in [News::Bogus, News::Few, News::All, News::Every] {
        let crowd = Crowd { news, ..CROWD };
        let [one, other] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let made = crowd.make(one.path(), threads(3));
        assert_eq!(crowd.make(other.path(), threads(1)), made);
        assert_eq!(digest(one.path()), digest(other.path()));
        assert_eq!(crowd.find(one.path()), Some(made.clone()));
        assert_eq!(Crowd { seed: 4, ..crowd }.find(one.path()), None);
        holds(one.path(), &made);
    }
}

fn holds(folder: &Path, made: &Made) {
    let new = made.events - made.held;
    let both = Merged { both: made.held, evidence_only: new, ..Merged::default() };
    assert_eq!(merge(folder), both);
    assert!(new > 0 && made.later > 0 && made.receipts > 0, "{made:?}");
    let later = made.expected.iter().filter(|one| one.later);
    let later: Vec<String> = later.map(|one| one.medium.clone()).collect();
    let own: Vec<_> = made.expected.iter().filter(|one| !one.later).cloned().collect();
    assert!(!own.is_empty(), "none of this seed's media is bogus: {made:?}");
    let plan = self::plan(folder, &["evidence"]);
    assert_eq!(told(&plan, &later), own);
    let ahead = findings(&plan).filter(|finding| finding.class == Class::MediumAhead).count();
    assert_eq!(plan.tail.postings, ahead as u64);
    let all = self::plan(folder, &["evidence", "later"]);
    assert_eq!(told(&all, &later), made.expected);
    assert_eq!(all.entries.len(), plan.entries.len() + 4);
}
