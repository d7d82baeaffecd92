//! `regard redact`: everyone who did not agree is covered.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rand::SeedableRng;
use rand::rngs::StdRng;
use regard_identity::{MatchScale, TargetRate};
use regard_inference::{LibrarySearch, RuntimeChoice, select};
use regard_library::{Bounds, Keeper, RedactOptions, RedactStep, Redacted, Redactor};
use regard_vision::{PhotoFormat, VideoKind, VideoOptions, film_name, read_photo};
use serde::Serialize;

use crate::args::{ListFormat, RedactArgs};
use crate::exit;
use crate::media_files::{Found, MediaFile, MediaKind, media_files};
use crate::models;
use crate::person_search::{PersonSearch, SiteKeeper};
use crate::printable::{on_one_line, shown, source_text};
use crate::run::random_key;
use crate::speech::complain;
use crate::whole_file::{beside_as_it_ends, make_folder_of, write_whole};

/// A photograph or video that was covered.
#[derive(Serialize)]
struct Line {
    source: String,
    output: String,
    kind: &'static str,
    frames: u64,
    covered: u64,
    kept: u64,
    found_again: u64,
    damaged_frames: u64,
}

/// Covers everyone in the inputs who did not agree, into a folder.
pub(crate) fn redact(args: &RedactArgs) -> Result<ExitCode> {
    let mut keeper = keeper(args)?;
    fs::create_dir_all(&args.output)
        .with_context(|| format!("the folder {}", shown(&args.output)))?;
    ensure_apart(args)?;
    let catalog = Arc::new(models::catalog()?);
    let runtime = select(RuntimeChoice::Auto, &LibrarySearch::system())?.runtime;
    let n_cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let options = RedactOptions {
        style: args.style.into(),
        margin: args.margin,
        mute: args.mute,
        video: VideoOptions {
            mjpeg_fps: args.mjpeg_fps,
            ..VideoOptions::default()
        },
        threads_per_run: n_cores,
    };
    let rng = StdRng::from_seed(random_key()?);
    let mut redactor = Redactor::new(&runtime, &catalog, options, rng)?;
    redactor.warm_up().context("the network")?;
    let mut run = Run {
        lines: Vec::new(),
        written: HashSet::new(),
        n_bad: 0,
        bar: progress_bar(),
    };
    for found in media_files(&args.paths, Some(&args.output)) {
        match found {
            Found::File(file) => {
                let keeper = keeper.as_mut().map(|keeper| keeper as &mut dyn Keeper);
                match run.cover(&mut redactor, &file, &args.output, keeper) {
                    Ok(line) => run.tell(args.format, line)?,
                    Err(error) => run.bad(&file.path, &on_one_line(error.as_ref())),
                }
            }
            Found::Bad { path, reason } => run.bad(&path, &reason),
        }
    }
    run.bar.finish_and_clear();
    if args.format == ListFormat::Json {
        exit::print(&serde_json::to_string_pretty(&run.lines)?)?;
    }
    Ok(match (run.written.is_empty(), run.n_bad) {
        (true, _) => ExitCode::from(exit::NOTHING_DONE),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::from(exit::SOME_BAD),
    })
}

/// Whose face stays to be seen, if anybody's.
fn keeper(args: &RedactArgs) -> Result<Option<SiteKeeper>> {
    let (face, person) = (&args.keep_face_token, &args.keep_person_token_file);
    if face.is_none() && person.is_none() {
        return Ok(None);
    }
    let search = PersonSearch::begin(&args.remote, face.as_deref(), person.as_deref())?;
    let rate = TargetRate::new(args.keep_fmr).context("the rate is not from 1e-6 to 1e-3")?;
    let bounds = Bounds::for_faces(&MatchScale::built_in(), rate, 1);
    Ok(Some(SiteKeeper::new(search, bounds)))
}

/// Results in the folder of the originals would stand beside them under the same names.
fn ensure_apart(args: &RedactArgs) -> Result<()> {
    let id = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    };
    let output = id(&args.output);
    for input in &args.paths {
        let folder = if input.is_dir() {
            Some(input.as_path())
        } else {
            input.parent()
        };
        let folder = folder.map(|folder| {
            if folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                folder
            }
        });
        if folder.and_then(id) == output {
            bail!(
                "{} is where the originals are; name another folder, for they are never written over",
                shown(&args.output)
            );
        }
    }
    Ok(())
}

