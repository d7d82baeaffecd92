//! A person's own page: in with their token, and each right as a form. Works without scripts.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use regard_commitments::{ConsentPurpose, Digest, GivenBy, ReleaseSignature};
use regard_domain::PersonId;
use regard_engine::{Agreement, Authenticated, CustodyError, PersonExport, random_key, to_hex};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::admin::{FORM_AGE_SECS, cookie, set};
use super::face::release_in;
use super::own_merges::parted;
use crate::access::{MAX_OWN_AGE, OWN_COOKIE, OWN_FORM_COOKIE, Own, SessionKey, locked_out};
use crate::app::App;
use crate::extract::{Params, Peer, Posted};
use crate::pages::{
    OwnAnswers, OwnDone, OwnMistake, OwnView, Said, own_page, page_in, privacy_language,
    read_preferences,
};
use crate::person_auth::{Unproven, check_acts, proven};
use crate::problem::{Problem, chain};

/// Where the cookies of the page go: nowhere else.
const PATH: &str = "/me";

/// Parameters of the page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OwnParams {
    /// `en`, `fr`, `de`, `es` or `nl`; left out: what the browser prefers.
    lang: Option<String>,
    /// What was done, for the page to say.
    done: Option<OwnDone>,
}

/// What the form for a token sends.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct OpenForm {
    /// The token.
    #[serde(default)]
    token: String,
    /// What stood hidden in the form.
    #[serde(default)]
    form: String,
    /// Language of the page.
    lang: Option<String>,
}

/// What the forms of an open page send.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct ActForm {
    /// What stood hidden in the form.
    #[serde(default)]
    pub(super) form: String,
    /// Language of the page.
    pub(super) lang: Option<String>,
    /// The purpose whose consent is taken back.
    pub(super) purpose: Option<String>,
    /// The offer that is taken, 32 hexadecimal digits.
    pub(super) offer: Option<String>,
    /// `yes` when a guardian agrees.
    pub(super) by_guardian: Option<String>,
    /// SHA-256 of the release that was read, where one has to be signed.
    pub(super) release: Option<String>,
    /// `yes` when the box beside the release is ticked.
    pub(super) signed: Option<String>,
    /// The name that whoever signs the release typed.
    pub(super) signed_by: Option<String>,
    /// What the person prefers: a line for each, `name: value`, or JSON.
    pub(super) preferences: Option<String>,
    /// What decisions are to know no more, by its name.
    pub(super) wish: Option<String>,
    /// `yes` when the box beside the erasure is ticked.
    pub(super) sure: Option<String>,
}

/// What a person asks for with a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Agree,
    Withdraw,
    Correct,
    Forget,
    Freeze(bool),
    /// Has this record answer for itself again.
    Part(Option<PersonId>),
}

/// What stands behind the page that a request shows.
pub(super) struct Behind {
    page: Option<(SessionKey, Own)>,
    pub(super) held: Option<PersonExport>,
}

/// Reads the record behind a page. A page whose record went elsewhere, by a program or another page, is none any more.
pub(super) async fn behind(app: &App, headers: &HeaderMap) -> Result<Behind, CustodyError> {
    let now = app.engine.now();
    let Some((key, own)) = app.access.own.of(headers, now) else {
        return Ok(Behind {
            page: None,
            held: None,
        });
    };
    let held = match &own {
        Own::Erased(_) => None,
        Own::Record(who) => match app.engine.custodian().export(who).await {
            Ok(held) => Some(held),
            Err(CustodyError::UnknownToken) => {
                app.access.own.end(&key, now);
                return Ok(Behind {
                    page: None,
                    held: None,
                });
            }
            Err(error) => return Err(error),
        },
    };
    Ok(Behind {
        page: Some((key, own)),
        held,
    })
}

/// Purposes that the person may agree to and has not, with an offer for each.
fn offers(app: &App, who: &Authenticated, held: &PersonExport) -> Vec<(ConsentPurpose, u128)> {
    let custodian = app.engine.custodian();
    let promised = &custodian.commitments().document().consent_purposes;
    let is_live = |purpose| {
        held.consents
            .iter()
            .any(|one| one.purpose == purpose && one.is_live)
    };
    let open = promised
        .iter()
        .copied()
        .filter(|purpose| !is_live(*purpose));
    // What the site may not ask for is not offered.
    open.filter_map(|purpose| Some((purpose, custodian.offer(who.person(), purpose).ok()?.id)))
        .collect()
}

