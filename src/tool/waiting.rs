//! Waiting for a search with a deadline, hearing Ctrl-C.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::Interrupt;
use crate::voucher::Patience;

/// Tells how far a search is, and ends it at its deadline or when the user asks.
pub struct Waiting<'a> {
    interrupt: &'a Interrupt,
    until: Instant,
    tell: &'a (dyn Fn(usize, usize) + Sync),
}

impl<'a> Waiting<'a> {
    /// Wait for at most so long, from now on; `tell` hears how many of how many were tried.
    pub fn at_most(
        wait: Duration,
        interrupt: &'a Interrupt,
        tell: &'a (dyn Fn(usize, usize) + Sync),
    ) -> Self {
        Self { interrupt, until: Instant::now() + wait, tell }
    }
}

impl Patience for Waiting<'_> {
    fn go_on(&self, tried: usize, of: usize) -> ControlFlow<()> {
        (self.tell)(tried, of);
        if self.interrupt.requested() || Instant::now() >= self.until {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn patience_ends_at_its_deadline_or_when_the_user_asks() {
        let (interrupt, heard) = (Interrupt::never(), AtomicUsize::new(0));
        let tell = |tried: usize, of: usize| heard.store(100 * tried + of, Ordering::Relaxed);
        let long = Waiting::at_most(Duration::from_hours(1), &interrupt, &tell);
        assert!(long.go_on(3, 20).is_continue());
        assert_eq!(heard.load(Ordering::Relaxed), 320);
        let short = Waiting::at_most(Duration::ZERO, &interrupt, &tell);
        assert!(short.go_on(4, 20).is_break());
        interrupt.request();
        assert!(long.go_on(5, 20).is_break());
    }
}
