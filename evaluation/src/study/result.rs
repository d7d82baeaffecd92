//! A study, added up.

use regard_domain::{CreativeId, StudyId};
use serde::Serialize;

use super::curves::{Band, mean_with_interval};
use super::plan::{MIN_PARTICIPANTS, Question, QuestionKind, StudyPlan};
use super::preference::{Foretelling, foretell};
use super::sitting::{Answer, Signal, Sitting, Watched};
use super::turning::{TurningPoints, turning_points};
use crate::Interval;

/// A mean over participants.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimated {
    /// The mean.
    pub mean: f64,
    /// Where the mean of the population is, in 95 of 100 studies at least.
    pub interval: Interval,
    /// Participants.
    pub n: u32,
}

/// Why something is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Suppressed {
    /// Participants there are.
    pub n: u32,
    /// Participants it takes.
    pub needed: u32,
}

/// How often an option was chosen; nothing of options that too few chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChoiceCount {
    /// The option.
    pub option: String,
    /// How often; nothing where showing it, or the rest to the total, would tell of fewer than are told of.
    pub n: Option<u32>,
}

/// What was answered to one question about one message.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum QuestionResult {
    /// On the scale from 1 to 7.
    Liking {
        /// Which question.
        question: CreativeId,
        /// The mean.
        answered: Option<Estimated>,
    },
    /// Of options.
    Choice {
        /// Which question.
        question: CreativeId,
        /// By option, in the order of the plan.
        counts: Vec<ChoiceCount>,
    },
    /// In own words: how many wrote something. What they wrote stays with their record.
    Text {
        /// Which question.
        question: CreativeId,
        /// How many.
        n: u32,
    },
}

/// One message, added up over participants.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StimulusResult {
    /// Which.
    pub creative: CreativeId,
    /// Its name.
    pub name: String,
    /// How long it was shown.
    pub duration_millis: u32,
    /// Participants who saw it to its end.
    pub n: u32,
    /// Why nothing more is shown, where that is so.
    pub suppressed: Option<Suppressed>,
    /// Bands, in the order of [`Signal::ALL`].
    pub bands: Vec<(Signal, Band)>,
    /// Means over all of the message, in the same order.
    pub means: Vec<(Signal, Option<Estimated>)>,
    /// The stated liking, 1 to 7.
    pub liking: Option<Estimated>,
    /// What was answered.
    pub answers: Vec<QuestionResult>,
}

/// A study, added up.
///
/// # Privacy
/// Sums over as many participants as the plan says at least; no row of anybody.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StudyResult {
    /// Which.
    pub study: StudyId,
    /// Its title, in English where it has one.
    pub title: String,
    /// Participants whose consent holds.
    pub n_participants: u32,
    /// Participants below which nothing is shown.
    pub min_participants: u32,
    /// Whether that is fewer than are usually shown, so that readers are warned.
    pub is_below_usual: bool,
    /// By message, in the order of the plan.
    pub creatives: Vec<StimulusResult>,
    /// At which moments many change together.
    pub moments: TurningPoints,
    /// What the curves foretell of the answers.
    pub foretelling: Foretelling,
}

/// From the least that can be answered to how somebody liked a message to the most.
const LIKINGS: (f64, f64) = (1.0, 7.0);

/// Seed of what is drawn for intervals: the same participants give the same report.
const SEED: u64 = 0x57_0d_1e;

/// Adds up a study.
pub fn analyze_study(plan: &StudyPlan, sittings: &[Sitting]) -> StudyResult {
    let all: Vec<&Sitting> = sittings.iter().filter(|one| one.study == plan.id).collect();
    let n = u32::try_from(all.len()).unwrap_or(u32::MAX);
    let order: Vec<CreativeId> = plan.stimuli.iter().map(|one| one.id.clone()).collect();
    let is_told = n >= plan.min_participants;
    let too_few = |needed: usize| Foretelling::TooFew {
        n: all.len(),
        needed,
    };
    let least = plan.min_participants as usize;
    StudyResult {
        study: plan.id.clone(),
        title: plan.title.in_language("en").to_owned(),
        n_participants: n,
        min_participants: plan.min_participants,
        is_below_usual: plan.min_participants < MIN_PARTICIPANTS,
        creatives: plan
            .stimuli
            .iter()
            .map(|one| {
                let watched: Vec<&Watched> = all
                    .iter()
                    .filter_map(|sitting| sitting.watched.get(&one.id))
                    .collect();
                stimulus(plan, (&one.id, &one.name, one.duration_millis), &watched)
            })
            .collect(),
        moments: if is_told {
            turning_points(&all, &order, SEED)
        } else {
            TurningPoints::TooFew {
                n: all.len(),
                needed: least.max(super::turning::MIN_FOR_MOMENTS),
            }
        },
        foretelling: if is_told || plan.liking().is_none() {
            foretell(plan, &all, SEED)
        } else {
            too_few(least.max(super::preference::MIN_FORETELLING))
        },
    }
}

