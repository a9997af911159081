//! What a report says, in each language.

use crate::format::plan::{AccountKind, Class};
use crate::phrases;
use crate::reconcile::{class_number, general_rule};
use crate::tool::Exit;
use crate::words::{Language, Phrase};

use super::standing::State;

phrases! {
    pub(super) fn title() { en: "Reconciliation report", ja: "照合報告書" }
    pub(super) fn about(as_of) {
        en: "What media and stores state, held against the records, as of {as_of}",
        ja: "媒体と店が示す内容を発行者の帳簿と照合した結果（{as_of}現在）"
    }
    pub(super) fn sentence(text) { en: "{text}.", ja: "{text}。" }
    pub(super) fn currency(code) { en: "All sums are in {code}", ja: "金額の単位は{code}です" }
    pub(super) fn ends_with(code) { en: "Exit code {code}", ja: "終了コード{code}" }
    pub(super) fn of_the_read(verdict) {
        en: "In what was read: {verdict}",
        ja: "読んだものについて：{verdict}"
    }
    pub(super) fn unread(files) {
        en: "{files} not read. Nothing in this report speaks for what was not read.",
        ja: "{files}個のファイルを読んでいません。この報告書はその内容について何も述べていません。"
    }
    pub(super) fn unread_more() {
        en: "They are named below. Run it again once they can be read, or without them if they are \
             no evidence.",
        ja: "下に名前を挙げています。読めるようにするか、証拠でなければ除いて、もう一度実行してください。"
    }
    pub(super) fn control() { en: "Control totals", ja: "管理合計" }
    pub(super) fn files_read() { en: "Files read", ja: "読んだファイル" }
    pub(super) fn files_skipped() { en: "Files not read", ja: "読まなかったファイル" }
    pub(super) fn records_read() { en: "Records of media in them", ja: "その中の媒体の取引記録" }
    pub(super) fn media() { en: "Media in the evidence", ja: "証拠にある媒体" }
    pub(super) fn to_settle() { en: "Media that the plan settles", ja: "計画が精算する媒体" }
    pub(super) fn findings() { en: "Findings", ja: "照合結果" }
    pub(super) fn evidence() { en: "Evidence", ja: "証拠" }
    pub(super) fn and_more(count) { en: "and {count} more", ja: "ほか{count}件" }
    pub(super) fn records_at() { en: "Records", ja: "帳簿" }
    pub(super) fn plan() { en: "Plan", ja: "計画" }
    pub(super) fn no_plan() { en: "not written to a file", ja: "ファイルに書いていません" }
    pub(super) fn made() { en: "Made", ja: "作成" }
    pub(super) fn total() { en: "Total", ja: "合計" }
    pub(super) fn file() { en: "File", ja: "ファイル" }
    pub(super) fn why() { en: "Why", ja: "理由" }
    pub(super) fn damaged_file() { en: "damage or forgery", ja: "損傷または偽造" }
    pub(super) fn by_class() { en: "Findings by class", ja: "分類ごとの結果" }
    pub(super) fn by_class_about() {
        en: "The evidence names the class, not anybody's motive.",
        ja: "分類は証拠によるもので、誰かの意図を示すものではありません。"
    }
    pub(super) fn class() { en: "Class", ja: "分類" }
    pub(super) fn count() { en: "Count", ja: "件数" }
    pub(super) fn amount() { en: "Amount", ja: "金額" }
    pub(super) fn share(part, whole) { en: "{part} of {whole}", ja: "{whole}のうち{part}" }
    pub(super) fn no_findings() {
        en: "No findings: no medium is in the evidence.",
        ja: "結果はありません。証拠に媒体がありません。"
    }
    pub(super) fn flows() { en: "Money each way", ja: "資金の動き" }
    pub(super) fn flows_about() {
        en: "What settling the plan moves, from the account that is debited to the one that is credited.",
        ja: "計画を精算すると動く金額です。借方の勘定から貸方の勘定へ。"
    }
    pub(super) fn no_flows() { en: "The plan moves no money.", ja: "計画は資金を動かしません。" }
    pub(super) fn debit() { en: "Debit", ja: "借方" }
    pub(super) fn credit() { en: "Credit", ja: "貸方" }
    pub(super) fn books() { en: "The books before and after", ja: "精算前後の帳簿" }
    pub(super) fn books_about() {
        en: "Debits less credits of all accounts of a kind. All together they are zero.",
        ja: "種類ごとの借方と貸方の差です。全部の合計はゼロです。"
    }
    pub(super) fn account() { en: "Accounts", ja: "勘定" }
    pub(super) fn before() { en: "Before", ja: "精算前" }
    pub(super) fn change() { en: "Change", ja: "増減" }
    pub(super) fn after() { en: "After", ja: "精算後" }
    pub(super) fn how_to_read() { en: "How to read this", ja: "読み方" }
    pub(super) fn posts_nothing() {
        en: "Nothing is posted by this report. The plan is posted by scrip-server settle, which refuses \
             it if the records have changed since.",
        ja: "この報告書は何も計上しません。計画は scrip-server settle で計上します。その間に帳簿が変わって\
             いれば拒否されます。"
    }
    pub(super) fn stays() {
        en: "A finding's number is made of its class, its medium and the hashes of what it rests on: \
             it stays the same from run to run.",
        ja: "結果の番号は分類、媒体、根拠のハッシュから作られ、何度実行しても変わりません。"
    }
    pub(super) fn alone() {
        en: "This page is whole by itself and asks no network for anything.",
        ja: "このページはこれだけで完結しており、ネットワークを使いません。"
    }
    pub(super) fn needs_script() {
        en: "The findings are shown by a script in this page, which is switched off here. \
             scrip-verify reconcile --csv writes them as a table.",
        ja: "結果の一覧はこのページのスクリプトが表示しますが、ここでは無効です。\
             scrip-verify reconcile --csv で表として書き出せます。"
    }
    pub(super) fn all() { en: "all", ja: "すべて" }
    pub(super) fn search() { en: "Search", ja: "検索" }
    pub(super) fn store() { en: "Store", ja: "店" }
    pub(super) fn medium() { en: "Medium", ja: "媒体" }
    pub(super) fn state() { en: "State", ja: "状態" }
    pub(super) fn decided() { en: "Decided", ja: "決定" }
    pub(super) fn sort() { en: "Sort by", ja: "並べ替え" }
    pub(super) fn reset() { en: "Show all", ja: "すべて表示" }
    pub(super) fn number() { en: "Number", ja: "番号" }
    pub(super) fn place() { en: "Record", ja: "記録" }
    pub(super) fn in_order() { en: "medium", ja: "媒体" }
    pub(super) fn greatest() { en: "amount, greatest first", ja: "金額（大きい順）" }
    pub(super) fn least() { en: "amount, least first", ja: "金額（小さい順）" }
    pub(super) fn shown(shown, all, sum) {
        en: "{shown} of {all} findings, together {sum}",
        ja: "{all}件のうち{shown}件、合計{sum}"
    }
    pub(super) fn more(count) { en: "Show {count} more", ja: "さらに{count}件表示" }
    pub(super) fn none_found() {
        en: "No finding matches this.",
        ja: "当てはまる結果はありません。"
    }
    pub(super) fn details() { en: "Details", ja: "詳細" }
    pub(super) fn rule() { en: "Rule applied", ja: "適用した規則" }
    pub(super) fn owner() { en: "What the owner is told", ja: "持ち主への説明" }
    pub(super) fn sides() { en: "Signed evidence", ja: "署名された証拠" }
    pub(super) fn no_hash() { en: "nothing is there", ja: "該当なし" }
    pub(super) fn bytes(count) { en: "{count} bytes in hex", ja: "{count}バイト（16進）" }
    pub(super) fn whole_number() { en: "Whole number", ja: "番号の全体" }
    pub(super) fn answered_by(number) {
        en: "answered by checkpoint {number}",
        ja: "精算書{number}で回答済み"
    }
    pub(super) fn will_answer(number) {
        en: "the plan answers it by checkpoint {number}",
        ja: "計画の精算書{number}が回答"
    }
}

