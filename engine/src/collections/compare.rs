//! Faces compared: with one another, with one of a collection, with all of it.

use std::fmt;

use regard_commitments::{Refusal, RefusalCode, Zeroizing};
use regard_domain::{GalleryId, TemplateId};
use regard_identity::{
    EMBEDDING_DIMENSION, Embedding, Gallery as _, MAX_HITS, SearchAnswer, Similarity, Template,
};

use super::shelf::{Shelf, face_of};
use super::{Caller, CollectionError, Collections, FoundFace, read};
use crate::recognition::{AttestedLeave, Looked};

/// Leave for one call of a service about one collection.
///
/// # Privacy
/// Does not print.
pub struct Leave {
    pub(super) inner: AttestedLeave,
    pub(super) service: String,
    pub(super) collection: GalleryId,
    searches: bool,
}

impl fmt::Debug for Leave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Leave(withheld)")
    }
}

/// A face that is compared.
///
/// # Privacy
/// An embedding, wiped when dropped; does not print.
pub struct Probe(pub(super) Embedding);

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe(withheld)")
    }
}

impl Collections {
    /// Asks for one call. `searches`: a face is looked for among all; that is somebody's act.
    ///
    /// # Errors
    /// [`CollectionError::Refused`].
    pub async fn ask(
        &self,
        caller: &Caller,
        collection: &GalleryId,
        searches: bool,
    ) -> Result<Leave, CollectionError> {
        Ok(Leave {
            inner: self.leave(caller, collection, searches).await?,
            service: caller.service.clone(),
            collection: collection.clone(),
            searches,
        })
    }

    /// The embeddings of some faces of a picture, in the order asked for; their crops are gone then.
    ///
    /// # Errors
    /// [`CollectionError::Recognition`].
    pub async fn probes(
        &self,
        leave: &Leave,
        looked: &mut Looked,
        which: &[usize],
    ) -> Result<Vec<Option<Probe>>, CollectionError> {
        let grant = leave.inner.key.grant();
        let embedded = self.parts.recognizer.embed(looked, which, grant).await?;
        Ok(embedded.into_iter().map(|one| one.map(Probe)).collect())
    }

    /// How near two faces are.
    ///
    /// # Errors
    /// [`CollectionError::Template`].
    pub fn similarity(
        &self,
        leave: &Leave,
        a: &Probe,
        b: &Probe,
    ) -> Result<Similarity, CollectionError> {
        Ok(a.0.similarity(&b.0, leave.inner.key.grant())?)
    }

    fn searched<T>(
        &self,
        leave: &Leave,
        work: impl FnOnce(&Shelf) -> Result<T, CollectionError>,
    ) -> Result<T, CollectionError> {
        let shelf = self.shelf(&leave.service, &leave.collection)?;
        if !leave.searches || !leave.inner.key.to_search().opens(&leave.collection) {
            return Err(CollectionError::Refused(Refusal::new(
                RefusalCode::ActMissing,
                "this call has no leave to search",
                "ask for it",
            )));
        }
        let shelf = read(&shelf);
        work(&shelf)
    }

    /// The faces nearest to one, nearest first, at most [`MAX_HITS`].
    ///
    /// # Errors
    /// [`CollectionError`].
    pub fn search(&self, leave: &Leave, probe: &Probe) -> Result<Vec<FoundFace>, CollectionError> {
        self.searched(leave, |shelf| {
            let key = leave.inner.key.to_search();
            let answer = shelf.gallery.search(&probe.0, MAX_HITS, key.grant())?;
            Ok(told(shelf, &answer))
        })
    }

    /// The faces nearest to one of the collection, nearest first, itself not among them.
    ///
    /// # Errors
    /// [`CollectionError::UnknownFace`].
    pub fn search_face(
        &self,
        leave: &Leave,
        face: TemplateId,
    ) -> Result<Vec<FoundFace>, CollectionError> {
        self.searched(leave, |shelf| {
            let held = shelf.faces.get(&face).ok_or(CollectionError::UnknownFace)?;
            let mut found = near(leave, shelf, &held.template)?;
            found.retain(|one| one.face.id != face);
            Ok(found)
        })
    }

    /// The faces nearest to a vector that was given out here, nearest first.
    ///
    /// # Errors
    /// [`CollectionError::BadVector`].
    pub fn search_vector(
        &self,
        leave: &Leave,
        vector: &[f32],
    ) -> Result<Vec<FoundFace>, CollectionError> {
        self.searched(leave, |shelf| {
            near(leave, shelf, &template_of(shelf, vector)?)
        })
    }

