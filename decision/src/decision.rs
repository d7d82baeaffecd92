//! A choice of a message, as it is shown and logged.

use std::fmt;

use regard_domain::{
    CampaignId, CreativeId, DecisionId, MomentCause, PlayId, ScreenId, SlotId, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{Clause, LocalTime};

/// Why the message could change at that instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Somebody asked the planner directly.
    Asked,
    /// Nothing was shown yet.
    Start,
    /// The play had lasted its time.
    DurationElapsed,
    /// The condition, schedule or screen list no longer admitted what was shown.
    ConditionEnded,
    /// Something of higher priority, or with a more specific condition, became eligible.
    BetterEligible,
    /// What was shown is no longer configured, or its campaign was switched off.
    Withdrawn,
    /// The ledger cannot be written: only the default message may be shown.
    LedgerUnwritable,
    /// A slot before this one on the same screen took what was shown.
    GaveWay,
}

/// Why a message or a whole campaign was not eligible.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Obstacle {
    /// The campaign is switched off.
    Disabled,
    /// The campaign does not run on this screen.
    OtherScreen,
    /// The campaign does not run in this slot, or only in slots, on a screen that has none.
    NotInSlot,
    /// The campaign does not run at this time.
    Schedule,
    /// The plays of the day are used up.
    BudgetDay {
        /// How many there were.
        limit: u64,
    },
    /// The plays of the campaign are used up.
    BudgetTotal {
        /// How many there were.
        limit: u64,
    },
    /// The plays of the day so far are used up; more come due as it goes on.
    Pacing {
        /// How many were due by now.
        due: u64,
    },
    /// The screen has shown it often enough within the last hour.
    CapHour {
        /// How often is enough.
        limit: u32,
    },
    /// The screen has shown it often enough today.
    CapDay {
        /// How often is enough.
        limit: u32,
    },
    /// The screen has shown it too recently.
    Gap {
        /// Least milliseconds between two starts.
        limit_millis: u64,
    },
    /// A clause does not hold.
    Condition {
        /// The first one that does not.
        clause: Clause,
    },
    /// A campaign of higher priority is eligible.
    Outranked {
        /// That priority.
        by_priority: i32,
    },
    /// The ledger cannot be written: no campaign plays until it can.
    LedgerUnwritable,
    /// Another slot of the screen shows it.
    OtherSlot,
    /// A guardrail stopped it.
    Guardrail {
        /// Name of the guardrail.
        name: String,
    },
}

/// Something that was not eligible, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exclusion {
    /// Which campaign.
    pub campaign: CampaignId,
    /// Which message; nothing when it is the whole campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creative: Option<CreativeId>,
    /// Why.
    pub obstacle: Obstacle,
}

/// Why this message was chosen and others were not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// Why the message could change.
    pub trigger: Trigger,
    /// What made the moment be emitted, such as `entered`; nothing without a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Clauses of the chosen message's condition; all hold.
    pub met: Vec<Clause>,
    /// What was not eligible, in order of priority and then of configuration.
    pub excluded: Vec<Exclusion>,
}

/// Name of a cause in the log.
pub(crate) const fn cause_name(cause: MomentCause) -> &'static str {
    match cause {
        MomentCause::Beat => "beat",
        MomentCause::Entered => "entered",
        MomentCause::Left => "left",
        MomentCause::Looked => "looked",
        MomentCause::LookedAway => "looked_away",
    }
}

/// Something that could have been chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Of which campaign; nothing for the default message.
    pub campaign: Option<CampaignId>,
    /// Which message.
    pub creative: CreativeId,
    /// The probability with which it was to be chosen.
    pub propensity: f32,
    /// For the default message, where an experiment holds plays out: of which campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<CampaignId>,
    /// Where the policy of its campaign learns beside a baseline: the probability by which the policy would choose it among
    /// the messages of the campaign, if it chose itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_apprentice: Option<f32>,
}

/// A choice of a message for one screen. It stands for one play, which began when it was made.
///
/// # Privacy
/// No personal data: means over the audience, and random ids of the decision itself. Features that
/// came of a person's wishes do not exist; `is_personal` says that wishes narrowed the choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Random id.
    pub id: DecisionId,
    /// When it was made.
    pub at: Timestamp,
    /// The same on the wall clock of the site; budgets and caps per day count by its date.
    pub local: LocalTime,
    /// For which screen.
    pub screen: ScreenId,
    /// In which slot of it; nothing where the message has all of the glass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<SlotId>,
    /// Of which campaign; nothing for the default message.
    pub campaign: Option<CampaignId>,
    /// Which message.
    pub creative: CreativeId,
    /// Whether it is the default message of the site.
    pub is_default: bool,
    /// Kind of the policy that chose, such as `rules` or `lints`; `default` for the default message.
    pub policy: String,
    /// Version of that policy at the time; 0 for the default message.
    pub policy_version: u64,
    /// The probability with which this message was chosen: that of its campaign among those of
    /// equal priority times that of the message under the policy. In a slot: given what the slots
    /// before it show.
    pub propensity: f32,
    /// All that could have been chosen; their propensities sum to 1.
    pub candidates: Vec<Candidate>,
    /// What the policy saw.
    pub features: Vec<(String, f32)>,
    /// Of which campaign's experiment this play was held out: the default message is shown instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<CampaignId>,
    /// Names of the segments of the campaign's experiment that the play belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<String>,
    /// Whether the wishes of a person who agreed to it took part.
    pub is_personal: bool,
    /// Why.
    pub reason: Reason,
}

impl Decision {
    /// The play that this decision begins: one decision, one play, one number for both.
    pub const fn play(&self) -> PlayId {
        PlayId::from_bits(self.id.as_bits())
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("switched off"),
            Self::OtherScreen => f.write_str("not on this screen"),
            Self::NotInSlot => f.write_str("not in this slot"),
            Self::Schedule => f.write_str("not at this time"),
            Self::BudgetDay { limit } => write!(f, "all {limit} plays of the day are used up"),
            Self::BudgetTotal { limit } => write!(f, "all {limit} plays are used up"),
            Self::Pacing { due } => write!(f, "all {due} plays that were due by now are used up"),
            Self::CapHour { limit } => write!(f, "shown {limit} times within the hour"),
            Self::CapDay { limit } => write!(f, "shown {limit} times today"),
            Self::Gap { limit_millis } => write!(f, "shown less than {limit_millis} ms ago"),
            Self::Condition { clause } => clause.fmt(f),
            Self::Outranked { by_priority } => write!(f, "outranked by priority {by_priority}"),
            Self::LedgerUnwritable => f.write_str("the ledger cannot be written"),
            Self::OtherSlot => f.write_str("shown in another slot of this screen"),
            Self::Guardrail { name } => write!(f, "stopped by guardrail {name}"),
        }
    }
}
