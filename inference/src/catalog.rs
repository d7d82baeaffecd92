//! The catalogue of model files.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use regard_domain::{SensitiveCategory, sensitive_in_label};
use sha2::{Digest, Sha256};

use crate::runtime::MAX_MODEL_BYTES;

mod cards;
mod embedded;
mod entry;
mod licence;
mod policy;

pub use entry::{Consent, MAX_MANIFEST_BYTES, ManifestError, ModelEntry, Obtain, PortNote, Role};
pub use licence::is_allowed as is_licence_allowed;
pub use policy::{Policy, PolicyRefusal};

/// Name of the manifest in a folder of models.
const MANIFEST_FILE: &str = "manifest.toml";

/// The models this installation knows, in the order of their manifest.
///
/// The default set is part of the program. A folder adds to it: its files serve the entries whose
/// bytes are not built in, and its own `manifest.toml`, where there is one, adds entries and
/// replaces those of the same id.
#[derive(Debug)]
pub struct Catalog {
    models: Vec<Model>,
}

#[derive(Debug)]
struct Model {
    entry: ModelEntry,
    place: Place,
    /// Set once the built-in bytes have been found good; they cannot change afterwards.
    proven: OnceLock<()>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Place {
    BuiltIn(&'static [u8]),
    File(PathBuf),
    Nowhere,
}

/// Why a model's bytes are not to be had.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// No entry of that id.
    #[error("no model {id:?} in the catalogue")]
    Unknown {
        /// The id asked for.
        id: String,
    },
    /// No licence recorded, or one that is not in the list of those allowed.
    #[error("licence of model {id:?} is {}", licence.as_deref().unwrap_or("not recorded"))]
    LicenceUnknown {
        /// The model.
        id: String,
        /// What the manifest says, where it says anything.
        licence: Option<String>,
    },
    /// An output or a label that speaks of somebody's race, religion, health, orientation or politics.
    #[error("model {id:?} tells of {category}: {said:?}")]
    Sensitive {
        /// The model.
        id: String,
        /// The output or the label.
        said: String,
        /// Which category.
        category: SensitiveCategory,
    },
    /// An optional model that nobody has brought yet.
    #[error("model {id:?} is optional and its file {file:?} is not there")]
    NotObtained {
        /// The model.
        id: String,
        /// The file to bring.
        file: String,
        /// How to bring it.
        obtain: Obtain,
    },
    /// The file cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is longer or shorter than recorded.
    #[error("file of model {id:?} has {found} bytes, {expected} are recorded")]
    WrongSize {
        /// The model.
        id: String,
        /// As in the manifest.
        expected: u64,
        /// As found; for a file that is too long, what was read of it.
        found: u64,
    },
    /// The file is not the recorded one.
    #[error("file of model {id:?} has SHA-256 {found}, {expected} is recorded")]
    WrongHash {
        /// The model.
        id: String,
        /// As in the manifest.
        expected: String,
        /// As found.
        found: String,
    },
}

impl CatalogError {
    /// Stable code for interfaces.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "model_unknown",
            Self::LicenceUnknown { .. } => "licence_unknown",
            Self::Sensitive { .. } => "sensitive_inference",
            Self::NotObtained { .. } => "model_not_obtained",
            Self::Read { .. } => "model_unreadable",
            Self::WrongSize { .. } | Self::WrongHash { .. } => "model_altered",
        }
    }
}

/// What [`Catalog::verify`] found of one model.
#[derive(Debug)]
pub struct Finding {
    /// The model.
    pub id: String,
    /// How it stands.
    pub state: FileState,
}

/// How a model's file stands.
#[derive(Debug)]
pub enum FileState {
    /// There, and as recorded.
    Good,
    /// Optional, and not there.
    NotObtained,
    /// Not to be used.
    Bad(CatalogError),
}

impl Catalog {
    /// The built-in models, and those of `folder` where one is given.
    ///
    /// # Errors
    /// A folder that is not there, or a manifest in it that cannot be read or is wrong.
    pub fn open(folder: Option<&Path>) -> Result<Self, ManifestError> {
        let mut entries: Vec<(ModelEntry, bool)> = entry::parse(embedded::MANIFEST)?
            .into_iter()
            .map(|entry| (entry, true))
            .collect();
        if let Some(folder) = folder {
            for own in own_entries(folder)? {
                match entries.iter_mut().find(|(entry, _)| entry.id == own.id) {
                    Some(slot) => *slot = (own, false),
                    None => entries.push((own, false)),
                }
            }
        }
        let models = entries
            .into_iter()
            .map(|(entry, built_in)| {
                let place = place_of(&entry, built_in, folder);
                Model {
                    entry,
                    place,
                    proven: OnceLock::new(),
                }
            })
            .collect();
        Ok(Self { models })
    }

