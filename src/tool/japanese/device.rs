//! Files, folders and devices.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::Japanese;
use crate::device::{ClaimError, DeviceError, DiscoverError, FolderError, ListError, OpenError};
use crate::units::UnitError;

impl Japanese for io::Error {
    fn japanese(&self) -> String {
        match self.kind() {
            ErrorKind::NotFound => "見つかりません".to_owned(),
            ErrorKind::PermissionDenied => "アクセス権がありません".to_owned(),
            ErrorKind::ReadOnlyFilesystem => "読み取り専用です".to_owned(),
            ErrorKind::StorageFull => "空き容量がありません".to_owned(),
            ErrorKind::IsADirectory => "フォルダーです".to_owned(),
            ErrorKind::ResourceBusy => "使用中です".to_owned(),
            ErrorKind::UnexpectedEof => "途中で終わっています".to_owned(),
            ErrorKind::Interrupted => "中断されました".to_owned(),
            ErrorKind::AlreadyExists => "すでにあります".to_owned(),
            ErrorKind::NotADirectory => "フォルダーではありません".to_owned(),
            ErrorKind::FileTooLarge => "ファイルが大きすぎます".to_owned(),
            ErrorKind::InvalidData | ErrorKind::InvalidInput => "内容が正しくありません".to_owned(),
            ErrorKind::BrokenPipe => "相手が受け取りをやめました".to_owned(),
            _ => match self.raw_os_error() {
                Some(number) => format!("入出力エラーです（番号{number}）"),
                None => "入出力エラーです".to_owned(),
            },
        }
    }
}

fn at(path: &Path, what: &str) -> String {
    format!("{}：{what}", path.display())
}

impl Japanese for DeviceError {
    fn japanese(&self) -> String {
        match self {
            Self::OutOfRange { offset, end, len } => {
                format!("{len}バイトの媒体の外（{offset}〜{end}）を指しています")
            }
            Self::Io { offset, source, .. } => {
                format!("媒体の読み書きに失敗しました（位置{offset}）：{}", source.japanese())
            }
        }
    }
}

impl Japanese for OpenError {
    fn japanese(&self) -> String {
        match self {
            Self::Missing { path } => at(path, "ファイルまたはデバイスがありません"),
            Self::Exists { path, len } => {
                at(path, &format!("{len}バイトのファイルがあり、上書きしません"))
            }
            Self::NotStorage { path, .. } => at(path, "イメージファイルでもデバイスでもありません"),
            Self::Busy { path } => {
                at(path, "使用中です（マウントされているか、ほかのプログラムが使っています）")
            }
            Self::NoSpace { path, needed, free } => {
                at(path, &format!("{needed}バイト必要ですが、空きは{free}バイトです"))
            }
            Self::Io { path, source, .. } => at(path, &source.japanese()),
        }
    }
}

impl Japanese for ClaimError {
    fn japanese(&self) -> String {
        match self {
            Self::InUse { path, holder } => {
                at(path, &format!("{holder}が使用中です。終わるまでお待ちください"))
            }
            Self::Io { path, source } => at(path, &source.japanese()),
        }
    }
}

impl Japanese for FolderError {
    fn japanese(&self) -> String {
        match self {
            Self::Missing { path } => at(path, "ファイルまたはフォルダーがありません"),
            Self::Exists { path } => at(path, "すでにあり、上書きしません"),
            Self::TooLong { path, len, max } => {
                at(path, &format!("{len}バイトあります。ここに置けるのは{max}バイトまでです"))
            }
            Self::TooMany { path, max } => at(path, &format!("ファイルが{max}個を超えています")),
            Self::WrongKind { path, .. } => at(path, "種類の違うものがあります"),
            Self::Locked { path, holder } => {
                at(path, &format!("{holder}が使用中です。終わるまでお待ちください"))
            }
            Self::Name { path, name } => at(path, &format!("{name:?}はファイル名ではありません")),
            Self::Io { path, source, .. } => at(path, &source.japanese()),
        }
    }
}

impl Japanese for ListError {
    fn japanese(&self) -> String {
        match self {
            Self::TooMany { top, max } => at(top, &format!("項目が{max}個を超えています")),
            Self::Io { top, source } => {
                let why = source.io_error().map(Japanese::japanese);
                at(top, why.as_deref().unwrap_or("一覧を読めません"))
            }
        }
    }
}

impl Japanese for DiscoverError {
    fn japanese(&self) -> String {
        let why = match self {
            Self::Table(error) => error.japanese(),
            Self::List { path, source } => at(path, &source.japanese()),
        };
        format!("このコンピューターを調べられません：{why}")
    }
}

impl Japanese for UnitError {
    fn japanese(&self) -> String {
        match self {
            Self::AmountTooLarge(_) | Self::AmountRange { .. } => {
                "金額が扱える範囲を超えています".to_owned()
            }
            Self::AmountText { text, currency, .. } => {
                format!("「{text}」は{currency}の金額ではありません")
            }
            Self::Currency(text) => format!("「{text}」は通貨コードではありません"),
            Self::Exponent(exponent) => format!("通貨の小数桁数{exponent}が4を超えています"),
            Self::MediumForm(text) => format!("「{text}」は12桁の媒体番号ではありません"),
            Self::MediumCheck { given, .. } => {
                format!("媒体番号{given:012}に打ち間違いがあります")
            }
            Self::StoreForm(text) => format!("「{text}」は店番号ではありません"),
            Self::Store(number) => format!("店番号{number}は範囲外です"),
            Self::Time(seconds) => format!("時刻{seconds}秒は9998年より後です"),
            Self::TimeText(text) => format!(
                "「{text}」は日付（2026-11-21）でも時刻（2026-11-21T09:30:00Z）でもありません"
            ),
            Self::MonthText(text) => format!("「{text}」は年月（2026-11）ではありません"),
            Self::PeriodText(text) => {
                format!(
                    "「{text}」は期間（2026-10..2026-12）ではありません。始まる前に終わっています"
                )
            }
        }
    }
}
