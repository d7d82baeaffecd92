//! Pictures to embeddings: by a network, or by the descriptor that is built in.

mod descriptor;
mod input;

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regard_inference::{
    Catalog, CatalogError, Dim, LoadError, LoadOptions, MAX_MODEL_BYTES, Network, Role, RunError,
    Runtime, ShapeMismatch, Tensor, TensorView, is_licence_allowed,
};
use regard_vision::RgbView;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::input::{ColorOrder, Fit, Layout, Preprocessing, ResizeError};

use self::descriptor::Descriptor;
use self::input::Resizing;
use super::linear::normalize;
use super::rows::MAX_DIM;

/// The network of the catalogue that is taken where none is named.
pub const DEFAULT_NETWORK: &str = "mobilenetv2-feat1280";

/// Name of the descriptor that is built in.
pub const DESCRIPTOR: &str = "builtin:descriptor";

/// Longest manifest of a network that is read.
const MAX_MANIFEST_BYTES: u64 = 64 << 10;

/// Which network is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkChoice {
    /// The descriptor that is built in: gradients and colours, no network at all.
    Descriptor,
    /// One of the catalogue, by its id.
    Catalogue(String),
    /// One that somebody brings.
    Own {
        /// The network, ONNX.
        network: PathBuf,
        /// What is to be known of it, TOML.
        manifest: PathBuf,
    },
}

/// A network that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// Not in the catalogue, not there, altered, or without a licence.
    #[error(transparent)]
    Catalogue(#[from] CatalogError),
    /// In the catalogue, but not for pictures of things.
    #[error(
        "model {id:?} is for {role}, and classes are learned from embeddings of things; name a network of role object-embedding, {DESCRIPTOR}, or one of your own with --manifest"
    )]
    WrongRole {
        /// Which.
        id: String,
        /// What it is for.
        role: &'static str,
    },
    /// A file that cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that is longer than may be.
    #[error("{} is longer than {limit} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// A manifest that says something else than it has to.
    #[error("the manifest {} is wrong", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// How.
        source: toml::de::Error,
    },
    /// A value of a manifest that cannot be.
    #[error("the manifest {}: {what}", path.display())]
    BadValue {
        /// The file.
        path: PathBuf,
        /// Which, and what it has to be.
        what: String,
    },
    /// No licence, or none under which anyone may use the weights.
    #[error(
        "licence_unknown: the manifest says licence = {licence:?}, which is not in the list of those allowed; name an SPDX expression such as \"Apache-2.0\", or take another network"
    )]
    Licence {
        /// What the manifest says.
        licence: String,
    },
    /// Not a network that can be loaded.
    #[error("the network cannot be loaded")]
    Load(#[from] LoadError),
    /// A network that fits none of what was said of it.
    #[error("the network {name:?} {what}")]
    Shape {
        /// Which.
        name: String,
        /// What is the matter.
        what: String,
    },
    /// The model was learned with another network.
    #[error(
        "the model was learned with the network {expected} of SHA-256 {expected_hash}, and this one has {found}"
    )]
    Another {
        /// Its name.
        expected: String,
        /// Its hash.
        expected_hash: String,
        /// Hash of the one that was brought.
        found: String,
    },
}

/// A picture of which nothing could be told.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// It could not be scaled.
    #[error(transparent)]
    Resize(#[from] ResizeError),
    /// The network failed on it.
    #[error("the network failed")]
    Run(#[from] RunError),
    /// The tensor does not fill its shape.
    #[error("the picture does not fill the input of the network")]
    Input(#[from] ShapeMismatch),
    /// The network gave something that is no direction: zeros, or numbers that are none.
    #[error("the network tells nothing of this picture")]
    Nothing,
    /// The network gave another number of values than before.
    #[error("the network gave {found} values, not {expected}")]
    Length {
        /// As before.
        expected: usize,
        /// Now.
        found: usize,
    },
}

/// What a model remembers of the network that it was learned with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkNote {
    /// Id in the catalogue, name in its manifest, or that of the descriptor.
    pub name: String,
    /// SHA-256 of its file; of the descriptor, its version.
    pub sha256: String,
    /// Licence of the weights, SPDX.
    pub licence: String,
    /// What its input has to hold; nothing for the descriptor.
    pub preprocessing: Option<Preprocessing>,
    /// Which of its outputs; nothing where it has one.
    pub output: Option<String>,
}

impl NetworkNote {
    /// Whether the network is in the catalogue, so that nobody has to bring it.
    pub fn is_brought(&self, catalog: &Catalog) -> bool {
        self.preprocessing.is_some() && catalog.entry(&self.name).is_err()
    }
}

/// What somebody says of the network that they bring.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    name: String,
    licence: String,
    #[serde(default)]
    output: Option<String>,
    input: Preprocessing,
}

