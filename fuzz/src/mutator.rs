//! Damage, the same for the same seed.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Numbers at which lengths and counts go wrong.
const EDGES: [u32; 10] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    u32::MAX,
];

/// Longest input it makes, in bytes; what is longer is cut.
const MAX_LEN: usize = 1 << 20;

/// Most changes to one input.
const MAX_CHANGES: u32 = 6;

/// Damages inputs: bits, bytes, numbers, cuts, repetitions, and parts of others.
#[derive(Debug)]
pub struct Mutator {
    rng: ChaCha8Rng,
}

impl Mutator {
    /// A mutator of that seed.
    pub fn new(seed: u64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// One of the seeds, damaged. There must be one.
    pub fn damaged(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..self.rng.random_range(1..=MAX_CHANGES) {
            self.change(&mut bytes, seeds);
        }
        bytes.truncate(MAX_LEN);
        bytes
    }

    fn below(&mut self, n: usize) -> usize {
        self.rng.random_range(0..n.max(1))
    }

    /// A place in the bytes; half of the time in their head, where damage hurts.
    fn place(&mut self, len: usize) -> usize {
        let head = if self.rng.random() { len } else { len.min(256) };
        self.below(head)
    }

    fn range(&mut self, len: usize) -> std::ops::Range<usize> {
        let start = self.place(len);
        let n = self
            .below(len - start.min(len) + 1)
            .min(1 + self.below(512));
        start..(start + n).min(len)
    }

    fn change(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let len = bytes.len();
        if len == 0 {
            bytes.push(self.rng.random());
            return;
        }
        let at = self.place(len);
        match self.below(9) {
            0 => bytes[at] ^= 1 << self.below(8),
            1 => bytes[at] = self.rng.random(),
            2 => {
                let edge = EDGES[self.below(EDGES.len())];
                let four = if self.rng.random() {
                    edge.to_le_bytes()
                } else {
                    edge.to_be_bytes()
                };
                let n = [1, 2, 4][self.below(3)].min(len - at);
                bytes[at..at + n].copy_from_slice(&four[..n]);
            }
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(self.range(len))),
            5 => {
                let part = bytes[self.range(len)].to_vec();
                bytes.splice(at..at, part);
            }
            6 => {
                let other = &seeds[self.below(seeds.len())];
                let part = other[self.range(other.len())].to_vec();
                bytes.splice(at..at, part);
            }
            7 => {
                let other = &seeds[self.below(seeds.len())];
                let part = other[self.range(other.len())].to_vec();
                let n = part.len().min(len - at);
                bytes[at..at + n].copy_from_slice(&part[..n]);
            }
            _ => {
                // A number in a text, made another.
                let digit = bytes.iter().skip(at).position(u8::is_ascii_digit);
                if let Some(digit) = digit {
                    let number = EDGES[self.below(EDGES.len())].to_string();
                    let sign: &[u8] = if self.rng.random() { b"-" } else { b"" };
                    let text = [sign, number.as_bytes()].concat();
                    bytes.splice(at + digit..=at + digit, text);
                }
            }
        }
    }
}
