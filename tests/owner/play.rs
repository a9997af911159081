//! Playing through the built tool, on an image and in directories.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use assert_cmd::cargo::cargo_bin;
use scrip::device::Device;

use super::bench::{Bench, answer};
use super::{SERIAL, medium};
use crate::burn::terminal::{Terminal, scripted};
use crate::goods::{DEAR, plain, sample};

const FAIR: &str = "/CONTENT/A long name with spaces.txt";
const OWN: [&str; 2] = ["--password-file", "own"];
/// Plays that are killed.
const KILLS: u32 = 20;

fn benches() -> [Bench; 2] {
    let sample = sample(SERIAL);
    [Bench::of(&sample), Bench::directories_of(&sample)]
}

/// Play to standard output: how it ended, the bytes, the talk.
fn stdout(bench: &Bench, arguments: &[&str]) -> (i32, Vec<u8>, String) {
    let arguments = [&["--medium", bench.medium, "play", "--stdout"], arguments, &OWN].concat();
    let output = bench.command("scrip-wallet", &arguments).output().unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), output.stdout, talk)
}

fn accounted(bench: &Bench) -> usize {
    let lines = bench.run(&["history", "--accounting", "--csv"]).stdout;
    lines.lines().filter(|line| line.contains("-400")).count()
}

#[test]
fn an_item_plays_as_its_source_and_is_paid_for_once() {
    for bench in benches() {
        bench.login().says(0, "is yours now");
        let (exit, bytes, talk) = stdout(&bench, &["fair"]);
        assert_eq!((exit, bytes.len()), (5, 0), "{talk}");
        assert!(talk.contains("fair was not bought, and nobody is there to be asked"), "{talk}");
        assert_eq!(bench.balance(), "500");
        let (exit, bytes, talk) = stdout(&bench, &["fair", "--yes"]);
        assert!(exit == 0 && talk.contains("paid: ¥400 for Title of fair"), "{talk}");
        assert!(bytes == plain(FAIR), "{} bytes", bytes.len());
        assert_eq!(bench.balance(), "100");
        let (exit, bytes, talk) = stdout(&bench, &["fair"]);
        assert!(exit == 0 && bytes == plain(FAIR) && !talk.contains("paid"), "{talk}");
        let (exit, bytes, talk) = stdout(&bench, &["gift"]);
        assert!(exit == 0 && bytes == plain("/START.HTM"), "{talk}");
        assert_eq!((bench.balance().as_str(), accounted(&bench)), ("100", 1));
        let history = bench.run(&["history"]).stdout;
        assert_eq!(history.lines().filter(|line| line.contains("play")).count(), 3, "{history}");
        let (exit, bytes, talk) = stdout(&bench, &["dear", "--yes"]);
        assert_eq!((exit, bytes.len()), (5, 0), "{talk}");
        assert!(talk.contains("dear costs ¥501, ¥100 may be spent: ¥401 are missing"));
    }
}

#[test]
fn what_is_sealed_lies_nowhere_in_the_clear() {
    let device = sample(SERIAL).burnt().into_bytes();
    for path in [FAIR, DEAR] {
        let part = &plain(path)[..64];
        assert!(!device.windows(64).any(|window| window == part), "{path}");
    }
    let free = &plain("/START.HTM")[..64];
    assert!(device.windows(64).any(|window| window == free));
}

#[test]
fn a_program_gets_the_bytes_and_its_failure_is_told() {
    for bench in benches() {
        bench.login().says(0, "is yours now");
        let with = |program: &str, script: &str| {
            let roots = ["--trust", "trust.cbr", "--allow-test-root", "--medium", bench.medium];
            let own = ["--json", "play", "fair", "--yes", "--password-file", "own", "--with"];
            let command = bench.command("scrip-wallet", &[]);
            let mut own_command = Command::new(command.get_program());
            own_command.args(roots).args(own).args([program, "--", "-c", script]);
            own_command.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            answer(own_command.current_dir(bench.folder.path()).stdin(Stdio::null()))
        };
        let played = with("sh", "cat > played; echo talk");
        assert_eq!(played.exit, 0, "{}", played.text);
        let result = played.result();
        assert_eq!((&result["bytes"], &result["paid"]["minor"]), (&12_345.into(), &"400".into()));
        assert_eq!((&result["item"], &result["record"]), (&"fair".into(), &4.into()));
        assert!(fs::read(bench.folder.path().join("played")).unwrap() == plain(FAIR));
        with("sh", "exit 7").says(4, "sh ended with exit status: 7");
        with("./none", "").says(4, "starting ./none: ");
        bench.run(&["play", "fair", "--password-file", "own"]).says(2, "--with PROGRAM");
        assert_eq!((bench.balance().as_str(), accounted(&bench)), ("100", 1));
    }
}

#[test]
fn a_program_that_is_not_there_costs_nothing() {
    let [bench, _] = benches();
    bench.login().says(0, "is yours now");
    let play = ["play", "fair", "--yes", "--password-file", "own", "--with", "./none"];
    bench.refuses(&play, 4, &["starting ./none: "]);
    bench.refuses(&["play", "none", "--stdout"][..2], 5, &["the catalogue has no item"]);
    let dry = bench.run(&["--json", "play", "fair", "--dry-run"]).result();
    assert_eq!((&dry["paid"]["minor"], &dry["dry_run"]), (&"400".into(), &true.into()));
    assert_eq!(bench.balance(), "500");
}

