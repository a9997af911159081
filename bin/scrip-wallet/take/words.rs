//! What `take` says.

use scrip::phrases;

phrases! {
    pub(super) fn taking_from(path) { en: "taking from {path}", ja: "{path} からの取り込み" }
    pub(super) fn taking(item) { en: "taking {item}", ja: "{item}の取り込み" }
    pub(super) fn reading(item) { en: "reading {item}", ja: "{item}の読み取り" }
    pub(super) fn reading_now() { en: "reading", ja: "読み取り中" }
    pub(super) fn taking_now() { en: "taking", ja: "取り込み中" }
    pub(super) fn medium(number) { en: "medium {number}", ja: "媒体{number}" }
    pub(super) fn kiosk(name, store) {
        en: "the kiosk of {name} (store {store})",
        ja: "{name}（店{store}）のキオスク",
    }
    pub(super) fn on(item, name) { en: "{item} on {name}", ja: "{name}の{item}" }
    pub(super) fn no_item(name, item) {
        en: "{name} has no item {item}",
        ja: "{name}に{item}はありません",
    }
    pub(super) fn list_them() {
        en: "`catalog` there lists what it has",
        ja: "そちらの `catalog` で一覧を見られます",
    }
    pub(super) fn it_has(items) { en: "it has {items}", ja: "あるもの：{items}" }
    pub(super) fn itself(number) {
        en: "medium {number} is the medium itself",
        ja: "媒体{number}は取り込み先の媒体そのものです",
    }
    pub(super) fn name_another() {
        en: "name another owner's medium",
        ja: "ほかの人の媒体を指定してください",
    }
    pub(super) fn other_root(other, own) {
        en: "it stands under root {other}, this medium under {own}",
        ja: "発行元{other}の媒体です。この媒体の発行元は{own}です",
    }
    pub(super) fn other_currency(found, own) {
        en: "its prices are in {found}, this medium holds {own}",
        ja: "価格の通貨は{found}、この媒体の通貨は{own}です",
    }
    pub(super) fn nobodys(number) {
        en: "medium {number} is nobody's yet: its owner has to log in first",
        ja: "媒体{number}はまだ誰のものでもありません。先に持ち主がログインしてください",
    }
    pub(super) fn key_length(name, found) {
        en: "{name}: {found} bytes, a key has 32",
        ja: "{name}：{found}バイト（鍵は32バイト）",
    }
    pub(super) fn whole() { en: "whole there", ja: "全体を確認" }
    pub(super) fn whole_here() { en: "whole here", ja: "手元に全体があります" }
    pub(super) fn not_whole() { en: "not whole", ja: "確認できません" }
    pub(super) fn taken() { en: "taken", ja: "完了" }
    pub(super) fn broken_off() { en: "broken off", ja: "中断" }
    pub(super) fn shared(sum, fee, name) {
        en: "{sum}, of which {fee} go to {name}",
        ja: "{sum}（うち{fee}は{name}へ）",
    }
    pub(super) fn would_cost(item, cost) {
        en: "{item} would cost {cost}; nothing was done.",
        ja: "{item}は{cost}になります。まだ何もしていません。",
    }
    pub(super) fn rest_would_cost(item, cost) {
        en: "The rest of {item} would cost {cost}; nothing was done.",
        ja: "{item}の残りは{cost}になります。まだ何もしていません。",
    }
    pub(super) fn already_yours(record) {
        en: "Already yours: record {record} paid for it; nothing was paid.",
        ja: "すでにお持ちです：記録{record}で支払い済み。何も支払っていません。",
    }
    pub(super) fn here_again(item) {
        en: "{item} is in OUTBOX again; nothing was paid.",
        ja: "{item}は再びOUTBOXにあります。何も支払っていません。",
    }
    pub(super) fn from_where() {
        en: "From where? The path of another medium or of a kiosk's folder; nothing typed goes back.",
        ja: "どこから取り込みますか？ 媒体かキオスクのパス（何も入力しなければ戻ります）：",
    }
    pub(super) fn which_item(last) {
        en: "Take which, 1 to {last}? Nothing typed goes back.",
        ja: "どれを取り込みますか（1〜{last}）？ 何も入力しなければ戻ります：",
    }
    pub(super) fn take_it(item, cost) {
        en: "Take {item} for {cost}?",
        ja: "{item}を{cost}で取り込みますか？",
    }
    pub(super) fn nothing_taken() { en: "nothing was taken", ja: "何も取り込んでいません" }
    pub(super) fn password_there(number, fee) {
        en: "password of medium {number}, from which it is taken and which earns {fee} by it",
        ja: "取り込み元の媒体{number}のパスワード（{fee}を受け取ります）",
    }
    pub(super) fn taken_from(item, name) {
        en: "Taken: {item} from {name}",
        ja: "取り込みました：{item}（{name}から）",
    }
    pub(super) fn goes_on(covered, length) {
        en: "Broken off: {covered} of {length} bytes are here and paid. The same command goes on, \
             with any other medium that has it as well.",
        ja: "中断しました：{length}バイトのうち{covered}バイトは届いて支払い済みです。同じ\
             コマンドで、それを持つほかの媒体からも続けられます。",
    }
    pub(super) fn paid_earlier(sum) {
        en: "Paid: {sum} for what came before it was cut off",
        ja: "支払いました：{sum}（途中で切れる前に届いた分）",
    }
    pub(super) fn paid(cost) { en: "Paid: {cost}", ja: "支払いました：{cost}" }
    pub(super) fn missing(needs, free, missing) {
        en: "it costs {needs}, {free} may be spent: {missing} are missing",
        ja: "{needs}かかりますが、使えるのは{free}です。{missing}足りません",
    }
    pub(super) fn top_up_first() { en: "top up first", ja: "先にチャージしてください" }
    pub(super) fn over_cap(found, policy, limit) {
        en: "{found} would be spent at other media since the last settlement, policy {policy} \
             allows {limit}",
        ja: "前回の精算からほかの媒体での支払いが{found}になります。規約{policy}の上限は\
             {limit}です",
    }
    pub(super) fn over_count(found, policy, limit) {
        en: "{found} downloads would have begun since the last settlement, policy {policy} allows \
             {limit}",
        ja: "前回の精算からの取り込みが{found}回になります。規約{policy}の上限は{limit}回です",
    }
    pub(super) fn too_many(limit) {
        en: "{limit} downloads are under way, which is as many as there may be",
        ja: "途中の取り込みが上限の{limit}件あります",
    }
    pub(super) fn settle_first() {
        en: "let a shop or the issuer settle the medium first",
        ja: "先に店か発行元で精算してください",
    }
    pub(super) fn no_space(needs, free) {
        en: "{needs} bytes are needed in OUTBOX, {free} are free",
        ja: "OUTBOXに{needs}バイト必要ですが、空きは{free}バイトです",
    }
    pub(super) fn make_room() {
        en: "delete something from the writable area",
        ja: "書き込み領域から何か削除してください",
    }
    pub(super) fn settle_other() {
        en: "let a shop or the issuer settle the other medium first",
        ja: "先に店か発行元で相手側の媒体を精算してください",
    }
    pub(super) fn make_room_there() {
        en: "have something deleted from the writable area there",
        ja: "相手側の書き込み領域から何か削除してもらってください",
    }
    pub(super) fn no_key(name) {
        en: "the item is sealed, and {name} has no key of it",
        ja: "封印された品目ですが、{name}にその鍵がありません",
    }
    pub(super) fn bad_terms(error) {
        en: "its terms make no sense: {error}",
        ja: "条件が成り立ちません（{error}）",
    }
    pub(super) fn kept_and_paid() {
        en: "what came until then is kept and paid: the same command goes on",
        ja: "それまでに届いた分は保存され、支払い済みです。同じコマンドで続けられます",
    }
}
