//! The noise, drawn and accounted for by OpenDP.

use std::fmt;

use opendp::combinators::CompositionMeasure as _;
use opendp::core::Measurement;
use opendp::domains::{AtomDomain, VectorDomain};
use opendp::measurements::make_laplace;
use opendp::measures::MaxDivergence;
use opendp::metrics::L1Distance;
use regard_commitments::{Epsilon, Noise, NoiseQuery};
use thiserror::Error;

/// A little more noise than the price asks for, so that the account, which OpenDP rounds up at every step, never ends
/// above it. Origin: rounding adds some 1e-16 a step, and there are a handful.
const HEADROOM: f64 = 1.0 + 1e-12;

/// What OpenDP said. It carries a backtrace, which is for logs of its own.
#[derive(Debug)]
pub struct LibraryFault(String);

impl fmt::Display for LibraryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LibraryFault {}

/// Why there is no noise, and so no release.
#[derive(Debug, Error)]
pub enum NoiseError {
    /// It could not be drawn.
    #[error("the noise could not be drawn")]
    Library(#[source] LibraryFault),
    /// It would cost more than was granted for it.
    #[error("the noise would cost {cost}, which is more than {granted}")]
    TooDear {
        /// As OpenDP counts.
        cost: f64,
        /// As was granted.
        granted: Epsilon,
    },
}

impl From<opendp::error::Error> for NoiseError {
    fn from(error: opendp::error::Error) -> Self {
        let message = error.message.unwrap_or_default();
        Self::Library(LibraryFault(format!("{}: {message}", error.variant)))
    }
}

/// The discrete Laplace mechanism on vectors of whole numbers.
type Laplace = Measurement<VectorDomain<AtomDomain<i64>>, L1Distance<i64>, MaxDivergence, Vec<i64>>;

/// Noise of the discrete Laplace distribution, sampled exactly, drawn from the private generator of OpenSSL
/// (`RAND_priv_bytes`, AES-256-CTR-DRBG seeded by the system), which OpenDP takes where it is built with `use-openssl`.
///
/// # Source
/// Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy" (2020), section 5.2, as OpenDP has it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OpenDp;

fn mechanism(query: &NoiseQuery) -> Result<Laplace, NoiseError> {
    let scale = query.sensitivity as f64 / query.epsilon.as_f64() * HEADROOM;
    let domain = VectorDomain::new(AtomDomain::new_non_nan());
    Ok(make_laplace(domain, L1Distance::default(), scale, None)?)
}

impl Noise for OpenDp {
    type Error = NoiseError;

