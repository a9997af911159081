//! Checking: what is sealed, touched, altered, and what is said of it.

mod flips;
mod forged;
mod history;
mod items;
pub(crate) mod mounted;
mod states;
mod tool;
mod touched;
mod unreadable;

use scrip::device::Device;
use scrip::image::check::{Grade, Identity, Outcome, Report, Step, Verdict, check};
use scrip::image::leaves::Unwatched;

use crate::world::{Sample, THREADS, World};

/// Check against the sample world's root.
fn report(device: &dyn Device) -> Report {
    check(device, &World::new().trust(), &Identity::Image, THREADS, &Unwatched).unwrap()
}

#[test]
fn a_burnt_medium_is_sealed_and_every_step_was_taken() {
    let report = report(&Sample::new(5).burnt());
    assert_eq!((report.verdict, report.grade()), (Verdict::Sealed, Grade::Good), "{report:?}");
    let not_good = |step: &&Step| !matches!(step.outcome, Outcome::Good(_));
    assert_eq!(report.steps.iter().filter(not_good).collect::<Vec<_>>(), Vec::<&Step>::new());
    assert_eq!(report.steps.len(), 6);
}
