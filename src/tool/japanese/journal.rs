//! The journal: opening it, and records that it doesn't take.

use super::Japanese;
use crate::image::check::RestoreError;
use crate::journal::{self, AppendError, ReadError, StorageError};
use crate::ledger::next::NextError;
use crate::ledger::{Reason, Refusal};
use crate::wallet::{CommitError, MirrorError, OpenError};

impl Japanese for StorageError {
    fn japanese(&self) -> String {
        match self {
            Self::Open(error) => error.japanese(),
            Self::Claim(error) => error.japanese(),
            Self::Length { name, found, expected } => {
                format!("{name}は{found}バイトですが、{expected}バイトのはずです")
            }
        }
    }
}

impl Japanese for ReadError {
    fn japanese(&self) -> String {
        match self {
            Self::Empty => "取引記録：どちらの写しにも最初の記録がありません".to_owned(),
            Self::Gap { index, .. } => {
                format!("取引記録：記録{index}が両方の写しで壊れています")
            }
            Self::Differ { index } => {
                format!("取引記録：写しAとBで記録{index}が異なります")
            }
            Self::Device(error) => format!("取引記録の読み取り：{}", error.japanese()),
        }
    }
}

impl Japanese for journal::OpenError {
    fn japanese(&self) -> String {
        match self {
            Self::Read(error) => error.japanese(),
            Self::Repair(error) => format!("取引記録の修復：{}", error.japanese()),
        }
    }
}

impl Japanese for journal::RestoreError {
    fn japanese(&self) -> String {
        match self {
            Self::Read(error) => error.japanese(),
            Self::Mirror(error) => format!("写しの読み取り：{}", error.japanese()),
            Self::Generation { lost, found } => {
                let found =
                    found.map_or_else(|| "なし".to_owned(), |found| format!("第{found}世代"));
                format!(
                    "第{}世代の記録{}が失われていますが、このコンピューターの写しは{found}です",
                    lost.generation, lost.index
                )
            }
            Self::Lacks { lost, found } => format!(
                "記録{}が失われていますが、このコンピューターの写しには最初の{found}件しかありません",
                lost.index
            ),
            Self::Front { index, expected, found } => format!(
                "このコンピューターの写しの記録{index}は、媒体の記録につながりません\
                 （{found:08x}、媒体は{expected:08x}）"
            ),
            Self::Behind { index, later, found } => format!(
                "媒体の記録{later}は、このコンピューターの写しの記録{index}（{found:08x}）に\
                 つながりません"
            ),
        }
    }
}

impl Japanese for RestoreError {
    fn japanese(&self) -> String {
        match self {
            Self::Frames(error) => error.japanese(),
            Self::Refused(refusal) => refusal.japanese(),
            Self::Device(error) => format!("アクセスキーのファイル：{}", error.japanese()),
        }
    }
}

impl Japanese for OpenError {
    fn japanese(&self) -> String {
        match self {
            Self::Journal(error) => error.japanese(),
            Self::Lost { index, .. } => {
                format!("取引記録：記録{index}が両方の写しから失われています")
            }
            Self::Restore(error) => error.japanese(),
            Self::Refusal(refusal) => refusal.japanese(),
            Self::Access(error) => format!("アクセスキーのファイル：{}", error.japanese()),
            Self::Ring(error) => format!("鍵束のファイル：{}", error.japanese()),
        }
    }
}

impl Japanese for AppendError {
    fn japanese(&self) -> String {
        match self {
            Self::TooLong(error) => format!("記録が長すぎます（{error}）"),
            Self::Full { needs, left, .. } => {
                format!("取引記録がいっぱいです。{needs}バイト必要ですが、残りは{left}バイトです")
            }
            Self::NearlyFull { used, bank } => format!(
                "取引記録がほぼいっぱいのため支払いはできません（{bank}バイト中{used}バイト使用）"
            ),
            Self::Lost { index, .. } => format!("取引記録：記録{index}が失われています"),
            Self::Unsure => "取引記録：前の書き込みに失敗しました。開き直してください".to_owned(),
            Self::Device(error) => format!("取引記録の書き込み：{}", error.japanese()),
        }
    }
}

impl Japanese for MirrorError {
    fn japanese(&self) -> String {
        match self {
            Self::Device(error) => error.japanese(),
            Self::Refused(refusal) => refusal.japanese(),
            Self::Journal(error) => error.japanese(),
        }
    }
}

impl Japanese for NextError {
    fn japanese(&self) -> String {
        match self {
            Self::Range(error) => error.japanese(),
            Self::Funds { needs, free } => {
                format!("残高が足りません。必要額は{needs}、使えるのは{free}です（最小単位）")
            }
            Self::Charge(error) => format!("ダウンロードの料金が決まりに合いません（{error}）"),
            Self::Transfer(what) => format!("ダウンロードが決まりに合いません（{what}）"),
        }
    }
}

impl Japanese for Refusal {
    fn japanese(&self) -> String {
        format!("媒体{}の記録{}：{}", self.medium, self.seq, reason(&self.reason))
    }
}

/// Reasons that an owner may meet; the others take a medium that somebody has meddled with.
fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Funds { needs, free } => {
            format!("残高が足りません。必要額は{needs}、使えるのは{free}です（最小単位）")
        }
        Reason::TopupLimit { found, limit, .. } => {
            format!("チャージ{found}は1回の上限{limit}を超えています（最小単位）")
        }
        Reason::BalanceLimit { found, limit, .. } => {
            format!("残高が{found}になり、上限{limit}を超えます（最小単位）")
        }
        Reason::OfflineCap { found, limit } => {
            format!(
                "前回の精算以降の相手への支払いが{found}になり、上限{limit}を超えます（最小単位）"
            )
        }
        Reason::OfflineCount { found, limit } => {
            format!("前回の精算以降の受け取りが{found}回になり、上限{limit}回を超えます")
        }
        Reason::Revoked(error) => error.japanese(),
        Reason::CreditedBefore => "このコードまたは引換券はすでに使われています".to_owned(),
        Reason::Debt { debt, .. } => {
            format!("不足が{debt}（最小単位）あります。店にご相談ください")
        }
        Reason::Old { found, known } => {
            format!("精算書{found}は、すでにある精算書{known}より新しくありません")
        }
        other => format!("決まりに合いません（{other}）"),
    }
}

impl Japanese for CommitError {
    fn japanese(&self) -> String {
        match self {
            Self::NotLoggedIn => {
                "この媒体はまだあなたのものではありません。最初のログインで登録されます".to_owned()
            }
            Self::Next(error) => error.japanese(),
            Self::Refused(refusal) => refusal.japanese(),
            Self::Journal(error) => error.japanese(),
        }
    }
}
