//! The configuration of an installation: `regard.toml`, the commitments, the campaign files.

mod asset;
mod campaigns;
mod compat;
mod connectors;
mod document;
mod fault;
mod filler;
mod form;
mod gallery;
mod hint;
mod install;
mod load;
mod path;
mod promises;
mod reader;
mod repairs;
mod tls;

pub(crate) use gallery::shard_secret;
pub(crate) use install::install;
pub(crate) use load::{ASSETS, Site, load};
pub(crate) use tls::CERTIFICATES;

#[cfg(test)]
mod tests;
