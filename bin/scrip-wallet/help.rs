//! Help and usage errors in Japanese.
//!
//! clap speaks English alone. Where people read Japanese and the command line leads to help or to an
//! error, it is read once more by a tree of verbs that has Japanese texts and headings in its place.
//! clap counts a character as one column and breaks lines at spaces; so lines are broken here.

mod mistake;
mod texts;

use std::env;
use std::ffi::OsString;
use std::mem;
use std::path::Path;

use clap::builder::PossibleValue;
use clap::builder::styling::Styles;
use clap::{Arg, Command, CommandFactory, ValueEnum};
use scrip::tool::{columns, locale};
use scrip::words::{Language, wrap};

use crate::cli::{Cli, Lang};
use mistake::Mistake;
use texts::{Told, Verb};

/// What clap puts in front of the text of an argument that begins on a line of its own.
const INDENT: usize = 10;

/// What it puts around the names in a list of verbs.
const GAPS: usize = 4;

/// End with the help or the error that the command line leads to, if people read Japanese.
pub(crate) fn end_in_japanese() {
    let line: Vec<OsString> = env::args_os().collect();
    if language(&line) != Language::Japanese {
        return;
    }
    let called = line.first().and_then(|path| Path::new(path).file_name()?.to_str());
    let mut command = Cli::command();
    if let Some(name) = called {
        command = command.bin_name(name.to_owned());
    }
    if let Err(error) = in_japanese(command, columns()).try_get_matches_from(line) {
        error.apply::<Mistake>().exit()
    }
}

/// The language of a command line that isn't understood; the medium's own isn't known then.
fn language(line: &[OsString]) -> Language {
    let words = line.iter().skip(1).take_while(|word| *word != "--");
    let words: Vec<&str> = words.filter_map(|word| word.to_str()).collect();
    if words.contains(&"--json") {
        return Language::English;
    }
    let joined = words.iter().filter_map(|word| word.strip_prefix("--lang="));
    let apart = words.windows(2).filter(|pair| pair[0] == "--lang").map(|pair| pair[1]);
    let named = joined.chain(apart).find_map(|tag| Lang::from_str(tag, false).ok());
    named.map(Language::from).or_else(locale::language).unwrap_or_default()
}

/// The tree of verbs with Japanese texts, in lines of so many columns.
fn in_japanese(mut command: Command, columns: usize) -> Command {
    command.build();
    translated(command.term_width(0), &texts::TOP, columns, columns)
}

/// One verb and all below it; `listed` is the room for it in a list.
fn translated(mut command: Command, verb: &Verb, columns: usize, listed: usize) -> Command {
    let names = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    let longest = names.map(|verb| verb.get_name().len()).max().unwrap_or_default();
    for below in command.get_subcommands_mut() {
        if let Some(verb) = texts::verb(below.get_name()) {
            *below = translated(mem::take(below), verb, columns, columns - longest - GAPS);
        }
    }
    let example = command.get_after_help().map(|example| in_words(&example.to_string(), &command));
    let about = wrap(verb.about, columns.min(listed));
    let long = [verb.about, verb.more].map(|text| wrap(text, columns)).join("\n\n");
    command = command
        .about(about)
        .long_about(long.trim_end().to_owned())
        .subcommand_value_name("コマンド")
        .mut_args(|argument| match verb.argument(argument.get_id().as_str()) {
            Some(told) => explained(argument, told, columns - INDENT),
            None => argument,
        });
    if let Some(example) = example {
        command = command.after_help(example);
    }
    let usage = usage(&mut command);
    let template = template(&command);
    command.override_usage(usage).help_template(template)
}

/// An argument with its text, which says too what it may be and what it is if it isn't given.
fn explained(argument: Arg, told: &Told, columns: usize) -> Arg {
    let mut help = told.help.to_owned();
    if argument.get_action().takes_values() {
        let values = argument.get_possible_values();
        let values: Vec<_> = values.iter().map(PossibleValue::get_name).collect();
        let default = argument.get_default_values().iter().map(|value| value.to_string_lossy());
        let default: Vec<_> = default.collect();
        for (what, values) in [("使える値", values.join("、")), ("省略時", default.join("、"))]
        {
            if !values.is_empty() {
                help.extend(["［", what, "：", &values, "］"]);
            }
        }
    }
    let help = wrap(&help, columns);
    let long = match (told.long, told.more) {
        ("", "") => help.clone(),
        ("", more) => format!("{help}\n\n{}", wrap(more, columns)),
        (long, _) => wrap(long, columns),
    };
    let argument = argument.help(help).long_help(long).next_line_help(true);
    let argument = argument.hide_possible_values(true).hide_default_value(true);
    match told.value {
        "" => argument,
        value => argument.value_name(value),
    }
}

