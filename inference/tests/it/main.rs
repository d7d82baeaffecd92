//! The room through its door.

mod catalog;
mod hostile;
mod reference;
mod runtimes;
