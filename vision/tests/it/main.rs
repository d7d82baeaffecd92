//! The room through its door, with the real networks.

mod clip;
mod hostile;
mod photos;
mod support;
