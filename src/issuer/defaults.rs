//! What an issuer starts with unless it says otherwise.
//!
//! Sums are minor units of a currency of up to two decimal places (a yen, a cent); those of three
//! and four places are multiplied by [`minor_scale`].

use crate::crypto::password::Cost;
use crate::format::policy::Policy;
use crate::units::{Amount, ByteCount, CurrencyForm, Timestamp};
use crate::voucher::sheet::minor_scale;

/// What one guess at a key file's passphrase costs: 64 MiB, 3 passes, about 0.15 s.
pub fn key_cost() -> Cost {
    Cost::new(64 << 10, 3, 1).expect("within the bounds")
}

/// How many days the certificates last.
pub struct CertificateDays {
    /// The root's.
    pub root: u64,
    /// The issuer's, settler's and rom-signer's.
    pub issuer: u64,
    /// A store's.
    pub store: u64,
}

/// Twenty years, ten years, two years.
pub const CERTIFICATE_DAYS: CertificateDays =
    CertificateDays { root: 7_305, issuer: 3_652, store: 730 };

/// All that a store may issue before it settles.
pub const QUOTA_MINOR: u64 = 10_000_000;
/// The part of a quota that goes into vouchers; the rest is for kits.
pub const VOUCHER_SHARE: u64 = 4;

const BALANCE_MAX: u64 = 100_000;
const TOPUP_MAX: u64 = 50_000;
const OFFLINE_CAP: u64 = 10_000;
const OFFLINE_COUNT: u32 = 30;
const STARTER_CAP: u64 = OFFLINE_CAP / 10;
const STARTER_COUNT: u32 = 3;
const CHUNK_BYTES: u64 = 1 << 20;
/// A fifth of a charge.
const SHARE_PPM: u32 = 200_000;

/// A sum of a default, in a currency.
pub(super) fn scaled(minor: u64, form: CurrencyForm) -> Amount {
    Amount::from_minor(minor * minor_scale(form)).expect("defaults are far below the limit")
}

/// The first policy of an issuer.
pub fn default_policy(form: CurrencyForm, rounds: u32, now: Timestamp) -> Policy {
    Policy {
        number: 1,
        issued: now,
        currencies: vec![form],
        balance_max: scaled(BALANCE_MAX, form),
        topup_max: scaled(TOPUP_MAX, form),
        offline_cap: scaled(OFFLINE_CAP, form),
        offline_count: OFFLINE_COUNT,
        starter_cap: scaled(STARTER_CAP, form),
        starter_count: STARTER_COUNT,
        debt_cap: scaled(OFFLINE_CAP, form),
        rounds_min: rounds,
        chunk: ByteCount::from_bytes(CHUNK_BYTES),
        share_ppm: SHARE_PPM,
        decide_alone: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::check_policy;

    #[test]
    fn the_default_policy_is_sound_in_every_currency() {
        for (code, exponent, balance) in
            [("JPY", 0, "¥100,000"), ("EUR", 2, "€1,000.00"), ("KWD", 3, "1,000.000 KWD")]
        {
            let form = CurrencyForm::new(code.parse().unwrap(), exponent).unwrap();
            assert_eq!(form, CurrencyForm::usual(form.currency()));
            let now = Timestamp::from_seconds(1_800_000_000).unwrap();
            let policy = default_policy(form, 100_000, now);
            assert_eq!(check_policy(&policy), Ok(()));
            assert_eq!(form.show(policy.balance_max), balance);
            assert_eq!(policy.offline_cap, policy.starter_cap.checked_mul(10).unwrap());
        }
    }
}
