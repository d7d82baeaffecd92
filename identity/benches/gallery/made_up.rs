//! Made-up faces.

use std::io::{BufWriter, Write};
use std::time::Instant;

use anyhow::{Context, Result};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use regard_domain::{PersonId, TemplateId};
use regard_identity::{
    EMBEDDING_DIMENSION, Embedding, Enrolment, ExactGallery, Gallery, GalleryLimits,
    GalleryTransform, ModelTag, Template,
};
use tempfile::NamedTempFile;

/// The model that made-up faces claim to be of.
pub(crate) const MODEL: ModelTag = ModelTag::from_bits(7);

/// The transform of every gallery here.
pub(crate) fn transform() -> Result<GalleryTransform> {
    GalleryTransform::from_key(&[3; 32], EMBEDDING_DIMENSION).context("a dimension in range")
}

/// Numbers that are nearly normal: each the sum of four bytes, about its mean.
fn numbers(rng: &mut ChaCha8Rng) -> Vec<f32> {
    let number = |_| {
        let bytes = rng.next_u32().to_le_bytes();
        bytes.iter().map(|b| f32::from(*b)).sum::<f32>() - 510.0
    };
    (0..EMBEDDING_DIMENSION).map(number).collect()
}

/// So many random directions.
pub(crate) struct Faces {
    rng: ChaCha8Rng,
}

impl Faces {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// The next one.
    pub(crate) fn embedding(&mut self) -> Result<Embedding> {
        Embedding::new(numbers(&mut self.rng), MODEL).context("not null")
    }

    pub(crate) fn several(&mut self, n: usize) -> Result<Vec<Embedding>> {
        (0..n).map(|_| self.embedding()).collect()
    }
}

/// Another picture of a face, at a cosine of about `1 / sqrt(1 + spread²)`.
pub(crate) fn near(face: &Embedding, spread: f32, seed: u64) -> Result<Embedding> {
    let other = Faces::new(1_000_000 + seed).embedding()?;
    let pairs = face.values().iter().zip(other.values());
    let values = pairs.map(|(a, b)| a + spread * b).collect();
    Embedding::new(values, MODEL).context("not null")
}

/// One template of one person each.
pub(crate) fn enrolment(at: usize, values: Template) -> Enrolment {
    // Ids as random ones are, so that tables of them are filled as in earnest.
    let spread = (at as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Enrolment {
        template: TemplateId::from_bits(spread),
        person: PersonId::from_bits(spread.rotate_left(64)),
        picture: None,
        values,
    }
}

/// An empty gallery.
pub(crate) fn empty(threads: usize) -> Result<ExactGallery> {
    let limits = GalleryLimits {
        threads,
        max_templates: 20_000_000,
    };
    Ok(ExactGallery::new(transform()?, MODEL, limits))
}

/// A gallery of embeddings, and the same embeddings in a file for those who search elsewhere.
pub(crate) fn gallery_and_file(n: usize) -> Result<(ExactGallery, NamedTempFile)> {
    let (mut gallery, mut faces) = (empty(1)?, Faces::new(1));
    let file = NamedTempFile::new()?;
    let mut writer = BufWriter::new(file.as_file());
    for at in 0..n {
        let face = faces.embedding()?;
        write(&mut writer, &face)?;
        let values = gallery
            .transform()
            .template(&face)
            .context("one dimension")?;
        gallery.insert(enrolment(at, values))?;
    }
    writer.flush()?;
    drop(writer);
    Ok((gallery, file))
}

/// Probes in a file.
pub(crate) fn file_of(probes: &[Embedding]) -> Result<NamedTempFile> {
    let file = NamedTempFile::new()?;
    let mut writer = BufWriter::new(file.as_file());
    for probe in probes {
        write(&mut writer, probe)?;
    }
    writer.flush()?;
    drop(writer);
    Ok(file)
}

fn write(writer: &mut impl Write, face: &Embedding) -> Result<()> {
    for value in face.values() {
        writer.write_all(&value.to_le_bytes())?;
    }
    Ok(())
}

/// Enrols further templates up to a number; seconds that the gallery took for it, without making them up.
pub(crate) fn fill(gallery: &mut dyn Gallery, faces: &mut Faces, n: usize) -> Result<f64> {
    /// Templates made up before they are enrolled.
    const PIECE: usize = 10_000;
    let mut at = usize::try_from(gallery.n_templates()?)?;
    let mut secs = 0.0;
    while at < n {
        let piece = PIECE.min(n - at);
        let templates: Vec<Template> = (0..piece)
            .map(|_| {
                let values = gallery.transform().template(&faces.embedding()?);
                values.context("one dimension")
            })
            .collect::<Result<_>>()?;
        let began = Instant::now();
        for template in templates {
            gallery.insert(enrolment(at, template))?;
            at += 1;
        }
        secs += began.elapsed().as_secs_f64();
    }
    Ok(secs)
}
