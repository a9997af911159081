//! The language that a person at this computer reads.

use std::ffi::OsString;

use crate::words::Language;

/// The language that the environment names: `SCRIP_LANG` if it is one that is spoken here, else the
/// locale of messages (`LC_ALL`, `LC_MESSAGES`, `LANG`: the first that is set).
pub fn language() -> Option<Language> {
    of(&environment)
}

#[expect(clippy::disallowed_methods, reason = "this room reads the environment for the tools")]
fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn of(environment: &dyn Fn(&str) -> Option<OsString>) -> Option<Language> {
    let set = |name: &&str| environment(name).filter(|value| !value.is_empty());
    let language = |value: OsString| Language::of_tag(value.to_str()?);
    let own = set(&"SCRIP_LANG").and_then(language);
    own.or_else(|| ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set).and_then(language))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Set = &'static [(&'static str, &'static str)];

    #[test]
    fn the_first_locale_that_is_set_counts() {
        let (en, ja) = (Some(Language::English), Some(Language::Japanese));
        let cases: [(Set, Option<Language>); 7] = [
            (&[], None),
            (&[("LANG", "ja_JP.UTF-8")], ja),
            (&[("LANG", "ja_JP.UTF-8"), ("LC_ALL", "en_US")], en),
            (&[("LANG", "ja_JP.UTF-8"), ("LC_MESSAGES", "C")], None),
            (&[("LANG", "ja_JP.UTF-8"), ("LC_ALL", "")], ja),
            (&[("LC_ALL", "en_US"), ("SCRIP_LANG", "ja")], ja),
            (&[("LC_ALL", "en_US"), ("SCRIP_LANG", "tlh")], en),
        ];
        for (set, expected) in cases {
            let environment = |name: &str| {
                set.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value))
            };
            assert_eq!(of(&environment), expected, "{set:?}");
        }
    }
}