    fn add(&self, queries: &[NoiseQuery], total: Epsilon) -> Result<Vec<Vec<i64>>, NoiseError> {
        let mechanisms: Vec<Laplace> = queries.iter().map(mechanism).collect::<Result<_, _>>()?;
        let mut costs = Vec::with_capacity(queries.len());
        for (mechanism, query) in mechanisms.iter().zip(queries) {
            let sensitivity = i64::try_from(query.sensitivity).unwrap_or(i64::MAX);
            costs.push(mechanism.map(&sensitivity)?);
        }
        let cost = MaxDivergence.compose(costs)?;
        // Also where it is no number.
        if cost.is_nan() || cost > total.as_f64() {
            let granted = total;
            return Err(NoiseError::TooDear { cost, granted });
        }
        let pairs = mechanisms.iter().zip(queries);
        pairs
            .map(|(mechanism, query)| Ok(mechanism.invoke(&query.values)?))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(values: Vec<i64>, sensitivity: u64, epsilon: &str) -> NoiseQuery {
        NoiseQuery {
            values,
            sensitivity,
            epsilon: epsilon.parse().unwrap(),
        }
    }

    fn noised(value: i64, n: usize, sensitivity: u64, epsilon: &str) -> Vec<i64> {
        let query = query(vec![value; n], sensitivity, epsilon);
        let total = query.epsilon;
        OpenDp.add(&[query], total).unwrap().remove(0)
    }

    /// By how much the share of n draws at or below any point may differ from its probability, so that a sound sampler
    /// fails once in 10¹⁰ runs: Dvoretzky, Kiefer, Wolfowitz with the constant of Massart, which holds for every n and
    /// every distribution, 2 e^(-2 n t²) = 10⁻¹⁰.
    fn allowance(n: usize) -> f64 {
        (2e10_f64.ln() / (2.0 * n as f64)).sqrt()
    }

    /// Share of the draws at or below a point.
    fn share(draws: &[i64], most: i64) -> f64 {
        draws.iter().filter(|x| **x <= most).count() as f64 / draws.len() as f64
    }

    /// P(X ≤ x) of the discrete Laplace distribution of a scale, by its definition.
    fn probability(x: i64, scale: f64) -> f64 {
        let p = (-1.0 / scale).exp();
        let magnitude = x.unsigned_abs() as f64;
        if x < 0 {
            p.powf(magnitude) / (1.0 + p)
        } else {
            1.0 - p.powf(magnitude + 1.0) / (1.0 + p)
        }
    }

    fn distance(draws: &[i64], value: i64, scale: f64) -> f64 {
        let reach = (scale * 30.0) as i64;
        (-reach..=reach)
            .map(|x| (share(draws, value + x) - probability(x, scale)).abs())
            .fold(0.0, f64::max)
    }

    /// The sampler against the distribution's own formula.
    #[test]
    fn the_noise_is_of_the_distribution_that_is_claimed() {
        const N: usize = 20_000;
        for (sensitivity, epsilon, scale) in [(1, "1", 1.0), (1, "0.25", 4.0), (5, "0.5", 10.0)] {
            let draws = noised(100, N, sensitivity, epsilon);
            let found = distance(&draws, 100, scale);
            assert!(found <= allowance(N), "scale {scale}: {found}");
            // The test can fail: noise of half that reach, or shifted by one, is seen.
            assert!(distance(&draws, 100, scale * 2.0) > allowance(N), "{scale}");
            assert!(
                scale > 4.0 || distance(&draws, 101, scale) > allowance(N),
                "{scale}"
            );
        }
    }

    /// Whether every event "at most x" keeps to the bound of the price, on two data sets that differ in one visit, both
    /// ways round.
    fn keeps_to(epsilon: f64, with: &[i64], without: &[i64]) -> bool {
        // Each share is off by the allowance at most, but for 10⁻¹⁰ each.
        let slack = allowance(with.len()) * (1.0 + epsilon.exp());
        (-40..=40).all(|x| {
            let (a, b) = (share(with, x), share(without, x));
            let bound = |p: f64, q: f64| p <= epsilon.exp() * q + slack;
            bound(a, b) && bound(b, a) && bound(1.0 - a, 1.0 - b) && bound(1.0 - b, 1.0 - a)
        })
    }

    #[test]
    fn neighbours_differ_by_no_more_than_the_price() {
        const N: usize = 20_000;
        let (with, without) = (noised(1, N, 1, "0.5"), noised(0, N, 1, "0.5"));
        assert!(keeps_to(0.5, &with, &without));
        // The test can fail: noise for a price of 2 is seen to tell more than 0.5.
        let (with, without) = (noised(1, N, 1, "2"), noised(0, N, 1, "2"));
        assert!(keeps_to(2.0, &with, &without));
        assert!(!keeps_to(0.5, &with, &without));
    }

    #[test]
    fn what_costs_more_than_was_granted_is_not_drawn() {
        let two = [query(vec![1], 1, "0.2"), query(vec![1, 2], 7, "0.2")];
        let granted = |text: &str| OpenDp.add(&two, text.parse().unwrap());
        let drawn = granted("0.4").unwrap();
        assert_eq!(drawn.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
        assert!(matches!(
            granted("0.399999"),
            Err(NoiseError::TooDear { .. })
        ));
        let free = OpenDp.add(&[query(vec![1], 1, "0")], "1".parse().unwrap());
        assert!(free.is_err(), "no noise at all has no price");
    }

    /// Which generator is in use, by how it behaves. That of OpenSSL is seeded once in a process, and later threads draw from
    /// it without asking the system; the other one that OpenDP knows, `thread_rng` of `rand`, asks the system in each new
    /// thread, and panics where that is refused.
    #[cfg(target_os = "linux")]
    #[test]
    fn noise_comes_from_the_generator_of_openssl() {
        use std::collections::BTreeMap;

        use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

        // Seeded now.
        noised(0, 1, 1, "1");
        let calls = [libc::SYS_getrandom, libc::SYS_openat];
        let refused: BTreeMap<i64, Vec<_>> =
            calls.map(|call| (call, Vec::new())).into_iter().collect();
        let filter = SeccompFilter::new(
            refused,
            SeccompAction::Allow,
            SeccompAction::Errno(libc::EPERM.unsigned_abs()),
            std::env::consts::ARCH.try_into().unwrap(),
        );
        let program: BpfProgram = filter.unwrap().try_into().unwrap();
        // The filter is of this thread alone and ends with it.
        let drawn = std::thread::spawn(move || {
            apply_filter(&program).unwrap();
            assert!(std::fs::File::open("/dev/urandom").is_err());
            assert!(
                crate::seed::random_key().is_err(),
                "the system gives nothing here"
            );
            noised(0, 4_000, 1, "1")
        });
        let drawn = drawn.join().expect("the system was asked for random bytes");
        assert!(distance(&drawn, 0, 1.0) <= allowance(drawn.len()));
    }

    /// Releases of the program's own prices stay within them, however OpenDP rounds.
    #[test]
    fn the_price_of_every_release_is_kept() {
        use regard_commitments::{Cell, Date, Detail, Release, VisitSums};
        let cells = [Cell {
            camera: regard_domain::CameraId::new("door").unwrap(),
            hour: None,
            sums: VisitSums::default(),
        }];
        let day: Date = "2026-06-01".parse().unwrap();
        for detail in Detail::ALL {
            let at = regard_domain::Timestamp::from_millis(0);
            Release::make((day, detail), at, &cells, &OpenDp).unwrap();
        }
    }
}
