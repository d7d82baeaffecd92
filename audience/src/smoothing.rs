//! smoothing.
