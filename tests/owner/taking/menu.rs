//! A person at the menu: one login, then top-up, purchase, playing and taking by numbers alone.

use std::fs;

use super::fair::{Fair, Form};
use super::shelf::balance_of;
use crate::burn::terminal::{Terminal, scripted};
use crate::goods::plain;
use crate::owner::{FIRST, OWN, code};

const FAIR: &str = "/CONTENT/A long name with spaces.txt";
/// The serial number of the medium that nobody has logged in to.
const FRESH: u64 = 22;

impl Fair {
    /// The tool without a verb on a terminal; what it opens is copied to `opened`.
    fn menu(&self, name: &str, language: &str) -> Terminal {
        let folder = self.folder();
        fs::write(folder.join("xdg-open"), "#!/bin/sh\n[ ! -e viewerless ] && cp \"$1\" opened\n")
            .unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(folder.join("xdg-open"), mode).unwrap();
        fs::create_dir_all(folder.join("runtime")).unwrap();
        let plain = self.command(name, &["--lang", language]);
        let words = plain.get_args().map(|word| word.to_str().unwrap());
        let line = [plain.get_program().to_str().unwrap()].into_iter().chain(words);
        let mut command = scripted(&line.collect::<Vec<_>>().join(" "));
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
        command.env("XDG_RUNTIME_DIR", folder.join("runtime")).current_dir(folder);
        Terminal::over(&mut command)
    }

    fn opened(&self) -> Vec<u8> {
        fs::read(self.folder().join("opened")).unwrap()
    }
}

/// Answer what is asked at the first login.
fn logs_in(terminal: &mut Terminal, first: &str, own: [&str; 2]) {
    terminal.shows(first, 1);
    terminal.types(FIRST);
    for question in own {
        terminal.shows(question, 1);
        terminal.types(OWN);
    }
}

/// That nothing here shows an item is no reason to log in again.
fn finds_no_viewer(fair: &Fair, terminal: &mut Terminal) {
    fs::write(fair.folder().join("viewerless"), "").unwrap();
    terminal.types("4");
    terminal.shows("Play which, 1 to 2?", 2);
    terminal.types("2");
    terminal.shows("xdg-open ended with exit status: 1", 1);
    terminal.shows("hint: name a program yourself: `scrip-wallet play ITEM --with PROGRAM`", 1);
}

#[test]
fn a_person_does_all_of_it_in_english() {
    let fair = Fair::new(Form::Images);
    fair.shelved();
    fair.sealed();
    let mut terminal = fair.menu("shelved", "en");
    let own = ["your new password: ", "your new password, again: "];
    logs_in(&mut terminal, "password from the package", own);
    terminal.shows("Balance: ¥500", 1);
    terminal.shows("  5  Take from another medium", 1);
    terminal.types("2");
    terminal.shows("the code from the receipt", 1);
    terminal.types(&code(FRESH, 0));
    terminal.shows("Balance: ¥1,000", 1);
    terminal.types("3");
    terminal.shows("Buy which, 1 to 1?", 1);
    terminal.types("1");
    terminal.shows("Pay ¥299 for A song? Type yes or no:", 1);
    terminal.types("yes");
    terminal.shows("Balance: ¥701", 1);
    terminal.types("4");
    terminal.shows("Play which, 1 to 1?", 1);
    terminal.types("1");
    terminal.shows("press Enter when you have closed it", 1);
    assert!(fair.opened() == super::fair::song());
    terminal.types("");
    // A slip of the hand ends nothing; nor does what is said no to.
    terminal.shows("Which, 1 to 8?", 4);
    terminal.types("5");
    terminal.shows("From where?", 1);
    terminal.types("nowhere");
    terminal.shows("there is no such file or device", 1);
    terminal.types("5");
    terminal.shows("From where?", 2);
    terminal.types(&fair.named("sealed"));
    terminal.shows("1  free  Title of gift", 1);
    terminal.shows("2  ¥400  Title of fair", 1);
    terminal.shows("Take which, 1 to 3? Nothing typed goes back.", 1);
    terminal.types("2");
    terminal.shows("Take fair for ¥400, of which ¥80 go to medium ", 1);
    terminal.types("no");
    terminal.shows("nothing was taken", 1);
    terminal.types("5");
    terminal.shows("From where?", 3);
    terminal.types(&fair.named("sealed"));
    terminal.shows("Take which, 1 to 3?", 2);
    terminal.types("2");
    terminal.shows("? Type yes or no:", 3);
    terminal.types("yes");
    terminal.shows("from which it is taken and which earns ¥80 by it: ", 1);
    terminal.types(OWN);
    terminal.shows("Taken: fair from medium ", 1);
    terminal.shows("Balance: ¥301", 1);
    terminal.types("4");
    terminal.shows("Play which, 1 to 2?", 1);
    terminal.shows("; in OUTBOX", 1);
    terminal.types("2");
    terminal.shows("press Enter when you have closed it", 2);
    assert!(fair.opened() == plain(FAIR));
    terminal.types("");
    terminal.shows("Which, 1 to 8?", 8);
    finds_no_viewer(&fair, &mut terminal);
    terminal.shows("Which, 1 to 8?", 9);
    terminal.types("6");
    terminal.shows("The last 4 records:", 1);
    terminal.types("8");
    let said = terminal.ends();
    assert!(said.exit == 0 && said.out.contains("Goodbye."), "{} {}", said.exit, said.out);
    assert!(!said.out.contains(OWN) && !said.out.contains(FIRST), "a password was shown");
    // One login, and once the other owner.
    for question in ["password from the package of ", "password of medium "] {
        assert_eq!(said.out.matches(question).count(), 1, "{}", said.out);
    }
    assert_eq!((balance_of(&fair, "shelved"), balance_of(&fair, "sealed")), (301, 580));
}

