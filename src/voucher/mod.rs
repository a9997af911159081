//! Top-ups: sealed sheets of codes, and signed vouchers.
//!
//! Issuing a sheet ([`sheet`]) needs the issuer's seal key; redeeming a code ([`redeem`]) needs no
//! secret at all, so an owner, a peer and an auditor check what none of them can mint.

mod carried;
pub mod code;
#[cfg(test)]
mod fixture;
pub mod kit;
pub mod redeem;
pub mod repair;
pub mod sheet;
mod meant;
mod signed;

pub use carried::{
    CarriedError, CarriedVoucher, VOUCHER_TEXT_BYTES_MAX, VOUCHER_TEXT_PREFIX, VoucherTextError,
    is_voucher_text, open_carried, read_voucher_text, voucher_text,
};
pub use code::slip;
pub use meant::{Meant, Patience, Repair, meant};
pub use redeem::{
    CodeTerms, LIVE_SHEETS_MAX, Opened, RedeemError, check_slot, code_event, open_code, open_text,
    voucher_event, voucher_id,
};
pub use sheet::{PLANNED_RUNS, PlannedRun, SheetError, SheetPlan, make_sheet, slot_secret};
pub use signed::{VoucherError, VoucherSale, VoucherTerms, sign_voucher, verify_voucher};
