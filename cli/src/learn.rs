//! `regard learn`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Context, Result, bail};
use regard_domain::wilson;
use regard_inference::{CatalogError, LibrarySearch, Runtime, RuntimeChoice, select};
use regard_library::{
    CollectedExamples, DEFAULT_NETWORK, DESCRIPTOR, Findings, HeadKind, Input, LearnSettings,
    LearnedModel, Machinery, NetworkChoice, NetworkError, NetworkFile, Progress, Promise,
    SourceOptions, learn as teach, needed_in_words, obstacles, report_page, thumbnail,
};
use regard_vision::Photo;

use crate::args::LearnArgs;
use crate::exit;
use crate::models;
use crate::printable::shown;
use crate::speech::complain;
use crate::whole_file::write_whole;

/// Between two lines about how far it is.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Classes that are named in the summary as the worst.
const N_WORST: usize = 3;

/// Learns classes from folders of photographs.
pub(crate) fn learn(args: &LearnArgs) -> Result<ExitCode> {
    if !(0.5..1.0).contains(&args.target) {
        bail!("--target is a share of right answers, 0.5 up to but not 1");
    }
    let inputs = args.sources.iter().map(|typed| Input::parse(typed));
    let inputs = inputs.collect::<Result<Vec<Input>, _>>()?;
    let mut examples = CollectedExamples::open(inputs, SourceOptions::default())?;
    let catalog = models::catalog()?;
    let network = network(args, &catalog)?;
    let runtime = runtime()?;
    let settings = LearnSettings {
        error: args.error,
        promise: if args.per_class {
            Promise::EachClass
        } else {
            Promise::Overall
        },
        target: args.target,
        seed: args.seed,
        n_workers: n_workers(args.workers),
        spool: args.spool.clone().unwrap_or_else(env::temp_dir),
    };
    let machinery = Machinery {
        runtime: &runtime,
        catalog: &catalog,
        network: &network,
    };
    let mut teller = Teller::new();
    let (model, findings) = teach(&mut examples, &machinery, &settings, &mut |progress| {
        teller.tell(progress);
    })?;
    for (name, reason) in &findings.unread {
        complain(format_args!("error: {}: {reason}", shown(Path::new(name))));
    }
    model
        .save(&args.output)
        .with_context(|| format!("{} could not be written", shown(&args.output)))?;
    if let Some(report) = &args.report {
        let sources = args.sources.iter().map(|typed| shown(Path::new(typed)));
        let sources = sources.collect::<Vec<_>>().join(" ");
        let title = format!("What was learned from {sources}");
        let mut picture = |name: &str| {
            let photo = args.pictures.then(|| Photo::open(Path::new(name)).ok())??;
            thumbnail(&photo)
        };
        write_whole(report, report_page(&findings, &title, &mut picture))?;
    }
    let printed = exit::print(&summary(&findings, &model, args))?;
    Ok(if findings.n_unread == 0 {
        printed
    } else {
        ExitCode::from(exit::SOME_BAD)
    })
}

/// One a core where nobody says.
pub(crate) fn n_workers(asked: Option<NonZeroUsize>) -> usize {
    let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
    asked.map_or_else(cores, NonZeroUsize::get)
}

/// What runs networks.
pub(crate) fn runtime() -> Result<Arc<dyn Runtime>> {
    Ok(select(RuntimeChoice::Auto, &LibrarySearch::system())?.runtime)
}

fn network(args: &LearnArgs, catalog: &regard_inference::Catalog) -> Result<NetworkFile> {
    let named = args.network.network.as_deref();
    let choice = match (named, &args.manifest) {
        (Some(network), Some(manifest)) => NetworkChoice::Own {
            network: PathBuf::from(network),
            manifest: manifest.clone(),
        },
        (Some(DESCRIPTOR), None) => NetworkChoice::Descriptor,
        (Some(id), None) => NetworkChoice::Catalogue(id.to_owned()),
        (None, _) => NetworkChoice::Catalogue(DEFAULT_NETWORK.to_owned()),
    };
    NetworkFile::open(&choice, catalog).map_err(|error| {
        let is_missing = matches!(error, NetworkError::Catalogue(CatalogError::NotObtained { .. }));
        let is_file = named.is_some_and(|name| Path::new(name).exists());
        let error = anyhow::Error::new(error);
        if is_missing {
            error.context(format!(
                "no network to see with: bring it (regard models pull {DEFAULT_NETWORK} --from MIRROR --to FOLDER, then set \
                 REGARD_MODELS=FOLDER), name an ONNX file of your own (--network FILE --manifest FILE), or for things that differ in \
                 shape and colour take --network {DESCRIPTOR}"
            ))
        } else if is_file && args.manifest.is_none() {
            error.context("a network of your own needs --manifest, which says its licence and its input")
        } else {
            error
        }
    })
}

