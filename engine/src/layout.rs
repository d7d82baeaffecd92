//! How the glass of a screen is parted into slots, each of which shows a message of its own.

use regard_domain::SlotId;
use thiserror::Error;

/// Most slots of a screen: more messages at once are not read by anybody who passes.
pub const MAX_SLOTS: usize = 6;

/// Least width and height of a slot, in percent: a line of words on a full-HD screen.
pub const MIN_SLOT_PERCENT: u8 = 10;

/// All of the glass that is for messages, in percent.
const WHOLE: u16 = 100;

/// Where one slot lies on the part of the glass that is for messages: what the notice leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotArea {
    /// Its id.
    pub slot: SlotId,
    /// Left edge, in percent of the width from the left.
    pub left_percent: u8,
    /// Top edge, in percent of the height from the top.
    pub top_percent: u8,
    /// Width, in percent.
    pub width_percent: u8,
    /// Height, in percent.
    pub height_percent: u8,
}

impl SlotArea {
    fn right(&self) -> u16 {
        u16::from(self.left_percent) + u16::from(self.width_percent)
    }

    fn bottom(&self) -> u16 {
        u16::from(self.top_percent) + u16::from(self.height_percent)
    }

    fn lies_over(&self, other: &Self) -> bool {
        let meet =
            |a: u8, a_end: u16, b: u8, b_end: u16| u16::from(a) < b_end && u16::from(b) < a_end;
        meet(
            self.left_percent,
            self.right(),
            other.left_percent,
            other.right(),
        ) && meet(
            self.top_percent,
            self.bottom(),
            other.top_percent,
            other.bottom(),
        )
    }
}

/// Why slots are no layout. `place` counts them from 0.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadLayout {
    /// None, or too many.
    #[error("expected 1 to {MAX_SLOTS} slots, found {0}")]
    Count(usize),
    /// An id that another slot of the screen has.
    #[error("expected an id of its own, found \"{slot}\" a second time")]
    Twice {
        /// Which slot.
        place: usize,
        /// Its id.
        slot: SlotId,
    },
    /// Too small for a message.
    #[error(
        "expected at least {MIN_SLOT_PERCENT} percent of width and height, found {width_percent} by {height_percent}"
    )]
    Small {
        /// Which slot.
        place: usize,
        /// Its width.
        width_percent: u8,
        /// Its height.
        height_percent: u8,
    },
    /// Part of it is not on the glass.
    #[error(
        "expected a slot that ends within 100 percent, found one that ends at {right} from the left and {bottom} from the top"
    )]
    Outside {
        /// Which slot.
        place: usize,
        /// Its right edge in percent.
        right: u16,
        /// Its bottom edge.
        bottom: u16,
    },
    /// It lies over a slot before it.
    #[error("expected a part of the glass of its own, found one that lies over slot \"{other}\"")]
    Over {
        /// Which slot.
        place: usize,
        /// Over which.
        other: SlotId,
    },
}

impl BadLayout {
    /// The slot at fault, from 0; nothing where it is their number.
    pub const fn place(&self) -> Option<usize> {
        match self {
            Self::Count(_) => None,
            Self::Twice { place, .. }
            | Self::Small { place, .. }
            | Self::Outside { place, .. }
            | Self::Over { place, .. } => Some(*place),
        }
    }
}

/// The slots of a screen: 1 to 6, none over another, each on the glass. The first chooses its message first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout(Vec<SlotArea>);

