//! Studies: what participants who agreed attended to and showed while they looked at messages, what they said, and how sure
//! that is.
//!
//! In: a plan, and one [`Sitting`] a participant, each relative to that participant's own rest. Out: bands over participants,
//! moments at which many change together, what the curves foretell of the answers, and how well; all of it suppressed below a
//! number of participants. Movements of a fraction of a second are none of this room's affair: it never sees the type.

mod curves;
mod plan;
mod preference;
mod priors;
mod result;
mod sitting;
mod turning;

pub use curves::{Band, BandPoint, Curve, GRID_MILLIS, Glance, Recorder};
pub use plan::{
    LAB_PARTICIPANTS, MIN_PARTICIPANTS, MovementWish, PlanFault, Question, QuestionKind, Stimulus,
    StudyPlan, Words,
};
pub use preference::{Foretelling, Foretold, MIN_FORETELLING};
pub use priors::{MIN_PRIOR_CELL, StudyPrior, StudyPriors};
pub use result::{
    ChoiceCount, Estimated, QuestionResult, StimulusResult, StudyResult, Suppressed, analyze_study,
    are_told,
};
pub use sitting::{
    Answer, Answers, MovementRefusals, Neutral, SITTING_FORMAT, Signal, Sitting, Watched,
};
pub use turning::{Turning, TurningPoint, TurningPoints};
