//! looking.
