//! The file of a scale.

use serde::Deserialize;
use thiserror::Error;

use super::{MatchScale, Point};
use crate::ModelTag;

/// Most rows of a scale. Origin: twenty rows span twelve decades.
const MAX_POINTS: usize = 200;

/// Why a text is no scale.
#[derive(Debug, Error)]
pub enum ScaleFault {
    /// Not the form that is expected.
    #[error("not a scale of similarities")]
    Form(#[from] toml::de::Error),
    /// No hash of a model.
    #[error("the scale names no model by its hash")]
    NoModel,
    /// Fewer than two rows, or more than 200.
    #[error("the scale has {n} rows")]
    Rows {
        /// How many it has.
        n: usize,
    },
    /// A row whose numbers are out of range or out of order.
    #[error("row {row} of the scale is out of order")]
    Order {
        /// Which, from 1.
        row: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Id in the catalogue, for people.
    #[serde(rename = "model")]
    _model: String,
    sha256: String,
    data: String,
    likelihood: Likelihood,
    point: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Likelihood {
    slope: f64,
    offset: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    fmr: f64,
    threshold: f64,
    low: f64,
    high: f64,
    #[serde(default)]
    extrapolated: bool,
    fnmr: f64,
    fnmr_low: f64,
    fnmr_high: f64,
}

impl Row {
    fn is_in_range(&self) -> bool {
        let rates = [self.fmr, self.fnmr, self.fnmr_low, self.fnmr_high];
        let similarities = [self.low, self.threshold, self.high];
        rates.iter().all(|r| (0.0..=1.0).contains(r))
            && self.fmr > 0.0
            && similarities.iter().all(|s| (-1.0..=1.0).contains(s))
            && similarities.is_sorted()
            && [self.fnmr_low, self.fnmr, self.fnmr_high].is_sorted()
    }
}

impl MatchScale {
    /// The scale in a text, for models that a site brings.
    ///
    /// # Errors
    /// [`ScaleFault`], also for rates and thresholds that do not run from one end to the other.
    pub fn parse(text: &str) -> Result<Self, ScaleFault> {
        let file: File = toml::from_str(text)?;
        let model = ModelTag::from_sha256_text(&file.sha256).ok_or(ScaleFault::NoModel)?;
        let n = file.point.len();
        if !(2..=MAX_POINTS).contains(&n) {
            return Err(ScaleFault::Rows { n });
        }
        for (at, row) in file.point.iter().enumerate() {
            let follows = at.checked_sub(1).is_none_or(|before| {
                let before = &file.point[before];
                before.fmr > row.fmr
                    && before.threshold < row.threshold
                    && before.low <= row.low
                    && before.high <= row.high
                    && before.fnmr <= row.fnmr
                    && before.extrapolated <= row.extrapolated
            });
            if !row.is_in_range() || !follows {
                return Err(ScaleFault::Order { row: at + 1 });
            }
        }
        let finite = file.likelihood.slope.is_finite() && file.likelihood.offset.is_finite();
        if !finite || file.likelihood.slope <= 0.0 {
            return Err(ScaleFault::Order { row: 0 });
        }
        let points = file.point.iter().map(|row| Point {
            ln_fmr: row.fmr.ln(),
            threshold: row.threshold,
            low: row.low,
            high: row.high,
            is_extrapolated: row.extrapolated,
            fnmr: row.fnmr,
            fnmr_low: row.fnmr_low,
            fnmr_high: row.fnmr_high,
        });
        Ok(Self {
            model,
            data: file.data,
            points: points.collect(),
            slope: file.likelihood.slope,
            offset: file.likelihood.offset,
        })
    }
}
