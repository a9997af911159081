//! What the four tools' command lines have in common.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;

const TOOLS: [&str; 4] = ["scrip-server", "scrip-store", "scrip-verify", "scrip-wallet"];

fn run(tool: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(cargo_bin(tool));
    for name in ["SCRIP_STORE_DIR", "SCRIP_SERVER_DIR", "SCRIP_SERVER_RECORDS", "COLUMNS"] {
        command.env_remove(name);
    }
    command.args(arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The verbs that a help text lists.
fn verbs(help: &str) -> Vec<&str> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help").collect()
}

/// The help of a verb and of all below it.
fn help(tool: &str, verb: &[&str], all: &mut String) {
    let arguments = [verb, &["--help"]].concat();
    let output = run(tool, &arguments);
    assert_eq!(output.status.code(), Some(0), "{tool} {arguments:?}");
    let help_text = out(&output);
    all.extend(["$ ", tool, " ", &arguments.join(" "), "\n", &help_text, "\n"]);
    for below in verbs(&help_text) {
        help(tool, &[verb, &[below]].concat(), all);
    }
}

#[test]
fn the_stores_help_is_kept_and_fits_a_terminal() {
    let mut all = String::new();
    help("scrip-store", &[], &mut all);
    let wide: Vec<&str> = all.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help/scrip-store.txt");
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == all, "help differs from tests/help/scrip-store.txt; it is now:\n{all}");
}

#[test]
fn a_wrong_command_line_is_an_object_too() {
    for tool in TOOLS {
        let no_verb = match tool {
            // On a terminal it would show its menu.
            "scrip-wallet" => "no command is given",
            _ => "requires a subcommand but one was not provided",
        };
        let cases: [(&[&str], &str); 4] = [
            (&["no-such-verb"], "unrecognized subcommand 'no-such-verb'"),
            (&[], no_verb),
            (&["--no-such-flag"], "unexpected argument '--no-such-flag' found"),
            (&["man"], "the following required arguments were not provided: <FOLDER>"),
        ];
        for (arguments, error) in cases {
            let output = run(tool, &[arguments, &["--json"]].concat());
            let (said, told) = (out(&output), String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.status.code(), Some(2), "{tool} {arguments:?}: {said}{told}");
            let result: Value = serde_json::from_str(&said).unwrap();
            assert_eq!((&result["type"], &result["exit"]), (&"result".into(), &2.into()));
            let found = result["error"].as_str().unwrap();
            assert!(found.contains(error), "{tool} {arguments:?}: {found}");
            let plain = run(tool, arguments);
            assert_eq!((plain.status.code(), out(&plain).as_str()), (Some(2), ""), "{tool}");
        }
        let help = run(tool, &["--help", "--json"]);
        assert!(help.status.success() && out(&help).starts_with(|letter| letter != '{'));
    }
}

#[test]
fn completions_and_manual_pages_cover_every_verb() {
    let folder = tempfile::tempdir().unwrap();
    for tool in TOOLS {
        let help = out(&run(tool, &["--help"]));
        let verbs = verbs(&help);
        assert!(!verbs.is_empty() && !verbs.contains(&"man"), "{verbs:?}");
        for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
            let output = run(tool, &["completions", shell]);
            let text = out(&output);
            assert!(output.status.success() && verbs.iter().all(|verb| text.contains(verb)));
        }
        let script = folder.path().join(tool);
        fs::write(&script, out(&run(tool, &["completions", "bash"]))).unwrap();
        assert!(Command::new("bash").arg("-n").arg(&script).status().unwrap().success());
        assert!(run(tool, &["man", folder.path().to_str().unwrap()]).status.success());
        for page in verbs.iter().map(|verb| format!("{tool}-{verb}")).chain([tool.to_owned()]) {
            let text = fs::read_to_string(folder.path().join(format!("{page}.1"))).unwrap();
            assert!(text.contains(&format!(".TH {page} 1")), "{text}");
        }
    }
    let nowhere = run("scrip-store", &["man", "/dev/null/pages"]);
    assert_eq!(nowhere.status.code(), Some(4));
}

#[test]
fn help_and_wrong_command_lines_are_coloured_where_they_may_be() {
    for tool in TOOLS {
        for words in ["--help", "--no-such-option"] {
            let said = |set: &[(&str, &str)]| {
                let mut command = Command::new(cargo_bin(tool));
                for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM", "CI"] {
                    command.env_remove(name);
                }
                let output = command.arg(words).envs(set.iter().copied()).output().unwrap();
                out(&output) + &String::from_utf8(output.stderr).unwrap()
            };
            let forced = said(&[("CLICOLOR_FORCE", "1")]);
            assert!(forced.contains("\x1b[1m"), "{tool} {words}: {forced:?}");
            for set in [&[][..], &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]] {
                let plain = said(set);
                assert!(!plain.contains('\x1b') && plain.contains("--"), "{tool}: {plain:?}");
            }
        }
    }
}
