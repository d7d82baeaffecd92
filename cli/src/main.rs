//! The `regard` binary.
fn main() {}
