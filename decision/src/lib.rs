//! Room `decision`: which message this audience gets now, and what came of it.
//!
//! In: campaigns, an audience with the time of the site, outcomes. Out: decisions with the
//! probability they were drawn by, rewards for policies, statistics. This room never does I/O,
//! never reads a clock, never draws from a generator of its own, never knows a time zone, never
//! sees a face, and never takes what a face shows within a fraction of a second
//! (micro-expressions) as an input or a reward.

mod attributor;
mod campaign;
mod condition;
mod context;
mod creative;
mod decision;
mod director;
mod experiment;
mod facts;
mod fault;
mod inspect;
mod lint;
mod local_time;
mod outcome;
mod planner;
mod play_meter;
mod play_stats;
mod policy;
mod policy_state;
mod reward;
mod schedule;
mod validate;

pub use attributor::{Acceptance, Attributor, Settled};
pub use campaign::{Budget, Campaign, Pacing};
pub use condition::{Bounds, Clause, Condition, ExpressionTest, FactTest, HourRange};
pub use context::{
    BASE_FEATURES, BadContextSpec, Context, ContextSpec, FactFeature, MAX_FACT_FEATURES,
    MAX_SLOT_FEATURES, PersonError, is_camera_feature, is_expression_feature,
};
pub use creative::{Content, Creative, Fit, FrequencyCap};
pub use decision::{Candidate, Decision, Exclusion, Obstacle, Reason, Trigger};
pub use director::Director;
pub use experiment::{Experiment, ExperimentKind, ExpressionUse, GuardMetric, Guardrail, Segment};
pub use facts::{BadFact, FactValue, Facts};
pub use fault::{CampaignFault, FaultKind};
pub use inspect::{AssetFacts, FlashFacts, Remark, contrast, inspect};
pub use lint::{LintFinding, lint, names_a_significant_effect, names_a_weakness};
pub use local_time::{BadLocalTime, LocalDate, LocalTime, TimeOfDay, Weekday};
pub use outcome::{BadOutcomeKind, Outcome, OutcomeKind};
pub use planner::{
    ApplyError, CampaignStanding, Eligibility, Eligible, OwnTaste, Planner, PolicyUpdate, Standing,
    TOOK_PREFIX,
};
pub use play_meter::PlayMeter;
pub use play_stats::{Count, Mean, PlayRow, PlayStats, Share, play_stats};
pub use policy::{
    Action, ApprenticeEnd, BadPacked, Choice, FeatureSpace, FixedOrder, LearnerConfig, LearnerKind,
    ModelShape, Packed, Policy, PolicyConfig, Prediction, UpdateError, Workspace, new_policy,
    new_policy_over, restore_policy, restore_policy_over,
};
pub use policy_state::{
    BeliefState, BetaCounts, Learned, LinearModel, ModelState, POLICY_STATE_FORMAT, PolicyState,
    PolicyStateError,
};
pub use reward::{RewardRule, RewardTerm};
pub use schedule::{Daypart, Schedule};
pub use validate::{validate, validate_placed, validate_slots};
