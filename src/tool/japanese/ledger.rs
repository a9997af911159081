//! Why records don't follow.

use super::Japanese;
use crate::journal::ReadError;
use crate::ledger::charge::ChargeError;
use crate::ledger::{Reason, Refusal};

impl Japanese for ReadError {
    fn japanese(&self) -> String {
        match self {
            Self::Empty => "どちらの写しにも最初の記録がありません".to_owned(),
            Self::Gap { index, .. } => format!("記録{index}が両方の写しで壊れています"),
            Self::Differ { index } => format!("写しAとBで記録{index}が異なります"),
            Self::Device(error) => format!("取引記録の読み取り：{}", error.japanese()),
        }
    }
}

impl Japanese for ChargeError {
    fn japanese(&self) -> String {
        match self {
            Self::Empty => "長さが0バイトです".to_owned(),
            Self::Share(share) => format!("相手の取り分が100万分の{share}です"),
            Self::Beyond { before, got, length } => {
                format!("{before}と{got}バイトは、全体の{length}バイトを超えます")
            }
        }
    }
}

impl Japanese for Refusal {
    fn japanese(&self) -> String {
        format!("媒体{}の記録{}：{}", self.medium, self.seq, self.reason.japanese())
    }
}

impl Japanese for Reason {
    fn japanese(&self) -> String {
        money(self).or_else(|| limit(self)).unwrap_or_else(|| fault(self))
    }
}

/// Sums that don't come out.
fn money(reason: &Reason) -> Option<String> {
    Some(match reason {
        Reason::Amount { found, expected } => {
            format!("{found}が追加されていますが、正しくは{expected}です（最小単位）")
        }
        Reason::Charge { found, expected } => {
            format!("{found}が動いていますが、正しくは{expected}です（最小単位）")
        }
        Reason::Claim { found, expected } => {
            format!("残高が{found}とありますが、合計は{expected}です（最小単位）")
        }
        Reason::Funds { needs, free } => {
            format!("残高が足りません。必要額は{needs}、使えるのは{free}です（最小単位）")
        }
        Reason::Debt { debt, .. } => {
            format!("不足が{debt}（最小単位）あります。店にご相談ください")
        }
        Reason::Range(error) => error.japanese(),
        Reason::Terms(error) => {
            format!("取り込みの条件が成り立ちません（{}）", error.japanese())
        }
        _ => return None,
    })
}

/// What the policy bounds, and what counts once.
fn limit(reason: &Reason) -> Option<String> {
    Some(match reason {
        Reason::TopupLimit { found, limit, .. } => {
            format!("チャージ{found}は1回の上限{limit}を超えています（最小単位）")
        }
        Reason::BalanceLimit { found, limit, .. } => {
            format!("残高が{found}になり、上限{limit}を超えます（最小単位）")
        }
        Reason::OfflineCap { found, limit } => {
            format!(
                "前回の精算以降の相手への支払いが{found}になり、上限{limit}を超えます（最小単位）"
            )
        }
        Reason::OfflineCount { found, limit } => {
            format!("前回の精算以降の取り込みが{found}回になり、上限{limit}回を超えます")
        }
        Reason::Open { limit, .. } => format!("途中のものが上限の{limit}件を超えます"),
        Reason::CreditedBefore => "このコードまたは引換券はすでに使われています".to_owned(),
        Reason::EarnedBefore => "この区間の提供料はすでに受け取り済みです".to_owned(),
        Reason::Revoked(error) => error.japanese(),
        Reason::Old { found, known } => {
            format!("精算書{found}は、すでにある精算書{known}より新しくありません")
        }
        Reason::Policy { found, binding } => {
            format!("規約{found}は知られていないか、今の規約{binding}より新しくありません")
        }
        _ => return None,
    })
}

/// What no honest medium holds.
fn fault(reason: &Reason) -> String {
    match reason {
        Reason::Trust(error) => error.japanese(),
        Reason::Code(error) => format!("コード：{}", error.japanese()),
        Reason::Voucher(error) => format!("引換券：{}", error.japanese()),
        Reason::Holder { .. } => "署名した鍵が持ち主のものではありません".to_owned(),
        Reason::Medium(medium) => format!("媒体{medium}の記録です"),
        Reason::Sequence(seq) => format!("記録{seq}と書かれています"),
        Reason::Chain { .. } => "前の記録につながりません".to_owned(),
        Reason::Floor { found, floor } => format!("時刻{found}が、前の記録の{floor}より前です"),
        Reason::StoreMade(_) => "最初のログインの前には許されない記録です".to_owned(),
        Reason::Rekeyed => "持ち主の鍵はすでに変更されています".to_owned(),
        Reason::Proof => "新しい鍵の署名がありません".to_owned(),
        Reason::Sheet => "この媒体にないコード表のコードです".to_owned(),
        Reason::Store => "ここで認められていない店の引換券です".to_owned(),
        Reason::Issuer => "発行元が分からず、添えられた証明書を確かめられません".to_owned(),
        Reason::Event | Reason::Place => "会計番号が正しくありません".to_owned(),
        Reason::OtherTerms => "取り込みの条件が始めと違います".to_owned(),
        Reason::Transfer(_) => "取り込みの続きになっていません".to_owned(),
        Reason::Partner(_) => "相手が自分自身です".to_owned(),
        Reason::Receipt(_) => "受領書が別のものです".to_owned(),
        Reason::Checkpoint(_) => "精算書の内容が取引記録と違います".to_owned(),
        _ => "記録の形が正しくありません".to_owned(),
    }
}
