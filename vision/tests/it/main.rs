//! The room through its door, with the real networks.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not know for such"
)]

mod clip;
mod crops;
mod fine_mesh;
mod flash;
mod hostile;
mod photos;
mod quality;
mod support;
mod wall;
