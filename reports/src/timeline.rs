//! What faces in a video did over time: curves with their movements as SVG, a page in which they run with the video, tables.

mod chart;
mod page;
mod table;

/// What names of curves of blendshapes begin with: of weights of movements, as their network gives them.
pub const BLENDSHAPE_PREFIX: &str = "blendshape_";

/// Curves of a video.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// What the video is called.
    pub title: String,
    /// Address of the video as the page is to ask for it; nothing where browsers do not play its kind.
    pub video: Option<String>,
    /// How long it lasts.
    pub secs: f64,
    /// One face each, in order of appearance.
    pub tracks: Vec<TimelineTrack>,
    /// What the reader has to know: one paragraph each.
    pub notes: Vec<String>,
    /// Ids of the networks that the points of the faces and weights of movements come from.
    pub mesh: String,
}

/// One face.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineTrack {
    /// What it is called.
    pub name: String,
    /// Its curves, one row each.
    pub curves: Vec<TimelineCurve>,
    /// What stands out, in the order of time.
    pub events: Vec<TimelineEvent>,
}

/// One curve.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineCurve {
    /// Its name in tables, in snake case.
    pub name: String,
    /// Its name for people.
    pub label: String,
    /// What it is chosen with, for people: curves of a group follow each other.
    pub group: String,
    /// Whether pictures and pages show it at first; a page shows the others when they are chosen.
    pub is_shown: bool,
    /// The values at the lower and upper edge of its row.
    pub range: (f64, f64),
    /// Seconds and value; nothing where there is none.
    pub points: Vec<(f64, Option<f64>)>,
}

/// Something that stands out in a curve: it sets in, is at its height, is over.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineEvent {
    /// The curve it is drawn in, by name.
    pub curve: String,
    /// What it is: `movement`, `smile`, `micro_movement`.
    pub kind: String,
    /// What kind of that, in snake case.
    pub what: String,
    /// Seconds at which it sets in, is at its height, is over.
    pub secs: (f64, f64, f64),
    /// How far it goes.
    pub height: f64,
    /// How likely it is to be one, where that is known.
    pub probability: Option<f64>,
    /// The rest of what is known, for people.
    pub details: String,
}

#[cfg(test)]
mod tests;
