//! Many Ed25519 signatures at once, under the same acceptance rule as one.
//!
//! The fast path sums the equations of all signatures with random weights. Alone, that sum could
//! accept what the single check refuses: the holder of a key can give R a part of small order,
//! which a weight divisible by 8 makes vanish. So random sums of all R are checked to lie in
//! the prime-order group; keys were checked when they were parsed. What passes here fails the single
//! check with a chance of at most 2^-64; what doesn't pass is decided by single checks.
//!
//! Weights follow from a digest of everything that is checked, so a result is reproducible.

use std::collections::BTreeMap;

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, IsIdentity, VartimeMultiscalarMul};
use ring::digest::{Context, SHA512};
use thiserror::Error;

use super::digest::{Sha256, sha256_parts};
use super::sign::{BadSignature, PublicKey, Signature};

/// Signatures summed at a time: bounds memory, and shares the fixed cost among many.
const CHUNK: usize = 4096;
/// Below this single checks are as fast.
const FAST_FROM: usize = 192;
/// Bytes of mask for each signature: one bit for each random sum of all R.
const MASK_BYTES: usize = 8;

/// Checks all signatures; the result is that of checking each alone, first to last.
pub fn verify_batch(items: &[(PublicKey, &[u8], Signature)]) -> Result<(), BadInBatch> {
    for (chunk, number) in items.chunks(CHUNK).zip(0..) {
        if chunk.len() < FAST_FROM || !holds_together(chunk) {
            verify_singly(chunk, number * CHUNK)?;
        }
    }
    Ok(())
}

/// The first signature of a batch that doesn't verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("signature {index} of the batch: {source}")]
pub struct BadInBatch {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub source: BadSignature,
}

fn verify_singly(items: &[(PublicKey, &[u8], Signature)], from: usize) -> Result<(), BadInBatch> {
    for ((key, message, signature), index) in items.iter().zip(from..) {
        key.verify(message, signature).map_err(|source| BadInBatch { index, source })?;
    }
    Ok(())
}

/// A signature taken apart: S, R, and k = SHA-512(R | key | message).
struct Parts {
    s: Scalar,
    r: EdwardsPoint,
    k_wide: [u8; 64],
}

fn holds_together(items: &[(PublicKey, &[u8], Signature)]) -> bool {
    let parts: Option<Vec<Parts>> = items.iter().map(take_apart).collect();
    parts.is_some_and(|parts| {
        let weights = Weights::of(&parts);
        equations_hold(items, &parts, &weights) && points_are_prime_order(&parts, &weights)
    })
}

fn take_apart((key, message, signature): &(PublicKey, &[u8], Signature)) -> Option<Parts> {
    let (r_bytes, s_bytes) = signature.as_bytes().split_at(32);
    let mut k = Context::new(&SHA512);
    for part in [r_bytes, key.as_bytes(), message] {
        k.update(part);
    }
    let r_bytes: [u8; 32] = r_bytes.try_into().ok()?;
    let r = is_below_prime(r_bytes).then(|| CompressedEdwardsY(r_bytes).decompress())??;
    (!r.is_small_order()).then_some(Parts {
        s: Option::from(Scalar::from_canonical_bytes(s_bytes.try_into().ok()?))?,
        r,
        k_wide: k.finish().as_ref().try_into().ok()?,
    })
}

/// Whether the y of a compressed point is below 2^255 - 19, so that it has no second spelling.
fn is_below_prime(mut bytes: [u8; 32]) -> bool {
    bytes[31] &= 0x7f;
    bytes[0] < 0xed || bytes[1..31].iter().any(|&byte| byte != 0xff) || bytes[31] != 0x7f
}

/// Random numbers that nobody can choose: they depend on every byte of the batch.
struct Weights([u8; 32]);

impl Weights {
    fn of(parts: &[Parts]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(&part.k_wide);
            hash.update(part.s.as_bytes());
        }
        Self(hash.finish())
    }

    fn draw(&self, index: usize) -> (Scalar, [u8; MASK_BYTES]) {
        let bytes = sha256_parts(&[&self.0, &(index as u64).to_be_bytes()]);
        let (weight, rest) = bytes.split_first_chunk().expect("a digest has 32 bytes");
        let mask = rest.first_chunk().expect("16 bytes are left");
        (Scalar::from(u128::from_le_bytes(*weight)), *mask)
    }
}

