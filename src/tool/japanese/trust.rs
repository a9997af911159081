//! What signatures and certificates, codes and vouchers are refused for.

use super::Japanese;
use crate::format::DecodeError;
use crate::trust::{GrantError, RevokedError, TrustError};
use crate::voucher::code::CodeError;
use crate::voucher::{RedeemError, VoucherError};

impl Japanese for DecodeError {
    fn japanese(&self) -> String {
        "データの形式が正しくありません".to_owned()
    }
}

impl Japanese for TrustError {
    fn japanese(&self) -> String {
        match self {
            Self::Decode(error) => error.japanese(),
            Self::Signature { .. } => "署名が正しくありません".to_owned(),
            Self::Hash { .. } => "署名された内容と一致しません".to_owned(),
            Self::Signer { .. } => "署名した鍵が違います".to_owned(),
            Self::Role { .. } => "署名する資格のない者の署名です".to_owned(),
            Self::Chain { .. } => "証明書のつながりが正しくありません".to_owned(),
            Self::Expired { subject, expires, .. } => {
                format!("「{subject}」の証明書は{expires}に期限が切れています")
            }
            Self::Purpose { .. } => "証明書と発行元の用途（本番用・テスト用）が違います".to_owned(),
            Self::TestRoot(root) => format!("発行元{root}はテスト用で、効力がありません"),
        }
    }
}

impl Japanese for GrantError {
    fn japanese(&self) -> String {
        match self {
            Self::Serials { .. } | Self::Range { .. } => {
                "店の証明書の枠が正しくありません".to_owned()
            }
            Self::Policy { number, found, limit, .. } => {
                format!("規約{number}の値が矛盾しています（{found}と{limit}）")
            }
            Self::Rounds { medium, rounds, least } => {
                format!(
                    "媒体{medium}のコード表の強度が足りません（{rounds}、必要なのは{least}以上）"
                )
            }
            Self::Slots { medium } => format!("媒体{medium}のコード表の内容が矛盾しています"),
        }
    }
}

impl Japanese for RevokedError {
    fn japanese(&self) -> String {
        match self {
            Self::Medium { medium, list } => {
                format!("媒体{medium}は失効しています（失効一覧{list}）")
            }
            Self::Slot { list, .. } => format!("このコードは失効しています（失効一覧{list}）"),
            Self::Store { store, list } => format!("店{store}は失効しています（失効一覧{list}）"),
            Self::Voucher { list, .. } => format!("この引換券は失効しています（失効一覧{list}）"),
        }
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
            Self::DamagedSheet { .. } => "コード表が壊れています".to_owned(),
            Self::Revoked(error) => error.japanese(),
        }
    }
}

impl Japanese for VoucherError {
    fn japanese(&self) -> String {
        let of = |serial: &u64| format!("引換券{serial}");
        match self {
            Self::Trust(error) => error.japanese(),
            Self::Revoked(error) => error.japanese(),
            Self::NoGrant { subject } => format!("「{subject}」は店ではありません"),
            Self::Store { serial, found, expected } => {
                format!("{}は店{found}のものですが、署名は店{expected}です", of(serial))
            }
            Self::Id { serial, .. } => format!("{}に別の引換券の番号が付いています", of(serial)),
            Self::Medium { serial, found, expected, .. } => {
                format!("{}は媒体{found}用です。この媒体は{expected}です", of(serial))
            }
            Self::Currency { serial, found, expected, .. } => {
                format!("{}の通貨は{found}です（正しくは{expected}）", of(serial))
            }
            Self::Amount { serial, minor, most, .. } => {
                format!("{}の金額{minor}は、店の上限{most}を超えています（最小単位）", of(serial))
            }
            Self::Serial { serial, first, last, .. } => {
                format!("{}は、店の番号（{first}〜{last}）の外です", of(serial))
            }
            Self::Period { serial, issued, expires, .. } => {
                format!("{}の期限{expires}が発行{issued}より前です", of(serial))
            }
            Self::Expired { serial, expires, .. } => {
                format!("{}は{expires}に期限が切れています", of(serial))
            }
        }
    }
}
