//! Large collections of pictures: what is in them, in bulk.
//!
//! In: folders, archives, lists and object stores full of photographs and videos; folders of examples. Out: the bytes of each,
//! once; rows of a job that survive any interruption; classifiers that keep to an error they promised. Never: who somebody is
//! without their token, a name for a face that nobody vouched for, an unbounded read of what a header claims.

mod fault;
mod find_me;
mod follow;
mod in_order;
mod job;
mod learn;
mod redact;
mod rows;
mod sink;
mod source;

pub use fault::{Fault, FaultKind};
pub use in_order::in_order;
pub use job::{
    AnalysisHash, CONTENTS_REMEMBERED, Claims, ContentHash, Finding, Job, JobError, JobSettings,
    LOOKS_COMPARED, Look, LookHash, MAX_DIFFERENCE, Remembered, Remembering, Resuming, Row,
    SampleRule, SampleSize, Sampled, look_at,
};
pub use learn::{
    Abstention, ClassTest, Classified, CollectedExamples, ColorOrder, Curve, CurvePoint,
    DEFAULT_NETWORK, DESCRIPTOR, Doubt, DriftVerdict, DriftWatch, EmbedError, Embedder, Example,
    ExampleContent, Examples, ExamplesError, Findings, Fit, GREATEST_ERROR, HeadKind, Impression,
    LEAST_ERROR, Layout, LearnError, LearnSettings, LearnedModel, MAX_CASES, MAX_CLASSES, MAX_DIM,
    MAX_EXAMPLES, Machinery, ModelFileError, ModelNote, Needed, NetworkChoice, NetworkError,
    NetworkFile, NetworkNote, Preprocessing, Progress, Promise, ReliabilityBin, ResizeError, Rows,
    SplitTrials, SpoolError, Table, Tested, TrialError, Tried, Unread, WrongLength, in_drawn_order,
    learn, n_to_promise, needed_in_words, obstacles, report_page, split_trials, thumbnail,
};
pub use rows::{
    Cell, Column, ColumnKind, FACE_COLUMNS, FaceRow, Facts, ITEM_COLUMNS, ItemRow, MediaKind, Place,
};
pub use sink::{ParquetTable, TableError};
pub use source::{
    Content, DEFAULT_MAX_ITEM_BYTES, DEFAULT_MAX_RATIO, Found, Input, Item, Limits, Loaded,
    MovingPicture, PhotoBytes, SourceError, SourceOptions, Sources, StoreAddress, Visitor, Wish,
    on_one_line, source_text,
};

pub use find_me::{Bounds, Likeness, Seeker, SeenVideo, Span, share_of_theirs};
pub use follow::{CompareFault, Comparer, WatchError};
pub use redact::{
    DEFAULT_MARGIN, Keeper, RedactError, RedactOptions, RedactStep, Redacted, Redactor,
};

/// Inner parts that read foreign bytes, for `fuzz/` alone.
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz {
    /// Body of a small model, without its hash.
    pub fn model_body() -> Vec<u8> {
        crate::learn::sample_body()
    }

    /// A body with the hash that belongs to it.
    pub fn model_with_its_hash(body: &[u8]) -> Vec<u8> {
        crate::learn::with_its_hash(body)
    }

    /// What is remembered of an item, with the sum that belongs to it under that key.
    pub fn remembered_with_its_sum(key: &[u8; 32], rest: &[u8]) -> Vec<u8> {
        crate::job::with_its_sum(key, rest)
    }
}
