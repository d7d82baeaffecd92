//! Recognition as JSON: how pictures come, what they told, what came of them.

mod desk;
mod standing;

use regard_commitments::ActKind;
use regard_domain::ActId;
use regard_engine::{
    CaptureBegun, CaptureFeedback, CaptureMode, CaptureOutcome, CaptureStep, KeptFace,
};
use regard_identity::{Rate, TargetRate, Threshold};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use self::desk::{
    AttemptWire, AttemptsParams, AttemptsWire, CurveWire, NewDeskSearch, SIZES, VERIFY_RATES,
};
pub(crate) use self::standing::{
    Arming, CollectionLine, GalleryWire, PersonNoteWire, PersonsParams, PersonsWire,
    RecognitionWire, RekeyedWire,
};
use crate::problem::Problem;
use crate::qr;

/// How pictures will come.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ModeWire {
    /// Frame after frame of a camera, ten a second or more.
    Live {
        /// Whether the camera is held in a hand, or stands.
        #[serde(default = "yes")]
        is_in_hand: bool,
        /// Whether a screen before the face shows colours when it is asked to.
        #[serde(default)]
        can_color: bool,
    },
    /// Photographs, one by one: ahead, then each turn that is asked for.
    Photos {},
}

const fn yes() -> bool {
    true
}

impl From<ModeWire> for CaptureMode {
    fn from(wire: ModeWire) -> Self {
        match wire {
            ModeWire::Live {
                is_in_hand,
                can_color,
            } => Self::Live {
                is_in_hand,
                can_color,
            },
            ModeWire::Photos {} => Self::Photos,
        }
    }
}

/// A wish to enrol one's face.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewFaceWire {
    /// How pictures will come.
    pub(crate) mode: ModeWire,
    /// How the person said that they want it: `qr`, `button`, `spot`, `upload` or `terminal`; `upload` when left out.
    #[serde(default = "upload")]
    #[schema(value_type = Option<String>)]
    pub(crate) act: ActKind,
}

const fn upload() -> ActKind {
    ActKind::Upload
}

/// A claim to look into: of exactly one person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewVerification {
    /// How pictures will come.
    pub(crate) mode: ModeWire,
    /// The text of a face token. Left out: whoever `Authorization: Person TOKEN` names.
    pub(crate) face_token: Option<String>,
    /// The false match rate to decide at, 1e-6 to 1e-3; that of the site when left out.
    pub(crate) fmr: Option<f64>,
    /// For which application an assertion is wanted.
    pub(crate) audience: Option<String>,
    /// What that application sent, so that the assertion answers its question alone.
    pub(crate) nonce: Option<String>,
}

/// A claim about an enrolled person, by their id.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerificationOf {
    /// How pictures will come.
    pub(crate) mode: ModeWire,
    /// The false match rate to decide at, 1e-6 to 1e-3; that of the site when left out.
    pub(crate) fmr: Option<f64>,
}

/// A search in the site's gallery.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewIdentification {
    /// How pictures will come.
    pub(crate) mode: ModeWire,
    /// The act of the person behind it; it is used up.
    #[schema(value_type = Option<String>)]
    pub(crate) act: Option<ActId>,
    /// The share of searches by strangers that find somebody at most, 1e-6 to 1e-3; that of the site when left out.
    pub(crate) fpir: Option<f64>,
}

/// Somebody says that they want to be found.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAct {
    /// How: `qr`, `button`, `spot`, `upload` or `terminal`.
    #[schema(value_type = String)]
    pub(crate) kind: ActKind,
}

/// An act that stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActWire {
    /// To be named with the search; good once.
    pub(crate) act: String,
    /// Until when it stands, microseconds since 1970-01-01 in UTC.
    pub(crate) until: i64,
}

/// The rate in a request, or the site's.
pub(crate) fn rate_of(asked: Option<f64>, default: TargetRate) -> Result<TargetRate, Problem> {
    /// The range that thresholds are told for.
    const RANGE: std::ops::RangeInclusive<f64> = 1e-6..=1e-3;
    let Some(asked) = asked else {
        return Ok(default);
    };
    let rate = TargetRate::new(asked).filter(|_| RANGE.contains(&asked));
    rate.ok_or_else(|| Problem::invalid("bad_rate", "a rate is from 1e-6 to 1e-3"))
}

/// One colour of the screen before a face.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ColorWire {
    /// As in a style sheet: `#rrggbb`.
    color: String,
    /// For how long.
    lasts_millis: u64,
}

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum StepWire {
    /// Look into the camera.
    LookAhead {},
    /// Turn the head: `left`, `right`, `up` or `down`, as the picture that is sent shows it.
    Turn {
        /// Where to.
        #[schema(value_type = String)]
        direction: &'static str,
    },
    /// Show these colours one after the other, and say when the first is on the screen.
    Colors {
        /// In their order.
        colors: Vec<ColorWire>,
    },
    /// Nothing more: ask what came of it.
    Done {},
}

