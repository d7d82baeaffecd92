//! Parts of a camera's picture that are never looked at.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A picture is this many parts wide and as many high: at 1080p a part is one pixel or two.
const PARTS: u16 = 1_000;

/// Most corners of one zone: a counter goes round more than one pillar with fewer.
const MAX_CORNERS: usize = 32;

/// A part of a picture, inside a closed line of straight pieces: corners as `[x, y]` in thousandths of the width and height,
/// from the top left. Where the line crosses itself, what it goes round in either direction is inside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Vec<[u16; 2]>", into = "Vec<[u16; 2]>")]
pub struct Zone(Vec<[u16; 2]>);

/// Corners that make no zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadZone {
    /// Too few or too many.
    #[error("a zone has 3 to {MAX_CORNERS} corners, not {0}")]
    Corners(usize),
    /// Outside the picture.
    #[error("corner {0} is outside the picture: thousandths from 0 to {PARTS}")]
    Outside(usize),
    /// Nothing is inside.
    #[error("the corners lie on one line, so that nothing is inside")]
    Flat,
}

impl Zone {
    /// The zone with these corners, in thousandths.
    ///
    /// # Errors
    /// [`BadZone`], the first in the order of its cases.
    pub fn new(corners: Vec<[u16; 2]>) -> Result<Self, BadZone> {
        if !(3..=MAX_CORNERS).contains(&corners.len()) {
            return Err(BadZone::Corners(corners.len()));
        }
        let outside = corners
            .iter()
            .position(|corner| corner.iter().any(|part| *part > PARTS));
        if let Some(place) = outside {
            return Err(BadZone::Outside(place));
        }
        let (first, far) = (
            corners[0],
            corners.iter().find(|corner| **corner != corners[0]),
        );
        let is_flat = far.is_none_or(|far| corners.iter().all(|one| turn(first, *far, *one) == 0));
        if is_flat {
            Err(BadZone::Flat)
        } else {
            Ok(Self(corners))
        }
    }

    /// An upright rectangle, in thousandths.
    ///
    /// # Errors
    /// [`BadZone`].
    pub fn rectangle(left: u16, top: u16, width: u16, height: u16) -> Result<Self, BadZone> {
        let (right, bottom) = (left.saturating_add(width), top.saturating_add(height));
        Self::new(vec![
            [left, top],
            [right, top],
            [right, bottom],
            [left, bottom],
        ])
    }

    /// The corners, in thousandths.
    pub fn corners(&self) -> &[[u16; 2]] {
        &self.0
    }

    /// The pieces of the line, each from one corner to the next, in `[0, 1]²`.
    pub fn edges_in_unit(&self) -> impl Iterator<Item = ([f32; 2], [f32; 2])> {
        let unit = |corner: [u16; 2]| corner.map(|part| f32::from(part) / f32::from(PARTS));
        let next = self.0.iter().cycle().skip(1);
        self.0
            .iter()
            .zip(next)
            .map(move |(from, to)| (unit(*from), unit(*to)))
    }

    /// Whether a point given in `[0, 1]²` of the picture is inside. Points on the line are.
    pub fn contains_in_unit(&self, x: f32, y: f32) -> bool {
        let mut winding = 0;
        for ([x0, y0], [x1, y1]) in self.edges_in_unit() {
            let side = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0);
            let is_beside =
                (x0.min(x1)..=x0.max(x1)).contains(&x) && (y0.min(y1)..=y0.max(y1)).contains(&y);
            if side == 0.0 && is_beside {
                return true;
            }
            if y0 <= y && y1 > y && side > 0.0 {
                winding += 1;
            } else if y0 > y && y1 <= y && side < 0.0 {
                winding -= 1;
            }
        }
        winding != 0
    }
}

