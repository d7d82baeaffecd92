//! Room `evaluation`: what a policy would have earned, and how sure that is.
//!
//! In: logs of decisions with their probabilities, rewards, policies. Out: estimates with intervals,
//! sequences that may be looked at any time, streams of made-up audiences. This room never does
//! I/O, never reads a clock, never decides for a real screen, and knows no person.

mod simulator;

pub use simulator::{
    BadStream, Contest, ContestError, LoggedRound, LoggedStream, Round, Stream, World,
};
