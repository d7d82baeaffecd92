//! Large collections of pictures: what is in them, in bulk.
//!
//! In: folders, archives, lists and object stores full of photographs and videos; folders of examples. Out: the bytes of each,
//! once; rows of a job that survive any interruption; classifiers that keep to an error they promised. Never: who somebody is
//! without their token, a name for a face that nobody vouched for, an unbounded read of what a header claims.

mod find_me;
mod redact;

pub use find_me::{Bounds, Likeness, share_of_theirs};
pub use redact::{
    DEFAULT_MARGIN, KeepFault, Keeper, RedactError, RedactOptions, RedactStep, Redacted, Redactor,
};
