//! What the command lines of all four tools share: usage errors in JSON, completions, manual pages.

use std::io::{self, Write};

use clap::Parser;
use scrip::tool::Exit;
use serde_json::json;

/// Parse the command line, or end: an error goes to standard error and, with `--json`, is an object.
pub(crate) fn parse<C: Parser>() -> C {
    C::try_parse().unwrap_or_else(|error| {
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
