//! Animated GIF.
