//! `regard analyze`.

mod cache;
mod drawing;
mod examiner;
mod job;
mod output;
mod plan;
mod pool;
mod progress;
mod report;
mod smallest;
mod tables;
pub(crate) mod tracks;

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result};
use regard_commitments::refuse_grouping;
use regard_inference::{LibrarySearch, RuntimeChoice, select};
use regard_library::{Claims, FaceRow, Fault, Finding, Found, Item, Sources, Visitor, Wish};
use regard_vision::VideoOptions;

use self::cache::Cache;
use self::drawing::Drawings;
use self::examiner::{Examiner, Outcome, Setting, Sight};
use self::job::JobRun;
use self::output::Output;
use self::plan::Plan;
use self::pool::{Event, examine_all};
use self::progress::{Progress, Tally};
use self::smallest::Smallest;
use crate::args::AnalyzeArgs;
use crate::exit;
use crate::models;
use crate::printable::shown;

/// Finds the faces of all inputs and writes a row for each.
pub(crate) fn analyze(args: &AnalyzeArgs) -> Result<ExitCode> {
    if args.group_people {
        return Err(anyhow::anyhow!("{}", refuse_grouping()));
    }
    let plan = Plan::new(args)?;
    let selection = select(RuntimeChoice::Auto, &LibrarySearch::system())?;
    let runtime = selection.runtime.description().to_string();
    let catalog = Arc::new(models::catalog()?);
    let progress = Progress::start();
    // Before the job: what is wrong with it is said before anything is begun.
    let cache = match &args.cache {
        Some(path) => Some(Cache::open(path, (args, &runtime, &catalog), &progress)?),
        None => None,
    };
    let mut run = Run {
        tally: Tally::default(),
        progress,
        n_in_folder: 0,
        target: Target::open(args, &plan, &runtime)?,
    };
    run.target.count_done(&mut run.tally, &run.progress);
    let is_to_be_done = run.target.is_to_be_done();
    if is_to_be_done {
        let n_workers = n_workers(args, &plan);
        tracing::info!(%runtime, n_workers, "analyzing");
        let setting = Setting {
            runtime: selection.runtime,
            catalog,
            // A single video cannot be shared out, but the work on each of its frames can.
            threads_per_run: (n_threads(args) / n_workers).max(1),
            every_secs: args.every,
            video: VideoOptions {
                mjpeg_fps: args.mjpeg_fps,
                ..VideoOptions::default()
            },
            drawings: args
                .draw
                .as_deref()
                .map(|dir| Drawings::new(dir, plan.sources.inputs()))
                .transpose()?,
            limits: plan.sources.limits(),
            smallest: Smallest(args.min_face),
            with_place: args.gps,
            claims: run.target.claims().filter(|_| args.draw.is_none()),
            with_facts: plan.is_job || cache.is_some(),
            cache,
        };
        let mut examiners = (0..n_workers)
            .map(|_| Examiner::new(&setting))
            .collect::<Result<Vec<_>>>()?;
        if let Some(first) = examiners.first_mut() {
            first.warm_up().context("the networks")?;
        }
        let is_read = run.go_through(&plan, examiners, &setting)?;
        for word in setting.cache.map(Cache::finish).unwrap_or_default() {
            run.progress.say(&word);
        }
        if !is_read {
            // Whoever read has had enough, as `head` has: no reason to say anything.
            return Ok(ExitCode::SUCCESS);
        }
    }
    run.finish(&plan)
}

/// One a core, but not more than there are files, where that is known.
fn n_workers(args: &AnalyzeArgs, plan: &Plan) -> usize {
    let n_wanted = n_threads(args);
    let inputs = plan.sources.inputs();
    if inputs.iter().all(regard_library::Input::is_single) {
        n_wanted.min(inputs.len())
    } else {
        n_wanted
    }
}

fn n_threads(args: &AnalyzeArgs) -> usize {
    let n_cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
    args.workers.map_or_else(n_cores, NonZeroUsize::get)
}

/// Where rows go.
enum Target {
    /// To somebody who reads along; whether they still do.
    Stream(Output, bool),
    /// Into the log of a job.
    Job(Box<JobRun>),
}

impl Target {
    fn open(args: &AnalyzeArgs, plan: &Plan, runtime: &str) -> Result<Self> {
        if plan.is_job {
            return JobRun::open(args, plan, runtime).map(|job| Self::Job(Box::new(job)));
        }
        let (output, is_read) = Output::open(args.output.as_deref(), plan.format)?;
        Ok(Self::Stream(output, is_read))
    }

    /// Counts what an earlier run did.
    fn count_done(&mut self, tally: &mut Tally, progress: &Progress) {
        if let Self::Job(job) = self {
            let n_items = job.count_done(tally);
            if n_items > 0 {
                progress.resume(n_items);
                let name = shown(job.path());
                progress.say(&format!("going on with {name}: {n_items} items are done"));
            }
        }
    }

    fn claims(&self) -> Option<Claims> {
        match self {
            Self::Stream(..) => None,
            Self::Job(job) => Some(job.claims()),
        }
    }

    const fn is_to_be_done(&self) -> bool {
        match self {
            Self::Stream(_, is_read) => *is_read,
            Self::Job(job) => !job.is_complete(),
        }
    }
}

/// Counts what will be gone through, while it is; archives and what is in them count as they come.
struct Counter<'a> {
    bar: &'a indicatif::ProgressBar,
    is_over: &'a AtomicBool,
}

impl Visitor for Counter<'_> {
    fn wish(&mut self, _: &Item) -> Wish {
        self.bar.inc_length(1);
        if self.is_over.load(Ordering::Relaxed) {
            Wish::Stop
        } else {
            Wish::Pass
        }
    }

    fn take(&mut self, _: Found) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    fn opens_archives(&self) -> bool {
        false
    }
}

