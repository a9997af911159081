//! Why content can't be taken, or broke off.

use super::Japanese;
use crate::wallet::take::{GiverError, OfferError, ShelfError, SurveyError, TakeError};

impl Japanese for ShelfError {
    fn japanese(&self) -> String {
        format!("ファイルを読み書きできません（{self}）")
    }
}

impl Japanese for SurveyError {
    fn japanese(&self) -> String {
        match self {
            Self::Root { .. } => format!("相手側のファイルが壊れています（{self}）"),
            Self::Content(error) => error.japanese(),
            Self::Interrupted(_) => "中断されました".to_owned(),
        }
    }
}

impl Japanese for OfferError {
    fn japanese(&self) -> String {
        match self {
            Self::Shelf(error) => error.japanese(),
            error => format!("キオスクの品書きが本物ではありません（{error}）"),
        }
    }
}

impl Japanese for GiverError {
    fn japanese(&self) -> String {
        match self {
            Self::Revoked(error) => format!("この媒体は相手側で失効しています（{error}）"),
            Self::Funding(error) => format!("相手側が支払い能力を認めません（{error}）"),
            Self::Goods => "取り込みが別の品のものです".to_owned(),
            Self::Receipt(error) => format!("受領書が合いません（{error}）"),
            Self::Commit(error) => error.japanese(),
            Self::Shelf(error) => error.japanese(),
            Self::Ring(error) => format!("鍵束から鍵を取り出せません（{error}）"),
        }
    }
}

impl Japanese for TakeError {
    fn japanese(&self) -> String {
        match self {
            Self::Refused(refusal) => format!("取り込めません（{refusal}）"),
            Self::Commit(error) => error.japanese(),
            Self::Gather(error) => format!("支払い能力を示せません（{error}）"),
            Self::Ring(error) => format!("鍵束に鍵を入れられません（{error}）"),
            Self::Storage(error) => format!("品の書き込み：{}", error.japanese()),
            Self::Giver(error) => format!("相手側：{}", error.japanese()),
            Self::Content(error) => format!("相手側からの読み取り：{}", error.japanese()),
            Self::Piece(error) => format!("相手側から別のデータが届きました（{error}）"),
            Self::Unsigned(error) => format!("受領書が足りません（{error}）"),
        }
    }
}
