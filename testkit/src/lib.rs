//! Room `testkit`.

pub mod actor;
#[cfg(feature = "gallery")]
pub mod conformance;
pub mod mot;
pub mod passersby;
pub mod stage;
pub mod wall;
