//! Studies as JSON.

use regard_commitments::UtcText;
use regard_decision::Creative as Message;
use regard_domain::CreativeId;
use regard_engine::{MovementStanding, SittingMark, SittingSeen, StudyNote};
use regard_evaluation::{Answers, Question, QuestionKind, Stimulus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::screen::Creative;

/// A study in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct StudyLine {
    /// Its name.
    pub(crate) study: String,
    /// Its title, in English where it has one.
    pub(crate) title: String,
    /// Whether participants may still sit down.
    pub(crate) is_open: bool,
    /// When it was set up.
    #[schema(value_type = String)]
    pub(crate) at: UtcText,
    /// Invitations that are kept.
    pub(crate) n_invited: u64,
    /// Those of them that were used.
    pub(crate) n_came: u64,
    /// Messages in it.
    pub(crate) n_creatives: usize,
    /// Participants below which nothing is shown.
    pub(crate) min_participants: u32,
    /// Where its report is.
    pub(crate) report: String,
}

impl From<&StudyNote> for StudyLine {
    fn from(note: &StudyNote) -> Self {
        Self {
            study: note.plan.id.to_string(),
            title: note.plan.title.in_language("en").to_owned(),
            is_open: note.is_open,
            at: UtcText::new(note.at),
            n_invited: note.invited.n_sent,
            n_came: note.invited.n_spent,
            n_creatives: note.plan.stimuli.len(),
            min_participants: note.plan.min_participants,
            report: format!("/v1/studies/{}/report?format=html", note.plan.id),
        }
    }
}

/// How many to invite, and for how long.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInvitations {
    /// How many, 1 to 1000.
    pub(crate) n: usize,
    /// Days for which they are good; 30 where nothing is said.
    pub(crate) days: Option<u32>,
}

/// Links, shown this once: whoever has one takes part, once.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvitationLinks {
    /// Addresses to send.
    pub(crate) links: Vec<String>,
}

/// Somebody who was invited, and what they say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSitting {
    /// The text of their invitation.
    pub(crate) invitation: String,
    /// That they agree to be looked at for this study.
    pub(crate) agrees: bool,
    /// That they are of age.
    pub(crate) is_adult: bool,
    /// In which language they read: `en`, `fr`, `de`, `es` or `nl`.
    pub(crate) language: Option<String>,
}

/// A question to be shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct QuestionWire {
    /// Its name.
    id: String,
    /// `liking`, `choice` or `text`.
    kind: &'static str,
    /// What is asked.
    text: String,
    /// The options of a choice.
    options: Vec<String>,
}

impl QuestionWire {
    pub(crate) fn new(question: &Question, language: &str) -> Self {
        let (kind, options) = match &question.kind {
            QuestionKind::Liking {} => ("liking", Vec::new()),
            QuestionKind::Choice { options } => {
                let options = options
                    .iter()
                    .map(|one| one.in_language(language).to_owned());
                ("choice", options.collect())
            }
            QuestionKind::Text {} => ("text", Vec::new()),
        };
        Self {
            id: question.id.to_string(),
            kind,
            text: question.text.in_language(language).to_owned(),
            options,
        }
    }
}

/// Somebody who sat down.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeatedWire {
    /// Names the sitting.
    pub(crate) sitting: String,
    /// The token of their record, shown this once.
    pub(crate) token: String,
    /// The token as a QR code, an SVG picture.
    pub(crate) token_qr_svg: String,
    /// The signed receipt of their consent: a JWS in compact form.
    pub(crate) receipt: String,
    /// Until when they may sit, microseconds since 1970-01-01 in UTC.
    pub(crate) until: i64,
    /// Length of the rest before the first message.
    pub(crate) rest_millis: u32,
    /// Whether movements of a fraction of a second are wanted, so that frames should come as fast as they can.
    pub(crate) wants_movements: bool,
    /// The messages in their order.
    pub(crate) creatives: Vec<Creative>,
    /// The questions after each.
    pub(crate) questions: Vec<QuestionWire>,
}

/// A message of a study as players know messages.
pub(crate) fn message_of(stimulus: &Stimulus) -> Message {
    let mut message = Message::text(stimulus.id.clone(), stimulus.name.clone(), String::new());
    message.content = stimulus.content.clone();
    message.duration_millis = stimulus.duration_millis;
    message.alt_text = stimulus.alt_text.clone();
    message
}

/// A text message of a participant's camera: what is on from now on, by its own clock in milliseconds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MarkWire {
    /// `check`, `checked`, `rest`, `message` or `end`.
    mark: MarkKind,
    /// Which message.
    creative: Option<CreativeId>,
    /// When.
    pub(crate) at: f64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum MarkKind {
    Check,
    Checked,
    Rest,
    Message,
    End,
}

impl MarkWire {
    /// The mark; nothing for a message without its name.
    pub(crate) fn to_mark(&self) -> Option<SittingMark> {
        Some(match self.mark {
            MarkKind::Check => SittingMark::Check,
            MarkKind::Checked => SittingMark::Checked,
            MarkKind::Rest => SittingMark::Rest,
            MarkKind::Message => SittingMark::Message(self.creative.clone()?),
            MarkKind::End => SittingMark::End,
        })
    }
}

/// What a picture or a mark came to.
#[derive(Serialize)]
pub(crate) struct SeenWire {
    n_faces: usize,
    frames_per_sec: Option<f64>,
    has_neutral: bool,
    n_watched: usize,
    /// `not_asked`, `unknown`, `granted` or `refused`.
    movements: &'static str,
    /// The code of the refusal.
    movements_code: Option<&'static str>,
    /// And what is the case.
    movements_reason: Option<String>,
}

impl From<SittingSeen> for SeenWire {
    fn from(seen: SittingSeen) -> Self {
        let (movements, refusal) = match seen.movements {
            MovementStanding::NotAsked => ("not_asked", None),
            MovementStanding::Unknown => ("unknown", None),
            MovementStanding::Granted => ("granted", None),
            MovementStanding::Refused(refusal) => ("refused", Some(refusal)),
        };
        Self {
            n_faces: seen.n_faces,
            frames_per_sec: seen.frames_per_sec,
            has_neutral: seen.has_neutral,
            n_watched: seen.n_watched,
            movements,
            movements_code: refusal.as_ref().map(|one| one.code.as_str()),
            movements_reason: refusal.map(|one| one.reason),
        }
    }
}

/// Answers about one message.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAnswers {
    /// Which message.
    #[schema(value_type = String)]
    pub(crate) creative: CreativeId,
    /// By question: `{"liking": 5}`, `{"choice": 0}` or `{"text": "…"}`; what is left out was not answered.
    #[schema(value_type = std::collections::BTreeMap<String, serde_json::Value>)]
    pub(crate) answers: Answers,
}

/// The participant got up.
#[derive(Serialize, ToSchema)]
pub(crate) struct GotUp {
    /// Whether there was anything to keep.
    pub(crate) is_kept: bool,
}
