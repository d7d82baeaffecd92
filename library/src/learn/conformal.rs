//! Sets of classes that miss the true one no more often than promised.
//!
//! Whatever the head and the data, as long as what comes is drawn like what calibrated: the rank of a new example among `n`
//! that calibrated is as likely to be any of `n + 1`. Two ranks are looked at: how badly the class fits, and how far the
//! embedding is from all that was learned of the class. The ranks that exclude a class are shared out among them beforehand,
//! so that together they are wrong no more often than promised.
//!
//! # Source
//! Vovk, Gammerman and Shafer 2005, chapter 2 (and 4.5 for each class by itself); Papadopoulos et al. 2002 for one split.

use super::linear::greatest;

/// Share of the ranks that exclude for being far from a class, the rest for fitting it badly. What is like nothing that was
/// learned is mostly farther than everything that calibrated, so that few ranks do.
const FAR_SHARE: f64 = 0.2;

/// Examples that calibrate from which being farther than all of them is a reason to abstain, where no rank of the promise can be
/// spared for it: one of twenty of what is known is then abstained on without need.
const FAR_FROM: usize = 19;

/// Most examples that are kept of those that calibrated. They promise an error of 1 in 100 000.
pub const MAX_CASES: usize = 100_000;

/// To whom the error is promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// To all examples together: rare classes may be missed more often.
    #[default]
    Overall,
    /// To each class by itself, which needs as many examples that calibrate of each.
    EachClass,
}

/// One example that calibrated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Case {
    /// What it is.
    pub(super) class: u32,
    /// What it is taken for.
    pub(super) taken_for: u32,
    /// How badly its own class fits: minus the logarithm of its probability. Greater is worse.
    pub(super) misfit: f32,
    /// How far it is from its own class; greater is farther.
    pub(super) distance: f32,
    /// How badly the class that it is taken for fits.
    pub(super) doubt: f32,
    /// How far it is from the nearest class.
    pub(super) nearest: f32,
}

/// Why nothing is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Abstention {
    /// More than one class may be the true one.
    Several,
    /// It is like none of the classes.
    LikeNone,
    /// The class that fits best is not the one it is near to.
    Contradictory,
    /// Too few examples calibrate this error.
    TooFewExamples,
}

impl Abstention {
    /// Stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Several => "several",
            Self::LikeNone => "like_none",
            Self::Contradictory => "contradictory",
            Self::TooFewExamples => "too_few_examples",
        }
    }
}

/// What is said of one example.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    /// Classes that may be the true one, by index; together they miss it no more often than promised.
    pub set: Vec<u32>,
    /// The one class of the set, or why there is none.
    pub decision: Result<u32, Abstention>,
}

/// How the ranks that exclude are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ranks {
    n_misfit: usize,
    n_far: usize,
}

impl Ranks {
    /// For `n` examples that calibrated and an error; none where the error needs more.
    fn of(n: usize, error: f64) -> Self {
        // Rounding must not take away the last rank of an error that fits exactly.
        let n_all = (error * (n + 1) as f64 + 1e-9).floor() as usize;
        let n_far = match n_all {
            0 | 1 => 0,
            _ => ((n_all as f64 * FAR_SHARE) as usize).max(1),
        };
        Self {
            n_misfit: n_all - n_far,
            n_far,
        }
    }
}

/// Scores of examples that calibrated, in order.
#[derive(Clone, Debug, Default, PartialEq)]
struct Ordered {
    misfits: Vec<f32>,
    distances: Vec<f32>,
}

impl Ordered {
    fn of<'a>(cases: impl Iterator<Item = &'a Case> + Clone) -> Self {
        let sorted = |values: Vec<f32>| {
            let mut values = values;
            values.sort_by(f32::total_cmp);
            values
        };
        Self {
            misfits: sorted(cases.clone().map(|case| case.misfit).collect()),
            distances: sorted(cases.map(|case| case.distance).collect()),
        }
    }

    /// Rank of a score from above: 1 where none that calibrated reaches it.
    fn rank(sorted: &[f32], score: f32) -> usize {
        1 + sorted.len() - sorted.partition_point(|other| *other < score)
    }
}

/// What examples that calibrated say of new ones.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Calibration {
    cases: Vec<Case>,
    overall: Ordered,
    of_class: Vec<Ordered>,
}

/// Fewest examples that calibrate an error: with fewer, even the strangest is no rarer than the error allows.
pub fn n_to_promise(error: f64) -> usize {
    ((1.0 / error - 1e-9).ceil() as usize).saturating_sub(1)
}

impl Calibration {
    pub(super) fn new(cases: Vec<Case>, n_classes: usize) -> Self {
        let of_class = (0..n_classes as u32)
            .map(|class| Ordered::of(cases.iter().filter(move |case| case.class == class)))
            .collect();
        Self {
            overall: Ordered::of(cases.iter()),
            of_class,
            cases,
        }
    }

    pub(super) fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// How many calibrate each class.
    pub(super) fn n_of_class(&self, class: usize) -> usize {
        self.of_class[class].misfits.len()
    }

    /// The least error that can be promised.
    pub(super) fn least_error(&self, promise: Promise) -> f64 {
        let n = match promise {
            Promise::Overall => self.cases.len(),
            Promise::EachClass => {
                let counts = self.of_class.iter().map(|own| own.misfits.len());
                counts.min().unwrap_or(0)
            }
        };
        1.0 / (n + 1) as f64
    }

    /// The set of an example whose misfit and distance to each class are given, and what follows.
    pub(super) fn judge(
        &self,
        misfits: &[f64],
        distances: &[f64],
        error: f64,
        promise: Promise,
    ) -> Verdict {
        let best = greatest(&misfits.iter().map(|m| -m).collect::<Vec<_>>());
        let mut set = Vec::new();
        let (mut has_promise, mut is_far) = (true, true);
        for (class, (misfit, distance)) in misfits.iter().zip(distances).enumerate() {
            let scores = match promise {
                Promise::Overall => &self.overall,
                Promise::EachClass => &self.of_class[class],
            };
            let n = scores.misfits.len();
            let ranks = Ranks::of(n, error);
            has_promise &= ranks.n_misfit > 0;
            let rank = Ordered::rank(&scores.distances, *distance as f32);
            let is_beyond = n >= FAR_FROM && rank == 1;
            is_far &= is_beyond;
            if rank <= ranks.n_far {
                continue;
            }
            // What fits best stays whatever its misfit: a set may always be larger than it must.
            let fits = Ordered::rank(&scores.misfits, *misfit as f32) > ranks.n_misfit;
            if fits || class == best {
                set.push(class as u32);
            }
        }
        let decision = match set.as_slice() {
            [] => Err(Abstention::LikeNone),
            _ if is_far => Err(Abstention::LikeNone),
            _ if !has_promise => Err(Abstention::TooFewExamples),
            [one] if *one as usize == best => Ok(*one),
            [_] => Err(Abstention::Contradictory),
            _ => Err(Abstention::Several),
        };
        Verdict { set, decision }
    }
}

#[cfg(test)]
mod tests;
