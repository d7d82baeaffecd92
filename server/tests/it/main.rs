//! The server through its door: a real engine, a real socket on loopback.

mod api;
mod client;
mod guards;
mod pages;
mod streams;
mod uploads;
mod world;
