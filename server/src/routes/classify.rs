//! Pictures of things, classified; and the class as a fact.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use regard_commitments::AdminAct;
use regard_decision::FactValue;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::{IntoParams, ToSchema};

use crate::NamedClassifier;
use crate::access::Guest;
use crate::app::App;
use crate::classifier::{ClassifierAnswer, ClassifyError};
use crate::extract::Params;
use crate::problem::Problem;

/// Pictures that are classified at once: each is decoded whole, and the machine has other work. Others wait.
static PLACES: Semaphore = Semaphore::const_new(2);

/// For how long a fact holds where nobody says: a stand that looks every two seconds may miss two looks.
const DEFAULT_TTL_SECS: u32 = 6;

/// What is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Which classifier of the configuration; may be left out where there is one.
    #[serde(default)]
    classifier: Option<String>,
    /// A fact that is to be the class that was decided for. Where nothing is decided the fact is taken back.
    #[serde(default)]
    fact: Option<String>,
    /// For how long the fact holds unless it is told again; left out: 6.
    #[serde(default)]
    #[param(minimum = 1)]
    ttl_secs: Option<u32>,
}

/// What a picture shows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClassifyAnswer {
    /// Which classifier said so.
    classifier: String,
    /// Its class; nothing where that is not sure enough.
    decision: Option<String>,
    /// Why there is none: `several`, `like_none`, `contradictory` or `too_few_examples`.
    abstained: Option<&'static str>,
    /// Classes that may be the true one; together they miss it no more often than `error`.
    set: Vec<String>,
    /// The error that is kept.
    error: f64,
    /// The likeliest classes, the likeliest first.
    probabilities: Vec<ClassProbability>,
}

/// How probable a class is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClassProbability {
    /// Which.
    class: String,
    /// Calibrated, 0 to 1.
    probability: f64,
}

impl ClassifyAnswer {
    fn new(classifier: String, answer: ClassifierAnswer) -> Self {
        Self {
            classifier,
            decision: answer.decision,
            abstained: answer.abstained,
            set: answer.set,
            error: answer.error,
            probabilities: answer
                .probabilities
                .into_iter()
                .map(|(class, probability)| ClassProbability { class, probability })
                .collect(),
        }
    }
}

/// Says which thing a picture shows, or that it cannot tell; as a fact, too, where one is named. The picture is not kept.
#[utoipa::path(
    post, path = "/v1/classify", tag = "console", params(Asked),
    request_body(content = Vec<u8>, content_type = "image/*", description = "JPEG, PNG, WebP, GIF, BMP, TIFF or ICO, at most 16 MiB"),
    responses(
        (status = 200, body = ClassifyAnswer), (status = 401, body = Problem),
        (status = 404, body = Problem, description = "`no_such_classifier`"),
        (status = 413, body = Problem), (status = 422, body = Problem, description = "No picture, or a bad name of a fact"),
        (status = 503, body = Problem),
    )
)]
pub(crate) async fn classify(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    Params(asked): Params<Asked>,
    picture: Bytes,
) -> Result<Json<ClassifyAnswer>, Problem> {
    let NamedClassifier { id, classifier } = chosen(&app, asked.classifier.as_deref())?;
    if asked.ttl_secs == Some(0) {
        return Err(Problem::invalid("bad_fact", "ttl_secs is at least 1"));
    }
    let place = PLACES.acquire().await;
    let place = place.map_err(|error| Problem::internal("not_classified", &error))?;
    let said = tokio::task::spawn_blocking(move || {
        let _place = place;
        classifier.classify(&picture)
    });
    let said = said
        .await
        .map_err(|error| Problem::internal("not_classified", &error))?;
    let answer = said.map_err(|error| match error {
        ClassifyError::BadPicture(detail) => Problem::invalid("bad_picture", detail),
        ClassifyError::Failed(detail) => {
            tracing::error!(error = %detail, "a picture could not be classified");
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Problem::new(
                status,
                "not_classified",
                "the network failed; the log says how",
            )
        }
    })?;
    if let Some(fact) = asked.fact {
        let ttl = asked.ttl_secs.unwrap_or(DEFAULT_TTL_SECS);
        tell(&app, &guest, fact, answer.decision.clone(), ttl).await?;
    }
    Ok(Json(ClassifyAnswer::new(id, answer)))
}

fn chosen(app: &App, wanted: Option<&str>) -> Result<NamedClassifier, Problem> {
    let all = &app.config.classifiers;
    let found = match wanted {
        Some(id) => all.iter().find(|one| one.id == id),
        None if all.len() == 1 => all.first(),
        None => None,
    };
    found.cloned().ok_or_else(|| {
        let ids: Vec<&str> = all.iter().map(|one| one.id.as_str()).collect();
        let detail = match (wanted, ids.as_slice()) {
            (_, []) => "the configuration names no classifier".to_owned(),
            (Some(id), _) => format!("there is no classifier {id:?}; there are {ids:?}"),
            (None, _) => format!("which classifier is not said; there are {ids:?}"),
        };
        Problem::not_found("no_such_classifier", detail).remedy(
            "write [[classifier]] with id and model in the configuration, or name one of them",
        )
    })
}

/// Sets the fact, or takes it back. The ledger hears of changes, not of every look.
async fn tell(
    app: &App,
    guest: &Guest,
    fact: String,
    class: Option<String>,
    ttl_secs: u32,
) -> Result<(), Problem> {
    app.engine.check_ledger()?;
    let before = app.engine.facts().await?;
    let before = before.into_iter().find(|(name, _)| *name == fact);
    let value = class.map(FactValue::Text);
    let has_changed = before.map(|(_, value)| value) != value;
    match value {
        Some(value) => {
            let until = app.engine.now().plus(Duration::from_secs(ttl_secs.into()));
            app.engine
                .set_fact(fact.clone(), value, Some(until))
                .await?;
        }
        None => {
            app.engine.forget_fact(fact.clone()).await?;
        }
    }
    if has_changed {
        app.did(guest, AdminAct::FactsSet, fact.as_bytes()).await?;
    }
    Ok(())
}
