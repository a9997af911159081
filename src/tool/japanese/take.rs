//! Why content can't be taken, or broke off.

use super::Japanese;
use crate::ledger::funding::{FundingError, GatherError};
use crate::wallet::take::{
    GiverError, OfferError, ReceiptError, ShelfError, SurveyError, TakeError, TakeRefusal,
};

impl Japanese for ShelfError {
    fn japanese(&self) -> String {
        "ファイルを読み書きできません".to_owned()
    }
}

impl Japanese for SurveyError {
    fn japanese(&self) -> String {
        match self {
            Self::Root { .. } => "相手側のファイルが壊れています".to_owned(),
            Self::Content(error) => error.japanese(),
            Self::Interrupted(_) => "中断されました".to_owned(),
        }
    }
}

impl Japanese for OfferError {
    fn japanese(&self) -> String {
        match self {
            Self::Shelf(error) => error.japanese(),
            Self::Trust(error) => format!("キオスクの品目一覧：{}", error.japanese()),
            Self::Store { stated, signer } => {
                format!("キオスクの品目一覧は店{stated}のものですが、署名は店{signer}です")
            }
            Self::NoStore => "キオスクの品目一覧が店のものではありません".to_owned(),
        }
    }
}

impl Japanese for GiverError {
    fn japanese(&self) -> String {
        match self {
            Self::Revoked(error) => error.japanese(),
            Self::Funding(error) => {
                format!("相手側の確認で、支払いが認められません（{}）", error.japanese())
            }
            Self::Open(limit) => format!("相手側で途中の受け渡しが上限の{limit}件あります"),
            Self::Space { needs, free } => {
                format!("相手側に{needs}バイト必要ですが、空きは{free}バイトです")
            }
            Self::Full { needs, left } => {
                format!("相手側の取引記録に{needs}バイト必要ですが、残りは{left}バイトです")
            }
            Self::Goods => "別の品目の取り込みです".to_owned(),
            Self::Receipt(error) => error.japanese(),
            Self::Commit(error) => error.japanese(),
            Self::Shelf(error) => error.japanese(),
            Self::Ring(error) => error.japanese(),
        }
    }
}

impl Japanese for TakeError {
    fn japanese(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.japanese(),
            Self::Commit(error) => error.japanese(),
            Self::Gather(error) => error.japanese(),
            Self::Ring(error) => error.japanese(),
            Self::Storage(error) => format!("品目の書き込み：{}", error.japanese()),
            Self::Giver(error) => format!("相手側：{}", error.japanese()),
            Self::Content(error) => format!("相手側からの読み取り：{}", error.japanese()),
            Self::Piece(error) => {
                format!(
                    "相手側の{}〜{}バイト目が、この品目のものではありません",
                    error.at, error.end
                )
            }
            Self::Unsigned(error) => {
                format!("{}バイト送られましたが、受領書は{}バイト分です", error.sent, error.signed)
            }
        }
    }
}

impl Japanese for TakeRefusal {
    fn japanese(&self) -> String {
        match self {
            Self::Funds { needs, free, missing } => {
                format!("{needs}必要ですが、使えるのは{free}です。{missing}足りません（最小単位）")
            }
            Self::Cap { found, limit, .. } => {
                format!("前回の精算以降の支払いが{found}になり、上限{limit}を超えます（最小単位）")
            }
            Self::Count { found, limit, .. } => {
                format!("前回の精算以降の取り込みが{found}回になり、上限{limit}回を超えます")
            }
            Self::Open(limit) => format!("途中の取り込みが上限の{limit}件あります"),
            Self::Space { needs, free } => {
                format!("{needs}バイト必要ですが、空きは{free}バイトです")
            }
            Self::NoKey => "封印された品目ですが、鍵がありません".to_owned(),
            Self::Owned(record) => format!("すでにお持ちです（記録{record}）"),
            Self::Terms(error) => format!("条件が成り立ちません（{}）", error.japanese()),
        }
    }
}

impl Japanese for GatherError {
    fn japanese(&self) -> String {
        match self {
            Self::Sheets { found, limit } => format!(
                "前回の精算以降の記録は{found}件のコード一覧によりますが、相手が読むのは{limit}件までです"
            ),
            Self::TooLarge { records, .. } => format!(
                "前回の精算以降の記録が{records}件あり、相手に示すには多すぎます。先に精算してください"
            ),
            Self::Start(number) => {
                format!("精算書{number}にある途中の取り込みの記録が見つかりません")
            }
        }
    }
}

impl Japanese for FundingError {
    fn japanese(&self) -> String {
        match self {
            Self::Trust(error) => error.japanese(),
            Self::Part(_) => "示された証拠が一致しません".to_owned(),
            Self::Revoked(error) => error.japanese(),
            Self::Refused(refusal) => refusal.japanese(),
            Self::Settled(reason) => reason.japanese(),
            Self::Start(_) => "最後の記録が、この相手からの取り込みの開始ではありません".to_owned(),
            Self::Cap { found, limit, .. } => {
                format!("前回の精算以降の支払いが{found}になり、上限{limit}を超えます（最小単位）")
            }
            Self::Count { found, limit, .. } => {
                format!("前回の精算以降の取り込みが{found}回になり、上限{limit}回を超えます")
            }
        }
    }
}

impl Japanese for ReceiptError {
    fn japanese(&self) -> String {
        match self {
            Self::Trust(error) => format!("受領書：{}", error.japanese()),
            Self::Other(_) => "受領書が別のものです".to_owned(),
            Self::Count { found, signed, sent } => {
                format!("受領書は{found}バイトですが、{signed}から{sent}バイトのはずです")
            }
        }
    }
}
