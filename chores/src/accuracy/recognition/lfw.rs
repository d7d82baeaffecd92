//! The faces of LFW's development sets, embedded from the picture on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use regard_commitments::{Grant, Recognition};
use regard_domain::{Face, FrameSize};
use regard_identity::{Embedder, Embedding};
use regard_inference::{Catalog, LoadOptions, Native, flush_to_zero};
use regard_vision::{AnalyzerOptions, FaceAnalyzer, FaceChip, Photo};

use crate::accuracy::looking;

/// One picture of one person: name and running number.
pub(super) type PictureName = (String, u32);

/// One pair of the protocol, and whether it is one person.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pair {
    pub a: PictureName,
    pub b: PictureName,
    pub is_same: bool,
}

/// The set that a list of pairs names.
pub(super) struct Set {
    pub pairs: Vec<Pair>,
    /// One embedding a picture; pictures without a face are missing.
    pub faces: BTreeMap<PictureName, Embedding>,
    /// Pictures without a face.
    pub n_missed: usize,
}

impl Set {
    /// Reads `pairsDev….txt` of `folder` and embeds every picture it names; nothing when it is not there.
    pub(super) fn read(folder: &Path, list: &str) -> Result<Option<Self>> {
        let path = folder.join(list);
        if !path.is_file() {
            return Ok(None);
        }
        let pairs = parse(&fs::read_to_string(&path)?).with_context(|| list.to_owned())?;
        let names: BTreeSet<&PictureName> = pairs.iter().flat_map(|p| [&p.a, &p.b]).collect();
        let names: Vec<PictureName> = names.into_iter().cloned().collect();
        let n_threads = thread::available_parallelism().map_or(1, Into::into);
        let mut faces = BTreeMap::new();
        thread::scope(|scope| -> Result<()> {
            let parts = names.chunks(names.len().div_ceil(n_threads));
            let workers: Vec<_> = parts
                .map(|part| scope.spawn(move || embed(folder, part)))
                .collect();
            for worker in workers {
                let Ok(part) = worker.join() else {
                    bail!("a thread that embeds panicked");
                };
                faces.extend(part?);
            }
            Ok(())
        })?;
        Ok(Some(Self {
            n_missed: names.len() - faces.len(),
            pairs,
            faces,
        }))
    }
}

/// Lines of three or four fields after a count.
fn parse(text: &str) -> Result<Vec<Pair>> {
    let mut lines = text.lines();
    let n: usize = lines.next().context("an empty list")?.trim().parse()?;
    let mut pairs = Vec::new();
    for line in lines.filter(|l| !l.trim().is_empty()) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let picture = |name: &str, number: &str| -> Result<PictureName> {
            Ok((name.to_owned(), number.parse()?))
        };
        pairs.push(match *fields.as_slice() {
            [name, a, b] => Pair {
                a: picture(name, a)?,
                b: picture(name, b)?,
                is_same: true,
            },
            [one, a, other, b] => Pair {
                a: picture(one, a)?,
                b: picture(other, b)?,
                is_same: false,
            },
            _ => bail!("{} fields in {line:?}", fields.len()),
        });
    }
    let n_same = pairs.iter().filter(|p| p.is_same).count();
    ensure!(
        n_same == n && pairs.len() == 2 * n,
        "not {n} pairs of each kind"
    );
    Ok(pairs)
}

fn path_of(folder: &Path, (name, number): &PictureName) -> PathBuf {
    let file = format!("{name}_{number:04}.jpg");
    folder.join("images").join(name).join(file)
}

fn embed(folder: &Path, names: &[PictureName]) -> Result<Vec<(PictureName, Embedding)>> {
    flush_to_zero();
    let mut embedder = embedder()?;
    let mut analyzer = looking::analyzer(AnalyzerOptions::PHOTO)?;
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let path = path_of(folder, name);
        let photo = Photo::open(&path).with_context(|| format!("{}", path.display()))?;
        if let Some(embedding) = embed_central(&mut analyzer, &mut embedder, &photo)? {
            found.push((name.clone(), embedding));
        }
    }
    Ok(found)
}

/// The embedding network on the built-in runtime.
pub(super) fn embedder() -> Result<Embedder> {
    let catalog = Arc::new(Catalog::open(None)?);
    Ok(Embedder::load(
        &Native::new(),
        &catalog,
        &LoadOptions::default(),
    )?)
}

/// The embedding of the face nearest to the middle, whom the set means; nothing where no face is found.
pub(super) fn embed_central(
    analyzer: &mut FaceAnalyzer,
    embedder: &mut Embedder,
    photo: &Photo,
) -> Result<Option<Embedding>> {
    let grant = looking::grant()?;
    let count = grant.count().context("counting is granted")?;
    let faces = analyzer.detect(photo.view(), &count)?;
    let Some(face) = central(&faces, photo.size()) else {
        return Ok(None);
    };
    let Some(chip) = FaceChip::cut(photo.view(), face, &count)? else {
        return Ok(None);
    };
    let key = Grant::<Recognition>::for_evaluation();
    Ok(Some(embedder.embed(&chip, &key)?))
}

fn central(faces: &[Face], size: FrameSize) -> Option<&Face> {
    let (x, y) = (size.width as f32 / 2.0, size.height as f32 / 2.0);
    let distance = |face: &Face| {
        let center = face.bbox_in_frame.center();
        (center.x - x).hypot(center.y - y)
    };
    faces
        .iter()
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_pairs_are_read() {
        let pairs = parse("1\nA_B\t1\t4\nA_B\t2\tC\t10\n").unwrap();
        assert_eq!(pairs.len(), 2);
        assert!(pairs[0].is_same && !pairs[1].is_same);
        assert_eq!(pairs[1].b, ("C".to_owned(), 10));
        assert!(parse("2\nA_B\t1\t4\nA_B\t2\tC\t10\n").is_err());
        assert!(parse("1\nA_B\t1\n").is_err());
    }
}
