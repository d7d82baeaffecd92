//! The laws of galleries, on every gallery of this room.

use regard_identity::{ExactGallery, Gallery, GalleryLimits};
use regard_testkit::conformance::gallery::{self as laws, MODEL, Strictness, first_transform};
use regard_testkit::conformance::shards;

fn exact(threads: usize) -> Box<dyn Gallery> {
    let limits = GalleryLimits {
        threads,
        ..GalleryLimits::default()
    };
    Box::new(ExactGallery::new(first_transform(), MODEL, limits))
}

#[test]
fn exact_keeps_the_laws() {
    for seed in 0..12 {
        laws::random_history(exact(1), seed, 250, Strictness { is_exact: true });
    }
    laws::order_does_not_matter(|| exact(1), 3);
    laws::foreign_templates_are_refused(exact(1));
}

/// The index is asked from the first template on.
#[cfg(feature = "hnsw")]
fn near() -> Box<dyn Gallery> {
    let limits = regard_identity::NearLimits {
        exact_up_to: 0,
        ..regard_identity::NearLimits::default()
    };
    let gallery = regard_identity::NearGallery::new(
        first_transform(),
        MODEL,
        GalleryLimits::default(),
        limits,
    );
    Box::new(gallery.unwrap())
}

#[cfg(feature = "hnsw")]
#[test]
fn near_keeps_the_laws_but_may_miss_somebody() {
    for seed in 0..6 {
        laws::random_history(near(), seed, 250, Strictness { is_exact: false });
    }
    laws::foreign_templates_are_refused(near());
}

#[test]
fn parts_are_as_one_gallery() {
    let exact = || ExactGallery::new(first_transform(), MODEL, GalleryLimits::default());
    let part = |_| -> Box<dyn regard_identity::Shard> { Box::new(exact()) };
    for n_parts in [1, 2, 5] {
        shards::parts_answer_as_one((0..n_parts).map(part).collect(), Box::new(exact()), 11);
    }
}
