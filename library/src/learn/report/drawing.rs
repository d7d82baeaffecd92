//! Drawings of the report.

use std::fmt::Write as _;

use super::super::curve::Curve;
use super::super::findings::ReliabilityBin;
use super::{grouped, percent};

const INK: &str = "#4b5766";
const GRID: &str = "#e1e6ec";
const LINE: &str = "#0064a0";
const OTHER: &str = "#be4b00";

/// Where a drawing has its axes, in pixels.
struct Frame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Frame {
    fn x(&self, share: f64) -> f64 {
        self.left + share.clamp(0.0, 1.0) * self.width
    }

    fn y(&self, share: f64) -> f64 {
        self.top + (1.0 - share.clamp(0.0, 1.0)) * self.height
    }

    fn open(&self, title: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {:.0}\" width=\"{0:.0}\" height=\"{1:.0}\" role=\"img\" \
             font-family=\"system-ui,sans-serif\" font-size=\"12\" fill=\"{INK}\"><title>{title}</title>",
            self.left + self.width + 40.0,
            self.top + self.height + 40.0
        )
    }
}

fn line(out: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64), style: &str) {
    let _ = write!(
        out,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" {style}/>"
    );
}

fn text(out: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    let _ = write!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}

/// How often each step of sureness was right, and how many photographs stand behind it.
pub(super) fn reliability_svg(bins: &[ReliabilityBin]) -> String {
    let frame = Frame {
        left: 60.0,
        top: 15.0,
        width: 420.0,
        height: 300.0,
    };
    let mut out = frame.open("Share of right answers by the probability that was given");
    for step in 0..=4 {
        let share = f64::from(step) / 4.0;
        let grid = format!("stroke=\"{GRID}\"");
        line(
            &mut out,
            (frame.x(0.0), frame.y(share)),
            (frame.x(1.0), frame.y(share)),
            &grid,
        );
        text(
            &mut out,
            (frame.left - 8.0, frame.y(share) + 4.0),
            "end",
            &percent(share),
        );
        text(
            &mut out,
            (frame.x(share), frame.y(0.0) + 18.0),
            "middle",
            &percent(share),
        );
    }
    let ideal = format!("stroke=\"{INK}\" stroke-dasharray=\"4 4\"");
    line(
        &mut out,
        (frame.x(0.0), frame.y(0.0)),
        (frame.x(1.0), frame.y(1.0)),
        &ideal,
    );
    let most = bins.iter().map(|bin| bin.n).max().unwrap_or(1).max(1) as f64;
    let width = frame.width / bins.len().max(1) as f64;
    for (index, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.n > 0) {
        let height = bin.n as f64 / most * frame.height * 0.35;
        let _ = write!(
            out,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{LINE}\" opacity=\".13\"/>",
            frame.left + index as f64 * width + 1.0,
            frame.y(0.0) - height,
            width - 2.0,
        );
        let radius = 3.0 + 5.0 * (bin.n as f64 / most).sqrt();
        let _ = write!(
            out,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius:.1}\" fill=\"{LINE}\"><title>{} photographs: said {}, right {}</title></circle>",
            frame.x(bin.said),
            frame.y(bin.right),
            bin.n,
            percent(bin.said),
            percent(bin.right)
        );
    }
    text(
        &mut out,
        (frame.x(0.5), frame.y(0.0) + 36.0),
        "middle",
        "probability given to the likeliest class; bars: how many photographs",
    );
    out + "</svg>"
}

/// Axes in powers of ten: photographs from left to right, errors from below.
struct Logarithmic {
    frame: Frame,
    x: (f64, f64),
    y_low: f64,
}

impl Logarithmic {
    fn place(&self, n: f64, error: f64) -> (f64, f64) {
        let (x_low, x_high) = self.x;
        (
            self.frame
                .x((n.log10() - x_low) / (x_high - x_low).max(1.0)),
            self.frame
                .y((error.log10() - self.y_low) / (-self.y_low).max(1.0)),
        )
    }

    fn grid(&self, out: &mut String) {
        let grid = format!("stroke=\"{GRID}\"");
        for power in self.x.0 as i32..=self.x.1 as i32 {
            let n = 10.0_f64.powi(power);
            let top = self.place(n, 1.0);
            line(out, top, self.place(n, 10.0_f64.powf(self.y_low)), &grid);
            text(
                out,
                (top.0, self.frame.y(0.0) + 18.0),
                "middle",
                &grouped(n),
            );
        }
        for power in self.y_low as i32..=0 {
            let error = 10.0_f64.powi(power);
            let (_, y) = self.place(1.0, error);
            line(out, (self.frame.x(0.0), y), (self.frame.x(1.0), y), &grid);
            text(
                out,
                (self.frame.left - 8.0, y + 4.0),
                "end",
                &percent(error),
            );
        }
    }
}

/// The errors counted, and the line through them, both axes in powers of ten.
pub(super) fn curve_svg(curve: &Curve) -> String {
    let counted = curve.points.iter().filter(|point| point.error > 0.0);
    let seen: Vec<(f64, f64)> = counted.map(|point| (point.n as f64, point.error)).collect();
    let Some((first, last)) = seen.first().zip(seen.last()) else {
        return "<p>No error was counted that could be drawn.</p>".to_owned();
    };
    let goal = (1.0 - curve.target).max(1e-6);
    let least = seen.iter().map(|(_, error)| *error).fold(goal, f64::min);
    let axes = Logarithmic {
        frame: Frame {
            left: 70.0,
            top: 15.0,
            width: 520.0,
            height: 300.0,
        },
        x: (first.0.log10().floor(), (last.0 * 30.0).log10().ceil()),
        y_low: least.log10().floor(),
    };
    let frame = &axes.frame;
    let mut out = frame.open("Error by the number of photographs");
    axes.grid(&mut out);
    if let Some((factor, power)) = curve.law {
        let end = 10.0_f64.powf(axes.x.1);
        let at = |n: f64| axes.place(n, (factor * n.powf(-power)).min(1.0));
        let plain = format!("stroke=\"{LINE}\" stroke-width=\"2\"");
        line(&mut out, at(first.0), at(last.0), &plain);
        let dashed = format!("{plain} stroke-dasharray=\"5 5\"");
        line(&mut out, at(last.0), at(end), &dashed);
    }
    let (_, y) = axes.place(1.0, goal);
    let dotted = format!("stroke=\"{OTHER}\" stroke-dasharray=\"2 4\"");
    line(&mut out, (frame.x(0.0), y), (frame.x(1.0), y), &dotted);
    let wished = format!("{} right", percent(curve.target));
    text(&mut out, (frame.x(1.0), y - 5.0), "end", &wished);
    for (n, error) in &seen {
        let (x, y) = axes.place(*n, *error);
        let _ = write!(
            out,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{LINE}\"><title>{} photographs: {}</title></circle>",
            grouped(*n),
            percent(*error)
        );
    }
    let below = (frame.x(0.5), frame.y(0.0) + 36.0);
    text(&mut out, below, "middle", "photographs in all");
    out + "</svg>"
}
