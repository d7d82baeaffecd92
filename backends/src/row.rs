//! Rows that no other room has a word for, and the sums read back.

use std::fmt;

use regard_commitments::{DataKind, Digest, KeySlot, Retained, VisitSums};
use regard_decision::{Decision, FactValue, Outcome, PolicyState};
use regard_domain::{
    CameraId, CampaignId, CreativeId, DecisionId, PersonId, PlayId, ScreenId, SlotId, Timestamp,
};
use serde::{Deserialize, Serialize};

/// A decision, to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionRow(pub Decision);

/// An outcome, to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct OutcomeRow(pub Outcome);

macro_rules! retained {
    ($($row:ty => $kind:ident;)+) => {
        $(impl Retained for $row {
            const KIND: DataKind = DataKind::$kind;
        })+
    };
}

retained! {
    DecisionRow => Decision;
    OutcomeRow => Outcome;
    PlayStart => Play;
    PlayEnd => Play;
    PolicyRow => PolicyState;
    MinuteAggregate => MinuteAggregate;
    Fact => Fact;
    Setting => Credential;
    Document => Content;
    CampaignInForce => Content;
    SealedRow => Person;
}

/// A message began to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayStart {
    /// The play; its number is that of its decision.
    pub id: PlayId,
    /// Where.
    pub screen: ScreenId,
    /// In which slot of it; nothing where the message has all of the glass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<SlotId>,
    /// Of which campaign; nothing for the default message.
    pub campaign: Option<CampaignId>,
    /// Which message.
    pub creative: CreativeId,
    /// Since when.
    pub at: Timestamp,
}

/// A message ceased to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayEnd {
    /// The play.
    pub id: PlayId,
    /// When.
    pub at: Timestamp,
    /// For how long it was seen on the screen, in milliseconds, as the player reports: preloading and hidden tabs do not count.
    pub shown_millis: u64,
}

/// A play as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Play {
    /// How it began.
    pub start: PlayStart,
    /// When it ended; nothing while it runs, or when the player never said.
    pub ended_at: Option<Timestamp>,
    /// Milliseconds shown; 0 until it ended.
    pub shown_millis: u64,
}

/// The newest state of one campaign's policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyRow {
    /// Whose policy.
    pub campaign: CampaignId,
    /// When it changed last.
    pub at: Timestamp,
    /// What it has learnt.
    pub state: PolicyState,
}

/// Sums over one camera and minute: the only thing kept about people who were merely counted.
///
/// Written again and again while the minute runs, each writing replacing the one before; readers add up the runs.
///
/// # Privacy
/// Sums over everyone in view; no track, no person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MinuteAggregate {
    /// Which camera.
    pub camera: CameraId,
    /// Beginning of the minute.
    pub minute: Timestamp,
    /// Random number of the process that counted: a restart within a minute counts on beside, not over, the first run.
    pub run: u64,
    /// Milliseconds of the minute in which the camera was observed.
    pub observed_millis: u64,
    /// Visitors whose track was confirmed in this minute.
    pub entered: u32,
    /// Visitors whose track ended in this minute.
    pub left: u32,
    /// Looks begun in this minute.
    pub looks: u32,
    /// Most visitors in view at once.
    pub peak_visitors: u32,
    /// Visitors times seconds.
    pub visitor_secs: f64,
    /// Looking visitors times seconds.
    pub looking_secs: f64,
    /// Attention times visitors times seconds.
    pub attention_secs: f64,
    /// Probability times visitors times seconds of each expression, in the order of `Expression::ALL`; zeros without the scope.
    pub expression_secs: [f64; 7],
    /// Visits that ended in this minute, each clamped: what noised sums are made of. A visit is in one minute alone.
    #[serde(default)]
    pub visits: VisitSums,
}

impl MinuteAggregate {
    /// A minute in which nothing was counted yet.
    pub fn empty(camera: CameraId, minute: Timestamp, run: u64) -> Self {
        Self {
            camera,
            minute,
            run,
            observed_millis: 0,
            entered: 0,
            left: 0,
            looks: 0,
            peak_visitors: 0,
            visitor_secs: 0.0,
            looking_secs: 0.0,
            attention_secs: 0.0,
            expression_secs: [0.0; 7],
            visits: VisitSums::default(),
        }
    }
}

/// Something the owner's systems told us, such as the weather; the newest value of each name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Its name; the key.
    pub name: String,
    /// Its value; nothing when it was taken back.
    pub value: Option<FactValue>,
    /// Since when it holds.
    pub at: Timestamp,
}

/// A campaign is configured: how often it played is to be remembered, for the sake of its budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignInForce {
    /// Which campaign.
    pub campaign: CampaignId,
}

/// An entry of the ledger as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// Its place, from 0.
    pub index: u64,
    /// Its hash in the tree; stays for good, so that the tree can always be built again.
    pub hash: Digest,
    /// Its bytes; nothing when their time is over.
    pub bytes: Option<Vec<u8>>,
}

/// One setting of the installation, such as the hash of the admin token.
///
/// # Privacy
/// Hashes only, never a token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name; the key.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Something the owner put in while the program ran, such as its campaigns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its name; the key.
    pub name: String,
    /// Its text.
    pub value: String,
}

/// Something that belongs to a person, sealed under a key of theirs.
///
/// # Privacy
/// Opens with the person's key alone, which lies in another file; does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedRow {
    /// Whose.
    pub person: PersonId,
    /// What it is, such as `receipt`.
    pub kind: String,
    /// Which of several of that kind.
    pub name: String,
    /// Under which of the person's keys.
    pub slot: KeySlot,
    /// When it was written.
    pub at: Timestamp,
    /// The sealed bytes.
    pub body: Vec<u8>,
}

impl fmt::Debug for SealedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SealedRow({}, {} bytes withheld)",
            self.kind,
            self.body.len()
        )
    }
}

/// Which of a person's sealed rows are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedSlots {
    /// All of them.
    All,
    /// Those under one key.
    Of(KeySlot),
}

/// How often something was shown: what frequency caps and budgets ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PlayCount {
    /// Where.
    pub screen: ScreenId,
    /// Of which campaign; nothing for the default message.
    pub campaign: Option<CampaignId>,
    /// Which message.
    pub creative: CreativeId,
    /// Plays begun.
    pub plays: u64,
    /// Milliseconds shown, all plays together.
    pub shown_millis: u64,
    /// When the latest of them began.
    pub last_at: Timestamp,
}

/// Count, sum and sum of squares of a measure: enough for a mean and its interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// How many.
    pub n: u64,
    /// Their sum.
    pub sum: f64,
    /// Sum of their squares.
    pub sum_squares: f64,
}

/// What one message did in a stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreativeReport {
    /// Of which campaign; nothing for the default message.
    pub campaign: Option<CampaignId>,
    /// Which message.
    pub creative: CreativeId,
    /// Plays begun.
    pub plays: u64,
    /// Milliseconds shown, all plays together.
    pub shown_millis: u64,
    /// Each kind of outcome that was measured for decisions of this time, by its stored name, in order of name.
    pub outcomes: Vec<(String, Sums)>,
}

/// A place in the list of decisions, newest first: the one before which to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DecisionCursor {
    /// Time of the last decision seen.
    pub at: Timestamp,
    /// Its id: decisions of the same instant are told apart by it.
    pub id: DecisionId,
}
