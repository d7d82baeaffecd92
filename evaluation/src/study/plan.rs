//! What a study is: its words, its messages, its questions.

use std::collections::{BTreeMap, BTreeSet};

use regard_decision::Content;
use regard_domain::{CreativeId, StudyId};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Participants below which nothing of a study is shown, unless its plan says otherwise under profile `lab`. Origin: the
/// least cell that statistics offices commonly publish.
pub const MIN_PARTICIPANTS: u32 = 5;

/// The least that a plan may ask for: an interval needs two.
pub const LAB_PARTICIPANTS: u32 = 2;

/// Messages of one study: at ten seconds each, four minutes of looking.
const MAX_STIMULI: usize = 24;
/// Questions after each message: more are not answered with care.
const MAX_QUESTIONS: usize = 8;
/// Options of one question.
const MAX_OPTIONS: usize = 10;
/// Longest text, in characters.
const MAX_TEXT_CHARS: usize = 2_000;
/// Shortest and longest showing, in milliseconds.
const SHOWN_MILLIS: std::ops::RangeInclusive<u32> = 1_000..=120_000;
/// Shortest and longest rest before the first message, in milliseconds.
const REST_MILLIS: std::ops::RangeInclusive<u32> = 1_000..=30_000;
/// A micro-movement lasts so long, in milliseconds (`regard_commitments::SHORTEST_MOVEMENT`).
const MOVEMENT_MILLIS: std::ops::RangeInclusive<u32> = 40..=500;
/// Languages that the pages speak.
const LANGUAGES: [&str; 5] = ["en", "fr", "de", "es", "nl"];

/// A text in one language, or in several by tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Words {
    /// As it is, whatever the reader speaks.
    One(String),
    /// By language: `en`, `fr`, `de`, `es`, `nl`.
    Each(BTreeMap<String, String>),
}

impl Words {
    /// The text for a reader of this language; else English; else the first.
    pub fn in_language(&self, tag: &str) -> &str {
        match self {
            Self::One(text) => text,
            Self::Each(texts) => {
                let found = texts.get(tag).or_else(|| texts.get("en"));
                found
                    .or_else(|| texts.values().next())
                    .map_or("", String::as_str)
            }
        }
    }

    fn check(&self, place: &str, faults: &mut Vec<PlanFault>) {
        let texts: Vec<(&str, &str)> = match self {
            Self::One(text) => vec![("en", text)],
            Self::Each(texts) => texts
                .iter()
                .map(|(tag, t)| (tag.as_str(), t.as_str()))
                .collect(),
        };
        if texts.is_empty() {
            faults.push(PlanFault::Empty {
                place: place.to_owned(),
            });
        }
        for (tag, text) in texts {
            if !LANGUAGES.contains(&tag) {
                faults.push(PlanFault::Language {
                    place: place.to_owned(),
                    tag: tag.chars().take(16).collect(),
                });
            }
            if text.trim().is_empty() {
                faults.push(PlanFault::Empty {
                    place: place.to_owned(),
                });
            }
            if text.chars().count() > MAX_TEXT_CHARS {
                faults.push(PlanFault::TooLong {
                    place: place.to_owned(),
                });
            }
        }
    }
}

/// One message, or picture of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stimulus {
    /// Unique within the study; where it is a message of a campaign, the id it has there.
    pub id: CreativeId,
    /// For reading.
    pub name: String,
    /// What is shown: words, a picture or a silent film.
    pub content: Content,
    /// How long.
    pub duration_millis: u32,
    /// The message in words, for those who cannot see it.
    #[serde(default)]
    pub alt_text: String,
}

/// How a question is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum QuestionKind {
    /// From 1, not at all, to 7, very much.
    Liking {},
    /// One of these.
    Choice {
        /// The options.
        options: Vec<Words>,
    },
    /// In own words. Off unless the plan says `free_text = true`: people write about themselves.
    Text {},
}

