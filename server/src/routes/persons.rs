//! Persons and their own record. No address holds an id: the token says whose record it is.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use regard_commitments::{
    ConsentPurpose, Custody, Digest, ErasureProof, GivenBy, ReleaseSignature,
};
use regard_engine::{Agreement, PersonExport, to_hex};

use super::pages::public_base;
use crate::app::App;
use crate::extract::{Body, PathOf};
use crate::person_auth::{PersonOf, check_acts};
use crate::problem::Problem;
use crate::qr;
use crate::wire::persons::{
    ConsentGivenWire, EnrolledWire, Freeze, NewPerson, OfferAsked, OfferWire, ReceiptWire,
    ReleaseWire, SignatureWire,
};

const DAY: Duration = Duration::from_secs(86_400);

fn purpose_of(text: &str) -> Result<ConsentPurpose, Problem> {
    text.parse()
        .map_err(|error: regard_commitments::BadConsentPurpose| {
            Problem::invalid("unknown_purpose", error.to_string())
        })
}

/// Takes somebody in at the site, before whoever has the console. They have agreed to nothing yet. The answer holds their
/// token, this once.
#[utoipa::path(
    post, path = "/v1/persons", tag = "console", request_body = NewPerson,
    responses((status = 201, body = EnrolledWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn enroll(
    State(app): State<App>,
    headers: HeaderMap,
    Body(new): Body<NewPerson>,
) -> Result<(StatusCode, Json<EnrolledWire>), Problem> {
    taken_in(&app, &headers, new.is_minor, new.custody).await
}

/// Takes somebody in; their token, shown this once.
pub(super) async fn taken_in(
    app: &App,
    headers: &HeaderMap,
    is_minor: bool,
    custody: Option<Custody>,
) -> Result<(StatusCode, Json<EnrolledWire>), Problem> {
    let custodian = app.engine.custodian();
    let enrolled = custodian.enroll_into(is_minor, custody).await?;
    let token = enrolled.token.reveal();
    let token_qr_svg = qr::svg(&token).ok_or_else(|| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "no_code",
            "the token fits no code",
        )
    })?;
    let purposes = &custodian.commitments().document().consent_purposes;
    let wire = EnrolledWire {
        person: enrolled.person.to_string(),
        token: token.to_string(),
        token_qr_svg,
        page: format!("{}/me", public_base(app, headers)),
        purposes: purposes.iter().map(ToString::to_string).collect(),
    };
    Ok((StatusCode::CREATED, Json(wire)))
}

/// Everything that is held about the person who asks, for them to keep (GDPR 15 and 20).
#[utoipa::path(
    get, path = "/v1/persons/me", tag = "person",
    responses((status = 200, body = serde_json::Value), (status = 401, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn export(
    State(app): State<App>,
    PersonOf(who): PersonOf,
) -> Result<Json<PersonExport>, Problem> {
    Ok(Json(app.engine.custodian().export(&who).await?))
}

/// Offers to agree to one purpose. The offer stands for ten minutes and can be taken once.
#[utoipa::path(
    post, path = "/v1/persons/me/offers", tag = "person", request_body = OfferAsked,
    responses((status = 201, body = OfferWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem))
)]
pub(crate) async fn offer(
    State(app): State<App>,
    PersonOf(who): PersonOf,
    Body(asked): Body<OfferAsked>,
) -> Result<(StatusCode, Json<OfferWire>), Problem> {
    let custodian = app.engine.custodian();
    let offer = custodian.offer(who.person(), purpose_of(&asked.purpose)?)?;
    let commitments = custodian.commitments();
    let releases = if offer.purpose.is_biometric() {
        custodian.releases()
    } else {
        Vec::new()
    };
    let wire = OfferWire {
        offer: format!("{:032x}", offer.id),
        purpose: offer.purpose.to_string(),
        until: offer.until.as_micros(),
        commitments_version: commitments.document().version,
        commitments: commitments.digest().to_string(),
        releases: releases.into_iter().map(ReleaseWire::from).collect(),
    };
    Ok((StatusCode::CREATED, Json(wire)))
}

