//! A receipt as a page that prints well, on a roll of 80 mm or on A4.

use maud::{DOCTYPE, PreEscaped, html};

use super::receipt::{Receipt, TEST_LINE};
use crate::format::certificate::Purpose;

/// A self-contained page of one receipt.
pub fn receipt_page(receipt: &Receipt) -> String {
    let title = format!("Receipt {} of {}", receipt.number, receipt.store_name);
    let sum = |amount| receipt.form.show(amount);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main {
                h1 { (receipt.store_name) }
                p.small { "store " (receipt.store) }
                @if receipt.purpose == Purpose::Test { p.void { (TEST_LINE) } }
                dl {
                    dt { "Receipt" } dd { (receipt.number) }
                    dt { "Time" } dd { (receipt.at) }
                    dt { "Medium" } dd.digits { (receipt.medium.grouped()) }
                    dt { "For" } dd { (receipt.event) }
                    @if let Some(price) = receipt.price { dt { "Price" } dd { (sum(price)) } }
                    @if !receipt.balance.is_zero() {
                        dt { "Balance on it" } dd { (sum(receipt.balance)) }
                    }
                    @if let Some(amount) = receipt.amount { dt { "Top-up" } dd { (sum(amount)) } }
                    @if let Some(serial) = receipt.serial { dt { "Voucher" } dd { (serial) } }
                    @if let Some(seq) = receipt.voids { dt { "Takes back" } dd { "receipt " (seq) } }
                }
                @if let Some(by) = receipt.voided_by {
                    p.void { "Taken back by receipt " (by) }
                } @else if let Some(code) = &receipt.code {
                    section.code {
                        p.small { "Type this code to top up" }
                        p.digits { (code.code.printed()) }
                        p.small { "Good once, and for this medium alone." }
                    }
                }
                footer { p.small { "Fingerprint of the issuer" } p.root { (receipt.root) } }
            } }
        }
    };
    page.into_string()
}

const STYLE: &str = "
@page { margin: 8mm; }
* { box-sizing: border-box; margin: 0; padding: 0; }
body { font: 10pt/1.4 system-ui, 'Liberation Sans', Arial, sans-serif; color: #000; background: #fff; }
main { width: 72mm; margin: 4mm auto; }
h1 { font-size: 14pt; line-height: 1.2; overflow-wrap: anywhere; }
.small { font-size: 7.5pt; color: #333; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0.8mm 4mm; margin: 4mm 0; padding: 3mm 0;
  border: solid #000; border-width: 0.3mm 0; }
dt { color: #333; }
dd { text-align: right; overflow-wrap: anywhere; }
.digits { font-family: ui-monospace, 'Liberation Mono', monospace; font-weight: 700; white-space: nowrap; }
.code { padding: 3mm; border: 0.5mm solid #000; border-radius: 2mm; text-align: center; break-inside: avoid; }
.code .digits { font-size: 11.5pt; margin: 1.5mm 0; }
.void { padding: 3mm; border: 0.5mm dashed #000; font-weight: 700; text-align: center; }
footer { margin-top: 4mm; }
.root { font: 8pt/1.3 ui-monospace, 'Liberation Mono', monospace; }
";