/// A question after each message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Unique within the study.
    pub id: CreativeId,
    /// What is asked.
    pub text: Words,
    /// How it is answered.
    #[serde(flatten)]
    pub kind: QuestionKind,
}

/// That movements of a fraction of a second are looked for, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MovementWish {
    /// The shortest that is claimed, 40 to 500 ms: the shorter, the faster cameras have to be.
    pub shortest_millis: u32,
}

/// What a study is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyPlan {
    /// Its name in addresses and commands.
    pub id: StudyId,
    /// What participants read above all.
    pub title: Words,
    /// What it is for, who makes it, what participants get.
    pub explanation: Words,
    /// The messages.
    #[serde(rename = "creative")]
    pub stimuli: Vec<Stimulus>,
    /// The questions after each.
    #[serde(default, rename = "question")]
    pub questions: Vec<Question>,
    /// Whether each participant sees the messages in an order of their own, which is written down.
    #[serde(default = "yes")]
    pub randomize: bool,
    /// Length of the rest before the first message: what participants show then is their own neutral.
    #[serde(default = "rest")]
    pub rest_millis: u32,
    /// Participants below which nothing is shown; less than 5 under profile `lab` alone.
    #[serde(default = "least")]
    pub min_participants: u32,
    /// Whether questions may be answered in own words.
    #[serde(default)]
    pub free_text: bool,
    /// Whether movements of a fraction of a second are looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub movements: Option<MovementWish>,
}

const fn yes() -> bool {
    true
}

const fn rest() -> u32 {
    5_000
}

const fn least() -> u32 {
    MIN_PARTICIPANTS
}

/// What is wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanFault {
    /// A text is missing.
    #[error("{place} is empty")]
    Empty {
        /// Which.
        place: String,
    },
    /// A text is too long.
    #[error("{place} has more than {MAX_TEXT_CHARS} characters")]
    TooLong {
        /// Which.
        place: String,
    },
    /// A language that the pages do not speak.
    #[error("{place}: {tag:?} is not one of en, fr, de, es, nl")]
    Language {
        /// Which text.
        place: String,
        /// The tag.
        tag: String,
    },
    /// Too few or too many of something.
    #[error("{n} of [[{what}]], and {least} to {most} are taken")]
    Number {
        /// Of what.
        what: &'static str,
        /// How many there are.
        n: usize,
        /// At least.
        least: usize,
        /// At most.
        most: usize,
    },
    /// Two of the same name.
    #[error("{what} {id} is there twice")]
    Twice {
        /// What.
        what: &'static str,
        /// Which.
        id: String,
    },
    /// A time that is not taken.
    #[error("{place} is {millis} ms, and {least} to {most} are taken")]
    Millis {
        /// Which.
        place: String,
        /// What it says.
        millis: u32,
        /// At least.
        least: u32,
        /// At most.
        most: u32,
    },
    /// A page as a message.
    #[error(
        "creative {id}: a page could tell others what participants do; take words, a picture or a film"
    )]
    Html {
        /// Which.
        id: String,
    },
    /// A question in own words, which the plan does not allow.
    #[error(
        "question {id} is answered in own words; say free_text = true if that is meant, for people write about themselves"
    )]
    FreeText {
        /// Which.
        id: String,
    },
    /// Fewer participants than an interval needs.
    #[error("min_participants is {found}, and an interval needs {LAB_PARTICIPANTS}")]
    Participants {
        /// What it says.
        found: u32,
    },
}

impl StudyPlan {
    /// Everything that is wrong with it.
    pub fn faults(&self) -> Vec<PlanFault> {
        let mut faults = Vec::new();
        self.title.check("title", &mut faults);
        self.explanation.check("explanation", &mut faults);
        number(
            "creative",
            self.stimuli.len(),
            (1, MAX_STIMULI),
            &mut faults,
        );
        number(
            "question",
            self.questions.len(),
            (0, MAX_QUESTIONS),
            &mut faults,
        );
        millis(
            "rest_millis".to_owned(),
            self.rest_millis,
            REST_MILLIS,
            &mut faults,
        );
        if self.min_participants < LAB_PARTICIPANTS {
            faults.push(PlanFault::Participants {
                found: self.min_participants,
            });
        }
        if let Some(wish) = self.movements {
            let place = "movements.shortest_millis".to_owned();
            millis(place, wish.shortest_millis, MOVEMENT_MILLIS, &mut faults);
        }
        let mut seen = BTreeSet::new();
        for stimulus in &self.stimuli {
            stimulus.check(&mut seen, &mut faults);
        }
        let mut seen = BTreeSet::new();
        for question in &self.questions {
            self.check_question(question, &mut seen, &mut faults);
        }
        faults
    }