/// Σ z·S·B = Σ z·R + Σ z·k·A, with the terms of each key taken together.
fn equations_hold(
    items: &[(PublicKey, &[u8], Signature)],
    parts: &[Parts],
    weights: &Weights,
) -> bool {
    let mut base = Scalar::ZERO;
    let mut keys = BTreeMap::new();
    let mut scalars = Vec::with_capacity(parts.len() * 2 + 1);
    for (index, (part, (key, ..))) in parts.iter().zip(items).enumerate() {
        let (weight, _) = weights.draw(index);
        base -= weight * part.s;
        *keys.entry(key).or_insert(Scalar::ZERO) +=
            weight * Scalar::from_bytes_mod_order_wide(&part.k_wide);
        scalars.push(weight);
    }
    scalars.extend(keys.values());
    let points = parts.iter().map(|part| part.r).chain(keys.keys().map(|key| key.point()));
    (EdwardsPoint::vartime_multiscalar_mul(scalars, points) + EdwardsPoint::mul_base(&base))
        .is_identity()
}

/// Whether no R has a part of small order: a sum over a random half of them shows one with a
/// chance of at least one half, and there are 64 sums.
fn points_are_prime_order(parts: &[Parts], weights: &Weights) -> bool {
    let mut buckets = vec![vec![EdwardsPoint::identity(); 256]; MASK_BYTES];
    for (index, part) in parts.iter().enumerate() {
        let (_, mask) = weights.draw(index);
        for (bucket, byte) in buckets.iter_mut().zip(mask) {
            bucket[usize::from(byte)] += part.r;
        }
    }
    buckets.iter_mut().all(|buckets| sums_are_prime_order(buckets))
}

/// Checks the eight sums that a mask byte selects: sum i holds every bucket whose number has bit i.
fn sums_are_prime_order(buckets: &mut [EdwardsPoint]) -> bool {
    (0..8).rev().all(|bit| {
        let (low, high) = buckets[..2 << bit].split_at_mut(1 << bit);
        let sum: EdwardsPoint = high.iter().sum();
        for (low, high) in low.iter_mut().zip(high) {
            *low += *high;
        }
        is_prime_order(&sum)
    })
}

