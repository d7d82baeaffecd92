//! Recognition as those see it who run the site.

use regard_commitments::{Custody, word};
use regard_domain::PersonId;
use regard_engine::{GalleryStanding, KindStanding, PersonNote};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How recognition stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecognitionWire {
    pub(crate) kinds: Vec<KindWire>,
    pub(crate) galleries: Vec<GalleryWire>,
    /// Collections of services, under attestations of the privacy officer.
    pub(crate) collections: Vec<CollectionLine>,
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
    pub(crate) kind: String,
    pub(crate) is_on: bool,
    /// Why it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remedy: Option<String>,
    /// How often it was refused since the start, by code.
    pub(crate) n_refused: std::collections::BTreeMap<String, u64>,
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
    pub(crate) gallery: String,
    pub(crate) is_armed: bool,
    pub(crate) n_persons: u64,
    pub(crate) n_templates: u64,
    /// Templates there is room for.
    pub(crate) max_templates: usize,
    /// `exact`: everybody is compared; `neighbours`: an index names who is; `database`: a database compares everybody; `shards`:
    /// other machines compare everybody, each its part; `unavailable`: what keeps the gallery failed, or it is being filled, and
    /// nobody is found.
    pub(crate) index: &'static str,
    /// Where templates are at the farthest, as the commitments say: only under `controller` anybody is in the gallery.
    pub(crate) custody: String,
    /// Since when templates lie under the gallery's present secret, microseconds since 1970-01-01 in UTC; null where that was
    /// not noted, or nobody enrolled yet.
    pub(crate) turned_over_at: Option<i64>,
}

impl GalleryWire {
    pub(crate) fn new(standing: &GalleryStanding, custody: Custody) -> Self {
        Self {
            gallery: standing.gallery.to_string(),
            is_armed: standing.is_armed,
            n_persons: standing.n_persons,
            n_templates: standing.n_templates,
            max_templates: standing.max_templates,
            index: standing.index.as_str(),
            custody: word(&custody),
            turned_over_at: standing
                .turned_over_at
                .map(regard_domain::Timestamp::as_micros),
        }
    }
}

/// A collection of a service.
#[derive(Serialize, ToSchema)]
pub(crate) struct CollectionLine {
    pub(crate) collection: String,
    pub(crate) service: String,
    pub(crate) n_faces: u64,
    pub(crate) n_names: u64,
    /// When it was made, microseconds since 1970-01-01 in UTC.
    pub(crate) created_at: i64,
    /// When the attestation behind it runs out.
    pub(crate) until: i64,
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
    pub(crate) person: String,
    pub(crate) created_at: i64,
    pub(crate) custody: String,
    pub(crate) is_minor: bool,
    pub(crate) is_frozen: bool,
    /// The record that is answered with where this one is found, as both are of one person; null where it answers for itself.
    pub(crate) answers_as: Option<String>,
    /// What they agree to now.
    pub(crate) purposes: Vec<String>,
    /// The same, with times.
    pub(crate) consents: Vec<ConsentNoteWire>,
    pub(crate) n_faces: usize,
    /// Faces that were enrolled, without their numbers.
    pub(crate) faces: Vec<FaceNoteWire>,
}

/// A consent that holds.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConsentNoteWire {
    pub(crate) purpose: String,
    /// Microseconds since 1970-01-01 in UTC.
    pub(crate) given_at: i64,
    /// The instant from which it no longer holds.
    pub(crate) until: i64,
}

/// A face that was enrolled.
#[derive(Serialize, ToSchema)]
pub(crate) struct FaceNoteWire {
    /// Microseconds since 1970-01-01 in UTC.
    pub(crate) made_at: i64,
    /// Whether the person holds the template, in a token.
    pub(crate) in_token: bool,
    /// Quality of the pictures, 0 to 100; null where the site does not keep it (the person holds the template) or cannot open it
    /// alone.
    pub(crate) quality: Option<u8>,
    /// What was worst about them.
    pub(crate) weakest: Option<String>,
}

impl From<&PersonNote> for PersonNoteWire {
    fn from(note: &PersonNote) -> Self {
        let purposes = note.consents.iter();
        Self {
            person: note.person.to_string(),
            created_at: note.created_at.as_micros(),
            custody: word(&note.custody),
            is_minor: note.is_minor,
            is_frozen: note.is_frozen,
            answers_as: note.answers_as.map(|record| record.to_string()),
            purposes: purposes
                .map(|consent| consent.purpose.to_string())
                .collect(),
            consents: note
                .consents
                .iter()
                .map(|consent| ConsentNoteWire {
                    purpose: consent.purpose.to_string(),
                    given_at: consent.given_at.as_micros(),
                    until: consent.until.as_micros(),
                })
                .collect(),
            n_faces: note.faces.len(),
            faces: note
                .faces
                .iter()
                .map(|(face, quality)| FaceNoteWire {
                    made_at: face.made_at.as_micros(),
                    in_token: face.in_token,
                    quality: quality.as_ref().map(|quality| quality.overall),
                    weakest: quality.as_ref().map(|quality| quality.weakest.clone()),
                })
                .collect(),
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
