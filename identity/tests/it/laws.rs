//! The laws of galleries, on every gallery of this room.

use regard_identity::{ExactGallery, Gallery, GalleryLimits};
use regard_testkit::conformance::gallery::{self as laws, MODEL, Strictness, first_transform};

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
