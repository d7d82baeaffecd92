//! What a camera really delivers: how often, how evenly, under which light, read out how fast.

#[cfg(test)]
mod tests;

use std::f64::consts::TAU;

use regard_domain::Timestamp;

use crate::RgbView;

/// Bands of rows whose brightness is kept of each frame. Origin: enough for four waves of light within a frame, which a sensor that
/// is read out in 33 ms shows of light that flickers 120 times a second.
const N_BANDS: usize = 32;

/// Columns of a frame that are looked at, evenly spread: enough for a mean, and few enough for a fast camera.
const MAX_PROBES: usize = 64;

/// Times as long as the usual gap from which frames are missing in it.
const DROPPED_FROM: f64 = 1.5;

/// How often light on the mains brightens each second: twice a period of the voltage.
const LIGHT_HZ: [(Mains, f64); 2] = [(Mains::Hz50, 100.0), (Mains::Hz60, 120.0)];

/// Waves of light within the height of a frame that are tried, from none to four in each direction.
const MAX_WAVES: f64 = 4.0;
const WAVE_STEP: f64 = 0.25;

/// Frequencies of no light, beside those of light, that say how much there is of anything: half a beat apart.
const N_BESIDE: usize = 24;

/// Probability of chance below which flicker counts as there.
const CHANCE: f64 = 1e-3;

/// Least flicker that is told, as a share of the brightness: less is neither seen nor measured in a face.
const MIN_DEPTH: f64 = 0.002;

/// Beats of the light against the frames within a measurement, below which they cannot be told from people who move and daylight
/// that changes: both change brightness slowly.
const MIN_BEATS: f64 = 5.0;

/// Frames that a measurement needs.
const MIN_FRAMES: usize = 30;

/// The mains that lamps hang on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mains {
    /// 50 Hz, as in Europe: light flickers 100 times a second.
    Hz50,
    /// 60 Hz, as in America: 120 times.
    Hz60,
}

impl Mains {
    /// Periods of the voltage a second.
    pub const fn hz(self) -> u32 {
        match self {
            Self::Hz50 => 50,
            Self::Hz60 => 60,
        }
    }
}

/// What is kept of a frame: when it was taken, and how bright its bands of rows are.
///
/// # Privacy
/// Thirty-two numbers; nobody is to be told from them.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameTrace {
    taken_at: Timestamp,
    bands: [f32; N_BANDS],
}

impl FrameTrace {
    /// The trace of a frame.
    pub fn of(picture: RgbView<'_>, taken_at: Timestamp) -> Self {
        let (width, height) = (
            picture.size().width as usize,
            picture.size().height as usize,
        );
        let n_probes = width.min(MAX_PROBES);
        let bands = std::array::from_fn(|band| {
            let (first, after) = (band * height / N_BANDS, (band + 1) * height / N_BANDS);
            let rows = first..after.max(first + 1).min(height.max(1));
            let mut sum = 0_u64;
            let mut n = 0_u64;
            for row in rows {
                for probe in 0..n_probes {
                    let at = (row * width + probe * width / n_probes) * 3;
                    sum += picture.pixels()[at..at + 3]
                        .iter()
                        .map(|v| u64::from(*v))
                        .sum::<u64>();
                    n += 3;
                }
            }
            (sum as f64 / n.max(1) as f64) as f32
        });
        Self { taken_at, bands }
    }

    /// A trace of known brightness: 0 to 255, from the top down.
    #[cfg(test)]
    const fn from_bands(bands: [f32; N_BANDS], taken_at: Timestamp) -> Self {
        Self { taken_at, bands }
    }
}

/// How frames come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FramePace {
    /// Frames a second on the whole.
    pub mean_hz: f64,
    /// The usual gap between frames, in milliseconds.
    pub usual_gap_millis: f64,
    /// Standard deviation of the gaps in which no frame is missing, in milliseconds.
    pub jitter_millis: f64,
    /// Frames that came.
    pub n_frames: u64,
    /// Frames that are missing in gaps of half as long again and more.
    pub n_dropped: u64,
    /// Frames that show exactly what the one before showed: some drivers fill gaps so.
    pub n_duplicates: u64,
}