impl From<&CaptureStep> for StepWire {
    fn from(step: &CaptureStep) -> Self {
        match step {
            CaptureStep::LookAhead => Self::LookAhead {},
            CaptureStep::Turn(direction) => Self::Turn {
                direction: direction.as_str(),
            },
            CaptureStep::Colors(colors) => Self::Colors {
                colors: colors
                    .iter()
                    .map(|step| ColorWire {
                        color: css_color(step.color),
                        lasts_millis: u64::try_from(step.lasts.as_millis()).unwrap_or(u64::MAX),
                    })
                    .collect(),
            },
            CaptureStep::Done => Self::Done {},
        }
    }
}

fn css_color([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// A go that began.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct CaptureWire {
    /// Its name; whoever has it may go on with it.
    capture: String,
    /// Until when, microseconds since 1970-01-01 in UTC.
    until: i64,
    /// What is to be done first.
    step: StepWire,
}

impl From<&CaptureBegun> for CaptureWire {
    fn from(begun: &CaptureBegun) -> Self {
        Self {
            capture: begun.id.to_string(),
            until: begun.until.as_micros(),
            step: StepWire::from(&begun.step),
        }
    }
}

/// Of so many, how many.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ProgressWire {
    done: usize,
    wanted: usize,
}

impl From<(usize, usize)> for ProgressWire {
    fn from((done, wanted): (usize, usize)) -> Self {
        Self { done, wanted }
    }
}

/// What a picture told.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct FeedbackWire {
    /// Faces in it.
    n_faces: usize,
    /// Quality of the one face, 0 to 100, where it was judged.
    quality: Option<u8>,
    /// What would make the picture better, the most urgent first: `too_dark`, `too_far`, `turned_left`, `other_faces`, ….
    #[schema(value_type = Vec<String>)]
    hints: Vec<&'static str>,
    /// Good pictures.
    good: ProgressWire,
    /// Turns of the head.
    turns: ProgressWire,
    /// Why it failed, if it did: `wrong_turn`, `still`, `timed_out`, ….
    #[schema(value_type = Vec<String>)]
    faults: Vec<&'static str>,
    /// What is to be done now.
    step: StepWire,
}

impl From<&CaptureFeedback> for FeedbackWire {
    fn from(seen: &CaptureFeedback) -> Self {
        Self {
            n_faces: seen.n_faces,
            quality: seen.quality,
            hints: seen.hints.iter().map(|hint| hint.as_str()).collect(),
            good: seen.good.into(),
            turns: seen.turns.into(),
            faults: seen.faults.iter().map(|fault| fault.as_str()).collect(),
            step: StepWire::from(&seen.step),
        }
    }
}

/// What the pictures of one request told, in their order.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct PicturesWire {
    pub(crate) pictures: Vec<FeedbackWire>,
}

/// When the screen began to show the colours.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ColorsBegan {
    /// By the clock that pictures are timed with, in milliseconds.
    pub(crate) at_millis: f64,
}

/// A rate of errors with its interval of 95 %.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct RateWire {
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Whether a model of the tail speaks, and not data.
    pub(crate) is_extrapolated: bool,
}

impl From<Rate> for RateWire {
    fn from(rate: Rate) -> Self {
        Self {
            value: rate.value,
            low: rate.low,
            high: rate.high,
            is_extrapolated: rate.is_extrapolated,
        }
    }
}

/// From where on two faces count as one person, and what that costs.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ThresholdWire {
    pub(crate) similarity: f32,
    /// Share of comparisons of two people that match all the same.
    pub(crate) fmr: RateWire,
    /// Share of comparisons of one person that do not.
    pub(crate) fnmr: RateWire,
}

impl From<Threshold> for ThresholdWire {
    fn from(threshold: Threshold) -> Self {
        Self {
            similarity: threshold.similarity.get(),
            fmr: threshold.fmr.into(),
            fnmr: threshold.fnmr.into(),
        }
    }
}

/// What a go came to.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum OutcomeWire {
    /// A face was enrolled.
    Enrolled {
        /// Random id of the template.
        template: String,
        /// `in_persons_hands`, `shared` or `controller`.
        custody: String,
        /// What it serves.
        purposes: Vec<String>,
        /// Until when, microseconds since 1970-01-01 in UTC.
        until: i64,
        /// The face token, under custody `in_persons_hands`: shown this once, kept nowhere here.
        face_token: Option<String>,
        /// The same as a QR code, an SVG picture.
        face_token_qr_svg: Option<String>,
    },
    /// A claim was looked into.
    Verified {
        /// Whether the similarity reaches the threshold.
        is_match: bool,
        /// Cosine, -1 to 1.
        similarity: f32,
        /// Calibrated, for whoever held it as likely as not.
        probability: f32,
        threshold: ThresholdWire,
        /// A JWT for the application that asked, where the claim is true.
        assertion: Option<String>,
    },
    /// The gallery was searched.
    Identified {
        /// Who it is; nothing for a stranger.
        person: Option<String>,
        /// Of the nearest, where it is somebody.
        similarity: Option<f32>,
        threshold: ThresholdWire,
        /// Share of searches by strangers that find somebody.
        fpir: RateWire,
        /// Share of searches by those who enrolled that do not find them.
        fnir: RateWire,
        /// How many were compared with.
        n_persons: u64,
    },
}

