//! No verb: one check, one login, then a numbered menu.

use std::io::{self, IsTerminal};

use clap::CommandFactory;
use scrip::format::edition::Item;
use scrip::journal::Storage;
use scrip::ledger::KeyLife;
use scrip::phrases;
use scrip::tool::password::PasswordSource;
use scrip::tool::{Exit, Failure, Form, Interrupt, Output, Tell, somebody, typed_line};
use scrip::wallet::take::Outbox;
use scrip::wallet::{Filter, Ledger, Offered, Opened, Unlocked};
use scrip::words::Phrase;

use crate::alone::check_menu;
use crate::ask::{line, narrow};
use crate::buy::{buy_asking, catalogue as read_catalogue, list, offers};
use crate::cli::{Cli, Common, NewPasswordArgs};
use crate::history::table;
use crate::login::{first_login, yours_now};
use crate::medium::path;
use crate::opened::{go_on, look_to_write, tell_balance, unlock};
use crate::play::play_here;
use crate::take::take_here;
use crate::topup::add_typed;

phrases! {
    fn no_command() { en: "no command is given", ja: "コマンドがありません" }
    fn see_help() { en: "see --help", ja: "--help をご覧ください" }
    fn balance() { en: "Balance", ja: "残高" }
    fn top_up() { en: "Top up", ja: "チャージ" }
    fn catalogue() { en: "Catalogue", ja: "カタログ" }
    fn play() { en: "Play", ja: "再生" }
    fn take() { en: "Take from another medium", ja: "ほかの媒体から取り込む" }
    fn history() { en: "History", ja: "履歴" }
    fn help() { en: "Help", ja: "ヘルプ" }
    fn leave() { en: "Leave", ja: "終了" }
    fn numbered(number, name) { en: "  {number}  {name}", ja: "  {number}  {name}" }
    fn which(last) { en: "Which, 1 to {last}?", ja: "番号を入力してください（1〜{last}）：" }
    fn no_such(found, last) {
        en: "there is no {found}: type a number from 1 to {last}",
        ja: "「{found}」はありません。1から{last}までの番号を入力してください",
    }
    fn medium(number) { en: "Medium {number}", ja: "媒体 {number}" }
    fn which_item(last) {
        en: "Buy which, 1 to {last}? Nothing typed goes back.",
        ja: "どれを買いますか（1〜{last}）？ 何も入力しなければ戻ります：",
    }
    fn which_to_play(last) {
        en: "Play which, 1 to {last}? Nothing typed goes back.",
        ja: "どれを再生しますか（1〜{last}）？ 何も入力しなければ戻ります：",
    }
    fn about_playing() {
        en: "Play: opens an item; one that you did not buy yet is paid for first, after asking.",
        ja: "再生：品目を開きます。まだ買っていないものは、確認のうえ先に支払います。",
    }
    fn told_last(count) { en: "The last {count} records:", ja: "最近の{count}件：" }
    fn farewell() { en: "Goodbye.", ja: "ご利用ありがとうございました。" }
    fn about_topup() {
        en: "Top up: type the 20 digits from the receipt, or the path of a voucher or a picture.",
        ja: "チャージ：レシートの20桁の数字か、引換券または画像のパスを入力します。",
    }
    fn about_catalogue() {
        en: "Catalogue: what the medium offers; an item that you bought stays yours.",
        ja: "カタログ：この媒体にある品目です。一度買ったものはずっとあなたのものです。",
    }
    fn about_taking() {
        en: "Take: copies an item from a friend's medium, whose owner earns a part, or from a kiosk.",
        ja: "取り込み：友だちの媒体（持ち主にも一部が入ります）かキオスクから品目をコピーします。",
    }
    fn about_history() {
        en: "History: what moved money. `scrip-wallet history` shows all, and files for spreadsheets.",
        ja: "履歴：お金の動きです。`scrip-wallet history` ですべて見られ、表計算用にも出せます。",
    }
    fn about_leaving() {
        en: "What was added or paid is on the medium at once: you may pull it out after leaving.",
        ja: "追加や支払いはすぐ媒体に書き込まれます。終了したら抜いて構いません。",
    }
    fn about_verbs() {
        en: "`scrip-wallet --help` lists all else, such as another password.",
        ja: "パスワードの変更など、ほかのことは `scrip-wallet --help` をご覧ください。",
    }
}

