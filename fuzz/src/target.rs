//! What is done with the bytes, and what must hold whatever they are.

pub(crate) mod collections;
pub(crate) mod keeping;
mod logs;
mod pictures;
mod promises;
mod services;
mod site;
mod streams;

pub use collections::{job_log, list, remembered, tape, zipped};
pub use keeping::{
    audit, backup, credentials, learned, legal_papers, manifest, preferences, zones,
};
pub(crate) use logs::proof_signer;
pub use logs::{log, proof, ranking};
pub use pictures::{frame_message, jpeg, photo, upload};
pub use promises::{commitments, ledger, note, papers};
pub use services::services;
pub use site::{campaigns, config, model, recording, source};
pub use streams::{clip, http_camera, motion_jpeg, video};

/// Work that may be lengthy is left out for inputs longer than this, in bytes.
const MAX_LEN: usize = 1 << 20;
