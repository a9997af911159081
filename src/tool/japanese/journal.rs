//! The journal: opening it, and records that it doesn't take.

use super::Japanese;
use crate::image::check::RestoreError;
use crate::journal::{self, AppendError, StorageError};
use crate::ledger::claimed::ClaimsError;
use crate::ledger::next::NextError;
use crate::wallet::{AloneError, CommitError, MirrorError, OpenError};

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

impl Japanese for AloneError {
    fn japanese(&self) -> String {
        match self {
            Self::Read(error) => format!("取引記録が壊れています：{}", error.japanese()),
            Self::Claims(error) => format!("取引記録が壊れています：{}", error.japanese()),
            Self::Device(error) => format!("書き込み領域の読み取り：{}", error.japanese()),
        }
    }
}

impl Japanese for ClaimsError {
    fn japanese(&self) -> String {
        match self {
            Self::Beginning(error) => {
                format!("取引記録の先頭を読めません（{}）", error.japanese())
            }
            Self::Broken(refusal) => refusal.japanese(),
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
            Self::Papers(error) => format!("付属書類のファイル：{}", error.japanese()),
        }
    }
}

impl Japanese for AppendError {
    fn japanese(&self) -> String {
        match self {
            Self::TooLong(_) => "記録が長すぎます".to_owned(),
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
            Self::Charge(error) => format!("取り込みの料金：{}", error.japanese()),
            Self::Transfer(_) => "取り込みの続きになっていません".to_owned(),
        }
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