fn stimulus(
    plan: &StudyPlan,
    (id, name, duration_millis): (&CreativeId, &str, u32),
    watched: &[&Watched],
) -> StimulusResult {
    let n = u32::try_from(watched.len()).unwrap_or(u32::MAX);
    let least = plan.min_participants;
    let mut result = StimulusResult {
        creative: id.clone(),
        name: name.to_owned(),
        duration_millis,
        n,
        suppressed: None,
        bands: Vec::new(),
        means: Vec::new(),
        liking: None,
        answers: Vec::new(),
    };
    if n < least {
        result.suppressed = Some(Suppressed { n, needed: least });
        return result;
    }
    for signal in Signal::ALL {
        let curves: Vec<_> = watched.iter().map(|one| one.curve(signal)).collect();
        let means: Vec<f64> = curves
            .iter()
            .filter_map(|curve| curve.mean(0..curve.0.len()))
            .collect();
        let bounds = signal.bounds();
        let band = Band::over(&curves, least, Some(bounds));
        result.bands.push((signal, band));
        result
            .means
            .push((signal, estimated(&means, least, bounds)));
    }
    result.answers = plan
        .questions
        .iter()
        .map(|asked| answered(asked, watched, least))
        .collect();
    let liking = plan.liking().map(|question| &question.id);
    result.liking = result.answers.iter().find_map(|one| match one {
        QuestionResult::Liking { question, answered } if Some(question) == liking => *answered,
        QuestionResult::Liking { .. }
        | QuestionResult::Choice { .. }
        | QuestionResult::Text { .. } => None,
    });
    result
}

fn estimated(values: &[f64], least: u32, bounds: (f64, f64)) -> Option<Estimated> {
    let n = u32::try_from(values.len()).unwrap_or(u32::MAX);
    let (mean, interval) = mean_with_interval(values, Some(bounds)).filter(|_| n >= least)?;
    Some(Estimated { mean, interval, n })
}

fn answered(asked: &Question, watched: &[&Watched], least: u32) -> QuestionResult {
    let answers = watched.iter().filter_map(|one| one.answers.get(&asked.id));
    let question = asked.id.clone();
    match &asked.kind {
        QuestionKind::Liking {} => {
            let values = answers.filter_map(|answer| match answer {
                Answer::Liking(value) => Some(f64::from(*value)),
                Answer::Choice(_) | Answer::Text(_) => None,
            });
            let values: Vec<f64> = values.collect();
            QuestionResult::Liking {
                question,
                answered: estimated(&values, least, LIKINGS),
            }
        }
        QuestionKind::Choice { options } => {
            let mut counts = vec![0_u32; options.len()];
            for answer in answers {
                if let Answer::Choice(at) = answer
                    && let Some(count) = counts.get_mut(usize::from(*at))
                {
                    *count += 1;
                }
            }
            let shown = shown_counts(&counts, least);
            let counts = options.iter().zip(shown).map(|(option, n)| ChoiceCount {
                option: option.in_language("en").to_owned(),
                n,
            });
            QuestionResult::Choice {
                question,
                counts: counts.collect(),
            }
        }
        QuestionKind::Text {} => QuestionResult::Text {
            question,
            n: u32::try_from(answers.count()).unwrap_or(u32::MAX),
        },
    }
}

/// The counts that may be shown.
fn shown_counts(counts: &[u32], least: u32) -> Vec<Option<u32>> {
    let wide: Vec<u64> = counts.iter().map(|n| u64::from(*n)).collect();
    let told = are_told(&wide, u64::from(least));
    counts
        .iter()
        .zip(told)
        .map(|(n, is_told)| is_told.then_some(*n))
        .collect()
}

/// Which of the counts of a whole may be told: none smaller than the least group, except that there is nothing. Where fewer than a
/// group would be missing from the sum, the next smallest goes as well, since it could be told from the rest otherwise.
pub fn are_told(counts: &[u64], least: u64) -> Vec<bool> {
    let mut are_told: Vec<bool> = counts.iter().map(|n| *n == 0 || *n >= least).collect();
    loop {
        let left_out = counts.iter().zip(&are_told).filter(|(_, told)| !**told);
        let hidden: u64 = left_out.map(|(n, _)| n).sum();
        let next = (0..counts.len())
            .filter(|i| are_told[*i] && counts[*i] > 0)
            .min_by_key(|i| counts[*i]);
        match next {
            Some(next) if hidden > 0 && hidden < least => are_told[next] = false,
            Some(_) | None => return are_told,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_count_is_not_read_off_the_total() {
        for (counts, shown) in [
            (vec![7, 6, 0], vec![Some(7), Some(6), Some(0)]),
            (vec![7, 6, 2], vec![Some(7), None, None]),
            // Two and two are four, which is fewer than anybody may be told of.
            (vec![7, 2, 2], vec![None, None, None]),
            (vec![9, 7, 3, 2], vec![Some(9), Some(7), None, None]),
            (vec![2], vec![None]),
        ] {
            assert_eq!(shown_counts(&counts, 5), shown, "{counts:?}");
        }
    }
}
