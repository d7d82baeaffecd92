//! Room tests, through the door only.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod coverage;
mod formats;
mod reference;
mod study;
