//! `regard find-me`: the photographs and videos of somebody who shows their token.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use regard_domain::BBox;
use regard_identity::{MatchScale, Similarity, TargetRate};
use regard_inference::{LibrarySearch, RuntimeChoice, select};
use regard_library::{Bounds, Likeness, Seeker, SeenVideo, WatchError, share_of_theirs};
use regard_vision::{Photo, PhotoFormat, VideoOptions, encode_photo, read_photo};
use serde::Serialize;

use crate::args::{FindMeArgs, RecordFormat};
use crate::exit;
use crate::media_files::{Found, MediaKind, media_files};
use crate::models;
use crate::person_search::{PersonSearch, SiteComparer};
use crate::printable::{on_one_line, shown, source_text};
use crate::speech::complain;

/// Largest file that is sent as it is, in bytes; larger ones are sent as JPEG.
const MAX_SENT_BYTES: usize = 12 << 20;

/// Where in a video somebody is seen, in seconds from its beginning.
#[derive(Clone, Copy, Default, Serialize)]
struct When {
    from_secs: Option<f64>,
    to_secs: Option<f64>,
    at_secs: Option<f64>,
}

/// A face of a photograph that is theirs, or may be, or a time of a video in which they are seen.
#[derive(Serialize)]
struct Row<'a> {
    source: &'a str,
    likeness: &'static str,
    probability: f64,
    similarity: f64,
    from_secs: Option<f64>,
    to_secs: Option<f64>,
    at_secs: Option<f64>,
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// The names of its columns.
const COLUMNS: [&str; 11] = [
    "source",
    "likeness",
    "probability",
    "similarity",
    "from_secs",
    "to_secs",
    "at_secs",
    "left",
    "top",
    "width",
    "height",
];

/// A face that may be theirs, until it is known how many were looked at. Of other faces the similarity alone is kept.
struct Near {
    bbox: BBox,
    similarity: Similarity,
}

/// What was seen in one source.
enum Seen {
    Photo(Vec<Near>),
    Video(SeenVideo),
}

#[derive(Default)]
struct Looked {
    sources: Vec<(String, Seen)>,
    similarities: Vec<Similarity>,
    n_faces: u64,
    n_videos: u64,
    n_bad: u64,
}

/// Looks through all photographs and videos, and says in which the person is.
pub(crate) fn find_me(args: &FindMeArgs) -> Result<ExitCode> {
    let search = PersonSearch::begin(
        &args.remote,
        args.face_token.as_deref(),
        args.person_token_file.as_deref(),
    )?;
    let scale = MatchScale::built_in();
    let target = TargetRate::new(args.fpir).context("the rate is not above 0 and at most 0.1")?;
    // Of one face alone the least is asked for: who is not near enough for that never is.
    let loosest = Bounds::for_faces(&scale, target, 1).maybe_from();
    let mut looked = Looked::default();
    let mut seeker = None;
    for found in media_files(&args.paths, None) {
        match found {
            Found::File(file) => match file.kind {
                MediaKind::Photo(_) => match to_send(&file.path) {
                    Ok(bytes) => {
                        looked.look(&search, (source_text(&file.path), &bytes), loosest)?;
                    }
                    Err(error) => looked.bad(&file.path, &format!("{error:#}")),
                },
                MediaKind::Video(_) => {
                    let seeker = match &mut seeker {
                        Some(seeker) => seeker,
                        None => seeker.insert(new_seeker(args)?),
                    };
                    looked.watch(seeker, &search, &file.path, loosest)?;
                }
            },
            Found::Bad { path, reason } => looked.bad(&path, &reason),
        }
    }
    drop(search);
    if looked.sources.is_empty() {
        return Ok(ExitCode::from(exit::NOTHING_DONE));
    }
    tell(args, &looked, &scale, target)?;
    Ok(if looked.n_bad > 0 {
        ExitCode::from(exit::SOME_BAD)
    } else {
        ExitCode::SUCCESS
    })
}

/// Whoever looks for faces in videos; they are compared elsewhere.
fn new_seeker(args: &FindMeArgs) -> Result<Seeker> {
    let runtime = select(RuntimeChoice::Auto, &LibrarySearch::system())?.runtime;
    let n_cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let options = VideoOptions {
        mjpeg_fps: args.mjpeg_fps,
        ..VideoOptions::default()
    };
    let catalog = Arc::new(models::catalog()?);
    Ok(Seeker::new(&runtime, &catalog, n_cores, options)?)
}

/// The bytes of a photograph as the installation takes them.
fn to_send(path: &Path) -> Result<Vec<u8>> {
    let bytes = read_photo(path)?;
    // Decoded here first, so that the bad ones are told with their reason, and not sent.
    let photo = Photo::from_bytes(&bytes)?;
    if bytes.len() <= MAX_SENT_BYTES {
        return Ok(bytes);
    }
    let smaller = encode_photo(photo.view(), PhotoFormat::Jpeg)?;
    anyhow::ensure!(
        smaller.len() <= MAX_SENT_BYTES,
        "larger than 12 MiB, also as JPEG; make it smaller"
    );
    Ok(smaller)
}

impl Looked {
    fn bad(&mut self, path: &Path, reason: &str) {
        self.n_bad += 1;
        complain(format_args!("error: {}: {reason}", shown(path)));
    }