    /// How near a face is to one of the collection: 1:1.
    ///
    /// # Errors
    /// [`CollectionError::UnknownFace`].
    pub fn verify(
        &self,
        leave: &Leave,
        probe: &Probe,
        face: TemplateId,
    ) -> Result<Similarity, CollectionError> {
        let shelf = self.shelf(&leave.service, &leave.collection)?;
        let shelf = read(&shelf);
        let held = shelf.faces.get(&face).ok_or(CollectionError::UnknownFace)?;
        let grant = leave.inner.key.grant();
        let transform = shelf.gallery.transform();
        Ok(held.template.verify(&probe.0, transform, grant)?)
    }

    /// The same for a vector that was given out here.
    ///
    /// # Errors
    /// [`CollectionError::UnknownFace`], [`CollectionError::BadVector`].
    pub fn verify_vector(
        &self,
        leave: &Leave,
        vector: &[f32],
        face: TemplateId,
    ) -> Result<Similarity, CollectionError> {
        let shelf = self.shelf(&leave.service, &leave.collection)?;
        let shelf = read(&shelf);
        let held = shelf.faces.get(&face).ok_or(CollectionError::UnknownFace)?;
        let probe = template_of(&shelf, vector)?;
        Ok(held.template.similarity(&probe, leave.inner.key.grant())?)
    }

    /// How near two faces of the collection are: whether they are one's.
    ///
    /// # Errors
    /// [`CollectionError::UnknownFace`].
    pub fn compare(
        &self,
        leave: &Leave,
        a: TemplateId,
        b: TemplateId,
    ) -> Result<Similarity, CollectionError> {
        let shelf = self.shelf(&leave.service, &leave.collection)?;
        let shelf = read(&shelf);
        let of = |id| shelf.faces.get(&id).ok_or(CollectionError::UnknownFace);
        let grant = leave.inner.key.grant();
        Ok(of(a)?.template.similarity(&of(b)?.template, grant)?)
    }

    /// How near two vectors are that were given out here.
    ///
    /// # Errors
    /// [`CollectionError::BadVector`].
    pub fn compare_vectors(
        &self,
        leave: &Leave,
        a: &[f32],
        b: &[f32],
    ) -> Result<Similarity, CollectionError> {
        let shelf = self.shelf(&leave.service, &leave.collection)?;
        let shelf = read(&shelf);
        let (a, b) = (template_of(&shelf, a)?, template_of(&shelf, b)?);
        Ok(a.similarity(&b, leave.inner.key.grant())?)
    }

    /// A face as a unit vector under the transform of the collection: it means nothing to any other collection, and nothing
    /// to whoever has a face network of the same kind.
    ///
    /// # Privacy
    /// Biometric data of the person in the picture, for the service that sent it.
    ///
    /// # Errors
    /// [`CollectionError`].
    pub fn vector(
        &self,
        leave: &Leave,
        probe: &Probe,
    ) -> Result<Zeroizing<Vec<f32>>, CollectionError> {
        let shelf = self.shelf(&leave.service, &leave.collection)?;
        let shelf = read(&shelf);
        let template = shelf.gallery.transform().template(&probe.0);
        let template = template.ok_or(CollectionError::Damaged)?;
        let square: f32 = template
            .values()
            .iter()
            .map(|v| f32::from(*v).powi(2))
            .sum();
        let length = square.sqrt();
        let values = template.values().iter().map(|v| f32::from(*v) / length);
        Ok(Zeroizing::new(values.collect()))
    }
}

/// The faces of a collection by how near they are to a template of it, ties by id.
fn near(leave: &Leave, shelf: &Shelf, probe: &Template) -> Result<Vec<FoundFace>, CollectionError> {
    let key = leave.inner.key.to_search();
    let answers = shelf
        .gallery
        .search_templates(&[probe], MAX_HITS, key.grant())?;
    let answer = answers.first().ok_or(CollectionError::Damaged)?;
    Ok(told(shelf, answer))
}

/// The faces that were found.
fn told(shelf: &Shelf, answer: &SearchAnswer) -> Vec<FoundFace> {
    let found = answer.hits.iter().filter_map(|hit| {
        Some(FoundFace {
            face: shelf.face(face_of(hit.person))?,
            similarity: hit.similarity,
        })
    });
    found.collect()
}

/// The template in a vector that was given out here.
fn template_of(shelf: &Shelf, vector: &[f32]) -> Result<Template, CollectionError> {
    const BAD: CollectionError = CollectionError::BadVector {
        dimension: EMBEDDING_DIMENSION,
    };
    let greatest = vector.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
    let is_sound = vector.len() == EMBEDDING_DIMENSION && vector.iter().all(|v| v.is_finite());
    if !is_sound || greatest < f32::MIN_POSITIVE {
        return Err(BAD);
    }
    let numbers = vector.iter().map(|v| (v / greatest * 127.0).round() as i8);
    let numbers = Zeroizing::new(numbers.collect::<Vec<i8>>());
    Template::from_numbers(
        &numbers,
        shelf.gallery.model(),
        shelf.gallery.transform().id(),
    )
    .ok_or(BAD)
}