/// What flickers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Flicker {
    /// Nothing that could be told from chance.
    None,
    /// At this rate light of these mains would look still: a whole number of its waves falls between two frames.
    Hidden(Mains),
    /// Light on these mains.
    Seen {
        /// Which.
        mains: Mains,
        /// How far brightness swings from its mean, as a share of it.
        depth_ratio: f64,
        /// Probability that chance makes it look so.
        chance: f64,
        /// How long the sensor takes from its first row to its last, in milliseconds, where bands show that it is read row by
        /// row; nothing where the whole frame brightens at once.
        readout_millis: Option<f64>,
    },
}

/// What was measured of a camera.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraCheck {
    /// How frames come.
    pub pace: FramePace,
    /// What was found about light on each of the mains.
    pub flicker: Vec<Flicker>,
}

/// Measures what the traces of frames taken one after the other tell; nothing where there are too few, or time does not go on.
///
/// # Source
/// Flicker: periodogram at the true times of the frames (Lomb 1976, Scargle 1982) of the bands' brightness, at the frequencies of
/// light on the mains and for every number of waves within a frame, against the median of frequencies beside them, whose powers
/// are exponential where there is nothing.
pub fn check_camera(traces: &[FrameTrace]) -> Option<CameraCheck> {
    if traces.len() < MIN_FRAMES {
        return None;
    }
    let pace = pace_of(traces)?;
    let swings = Swings::of(traces)?;
    let flicker = LIGHT_HZ
        .iter()
        .map(|(mains, light_hz)| swings.flicker(*mains, *light_hz, &pace))
        .collect();
    Some(CameraCheck { pace, flicker })
}

fn pace_of(traces: &[FrameTrace]) -> Option<FramePace> {
    let gaps: Option<Vec<f64>> = traces
        .windows(2)
        .map(|pair| {
            let gap = pair[1].taken_at.as_micros() - pair[0].taken_at.as_micros();
            (gap > 0).then_some(gap as f64 / 1e3)
        })
        .collect();
    let gaps = gaps?;
    let mut sorted = gaps.clone();
    sorted.sort_by(f64::total_cmp);
    let usual = sorted[sorted.len() / 2];
    let (whole, long): (Vec<f64>, Vec<f64>) =
        gaps.iter().partition(|gap| **gap < usual * DROPPED_FROM);
    let mean = whole.iter().sum::<f64>() / whole.len() as f64;
    let spread = whole.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / whole.len() as f64;
    let dropped = long.iter().map(|gap| (gap / usual).round() as u64 - 1);
    Some(FramePace {
        mean_hz: gaps.len() as f64 * 1e3 / gaps.iter().sum::<f64>(),
        usual_gap_millis: usual,
        jitter_millis: spread.sqrt(),
        n_frames: traces.len() as u64,
        n_dropped: dropped.sum(),
        n_duplicates: traces
            .windows(2)
            .filter(|pair| pair[0].bands == pair[1].bands)
            .count() as u64,
    })
}

/// How far each band of each frame is from its mean, as a share of it, and from where it went slowly.
struct Swings {
    times_secs: Vec<f64>,
    bands: Vec<[f64; N_BANDS]>,
}

impl Swings {
    fn of(traces: &[FrameTrace]) -> Option<Self> {
        let first = traces.first()?.taken_at;
        let times_secs = traces
            .iter()
            .map(|trace| (trace.taken_at.as_micros() - first.as_micros()) as f64 / 1e6)
            .collect();
        let mut bands = vec![[0.0; N_BANDS]; traces.len()];
        for band in 0..N_BANDS {
            let values: Vec<f64> = traces
                .iter()
                .map(|trace| f64::from(trace.bands[band]))
                .collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            // Black bands say nothing, and would be loud.
            let scale = mean.max(8.0);
            for (at, swing) in bands.iter_mut().enumerate() {
                swing[band] = (values[at] - mean) / scale;
            }
        }
        Some(Self { times_secs, bands })
    }

