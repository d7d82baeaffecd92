//! The room through its door.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by stopping"
)]
#![expect(
    clippy::print_stdout,
    reason = "what was skipped and what was measured is told"
)]

mod catalog;
mod hostile;
mod reference;
mod runtimes;
