//! Whose face stays to be seen.

use regard_vision::Picture;

use crate::find_me::{Bounds, Likeness};
use crate::follow::{CompareFault, Comparer, similarities};

/// Seconds of a track of which the best crop is looked at.
pub(super) const WINDOW_SECS: f64 = 0.25;

/// Compares faces with that of one person who agreed, and says from when on they count as theirs.
pub trait Keeper: Comparer {
    /// From which similarities a face counts as theirs.
    fn bounds(&self) -> Bounds;
}

/// The likeness of each crop; nothing where no face was found in it.
pub(super) fn likenesses(
    keeper: &mut dyn Keeper,
    crops: &[&Picture],
) -> Result<Vec<Option<Likeness>>, CompareFault> {
    let bounds = keeper.bounds();
    let all = similarities(keeper, crops)?;
    Ok(all
        .into_iter()
        .map(|similarity| similarity.map(|similarity| bounds.of(similarity)))
        .collect())
}
