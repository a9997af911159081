//! Top-ups: what was given, and why it adds nothing.

use super::Japanese;
use crate::format::DecodeError;
use crate::qr::PictureError;
use crate::trust::RevokedError;
use crate::voucher::code::CodeError;
use crate::voucher::{CarriedError, RedeemError, VoucherTextError};
use crate::wallet::{EntryError, TopupRefusal};

impl Japanese for DecodeError {
    fn japanese(&self) -> String {
        format!("データが壊れています（{self}）")
    }
}

impl Japanese for CodeError {
    fn japanese(&self) -> String {
        match self {
            Self::TextTooLong { .. } => "長すぎてコードではありません".to_owned(),
            Self::NotADigit(found) => format!("コードは数字だけです。{found:?}がありました"),
            Self::Incomplete { digits } => format!("コードが足りません。20桁中{digits}桁です"),
            Self::TooLong { digits } => {
                format!("コードが長すぎます。{digits}桁あり、正しくは20桁です")
            }
            Self::Check { .. } => "コードに打ち間違いがあります".to_owned(),
            Self::Slot(slot) => format!("番号{slot}のコードはありません"),
        }
    }
}

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
            Self::Damaged(why) => format!("画像が壊れています（{why}）"),
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
                format!("このQRコードは媒体{medium}の番号で、チャージではありません")
            }
            Self::OtherQr => "画像のQRコードはチャージではありません".to_owned(),
            Self::Several(count) => {
                format!("画像にチャージが{count}件あります。1件ずつ見せてください")
            }
            Self::OtherFile => {
                "ファイルは引換券でも、チャージの画像でも、コードでもありません".to_owned()
            }
        }
    }
}

impl Japanese for RevokedError {
    fn japanese(&self) -> String {
        match self {
            Self::Medium { medium, list } => {
                format!("媒体{medium}は失効しています（リスト{list}）")
            }
            Self::Slot { list, .. } => format!("このコードは失効しています（リスト{list}）"),
            Self::Store { store, list } => format!("店{store}は失効しています（リスト{list}）"),
            Self::Voucher { list, .. } => format!("この引換券は失効しています（リスト{list}）"),
        }
    }
}

impl Japanese for CarriedError {
    fn japanese(&self) -> String {
        match self {
            Self::Chain(error) => format!("店の証明書に誤りがあります（{error}）"),
            Self::Unpinned { found } => format!("この媒体のものではない発行元{found}の引換券です"),
            Self::Voucher(error) => error.to_string(),
        }
    }
}

impl Japanese for RedeemError {
    fn japanese(&self) -> String {
        match self {
            Self::Code(error) => error.japanese(),
            Self::NoSheet { medium } => format!("媒体{medium}にはコード表がありません"),
            Self::Slot { slot, last, .. } => {
                format!("番号{slot}のコードはありません。コード表は0から{last}までです")
            }
            Self::NotOfThisMedium { medium } => format!("媒体{medium}のコードではありません"),
            Self::OldSheet { .. } => "古いコード表のコードです".to_owned(),
            Self::Currency { found, expected, .. } => {
                format!("コード表の通貨は{found}、媒体の通貨は{expected}です")
            }
            Self::ForeignSheet { found, .. } => format!("媒体{found}のコード表が置かれています"),
            Self::DamagedSheet { reason, .. } => format!("コード表が壊れています（{reason}）"),
            Self::Revoked(error) => error.japanese(),
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
            Self::DamagedSheet(error) => {
                format!("コード表が壊れています。引換券なら使えます（{error}）")
            }
            Self::Expired(error) => format!("この引換券は期限切れです（{error}）"),
            Self::NotGenuine(error) => {
                format!("この引換券は本物ではありません：{}", error.japanese())
            }
        }
    }
}
