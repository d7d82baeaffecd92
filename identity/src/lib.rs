//! Room `identity`: who of those who enrolled this is, or nobody.
//!
//! In: [`regard_vision::FaceChip`]s, the key of the Recognition gate, and what was enrolled. Out: embeddings and
//! templates for those who may keep them, similarities, hits, and what a similarity is worth ([`MatchScale`]).
//! This room never does I/O, never reads the clock, never draws at random by itself, keeps no template longer than it is
//! enrolled, and never names anybody: what it knows of a person is a random id.
//!
//! # What is computed
//!
//! ```text
//! FaceChip ─Embedder─▶ Embedding ─GalleryTransform─▶ Template ─▶ Gallery (1:N) or a token (1:1)
//!    Embedding (probe) ─Gallery::search─▶ Hits ─MatchScale─▶ an Identification
//!    Embedding (probe) ─Template::verify─▶ Similarity ─MatchScale─▶ a Verification
//! ```
//!
//! # Unsafe code
//!
//! `unsafe` is denied in the workspace; the exception is `kernel`, which compares a probe with sixteen rows at once by vector
//! instructions, on slices whose lengths it has checked.

mod embedder;
mod embedding;
mod gallery;
#[expect(unsafe_code, reason = "vector instructions; see the head")]
mod kernel;
mod match_scale;
mod similarity;
mod template;
mod transform;

pub use embedder::{EMBEDDING_DIMENSION, EMBEDDING_MODEL, EmbedError, Embedder};
pub use embedding::{Embedding, MAX_DIMENSION};
pub use gallery::{
    Enrolment, ExactGallery, Gallery, GalleryError, GalleryLimits, Hit, MAX_HITS,
    MAX_TEMPLATES_PER_PERSON, Merge, Part, SearchAnswer, Shard, ShardedGallery, TemplateKind,
};
#[cfg(feature = "hnsw")]
pub use gallery::{NearGallery, NearLimits};
pub use kernel::kernel_name;
pub use match_scale::{
    Identification, MatchScale, Rate, ScaleFault, TargetRate, Threshold, Verification,
};
pub use similarity::Similarity;
pub use template::{ModelTag, TEMPLATE_VERSION, Template, TemplateFault};
pub use transform::{GalleryTransform, Rekeying, TransformId};