/// The page as the cookie of a request opens it.
async fn answer(
    app: &App,
    headers: &HeaderMap,
    lang: Option<&str>,
    (status, said, typed): (StatusCode, Said, Option<String>),
) -> Result<Response, Problem> {
    let language = privacy_language(app.engine.notice(), lang, headers);
    let behind = behind(app, headers).await?;
    let mut fresh_cookie = None;
    let (view, form) = match (&behind.page, &behind.held) {
        (Some((key, Own::Record(who))), Some(held)) => {
            let offers = offers(app, who, held);
            let wishes = match app.engine.custodian().own_wishes(who).await {
                Ok(wishes) => Some(wishes),
                // Without a consent to it decisions know nothing.
                Err(CustodyError::Refused(_)) => None,
                Err(error) => return Err(error.into()),
            };
            (
                OwnView::Record {
                    held,
                    offers,
                    typed,
                    wishes,
                },
                app.access.forms.of_own(key),
            )
        }
        (Some((key, Own::Erased(proof))), _) => {
            let proven = proof.verify(None);
            let proven = proven.map_err(|error| Problem::internal("proof_failed", &error))?;
            (
                OwnView::Erased { proof, proven },
                app.access.forms.of_own(key),
            )
        }
        (None | Some((_, Own::Record(_))), _) => {
            let key = random_key().map_err(|error| Problem::internal("no_entropy", &error))?;
            let held = to_hex(&key);
            let form = app.access.forms.of_opening(&held);
            fresh_cookie = Some(cookie(app, OWN_FORM_COOKIE, PATH, &held, FORM_AGE_SECS));
            (OwnView::Closed, form)
        }
    };
    // What was done is said to whoever did it: a link from elsewhere brings no cookie, and no such sentence.
    let is_closed = matches!(view, OwnView::Closed);
    let said = match said {
        Said::Done(done) if is_closed != (done == OwnDone::Closed) => Said::Nothing,
        said => said,
    };
    let answers = OwnAnswers {
        notice: app.engine.notice(),
        commitments: app.engine.commitments(),
        authority_url: &app.engine.profile().authority().url,
        release: release_in(app, language),
        view,
        said,
        form,
        now: app.engine.now(),
    };
    let mut response = page_in(language, status, &own_page(answers, language));
    if let Some(cookie) = fresh_cookie {
        let cookie = HeaderValue::try_from(cookie);
        let cookie = cookie.map_err(|error| Problem::internal("bad_cookie", &error))?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The page with what went wrong.
async fn mistaken(
    app: &App,
    headers: &HeaderMap,
    lang: Option<&str>,
    (status, mistake): (StatusCode, OwnMistake),
) -> Result<Response, Problem> {
    answer(app, headers, lang, (status, Said::Mistake(mistake), None)).await
}

/// Back to the page, saying what was done.
fn back(app: &App, headers: &HeaderMap, lang: Option<&str>, done: Option<OwnDone>) -> Redirect {
    let tag = privacy_language(app.engine.notice(), lang, headers).tag();
    let done = done.map_or(String::new(), |done| format!("&done={}", done.as_str()));
    Redirect::to(&format!("{PATH}?lang={tag}{done}"))
}

/// What is held about the person whose page it is, and what they may do about it; for everyone else how to open theirs, and
/// what holds for those who never enrolled.
#[utoipa::path(get, path = "/me", tag = "person", params(OwnParams), responses((status = 200, content_type = "text/html", description = "Page"), (status = 503, body = Problem)))]
pub(crate) async fn own(
    State(app): State<App>,
    Params(params): Params<OwnParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let said = params.done.map_or(Said::Nothing, Said::Done);
    answer(
        &app,
        &headers,
        params.lang.as_deref(),
        (StatusCode::OK, said, None),
    )
    .await
}

/// Opens the page of whoever shows the token of a record. The page a browser came with is closed.
#[utoipa::path(
    post, path = "/me/open", tag = "person",
    request_body(content = OpenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "The page is open"),
        (status = 401, content_type = "text/html", description = "Wrong token"),
        (status = 403, content_type = "text/html", description = "The form is too old, or not one of ours"),
        (status = 429, content_type = "text/html", description = "Too many wrong tokens"),
        (status = 503, body = Problem),
    )
)]
pub(crate) async fn open(
    State(app): State<App>,
    Peer(from): Peer,
    headers: HeaderMap,
    Posted(form): Posted<OpenForm>,
) -> Result<Response, Problem> {
    let lang = form.lang.as_deref();
    if !app.access.forms.is_own_opening(&headers, &form.form) {
        let mistake = (StatusCode::FORBIDDEN, OwnMistake::FormTooOld);
        return mistaken(&app, &headers, lang, mistake).await;
    }
    let now = app.engine.now();
    // Whoever copied it may have taken a space along.
    let who = match proven(&app, from, form.token.trim()).await {
        Ok(who) => who,
        Err(Unproven::LockedOut) => {
            let mistake = (StatusCode::TOO_MANY_REQUESTS, OwnMistake::LockedOut);
            let answer = mistaken(&app, &headers, lang, mistake).await?;
            return Ok((locked_out().0, answer).into_response());
        }
        Err(Unproven::Problem(problem)) if problem.status == StatusCode::UNAUTHORIZED.as_u16() => {
            let mistake = (StatusCode::UNAUTHORIZED, OwnMistake::WrongToken);
            return mistaken(&app, &headers, lang, mistake).await;
        }
        Err(Unproven::Problem(problem)) => return Err(problem),
    };
    if let Some((before, _)) = app.access.own.of(&headers, now) {
        app.access.own.end(&before, now);
    }
    let held = app.access.own.begin(Own::Record(Arc::new(who)), now);
    let held = held.map_err(|error| Problem::internal("no_entropy", &error))?;
    let cookies = AppendHeaders([
        set(cookie(&app, OWN_COOKIE, PATH, &held, MAX_OWN_AGE.as_secs())),
        set(cookie(&app, OWN_FORM_COOKIE, PATH, "", 0)),
    ]);
    Ok((cookies, back(&app, &headers, lang, None)).into_response())
}

