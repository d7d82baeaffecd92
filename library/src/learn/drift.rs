//! Whether new examples still come from where those came from that calibrated.
//!
//! A gambler bets against it, with money that cannot grow in the mean as long as they do. Getting rich is then evidence, at
//! whatever moment one looks: the chance of ever having a hundred times the first stake is at most one in a hundred.
//!
//! # Source
//! Vovk, Gammerman and Shafer 2005, sections 2.4 and 7.1; Vovk 2021, "Testing randomness online"; Ville 1939 for the limit.

use super::chance::Chance;
use super::conformal::Case;

/// Exponents of the bets on small and on large ranks. A mixture of them loses little against the best.
const POWERS: [f64; 6] = [0.1, 0.25, 0.4, 0.55, 0.7, 0.85];

/// Cells of the bet on any other unevenness.
const N_CELLS: usize = 10;

/// How often a jumping bet changes its mind, and on how much it stands.
const JUMP: f64 = 0.01;
const SLOPES: [f64; 3] = [-1.0, 0.0, 1.0];

/// What is looked at of each example: how unlike everything it is, how doubtful, and what it is taken for.
const N_VIEWS: usize = 3;

/// What is noticed of one new example; needs no label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impression {
    /// What it is taken for.
    pub taken_for: u32,
    /// How badly that fits; greater is worse.
    pub doubt: f32,
    /// How far it is from everything that was learned; greater is farther.
    pub nearest: f32,
}

impl Impression {
    fn views(&self) -> [f32; N_VIEWS] {
        [self.nearest, self.doubt, self.taken_for as f32]
    }
}

/// One gambler's money, as a logarithm, so that neither fortunes nor ruin overflow.
enum Bet {
    /// On ranks near 0, or near 1 where turned round, with this exponent.
    Power {
        exponent: f64,
        is_turned: bool,
        log: f64,
    },
    /// On the cells in which ranks have fallen so far.
    Cells { counts: [f64; N_CELLS], log: f64 },
    /// On a slope, one for each of [`SLOPES`], between which money moves.
    Jumping { money: [f64; 3], log: f64 },
}

impl Bet {
    fn all() -> Vec<Self> {
        let powers = [false, true].into_iter().flat_map(|is_turned| {
            POWERS.map(|exponent| Self::Power {
                exponent,
                is_turned,
                log: 0.0,
            })
        });
        powers
            .chain([
                Self::Cells {
                    // Half a count each before anything was seen (Krichevsky and Trofimov 1981).
                    counts: [0.5; N_CELLS],
                    log: 0.0,
                },
                Self::Jumping {
                    money: [1.0 / 3.0; 3],
                    log: 0.0,
                },
            ])
            .collect()
    }

    /// Bets, then learns the rank, in `(0, 1]`.
    fn place(&mut self, rank: f64) {
        match self {
            Self::Power {
                exponent,
                is_turned,
                log,
            } => {
                let seen = if *is_turned { 1.0 - rank } else { rank };
                *log += exponent.ln() + (*exponent - 1.0) * seen.max(1e-12).ln();
            }
            Self::Cells { counts, log } => {
                let cell = ((rank * N_CELLS as f64) as usize).min(N_CELLS - 1);
                let all: f64 = counts.iter().sum();
                *log += (N_CELLS as f64 * counts[cell] / all).ln();
                counts[cell] += 1.0;
            }
            Self::Jumping { money, log } => {
                let all: f64 = money.iter().sum();
                for (money, slope) in money.iter_mut().zip(SLOPES) {
                    *money = (1.0 - JUMP) * *money + JUMP * all / 3.0;
                    *money *= 1.0 + slope * (rank - 0.5);
                }
                let now: f64 = money.iter().sum();
                *log += now.ln();
                for money in money {
                    *money /= now;
                }
            }
        }
    }

    fn log(&self) -> f64 {
        match self {
            Self::Power { log, .. } | Self::Cells { log, .. } | Self::Jumping { log, .. } => *log,
        }
    }
}

