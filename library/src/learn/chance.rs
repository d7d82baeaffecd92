//! Draws from a seeded generator.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A seeded generator: the same seed, the same draws, on every machine.
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    /// One for a purpose of its own within a go.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(
            seed ^ purpose.wrapping_mul(0x9E37_79B9_7F4A_7C15),
        ))
    }

    /// A number of `[0, 1)`.
    pub(super) fn unit(&mut self) -> f64 {
        // 53 bits fill the fraction of a double.
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number below `n`, which is not 0. Its bias is below 2^-40 for all that is counted here.
    pub(super) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.0.next_u64()) * n as u128) >> 64) as usize
    }

    /// Puts things in an order drawn at random.
    pub(super) fn shuffle<T>(&mut self, things: &mut [T]) {
        for at in (1..things.len()).rev() {
            things.swap(at, self.below(at + 1));
        }
    }
}
