//! What the built tool says to an owner: in two languages, in columns, and never to a program.

use std::fs;
use std::process::Command;

use scrip::device::Device;
use scrip::format::Object;
use scrip::format::edition::Settings;
use scrip::format::record::RecordKind;
use scrip::image::layout::SETTINGS_PATH;
use serde_json::Value;

use super::bench::{Answer, Bench, answer};
use super::japanese::english_in;
use super::refused::shop;
use super::{SERIAL, code};
use crate::world::{Sample, World, files, sealed_as, shape, stamped, yen};

impl Bench {
    /// Run with these settings of the environment.
    fn said(&self, settings: &[(&str, &str)], arguments: &[&str]) -> Answer {
        let arguments = [&["--medium", self.medium], arguments].concat();
        let mut command = self.command("scrip-wallet", &arguments);
        for name in ["SCRIP_LANG", "LC_ALL", "LC_MESSAGES", "LANG"] {
            command.env_remove(name);
        }
        answer(command.envs(settings.iter().copied()))
    }

    fn in_japanese(&self, arguments: &[&str]) -> Answer {
        self.said(&[("LC_ALL", "ja_JP.UTF-8")], arguments)
    }
}

/// Run without a medium, with these settings of the environment.
fn alone(settings: &[(&str, &str)], arguments: &[&str]) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scrip-wallet"));
    for name in ["SCRIP_LANG", "LC_ALL", "LC_MESSAGES", "LANG", "COLUMNS"] {
        command.env_remove(name);
    }
    answer(command.args(arguments).envs(settings.iter().copied()))
}

/// A medium with a login and two top-ups.
fn used() -> Bench {
    let bench = Bench::image();
    bench.login().says(0, "is yours now");
    for slot in [0, 1] {
        bench.topup(&bench.code(slot)).says(0, "Added: ¥500");
    }
    bench
}

/// Lines with every time and every event told by its form alone, so that runs can be compared.
fn masked(text: &str) -> String {
    let line = |line: &str| {
        let words = line.split(' ').map(|word| {
            let stamp =
                word.len() >= 5 && word.chars().all(|c| c.is_ascii_digit() || "-:".contains(c));
            let event = word.len() == 8 && word.chars().all(|c| c.is_ascii_hexdigit());
            match (stamp, event) {
                (true, _) if word.contains(['-', ':']) => {
                    word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
                }
                (_, true) => "xxxxxxxx".to_owned(),
                _ => word.to_owned(),
            }
        });
        words.collect::<Vec<_>>().join(" ") + "\n"
    };
    text.lines().map(line).collect()
}

#[test]
fn histories_stand_in_columns_in_both_languages() {
    let bench = used();
    let cases = [
        ("history-en.txt", "en", vec!["history"]),
        ("history-ja.txt", "ja", vec!["history"]),
        ("accounting-en.txt", "en", vec!["history", "--accounting"]),
        ("accounting-ja.txt", "ja", vec!["history", "--accounting"]),
    ];
    let mut differing = String::new();
    for (name, language, arguments) in cases {
        let answer = bench.run(&[&["--lang", language], &arguments[..]].concat());
        assert_eq!(answer.exit, 0, "{}", answer.text);
        let path = format!("{}/tests/owner/shown/{name}", env!("CARGO_MANIFEST_DIR"));
        let (found, kept) = (masked(&answer.stdout), fs::read_to_string(&path).unwrap_or_default());
        if found != kept {
            differing.extend(["== ", name, "\n", &found]);
        }
    }
    assert!(differing.is_empty(), "these are now:\n{differing}");
}

#[test]
fn an_owner_is_told_everything_in_japanese() {
    let bench = Bench::image();
    let login = ["login", "--password-file", "first", "--new-password-file", "own"];
    let topup = |code: &str| bench.in_japanese(&["topup", code, "--password-file", "own"]);
    topup(&bench.code(0)).says(5, "ヒント：パッケージのパスワードで");
    bench.in_japanese(&login).says(0, "はあなたのものになりました。");
    bench.in_japanese(&login).says(5, "：エラー：媒体");
    topup(&bench.code(0)).says(0, "追加しました：¥500");
    topup(&bench.code(0)).says(0, "追加済みです：¥500、");
    topup("1234").says(5, "コードが足りません。20桁中4桁です");
    topup(&code(SERIAL + 1, 0)).says(5, "のコードではありません。レシートの番号と比べてください");
    bench.in_japanese(&["balance"]).says(0, "残高：¥1,000");
    bench.in_japanese(&["info"]).says(0, "封は完全：店で作られたまま");
    bench.in_japanese(&["doctor"]).says(0, "封は完全です。");
    bench.in_japanese(&["history", "--kind", "x"]).says(2, "ヒント：次のどれかです：genesis");
    bench.in_japanese(&["receipt", "3"]).says(0, "コードでチャージ");
    bench.in_japanese(&["receipt", "30"]).says(5, "記録30はありません。");
    bench.in_japanese(&["export", "x.evidence"]).says(0, "件の記録を");
    let again = ["passwd", "--password-file", "own", "--new-password-file", "own"];
    bench.in_japanese(&again).says(2, "新しいパスワードが前と同じです");
}