/// A watch over examples as they come: alarmed once it is rich.
///
/// Holds four bytes an example and view, of those that calibrated and of all that came.
pub struct DriftWatch {
    /// Scores of what calibrated and of what came, in order, for each view.
    known: [Vec<f32>; N_VIEWS],
    bets: Vec<Bet>,
    chance: Chance,
    greatest: f64,
    n_seen: u64,
    first_alarm: Option<u64>,
    alarm: f64,
}

impl DriftWatch {
    /// A watch that raises a false alarm with a probability of at most `false_alarm`, however long it goes on.
    pub(super) fn new(cases: &[Case], false_alarm: f64, seed: u64) -> Self {
        let mut known = [const { Vec::new() }; N_VIEWS];
        for case in cases {
            let views = Impression {
                taken_for: case.taken_for,
                doubt: case.doubt,
                nearest: case.nearest,
            }
            .views();
            for (known, view) in known.iter_mut().zip(views) {
                known.push(view);
            }
        }
        for known in &mut known {
            known.sort_by(f32::total_cmp);
        }
        Self {
            known,
            bets: (0..N_VIEWS).flat_map(|_| Bet::all()).collect(),
            chance: Chance::new(seed, 77),
            greatest: 0.0,
            n_seen: 0,
            first_alarm: None,
            alarm: -false_alarm.ln(),
        }
    }

    /// Takes a new example in; whether the alarm has been raised by now.
    pub fn see(&mut self, impression: &Impression) -> bool {
        let n_bets = self.bets.len() / N_VIEWS;
        self.n_seen += 1;
        for (view, score) in impression.views().into_iter().enumerate() {
            let known = &mut self.known[view];
            let below = known.partition_point(|other| *other < score);
            let up_to = known.partition_point(|other| *other <= score);
            let n_above = known.len() - up_to;
            // Among equals, itself included, its place is drawn: then ranks are uniform whatever the scores.
            let rank = (n_above as f64 + (1.0 - self.chance.unit()) * (up_to - below + 1) as f64)
                / (known.len() + 1) as f64;
            known.insert(up_to, score);
            for bet in &mut self.bets[view * n_bets..][..n_bets] {
                bet.place(rank);
            }
        }
        self.greatest = self.greatest.max(self.log_wealth());
        if self.first_alarm.is_none() && self.greatest >= self.alarm {
            self.first_alarm = Some(self.n_seen);
        }
        self.first_alarm.is_some()
    }

    /// Logarithm of the money of all gamblers together, who began with 1.
    fn log_wealth(&self) -> f64 {
        let logs = self.bets.iter().map(Bet::log);
        let greatest = logs.clone().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logs.map(|log| (log - greatest).exp()).sum();
        greatest + (sum / self.bets.len() as f64).ln()
    }

    /// What came of it.
    pub fn verdict(&self) -> DriftVerdict {
        DriftVerdict {
            n_seen: self.n_seen,
            evidence: self.log_wealth().exp(),
            greatest_evidence: self.greatest.exp(),
            alarm_at: self.alarm.exp(),
            first_alarm: self.first_alarm,
        }
    }
}

/// What a watch has found.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct DriftVerdict {
    /// New examples seen.
    pub n_seen: u64,
    /// How many times its first stake the gambler has now.
    pub evidence: f64,
    /// And had at most.
    pub greatest_evidence: f64,
    /// From how many on there is an alarm.
    pub alarm_at: f64,
    /// The example at which there was one first, counted from 1.
    pub first_alarm: Option<u64>,
}

