//! Room `testkit`.

pub mod mot;
pub mod passersby;
pub mod wall;
