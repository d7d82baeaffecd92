//! Pages made here, that work without scripts, and the shells of the two that do not.

mod campaigns;
mod face;
mod own;
mod papers;
mod preferences;
mod privacy;
mod recognition;
mod standing;
mod study;
mod words;
mod yesterday;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use regard_commitments::Language;

use crate::problem::Problem;

pub(crate) use campaigns::{CampaignPage, CampaignsPage, Maker, SlotPlace, staff_language};
pub(crate) use face::{EnrollAnswers, VerifyAnswers, enroll_page, verify_page};
pub(crate) use own::{OwnAnswers, OwnDone, OwnMistake, OwnView, Said, own_page};
pub(crate) use papers::{PaperPage, PapersPage, VersionRow};
pub(crate) use preferences::read as read_preferences;
#[cfg(feature = "fuzz")]
pub(crate) use preferences::text_of as preferences_text;
pub(crate) use privacy::{
    Picture, PrivacyAnswers, Whereabouts, easy_page, privacy_language, privacy_page,
};
pub(crate) use recognition::{AttemptCount, RecognitionPage};
pub(crate) use standing::{Here, Mistake, Standing};
pub(crate) use study::{StudiesPage, StudyAnswers, study_page};
pub(crate) use words::{language_of, words};

/// The list of pages.
#[derive(Template)]
#[template(path = "index.html")]
pub(crate) struct IndexPage {
    /// Name of the site.
    pub(crate) site: String,
    /// Ids of the screens.
    pub(crate) screens: Vec<String>,
}

/// The player of one screen.
#[derive(Template)]
#[template(path = "player.html")]
pub(crate) struct PlayerPage {
    /// Which screen.
    pub(crate) screen: String,
}

/// The console.
#[derive(Template)]
#[template(path = "console.html")]
pub(crate) struct ConsolePage {
    /// What the form that ends the session carries hidden; nothing where there is no session.
    pub(crate) log_out: Option<String>,
}

/// The form for a token.
#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage {
    /// Where to go afterwards; a path on this server.
    pub(crate) next: String,
    /// What it carries hidden, so that nobody else can send it.
    pub(crate) form: String,
    /// What went wrong before.
    pub(crate) mistake: Option<&'static str>,
}

/// A page as an answer that says in which language it is.
pub(crate) fn page_in(
    language: Language,
    status: StatusCode,
    template: &impl Template,
) -> Response {
    let mut response = page(status, template);
    let tag = HeaderValue::from_static(language.tag());
    response.headers_mut().insert(header::CONTENT_LANGUAGE, tag);
    response
}

/// A page as an answer.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => {
            let kind = HeaderValue::from_static("text/html; charset=utf-8");
            (status, [(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => Problem::internal("page_failed", &error).into_response(),
    }
}
