//! `regard classify`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use regard_inference::{Catalog, Runtime};
use regard_library::{
    Classified, Content, DriftVerdict, Embedder, Fault, GREATEST_ERROR, Impression, Input, Item,
    LEAST_ERROR, LearnedModel, Limits, NetworkFile, SourceOptions, Sources, in_drawn_order,
    in_order,
};
use regard_server::{Classifier, ClassifierAnswer, ClassifyError, NamedClassifier};
use regard_vision::{Photo, PhotoError};
use serde::Serialize;
use serde_json::json;
use tempfile::TempPath;

use crate::args::{ClassifyArgs, RecordFormat};
use crate::config::Site;
use crate::exit;
use crate::learn::{n_workers, runtime};
use crate::models;
use crate::printable::{on_one_line, shown, source_text};
use crate::remote::{Asker, Remote};
use crate::speech::complain;
use crate::whole_file::{appear, beside};

/// Most photographs of one drift check: it keeps twelve bytes of each, and looks through them at every step.
const MAX_WATCHED: usize = 200_000;

/// One photograph as programs read it.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    #[serde(flatten)]
    classified: &'a Classified,
}

/// What a photograph is; nothing where something is none.
type Seen = Result<Option<(Classified, Impression)>, String>;

/// Says of photographs what they show, or that it cannot tell.
pub(crate) fn classify(args: &ClassifyArgs) -> Result<ExitCode> {
    if let Some(error) = args.error {
        ensure!(
            (LEAST_ERROR..=GREATEST_ERROR).contains(&error),
            "--error is {LEAST_ERROR} to {GREATEST_ERROR}"
        );
    }
    ensure!(
        args.false_alarm > 0.0 && args.false_alarm < 0.5,
        "--false-alarm is above 0 and below 0.5"
    );
    let model = open(&args.model)?;
    warn(&model, args.error);
    let catalog = models::catalog()?;
    let runtime = runtime()?;
    let file = network_of(&model, args.network.as_deref(), &catalog)?;
    let mut embedders = (0..n_workers(args.workers))
        .map(|_| Ok(file.embedder(&runtime)?))
        .collect::<Result<Vec<_>>>()?;
    let sources = sources(&args.sources)?;
    if let Some(fact) = &args.fact {
        return tell(args, fact, &model, &mut embedders, &sources);
    }
    let mut output = Output::open(args)?;
    let mut impressions = Vec::new();
    let (mut n_good, mut n_bad, mut is_read) = (0_u64, 0_u64, true);
    let look = |embedder: &mut Embedder, item: &Item, content| {
        seen((item, content), &model, embedder, args.error)
    };
    in_order(&sources, &mut embedders, look, |item, done| {
        match told(done) {
            Ok(Some((classified, impression))) => {
                n_good += 1;
                if args.check_drift && impressions.len() < MAX_WATCHED {
                    impressions.push(impression);
                }
                is_read = output.write(&item.path, &classified)?;
            }
            Ok(None) => {}
            Err(reason) => {
                n_bad += 1;
                complain(format_args!("error: {}: {reason}", shown(&item.path)));
            }
        }
        anyhow::Ok(is_read)
    })?;
    if !is_read {
        return Ok(ExitCode::SUCCESS);
    }
    if n_good == 0 {
        complain("error: no photograph could be classified");
        return Ok(ExitCode::from(exit::NOTHING_DONE));
    }
    output.finish()?;
    let has_drifted = args.check_drift && drifted(&model, args, impressions);
    Ok(if n_bad > 0 || has_drifted {
        ExitCode::from(exit::SOME_BAD)
    } else {
        ExitCode::SUCCESS
    })
}

/// A model, read.
pub(crate) fn open(path: &Path) -> Result<LearnedModel> {
    LearnedModel::open(path).with_context(|| format!("the model {}", shown(path)))
}

fn warn(model: &LearnedModel, error: Option<f64>) {
    let note = model.note();
    let error = error.unwrap_or(note.error);
    let least = model.least_error(note.promise);
    if least > error + 1e-12 {
        complain(format_args!(
            "warning: {} photographs calibrate the model, too few for an error of {error}: it will decide nothing; \
             --error {:.4} can be had, or more photographs",
            note.n_calibrating,
            // Rounded up, so that what is said can be had.
            (least * 1e4).ceil() / 1e4
        ));
    }
}

/// The network that a model was learned with.
pub(crate) fn network_of(
    model: &LearnedModel,
    brought: Option<&Path>,
    catalog: &Catalog,
) -> Result<NetworkFile> {
    let note = &model.note().network;
    NetworkFile::of_model(note, brought, catalog).with_context(|| {
        let name = &note.name;
        if note.is_brought(catalog) {
            format!("the model was learned with the network {name:?} of yours: name its file with --network")
        } else {
            format!("the network {name:?}: bring it with regard models pull {name}, and set REGARD_MODELS to its folder")
        }
    })
}

