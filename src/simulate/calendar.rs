//! When things happen in a population: fixed, since nothing here reads a clock.

use crate::units::Timestamp;

/// 2027-01-01: the issuer is founded.
const BEGIN: u64 = 1_798_761_600;
const DAY: u64 = Timestamp::DAY_S;
/// Burning begins, one medium a minute.
const BURNING: u64 = DAY;
/// Media are sold from here on, one a minute.
const SELLING: u64 = 10 * DAY;
/// Owners begin to use them.
const LIVING: u64 = 20 * DAY;
/// How long they do.
pub(super) const LIFE_SECONDS: u64 = 280 * DAY;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(BEGIN.saturating_add(seconds)).unwrap_or(Timestamp::MAX)
}

pub(super) fn founding() -> Timestamp {
    at(0)
}

pub(super) fn enrolling() -> Timestamp {
    at(3_600)
}

/// When kits are made: the newest time that an issuer signs, so the time floor of all media.
pub(super) fn stocking() -> Timestamp {
    at(7_200)
}

/// When a store burns the medium of this place in its kit.
pub(super) fn burning(place: usize) -> Timestamp {
    at(BURNING + minutes(place, SELLING - BURNING))
}

/// When it sells it.
pub(super) fn selling(place: usize) -> Timestamp {
    at(SELLING + minutes(place, LIVING - SELLING))
}

/// So many seconds into the media's lives.
pub(super) fn living(seconds: u64) -> Timestamp {
    at(LIVING.saturating_add(seconds))
}

fn minutes(place: usize, end: u64) -> u64 {
    (place as u64).saturating_mul(60).min(end - 60)
}
