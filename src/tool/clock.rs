//! The only place that reads the host's clock; everything else takes `now`.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::units::Timestamp;

/// The host's time; it may be wrong, so nothing may expire by it alone.
pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    let now = SystemTime::now();
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Timestamp::from_seconds(seconds).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_set_and_runs_forward() {
        let first = now();
        // 2024-01-01: no host that builds this is older.
        assert!(first.seconds() > 1_704_067_200);
        assert!(now() >= first);
    }
}
