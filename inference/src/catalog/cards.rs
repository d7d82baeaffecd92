//! Model cards, part of the program. A test compares this list with the manifest.

macro_rules! card {
    ($file:literal) => {
        (
            $file,
            include_str!(concat!("../../../models/cards/", $file)),
        )
    };
}

/// The cards, by name.
const CARDS: &[(&str, &str)] = &[
    card!("faceapi-expression.md"),
    card!("faceres-age.md"),
    card!("fer-mini-xception.md"),
    card!("mediapipe-face-blendshapes-52.md"),
    card!("mediapipe-face-landmarks-478.md"),
    card!("mediapipe-face-mesh-468.md"),
    card!("minifasnet-v1se.md"),
    card!("minifasnet-v2.md"),
    card!("mobilenetv2-feat1280.md"),
    card!("omz-emotions-recognition-retail-0003.md"),
    card!("omz-face-reidentification-retail-0095.md"),
    card!("sface-2021dec-int8.md"),
    card!("yunet-2023mar.md"),
    card!("yunet-n-dynamic.md"),
];

/// The card of that name.
pub(super) fn text_of(file: &str) -> Option<&'static str> {
    let mut cards = CARDS.iter();
    cards.find(|(name, _)| *name == file).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::super::embedded::MANIFEST;
    use super::super::entry::parse;
    use super::*;

    #[test]
    fn every_model_has_its_card() {
        let entries = parse(MANIFEST).unwrap();
        for entry in &entries {
            let text = entry
                .card_text()
                .unwrap_or_else(|| panic!("no card of {}", entry.id));
            for heading in ["**Purpose.**", "**Training data.**", "**Licence.**"] {
                assert!(text.contains(heading), "{}: {heading}", entry.id);
            }
        }
        assert_eq!(entries.len(), CARDS.len());
    }

    #[test]
    fn every_card_says_whether_error_by_group_was_measured() {
        const NOT_MEASURED: &str = "We measured no error by group";
        let entries = parse(MANIFEST).unwrap();
        for entry in entries.iter().filter(|e| e.role.is_about_people()) {
            let text = entry.card_text().unwrap();
            let is_measured = entry.error_by_group.is_some();
            assert_eq!(text.contains(NOT_MEASURED), !is_measured, "{}", entry.id);
        }
    }
}
