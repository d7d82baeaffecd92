//! People who walk past, and what they like.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use regard_domain::{
    Attention, CampaignId, CreativeId, ExpressionDistribution, MomentCause, Timestamp, TrackId,
    Visitor,
};

use crate::calendar::Calendar;

/// Kinds of visitors. They differ in what a camera may know: how many come together, how long they stay,
/// how near they come, and what their faces show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Alone, quick, neutral.
    Hurried,
    /// Alone, slow, near.
    Strolling,
    /// Several together, smiling.
    Together,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Hurried, Self::Strolling, Self::Together];

    /// Mean seconds of a stay.
    const fn stay_secs(self) -> f64 {
        match self {
            Self::Hurried => 6.0,
            Self::Strolling => 25.0,
            Self::Together => 18.0,
        }
    }

    /// Height of the face in the picture.
    const fn nearness(self) -> f32 {
        match self {
            Self::Hurried => 0.08,
            Self::Strolling => 0.3,
            Self::Together => 0.18,
        }
    }

    /// Probability of a smile without any message.
    const fn smile(self) -> f32 {
        match self {
            Self::Hurried => 0.05,
            Self::Strolling => 0.15,
            Self::Together => 0.45,
        }
    }

    /// Share of the arrivals at an hour of the day.
    fn share(self, hour: u8) -> f64 {
        let is_rush = matches!(hour, 7..=9 | 16..=18);
        match self {
            Self::Hurried => {
                if is_rush {
                    0.7
                } else {
                    0.3
                }
            }
            Self::Strolling => {
                if is_rush {
                    0.15
                } else {
                    0.4
                }
            }
            Self::Together => {
                if is_rush {
                    0.15
                } else {
                    0.3
                }
            }
        }
    }
}

/// What visitors like. Each kind of visitor looks at each message with a probability of its own, drawn from
/// the seed; a message may be made to annoy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tastes {
    /// From which tastes are drawn.
    pub seed: u64,
    /// Visitors an hour, at busy hours.
    pub visitors_per_hour: f64,
    /// Messages that annoy: faces turn angry, and whoever looked turns away.
    pub annoying: Vec<CreativeId>,
}

impl Tastes {
    /// How probable a visitor of that kind looks at a message.
    fn look(&self, kind: Kind, campaign: Option<&CampaignId>, creative: &CreativeId) -> f64 {
        if campaign.is_none() {
            return 0.1;
        }
        let mut hash = self.seed ^ 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(kind as u64 + 1);
        for byte in creative.as_str().bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            hash ^= hash >> 29;
        }
        // Between a tenth and nine tenths, and mostly low: most messages miss most people.
        let even = (hash >> 11) as f64 / (1_u64 << 53) as f64;
        0.1 + 0.8 * even * even
    }

    fn is_annoying(&self, creative: &CreativeId) -> bool {
        self.annoying.contains(creative)
    }
}

/// One visitor.
#[derive(Clone, Debug)]
struct Walker {
    number: u64,
    kind: Kind,
    came_at: Timestamp,
    goes_at: Timestamp,
    /// Which slots this one looks at, by their place from 0.
    looks_at: BTreeSet<usize>,
    looked_secs: f32,
    /// In which slots the message annoys this one.
    annoyed_by: BTreeSet<usize>,
}

impl Walker {
    /// A camera tells that somebody looks at the screen, not at which part.
    fn is_looking(&self) -> bool {
        !self.looks_at.is_empty()
    }
}

/// A message of a campaign, or the default message.
type Message<'a> = (Option<&'a CampaignId>, &'a CreativeId);

/// How often whoever would look at a message looks at it in that slot: the first catches the eye, the others the less. Made up,
/// as tastes are.
fn catches_the_eye(place: usize) -> f64 {
    1.0 / (place as f64 + 1.0)
}

/// Puts a place to others or takes it away.
fn put(places: &mut BTreeSet<usize>, place: usize, is_in: bool) {
    if is_in {
        places.insert(place);
    } else {
        places.remove(&place);
    }
}

/// The street before the screen.
pub(super) struct Street {
    tastes: Tastes,
    calendar: Calendar,
    rng: ChaCha20Rng,
    walkers: Vec<Walker>,
    n_walkers: u64,
    /// What each slot shows, by its place from 0.
    shown: BTreeMap<usize, (Option<CampaignId>, CreativeId)>,
    last: Option<Timestamp>,
    pending: Option<MomentCause>,
}

/// Visitors in view at most: more would not fit before a screen.
const MAX_WALKERS: usize = 12;

/// How probable somebody who looks at an annoying message has turned away within a second.
const TURNS_AWAY_PER_SEC: f64 = 0.4;