#[test]
fn the_command_line_goes_before_the_environment_and_that_before_the_medium() {
    let bench = Bench::image();
    let (en, ja) = ("Balance: ", "残高：");
    let japanese = [("LANG", "ja_JP.UTF-8")];
    bench.said(&[], &["balance"]).says(0, en);
    bench.said(&japanese, &["balance"]).says(0, ja);
    bench.said(&[("SCRIP_LANG", "en"), japanese[0]], &["balance"]).says(0, en);
    bench.said(&japanese, &["--lang", "en", "balance"]).says(0, en);
    bench.said(&[("LANG", "C.UTF-8")], &["--lang", "ja", "balance"]).says(0, ja);
}

#[test]
fn a_program_reads_english_whatever_people_read() {
    let bench = used();
    for (arguments, exit) in [
        (&["--json", "balance"][..], 0),
        (&["--json", "info"], 0),
        (&["--json", "doctor"], 0),
        (&["--json", "history"], 0),
        (&["--json", "topup", "1234"], 5),
        (&["--json", "receipt", "99"], 5),
        (&["history", "--csv"], 0),
    ] {
        let (ja, en) = (bench.in_japanese(arguments), bench.said(&[], arguments));
        assert_eq!((ja.exit, en.exit), (exit, exit), "{} {}", ja.text, en.text);
        assert_eq!(ja.stdout, en.stdout);
        assert!(arguments[0] == "history" || matches!(ja.result(), Value::Object(_)));
    }
}

/// It ends so in Japanese, and says nothing in English.
#[track_caller]
fn japanese(bench: &Bench, arguments: &[&str], exit: i32) {
    let answer = bench.in_japanese(arguments);
    assert_eq!(answer.exit, exit, "{arguments:?}: {}", answer.text);
    let kinds = RecordKind::ALL.iter().map(|kind| kind.word());
    let names = [bench.medium, "test store", "song", "Title", "medium", "sample", "somebody"];
    let known: Vec<_> = arguments.iter().copied().chain(names).chain(kinds).collect();
    let english = english_in(&answer.text, &known);
    assert!(english.is_empty(), "{arguments:?}: {english:?} in {}", answer.text);
}

#[test]
fn no_english_is_left_in_what_an_owner_does() {
    for bench in
        [Bench::of(&shop(&[("song", 300)])), Bench::directories_of(&shop(&[("song", 300)]))]
    {
        let first = ["--password-file", "first", "--new-password-file", "own"];
        let own = ["--password-file", "own"];
        let with = |verb: &[&'static str], more: &[&'static str]| [verb, more].concat();
        for verb in [&["info"][..], &["balance"], &["catalog"], &["history"], &["doctor"]] {
            japanese(&bench, verb, 0);
        }
        japanese(&bench, &with(&["login", "--dry-run"], &first), 0);
        japanese(&bench, &with(&["login"], &first), 0);
        japanese(&bench, &with(&["login"], &own), 0);
        japanese(&bench, &with(&["passwd", "--new-password-file", "third", "--dry-run"], &own), 0);
        let code = bench.code(0);
        japanese(&bench, &["topup", &code, "--dry-run"], 0);
        japanese(&bench, &["topup", &code, "--password-file", "own"], 0);
        japanese(&bench, &["topup", &code, "--password-file", "own"], 0);
        japanese(&bench, &with(&["buy", "song", "--dry-run"], &own), 0);
        japanese(&bench, &with(&["play", "song", "--dry-run"], &own), 0);
        japanese(&bench, &with(&["buy", "song"], &own), 0);
        japanese(&bench, &with(&["buy", "song"], &own), 0);
        japanese(&bench, &["export", "a.evidence", "--dry-run"], 0);
        japanese(&bench, &["export", "a.evidence"], 0);
        for verb in [&["history", "--accounting"][..], &["receipt", "1"], &["catalog"], &["info"]] {
            japanese(&bench, verb, 0);
        }
    }
}

