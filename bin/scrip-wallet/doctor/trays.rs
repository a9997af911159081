//! What lies in OUTBOX and INBOX, explained.

use scrip::fat::Tray;
use scrip::phrases;
use scrip::tool::told;
use scrip::wallet::{Found, Frames, Kept, Purpose};
use scrip::words::Phrase;
use serde_json::{Value, json};

use crate::history::counted;

phrases! {
    fn checkpoint(place, number) {
        en: "{place} is checkpoint {number}: `apply` takes it over.",
        ja: "{place} は精算書{number}です。`apply` で適用できます。",
    }
    fn no_use(place, why) {
        en: "{place} is a checkpoint that is not to be applied: {why}.",
        ja: "{place} は適用できない精算書です：{why}。",
    }
    fn archive(place, count) {
        en: "{place} holds {count} frames of the journal before a checkpoint: the older history.",
        ja: "{place} には精算前の取引記録{count}件があります（以前の履歴）。",
    }
    fn archive_torn(place, count, bytes) {
        en: "{place} is damaged: {count} frames of the older history are whole, {bytes} bytes behind \
             them are not. No money hangs on it.",
        ja: "{place} は壊れています：以前の履歴のうち{count}件は完全で、その後の{bytes}バイトは\
             読めません。残高には影響しません。",
    }
    fn branch(place, count) {
        en: "{place} holds {count} that the medium lost, for the shop to merge.",
        ja: "{place} には媒体が失った記録{count}件があります。店で統合できます。",
    }
    fn branch_torn(place, count, bytes) {
        en: "{place} is damaged: of what the medium lost {count} can be read, {bytes} bytes behind \
             can't.",
        ja: "{place} は壊れています：媒体が失った記録のうち{count}件は完全で、その後の{bytes}バイトは\
             読めません。",
    }
    fn package(place, item) {
        en: "{place} and its file are {item}, taken from another medium, all of it.",
        ja: "{place} とそのファイルは、ほかの媒体から取り込んだ{item}です（全部あります）。",
    }
    fn half_package(place, found, expected, item) {
        en: "{place} is {item}, of which {found} of {expected} bytes are here: `take` goes on with it.",
        ja: "{place} は{item}で、{expected}バイトのうち{found}バイトがあります。`take` で続けられます。",
    }
    fn waiting(place) {
        en: "{place} is the newest receipt for what you send: its fee is still to come.",
        ja: "{place} は提供中のものの最新の受領書です。提供料はこれから入ります。",
    }
    fn evidence(count) {
        en: "{count} files in SCRIP/OUTBOX show what others took from you: the shop may want them.",
        ja: "SCRIP/OUTBOXの{count}個のファイルは、ほかの人に渡した証拠です。店で要ることがあります。",
    }
    fn cleared(place) {
        en: "{place} shows what another took from you, which the checkpoint has settled.",
        ja: "{place} はほかの人に渡した証拠ですが、精算書で精算済みです。",
    }
    fn waiting_damaged(place, why) {
        en: "{place} is damaged, the newest receipt for what you send ({why}). Its fee still comes \
             when whoever took it takes from this medium again.",
        ja: "{place} は壊れています（提供中のものの最新の受領書、{why}）。受け取った人がこの媒体から\
             もう一度取り込めば、提供料は入ります。",
    }
    fn evidence_damaged(place, why) {
        en: "{place} is damaged, it was to show what others took from you ({why}). No money hangs \
             on it.",
        ja: "{place} は壊れています（ほかの人に渡した証拠、{why}）。残高には影響しません。",
    }
    fn package_damaged(place, why) {
        en: "{place} is damaged, it was to show an item that was taken ({why}): `take` of it writes \
             it anew, and nothing is paid again.",
        ja: "{place} は壊れています（取り込んだものの証明、{why}）。`take` で書き直せます。二度払う\
             ことはありません。",
    }
    fn leftover(place) {
        en: "{place} is left of a write that was killed: it belongs to nothing.",
        ja: "{place} は中断された書き込みの残りで、何にも属しません。",
    }
}

/// Where a file lies, as its owner finds it.
pub(super) fn place(found: &Found) -> String {
    format!("{}/{}", &found.tray.path()[1..], found.name)
}

/// A sentence for each file; evidence is counted.
pub(super) fn lines(all: &[Found]) -> Vec<Phrase> {
    let of_evidence = |found: &&Found| matches!(found.what, Kept::Evidence);
    let showing = all.iter().filter(of_evidence).count();
    let told = all.iter().filter(|found| !of_evidence(found)).map(|found| {
        let place = place(found);
        match &found.what {
            Kept::Checkpoint(number) => checkpoint(place, number),
            Kept::NoUse(why) => no_use(place, told(why)),
            Kept::Archive(Frames { whole, torn_bytes: 0 }) => archive(place, whole),
            Kept::Archive(frames) => archive_torn(place, frames.whole, frames.torn_bytes),
            Kept::Branch(Frames { whole, torn_bytes: 0 }) => branch(place, counted(*whole as u64)),
            Kept::Branch(frames) => {
                branch_torn(place, counted(frames.whole as u64), frames.torn_bytes)
            }
            Kept::Package { item, found, expected } if found >= expected => package(place, item),
            Kept::Package { item, found, expected } => half_package(place, found, expected, item),
            Kept::Waiting(_) => waiting(place),
            Kept::Cleared => cleared(place),
            Kept::Damaged { purpose, why } => match purpose {
                Purpose::Waiting => waiting_damaged(place, why),
                Purpose::Evidence => evidence_damaged(place, why),
                Purpose::Package => package_damaged(place, why),
            },
            Kept::Leftover => leftover(place),
            Kept::Evidence => evidence(1),
        }
    });
    told.chain((showing > 0).then(|| evidence(showing))).collect()
}

/// The same as JSON.
pub(super) fn fields(found: &Found) -> Value {
    let mut fields = json!({ "place": place(found), "tray": tray(found.tray) });
    let what = match &found.what {
        Kept::Checkpoint(number) => {
            fields["checkpoint"] = json!(number);
            "checkpoint"
        }
        Kept::NoUse(why) => {
            fields["why"] = json!(why.to_string());
            "checkpoint-not-to-apply"
        }
        Kept::Archive(frames) => framed(&mut fields, *frames, "archive"),
        Kept::Branch(frames) => framed(&mut fields, *frames, "branch"),
        Kept::Package { item, found, expected } => {
            fields["item"] = json!(item);
            (fields["bytes"], fields["of"]) = (json!(found), json!(expected));
            "package"
        }
        Kept::Waiting(_) => "receipt-waiting",
        Kept::Evidence => "evidence",
        Kept::Cleared => "cleared",
        Kept::Damaged { purpose, why } => {
            fields["why"] = json!(why);
            match purpose {
                Purpose::Waiting => "receipt-damaged",
                Purpose::Evidence => "evidence-damaged",
                Purpose::Package => "package-damaged",
            }
        }
        Kept::Leftover => "leftover",
    };
    fields["what"] = json!(what);
    fields
}

fn framed(fields: &mut Value, frames: Frames, what: &'static str) -> &'static str {
    (fields["frames"], fields["torn_bytes"]) = (json!(frames.whole), json!(frames.torn_bytes));
    what
}

fn tray(tray: Tray) -> &'static str {
    match tray {
        Tray::Outbox => "outbox",
        Tray::Inbox => "inbox",
    }
}
