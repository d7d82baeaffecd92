//! The law of parts: together they answer as one gallery of all would.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use regard_commitments::{Grant, Recognition};
use regard_domain::{PersonId, TemplateId};
use regard_identity::{Embedding, Enrolment, Gallery, Shard, ShardedGallery};

use super::gallery::{MODEL, another_of, first_transform, random_embedding};

/// Persons of the history.
const N_PERSONS: usize = 120;

/// Enrols, removes and searches in parts and in one gallery, and demands the same answers.
///
/// # Panics
/// When the parts show.
pub fn parts_answer_as_one(shards: Vec<Box<dyn Shard>>, mut whole: Box<dyn Gallery>, seed: u64) {
    let key = Grant::<Recognition>::for_evaluation();
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut parts = ShardedGallery::new(first_transform(), MODEL, shards).expect("a part at least");
    let faces: Vec<Embedding> = (0..N_PERSONS).map(|_| random_embedding(&mut rng)).collect();
    let persons: Vec<PersonId> = faces.iter().map(|_| PersonId::random(&mut rng)).collect();
    let mut templates = Vec::new();
    for round in 0..4 {
        for (face, person) in faces.iter().zip(&persons) {
            let face = another_of(face, 0.5, &mut rng);
            let values = || first_transform().template(&face).expect("one dimension");
            let template = TemplateId::random(&mut rng);
            templates.push(template);
            let enrolment = |values| Enrolment {
                template,
                person: *person,
                picture: None,
                values,
            };
            assert!(parts.insert(enrolment(values())).is_ok());
            assert!(whole.insert(enrolment(values())).is_ok());
        }
        let person = persons[rng.random_range(0..persons.len())];
        let removed = parts.remove_person(person).ok();
        assert_eq!(removed, whole.remove_person(person).ok(), "seed {seed}");
        let template = templates[rng.random_range(0..templates.len())];
        let was_there = parts.remove_template(template).ok();
        assert_eq!(
            was_there,
            whole.remove_template(template).ok(),
            "seed {seed}"
        );
        assert_eq!(parts.n_templates().ok(), whole.n_templates().ok());
        let probes: Vec<Embedding> = (0..9)
            .map(|at| match at % 3 {
                0 => random_embedding(&mut rng),
                _ => another_of(&faces[rng.random_range(0..N_PERSONS)], 0.6, &mut rng),
            })
            .collect();
        let probes: Vec<&Embedding> = probes.iter().collect();
        for k in [0, 1, 7, 500] {
            let found = parts
                .search_batch(&probes, k, &key)
                .expect("all parts answer");
            let truth = whole.search_batch(&probes, k, &key).expect("a live grant");
            assert_eq!(found, truth, "seed {seed}, round {round}, k {k}");
        }
    }
}
