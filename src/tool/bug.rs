//! A panic is a bug in the tool, and says so.

use std::io::Write;
use std::panic::PanicHookInfo;

use super::printable;

/// Makes every panic of this process say that it is a bug, and where.
pub(super) fn announce(tool: &'static str) {
    std::panic::set_hook(Box::new(move |info| {
        // Standard error may be closed; there is nobody else to tell.
        let _ = std::io::stderr().write_all(told(tool, info).as_bytes());
    }));
}

fn told(tool: &str, info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map_or_else(String::new, |place| format!(" ({place})"));
    let message = info.payload_as_str().unwrap_or("no message");
    format!("{tool}: this is a bug: {}{place}\n", printable(message))
}
