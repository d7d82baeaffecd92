//! What a machine holds of galleries for another one.

use std::collections::BTreeMap;
use std::fmt;

use regard_commitments::{Grant, Recognition};
use regard_domain::{PersonId, TemplateId};

use super::{
    Enrolment, ExactGallery, Gallery, GalleryError, GalleryLimits, SearchAnswer, Shard,
    TemplateKind,
};
use crate::{GalleryTransform, ModelTag, Template, TransformId};

/// Kinds held at once: the gallery that is searched, and the one that it becomes while it is turned over. A further one is
/// refused.
const MAX_KINDS: usize = 4;

/// A part of a gallery in memory, for a machine that knows neither the gallery's secret nor anybody: templates of each kind by
/// themselves, begun and forgotten as the site says. Empty when it is made.
///
/// # Privacy
/// As [`Shard`].
pub struct Part {
    limits: GalleryLimits,
    galleries: BTreeMap<(ModelTag, TransformId), ExactGallery>,
}

impl Part {
    /// An empty one; the limits are those of each kind.
    pub const fn new(limits: GalleryLimits) -> Self {
        Self {
            limits,
            galleries: BTreeMap::new(),
        }
    }

    fn of(&self, template: &Template) -> Result<&ExactGallery, GalleryError> {
        let gallery = self
            .galleries
            .get(&(template.model(), template.transform()));
        gallery.ok_or(GalleryError::OtherTransform)
    }
}

impl Shard for Part {
    fn search(
        &self,
        probes: &[&Template],
        k: usize,
        key: &Grant<Recognition>,
    ) -> Result<Vec<SearchAnswer>, GalleryError> {
        match probes.first() {
            Some(first) => self.of(first)?.search_templates(probes, k, key),
            None => Ok(Vec::new()),
        }
    }

    fn insert(&mut self, enrolment: Enrolment) -> Result<(), GalleryError> {
        let values = &enrolment.values;
        let kind = (values.model(), values.transform());
        let gallery = self.galleries.get_mut(&kind);
        Gallery::insert(gallery.ok_or(GalleryError::OtherTransform)?, enrolment)
    }

    fn remove_person(&mut self, person: PersonId) -> Result<usize, GalleryError> {
        let mut n_most = 0;
        for gallery in self.galleries.values_mut() {
            n_most = n_most.max(Gallery::remove_person(gallery, person)?);
        }
        Ok(n_most)
    }

    fn remove_template(&mut self, template: TemplateId) -> Result<bool, GalleryError> {
        let mut was_there = false;
        for gallery in self.galleries.values_mut() {
            was_there |= Gallery::remove_template(gallery, template)?;
        }
        Ok(was_there)
    }

    fn n_templates(&self) -> Result<u64, GalleryError> {
        self.galleries.values().map(Gallery::n_templates).sum()
    }

    fn begin(&mut self, kind: TemplateKind) -> Result<(), GalleryError> {
        let place = (kind.model, kind.transform);
        self.galleries.remove(&place);
        if self.galleries.len() >= MAX_KINDS {
            return Err(GalleryError::Full {
                max_templates: self.limits.max_templates,
            });
        }
        let transform = GalleryTransform::elsewhere(kind.transform, kind.dimension);
        let transform = transform.ok_or(GalleryError::OtherModel)?;
        let gallery = ExactGallery::new(transform, kind.model, self.limits);
        self.galleries.insert(place, gallery);
        Ok(())
    }

    fn keep_only(&mut self, kind: TemplateKind) -> Result<(), GalleryError> {
        let place = (kind.model, kind.transform);
        self.galleries.retain(|held, _| *held == place);
        Ok(())
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({} kinds withheld)", self.galleries.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(transform: u64) -> TemplateKind {
        TemplateKind {
            model: ModelTag::from_bits(1),
            transform: TransformId::from_bits(transform),
            dimension: 4,
        }
    }

    fn enrolment(bits: u128, transform: u64) -> Enrolment {
        let kind = kind(transform);
        let numbers = [127, 3, -5, bits as i8];
        Enrolment {
            template: TemplateId::from_bits(bits),
            person: PersonId::from_bits(bits),
            picture: None,
            values: Template::from_numbers(&numbers, kind.model, kind.transform).unwrap(),
        }
    }

    fn found(part: &Part, transform: u64) -> Result<Vec<PersonId>, GalleryError> {
        let probe = enrolment(0, transform).values;
        let key = Grant::<Recognition>::for_evaluation();
        let answers = part.search(&[&probe], 9, &key)?;
        Ok(answers[0].hits.iter().map(|hit| hit.person).collect())
    }

    #[test]
    fn each_kind_is_by_itself_and_who_goes_is_gone_from_all() {
        let mut part = Part::new(GalleryLimits::default());
        let never_begun = part.insert(enrolment(1, 7));
        assert!(matches!(never_begun, Err(GalleryError::OtherTransform)));
        assert!(found(&part, 7).is_err());
        for transform in [7, 8] {
            part.begin(kind(transform)).unwrap();
            for bits in [1, 2] {
                part.insert(enrolment(bits, transform)).unwrap();
            }
        }
        assert_eq!(part.n_templates().unwrap(), 4);
        assert_eq!(part.remove_person(PersonId::from_bits(1)).unwrap(), 1);
        for transform in [7, 8] {
            assert_eq!(found(&part, transform).unwrap(), [PersonId::from_bits(2)]);
        }
        part.keep_only(kind(8)).unwrap();
        assert!(found(&part, 7).is_err());
        assert_eq!(found(&part, 8).unwrap(), [PersonId::from_bits(2)]);
        // Begun again, it is empty.
        part.begin(kind(8)).unwrap();
        assert!(found(&part, 8).unwrap().is_empty());
        for transform in 0..3 {
            part.begin(kind(transform)).unwrap();
        }
        let further = part.begin(kind(99));
        assert!(matches!(further, Err(GalleryError::Full { .. })));
    }

    #[test]
    fn nothing_is_put_through_a_transform_whose_secret_is_elsewhere() {
        let known = GalleryTransform::from_key(&[1; 32], 4).unwrap();
        let named = GalleryTransform::elsewhere(known.id(), 4).unwrap();
        let face = crate::Embedding::new(vec![1.0, 2.0, 3.0, 4.0], ModelTag::from_bits(1)).unwrap();
        assert!(known.template(&face).is_some() && named.template(&face).is_none());
        assert!(named.way_to(&known).is_none() && known.way_to(&named).is_none());
        assert!(GalleryTransform::elsewhere(known.id(), 0).is_none());
    }
}
