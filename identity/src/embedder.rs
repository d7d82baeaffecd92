//! Faces into embeddings.

use std::error::Error;
use std::fmt;

use regard_commitments::{Grant, Recognition, Zeroizing};
use regard_inference::{Catalog, LoadOptions, Network, Runtime, Tensor, TensorView};
use regard_vision::{CHIP_SIDE_PX, FaceChip};
use thiserror::Error;
use zeroize::Zeroize;

use crate::{Embedding, ModelTag};

/// Id of the embedding network in the catalogue.
pub const EMBEDDING_MODEL: &str = "sface-2021dec-int8";

/// Numbers of its embeddings.
pub const EMBEDDING_DIMENSION: usize = 128;

/// Faces of one run of the network; more are done in several runs. Origin: 16 chips and their mirror images are 4.8 MB of
/// input, and the gain of running together is had well before.
const MAX_FACES_PER_RUN: usize = 16;

const CHANNELS: usize = 3;
const CHIP_LEN: usize = CHANNELS * CHIP_SIDE_PX * CHIP_SIDE_PX;

/// Why a face did not become an embedding.
#[derive(Debug, Error)]
pub enum EmbedError {
    /// The grant behind the key has ended: stop embedding.
    #[error("the recognition grant has ended")]
    GrantEnded,
    /// The network cannot be had.
    #[error("failed to load the face model {model}")]
    Load {
        /// Its id in the catalogue.
        model: &'static str,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The network failed.
    #[error("the face model {model} failed")]
    Run {
        /// Its id in the catalogue.
        model: &'static str,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The network's output is not what its model card promises.
    #[error("the face model {model} gave an unexpected output")]
    Output {
        /// Its id in the catalogue.
        model: &'static str,
    },
}

/// The embedding network SFace: 112 × 112 RGB in, 128 numbers out, summed with those of the mirror image.
///
/// # Privacy
/// Turns a face into biometric data; every call takes the key of the Recognition gate. Input and output buffers are wiped
/// after each call; what the runtime computes in between is overwritten by its next run.
///
/// # Source
/// Model card `sface-2021dec-int8`; the sum with the mirror image halves the error on LFW.
pub struct Embedder {
    network: Box<dyn Network>,
    input_name: String,
    model: ModelTag,
    input: Zeroizing<Vec<f32>>,
    outputs: Vec<Tensor>,
}

impl Embedder {
    /// Loads the network of the catalogue.
    ///
    /// # Errors
    /// When its file, its licence or the runtime do not allow it.
    pub fn load(
        runtime: &dyn Runtime,
        catalog: &Catalog,
        options: &LoadOptions,
    ) -> Result<Self, EmbedError> {
        let failed = |source| EmbedError::Load {
            model: EMBEDDING_MODEL,
            source,
        };
        let entry = catalog
            .entry(EMBEDDING_MODEL)
            .map_err(|e| failed(Box::new(e)))?;
        let unexpected = EmbedError::Output {
            model: EMBEDDING_MODEL,
        };
        let model = ModelTag::from_sha256_text(&entry.sha256).ok_or(unexpected)?;
        let bytes = catalog
            .bytes_of(EMBEDDING_MODEL)
            .map_err(|e| failed(Box::new(e)))?;
        let network = runtime
            .load(&bytes, options)
            .map_err(|e| failed(Box::new(e)))?;
        let [port] = network.inputs() else {
            return Err(EmbedError::Output {
                model: EMBEDDING_MODEL,
            });
        };
        Ok(Self {
            input_name: port.name.clone(),
            network,
            model,
            input: Zeroizing::new(Vec::new()),
            outputs: Vec::new(),
        })
    }

    /// Which model it is: what its embeddings and templates are marked with.
    pub const fn model(&self) -> ModelTag {
        self.model
    }

    /// The embedding of a face.
    ///
    /// # Errors
    /// When the grant has ended or the network fails.
    pub fn embed(
        &mut self,
        chip: &FaceChip,
        key: &Grant<Recognition>,
    ) -> Result<Embedding, EmbedError> {
        let mut embeddings = self.embed_all(&[chip], key)?;
        Ok(embeddings.pop().expect("one embedding a chip"))
    }

    /// The embeddings of several faces, in their order, in as few runs of the network as can be.
    ///
    /// # Errors
    /// As [`Embedder::embed`].
    pub fn embed_all(
        &mut self,
        chips: &[&FaceChip],
        key: &Grant<Recognition>,
    ) -> Result<Vec<Embedding>, EmbedError> {
        let mut embeddings = Vec::with_capacity(chips.len());
        for chips in chips.chunks(MAX_FACES_PER_RUN) {
            if !key.is_live() {
                return Err(EmbedError::GrantEnded);
            }
            let result = self.run(chips, &mut embeddings);
            self.input.as_mut_slice().zeroize();
            for output in &mut self.outputs {
                output.data_mut().zeroize();
            }
            result?;
        }
        Ok(embeddings)
    }

    fn run(
        &mut self,
        chips: &[&FaceChip],
        embeddings: &mut Vec<Embedding>,
    ) -> Result<(), EmbedError> {
        let failed = |source| EmbedError::Run {
            model: EMBEDDING_MODEL,
            source,
        };
        let n_images = chips.len() * 2;
        // Sized once for the most faces, so that it never moves and leaves a copy behind.
        let most = MAX_FACES_PER_RUN.min(n_images) * 2 * CHIP_LEN;
        if self.input.capacity() < most {
            self.input = Zeroizing::new(Vec::with_capacity(most));
        }
        self.input.resize(n_images * CHIP_LEN, 0.0);
        let pairs = self.input.chunks_exact_mut(2 * CHIP_LEN);
        for (pair, chip) in pairs.zip(chips) {
            let (straight, mirrored) = pair.split_at_mut(CHIP_LEN);
            spread(chip.pixels(), straight);
            mirror(straight, mirrored);
        }
        let shape = [n_images, CHANNELS, CHIP_SIDE_PX, CHIP_SIDE_PX];
        let view = TensorView::new(&shape, &self.input).map_err(|e| failed(Box::new(e)))?;
        self.network
            .run_into(&[(&self.input_name, view)], &mut self.outputs)
            .map_err(|e| failed(Box::new(e)))?;
        let unexpected = || EmbedError::Output {
            model: EMBEDDING_MODEL,
        };
        let output = self.outputs.first().map(Tensor::data);
        let output = output
            .filter(|data| data.len() == n_images * EMBEDDING_DIMENSION)
            .ok_or_else(unexpected)?;
        for pair in output.chunks_exact(2 * EMBEDDING_DIMENSION) {
            let (straight, mirrored) = pair.split_at(EMBEDDING_DIMENSION);
            let sum = straight.iter().zip(mirrored).map(|(a, b)| a + b).collect();
            embeddings.push(Embedding::new(sum, self.model).ok_or_else(unexpected)?);
        }
        Ok(())
    }
}

impl fmt::Debug for Embedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedder")
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// Interleaved bytes into planes of numbers.
fn spread(pixels: &[u8], planes: &mut [f32]) {
    let (pixels, _) = pixels.as_chunks::<CHANNELS>();
    for (channel, plane) in planes.chunks_exact_mut(pixels.len()).enumerate() {
        for (value, pixel) in plane.iter_mut().zip(pixels) {
            *value = f32::from(pixel[channel]);
        }
    }
}

/// The same planes with left and right exchanged.
fn mirror(planes: &[f32], mirrored: &mut [f32]) {
    let rows = planes.chunks_exact(CHIP_SIDE_PX);
    for (row, turned) in rows.zip(mirrored.chunks_exact_mut(CHIP_SIDE_PX)) {
        for (value, from) in turned.iter_mut().zip(row.iter().rev()) {
            *value = *from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_and_their_mirror_image() {
        let side = CHIP_SIDE_PX;
        let pixels: Vec<u8> = (0..side * side)
            .flat_map(|i| [(i % side) as u8, (i / side) as u8, 7])
            .collect();
        let mut planes = vec![0.0; CHIP_LEN];
        spread(&pixels, &mut planes);
        let mut mirrored = vec![0.0; CHIP_LEN];
        mirror(&planes, &mut mirrored);
        let at = |planes: &[f32], c: usize, x: usize, y: usize| planes[(c * side + y) * side + x];
        for (x, y) in [(0, 0), (5, 9), (111, 3), (40, 111)] {
            assert_eq!(at(&planes, 0, x, y), x as f32);
            assert_eq!(at(&planes, 1, x, y), y as f32);
            assert_eq!(at(&planes, 2, x, y), 7.0);
            assert_eq!(at(&mirrored, 0, x, y), (111 - x) as f32);
            assert_eq!(at(&mirrored, 1, x, y), y as f32);
        }
    }
}
