//! The default set, part of the program. A test compares this list with the manifest.

macro_rules! model {
    ($file:literal) => {
        (
            $file,
            include_bytes!(concat!("../../../models/", $file)).as_slice(),
        )
    };
}

/// Text of the built-in manifest.
pub(super) const MANIFEST: &str = include_str!("../../../models/manifest.toml");

/// The built-in files, by name.
pub(super) static FILES: &[(&str, &[u8])] = &[
    model!("yunet_2023mar.onnx"),
    model!("sface_2021dec_int8.onnx"),
    model!("faceapi_expression.onnx"),
    model!("fer_mini_xception.onnx"),
    model!("mediapipe_face_mesh_468.onnx"),
    model!("faceres_age.onnx"),
];

/// The built-in file of that name.
pub(super) fn bytes_of(file: &str) -> Option<&'static [u8]> {
    FILES
        .iter()
        .find(|(name, _)| *name == file)
        .map(|(_, bytes)| *bytes)
}

#[cfg(test)]
mod tests {
    use super::super::entry::{Obtain, parse};
    use super::*;

    #[test]
    fn the_list_is_that_of_the_manifest() {
        let entries = parse(MANIFEST).unwrap();
        let named = entries
            .iter()
            .filter(|entry| entry.obtain == Obtain::Committed);
        let mut named: Vec<&str> = named.map(|entry| entry.file.as_str()).collect();
        let mut built_in: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        named.sort_unstable();
        built_in.sort_unstable();
        assert_eq!(built_in, named);
    }
}
