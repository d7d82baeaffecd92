//! Kinds of what is before the camera.

/// Who or what is before the camera, or instead of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Species {
    /// The person.
    Live,
    /// Their picture on paper, moved by a hand and turned as asked.
    Print,
    /// The same, bent about its upright axis.
    BentPrint,
    /// A tablet that plays a film of them: turned in another order, lit by the colours of another time.
    Replay,
    /// They are there, but elsewhere: their film comes late, and the colours with it.
    Relay,
    /// A program that moves their picture as asked and tints all of it in the colours, fed past the camera.
    TintedFeed,
    /// One picture of them, fed past the camera.
    StillFeed,
}

impl Species {
    pub(super) const ALL: [Self; 7] = [
        Self::Live,
        Self::Print,
        Self::BentPrint,
        Self::Replay,
        Self::Relay,
        Self::TintedFeed,
        Self::StillFeed,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Print => "print",
            Self::BentPrint => "bent_print",
            Self::Replay => "replay",
            Self::Relay => "relay",
            Self::TintedFeed => "tinted_feed",
            Self::StillFeed => "still_feed",
        }
    }
}
