//! Where the shared library of ONNX Runtime is looked for.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::Device;

/// Environment variable that names the library; the one that `ort` and its users know.
const PATH_VARIABLE: &str = "ORT_DYLIB_PATH";

/// Files of one folder that are looked at. A folder of system libraries has some thousands; more
/// than this is no library folder.
const MAX_FOLDER_ENTRIES: usize = 20_000;

/// Why ONNX Runtime cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// There is none in the places that were looked at.
    #[error("ONNX Runtime library not found")]
    NotFound,
    /// It does not load: another machine's, damaged, or one of its own libraries is missing.
    #[error("{path} cannot be loaded", path = path.display())]
    Unloadable {
        /// The file.
        path: PathBuf,
        /// What the system's loader says.
        source: libloading::Error,
    },
    /// A library, but not ONNX Runtime.
    #[error("{path} is not ONNX Runtime", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Older than what this program speaks.
    #[error("{path} is ONNX Runtime {version}, {needed} or later is needed", path = path.display())]
    TooOld {
        /// The file.
        path: PathBuf,
        /// What it is.
        version: String,
        /// The oldest that works.
        needed: String,
    },
    /// It loads and fails to start.
    #[error("ONNX Runtime at {path} does not start: {message}", path = path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What it says.
        message: String,
    },
    /// It has no support for the wanted device.
    #[error("{path} was built without support for {device:?}", path = path.display())]
    NoDevice {
        /// The file.
        path: PathBuf,
        /// What was wanted.
        device: Device,
    },
}

/// The places where the library may be.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LibrarySearch {
    /// This file and no other; a failure is reported, never passed over.
    pub file: Option<PathBuf>,
    /// Folders, in order; in each the newest version first.
    pub folders: Vec<PathBuf>,
}

impl LibrarySearch {
    /// `ORT_DYLIB_PATH` where it is set; otherwise the folder of this program, its `lib`, and the
    /// system's library folders.
    pub fn system() -> Self {
        let file = std::env::var_os(PATH_VARIABLE).filter(|path| !path.is_empty());
        let mut folders = Vec::new();
        if let Ok(program) = std::env::current_exe()
            && let Some(folder) = program.parent()
        {
            folders.extend([folder.to_owned(), folder.join("lib")]);
        }
        folders.extend(SYSTEM_FOLDERS.iter().map(PathBuf::from));
        Self {
            file: file.map(PathBuf::from),
            folders,
        }
    }

    /// What `load` makes of the first file it accepts.
    ///
    /// # Errors
    /// That of the named file; else that of the first file found; else
    /// [`NotFound`](LibraryError::NotFound).
    pub(super) fn first<T>(
        &self,
        mut load: impl FnMut(&Path) -> Result<T, LibraryError>,
    ) -> Result<T, LibraryError> {
        if let Some(file) = &self.file {
            // An absolute path, so that the loader does not search for it elsewhere.
            let file = std::path::absolute(file).map_err(|_| LibraryError::NotFound)?;
            return load(&file);
        }
        let mut first_error = None;
        for path in self.folders.iter().flat_map(|folder| libraries_in(folder)) {
            match load(&path) {
                Ok(loaded) => return Ok(loaded),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error.unwrap_or(LibraryError::NotFound))
    }
}

#[cfg(target_os = "linux")]
const SYSTEM_FOLDERS: &[&str] = &[
    "/usr/local/lib",
    "/opt/onnxruntime/lib",
    // Debian and its kin, then the Red Hat kin, then the rest.
    #[cfg(target_arch = "x86_64")]
    "/usr/lib/x86_64-linux-gnu",
    #[cfg(target_arch = "aarch64")]
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
];
#[cfg(target_os = "macos")]
const SYSTEM_FOLDERS: &[&str] = &["/opt/homebrew/lib", "/usr/local/lib"];
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
const SYSTEM_FOLDERS: &[&str] = &[];

/// The files in `folder` that are named like the library, newest version first; none where the
/// folder cannot be read.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<(Vec<u32>, OsString)> = entries
        .take(MAX_FOLDER_ENTRIES)
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name();
            version_in_name(&name).map(|version| (version, name))
        })
        .collect();
    names.sort_by(|a, b| b.cmp(a));
    names
        .into_iter()
        .map(|(_, name)| folder.join(name))
        .collect()
}

/// The version in a library's file name, empty where it has none; `None` for other files.
fn version_in_name(name: &OsStr) -> Option<Vec<u32>> {
    let name = name.to_str()?;
    let version = if let Some(rest) = name.strip_prefix("libonnxruntime.so") {
        rest
    } else if let Some(rest) = name.strip_prefix("libonnxruntime") {
        rest.strip_suffix(".dylib")?
    } else {
        return (name == "onnxruntime.dll").then(Vec::new);
    };
    if version.is_empty() {
        return Some(Vec::new());
    }
    version
        .strip_prefix('.')?
        .split('.')
        .map(|part| part.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_library() {
        let version = |name: &str| version_in_name(OsStr::new(name));
        assert_eq!(version("libonnxruntime.so"), Some(vec![]));
        assert_eq!(version("libonnxruntime.so.1"), Some(vec![1]));
        assert_eq!(version("libonnxruntime.so.1.22.0"), Some(vec![1, 22, 0]));
        assert_eq!(version("libonnxruntime.1.22.0.dylib"), Some(vec![1, 22, 0]));
        assert_eq!(version("libonnxruntime.dylib"), Some(vec![]));
        assert_eq!(version("onnxruntime.dll"), Some(vec![]));
        for other in [
            "libonnxruntime_providers_shared.so",
            "libonnxruntime.so.x",
            "libonnx.so",
        ] {
            assert_eq!(version(other), None, "{other}");
        }
    }

    #[test]
    fn newest_first_and_folders_in_order() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for name in [
            "libonnxruntime.so.1.9.0",
            "libonnxruntime.so.1.20.1",
            "libother.so",
        ] {
            fs::write(one.path().join(name), "").unwrap();
        }
        fs::write(two.path().join("libonnxruntime.so"), "").unwrap();
        let search = LibrarySearch {
            file: None,
            folders: vec![
                "/does/not/exist".into(),
                one.path().into(),
                two.path().into(),
            ],
        };
        let mut seen = Vec::new();
        let error = search
            .first(|path| {
                seen.push(path.file_name().unwrap().to_str().unwrap().to_owned());
                Err::<(), _>(LibraryError::Foreign {
                    path: path.to_owned(),
                })
            })
            .unwrap_err();
        assert_eq!(
            seen,
            [
                "libonnxruntime.so.1.20.1",
                "libonnxruntime.so.1.9.0",
                "libonnxruntime.so"
            ]
        );
        assert!(
            matches!(error, LibraryError::Foreign { path } if path.ends_with("libonnxruntime.so.1.20.1"))
        );
    }

    #[test]
    fn a_named_file_is_the_only_one() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("libonnxruntime.so"), "").unwrap();
        let search = LibrarySearch {
            file: Some("/does/not/exist.so".into()),
            folders: vec![folder.path().into()],
        };
        let mut n_tried = 0;
        let result = search.first(|_| {
            n_tried += 1;
            Err::<(), _>(LibraryError::NotFound)
        });
        assert!(result.is_err());
        assert_eq!(n_tried, 1);
    }
}
