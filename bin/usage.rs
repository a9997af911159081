//! What the command lines of all four tools share: usage errors in JSON, completions, manual pages.

use std::io::{self, Write};

use clap::Parser;
use scrip::tool::Exit;
use serde_json::json;

/// Parse the command line, or end: an error goes to standard error and, with `--json`, is an object.
///
/// Before it ends in English, `elsewise` may end it in another language.
pub(crate) fn parse<C: Parser>(elsewise: impl FnOnce()) -> C {
    C::try_parse().unwrap_or_else(|error| {
        elsewise();
        let in_json = std::env::args_os().any(|argument| argument == "--json");
        if in_json && error.use_stderr() {
            let result = json!({
                "type": "result",
                "exit": Exit::Usage.code(),
                "error": told(&error),
            });
            // Whoever has left needs no answer; the exit code tells as well.
            let _ = writeln!(io::stdout(), "{result}");
        }
        error.exit()
    })
}

/// The first paragraph of an error, without the word `error`.
fn told(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<_> = first.split_whitespace().collect();
    words.join(" ").trim_start_matches("error: ").to_owned()
}

/// Completions for shells and manual pages.
#[cfg(feature = "manual")]
pub(crate) mod manual {
    use std::io::{ErrorKind, Write};
    use std::path::PathBuf;

    use clap::{CommandFactory, Subcommand};
    use clap_complete::Shell;
    use scrip::tool::{Exit, Explain, Failure, Output};

    /// What a packager asks for.
    #[derive(Debug, Subcommand)]
    pub(crate) enum Manual {
        /// Print completions for a shell
        #[command(hide = true)]
        Completions {
            /// For this shell
            shell: Shell,
        },
        /// Write manual pages into a folder
        #[command(hide = true)]
        Man {
            /// Write to this folder
            folder: PathBuf,
        },
    }

    impl Manual {
        /// Do it for one tool.
        pub(crate) fn print<C: CommandFactory>(&self, output: &Output) -> Result<Exit, Failure> {
            let mut command = C::command();
            match self {
                Self::Completions { shell } => {
                    let (name, mut text) = (command.get_name().to_owned(), vec![]);
                    clap_complete::generate(*shell, &mut command, name, &mut text);
                    match std::io::stdout().write_all(&text) {
                        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                            Err(error).or_exit_while(Exit::Failure, "printing completions")
                        }
                        _ => Ok(Exit::Done),
                    }
                }
                Self::Man { folder } => {
                    let doing = format!("writing manual pages to {}", folder.display());
                    clap_mangen::generate_to(command, folder)
                        .or_exit_while(Exit::Failure, &doing)?;
                    output.note(doing);
                    Ok(Exit::Done)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{ArgMatches, Command, CommandFactory};

    use crate::cli::{Cli, READING};

    /// Every verb that people are shown, with the words that lead to it.
    fn verbs() -> Vec<(String, Command)> {
        let mut top = Cli::command();
        top.build();
        let mut found = vec![];
        gather("", &top, &mut found);
        found
    }

    fn gather(before: &str, command: &Command, found: &mut Vec<(String, Command)>) {
        let shown = |verb: &&Command| !verb.is_hide_set() && verb.get_name() != "help";
        for verb in command.get_subcommands().filter(shown) {
            let words = format!("{before} {}", verb.get_name()).trim().to_owned();
            gather(&words, verb, found);
            found.push((words, verb.clone()));
        }
    }

    fn takes(verb: &Command, option: &str) -> bool {
        verb.get_arguments().any(|argument| argument.get_long() == Some(option))
    }

    #[test]
    fn every_verb_answers_programs_and_every_writing_one_can_be_tried() {
        let verbs = verbs();
        for (words, verb) in &verbs {
            assert!(takes(verb, "json"), "{words} has no --json");
            let reads = READING.contains(&words.as_str());
            assert!(reads || takes(verb, "dry-run"), "{words} has no --dry-run");
        }
        for words in READING {
            assert!(verbs.iter().any(|(verb, _)| verb == words), "there is no verb {words}");
        }
    }

    #[test]
    fn everything_is_explained() {
        for (words, verb) in verbs() {
            assert!(verb.get_about().is_some(), "{words} has no help text");
            for argument in verb.get_arguments().filter(|argument| !argument.is_hide_set()) {
                let name = argument.get_id();
                assert!(argument.get_help().is_some(), "{words} {name} has no help text");
            }
        }
    }

    #[test]
    fn every_verb_has_an_example_that_is_understood() {
        for (words, verb) in verbs() {
            let after = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let example = after.strip_prefix("Example: ");
            let example = example.unwrap_or_else(|| panic!("{words} has no example"));
            assert!(after.chars().count() <= 80, "{after}");
            let found = Cli::command().try_get_matches_from(typed(example));
            let found = found.unwrap_or_else(|error| panic!("{example}: {error}"));
            assert!(path(&found).starts_with(&words), "{example} is an example of another verb");
        }
    }

    /// What a shell makes of a line, which has no quotes but around whole words, up to where its
    /// output goes.
    fn typed(line: &str) -> Vec<String> {
        let parts = line.split('\'').enumerate();
        let words = parts.flat_map(|(place, part)| match place % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        });
        words.take_while(|word| word != ">").collect()
    }

    /// The words of the verb that was understood.
    fn path(matches: &ArgMatches) -> String {
        match matches.subcommand() {
            Some((verb, below)) => format!("{verb} {}", path(below)).trim().to_owned(),
            None => String::new(),
        }
    }
}