    fn check_question<'a>(
        &self,
        question: &'a Question,
        seen: &mut BTreeSet<&'a CreativeId>,
        faults: &mut Vec<PlanFault>,
    ) {
        let id = &question.id;
        if !seen.insert(id) {
            faults.push(PlanFault::Twice {
                what: "question",
                id: id.to_string(),
            });
        }
        question.text.check(&format!("question {id}"), faults);
        match &question.kind {
            QuestionKind::Liking {} => {}
            QuestionKind::Choice { options } => {
                number("option", options.len(), (2, MAX_OPTIONS), faults);
                for option in options {
                    option.check(&format!("an option of question {id}"), faults);
                }
            }
            QuestionKind::Text {} if self.free_text => {}
            QuestionKind::Text {} => faults.push(PlanFault::FreeText { id: id.to_string() }),
        }
    }

    /// The message of that id.
    pub fn stimulus(&self, id: &CreativeId) -> Option<&Stimulus> {
        self.stimuli.iter().find(|stimulus| stimulus.id == *id)
    }

    /// The first question about liking: what predictions are held against.
    pub fn liking(&self) -> Option<&Question> {
        let mut questions = self.questions.iter();
        questions.find(|question| question.kind == QuestionKind::Liking {})
    }

    /// How long a participant looks, in milliseconds, rest included.
    pub fn total_millis(&self) -> u64 {
        let shown = self
            .stimuli
            .iter()
            .map(|one| u64::from(one.duration_millis));
        shown.sum::<u64>() + u64::from(self.rest_millis)
    }
}

impl Stimulus {
    fn check<'a>(&'a self, seen: &mut BTreeSet<&'a CreativeId>, faults: &mut Vec<PlanFault>) {
        let id = &self.id;
        if !seen.insert(id) {
            faults.push(PlanFault::Twice {
                what: "creative",
                id: id.to_string(),
            });
        }
        if self.name.trim().is_empty() {
            faults.push(PlanFault::Empty {
                place: format!("creative {id}: name"),
            });
        }
        let place = format!("creative {id}: duration_millis");
        millis(place, self.duration_millis, SHOWN_MILLIS, faults);
        match &self.content {
            Content::Text { title, .. } if title.trim().is_empty() => {
                faults.push(PlanFault::Empty {
                    place: format!("creative {id}: title"),
                });
            }
            Content::Text { .. } => {}
            Content::Image { .. } | Content::Video { .. } if self.alt_text.trim().is_empty() => {
                faults.push(PlanFault::Empty {
                    place: format!("creative {id}: alt_text"),
                });
            }
            Content::Image { .. } | Content::Video { .. } => {}
            Content::Html { .. } => faults.push(PlanFault::Html { id: id.to_string() }),
        }
    }
}

fn number(
    what: &'static str,
    n: usize,
    (least, most): (usize, usize),
    faults: &mut Vec<PlanFault>,
) {
    if !(least..=most).contains(&n) {
        faults.push(PlanFault::Number {
            what,
            n,
            least,
            most,
        });
    }
}

fn millis(
    place: String,
    millis: u32,
    range: std::ops::RangeInclusive<u32>,
    faults: &mut Vec<PlanFault>,
) {
    if !range.contains(&millis) {
        let (least, most) = range.into_inner();
        faults.push(PlanFault::Millis {
            place,
            millis,
            least,
            most,
        });
    }
}
