//! Passwords and the access key.

use super::Japanese;
use crate::crypto::password::OutOfMemory;
use crate::trust::access::AccessError;
use crate::wallet::{LoginError, PlayError, RingError, UnlockError};

impl Japanese for OutOfMemory {
    fn japanese(&self) -> String {
        format!("このコンピューターのメモリーが足りません（{}キビバイト必要です）", self.memory_kib)
    }
}

impl Japanese for AccessError {
    fn japanese(&self) -> String {
        match self {
            Self::WrongPassword(medium) => format!("媒体{medium}：パスワードが違います"),
            Self::Cost(medium, _) => {
                format!("媒体{medium}：アクセスキーの強さの設定が範囲外です")
            }
            Self::Memory(medium, error) => format!("媒体{medium}：{}", error.japanese()),
            Self::Contents(medium) => format!("媒体{medium}：アクセスキーの中身が合いません"),
        }
    }
}

impl Japanese for UnlockError {
    fn japanese(&self) -> String {
        match self {
            Self::NoSlot(medium) => format!("媒体{medium}：有効なアクセスキーが見つかりません"),
            Self::Access(error) => error.japanese(),
            Self::Device(error) => {
                format!("アクセスキーのファイルの書き込み：{}", error.japanese())
            }
        }
    }
}

impl Japanese for LoginError {
    fn japanese(&self) -> String {
        match self {
            Self::Owned(medium) => format!("媒体{medium}にはすでに持ち主の鍵があります"),
            Self::Memory(error) => error.japanese(),
            Self::Commit(error) => error.japanese(),
            Self::Device(error) => {
                format!("アクセスキーのファイルの書き込み：{}", error.japanese())
            }
        }
    }
}

impl Japanese for RingError {
    fn japanese(&self) -> String {
        match self {
            Self::Key(_) => "品目の鍵が壊れているか、別の鍵束のものです".to_owned(),
            Self::Full => "鍵束がいっぱいです".to_owned(),
            Self::Device(error) => format!("鍵束のファイル：{}", error.japanese()),
        }
    }
}

impl Japanese for PlayError {
    fn japanese(&self) -> String {
        match self {
            Self::Chunk { item, chunk, count } => {
                format!("{item}：{count}個のうち{chunk}個目の部分が改変されているか、鍵が違います")
            }
            Self::Altered(item) => format!("{item}：署名されたファイルではありません"),
            Self::NoKey(item) => format!("{item}は封印されていて、この媒体に鍵がありません"),
            Self::Device { item, source } => format!("{item}：{}", source.japanese()),
        }
    }
}
