//! The medium in hand, looked at or opened for writing: originality first, then all else.

use std::path::Path;

use scrip::crypto::SystemRandom;
use scrip::crypto::password::Password;
use scrip::device::{Device, Folder};
use scrip::image::check::{Access, Binding, Checked, Grounds, History, Report, Rival, Verdict};
use scrip::journal::{AppendError, Mirror, Relation, Storage};
use scrip::ledger::{KeyLife, State};
use scrip::phrases;
use scrip::tool::password::PasswordSource;
use scrip::tool::{Exit, Failure, Interrupt, Output, Source, Tell, clock, home, money, told};
use scrip::units::Currency;
use scrip::wallet::{CommitError, Medium, Opened, Unlocked, keep_branch, rival};
use scrip::words::Phrase;
use serde_json::{Value, json};

use crate::cli::Common;
use crate::medium::{examine, is_same, path, root_alone};

phrases! {
    fn ask_the_shop() {
        en: "ask the shop: the medium can still be looked at",
        ja: "店にお尋ねください。媒体を見ることはできます",
    }
    fn opening(path) { en: "opening {path}", ja: "{path} の読み込み" }
    fn repaired(count) {
        en: "records that a copy lacked were written again: {count}",
        ja: "一方の写しに欠けていた記録を書き直しました：{count}件",
    }
    fn restored(hole) {
        en: "{hole}: what this computer saw of it is used; `scrip-wallet doctor` writes it back",
        ja: "{hole}：このコンピューターに残る記録を使います。`scrip-wallet doctor` で書き戻せます",
    }
    fn not_restored(error) {
        en: "what this computer saw of it doesn't mend it: {error}",
        ja: "このコンピューターに残る記録では直せません：{error}",
    }
    fn written_back(relation, count) {
        en: "the medium had {relation}: they were written back",
        ja: "このコンピューターが最後に見たときより記録が{count}件少なかったため、書き戻しました",
    }
    fn parted(relation, count) {
        en: "{relation}: the shop can merge what this computer keeps",
        ja: "このコンピューターが見た記録のうち{count}件が媒体にありません。ここに残る分は店で統合できます",
    }
    fn branch_kept(name) {
        en: "what only this computer saw is in SCRIP/OUTBOX/{name}; the medium goes on as it is",
        ja: "このコンピューターだけが見た記録はSCRIP/OUTBOX/{name}にあります。媒体はこのまま使えます",
    }
    fn rival_kept(name) {
        en: "the second history is in SCRIP/OUTBOX/{name}",
        ja: "もう一方の履歴はSCRIP/OUTBOX/{name}にあります",
    }
    fn rival_lost(error) {
        en: "the second history could not be kept: {error}",
        ja: "もう一方の履歴を残せませんでした：{error}",
    }
    fn mirror_unused(error) {
        en: "what this computer saw of it is not used: {error}",
        ja: "このコンピューターに残る記録は使いません：{error}",
    }
    fn policy_binds(number) {
        en: "policy {number}, which came with a checkpoint, binds from now on",
        ja: "精算書に付いてきた規約{number}が、これから適用されます",
    }
    fn policy_waits(error) {
        en: "the policy that came with a checkpoint doesn't bind yet: {error}",
        ja: "精算書に付いてきた規約はまだ適用されません：{error}",
    }
    pub(crate) fn older_unread(error) {
        en: "older records are not shown: {error}",
        ja: "以前の記録は表示しません：{error}",
    }
    fn older_missing(count) {
        en: "{count} older records are no longer in SCRIP/OUTBOX",
        ja: "以前の記録{count}件はSCRIP/OUTBOXにもうありません",
    }
    fn root_is(root) { en: "the medium's root is {root}", ja: "媒体の発行元は{root}です" }
    fn compare() { en: "compare it with the package", ja: "パッケージと比べてください" }
    fn no_password(why) {
        en: "no password opens it any more: the access files are damaged ({why})",
        ja: "アクセスキーのファイルが壊れているため、もうパスワードでは開けません（{why}）",
    }
    fn settle_first() {
        en: "the journal has to be settled first: bring the medium to the shop",
        ja: "先に精算が必要です。媒体を店へお持ちください",
    }
    fn do_not_use() {
        en: "don't use it: `scrip-wallet doctor` explains more",
        ja: "使わないでください。`scrip-wallet doctor` が詳しく説明します",
    }
    fn touched() {
        en: "the medium was touched by ordinary use: all is whole",
        ja: "媒体に通常の使用の跡がありますが、すべて無事です",
    }
    fn files_intact() {
        en: "files intact; seal not checked",
        ja: "ファイルは無事です。封は未確認です",
    }
    fn copied(bound, found) {
        en: "this is a copy: it was made on {bound} and lies on {found}",
        ja: "これは複製です。{bound}で作られ、{found}にあります",
    }
    fn its_root(root) { en: "its root is {root}", ja: "発行元は{root}" }
    pub(crate) fn password_of(medium) { en: "password of medium {medium}", ja: "媒体{medium}のパスワード" }
    fn nothing_locks() {
        en: "try again as often as you like: nothing locks",
        ja: "何度でもやり直せます。ロックはされません",
    }
    fn log_in_first() {
        en: "run `scrip-wallet login` with the password from the package",
        ja: "パッケージのパスワードで `scrip-wallet login` を実行してください",
    }
    fn balance(sum) { en: "Balance: {sum}", ja: "残高：{sum}" }
    fn reserved(sum) {
        en: "  {sum}: reserved for downloads under way",
        ja: "  {sum}：途中の取り込みのために確保",
    }
    fn provisional(sum) {
        en: "  {sum}: earned, not settled yet",
        ja: "  {sum}：提供料、未精算",
    }
    fn lacking(sum) {
        en: "  {sum}: lacking, taken from the next top-ups",
        ja: "  {sum}：不足。次のチャージから差し引きます",
    }
}

