//! Room `testkit`.

#[cfg(feature = "acme")]
pub mod acme;
pub mod actor;
#[cfg(feature = "certificates")]
mod authority;
#[cfg(feature = "broker")]
pub mod broker;
pub mod clip;
#[cfg(feature = "gallery")]
pub mod conformance;
pub mod injection;
pub mod mot;
pub mod passersby;
#[cfg(unix)]
pub mod postgres;
pub mod products;
#[cfg(feature = "sitting")]
pub mod sitting;
pub mod stage;
#[cfg(feature = "turns")]
pub mod turns;
pub mod wall;
