//! Secret bytes: wiped when dropped, never printed, compared in constant time.

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Random;

/// A secret of N bytes: wiped when dropped, neither copied nor printed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Takes the bytes over; the caller's own copy stays the caller's to wipe.
    pub fn new(mut bytes: [u8; N]) -> Self {
        // On the heap, so that moving the secret leaves no copy behind.
        let secret = Self(Box::new(bytes));
        bytes.zeroize();
        secret
    }

    /// Draws a fresh secret.
    pub fn generate(rng: &mut dyn Random) -> Self {
        let mut secret = Self(Box::new([0; N]));
        rng.fill(secret.0.as_mut());
        secret
    }

    /// Copies exactly N bytes; none if the length differs.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut secret = Self(Box::new([0; N]));
        (bytes.len() == N).then(|| secret.0.copy_from_slice(bytes))?;
        Some(secret)
    }

    /// The bytes themselves; named so that each use stands out.
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

/// A secret of any length, such as a decrypted file: wiped when dropped, neither copied nor printed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes the bytes over without copying them.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes themselves; named so that each use stands out.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretBytes {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;

    #[test]
    fn secrets_compare_by_content() {
        assert!(Secret::new([7; 16]) == Secret::new([7; 16]));
        assert!(Secret::new([7; 16]) != Secret::new([8; 16]));
        assert!(SecretBytes::new(vec![1, 2]) == SecretBytes::new(vec![1, 2]));
        assert!(SecretBytes::new(vec![1, 2]) != SecretBytes::new(vec![1, 2, 3]));
    }

    #[test]
    fn from_slice_takes_the_exact_length_only() {
        assert!(Secret::<4>::from_slice(&[1, 2, 3]).is_none());
        assert!(Secret::<4>::from_slice(&[1, 2, 3, 4, 5]).is_none());
        assert_eq!(Secret::<4>::from_slice(&[1, 2, 3, 4]).unwrap().expose(), &[1, 2, 3, 4]);
    }

    #[test]
    fn generated_secrets_differ() {
        let mut rng = SeededRandom::new([1; 32]);
        assert!(Secret::<32>::generate(&mut rng) != Secret::<32>::generate(&mut rng));
    }

    #[test]
    fn zeroize_wipes_the_bytes() {
        let mut secret = Secret::new([9; 8]);
        secret.zeroize();
        assert_eq!(secret.expose(), &[0; 8]);
    }
}