/// What an exit code says of a run.
pub(super) fn verdict(exit: Exit) -> Phrase {
    let (en, ja) = match exit {
        Exit::Done => (
            "Everything that was read agrees, or was answered by a checkpoint",
            "読んだものはすべて一致しているか、精算書で回答済みです",
        ),
        Exit::Damage => {
            ("Damage or forgery is among what was found", "損傷または偽造が見つかりました")
        }
        Exit::Failure => {
            ("Not all of the evidence could be read", "証拠のすべては読めませんでした")
        }
        _ => ("Differences were found", "違いが見つかりました"),
    };
    Phrase::new(en, ja)
}

/// What a state is called.
pub(super) fn state_name(state: State) -> Phrase {
    let (en, ja) = match state {
        State::Open => ("open", "未解決"),
        State::Planned => ("to be settled", "精算予定"),
        State::Explained => ("explained", "説明済み"),
        State::Settled => ("settled", "精算済み"),
    };
    Phrase::new(en, ja)
}

/// What a kind of account is called.
pub(super) fn account_name(kind: AccountKind) -> Phrase {
    let (en, ja) = match kind {
        AccountKind::Cash => ("cash", "現金"),
        AccountKind::Store => ("owed by stores", "店への売掛"),
        AccountKind::Outstanding => ("sold, not redeemed", "販売済み未使用"),
        AccountKind::Settled => ("on media, settled", "媒体残高（精算済み）"),
        AccountKind::Provisional => ("on media, provisional", "媒体残高（仮）"),
        AccountKind::Reserved => ("held by open transfers", "取り込み中の確保"),
        AccountKind::Debt => ("owed by media", "媒体の不足"),
        AccountKind::Revenue => ("revenue of rights holders", "権利者の収入"),
        AccountKind::ForkLoss => ("fork losses of stores", "分岐による店の損失"),
    };
    Phrase::new(en, ja)
}

