//! Curves and bars for the console, drawn here as SVG: no script draws in the browser.

mod attention;
mod curve;
mod errors;
mod expression;
mod messages;
mod theme;

pub(crate) use attention::attention;
pub(crate) use curve::Curve;
pub(crate) use errors::{ErrorPoint, det, open_set};
pub(crate) use expression::expression;
pub(crate) use messages::messages;
pub(crate) use theme::{PlotError, Theme};

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
