//! `regard find-me`: the photographs of somebody who shows their token.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use regard_domain::BBox;
use regard_identity::{MatchScale, Similarity, TargetRate};
use regard_library::{Bounds, Likeness, share_of_theirs};
use regard_vision::{Photo, PhotoFormat, encode_photo, read_photo};
use serde::Serialize;

use crate::args::{FindMeArgs, RecordFormat};
use crate::exit;
use crate::media_files::{Found, MediaKind, media_files};
use crate::person_search::PersonSearch;
use crate::printable::{shown, source_text};
use crate::speech::complain;

/// Largest file that is sent as it is, in bytes; larger ones are sent as JPEG.
const MAX_SENT_BYTES: usize = 12 << 20;

/// A face that is theirs, or may be.
#[derive(Serialize)]
struct Row<'a> {
    source: &'a str,
    likeness: &'static str,
    probability: f64,
    similarity: f64,
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// A face that may be theirs, until it is known how many were looked at. Of other faces the similarity alone is kept.
struct Near {
    source: usize,
    bbox: BBox,
    similarity: Similarity,
}

#[derive(Default)]
struct Looked {
    sources: Vec<String>,
    near: Vec<Near>,
    similarities: Vec<Similarity>,
    n_faces: u64,
    n_bad: u64,
}

/// Looks through all photographs, and says in which the person is.
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
    for found in media_files(&args.paths, None) {
        match found {
            Found::File(file) => match file.kind {
                MediaKind::Photo(_) => match to_send(&file.path) {
                    Ok(bytes) => {
                        looked.look(&search, (source_text(&file.path), &bytes), loosest)?;
                    }
                    Err(error) => looked.bad(&file.path, &format!("{error:#}")),
                },
                MediaKind::Video(_) => {}
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
        let number = self.sources.len();
        self.sources.push(source);
        for face in faces {
            self.n_faces += 1;
            let Some(similarity) = face.similarity else {
                continue;
            };
            self.similarities.push(similarity);
            if similarity >= loosest {
                self.near.push(Near {
                    source: number,
                    bbox: face.bbox,
                    similarity,
                });
            }
        }
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
    for near in &looked.near {
        let likeness = bounds.of(near.similarity);
        match likeness {
            Likeness::Found => n_found += 1,
            Likeness::Maybe => n_maybe += 1,
            Likeness::Other => continue,
        }
        rows.push(Row {
            source: looked.sources.get(near.source).map_or("", String::as_str),
            likeness: likeness.as_str(),
            probability: rounded(scale.probability(near.similarity, prior).get(), 4),
            similarity: rounded(near.similarity.get(), 4),
            left: rounded(near.bbox.left(), 2),
            top: rounded(near.bbox.top(), 2),
            width: rounded(near.bbox.width(), 2),
            height: rounded(near.bbox.height(), 2),
        });
    }
    let text = match args.format {
        RecordFormat::Ndjson => {
            let lines: Result<Vec<String>, _> = rows.iter().map(serde_json::to_string).collect();
            lines?.join("\n")
        }
        RecordFormat::Csv => {
            let mut writer = csv::WriterBuilder::new()
                .has_headers(false)
                .from_writer(Vec::new());
            writer.write_record([
                "source",
                "likeness",
                "probability",
                "similarity",
                "left",
                "top",
                "width",
                "height",
            ])?;
            for row in &rows {
                writer.serialize(row)?;
            }
            let bytes = writer.into_inner().context("the table cannot be written")?;
            String::from_utf8(bytes)?.trim_end().to_owned()
        }
    };
    if !text.is_empty() {
        exit::print(&text)?;
    }
    complain(format_args!(
        "found {n_found}, maybe {n_maybe}, of {} faces in {} photographs; anyone else is found with probability {} at most, \
         from similarity {:.3}; maybe from {:.3}",
        looked.n_faces,
        looked.sources.len(),
        target.get(),
        bounds.found_from().get(),
        bounds.maybe_from().get(),
    ));
    Ok(())
}
