//! The optional pair of networks that tell a living face from a print or a screen.

use regard_commitments::{CountScope, Scoped};
use regard_domain::{BBox, Face, FrameSize};
use regard_inference::{Catalog, CatalogError, LoadOptions, Network, Runtime};

use crate::detector::check_live;
use crate::model::Model;
use crate::scale::PlanarInput;
use crate::{AnalysisError, RgbView};

/// Ids in the catalogue, with the side of their crops in sides of the box.
const NETWORKS: [(&str, f32); 2] = [("minifasnet-v2", 2.7), ("minifasnet-v1se", 4.0)];

/// Side of their input.
const SIDE_PX: usize = 80;

/// Their classes, of which one is a living face.
const N_CLASSES: usize = 3;
const LIVE_CLASS: usize = 1;

/// MiniFASNet V2 and V1SE: what each thinks of a crop, and the mean.
///
/// # Privacy
/// Looks at a face and what is around it; needs the scope `count`. Keeps scaled pixels of the last frame until the next.
///
/// # Source
/// Model cards `minifasnet-v2` and `minifasnet-v1se`.
pub struct LivenessNetworks {
    networks: Vec<(Model, f32)>,
    input: PlanarInput,
}

impl LivenessNetworks {
    /// Loads the pair; nothing where the files have not been brought.
    ///
    /// # Errors
    /// When a file that is there cannot be used.
    pub fn load(
        runtime: &dyn Runtime,
        catalog: &Catalog,
        options: &LoadOptions,
    ) -> Result<Option<Self>, AnalysisError> {
        let mut networks = Vec::new();
        for (id, factor) in NETWORKS {
            let failed = |source| AnalysisError::Load { model: id, source };
            let bytes = match catalog.bytes_of(id) {
                Ok(bytes) => bytes,
                Err(CatalogError::NotObtained { .. }) => return Ok(None),
                Err(error) => return Err(failed(Box::new(error))),
            };
            let network: Box<dyn Network> = runtime
                .load(&bytes, options)
                .map_err(|e| failed(Box::new(e)))?;
            networks.push((Model::new(id, network), factor));
        }
        Ok(Some(Self {
            networks,
            input: PlanarInput::default(),
        }))
    }

    /// Probability of a living face, as the pair has it; not calibrated for this camera.
    ///
    /// # Errors
    /// When the grant has ended or a network fails.
    pub fn live_probability(
        &mut self,
        frame: RgbView<'_>,
        face: &Face,
        key: &Scoped<CountScope>,
    ) -> Result<f32, AnalysisError> {
        check_live(key.is_live())?;
        let mut sum = 0.0;
        let n = self.networks.len() as f32;
        for (model, factor) in &mut self.networks {
            let Some(region) = region(&face.bbox_in_frame, *factor, frame.size()) else {
                return Ok(0.0);
            };
            self.input.fill(frame, &region, SIDE_PX, SIDE_PX)?;
            // The input is padded to the detector's grid; these networks take the picture alone.
            let [_, _, height, width] = self.input.shape();
            let rows = self.input.planes().chunks_exact(width * height);
            let planes: Vec<f32> = rows
                .flat_map(|plane| plane.chunks_exact(width).take(SIDE_PX))
                .flat_map(|row| &row[..SIDE_PX])
                .copied()
                .collect();
            model.run(&[1, 3, SIDE_PX, SIDE_PX], &planes)?;
            let logits = model.output(0, N_CLASSES)?;
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let weights: Vec<f32> = logits.iter().map(|l| (l - most).exp()).collect();
            sum += weights[LIVE_CLASS] / weights.iter().sum::<f32>();
        }
        Ok(sum / n)
    }
}

/// The crop as those who trained the networks cut it: the box enlarged about its middle, less where the picture is too small for
/// that, and pushed inside.
///
/// # Source
/// Silent-Face-Anti-Spoofing, `src/generate_patches.py`.
fn region(bbox: &BBox, factor: f32, size: FrameSize) -> Option<BBox> {
    let (width, height) = (size.width as f32, size.height as f32);
    let factor = factor
        .min((width - 1.0) / bbox.width())
        .min((height - 1.0) / bbox.height());
    let (w, h) = (bbox.width() * factor, bbox.height() * factor);
    let center = bbox.center();
    let left = (center.x - w / 2.0).clamp(0.0, (width - w).max(0.0));
    let top = (center.y - h / 2.0).clamp(0.0, (height - h).max(0.0));
    BBox::new(left, top, w, h)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_lie_inside_the_picture() {
        let size = FrameSize {
            width: 400,
            height: 300,
        };
        for (left, top, side) in [
            (150.0, 100.0, 60.0),
            (0.0, 0.0, 80.0),
            (330.0, 220.0, 70.0),
            (50.0, 20.0, 250.0),
        ] {
            for factor in [2.7, 4.0] {
                let bbox = BBox::new(left, top, side, side).unwrap();
                let crop = region(&bbox, factor, size).unwrap();
                assert!(crop.left() >= 0.0 && crop.top() >= 0.0);
                assert!(
                    crop.right() <= 400.01 && crop.bottom() <= 300.01,
                    "{crop:?}"
                );
                assert!((crop.width() - crop.height()).abs() < 0.01);
            }
        }
        let middle = BBox::new(180.0, 130.0, 40.0, 40.0).unwrap();
        assert_eq!(
            region(&middle, 2.7, size).unwrap().center(),
            middle.center()
        );
    }
}