/// The signature below a release, as far as it is one.
fn signature_of(wire: &SignatureWire) -> Result<ReleaseSignature, Problem> {
    let text = wire.sha256.parse::<Digest>();
    let text = text.map_err(|error| Problem::invalid("bad_release", error.to_string()))?;
    ReleaseSignature::new(text, &wire.name, wire.is_ticked)
        .map_err(|refusal| Problem::from(&refusal))
}

/// Agrees: takes an offer. The receipt is durable, and in the ledger, when it is answered.
#[utoipa::path(
    post, path = "/v1/persons/me/consents", tag = "person", request_body = ConsentGivenWire,
    responses((status = 201, body = ReceiptWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn agree(
    State(app): State<App>,
    PersonOf(who): PersonOf,
    Body(given): Body<ConsentGivenWire>,
) -> Result<(StatusCode, Json<ReceiptWire>), Problem> {
    check_acts(&app, &who)?;
    let is_hex = given.offer.len() == 32 && given.offer.bytes().all(|b| b.is_ascii_hexdigit());
    let offer = u128::from_str_radix(&given.offer, 16)
        .ok()
        .filter(|_| is_hex);
    let offer = offer.ok_or_else(|| Problem::invalid("bad_offer", "not 32 hexadecimal digits"))?;
    let given_by = if given.by_guardian {
        GivenBy::Guardian
    } else {
        GivenBy::Person
    };
    if given.days == Some(0) {
        return Err(Problem::invalid(
            "bad_days",
            "a consent holds for one day at least",
        ));
    }
    let custodian = app.engine.custodian();
    let agreement = Agreement {
        given_by,
        valid_for: given.days.map(|days| DAY * days),
        release: given.release.as_ref().map(signature_of).transpose()?,
    };
    let receipt = custodian.agree_so(&who, offer, &agreement).await?;
    let wire = ReceiptWire {
        receipt: receipt.as_str().to_owned(),
        sha256: receipt.digest().to_string(),
        key: to_hex(custodian.receipts_key().as_bytes()),
    };
    Ok((StatusCode::CREATED, Json(wire)))
}

/// Takes a consent back: its key is destroyed, and with it all that hangs on it, when it is answered.
#[utoipa::path(
    delete, path = "/v1/persons/me/consents/{purpose}", tag = "person",
    params(("purpose" = String, Path, description = "verify, identify, personalise, learn, analyse_library or research")),
    responses((status = 204, description = "Withdrawn"), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn withdraw(
    State(app): State<App>,
    PersonOf(who): PersonOf,
    PathOf(purpose): PathOf<String>,
) -> Result<StatusCode, Problem> {
    let purpose = purpose_of(&purpose)?;
    app.engine
        .custodian()
        .withdraw(who.person(), purpose)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has what is held kept and used for nothing, or lifts that (GDPR 18).
#[utoipa::path(
    put, path = "/v1/persons/me/freeze", tag = "person", request_body = Freeze,
    responses((status = 204, description = "Done"), (status = 401, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn freeze(
    State(app): State<App>,
    PersonOf(who): PersonOf,
    Body(freeze): Body<Freeze>,
) -> Result<StatusCode, Problem> {
    check_acts(&app, &who)?;
    let custodian = app.engine.custodian();
    custodian.freeze(who.person(), freeze.is_frozen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replaces what the person says they prefer (GDPR 16): any JSON of at most 16 KiB; needs a consent to `personalise`.
#[utoipa::path(
    put, path = "/v1/persons/me/preferences", tag = "person", request_body = serde_json::Value,
    responses((status = 204, description = "Done"), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn correct(
    State(app): State<App>,
    PersonOf(who): PersonOf,
    Body(preferences): Body<serde_json::Value>,
) -> Result<StatusCode, Problem> {
    check_acts(&app, &who)?;
    app.engine.custodian().correct(&who, &preferences).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Erases the person's record: its keys are destroyed, wherever copies of what they opened may lie. The proof is the answer;
/// `regard erasure verify` checks it.
#[utoipa::path(
    delete, path = "/v1/persons/me", tag = "person",
    responses((status = 200, body = serde_json::Value, description = "The proof"), (status = 401, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn erase(
    State(app): State<App>,
    PersonOf(who): PersonOf,
) -> Result<Json<ErasureProof>, Problem> {
    Ok(Json(app.engine.custodian().erase(who.person()).await?))
}
