//! Curves and bars for the console, drawn here as SVG: no script draws in the browser.

mod attention;
mod expression;
mod messages;
mod theme;

pub(crate) use attention::attention;
pub(crate) use expression::expression;
pub(crate) use messages::messages;
pub(crate) use theme::{PlotError, Theme};

use regard_domain::Timestamp;
use regard_engine::HistoryPoint;

/// Minutes without a point after which a curve breaks: a point a second, of which two may be missing.
const GAP_MINUTES: f64 = 3.0 / 60.0;

/// The stretches of a curve in which no value is missing, as minutes before now and value.
fn stretches(
    points: &[HistoryPoint],
    now: Timestamp,
    value: impl Fn(&HistoryPoint) -> Option<f32>,
) -> Vec<Vec<(f64, f64)>> {
    let mut all: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut is_joined = false;
    for point in points {
        let Some(y) = value(point).filter(|y| y.is_finite()) else {
            is_joined = false;
            continue;
        };
        let x = (point.at.as_micros() - now.as_micros()) as f64 / 6e7;
        match all.last_mut() {
            Some(last)
                if is_joined
                    && last
                        .last()
                        .is_some_and(|(before, _)| x - before <= GAP_MINUTES) =>
            {
                last.push((x, f64::from(y)));
            }
            _ => all.push(vec![(x, f64::from(y))]),
        }
        is_joined = true;
    }
    all
}

/// Labels of the time axis: minutes and seconds before now.
fn ago(minutes: f64) -> String {
    let before = (-60.0 * minutes).round().max(0.0) as u64;
    match (before / 60, before % 60) {
        (0, 0) => "now".to_owned(),
        (0, secs) => format!("−{secs} s"),
        (minutes, 0) => format!("−{minutes} min"),
        (minutes, secs) => format!("−{minutes}:{secs:02}"),
    }
}

/// Gives the drawing a name for those who cannot see it, and lets it scale.
fn named(svg: &str, title: &str) -> String {
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    match svg.split_once('>') {
        Some((head, rest)) => format!("{head} role=\"img\"><title>{title}</title>{rest}"),
        None => svg.to_owned(),
    }
}

/// What every plot comes to.
type Drawn = Result<String, PlotError>;

#[cfg(test)]
mod tests;
