//! What a file is that was given for a checkpoint.

use crate::format::cose::stated_kind;
use crate::format::item::Package;
use crate::format::medium::CertificateSlot;
use crate::format::plan::PlanHead;
use crate::format::sheet::VoucherFile;
use crate::format::transfer::Funding;
use crate::format::{Kind, Object, cbor};
use crate::phrases;
use crate::words::Phrase;

phrases! {
    fn image() { en: "a medium's image", ja: "媒体のイメージ" }
    fn records() { en: "records of a journal", ja: "取引記録" }
    fn export() { en: "what `scrip-wallet export` wrote", ja: "`scrip-wallet export` の出力" }
    fn journal() { en: "a store's journal", ja: "店の記録" }
    fn voucher() { en: "a voucher: `scrip-wallet topup` takes it", ja: "引換券（`scrip-wallet topup` 用）" }
    fn receipt() { en: "a receipt for a download", ja: "取り込みの受領書" }
    fn funding() { en: "what a payer showed", ja: "支払う側の証拠" }
    fn item() { en: "an item's package", ja: "品目の包み" }
    fn plan() { en: "a plan: `scrip-server settle` takes it", ja: "計画（`scrip-server settle` 用）" }
}

/// What it is instead; none where nothing here knows.
pub(super) fn given(bytes: &[u8]) -> Option<Phrase> {
    if bytes.get(512..).is_some_and(|sector| sector.starts_with(b"EFI PART")) {
        return Some(image());
    }
    if bytes.starts_with(b"SCRJ") {
        return Some(records());
    }
    match stated_kind(bytes) {
        Some(Kind::Voucher) => return Some(voucher()),
        Some(Kind::Receipt) => return Some(receipt()),
        _ => {}
    }
    let first = cbor::measure(bytes).ok().map(|length| &bytes[..length]);
    let slot = first.and_then(|first| CertificateSlot::decode(first).ok());
    match slot.and_then(|slot| stated_kind(&slot.certificate.0)) {
        Some(Kind::MediumCertificate) => return Some(export()),
        Some(Kind::Item) => return Package::decode(bytes).is_ok().then(item),
        _ => {}
    }
    if VoucherFile::decode(bytes).is_ok() {
        return Some(voucher());
    }
    if Funding::decode(bytes).is_ok() {
        return Some(funding());
    }
    if first.is_some_and(|first| PlanHead::decode(first).is_ok()) {
        return Some(plan());
    }
    // A frame around a chain of certificates, which is an array.
    let framed = bytes.first_chunk().copied().map(u32::from_be_bytes);
    let chain = framed.is_some_and(|length| (64..=8 << 10).contains(&length));
    (chain && bytes.get(8).is_some_and(|byte| byte >> 5 == 4)).then(journal)
}
