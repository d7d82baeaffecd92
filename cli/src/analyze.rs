//! `regard analyze`.

mod drawing;
mod examiner;
mod media;
mod output;
mod pool;
mod progress;
mod record;
pub(crate) mod tracks;
mod walk;

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result};
use regard_inference::{LibrarySearch, RuntimeChoice, select};
use regard_vision::VideoOptions;

use self::drawing::Drawings;
use self::examiner::{Examiner, Setting};
use self::output::Output;
use self::pool::{Event, examine_all};

use self::progress::{Progress, Tally};
use self::walk::{FileId, Found, Walk};
use crate::args::AnalyzeArgs;
use crate::exit;
use crate::models;
use crate::printable::shown;

/// Finds the faces of all inputs and writes a record for each.
pub(crate) fn analyze(args: &AnalyzeArgs) -> Result<ExitCode> {
    let n_workers = n_workers(args);
    let setting = setting(args, n_workers)?;
    let mut examiners = (0..n_workers)
        .map(|_| Examiner::new(&setting))
        .collect::<Result<Vec<_>>>()?;
    if let Some(first) = examiners.first_mut() {
        first.warm_up().context("the networks")?;
    }
    let (mut output, mut is_read) = Output::open(args.output.as_deref(), args.format)?;
    let left_out = args.draw.as_deref().and_then(FileId::at);
    let walk = || Walk::new(args.paths.clone(), left_out);
    let mut run = Run {
        tally: Tally::default(),
        progress: Progress::start(),
        n_in_folder: 0,
    };
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        if Progress::is_watched() {
            let bar = run.progress.bar();
            let (is_over, walk) = (&is_over, walk());
            scope.spawn(move || {
                for found in walk.take_while(|_| !is_over.load(Ordering::Relaxed)) {
                    bar.inc_length(u64::from(matches!(found, Found::File(_))));
                }
            });
        }
        let result = if is_read {
            examine_all(walk(), examiners, &setting, |event| {
                is_read = run.take(event, &mut output)?;
                Ok(is_read)
            })
        } else {
            Ok(())
        };
        is_over.store(true, Ordering::Relaxed);
        result
    })?;
    if !is_read {
        // Whoever read has had enough, as `head` has: no reason to say anything.
        return Ok(ExitCode::SUCCESS);
    }
    let Run {
        tally, progress, ..
    } = run;
    if tally.is_anything_done() {
        output.finish()?;
    }
    progress.finish(&tally);
    Ok(match (tally.is_anything_done(), tally.n_bad) {
        (false, _) => ExitCode::from(exit::NOTHING_DONE),
        (true, 0) => ExitCode::SUCCESS,
        (true, _) => ExitCode::from(exit::SOME_BAD),
    })
}

/// One a core, but not more than there are files, where that is known.
fn n_workers(args: &AnalyzeArgs) -> usize {
    let n_wanted = args.workers.map_or_else(n_cores, NonZeroUsize::get);
    if args.paths.iter().any(|path| path.is_dir()) {
        n_wanted
    } else {
        n_wanted.min(args.paths.len())
    }
}

fn n_cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

fn setting(args: &AnalyzeArgs, n_workers: usize) -> Result<Setting> {
    let catalog = models::catalog()?;
    let selection = select(RuntimeChoice::Auto, &LibrarySearch::system())?;
    tracing::info!(
        runtime = selection.runtime.description(),
        n_workers,
        "analyzing"
    );
    let n_threads = args.workers.map_or_else(n_cores, NonZeroUsize::get);
    Ok(Setting {
        runtime: selection.runtime,
        catalog: Arc::new(catalog),
        // A single video cannot be shared out, but the work on each of its frames can.
        threads_per_run: (n_threads / n_workers).max(1),
        every_secs: args.every,
        video: VideoOptions {
            mjpeg_fps: args.mjpeg_fps,
        },
        drawings: args
            .draw
            .as_deref()
            .map(|dir| Drawings::new(dir, &args.paths))
            .transpose()?,
    })
}

/// What is counted and said on the way.
struct Run {
    tally: Tally,
    progress: Progress,
    /// Sources of the folder at hand that were pictures or videos, good or bad.
    n_in_folder: u64,
}

impl Run {
    /// Takes an event; `false` when nobody reads any more.
    fn take(&mut self, event: Event, output: &mut Output) -> Result<bool> {
        match event {
            Event::Records(records) => {
                self.progress.pictures(records.len());
                return output.write(&records);
            }
            // Only so that a worker notices when nobody reads.
            Event::PassedOver => {}
            Event::Done { file, outcome } => {
                self.tally.add(&outcome);
                self.progress.source_done();
                let is_something = outcome.kind.is_some() || outcome.problem.is_some();
                self.n_in_folder += u64::from(is_something && !file.is_named);
                if let Some(problem) = &outcome.problem {
                    self.complain(&shown(&file.path), problem);
                }
            }
            Event::Bad {
                path,
                reason,
                is_named,
            } => {
                self.n_in_folder += u64::from(!is_named);
                self.complain(&shown(&path), &reason);
            }
            Event::EndOfFolder { path } => {
                if self.n_in_folder == 0 {
                    self.complain(&shown(&path), "no picture or video in this folder");
                }
                self.n_in_folder = 0;
            }
        }
        Ok(true)
    }

    fn complain(&mut self, path: &str, reason: &str) {
        self.tally.n_bad += 1;
        self.progress.say(&format!("error: {path}: {reason}"));
    }
}
