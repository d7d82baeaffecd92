//! Made-up audiences whose tastes are known, so that regret can be counted.

mod contest;
mod stream;
mod world;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

pub use contest::{Contest, ContestError, LoggedRound, LoggedStream};
pub use stream::{BadStream, Round, Stream};
pub use world::World;

/// A place, drawn by probabilities that sum to about 1.
pub(crate) fn draw(probabilities: &[f32], rng: &mut ChaCha8Rng) -> usize {
    let total: f64 = probabilities.iter().copied().map(f64::from).sum();
    let mut left = rng.random::<f64>() * total;
    for (i, p) in probabilities.iter().copied().map(f64::from).enumerate() {
        if left < p {
            return i;
        }
        left -= p;
    }
    probabilities.iter().rposition(|p| *p > 0.0).unwrap_or(0)
}
