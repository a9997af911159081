//! Where random bytes come from: the operating system, or a seed in tests.

use std::convert::Infallible;

use ring::rand::SecureRandom;

use super::{Secret, hmac_sha256};

/// A source of random bytes, handed to whatever needs them.
pub trait Random {
    /// Fills the whole slice.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// The operating system's generator: the only source for keys, salts and nonces.
pub struct SystemRandom(ring::rand::SystemRandom);

impl SystemRandom {
    /// Opens the operating system's generator.
    pub fn new() -> Self {
        Self(ring::rand::SystemRandom::new())
    }
}

impl Default for SystemRandom {
    fn default() -> Self {
        Self::new()
    }
}

impl Random for SystemRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes).expect("the system's generator can't fail once the machine has booted");
    }
}

/// A reproducible stream of bytes from a seed: as secret as its seed is.
///
/// With a seed from [`SystemRandom`] that is kept secret it serves work that must give the same
/// bytes when it is done again; with a known seed, tests and simulations.
///
/// Block i is HMAC-SHA256(seed, i as 8 bytes, big-endian). The stream doesn't depend on the sizes
/// in which it is drawn.
pub struct SeededRandom {
    seed: Secret<32>,
    counter: u64,
    block: [u8; 32],
    used: usize,
}

impl SeededRandom {
    /// Starts the stream that belongs to this seed.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed: Secret::new(seed), counter: 0, block: [0; 32], used: 32 }
    }

    fn next_byte(&mut self) -> u8 {
        if self.used == self.block.len() {
            self.block = hmac_sha256(self.seed.expose(), &[&self.counter.to_be_bytes()]);
            self.counter += 1;
            self.used = 0;
        }
        self.used += 1;
        self.block[self.used - 1]
    }
}

impl Random for SeededRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.next_byte());
    }
}

/// Shows a [`Random`] to the crates that ask for `rand_core`'s traits.
pub(super) struct RandCore<'a>(pub(super) &'a mut dyn Random);

impl rand_core::TryRng for RandCore<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for RandCore<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(seed: u8, pieces: &[usize]) -> Vec<u8> {
        let mut rng = SeededRandom::new([seed; 32]);
        let mut all = Vec::new();
        for &size in pieces {
            let mut piece = vec![0; size];
            rng.fill(&mut piece);
            all.extend(piece);
        }
        all
    }

    #[test]
    fn a_seed_gives_one_stream_however_it_is_drawn() {
        let whole = draw(3, &[100]);
        assert_eq!(whole, draw(3, &[1, 31, 32, 0, 36]));
        assert_ne!(whole, draw(4, &[100]));
    }

    #[test]
    fn the_first_block_is_the_documented_one() {
        assert_eq!(draw(0, &[32]), hmac_sha256(&[0; 32], &[&[0; 8]]));
    }

    #[test]
    fn the_system_fills_every_byte_sooner_or_later() {
        let mut seen = [0u8; 64];
        for _ in 0..8 {
            let mut bytes = [0; 64];
            SystemRandom::new().fill(&mut bytes);
            seen.iter_mut().zip(bytes).for_each(|(all, byte)| *all |= byte);
        }
        assert!(seen.iter().all(|&byte| byte != 0));
    }
}