/// What a go came to, and what of it the screen knows.
#[derive(Serialize, ToSchema)]
pub(crate) struct EndedWire {
    #[serde(flatten)]
    pub(crate) outcome: OutcomeWire,
    /// Where a screen was named: whether the wishes of whoever was recognised take part there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) welcome: Option<WelcomeWire>,
}

/// Whether somebody was welcomed at a screen.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WelcomeWire {
    is_welcome: bool,
    /// Why not, as a stable name.
    code: Option<&'static str>,
    /// Why not, in words.
    reason: Option<String>,
}

impl WelcomeWire {
    pub(crate) const WELCOME: Self = Self {
        is_welcome: true,
        code: None,
        reason: None,
    };

    pub(crate) fn refused(problem: &Problem) -> Self {
        Self {
            is_welcome: false,
            code: Some(problem.code),
            reason: Some(problem.detail.to_string()),
        }
    }
}

/// What decisions may know of a person who agreed to it.
#[derive(Serialize, ToSchema)]
pub(crate) struct WishesWire {
    pub(crate) wishes: Vec<WishWire>,
}

/// One thing of that.
#[derive(Serialize, ToSchema)]
pub(crate) struct WishWire {
    /// As conditions of messages name it: `person.` and the name.
    pub(crate) name: String,
    pub(crate) value: serde_json::Value,
    /// `preferences` where the person said so, `history` where it was counted.
    pub(crate) source: String,
}

impl From<CaptureOutcome> for OutcomeWire {
    fn from(outcome: CaptureOutcome) -> Self {
        match outcome {
            CaptureOutcome::Enrolled(kept) => Self::from(&kept),
            CaptureOutcome::Verified(claim) => Self::Verified {
                is_match: claim.compared.is_match,
                similarity: claim.compared.similarity.get(),
                probability: claim.compared.probability.get(),
                threshold: claim.compared.threshold.into(),
                assertion: claim.assertion.clone(),
            },
            CaptureOutcome::Identified(visitor) => Self::Identified {
                person: visitor.found.known.map(|hit| hit.person.to_string()),
                similarity: visitor.found.known.map(|hit| hit.similarity.get()),
                threshold: visitor.found.threshold.into(),
                fpir: visitor.found.fpir.into(),
                fnir: visitor.found.fnir.into(),
                n_persons: visitor.found.n_persons,
            },
        }
    }
}

impl From<&KeptFace> for OutcomeWire {
    fn from(kept: &KeptFace) -> Self {
        let token = kept.token.as_ref().map(|token| token.reveal().to_owned());
        Self::Enrolled {
            template: kept.template.to_string(),
            custody: regard_commitments::word(&kept.custody),
            purposes: kept.purposes.iter().map(ToString::to_string).collect(),
            until: kept.until.as_micros(),
            face_token_qr_svg: token.as_deref().and_then(qr::svg),
            face_token: token,
        }
    }
}

/// The faces that a person has enrolled.
#[derive(Serialize, ToSchema)]
pub(crate) struct FacesWire {
    pub(crate) faces: Vec<FaceWire>,
}

/// One of them, without its numbers.
#[derive(Serialize, ToSchema)]
pub(crate) struct FaceWire {
    /// Random id.
    pub(crate) template: String,
    /// Whether the person holds it, in a token.
    pub(crate) in_token: bool,
    /// What it serves.
    pub(crate) purposes: Vec<String>,
    /// When it was made, microseconds since 1970-01-01 in UTC.
    pub(crate) made_at: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_that_thresholds_are_told_for() {
        let default = TargetRate::ONE_IN_10_000;
        for (asked, good) in [
            (None, true),
            (Some(1e-3), true),
            (Some(1e-6), true),
            (Some(2e-3), false),
            (Some(1e-7), false),
            (Some(0.0), false),
            (Some(-1.0), false),
            (Some(f64::NAN), false),
        ] {
            assert_eq!(rate_of(asked, default).is_ok(), good, "{asked:?}");
        }
    }

    #[test]
    fn modes_are_read_and_nothing_else() {
        let read = |text: &str| serde_json::from_str::<ModeWire>(text).map(CaptureMode::from);
        let live = |is_in_hand, can_color| CaptureMode::Live {
            is_in_hand,
            can_color,
        };
        assert_eq!(read(r#"{"kind":"live"}"#).unwrap(), live(true, false));
        let all = r#"{"kind":"live","is_in_hand":false,"can_color":true}"#;
        assert_eq!(read(all).unwrap(), live(false, true));
        assert_eq!(read(r#"{"kind":"photos"}"#).unwrap(), CaptureMode::Photos);
        for bad in [r#"{}"#, r#"{"kind":"film"}"#, r#"{"kind":"live","x":1}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn colors_are_those_of_style_sheets() {
        assert_eq!(css_color([0, 10, 255]), "#000aff");
    }
}
