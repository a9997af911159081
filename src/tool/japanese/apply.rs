//! Why a checkpoint is not taken over.

use super::Japanese;
use crate::journal::CompactError;
use crate::wallet::{ApplyRefusal, KeepError, NotKept, Obstacle};

impl Japanese for ApplyRefusal {
    fn japanese(&self) -> String {
        match self {
            Self::Shape(error) => format!("精算書ではありません（{}）", error.japanese()),
            Self::Other(what) => format!(
                "精算書ではなく{}です。`scrip-server settle` が書いたファイルが必要です",
                what.ja()
            ),
            Self::NotGenuine(error) => {
                format!("この媒体の発行元が認めた精算者の署名がありません（{}）", error.japanese())
            }
            Self::Attachments { number, expected, found } => {
                format!("精算書{number}に付くファイル{expected}件のうち、{found}件しかありません")
            }
            Self::Events(number, count) => {
                format!("精算書{number}は、添えられた{count}件の取引とは一致しません")
            }
            Self::Medium { found, expected } => {
                format!("媒体{}の精算書です。この媒体は{}です", found.grouped(), expected.grouped())
            }
            Self::Applied(number) => {
                format!("精算書{number}は適用済みです。何も変わっていません")
            }
            Self::Old { found, known } => format!(
                "精算書{found}は、この媒体の精算書{known}より古いものです。何も変わっていません"
            ),
            Self::Rival { found, known } => {
                format!("精算書{found}は、この媒体のものとは別の精算書{known}に続くものです")
            }
            Self::Policy { number, found, known } => {
                format!("精算書{number}の規約は{found}、この媒体の規約は{known}です")
            }
            Self::NotLoggedIn => {
                "この媒体はまだ持ち主のものではありません。先に最初のログインが必要です".to_owned()
            }
            Self::Holder { number, found, expected } => {
                format!("精算書{number}は鍵{found}のもので、この媒体の鍵は{expected}です")
            }
            Self::Since { number, since, known } => format!(
                "精算書{number}は別の分岐のもので、精算書{since}以降を挙げていますが、この媒体の最新は{known}です"
            ),
            Self::Refused(refusal) => refusal.japanese(),
            Self::TooLong { number, events, bytes, most } => format!(
                "精算書{number}の統合には{events}件の取引を挙げる{bytes}バイトの記録が要りますが、\
                 1件の記録に入るのは{most}件までです"
            ),
            Self::NoList(number) => {
                format!("精算書{number}は別の分岐のもので、統合に要る取引の一覧がありません")
            }
        }
    }
}

impl Japanese for Obstacle {
    fn japanese(&self) -> String {
        match self {
            Self::WriteOnce => "書き込み領域は一度しか書けません".to_owned(),
            Self::Behind { head, .. } => {
                format!("記録{head}より後の記録が精算書から続きません")
            }
            Self::Forgets { record } => format!("記録{record}で追加した分が挙げられていません"),
            Self::Uploads(count) => format!("提供中のもの{count}件の提供料がまだ入っていません"),
            Self::NothingSince(number) => format!("精算書{number}より後の記録がありません"),
        }
    }
}

impl Japanese for NotKept {
    fn japanese(&self) -> String {
        match self {
            Self::NoPlace => "この媒体には置き場所がありません".to_owned(),
            Self::NotGenuine => "この媒体の発行元の署名がありません".to_owned(),
            Self::Unfit(error) => error.japanese(),
            Self::Currency(currency) => format!("{currency}の書き方がこの媒体と違います"),
            Self::OldSheet => "より新しい一覧があります".to_owned(),
            Self::Binds(record) => {
                format!("失効するものを記録{record}が追加しているため、先に精算が必要です")
            }
            Self::Room(limit) => format!("置けるのは{limit}件までで、すべて記録に必要です"),
        }
    }
}

impl Japanese for KeepError {
    fn japanese(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.japanese(),
            Self::Journal(error) => error.japanese(),
            Self::Device(error) => format!("付属書類のファイル：{}", error.japanese()),
        }
    }
}

impl Japanese for CompactError {
    fn japanese(&self) -> String {
        match self {
            Self::Archive(_) => "以前の取引記録をファイルに保存できません".to_owned(),
            Self::ArchiveDiffers { written, found } => {
                format!("保存した{written}バイトが、読み直すと{found}バイトか別の内容です")
            }
            Self::NoRoom { carried, bank } => {
                format!("引き継ぐ{carried}バイトが、{bank}バイトの領域に収まりません")
            }
            Self::Device(error) => format!("取引記録の圧縮：{}", error.japanese()),
            Self::Unusable(error) => error.japanese(),
            Self::WriteOnce => "書き込み領域は一度しか書けません".to_owned(),
            Self::NotOnChain | Self::Foreign { .. } => {
                "精算書が、この媒体の取引記録と一致しません".to_owned()
            }
            Self::TooLong(_) => "精算書が長すぎます".to_owned(),
            Self::LastGeneration(_) => "取引記録をこれ以上新しく始められません".to_owned(),
        }
    }
}
