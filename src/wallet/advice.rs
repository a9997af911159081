//! What is wrong with a medium in plain words, and what to do about it.

use crate::image::check::{
    Access, Binding, Fault, History, ItemKeys, Papers, Report, Rival, Verdict,
};
use crate::phrases;
use crate::words::Phrase;

/// The most single findings that are told.
const TOLD_MAX: usize = 20;

phrases! {
    fn sealed() {
        en: "The seal is whole: every byte is as the shop made it.",
        ja: "封は完全です。すべてのバイトが店で作られたままです。",
    }
    fn touched() {
        en: "Computers left notes on it, as they do on any stick. Every file is whole:",
        ja: "コンピューターが使用の跡を残しました。どのUSBメモリーでも起こることで、ファイルはすべて無事です：",
    }
    fn reseal() {
        en: "Nothing has to be done. `doctor --reseal` puts those bytes back.",
        ja: "何もする必要はありません。`doctor --reseal` で元のバイトに戻せます。",
    }
    fn files_intact() {
        en: "Every file is whole. The seal can't be seen in a mounted directory.",
        ja: "ファイルはすべて無事です。マウントされたフォルダーからは封を確かめられません。",
    }
    fn name_the_device() {
        en: "To check the seal as well, name the device or the image.",
        ja: "封も確かめるには、デバイスかイメージを指定してください。",
    }
    fn altered() {
        en: "It was ALTERED or is damaged: it is not what the shop made.",
        ja: "改変されているか、壊れています。店で作られたものではありません。",
    }
    fn use_no_more() {
        en: "Don't use it. Bring it to the shop: what was paid stands in its journal.",
        ja: "使わずに店へお持ちください。支払いは取引記録に残っています。",
    }
    fn failing() {
        en: "The storage is failing: parts of it can't be read any more.",
        ja: "記憶装置が故障しかけています。読めない部分があります。",
    }
    fn hurry() {
        en: "Bring it to the shop soon: what was paid stands in its journal.",
        ja: "早めに店へお持ちください。支払いは取引記録に残っています。",
    }
    fn no_medium() { en: "This is no medium of this kind.", ja: "この種の媒体ではありません。" }
    fn item(finding) { en: "- {finding}", ja: "- {finding}" }
    fn more(count) { en: "- and {count} more", ja: "- ほか{count}件" }
    pub(super) fn copied(bound, found) {
        en: "This is a copy: it was made on {bound} and lies on {found}.",
        ja: "これは複製です。{bound}で作られ、{found}にあります。",
    }
    fn rule(reason) { en: "A rule says no: {reason}.", ja: "決まりにより使えません：{reason}。" }
    fn records(count) { en: "{count} records", ja: "{count}件" }
    fn one_record() { en: "1 record", ja: "1件" }
    fn journal_sound(records, bank, generation) {
        en: "The journal is whole: {records} in each of its two copies, in the {bank} bank \
             (generation {generation}).",
        ja: "取引記録は完全です：2つの写しのどちらにも{records}、{bank}（第{generation}世代）。",
    }
    fn journal_compacted(records, bank, generation, checkpoint) {
        en: "The journal is whole: {records} in each of its two copies, in the {bank} bank \
             (generation {generation}, behind checkpoint {checkpoint}).",
        ja: "取引記録は完全です：2つの写しのどちらにも{records}、{bank}（第{generation}世代、\
             精算書{checkpoint}より後）。",
    }
    fn first_bank() { en: "first", ja: "前半" }
    fn second_bank() { en: "second", ja: "後半" }
    pub(super) fn journal_repaired(records, copies) {
        en: "The journal is whole: {records}. Copy {copies} lacks some, the other has them; \
             nothing is lost.",
        ja: "取引記録は完全です：{records}。写し{copies}に欠けがありますが、もう一方にあり、\
             何も失われていません。",
    }
    fn journal_restored(hole, records) {
        en: "The journal has a hole: {hole}. This computer's copy has what is missing; with it all \
             {records} follow.",
        ja: "取引記録に穴があります：{hole}。このコンピューターの写しに欠けた分があり、合わせると\
             {records}すべてがつながります。",
    }
    fn journal_damaged(reason) {
        en: "The journal is DAMAGED: {reason}. Bring the medium to the shop.",
        ja: "取引記録が壊れています：{reason}。媒体を店へお持ちください。",
    }
    fn two_histories(copy, count, from) {
        en: "The journal holds TWO histories: copy {copy} has {count} other records from #{from} on. \
             The longer one counts; the other is kept in SCRIP/OUTBOX before it is written over, \
             for the shop to merge.",
        ja: "取引記録に2つの履歴があります：写し{copy}には#{from}以降に別の記録{count}件があります。\
             長い方が有効です。もう一方は上書きの前にSCRIP/OUTBOXに残し、店で統合できます。",
    }
    fn stray_records(copy, count, from) {
        en: "Copy {copy} of the journal has {count} other records from #{from} on, which do not \
             follow; they don't count.",
        ja: "取引記録の写し{copy}には#{from}以降に、つながらない別の記録{count}件があります。\
             有効ではありません。",
    }
    fn journal_unchecked(reason) {
        en: "The journal was not checked: {reason}.",
        ja: "取引記録は確かめていません：{reason}。",
    }
    fn access_sound() {
        en: "The access key is whole in both of its files.",
        ja: "アクセスキーは2つのファイルのどちらでも完全です。",
    }
    fn access_once(reason) {
        en: "The access key is whole in one of its two files: {reason}. That is enough.",
        ja: "アクセスキーは一方のファイルで完全です：{reason}。それで足ります。",
    }
    fn access_damaged(reason) {
        en: "The access key is DAMAGED: {reason}. Bring the medium to the shop.",
        ja: "アクセスキーが壊れています：{reason}。媒体を店へお持ちください。",
    }
    fn items_sound(keys) {
        en: "The item keys are whole in both of their files: {keys}.",
        ja: "品目の鍵は2つのファイルのどちらでも完全です：{keys}個。",
    }
    fn items_repaired(keys, copies) {
        en: "The item keys are whole: {keys}. Copy {copies} lacks some, the other has them; nothing \
             is lost.",
        ja: "品目の鍵は完全です：{keys}個。写し{copies}に欠けがありますが、もう一方にあり、\
             何も失われていません。",
    }
    fn items_damaged(lost, keys) {
        en: "{lost} item keys are DAMAGED in both of their files, {keys} are whole. What they open \
             can't be played: bring the medium to the shop.",
        ja: "品目の鍵{lost}個が両方のファイルで壊れています（{keys}個は完全です）。その品目は\
             再生できません。媒体を店へお持ちください。",
    }
    fn items_unchecked(reason) {
        en: "The item keys were not checked: {reason}.",
        ja: "品目の鍵は確かめていません：{reason}。",
    }
    fn papers_sound(papers) {
        en: "What came with its checkpoints is whole in both of its files: {papers}.",
        ja: "精算書に付いてきたものは2つのファイルのどちらでも完全です：{papers}件。",
    }
    fn papers_repaired(papers, copies) {
        en: "What came with its checkpoints is whole: {papers}. Copy {copies} lacks some, the other \
             has them; nothing is lost.",
        ja: "精算書に付いてきたものは完全です：{papers}件。写し{copies}に欠けがありますが、もう一方に\
             あり、何も失われていません。",
    }
    fn papers_damaged(papers) {
        en: "What came with its checkpoints is DAMAGED in both of its files, {papers} are whole. Apply \
             the checkpoint's file again: `scrip-wallet apply FILE`.",
        ja: "精算書に付いてきたものが両方のファイルで壊れています（{papers}件は完全です）。精算書の\
             ファイルをもう一度適用してください：`scrip-wallet apply FILE`。",
    }
    fn access_unchecked(reason) {
        en: "The access key was not checked: {reason}.",
        ja: "アクセスキーは確かめていません：{reason}。",
    }
}

