//! A receipt as a page that prints well, on a roll of 58 or 80 mm or on A4.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::receipt::{Receipt, TEST_LINE};
use crate::format::certificate::Purpose;
use crate::qr::{Drawing, Strength};

/// The largest QR code that a small printer's paper shows well.
const QR_MODULES_MAX: usize = 125;

/// A self-contained page of one receipt.
pub fn receipt_page(receipt: &Receipt) -> String {
    let title = format!("Receipt {} of {}", receipt.number, receipt.store_name);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&title, STYLE))
            body { main {
                h1 { (receipt.store_name) }
                p.small { "store " (receipt.store) }
                @if receipt.purpose == Purpose::Test { p.void { (TEST_LINE) } }
                (facts(receipt))
                @if let Some(by) = receipt.voided_by {
                    p.void { "Taken back by receipt " (by) }
                } @else if let Some(code) = &receipt.code {
                    (code_part(&code.code.printed(), receipt))
                } @else if receipt.voucher.is_some() {
                    (voucher_part(receipt))
                }
                @for line in receipt.seen_words() { p.small { (line) } }
                footer { p.small { "Fingerprint of the issuer" } p.root { (receipt.root) } }
            } }
        }
    };
    page.into_string()
}

/// The head of a page that stands alone and tells nobody where it was opened.
pub(super) fn head(title: &str, style: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="referrer" content="no-referrer";
            title { (title) }
            style { (PreEscaped(style)) }
        }
    }
}

fn facts(receipt: &Receipt) -> Markup {
    let sum = |amount| receipt.form.show(amount);
    html! {
        dl {
            dt { "Receipt" } dd { (receipt.number) }
            dt { "Time" } dd { (receipt.at.to_string().replace('T', " ").replace('Z', " UTC")) }
            dt { "Medium" } dd.digits { (receipt.medium.grouped()) }
            dt { "For" } dd { (receipt.event) }
            @if let Some(price) = receipt.price { dt { "Price" } dd { (sum(price)) } }
            @if !receipt.balance.is_zero() {
                dt { "Balance on it" } dd { (sum(receipt.balance)) }
            }
            @if let Some(amount) = receipt.amount {
                dt { "Top-up" } dd.amount { (sum(amount)) }
            }
            @if let Some(serial) = receipt.serial { dt { "Voucher" } dd { (serial) } }
            @if let Some(seq) = receipt.voids { dt { "Takes back" } dd { "receipt " (seq) } }
        }
    }
}

fn code_part(printed: &str, receipt: &Receipt) -> Markup {
    html! {
        section.code {
            p.small { "Type this code to top up" }
            p.small lang="ja" { "チャージコード" }
            p.digits { (printed) }
            (picture(receipt, Strength::High))
            p.small { "Good once, and for this medium alone." }
            p.small lang="ja" { "この媒体で一度だけ使えます。" }
        }
        section.how {
            p { "Start the player on the medium, choose top up and type the 20 digits, with or \
                 without hyphens, or show it a picture of the square. No network is needed." }
            p lang="ja" { "媒体のプレーヤーを起動し、チャージを選んで20桁の数字を入力してください。\
                           ハイフンは省けます。四角いコードの写真でも使えます。通信は不要です。" }
        }
    }
}

fn voucher_part(receipt: &Receipt) -> Markup {
    html! {
        section.code {
            p.small { "This is a voucher" }
            p.small lang="ja" { "引換券" }
            (picture(receipt, Strength::Low))
            p.small { "Good once, and for this medium alone." }
            p.small lang="ja" { "この媒体で一度だけ使えます。" }
        }
        section.how {
            p { "Start the player on the medium, choose top up and give it the voucher's file or a \
                 picture of the square. No network is needed." }
            p lang="ja" { "媒体のプレーヤーを起動し、チャージを選んで、引換券のファイルか四角い\
                           コードの写真を指定してください。通信は不要です。" }
        }
    }
}

/// The QR code, where it is small enough to be read from paper.
fn picture(receipt: &Receipt, strength: Strength) -> Markup {
    let drawing = receipt.qr_text().and_then(|text| Drawing::new(&text, strength).ok());
    let small = drawing.filter(|drawing| drawing.modules() <= QR_MODULES_MAX);
    html! {
        @if let Some(drawing) = small {
            div.qr.dense[drawing.modules() > 40] { (PreEscaped(drawing.svg_element())) }
        }
    }
}

const STYLE: &str = "
@page { margin: 4mm; }
* { box-sizing: border-box; margin: 0; padding: 0; }
body { font: 10pt/1.4 system-ui, 'Liberation Sans', 'Noto Sans CJK JP', 'Noto Sans JP', Arial, sans-serif;
  color: #000; background: #fff; }
main { max-width: 70mm; margin: 2mm auto; }
h1 { font-size: 14pt; line-height: 1.2; overflow-wrap: anywhere; }
.small { font-size: 7.5pt; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0.8mm 2mm; margin: 3mm 0; padding: 2.5mm 0;
  border: solid #000; border-width: 0.3mm 0; }
dd { text-align: right; overflow-wrap: anywhere; }
.amount { font-weight: 700; font-size: 12pt; line-height: 1.2; }
.digits { font-family: ui-monospace, 'Liberation Mono', monospace; font-weight: 700; white-space: nowrap; }
.code { padding: 2.5mm 1.5mm; border: 0.5mm solid #000; border-radius: 2mm; text-align: center;
  break-inside: avoid; container-type: inline-size; }
.code .digits { font-size: 8.6pt; font-size: min(12pt, 6.6cqw); margin: 1mm 0; }
.qr svg { display: block; width: 30mm; height: 30mm; margin: 0 auto 1mm; }
.qr.dense svg { width: 100%; height: auto; max-width: 66mm; }
.how { margin-top: 3mm; font-size: 8pt; line-height: 1.35; break-inside: avoid; }
.how p + p { margin-top: 1mm; }
.void { padding: 3mm; border: 0.5mm dashed #000; font-weight: 700; text-align: center; margin: 1mm 0; }
footer { margin-top: 3mm; break-inside: avoid; }
.root { font: 8pt/1.3 ui-monospace, 'Liberation Mono', monospace; }
";
