//! What the built tool says to an owner: in two languages, in columns, and never to a program.

use std::fs;

use serde_json::Value;

use super::SERIAL;
use super::bench::{Answer, Bench, answer};
use super::code;

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
