//! One entry of a manifest of models.

use std::io;
use std::path::PathBuf;

use serde::Deserialize;

/// Longest manifest that is read: 1 MiB, a hundred times the built-in one.
pub const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// What is known of one model file. Texts are for people; the program compares only `id`, `role`,
/// `file`, `bytes`, `sha256`, `licence`, `obtain`, `training_data_disclosed` and
/// `consent_of_subjects`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct ModelEntry {
    /// Stable name, used in configuration.
    pub id: String,
    /// What it is for.
    pub role: Role,
    /// Name of the ONNX file, without folders.
    pub file: String,
    /// Length of the file.
    pub bytes: u64,
    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Inputs as the manifest tells them.
    #[serde(default)]
    pub inputs: Vec<PortNote>,
    /// Outputs as the manifest tells them.
    #[serde(default)]
    pub outputs: Vec<PortNote>,
    /// SPDX expression that covers the weights; `None` where nobody wrote it down.
    #[serde(default)]
    pub licence: Option<String>,
    /// Names of the licence texts.
    #[serde(default)]
    pub licence_files: Vec<String>,
    /// Where the file comes from.
    pub obtain: Obtain,
    /// Registry package, as `pypi:NAME` or `npm:NAME`.
    #[serde(default)]
    pub package: Option<String>,
    /// Its exact version.
    #[serde(default)]
    pub package_version: Option<String>,
    /// Files read from the package.
    #[serde(default)]
    pub path_in_package: Vec<String>,
    /// SHA-256 of each of them.
    #[serde(default)]
    pub source_sha256: Vec<String>,
    /// Project, file and version of an optional file.
    #[serde(default)]
    pub upstream: Option<String>,
    /// Where upstream keeps it, as `github:OWNER/NAME`; files that can be downloaded as they are.
    #[serde(default)]
    pub upstream_repository: Option<String>,
    /// The commit there.
    #[serde(default)]
    pub upstream_revision: Option<String>,
    /// The file there.
    #[serde(default)]
    pub upstream_path: Option<String>,
    /// How the file is made from its source.
    #[serde(default)]
    pub conversion: Option<String>,
    /// What an optional file brings.
    #[serde(default)]
    pub adds: Option<String>,
    /// What the input has to hold.
    #[serde(default)]
    pub preprocessing: String,
    /// What comes out.
    #[serde(default)]
    pub output_meaning: String,
    /// Order of the classes, where there are classes.
    #[serde(default)]
    pub labels: Vec<String>,
    /// What the weights were trained on.
    #[serde(default)]
    pub training_data: String,
    /// Whether those who made the weights say so in enough detail to look it up.
    #[serde(default)]
    pub training_data_disclosed: bool,
    /// Terms under which that data is given out.
    #[serde(default)]
    pub training_data_terms: String,
    /// Whether the people in the data agreed.
    #[serde(default)]
    pub consent_of_subjects: Consent,
    /// What is known of its error by groups of people, as these people said of themselves, and where that can be read; `None`
    /// where it was not measured so.
    #[serde(default)]
    pub error_by_group: Option<String>,
    /// Name of the model card.
    #[serde(default)]
    pub card: Option<String>,
}

impl ModelEntry {
    /// The text of its model card, in Markdown, where it comes with the program.
    pub fn card_text(&self) -> Option<&'static str> {
        super::cards::text_of(self.card.as_deref()?)
    }
}

/// An input or output as a manifest tells it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct PortNote {
    /// Its name in the file.
    pub name: String,
    /// Its shape; -1 is open.
    pub shape: Vec<i64>,
}

/// What a model is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Finds faces and their five points.
    Detector,
    /// Face to vector; biometric.
    Embedding,
    /// Face to probabilities of expressions.
    Expression,
    /// Face to dense points.
    Mesh,
    /// Face to age in years.
    Age,
    /// Dense points to movements of the face.
    Blendshapes,
    /// Face to whether it is a live one.
    Liveness,
    /// Picture of a thing to vector.
    ObjectEmbedding,
}

