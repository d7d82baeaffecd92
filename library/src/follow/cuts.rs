//! Where one scene ends and the next begins.

use regard_vision::RgbView;

/// Cells along one side of what is remembered of a frame.
const SIDE: usize = 16;

/// Mean change of brightness of the cells, of 256, from which a frame begins a new scene; and how many times the change before it.
/// Origin: a face that crosses the whole of a still picture changes a tenth of its cells by less than 100.
const CUT_CHANGE: f32 = 24.0;
const CUT_TIMES: f32 = 3.0;

/// Notices cuts, frame by frame.
#[derive(Default)]
pub(crate) struct CutFinder {
    last: Option<[f32; SIDE * SIDE]>,
    last_change: f32,
}

impl CutFinder {
    /// Whether a scene begins with this frame; the first never does.
    pub(crate) fn is_cut(&mut self, picture: RgbView<'_>) -> bool {
        let cells = brightness(picture);
        let change = self.last.map_or(0.0, |last| {
            let sum: f32 = last.iter().zip(cells).map(|(a, b)| (a - b).abs()).sum();
            sum / cells.len() as f32
        });
        let is_cut = change >= CUT_CHANGE && change >= self.last_change * CUT_TIMES;
        // Of two changes in a row the second is measured against what went before both.
        self.last_change = if is_cut { 0.0 } else { change };
        self.last = Some(cells);
        is_cut
    }
}

/// Brightness at the middles of the cells of a grid, each the mean of a few pixels.
fn brightness(picture: RgbView<'_>) -> [f32; SIDE * SIDE] {
    const N_PROBES: usize = 4;
    let (width, height) = (
        picture.size().width as usize,
        picture.size().height as usize,
    );
    std::array::from_fn(|at| {
        let (column, row) = (at % SIDE, at / SIDE);
        let mut sum = 0.0;
        for probe in 0..N_PROBES * N_PROBES {
            let place = |cell: usize, probe: usize, len: usize| {
                ((cell * N_PROBES + probe) * len) / (SIDE * N_PROBES)
            };
            let x = place(column, probe % N_PROBES, width);
            let y = place(row, probe / N_PROBES, height);
            let from = (y * width + x) * 3;
            sum += picture.pixels()[from..from + 3]
                .iter()
                .map(|value| f32::from(*value))
                .sum::<f32>();
        }
        sum / (3 * N_PROBES * N_PROBES) as f32
    })
}

#[cfg(test)]
mod tests {
    use regard_domain::FrameSize;

    use super::*;

    fn is_cut(finder: &mut CutFinder, pixel: impl Fn(usize, usize) -> u8) -> bool {
        let size = FrameSize {
            width: 64,
            height: 48,
        };
        let pixels: Vec<u8> = (0..64 * 48)
            .flat_map(|at| [pixel(at % 64, at / 64); 3])
            .collect();
        finder.is_cut(RgbView::new(&pixels, size).unwrap())
    }

    #[test]
    fn a_new_scene_is_a_cut_and_movement_is_none() {
        let mut finder = CutFinder::default();
        for at in 0..40 {
            // A bright square crosses a dark room.
            let moved = |x: usize, y: usize| {
                if x.abs_diff(at) < 8 && y < 24 {
                    200
                } else {
                    60
                }
            };
            assert!(!is_cut(&mut finder, moved), "{at}");
        }
        let street = |x: usize, y: usize| ((x * 7 + y * 3) % 255) as u8;
        assert!(is_cut(&mut finder, street));
        assert!(!is_cut(&mut finder, street));
    }
}