/// What a kind of file is called.
pub(super) fn file_kind(word: &str) -> Phrase {
    let ja = match word {
        "image" => "媒体のイメージ",
        "bundle" => "まとめたファイル",
        "read-only area" => "読み出し専用領域",
        "writable area" => "書き込み領域",
        "export" => "書き出し",
        "records" => "取引記録",
        "store journal" => "店の取引記録",
        "receipt" => "受領書",
        "funding" => "支払いの裏付け",
        "checkpoint" => "精算書",
        "item" => "作品",
        other => other,
    };
    Phrase::new(word, ja)
}

/// What a class is called; in English by the word that programs know.
pub(super) fn class_name(class: Class) -> Phrase {
    Phrase::new(class.word(), japanese(class)[0])
}

/// The rule that a plan names; what it says of this finding alone stays as it is.
pub(super) fn rule_in(language: Language, class: Class, rule: &str) -> String {
    let more = rule.strip_prefix(general_rule(class)).map(|more| more.trim_start_matches("; "));
    match (language, more) {
        (Language::English, _) => rule.to_owned(),
        (Language::Japanese, None | Some("")) => japanese(class)[1].to_owned(),
        (Language::Japanese, Some(more)) => format!("{}（{more}）", japanese(class)[1]),
    }
}

/// What the owner is told.
pub(super) fn owner_in(language: Language, class: Class, sentence: &str) -> String {
    match language {
        Language::English => sentence.to_owned(),
        Language::Japanese => japanese(class)[2].to_owned(),
    }
}

/// A class's name, its rule and its owner's sentence.
fn japanese(class: Class) -> [&'static str; 3] {
    JAPANESE[usize::from(class_number(class))]
}

