//! What a report of a study says in words.

use regard_commitments::RefusalCode;
use regard_evaluation::{
    Estimated, Foretelling, MovementRefusals, QuestionResult, Signal, StimulusResult, StudyResult,
    Turning, TurningPoint, TurningPoints, are_told,
};

/// What the curves are.
pub(super) const MEANING: &str = "Attention is how much faces are turned to the screen, from 0 to 1. Smile and valence are probabilities of \
what faces show, less what each participant showed at rest: facial movement, not what anybody feels. Curves are means of participants, with \
the interval that holds the mean of the population in 95 of 100 studies at least at each instant, however few took part and however uneven \
they are (betting, Waudby-Smith and Ramdas 2024, for what lies between bounds; means and stated likings too): with few it is wide.";

/// What the band of movements of a fraction of a second is.
pub(super) const MOVEMENTS: &str = "How much somebody moves has no bound, so that its interval is Student's: it holds in 95 of 100 studies where \
participants are spread evenly about their mean, and less often where few of them move a lot.";

/// What the turning points are.
pub(super) const TURNING: &str = "A moment is told where the second after differs from the second before in the same direction for so many participants \
that chance would do so, anywhere in the study, in at most 5 of 100 studies (sign flips, greatest of all moments).";

/// What is said of few participants.
pub(super) fn warning(result: &StudyResult) -> Option<String> {
    result.is_below_usual.then(|| {
        format!(
            "This study tells of {} participants and more, where five are usual: whoever knows who took part may know too much. For the laboratory \
             alone; do not pass it on.",
            result.min_participants
        )
    })
}

pub(super) const fn name(signal: Signal) -> &'static str {
    match signal {
        Signal::Attention => "Attention",
        Signal::Smile => "Smile",
        Signal::Valence => "Valence",
    }
}

/// A number of two places; none is less than nothing by less than shows.
fn shown(value: f64) -> f64 {
    let rounded = (value * 100.0).round() / 100.0;
    if rounded == 0.0 { 0.0 } else { rounded }
}

pub(super) fn estimated(of: &Estimated) -> String {
    format!(
        "{:.2} ({:.2} to {:.2}, {})",
        shown(of.mean),
        shown(of.interval.low),
        shown(of.interval.high),
        people(of.n)
    )
}

/// How long a message is and who saw it.
pub(super) fn seen(one: &StimulusResult) -> String {
    format!(
        "{} s, seen to its end by {}.",
        f64::from(one.duration_millis) / 1e3,
        people(one.n)
    )
}

/// The mean of each signal over a message, where enough participants gave one.
pub(super) fn means(one: &StimulusResult) -> Vec<String> {
    let told = one.means.iter().filter_map(|(signal, mean)| {
        let mean = mean.as_ref()?;
        Some(format!("{}: {}", name(*signal), estimated(mean)))
    });
    told.collect()
}

/// Heads [`refused_movements`].
pub(super) const NOT_LOOKED_FOR: &str =
    "Movements of a fraction of a second that were not looked for";

/// Of how many participants movements of a fraction of a second were not looked for, and why; of fewer than the study tells of, not
/// how many.
pub(super) fn refused_movements(refusals: &MovementRefusals, result: &StudyResult) -> Vec<String> {
    let mut counts: Vec<u64> = refusals.by_code.values().map(|n| u64::from(*n)).collect();
    counts.push(u64::from(refusals.n_slowed));
    // Of all others they were looked for throughout: how many is read off the number of participants.
    let n_refused: u64 = counts.iter().sum();
    counts.push(u64::from(result.n_participants).saturating_sub(n_refused));
    let told = are_told(&counts, u64::from(result.min_participants));
    let whom = |n: u32, is_told: bool| {
        if is_told {
            people(n)
        } else {
            "some participants".to_owned()
        }
    };
    let mut lines: Vec<String> = refusals
        .by_code
        .iter()
        .zip(&told)
        .map(|((code, n), is_told)| {
            let why = if code == RefusalCode::FpsTooLowForMicroexpression.as_str() {
                "pictures of their cameras came too slowly"
            } else {
                "refused"
            };
            format!("Not of {}: {why} ({code}).", whom(*n, *is_told))
        })
        .collect();
    if refusals.n_slowed > 0 {
        lines.push(format!(
            "Not throughout of {}: pictures of their cameras came too slowly during some of the messages, which count for nothing here ({}).",
            whom(refusals.n_slowed, told[refusals.by_code.len()]),
            RefusalCode::FpsTooLowForMicroexpression.as_str()
        ));
    }
    if !lines.is_empty() && told.contains(&false) {
        lines.push(format!(
            "How many is not said where it would tell of fewer than {}.",
            people(result.min_participants)
        ));
    }
    lines
}

