//! What a check says of a medium, in each language.

use super::manifest::ManifestFault;
use super::slots::SlotFault;
use crate::phrases;
use crate::words::Japanese;

phrases! {
    pub(super) fn of_part(part, reason) { en: "{part}: {reason}", ja: "{part}：{reason}" }
    pub(super) fn the_medium() { en: "medium", ja: "媒体" }
    pub(super) fn partition_table() { en: "partition table", ja: "パーティション表" }
    pub(super) fn backup_table() { en: "backup partition table", ja: "予備のパーティション表" }
    pub(super) fn unused_bytes() { en: "unused bytes", ja: "未使用の部分" }
    pub(super) fn file_system() { en: "file system", ja: "ファイルシステム" }
    pub(super) fn hash_tree() { en: "hash tree", ja: "ハッシュツリー" }
    pub(super) fn edition_seal() { en: "edition seal", ja: "エディションの封" }
    pub(super) fn medium_seal() { en: "medium seal", ja: "媒体の封" }
    pub(super) fn writable_area() { en: "writable area", ja: "書き込み領域" }
    pub(super) fn unknown() {
        en: "what the medium is could not be found out",
        ja: "何の媒体か分かりませんでした",
    }
    pub(super) fn an_image() { en: "an image", ja: "イメージファイル" }
    pub(super) fn an_edition() {
        en: "it is an edition file: media are burnt from it",
        ja: "エディションのファイルです。媒体はこれから作られます",
    }
    pub(super) fn damaged_beginning() {
        en: "it is missing, or damaged at its beginning",
        ja: "ないか、先頭が壊れています",
    }
    pub(super) fn nothing_says_so(bytes) {
        en: "nothing in its {bytes} bytes says that it is one: no manifest, no hash tree",
        ja: "{bytes}バイトのどこにも、媒体だと示すものがありません",
    }
    pub(super) fn no_manifest_here() {
        en: "it is not in this directory: is the read-only area mounted here?",
        ja: "このフォルダーにはありません。読み出し専用領域がマウントされていますか",
    }
    pub(super) fn shown_otherwise(path, shown) {
        en: "{path} is shown as \"{shown}\" by this mount",
        ja: "{path} は、ここでは「{shown}」と表示されています",
    }
    pub(super) fn missing() { en: "it is missing", ja: "ありません" }
    pub(super) fn other_length(size, expected) {
        en: "it has {size} bytes, the manifest says {expected}",
        ja: "{size}バイトですが、署名された一覧では{expected}バイトです",
    }
    pub(super) fn no_file() { en: "it is not a file", ja: "ファイルではありません" }
    pub(super) fn changed() { en: "its data has changed", ja: "中身が変わっています" }
    pub(super) fn added_by_system(path) {
        en: "{path} was added by a system",
        ja: "システムが {path} を追加しました",
    }
    pub(super) fn was_added(path) { en: "{path} was added", ja: "{path} が追加されています" }
    pub(super) fn too_short(found, needed) {
        en: "it has {found} bytes, its layout needs {needed}",
        ja: "{found}バイトですが、{needed}バイト必要です",
    }
    pub(super) fn no_whole_sectors(bytes, sector) {
        en: "{bytes} bytes are not whole sectors of {sector}",
        ja: "{bytes}バイトは、{sector}バイトの倍数ではありません",
    }
    pub(super) fn other_hash() {
        en: "its hash is not the manifest's, nor is that of the stored hash tree",
        ja: "署名された一覧ともハッシュツリーとも一致しません",
    }
    pub(super) fn other_than_sealed() {
        en: "what lies there is signed, but the seal was made over something else",
        ja: "署名はありますが、封をした時とは別のものです",
    }
    pub(super) fn other_root() {
        en: "its root is not that of the read-only area",
        ja: "読み出し専用領域と一致しません",
    }
    pub(super) fn superblock() { en: "its superblock is not exact", ja: "先頭が一致しません" }
    pub(super) fn not_exact() { en: "it is not exact", ja: "一致しません" }
    pub(super) fn behind_tree() {
        en: "behind the hash tree: not zero",
        ja: "ハッシュツリーの後ろが0ではありません",
    }
    pub(super) fn protective_mbr() {
        en: "its protective MBR is not exact",
        ja: "先頭の保護用の表が一致しません",
    }
    pub(super) fn header() { en: "its header is not exact", ja: "見出しが一致しません" }
    pub(super) fn entries() { en: "its entries are not exact", ja: "項目が一致しません" }
    pub(super) fn behind_table() {
        en: "behind the partition table: not zero",
        ja: "パーティション表の後ろが0ではありません",
    }
    pub(super) fn before_backup() {
        en: "in front of the backup partition table: not zero",
        ja: "予備のパーティション表の前が0ではありません",
    }
    pub(super) fn unreadable() { en: "unreadable", ja: "読み取れません" }
    pub(super) fn without_certificate() {
        en: "file system, hash tree and seals were not judged: what they should be hangs on the \
             certificate, which can't be read",
        ja: "証明書が読めないため、ファイルシステム、ハッシュツリー、封は確かめていません",
    }
    pub(super) fn ever_other() {
        en: "it gives other bytes each time it is read",
        ja: "読むたびに内容が変わります",
    }
    pub(super) fn stamp_alone() {
        en: "only what a store stamps differs, each other byte is as the issuer sealed it: damage, \
             forgery, or a re-stamping that was cut off; the store that began one ends it with \
             `scrip-store refresh`",
        ja: "店が書き込む部分だけが異なり、ほかはすべて発行元が封をしたままです。破損か偽造、または\
             中断された更新です。更新は、始めた店が `scrip-store refresh` で終えられます",
    }
    pub(super) fn other_stores_user() {
        en: "user information is by another store than the certificate: not checked",
        ja: "販売情報が証明書とは別の店のものです（未確認）",
    }
    pub(super) fn expired(subject, expires, newest) {
        en: "certificate of {subject} expired at {expires}, before {newest}",
        ja: "{subject}の証明書は{expires}に期限が切れています（{newest}より前）",
    }
    pub(super) fn no_currency(number, currency) {
        en: "policy {number} has no entry for {currency}",
        ja: "規約{number}に{currency}がありません",
    }
    pub(super) fn damaged_certificate() {
        en: "the certificate that it begins with is damaged",
        ja: "もとになる証明書が壊れています",
    }
    pub(super) fn damaged_policy() {
        en: "the policy that binds it is damaged",
        ja: "もとになる規約が壊れています",
    }
    pub(super) fn no_writable_area() {
        en: "no writable area of this medium is mounted beside it",
        ja: "この媒体の書き込み領域がそばにマウントされていません",
    }
    pub(super) fn no_key_known() {
        en: "the journal does not say whose key counts",
        ja: "取引記録から有効な鍵が分かりません",
    }
    pub(super) fn no_slot() { en: "no slot of the holder key", ja: "有効な鍵が入っていません" }
    pub(super) fn paper_missing(why) {
        en: "{why}; apply the file of the checkpoint again that brought what is missing: \
             `scrip-wallet apply FILE`",
        ja: "{why}。足りないものを付けてきた精算書のファイルをもう一度適用してください：\
             `scrip-wallet apply FILE`",
    }
    pub(super) fn in_copy(name, why) { en: "copy {name}: {why}", ja: "写し{name}：{why}" }
}

impl Japanese for SlotFault {
    fn japanese(&self) -> String {
        match self {
            Self::Decode(error) => error.japanese(),
            Self::Trust(error) => error.japanese(),
            Self::Missing => "ありません".to_owned(),
            Self::Empty => "空です".to_owned(),
            Self::Other { .. } => "この媒体のものと内容が一致しません".to_owned(),
        }
    }
}

impl Japanese for ManifestFault {
    fn japanese(&self) -> String {
        match self {
            Self::Decode(error) => error.japanese(),
            Self::Trust(error) => error.japanese(),
            Self::Unsigned => "署名がありません".to_owned(),
            Self::Rules(_) => "署名された一覧の内容が決まりに合いません".to_owned(),
            Self::Items(_) => "署名された品目の一覧と一致しません".to_owned(),
            Self::Layout(_) => "配置が決まりに合いません".to_owned(),
            Self::Place { found, expected } => {
                format!("{expected}バイト目にあるはずですが、{found}バイト目にあります")
            }
            Self::Size { found, expected } => {
                format!("読み出し専用領域は{expected}バイトのはずですが、{found}バイトです")
            }
        }
    }
}
