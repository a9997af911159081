//! Ctrl-C: the first asks to stop in good order, the second stops at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::{Exit, Explain, Failure};

/// The one that hears the signals of this process.
static OF_PROCESS: OnceLock<Interrupt> = OnceLock::new();

/// Whether the user asked to stop; clones share the answer.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// One that nobody asks for, unless by [`Interrupt::request`].
    pub fn never() -> Self {
        Self::default()
    }

    /// Listens to Ctrl-C and to a request to terminate; the second of them exits with 130 at once.
    pub fn on_ctrl_c() -> Result<Self, Failure> {
        let interrupt = Self::default();
        let status = i32::from(Exit::Interrupted.code());
        for signal in [SIGINT, SIGTERM] {
            // The shutdown goes first: it must see the flag as the signal before left it.
            flag::register_conditional_shutdown(signal, status, Arc::clone(&interrupt.0))
                .and_then(|_| flag::register(signal, Arc::clone(&interrupt.0)))
                .or_exit_while(Exit::Failure, "listening to Ctrl-C")?;
        }
        // A process has one; where there was one before, that one goes on as well.
        let _ = OF_PROCESS.set(interrupt.clone());
        Ok(interrupt)
    }

    /// The one that hears the signals of this process; one that nobody asks for, if none does.
    ///
    /// For prompts, which wait for a person wherever they stand.
    pub(super) fn of_process() -> Self {
        OF_PROCESS.get().cloned().unwrap_or_default()
    }

    /// Whether to stop in good order.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Asks to stop, as Ctrl-C does.
    pub fn request(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Ends the verb if the user asked to stop.
    pub fn check(&self) -> Result<(), Failure> {
        if self.requested() { Err(Failure::interrupted()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ctrl_c_only_asks() {
        let interrupt = Interrupt::on_ctrl_c().unwrap();
        assert!(!interrupt.requested());
        signal_hook::low_level::raise(SIGINT).unwrap();
        assert!(interrupt.requested());
    }

    #[test]
    fn clones_share_the_request() {
        let interrupt = Interrupt::never();
        let seen_by_worker = interrupt.clone();
        assert_eq!(seen_by_worker.check(), Ok(()));
        interrupt.request();
        assert!(seen_by_worker.requested());
        assert_eq!(seen_by_worker.check().unwrap_err().exit(), Exit::Interrupted);
    }
}