#[test]
fn a_person_does_all_of_it_in_japanese() {
    let fair = Fair::new(Form::Directories);
    fair.shelved();
    let kiosk = fair.kiosk();
    fair.sealed();
    let mut terminal = fair.menu("shelved", "ja");
    let own = ["あなたの新しいパスワード: ", "あなたの新しいパスワード（もう一度）: "];
    logs_in(&mut terminal, "のパッケージのパスワード: ", own);
    terminal.shows("残高：¥500", 1);
    terminal.shows("  5  ほかの媒体から取り込む", 1);
    terminal.types("２");
    terminal.shows("レシートのコード、または引換券の文字列：", 1);
    terminal.types(&code(FRESH, 0));
    terminal.shows("残高：¥1,000", 1);
    terminal.types("３");
    terminal.shows("どれを買いますか（1〜1）？", 1);
    terminal.types("１");
    terminal.shows("A songに¥299を支払いますか？", 1);
    terminal.types("はい");
    terminal.shows("残高：¥701", 1);
    terminal.types("４");
    terminal.shows("どれを再生しますか（1〜1）？", 1);
    terminal.types("１");
    terminal.shows("閉じたらEnterキーを押してください", 1);
    terminal.types("");
    // The kiosk has what was bought, the other medium what was not.
    terminal.shows("番号を入力してください", 4);
    terminal.types("５");
    terminal.shows("どこから取り込みますか？", 1);
    terminal.types(&kiosk);
    terminal.shows("どれを取り込みますか（1〜1）？", 1);
    terminal.types("１");
    terminal.shows("すでにお持ちです", 1);
    terminal.types("５");
    terminal.shows("どこから取り込みますか？", 2);
    terminal.types(&fair.named("sealed"));
    terminal.shows("どれを取り込みますか（1〜3）？", 1);
    terminal.types("２");
    terminal.shows("fairを¥400（うち¥80は媒体", 1);
    terminal.types("はい");
    terminal.shows("のパスワード（¥80を受け取ります）", 1);
    terminal.types(OWN);
    terminal.shows("取り込みました：fair", 1);
    terminal.shows("残高：¥301", 1);
    terminal.types("６");
    terminal.shows("最近の", 1);
    terminal.types("８");
    let said = terminal.ends();
    assert!(said.exit == 0 && said.out.contains("ご利用ありがとうございました。"), "{}", said.out);
    assert_eq!((balance_of(&fair, "shelved"), balance_of(&fair, "sealed")), (301, 580));
}
