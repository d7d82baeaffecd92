//! Room `decision`.
