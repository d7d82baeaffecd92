//! Flashes in films: what lights up and goes dark again, how briefly and how often.

use std::collections::VecDeque;
use std::path::Path;

use regard_domain::FrameSize;

use crate::source::{RawPixels, VideoError, VideoOptions, open_video};

/// Cells that a picture is looked at in: a wide screen's shape, each some 20 pixels of a full one.
const GRID: FrameSize = FrameSize {
    width: 96,
    height: 54,
};

/// Change of relative luminance that is part of a flash, and the luminance that the darker end stays below.
///
/// # Source
/// WCAG 2.2, definition of general flash.
const LEAST_CHANGE: f32 = 0.1;
const DARK_BELOW: f32 = 0.8;

/// Part of the picture that has to change: a quarter of 341 by 256 pixels of 1024 by 768.
///
/// # Source
/// WCAG 2.2, definition of general flash and red flash thresholds.
const LEAST_AREA: f64 = 0.25 * 341.0 * 256.0 / (1024.0 * 768.0);

/// Frames that are looked at of one film; the rest is not, and it is said.
/// Origin: five minutes at sixty a second; no message of a loop is longer.
const MAX_FRAMES: u64 = 18_000;

/// What was found in a film.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FilmFlashes {
    /// How briefly a change stayed before it was taken back, in seconds, of the briefest; nothing where nothing flashes.
    pub shortest_secs: Option<f64>,
    /// Most flashes within one second; each is a change and the opposite one.
    pub most_in_a_second: u32,
    /// Frames looked at.
    pub n_frames: u64,
    /// Whether that was all of it, without a damaged frame.
    pub is_whole: bool,
}

/// What a cell did last.
#[derive(Clone, Debug)]
struct Cell {
    /// Where its luminance turned last, or went furthest since.
    extreme: f32,
    /// Whether it rose last, where it changed at all.
    rose: Option<bool>,
    /// When that change came.
    changed_at: f64,
    /// Times of the last second at which it changed the other way than before.
    turns: VecDeque<f64>,
}

/// Looks at luminances of frame after frame.
#[derive(Debug, Default)]
struct Watch {
    cells: Vec<Cell>,
    found: FilmFlashes,
}

impl Watch {
    /// Takes the relative luminance of each cell at a time in seconds; times do not decrease.
    fn take(&mut self, luminances: &[f32], at: f64) {
        self.found.n_frames += 1;
        if self.cells.len() != luminances.len() {
            self.cells = luminances
                .iter()
                .map(|extreme| Cell {
                    extreme: *extreme,
                    rose: None,
                    changed_at: at,
                    turns: VecDeque::new(),
                })
                .collect();
            return;
        }
        let mut has_turned = false;
        // How long what each cell takes back had stayed.
        let mut stayed = Vec::new();
        for (cell, luminance) in self.cells.iter_mut().zip(luminances) {
            let change = luminance - cell.extreme;
            let rises = change > 0.0;
            let is_change =
                change.abs() >= LEAST_CHANGE && luminance.min(cell.extreme) < DARK_BELOW;
            if is_change {
                if cell.rose == Some(!rises) {
                    stayed.push(at - cell.changed_at);
                }
                if cell.rose != Some(rises) {
                    cell.changed_at = at;
                    cell.turns.push_back(at);
                    has_turned = true;
                }
                cell.rose = Some(rises);
                cell.extreme = *luminance;
            } else if cell.rose == Some(rises) {
                // It goes on the same way, slowly: it turns from there.
                cell.extreme = *luminance;
            }
        }
        let enough = (LEAST_AREA * luminances.len() as f64).ceil() as usize;
        self.take_back(stayed, enough);
        if has_turned {
            self.count(at, enough);
        }
    }

    /// The flashes of the last second: as many as enough of the picture had, each part of it by itself. What moves over the
    /// picture flashes nowhere oftener than it comes by.
    fn count(&mut self, at: f64, enough: usize) {
        let n_flashes = self.cells.iter_mut().map(|cell| {
            while cell.turns.front().is_some_and(|first| at - first >= 1.0) {
                cell.turns.pop_front();
            }
            // A change and its opposite are one flash.
            u32::try_from(cell.turns.len() / 2).unwrap_or(u32::MAX)
        });
        let mut n_flashes: Vec<u32> = n_flashes.collect();
        // One that turned is there, so that enough is one at least, and a part of all.
        let (_, n, _) = n_flashes.select_nth_unstable_by(enough - 1, |a, b| b.cmp(a));
        self.found.most_in_a_second = self.found.most_in_a_second.max(*n);
    }

    /// The time within which enough of the picture was taken back.
    fn take_back(&mut self, mut stayed: Vec<f64>, enough: usize) {
        if enough == 0 || stayed.len() < enough {
            return;
        }
        stayed.sort_by(f64::total_cmp);
        let secs = stayed[enough - 1];
        let before = self.found.shortest_secs.unwrap_or(f64::INFINITY);
        self.found.shortest_secs = Some(before.min(secs));
    }
}