impl Role {
    /// The word of the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Detector => "detector",
            Self::Embedding => "embedding",
            Self::Expression => "expression",
            Self::Mesh => "mesh",
            Self::Age => "age",
            Self::Blendshapes => "blendshapes",
            Self::Liveness => "liveness",
            Self::ObjectEmbedding => "object-embedding",
        }
    }

    /// Whether it looks at people, so that it may err more about some of them than about others.
    pub const fn is_about_people(self) -> bool {
        match self {
            Self::Detector
            | Self::Embedding
            | Self::Expression
            | Self::Mesh
            | Self::Age
            | Self::Blendshapes
            | Self::Liveness => true,
            Self::ObjectEmbedding => false,
        }
    }
}

/// Where a model's file comes from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Obtain {
    /// Part of the program, or beside the manifest that names it.
    Committed,
    /// Can be downloaded as it is.
    UpstreamOnnx,
    /// From a mirror, or converted by hand.
    MirrorOnly,
}

impl Obtain {
    /// The word of the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::UpstreamOnnx => "upstream-onnx",
            Self::MirrorOnly => "mirror-only",
        }
    }
}

/// Whether the people in the training data agreed to it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Consent {
    /// They were not asked.
    None,
    /// Some of them.
    Partial,
    /// All of them, and it is written down.
    Documented,
    /// Nobody says.
    #[default]
    Unknown,
}

impl Consent {
    /// The word of the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Partial => "partial",
            Self::Documented => "documented",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a manifest is not used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The folder of models is not there.
    #[error("{path} is not a folder", path = path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Longer than [`MAX_MANIFEST_BYTES`].
    #[error("{path} is longer than {MAX_MANIFEST_BYTES} bytes", path = path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// Not the manifest's syntax; the cause names line and field.
    #[error("manifest of models is malformed")]
    Syntax(#[from] toml::de::Error),
    /// Two entries of one id.
    #[error("model {id:?} stands twice in the manifest")]
    DuplicateId {
        /// The id.
        id: String,
    },
    /// A field whose value cannot be.
    #[error("field {field} of model {id:?} is wrong: {value:?}")]
    BadField {
        /// The model.
        id: String,
        /// Which field.
        field: &'static str,
        /// What it says.
        value: String,
    },
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    model: Vec<ModelEntry>,
}

/// The entries of a manifest, in its order, each checked.
///
/// Fields that this version does not know are passed over: they are texts for people.
pub(super) fn parse(text: &str) -> Result<Vec<ModelEntry>, ManifestError> {
    let manifest: Manifest = toml::from_str(text)?;
    for (index, entry) in manifest.model.iter().enumerate() {
        check(entry)?;
        if manifest.model[..index]
            .iter()
            .any(|earlier| earlier.id == entry.id)
        {
            return Err(ManifestError::DuplicateId {
                id: entry.id.clone(),
            });
        }
    }
    Ok(manifest.model)
}

fn check(entry: &ModelEntry) -> Result<(), ManifestError> {
    let bad = |field, value: &str| {
        Err(ManifestError::BadField {
            id: entry.id.clone(),
            field,
            value: value.to_owned(),
        })
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if entry.id.is_empty() || !entry.id.chars().all(plain) {
        return bad("id", &entry.id);
    }
    // No separators, so that no manifest reaches outside its folder.
    if entry.file.is_empty() || entry.file.starts_with('.') || !entry.file.chars().all(plain) {
        return bad("file", &entry.file);
    }
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    if entry.sha256.len() != 64 || !entry.sha256.chars().all(is_hex) {
        return bad("sha256", &entry.sha256);
    }
    if entry.bytes == 0 || entry.bytes > crate::runtime::MAX_MODEL_BYTES as u64 {
        return bad("bytes", &entry.bytes.to_string());
    }
    Ok(())
}
