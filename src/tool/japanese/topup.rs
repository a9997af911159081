//! Top-ups: what was given, and why it adds nothing.

use super::Japanese;
use crate::qr::PictureError;
use crate::voucher::{CarriedError, VoucherTextError};
use crate::wallet::{EntryError, TopupRefusal};

impl Japanese for VoucherTextError {
    fn japanese(&self) -> String {
        match self {
            Self::Prefix => "引換券の文字列ではありません".to_owned(),
            Self::TooLong { bytes } => format!("{bytes}バイトの文字列は引換券には長すぎます"),
            Self::Damaged { at } => format!("引換券の文字列の{at}文字目が壊れています"),
            Self::Decode(error) => format!("引換券の{}", error.japanese()),
        }
    }
}

impl Japanese for PictureError {
    fn japanese(&self) -> String {
        match self {
            Self::Kind => "PNGでもJPEGでもありません".to_owned(),
            Self::TooLarge { width, height } => format!("画像（{width} x {height}）が大きすぎます"),
            Self::Damaged(_) => "画像が壊れています".to_owned(),
            Self::NoCode { width, height } => {
                format!("画像（{width} x {height}）からQRコードを読み取れません")
            }
        }
    }
}

impl Japanese for EntryError {
    fn japanese(&self) -> String {
        match self {
            Self::Code(error) => error.japanese(),
            Self::VoucherText(error) => error.japanese(),
            Self::VoucherFile(error) => format!("引換券のファイルの{}", error.japanese()),
            Self::BareVoucher => {
                "この引換券には店の証明書がありません。店でファイルをもらってください".to_owned()
            }
            Self::Picture(error) => error.japanese(),
            Self::MediumNumber(medium) => {
                format!("このQRコードは媒体{medium}の番号で、チャージ用ではありません")
            }
            Self::OtherQr => "画像のQRコードはチャージ用ではありません".to_owned(),
            Self::Several(count) => {
                format!("画像にチャージ用のコードが{count}個あります。1個ずつ見せてください")
            }
            Self::OtherFile => {
                "ファイルは引換券でも、チャージ用の画像でも、コードでもありません".to_owned()
            }
        }
    }
}

impl Japanese for CarriedError {
    fn japanese(&self) -> String {
        match self {
            Self::Chain(error) => format!("店の証明書：{}", error.japanese()),
            Self::Unpinned { found } => format!("この媒体のものではない発行元{found}の引換券です"),
            Self::Voucher(error) => error.japanese(),
        }
    }
}

impl Japanese for TopupRefusal {
    fn japanese(&self) -> String {
        match self {
            Self::Typo => "このコードには打ち間違いがあります".to_owned(),
            Self::NotOfThisMedium { medium, what } => format!(
                "この媒体（{}）の{}ではありません。レシートの番号と比べてください",
                medium.grouped(),
                if *what == "voucher" { "引換券" } else { "コード" }
            ),
            Self::AlreadyAdded { amount, at, record } => {
                format!("追加済みです：{amount}、{at}、記録{record}。何も変わっていません")
            }
            Self::AlreadySettled { amount, checkpoint } => {
                format!(
                    "追加済みです：{amount}、精算書{checkpoint}で精算済み。何も変わっていません"
                )
            }
            Self::OldSheet => {
                "古いコード表のコードのため、もう使えません。買った店にお尋ねください".to_owned()
            }
            Self::Revoked(error) => error.japanese(),
            Self::OverLimit { amount, found, what, limit } => {
                let what = if what.contains("balance") { "残高" } else { "1回のチャージ" };
                format!(
                    "{amount}を加えると{found}になり、{what}の上限{limit}を超えます。何も変わっていません"
                )
            }
            Self::WrongCurrency { found, expected } => {
                format!("通貨が{found}です。この媒体は{expected}です")
            }
            Self::DamagedSheet(_) => "コード表が壊れています。引換券なら使えます".to_owned(),
            Self::Expired(error) => error.japanese(),
            Self::NotGenuine(error) => {
                format!("この引換券は本物ではありません：{}", error.japanese())
            }
        }
    }
}
