//! Where the templates of a gallery lie.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::{panic, thread};

use regard_backends::{PgGallery, PgOpenError, RemoteShard, ShardSecret};
use regard_commitments::{Grant, Recognition};
use regard_domain::{PersonId, TemplateId};
use regard_identity::{
    Embedding, Enrolment, ExactGallery, Gallery, GalleryError, GalleryLimits, GalleryTransform,
    ModelTag, SearchAnswer, Shard, ShardedGallery, TransformId,
};

use super::GalleryIndex;
use crate::config::{GalleryConfig, GalleryKind};
use crate::seed::fresh_rng;

/// A gallery in memory, on other machines, or in a database.
pub(super) enum Kept {
    /// In the memory of this process: empty when it is made, gone with it.
    Here(Box<dyn Gallery>),
    /// In the memory of other machines, which may go on longer than this process, and end before it.
    Parts(ShardedGallery),
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

/// What a part answers that does not hold what was put into it: it was started anew.
fn lost(error: GalleryError) -> GalleryError {
    match error {
        GalleryError::OtherTransform | GalleryError::OtherModel => GalleryError::Index {
            source: "a part does not hold what was put into it".into(),
        },
        other => other,
    }
}

/// Parts on other machines, all of them empty.
fn parts(
    addresses: &[SocketAddr],
    secret: &ShardSecret,
    transform: GalleryTransform,
    model: ModelTag,
) -> Result<ShardedGallery, GalleryError> {
    let mut rng = fresh_rng().map_err(|source| GalleryError::Index {
        source: source.into(),
    })?;
    let shards = addresses
        .iter()
        .map(|address| -> Box<dyn Shard> {
            Box::new(RemoteShard::new(*address, secret.clone(), &mut rng))
        })
        .collect();
    let parts = ShardedGallery::new(transform, model, shards);
    let mut parts = parts.ok_or_else(|| GalleryError::Index {
        source: "no part is named".into(),
    })?;
    parts.begin()?;
    Ok(parts)
}

/// An empty gallery in memory, with an index beyond so many templates where one is wanted.
fn in_memory(
    limits: GalleryLimits,
    beyond: Option<usize>,
    transform: GalleryTransform,
    model: ModelTag,
) -> Result<Box<dyn Gallery>, GalleryError> {
    #[cfg(feature = "hnsw")]
    if let Some(exact_up_to) = beyond {
        let near = regard_identity::NearLimits {
            exact_up_to,
            ..regard_identity::NearLimits::default()
        };
        let near = regard_identity::NearGallery::new(transform, model, limits, near)?;
        return Ok(Box::new(near));
    }
    // Without the feature nothing asks for an index.
    let _ = beyond;
    Ok(Box::new(ExactGallery::new(transform, model, limits)))
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
            GalleryKind::Parts { addresses, secret } => {
                return Ok(Self::Parts(parts(addresses, secret, transform, model)?));
            }
            GalleryKind::Database(address) => {
                let most = config.max_templates as u64;
                let open = || PgGallery::open_in(address, family, transform, model, most);
                return Ok(Self::Database {
                    gallery: Box::new(apart(open).map_err(failed)?),
                    family: family.to_owned(),
                });
            }
        };
        Ok(Self::Here(in_memory(limits, beyond, transform, model)?))
    }

    /// Removes all galleries of a family from what lasts.
    pub(super) fn remove(config: &GalleryConfig, family: &str) -> Result<(), GalleryError> {
        match &config.kind {
            // Parts are as empty as nobody asks them: they are begun anew before anybody is searched.
            GalleryKind::Exact | GalleryKind::Neighbours { .. } | GalleryKind::Parts { .. } => {
                Ok(())
            }
            GalleryKind::Database(address) => apart(|| PgGallery::remove_family(address, family))
                .map(drop)
                .map_err(failed),
        }
    }

    /// Enrols one template.
    pub(super) fn insert(&mut self, enrolment: Enrolment) -> Result<(), GalleryError> {
        match self {
            Self::Here(gallery) => gallery.insert(enrolment),
            Self::Database { gallery, .. } => apart(|| gallery.insert(enrolment)),
            Self::Parts(parts) => parts.insert(enrolment).map_err(lost),
        }
    }

    /// Removes a person.
    pub(super) fn remove_person(&mut self, person: PersonId) -> Result<(), GalleryError> {
        match self {
            Self::Here(gallery) => gallery.remove_person(person).map(drop),
            Self::Database { gallery, .. } => apart(|| gallery.remove_person(person)).map(drop),
            Self::Parts(parts) => parts.remove_person(person).map(drop).map_err(lost),
        }
    }

    /// Removes a template.
    pub(super) fn remove_template(&mut self, template: TemplateId) -> Result<(), GalleryError> {
        match self {
            Self::Here(gallery) => gallery.remove_template(template).map(drop),
            Self::Database { gallery, .. } => apart(|| gallery.remove_template(template)).map(drop),
            Self::Parts(parts) => parts.remove_template(template).map(drop).map_err(lost),
        }
    }

    /// The nearest persons.
    pub(super) fn search(
        &self,
        probe: &Embedding,
        n: usize,
        key: &Grant<Recognition>,
    ) -> Result<SearchAnswer, GalleryError> {
        match self {
            Self::Here(gallery) => gallery.search(probe, n, key),
            Self::Database { gallery, .. } => apart(|| gallery.search(probe, n, key)),
            Self::Parts(parts) => {
                let mut answers = parts.search_batch(&[probe], n, key).map_err(lost)?;
                answers
                    .pop()
                    .ok_or(GalleryError::OtherTransform)
                    .map_err(lost)
            }
        }
    }

    /// The gallery, where it is in the memory of this process.
    pub(super) fn here(&self) -> Option<&dyn Gallery> {
        match self {
            Self::Here(gallery) => Some(&**gallery),
            Self::Database { .. } | Self::Parts(_) => None,
        }
    }

    /// Under which transform it lies.
    pub(super) fn transform(&self) -> TransformId {
        match self {
            Self::Here(gallery) => gallery.transform().id(),
            Self::Parts(parts) => parts.transform().id(),
            Self::Database { gallery, .. } => gallery.transform().id(),
        }
    }

    /// Which model made what is in it.
    pub(super) fn model(&self) -> ModelTag {
        match self {
            Self::Here(gallery) => gallery.model(),
            Self::Parts(parts) => parts.kind().model,
            Self::Database { gallery, .. } => gallery.model(),
        }
    }

    /// Whether it may hold other templates than were put into it in this run.
    pub(super) const fn lasts(&self) -> bool {
        match self {
            Self::Here(_) => false,
            Self::Parts(_) | Self::Database { .. } => true,
        }
    }

    /// Removes every template but these from what lasts; how many there were.
    pub(super) fn keep_only(
        &mut self,
        templates: &BTreeSet<TemplateId>,
    ) -> Result<u64, GalleryError> {
        match self {
            // Parts were empty when they were begun.
            Self::Here(_) | Self::Parts(_) => Ok(0),
            Self::Database { gallery, .. } => apart(|| gallery.keep_only(templates)),
        }
    }

    /// Removes what is left of earlier transforms from what lasts.
    pub(super) fn remove_others(&mut self) -> Result<(), GalleryError> {
        match self {
            Self::Here(_) => Ok(()),
            Self::Parts(parts) => parts.keep_only_this(),
            Self::Database { gallery, family } => apart(|| gallery.remove_others(family)).map(drop),
        }
    }

    /// How it is searched now.
    pub(super) fn index(&self) -> GalleryIndex {
        match self {
            Self::Here(gallery) if gallery.asks_index() => GalleryIndex::Neighbours,
            Self::Here(_) => GalleryIndex::Exact,
            Self::Parts(_) => GalleryIndex::Parts,
            Self::Database { .. } => GalleryIndex::Database,
        }
    }
}
