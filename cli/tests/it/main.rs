//! The program through its command line.

mod analyze;
mod config;
mod doctor;
mod models;
mod program;
mod serve;
