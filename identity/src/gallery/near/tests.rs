use regard_domain::PictureId;

use super::*;
use crate::TransformId;

const DIMENSION: usize = 64;
const MODEL: ModelTag = ModelTag::from_bits(3);

fn gallery(exact_up_to: usize) -> NearGallery {
    let transform = GalleryTransform::from_key(&[4; 32], DIMENSION).unwrap();
    let near = NearLimits {
        exact_up_to,
        ..NearLimits::default()
    };
    NearGallery::new(transform, MODEL, GalleryLimits::default(), near).unwrap()
}

fn numbers(rng: &mut ChaCha8Rng) -> Vec<i8> {
    (0..DIMENSION)
        .map(|_| ((rng.next_u32() % 255) as i32 - 127) as i8)
        .collect()
}

fn enroll(gallery: &mut NearGallery, id: u128, numbers: &[i8]) {
    let transform: TransformId = gallery.transform().id();
    let values = Template::from_numbers(numbers, MODEL, transform).unwrap();
    let enrolment = Enrolment {
        template: TemplateId::from_bits(id),
        person: PersonId::from_bits(id),
        picture: None::<PictureId>,
        values,
    };
    Gallery::insert(gallery, enrolment).unwrap();
}

fn search(gallery: &NearGallery, numbers: &[i8]) -> Vec<Hit> {
    let key = Grant::<Recognition>::for_evaluation();
    let probe = Template::from_numbers(numbers, MODEL, gallery.transform().id()).unwrap();
    let mut answers = Shard::search(gallery, &[&probe], 5, &key).unwrap();
    answers.remove(0).hits
}

/// Everything the index holds.
fn memory(gallery: &NearGallery) -> Vec<u8> {
    let mut bytes = vec![0; gallery.index.serialized_length()];
    gallery.index.save_to_buffer(&mut bytes).unwrap();
    bytes
}

fn holds(bytes: &[u8], numbers: &[i8]) -> bool {
    let needle: Vec<u8> = numbers.iter().map(|v| v.cast_unsigned()).collect();
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn who_is_enrolled_is_found_by_the_index() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let mut gallery = gallery(100);
    let faces: Vec<Vec<i8>> = (0..3_000).map(|_| numbers(&mut rng)).collect();
    for (id, face) in faces.iter().enumerate() {
        enroll(&mut gallery, id as u128, face);
        // Begun at half of it, the index is there when its turn comes.
        assert_eq!(gallery.asks_index(), id >= 100, "{id}");
    }
    let mut n_missed = 0;
    for (id, face) in faces.iter().enumerate() {
        let probe: Vec<i8> = face
            .iter()
            .zip(numbers(&mut rng))
            .map(|(a, b)| ((i32::from(*a) + i32::from(b)) / 2) as i8)
            .collect();
        let hits = search(&gallery, &probe);
        n_missed += usize::from(hits[0].person != PersonId::from_bits(id as u128));
    }
    // An exact search finds all of these; an index misses few.
    assert!(n_missed <= 15, "{n_missed} of 3,000 missed");
}

#[test]
fn what_is_removed_is_overwritten_in_the_index() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let mut gallery = gallery(0);
    let faces: Vec<Vec<i8>> = (0..300).map(|_| numbers(&mut rng)).collect();
    for (id, face) in faces.iter().enumerate() {
        enroll(&mut gallery, id as u128, face);
    }
    assert!(gallery.asks_index());
    let before = memory(&gallery);
    assert!(faces.iter().all(|face| holds(&before, face)));
    for id in (0..300).step_by(3) {
        Gallery::remove_person(&mut gallery, PersonId::from_bits(id)).unwrap();
        Gallery::remove_template(&mut gallery, TemplateId::from_bits(id + 1)).unwrap();
    }
    let after = memory(&gallery);
    for (id, face) in faces.iter().enumerate() {
        assert_eq!(holds(&after, face), id % 3 == 2, "{id}");
        let hits = search(&gallery, face);
        assert_eq!(
            hits[0].person == PersonId::from_bits(id as u128),
            id % 3 == 2,
            "{id}"
        );
    }
    // Those who come after take the places that were left.
    for (id, face) in faces.iter().enumerate().filter(|(id, _)| id % 3 != 2) {
        enroll(&mut gallery, 1_000 + id as u128, face);
        let hits = search(&gallery, face);
        assert_eq!(hits[0].person, PersonId::from_bits(1_000 + id as u128));
    }
    assert_eq!(gallery.index.size(), 300);
    assert!(faces.iter().all(|face| holds(&memory(&gallery), face)));
}

#[test]
fn an_index_built_at_once_is_as_one_that_grew() {
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    let (mut grown, mut built) = (gallery(50), gallery(10_000));
    let faces: Vec<Vec<i8>> = (0..500).map(|_| numbers(&mut rng)).collect();
    for (id, face) in faces.iter().enumerate() {
        enroll(&mut grown, id as u128, face);
        enroll(&mut built, id as u128, face);
    }
    built.set_exact_up_to(50);
    assert!(!built.asks_index());
    built.build_index().unwrap();
    assert!(built.asks_index());
    for face in &faces {
        let (a, b) = (search(&grown, face), search(&built, face));
        assert_eq!(a[0], b[0]);
    }
}
