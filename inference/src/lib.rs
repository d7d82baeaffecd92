//! Room `inference`.