/// A network, read and found to be what it is said to be.
pub struct NetworkFile {
    note: NetworkNote,
    bytes: Cow<'static, [u8]>,
}

impl NetworkFile {
    /// Reads the network that is meant.
    ///
    /// # Errors
    /// [`NetworkError`].
    pub fn open(choice: &NetworkChoice, catalog: &Catalog) -> Result<Self, NetworkError> {
        match choice {
            NetworkChoice::Descriptor => Ok(Self {
                note: Descriptor::note(),
                bytes: Cow::Borrowed(&[]),
            }),
            NetworkChoice::Catalogue(id) => Self::of_catalogue(id, catalog),
            NetworkChoice::Own { network, manifest } => Self::own(network, manifest),
        }
    }

    fn of_catalogue(id: &str, catalog: &Catalog) -> Result<Self, NetworkError> {
        let entry = catalog.entry(id)?;
        if entry.role != Role::ObjectEmbedding {
            return Err(NetworkError::WrongRole {
                id: id.to_owned(),
                role: entry.role.as_str(),
            });
        }
        let bytes = catalog.bytes_of(id)?;
        Ok(Self {
            note: NetworkNote {
                name: id.to_owned(),
                sha256: entry.sha256.clone(),
                licence: entry.licence.clone().unwrap_or_default(),
                preprocessing: Some(Preprocessing::MOBILENET),
                output: None,
            },
            bytes,
        })
    }

    fn own(network: &Path, manifest: &Path) -> Result<Self, NetworkError> {
        let text = read(manifest, MAX_MANIFEST_BYTES)?;
        let text = String::from_utf8_lossy(&text);
        let path = || manifest.to_owned();
        let said: Manifest = toml::from_str(&text).map_err(|source| NetworkError::Manifest {
            path: path(),
            source,
        })?;
        if !is_licence_allowed(&said.licence) {
            return Err(NetworkError::Licence {
                licence: said.licence,
            });
        }
        let is_named = (1..=128).contains(&said.name.len()) && !said.name.starts_with("builtin:");
        let what = if is_named {
            said.input.fault()
        } else {
            Some("name has 1 to 128 bytes and does not begin with builtin:".to_owned())
        };
        if let Some(what) = what {
            return Err(NetworkError::BadValue { path: path(), what });
        }
        let bytes = read(network, MAX_MODEL_BYTES as u64)?;
        Ok(Self {
            note: NetworkNote {
                name: said.name,
                sha256: hash_of(&bytes),
                licence: said.licence,
                preprocessing: Some(said.input),
                output: said.output,
            },
            bytes: Cow::Owned(bytes),
        })
    }

    /// Reads the network that a model was learned with; `brought` is the file of one that is not in the catalogue.
    ///
    /// # Errors
    /// [`NetworkError`]; [`NetworkError::Another`] where it is not the same.
    pub fn of_model(
        note: &NetworkNote,
        brought: Option<&Path>,
        catalog: &Catalog,
    ) -> Result<Self, NetworkError> {
        let bytes = match (brought, &note.preprocessing) {
            (_, None) => {
                let own = Descriptor::note();
                check_same(note, &own.sha256)?;
                return Ok(Self {
                    note: own,
                    bytes: Cow::Borrowed(&[]),
                });
            }
            (Some(path), Some(_)) => Cow::Owned(read(path, MAX_MODEL_BYTES as u64)?),
            (None, Some(_)) => catalog.bytes_of(&note.name)?,
        };
        check_same(note, &hash_of(&bytes))?;
        Ok(Self {
            note: note.clone(),
            bytes,
        })
    }

    /// What is to be remembered of it.
    pub const fn note(&self) -> &NetworkNote {
        &self.note
    }

