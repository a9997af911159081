//! The limits of a recipe's values; each refusal names file, key, value and limit.

use std::collections::HashMap;
use std::fmt::Display;
use std::ops::Deref;
use std::path::Path;

use data_encoding::HEXLOWER;

use super::{RecipeError, Words};
use crate::crypto::digest::sha256_parts;
use crate::crypto::sign::PublicKey;
use crate::units::{Amount, Currency};

/// The longest path, in characters.
pub(super) const PATH_MAX: usize = 1_000;
const URL_MAX: usize = 200;
const LABEL_MAX: usize = 11;
/// How much of a refused value is shown, in characters.
const SHOWN_MAX: usize = 60;
/// What stands before an Ed25519 key in its DER encoding (RFC 8410, section 4).
const KEY_DER_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The rules of one recipe, or of one table in it.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    file: &'a Path,
    table: Option<(&'static str, usize)>,
}

/// The rules of one table of several.
pub(super) struct Place<'a>(Rules<'a>);

impl<'a> Deref for Place<'a> {
    type Target = Rules<'a>;

    fn deref(&self) -> &Rules<'a> {
        &self.0
    }
}

/// A text cut to what fits a message.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl<'a> Rules<'a> {
    pub(super) fn of(file: &'a Path) -> Self {
        Self { file, table: None }
    }

    pub(super) fn file(&self) -> &'a Path {
        self.file
    }

    pub(super) fn wrong(
        &self,
        key: &str,
        found: impl Display,
        expected: impl Into<String>,
    ) -> RecipeError {
        let key = match self.table {
            Some((table, number)) => format!("{table} {number}, {key}"),
            None => key.to_owned(),
        };
        let (file, found) = (self.file.to_path_buf(), found.to_string());
        RecipeError::Value { file, key, found, expected: expected.into() }
    }

    /// Read each of several tables of one name.
    pub(super) fn each<R, T>(
        &self,
        table: &'static str,
        raw: Vec<R>,
        count_max: usize,
        read: impl Fn(Place<'a>, R) -> Result<T, RecipeError>,
    ) -> Result<Vec<T>, RecipeError> {
        if raw.len() > count_max {
            let found = format!("there {} times", raw.len());
            return Err(self.wrong(table, found, format!("at most {count_max}")));
        }
        let place = |number| Place(Self { file: self.file, table: Some((table, number)) });
        (1..).zip(raw).map(|(number, raw)| read(place(number), raw)).collect()
    }

    /// Refuse a value that stands in two tables of one name.
    pub(super) fn unique<'b>(
        &self,
        table: &'static str,
        key: &str,
        values: impl Iterator<Item = &'b str>,
    ) -> Result<(), RecipeError> {
        let mut seen = HashMap::new();
        for (number, value) in (1..).zip(values) {
            if let Some(first) = seen.insert(value, number) {
                let here = Self { file: self.file, table: Some((table, number)) };
                let expected = format!("each once, and {table} {first} has it");
                return Err(here.wrong(key, format!("{value:?}"), expected));
            }
        }
        Ok(())
    }

    pub(super) fn number<T: TryFrom<i64>>(
        &self,
        key: &str,
        value: i64,
        min: i64,
        max: i64,
    ) -> Result<T, RecipeError> {
        let within = Some(value).filter(|value| (min..=max).contains(value));
        let wrong = || {
            let one = format!("{min}");
            self.wrong(key, value, if min == max { one } else { format!("{min} to {max}") })
        };
        within.and_then(|value| T::try_from(value).ok()).ok_or_else(wrong)
    }

    pub(super) fn price(&self, key: &str, value: i64) -> Result<Amount, RecipeError> {
        let max = i64::try_from(Amount::MAX.minor()).expect("10^12 fits");
        let minor = self.number(key, value, 0, max)?;
        Ok(Amount::from_minor(minor).expect("at most the largest amount"))
    }

    /// One line of 1 to `max` characters.
    pub(super) fn text(&self, key: &str, text: String, max: usize) -> Result<String, RecipeError> {
        let count = text.chars().count();
        let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        if (1..=max).contains(&count) && !text.contains(breaks) {
            return Ok(text);
        }
        let found = format!("{:?} ({count} characters)", shortened(&text));
        let expected = format!("one line of 1 to {max} characters without control characters");
        Err(self.wrong(key, found, expected))
    }

    /// A text and the same in Japanese.
    pub(super) fn words(
        &self,
        keys: [&str; 2],
        en: String,
        ja: Option<String>,
        max: usize,
    ) -> Result<Words, RecipeError> {
        let ja = ja.map(|ja| self.text(keys[1], ja, max)).transpose()?;
        Ok(Words { en: self.text(keys[0], en, max)?, ja })
    }

    /// 1 to `max` of some ASCII characters.
    fn ascii(
        &self,
        key: &str,
        text: &str,
        max: usize,
        [allowed, words]: [&str; 2],
    ) -> Result<String, RecipeError> {
        if (1..=max).contains(&text.len()) && text.chars().all(|c| allowed.contains(c)) {
            return Ok(text.to_owned());
        }
        let found = format!("{:?} ({} characters)", shortened(text), text.chars().count());
        Err(self.wrong(key, found, format!("1 to {max} of {words}")))
    }

    pub(super) fn name(&self, key: &str, text: &str, max: usize) -> Result<String, RecipeError> {
        let allowed = ["abcdefghijklmnopqrstuvwxyz0123456789-", "a-z, 0-9 and -"];
        self.ascii(key, text, max, allowed)
    }

    pub(super) fn label(&self, key: &str, text: &str) -> Result<String, RecipeError> {
        let allowed = ["ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", "A-Z, 0-9, - and _"];
        self.ascii(key, text, LABEL_MAX, allowed)
    }

    pub(super) fn currency(&self, key: &str, text: &str) -> Result<Currency, RecipeError> {
        text.parse().map_err(|_| {
            self.wrong(key, format!("{:?}", shortened(text)), "three capital letters (ISO 4217)")
        })
    }

    pub(super) fn choice<T: Clone>(
        &self,
        key: &str,
        text: &str,
        choices: &[(&str, T)],
    ) -> Result<T, RecipeError> {
        let chosen = choices.iter().find(|(word, _)| *word == text);
        chosen.map(|(_, value)| value.clone()).ok_or_else(|| {
            let words: Vec<_> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
            let expected = format!("one of {}", words.join(", "));
            self.wrong(key, format!("{:?}", shortened(text)), expected)
        })
    }

    /// A path that stays where it begins.
    pub(super) fn path(&self, key: &str, text: &str) -> Result<String, RecipeError> {
        let text = self.text(key, text.to_owned(), PATH_MAX)?;
        let plain = |name: &str| !matches!(name, "" | "." | "..");
        if !text.contains('\\') && text.split('/').all(plain) {
            return Ok(text);
        }
        let expected = "a relative path of names and /, without `.` and `..`";
        Err(self.wrong(key, format!("{:?}", shortened(&text)), expected))
    }

    pub(super) fn url(&self, key: &str, text: String) -> Result<String, RecipeError> {
        let text = self.text(key, text, URL_MAX)?;
        let sound = text.bytes().all(|byte| byte.is_ascii_graphic())
            && match text.split_once("://") {
                Some(("https", rest)) => !host(rest).is_empty(),
                Some(("http", rest)) => matches!(host(rest), "localhost" | "127.0.0.1" | "[::1]"),
                _ => false,
            };
        if sound {
            return Ok(text);
        }
        let expected = "https://HOST..., or http:// to localhost, 127.0.0.1 or [::1]";
        Err(self.wrong(key, format!("{:?}", shortened(&text)), expected))
    }

    /// The hash that pins a server's key, which is given in hex.
    pub(super) fn pin(&self, key: &str, text: &str) -> Result<[u8; 32], RecipeError> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let public = bytes.and_then(|bytes| PublicKey::from_bytes(bytes).ok());
        let public = public.ok_or_else(|| {
            let found = format!("{:?} ({} characters)", shortened(text), text.chars().count());
            self.wrong(key, found, "an Ed25519 public key in 64 lower-case hex digits")
        })?;
        Ok(sha256_parts(&[&KEY_DER_PREFIX, public.as_bytes()]))
    }
}

/// The host of what stands behind `://`; empty if there is none or a user stands before it.
fn host(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    if authority.contains('@') {
        return "";
    }
    match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => authority,
    }
}
