//! What is kept of one participant.

use std::collections::BTreeMap;
use std::fmt;

use regard_domain::{CreativeId, StudyId};
use serde::{Deserialize, Serialize};

use super::curves::Curve;
use super::plan::{QuestionKind, StudyPlan};

/// Version of the stored form.
pub const SITTING_FORMAT: u32 = 1;

/// Longest answer in own words, in characters.
const MAX_ANSWER_CHARS: usize = 1_000;

/// Something about a face that is followed over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// How much the face is turned to the screen, 0 to 1.
    Attention,
    /// Probability that the face shows a smile, relative to the participant's own rest.
    Smile,
    /// Probability of a smile less that of the four unpleasant expressions, relative to the participant's own rest.
    Valence,
}

impl Signal {
    /// All, in the order of reports.
    pub const ALL: [Self; 3] = [Self::Attention, Self::Smile, Self::Valence];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Smile => "smile",
            Self::Valence => "valence",
        }
    }

    /// Values between which it lies, whoever is looked at: a probability and the like, or the difference of two.
    pub const fn bounds(self) -> (f64, f64) {
        match self {
            Self::Attention => (0.0, 1.0),
            Self::Smile => (-1.0, 1.0),
            // A smile less what is unpleasant is from -1 to 1 itself.
            Self::Valence => (-2.0, 2.0),
        }
    }
}

/// What a participant showed at rest, before the first message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neutral {
    /// Probability of a smile.
    pub smile: f32,
    /// Of a smile less that of the unpleasant expressions.
    pub valence: f32,
    /// Readings that it was taken from.
    pub n_readings: u32,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// From 1 to 7.
    Liking(u8),
    /// The place of the option, from 0.
    Choice(u8),
    /// In own words.
    Text(String),
}

/// The answers about one message, by question. A question may be left unanswered.
pub type Answers = BTreeMap<CreativeId, Answer>;

/// What was measured during one message.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watched {
    /// Over the common grid.
    pub attention: Curve,
    /// The same.
    pub smile: Curve,
    /// The same.
    pub valence: Curve,
    /// What was answered after it.
    #[serde(default)]
    pub answers: Answers,
}

impl Watched {
    /// The curve of a signal.
    pub const fn curve(&self, signal: Signal) -> &Curve {
        match signal {
            Signal::Attention => &self.attention,
            Signal::Smile => &self.smile,
            Signal::Valence => &self.valence,
        }
    }
}

/// One participant, once.
///
/// # Privacy
/// What one person showed and said: stored sealed under that person's key alone, opened to be added up, never printed. No
/// picture, no point of a face, no name.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sitting {
    /// [`SITTING_FORMAT`].
    pub format: u32,
    /// Of which study.
    pub study: StudyId,
    /// The messages in the order in which they were shown.
    pub order: Vec<CreativeId>,
    /// Frames a second that could be counted on, as measured.
    pub frames_per_sec: f32,
    /// What the participant showed at rest.
    pub neutral: Neutral,
    /// By message; those that were not seen to their end are left out.
    pub watched: BTreeMap<CreativeId, Watched>,
    /// Why movements of a fraction of a second were not looked for, where the study wanted them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub movements_refused: Option<String>,
    /// Messages during which frames came too slowly for movements of a fraction of a second, though leave for them was given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slowed: Vec<CreativeId>,
}

/// Why movements of a fraction of a second were not looked for, over the participants of a study.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovementRefusals {
    /// Participants of whom none were looked for, by the code of the refusal.
    pub by_code: BTreeMap<String, u32>,
    /// Participants who gave leave, and whose camera became too slow during some of the messages.
    pub n_slowed: u32,
}

impl MovementRefusals {
    /// Counted over these participants, each once.
    pub fn of(sittings: &[Sitting]) -> Self {
        let mut refusals = Self::default();
        for sitting in sittings {
            if let Some(code) = &sitting.movements_refused {
                *refusals.by_code.entry(code.clone()).or_default() += 1;
            } else if !sitting.slowed.is_empty() {
                refusals.n_slowed += 1;
            }
        }
        refusals
    }
}

impl fmt::Debug for Sitting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sitting(withheld)")
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched(withheld)")
    }
}

impl Answer {
    /// Whether it answers a question of the plan.
    pub fn fits(&self, plan: &StudyPlan, question: &CreativeId) -> bool {
        let asked = plan.questions.iter().find(|one| one.id == *question);
        match (self, asked.map(|one| &one.kind)) {
            (Self::Liking(value), Some(QuestionKind::Liking {})) => (1..=7).contains(value),
            (Self::Choice(at), Some(QuestionKind::Choice { options })) => {
                usize::from(*at) < options.len()
            }
            (Self::Text(text), Some(QuestionKind::Text {})) => {
                text.chars().count() <= MAX_ANSWER_CHARS
            }
            (Self::Liking(_) | Self::Choice(_) | Self::Text(_), _) => false,
        }
    }
}