/// A verb's example, with arguments called as its help calls them.
fn in_words(example: &str, command: &Command) -> String {
    let verb = texts::verb(command.get_name());
    let word = |word| {
        let arguments = command.get_arguments();
        let mut named = arguments.filter(|one| {
            one.get_value_names().is_some_and(|names| names.iter().any(|name| *name == word))
        });
        let told = named.next().and_then(|one| verb?.argument(one.get_id().as_str()));
        told.map_or(word, |told| told.value)
    };
    let words: Vec<_> = example.split(' ').map(word).collect();
    words.join(" ").replace("Example: ", "例：")
}

/// How a verb is called, without the heading.
fn usage(command: &mut Command) -> String {
    let usage = without_heading(&command.render_usage().ansi().to_string());
    usage.replace("[OPTIONS]", "[オプション]")
}

/// What follows clap's own heading of a usage.
fn without_heading(usage: &str) -> String {
    let styles = Styles::styled();
    let heading = format!("{style}Usage:{style:#} ", style = styles.get_usage());
    usage.strip_prefix(&heading).unwrap_or(usage).to_owned()
}

/// The parts of a help that a verb has, under their headings.
fn template(command: &Command) -> String {
    let styles = Styles::styled();
    let (head, usage) = (styles.get_header(), styles.get_usage());
    let about = format!("{{about-with-newline}}\n{usage}使い方：{usage:#}{{usage}}");
    let shown = |argument: &Arg| !argument.is_hide_set();
    let parts = [
        ("コマンド", "subcommands", command.get_subcommands().any(|verb| !verb.is_hide_set())),
        ("引数", "positionals", command.get_positionals().any(shown)),
        (
            "オプション",
            "options",
            command.get_arguments().any(|one| shown(one) && !one.is_positional()),
        ),
    ];
    let parts = parts.into_iter().filter(|(.., any)| *any);
    let parts = parts.map(|(heading, tag, _)| format!("{head}{heading}：{head:#}\n{{{tag}}}"));
    [about].into_iter().chain(parts).collect::<Vec<_>>().join("\n\n") + "{after-help}"
}

#[cfg(test)]
mod tests {
    use clap::ArgMatches;
    use clap::builder::StyledStr;
    use scrip::words::width;

    use super::*;

    /// The tool and every verb, each in English and in Japanese.
    fn pairs() -> Vec<(Command, Command)> {
        let mut english = Cli::command();
        english.build();
        let japanese = in_japanese(Cli::command(), 80);
        let mut pairs = vec![];
        for verb in english.get_subcommands() {
            pairs.push((verb.clone(), japanese.find_subcommand(verb.get_name()).unwrap().clone()));
        }
        pairs.insert(0, (english, japanese));
        pairs
    }

    fn has_japanese(text: &str) -> bool {
        text.chars().any(|letter| matches!(letter, 'ぁ'..='ヺ' | '一'..='鿿'))
    }

    /// A text that is said instead of another.
    #[track_caller]
    fn check(place: &str, english: Option<String>, japanese: Option<String>) {
        let missing = japanese.is_none();
        let said = japanese.unwrap_or_default();
        assert_eq!(english.is_none(), missing, "{place}: {english:?}, {said}");
        let Some(english) = english else { return };
        assert!(english != said && has_japanese(&said), "{place} is not Japanese: {said}");
    }

    #[test]
    fn every_verb_and_every_argument_is_explained_in_japanese() {
        for (english, japanese) in pairs() {
            let name = english.get_name();
            let text = |text: Option<&StyledStr>| text.map(ToString::to_string);
            check(name, text(english.get_about()), text(japanese.get_about()));
            check(name, text(english.get_after_help()), text(japanese.get_after_help()));
            for argument in english.get_arguments() {
                let id = argument.get_id().as_str();
                let told = japanese.get_arguments().find(|told| told.get_id() == id).unwrap();
                let place = format!("{name} {id}");
                check(&place, text(argument.get_help()), text(told.get_help()));
                assert!(argument.get_env().is_none(), "{place} has a variable: nothing tells it");
                let values =
                    |argument: &Arg| argument.get_value_names().map(|names| names.join(" "));
                if argument.get_action().takes_values() {
                    check(&place, values(argument), values(told));
                }
            }
        }
    }