/// Why nothing is shown of a message.
pub(super) fn suppressed(one: &StimulusResult) -> Option<String> {
    let why = one.suppressed?;
    Some(format!(
        "Not shown: {} saw it to its end, and {} are needed, so that nobody is told of by themselves.",
        people(why.n),
        why.needed
    ))
}

pub(super) fn people(n: u32) -> String {
    match n {
        1 => "1 participant".to_owned(),
        n => format!("{n} participants"),
    }
}

/// Each question and what was answered.
pub(super) fn answers(one: &StimulusResult) -> Vec<String> {
    let told = one.answers.iter().map(|answer| match answer {
        QuestionResult::Liking { question, answered } => match answered {
            Some(of) => format!("{question}: {} of 7", estimated(of)),
            None => format!("{question}: too few answered"),
        },
        QuestionResult::Choice { question, counts } => {
            let counts = counts.iter().map(|one| match one.n {
                Some(n) => format!("{} {n}", one.option),
                None => format!("{} too few to tell", one.option),
            });
            format!("{question}: {}", counts.collect::<Vec<_>>().join(", "))
        }
        QuestionResult::Text { question, n } => {
            format!(
                "{question}: {} wrote something, which stays with their records",
                people(*n)
            )
        }
    });
    told.collect()
}

pub(super) fn seconds(millis: u32) -> String {
    format!("{:.2} s", f64::from(millis) / 1e3)
}

fn turning_point(one: &TurningPoint) -> String {
    let does = match one.kind {
        Turning::Wins => "wins",
        Turning::Loses => "loses",
    };
    format!(
        "{}, at {} ({} to {}): {does} people; {} changes by {:+.2} ({:+.2} to {:+.2}) over {}",
        one.creative,
        seconds(one.at_millis),
        seconds(one.from_millis),
        seconds(one.to_millis),
        name(one.signal).to_lowercase(),
        one.change,
        one.interval.low,
        one.interval.high,
        people(one.n)
    )
}

/// The turning points, one a line.
pub(super) fn turning_points(result: &StudyResult) -> Vec<String> {
    match &result.moments {
        TurningPoints::TooFew { n, needed } => vec![format!(
            "Not told: {n} took part, and with fewer than {needed} chance could explain any moment."
        )],
        TurningPoints::Found { moments } if moments.is_empty() => {
            vec!["None is beyond chance.".to_owned()]
        }
        TurningPoints::Found { moments } => moments.iter().map(turning_point).collect(),
    }
}

/// What the curves foretell of the answers.
pub(super) fn foretelling(result: &StudyResult) -> Vec<String> {
    match &result.foretelling {
        Foretelling::NotAsked => vec!["Nobody was asked how they liked a message.".to_owned()],
        Foretelling::TooFew { n, needed } => vec![format!(
            "Not enough: {n} answered how they liked a message, and {needed} are needed to foretell and to say how well."
        )],
        Foretelling::Told {
            skill,
            interval,
            is_beyond_chance,
            n,
            messages,
        } => {
            let verdict = if *is_beyond_chance {
                "Curves foretell answers better than everybody's mean does."
            } else {
                "It is not shown that curves foretell answers better than everybody's mean does: do not rely on the figures below."
            };
            let mut lines = vec![format!(
                "{verdict} Of participants whom the model had never seen it took away {:.0} % ({:.0} to {:.0}) of the squared error of saying the mean; {n} participants.",
                100.0 * skill,
                100.0 * interval.low,
                100.0 * interval.high
            )];
            lines.extend(messages.iter().map(|one| {
                format!(
                    "{}: foretold {:.1} of 7 ({:.1} to {:.1})",
                    one.creative, one.liking, one.interval.low, one.interval.high
                )
            }));
            lines
        }
    }
}
