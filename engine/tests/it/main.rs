//! The engine through its door: real networks on the real clip, a real store in a fresh folder.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod faulty_store;
mod support;
mod welcome;

mod closed_loop;
mod disk;
mod gate;
mod held_up;
mod recognition;
mod restart;
mod slots;
mod zones;
