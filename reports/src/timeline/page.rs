//! A page in which curves run with their video. It loads the video and nothing else.

use std::fmt::Write as _;

use super::{BLENDSHAPE_PREFIX, Timeline, TimelineCurve, TimelineTrack};
use crate::svg::escaped;

/// What faces can tell, on every page.
const MEANING: &str = "Every curve is a change from the person's own face at rest: 0 is rest, 1 about as far as it goes. Signals are \
named after action units of the Facial Action Coding System and measured from points of a face mesh; they are no coding by a trained \
observer. Valence and arousal describe what a face shows. None of it says what anybody feels, thinks, or means.";

/// What blendshapes are, on pages that have them.
const BLENDSHAPES: &str = "Blendshapes are the exception: weights from 0 to 1 as their network gives them, not relative to rest. A \
face at rest has other weights than 0, and other ones than other faces. Left and right are the person's own.";

impl Timeline {
    /// One page, complete in itself but for the video.
    pub fn to_html(&self) -> String {
        let title = escaped(&format!("Timeline of {}", self.title));
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; media-src 'self' file:; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n{}<style>\n{}</style>\n<title>{title}</title>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n",
            include_str!("../../templates/head.html"),
            include_str!("../../templates/timeline.css"),
        );
        let _ = writeln!(page, "<p>{}</p>", escaped(MEANING));
        let curves = self.curves();
        if curves
            .iter()
            .any(|curve| curve.name.starts_with(BLENDSHAPE_PREFIX))
        {
            let _ = writeln!(page, "<p>{}</p>", escaped(BLENDSHAPES));
        }
        let _ = writeln!(
            page,
            "<p id=\"mesh\">Points of the faces by <code>{}</code>.</p>",
            escaped(&self.mesh)
        );
        for note in &self.notes {
            let _ = writeln!(page, "<p>{}</p>", escaped(note));
        }
        self.player(&mut page);
        choice(&curves, &mut page);
        for track in &self.tracks {
            self.track(track, &mut page);
        }
        if self.tracks.is_empty() {
            page.push_str("<p>No face was seen for long enough to draw a curve.</p>\n");
        }
        let _ = writeln!(
            page,
            "</main>\n<script>\n{}</script>\n</body>\n</html>",
            include_str!("../../templates/timeline.js")
        );
        page
    }

    /// The curves of all faces, each once.
    fn curves(&self) -> Vec<&TimelineCurve> {
        let mut curves: Vec<&TimelineCurve> = Vec::new();
        for curve in self.tracks.iter().flat_map(|track| &track.curves) {
            if curves.iter().all(|known| known.name != curve.name) {
                curves.push(curve);
            }
        }
        curves
    }

    fn player(&self, page: &mut String) {
        page.push_str("<div class=\"player\">\n");
        if let Some(video) = &self.video {
            let _ = writeln!(
                page,
                "<video src=\"{}\" controls preload=\"metadata\" muted playsinline></video>\n<p id=\"unplayed\" hidden>This browser does not play the video; the curves run without it.</p>",
                escaped(video)
            );
        } else {
            page.push_str(
                "<p>Browsers do not play this kind of video; the curves run without it.</p>\n",
            );
        }
        let _ = writeln!(
            page,
            "<p><button type=\"button\" id=\"play\">Play</button> <input type=\"range\" id=\"seek\" min=\"0\" max=\"{:.3}\" step=\"any\" value=\"0\" aria-label=\"Time in seconds\"> <output id=\"now\">0.00 s</output></p>\n<p>A click into a curve goes to that moment; with the arrow keys on the slider it goes there too.</p>\n</div>",
            self.secs
        );
    }

    fn track(&self, track: &TimelineTrack, page: &mut String) {
        let _ = writeln!(
            page,
            "<section>\n<h2>{}</h2>\n{}",
            escaped(&track.name),
            self.track_svg(track)
        );
        if track.events.is_empty() {
            page.push_str("<p>Nothing stands out from rest.</p>\n</section>\n");
            return;
        }
        page.push_str(
            "<details><summary>What stands out</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"What stands out\"><table>\n<thead><tr><th scope=\"col\">From</th><th scope=\"col\">Height</th><th scope=\"col\">Until</th><th scope=\"col\">What</th><th scope=\"col\">How far</th><th scope=\"col\">Details</th></tr></thead>\n<tbody>\n",
        );
        for event in &track.events {
            let (from, apex, to) = event.secs;
            let probability = event
                .probability
                .map(|p| format!("probability {p:.2}. "))
                .unwrap_or_default();
            let _ = writeln!(
                page,
                "<tr><td><button type=\"button\" class=\"go\" data-secs=\"{from:.3}\">{from:.2} s</button></td><td>{apex:.2} s</td><td>{to:.2} s</td><td>{} {}</td><td>{:.2}</td><td>{}{}</td></tr>",
                escaped(&event.kind.replace('_', " ")),
                escaped(&event.what.replace('_', " ")),
                event.height,
                probability,
                escaped(&event.details)
            );
        }
        page.push_str("</tbody></table></div></details>\n</section>\n");
    }
}

/// A box for each curve, to be ticked.
fn choice(curves: &[&TimelineCurve], page: &mut String) {
    if curves.is_empty() {
        return;
    }
    page.push_str("<details id=\"curves\"><summary>Choose curves</summary>\n");
    let mut groups: Vec<&str> = Vec::new();
    for curve in curves {
        if !groups.contains(&curve.group.as_str()) {
            groups.push(&curve.group);
        }
    }
    for group in groups {
        let _ = write!(
            page,
            "<fieldset><legend>{}</legend><button type=\"button\" class=\"all\">All</button> <button type=\"button\" class=\"none\">None</button><div class=\"boxes\">",
            escaped(group)
        );
        for curve in curves.iter().filter(|curve| curve.group == group) {
            let _ = write!(
                page,
                "<label><input type=\"checkbox\" name=\"{}\"{}> {}</label>",
                escaped(&curve.name),
                if curve.is_shown { " checked" } else { "" },
                escaped(&curve.label)
            );
        }
        page.push_str("</div></fieldset>\n");
    }
    page.push_str("</details>\n");
}