    /// Has one photograph looked at: a group of a hundred takes a slow machine a while.
    fn look(
        &mut self,
        search: &PersonSearch,
        (source, bytes): (String, &[u8]),
        loosest: Similarity,
    ) -> Result<()> {
        let seen = search.look(&[bytes])?;
        let [faces] = &seen[..] else {
            anyhow::bail!("the installation answered {} of 1 photographs", seen.len());
        };
        let mut near = Vec::new();
        for face in faces {
            self.n_faces += 1;
            let Some(similarity) = face.similarity else {
                continue;
            };
            self.similarities.push(similarity);
            if similarity >= loosest {
                near.push(Near {
                    bbox: face.bbox,
                    similarity,
                });
            }
        }
        self.sources.push((source, Seen::Photo(near)));
        Ok(())
    }

    /// Has a video looked through: faces are found here, and crops of them compared where the key of the token is.
    fn watch(
        &mut self,
        seeker: &mut Seeker,
        search: &PersonSearch,
        path: &Path,
        loosest: Similarity,
    ) -> Result<()> {
        let bar = ProgressBar::new_spinner();
        bar.set_message(shown(path));
        let mut step = || bar.inc(1);
        let seen = seeker.video(path, &mut SiteComparer(search), loosest, &mut step);
        bar.finish_and_clear();
        let mut seen = match seen {
            Ok(seen) => seen,
            // Without answers there is nothing to go on with.
            Err(WatchError::Compare(fault)) => return Err(fault.into()),
            Err(error) => {
                self.bad(path, &on_one_line(&error));
                return Ok(());
            }
        };
        if let Some(error) = &seen.broken {
            self.bad(path, &on_one_line(error));
        }
        if seen.n_damaged > 0 {
            self.bad(path, &format!("{} damaged frames left out", seen.n_damaged));
        }
        // Each comparison is a chance for somebody else to be found, as each face of a photograph is.
        self.n_faces += seen.similarities.len() as u64;
        self.similarities.append(&mut seen.similarities);
        self.n_videos += 1;
        self.sources.push((source_text(path), Seen::Video(seen)));
        Ok(())
    }
}

fn tell(args: &FindMeArgs, looked: &Looked, scale: &MatchScale, target: TargetRate) -> Result<()> {
    let bounds = Bounds::for_faces(scale, target, looked.n_faces);
    let prior = share_of_theirs(scale, &looked.similarities);
    let rounded = |value: f32, digits: i32| {
        let unit = 10_f64.powi(digits);
        (f64::from(value) * unit).round() / unit
    };
    let mut rows = Vec::new();
    let (mut n_found, mut n_maybe) = (0_u64, 0_u64);
    let mut add =
        |source, likeness: Likeness, (bbox, similarity): (BBox, Similarity), when: When| {
            match likeness {
                Likeness::Found => n_found += 1,
                Likeness::Maybe => n_maybe += 1,
                Likeness::Other => return,
            }
            rows.push(Row {
                source,
                likeness: likeness.as_str(),
                probability: rounded(scale.probability(similarity, prior).get(), 4),
                similarity: rounded(similarity.get(), 4),
                from_secs: when.from_secs,
                to_secs: when.to_secs,
                at_secs: when.at_secs,
                left: rounded(bbox.left(), 2),
                top: rounded(bbox.top(), 2),
                width: rounded(bbox.width(), 2),
                height: rounded(bbox.height(), 2),
            });
        };
    for (source, seen) in &looked.sources {
        match seen {
            Seen::Photo(near) => {
                for face in near {
                    let likeness = bounds.of(face.similarity);
                    add(
                        source.as_str(),
                        likeness,
                        (face.bbox, face.similarity),
                        When::default(),
                    );
                }
            }
            Seen::Video(seen) => {
                for span in seen.spans(&bounds) {
                    let when = When {
                        from_secs: Some(millis(span.from_secs)),
                        to_secs: Some(millis(span.to_secs)),
                        at_secs: Some(millis(span.at_secs)),
                    };
                    add(
                        source.as_str(),
                        span.likeness,
                        (span.bbox, span.similarity),
                        when,
                    );
                }
            }
        }
    }
    let text = written(args.format, &rows)?;
    if !text.is_empty() {
        exit::print(&text)?;
    }
    let n_photos = looked.sources.len() as u64 - looked.n_videos;
    let places = match (n_photos, looked.n_videos) {
        (n, 0) => format!("{n} photographs"),
        (0, n) => format!("{n} videos"),
        (photos, videos) => format!("{photos} photographs and {videos} videos"),
    };
    complain(format_args!(
        "found {n_found}, maybe {n_maybe}, of {} faces in {places}; anyone else is found with probability {} at most, \
         from similarity {:.3}; maybe from {:.3}",
        looked.n_faces,
        target.get(),
        bounds.found_from().get(),
        bounds.maybe_from().get(),
    ));
    Ok(())
}

/// The rows as they are printed.
fn written(format: RecordFormat, rows: &[Row<'_>]) -> Result<String> {
    Ok(match format {
        RecordFormat::Ndjson => {
            let lines: Result<Vec<String>, _> = rows.iter().map(serde_json::to_string).collect();
            lines?.join("\n")
        }
        RecordFormat::Csv => {
            let mut writer = csv::WriterBuilder::new()
                .has_headers(false)
                .from_writer(Vec::new());
            writer.write_record(COLUMNS)?;
            for row in rows {
                writer.serialize(row)?;
            }
            let bytes = writer.into_inner().context("the table cannot be written")?;
            String::from_utf8(bytes)?.trim_end().to_owned()
        }
    })
}

/// Seconds to the millisecond, finer than frames come.
fn millis(secs: f64) -> f64 {
    (secs * 1e3).round() / 1e3
}
