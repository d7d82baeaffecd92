//! Recognition as those see it who run the site.

use regard_domain::PersonId;
use regard_engine::{GalleryStanding, KindStanding, PersonNote};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How recognition stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecognitionWire {
    pub(crate) kinds: Vec<KindWire>,
    pub(crate) galleries: Vec<GalleryWire>,
    /// How often the checks for prints and replays failed since the start, by why.
    pub(crate) liveness_faults: std::collections::BTreeMap<String, u64>,
    /// False match rate of claims where nobody says another.
    pub(crate) verify_fmr: f64,
    /// The same of searches.
    pub(crate) identify_fpir: f64,
    /// On which faces the error rates were measured.
    pub(crate) measured_on: String,
}

/// One kind of recognition.
#[derive(Serialize, ToSchema)]
pub(crate) struct KindWire {
    kind: String,
    is_on: bool,
    /// Why it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    /// How often it was refused since the start, by code.
    n_refused: std::collections::BTreeMap<String, u64>,
}

impl From<KindStanding> for KindWire {
    fn from(standing: KindStanding) -> Self {
        let refusal = standing.refusal;
        Self {
            kind: standing.kind.to_string(),
            is_on: refusal.is_none(),
            code: refusal.as_ref().map(|refusal| refusal.code.as_str()),
            reason: refusal.as_ref().map(|refusal| refusal.reason.clone()),
            remedy: refusal.map(|refusal| refusal.remedy),
            n_refused: standing
                .n_refused
                .into_iter()
                .map(|(code, n)| (code.as_str().to_owned(), n))
                .collect(),
        }
    }
}

/// One gallery.
#[derive(Serialize, ToSchema)]
pub(crate) struct GalleryWire {
    gallery: String,
    is_armed: bool,
    n_persons: u64,
    n_templates: u64,
}

impl From<GalleryStanding> for GalleryWire {
    fn from(standing: GalleryStanding) -> Self {
        Self {
            gallery: standing.gallery.to_string(),
            is_armed: standing.is_armed,
            n_persons: standing.n_persons,
            n_templates: standing.n_templates,
        }
    }
}

/// Whether a gallery is to be searched after an act.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arming {
    /// Whether.
    pub(crate) is_armed: bool,
}

/// What turning a gallery over did.
#[derive(Serialize, ToSchema)]
pub(crate) struct RekeyedWire {
    /// Templates that went over.
    pub(crate) n_templates: u64,
    /// Templates of a secret that is not there any more; their persons enrol anew.
    pub(crate) n_left_out: u64,
}

/// A page of persons.
#[derive(Serialize, ToSchema)]
pub(crate) struct PersonsWire {
    pub(crate) persons: Vec<PersonNoteWire>,
    /// What to ask for `after`, for the next page; nothing when this is the last.
    pub(crate) next: Option<String>,
}

/// Somebody who enrolled, by a random id.
#[derive(Serialize, ToSchema)]
pub(crate) struct PersonNoteWire {
    person: String,
    created_at: i64,
    custody: String,
    is_minor: bool,
    is_frozen: bool,
    purposes: Vec<String>,
    n_faces: usize,
}

impl From<&PersonNote> for PersonNoteWire {
    fn from(note: &PersonNote) -> Self {
        Self {
            person: note.person.to_string(),
            created_at: note.created_at.as_micros(),
            custody: regard_commitments::word(&note.custody),
            is_minor: note.is_minor,
            is_frozen: note.is_frozen,
            purposes: note.purposes.iter().map(ToString::to_string).collect(),
            n_faces: note.n_faces,
        }
    }
}

/// Parameters of a page of persons.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PersonsParams {
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    pub(crate) after: Option<PersonId>,
    /// How many, at most 100; 50 when left out.
    pub(crate) limit: Option<u32>,
}