/// Whether (L - 1)·P = -P, for the order L of the group.
fn is_prime_order(point: &EdwardsPoint) -> bool {
    let minus_one = -Scalar::ONE;
    let product =
        EdwardsPoint::vartime_double_scalar_mul_basepoint(&minus_one, point, &Scalar::ZERO);
    (product + point).is_identity()
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::EIGHT_TORSION;

    use super::*;
    use crate::crypto::sign::SecretKey;
    use crate::crypto::{Random, SeededRandom};

    const MESSAGE: &[u8] = b"message";

    fn batch(count: usize, rng: &mut dyn Random) -> Vec<(PublicKey, &'static [u8], Signature)> {
        let keys: Vec<SecretKey> = (0..7).map(|_| SecretKey::generate(rng)).collect();
        keys.iter()
            .cycle()
            .map(|key| (key.public(), MESSAGE, key.sign(MESSAGE)))
            .take(count)
            .collect()
    }

    /// Signs as Ed25519 does, but adds a point of small order to R: only a key's holder can.
    fn sign_with_torsion(
        rng: &mut dyn Random,
        torsion: EdwardsPoint,
    ) -> (PublicKey, &'static [u8], Signature) {
        let mut wide = [[0; 64]; 2];
        for bytes in &mut wide {
            rng.fill(bytes);
        }
        let [secret, nonce] = wide.map(|bytes| Scalar::from_bytes_mod_order_wide(&bytes));
        let key = PublicKey::from_bytes(EdwardsPoint::mul_base(&secret).compress().0).unwrap();
        let r = (EdwardsPoint::mul_base(&nonce) + torsion).compress().0;
        let mut k = Context::new(&SHA512);
        for part in [r.as_slice(), key.as_bytes(), MESSAGE] {
            k.update(part);
        }
        let k = Scalar::from_bytes_mod_order_wide(k.finish().as_ref().try_into().unwrap());
        let s = nonce + k * secret;
        let signature = [r, *s.as_bytes()].concat().try_into().unwrap();
        (key, MESSAGE, Signature::from_bytes(signature))
    }

    #[test]
    fn good_signatures_take_the_fast_path() {
        let mut rng = SeededRandom::new([1; 32]);
        assert!(holds_together(&batch(FAST_FROM, &mut rng)));
        for count in [0, 1, FAST_FROM - 1, FAST_FROM, CHUNK + 5] {
            assert_eq!(verify_batch(&batch(count, &mut rng)), Ok(()), "{count} signatures");
        }
        let plain = sign_with_torsion(&mut rng, EdwardsPoint::identity());
        assert_eq!(plain.0.verify(MESSAGE, &plain.2), Ok(()), "the forge itself signs well");
    }

    #[test]
    fn the_first_bad_signature_is_named() {
        let good = batch(CHUNK + FAST_FROM, &mut SeededRandom::new([2; 32]));
        for index in [0, FAST_FROM, CHUNK - 1, CHUNK, CHUNK + FAST_FROM - 1] {
            let mut bad = good.clone();
            bad[index].1 = b"massage";
            let error = verify_batch(&bad).unwrap_err();
            assert_eq!(error.index, index);
            assert_eq!(error.source.key, bad[index].0.key_id());
        }
        let mut bad = good[..3].to_vec();
        bad[1].2 = Signature::from_bytes([0; 64]);
        let key = bad[1].0.key_id();
        assert_eq!(
            verify_batch(&bad).unwrap_err().to_string(),
            format!("signature 1 of the batch: signature doesn't verify under key {key}")
        );
    }

    #[test]
    fn equations_alone_would_accept_what_the_single_check_refuses() {
        let mut rng = SeededRandom::new([3; 32]);
        let good = batch(8, &mut rng);
        let mut fooled = 0;
        for _ in 0..64 {
            let mut items = good.clone();
            items.push(sign_with_torsion(&mut rng, EIGHT_TORSION[1]));
            let parts: Vec<Parts> = items.iter().map(|item| take_apart(item).unwrap()).collect();
            let weights = Weights::of(&parts);
            fooled += usize::from(equations_hold(&items, &parts, &weights));
            assert!(!points_are_prime_order(&parts, &weights));
            assert!(items[8].0.verify(MESSAGE, &items[8].2).is_err());
        }
        assert!((1..24).contains(&fooled), "one in eight is expected, found {fooled} of 64");
    }

    #[test]
    fn parts_of_small_order_are_refused_even_where_they_cancel() {
        let mut rng = SeededRandom::new([4; 32]);
        let good = batch(FAST_FROM, &mut rng);
        for torsion in &EIGHT_TORSION[1..] {
            let mut items = good.clone();
            items.push(sign_with_torsion(&mut rng, *torsion));
            items.push(sign_with_torsion(&mut rng, -torsion));
            assert!(!holds_together(&items));
            assert_eq!(verify_batch(&items).unwrap_err().index, FAST_FROM);
        }
    }

    #[test]
    fn signatures_with_a_bad_spelling_never_pass() {
        let mut rng = SeededRandom::new([5; 32]);
        let good = batch(FAST_FROM, &mut rng);
        let mut r_at_prime = [0xff; 32];
        (r_at_prime[0], r_at_prime[31]) = (0xee, 0x7f);
        assert!(!is_below_prime(r_at_prime));
        r_at_prime[31] = 0xff;
        assert!(!is_below_prime(r_at_prime));
        r_at_prime[0] = 0xec;
        assert!(is_below_prime(r_at_prime));
        for r in [r_at_prime, EIGHT_TORSION[0].compress().0, EIGHT_TORSION[3].compress().0] {
            let mut bytes = *good[9].2.as_bytes();
            bytes[..32].copy_from_slice(&r);
            let mut items = good.clone();
            items[9].2 = Signature::from_bytes(bytes);
            assert!(take_apart(&items[9]).is_none());
            assert_eq!(verify_batch(&items).unwrap_err().index, 9);
        }
        let mut bytes = *good[9].2.as_bytes();
        bytes[63] |= 0xe0;
        let mut items = good;
        items[9].2 = Signature::from_bytes(bytes);
        assert!(take_apart(&items[9]).is_none(), "S at or above the group's order");
    }
}
