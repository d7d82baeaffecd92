//! One face over time.

use std::fmt;

use regard_commitments::{ExpressionScope, MeasuredRate, Scoped};
use regard_domain::{ExpressionDistribution, HeadPose, Timestamp};

use super::affect::{activity, valence};
use super::baseline::baseline;
use super::measure::{KeptMesh, Measured, Reference, Selection, scaled, turned_deg};
use super::segment::{Movement, movements};
use super::series::{median, secs_from, smoothed};
use super::smile::{Smile, smiles};
use super::unit::{ActionUnit, UnitValues};
use crate::detector::check_live;
use crate::{AnalysisError, Blendshapes, FaceMesh};

/// Most frames of one face that are kept: an hour at 30 frames a second, 130 MB. What comes after is left out and counted.
pub const MAX_MOVEMENT_SAMPLES: usize = 108_000;

/// Fewest frames from which curves are drawn: fewer show no rest.
const MIN_SAMPLES: usize = 10;

/// Deviation of the smoothing in seconds: takes the trembling out of the mesh and leaves a blink in.
const SMOOTHING_SECS: f64 = 0.03;

/// How far a head may be turned for its measures to count as the face's own. Origin: beyond, the mesh makes up the hidden half.
const MAX_TURNED_DEG: f32 = 28.0;

/// Probability of neutral from which the networks count a face as at rest.
const REST_FROM: f32 = 0.5;

/// Seconds for which an expression that was read holds; networks run on some frames only.
const EXPRESSION_HOLDS_SECS: f64 = 0.5;

/// What one frame shows of one face, relative to the face at rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// When the frame was taken.
    pub at: Timestamp,
    /// Signals after the manner of action units, in the order of [`ActionUnit::ALL`]: 0 at rest, 1 about as far as it goes.
    pub units: UnitValues,
    /// How far the left and the right corner of the mouth (in the image) are pulled outwards and upwards, in distances between
    /// the outer eye corners.
    pub corners: [f32; 2],
    /// How pleasant what is shown looks, in `[-1, 1]`.
    pub valence: f32,
    /// How much of the face is moved how far, in `[0, 1]`; 0 at rest.
    pub arousal: f32,
    /// Where the head is turned.
    pub pose: Option<HeadPose>,
    /// What the networks said last, where that holds.
    pub expression: Option<ExpressionDistribution>,
    /// Weights of 52 movements as their network gave them, not relative to rest; nothing where it did not run.
    pub blendshapes: Option<Blendshapes>,
    /// The head is turned so far that the rest of the point is a guess.
    pub is_turned: bool,
}

/// Curves of one face, and what stands out in them.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpressionCurves {
    /// One point a frame, in the order of time.
    pub points: Vec<CurvePoint>,
    /// Movements of all units, by onset.
    pub movements: Vec<Movement>,
    /// Smiles, by onset.
    pub smiles: Vec<Smile>,
    /// How fast frames came, by their own times; nothing where they are too few to say.
    pub rate: Option<MeasuredRate>,
    /// Whether the networks saw the face at rest at any time. Where they did not, rest is what the face showed most, and a smile
    /// that lasts throughout counts as rest.
    pub is_rest_seen: bool,
    /// Frames beyond [`MAX_MOVEMENT_SAMPLES`], which are not in here.
    pub n_left_out: u64,
}

/// What networks said of a face in one frame, where they ran.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MovementReadings {
    /// The expression networks.
    pub expression: Option<ExpressionDistribution>,
    /// The optional network of blendshapes.
    pub blendshapes: Option<Blendshapes>,
}

struct Sample {
    at: Timestamp,
    mesh: KeptMesh,
    pose: Option<HeadPose>,
    readings: MovementReadings,
}

/// Takes the meshes of one face, frame by frame, and draws curves of what it did.
///
/// # Privacy
/// Keeps a few dozen points of the face for each frame until it is dropped; prints none of them. Needs the scope `expression`.
///
/// # Examples
/// ```no_run
/// use regard_commitments::{ExpressionScope, Scoped};
/// use regard_domain::Timestamp;
/// use regard_vision::{ActionUnit, FaceMesh, MovementMeter, MovementReadings};
///
/// fn watch(meshes: &[(Timestamp, FaceMesh)], key: &Scoped<ExpressionScope>) {
///     let mut meter = MovementMeter::new();
///     for (at, mesh) in meshes {
///         let _ = meter.see(*at, mesh, MovementReadings::default(), key);
///     }
///     for movement in meter.curves().into_iter().flat_map(|curves| curves.movements) {
///         let _ = (movement.unit == ActionUnit::LipCornerPull, movement.apex);
///     }
/// }
/// ```
pub struct MovementMeter {
    selection: Selection,
    samples: Vec<Sample>,
    n_left_out: u64,
}