/// Which way the road from `a` over `b` to `c` turns; 0 when it does not.
fn turn(a: [u16; 2], b: [u16; 2], c: [u16; 2]) -> i64 {
    let [a, b, c] = [a, b, c].map(|point| point.map(i64::from));
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

impl TryFrom<Vec<[u16; 2]>> for Zone {
    type Error = BadZone;
    fn try_from(corners: Vec<[u16; 2]>) -> Result<Self, BadZone> {
        Self::new(corners)
    }
}

impl From<Zone> for Vec<[u16; 2]> {
    fn from(zone: Zone) -> Self {
        zone.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_has_an_inside_is_a_zone() {
        for (corners, fault) in [
            (vec![[0, 0], [1, 1]], Some(BadZone::Corners(2))),
            (vec![[0, 0]; 33], Some(BadZone::Corners(33))),
            (vec![[0, 0], [1_001, 0], [0, 9]], Some(BadZone::Outside(1))),
            (vec![[0, 0], [5, 5], [9, 9]], Some(BadZone::Flat)),
            (vec![[7, 7]; 3], Some(BadZone::Flat)),
            (vec![[0, 0], [1_000, 0], [0, 1_000]], None),
            // A bow: as much to the left as to the right.
            (vec![[0, 0], [9, 9], [9, 0], [0, 9]], None),
        ] {
            assert_eq!(Zone::new(corners.clone()).err(), fault, "{corners:?}");
        }
        assert_eq!(Zone::rectangle(900, 0, 101, 10), Err(BadZone::Outside(1)));
        assert_eq!(Zone::rectangle(900, 0, 0, 10), Err(BadZone::Flat));
    }

    #[test]
    fn both_halves_of_a_bow_and_the_middle_of_a_star_are_inside() {
        let bow = Zone::new(vec![[0, 0], [1_000, 1_000], [1_000, 0], [0, 1_000]]).unwrap();
        for (x, y, inside) in [
            (0.1, 0.5, true),
            (0.9, 0.5, true),
            (0.5, 0.1, false),
            (0.5, 0.9, false),
            (0.5, 0.5, true),
        ] {
            assert_eq!(bow.contains_in_unit(x, y), inside, "{x} {y}");
        }
        let star = Zone::new(vec![
            [500, 0],
            [800, 1_000],
            [0, 350],
            [1_000, 350],
            [200, 1_000],
        ])
        .unwrap();
        assert!(star.contains_in_unit(0.5, 0.5));
    }

    #[test]
    fn a_zone_comes_back_from_its_json_and_a_bad_one_does_not() {
        let zone = Zone::rectangle(0, 250, 500, 500).unwrap();
        let corners: Vec<[u16; 2]> = zone.clone().into();
        assert_eq!(Zone::try_from(corners), Ok(zone));
    }

    proptest! {
        /// A rectangle contains what its four sides say.
        #[test]
        fn rectangles_agree_with_four_comparisons(
            left in 0u16..900, top in 0u16..900, width in 1u16..100, height in 1u16..100, x in 0u16..=1_000, y in 0u16..=1_000,
        ) {
            let zone = Zone::rectangle(left, top, width, height).unwrap();
            let inside = (left..=left + width).contains(&x) && (top..=top + height).contains(&y);
            let unit = |part: u16| f32::from(part) / 1_000.0;
            prop_assert_eq!(zone.contains_in_unit(unit(x), unit(y)), inside);
        }

        /// A triangle contains the points that lie to the same hand of its three sides, in whole numbers.
        #[test]
        fn triangles_agree_with_three_turns(
            corners in prop::array::uniform3(prop::array::uniform2(0u16..=1_000)), point in prop::array::uniform2(0u16..=1_000),
        ) {
            let [a, b, c] = corners;
            prop_assume!(turn(a, b, c) != 0);
            let zone = Zone::new(corners.to_vec()).unwrap();
            let turns = [turn(a, b, point), turn(b, c, point), turn(c, a, point)];
            // On the line the float may say either.
            prop_assume!(turns.iter().all(|turn| turn.abs() > 2));
            let inside = turns.iter().all(|turn| *turn > 0) || turns.iter().all(|turn| *turn < 0);
            let [x, y] = point.map(|part| f32::from(part) / 1_000.0);
            prop_assert_eq!(zone.contains_in_unit(x, y), inside);
        }
    }
}
