use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::fill::apart;
use super::*;

const STYLES: [RedactionStyle; 4] = [
    RedactionStyle::Blur,
    RedactionStyle::Pixelate,
    RedactionStyle::Box,
    RedactionStyle::Remove,
];

const SIZE: FrameSize = FrameSize {
    width: 64,
    height: 48,
};

fn noise(seed: u64) -> Picture {
    let mut rng = StdRng::seed_from_u64(seed);
    let pixels = (0..SIZE.width * SIZE.height * 3)
        .map(|_| (rng.next_u32() >> 24) as u8)
        .collect();
    Picture::from_rgb(pixels, SIZE).unwrap()
}

fn copy(picture: &Picture) -> Picture {
    Picture::from_rgb(picture.pixels().to_vec(), picture.size()).unwrap()
}

fn boxed(left: f32, top: f32, width: f32, height: f32) -> BBox {
    BBox::new(left, top, width, height).unwrap()
}

proptest! {
    /// The law of redaction: whatever was inside, given the veil, what comes out is the same.
    #[test]
    fn nothing_inside_shows_but_by_the_veil(
        seed: u64, left in -20.0_f32..70.0, top in -20.0_f32..50.0, width in 1.0_f32..60.0, height in 1.0_f32..60.0,
    ) {
        let area = boxed(left, top, width, height);
        let first = noise(seed);
        let veil = Veil::of(first.view(), &area, &mut StdRng::seed_from_u64(1));
        let mut other = copy(&first);
        if let Some(rect) = Rect::of(&area, SIZE) {
            for row in rect.rows() {
                for column in rect.columns() {
                    let at = (row * SIZE.width as usize + column) * 3;
                    other.pixels_mut()[at..at + 3].copy_from_slice(&[7, 99, 201]);
                }
            }
        }
        for style in STYLES {
            let (mut a, mut b) = (copy(&first), copy(&other));
            cover(&mut a, &[(area, &veil)], style);
            cover(&mut b, &[(area, &veil)], style);
            prop_assert_eq!(a.pixels(), b.pixels(), "{:?}", style);
        }
    }

    /// What is not touched stays as it is, byte for byte.
    #[test]
    fn nothing_outside_changes(seed: u64, left in 0.0_f32..60.0, top in 0.0_f32..44.0, side in 1.0_f32..30.0) {
        let area = boxed(left, top, side, side);
        let before = noise(seed);
        let veil = Veil::of(before.view(), &area, &mut StdRng::seed_from_u64(1));
        for style in STYLES {
            let mut after = copy(&before);
            cover(&mut after, &[(area, &veil)], style);
            for (at, (a, b)) in before.pixels().chunks(3).zip(after.pixels().chunks(3)).enumerate() {
                let (x, y) = ((at % 64) as f32, (at / 64) as f32);
                let is_touched = x + 1.0 > area.left() && x < area.right() && y + 1.0 > area.top() && y < area.bottom();
                prop_assert!(is_touched || a == b, "{:?} at {} {}", style, x, y);
            }
        }
    }

    #[test]
    fn areas_come_apart_and_cover_all(
        boxes in prop::collection::vec((0.0_f32..60.0, 0.0_f32..44.0, 1.0_f32..20.0, 1.0_f32..20.0), 0..12),
    ) {
        let areas: Vec<Rect> =
            boxes.iter().filter_map(|(x, y, w, h)| Rect::of(&boxed(*x, *y, *w, *h), SIZE)).collect();
        let joined = apart(areas.clone());
        for area in &areas {
            let is_covered = joined.iter().any(|by| {
                by.left <= area.left && by.top <= area.top
                    && by.columns().end >= area.columns().end && by.rows().end >= area.rows().end
            });
            prop_assert!(is_covered);
        }
        for (i, a) in joined.iter().enumerate() {
            for b in &joined[i + 1..] {
                let apart = a.columns().end < b.left || b.columns().end < a.left
                    || a.rows().end < b.top || b.rows().end < a.top;
                prop_assert!(apart, "{:?} {:?}", a, b);
            }
        }
    }
}

#[test]
fn a_veil_holds_at_most_eight_values_a_channel() {
    let picture = noise(3);
    let area = boxed(5.0, 5.0, 40.0, 40.0);
    let veil = Veil::of(picture.view(), &area, &mut StdRng::seed_from_u64(4));
    assert!(
        veil.cells
            .iter()
            .flatten()
            .all(|v| v % COLOR_STEP == COLOR_STEP / 2)
    );
    let flat = veil.flat();
    assert!(flat.cells.iter().all(|cell| *cell == flat.cells[0]));
    assert_eq!(format!("{veil:?}"), "Veil(colours withheld)");
}

#[test]
fn all_of_a_picture_can_go() {
    for style in STYLES {
        let mut picture = noise(9);
        let area = boxed(-10.0, -10.0, 100.0, 100.0);
        let veil = Veil::of(picture.view(), &area, &mut StdRng::seed_from_u64(1)).flat();
        cover(&mut picture, &[(area, &veil)], style);
        let first = picture.pixels()[..3].to_vec();
        assert!(
            picture.pixels().chunks(3).all(|pixel| pixel == first),
            "{style:?}"
        );
    }
}

#[test]
fn a_crop_is_what_the_box_touches() {
    let picture = noise(5);
    let crop = picture.view().crop(&boxed(62.5, -3.0, 9.0, 5.0)).unwrap();
    assert_eq!(
        crop.size(),
        FrameSize {
            width: 2,
            height: 2
        }
    );
    assert_eq!(crop.pixels()[..6], picture.pixels()[62 * 3..64 * 3]);
    assert!(picture.view().crop(&boxed(70.0, 0.0, 5.0, 5.0)).is_none());
}
