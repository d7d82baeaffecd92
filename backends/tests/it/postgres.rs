//! Galleries in PostgreSQL, on a server that the tests start themselves (`regard_testkit::postgres`); without one they say that
//! they were skipped.

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use regard_backends::{PgAddress, PgGallery, PgProbe};
use regard_commitments::{Grant, Recognition};
use regard_domain::{PersonId, TemplateId};
use regard_identity::{
    Embedding, Enrolment, ExactGallery, Gallery, GalleryError, GalleryLimits, GalleryTransform,
};
use regard_testkit::conformance::gallery::{
    self as laws, DIMENSION, MODEL, Strictness, first_transform, random_embedding,
};
use regard_testkit::postgres::{Postgres, SKIPPED};
use tempfile::TempDir;

/// A server of our own, which ends with the test.
struct Server {
    // Before the folder, which it lies in.
    postgres: Postgres,
    _folder: TempDir,
}

impl Server {
    /// Starts one; nothing, and a word about it, where none can be had.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let Some(postgres) = Postgres::start(folder.path()) else {
            println!("{SKIPPED}");
            return None;
        };
        Some(Self {
            postgres,
            _folder: folder,
        })
    }

    fn address(&self) -> PgAddress {
        self.postgres.address().parse().unwrap()
    }

    fn gallery(&self, name: &str) -> PgGallery {
        PgGallery::open(&self.address(), name, first_transform(), MODEL, 1_000_000).unwrap()
    }
}

fn enroll(gallery: &mut dyn Gallery, bits: u128, face: &Embedding) {
    let values = gallery.transform().template(face).unwrap();
    let enrolment = Enrolment {
        template: TemplateId::from_bits(bits),
        person: PersonId::from_bits(bits),
        picture: None,
        values,
    };
    gallery.insert(enrolment).unwrap();
}

fn first(gallery: &dyn Gallery, face: &Embedding) -> Option<PersonId> {
    let key = Grant::<Recognition>::for_evaluation();
    let answer = gallery.search(face, 1, &key).unwrap();
    answer.hits.first().map(|hit| hit.person)
}

#[test]
fn the_laws_are_kept_by_postgres() {
    let Some(server) = Server::start() else {
        return;
    };
    for seed in 0..2 {
        let gallery = server.gallery(&format!("seed {seed}"));
        laws::random_history(Box::new(gallery), seed, 80, Strictness { is_exact: true });
    }
    let mut n = 0;
    let fresh = || -> Box<dyn Gallery> {
        n += 1;
        Box::new(server.gallery(&format!("order {n}")))
    };
    laws::order_does_not_matter(fresh, 3);
    laws::foreign_templates_are_refused(Box::new(server.gallery("foreign")));
    a_merge_stays_as_long_as_somebody_of_it_has_a_template(server.gallery("kept"));
}

fn a_merge_stays_as_long_as_somebody_of_it_has_a_template(mut gallery: PgGallery) {
    let mut rng = ChaCha20Rng::seed_from_u64(41);
    let (person, template) = (PersonId::from_bits, TemplateId::from_bits);
    for bits in 0..4 {
        enroll(&mut gallery, bits, &random_embedding(&mut rng));
    }
    gallery.merge(person(0), person(1)).unwrap();
    let kept = BTreeSet::from([template(1), template(2)]);
    for n_removed in [2, 0] {
        assert_eq!(gallery.keep_only(&kept).unwrap(), n_removed);
        assert_eq!(gallery.n_templates().unwrap(), 2);
        assert_eq!(gallery.n_persons().unwrap(), 2);
        assert_eq!(gallery.templates_of(person(0)).unwrap(), [template(1)]);
    }
    assert_eq!(gallery.keep_only(&BTreeSet::new()).unwrap(), 2);
    let left = (gallery.n_templates().unwrap(), gallery.n_persons().unwrap());
    assert_eq!(left, (0, 0));
}

