//! Room `commitments`.
