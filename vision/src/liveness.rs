//! Whether a living person stands before the camera, as far as a camera can tell.
//!
//! Three means, each of measurements (which see pixels, under a key) and a state machine (which sees measurements and
//! times only): cues that need no act, a head turned as asked, and light of the screen that the face has to throw back.

mod color;
mod cues;
mod light;
mod networks;
mod passive;
mod spectrum;
mod turn;

use std::fmt;

pub use self::color::{ColorAnswer, ColorChallenge, ColorStep, MAX_COLOR_LATENCY};
pub use self::cues::{CueMeter, PassiveCue};
pub use self::light::{FaceLight, N_LIGHT_SPOTS};
pub use self::networks::LivenessNetworks;
pub use self::passive::{CameraHold, PassiveAnswer, PassiveCheck};
pub use self::turn::{HeadView, TurnChallenge, TurnDirection, TurnStep};

/// What a check says so far.
#[derive(Clone, Debug, PartialEq)]
pub enum Liveness {
    /// Not yet: go on.
    Pending,
    /// Nothing speaks against a living person.
    Passed,
    /// It failed, for these reasons; begin anew.
    Failed(Vec<LivenessFault>),
}

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)+) => {
        /// Why a check did not pass. The names are keys of texts, and the values of a metric: they name no person.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum LivenessFault {
            $($(#[$doc])* $variant,)+
        }

        impl LivenessFault {
            /// Every fault.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, in snake case.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

faults! {
    /// The time for it ran out.
    TimedOut = "timed_out";
    /// Too few frames came to say anything.
    TooFewFrames = "too_few_frames";
    /// The face was not in view throughout, or there was more than one.
    FaceLost = "face_lost";
    /// The face does not follow the colours of the screen: a screen or a lamp lights it, or the room is too bright.
    NoResponse = "no_response";
    /// The face follows other colours, or these too late: a recording or a relay.
    WrongTime = "wrong_time";
    /// All of the picture follows the colours alike: the picture is tinted, not the face lit.
    GlobalTint = "global_tint";
    /// The light falls on the face as on a sheet.
    FlatLight = "flat_light";
    /// The head was turned another way than asked.
    WrongTurn = "wrong_turn";
    /// The face moved as a sheet does.
    FlatTurn = "flat_turn";
    /// The face is as smooth or as coarse as a print or a screen.
    Texture = "texture";
    /// Stripes of a screen's grid seen through the camera's.
    Moire = "moire";
    /// What is around the face moves along with it.
    MovesWithBackground = "moves_with_background";
    /// Nothing about the face moved by itself, not even an eyelid.
    Still = "still";
    /// The networks took it for a print or a screen.
    Network = "network";
}

impl fmt::Display for LivenessFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
