//! Sealed top-up sheets and signed vouchers: issuing apart from redeeming.

pub mod code;
pub mod repair;
