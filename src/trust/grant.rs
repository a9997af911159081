//! Limits: what a store may be granted, what a policy may say, what a live sheet must cost.

use super::signed::Verified;
use crate::format::certificate::{Purpose, StoreGrant};
use crate::format::policy::Policy;
use crate::format::sheet::Sheet;
use crate::units::Amount;

/// PBKDF2 rounds below which a live sheet is refused, whatever a policy says.
pub const LIVE_ROUNDS_MIN: u32 = 100_000;
/// PBKDF2 rounds above which no sheet is read: a check must not become an attack on time.
pub const ROUNDS_MAX: u32 = 10_000_000;

/// Why limits don't hold together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// The vouchers alone could pass the quota.
    #[error("{serials} serials of at most {single} add up to {sum}, the quota is {quota}")]
    Serials {
        /// How many serials.
        serials: u64,
        /// The largest voucher.
        single: u64,
        /// Their product.
        sum: u128,
        /// The quota.
        quota: u64,
    },
    /// A serial range that ends before it begins.
    #[error("voucher serials {first} to {last} are no range")]
    Range {
        /// First serial.
        first: u64,
        /// Last serial.
        last: u64,
    },
    /// Two limits of a policy that contradict each other.
    #[error("policy {number}: {what} {found} {relation} {limit}")]
    Policy {
        /// The policy's number.
        number: u64,
        /// Which limit.
        what: &'static str,
        /// Its value.
        found: u64,
        /// `is below` or `is above`.
        relation: &'static str,
        /// The value it is held against.
        limit: u64,
    },
    /// A sheet with too few or too many rounds.
    #[error("sheet for medium {medium}: {rounds} rounds, expected {least} to {ROUNDS_MAX}")]
    Rounds {
        /// The sheet's medium.
        medium: String,
        /// Its rounds.
        rounds: u32,
        /// The least allowed.
        least: u32,
    },
    /// A sheet whose runs and commitments don't agree.
    #[error("sheet for medium {medium}: its runs and its commitments don't agree")]
    Slots {
        /// The sheet's medium.
        medium: String,
    },
}

/// Refuse a grant whose vouchers alone could pass its quota.
pub fn check_grant(grant: &StoreGrant) -> Result<(), GrantError> {
    let (first, last) = (grant.serial_first, grant.serial_last);
    if last < first {
        return Err(GrantError::Range { first, last });
    }
    let (single, quota) = (grant.single_max.minor(), grant.quota.minor());
    let serials = (last - first).saturating_add(1);
    let sum = u128::from(serials) * u128::from(single);
    if sum > u128::from(quota) {
        return Err(GrantError::Serials { serials, single, sum, quota });
    }
    Ok(())
}

/// Refuse a policy whose limits contradict each other.
pub fn check_policy(policy: &Policy) -> Result<(), GrantError> {
    let number = policy.number;
    let fault = |what, found, relation, limit| {
        Err(GrantError::Policy { number, what, found, relation, limit })
    };
    let (debt, offline) = (policy.debt_cap.minor(), policy.offline_cap.minor());
    if debt < offline {
        return fault("debt cap", debt, "is below the offline cap", offline);
    }
    if policy.share_ppm > 1_000_000 {
        return fault("uploader's share", policy.share_ppm.into(), "is above", 1_000_000);
    }
    if policy.topup_max > policy.balance_max {
        let limit = policy.balance_max.minor();
        return fault(
            "largest top-up",
            policy.topup_max.minor(),
            "is above the largest balance",
            limit,
        );
    }
    if policy.balance_max == Amount::ZERO {
        return fault("largest balance", 0, "is below", 1);
    }
    match policy.currencies.len() as u64 {
        0 => fault("count of currencies", 0, "is below", 1),
        _ => Ok(()),
    }
}

/// Refuse a sheet that is too cheap to guess, too dear to check, or inconsistent.
pub fn check_sheet_costs(
    sheet: &Verified<Sheet>,
    purpose: Purpose,
    policy: Option<&Policy>,
) -> Result<u8, GrantError> {
    let medium = sheet.medium.to_string();
    let floor = match purpose {
        Purpose::Live => LIVE_ROUNDS_MIN,
        Purpose::Test => 1,
    };
    let least = policy.map_or(floor, |policy| policy.rounds_min.max(floor));
    if !(least..=ROUNDS_MAX).contains(&sheet.rounds) {
        return Err(GrantError::Rounds { medium, rounds: sheet.rounds, least });
    }
    sheet.slots().ok_or(GrantError::Slots { medium })
}
