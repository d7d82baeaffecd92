//! Room `testkit`.

pub mod mot;