/// Says how far it is, now and then.
struct Teller {
    last: Instant,
}

impl Teller {
    fn new() -> Self {
        Self {
            last: Instant::now(),
        }
    }

    fn tell(&mut self, progress: Progress) {
        match progress {
            Progress::Embedded(n) => {
                if self.last.elapsed() >= LINE_EVERY {
                    self.last = Instant::now();
                    complain(format_args!("{n} photographs embedded"));
                }
            }
            Progress::Teaching => complain("teaching"),
            Progress::Curve => complain("counting errors for the learning curve"),
        }
    }
}

fn percent(share: f64) -> String {
    let value = 100.0 * share;
    let text = if value >= 10.0 || value == 0.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    };
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// What was learned, in lines for people.
fn summary(f: &Findings, model: &LearnedModel, args: &LearnArgs) -> String {
    let n: usize = f.n_of_class.iter().sum();
    let t = &f.tested;
    let kind = match f.kind() {
        HeadKind::Prototypes => "the mean of each class".to_owned(),
        HeadKind::Logistic(penalty) => format!("logistic regression, penalty {penalty:e}"),
    };
    let (low, high) = wilson(t.n_wrong as u64, t.n as u64);
    let share = |count: usize| percent(count as f64 / t.n.max(1) as f64);
    let mut lines = vec![
        format!("{} classes from {n} photographs", f.classes.len()),
        format!("  network   {}, {} values", f.network.0, f.network.1),
        format!(
            "  head      {kind}; {} taught, {} calibrate, {} tested",
            f.n_taught, f.n_calibrating, t.n
        ),
        format!(
            "  error     {} of those tested are taken for another class ({} to {})",
            share(t.n_wrong),
            percent(low),
            percent(high)
        ),
        format!(
            "  promise   sets miss the true class at most {} of the time; {} of the tested did",
            percent(f.error),
            share(t.n_missed)
        ),
        format!(
            "  decides   {} of the tested, {} of {} wrongly; abstains on {}",
            share(t.n_decided),
            t.n_decided_wrong,
            t.n_decided,
            share(t.n - t.n_decided)
        ),
        format!(
            "  sureness  calibration error {:.3} (temperature {:.3})",
            t.calibration_error,
            model.note().temperature
        ),
        format!(
            "  more      {}",
            needed_in_words(&f.curve.needed, f.curve.target)
        ),
    ];
    let mut worst: Vec<usize> = (0..f.classes.len()).collect();
    worst.retain(|class| t.of_class[*class].n_wrong > 0);
    worst.sort_by_key(|class| {
        let own = &t.of_class[*class];
        std::cmp::Reverse(own.n_wrong * 1_000_000 / own.n.max(1))
    });
    let named: Vec<String> = worst
        .iter()
        .take(N_WORST)
        .map(|class| {
            let own = &t.of_class[*class];
            format!("{} ({} of {})", f.classes[*class], own.n_wrong, own.n)
        })
        .collect();
    if !named.is_empty() {
        lines.push(format!("  worst     {}", named.join(", ")));
    }
    if f.n_doubts > 0 {
        let first = f
            .doubts
            .first()
            .map(|d| shown(Path::new(&d.name)))
            .unwrap_or_default();
        lines.push(format!(
            "  doubts    {} photographs, the first: {first}",
            f.n_doubts
        ));
    }
    let notes = obstacles(f).into_iter();
    lines.extend(notes.map(|text| format!("  note      {text}")));
    lines.push(format!("wrote {}", shown(&args.output)));
    if let Some(report) = &args.report {
        lines.push(format!("wrote {}", shown(report)));
    }
    lines.join("\n")
}