/// Sentences for an owner: the read-only area and its seal, the journal's copies, the access key,
/// the item keys, what came with its checkpoints.
pub fn advice(report: &Report) -> Vec<Phrase> {
    let mut lines = seal(report);
    if let Binding::CopyOf { bound, found } = &report.hardware {
        lines.push(copied(bound, found));
    }
    if report.verdict != Verdict::NoMedium {
        lines.push(journal(&report.history));
        lines.extend(report.rival.as_ref().map(rival));
        lines.push(access(&report.access));
        lines.push(items(&report.items));
        lines.extend(papers(&report.papers));
    }
    lines.extend(report.refusals.iter().map(rule));
    lines
}

fn seal(report: &Report) -> Vec<Phrase> {
    let touches = || report.touches.iter().map(|touch| touch.what.clone()).collect();
    let faults = || {
        let faults = report.faults.iter();
        faults.map(Fault::phrase).collect()
    };
    let (first, findings, last): (_, Vec<Phrase>, _) = match report.verdict {
        Verdict::Sealed => (sealed(), vec![], None),
        Verdict::Touched => (touched(), touches(), Some(reseal())),
        Verdict::FilesIntact => (files_intact(), touches(), Some(name_the_device())),
        Verdict::Altered => (altered(), faults(), Some(use_no_more())),
        Verdict::Unreadable => (failing(), faults(), Some(hurry())),
        Verdict::NoMedium => {
            let reasons = report.faults.iter().map(|fault| fault.reason.clone());
            (no_medium(), reasons.collect(), None)
        }
    };
    let left = findings.len().saturating_sub(TOLD_MAX);
    let told = findings.into_iter().take(TOLD_MAX).map(item);
    let all = std::iter::once(first).chain(told).chain((left > 0).then(|| more(left)));
    all.chain(last).collect()
}

