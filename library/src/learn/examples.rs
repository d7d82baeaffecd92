//! Where examples come from.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::vec;

use regard_domain::{SensitiveCategory, sensitive_in_label};

/// Most classes of a model.
pub const MAX_CLASSES: usize = 10_000;

/// Longest name of a class, in bytes: names become values of facts.
pub(super) const MAX_CLASS_NAME: usize = 128;

/// Most folders within each other below the folder of a class.
const MAX_DEPTH: usize = 32;

/// One photograph that shows something of a class.
#[derive(Debug)]
pub struct Example {
    /// Index of its class.
    pub class: u32,
    /// What people know it by, such as its path.
    pub name: String,
    /// Its bytes, or where they are.
    pub content: ExampleContent,
}

/// The bytes of a photograph, or where they are.
#[derive(Debug)]
pub enum ExampleContent {
    /// In a file.
    File(PathBuf),
    /// Here: from an archive or a store.
    Bytes(Vec<u8>),
}

/// Something of a collection that could not be looked at.
#[derive(Debug)]
pub struct Unread {
    /// What people know it by.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// A collection of examples, one after the other. Archives and stores can be one as well as folders.
pub trait Examples: Send {
    /// Names of the classes; an [`Example`] names one by its index.
    fn classes(&self) -> &[String];

    /// The next example, or what could not be looked at.
    fn next_example(&mut self) -> Option<Result<Example, Unread>>;
}

/// A folder that cannot be learned from.
#[derive(Debug, thiserror::Error)]
pub enum ExamplesError {
    /// It cannot be listed.
    #[error("{} cannot be listed", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Too few folders in it.
    #[error("{} has {n} folders with names, and each is a class: two or more are needed, such as {shown}/cola and {shown}/water", path.display(), shown = path.display())]
    TooFewClasses {
        /// The folder.
        path: PathBuf,
        /// Folders found.
        n: usize,
    },
    /// Too many folders in it.
    #[error("{} has {n} folders, and a model has at most {MAX_CLASSES} classes", path.display())]
    TooManyClasses {
        /// The folder.
        path: PathBuf,
        /// Folders found.
        n: usize,
    },
    /// A folder whose name cannot be that of a class.
    #[error(
        "the folder {name:?} cannot be a class: names are text of 1 to {MAX_CLASS_NAME} bytes without control characters"
    )]
    BadName {
        /// Its name.
        name: String,
    },
    /// A class that speaks of what nobody may find out about people.
    #[error(
        "sensitive_inference: class {name:?} speaks of {category}, and nothing here tells that of anybody; learn products, logos, objects or displays"
    )]
    Sensitive {
        /// Its name.
        name: String,
        /// Which category.
        category: SensitiveCategory,
    },
}

/// Whether a text can be the name of a class.
///
/// # Errors
/// [`ExamplesError::BadName`], [`ExamplesError::Sensitive`].
pub(super) fn check_class(name: &str) -> Result<(), ExamplesError> {
    let is_good = (1..=MAX_CLASS_NAME).contains(&name.len()) && !name.chars().any(char::is_control);
    if !is_good {
        let name = name.chars().take(MAX_CLASS_NAME).collect();
        return Err(ExamplesError::BadName { name });
    }
    match sensitive_in_label(name) {
        None => Ok(()),
        Some(category) => Err(ExamplesError::Sensitive {
            name: name.to_owned(),
            category,
        }),
    }
}

/// Examples in folders: one folder a class, photographs anywhere below it, in the order of their names. Names that begin with a
/// dot are left out; links are followed as far as they lead no deeper than `MAX_DEPTH`.
///
/// Holds the names of one folder a level.
#[derive(Debug)]
pub struct FolderExamples {
    classes: Vec<String>,
    folders: vec::IntoIter<PathBuf>,
    class: u32,
    n_entered: u32,
    levels: Vec<vec::IntoIter<PathBuf>>,
}

impl FolderExamples {
    /// The examples below a folder.
    ///
    /// # Errors
    /// [`ExamplesError`].
    pub fn open(folder: &Path) -> Result<Self, ExamplesError> {
        let entries = entries_of(folder).map_err(|source| ExamplesError::Unreadable {
            path: folder.to_owned(),
            source,
        })?;
        let folders: Vec<PathBuf> = entries.into_iter().filter(|entry| entry.is_dir()).collect();
        let (path, n) = (folder.to_owned(), folders.len());
        match n {
            0 | 1 => return Err(ExamplesError::TooFewClasses { path, n }),
            2..=MAX_CLASSES => {}
            _ => return Err(ExamplesError::TooManyClasses { path, n }),
        }
        let classes: Vec<String> = folders
            .iter()
            .map(|folder| {
                let name = folder.file_name().unwrap_or_default();
                let name = name.to_str().ok_or_else(|| ExamplesError::BadName {
                    name: name.to_string_lossy().into_owned(),
                })?;
                check_class(name)?;
                Ok(name.to_owned())
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            classes,
            folders: folders.into_iter(),
            class: 0,
            n_entered: 0,
            levels: Vec::new(),
        })
    }