/// The most records that the menu shows.
const RECORDS_MAX: usize = 15;

/// One line of the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Balance,
    TopUp,
    Catalogue,
    Play,
    Take,
    History,
    Help,
    Leave,
}

impl Choice {
    const ALL: [Self; 8] = [
        Self::Balance,
        Self::TopUp,
        Self::Catalogue,
        Self::Play,
        Self::Take,
        Self::History,
        Self::Help,
        Self::Leave,
    ];

    fn name(self) -> Phrase {
        match self {
            Self::Balance => balance(),
            Self::TopUp => top_up(),
            Self::Catalogue => catalogue(),
            Self::Play => play(),
            Self::Take => take(),
            Self::History => history(),
            Self::Help => help(),
            Self::Leave => leave(),
        }
    }
}

/// A medium whose owner has logged in.
struct Session<'a> {
    opened: Opened<Storage>,
    unlocked: Unlocked,
    catalogue: Result<Vec<Item>, Failure>,
    common: &'a Common,
    output: &'a Output,
    interrupt: &'a Interrupt,
}

/// Show the menu until its user leaves; without a terminal say how the tool is used.
pub(crate) fn menu(
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    if output.form() == Form::Json {
        return Err(Failure::new(Exit::Usage, no_command()).hint(see_help()));
    }
    if !somebody() || !io::stdout().is_terminal() {
        anstream::eprint!("{}", Cli::command().render_help().ansi());
        return Ok(Exit::Usage);
    }
    let mut session = Session::begin(common, output, interrupt)?;
    session.go_round()
}

impl<'a> Session<'a> {
    fn begin(
        common: &'a Common,
        output: &'a Output,
        interrupt: &'a Interrupt,
    ) -> Result<Self, Failure> {
        check_menu(common)?;
        let path = path(common)?;
        let look = look_to_write(&path, common, output, interrupt)?;
        let catalogue = read_catalogue(&look.source, &look.medium);
        let mut opened = go_on(look, &path, output)?;
        output.line(medium(opened.medium().id().grouped()));
        let unlocked = if opened.life() == KeyLife::StoreMade {
            let password = first_login(&mut opened, &NewPasswordArgs::default(), output)?;
            output.line(yours_now(opened.medium().id().grouped()));
            opened.unlock(&password).or_tell()?
        } else {
            log_in(&mut opened, output, interrupt)?
        };
        interrupt.check()?;
        tell_balance(opened.medium(), output);
        Ok(Self { opened, unlocked, catalogue, common, output, interrupt })
    }

    fn go_round(&mut self) -> Result<Exit, Failure> {
        loop {
            let output = self.output;
            output.line(Phrase::default());
            for (place, choice) in Choice::ALL.iter().enumerate() {
                output.line(numbered(place + 1, choice.name()));
            }
            output.note(which(Choice::ALL.len()));
            let Some(answer) = typed_line()? else { break };
            match chosen(&answer, &Choice::ALL) {
                Some(Choice::Leave) => break,
                Some(choice) => self.go_on_after(*choice)?,
                None => output.note(no_such(answer, Choice::ALL.len())),
            }
            self.interrupt.check()?;
        }
        self.output.line(farewell());
        Ok(Exit::Done)
    }

    /// Do it; what a rule or a slip of the hand refuses ends nothing.
    fn go_on_after(&mut self, choice: Choice) -> Result<(), Failure> {
        match self.enter(choice) {
            // What another medium or a mistyped path lacks is no fault of this one.
            Err(failure)
                if choice == Choice::Take
                    || matches!(failure.exit(), Exit::Refusal | Exit::Usage) =>
            {
                self.interrupt.check()?;
                self.output.complain(&failure);
                Ok(())
            }
            done => done,
        }
    }

