//! Where drawings go.

use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use regard_domain::Face;
use regard_library::{Input, Item};
use regard_vision::{RgbView, draw_faces, save_drawing};

/// The folder of the drawings, and the name that each input has in it.
///
/// A drawing is called as its source with `.faces.jpg` after it, in folders as its source was; so
/// none is ever written over a source, and no two over each other.
pub(super) struct Drawings {
    folder: PathBuf,
    inputs: Vec<(PathBuf, OsString)>,
}

impl Drawings {
    pub(super) fn new(folder: &Path, inputs: &[Input]) -> Result<Self> {
        let shown = || crate::printable::shown(folder);
        fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", shown()))?;
        let mut named: Vec<(PathBuf, OsString)> = Vec::new();
        for input in inputs {
            let input = &input.root();
            // `.` and `..` have a name too, when they are looked up.
            let looked_up = || {
                fs::canonicalize(input)
                    .ok()?
                    .file_name()
                    .map(OsString::from)
            };
            let name = input.file_name().map(OsString::from).or_else(looked_up);
            let name = name.unwrap_or_else(|| OsString::from("input"));
            let mut free = name.clone();
            let mut n = 1;
            while named.iter().any(|(_, taken)| *taken == free) {
                n += 1;
                free.clone_from(&name);
                free.push(format!("-{n}"));
            }
            named.push((input.clone(), free));
        }
        Ok(Self {
            folder: folder.to_owned(),
            inputs: named,
        })
    }

    /// The drawing of a photograph, or of a frame of a video.
    fn path_of(&self, file: &Item, frame: Option<u64>) -> PathBuf {
        let (input, name) = &self.inputs[file.input];
        let mut path = self.folder.join(name);
        // What a list names begins as it is written there.
        let inside = file.path.strip_prefix(input).unwrap_or(&file.path);
        path.extend(
            inside
                .components()
                .filter(|part| matches!(part, Component::Normal(_))),
        );
        let mut path = path.into_os_string();
        if let Some(frame) = frame {
            path.push(format!(".frame-{frame:06}"));
        }
        path.push(".faces.jpg");
        PathBuf::from(path)
    }

    /// Draws the faces on a copy of the picture and saves it.
    pub(super) fn save(
        &self,
        file: &Item,
        frame: Option<u64>,
        picture: RgbView<'_>,
        faces: &[Face],
    ) -> Result<()> {
        let path = self.path_of(file, frame);
        let drawing = draw_faces(picture, faces).context("the drawing has no pixels")?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).context("the folder of the drawing cannot be made")?;
        }
        save_drawing(&drawing, &path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_sources_share_a_drawing() {
        let folder = tempfile::tempdir().unwrap();
        let mut inputs = ["a/x.jpg", "b/x.jpg", "photos"]
            .map(|path| Input::Path(path.into()))
            .to_vec();
        inputs.push(Input::List("names.txt".into()));
        let drawings = Drawings::new(folder.path(), &inputs).unwrap();
        let check = |path: &str, input: usize, frame: Option<u64>, expected: &str| {
            let file = Item {
                ordinal: 0,
                path: path.into(),
                input,
                is_named: false,
                stamp: String::new(),
            };
            assert_eq!(drawings.path_of(&file, frame), folder.path().join(expected));
        };
        check("a/x.jpg", 0, None, "x.jpg.faces.jpg");
        check("b/x.jpg", 1, None, "x.jpg-2.faces.jpg");
        check("photos/sub/y.tiff", 2, None, "photos/sub/y.tiff.faces.jpg");
        check(
            "photos/v.mp4",
            2,
            Some(25),
            "photos/v.mp4.frame-000025.faces.jpg",
        );
        check("/p/q.jpg", 3, None, "names.txt/p/q.jpg.faces.jpg");
    }
}