/// Puts impressions of a batch into an order drawn at random, as what is asked is whether the batch as a whole differs: files
/// sorted by name come in runs of one kind, and that is no drift.
pub fn in_drawn_order(impressions: &mut [Impression], seed: u64) {
    Chance::new(seed, 78).shuffle(impressions);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made-up scores; `shift` moves them, `rare` makes the last class as frequent as the first.
    fn impression(chance: &mut Chance, shift: f64, is_even: bool) -> Impression {
        let place = chance.unit();
        let shares: [f64; 3] = if is_even {
            [0.34, 0.67, 1.0]
        } else {
            [0.7, 0.95, 1.0]
        };
        let taken_for = shares.iter().filter(|end| place >= **end).count() as u32;
        Impression {
            taken_for,
            doubt: (chance.unit().powi(2) + 0.5 * shift) as f32,
            nearest: (chance.unit() * 0.5 + shift) as f32,
        }
    }

    fn cases(chance: &mut Chance, n: usize) -> Vec<Case> {
        (0..n)
            .map(|_| {
                let seen = impression(chance, 0.0, false);
                Case {
                    class: 0,
                    taken_for: seen.taken_for,
                    misfit: 0.0,
                    distance: 0.0,
                    doubt: seen.doubt,
                    nearest: seen.nearest,
                }
            })
            .collect()
    }

    fn watched(seed: u64, n: usize, shift: f64, is_even: bool) -> DriftVerdict {
        let mut chance = Chance::new(seed, 5);
        let cases = cases(&mut chance, 200);
        let mut watch = DriftWatch::new(&cases, 0.05, seed);
        for _ in 0..n {
            watch.see(&impression(&mut chance, shift, is_even));
        }
        watch.verdict()
    }

    #[test]
    fn as_long_as_nothing_changes_alarms_are_rarer_than_stated() {
        let n_runs = 400;
        let n_alarms = (0..n_runs)
            .filter(|seed| watched(*seed, 300, 0.0, false).first_alarm.is_some())
            .count();
        // 5 % are 20; 36 or more would come by chance in less than one of a thousand goes.
        assert!(n_alarms <= 35, "{n_alarms} of {n_runs}");
    }

    #[test]
    fn blur_and_other_shares_of_classes_are_noticed() {
        for (shift, is_even) in [(0.15, false), (-0.2, false), (0.0, true)] {
            let found = (0..40).filter(|seed| {
                let verdict = watched(1_000 + *seed, 400, shift, is_even);
                verdict.first_alarm.is_some()
            });
            let n_found = found.count();
            assert!(
                n_found >= 38,
                "shift {shift}, even {is_even}: {n_found} of 40"
            );
        }
    }

    #[test]
    fn what_begins_late_is_noticed_too() {
        let mut chance = Chance::new(9, 5);
        let cases = cases(&mut chance, 300);
        let mut watch = DriftWatch::new(&cases, 0.01, 9);
        for _ in 0..200 {
            assert!(!watch.see(&impression(&mut chance, 0.0, false)));
        }
        let n_until = (0..400).position(|_| watch.see(&impression(&mut chance, 0.4, false)));
        assert!(n_until.is_some_and(|n| n < 100), "{n_until:?}");
    }

    /// Money never grows in the mean: the sum of every bet over all ranks is 1.
    #[test]
    fn no_bet_is_better_than_fair() {
        let mut chance = Chance::new(6, 0);
        for before in [0, 7, 40] {
            let mut bets = Bet::all();
            for _ in 0..before {
                let rank = chance.unit().powi(2).max(1e-6);
                bets.iter_mut().for_each(|bet| bet.place(rank));
            }
            for index in 0..bets.len() {
                let n = 20_000;
                let mean: f64 = (0..n)
                    .map(|i| {
                        let mut again = Bet::all();
                        let bet = &mut again[index];
                        clone_into(&bets[index], bet);
                        let log = bet.log();
                        bet.place((f64::from(i) + 0.5) / f64::from(n));
                        (bet.log() - log).exp()
                    })
                    .sum::<f64>()
                    / f64::from(n);
                // Powers near 0 have a pole that a sum over cells underestimates.
                assert!(
                    (0.5..1.001).contains(&mean),
                    "bet {index} after {before}: {mean}"
                );
            }
        }
    }

    fn clone_into(from: &Bet, to: &mut Bet) {
        *to = match from {
            Bet::Power {
                exponent,
                is_turned,
                log,
            } => Bet::Power {
                exponent: *exponent,
                is_turned: *is_turned,
                log: *log,
            },
            Bet::Cells { counts, log } => Bet::Cells {
                counts: *counts,
                log: *log,
            },
            Bet::Jumping { money, log } => Bet::Jumping {
                money: *money,
                log: *log,
            },
        };
    }
}
