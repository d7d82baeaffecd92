//! What a command line asks for, read before anything is opened.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use regard_library::{
    DEFAULT_MAX_ITEM_BYTES, Input, Limits, SampleRule, SampleSize, SourceOptions, Sources,
};

use super::cache::files_of;
use super::output::exists_and_is_special;
use super::tables;
use crate::args::{AnalyzeArgs, TableFormat};
use crate::printable::shown;

/// What is to be done.
pub(super) struct Plan {
    pub(super) sources: Sources,
    pub(super) format: TableFormat,
    /// Whether it goes to files, and so can be gone on with.
    pub(super) is_job: bool,
    /// The tables of a job.
    pub(super) tables: Vec<tables::Plan>,
    pub(super) report: Option<PathBuf>,
    sample: Option<(SampleSize, u64)>,
}

impl Plan {
    pub(super) fn new(args: &AnalyzeArgs) -> Result<Self> {
        let typed = args.paths.iter().map(|typed| Input::parse(typed));
        let lists = args.list.iter().cloned().map(|list| Ok(Input::List(list)));
        let inputs = typed.chain(lists).collect::<Result<Vec<Input>, _>>()?;
        let output = args.output.as_deref();
        let format = args.format.or_else(|| output.and_then(TableFormat::of));
        let format = format.unwrap_or(TableFormat::Ndjson);
        let is_job = output.is_some_and(|output| !exists_and_is_special(output));
        if !is_job && (args.items.is_some() || args.report.is_some()) {
            bail!("--items and --report need a file to write to beside; name one with -o FILE");
        }
        let tables = match output {
            Some(output) if is_job => tables::plan(output, format, args.items.as_deref()),
            Some(_) | None => Vec::new(),
        };
        let mut written: Vec<&Path> = tables.iter().map(|plan| plan.path.as_path()).collect();
        written.extend(args.report.as_deref());
        written.extend(args.cache.as_deref());
        for (i, path) in written.iter().enumerate() {
            if written[..i].contains(path) {
                bail!(
                    "{}: two things to be written cannot be one file",
                    shown(path)
                );
            }
        }
        let log = output.filter(|_| is_job).map(log_of);
        let options = SourceOptions {
            limits: limits(args),
            left_out: args.draw.clone(),
            spool: log.as_deref().map(spool_of),
            // What is being written may lie in a folder that is read, and is no picture.
            ours: log
                .iter()
                .flat_map(|log| [log.clone(), spool_of(log)])
                .chain(args.cache.iter().flat_map(|path| files_of(path)))
                .collect(),
        };
        Ok(Self {
            sources: Sources::new(inputs, options),
            format,
            is_job,
            tables,
            report: args.report.clone(),
            sample: args.sample.map(|size| (size, args.seed)),
        })
    }

    /// Which items are taken; nothing where all are.
    pub(super) fn sample_rule(&self) -> Result<Option<SampleRule>> {
        let Some((size, seed)) = self.sample else {
            return Ok(None);
        };
        Ok(Some(SampleRule::new(size, seed, &self.sources)?))
    }
}

fn limits(args: &AnalyzeArgs) -> Limits {
    let megabytes = |n: u64| n.saturating_mul(1_000_000);
    Limits {
        max_item_bytes: args
            .max_item
            .map_or(DEFAULT_MAX_ITEM_BYTES, |n| megabytes(n.get())),
        max_ratio: args.max_ratio.get(),
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

/// The log of the job that ends in that file.
pub(super) fn log_of(output: &Path) -> PathBuf {
    with_ending(output, ".job")
}

/// Where films out of archives lie while they are looked at.
pub(super) fn spool_of(log: &Path) -> PathBuf {
    with_ending(log, "-files")
}
