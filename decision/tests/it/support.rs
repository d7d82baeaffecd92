//! Small campaigns and audiences.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use regard_decision::{Campaign, Context, ContextSpec, Creative, LocalTime, Planner};
use regard_domain::{Audience, ExpressionDistribution, ScreenId, Timestamp};

/// A generator of that seed; the seed is in the test, so a failure can be repeated.
pub(crate) fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub(crate) fn screen() -> ScreenId {
    ScreenId::new("entrance").unwrap()
}

pub(crate) fn campaigns(toml: &str) -> Vec<Campaign> {
    #[derive(serde::Deserialize)]
    struct File {
        campaign: Vec<Campaign>,
    }
    toml::from_str::<File>(toml).unwrap().campaign
}

pub(crate) fn planner(toml: &str) -> Planner {
    let default = Creative::text("welcome".parse().unwrap(), "Welcome", "");
    Planner::new(campaigns(toml), default, ContextSpec::default()).unwrap()
}

/// A campaign in TOML: head lines, then messages as (id, further lines).
pub(crate) fn campaign(id: &str, head: &str, creatives: &[(&str, &str)]) -> String {
    let mut toml = format!("[[campaign]]\nid = '{id}'\nname = '{id}'\n{head}\n");
    for (id, more) in creatives {
        toml += &format!(
            "[[campaign.creative]]\nid = '{id}'\nname = '{id}'\n\
             content = {{ kind = 'text', title = 'x' }}\n{more}\n"
        );
    }
    toml
}

pub(crate) fn at(millis: i64) -> Timestamp {
    // 20 November 2026, noon.
    Timestamp::from_millis(1_795_176_000_000 + millis)
}

pub(crate) fn noon() -> LocalTime {
    LocalTime::new(2026, 11, 20, 12, 0).unwrap()
}

pub(crate) fn audience(n_visitors: u32, happy: f32) -> Audience {
    let weights = [1.0 - happy, happy, 0.0, 0.0, 0.0, 0.0, 0.0];
    Audience {
        n_visitors,
        n_looking: n_visitors,
        attention: 0.8,
        expression: ExpressionDistribution::from_weights(weights).filter(|_| n_visitors > 0),
        dwell_secs: 2.0,
        nearness: 0.2,
    }
}

pub(crate) fn context(planner: &Planner, n_visitors: u32, happy: f32) -> Context {
    planner.context(&audience(n_visitors, happy), noon())
}
