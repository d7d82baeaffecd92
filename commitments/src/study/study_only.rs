//! What was found of a participant, and whom it opens to.

use std::fmt;

use regard_domain::Timestamp;

use super::MicroExpressions;
use crate::digest::Digest;

/// Something that was found by looking for micro-expressions. It converts into nothing, is not serialized, and opens only with
/// the key of the sitting in which it was found, while the participant's consent holds.
///
/// # Privacy
/// Does not print what is in it.
///
/// # Examples
/// ```compile_fail
/// # use regard_commitments::StudyOnly;
/// fn reward(found: StudyOnly<f32>) -> f32 {
///     found.into()
/// }
/// ```
pub struct StudyOnly<T> {
    value: T,
    sitting: Digest,
}

impl<T> fmt::Debug for StudyOnly<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StudyOnly(withheld)")
    }
}

impl<T> StudyOnly<T> {
    /// What was found, for as long as the participant agrees.
    pub fn open(&self, key: &MicroExpressions, now: Timestamp) -> Option<&T> {
        (key.sitting == self.sitting && key.is_live_at(now)).then_some(&self.value)
    }
}

impl MicroExpressions {
    /// Closes what was found in this sitting.
    pub fn found<T>(&self, value: T) -> StudyOnly<T> {
        StudyOnly {
            value,
            sitting: self.sitting,
        }
    }
}