    /// Amplitude of a wave of that frequency that passes so many times through the height of a frame, as a share of the
    /// brightness.
    fn amplitude(&self, hz: f64, waves: f64) -> f64 {
        let (mut real, mut imaginary) = (0.0, 0.0);
        let turns: [(f64, f64); N_BANDS] = std::array::from_fn(|band| {
            (TAU * waves * (band as f64 + 0.5) / N_BANDS as f64).sin_cos()
        });
        for (time, swings) in self.times_secs.iter().zip(&self.bands) {
            let (mut band_real, mut band_imaginary) = (0.0, 0.0);
            for (swing, (sin, cos)) in swings.iter().zip(&turns) {
                band_real += swing * cos;
                band_imaginary -= swing * sin;
            }
            let (sin, cos) = (TAU * hz * time).sin_cos();
            real += band_real * cos + band_imaginary * sin;
            imaginary += band_imaginary * cos - band_real * sin;
        }
        2.0 * real.hypot(imaginary) / (self.times_secs.len() * N_BANDS) as f64
    }

    fn flicker(&self, mains: Mains, light_hz: f64, pace: &FramePace) -> Flicker {
        let span_secs = self.times_secs.last().copied().unwrap_or(0.0);
        // By all frames that should have come: single gaps are rounded by some recorders, and a beat is a small difference.
        let n_gaps = pace.n_frames.saturating_sub(1) + pace.n_dropped;
        let frame_hz = n_gaps as f64 / span_secs;
        let beat_hz = light_hz - (light_hz / frame_hz).round() * frame_hz;
        if (beat_hz * span_secs).abs() < MIN_BEATS {
            return Flicker::Hidden(mains);
        }
        let n_waves = (2.0 * MAX_WAVES / WAVE_STEP).round() as i32 + 1;
        let wave = |at: i32| f64::from(at) * WAVE_STEP - MAX_WAVES;
        // The frequency of the mains wanders by some hundredths of a hertz, and clocks differ.
        let near = [-1.0, -0.5, 0.0, 0.5, 1.0].map(|step| light_hz + step * 0.5 / span_secs);
        let best = (0..n_waves)
            .flat_map(|at| near.map(|hz| (wave(at), hz)))
            .map(|(waves, hz)| (self.amplitude(hz, waves), waves))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((amplitude, waves)) = best else {
            return Flicker::None;
        };
        // What there is beside, with as many waves: people who move, and noise.
        let mut beside: Vec<f64> = (0..N_BESIDE)
            .map(|at| {
                let steps = (at / 2 + 3) as f64;
                let side = if at % 2 == 0 { 1.0 } else { -1.0 };
                self.amplitude(light_hz + side * steps / span_secs, waves)
            })
            .map(|amplitude| amplitude * amplitude)
            .collect();
        beside.sort_by(f64::total_cmp);
        let median = beside[N_BESIDE / 2].max(1e-18);
        let exceeds = amplitude * amplitude * std::f64::consts::LN_2 / median;
        // As many chances as waves and frequencies were tried; neighbours share half of theirs.
        let n_tries = f64::from(n_waves) * near.len() as f64 / 2.0;
        let chance = -(n_tries * (-(-exceeds).exp()).ln_1p()).exp_m1();
        if chance > CHANCE || amplitude < MIN_DEPTH {
            return Flicker::None;
        }
        Flicker::Seen {
            mains,
            depth_ratio: amplitude,
            chance,
            readout_millis: (waves.abs() >= WAVE_STEP).then(|| waves.abs() / light_hz * 1e3),
        }
    }
}
