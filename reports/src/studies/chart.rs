//! A band over participants as a drawing.

use std::fmt::Write as _;

use regard_evaluation::{Band, BandPoint, Signal};

use crate::layout::MARGIN;
use crate::sheet::{A4, Shape};
use crate::svg::escaped;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 44.0;
const BOTTOM: f64 = 24.0;
const TOP: f64 = 8.0;

/// Values from the bottom to the top of a drawing.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    millis: f64,
}

impl Scale {
    /// Attention from 0 to 1; what is relative to a rest about 0, as far as it goes; movements from 0.
    pub(super) fn new(signal: Option<Signal>, band: &Band, duration_millis: u32) -> Self {
        let greatest = |of: &dyn Fn(&BandPoint) -> f64| band.0.iter().map(of).fold(0.0, f64::max);
        let (low, high) = match signal {
            Some(Signal::Attention) => (0.0, 1.0),
            Some(Signal::Smile | Signal::Valence) => {
                let most =
                    greatest(&|p| p.mean.abs() + 0.5 * (p.interval.high - p.interval.low).min(1.0));
                let most = most.clamp(0.2, 1.0);
                (-most, most)
            }
            None => (0.0, greatest(&|p| p.interval.high.min(2.0)).max(0.2)),
        };
        Self {
            low,
            high,
            millis: f64::from(duration_millis.max(1)),
        }
    }

    fn up(&self, value: f64) -> f64 {
        (value.clamp(self.low, self.high) - self.low) / (self.high - self.low)
    }
}

/// The band as SVG, with words for those who do not see it.
pub(super) fn svg(title: &str, band: &Band, scale: Scale) -> String {
    let x = |millis: f64| LEFT + millis / scale.millis * (WIDTH - LEFT - 8.0);
    let y = |value: f64| TOP + (1.0 - scale.up(value)) * (HEIGHT - TOP - BOTTOM);
    let at = |p: &BandPoint| x(f64::from(p.at_millis));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"100%\" role=\"img\" aria-label=\"{0}\" font-family=\"system-ui, sans-serif\" font-size=\"11\"><title>{0}</title>",
        escaped(title)
    );
    // Writing to a string cannot fail.
    for value in [scale.low, f64::midpoint(scale.low, scale.high), scale.high] {
        let _ = write!(
            out,
            "<path d=\"M{LEFT} {0:.1}H{1}\" stroke=\"#ccd1d6\" fill=\"none\"/><text x=\"{2}\" y=\"{3:.1}\" text-anchor=\"end\" fill=\"#3a4651\">{value:.2}</text>",
            y(value),
            WIDTH - 8.0,
            LEFT - 6.0,
            y(value) + 4.0
        );
    }
    let n_seconds = (scale.millis / 1e3).ceil() as u32;
    for second in (0..=n_seconds).step_by((n_seconds / 8).max(1) as usize) {
        let millis = f64::from(second) * 1e3;
        if millis <= scale.millis {
            let _ = write!(
                out,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#3a4651\">{second} s</text>",
                x(millis),
                HEIGHT - 6.0
            );
        }
    }
    let upper = band.0.iter().map(|p| (at(p), y(p.interval.high)));
    let lower = band.0.iter().rev().map(|p| (at(p), y(p.interval.low)));
    let corners: Vec<String> = upper
        .chain(lower)
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let line: Vec<String> = band
        .0
        .iter()
        .map(|p| format!("{:.1},{:.1}", at(p), y(p.mean)))
        .collect();
    let _ = write!(
        out,
        "<polygon points=\"{}\" fill=\"#7aa6d8\" fill-opacity=\"0.35\"/><polyline points=\"{}\" fill=\"none\" stroke=\"#0b4a8f\" stroke-width=\"2\"/></svg>",
        corners.join(" "),
        line.join(" ")
    );
    out
}

/// Height of a drawing on paper, in points.
pub(super) const PAPER_HEIGHT: f32 = 70.0;

/// The same for paper: rectangles, one a step.
pub(super) fn shapes(band: &Band, scale: Scale) -> Vec<Shape> {
    let width = A4.0 - 2.0 * MARGIN;
    let y = |value: f64| ((1.0 - scale.up(value)) as f32) * PAPER_HEIGHT;
    let x = |millis: f64| (millis / scale.millis) as f32 * width;
    let step = x(f64::from(regard_evaluation::GRID_MILLIS));
    let mut shapes = vec![
        rectangle([0xf2, 0xf4, 0xf6], (0.0, 0.0), (width, PAPER_HEIGHT)),
        rectangle([0x8b, 0x95, 0x9e], (0.0, y(0.0) - 0.25), (width, 0.5)),
    ];
    for point in &band.0 {
        let left = x(f64::from(point.at_millis)) - step / 2.0;
        let (top, bottom) = (y(point.interval.high), y(point.interval.low));
        shapes.push(rectangle(
            [0xb9, 0xd0, 0xea],
            (left, top),
            (step, (bottom - top).max(0.5)),
        ));
        shapes.push(rectangle(
            [0x0b, 0x4a, 0x8f],
            (left, y(point.mean) - 0.6),
            (step, 1.2),
        ));
    }
    shapes
}

fn rectangle(color: [u8; 3], (left, top): (f32, f32), (width, height): (f32, f32)) -> Shape {
    Shape::Rectangle {
        color,
        left,
        top,
        width,
        height,
    }
}

/// What a band says, in a sentence.
pub(super) fn alt(title: &str, band: &Band) -> String {
    let (Some(first), Some(last)) = (band.0.first(), band.0.last()) else {
        return format!("{title}: nothing was seen of enough participants");
    };
    let greatest = band
        .0
        .iter()
        .max_by(|a, b| a.mean.total_cmp(&b.mean))
        .unwrap_or(first);
    format!(
        "{title}: from {:.2} at the beginning to {:.2} at the end, greatest {:.2} at {:.1} s",
        first.mean,
        last.mean,
        greatest.mean,
        f64::from(greatest.at_millis) / 1e3
    )
}
