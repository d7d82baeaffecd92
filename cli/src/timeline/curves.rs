//! Curves as the page draws them.

use regard_domain::{Expression, Timestamp};
use regard_reports::{BLENDSHAPE_PREFIX, Timeline, TimelineCurve, TimelineEvent, TimelineTrack};
use regard_vision::{ActionUnit, Blendshapes, CurvePoint, MicroReport, Movement, Smile};

use super::watch::{Watched, WatchedTrack};

/// Name of the curve of how far a face is from rest for a fraction of a second.
const MICRO: &str = "micro_strength";

// What curves are chosen by.
const AFFECT: &str = "Valence and arousal";
const UNITS: &str = "Signals after the manner of action units";
const EXPRESSIONS: &str = "Expressions, by their networks";
const HEAD: &str = "Head";
const BLENDSHAPES: &str = "Blendshapes";

fn secs(at: Timestamp) -> f64 {
    at.as_micros() as f64 * 1e-6
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// A face with its curves; nothing where it was seen for too short.
pub(super) fn track(watched: &WatchedTrack) -> Option<TimelineTrack> {
    let points = &watched.curves.points;
    points.first()?;
    let mut curves = Vec::new();
    let mut put = |group: &str,
                   (name, label): (&str, String),
                   range,
                   value: &dyn Fn(&CurvePoint) -> Option<f32>| {
        let points = points.iter().map(|p| (secs(p.at), value(p).map(f64::from)));
        curves.push(TimelineCurve {
            name: name.to_owned(),
            label,
            group: group.to_owned(),
            is_shown: group != BLENDSHAPES,
            range,
            points: points.collect(),
        });
    };
    put(
        AFFECT,
        ("valence", "valence".to_owned()),
        (-1.0, 1.0),
        &|p| (!p.is_turned).then_some(p.valence),
    );
    put(
        AFFECT,
        ("arousal", "arousal".to_owned()),
        (0.0, 1.0),
        &|p| (!p.is_turned).then_some(p.arousal),
    );
    for unit in ActionUnit::ALL {
        let label = format!("AU{} {}", unit.number(), words(unit.name()));
        put(UNITS, (unit.name(), label), (-0.5, 1.0), &|p| {
            (!p.is_turned).then_some(p.units[unit as usize])
        });
    }
    for expression in Expression::ALL {
        let label = format!("shows {}", expression.name());
        put(EXPRESSIONS, (expression.name(), label), (0.0, 1.0), &|p| {
            p.expression.map(|e| e.probability(expression))
        });
    }
    let yaw = ("yaw_deg", "head yaw, °".to_owned());
    put(HEAD, yaw, (-45.0, 45.0), &|p| {
        p.pose.map(|pose| pose.yaw_deg)
    });
    let pitch = ("pitch_deg", "head pitch, °".to_owned());
    put(HEAD, pitch, (-45.0, 45.0), &|p| {
        p.pose.map(|pose| pose.pitch_deg)
    });
    if points.iter().any(|p| p.blendshapes.is_some()) {
        for (at, name) in Blendshapes::NAMES.into_iter().enumerate() {
            let column = format!("{BLENDSHAPE_PREFIX}{name}");
            put(BLENDSHAPES, (&column, words(name)), (0.0, 1.0), &|p| {
                let weights = p.blendshapes.filter(|_| !p.is_turned)?;
                weights.values().get(at).copied()
            });
        }
    }
    let movements = watched.curves.movements.iter().map(movement);
    let smiles = watched.curves.smiles.iter().map(smile);
    let mut events: Vec<TimelineEvent> = movements.chain(smiles).collect();
    sort(&mut events);
    Some(TimelineTrack {
        name: format!("face {}", watched.number),
        curves,
        events,
    })
}

fn sort(events: &mut [TimelineEvent]) {
    events.sort_by(|a, b| a.secs.0.total_cmp(&b.secs.0).then(a.curve.cmp(&b.curve)));
}

fn movement(movement: &Movement) -> TimelineEvent {
    let phases = movement.phases;
    let cut = if movement.is_cut {
        "; cut by the beginning or the end"
    } else {
        ""
    };
    TimelineEvent {
        curve: movement.unit.name().to_owned(),
        kind: "movement".to_owned(),
        what: movement.unit.name().to_owned(),
        secs: (
            secs(movement.onset),
            secs(movement.apex),
            secs(movement.offset),
        ),
        height: f64::from(movement.amplitude),
        probability: None,
        details: format!(
            "{}, rises for {:.2} s, falls for {:.2} s{cut}",
            movement.region().name(),
            phases.rise_secs(),
            phases.fall_secs()
        ),
    }
}

fn smile(smile: &Smile) -> TimelineEvent {
    TimelineEvent {
        curve: "valence".to_owned(),
        kind: "smile".to_owned(),
        what: smile.kind.name().to_owned(),
        secs: (secs(smile.onset), secs(smile.apex), secs(smile.offset)),
        height: f64::from(smile.amplitude),
        probability: None,
        details: format!(
            "rises for {:.2} s, falls for {:.2} s, cheeks {:.2}, lopsided by {:+.2}",
            smile.rise_secs, smile.fall_secs, smile.cheeks, smile.lopsidedness
        ),
    }
}

/// What the reader has to know of this video.
pub(super) fn notes(watched: &Watched) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(rate) = watched.tracks.iter().filter_map(|t| t.curves.rate).max() {
        notes.push(format!(
            "Frames come {:.1} times a second, by their own times. Movements shorter than {:.2} s are not shown by so few.",
            rate.frames_per_sec(),
            3.0 / rate.frames_per_sec()
        ));
    }
    for track in &watched.tracks {
        if !track.curves.is_rest_seen {
            notes.push(format!(
                "Face {} was never seen at rest by the expression networks: rest is what it showed most, and a smile that lasts throughout counts as rest.",
                track.number
            ));
        }
        if track.curves.n_left_out > 0 {
            notes.push(format!(
                "Of face {} the last {} frames are left out: an hour is the most that is kept.",
                track.number, track.curves.n_left_out
            ));
        }
    }
    if watched.n_left_out > 0 {
        notes.push(format!(
            "{} faces that came later are left out.",
            watched.n_left_out
        ));
    }
    notes
}

