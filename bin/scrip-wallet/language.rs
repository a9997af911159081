//! The language that an owner reads.

use scrip::format::edition::Settings;
use scrip::format::{Kind, Object};
use scrip::image::layout::SETTINGS_PATH;
use scrip::tool::{Source, locale};
use scrip::words::Language;

use crate::cli::Common;
use crate::medium::path;

/// As the command line says, else the environment, else the medium itself, else English.
pub(crate) fn chosen(common: &Common) -> Language {
    let named = common.lang.map(Language::from).or_else(locale::language);
    named.or_else(|| of_medium(common)).unwrap_or_default()
}

/// What the medium's settings name; they aren't verified yet, and more than a language they
/// can't choose here.
fn of_medium(common: &Common) -> Option<Language> {
    let source = Source::open(&path(common).ok()?).ok()?;
    let bytes = source.file(SETTINGS_PATH, Kind::Settings.bytes_max() as u64)?;
    Language::of_tag(&Settings::decode(&bytes).ok()?.language)
}
