//! What this computer saw of a medium, explained.

use scrip::device::{DeviceError, Folder};
use scrip::journal::{Mirror, Relation};
use scrip::phrases;
use scrip::tool::home;
use scrip::units::MediumId;
use scrip::wallet::Medium;
use scrip::words::Phrase;

use crate::history::counted;

phrases! {
    fn nowhere() {
        en: "This computer keeps no copy of the journal: it has no folder for that.",
        ja: "このコンピューターには取引記録の写しを残すフォルダーがありません。",
    }
    fn unreadable(error) {
        en: "This computer's copy of the journal can't be read: {error}.",
        ja: "このコンピューターにある取引記録の写しを読めません：{error}。",
    }
    fn missing() {
        en: "This computer has no copy of the journal; the next record makes one.",
        ja: "このコンピューターには取引記録の写しがありません。次の記録のときに作られます。",
    }
    fn empty() {
        en: "This computer's copy of the journal holds nothing; the next record fills it.",
        ja: "このコンピューターにある取引記録の写しは空です。次の記録のときに書かれます。",
    }
    fn same() {
        en: "This computer's copy of the journal holds the same records.",
        ja: "このコンピューターにある取引記録の写しは同じ内容です。",
    }
    fn behind(count) {
        en: "This computer's copy of the journal is behind by {count} that came about elsewhere; it \
             follows with the next record.",
        ja: "このコンピューターにある取引記録の写しは{count}件遅れています（ほかの場所で追加されました）。\
             次の記録のときに追いつきます。",
    }
    fn settled() {
        en: "This computer's copy of the journal has nothing that the medium's checkpoint hasn't \
             settled.",
        ja: "このコンピューターにある取引記録の写しには、媒体の精算書より新しいものはありません。",
    }
    fn ahead(count) {
        en: "The medium lost its last {count}; this computer's copy of the journal has what was lost.",
        ja: "媒体は最後の{count}件の記録を失っていますが、このコンピューターの写しにあります。",
    }
    fn parted(count, at) {
        en: "The medium went on elsewhere after it lost {count}, from #{at} on, that this \
             computer's copy of the journal has; both are kept, and the medium counts.",
        ja: "媒体は#{at}以降の{count}件の記録を失ったあとほかの場所で使われました。このコンピューターの写しに\
             それらがあります。どちらも残し、媒体の方が有効です。",
    }
    fn apart(fewer) {
        en: "The medium has {fewer} fewer than this computer last saw, and this computer \
             hasn't all of them; both are kept, and the medium counts.",
        ja: "媒体の記録はこのコンピューターが最後に見たときより{fewer}件少なく、ここにもすべては\
             ありません。どちらも残し、媒体の方が有効です。",
    }
}

/// What this computer saw of a medium.
pub(crate) struct Seen {
    /// One word for it.
    pub(crate) state: &'static str,
    /// A sentence.
    pub(crate) text: Phrase,
    /// How it stands to the medium, where that is known.
    pub(crate) relation: Option<Relation>,
}

/// Look at it; nothing is made or written.
pub(super) fn look(medium: &Medium) -> Seen {
    let bytes = medium.grounds().journal.bytes;
    look_at(medium.id(), bytes, |mirror| medium.relation(mirror))
}

/// Look at what this computer saw of the medium of a number; `bytes` is the length of one copy.
pub(crate) fn look_at(
    medium: MediumId,
    bytes: u64,
    relation: impl FnOnce(&Mirror) -> Result<Relation, DeviceError>,
) -> Seen {
    let of = |state, text| Seen { state, text, relation: None };
    let Some(state) = home::state() else { return of("none", nowhere()) };
    let Ok(folder) = Folder::open(&state.join("seen")) else { return of("missing", missing()) };
    let mirror = match Mirror::look(&folder, medium, bytes) {
        Ok(Some(mirror)) => mirror,
        Ok(None) => return of("missing", missing()),
        Err(error) => return of("unreadable", unreadable(error)),
    };
    match relation(&mirror) {
        Ok(relation) => {
            let (state, text) = told(&relation);
            Seen { state, text, relation: Some(relation) }
        }
        Err(error) => of("unreadable", unreadable(error)),
    }
}

fn told(relation: &Relation) -> (&'static str, Phrase) {
    match relation {
        Relation::New => ("empty", empty()),
        Relation::Medium { behind: 0 } => ("same", same()),
        Relation::Medium { behind: count } => ("behind", behind(counted(*count))),
        Relation::Settled => ("settled", settled()),
        Relation::Mirror(lost) => ("ahead", ahead(counted(lost.len() as u64))),
        Relation::Parted { at, branch } => ("parted", parted(counted(branch.len() as u64), at)),
        Relation::Apart { fewer, .. } => ("apart", apart(counted(*fewer))),
    }
}