    /// An embedder for one thread.
    ///
    /// # Errors
    /// [`NetworkError::Load`], [`NetworkError::Shape`].
    pub fn embedder(&self, runtime: &Arc<dyn Runtime>) -> Result<Embedder, NetworkError> {
        let Some(preprocessing) = self.note.preprocessing.clone() else {
            return Ok(Embedder {
                way: Way::Descriptor(Descriptor::default()),
                resizing: Resizing::default(),
            });
        };
        let network = runtime.load(&self.bytes, &LoadOptions::default())?;
        let shape = |what: String| NetworkError::Shape {
            name: self.note.name.clone(),
            what,
        };
        let [input] = network.inputs() else {
            let n = network.inputs().len();
            return Err(shape(format!("takes {n} inputs, and a picture is one")));
        };
        let wanted = preprocessing.shape();
        if let Some(takes) = &input.shape {
            let fits = takes.len() == wanted.len()
                && takes.iter().zip(wanted).all(|(dim, size)| match dim {
                    Dim::Fixed(fixed) => *fixed == size,
                    Dim::Open => true,
                });
            if !fits {
                return Err(shape(format!(
                    "takes {takes:?}, and by its manifest the picture is {wanted:?}; correct layout, width and height"
                )));
            }
        }
        let outputs = network.outputs();
        let output = match &self.note.output {
            None if outputs.len() == 1 => 0,
            None => {
                let names: Vec<&str> = outputs.iter().map(|port| port.name.as_str()).collect();
                return Err(shape(format!(
                    "has several outputs; name one of {names:?} as output"
                )));
            }
            Some(name) => outputs
                .iter()
                .position(|port| port.name == *name)
                .ok_or_else(|| shape(format!("has no output {name:?}")))?,
        };
        Ok(Embedder {
            way: Way::Network(Box::new(Running {
                input: input.name.clone(),
                network,
                output,
                preprocessing,
                values: Vec::new(),
                outputs: Vec::new(),
            })),
            resizing: Resizing::default(),
        })
    }
}

fn check_same(note: &NetworkNote, found: &str) -> Result<(), NetworkError> {
    if note.sha256 == found {
        return Ok(());
    }
    Err(NetworkError::Another {
        expected: note.name.clone(),
        expected_hash: note.sha256.clone(),
        found: found.to_owned(),
    })
}

fn hash_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, NetworkError> {
    let failed = |source| NetworkError::Read {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(NetworkError::TooLong {
            path: path.to_owned(),
            limit,
        });
    }
    Ok(bytes)
}

/// Makes embeddings, on one thread.
///
/// # Privacy
/// Embeds whole pictures of things, never faces: it takes no chip, and compares nobody with anybody. Holds the pixels of the
/// last picture, scaled, until the next.
pub struct Embedder {
    way: Way,
    resizing: Resizing,
}

enum Way {
    Descriptor(Descriptor),
    Network(Box<Running>),
}

struct Running {
    network: Box<dyn Network>,
    input: String,
    output: usize,
    preprocessing: Preprocessing,
    values: Vec<f32>,
    outputs: Vec<Tensor>,
}

impl Embedder {
    /// The unit vector of a picture.
    ///
    /// # Errors
    /// [`EmbedError`].
    pub fn embed(&mut self, picture: RgbView<'_>) -> Result<Vec<f32>, EmbedError> {
        let mut embedding = match &mut self.way {
            Way::Descriptor(descriptor) => descriptor.describe(picture, &mut self.resizing)?,
            Way::Network(running) => running.run(picture, &mut self.resizing)?,
        };
        if embedding.len() > MAX_DIM {
            return Err(EmbedError::Length {
                expected: MAX_DIM,
                found: embedding.len(),
            });
        }
        if normalize(&mut embedding) {
            Ok(embedding)
        } else {
            Err(EmbedError::Nothing)
        }
    }
}

impl Running {
    fn run(
        &mut self,
        picture: RgbView<'_>,
        resizing: &mut Resizing,
    ) -> Result<Vec<f32>, EmbedError> {
        self.preprocessing
            .fill(picture, resizing, &mut self.values)?;
        let shape = self.preprocessing.shape();
        let view = TensorView::new(&shape, &self.values)?;
        self.network
            .run_into(&[(&self.input, view)], &mut self.outputs)?;
        let output = self.outputs.get(self.output).map(Tensor::data);
        Ok(output.unwrap_or_default().to_vec())
    }
}

/// Longer side of a small picture for people, in pixels, and its JPEG quality.
const THUMBNAIL_PX: u32 = 160;
const THUMBNAIL_QUALITY: u8 = 75;

/// A picture, small, as a `data:` address of a JPEG; nothing where it cannot be made.
pub(super) fn thumbnail_of(picture: RgbView<'_>) -> Option<String> {
    let size = picture.size();
    let factor = f64::from(THUMBNAIL_PX) / f64::from(size.width.max(size.height));
    let scaled = |side: u32| ((f64::from(side) * factor.min(1.0)).round() as u32).max(1);
    let (width, height) = (scaled(size.width), scaled(size.height));
    let mut resizing = Resizing::default();
    let pixels = resizing
        .scale(picture, (width, height), Fit::Stretch)
        .ok()?;
    let mut jpeg = Vec::new();
    let sides = [width, height].map(u16::try_from);
    let [Ok(width), Ok(height)] = sides else {
        return None;
    };
    jpeg_encoder::Encoder::new(&mut jpeg, THUMBNAIL_QUALITY)
        .encode(pixels, width, height, jpeg_encoder::ColorType::Rgb)
        .ok()?;
    Some(format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)))
}

#[cfg(test)]
mod tests;