/// Relative luminance of a colour.
///
/// # Source
/// WCAG 2.2, definition of relative luminance.
fn luminance(rgb: [u8; 3]) -> f32 {
    let linear = |value: u8| {
        let value = f32::from(value) / 255.0;
        if value <= 0.040_45 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    let [red, green, blue] = rgb.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// Looks through a film for flashes, frame by frame, at its own rate: changes of luminance by a tenth or more, over as much of the
/// picture as WCAG asks, that are taken back. From the end of a film to its beginning, where it is played in a loop, is not looked.
///
/// # Privacy
/// Pictures of a message, given by who runs the screens; nothing of them is kept.
///
/// # Errors
/// [`VideoError`] when it is no film that can be read, or needs `ffmpeg` and there is none. What is damaged later ends the look, and
/// the answer says that it is not whole.
pub fn look_for_flashes(path: &Path) -> Result<FilmFlashes, VideoError> {
    let options = VideoOptions {
        reduced_to: Some(GRID),
        ..VideoOptions::default()
    };
    let mut watch = Watch::default();
    let mut is_whole = true;
    let mut luminances = Vec::new();
    for frame in open_video(path, &options)? {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) if watch.found.n_frames == 0 && !error.is_passing() => return Err(error),
            Err(error) => {
                is_whole = false;
                if error.is_passing() {
                    continue;
                }
                break;
            }
        };
        if watch.found.n_frames >= MAX_FRAMES {
            is_whole = false;
            break;
        }
        let RawPixels::Rgb(rgb) = &frame.pixels else {
            return Err(VideoError::NotAVideo);
        };
        luminances.clear();
        let cells = rgb.as_chunks::<3>().0;
        luminances.extend(cells.iter().map(|rgb| luminance(*rgb)));
        watch.take(&luminances, frame.time_secs);
    }
    Ok(FilmFlashes {
        is_whole,
        ..watch.found
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const N_CELLS: usize = 1_000;

    /// Frames of a rate; each is the luminance of the part of the picture that changes, the rest is dark.
    fn found(fps: f64, share: f64, frames: &[f32]) -> FilmFlashes {
        let mut watch = Watch::default();
        for (index, level) in frames.iter().enumerate() {
            let n_lit = (share * N_CELLS as f64) as usize;
            let mut cells = vec![0.02_f32; N_CELLS];
            cells[..n_lit].fill(*level);
            watch.take(&cells, index as f64 / fps);
        }
        watch.found
    }

    #[test]
    fn a_picture_that_is_there_for_one_frame_is_a_flash_of_its_length() {
        let mut frames = [0.1_f32; 60];
        frames[30] = 0.9;
        let flash = found(60.0, 1.0, &frames);
        assert!(
            (flash.shortest_secs.unwrap() - 1.0 / 60.0).abs() < 1e-9,
            "{flash:?}"
        );
        assert_eq!(flash.most_in_a_second, 1);
        // A dark one among light ones is one too.
        let dark: Vec<f32> = frames.iter().map(|level| 0.7 - level * 0.7).collect();
        assert!(found(60.0, 1.0, &dark).shortest_secs.is_some());
        // Too little of the picture, or too small a change, is none.
        assert_eq!(found(60.0, 0.02, &frames).shortest_secs, None);
        let faint: Vec<f32> = frames.iter().map(|level| 0.1 + level * 0.05).collect();
        assert_eq!(found(60.0, 1.0, &faint).shortest_secs, None);
        // A cut stays.
        let cut: Vec<f32> = (0..60).map(|n| if n < 30 { 0.1 } else { 0.9 }).collect();
        let cut = found(60.0, 1.0, &cut);
        assert_eq!((cut.shortest_secs, cut.most_in_a_second), (None, 0));
    }

    #[test]
    fn flashes_are_counted_by_the_second() {
        // Light for five of ten frames, ten frames a period: at 50 frames a second five flashes.
        let strobe: Vec<f32> = (0..200)
            .map(|n| if n % 10 < 5 { 0.05 } else { 0.8 })
            .collect();
        let strobe = found(50.0, 0.5, &strobe);
        assert_eq!(strobe.most_in_a_second, 5, "{strobe:?}");
        assert!((strobe.shortest_secs.unwrap() - 0.1).abs() < 1e-9);
        // A slow swell up and down flashes once in two seconds.
        let swell: Vec<f32> = (0..400)
            .map(|n| 0.4 + 0.35 * (f64::from(n) / 50.0 * std::f64::consts::PI).sin() as f32)
            .collect();
        let swell = found(50.0, 1.0, &swell);
        assert!(
            swell.most_in_a_second <= 1 && swell.shortest_secs.unwrap() > 0.5,
            "{swell:?}"
        );
    }

    /// A light panel that slides over the picture, in steps of a thirtieth of it: no place is lit twice.
    #[test]
    fn what_moves_flashes_nowhere_oftener_than_it_comes_by() {
        let mut watch = Watch::default();
        for frame in 0..60 {
            let mut cells = vec![0.05_f32; N_CELLS];
            let first = frame * N_CELLS / 30 % N_CELLS;
            for at in first..first + N_CELLS / 5 {
                cells[at % N_CELLS] = 0.7;
            }
            watch.take(&cells, frame as f64 / 60.0);
        }
        // It comes by twice in that second.
        assert!(watch.found.most_in_a_second <= 2, "{:?}", watch.found);
    }

    /// Hard cuts are changes, and are not taken back where the next picture is as light.
    #[test]
    fn pictures_that_follow_each_other_are_no_flashes() {
        let levels = [0.1_f32, 0.3, 0.5, 0.65, 0.78];
        let frames: Vec<f32> = (0..50).map(|n| levels[n / 10]).collect();
        assert_eq!(found(50.0, 1.0, &frames).most_in_a_second, 0);
    }

    #[test]
    fn a_swell_in_small_steps_that_flashes_is_seen() {
        // Up in four steps of a fortieth of a second each, down in four: below a tenth each, together more.
        let level = |n: usize| [0.1, 0.16, 0.22, 0.28, 0.34, 0.28, 0.22, 0.16][n % 8];
        let frames: Vec<f32> = (0..160).map(level).collect();
        let flash = found(40.0, 1.0, &frames);
        assert!(flash.most_in_a_second >= 4, "{flash:?}");
    }
}
