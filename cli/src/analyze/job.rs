//! A run as part of a job that can be interrupted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use regard_library::{Claims, FaceRow, Finding, Item, ItemRow, Job, JobSettings, Resuming};

use super::plan::{Plan, log_of, spool_of};
use super::progress::Tally;
use super::report::Report;
use super::tables::write_tables;
use crate::args::AnalyzeArgs;
use crate::printable::{shown, source_text};
use crate::whole_file::{beside, remove_unfinished};

/// How often what was done is made to last even if the machine loses its power.
const SYNC_EVERY: Duration = Duration::from_secs(2);

/// A job and when it was made to last.
pub(super) struct JobRun {
    job: Job,
    log: PathBuf,
    synced: Instant,
    /// What earlier runs did, until it has been counted.
    done: Tally,
}

impl JobRun {
    pub(super) fn open(args: &AnalyzeArgs, plan: &Plan, runtime: &str) -> Result<Self> {
        let output = args.output.as_deref().unwrap_or(Path::new(""));
        // Found out now, and not after days of work.
        for table in &plan.tables {
            beside(&table.path)
                .with_context(|| format!("{}: cannot be written", shown(&table.path)))?;
        }
        if let Some(report) = &plan.report {
            beside(report).with_context(|| format!("{}: cannot be written", shown(report)))?;
        }
        let log = log_of(output);
        let mut done = Tally::default();
        let job = Job::open(
            &log,
            &settings(args, runtime),
            args.restart,
            |row: &ItemRow| {
                done.add(&row.facts);
                if row.duplicate_of.is_some() {
                    done.add_copy();
                }
            },
        )?;
        // What a run that was killed left behind; nobody else works on it now.
        let spool = spool_of(&log);
        remove_folder(&spool)?;
        // Now, so that it is known as ours if the folder is gone through that it lies in.
        fs::create_dir(&spool).with_context(|| format!("{}: cannot be made", shown(&spool)))?;
        let mut written: Vec<&Path> = plan.tables.iter().map(|t| t.path.as_path()).collect();
        written.extend(plan.report.as_deref());
        for path in written {
            remove_unfinished(path)
                .with_context(|| format!("{}: cannot be written", shown(path)))?;
        }
        Ok(Self {
            job,
            log,
            synced: Instant::now(),
            done,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.log
    }

    /// Adds what earlier runs did; how many items that was.
    pub(super) fn count_done(&mut self, tally: &mut Tally) -> u64 {
        *tally = std::mem::take(&mut self.done);
        tally.add_known(self.job.n_known());
        self.job.n_items()
    }

    pub(super) fn claims(&self) -> Claims {
        self.job.claims()
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.job.is_complete()
    }

    pub(super) const fn n_in_folder(&self) -> u64 {
        self.job.n_in_folder()
    }

    pub(super) const fn end_folder(&mut self) {
        self.job.end_folder();
    }

    pub(super) fn resuming(&mut self) -> Result<Resuming> {
        Ok(self.job.resuming()?)
    }

    pub(super) fn faces(&mut self, item: &Item, rows: &[FaceRow]) -> Result<()> {
        for row in rows {
            self.job.face(item, row)?;
        }
        Ok(())
    }

    pub(super) fn item(&mut self, item: &Item, finding: Finding) -> Result<ItemRow> {
        let row = self.job.item(item, finding)?;
        if self.synced.elapsed() >= SYNC_EVERY {
            self.job.sync()?;
            self.synced = Instant::now();
        }
        Ok(row)
    }

    /// Writes the tables, then takes the log away.
    pub(super) fn finish(mut self, plan: &Plan) -> Result<()> {
        self.job.complete()?;
        let n_known = self.job.n_known();
        let mut report = plan
            .report
            .as_deref()
            .map(|path| Report::new(path, n_known));
        write_tables(&self.job, &plan.tables, report.as_mut())?;
        self.give_up()
    }

    /// Takes the log away.
    pub(super) fn give_up(self) -> Result<()> {
        remove_folder(&spool_of(&self.log))?;
        Ok(self.job.remove()?)
    }
}

fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}: cannot be removed", shown(folder)))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What makes it the same job: all that rows depend on, and nothing else.
fn settings(args: &AnalyzeArgs, runtime: &str) -> JobSettings {
    let mut settings = JobSettings::new();
    let sources: Vec<String> = args
        .paths
        .iter()
        .map(|typed| source_text(Path::new(typed)))
        .chain(
            args.list
                .iter()
                .map(|list| format!("@{}", source_text(list))),
        )
        .collect();
    settings.set("sources", &sources.join(" "));
    settings.set("version", env!("CARGO_PKG_VERSION"));
    settings.set("runtime", runtime);
    settings.set("--mjpeg-fps", &args.mjpeg_fps.to_string());
    settings.set("--max-ratio", &args.max_ratio.to_string());
    let mut optional = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            settings.set(name, &value);
        }
    };
    optional("--every", args.every.map(|secs| secs.to_string()));
    optional("--min-face", args.min_face.map(|px| px.to_string()));
    optional("--max-item", args.max_item.map(|n| n.to_string()));
    optional("--gps", args.gps.then(|| "yes".to_owned()));
    let draw = args.draw.as_deref().map(source_text);
    optional("--draw", draw);
    let sample = args
        .sample
        .map(|size| format!("{size:?} of seed {}", args.seed));
    optional("--sample", sample);
    settings
}
