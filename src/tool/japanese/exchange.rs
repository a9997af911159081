//! Files in OUTBOX and INBOX.

use super::Japanese;
use crate::fat::{ExchangeError, ReadFileError, WriteFileError};

impl Japanese for ExchangeError {
    fn japanese(&self) -> String {
        match self {
            Self::Volume(_) => "書き込み領域のファイルシステムが壊れています".to_owned(),
            Self::Write(error) => error.japanese(),
            Self::Read(error) => error.japanese(),
            Self::Folder(error) => error.japanese(),
            Self::Open(error) => error.japanese(),
            Self::Device { path, source } => format!("{path}：{}", source.japanese()),
        }
    }
}

impl Japanese for WriteFileError {
    fn japanese(&self) -> String {
        match self {
            Self::Name { path, .. } => format!("{path}：使えない名前です"),
            Self::NoSpace { path, needed, free } => {
                format!("{path}：{needed}バイト必要ですが、空きは{free}バイトです")
            }
            Self::DirectoryFull { path } => format!("{path}：フォルダーがいっぱいです"),
            Self::Elsewhere { path, expected, found } => {
                format!("{path}：{found}バイトですが、{expected}バイトのはずです")
            }
            Self::TooLarge { path, .. } => format!("{path}：大きすぎます"),
            Self::Read(error) => error.japanese(),
            Self::Device { path, source, .. } => format!("{path}：{}", source.japanese()),
        }
    }
}

impl Japanese for ReadFileError {
    fn japanese(&self) -> String {
        match self {
            Self::NotFound { path } => format!("{path}がありません"),
            Self::NotAFile { path } => format!("{path}はファイルではありません"),
            Self::NotADirectory { path } => format!("{path}はフォルダーではありません"),
            Self::TooLarge { path, .. } => format!("{path}：大きすぎます"),
            Self::Chain { path, .. } => format!("{path}の割り当てが壊れています"),
            Self::Device { path, source, .. } => format!("{path}：{}", source.japanese()),
        }
    }
}
