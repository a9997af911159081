//! A burn's steps as progress on the terminal, in lines or in JSON.

use scrip::image::burn::{Follow, Step};
use scrip::image::leaves::Watch;
use scrip::tool::{Interrupt, Progress};

/// Shows one target's progress and hears Ctrl-C.
pub(crate) struct Bar<'a> {
    progress: &'a Progress,
    interrupt: &'a Interrupt,
}

impl<'a> Bar<'a> {
    pub(crate) fn new(progress: &'a Progress, interrupt: &'a Interrupt) -> Self {
        Self { progress, interrupt }
    }

    pub(crate) fn begin(&self, doing: &'static str, total: u64) {
        self.progress.stage(doing, total);
    }
}

impl Watch for Bar<'_> {
    fn progress(&self, done: u64, _total: u64) {
        self.progress.at(done);
    }

    fn stopped(&self) -> bool {
        self.interrupt.requested()
    }
}

impl Follow for Bar<'_> {
    fn step(&self, step: Step, total: u64) {
        let doing = match step {
            Step::Clearing => "clearing",
            Step::Probing => "probing",
            Step::Resuming => "resuming",
            Step::Writing => "writing",
            Step::ReadingBack => "reading back",
            Step::Finishing => "finishing",
        };
        self.begin(doing, total);
    }

    fn watch(&self) -> &dyn Watch {
        self
    }
}
