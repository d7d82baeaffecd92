//! Some of the items, always the same.

use std::collections::BinaryHeap;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{Found, Item, SourceError, Sources, Visitor, Wish};

/// Most items of a sample of a fixed size; 8 MB. Beyond, a share does as well.
const MAX_SAMPLE: usize = 1_000_000;

/// How many are wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SampleSize {
    /// So many, or all where there are no more.
    Count(usize),
    /// Each with this probability.
    Share(f64),
}

/// A size that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("write a number from 1 to 1000000, or a share such as 5%")]
pub struct BadSampleSize;

impl FromStr for SampleSize {
    type Err = BadSampleSize;

    fn from_str(text: &str) -> Result<Self, BadSampleSize> {
        if let Some(percent) = text.strip_suffix('%') {
            let percent: f64 = percent.trim().parse().map_err(|_| BadSampleSize)?;
            let is_share = percent > 0.0 && percent <= 100.0;
            return is_share
                .then_some(Self::Share(percent / 100.0))
                .ok_or(BadSampleSize);
        }
        let n: usize = text.parse().map_err(|_| BadSampleSize)?;
        ((1..=MAX_SAMPLE).contains(&n))
            .then_some(Self::Count(n))
            .ok_or(BadSampleSize)
    }
}

/// Which items are taken: those whose name, with the seed, comes out low enough. So another run takes the same ones, and items
/// that are added do not put others in or out where a share is wanted.
#[derive(Clone, Copy, Debug)]
pub struct SampleRule {
    seed: u64,
    /// The greatest value that is taken.
    most: u64,
}

impl SampleRule {
    /// The rule; where a number is wanted, goes through all names once to find it. `is_candidate` tells files that will be
    /// passed over anyway.
    ///
    /// # Errors
    /// When the sources cannot be gone through.
    pub fn new(size: SampleSize, seed: u64, sources: &Sources) -> Result<Self, SourceError> {
        let most = match size {
            // 2^64 times the share, which is at most 1.
            SampleSize::Share(share) => (share * 18_446_744_073_709_551_616.0) as u64,
            SampleSize::Count(n_wanted) => {
                let mut lowest = Lowest {
                    seed,
                    n_wanted,
                    values: BinaryHeap::new(),
                };
                sources.visit(&mut lowest)?;
                if lowest.values.len() < n_wanted {
                    u64::MAX
                } else {
                    lowest.values.peek().copied().unwrap_or(u64::MAX)
                }
            }
        };
        Ok(Self { seed, most })
    }

    /// Whether an item is taken.
    pub fn takes(&self, item: &Item) -> bool {
        value_of(self.seed, item) <= self.most
    }

    /// A visitor that is asked about those alone that are taken.
    pub fn over<'a>(self, inner: &'a mut dyn Visitor) -> Sampled<'a> {
        Sampled { rule: self, inner }
    }
}

fn value_of(seed: u64, item: &Item) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(seed.to_le_bytes());
    // The same name twice is two items.
    hasher.update((item.input as u64).to_le_bytes());
    hasher.update(item.source());
    let digest = hasher.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(first)
}

/// The lowest values of all items.
struct Lowest {
    seed: u64,
    n_wanted: usize,
    values: BinaryHeap<u64>,
}

impl Visitor for Lowest {
    fn wish(&mut self, item: &Item) -> Wish {
        if crate::source::may_be_media(&item.path) {
            let value = value_of(self.seed, item);
            if self.values.len() < self.n_wanted {
                self.values.push(value);
            } else if let Some(mut greatest) = self.values.peek_mut()
                && value < *greatest
            {
                *greatest = value;
            }
        }
        Wish::Pass
    }

    fn take(&mut self, _: Found) -> bool {
        true
    }
}

/// Asks about a sample alone; what is wrong with others is told all the same.
pub struct Sampled<'a> {
    rule: SampleRule,
    inner: &'a mut dyn Visitor,
}

impl Visitor for Sampled<'_> {
    fn wish(&mut self, item: &Item) -> Wish {
        if self.rule.takes(item) {
            self.inner.wish(item)
        } else {
            Wish::Pass
        }
    }

    fn take(&mut self, found: Found) -> bool {
        self.inner.take(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Input, SourceOptions};

    struct Taken(Vec<String>);

    impl Visitor for Taken {
        fn wish(&mut self, item: &Item) -> Wish {
            self.0.push(item.source());
            Wish::Pass
        }

        fn take(&mut self, _: Found) -> bool {
            true
        }
    }

    #[test]
    fn sizes_are_numbers_or_shares() {
        let parse = |text: &str| text.parse::<SampleSize>();
        assert_eq!(parse("10"), Ok(SampleSize::Count(10)));
        assert_eq!(parse("5%"), Ok(SampleSize::Share(0.05)));
        assert_eq!(parse("100%"), Ok(SampleSize::Share(1.0)));
        for bad in ["0", "0%", "101%", "-1", "x", "", "1000001", "NaN%"] {
            assert_eq!(parse(bad), Err(BadSampleSize), "{bad}");
        }
    }

    #[test]
    fn a_sample_has_its_size_and_is_the_same_again() {
        let folder = tempfile::tempdir().unwrap();
        for i in 0..200 {
            std::fs::write(folder.path().join(format!("{i:03}.jpg")), "").unwrap();
            std::fs::write(folder.path().join(format!("{i:03}.txt")), "").unwrap();
        }
        let inputs = vec![Input::Path(folder.path().to_owned())];
        let sources = Sources::new(inputs, SourceOptions::default());
        let taken = |size: &str, seed| {
            let rule = SampleRule::new(size.parse().unwrap(), seed, &sources).unwrap();
            let mut taken = Taken(Vec::new());
            sources.visit(&mut rule.over(&mut taken)).unwrap();
            taken.0.retain(|name| name.ends_with(".jpg"));
            taken.0
        };
        assert_eq!(taken("20", 1).len(), 20);
        assert_eq!(taken("20", 1), taken("20", 1));
        assert_ne!(taken("20", 1), taken("20", 2));
        assert_eq!(taken("1000", 1).len(), 200);
        assert_eq!(taken("100%", 1).len(), 200);
        // 200 at a tenth: 20, give or take five standard deviations of 4.2.
        assert!((1..=41).contains(&taken("10%", 3).len()));
    }
}
