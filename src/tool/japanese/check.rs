//! Checking and resealing.

use super::Japanese;
use crate::image::check::CheckError;
use crate::image::reseal::ResealError;
#[cfg(feature = "wallet")]
use crate::wallet::UnusableError;

impl Japanese for CheckError {
    fn japanese(&self) -> String {
        match self {
            Self::Device(error) => error.japanese(),
            Self::List(error) => error.japanese(),
            Self::Open(error) => error.japanese(),
            Self::TestRoot(root) => format!("発行元{root}はテスト用で、効力がありません"),
            Self::Interrupted => "中断されました".to_owned(),
        }
    }
}

impl Japanese for ResealError {
    fn japanese(&self) -> String {
        match self {
            Self::Check(error) => error.japanese(),
            Self::NotTouched { reason, .. } => {
                format!(
                    "封を戻せるのは、通常の使用で触れられただけの媒体に限ります（{}）",
                    reason.ja()
                )
            }
            Self::Device { source, .. } => source.japanese(),
            Self::ReadBack { offset } => {
                format!("書いた内容が読み戻せません（位置{offset}）")
            }
            Self::StillNot { .. } => "書き戻しても封が合いません".to_owned(),
        }
    }
}

#[cfg(feature = "wallet")]
impl Japanese for UnusableError {
    fn japanese(&self) -> String {
        match self {
            Self::NoMedium(why) => format!("この種の媒体ではありません（{}）", why.ja()),
            Self::Altered(why) => format!("媒体が改変されているか壊れています（{}）", why.ja()),
            Self::Unreadable(why) => format!("媒体の一部が読み取れません（{}）", why.ja()),
            Self::NoWritableArea => {
                "読み出し専用領域のそばに、この媒体の書き込み領域がマウントされていません"
                    .to_owned()
            }
            Self::Journal(why) => format!("取引記録が壊れています（{}）", why.ja()),
        }
    }
}
