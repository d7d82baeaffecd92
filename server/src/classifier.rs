//! What tells classes of things in pictures that are handed in: brought by whoever starts the server.

use std::fmt;
use std::sync::Arc;

/// Tells classes of things in pictures: products, logos, objects, displays.
pub trait Classifier: Send + Sync {
    /// What a picture shows.
    ///
    /// # Privacy
    /// The bytes are looked at and forgotten.
    ///
    /// # Errors
    /// [`ClassifyError`].
    fn classify(&self, picture: &[u8]) -> Result<ClassifierAnswer, ClassifyError>;
}

/// What is said of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassifierAnswer {
    /// Its class, or nothing where that is not sure enough.
    pub decision: Option<String>,
    /// Why there is none.
    pub abstained: Option<&'static str>,
    /// Classes that may be the true one.
    pub set: Vec<String>,
    /// How often the set misses it, at most.
    pub error: f64,
    /// Probabilities of the likeliest classes, the likeliest first.
    pub probabilities: Vec<(String, f64)>,
}

/// Why nothing is said of a picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassifyError {
    /// No picture, or a damaged one.
    #[error("{0}")]
    BadPicture(String),
    /// The network failed.
    #[error("{0}")]
    Failed(String),
}

/// A classifier and the name under which it is asked.
#[derive(Clone)]
pub struct NamedClassifier {
    /// Its name.
    pub id: String,
    /// It.
    pub classifier: Arc<dyn Classifier>,
}

impl fmt::Debug for NamedClassifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamedClassifier({:?})", self.id)
    }
}
