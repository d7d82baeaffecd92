//! The papers that the law asks for, about what runs: as pages of the console and as JSON.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use regard_commitments::{Date, DpiaStanding, PaperKind, UtcText};
use regard_engine::PaperVersion;
use regard_reports::{LegalPaper, PAPERS_FORMAT, PaperChange, Papers};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::extract::{Params, PathOf};
use crate::pages::{PaperPage, PapersPage, VersionRow, page};
use crate::problem::{Problem, chain};
use crate::wire::papers::{
    AssessmentBody, PaperBody, PaperChangeBody, PaperLine, PaperVersionBody, PapersBody,
    StandingBody,
};

/// Digits of a hash that name a version at the least: as many as its copy is named by.
const VERSION_DIGITS: usize = 16;

/// Changes that a page lists; what is beyond is counted. The JSON has them all.
const MAX_LISTED: usize = 200;

/// Versions that a page lists; the JSON has them all.
const MAX_VERSIONS_LISTED: usize = 50;

/// Which papers to compare with.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PapersParams {
    /// The hash of an older version, or its first 16 digits or more; left out: the one before the present.
    since: Option<String>,
}

/// The papers as they are, and as they were.
struct Desk {
    papers: Papers,
    all: String,
    versions: Vec<PaperVersion>,
    older: Option<(PaperVersion, Papers)>,
}

impl Desk {
    fn changes(&self) -> Option<Vec<PaperChange>> {
        let (_, older) = self.older.as_ref()?;
        Some(older.changes_to(&self.papers))
    }

    fn compared_with(&self) -> Option<String> {
        self.older
            .as_ref()
            .map(|(version, _)| version.all.to_string())
    }

    fn paper(&self, kind: PaperKind) -> Result<&LegalPaper, Problem> {
        let missing = || {
            Problem::not_found(
                "no_such_paper",
                "there is no such paper about a configuration",
            )
            .remedy("a report of a breach is written with `regard papers breach`")
        };
        self.papers.paper(kind).ok_or_else(missing)
    }
}

fn none() -> Problem {
    Problem::not_found("no_papers", "this program was started without what papers are made from")
        .remedy("start it with `regard serve`; `regard papers` says what is wrong, where the log says that none are made")
}

fn read(text: &str) -> Result<Papers, Problem> {
    let papers: Papers = serde_json::from_str(text)
        .map_err(|error| Problem::internal("papers_unreadable", &error))?;
    if papers.format == PAPERS_FORMAT {
        return Ok(papers);
    }
    Err(Problem::not_found(
        "papers_of_another_form",
        "that copy was written by a program with another form of papers",
    ))
}

/// Makes the papers, and reads those to compare with.
fn desk(app: &App, since: Option<&str>) -> Result<Desk, Problem> {
    let made = app.engine.papers().ok_or_else(none)?;
    let papers = read(&made.text)?;
    let all = made.all();
    let versions = app.engine.paper_versions();
    let wanted = match since {
        Some(prefix) => {
            let is_hash = |text: &str| {
                text.len() >= VERSION_DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit())
            };
            let found = versions
                .iter()
                .find(|version| is_hash(prefix) && version.all.to_string().starts_with(prefix));
            let unknown = || {
                Problem::not_found("unknown_version", "the ledger tells of no such version")
                    .remedy("GET /v1/papers lists them")
            };
            Some(found.ok_or_else(unknown)?)
        }
        None => versions.iter().find(|version| version.all != all),
    };
    let mut older = None;
    if let Some(version) = wanted {
        match app.engine.paper_copy(version) {
            Ok(Some(text)) => match read(&text) {
                Ok(papers) => older = Some((version.clone(), papers)),
                Err(problem) if since.is_some() => return Err(problem),
                // Without having asked for it nobody is kept from the present papers.
                Err(_) => {}
            },
            Ok(None) => {}
            Err(error) => {
                tracing::error!(error = %chain(&error), "a copy of the papers cannot be read");
            }
        }
        if since.is_some() && older.is_none() {
            return Err(Problem::not_found(
                "copy_gone",
                "the ledger tells of that version, and its copy is not there any more",
            ));
        }
    }
    Ok(Desk {
        papers,
        all: all.to_string(),
        versions,
        older,
    })
}

fn assessment(app: &App) -> AssessmentBody {
    let now = app.engine.now();
    let Some(dpia) = &app.engine.commitments().document().dpia else {
        return AssessmentBody {
            state: "not_signed",
            reference: None,
            signed_by: None,
            signed_on: None,
            age_days: None,
            too_old_on: None,
        };
    };
    let age = now.saturating_since(dpia.signed_on.start());
    AssessmentBody {
        state: match app
            .engine
            .assessment()
            .unwrap_or(DpiaStanding::NotYetSigned)
        {
            DpiaStanding::Holds => "holds",
            DpiaStanding::NotYetSigned => "not_yet_signed",
            DpiaStanding::TooOld => "too_old",
            DpiaStanding::OfAnotherConfiguration => "of_another_configuration",
        },
        reference: Some(dpia.reference.clone()),
        signed_by: Some(dpia.signed_by.clone()),
        signed_on: Some(dpia.signed_on.to_string()),
        age_days: Some(age.as_secs() / 86_400),
        too_old_on: Date::of(dpia.holds_until()).map(|day| day.to_string()),
    }
}

fn line(paper: &LegalPaper, changes: Option<&[PaperChange]>) -> PaperLine {
    let standing = paper.standing.iter().map(|standing| StandingBody {
        is_good: standing.is_good,
        text: standing.text.clone(),
    });
    PaperLine {
        id: paper.id.to_string(),
        title: paper.title.clone(),
        law: paper.law.clone(),
        digest: paper.digest.to_string(),
        n_open: paper.open_questions().count(),
        standing: standing.collect(),
        n_changes: changes.map(|all| all.iter().filter(|c| c.paper == paper.id).count()),
    }
}