    /// All entries, in the order of the manifest.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &ModelEntry> {
        self.models.iter().map(|model| &model.entry)
    }

    /// The entry of that id.
    ///
    /// # Errors
    /// [`CatalogError::Unknown`].
    pub fn entry(&self, id: &str) -> Result<&ModelEntry, CatalogError> {
        self.model(id).map(|model| &model.entry)
    }

    /// The bytes of a model, found to be the recorded ones: built-in bytes on first use, files at
    /// every reading.
    ///
    /// # Errors
    /// No such model; a licence that is not recorded or not allowed; a file that is not there, not
    /// readable, or not the recorded one.
    pub fn bytes_of(&self, id: &str) -> Result<Cow<'static, [u8]>, CatalogError> {
        let model = self.model(id)?;
        let entry = &model.entry;
        entry.check_licence()?;
        entry.check_outputs()?;
        match &model.place {
            Place::BuiltIn(bytes) => {
                if model.proven.get().is_none() {
                    entry.check_bytes(bytes)?;
                    model.proven.get_or_init(|| ());
                }
                Ok(Cow::Borrowed(bytes))
            }
            Place::File(path) => {
                let bytes = read(path, entry)?;
                entry.check_bytes(&bytes)?;
                Ok(Cow::Owned(bytes))
            }
            Place::Nowhere => Err(CatalogError::NotObtained {
                id: entry.id.clone(),
                file: entry.file.clone(),
                obtain: entry.obtain,
            }),
        }
    }

    /// Looks at every model, its licence and its bytes; one finding an entry, in order.
    pub fn verify(&self) -> Vec<Finding> {
        self.models
            .iter()
            .map(|model| {
                let state = match self.bytes_of(&model.entry.id) {
                    Ok(_) => FileState::Good,
                    Err(CatalogError::NotObtained { .. }) => FileState::NotObtained,
                    Err(error) => FileState::Bad(error),
                };
                Finding {
                    id: model.entry.id.clone(),
                    state,
                }
            })
            .collect()
    }

    fn model(&self, id: &str) -> Result<&Model, CatalogError> {
        self.models
            .iter()
            .find(|model| model.entry.id == id)
            .ok_or_else(|| CatalogError::Unknown { id: id.to_owned() })
    }
}

impl ModelEntry {
    /// Whether the weights may be used at all: the licence is recorded and in the allowed list.
    ///
    /// # Errors
    /// [`CatalogError::LicenceUnknown`].
    pub fn check_licence(&self) -> Result<(), CatalogError> {
        match &self.licence {
            Some(licence) if licence::is_allowed(licence) => Ok(()),
            licence => Err(CatalogError::LicenceUnknown {
                id: self.id.clone(),
                licence: licence.clone().filter(|text| !text.trim().is_empty()),
            }),
        }
    }

    /// Whether nothing that the network says by its own account is sensitive: its id, its outputs, its labels.
    ///
    /// # Errors
    /// [`CatalogError::Sensitive`].
    pub fn check_outputs(&self) -> Result<(), CatalogError> {
        let outputs = self.outputs.iter().map(|port| &port.name);
        let mut said = outputs.chain(&self.labels).chain([&self.id]);
        let sensitive = said.find_map(|text| Some((text, sensitive_in_label(text)?)));
        match sensitive {
            None => Ok(()),
            Some((said, category)) => Err(CatalogError::Sensitive {
                id: self.id.clone(),
                said: said.clone(),
                category,
            }),
        }
    }

    /// Whether `bytes` are the recorded file.
    ///
    /// # Errors
    /// [`CatalogError::WrongSize`], [`CatalogError::WrongHash`].
    pub fn check_bytes(&self, bytes: &[u8]) -> Result<(), CatalogError> {
        let n_bytes = bytes.len() as u64;
        if n_bytes != self.bytes {
            let (id, expected) = (self.id.clone(), self.bytes);
            return Err(CatalogError::WrongSize {
                id,
                expected,
                found: n_bytes,
            });
        }
        let found = hex(&Sha256::digest(bytes));
        if found != self.sha256 {
            let (id, expected) = (self.id.clone(), self.sha256.clone());
            return Err(CatalogError::WrongHash {
                id,
                expected,
                found,
            });
        }
        Ok(())
    }
}

/// The entries of the folder's own manifest; none where it has none.
fn own_entries(folder: &Path) -> Result<Vec<ModelEntry>, ManifestError> {
    if !folder.is_dir() {
        return Err(ManifestError::NoFolder {
            path: folder.to_owned(),
        });
    }
    let path = folder.join(MANIFEST_FILE);
    let unreadable = |source| ManifestError::Read {
        path: path.clone(),
        source,
    };
    let file = match fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut text = String::new();
    let n_read = file
        .take(MAX_MANIFEST_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    if n_read as u64 > MAX_MANIFEST_BYTES {
        return Err(ManifestError::TooLong { path });
    }
    entry::parse(&text)
}

fn place_of(entry: &ModelEntry, built_in: bool, folder: Option<&Path>) -> Place {
    if built_in && let Some(bytes) = embedded::bytes_of(&entry.file) {
        return Place::BuiltIn(bytes);
    }
    // A committed file of the folder's own manifest has to be there; reading it will say so if not.
    let is_due = !built_in && entry.obtain == Obtain::Committed;
    match folder.map(|folder| folder.join(&entry.file)) {
        Some(path) if is_due || path.exists() => Place::File(path),
        Some(_) | None => Place::Nowhere,
    }
}

/// The file at `path`, but never more than one byte past what is recorded.
fn read(path: &Path, entry: &ModelEntry) -> Result<Vec<u8>, CatalogError> {
    let fail = |source| CatalogError::Read {
        path: path.to_owned(),
        source,
    };
    let file = fs::File::open(path).map_err(fail)?;
    let limit = entry.bytes.min(MAX_MODEL_BYTES as u64);
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(fail)?;
    Ok(bytes)
}

fn hex(digest: &[u8]) -> String {
    use std::fmt::Write;
    digest
        .iter()
        .fold(String::with_capacity(2 * digest.len()), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