impl fmt::Debug for MovementMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MovementMeter({} frames, withheld)", self.samples.len())
    }
}

impl Default for MovementMeter {
    fn default() -> Self {
        Self::new()
    }
}

impl MovementMeter {
    /// One that has seen nothing.
    pub fn new() -> Self {
        Self {
            selection: Selection::new(),
            samples: Vec::new(),
            n_left_out: 0,
        }
    }

    /// Takes one frame of the face: its mesh, and what further networks said of it where they ran. A frame that was not taken after
    /// the last one is passed over.
    ///
    /// # Errors
    /// When the grant has ended.
    pub fn see(
        &mut self,
        at: Timestamp,
        mesh: &FaceMesh,
        readings: MovementReadings,
        key: &Scoped<ExpressionScope>,
    ) -> Result<(), AnalysisError> {
        check_live(key.is_live())?;
        if self.samples.last().is_some_and(|last| at <= last.at) {
            return Ok(());
        }
        if self.samples.len() >= MAX_MOVEMENT_SAMPLES {
            self.n_left_out += 1;
            return Ok(());
        }
        self.samples.push(Sample {
            at,
            mesh: self.selection.of(mesh),
            pose: mesh.head_pose(),
            readings,
        });
        Ok(())
    }

    /// What the face did; nothing while there are fewer than ten frames of it.
    pub fn curves(&self) -> Option<ExpressionCurves> {
        let (kept, measured) = self.measured()?;
        let first = kept.first()?.at;
        let times: Vec<f64> = kept.iter().map(|s| secs_from(first, s.at)).collect();
        let raw = smoothed_units(&times, &measured);
        let expressions = held(&kept, &times);
        let turned: Vec<bool> = kept
            .iter()
            .map(|s| s.pose.is_none_or(|pose| turned_deg(&pose) > MAX_TURNED_DEG))
            .collect();
        let (is_quiet, is_rest_seen) = quiet(&times, &raw, &turned, &expressions);
        let rest = baseline(&times, &raw, &is_quiet);
        let corners_at_rest = corners_at_rest(&measured, &is_quiet);
        let mut points: Vec<CurvePoint> = Vec::with_capacity(kept.len());
        for (i, sample) in kept.iter().enumerate() {
            let units = scaled(&std::array::from_fn(|u| raw[i][u] - rest[i][u]));
            points.push(CurvePoint {
                at: sample.at,
                units,
                corners: pulled(&measured[i], &corners_at_rest),
                valence: valence(&units, expressions[i].as_ref()),
                arousal: activity(&units),
                pose: sample.pose,
                expression: expressions[i],
                blendshapes: sample.readings.blendshapes,
                is_turned: turned[i],
            });
        }
        let mut at_rest: Vec<f32> = points
            .iter()
            .zip(&is_quiet)
            .filter(|(_, quiet)| **quiet)
            .map(|(p, _)| p.arousal)
            .collect();
        let idle = median(&mut at_rest).unwrap_or(0.0);
        for point in &mut points {
            point.arousal = ((point.arousal - idle) / (1.0 - idle).max(0.1)).clamp(0.0, 1.0);
        }
        let at: Vec<Timestamp> = kept.iter().map(|s| s.at).collect();
        let mut found = Vec::new();
        for unit in ActionUnit::ALL {
            // In a turned head the mesh is a guess, and nothing is found in a guess.
            let value = |p: &CurvePoint| {
                if p.is_turned {
                    0.0
                } else {
                    p.units[unit as usize]
                }
            };
            let values: Vec<f32> = points.iter().map(value).collect();
            found.extend(movements(unit, (&times, &at), &values, &is_quiet));
        }
        found.sort_by(|a, b| a.onset.cmp(&b.onset).then(a.unit.cmp(&b.unit)));
        Some(ExpressionCurves {
            smiles: smiles(&points, &found),
            movements: found,
            rate: MeasuredRate::of(&at),
            points,
            is_rest_seen,
            n_left_out: self.n_left_out,
        })
    }