/// What is counted and said on the way.
struct Run {
    tally: Tally,
    progress: Progress,
    /// Items of the folder at hand that were pictures or videos, good or bad.
    n_in_folder: u64,
    target: Target,
}

impl Run {
    /// Does all items; `false` when nobody reads any more.
    fn go_through(
        &mut self,
        plan: &Plan,
        examiners: Vec<Examiner<'_>>,
        setting: &Setting,
    ) -> Result<bool> {
        let is_over = AtomicBool::new(false);
        let mut is_read = true;
        let mut resuming = match &mut self.target {
            Target::Stream(..) => None,
            Target::Job(job) => Some(job.resuming()?),
        };
        self.n_in_folder = match &self.target {
            Target::Stream(..) => 0,
            Target::Job(job) => job.n_in_folder(),
        };
        thread::scope(|scope| {
            if Progress::is_watched() {
                let bar = self.progress.bar();
                let (is_over, sources) = (&is_over, &plan.sources);
                scope.spawn(move || {
                    let mut counter = Counter { bar: &bar, is_over };
                    // Whoever does the work says what is wrong.
                    let _ = sources.visit(&mut counter);
                });
            }
            let result = examine_all(
                |finder: &mut dyn Visitor| {
                    let rule = plan.sample_rule()?;
                    let sources: &Sources = &plan.sources;
                    match (&mut resuming, rule) {
                        (None, None) => sources.visit(finder)?,
                        (None, Some(rule)) => sources.visit(&mut rule.over(finder))?,
                        (Some(resuming), None) => sources.visit(&mut resuming.over(finder))?,
                        (Some(resuming), Some(rule)) => {
                            sources.visit(&mut resuming.over(&mut rule.over(finder)))?;
                        }
                    }
                    match resuming.take() {
                        Some(resuming) => Ok(resuming.check()?),
                        None => Ok(()),
                    }
                },
                examiners,
                setting,
                |item, event| {
                    is_read = self.take(item, event)?;
                    Ok(is_read)
                },
            );
            is_over.store(true, Ordering::Relaxed);
            result
        })?;
        Ok(is_read)
    }

    /// Takes an event; `false` when nobody reads any more.
    fn take(&mut self, item: &Item, event: Event) -> Result<bool> {
        match event {
            Event::Sight(Sight::Faces(rows)) => {
                self.progress.picture(rows.len());
                return self.write(item, &rows);
            }
            Event::Sight(Sight::Known(rows)) => return self.write(item, &rows),
            Event::Sight(Sight::PassedOver) => {}
            Event::Done(Outcome::PassedOver) => self.progress.item_done(&self.tally),
            Event::Done(Outcome::Done(finding)) => self.done(item, finding)?,
            Event::Bad(fault) => self.bad(item, fault)?,
            Event::End(what) => {
                let n_found = std::mem::take(&mut self.n_in_folder);
                if n_found == 0 {
                    let reason = format!("no picture or video in this {what}");
                    self.bad(item, Fault::new(regard_library::FaultKind::Missing, reason))?;
                    self.n_in_folder = 0;
                }
                if let Target::Job(job) = &mut self.target {
                    job.end_folder();
                }
            }
        }
        Ok(true)
    }

    /// Writes rows of an item; `false` when nobody reads any more.
    fn write(&mut self, item: &Item, rows: &[FaceRow]) -> Result<bool> {
        match &mut self.target {
            Target::Stream(output, _) => output.write(&item.source(), rows),
            Target::Job(job) => job.faces(item, rows).map(|()| true),
        }
    }

    fn done(&mut self, item: &Item, finding: Finding) -> Result<()> {
        self.n_in_folder += u64::from(!item.is_named);
        let mut is_known = matches!(finding, Finding::Known(_));
        let facts = match (&mut self.target, finding) {
            (Target::Job(job), finding) => {
                let row = job.item(item, finding)?;
                if row.duplicate_of.is_some() {
                    self.tally.add_copy();
                    // As the job counts it.
                    is_known = false;
                }
                row.facts
            }
            (Target::Stream(..), Finding::New(facts) | Finding::Known(facts)) => *facts,
            // Nobody is told of copies who did not ask.
            (Target::Stream(..), Finding::Copy(_)) => return Ok(()),
        };
        self.tally.add_known(u64::from(is_known));
        self.tally.add(&facts);
        self.progress.item_done(&self.tally);
        if let Some(fault) = &facts.fault {
            self.complain(item, fault);
        }
        Ok(())
    }

    fn bad(&mut self, item: &Item, fault: Fault) -> Result<()> {
        let facts = regard_library::Facts {
            fault: Some(fault),
            ..regard_library::Facts::default()
        };
        self.done(item, Finding::New(Box::new(facts)))
    }

    fn complain(&self, item: &Item, fault: &Fault) {
        self.progress
            .say(&format!("error: {}: {fault}", shown(&item.path)));
    }

    /// Writes the tables of a job, and says what was done.
    fn finish(self, plan: &Plan) -> Result<ExitCode> {
        let Self {
            tally,
            progress,
            target,
            ..
        } = self;
        if let Target::Job(job) = target {
            if tally.is_anything_done() {
                job.finish(plan)?;
            } else {
                job.give_up()?;
            }
        }
        let n_bad = tally.n_bad();
        let is_anything_done = tally.is_anything_done();
        progress.finish(&tally);
        Ok(match (is_anything_done, n_bad) {
            (false, _) => ExitCode::from(exit::NOTHING_DONE),
            (true, 0) => ExitCode::SUCCESS,
            (true, _) => ExitCode::from(exit::SOME_BAD),
        })
    }
}
