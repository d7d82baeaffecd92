//! Room `evaluation`: what a policy would have earned, and how sure that is.
//!
//! In: logs of decisions with their probabilities, rewards, policies; what participants of studies attended to and answered.
//! Out: estimates with intervals, sequences that may be looked at any time, streams of made-up audiences, studies added up.
//! This room never does I/O, never reads a clock, never decides for a real screen, and knows no person by any name.

mod ablation;
mod apprenticeship;
mod coverage;
mod diagnosis;
mod drifting;
mod estimate;
mod evaluate;
mod evidence;
mod formats;
mod interval;
mod log;
mod plot;
mod reward_model;
mod sequence;
mod simulator;
mod study;

pub use ablation::{Ablation, AblationReport};
pub use apprenticeship::{ApprenticeReport, ApprenticeVerdict, Apprenticeship};
pub use coverage::{
    Coverage, coverage_of_estimates, coverage_of_experiments, coverage_of_reports,
    coverage_while_peeking,
};
pub use diagnosis::Diagnosis;
pub use drifting::DriftingMean;
pub use estimate::{Estimator, Sample};
pub use evaluate::{Estimate, EvaluateError, Evaluation, Settings, Target, evaluate};
pub use evidence::{ArmReport, Evidence, EvidenceReport, GuardReport, Rewarded, stopped_within};
pub use formats::{LogFormat, to_dsjson, to_ndjson};
pub use interval::{Interval, anytime, bootstrap, empirical_bernstein};
pub use log::{BadLog, Log, LoggedPlay, Offered};
pub use plot::{PlotError, RegretCurve, estimates_svg, regret_svg};
pub use reward_model::{Case, cross_fitted};
pub use sequence::{BettingSequence, BoundTest};
pub use simulator::{
    BadStream, Contest, ContestError, LoggedRound, LoggedStream, Round, Stream, World,
};
pub use study::{
    Answer, Answers, Band, BandPoint, ChoiceCount, Curve, Estimated, Foretelling, Foretold,
    GRID_MILLIS, Glance, LAB_PARTICIPANTS, MIN_FORETELLING, MIN_PARTICIPANTS, MIN_PRIOR_CELL,
    MovementRefusals, MovementWish, Neutral, PlanFault, Question, QuestionKind, QuestionResult,
    Recorder, SITTING_FORMAT, Signal, Sitting, Stimulus, StimulusResult, StudyPlan, StudyPrior,
    StudyPriors, StudyResult, Suppressed, Turning, TurningPoint, TurningPoints, Watched, Words,
    analyze_study, are_told,
};