struct Run {
    /// What programs are told at the end.
    lines: Vec<Line>,
    /// Where results lie.
    written: HashSet<String>,
    n_bad: u64,
    bar: ProgressBar,
}

impl Run {
    fn bad(&mut self, path: &Path, reason: &str) {
        self.n_bad += 1;
        self.bar
            .suspend(|| complain(format_args!("error: {}: {reason}", shown(path))));
    }

    fn tell(&mut self, format: ListFormat, line: Line) -> Result<()> {
        self.written.insert(line.output.clone());
        match format {
            ListFormat::Text => {
                self.bar.suspend(|| exit::print(&text(&line)))?;
            }
            ListFormat::Json => self.lines.push(line),
        }
        Ok(())
    }

    fn cover(
        &mut self,
        redactor: &mut Redactor,
        file: &MediaFile,
        folder: &Path,
        keeper: Option<&mut dyn Keeper>,
    ) -> Result<Line> {
        let output = folder.join(match file.kind {
            MediaKind::Photo(PhotoFormat::Ico) => file.below.with_extension("png"),
            MediaKind::Photo(_) => file.below.clone(),
            MediaKind::Video(kind) => film_name(&file.below, kind),
        });
        let text = source_text(&output);
        ensure!(
            !self.written.contains(&text),
            "{} was written for another file in this run; cover the two one after the other, into two folders",
            shown(&output)
        );
        let done = match file.kind {
            MediaKind::Photo(_) => photo(redactor, &file.path, &output, keeper)?,
            MediaKind::Video(kind) => self.video(redactor, (&file.path, kind), &output, keeper)?,
        };
        Ok(Line {
            source: source_text(&file.path),
            output: text,
            kind: match file.kind {
                MediaKind::Photo(_) => "photograph",
                MediaKind::Video(_) => "video",
            },
            frames: done.n_frames,
            covered: done.n_covered,
            kept: done.n_kept,
            found_again: done.n_found_again,
            damaged_frames: done.n_damaged,
        })
    }

    fn video(
        &mut self,
        redactor: &mut Redactor,
        (path, kind): (&Path, VideoKind),
        output: &Path,
        keeper: Option<&mut dyn Keeper>,
    ) -> Result<Redacted> {
        let cannot = || format!("{} cannot be written", shown(output));
        make_folder_of(output)?;
        let made = beside_as_it_ends(output).with_context(cannot)?;
        self.bar.set_position(0);
        self.bar.set_message(shown(path));
        let bar = self.bar.clone();
        let mut step = |step: RedactStep| match step {
            RedactStep::Searched => bar.inc_length(1),
            RedactStep::Written => bar.inc(1),
        };
        self.bar.set_length(0);
        let (done, broken) = redactor.video((path, kind), &made, keeper, &mut step)?;
        made.persist(output).with_context(cannot)?;
        if let Some(error) = broken {
            let reason = format!("{}; the result ends there", on_one_line(&error));
            self.bad(path, &reason);
        }
        if done.n_damaged > 0 {
            let reason = format!("{} damaged frames are left out", done.n_damaged);
            self.bad(path, &reason);
        }
        Ok(done)
    }
}

fn photo(
    redactor: &mut Redactor,
    path: &Path,
    output: &Path,
    keeper: Option<&mut dyn Keeper>,
) -> Result<Redacted> {
    let bytes = read_photo(path)?;
    let (covered, done) = redactor.photo(&bytes, keeper)?;
    write_whole(output, covered)?;
    Ok(done)
}

fn text(line: &Line) -> String {
    let people = |n: u64| if n == 1 { "person" } else { "people" };
    let mut text = format!(
        "{}: {} {} covered",
        shown(&PathBuf::from(&line.output)),
        line.covered,
        people(line.covered)
    );
    if line.kept > 0 {
        text.push_str(&format!(", {} kept", line.kept));
    }
    if line.frames > 1 {
        text.push_str(&format!(", {} frames", line.frames));
    }
    text
}

/// Frames of the video at hand; nothing where nobody watches.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg} {pos}/{len} frames written");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