fn body(app: &App, desk: &Desk) -> PapersBody {
    let changes = desk.changes();
    let papers = desk.papers.papers.iter();
    let versions = desk.versions.iter().map(|version| PaperVersionBody {
        at: version.at.as_micros(),
        all: version.all.to_string(),
        changed: version.changed.iter().map(ToString::to_string).collect(),
    });
    PapersBody {
        site: desk.papers.site.clone(),
        made_on: desk.papers.made_on.to_string(),
        program: desk.papers.program.clone(),
        commitments_version: desk.papers.version,
        commitments: desk.papers.commitments.to_string(),
        all: desk.all.clone(),
        papers: papers
            .map(|paper| line(paper, changes.as_deref()))
            .collect(),
        impact_assessment: assessment(app),
        versions: versions.collect(),
        compared_with: desk.compared_with(),
        changes: changes.map(|all| all.iter().map(PaperChangeBody::of).collect()),
    }
}

/// The papers about what runs: how each stands, whether the impact assessment is signed and how old it is, what changed.
#[utoipa::path(
    get, path = "/v1/papers", tag = "console", params(PapersParams),
    responses((status = 200, body = PapersBody), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn list(
    State(app): State<App>,
    Params(params): Params<PapersParams>,
) -> Result<Json<PapersBody>, Problem> {
    let desk = desk(&app, params.since.as_deref())?;
    Ok(Json(body(&app, &desk)))
}

/// One paper with all its points, and what changed in it.
#[utoipa::path(
    get, path = "/v1/papers/{kind}", tag = "console",
    params(("kind" = String, Path, description = "`record`, `impact_assessment`, `transparency_notice`, `risk_file`, `technical_documentation`, `instructions`, `rights_assessment` or `database_entry`"), PapersParams),
    responses((status = 200, body = PaperBody), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn paper(
    State(app): State<App>,
    PathOf(kind): PathOf<PaperKind>,
    Params(params): Params<PapersParams>,
) -> Result<Json<PaperBody>, Problem> {
    let desk = desk(&app, params.since.as_deref())?;
    let paper = desk.paper(kind)?.clone();
    let changes = desk.changes().map(|all| {
        let of_it = all.iter().filter(|change| change.paper == kind);
        of_it.map(PaperChangeBody::of).collect()
    });
    Ok(Json(PaperBody {
        paper,
        made_on: desk.papers.made_on.to_string(),
        compared_with: desk.compared_with(),
        changes,
    }))
}

/// When a version came to be, for people.
fn day_and_time(version: &PaperVersion) -> String {
    UtcText::new(version.at).to_string()
}

/// Sentences about what changed, as many as a page lists, and how many there are.
fn told(changes: Option<&[PaperChange]>) -> (Vec<String>, usize) {
    let all = changes.unwrap_or_default();
    let listed = all.iter().take(MAX_LISTED).map(PaperChange::in_words);
    (listed.collect(), all.len())
}

/// The papers about what runs, for people. Works without scripts.
#[utoipa::path(get, path = "/console/papers", tag = "console", params(PapersParams), responses((status = 200, content_type = "text/html", description = "Page"), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn papers_page(
    State(app): State<App>,
    Params(params): Params<PapersParams>,
) -> Result<Response, Problem> {
    let desk = desk(&app, params.since.as_deref())?;
    let changes = desk.changes();
    let (sentences, n_changes) = told(changes.as_deref());
    let compared = desk.older.as_ref().map(|(version, _)| version);
    let versions = desk.versions.iter().take(MAX_VERSIONS_LISTED);
    let rows = versions.map(|version| VersionRow {
        at: day_and_time(version),
        digits: version.all.to_string()[..VERSION_DIGITS].to_owned(),
        changed: version.changed.iter().map(|kind| kind.title()).collect(),
        is_present: version.all.to_string() == desk.all,
        is_compared: compared.is_some_and(|one| one.all == version.all),
    });
    let template = PapersPage {
        site: desk.papers.site.clone(),
        made_on: desk.papers.made_on.to_string(),
        program: desk.papers.program.clone(),
        version: desk.papers.version,
        commitments: desk.papers.commitments.to_string(),
        papers: desk
            .papers
            .papers
            .iter()
            .map(|p| line(p, changes.as_deref()))
            .collect(),
        assessment: assessment(&app),
        since: compared.map(day_and_time),
        changes: sentences,
        n_changes,
        n_versions: desk.versions.len(),
        versions: rows.collect(),
    };
    Ok(page(StatusCode::OK, &template))
}

/// One paper, for people. Works without scripts.
#[utoipa::path(
    get, path = "/console/papers/{kind}", tag = "console",
    params(("kind" = String, Path, description = "As in `/v1/papers/{kind}`"), PapersParams),
    responses((status = 200, content_type = "text/html", description = "Page"), (status = 401, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn paper_page(
    State(app): State<App>,
    PathOf(kind): PathOf<PaperKind>,
    Params(params): Params<PapersParams>,
) -> Result<Response, Problem> {
    let desk = desk(&app, params.since.as_deref())?;
    let paper = desk.paper(kind)?;
    let changes = desk.changes().map(|mut all| {
        all.retain(|change| change.paper == kind);
        all
    });
    let (sentences, n_changes) = told(changes.as_deref());
    let template = PaperPage {
        papers: &desk.papers,
        paper,
        n_open: paper.open_questions().count(),
        since: desk
            .older
            .as_ref()
            .map(|(version, _)| day_and_time(version)),
        changes: sentences,
        n_changes,
    };
    Ok(page(StatusCode::OK, &template))
}
