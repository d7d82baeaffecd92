//! Attestations of the privacy officer about collections that services hold: made, listed, taken back.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use regard_commitments::{Actor, AdminAct, Digest};
use regard_engine::{AttestationWish, Collections, KnownAttestation};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Guest;
use crate::app::App;
use crate::extract::{Body, PathOf};
use crate::problem::Problem;

/// Longest time for which a collection is attested, in days. Origin: an impact assessment is looked at again within 12 months.
const MAX_DAYS: u32 = 365;

/// What the privacy officer attests.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAttestation {
    /// The service, as the configuration names it.
    service: String,
    /// The collection, as the service calls it.
    collection: String,
    /// What faces are compared for.
    purpose: String,
    /// Where the pictures come from, and on which ground they are held.
    lawful_source: String,
    /// Whether pictures that are sent are acts of the persons in them: then a search needs no other act.
    #[serde(default)]
    uploads_are_acts: bool,
    /// Who attests it.
    signed_by: String,
    /// For how many days it holds, 1 to 365.
    days: u32,
}

/// An attestation that holds.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttestationWire {
    /// Its name: the hash of what it says.
    attestation: String,
    service: String,
    /// Id of the collection.
    collection: String,
    purpose: String,
    lawful_source: String,
    uploads_are_acts: bool,
    /// The impact assessment it stands on.
    dpia: String,
    signed_by: String,
    /// Microseconds since 1970-01-01 in UTC.
    issued_at: i64,
    /// The instant from which it no longer holds.
    expires_at: i64,
    /// The signed text: a JWS in compact form.
    signed: String,
}

impl From<&KnownAttestation> for AttestationWire {
    fn from(known: &KnownAttestation) -> Self {
        let said = known.verified.attestation();
        Self {
            attestation: known.verified.digest().to_string(),
            service: said.service.clone(),
            collection: said.collection.to_string(),
            purpose: said.purpose.clone(),
            lawful_source: said.lawful_source.clone(),
            uploads_are_acts: said.uploads_are_acts,
            dpia: said.dpia.clone(),
            signed_by: said.signed_by.clone(),
            issued_at: said.issued_at.at().as_micros(),
            expires_at: said.expires_at.at().as_micros(),
            signed: known.signed.as_str().to_owned(),
        }
    }
}

/// The attestations that hold.
#[utoipa::path(
    get, path = "/v1/attestations", tag = "console",
    responses((status = 200, body = Vec<AttestationWire>), (status = 401, body = Problem), (status = 403, body = Problem))
)]
pub(crate) async fn list(State(app): State<App>) -> Json<Vec<AttestationWire>> {
    let known = app.engine.recognizer().attestations();
    Json(known.iter().map(AttestationWire::from).collect())
}

/// The privacy officer attests a collection of a service: signed with the key of the site, and in the ledger before it counts.
#[utoipa::path(
    post, path = "/v1/attestations", tag = "console", request_body = NewAttestation,
    responses((status = 201, body = AttestationWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn make(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    Body(new): Body<NewAttestation>,
) -> Result<(StatusCode, Json<AttestationWire>), Problem> {
    if !(1..=MAX_DAYS).contains(&new.days) {
        let detail = format!("an attestation holds for 1 to {MAX_DAYS} days");
        return Err(Problem::invalid("bad_attestation", detail));
    }
    let officer = match guest.actor() {
        Actor::Token { id, .. } => Some(id),
        Actor::Machine {} | Actor::Stranger {} => None,
    };
    let wish = AttestationWish {
        service: new.service,
        purpose: new.purpose,
        collection: Collections::id_of(&new.collection),
        lawful_source: new.lawful_source,
        uploads_are_acts: new.uploads_are_acts,
        signed_by: new.signed_by,
        officer,
        valid_for: Duration::from_secs(u64::from(new.days) * 86_400),
    };
    let known = app.engine.recognizer().attest(wish).await?;
    let name = known.verified.digest().to_string();
    app.did(&guest, AdminAct::CollectionAttested, name.as_bytes())
        .await?;
    Ok((StatusCode::CREATED, Json(AttestationWire::from(&known))))
}

/// Takes an attestation back: what the service does under it ends at once.
#[utoipa::path(
    delete, path = "/v1/attestations/{attestation}", tag = "console",
    params(("attestation" = String, Path, description = "Its name")),
    responses((status = 204, description = "It holds no more"), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn end(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(attestation): PathOf<Digest>,
) -> Result<StatusCode, Problem> {
    if !app.engine.recognizer().end_attestation(attestation).await? {
        let detail = "there is no such attestation, or it holds no more";
        return Err(Problem::not_found("unknown_attestation", detail));
    }
    let name = attestation.to_string();
    app.did(&guest, AdminAct::AttestationWithdrawn, name.as_bytes())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