fn journal(history: &History) -> Phrase {
    match history {
        History::Sound(balance) => whole(balance.records, balance.generation, balance.checkpoint),
        History::Repaired { balance, lacking } => {
            journal_repaired(count(balance.records), lacking.join(" + "))
        }
        History::Restored { balance, hole } => journal_restored(hole, count(balance.records)),
        History::Damaged(reason) => journal_damaged(reason),
        History::NotChecked(reason) => journal_unchecked(reason),
    }
}

/// Both copies hold so many records.
pub(super) fn whole(records: usize, generation: u64, checkpoint: Option<u64>) -> Phrase {
    let bank = if generation.is_multiple_of(2) { first_bank() } else { second_bank() };
    match checkpoint {
        None => journal_sound(count(records), bank, generation),
        Some(checkpoint) => journal_compacted(count(records), bank, generation, checkpoint),
    }
}

/// A second history, in plain words.
pub fn rival(rival: &Rival) -> Phrase {
    let count = rival.records.len();
    if rival.follows {
        two_histories(rival.copy, count, rival.from)
    } else {
        stray_records(rival.copy, count, rival.from)
    }
}

pub(super) fn count(found: usize) -> Phrase {
    if found == 1 { one_record() } else { records(found) }
}

pub(super) fn access(access: &Access) -> Phrase {
    match access {
        Access::Sound => access_sound(),
        Access::OneCopy(reason) => access_once(reason),
        Access::Damaged(reason) => access_damaged(reason),
        Access::NotChecked(reason) => access_unchecked(reason),
    }
}

fn papers(papers: &Papers) -> Option<Phrase> {
    match papers {
        Papers::None | Papers::Sound(0) | Papers::NotChecked(_) => None,
        Papers::Sound(papers) => Some(papers_sound(papers)),
        Papers::Repaired { papers, lacking } => Some(papers_repaired(papers, lacking.join(" + "))),
        Papers::Damaged(papers) => Some(papers_damaged(papers)),
    }
}

pub(super) fn items(items: &ItemKeys) -> Phrase {
    match items {
        ItemKeys::Sound(keys) => items_sound(keys),
        ItemKeys::Repaired { keys, lacking } => items_repaired(keys, lacking.join(" + ")),
        ItemKeys::Damaged { keys, lost } => items_damaged(lost, keys),
        ItemKeys::NotChecked(reason) => items_unchecked(reason),
    }
}
