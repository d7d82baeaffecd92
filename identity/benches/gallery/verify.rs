//! One face against one template, from a JPEG on.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use regard_commitments::{Answer, Grant, LibraryDeclaration, Recognition, ask_library};
use regard_domain::CameraId;
use regard_identity::{EMBEDDING_DIMENSION, Embedder, Embedding, GalleryTransform};
use regard_inference::{Catalog, LoadOptions, Native, flush_to_zero};
use regard_testkit::turns::{Contestant, by_turns};
use regard_vision::{AnalyzerOptions, FaceAnalyzer, FaceChip, PixelPool, WantedSize, decode_jpeg};

use crate::TIME_PER_CASE;

/// Decode, detect, align, embed (the face and its mirror image), turn, compare; on one thread.
pub(crate) fn from_jpeg() -> Result<()> {
    flush_to_zero();
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/fixtures/photos/astronaut.jpg");
    let jpeg = std::fs::read(&path)?;
    let catalog = Arc::new(Catalog::open(None)?);
    let mut embedder = Embedder::load(&Native::new(), &catalog, &LoadOptions::default())?;
    let mut analyzer = FaceAnalyzer::new(Arc::new(Native::new()), catalog, AnalyzerOptions::PHOTO);
    let Answer::Granted(grant) =
        ask_library(&LibraryDeclaration::own_media(CameraId::new("bench")?))
    else {
        anyhow::bail!("own media are granted");
    };
    let count = grant.count().context("own media are granted")?;
    let (pool, key) = (PixelPool::new(), Grant::<Recognition>::for_evaluation());
    let mut embed = || -> Result<Embedding> {
        let picture = decode_jpeg(&jpeg, WantedSize::Whole, &pool)?;
        let faces = analyzer.detect(picture.view(), &count)?;
        let face = faces.first().context("a face")?;
        let chip = FaceChip::cut(picture.view(), face, &count)?.context("five points")?;
        Ok(embedder.embed(&chip, &key)?)
    };
    let transform =
        GalleryTransform::from_key(&[5; 32], EMBEDDING_DIMENSION).context("in range")?;
    let template = transform.template(&embed()?).context("one dimension")?;
    let verify = || {
        let similarity = template.verify(&embed()?, &transform, &key)?;
        anyhow::ensure!(similarity.get() > 0.99, "the same picture is the same face");
        Ok(())
    };
    let mut all = vec![Contestant::own("from JPEG to similarity", verify)];
    let args = ["verify", "1", &path.display().to_string()].map(ToOwned::to_owned);
    all.extend(Contestant::rival(
        "opencv",
        "cv2, numpy",
        "gallery_turns.py",
        &args,
    ));
    by_turns(
        "1:1 from a JPEG of 512x512 on, 1 thread",
        all,
        TIME_PER_CASE,
    )?;
    Ok(())
}
