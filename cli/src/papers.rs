//! `regard papers`: what the law wants written about an installation.

mod answers;
mod breach;
mod facts;
mod records;
mod sign;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use regard_backends::{OpenError, SqliteReader};
use regard_commitments::{Date, Digest, PaperKind};
use regard_domain::{Clock as _, Timestamp};
use regard_engine::{
    Calendar, EngineConfig, MadePapers, PAPERS_FOLDER, PaperMaker, SystemClock, campaigns_in_force,
    papers_copy_name,
};
use regard_reports::{Facts, LegalPaper, PAPERS_FORMAT, PaperChange, Papers};
use regard_server::ServerConfig;
use serde::Serialize;

use crate::args::{ListFormat, PapersArgs, PapersCommand, PapersSourceArgs, data_dir_beside};
use crate::config::Site;
use crate::exit;
use crate::printable::{on_one_line, shown};
use crate::run;
use crate::site::load_site;
use crate::whole_file::write_whole;
use crate::work::block_on;

/// Largest file of papers read, in bytes; real ones take two hundred thousand.
const MAX_PAPERS_BYTES: u64 = 16 << 20;

/// Name of the papers for programs.
const PAPERS_JSON: &str = "papers.json";

/// Does what was asked with papers.
pub(crate) fn papers(args: &PapersArgs) -> Result<ExitCode> {
    match &args.command {
        None => write(args),
        Some(PapersCommand::Diff {
            older,
            newer,
            format,
        }) => diff(older, newer, *format),
        Some(PapersCommand::SignDpia(args)) => sign::sign(args),
        Some(PapersCommand::Breach(args)) => breach::breach(args),
    }
}

/// What a configuration makes of the papers, for an engine that starts: what they say is known before the sandbox is
/// entered, and the campaigns are those that are in force then.
///
/// # Errors
/// What keeps the engine from starting too.
pub(crate) fn maker(
    engine: &EngineConfig,
    server: &ServerConfig,
    answers: BTreeMap<String, String>,
) -> Result<PaperMaker> {
    let keys = regard_engine::site_keys(&engine.data_dir)?;
    let now = SystemClock::new().now();
    let facts = facts::facts(engine, server, &keys, (day_at(engine, now)?, now))?;
    Papers::of(&facts, &answers)?;
    Ok(PaperMaker::new(move |campaigns, made_on, made_at| {
        let facts = Facts {
            campaigns: facts::campaigns(campaigns),
            made_on,
            made_at,
            ..facts.clone()
        };
        let papers = Papers::of(&facts, &answers).expect(
            "the commitments fitted their profile above, and campaigns are no part of that",
        );
        made(&papers)
    }))
}

/// What a configuration makes of the papers now. `engine` with the campaigns that are in force.
///
/// # Errors
/// What keeps the engine from starting too.
pub(crate) fn current(site: &Site, engine: &EngineConfig, now: Timestamp) -> Result<MadePapers> {
    let server = site.server_config(&engine.data_dir, run::random_key()?);
    let keys = regard_engine::existing_site_keys(&engine.data_dir)?;
    let facts = facts::facts(engine, &server, &keys, (day_at(engine, now)?, now))?;
    Ok(made(&Papers::of(&facts, &answers_beside(site.folder()))?))
}

/// The copy of the papers that the data folder has under the name that the ledger gives them.
///
/// # Errors
/// When it is not there, not papers, or was changed.
pub(crate) fn copy_of(data_dir: &Path, all: Digest) -> Result<MadePapers> {
    let file = data_dir.join(PAPERS_FOLDER).join(papers_copy_name(all));
    let papers = read(&file)?;
    if let Some(paper) = papers.papers.iter().find(|paper| !paper.is_whole()) {
        bail!(
            "{}: {} says something else than its hash",
            shown(&file),
            paper.id
        );
    }
    Ok(made(&papers))
}

fn made(papers: &Papers) -> MadePapers {
    MadePapers {
        papers: papers.digests(),
        assessed: papers
            .assessed()
            .expect("the impact assessment is one of the papers"),
        text: json(papers),
    }
}

fn json(papers: &Papers) -> String {
    serde_json::to_string_pretty(papers).expect("papers are texts") + "\n"
}

const CLOCK_IS_OFF: &str = "the clock of this machine is before 1970 or after 9999; set it";

/// The day of an instant in UTC.
fn day_of(at: Timestamp) -> Result<Date> {
    Date::of(at).context(CLOCK_IS_OFF)
}

/// The day of an instant at a site.
fn day_at(engine: &EngineConfig, at: Timestamp) -> Result<Date> {
    let calendar = Calendar::new(engine.time_zone.as_deref())?;
    calendar.day_of(at).context(CLOCK_IS_OFF)
}

/// The answers that stand beside a configuration, where `regard papers` looks for them when it is run there; what is wrong
/// with them is said when the papers are made by hand.
pub(crate) fn answers_beside(folder: &Path) -> BTreeMap<String, String> {
    let file = folder.join("papers").join("answers.toml");
    answers::read(&file).unwrap_or_else(|error| {
        tracing::warn!("answers to the papers are left out: {error:#}");
        BTreeMap::new()
    })
}

/// An installation as its configuration has it now.
struct Installation {
    site: Site,
    facts: Facts,
    answers: BTreeMap<String, String>,
}

impl Installation {
    fn read(args: &PapersSourceArgs, now: Timestamp) -> Result<Self> {
        let site = load_site(&args.config)?;
        let data_dir = data_dir_beside(args.data.as_deref(), site.folder());
        let mut engine = site.engine_config(&data_dir);
        engine.site_key = args.site_key.config_to_run(&data_dir);
        engine.campaigns = block_on(in_force(&engine))?;
        let server = site.server_config(&data_dir, run::random_key()?);
        let keys = regard_engine::site_keys(&data_dir)?;
        Ok(Self {
            facts: facts::facts(&engine, &server, &keys, (day_at(&engine, now)?, now))?,
            site,
            answers: answers::read(&args.answers_file())?,
        })
    }

