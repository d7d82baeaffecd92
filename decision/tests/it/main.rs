//! Room tests, through the door only.
#![expect(missing_docs, reason = "tests have names")]

mod caps;
mod director;
mod learning;
mod planner;
mod policies;
mod rewards;
mod support;