    /// Every frame that can be measured.
    fn measured(&self) -> Option<(Vec<&Sample>, Vec<Measured>)> {
        let away = |s: &&Sample| s.pose.map_or(f32::INFINITY, |pose| turned_deg(&pose));
        let straightest = self
            .samples
            .iter()
            .min_by(|a, b| away(a).total_cmp(&away(b)))?;
        let reference = Reference::of(&self.selection, &straightest.mesh)?;
        let (kept, measured): (Vec<&Sample>, Vec<Measured>) = self
            .samples
            .iter()
            .filter_map(|s| Some((s, Measured::of(&self.selection, &s.mesh, &reference)?)))
            .unzip();
        (kept.len() >= MIN_SAMPLES).then_some((kept, measured))
    }
}

fn smoothed_units(times: &[f64], measured: &[Measured]) -> Vec<UnitValues> {
    let mut units = vec![UnitValues::default(); measured.len()];
    for unit in ActionUnit::ALL {
        let column: Vec<f32> = measured.iter().map(|m| m.units[unit as usize]).collect();
        for (into, value) in units
            .iter_mut()
            .zip(smoothed(times, &column, SMOOTHING_SECS))
        {
            into[unit as usize] = value;
        }
    }
    units
}

/// What the networks said last before each frame, while that holds.
fn held(kept: &[&Sample], times: &[f64]) -> Vec<Option<ExpressionDistribution>> {
    let mut last: Option<(f64, ExpressionDistribution)> = None;
    kept.iter()
        .zip(times)
        .map(|(sample, time)| {
            if let Some(expression) = sample.readings.expression {
                last = Some((*time, expression));
            }
            last.filter(|(said, _)| time - said <= EXPRESSION_HOLDS_SECS)
                .map(|(_, expression)| expression)
        })
        .collect()
}

/// Which frames show the face at rest: it moves no more than it does half of the time, it faces the camera, and the networks
/// call it neutral where they ever do. And whether they do.
fn quiet(
    times: &[f64],
    raw: &[UnitValues],
    turned: &[bool],
    expressions: &[Option<ExpressionDistribution>],
) -> (Vec<bool>, bool) {
    let scales = ActionUnit::ALL.map(ActionUnit::full_scale);
    let speed: Vec<f32> = (0..raw.len())
        .map(|i| {
            let (a, b) = (i.saturating_sub(1), (i + 1).min(raw.len() - 1));
            let secs = (times[b] - times[a]).max(1e-3) as f32;
            let far = scales
                .iter()
                .enumerate()
                .map(|(u, s)| ((raw[b][u] - raw[a][u]) / s).abs());
            far.sum::<f32>() / secs
        })
        .collect();
    let typical = median(&mut speed.clone()).unwrap_or(0.0);
    let neutral: Vec<bool> = expressions
        .iter()
        .map(|e| e.is_some_and(|e| e.as_array()[0] >= REST_FROM))
        .collect();
    let is_rest_seen = neutral.iter().any(|n| *n);
    let is_quiet = (0..raw.len())
        .map(|i| speed[i] <= typical && !turned[i] && (neutral[i] || !is_rest_seen))
        .collect();
    (is_quiet, is_rest_seen)
}

/// Where the corners of the mouth are at rest.
fn corners_at_rest(measured: &[Measured], is_quiet: &[bool]) -> [[f32; 2]; 2] {
    let any = is_quiet.iter().any(|q| *q);
    let at_rest = || measured.iter().zip(is_quiet).filter(|(_, q)| **q || !any);
    [0, 1].map(|side| {
        [0, 1].map(|axis| {
            let mut values: Vec<f32> = at_rest().map(|(m, _)| m.corners[side][axis]).collect();
            median(&mut values).unwrap_or(0.0)
        })
    })
}

/// How far the corners are pulled outwards and upwards.
fn pulled(measured: &Measured, at_rest: &[[f32; 2]; 2]) -> [f32; 2] {
    [0, 1].map(|side| {
        let [out, up] = [0, 1].map(|axis| measured.corners[side][axis] - at_rest[side][axis]);
        (out + up) * std::f32::consts::FRAC_1_SQRT_2
    })
}
