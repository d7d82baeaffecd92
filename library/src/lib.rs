//! Large collections of pictures: what is in them, in bulk.
//!
//! In: folders, archives, lists and object stores full of photographs and videos; folders of examples. Out: the bytes of each,
//! once; rows of a job that survive any interruption; classifiers that keep to an error they promised. Never: who somebody is
//! without their token, a name for a face that nobody vouched for, an unbounded read of what a header claims.

mod fault;
mod job;
mod rows;
mod sink;
mod source;

pub use fault::{Fault, FaultKind};
pub use job::{
    CONTENTS_REMEMBERED, Claims, ContentHash, Finding, Job, JobError, JobSettings, LOOKS_COMPARED,
    Look, LookHash, MAX_DIFFERENCE, Resuming, Row, SampleRule, SampleSize, Sampled, look_at,
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