#[test]
fn a_wrong_command_line_is_told_in_japanese() {
    let unknown = "--\u{1b}[2J";
    for (arguments, told) in [
        (&["buy"][..], "次の指定が足りません：<品目ID>"),
        (&["topp"], "似たコマンドがあります：topup"),
        (&["balance", "--medum"], "似たオプションがあります：--medium"),
        (&["topup", "--foo"], "ヒント：値として渡すには `-- --foo` と書きます"),
        (&["--dry-run", "topup"], "ヒント：`topup --dry-run` ならあります"),
        (&["--", "balance"], "コマンド `balance` を使うには、その前の `--` を除きます"),
        (&["buy", "a", "b"], "「b」は余分です"),
        (&["balance", "--lang", "xx"], "「xx」は --lang <言語> に使えません。使える値：en、ja"),
        (&["history", "--limit"], "--limit <件数> の値がありません"),
        (&["history", "--csv", "--csv"], "--csv は一度しか指定できません"),
        (&["receipt", "x"], "「x」は <番号> に使えません。0以上の整数を指定してください"),
        (&["play", "a", "--stdout", "--with", "b"], "--stdout は --with <プログラム> と一緒に"),
        (&["topup", "--yes=1"], "--yes に「1」という値は付けられません"),
        (&["help", "nothing"], "「nothing」というコマンドはありません"),
        (&[unknown], "というオプションはありません"),
    ] {
        let answer = alone(&[("SCRIP_LANG", "ja")], arguments);
        answer.says(2, "エラー：");
        answer.says(2, told);
        answer.says(2, "\n\n詳しくは --help をご覧ください。\n");
        let english = english_in(&answer.text, &[arguments, &["topup"]].concat());
        assert!(english.is_empty(), "{arguments:?}: {english:?} in {}", answer.text);
        assert!(answer.stdout.is_empty() && !answer.text.contains('\u{1b}'), "{}", answer.text);
    }
    let program = alone(&[("SCRIP_LANG", "ja")], &["buy", "--json"]);
    program.says(2, "the following required arguments were not provided: <ITEM>");
    program.says(2, "\nUsage: ");
}

#[test]
fn help_speaks_the_language_that_all_else_does() {
    let (en, ja) = ("Change the password\n", "パスワードを変更します\n");
    let japanese = [("LANG", "ja_JP.UTF-8")];
    for help in [&["passwd", "--help"][..], &["passwd", "-h"], &["help", "passwd"]] {
        alone(&[], help).says(0, en);
        alone(&japanese, help).says(0, ja);
        alone(&[("SCRIP_LANG", "en"), japanese[0]], help).says(0, en);
        alone(&japanese, &[&["--lang", "en"], help].concat()).says(0, en);
        alone(&[], &[&["--lang=ja"], help].concat()).says(0, ja);
    }
    alone(&[], &["passwd", "--lang", "ja", "--help"]).says(0, ja);
    alone(&japanese, &["passwd", "--help", "--json"]).says(0, en);
    for help in [&["--help"][..], &["-h"], &["help", "help"]] {
        let told = alone(&japanese, help);
        let english = english_in(
            &told.text,
            &[
                "info",
                "login",
                "passwd",
                "balance",
                "topup",
                "catalog",
                "buy",
                "play",
                "take",
                "history",
                "receipt",
                "export",
                "apply",
                "doctor",
                "help",
                "JSON",
                "--version",
            ],
        );
        assert!(told.exit == 0 && english.is_empty(), "{help:?}: {english:?} in {}", told.text);
    }
}

