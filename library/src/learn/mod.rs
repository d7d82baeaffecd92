//! Learning classes of things from photographs, and telling them with an error that is promised.
//!
//! [`learn`] takes every photograph of a collection once: it is embedded, embeddings are spooled to disk, a head is chosen and
//! taught, calibrated and tested on photographs that taught it nothing. [`LearnedModel`] then says of a picture which classes it
//! may be, or that it is like none of them.

mod chance;
mod choose;
mod collected;
mod conformal;
mod curve;
mod drift;
mod embedder;
mod examples;
mod findings;
mod gather;
mod linear;
mod logistic;
mod model;
mod people;
mod prototypes;
mod report;
mod rows;
mod split;
mod teach;
mod trials;

pub use choose::{HeadKind, Tried};
pub use collected::CollectedExamples;
pub use conformal::{Abstention, MAX_CASES, Promise, n_to_promise};
pub use curve::{Curve, CurvePoint, Needed};
pub use drift::{DriftVerdict, DriftWatch, Impression, in_drawn_order};
pub use embedder::{
    ColorOrder, DEFAULT_NETWORK, DESCRIPTOR, EmbedError, Embedder, Fit, Layout, NetworkChoice,
    NetworkError, NetworkFile, NetworkNote, Preprocessing, ResizeError,
};
pub use examples::{Example, ExampleContent, Examples, ExamplesError, MAX_CLASSES, Unread};
pub use findings::{ClassTest, Doubt, Findings, ReliabilityBin, Tested};
pub use gather::Progress;
pub use model::{
    Classified, GREATEST_ERROR, LEAST_ERROR, LearnedModel, ModelFileError, ModelNote, WrongLength,
};
pub use report::{needed_in_words, obstacles, report_page, thumbnail};
pub use rows::{MAX_DIM, MAX_EXAMPLES, Rows, SpoolError, Table};
pub use teach::{LearnError, LearnSettings, Machinery, learn};
pub use trials::{SplitTrials, TrialError, split_trials};

/// Inner parts that read foreign bytes, for `fuzz/` alone.
#[cfg(feature = "fuzz")]
pub(crate) use model::{sample_body, with_its_hash};
