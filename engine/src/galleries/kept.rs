//! Where the templates of a gallery lie.

use std::collections::BTreeSet;
use std::{panic, thread};

use regard_backends::{PgGallery, PgOpenError};
use regard_domain::TemplateId;
use regard_identity::{
    ExactGallery, Gallery, GalleryError, GalleryLimits, GalleryTransform, ModelTag, TransformId,
};

use super::GalleryIndex;
use crate::config::{GalleryConfig, GalleryKind};

/// A gallery in memory or in a database.
pub(super) enum Kept {
    /// In the memory of this process: empty when it is made, gone with it.
    Here(Box<dyn Gallery>),
    /// In a database, from run to run.
    Database {
        gallery: Box<PgGallery>,
        /// The galleries of this site and name: one for each transform that it ever had.
        family: String,
    },
}

/// Does something on a thread of its own: what talks to a database waits for it, and may not where tasks run.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| match scope.spawn(work).join() {
        Ok(done) => done,
        Err(why) => panic::resume_unwind(why),
    })
}

fn failed(error: PgOpenError) -> GalleryError {
    match error {
        PgOpenError::Gallery(error) => error,
        error @ PgOpenError::Runtime { .. } => GalleryError::Index {
            source: error.into(),
        },
    }
}

/// An empty gallery in memory; without an index where there is no memory for one: slower, and it misses nobody.
fn in_memory(
    limits: GalleryLimits,
    beyond: Option<usize>,
    transform: GalleryTransform,
    model: ModelTag,
) -> Box<dyn Gallery> {
    #[cfg(feature = "hnsw")]
    if let Some(exact_up_to) = beyond {
        let near = regard_identity::NearLimits {
            exact_up_to,
            ..regard_identity::NearLimits::default()
        };
        match regard_identity::NearGallery::new(transform.clone(), model, limits, near) {
            Ok(gallery) => return Box::new(gallery),
            Err(error) => tracing::warn!(%error, "no index for a gallery: everybody is compared"),
        }
    }
    // Without the feature nothing asks for an index.
    let _ = beyond;
    Box::new(ExactGallery::new(transform, model, limits))
}

impl Kept {
    /// A gallery as the configuration wants it, with whatever what keeps it holds already.
    pub(super) fn open(
        config: &GalleryConfig,
        family: &str,
        transform: GalleryTransform,
        model: ModelTag,
    ) -> Result<Self, GalleryError> {
        let limits = GalleryLimits {
            max_templates: config.max_templates,
            threads: 1,
        };
        let beyond = match &config.kind {
            GalleryKind::Exact => None,
            GalleryKind::Neighbours { beyond } => Some(*beyond),
            GalleryKind::Database(address) => {
                let most = config.max_templates as u64;
                let open = || PgGallery::open_in(address, family, transform, model, most);
                return Ok(Self::Database {
                    gallery: Box::new(apart(open).map_err(failed)?),
                    family: family.to_owned(),
                });
            }
        };
        Ok(Self::Here(in_memory(limits, beyond, transform, model)))
    }

    /// Removes all galleries of a family from what lasts.
    pub(super) fn remove(config: &GalleryConfig, family: &str) -> Result<(), GalleryError> {
        match &config.kind {
            GalleryKind::Exact | GalleryKind::Neighbours { .. } => Ok(()),
            GalleryKind::Database(address) => apart(|| PgGallery::remove_family(address, family))
                .map(drop)
                .map_err(failed),
        }
    }

    /// Looks at the gallery.
    pub(super) fn look<T: Send>(&self, work: impl FnOnce(&dyn Gallery) -> T + Send) -> T {
        match self {
            Self::Here(gallery) => work(&**gallery),
            Self::Database { gallery, .. } => apart(|| work(&**gallery)),
        }
    }

    /// Changes it.
    pub(super) fn change<T: Send>(&mut self, work: impl FnOnce(&mut dyn Gallery) -> T + Send) -> T {
        match self {
            Self::Here(gallery) => work(&mut **gallery),
            Self::Database { gallery, .. } => apart(|| work(&mut **gallery)),
        }
    }

    /// Under which transform it lies.
    pub(super) fn transform(&self) -> TransformId {
        match self {
            Self::Here(gallery) => gallery.transform().id(),
            Self::Database { gallery, .. } => gallery.transform().id(),
        }
    }

    /// Which model made what is in it.
    pub(super) fn model(&self) -> ModelTag {
        match self {
            Self::Here(gallery) => gallery.model(),
            Self::Database { gallery, .. } => gallery.model(),
        }
    }

    /// Whether it may hold templates that nobody put into it in this run.
    pub(super) const fn lasts(&self) -> bool {
        match self {
            Self::Here(_) => false,
            Self::Database { .. } => true,
        }
    }

    /// Removes every template but these from what lasts; how many there were.
    pub(super) fn keep_only(
        &mut self,
        templates: &BTreeSet<TemplateId>,
    ) -> Result<u64, GalleryError> {
        match self {
            Self::Here(_) => Ok(0),
            Self::Database { gallery, .. } => apart(|| gallery.keep_only(templates)),
        }
    }

    /// Removes what is left of earlier transforms from what lasts.
    pub(super) fn remove_others(&mut self) -> Result<(), GalleryError> {
        match self {
            Self::Here(_) => Ok(()),
            Self::Database { gallery, family } => apart(|| gallery.remove_others(family)).map(drop),
        }
    }

    /// How it is searched now.
    pub(super) fn index(&self) -> GalleryIndex {
        match self {
            Self::Here(gallery) if gallery.asks_index() => GalleryIndex::Neighbours,
            Self::Here(_) => GalleryIndex::Exact,
            Self::Database { .. } => GalleryIndex::Database,
        }
    }
}
