//! Room `vision`.
