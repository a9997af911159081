//! Long work as progress on the terminal, in lines or in JSON.

use scrip::image::leaves::Watch;
use scrip::tool::{Interrupt, Progress};

/// Shows one work's progress and hears Ctrl-C.
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
