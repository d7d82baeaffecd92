//! Room `audience`.