/// The page that a form belongs to, or what to answer: it was closed meanwhile, or the form is none of its own.
fn page_of(
    app: &App,
    headers: &HeaderMap,
    form: &ActForm,
) -> Result<(SessionKey, Own), (StatusCode, OwnMistake)> {
    let opened = app.access.own.of(headers, app.engine.now());
    let (key, own) = opened.ok_or((StatusCode::UNAUTHORIZED, OwnMistake::Over))?;
    if app.access.forms.is_of_own(&key, &form.form) {
        Ok((key, own))
    } else {
        Err((StatusCode::FORBIDDEN, OwnMistake::FormTooOld))
    }
}

/// What came of something that custody did not do.
fn mistake_of(error: CustodyError) -> Result<(StatusCode, OwnMistake), Problem> {
    Ok(match error {
        CustodyError::Refused(refusal) => {
            let why = format!("{}; {} ({}).", refusal.reason, refusal.remedy, refusal.code);
            (StatusCode::FORBIDDEN, OwnMistake::Refused(why))
        }
        CustodyError::UnknownToken => (StatusCode::UNAUTHORIZED, OwnMistake::Over),
        CustodyError::TooLarge { .. } => (StatusCode::UNPROCESSABLE_ENTITY, OwnMistake::TooLarge),
        CustodyError::Unrecorded => {
            tracing::error!(error = %chain(&error), "done, and not in the ledger yet");
            (StatusCode::SERVICE_UNAVAILABLE, OwnMistake::Unrecorded)
        }
        CustodyError::Store(_) | CustodyError::SiteKey(_) | CustodyError::SiteKeyFile(_) => {
            tracing::error!(error = %chain(&error), "custody failed");
            (StatusCode::SERVICE_UNAVAILABLE, OwnMistake::Unavailable)
        }
        CustodyError::TooManyFaces { .. }
        | CustodyError::Merge(_)
        | CustodyError::NoTemplate
        | CustodyError::FaceToken(_)
        | CustodyError::Gallery(_)
        | CustodyError::Damaged => return Err(error.into()),
    })
}

/// Does what an open page asks for.
pub(super) async fn act(
    app: &App,
    headers: &HeaderMap,
    form: ActForm,
    what: Act,
) -> Result<Response, Problem> {
    let lang = form.lang.as_deref();
    let who = match page_of(app, headers, &form) {
        Ok((_, Own::Record(who))) => who,
        Ok((_, Own::Erased(_))) => {
            let mistake = (StatusCode::UNAUTHORIZED, OwnMistake::Over);
            return mistaken(app, headers, lang, mistake).await;
        }
        Err(mistake) => return mistaken(app, headers, lang, mistake).await,
    };
    let is_counted = !matches!(what, Act::Withdraw | Act::Part(_));
    if is_counted && check_acts(app, &who).is_err() {
        let mistake = (StatusCode::TOO_MANY_REQUESTS, OwnMistake::TooManyChanges);
        return mistaken(app, headers, lang, mistake).await;
    }
    let mistake = match done(app, &who, what, &form).await {
        Ok(Ok(done)) => return Ok(back(app, headers, lang, Some(done)).into_response()),
        Ok(Err(mistake)) => (StatusCode::UNPROCESSABLE_ENTITY, mistake),
        Err(error) => mistake_of(error)?,
    };
    let typed = form.preferences.filter(|_| what == Act::Correct);
    let (status, mistake) = mistake;
    answer(app, headers, lang, (status, Said::Mistake(mistake), typed)).await
}

