//! What people read, in each language that the tools speak.
//!
//! A [`Phrase`] holds one message in all languages; who prints it picks. Messages are written with
//! [`phrases!`](crate::phrases), both languages side by side: one without its translation doesn't
//! compile. [`Table`] puts cells under each other by the width they have on a terminal, [`wrap`] breaks
//! lines by it.

mod lines;
mod table;

use std::error::Error;
use std::fmt::{self, Display};

pub use lines::wrap;
pub use table::{Side, Table, pad, width};

/// A language that the tools speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English; what programs read is always in it.
    #[default]
    English,
    /// Japanese.
    Japanese,
}

impl Language {
    /// The language of a tag or a locale: `ja`, `ja-JP`, `ja_JP.UTF-8`; none for all that is not
    /// spoken here, and for `C` and `POSIX`, which name no language.
    pub fn of_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_', '.', '@']).next()?.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "ja" => Some(Self::Japanese),
            _ => None,
        }
    }

    /// Its tag (BCP 47).
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Japanese => "ja",
        }
    }
}

/// One message in every language.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Phrase {
    en: String,
    ja: String,
}

/// A count with its noun, in English.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

impl Phrase {
    /// A message and its translation.
    pub fn new(en: impl Into<String>, ja: impl Into<String>) -> Self {
        Self { en: en.into(), ja: ja.into() }
    }

    /// A name, a number or a path: the same in every language.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { ja: text.clone(), en: text }
    }

    /// A count with its noun, which only English changes: elsewhere the count alone.
    pub fn counted(count: u64, one: &str, many: &str) -> Self {
        Self { en: counted(count, one, many), ja: count.to_string() }
    }

    /// An error, without its causes.
    pub fn of(error: &impl Japanese) -> Self {
        Self { en: error.to_string(), ja: error.japanese() }
    }

    /// In this language.
    pub fn text(&self, language: Language) -> &str {
        match language {
            Language::English => &self.en,
            Language::Japanese => &self.ja,
        }
    }

    /// In English.
    pub fn en(&self) -> &str {
        &self.en
    }

    /// In Japanese.
    pub fn ja(&self) -> &str {
        &self.ja
    }

    /// Each language's text, changed alike.
    #[must_use]
    pub fn map(&self, change: impl Fn(&str) -> String) -> Self {
        Self { en: change(&self.en), ja: change(&self.ja) }
    }

    /// One after the other, with `between` in between.
    pub fn join(phrases: &[Self], between: &Self) -> Self {
        let texts = |text: fn(&Self) -> &str| {
            phrases.iter().map(text).collect::<Vec<_>>().join(text(between))
        };
        Self { en: texts(Self::en), ja: texts(Self::ja) }
    }
}

/// An error that can be told in Japanese as well.
pub trait Japanese: Error {
    /// The message; a sentence without its full stop.
    fn japanese(&self) -> String;
}

/// What can be said: a phrase, or anything that looks the same in every language.
pub trait Spoken {
    /// As a phrase.
    fn phrase(self) -> Phrase;
}

impl<T: Display> Spoken for T {
    fn phrase(self) -> Phrase {
        Phrase::same(self.to_string())
    }
}

impl Spoken for Phrase {
    fn phrase(self) -> Phrase {
        self
    }
}

impl Spoken for &Phrase {
    fn phrase(self) -> Phrase {
        self.clone()
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.tag())
    }
}

/// Defines messages: functions that put what they are given into the texts of both languages.
///
/// Arguments are anything [`Spoken`](crate::words::Spoken): text, numbers, other phrases.
///
/// ```
/// scrip::phrases! {
///     /// What was added.
///     pub fn added(sum) { en: "Added: {sum}", ja: "追加しました: {sum}" }
/// }
/// assert_eq!(added("¥500").ja(), "追加しました: ¥500");
/// ```
///
/// Without a translation it doesn't compile:
///
/// ```compile_fail
/// scrip::phrases! {
///     /// What was added.
///     pub fn added(sum) { en: "Added: {sum}" }
/// }
/// ```
#[macro_export]
macro_rules! phrases {
    ($(
        $(#[$about:meta])*
        $vis:vis fn $name:ident($($word:ident),* $(,)?) { en: $en:literal, ja: $ja:literal $(,)? }
    )+) => {
        $(
            $(#[$about])*
            $vis fn $name($($word: impl $crate::words::Spoken),*) -> $crate::words::Phrase {
                $(let $word = $word.phrase();)*
                let en = {
                    $(let $word = $word.en();)*
                    $(let _ = $word;)*
                    format!($en)
                };
                let ja = {
                    $(let $word = $word.ja();)*
                    $(let _ = $word;)*
                    format!($ja)
                };
                $crate::words::Phrase::new(en, ja)
            }
        )+
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::phrases! {
        fn coins(count) { en: "{count} coins", ja: "硬貨{count}枚" }
        fn added(what) { en: "Added: {what}", ja: "追加: {what}" }
        fn done() { en: "done", ja: "完了" }
    }

    #[test]
    fn phrases_nest_and_stay_in_one_language() {
        let both = added(coins(3));
        assert_eq!((both.en(), both.ja()), ("Added: 3 coins", "追加: 硬貨3枚"));
        assert_eq!(added("¥5").text(Language::Japanese), "追加: ¥5");
        let list = Phrase::join(&[done(), coins(1)], &Phrase::new(", ", "、"));
        assert_eq!((list.en(), list.ja()), ("done, 1 coins", "完了、硬貨1枚"));
        assert_eq!(done().map(|text| format!("- {text}")).ja(), "- 完了");
    }

    #[test]
    fn a_language_is_known_by_its_tag_and_by_a_locale() {
        let (en, ja) = (Some(Language::English), Some(Language::Japanese));
        let cases = [
            ("ja", ja),
            ("ja-JP", ja),
            ("ja_JP.UTF-8", ja),
            ("JA", ja),
            ("en_US.UTF-8", en),
            ("en", en),
            ("C", None),
            ("C.UTF-8", None),
            ("POSIX", None),
            ("jam", None),
            ("de_DE@euro", None),
            ("", None),
        ];
        for (tag, expected) in cases {
            assert_eq!(Language::of_tag(tag), expected, "{tag:?}");
        }
    }
}
