//! The room through its door.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not know for such"
)]

mod laws;
mod wiped;
