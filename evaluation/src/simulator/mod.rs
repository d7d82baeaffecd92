//! Made-up audiences whose tastes are known, so that regret can be counted.

mod stream;
mod world;

pub use stream::{Round, Stream};
pub use world::World;