    fn enter(&mut self, choice: Choice) -> Result<(), Failure> {
        let (output, interrupt) = (self.output, self.interrupt);
        match choice {
            Choice::Balance => tell_balance(self.opened.medium(), output),
            Choice::TopUp => add_typed(&mut self.opened, &self.unlocked, output, interrupt)?,
            Choice::Catalogue => {
                if let Some(item) = self.pick(which_item)? {
                    buy_asking(&mut self.opened, &self.unlocked, &item, output)?;
                }
            }
            Choice::Play => {
                if let Some(item) = self.pick(which_to_play)? {
                    let (opened, unlocked) = (&mut self.opened, &self.unlocked);
                    play_here(opened, unlocked, &item, self.common, output, interrupt)?;
                }
            }
            Choice::Take => {
                let (opened, unlocked) = (&mut self.opened, &self.unlocked);
                take_here(opened, unlocked, self.common, output, interrupt)?;
            }
            Choice::History => self.tell_history(),
            Choice::Help => {
                let about = [
                    about_topup(),
                    about_catalogue(),
                    about_playing(),
                    about_taking(),
                    about_history(),
                    about_leaving(),
                    about_verbs(),
                ];
                for line in about {
                    output.line(line);
                }
            }
            Choice::Leave => {}
        }
        Ok(())
    }

    /// Show the catalogue, and ask for one of its items.
    fn pick(&self, question: fn(usize) -> Phrase) -> Result<Option<Offered>, Failure> {
        let (catalogue, output) = (self.catalogue.as_ref().map_err(Failure::clone)?, self.output);
        let (medium, outbox) = (self.opened.medium(), Outbox(self.opened.exchange()));
        let items = offers(medium, catalogue, Some(&outbox))?;
        let named = items.iter().enumerate();
        let named = named.map(|(place, item)| (Phrase::same((place + 1).to_string()), item));
        list(medium, named, output);
        Ok(choose(&items, question, output)?.cloned())
    }

    fn tell_history(&self) {
        let (medium, output) = (self.opened.medium(), self.output);
        let filter = Filter { limit: Some(RECORDS_MAX), ..Filter::default() };
        let records = filter.choose(Ledger::Accounting, medium.records());
        output.line(told_last(records.len()));
        table(Some(medium.form()), Ledger::Accounting, &records, output);
        tell_balance(medium, output);
    }
}

/// Ask for one of what was listed; none where nothing is typed.
pub(crate) fn choose<'c, T>(
    choices: &'c [T],
    question: fn(usize) -> Phrase,
    output: &Output,
) -> Result<Option<&'c T>, Failure> {
    output.note(question(choices.len()));
    let Some(answer) = line()? else { return Ok(None) };
    let choice = chosen(&answer, choices).map(Some);
    choice.ok_or_else(|| Failure::new(Exit::Usage, no_such(answer, choices.len())))
}

/// The owner's keys; a wrong password is asked for again, for nothing locks.
fn log_in(
    opened: &mut Opened<Storage>,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Unlocked, Failure> {
    loop {
        interrupt.check()?;
        match unlock(opened, &PasswordSource::Prompt, output) {
            Err(failure) if failure.exit() == Exit::Refusal => output.complain(&failure),
            unlocked => return Ok(unlocked?.0),
        }
    }
}

/// What a typed number means; in either width, and none where there is nothing of that number.
fn chosen<'c, T>(answer: &str, choices: &'c [T]) -> Option<&'c T> {
    let number: usize = narrow(answer).parse().ok()?;
    choices.get(number.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_from_one_in_either_width() {
        let choices = ["a", "b"];
        let found = ["1", "２", "0", "3", "-1", "x", "", "99999999999999999999"];
        let found = found.map(|answer| chosen(answer, &choices).copied());
        assert_eq!(found, [Some("a"), Some("b"), None, None, None, None, None, None]);
    }
}
