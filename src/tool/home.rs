//! Where a user's own files lie (XDG Base Directory Specification 0.8).

use std::ffi::OsString;
use std::path::PathBuf;

/// The folder of pinned roots and other choices: `$XDG_CONFIG_HOME/scrip`, or `~/.config/scrip`.
///
/// None where the environment names no absolute home.
pub fn config() -> Option<PathBuf> {
    folder("XDG_CONFIG_HOME", ".config", &environment)
}

/// The folder of what is remembered between runs: `$XDG_STATE_HOME/scrip`, or
/// `~/.local/state/scrip`.
pub fn state() -> Option<PathBuf> {
    folder("XDG_STATE_HOME", ".local/state", &environment)
}

#[expect(clippy::disallowed_methods, reason = "this room reads the environment for the tools")]
fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn folder(
    name: &str,
    below_home: &str,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    // A relative path there is to be ignored, says the specification.
    let absolute = |name| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute(name).or_else(|| Some(absolute("HOME")?.join(below_home)))?;
    Some(base.join("scrip"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_where_and_home_stands_in() {
        let table = [
            (Some("/state"), Some("/home/a"), Some("/state/scrip")),
            (None, Some("/home/a"), Some("/home/a/.local/state/scrip")),
            (Some(""), Some("/home/a"), Some("/home/a/.local/state/scrip")),
            (Some("state"), Some("/home/a"), Some("/home/a/.local/state/scrip")),
            (None, Some("a"), None),
            (None, None, None),
        ];
        for (own, home, expected) in table {
            let environment = |name: &str| match name {
                "HOME" => home.map(OsString::from),
                "XDG_STATE_HOME" => own.map(OsString::from),
                _ => None,
            };
            let found = folder("XDG_STATE_HOME", ".local/state", &environment);
            assert_eq!(found, expected.map(PathBuf::from), "{own:?} {home:?}");
        }
    }
}