impl Street {
    pub(super) fn new(tastes: Tastes, calendar: Calendar, seed: [u8; 32]) -> Self {
        Self {
            tastes,
            calendar,
            rng: ChaCha20Rng::from_seed(seed),
            walkers: Vec::new(),
            n_walkers: 0,
            shown: BTreeMap::new(),
            last: None,
            pending: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.walkers.is_empty()
    }

    /// Time goes by: people come and go. Says what happened and how many came.
    pub(super) fn step(&mut self, now: Timestamp) -> (MomentCause, u64) {
        let secs = f64::from(self.last.map_or(0.0, |last| now.secs_since(last)));
        self.last = Some(now);
        let mut cause = self.pending.take().unwrap_or(MomentCause::Beat);
        let n_before = self.walkers.len();
        self.walkers.retain(|w| w.goes_at > now);
        if self.walkers.len() < n_before {
            cause = MomentCause::Left;
        }
        let tastes = &self.tastes;
        let annoying = self
            .shown
            .iter()
            .filter(|(_, (_, id))| tastes.is_annoying(id));
        let annoying: BTreeSet<usize> = annoying.map(|(place, _)| *place).collect();
        let rng = &mut self.rng;
        for walker in self.walkers.iter_mut().filter(|w| w.is_looking()) {
            walker.looked_secs += secs as f32;
            walker.looks_at.retain(|place| {
                !(annoying.contains(place) && rng.random::<f64>() < TURNS_AWAY_PER_SEC * secs)
            });
            if !walker.is_looking() {
                cause = MomentCause::LookedAway;
            }
        }
        let hour = self.calendar.local(now).time.minutes() / 60;
        let hour = u8::try_from(hour).unwrap_or(0);
        let is_night = !(6..22).contains(&hour);
        let rate = self.tastes.visitors_per_hour * if is_night { 0.05 } else { 1.0 };
        let mut n_came = 0;
        if self.walkers.len() < MAX_WALKERS && self.rng.random::<f64>() < rate / 3_600.0 * secs {
            n_came = self.arrive(now, hour);
            cause = MomentCause::Entered;
        }
        (cause, n_came)
    }

    fn arrive(&mut self, now: Timestamp, hour: u8) -> u64 {
        let mut left = self.rng.random::<f64>();
        let mut kind = Kind::Together;
        for one in Kind::ALL {
            if left < one.share(hour) {
                kind = one;
                break;
            }
            left -= one.share(hour);
        }
        let n = match kind {
            Kind::Hurried | Kind::Strolling => 1,
            Kind::Together => self.rng.random_range(2..=4),
        };
        let stay = -kind.stay_secs() * (1.0 - self.rng.random::<f64>()).ln();
        for _ in 0..n {
            self.n_walkers += 1;
            let mut walker = Walker {
                number: self.n_walkers,
                kind,
                came_at: now,
                goes_at: now.plus(std::time::Duration::from_secs_f64(stay.clamp(1.0, 120.0))),
                looks_at: BTreeSet::new(),
                looked_secs: 0.0,
                annoyed_by: BTreeSet::new(),
            };
            for (place, (campaign, creative)) in self.shown.clone() {
                self.face(&mut walker, place, (campaign.as_ref(), &creative));
            }
            self.walkers.push(walker);
        }
        n
    }

    /// A visitor makes up their mind about what a slot shows.
    fn face(&mut self, walker: &mut Walker, place: usize, (campaign, creative): Message<'_>) {
        let look = catches_the_eye(place) * self.tastes.look(walker.kind, campaign, creative);
        let looks = self.rng.random::<f64>() < look;
        put(&mut walker.looks_at, place, looks);
        let is_annoyed = self.tastes.is_annoying(creative) && self.rng.random::<f64>() < 0.5;
        put(&mut walker.annoyed_by, place, is_annoyed);
    }

    /// The slot at that place shows something else.
    pub(super) fn show(&mut self, place: usize, message: Message<'_>) {
        let (campaign, creative) = message;
        let shown = (campaign.cloned(), creative.clone());
        self.shown.insert(place, shown);
        let mut walkers = std::mem::take(&mut self.walkers);
        for walker in &mut walkers {
            self.face(walker, place, message);
        }
        self.walkers = walkers;
        self.pending = Some(MomentCause::Looked);
    }

    /// How probable that anyone there looks at this message in the slot at that place.
    pub(super) fn expected(&self, place: usize, (campaign, creative): Message<'_>) -> f64 {
        let catches = catches_the_eye(place);
        let misses = self
            .walkers
            .iter()
            .map(|w| 1.0 - catches * self.tastes.look(w.kind, campaign, creative));
        1.0 - misses.product::<f64>()
    }

    /// Everyone in view, as a camera would tell.
    pub(super) fn visitors(&mut self, now: Timestamp) -> Vec<Visitor> {
        let mut by_number = BTreeMap::new();
        for walker in &self.walkers {
            let smile = walker.kind.smile() + if walker.is_looking() { 0.1 } else { 0.0 };
            let is_annoyed = !walker.annoyed_by.is_empty();
            let anger = if is_annoyed { 0.45 } else { 0.03 };
            let wobble: f32 = self.rng.random_range(-0.02..0.02);
            let weights = [
                (1.0 - smile - anger).max(0.05) + wobble,
                smile,
                0.02,
                anger,
                0.01,
                0.01,
                0.03,
            ];
            let expression = ExpressionDistribution::from_weights(weights);
            let attention: f32 = if walker.is_looking() { 0.85 } else { 0.2 };
            by_number.insert(
                walker.number,
                Visitor {
                    track: TrackId::from_bits(walker.number.into()),
                    number: walker.number,
                    dwell_secs: now.secs_since(walker.came_at),
                    is_looking: walker.is_looking(),
                    looked_secs: walker.looked_secs,
                    attention: Attention::new(attention + wobble),
                    expression,
                    expression_label: expression.map_or_else(
                        || ExpressionDistribution::uniform().label(0.5),
                        |e| e.label(0.5),
                    ),
                    face_height_ratio: walker.kind.nearness(),
                },
            );
        }
        by_number.into_values().collect()
    }
}