    fn enter(&mut self, folder: &Path) -> Option<Unread> {
        let name = || folder.display().to_string();
        if self.levels.len() >= MAX_DEPTH {
            let reason = format!("more than {MAX_DEPTH} folders within each other");
            return Some(Unread {
                name: name(),
                reason,
            });
        }
        match entries_of(folder) {
            Ok(entries) => {
                self.levels.push(entries.into_iter());
                None
            }
            Err(error) => Some(Unread {
                name: name(),
                reason: error.to_string(),
            }),
        }
    }
}

impl Examples for FolderExamples {
    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn next_example(&mut self) -> Option<Result<Example, Unread>> {
        loop {
            let Some(level) = self.levels.last_mut() else {
                let folder = self.folders.next()?;
                self.class = self.n_entered;
                self.n_entered += 1;
                if let Some(unread) = self.enter(&folder) {
                    return Some(Err(unread));
                }
                continue;
            };
            let Some(path) = level.next() else {
                self.levels.pop();
                continue;
            };
            let name = path.display().to_string();
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => {
                    if let Some(unread) = self.enter(&path) {
                        return Some(Err(unread));
                    }
                }
                Ok(metadata) if metadata.is_file() => {
                    return Some(Ok(Example {
                        class: self.class,
                        name,
                        content: ExampleContent::File(path),
                    }));
                }
                // Reading a pipe or a device may never end.
                Ok(_) => {}
                Err(error) => {
                    let reason = error.to_string();
                    return Some(Err(Unread { name, reason }));
                }
            }
        }
    }
}

/// What a folder holds, by name, without what is hidden.
fn entries_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    entries.retain(|path| {
        let name = path.file_name().unwrap_or_default();
        !name.as_encoded_bytes().starts_with(b".")
    });
    entries.sort_unstable();
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn all(mut examples: FolderExamples) -> Vec<String> {
        std::iter::from_fn(|| examples.next_example())
            .map(|found| match found {
                Ok(example) => {
                    let name = example
                        .name
                        .rsplit('/')
                        .next()
                        .unwrap_or_default()
                        .to_owned();
                    format!("{} {name}", example.class)
                }
                Err(unread) => format!("! {}", unread.reason),
            })
            .collect()
    }

    #[test]
    fn a_folder_is_a_class_whatever_lies_deeper() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        for folder in ["cola/series 1", "water", ".git"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in [
            "cola/b.jpg",
            "cola/series 1/a.jpg",
            "water/w.png",
            "water/.hidden",
            "README",
        ] {
            fs::write(root.join(file), "").unwrap();
        }
        symlink("nowhere", root.join("water/x")).unwrap();
        let examples = FolderExamples::open(root).unwrap();
        assert_eq!(examples.classes(), ["cola", "water"]);
        let found = all(examples);
        assert_eq!(found[..3], ["0 b.jpg", "0 a.jpg", "1 w.png"]);
        assert!(found[3].starts_with("! No such file"), "{found:?}");
        symlink("..", root.join("cola/up")).unwrap();
        let found = all(FolderExamples::open(root).unwrap());
        assert!(
            found.iter().any(|line| line.contains("within each other")),
            "circles end"
        );
    }

    #[test]
    fn folders_that_are_no_classes_are_refused_with_a_remedy() {
        let root = tempfile::tempdir().unwrap();
        let error = |path: &Path| FolderExamples::open(path).unwrap_err().to_string();
        assert!(
            error(root.path()).contains("two or more are needed"),
            "{}",
            error(root.path())
        );
        assert!(error(Path::new("/nowhere/x")).contains("/nowhere/x cannot be listed"));
        fs::create_dir(root.path().join("cola")).unwrap();
        fs::create_dir(root.path().join("muslim women")).unwrap();
        assert!(
            error(root.path()).starts_with("sensitive_inference"),
            "{}",
            error(root.path())
        );
        fs::remove_dir(root.path().join("muslim women")).unwrap();
        fs::create_dir(root.path().join("a\nb")).unwrap();
        assert!(error(root.path()).contains("cannot be a class"));
    }
}
