//! Curves and what stands out in them as tables.

use std::fmt::Write as _;

use super::Timeline;

/// Seconds and values of a curve.
type Points<'a> = &'a [(f64, Option<f64>)];

impl Timeline {
    /// One row a point in time and face, one column a curve; empty where there is no value. The last column names the networks that
    /// the points of the face come from. RFC 4180.
    pub fn to_csv(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for curve in self.tracks.iter().flat_map(|t| &t.curves) {
            if !names.contains(&curve.name.as_str()) {
                names.push(&curve.name);
            }
        }
        let mut out = String::from("track,time_secs");
        for name in &names {
            let _ = write!(out, ",{}", field(name));
        }
        out.push_str(",mesh\r\n");
        let mesh = field(&self.mesh);
        for track in &self.tracks {
            // Curves of a face need not have their points at the same times.
            let mut times: Vec<f64> = track
                .curves
                .iter()
                .flat_map(|c| c.points.iter().map(|p| p.0))
                .collect();
            times.sort_by(f64::total_cmp);
            times.dedup();
            let columns: Vec<Option<Points<'_>>> = names
                .iter()
                .map(|name| {
                    let curve = track.curves.iter().find(|c| c.name == *name);
                    curve.map(|c| c.points.as_slice())
                })
                .collect();
            for time in times {
                let _ = write!(out, "{},{time:.4}", field(&track.name));
                for points in &columns {
                    let value = points.and_then(|points| {
                        let at = points.binary_search_by(|p| p.0.total_cmp(&time)).ok()?;
                        points[at].1
                    });
                    // Writing to a string cannot fail.
                    let _ = match value {
                        Some(value) => write!(out, ",{}", rounded(value)),
                        None => write!(out, ","),
                    };
                }
                let _ = write!(out, ",{mesh}\r\n");
            }
        }
        out
    }

    /// One row for each thing that stands out. RFC 4180.
    pub fn events_to_csv(&self) -> String {
        let mut out = String::from(
            "track,kind,what,curve,onset_secs,apex_secs,offset_secs,height,probability,details\r\n",
        );
        for track in &self.tracks {
            for event in &track.events {
                let (onset, apex, offset) = event.secs;
                let _ = write!(
                    out,
                    "{},{},{},{},{onset:.4},{apex:.4},{offset:.4},{},{},{}\r\n",
                    field(&track.name),
                    field(&event.kind),
                    field(&event.what),
                    field(&event.curve),
                    rounded(event.height),
                    event.probability.map(rounded).unwrap_or_default(),
                    field(&event.details),
                );
            }
        }
        out
    }
}

/// Four decimals: more are not known. A negative nought is a plain one.
fn rounded(value: f64) -> String {
    format!("{}", (value * 1e4).round() / 1e4 + 0.0)
}

/// A field as RFC 4180 writes it; what a spreadsheet would take for a formula gets an apostrophe before it.
fn field(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}