fn stated_in_words(false_alarms_per_minute: Option<f64>) -> String {
    match false_alarms_per_minute {
        Some(rate) => format!("of such findings up to {rate:.1} a minute are stated to be false"),
        None => "how many of them are false is not known: the face is smaller or frames come more slowly than where that was measured"
            .to_owned(),
    }
}

/// Puts movements of a fraction of a second into the curves of the only face.
pub(super) fn add_micro(timeline: &mut Timeline, report: &MicroReport) {
    timeline.notes.push(format!(
        "For the study alone, with the participant's consent; not for any decision about messages, products or people. Movements of a twenty-fifth to half a second: \
         {} found in {:.1} s at {:.1} frames a second; {}. Not reported: {} that came with a blink, {} with speech, {} with \
         a quick head. Destroy this file when the participant withdraws.",
        report.movements.len(),
        report.watched_secs,
        report.frames_per_sec,
        stated_in_words(report.stated_false_alarms_per_minute),
        report.n_with_blink,
        report.n_with_speech,
        report.n_with_head
    ));
    let Some(track) = timeline
        .tracks
        .iter_mut()
        .max_by_key(|t| t.curves.first().map(|c| c.points.len()))
    else {
        return;
    };
    let highest = report
        .traces
        .iter()
        .map(|t| t.strength)
        .fold(0.02, f32::max);
    track.curves.push(TimelineCurve {
        name: MICRO.to_owned(),
        label: "small movements".to_owned(),
        group: "Movements of a fraction of a second".to_owned(),
        is_shown: true,
        range: (0.0, f64::from(highest)),
        points: report
            .traces
            .iter()
            .map(|t| (secs(t.at), Some(f64::from(t.strength))))
            .collect(),
    });
    track.events.extend(report.movements.iter().map(|m| {
        let places: Vec<String> = m.places.iter().map(|p| words(p.name())).collect();
        TimelineEvent {
            curve: MICRO.to_owned(),
            kind: "micro_movement".to_owned(),
            what: m.place.name().to_owned(),
            secs: (secs(m.onset), secs(m.apex), secs(m.offset)),
            height: f64::from(m.height[0].hypot(m.height[1])),
            probability: Some(f64::from(m.probability)),
            details: format!(
                "{}; {:+.3} to the right, {:+.3} down, in eye distances",
                places.join(", "),
                m.height[0],
                m.height[1]
            ),
        }
    }));
    sort(&mut track.events);
}