/// Does what was asked; the inner mistake is one of the form.
async fn done(
    app: &App,
    who: &Authenticated,
    what: Act,
    form: &ActForm,
) -> Result<Result<OwnDone, OwnMistake>, CustodyError> {
    let custodian = app.engine.custodian();
    Ok(Ok(match what {
        Act::Agree => {
            let Some(offer) = form.offer.as_deref().and_then(offer_of) else {
                return Ok(Err(OwnMistake::FormTooOld));
            };
            let given_by = if is_yes(form.by_guardian.as_deref()) {
                GivenBy::Guardian
            } else {
                GivenBy::Person
            };
            let release = form.release.as_deref().map(str::parse::<Digest>);
            let Ok(release) = release.transpose() else {
                return Ok(Err(OwnMistake::FormTooOld));
            };
            let agreement = Agreement {
                given_by,
                valid_for: None,
                release: release.map(|text| signature_in(form, text)).transpose()?,
            };
            custodian.agree_so(who, offer, &agreement).await?;
            OwnDone::Agreed
        }
        Act::Withdraw => {
            let purpose = form.purpose.as_deref().and_then(|text| text.parse().ok());
            let Some(purpose) = purpose else {
                return Ok(Err(OwnMistake::FormTooOld));
            };
            custodian.withdraw(who.person(), purpose).await?;
            OwnDone::Withdrawn
        }
        Act::Correct => {
            let text = form.preferences.as_deref().unwrap_or_default();
            let Some(preferences) = read_preferences(text) else {
                return Ok(Err(OwnMistake::BadPreferences));
            };
            custodian.correct(who, &preferences).await?;
            OwnDone::Corrected
        }
        Act::Forget => {
            let wish = form.wish.as_deref().unwrap_or_default();
            // One that is not there any more is forgotten.
            custodian.forget_wish(who, wish).await?;
            OwnDone::Forgotten
        }
        Act::Freeze(is_frozen) => {
            custodian.freeze(who.person(), is_frozen).await?;
            if is_frozen {
                OwnDone::Frozen
            } else {
                OwnDone::Unfrozen
            }
        }
        Act::Part(record) => return parted(custodian, who, record).await,
    }))
}

/// The signature below the release of this hash, as the form has it.
fn signature_in(form: &ActForm, text: Digest) -> Result<ReleaseSignature, CustodyError> {
    let name = form.signed_by.as_deref().unwrap_or_default();
    let is_ticked = is_yes(form.signed.as_deref());
    Ok(ReleaseSignature::new(text, name, is_ticked)?)
}

fn is_yes(sent: Option<&str>) -> bool {
    sent == Some("yes")
}

fn offer_of(text: &str) -> Option<u128> {
    let is_hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    u128::from_str_radix(text, 16).ok().filter(|_| is_hex)
}

/// Agrees to a purpose: takes the offer that the page made.
#[utoipa::path(
    post, path = "/me/agree", tag = "person",
    request_body(content = ActForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Back to the page"), (status = 401, content_type = "text/html", description = "No page is open"), (status = 403, content_type = "text/html", description = "Refused, or not a form of this page"))
)]
pub(crate) async fn agree(
    State(app): State<App>,
    headers: HeaderMap,
    Posted(form): Posted<ActForm>,
) -> Result<Response, Problem> {
    act(&app, &headers, form, Act::Agree).await
}

/// Takes a consent back, at once and without a question.
#[utoipa::path(
    post, path = "/me/withdraw", tag = "person",
    request_body(content = ActForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Back to the page"), (status = 401, content_type = "text/html", description = "No page is open"), (status = 403, content_type = "text/html", description = "Refused, or not a form of this page"))
)]
pub(crate) async fn withdraw(
    State(app): State<App>,
    headers: HeaderMap,
    Posted(form): Posted<ActForm>,
) -> Result<Response, Problem> {
    act(&app, &headers, form, Act::Withdraw).await
}

/// Forgets one thing that decisions know of whoever's page it is: said, or counted.
#[utoipa::path(
    post, path = "/me/forget", tag = "person",
    request_body(content = ActForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Back to the page"), (status = 401, content_type = "text/html", description = "No page is open"), (status = 403, content_type = "text/html", description = "Refused, or not a form of this page"))
)]
pub(crate) async fn forget(
    State(app): State<App>,
    headers: HeaderMap,
    Posted(form): Posted<ActForm>,
) -> Result<Response, Problem> {
    act(&app, &headers, form, Act::Forget).await
}

