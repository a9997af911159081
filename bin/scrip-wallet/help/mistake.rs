//! What is wrong with a command line, in Japanese.

use std::error::Error as _;
use std::num::ParseIntError;

use clap::builder::StyledStr;
use clap::builder::styling::Styles;
use clap::error::{ContextKind, ContextValue, Error, ErrorFormatter, ErrorKind};

use scrip::tool::printable;

use super::without_heading;

/// Tells of an error as clap does in English: what is wrong, what may have been meant, the usage.
pub(super) struct Mistake;

impl ErrorFormatter for Mistake {
    fn format_error(error: &Error<Self>) -> StyledStr {
        let styles = Styles::styled();
        let (red, green, bold) = (styles.get_error(), styles.get_valid(), styles.get_literal());
        let mut told = vec![format!("{red}エラー：{red:#}{}\n", what_is_wrong(error))];
        let hints = hints(error).into_iter();
        told.extend(hints.map(|hint| format!("  {green}ヒント：{green:#}{hint}\n")));
        if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
            let usage = without_heading(&usage.ansi().to_string());
            told.push(format!("{head}使い方：{head:#}{usage}\n", head = styles.get_usage()));
        }
        told.push(format!("詳しくは {bold}--help{bold:#} をご覧ください。\n"));
        told.join("\n").into()
    }
}

/// Words of the error's context, one after the other.
fn words(error: &Error<Mistake>, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(word)) => vec![printable(word).into_owned()],
        Some(ContextValue::Strings(words)) => {
            words.iter().map(|word| printable(word).into_owned()).collect()
        }
        Some(ContextValue::StyledStrs(texts)) => texts.iter().map(ToString::to_string).collect(),
        _ => vec![],
    }
}

fn what_is_wrong(error: &Error<Mistake>) -> String {
    let all = |kind| words(error, kind).join("、");
    let argument = all(ContextKind::InvalidArg);
    let value = all(ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::UnknownArgument if argument.starts_with('-') => {
            format!("{argument} というオプションはありません")
        }
        ErrorKind::UnknownArgument => format!("「{argument}」は余分です"),
        ErrorKind::InvalidSubcommand => {
            format!("「{}」というコマンドはありません", all(ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingRequiredArgument => format!("次の指定が足りません：{argument}"),
        ErrorKind::ArgumentConflict => match all(ContextKind::PriorArg) {
            other if other == argument || other.is_empty() => {
                format!("{argument} は一度しか指定できません")
            }
            other => format!("{argument} は {other} と一緒に指定できません"),
        },
        ErrorKind::InvalidValue if value.is_empty() => {
            format!("{argument} の値がありません{}", possible(error))
        }
        ErrorKind::InvalidValue => {
            format!("「{value}」は {argument} に使えません{}", possible(error))
        }
        ErrorKind::ValueValidation => {
            let number = error.source().is_some_and(<dyn std::error::Error>::is::<ParseIntError>);
            let number = if number { "。0以上の整数を指定してください" } else { "" };
            format!("「{value}」は {argument} に使えません{number}")
        }
        ErrorKind::TooManyValues => format!("{argument} に「{value}」という値は付けられません"),
        ErrorKind::InvalidUtf8 => "UTF-8でない文字が含まれています".to_owned(),
        _ => "コマンドの書き方が正しくありません".to_owned(),
    }
}

/// The values that there are.
fn possible(error: &Error<Mistake>) -> String {
    match words(error, ContextKind::ValidValue) {
        values if values.is_empty() => String::new(),
        values => format!("。使える値：{}", values.join("、")),
    }
}

/// What may have been meant.
fn hints(error: &Error<Mistake>) -> Vec<String> {
    let similar = [
        (ContextKind::SuggestedSubcommand, "似たコマンドがあります"),
        (ContextKind::SuggestedArg, "似たオプションがあります"),
        (ContextKind::SuggestedValue, "似た値があります"),
    ];
    let similar = similar.into_iter().filter_map(|(kind, text)| {
        let words = words(error, kind);
        (!words.is_empty()).then(|| format!("{text}：{}", words.join("、")))
    });
    let argument = words(error, ContextKind::InvalidArg).concat();
    // These have no parts of their own: clap's sentences are told apart by how they begin and end.
    let others = words(error, ContextKind::Suggested);
    let others = others.iter().filter_map(|text| {
        let quoted = text.strip_prefix('\'').and_then(|text| text.strip_suffix("' exists"));
        match quoted {
            Some(there) => Some(format!("`{there}` ならあります")),
            None if text.starts_with("to pass ") => {
                Some(format!("値として渡すには `-- {argument}` と書きます"))
            }
            None if text.starts_with("subcommand ") => {
                Some(format!("コマンド `{argument}` を使うには、その前の `--` を除きます"))
            }
            None => None,
        }
    });
    similar.chain(others).collect()
}