impl Layout {
    /// Checks the slots and takes them, in the order in which they choose.
    ///
    /// # Errors
    /// Every [`BadLayout`].
    pub fn new(areas: Vec<SlotArea>) -> Result<Self, Vec<BadLayout>> {
        let mut faults = Vec::new();
        if !(1..=MAX_SLOTS).contains(&areas.len()) {
            faults.push(BadLayout::Count(areas.len()));
        }
        for (place, area) in areas.iter().enumerate() {
            let before = &areas[..place];
            if before.iter().any(|other| other.slot == area.slot) {
                let slot = area.slot.clone();
                faults.push(BadLayout::Twice { place, slot });
            }
            let (width_percent, height_percent) = (area.width_percent, area.height_percent);
            if width_percent.min(height_percent) < MIN_SLOT_PERCENT {
                faults.push(BadLayout::Small {
                    place,
                    width_percent,
                    height_percent,
                });
            }
            let (right, bottom) = (area.right(), area.bottom());
            if right.max(bottom) > WHOLE {
                faults.push(BadLayout::Outside {
                    place,
                    right,
                    bottom,
                });
            }
            if let Some(other) = before.iter().find(|other| area.lies_over(other)) {
                let other = other.slot.clone();
                faults.push(BadLayout::Over { place, other });
            }
        }
        if faults.is_empty() {
            Ok(Self(areas))
        } else {
            Err(faults)
        }
    }

    /// The slots, in the order in which they choose.
    pub fn areas(&self) -> &[SlotArea] {
        &self.0
    }

    /// Their ids.
    pub fn slots(&self) -> impl Iterator<Item = &SlotId> {
        self.0.iter().map(|area| &area.slot)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn area(slot: &str, [left, top, width, height]: [u8; 4]) -> SlotArea {
        SlotArea {
            slot: slot.parse().unwrap(),
            left_percent: left,
            top_percent: top,
            width_percent: width,
            height_percent: height,
        }
    }

    #[test]
    fn slots_lie_on_the_glass_and_not_over_each_other() {
        let good = vec![
            area("main", [0, 0, 70, 80]),
            area("side", [70, 0, 30, 80]),
            area("strip", [0, 80, 100, 20]),
        ];
        let layout = Layout::new(good.clone()).unwrap();
        assert_eq!(layout.areas(), good);
        let ids: Vec<&str> = layout.slots().map(SlotId::as_str).collect();
        assert_eq!(ids, ["main", "side", "strip"]);
        assert_eq!(Layout::new(Vec::new()), Err(vec![BadLayout::Count(0)]));
        // Every mistake is told, each at its slot.
        let bad = vec![area("main", [0, 0, 70, 100]), area("main", [69, 0, 32, 9])];
        let faults = Layout::new(bad).unwrap_err();
        let places: Vec<Option<usize>> = faults.iter().map(BadLayout::place).collect();
        assert_eq!(places, [Some(1); 4]);
        let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "expected an id of its own, found \"main\" a second time",
                "expected at least 10 percent of width and height, found 32 by 9",
                "expected a slot that ends within 100 percent, found one that ends at 101 from the left and 9 from the top",
                "expected a part of the glass of its own, found one that lies over slot \"main\"",
            ]
        );
    }

    proptest! {
        /// The oracle looks at every hundredth of the glass.
        #[test]
        fn what_is_a_layout_covers_no_place_twice(
            sides in prop::collection::vec((0..100_u8, 0..100_u8, 5..101_u8, 5..101_u8), 1..5),
        ) {
            let areas: Vec<SlotArea> = sides
                .iter()
                .enumerate()
                .map(|(i, side)| area(&format!("s{i}"), [side.0, side.1, side.2, side.3]))
                .collect();
            let mut times = [[0_u8; 210]; 210];
            for side in &sides {
                for x in side.0..side.0 + side.2 {
                    for y in side.1..side.1 + side.3 {
                        times[usize::from(x)][usize::from(y)] += 1;
                    }
                }
            }
            let is_once = times.iter().flatten().all(|n| *n <= 1);
            let is_within = times.iter().enumerate().all(|(x, column)| {
                column.iter().enumerate().all(|(y, n)| *n == 0 || (x < 100 && y < 100))
            });
            let is_large = sides.iter().all(|side| side.2 >= 10 && side.3 >= 10);
            prop_assert_eq!(Layout::new(areas).is_ok(), is_once && is_within && is_large);
        }
    }
}