/// In the order of the classes' numbers.
const JAPANESE: [[&str; 3]; Class::ALL.len()] = [
    [
        "一致",
        "媒体が示すものはすべて精算済み",
        "お持ちの媒体は私たちの帳簿とすべて一致しています。",
    ],
    [
        "媒体が先行",
        "精算済みより先の、署名された取引記録の内容を計上する",
        "前回以降のお取引を帳簿に取り込みました。",
    ],
    [
        "媒体が遅れ",
        "媒体の記録は既知のものの途中まで。既知のものを採り、続きを媒体に返す",
        "媒体から最新の記録が失われています。精算書を適用すると戻ります。",
    ],
    [
        "分岐",
        "両方の履歴を合わせ、同じ取引は一度だけ数え、合わせた残高で決める",
        "複製や消失のあとのように、媒体の記録が二通りに続いていました。両方を合わせ、\
             それぞれ一度だけ数えました。",
    ],
    [
        "最初の設定の競合",
        "競合する鍵の引き継ぎは誰の不正も示さない。先に記録されたものを採り、人が決める",
        "この媒体には最初のパスワードが二つ設定されています。店へお越しください。",
    ],
    [
        "金額の相違",
        "一つの取引に二つの金額があれば、大きい方を一度だけ数える",
        "一つの取引に二つの金額が記録されています。大きい方を数えます。",
    ],
    [
        "バイト数の相違",
        "取り込んだ側が署名した最大のバイト数で、割合に応じて決める",
        "取り込みが途中で切れました。確認した分だけのお支払いです。",
    ],
    [
        "開始のない受領書",
        "開始のない受領書は誰にも請求しない。報酬は仮のまま",
        "この媒体が知らない取り込みの一部が送られました。請求はありません。",
    ],
    ["記録の欠落", "欠けた記録より後は、それが見つかるまで精算しない", UNREADABLE],
    ["損傷", "書かれたとおりでないものは数えない。その前のものは数える", UNREADABLE],
    [
        "署名の誤り",
        "その時の鍵で署名されていないものは数えない",
        "媒体の鍵で署名されていない記録があり、数えません。",
    ],
    ["未知の媒体", "出されたことのない番号は誰とも精算しない", NOT_GIVEN],
    ["別の店", "媒体はその番号を受けた店のもとで精算する", NOT_GIVEN],
    [
        "枠の超過",
        "店の証明書の枠を超えた引換券は数えない",
        "店が販売できない引換券があります。店にお尋ねください。",
    ],
    ["失効", "失効したものは、人の判断なしに精算しない", "停止されています。店へお越しください。"],
    [
        "二重の販売",
        "誰が代金を受け取っても、一つのものは一度だけ追加する",
        "一つのコードが二度販売されました。追加は一度だけです。",
    ],
    ["販売のない追加", "正しいコードや引換券は持ち主のもの。在庫から出した者が責任を負う", ADDED],
    ["取消後の追加", "正しいコードや引換券は持ち主のもの。取り消した販売は店の責任", ADDED],
    [
        "販売のない支出",
        "支出は精算する。誰も販売していない媒体について店に尋ねる",
        "媒体はお使いになれます。いつ販売されたか、店に尋ねます。",
    ],
    [
        "コードの重複",
        "一つのコードや引換券は一度だけ追加する",
        "一つのコードまたは引換券が二度使われました。追加は一度だけです。",
    ],
    ["通貨の相違", "別の通貨の金額は精算しない", "この媒体の通貨は異なります。"],
    [
        "残高の超過",
        "なかった金額の支出は、人の判断なしに精算しない",
        "残高を超えて使われています。店へお越しください。",
    ],
    ["時計のずれ", "時計は何も決めない", "記録した時の時計がずれていました。影響はありません。"],
    ["未確認", "見ていないものは精算しない", "まだ確認できていません。"],
];

const UNREADABLE: &str = "媒体の記録の一部が読めません。その前までを数えます。以前の複製や書き出しがあれば戻せることがあります。";
const NOT_GIVEN: &str = "この媒体の番号は、作った店のものではありません。店にお尋ねください。";
const ADDED: &str = "コードまたは引換券は追加されています。出した店に確認します。";
