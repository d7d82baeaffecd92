//! One collection in memory.

use std::collections::BTreeMap;

use regard_commitments::{Digest, Zeroizing};
use regard_domain::{GalleryId, PersonId, PictureId, TemplateId};
use regard_identity::{
    EMBEDDING_DIMENSION, Enrolment, ExactGallery, Gallery as _, GalleryLimits, GalleryTransform,
    ModelTag, Template,
};

use super::kept::{FaceForm, Head, NameId};
use super::{CollectedFace, CollectionError, CollectionInfo, MAX_FACES};

/// A face with its template.
pub(super) struct Held {
    pub(super) form: FaceForm,
    pub(super) template: Template,
}

/// One collection.
pub(super) struct Shelf {
    pub(super) head: Head,
    pub(super) faces: BTreeMap<TemplateId, Held>,
    pub(super) names: BTreeMap<NameId, String>,
    /// The same templates to be searched: each face is somebody of its own there.
    pub(super) gallery: ExactGallery,
    tag_key: Zeroizing<[u8; 32]>,
}

/// What face a hit of the gallery is.
pub(super) fn face_of(person: PersonId) -> TemplateId {
    TemplateId::from_bits(person.as_bits())
}

impl Shelf {
    /// An empty collection whose templates are diversified by `turn`, and whose pictures are told apart by `tag_key`.
    pub(super) fn new(
        head: Head,
        turn: &[u8; 32],
        tag_key: Zeroizing<[u8; 32]>,
        model: ModelTag,
    ) -> Option<Self> {
        let transform = GalleryTransform::from_key(turn, EMBEDDING_DIMENSION)?;
        let limits = GalleryLimits {
            max_templates: usize::try_from(MAX_FACES).unwrap_or(usize::MAX),
            threads: 1,
        };
        Some(Self {
            head,
            faces: BTreeMap::new(),
            names: BTreeMap::new(),
            gallery: ExactGallery::new(transform, model, limits),
            tag_key,
        })
    }

    pub(super) fn info(&self, collection: &GalleryId) -> CollectionInfo {
        CollectionInfo {
            collection: collection.clone(),
            name: self.head.name.clone(),
            created_at: self.head.created_at,
            n_faces: self.faces.len() as u64,
            n_names: self.names.len() as u64,
        }
    }

    /// What tells a picture from others here, and nothing about it elsewhere.
    pub(super) fn tag_of(&self, bytes: &[u8]) -> Digest {
        Digest::of(&[b"regard picture tag v1\0", self.tag_key.as_slice(), bytes])
    }

    pub(super) fn name_id(&self, name: &str) -> Option<NameId> {
        let mut names = self.names.iter();
        names.find(|(_, known)| *known == name).map(|(id, _)| *id)
    }

    pub(super) fn face(&self, id: TemplateId) -> Option<CollectedFace> {
        let form = &self.faces.get(&id)?.form;
        Some(CollectedFace {
            id,
            name: form.name.and_then(|name| self.names.get(&name).cloned()),
            external: form.external.clone(),
            picture: PictureId::from_bits(form.picture),
            bbox_in_unit: form.bbox_in_unit,
            score: form.score,
            made_at: form.made_at,
        })
    }

    /// Puts a face in; it is found from now on.
    pub(super) fn insert(
        &mut self,
        id: TemplateId,
        form: FaceForm,
        template: Template,
    ) -> Result<(), CollectionError> {
        let bytes = template.to_bytes();
        let values = Template::from_bytes(&bytes)?;
        self.gallery.insert(Enrolment {
            template: id,
            person: PersonId::from_bits(id.as_bits()),
            picture: None,
            values,
        })?;
        self.faces.insert(id, Held { form, template });
        Ok(())
    }

    /// Takes a face out; it is not found any more when this returns.
    pub(super) fn remove(&mut self, id: TemplateId) -> Result<bool, CollectionError> {
        let was_there = self.faces.remove(&id).is_some();
        self.gallery.remove_template(id)?;
        Ok(was_there)
    }

    /// The faces of a name.
    pub(super) fn faces_of(&self, name: NameId) -> Vec<TemplateId> {
        let all = self.faces.iter();
        all.filter(|(_, held)| held.form.name == Some(name))
            .map(|(id, _)| *id)
            .collect()
    }
}
