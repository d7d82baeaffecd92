//! Curves on a common grid of time, relative to a participant's own rest, and bands over participants.

use regard_domain::{betting, student};
use serde::{Deserialize, Serialize};

use super::sitting::{Neutral, Watched};
use crate::Interval;

/// Step of the grid. Expression is read ten times a second at best; four points a second keep a smile and no more.
pub const GRID_MILLIS: u32 = 250;

/// Error of bands: each point by itself misses the mean of the population in 5 of 100 studies.
const BAND_ERROR: f64 = 0.05;

/// What one frame told of the participant's face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Glance {
    /// Milliseconds since what is shown began.
    pub at_millis: f64,
    /// How much the face is turned to the screen, 0 to 1.
    pub attention: Option<f32>,
    /// Probability of a smile, and of a smile less the unpleasant ones.
    pub smile_and_valence: Option<(f32, f32)>,
}

/// Values on the grid: the mean over each step, nothing where the face was not seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Curve(pub Vec<Option<f32>>);

impl Curve {
    /// Steps of a showing of that length.
    pub const fn n_steps(duration_millis: u32) -> usize {
        duration_millis.div_ceil(GRID_MILLIS) as usize
    }

    /// Mean over some of its steps, all of them where the range is whole; nothing where nothing was seen.
    pub fn mean(&self, steps: std::ops::Range<usize>) -> Option<f64> {
        let end = steps.end.min(self.0.len());
        let seen = self.0.get(steps.start..end)?.iter().flatten();
        let (n, sum) = seen.fold((0_u32, 0.0), |(n, sum), v| (n + 1, sum + f64::from(*v)));
        (n > 0).then(|| sum / f64::from(n))
    }
}

/// Gathers what the frames of one stretch tell.
///
/// # Privacy
/// Numbers of one person, in memory, until the stretch is over.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    glances: Vec<Glance>,
}

/// Frames of one stretch that are gathered: two minutes at a hundred a second. Further ones change no mean that is shown.
const MAX_GLANCES: usize = 12_000;

impl Recorder {
    /// Takes one down.
    pub fn add(&mut self, glance: Glance) {
        if self.glances.len() < MAX_GLANCES && glance.at_millis.is_finite() {
            self.glances.push(glance);
        }
    }

    /// What the participant showed at rest: medians, which a blink or a word does not move.
    pub fn neutral(&self) -> Neutral {
        let seen = self
            .glances
            .iter()
            .filter_map(|glance| glance.smile_and_valence);
        let (mut smiles, mut valences): (Vec<f32>, Vec<f32>) = seen.unzip();
        let n_readings = u32::try_from(smiles.len()).unwrap_or(u32::MAX);
        Neutral {
            smile: median(&mut smiles),
            valence: median(&mut valences),
            n_readings,
        }
    }

    /// The curves of a message that was shown for so long.
    pub fn watched(&self, duration_millis: u32, neutral: &Neutral) -> Watched {
        let n = Curve::n_steps(duration_millis);
        let gather = |value: &dyn Fn(&Glance) -> Option<f32>| {
            let mut sums = vec![(0_u32, 0.0_f64); n];
            for glance in &self.glances {
                let step = (glance.at_millis / f64::from(GRID_MILLIS)).floor();
                let is_in = step >= 0.0 && step < n as f64;
                if let Some(value) = value(glance).filter(|_| is_in) {
                    let cell = &mut sums[step as usize];
                    *cell = (cell.0 + 1, cell.1 + f64::from(value));
                }
            }
            let means = sums.into_iter();
            Curve(
                means
                    .map(|(n, sum)| (n > 0).then(|| (sum / f64::from(n)) as f32))
                    .collect(),
            )
        };
        Watched {
            attention: gather(&|glance| glance.attention),
            smile: gather(&|glance| Some(glance.smile_and_valence?.0 - neutral.smile)),
            valence: gather(&|glance| Some(glance.smile_and_valence?.1 - neutral.valence)),
            answers: super::sitting::Answers::new(),
        }
    }
}

fn median(values: &mut [f32]) -> f32 {
    values.sort_by(f32::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => f32::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

/// One step of a band.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BandPoint {
    /// Middle of the step, in milliseconds since the message began.
    pub at_millis: u32,
    /// Participants whose face was seen then.
    pub n: u32,
    /// Their mean.
    pub mean: f64,
    /// Where the mean of the population is, in 95 of 100 studies.
    pub interval: Interval,
}

/// A curve over participants. Steps at which fewer than the least number were seen are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Band(pub Vec<BandPoint>);

impl Band {
    /// The band over these curves, of steps seen of at least so many. Where all values lie between bounds, it holds the mean at each
    /// step however few and however uneven participants are; without bounds it is Student's, and supposes values that are spread
    /// evenly about their mean.
    pub fn over(curves: &[&Curve], least: u32, bounds: Option<(f64, f64)>) -> Self {
        let n_steps = curves.iter().map(|curve| curve.0.len()).max().unwrap_or(0);
        let point = |step: usize| {
            let seen = curves.iter().filter_map(|curve| *curve.0.get(step)?);
            let values: Vec<f64> = seen.map(f64::from).collect();
            let n = u32::try_from(values.len()).unwrap_or(u32::MAX);
            let (mean, interval) = mean_with_interval(&values, bounds)?;
            let at_millis = u32::try_from(step).ok()? * GRID_MILLIS + GRID_MILLIS / 2;
            (n >= least).then_some(BandPoint {
                at_millis,
                n,
                mean,
                interval,
            })
        };
        Self((0..n_steps).filter_map(point).collect())
    }
}

/// Mean and its interval; nothing of fewer than two. Between bounds it is that of bets, which promises to hold; without, Student's.
///
/// Of few participants Student's misses far more often than it says where most are alike and some are not: of six, of whom one in
/// ten smiles a lot, every other time. Bounds are moved out to values that lie beyond.
pub(super) fn mean_with_interval(
    values: &[f64],
    bounds: Option<(f64, f64)>,
) -> Option<(f64, Interval)> {
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let (low, high) = match bounds {
        Some(bounds) => betting(values, bounds, BAND_ERROR),
        None => student(values, BAND_ERROR)?,
    };
    Some((mean, Interval { low, high }))
}
