//! Everything that reads foreign bytes, as functions that take any bytes.
//!
//! Each target is a plain function that panics when an invariant is broken, and answers whether the bytes
//! were taken for what they should be, so that tests know that they get anywhere. `fuzz_targets/` hands them to
//! libFuzzer (`cargo xtask slow fuzz --target NAME`); `tests/it` hands them damaged seeds
//! on any compiler; `cargo xtask slow fuzz` does either.

mod mutator;
mod seeds;
mod target;

/// The configuration of an installation, which belongs to the program and is in no library.
#[path = "../../cli/src/config"]
#[allow(dead_code, reason = "the program uses more of it than we do")]
mod config {
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
    mod load;
    mod path;
    mod promises;
    mod reader;
    mod repairs;
    mod tls;

    pub(crate) use load::load;
}

pub use mutator::Mutator;
pub use seeds::seeds;
pub use target::{
    audit, backup, campaigns, clip, commitments, config, credentials, frame_message, http_camera,
    job_log, jpeg, learned, ledger, legal_papers, list, log, manifest, model, motion_jpeg, note,
    papers, photo, preferences, proof, ranking, recording, remembered, services, source, tape,
    upload, video, zipped, zones,
};

/// A function that takes any bytes, by name.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// As in `fuzz_targets/`.
    pub name: &'static str,
    /// What it does.
    pub run: fn(&[u8]) -> bool,
    /// How many damaged inputs are a sample, with a compiler that optimises little: a second or two.
    pub n_sample: usize,
}

macro_rules! targets {
    ($($name:ident: $n_sample:expr,)+) => {
        /// All of them.
        pub const TARGETS: &[Target] = &[
            $(Target { name: stringify!($name), run: $name, n_sample: $n_sample },)+
        ];
    };
}

targets! {
    photo: 4_000,
    jpeg: 3_000,
    motion_jpeg: 6_000,
    clip: 6_000,
    video: 200,
    http_camera: 10_000,
    model: 400,
    config: 400,
    commitments: 1_500,
    ledger: 3_000,
    note: 3_000,
    papers: 1_500,
    recording: 2_000,
    campaigns: 10_000,
    log: 1_500,
    proof: 3_000,
    ranking: 10_000,
    upload: 10_000,
    frame_message: 10_000,
    source: 30_000,
    zones: 10_000,
    preferences: 20_000,
    services: 20_000,
    audit: 2_000,
    legal_papers: 2_000,
    credentials: 3_000,
    manifest: 300,
    learned: 5_000,
    backup: 100,
    tape: 400,
    zipped: 400,
    list: 400,
    job_log: 400,
    remembered: 2_000,
}