#[test]
fn no_english_is_left_in_what_is_wrong() {
    let bench = Bench::image();
    japanese(&bench, &["topup", &bench.code(0), "--password-file", "own"], 5);
    bench.login().says(0, "is yours now");
    for (arguments, exit) in [
        (&["topup", "nothing"][..], 5),
        (&["topup", "12345"], 5),
        (&["topup", "own"], 5),
        (&["history", "--since", "soon"], 2),
        (&["history", "--kind", "walk"], 2),
        (&["receipt", "99"], 5),
        (&["apply", "none.cbr"], 4),
        (&["apply", "own"], 3),
        (&["export", "own"], 5),
        (&["export", "none/of.evidence"], 4),
        (&["play", "song"], 5),
        (&["take", "song", "--from", "none.d"], 4),
        (&["take", "song", "--from", "medium.img"], 5),
        (&["login", "--password-file", "wrong"], 5),
        (&["login", "--password-file", "none"], 4),
        (&["passwd", "--password-file", "own", "--new-password-file", "own"], 2),
        (&["balance", "--trust", "own"], 3),
    ] {
        japanese(&bench, arguments, exit);
    }
    for (medium, exit) in [("own", 3), (".", 2), ("none", 4)] {
        let told = ["--medium", medium, "--lang", "ja", "balance"];
        let told = answer(&mut bench.command("scrip-wallet", &told));
        let english = english_in(&told.text, &[medium]);
        assert!(told.exit == exit && english.is_empty(), "{english:?} in {}", told.text);
    }
    let device = bench.open();
    let (starts, noise) = (super::medium(&device).grounds().clone(), vec![0xff; 32 << 10]);
    let looking = ["doctor", "--dry-run"];
    device.write_at(starts.access[0], &noise).unwrap();
    japanese(&bench, &looking, 0);
    japanese(&bench, &["doctor"], 0);
    for start in starts.access {
        device.write_at(start, &noise).unwrap();
    }
    for (verb, exit) in [(&looking[..], 3), (&["info"], 3), (&["balance"], 0)] {
        japanese(&bench, verb, exit);
    }
    device.write_at(starts.journal.starts[0] + 200, &[0xff; 100]).unwrap();
    japanese(&bench, &looking, 3);
    device.write_at(starts.journal.starts[1] + 200, &[0xff; 100]).unwrap();
    japanese(&bench, &["balance"], 0);
    fs::remove_dir_all(bench.folder.path().join("state")).unwrap();
    for verb in [&looking[..], &["info"], &["balance"]] {
        japanese(&bench, verb, 3);
    }
}

#[test]
fn no_english_is_left_in_what_is_found_of_bytes() {
    let (bench, sample) = (Bench::image(), Sample::new(SERIAL));
    let (device, layout) = (bench.open(), sample.sealed.layout);
    let rom = layout.rom();
    japanese(&bench, &["doctor", "--reseal", "--dry-run"], 0);
    device.write_at(rom.start + 0x41, &[1]).unwrap();
    for verb in [&["doctor"][..], &["info"], &["balance"], &["doctor", "--reseal", "--dry-run"]] {
        japanese(&bench, verb, 0);
    }
    japanese(&bench, &["doctor", "--reseal"], 0);
    let mut byte = [0];
    let places = [0, 100, 600, 5_000, rom.start + 3, rom.start + 20, layout.seal().start + 5];
    let ends = [layout.seal().end - 20_000, layout.seal().end - 10, rom.end - 5, 512 * 40];
    let backup = layout.medium_bytes() - 700;
    let within = (1..40).map(|part| rom.start + (rom.end - rom.start) / 40 * part + 77);
    for place in places.into_iter().chain(ends).chain([backup]).chain(within.take(12)) {
        device.read_at(place, &mut byte).unwrap();
        device.write_at(place, &[byte[0] ^ 0x55]).unwrap();
        for verb in [&["doctor"][..], &["info"], &["balance"], &["doctor", "--reseal"]] {
            japanese(&bench, verb, 3);
        }
        device.write_at(place, &byte).unwrap();
    }
}

#[test]
fn a_medium_whose_settings_are_japanese_speaks_it() {
    let mut files = files();
    let settings = Settings {
        language: "ja".to_owned(),
        currency: yen(),
        exponent: 0,
        destinations: vec![],
        display: vec![],
    };
    files.0.retain(|(path, _)| path != SETTINGS_PATH);
    files.0.push((SETTINGS_PATH.to_owned(), settings.encode()));
    let world = World::new();
    let (sealed, edition) = sealed_as(&world, shape(), &files);
    let stamped = stamped(&world, &sealed, &edition, SERIAL);
    let bench = Bench::of(&Sample { sealed, edition, stamped });
    bench.said(&[], &["balance"]).says(0, "残高：¥500");
    bench.said(&[("LANG", "C.UTF-8")], &["balance"]).says(0, "残高：¥500");
    bench.said(&[("LANG", "en_US.UTF-8")], &["balance"]).says(0, "Balance: ¥500");
    bench.said(&[], &["--lang", "en", "balance"]).says(0, "Balance: ¥500");
    bench.said(&[("LANG", "ja_JP.UTF-8")], &["history"]).says(0, "日時");
}
