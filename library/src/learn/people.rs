//! No class is a person: folders that mainly show faces are refused.

use std::sync::Arc;

use regard_commitments::{
    CountScope, LibraryDeclaration, Refusal, RefusalCode, Scoped, ask_library,
};
use regard_domain::CameraId;
use regard_inference::{Catalog, LoadOptions, Runtime};
use regard_vision::{Detector, DetectorOptions, RgbView};

use super::LearnError;

/// Photographs of a class that are all looked at, and of those after them one in so many.
const FIRST: usize = 30;
const ONE_IN: usize = 25;

/// Share of the photographs looked at from which on a class is one of people.
const MAX_SHARE: f64 = 0.5;

/// Fewest photographs from which on that is said before all are seen.
const LEAST: usize = 10;

/// A face is what a photograph is about from this part of the shorter side on. Origin: a portrait to the waist has a face of
/// a fifth; somebody who holds a product up to the camera mostly has less.
const LARGE: f32 = 0.2;

/// The detector of the catalogue.
const DETECTOR_ID: &str = "yunet-2023mar";

/// Looks for faces, on one thread.
///
/// # Privacy
/// Finds that a face is there and how large, nothing about whose.
pub(super) struct FaceScout {
    detector: Detector,
    key: Scoped<CountScope>,
}

impl FaceScout {
    pub(super) fn new(runtime: &Arc<dyn Runtime>, catalog: &Catalog) -> Result<Self, LearnError> {
        let source = CameraId::new("learn").expect("a good name");
        let grant = ask_library(&LibraryDeclaration::own_media(source))
            .into_result()
            .map_err(LearnError::People)?;
        let key = grant.count().expect("the library grants counting");
        let bytes = catalog
            .bytes_of(DETECTOR_ID)
            .map_err(super::NetworkError::from)?;
        let network = runtime
            .load(&bytes, &LoadOptions::default())
            .map_err(super::NetworkError::from)?;
        let options = DetectorOptions {
            long_side_px: 320,
            ..DetectorOptions::PHOTO
        };
        Ok(Self {
            detector: Detector::new(network, options),
            key,
        })
    }

    /// Whether a face takes up much of a picture; nothing where the detector failed on it.
    pub(super) fn sees_large_face(&mut self, picture: RgbView<'_>) -> Option<bool> {
        let size = picture.size();
        let side = size.width.min(size.height) as f32;
        let faces = self.detector.detect(picture, &self.key).ok()?;
        let largest = faces
            .iter()
            .map(|face| face.bbox_in_frame.width().max(face.bbox_in_frame.height()))
            .fold(0.0, f32::max);
        Some(largest >= LARGE * side)
    }
}

/// Counts photographs with large faces, class by class.
#[derive(Debug)]
pub(super) struct FaceRule {
    classes: Vec<String>,
    /// Looked at, and with a face.
    counts: Vec<(usize, usize)>,
}

impl FaceRule {
    pub(super) fn new(classes: Vec<String>) -> Self {
        let counts = vec![(0, 0); classes.len()];
        Self { classes, counts }
    }

    /// Whether the n-th photograph of a class is looked at, counted from 1.
    pub(super) fn looks_at(n: usize) -> bool {
        n <= FIRST || n.is_multiple_of(ONE_IN)
    }

    /// Takes down what was seen of one photograph.
    pub(super) fn note(&mut self, class: u32, has_face: bool) -> Result<(), Refusal> {
        let counts = &mut self.counts[class as usize];
        counts.0 += 1;
        counts.1 += usize::from(has_face);
        if counts.0 < LEAST {
            return Ok(());
        }
        self.check(class as usize)
    }

    /// Looks at the classes with few photographs, too.
    pub(super) fn finish(&self) -> Result<(), Refusal> {
        (0..self.classes.len()).try_for_each(|class| self.check(class))
    }

    fn check(&self, class: usize) -> Result<(), Refusal> {
        let (n, n_faces) = self.counts[class];
        if n == 0 || n_faces as f64 <= n as f64 * MAX_SHARE {
            return Ok(());
        }
        let name = &self.classes[class];
        Err(Refusal::new(
            RefusalCode::UntargetedCollection,
            format!(
                "{n_faces} of {n} photographs looked at in class {name:?} show a large face, and a class of faces is a gallery of people"
            ),
            "people are known by their own act and with their token alone: regard enroll; learn products, logos, objects or displays, and cut photographs to them",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(seen: &[(u32, bool)]) -> Result<(), Refusal> {
        let mut rule = FaceRule::new(vec!["cola".to_owned(), "ann".to_owned()]);
        for (class, has_face) in seen {
            rule.note(*class, *has_face)?;
        }
        rule.finish()
    }

    #[test]
    fn a_class_of_faces_is_refused_and_some_faces_among_things_are_not() {
        let some: Vec<_> = (0..40).map(|i| (0, i % 3 == 0)).collect();
        assert!(rule(&some).is_ok());
        let refusal = rule(&[(0, false), (1, true), (1, true), (1, false)]).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::UntargetedCollection);
        assert!(refusal.reason.contains("2 of 3") && refusal.reason.contains("\"ann\""));
        assert!(refusal.remedy.contains("regard enroll"));
        // Said as soon as it is plain, not after millions.
        let mut rule = FaceRule::new(vec!["ann".to_owned()]);
        let until = (1..100).find(|_| rule.note(0, true).is_err());
        assert_eq!(until, Some(LEAST));
    }

    #[test]
    fn late_photographs_are_looked_at_too() {
        let n = (1..=100_000).filter(|n| FaceRule::looks_at(*n)).count();
        assert!((4_000..4_100).contains(&n), "{n}");
    }
}