/// What was typed, and what lies in it.
fn sources(typed: &[OsString]) -> Result<Sources> {
    let inputs = typed.iter().map(|typed| Input::parse(typed));
    let inputs = inputs.collect::<Result<Vec<Input>, _>>()?;
    Ok(Sources::new(inputs, SourceOptions::default()))
}

/// What a photograph shows; nothing where something is none that nobody named.
fn seen(
    (item, content): (&Item, Content),
    model: &LearnedModel,
    embedder: &mut Embedder,
    error: Option<f64>,
) -> Seen {
    let bytes = content.photo_bytes(Limits::default());
    let Some(bytes) = bytes.map_err(|fault| fault.reason)? else {
        return if item.is_named {
            Err("not an image".to_owned())
        } else {
            Ok(None)
        };
    };
    let photo = Photo::from_bytes(bytes.as_slice()).map_err(|error| on_one_line(&error))?;
    let embedding = embedder
        .embed(photo.view())
        .map_err(|error| on_one_line(&error))?;
    let classified = model.classify(&embedding, error);
    classified.map(Some).map_err(|error| error.to_string())
}

/// What came of something, or was wrong with it.
fn told(done: Result<Seen, Fault>) -> Seen {
    done.unwrap_or_else(|fault| Err(fault.reason))
}

/// Lines for people and programs, on standard output or in a file that appears when all is done.
struct Output {
    writer: Box<dyn Write>,
    format: RecordFormat,
    file: Option<(TempPath, PathBuf)>,
}

impl Output {
    fn open(args: &ClassifyArgs) -> Result<Self> {
        let (writer, file): (Box<dyn Write>, _) = match &args.output {
            Some(path) => {
                let (made, temporary) = beside(path).with_context(|| shown(path))?;
                let file = (temporary, path.clone());
                (Box::new(io::BufWriter::new(made)), Some(file))
            }
            None => (Box::new(io::stdout().lock()), None),
        };
        let mut output = Self {
            writer,
            format: args.format,
            file,
        };
        if args.format == RecordFormat::Csv {
            output.line("file,decision,abstained,set,error,likeliest,probability,distance")?;
        }
        Ok(output)
    }

    /// Whether anybody still reads.
    fn line(&mut self, text: &str) -> Result<bool> {
        match writeln!(self.writer, "{text}") {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(error).context("the output cannot be written"),
        }
    }

    fn write(&mut self, path: &Path, classified: &Classified) -> Result<bool> {
        let file = source_text(path);
        let text = match self.format {
            RecordFormat::Ndjson => serde_json::to_string(&Line {
                file: &file,
                classified,
            })?,
            RecordFormat::Csv => csv_line(&file, classified)?,
        };
        self.line(&text)
    }

    fn finish(mut self) -> Result<()> {
        match self.writer.flush() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                return Err(error).context("the output cannot be written");
            }
            Ok(()) | Err(_) => {}
        }
        match self.file {
            Some((temporary, path)) => appear(temporary, &path).with_context(|| shown(&path)),
            None => Ok(()),
        }
    }
}

fn csv_line(file: &str, c: &Classified) -> Result<String> {
    let abstained = c.abstained.map_or("", |why| why.as_str());
    let (likeliest, probability) = c.probabilities.first().cloned().unwrap_or_default();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        file,
        c.decision.as_deref().unwrap_or_default(),
        abstained,
        &c.set.join(";"),
        &c.error.to_string(),
        &likeliest,
        &format!("{probability:.6}"),
        &format!("{:.4}", c.distance),
    ])?;
    let bytes = writer.into_inner().context("a line of the table")?;
    Ok(String::from_utf8(bytes)?.trim_end().to_owned())
}

/// Whether the photographs come from elsewhere than those that calibrated; says so on standard error.
fn drifted(model: &LearnedModel, args: &ClassifyArgs, mut impressions: Vec<Impression>) -> bool {
    let is_cut = impressions.len() == MAX_WATCHED;
    in_drawn_order(&mut impressions, model.note().seed);
    let mut watch = model.drift_watch(args.false_alarm);
    for impression in &impressions {
        watch.see(impression);
    }
    let DriftVerdict {
        n_seen,
        greatest_evidence,
        first_alarm,
        ..
    } = watch.verdict();
    let of = if is_cut { "the first " } else { "" };
    match first_alarm {
        Some(at) => complain(format_args!(
            "drift: {of}{n_seen} photographs are not like those that calibrated (evidence {greatest_evidence:.3e}, seen after {at}; \
             false alarms at most {}): the promise does not hold here; learn with some of these, or find out what changed",
            args.false_alarm
        )),
        None => complain(format_args!(
            "no drift found in {of}{n_seen} photographs (evidence {greatest_evidence:.2}, alarm from {:.0})",
            1.0 / args.false_alarm
        )),
    }
    first_alarm.is_some()
}