/// A medium that was looked at.
pub(crate) struct Look {
    pub(crate) medium: Medium,
    pub(crate) report: Report,
    pub(crate) source: Source,
}

/// Look at the medium: refused is what is altered, came under another root, or has no records.
pub(crate) fn look(
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Look, Failure> {
    look_at(&path(common)?, common, output, interrupt)
}

/// Look at the medium that stands at a path.
pub(crate) fn look_at(
    path: &Path,
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Look, Failure> {
    judged(Source::open(path)?, path, (common, None), output, interrupt)
}

/// Open the medium for writing; nobody else writes it until the end.
pub(crate) fn take(
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Opened<Storage>, Failure> {
    take_at(&path(common)?, common, output, interrupt)
}

/// Open the medium that stands at a path for writing.
pub(crate) fn take_at(
    path: &Path,
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Opened<Storage>, Failure> {
    let look = look_to_write(path, common, output, interrupt)?;
    go_on(look, path, output)
}

/// Look at the medium at a path, which is to be opened for writing next.
pub(crate) fn look_to_write(
    path: &Path,
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Look, Failure> {
    let source = Source::open_to_write(path)?;
    judged(source, path, (common, None), output, interrupt)
}

impl Look {
    /// Refuse what may only be looked at.
    pub(crate) fn check_writable(&self) -> Result<(), Failure> {
        self.report
            .refusals
            .first()
            .map_or(Ok(()), |reason| Err(Failure::new(Exit::Refusal, reason).hint(ask_the_shop())))
    }
}

/// Open for writing what was looked at.
pub(crate) fn go_on(look: Look, path: &Path, output: &Output) -> Result<Opened<Storage>, Failure> {
    let mut opened = open_alone(look, path, output)?;
    attach(&mut opened, output);
    if opened.repairs().records > 0 {
        output.note(repaired(opened.repairs().records));
    }
    Ok(opened)
}

/// Open for writing what was looked at, without what this computer saw of it.
pub(crate) fn open_alone(
    look: Look,
    path: &Path,
    output: &Output,
) -> Result<Opened<Storage>, Failure> {
    look.check_writable()?;
    let Look { medium, report, source } = look;
    let storage = source.into_storage(medium.grounds()).or_tell();
    let storage = storage.map_err(|failure| failure.during(opening(path.display())))?;
    keep_rival(&storage, medium.grounds(), report.rival.as_ref(), output);
    let mut rng = SystemRandom::new();
    match mirror_of(medium.grounds()).filter(|_| matches!(report.history, History::Restored { .. }))
    {
        Some(mirror) => Opened::open_restoring(storage, medium, &mirror, &mut rng).or_tell(),
        None => Opened::open(storage, medium, &mut rng).or_tell(),
    }
}

/// Put a second history into the OUTBOX before the copy that has it is repaired.
fn keep_rival(storage: &Storage, grounds: &Grounds, rival: Option<&Rival>, output: &Output) {
    let Some(rival) = rival else { return };
    let exchange = storage.exchange(grounds.volume.clone(), grounds.kept());
    match keep_branch(&exchange, &rival.records) {
        Ok(name) => output.note(rival_kept(name)),
        Err(error) => output.warn(rival_lost(error)),
    }
}

/// What this computer saw of a medium, to look at.
fn mirror_of(grounds: &Grounds) -> Option<Mirror> {
    let folder = Folder::open(&home::state()?.join("seen")).ok()?;
    Mirror::look(&folder, grounds.certificate.medium, grounds.journal.bytes).ok()?
}

/// Where both copies lack records, go on with what this computer saw, if that fits; else say why it
/// doesn't.
pub(crate) fn restore(checked: &mut Checked, source: &Source, output: &Output) {
    let Some(grounds) = checked.grounds.clone() else { return };
    if !matches!(checked.report.history, History::Damaged(_)) {
        return;
    }
    let Some(mirror) = mirror_of(&grounds) else { return };
    let Ok(Some(device)) = source.writable_files(&grounds) else { return };
    if let Err(error) = checked.restore(&*device, &mirror) {
        output.note(not_restored(told(&error)));
    }
}

/// What became of what this computer saw of a medium.
pub(crate) struct Attached {
    pub(crate) relation: Relation,
    /// What a branch is called in the OUTBOX.
    pub(crate) branch: Option<String>,
}

/// Use what this computer saw of the medium; without that the medium alone counts.
pub(crate) fn attach(opened: &mut Opened<Storage>, output: &Output) -> Option<Attached> {
    let (medium, grounds) = (opened.medium().id(), opened.medium().grounds());
    let folder = home::state().and_then(|state| Folder::open_or_create(&state.join("seen")).ok());
    let mirror =
        folder.and_then(|folder| Mirror::open(&folder, medium, grounds.journal.bytes).ok());
    let relation = match opened.attach(mirror?) {
        Ok(relation) => relation,
        Err(error) => {
            output.warn(mirror_unused(told(&error)));
            return None;
        }
    };
    tell_relation(&relation, output);
    let exchange = opened.exchange();
    let branch = opened.put_away(&exchange).unwrap_or_else(|error| {
        output.warn(mirror_unused(told(&error)));
        None
    });
    if let Some(name) = &branch {
        output.note(branch_kept(name));
    }
    Some(Attached { relation, branch })
}

fn tell_relation(relation: &Relation, output: &Output) {
    match relation {
        Relation::Mirror(lost) => output.warn(written_back(relation, lost.len())),
        Relation::Parted { branch, .. } => output.warn(parted(relation, branch.len())),
        Relation::Apart { fewer, .. } => output.warn(parted(relation, fewer)),
        Relation::New | Relation::Medium { .. } | Relation::Settled => {}
    }
}

pub(crate) fn judged(
    source: Source,
    path: &Path,
    (common, before): (&Common, Option<&Report>),
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Look, Failure> {
    let mut checked = examine(&source, path, common, output, interrupt)?;
    restore(&mut checked, &source, output);
    let report = checked.report.clone();
    let root = root_alone(&report);
    if !before.is_some_and(|before| is_same(before, &report)) {
        tell_originality(&report, root.as_ref().map(|(_, root)| root), output);
    }
    // Of an altered medium all else is told first.
    if let Some((Exit::Damage, root)) = root
        && checked.grounds.is_some()
        && checked.account.is_some()
    {
        return Err(Failure::new(Exit::Damage, root_is(root)).hint(compare()));
    }
    checked.report.notes.clear();
    let medium = Medium::of(checked).or_tell();
    let mut medium = medium.map_err(|failure| match failure.exit() {
        Exit::Damage => failure.hint(do_not_use()),
        _ => failure,
    })?;
    recall(&mut medium, &source, output);
    Ok(Look { medium, report, source })
}

/// Find the records that are in the OUTBOX since a checkpoint was applied; money needs none of them.
pub(crate) fn recall(medium: &mut Medium, source: &Source, output: &Output) {
    let Some(first) = medium.account().records.first().map_or_else(
        || medium.account().state.next.number().checked_sub(1),
        |record| record.seq.number().checked_sub(1),
    ) else {
        return;
    };
    let Some(exchange) = source.exchange(medium.grounds()) else { return };
    let found = match medium.recall(&exchange) {
        Ok(found) => found as u64,
        Err(error) => return output.note(older_unread(told(&error))),
    };
    if medium.account().anchor.is_some() && found <= first {
        let missing = first + 1 - found;
        output.note(older_missing(missing));
    }
}

/// What is to be known before anything else.
fn tell_originality(report: &Report, root: Option<&Phrase>, output: &Output) {
    match report.verdict {
        Verdict::Touched => output.note(touched()),
        Verdict::FilesIntact => output.note(files_intact()),
        _ => {}
    }
    if let Binding::CopyOf { bound, found } = &report.hardware {
        output.warn(copied(bound, found));
    }
    if let Some(root) = root.filter(|_| report.root.is_some_and(|root| !root.is_pinned())) {
        output.note(its_root(root));
    }
    if let Access::Damaged(why) = &report.access {
        output.warn(no_password(why));
    }
    if let Some(second) = &report.rival {
        output.warn(rival(second));
    }
    if let History::Restored { hole, .. } = &report.history {
        output.warn(restored(hole));
    }
    report.notes.iter().for_each(|note| output.note(note));
}

/// The owner's keys by the owner's password.
pub(crate) fn unlock<D: Device>(
    opened: &mut Opened<D>,
    password: &PasswordSource,
    output: &Output,
) -> Result<(Unlocked, Password), Failure> {
    let question = password_of(opened.medium().id().grouped());
    unlock_asking(opened, password, question, output)
}

/// [`unlock`] with a question that says more.
pub(crate) fn unlock_asking<D: Device>(
    opened: &mut Opened<D>,
    password: &PasswordSource,
    question: Phrase,
    output: &Output,
) -> Result<(Unlocked, Password), Failure> {
    if opened.life() == KeyLife::StoreMade {
        return Err(not_yours());
    }
    let password = password.read(&output.text(question))?;
    let unlocked = opened.unlock(&password).or_tell().map_err(wrong_password)?;
    if opened.life() == KeyLife::Owners
        && let Err(error) = opened.go_on(&unlocked.keys, clock::now(), &mut SystemRandom::new())
    {
        output.warn(mirror_unused(told(&error)));
    }
    bind_policy(opened, &unlocked, output);
    Ok((unlocked, password))
}

/// Have the newest policy bind before anything else is signed.
fn bind_policy<D: Device>(opened: &mut Opened<D>, unlocked: &Unlocked, output: &Output) {
    match opened.bind_policy(&unlocked.keys, clock::now(), &mut SystemRandom::new()) {
        Ok(None) => {}
        Ok(Some(number)) => output.note(policy_binds(number)),
        Err(error) => output.warn(policy_waits(told(&error))),
    }
}

/// The owner's keys by the owner's password, where nothing is to be written.
pub(crate) fn try_password(
    look: &Look,
    question: Phrase,
    password: &PasswordSource,
    output: &Output,
) -> Result<(Unlocked, Password), Failure> {
    let password = password.read(&output.text(question))?;
    let files = look.source.access_files(look.medium.grounds()).or_tell()?;
    let unlocked = look.medium.unlock(&files, &password).or_tell();
    Ok((unlocked.map_err(wrong_password)?, password))
}

/// A wrong password may be followed by another.
fn wrong_password(failure: Failure) -> Failure {
    match failure.exit() {
        Exit::Refusal => failure.hint(nothing_locks()),
        _ => failure,
    }
}

/// What to do before the first login.
pub(crate) fn not_yours() -> Failure {
    Failure::new(Exit::Refusal, told(&CommitError::NotLoggedIn)).hint(log_in_first())
}

/// Why a record was not committed, and what to do about a journal that takes no more.
pub(crate) fn full(error: &CommitError) -> Failure {
    let failure = Failure::new(Exit::from(error), told(error));
    match error {
        CommitError::Journal(AppendError::Full { .. } | AppendError::NearlyFull { .. }) => {
            failure.hint(settle_first())
        }
        _ => failure,
    }
}

/// What there is on a medium, in JSON.
pub(crate) fn sums(medium: &Medium) -> Value {
    sums_of(&medium.account().state, medium.currency())
}

/// What there is by a state, in JSON.
pub(crate) fn sums_of(state: &State, currency: Currency) -> Value {
    json!({
        "balance": money(state.balance, currency),
        "free": money(state.free(), currency),
        "reserved": money(state.reserved(), currency),
        "provisional": money(state.provisional, currency),
        "debt": money(state.debt, currency),
    })
}

/// The balance for a person, and what of it can't be spent under it.
pub(crate) fn tell_balance(medium: &Medium, output: &Output) {
    let (state, form) = (&medium.account().state, medium.form());
    output.headline(balance(form.show(state.balance)));
    let parts = [
        (state.reserved(), reserved(form.show(state.reserved()))),
        (state.provisional, provisional(form.show(state.provisional))),
        (state.debt, lacking(form.show(state.debt))),
    ];
    for (_, told) in parts.into_iter().filter(|(sum, _)| !sum.is_zero()) {
        output.line(told);
    }
}
