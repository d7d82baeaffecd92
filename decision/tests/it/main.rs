//! Room tests, through the door only.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod caps;
mod director;
mod harmless;
mod learners;
mod learning;
mod planner;
mod policies;
mod rewards;
mod support;