#[test]
fn a_flipped_bit_is_named_and_nothing_of_it_is_played_or_paid() {
    let sample = sample(SERIAL);
    let bench = Bench::of(&sample);
    bench.login().says(0, "is yours now");
    let device = bench.open();
    let start = sample.sealed.layout.rom().start + sample.sealed.plan.locate(FAIR).unwrap();
    let mut byte = [0];
    device.read_at(start + 5_000, &mut byte).unwrap();
    device.write_at(start + 5_000, &[byte[0] ^ 4]).unwrap();
    drop(device);
    let (exit, bytes, talk) = stdout(&bench, &["fair", "--yes"]);
    assert!(exit == 3 && bytes.is_empty() && talk.contains(FAIR), "{exit} {talk}");
}

#[test]
fn each_chunk_opens_alone_and_a_wrong_one_is_named() {
    let sample = sample(SERIAL);
    let device = sample.burnt();
    let medium = medium(&device);
    let place = medium.grounds().items.iter().position(|item| item.id == "dear").unwrap();
    let (item, start) = (&medium.grounds().items[place], medium.grounds().item_starts[place]);
    let key = crate::world::edition_secret().item_key("dear", &item.content.unwrap());
    let playing = scrip::wallet::Playing { item, device: &device, start, key: Some(&key) };
    assert_eq!(playing.count(), 5);
    playing.check().unwrap();
    device.write_at(start + 3 * 65_536 + 9, &[0, 0, 0]).unwrap();
    playing.check().unwrap();
    for index in [4, 2, 0, 1] {
        let at = usize::try_from(index).unwrap() * 65_520;
        let chunk = playing.chunk(index).unwrap();
        assert!(plain(DEAR)[at..].starts_with(chunk.expose()));
    }
    let error = playing.chunk(3).err().unwrap().to_string();
    let expected = "item \"dear\": chunk 4 of 5 is altered, or sealed under another key";
    assert_eq!(error, expected);
    let bare = scrip::wallet::Playing { key: None, ..playing };
    let error = bare.check().unwrap_err().to_string();
    assert_eq!(error, "item \"dear\" is sealed, and its key is not in this medium's ring");
}

#[test]
fn killed_at_any_moment_a_play_is_paid_for_once_at_most() {
    for bench in benches() {
        bench.login().says(0, "is yours now");
        let arguments = ["--medium", bench.medium, "play", "fair", "--stdout", "--yes"];
        let arguments = [&arguments[..], &OWN].concat();
        let begun = Instant::now();
        assert_eq!(bench.balance(), "500");
        let takes = 2 * begun.elapsed();
        for kill in 0..KILLS {
            let mut command = bench.command("scrip-wallet", &arguments);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(takes * kill / KILLS);
            child.kill().unwrap();
            child.wait().unwrap();
            let balance = bench.balance();
            assert!(["500", "100"].contains(&balance.as_str()), "{balance}");
        }
        let (exit, bytes, talk) = stdout(&bench, &["fair", "--yes"]);
        assert!(exit == 0 && bytes == plain(FAIR), "{talk}");
        assert_eq!((bench.balance().as_str(), accounted(&bench)), ("100", 1));
    }
}

/// Folders of private copies that are left.
fn copies(runtime: &Path) -> usize {
    fs::read_dir(runtime).unwrap().count()
}

/// A terminal on which an item is opened by a program that keeps what it got in `copied`.
fn opened_on_a_terminal(bench: &Bench) -> Terminal {
    let folder = bench.folder.path();
    bench.put("xdg-open", "#!/bin/sh\ncp \"$1\" copied; echo \"$1\" > path\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.join("xdg-open"), mode).unwrap();
    let tool = cargo_bin("scrip-wallet");
    let line = format!(
        "{} --medium medium.img play fair --yes --password-file own --trust trust.cbr \
         --allow-test-root",
        tool.display()
    );
    let mut command = scripted(&line);
    command.current_dir(folder);
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    command.env("XDG_RUNTIME_DIR", folder.join("runtime"));
    command.env("XDG_CONFIG_HOME", folder.join("config"));
    command.env("XDG_STATE_HOME", folder.join("state"));
    Terminal::over(&mut command)
}

#[test]
fn a_private_copy_is_shown_and_gone_afterwards() {
    let [bench, _] = benches();
    bench.login().says(0, "is yours now");
    let (folder, runtime) = (bench.folder.path(), bench.folder.path().join("runtime"));
    // What a killed player left is removed by the next one.
    fs::create_dir_all(runtime.join("scrip-play-left")).unwrap();
    fs::write(runtime.join("scrip-play-left/lock"), "").unwrap();
    fs::write(runtime.join("scrip-play-left/item.txt"), "plain").unwrap();
    for exit in [0, 130] {
        let mut terminal = opened_on_a_terminal(&bench);
        terminal.shows("press Enter", 1);
        assert_eq!(copies(&runtime), 1, "what was left is still there");
        if exit == 0 {
            terminal.types("");
        } else {
            terminal.interrupts();
        }
        let said = terminal.ends();
        assert_eq!(said.exit, exit, "{}", said.out);
        assert!(fs::read(folder.join("copied")).unwrap() == plain(FAIR));
        let path = fs::read_to_string(folder.join("path")).unwrap();
        assert!(path.trim().ends_with("/item.txt"), "{path}");
        assert_eq!(copies(&runtime), 0);
    }
    assert_eq!(bench.balance(), "100");
}
