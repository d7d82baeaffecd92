//! A descriptor made by hand: where edges run, and which colours lie where.
//!
//! For things that differ in shape or colour, on a machine without any network. A network tells more: it knows that a bottle
//! turned round is a bottle.
//!
//! # Source
//! Dalal and Triggs 2005 for histograms of gradients; Arandjelović and Zisserman 2012 for the roots of histograms.

use regard_vision::RgbView;

use super::input::{Fit, ResizeError, Resizing, brightness};
use super::{DESCRIPTOR, NetworkNote};
use crate::learn::linear::normalize;

/// Side to which a picture is scaled.
const SIDE: usize = 96;

/// Cells along a side whose gradients are counted together, and directions that are told apart.
const N_CELLS: usize = 8;
const N_DIRECTIONS: usize = 9;

/// Cells along a side whose colours are averaged.
const N_PATCHES: usize = 4;

/// Hues and depths of colour that are counted over the whole picture.
const N_HUES: usize = 12;

/// How much the parts weigh against each other.
const EDGES: f32 = 1.0;
const PATCHES: f32 = 0.8;
const HUES: f32 = 0.8;

/// Version of the descriptor: another one makes other embeddings.
const VERSION: &str = "1";

/// The descriptor, with its buffers.
#[derive(Default)]
pub(super) struct Descriptor {
    light: Vec<f32>,
}

impl Descriptor {
    pub(super) fn note() -> NetworkNote {
        NetworkNote {
            name: DESCRIPTOR.to_owned(),
            sha256: VERSION.to_owned(),
            licence: "MIT OR Apache-2.0".to_owned(),
            preprocessing: None,
            output: None,
        }
    }

    pub(super) fn describe(
        &mut self,
        picture: RgbView<'_>,
        resizing: &mut Resizing,
    ) -> Result<Vec<f32>, ResizeError> {
        let side = SIDE as u32;
        let pixels = resizing.scale(picture, (side, side), Fit::Stretch)?;
        let pixels = pixels.as_chunks::<3>().0;
        self.light.clear();
        self.light.extend(pixels.iter().map(brightness));
        let mut all = self.edges();
        append(&mut all, patches(pixels), PATCHES);
        append(&mut all, hues(pixels), HUES);
        Ok(all)
    }

    fn edges(&self) -> Vec<f32> {
        let mut cells = vec![0.0_f32; N_CELLS * N_CELLS * N_DIRECTIONS];
        let width = SIDE / N_CELLS;
        for y in 1..SIDE - 1 {
            for x in 1..SIDE - 1 {
                let at = y * SIDE + x;
                let across = self.light[at + 1] - self.light[at - 1];
                let down = self.light[at + SIDE] - self.light[at - SIDE];
                let strength = across.hypot(down);
                // Light on dark is dark on light: half a turn.
                let turn = (down.atan2(across) / std::f32::consts::PI).rem_euclid(1.0);
                let place = turn * N_DIRECTIONS as f32;
                let (bin, rest) = (place as usize % N_DIRECTIONS, place.fract());
                let cell = (y / width * N_CELLS + x / width) * N_DIRECTIONS;
                cells[cell + bin] += strength * (1.0 - rest);
                cells[cell + (bin + 1) % N_DIRECTIONS] += strength * rest;
            }
        }
        let mut all = Vec::with_capacity(cells.len());
        append(&mut all, balanced(&cells), EDGES);
        all
    }
}

/// Cells divided by the strength around them, so that light and contrast matter little; then roots.
fn balanced(cells: &[f32]) -> Vec<f32> {
    let strength: Vec<f32> = cells
        .chunks_exact(N_DIRECTIONS)
        .map(|cell| cell.iter().sum())
        .collect();
    // Noise of a flat wall stays small.
    let floor = strength.iter().sum::<f32>() / strength.len() as f32 * 0.25 + 1.0;
    let around = |cell: usize| -> f32 {
        let (row, column) = (cell / N_CELLS, cell % N_CELLS);
        let near = |at: usize| at.saturating_sub(1)..=(at + 1).min(N_CELLS - 1);
        let cells = near(row).flat_map(|r| near(column).map(move |c| r * N_CELLS + c));
        let (n, sum) = cells.fold((0.0, 0.0), |(n, sum), at| (n + 1.0, sum + strength[at]));
        sum / n
    };
    cells
        .chunks_exact(N_DIRECTIONS)
        .enumerate()
        .flat_map(|(index, cell)| {
            let by = around(index) + floor;
            cell.iter().map(move |value| (value / by).sqrt())
        })
        .collect()
}

/// Mean and spread of brightness and of two opponent colours, cell by cell.
fn patches(pixels: &[[u8; 3]]) -> Vec<f32> {
    let n = N_PATCHES * N_PATCHES;
    let width = SIDE / N_PATCHES;
    let mut sums = vec![[0.0_f32; 3]; n];
    let mut squares = vec![[0.0_f32; 3]; n];
    for (index, pixel) in pixels.iter().enumerate() {
        let cell = index / SIDE / width * N_PATCHES + index % SIDE / width;
        let [red, green, blue] = pixel.map(|v| f32::from(v) / 255.0);
        let seen = [
            (red + green + blue) / 3.0 - 0.5,
            red - green,
            f32::midpoint(red, green) - blue,
        ];
        for channel in 0..3 {
            sums[cell][channel] += seen[channel];
            squares[cell][channel] += seen[channel] * seen[channel];
        }
    }
    let count = (width * width) as f32;
    sums.iter()
        .zip(&squares)
        .flat_map(|(sum, square)| {
            (0..3).flat_map(move |channel| {
                let mean = sum[channel] / count;
                let variance = (square[channel] / count - mean * mean).max(0.0);
                [mean, variance.sqrt()]
            })
        })
        .collect()
}

/// How much of the picture has which hue, each pixel by how colourful it is; and how much has none.
fn hues(pixels: &[[u8; 3]]) -> Vec<f32> {
    let mut counts = [0.0_f32; N_HUES + 1];
    for pixel in pixels {
        let [red, green, blue] = pixel.map(|v| f32::from(v) / 255.0);
        let most = red.max(green).max(blue);
        let depth = most - red.min(green).min(blue);
        counts[N_HUES] += 1.0 - depth;
        if depth > 0.02 {
            let hue = if most == red {
                ((green - blue) / depth).rem_euclid(6.0)
            } else if most == green {
                (blue - red) / depth + 2.0
            } else {
                (red - green) / depth + 4.0
            };
            let place = hue / 6.0 * N_HUES as f32;
            let (bin, rest) = (place as usize % N_HUES, place.fract());
            counts[bin] += depth * (1.0 - rest);
            counts[(bin + 1) % N_HUES] += depth * rest;
        }
    }
    counts.iter().map(|count| count.sqrt()).collect()
}

/// Adds a part, of length `weight`.
fn append(all: &mut Vec<f32>, mut part: Vec<f32>, weight: f32) {
    // A part without anything in it stays empty.
    let _ = normalize(&mut part);
    all.extend(part.iter().map(|value| value * weight));
}