/// Tells an installation what one photograph shows.
fn tell(
    args: &ClassifyArgs,
    fact: &str,
    model: &LearnedModel,
    embedders: &mut [Embedder],
    sources: &Sources,
) -> Result<ExitCode> {
    let (mut first, mut n) = (None, 0_u64);
    let look = |embedder: &mut Embedder, item: &Item, content| {
        seen((item, content), model, embedder, args.error)
    };
    in_order(sources, embedders, look, |item, done| {
        match told(done) {
            Ok(None) => return Ok(true),
            Ok(Some((classified, _))) => {
                first.get_or_insert((item.source(), classified));
            }
            Err(reason) => bail!("{}: {reason}", shown(&item.path)),
        }
        n += 1;
        Ok(n < 2)
    })?;
    let (Some((file, classified)), 1) = (first, n) else {
        let named = if n == 0 { "none is" } else { "more are" };
        bail!("--fact tells of one photograph, and {named} named");
    };
    let remote = Remote::new(&args.remote)?;
    match &classified.decision {
        Some(class) => {
            let body = json!({ fact: {"value": class, "ttl_secs": args.ttl} });
            remote.send(Asker::Site, ("PUT", "/v1/facts"), &body)?;
        }
        None => {
            let gone = remote.ask(
                Asker::Site,
                ("DELETE", &format!("/v1/facts/{fact}")),
                ("", Vec::new()),
            );
            // One that was not there is as gone as it can be.
            if let Err(error) = gone
                && !error.to_string().contains("no_such_fact")
            {
                return Err(error);
            }
        }
    }
    let line = Line {
        file: &file,
        classified: &classified,
    };
    exit::print(&serde_json::to_string(&line)?)
}

/// Embedders that wait in a server. Each costs the memory of a network; more than this many pictures at a time wait.
const N_IN_SERVER: usize = 2;

/// A learned model in a server.
pub(crate) struct ModelClassifier {
    model: LearnedModel,
    error: Option<f64>,
    embedders: Vec<Mutex<Embedder>>,
}

impl ModelClassifier {
    /// Reads model and network.
    pub(crate) fn open(
        path: &Path,
        network: Option<&Path>,
        error: Option<f64>,
        catalog: &Catalog,
        runtime: &Arc<dyn Runtime>,
    ) -> Result<Self> {
        let model = open(path)?;
        let file = network_of(&model, network, catalog)?;
        let embedders = (0..N_IN_SERVER)
            .map(|_| Ok(Mutex::new(file.embedder(runtime)?)))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            model,
            error,
            embedders,
        })
    }
}

/// The classifiers that a configuration names, read before anything is shut off from the program.
pub(crate) fn of_site(site: &Site) -> Result<Vec<NamedClassifier>> {
    let named = site.classifiers();
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let (catalog, runtime) = (models::catalog()?, runtime()?);
    named
        .into_iter()
        .map(|files| {
            let network = files.network.as_deref();
            let error = files.error;
            if error.is_some_and(|error| !(LEAST_ERROR..=GREATEST_ERROR).contains(&error)) {
                bail!(
                    "[[classifier]] {:?}: error is {LEAST_ERROR} to {GREATEST_ERROR}",
                    files.id
                );
            }
            let classifier =
                ModelClassifier::open(&files.model, network, error, &catalog, &runtime)
                    .with_context(|| format!("[[classifier]] {:?}", files.id))?;
            Ok(NamedClassifier {
                id: files.id,
                classifier: Arc::new(classifier),
            })
        })
        .collect()
}

impl Classifier for ModelClassifier {
    fn classify(&self, picture: &[u8]) -> Result<ClassifierAnswer, ClassifyError> {
        let photo = Photo::from_bytes(picture)
            .map_err(|error: PhotoError| ClassifyError::BadPicture(on_one_line(&error)))?;
        let failed = |error: &dyn std::error::Error| ClassifyError::Failed(on_one_line(error));
        let free = self.embedders.iter().find_map(|one| one.try_lock().ok());
        let mut embedder = free.unwrap_or_else(|| {
            // An embedder writes over all that an earlier picture left.
            self.embedders[0]
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        });
        let embedding = embedder
            .embed(photo.view())
            .map_err(|error| failed(&error))?;
        drop(embedder);
        let (said, _) = self
            .model
            .classify(&embedding, self.error)
            .map_err(|error| failed(&error))?;
        Ok(ClassifierAnswer {
            decision: said.decision,
            abstained: said.abstained.map(regard_library::Abstention::as_str),
            set: said.set,
            error: said.error,
            probabilities: said.probabilities,
        })
    }
}
