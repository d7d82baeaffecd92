//! Where examples come from.

use std::path::PathBuf;

use regard_domain::{SensitiveCategory, sensitive_in_label};

use crate::{Content, SourceError};

/// Most classes of a model.
pub const MAX_CLASSES: usize = 10_000;

/// Longest name of a class, in bytes: names become values of facts.
pub(super) const MAX_CLASS_NAME: usize = 128;

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
    /// In a file, an archive, or an object store.
    Source(Content),
    /// Here.
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

/// A collection of examples, one after the other.
pub trait Examples: Send {
    /// Names of the classes; an [`Example`] names one by its index.
    fn classes(&self) -> &[String];

    /// Hands each example to `take`, or what could not be looked at, until that says `false` or there are no more.
    ///
    /// # Errors
    /// When it cannot be known what else there is.
    fn each(
        &mut self,
        take: &mut dyn FnMut(Result<Example, Unread>) -> bool,
    ) -> Result<(), SourceError>;
}

/// A collection that cannot be learned from.
#[derive(Debug, thiserror::Error)]
pub enum ExamplesError {
    /// It cannot be listed.
    #[error("{name} cannot be listed: {reason}")]
    Unreadable {
        /// The folder, archive or list.
        name: String,
        /// Why.
        reason: String,
    },
    /// An object store cannot be asked what it holds.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Something that has no folders.
    #[error(
        "{} has no folders in it, and each would be a class; name a folder or an archive with two or more, or a list (@FILE)",
        path.display()
    )]
    NoFolder {
        /// What was named.
        path: PathBuf,
    },
    /// A line of a list that names no class.
    #[error("{}:{line}: {reason}; write the class, a tab, and a path on each line", path.display())]
    BadLine {
        /// The list.
        path: PathBuf,
        /// Its number, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// Too few classes in it.
    #[error(
        "{name} has {n} folders with names, and each is a class: two or more are needed, such as {name}/cola and {name}/water"
    )]
    TooFewClasses {
        /// What was named.
        name: String,
        /// Classes found.
        n: usize,
    },
    /// Too many classes in it.
    #[error("{name} has {n} folders, and a model has at most {MAX_CLASSES} classes")]
    TooManyClasses {
        /// What was named.
        name: String,
        /// Classes found.
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