#[test]
fn postgres_and_memory_answer_alike() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut rng = ChaCha20Rng::seed_from_u64(17);
    let mut stored = server.gallery("alike");
    let mut memory = ExactGallery::new(first_transform(), MODEL, GalleryLimits::default());
    for bits in 0..400 {
        let face = random_embedding(&mut rng);
        enroll(&mut stored, bits, &face);
        enroll(&mut memory, bits, &face);
    }
    let to = || GalleryTransform::from_key(&[77; 32], DIMENSION).unwrap();
    let key = Grant::<Recognition>::for_evaluation();
    for is_turned_over in [false, true] {
        if is_turned_over {
            stored.rekey(to()).unwrap();
            memory.rekey(to()).unwrap();
        }
        for _ in 0..10 {
            let probe = random_embedding(&mut rng);
            // To the last bit.
            let (a, b) = (
                stored.search(&probe, 25, &key),
                memory.search(&probe, 25, &key),
            );
            assert_eq!(a.unwrap(), b.unwrap());
        }
    }
    // Whoever still has the transform of before is told so, and finds nobody.
    let late = PgGallery::open(&server.address(), "alike", first_transform(), MODEL, 10);
    assert!(late.is_err());
}

#[test]
fn who_was_removed_stays_away_after_a_crash_and_after_a_restore() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut rng = ChaCha20Rng::seed_from_u64(23);
    let faces: Vec<Embedding> = (0..30).map(|_| random_embedding(&mut rng)).collect();
    let mut gallery = server.gallery("crash");
    for (bits, face) in (0_u128..).zip(&faces) {
        enroll(&mut gallery, bits, face);
    }
    server.postgres.back_up();
    let person = PersonId::from_bits;
    assert_eq!(gallery.remove_person(person(4)).unwrap(), 1);
    assert!(gallery.remove_template(TemplateId::from_bits(5)).unwrap());
    server.postgres.crash();
    assert!(matches!(
        gallery.n_templates(),
        Err(GalleryError::Index { .. })
    ));
    server.postgres.up();
    let check = |gallery: &PgGallery| {
        for (bits, face) in (0_u128..).zip(&faces) {
            let is_there = ![4, 5].contains(&bits);
            assert_eq!(
                first(gallery, face) == Some(person(bits)),
                is_there,
                "{bits}"
            );
        }
    };
    let mut gallery = server.gallery("crash");
    check(&gallery);
    // An older copy comes back, in which both are; who is to be there is known by whoever keeps the consents.
    server.postgres.restore();
    assert_eq!(first(&gallery, &faces[4]), Some(person(4)));
    let kept: BTreeSet<TemplateId> = (0..30)
        .filter(|bits| ![4, 5].contains(bits))
        .map(TemplateId::from_bits)
        .collect();
    assert_eq!(gallery.keep_only(&kept).unwrap(), 2);
    check(&gallery);
}

#[test]
fn a_family_has_one_gallery_for_each_transform_until_the_others_are_removed() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut rng = ChaCha20Rng::seed_from_u64(29);
    let face = random_embedding(&mut rng);
    let open = |family: &str, byte: u8| {
        let transform = GalleryTransform::from_key(&[byte; 32], DIMENSION).unwrap();
        PgGallery::open_in(&server.address(), family, transform, MODEL, 10).unwrap()
    };
    let families = ["shop", "shop/back", "sho"];
    for family in families {
        for byte in [1, 2] {
            enroll(&mut open(family, byte), u128::from(byte), &face);
        }
    }
    let mut kept = open("shop", 2);
    assert_eq!(kept.remove_others("shop").unwrap(), 1);
    assert_eq!(kept.remove_others("shop").unwrap(), 0);
    assert_eq!(first(&kept, &face), Some(PersonId::from_bits(2)));
    for (family, byte, n) in [("shop", 1, 0), ("shop/back", 1, 1), ("sho", 1, 1)] {
        assert_eq!(open(family, byte).n_templates().unwrap(), n, "{family}");
    }
}

/// The runtime of whoever searches is not the one that talks to the database.
#[tokio::test]
async fn a_gallery_may_be_dropped_within_a_task() {
    let Some(server) = Server::start() else {
        return;
    };
    let opened = std::thread::scope(|scope| scope.spawn(|| server.gallery("task")).join());
    drop(opened.unwrap());
    let asked = std::thread::scope(|scope| scope.spawn(|| PgProbe::ask(&server.address())).join());
    let probe = asked.unwrap().unwrap();
    assert!(probe.is_made && probe.vector.is_some(), "{probe:?}");
    assert!(
        probe
            .server
            .starts_with(|first: char| first.is_ascii_digit())
    );
}
