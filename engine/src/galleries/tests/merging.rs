//! Records that answer as one, against a gallery that merges by itself.

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use regard_commitments::{EvaluationKey, Grant, Recognition};
use regard_identity::{Enrolment, ExactGallery, Gallery as _, GalleryLimits, Merge, Template};

use super::super::*;

const SECRET: [u8; 32] = [4; 32];
const MODEL: ModelTag = ModelTag::from_bits(3);

fn face(number: u64) -> Embedding {
    let mut rng = StdRng::seed_from_u64(number);
    let mut uniform = || f32::from(rng.next_u32() as u16) / 32_768.0 - 1.0;
    let values = (0..EMBEDDING_DIMENSION).map(|_| uniform()).collect();
    Embedding::new(values, MODEL).unwrap()
}

/// The same faces in both.
struct Both {
    ours: Galleries,
    oracle: ExactGallery,
    gallery: GalleryId,
    /// Merges that stand.
    merges: Vec<Merge>,
}

impl Both {
    /// Of these owners' faces, in this order.
    fn of(owners: &[u8]) -> Self {
        let gallery = GalleryId::new("visitors").unwrap();
        let ours = Galleries::new(GalleryConfig::default(), "site".to_owned());
        ours.open(&gallery, &SECRET, MODEL).unwrap();
        ours.filled(&gallery).unwrap();
        let transform = transform(&SECRET).unwrap();
        let mut oracle = ExactGallery::new(transform, MODEL, GalleryLimits::default());
        for (number, owner) in (0..).zip(owners) {
            let (person, template) = (
                PersonId::from_bits((*owner).into()),
                TemplateId::from_bits(u128::from(number)),
            );
            let bytes = oracle
                .transform()
                .template(&face(number))
                .unwrap()
                .to_bytes();
            let values = Template::from_bytes(&bytes).unwrap();
            let enrolment = Enrolment {
                template,
                person,
                picture: None,
                values,
            };
            oracle.insert(enrolment).unwrap();
            let until = Timestamp::from_millis(1_000);
            let face = NewFace {
                person,
                template,
                bytes,
                until,
            };
            ours.insert(&gallery, &face).unwrap();
        }
        Self {
            ours,
            oracle,
            gallery,
            merges: Vec::new(),
        }
    }

    fn merge(&mut self, from: u8, into: u8) {
        let ids = [from, into].map(|id| PersonId::from_bits(id.into()));
        // Of somebody who has no face here, or of one person, there is nothing to be made.
        if let Ok(merge) = self.oracle.merge(ids[0], ids[1]) {
            assert_eq!(
                ids.map(|id| self.ours.answered_with(id)),
                [merge.from, merge.into]
            );
            self.ours.merge(RecordMerge {
                from: merge.from,
                into: merge.into,
                at: Timestamp::from_millis(0),
            });
            self.merges.push(merge);
        }
    }

    fn undo(&mut self, which: usize) {
        if !self.merges.is_empty() {
            let merge = self.merges.remove(which % self.merges.len());
            self.oracle.undo_merge(merge).unwrap();
            self.ours.undo_merge(merge.from);
        }
    }

    fn check(&self, owners: &[u8], probe: u64, n: usize) {
        let (probe, now) = (face(probe), Timestamp::from_millis(10));
        let key = EvaluationKey::for_evaluation().to_search();
        let told = self.ours.search(&self.gallery, &probe, n, &key, now);
        let told = told.unwrap();
        let grant = Grant::<Recognition>::for_evaluation();
        assert_eq!(told.answer, self.oracle.search(&probe, n, &grant).unwrap());
        let enrolled_in = told.answer.hits.iter().map(|hit| {
            let number = usize::try_from(hit.template.as_bits()).unwrap();
            PersonId::from_bits(owners[number].into())
        });
        assert_eq!(told.records, enrolled_in.collect::<Vec<_>>());
        let sizes = self.ours.sizes(now);
        let (n_persons, n_templates) = (
            self.oracle.n_persons().unwrap(),
            self.oracle.n_templates().unwrap(),
        );
        assert_eq!(sizes, [(self.gallery.clone(), n_persons, n_templates)]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_search_tells_what_a_gallery_that_merges_tells(
        owners in prop::collection::vec(0_u8..8, 1..24),
        asked in prop::collection::vec((0_u8..8, 0_u8..8), 0..10),
        undone in prop::collection::vec(0_usize..10, 0..4),
        probe in 0_u64..32,
        n in 0_usize..6,
    ) {
        let mut both = Both::of(&owners);
        both.check(&owners, probe, n);
        for (from, into) in asked {
            both.merge(from, into);
        }
        both.check(&owners, probe, n);
        for which in undone {
            both.undo(which);
            both.check(&owners, probe, n);
        }
    }
}