    #[test]
    fn what_english_tells_beyond_a_line_japanese_tells_too() {
        for (english, japanese) in pairs() {
            let name = english.get_name();
            let verb =
                if name == "scrip-wallet" { &texts::TOP } else { texts::verb(name).unwrap() };
            assert_eq!(english.get_long_about().is_some(), has_japanese(verb.more), "{name}");
            assert!(japanese.get_long_about().is_some());
            for argument in english.get_arguments() {
                let told = verb.argument(argument.get_id().as_str()).unwrap();
                let more = has_japanese(told.more) || has_japanese(told.long);
                assert_eq!(argument.get_long_help().is_some(), more, "{name} {}", told.id);
            }
        }
    }

    #[test]
    fn no_text_is_left_without_its_verb_or_argument() {
        let pairs = pairs();
        let has = |verb: &Command, id: &str| verb.get_arguments().any(|one| one.get_id() == id);
        for verb in texts::VERBS.iter().chain([&texts::TOP]) {
            let (english, _) = pairs
                .iter()
                .find(|(english, _)| english.get_name() == verb.name)
                .unwrap_or_else(|| panic!("there is no verb {}", verb.name));
            for told in verb.arguments {
                assert!(has(english, told.id), "{} has no argument {}", verb.name, told.id);
            }
        }
        for told in texts::EVERYWHERE {
            assert!(has(&pairs[0].0, told.id), "there is no argument {}", told.id);
        }
    }

    /// All that a tree of verbs shows.
    fn shown(columns: usize) -> String {
        let mut command = in_japanese(Cli::command(), columns);
        let mut shown = command.render_long_help().to_string() + &command.render_help().to_string();
        for verb in command.get_subcommands_mut() {
            shown += &verb.render_long_help().to_string();
            shown += &verb.render_help().to_string();
        }
        shown
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let usage = |line: &str| line.contains("使い方：") || line.contains("例：");
        for columns in [80, 60] {
            let shown = shown(columns);
            let lines = shown.lines().filter(|line| columns == 80 || !usage(line));
            let wide: Vec<_> = lines.filter(|line| width(line) > columns).collect();
            assert!(wide.is_empty(), "{columns}: {wide:#?}");
            let english =
                ["Usage", "Options", "OPTIONS", "COMMAND", "FILE", "[default", "Possible"];
            let left = english.iter().find(|word| shown.contains(**word));
            assert!(left.is_none(), "{left:?} is left in {shown}");
        }
    }

    #[test]
    fn examples_in_japanese_are_understood() {
        let path = |found: &ArgMatches| found.subcommand_name().map(str::to_owned);
        for (english, japanese) in pairs().into_iter().skip(1) {
            let Some(after) = japanese.get_after_help().map(ToString::to_string) else { continue };
            let example = after.strip_prefix("例：").unwrap();
            let found = in_japanese(Cli::command(), 80).try_get_matches_from(example.split(' '));
            assert_eq!(path(&found.unwrap()).as_deref(), Some(english.get_name()), "{example}");
        }
    }

    #[test]
    fn a_default_and_what_may_be_given_are_told() {
        let argument = Arg::new("size").value_parser(["big", "small"]).default_value("big");
        let told =
            Told {
                id: "size", value: "大きさ", help: "大きさを選びます", more: "", long: ""
            };
        let argument = explained(argument, &told, 70);
        let help = argument.get_help().map(ToString::to_string);
        let expected = "大きさを選びます［使える値：big、small］［省略時：big］";
        assert_eq!(help.as_deref(), Some(expected));
    }

    #[test]
    fn the_line_names_the_language_before_the_environment_does() {
        let ja = Language::Japanese;
        let en = Language::English;
        for (line, expected) in [
            (&["--lang", "ja", "buy"][..], ja),
            (&["buy", "--lang=ja"], ja),
            (&["buy", "--lang", "en"], en),
            (&["--lang", "ja", "--json"], en),
        ] {
            let line: Vec<_> = ["scrip-wallet"].iter().chain(line).map(OsString::from).collect();
            assert_eq!(language(&line), expected, "{line:?}");
        }
        let beyond = ["scrip-wallet", "play", "--lang", "en", "--", "--lang", "ja"];
        assert_eq!(language(&beyond.map(OsString::from)), en);
    }
}