    fn papers(&self) -> Result<Papers> {
        Ok(Papers::of(&self.facts, &self.answers)?)
    }
}

/// The campaigns that would run: those changed while the program ran, where there are any.
async fn in_force(engine: &EngineConfig) -> Result<Vec<regard_decision::Campaign>> {
    let reader = match SqliteReader::open(&engine.data_dir).await {
        Ok(reader) => reader,
        // It never ran.
        Err(OpenError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok(engine.campaigns.clone());
        }
        Err(error) => bail!("{}: {}", shown(&engine.data_dir), on_one_line(&error)),
    };
    let campaigns = campaigns_in_force(engine, &reader).await;
    reader.close().await;
    Ok(campaigns?)
}

/// What was written, for programs.
#[derive(Serialize)]
struct Written {
    files: Vec<String>,
    /// Questions that nobody has answered.
    open_questions: Vec<String>,
    /// What changed since the papers that were there before; nothing where there were none.
    changes: Option<Vec<PaperChange>>,
}

fn write(args: &PapersArgs) -> Result<ExitCode> {
    let folder = &args.source.output;
    let installation = Installation::read(&args.source, SystemClock::new().now())?;
    let papers = installation.papers()?;
    let questions = papers.questions();
    let answers_file = args.source.answers_file();
    answers::check(&installation.answers, &questions, &answers_file)?;
    let before = folder.join(PAPERS_JSON);
    let changes = if before.exists() {
        Some(read(&before)?.changes_to(&papers))
    } else {
        None
    };
    let mut files = Vec::new();
    let shown_papers = match args.lang {
        Some(language) => papers.clone().in_language(language),
        None => papers.clone(),
    };
    for (name, text) in pages(&shown_papers) {
        let path = folder.join(name);
        write_whole(&path, text)?;
        files.push(shown(&path));
    }
    write_whole(&before, json(&papers))?;
    files.push(shown(&before));
    if !answers_file.exists() {
        write_whole(&answers_file, answers::form(&questions))?;
        files.push(shown(&answers_file));
    }
    let open = questions
        .iter()
        .filter(|question| question.answer.is_none());
    let written = Written {
        files,
        open_questions: open.map(|question| question.id.clone()).collect(),
        changes,
    };
    let text = match args.format {
        ListFormat::Json => serde_json::to_string_pretty(&written)?,
        ListFormat::Text => written.in_words(&papers, &answers_file),
    };
    exit::print(&text)
}

/// The pages, by the names of their files.
fn pages(papers: &Papers) -> Vec<(String, String)> {
    let mut pages = vec![("index.html".to_owned(), papers.index_page())];
    for paper in &papers.papers {
        pages.extend(papers.page(paper.id).map(|page| (paper.file_name(), page)));
    }
    pages
}

impl Written {
    fn in_words(&self, papers: &Papers, answers: &Path) -> String {
        let mut lines: Vec<String> = self
            .files
            .iter()
            .map(|file| format!("wrote {file}"))
            .collect();
        for paper in &papers.papers {
            let standing = paper.standing.iter();
            lines.extend(standing.map(|standing| format!("{}: {}", paper.title, standing.text)));
        }
        match self.open_questions.len() {
            0 => {}
            1 => lines.push(format!(
                "1 question is open; answer it in {}",
                shown(answers)
            )),
            n => lines.push(format!(
                "{n} questions are open; answer them in {}",
                shown(answers)
            )),
        }
        match self.changes.as_deref() {
            None => {}
            Some([]) => {
                lines.push("nothing changed since these papers were made before".to_owned());
            }
            Some(changes) => {
                lines.push(format!(
                    "changed since these papers were made before: {}",
                    changes.len()
                ));
                lines.extend(
                    changes
                        .iter()
                        .map(|change| format!("  {}", change.in_words())),
                );
            }
        }
        lines.join("\n")
    }
}

/// The papers in a file.
fn read(file: &Path) -> Result<Papers> {
    let name = shown(file);
    let size = fs::metadata(file)
        .with_context(|| format!("{name}: cannot be read"))?
        .len();
    if size > MAX_PAPERS_BYTES {
        bail!("{name}: larger than {MAX_PAPERS_BYTES} bytes; these are no papers");
    }
    let text = fs::read_to_string(file).with_context(|| format!("{name}: cannot be read"))?;
    let papers: Papers = serde_json::from_str(&text)
        .with_context(|| format!("{name}: not the papers.json that `regard papers` writes"))?;
    if papers.format != PAPERS_FORMAT {
        bail!(
            "{name}: has form {:?}, this program reads {PAPERS_FORMAT:?}",
            papers.format
        );
    }
    Ok(papers)
}

fn diff(older: &Path, newer: &Path, format: ListFormat) -> Result<ExitCode> {
    let changes = read(older)?.changes_to(&read(newer)?);
    let text = match format {
        ListFormat::Json => serde_json::to_string_pretty(&changes)?,
        ListFormat::Text if changes.is_empty() => "nothing changed".to_owned(),
        ListFormat::Text => {
            let lines: Vec<String> = changes.iter().map(PaperChange::in_words).collect();
            lines.join("\n")
        }
    };
    exit::print(&text)
}

/// Questions of the impact assessment that nobody has answered.
fn open_in_assessment(papers: &Papers) -> Vec<&str> {
    let paper = papers.paper(PaperKind::ImpactAssessment);
    paper
        .into_iter()
        .flat_map(LegalPaper::open_questions)
        .collect()
}

#[cfg(test)]
mod tests;
