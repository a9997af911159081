//! Attending long work: showing how far it is, and hearing Ctrl-C.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Interrupt, Progress};
use crate::image::leaves::Watch;
use crate::words::{Phrase, Spoken};

/// Shows one long work's progress and has it stop when the user asks.
pub struct Attendant<'a> {
    progress: &'a Progress,
    interrupt: &'a Interrupt,
    doing: Phrase,
    total_bytes: AtomicU64,
}

impl<'a> Attendant<'a> {
    /// Attends work that is called by a gerund (`reading`); the work says how long it is.
    pub fn new(progress: &'a Progress, interrupt: &'a Interrupt, doing: impl Spoken) -> Self {
        let doing = doing.phrase();
        Self { progress, interrupt, doing, total_bytes: AtomicU64::new(0) }
    }
}

impl Watch for Attendant<'_> {
    fn progress(&self, done: u64, total: u64) {
        if self.total_bytes.swap(total, Ordering::Relaxed) != total {
            self.progress.stage(&self.doing, total);
        }
        self.progress.at(done);
    }

    fn stopped(&self) -> bool {
        self.interrupt.requested()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Form;
    use super::super::output::tests::kept;
    use super::*;

    #[test]
    fn a_stage_begins_when_the_work_says_how_long_it_is() {
        let (output, _, err) = kept(Form::Text);
        let progress = Progress::start(&output, "sdb").telling_every(Duration::ZERO);
        let interrupt = Interrupt::never();
        let attendant = Attendant::new(&progress, &interrupt, "reading");
        attendant.progress(1_000_000, 2_000_000);
        attendant.progress(1_000_000, 4_000_000);
        assert_eq!(err.text(), "sdb: reading, 1.0 of 2.0 MB\nsdb: reading, 1.0 of 4.0 MB\n");
        assert!(!attendant.stopped());
        interrupt.request();
        assert!(attendant.stopped());
    }
}
