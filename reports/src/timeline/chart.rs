//! Curves as rows of an SVG with one axis of time.

use std::fmt::Write as _;

use super::{Timeline, TimelineCurve, TimelineTrack};
use crate::svg::escaped;

const NAMES_PX: f64 = 172.0;
const PLOT_PX: f64 = 768.0;
const WIDTH_PX: f64 = NAMES_PX + PLOT_PX + 20.0;
const ROW_PX: f64 = 34.0;
const AXIS_PX: f64 = 26.0;

/// Points of a curve that are drawn at most: two for each pixel, so that no peak is lost.
const MAX_POINTS: usize = 2 * PLOT_PX as usize;

/// Events that are drawn in a row at most; tables have them all.
const MAX_EVENTS: usize = 400;

/// Steps of the axis, in seconds.
const STEPS: [f64; 14] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0,
];

impl Timeline {
    /// All faces below each other, as one picture of the curves that are shown at first.
    pub fn to_svg(&self) -> String {
        let heights: Vec<f64> = self.tracks.iter().map(height).collect();
        let whole: f64 = heights.iter().sum::<f64>() + 24.0 * self.tracks.len() as f64;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH_PX} {:.0}\" width=\"{WIDTH_PX}\" height=\"{:.0}\" font-family=\"system-ui, sans-serif\" font-size=\"12\"><title>{}</title><rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
            whole.max(40.0),
            whole.max(40.0),
            escaped(&self.title)
        );
        let mut top = 0.0;
        for (track, height) in self.tracks.iter().zip(heights) {
            let _ = write!(
                out,
                "<g transform=\"translate(0 {top:.0})\"><text x=\"6\" y=\"16\" font-weight=\"600\">{}</text><g transform=\"translate(0 22)\">{}</g></g>",
                escaped(&track.name),
                self.rows(track, false)
            );
            top += height + 24.0;
        }
        out.push_str("</svg>");
        out
    }

    /// One face, as a picture in a page: it says how long it is, and where its plot begins and ends, for whoever moves its cursor;
    /// each row says which curve it is, for whoever chooses rows.
    pub(super) fn track_svg(&self, track: &TimelineTrack) -> String {
        let height = height(track);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"timeline\" viewBox=\"0 0 {WIDTH_PX} {height:.0}\" width=\"100%\" role=\"img\" aria-label=\"Curves of {}\" data-secs=\"{:.4}\" data-left=\"{NAMES_PX}\" data-width=\"{PLOT_PX}\" data-row=\"{ROW_PX}\" data-axis=\"{AXIS_PX}\" font-family=\"system-ui, sans-serif\" font-size=\"12\">{}<line class=\"cursor\" x1=\"{NAMES_PX}\" x2=\"{NAMES_PX}\" y1=\"0\" y2=\"{:.0}\" stroke=\"#b3261e\" stroke-width=\"1.5\"/></svg>",
            escaped(&track.name),
            self.span(),
            self.rows(track, true),
            height - AXIS_PX + 4.0
        )
    }

    fn span(&self) -> f64 {
        self.secs.max(1e-3)
    }

    fn x(&self, secs: f64) -> f64 {
        NAMES_PX + (secs / self.span()).clamp(0.0, 1.0) * PLOT_PX
    }

    /// The rows that are shown below each other, where they are wanted the others too, unseen; below them the axis.
    fn rows(&self, track: &TimelineTrack, with_unseen: bool) -> String {
        let mut out = String::new();
        let mut top = 0.0;
        for curve in track.curves.iter().filter(|c| c.is_shown || with_unseen) {
            let (at, unseen) = if curve.is_shown {
                (top, "")
            } else {
                (0.0, " display=\"none\"")
            };
            // Writing to a string cannot fail.
            let _ = write!(
                out,
                "<g class=\"row\" data-curve=\"{}\" transform=\"translate(0 {at:.0})\"{unseen}>",
                escaped(&curve.name)
            );
            self.row(track, curve, &mut out);
            out.push_str("</g>");
            if curve.is_shown {
                top += ROW_PX;
            }
        }
        let _ = write!(
            out,
            "<g class=\"axis\" transform=\"translate(0 {top:.0})\">"
        );
        self.axis(&mut out);
        out.push_str("</g>");
        out
    }

    fn row(&self, track: &TimelineTrack, curve: &TimelineCurve, out: &mut String) {
        let (low, high) = curve.range;
        let y = |value: f64| {
            let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
            ROW_PX - 3.0 - share * (ROW_PX - 6.0)
        };
        let _ = write!(
            out,
            "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#17202a\">{}</text><rect x=\"{NAMES_PX}\" y=\"1.0\" width=\"{PLOT_PX}\" height=\"{:.1}\" fill=\"#f6f7f8\"/>",
            NAMES_PX - 8.0,
            ROW_PX * 0.5 + 4.0,
            escaped(&curve.label),
            ROW_PX - 2.0,
        );
        let _ = write!(
            out,
            "<line x1=\"{NAMES_PX}\" x2=\"{:.0}\" y1=\"{1:.1}\" y2=\"{1:.1}\" stroke=\"#9aa3ab\" stroke-dasharray=\"2 3\"/>",
            NAMES_PX + PLOT_PX,
            y(0.0)
        );
        for event in track
            .events
            .iter()
            .filter(|e| e.curve == curve.name)
            .take(MAX_EVENTS)
        {
            let (from, apex, to) = event.secs;
            let (left, right) = (self.x(from), self.x(to).max(self.x(from) + 1.0));
            let said = format!(
                "{} {}: {from:.2} s, height at {apex:.2} s, until {to:.2} s. {}",
                event.kind.replace('_', " "),
                event.what.replace('_', " "),
                event.details
            );
            let color = color(&event.kind);
            let (top, bottom, apex) = (1.0, ROW_PX - 1.0, self.x(apex));
            let _ = write!(
                out,
                "<g class=\"event {}\"><title>{}</title><rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{color}\" fill-opacity=\"0.35\"/><line x1=\"{apex:.1}\" x2=\"{apex:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\" stroke=\"{color}\" stroke-width=\"1.5\"/></g>",
                escaped(&event.kind),
                escaped(&said),
                right - left,
                bottom - top
            );
        }
        let _ = write!(
            out,
            "<path d=\"{}\" fill=\"none\" stroke=\"#0b4a8f\" stroke-width=\"1.4\" stroke-linejoin=\"round\"/>",
            self.path(curve, y)
        );
    }

    /// The curve; where it has more points than pixels, the least and the greatest of each pixel.
    fn path(&self, curve: &TimelineCurve, y: impl Fn(f64) -> f64) -> String {
        let mut path = String::new();
        let mut is_down = false;
        let mut put = |point: Option<(f64, f64)>| {
            let Some((x, y)) = point else {
                is_down = false;
                return;
            };
            let step = if is_down { 'L' } else { 'M' };
            is_down = true;
            // Writing to a string cannot fail.
            let _ = write!(path, "{step}{x:.1} {y:.1}");
        };
        let place = |(secs, value): &(f64, Option<f64>)| Some((self.x(*secs), y((*value)?)));
        let per_pixel = curve.points.len().div_ceil(MAX_POINTS / 2);
        for part in curve.points.chunks(per_pixel.max(1)) {
            if part.len() <= 2 {
                part.iter().for_each(|p| put(place(p)));
                continue;
            }
            let known: Vec<(f64, f64)> = part.iter().filter_map(place).collect();
            let least = known.iter().min_by(|a, b| a.1.total_cmp(&b.1));
            let most = known.iter().max_by(|a, b| a.1.total_cmp(&b.1));
            match (least, most) {
                (Some(a), Some(b)) if a.0 <= b.0 => [a, b].iter().for_each(|p| put(Some(**p))),
                (Some(a), Some(b)) => [b, a].iter().for_each(|p| put(Some(**p))),
                _ => put(None),
            }
        }
        path
    }

    fn axis(&self, out: &mut String) {
        let wanted = self.span() / 10.0;
        let step = STEPS.into_iter().find(|s| *s >= wanted).unwrap_or(3_600.0);
        let n = (self.span() / step) as usize;
        for i in 0..=n {
            let secs = i as f64 * step;
            let x = self.x(secs);
            let text = if step < 1.0 {
                format!("{secs:.1}")
            } else {
                format!("{secs:.0}")
            };
            let _ = write!(
                out,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"4\" stroke=\"#6b747c\"/><text x=\"{x:.1}\" y=\"17\" text-anchor=\"middle\" fill=\"#4a535b\">{text}</text>"
            );
        }
        let _ = write!(
            out,
            "<text x=\"{:.0}\" y=\"17\" text-anchor=\"end\" fill=\"#4a535b\">seconds</text>",
            NAMES_PX - 8.0
        );
    }
}

fn height(track: &TimelineTrack) -> f64 {
    let n_shown = track.curves.iter().filter(|curve| curve.is_shown).count();
    n_shown as f64 * ROW_PX + AXIS_PX
}

fn color(kind: &str) -> &'static str {
    match kind {
        "smile" => "#2e7d32",
        "micro_movement" => "#8e24aa",
        _ => "#d08700",
    }
}
