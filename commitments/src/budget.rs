//! How much all releases about one day may tell.

use serde::{Deserialize, Serialize};

use crate::commitments::Commitments;
use crate::epsilon::Epsilon;
use crate::profile::Profile;

/// What is promised about sums that leave the site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatisticsTerms {
    /// What all releases about one day may tell about one visit, together.
    pub epsilon_per_day: Epsilon,
}

impl Commitments {
    /// What all releases about one day may tell about one visit under this profile.
    pub fn privacy_budget(&self, profile: &Profile) -> Epsilon {
        let promised = self.statistics.as_ref();
        promised.map_or(profile.default_privacy_budget(), |terms| {
            terms.epsilon_per_day
        })
    }
}
