//! What was told about yesterday, on the page for everyone.

use regard_commitments::{Release, ReleasedCell, Statistic};

use super::words::Words;

/// One number with the chance that was added to it, where that can be said.
pub(super) struct Line {
    pub(super) what: &'static str,
    pub(super) number: String,
    pub(super) chance: String,
}

/// One camera.
pub(super) struct Place {
    pub(super) camera: String,
    /// Nothing where too few came to tell.
    pub(super) lines: Vec<Line>,
}

/// The part of the page.
pub(super) struct Yesterday {
    pub(super) day: String,
    pub(super) note: String,
    pub(super) places: Vec<Place>,
}

impl Yesterday {
    /// Of a release of the whole day.
    pub(super) fn of(release: &Release, w: &Words) -> Self {
        // Up, so that nothing better than the truth is said.
        let factor = (release.epsilon.as_f64().exp() * 10.0).ceil() / 10.0;
        let note = w
            .yesterday_note
            .replace("{factor}", &format!("{factor:.1}"))
            .replace("{epsilon}", &release.epsilon.to_string());
        Self {
            day: release.day.to_string(),
            note,
            places: release
                .cells
                .iter()
                .map(|cell| place(release, cell, w))
                .collect(),
        }
    }
}

fn place(release: &Release, cell: &ReleasedCell, w: &Words) -> Place {
    let chance = |statistic: Statistic| {
        let mut levels = release.noise.iter();
        let level = levels.find(|level| level.statistic == statistic);
        level.map_or_else(String::new, |level| format!("± {}", level.margin_95))
    };
    let secs = |millis: u64| format!("{:.1}", millis as f64 / 1e3);
    let line = |what, number, chance| Line {
        what,
        number,
        chance,
    };
    let lines = cell.sums.as_ref().map_or_else(Vec::new, |sums| {
        vec![
            line(
                w.yesterday_visits,
                sums.visits.to_string(),
                chance(Statistic::Visits),
            ),
            line(
                w.yesterday_lookers,
                sums.lookers.to_string(),
                chance(Statistic::Lookers),
            ),
            line(
                w.yesterday_looked,
                secs(sums.mean_attention_millis),
                String::new(),
            ),
            line(
                w.yesterday_stayed,
                secs(sums.mean_dwell_millis),
                String::new(),
            ),
        ]
    });
    Place {
        camera: cell.camera.to_string(),
        lines,
    }
}