/// Replaces what the person says they prefer.
#[utoipa::path(
    post, path = "/me/correct", tag = "person",
    request_body(content = ActForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Back to the page"), (status = 401, content_type = "text/html", description = "No page is open"), (status = 403, content_type = "text/html", description = "Refused, or not a form of this page"), (status = 422, content_type = "text/html", description = "Cannot be read"))
)]
pub(crate) async fn correct(
    State(app): State<App>,
    headers: HeaderMap,
    Posted(form): Posted<ActForm>,
) -> Result<Response, Problem> {
    act(&app, &headers, form, Act::Correct).await
}

/// Has what is held kept and used for nothing.
#[utoipa::path(
    post, path = "/me/freeze", tag = "person",
    request_body(content = ActForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Back to the page"), (status = 401, content_type = "text/html", description = "No page is open"), (status = 403, content_type = "text/html", description = "Not a form of this page"))
)]
pub(crate) async fn freeze(
    State(app): State<App>,
    headers: HeaderMap,
    Posted(form): Posted<ActForm>,
) -> Result<Response, Problem> {
    act(&app, &headers, form, Act::Freeze(true)).await
}

/// Lifts that.
#[utoipa::path(
    post, path = "/me/unfreeze", tag = "person",
    request_body(content = ActForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Back to the page"), (status = 401, content_type = "text/html", description = "No page is open"), (status = 403, content_type = "text/html", description = "Not a form of this page"))
)]
pub(crate) async fn unfreeze(
    State(app): State<App>,
    headers: HeaderMap,
    Posted(form): Posted<ActForm>,
) -> Result<Response, Problem> {
    act(&app, &headers, form, Act::Freeze(false)).await
}

/// Erases the record. The page that follows has the proof, until it is closed.
#[utoipa::path(
    post, path = "/me/erase", tag = "person",
    request_body(content = ActForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Back to the page"), (status = 401, content_type = "text/html", description = "No page is open"), (status = 403, content_type = "text/html", description = "Not a form of this page"), (status = 422, content_type = "text/html", description = "The box is not ticked"), (status = 503, content_type = "text/html", description = "Erased, and not in the ledger yet"))
)]
pub(crate) async fn erase(
    State(app): State<App>,
    headers: HeaderMap,
    Posted(form): Posted<ActForm>,
) -> Result<Response, Problem> {
    let lang = form.lang.as_deref();
    let (key, who) = match page_of(&app, &headers, &form) {
        Ok((key, Own::Record(who))) => (key, who),
        // Sent twice: the proof is there.
        Ok((_, Own::Erased(_))) => return Ok(back(&app, &headers, lang, None).into_response()),
        Err(mistake) => return mistaken(&app, &headers, lang, mistake).await,
    };
    if !is_yes(form.sure.as_deref()) {
        let mistake = (StatusCode::UNPROCESSABLE_ENTITY, OwnMistake::NotSure);
        return mistaken(&app, &headers, lang, mistake).await;
    }
    let now = app.engine.now();
    let mistake = match app.engine.custodian().erase(who.person()).await {
        Ok(proof) => {
            app.access.own.erased(&key, proof, now);
            return Ok(back(&app, &headers, lang, None).into_response());
        }
        Err(error @ CustodyError::Unrecorded) => {
            tracing::error!(error = %chain(&error), "erased, and not in the ledger yet");
            app.access.own.end(&key, now);
            (
                StatusCode::SERVICE_UNAVAILABLE,
                OwnMistake::ErasedUnrecorded,
            )
        }
        Err(error) => mistake_of(error)?,
    };
    mistaken(&app, &headers, lang, mistake).await
}

/// Closes the page, here and in the browser.
#[utoipa::path(
    post, path = "/me/close", tag = "person",
    request_body(content = ActForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "The page is closed"), (status = 403, content_type = "text/html", description = "Not a form of this page"))
)]
pub(crate) async fn close(
    State(app): State<App>,
    headers: HeaderMap,
    Posted(form): Posted<ActForm>,
) -> Result<Response, Problem> {
    let lang = form.lang.as_deref();
    match page_of(&app, &headers, &form) {
        Ok((key, _)) => app.access.own.end(&key, app.engine.now()),
        // It is closed already.
        Err((_, OwnMistake::Over)) => {}
        Err(mistake) => return mistaken(&app, &headers, lang, mistake).await,
    }
    let gone = AppendHeaders([set(cookie(&app, OWN_COOKIE, PATH, "", 0))]);
    Ok((gone, back(&app, &headers, lang, Some(OwnDone::Closed))).into_response())
}
