//! Codes that show that somebody is at a screen.

use std::fmt;
use std::time::Duration;

use regard_domain::{ScreenId, Timestamp};
use zeroize::Zeroizing;

use crate::digest::Digest;
use crate::same::is_same_secret;

/// How long a screen shows the same code. Origin: short enough that a code passed on is soon worth nothing,
/// long enough to be scanned.
pub const PLACE_CODE_PERIOD: Duration = Duration::from_secs(30);

/// How long after it was last shown a code is still known. Origin: the longest objection, which may be
/// prolonged from the same page.
const KNOWN_FOR: Duration = Duration::from_mins(16);

/// Bytes of a code: 48 bits. Guessing one of the 33 that are known takes 4·10¹² tries on average.
const CODE_LEN: usize = 6;

/// Makes and reads the codes that the screens of a site show, a new one every [`PLACE_CODE_PERIOD`], and the
/// ones printed on its signs, which stay.
///
/// Whoever has a code of a screen has stood before it a moment ago, or knows somebody who has: it shows presence,
/// and says nothing about who it was.
///
/// # Privacy
/// A code depends on screen and time alone; nothing is stored, and two people who scan the same code cannot be told
/// apart.
#[derive(Clone)]
pub struct PlaceCodes {
    key: Zeroizing<[u8; 32]>,
}

/// What a code shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It was on the screen, for the last time so long ago; zero while it still is.
    AtScreen {
        /// Since then.
        age: Duration,
    },
    /// It is printed on the sign at the perimeter: somebody has seen the sign once.
    AtSign,
}

impl PlaceCodes {
    /// The codes of this secret.
    pub(crate) fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self { key }
    }

    fn code(&self, kind: &[u8; 6], screen: &ScreenId, period: u64) -> String {
        // The key comes first and has a fixed length, and most of the digest is withheld: nothing can be appended.
        let digest = Digest::of(&[
            self.key.as_slice(),
            kind,
            &period.to_be_bytes(),
            screen.as_str().as_bytes(),
        ]);
        let mut code = digest.to_string();
        code.truncate(2 * CODE_LEN);
        code
    }

    /// The code that a screen shows now: 12 hexadecimal digits.
    pub fn on_screen(&self, screen: &ScreenId, now: Timestamp) -> String {
        self.code(b"screen", screen, period(now))
    }

    /// The code on the printed sign of a screen: 12 hexadecimal digits, as long as the site keeps its key.
    pub fn on_sign(&self, screen: &ScreenId) -> String {
        self.code(b"signed", screen, 0)
    }

    /// What a code shows; `None` for one that this screen has not shown for 16 minutes, or never.
    pub fn read(&self, screen: &ScreenId, code: &str, now: Timestamp) -> Option<Presence> {
        let present = period(now);
        let known = KNOWN_FOR.as_secs() / PLACE_CODE_PERIOD.as_secs();
        // Every one is compared, and every digit of it: the time tells nothing.
        let mut found = is_same(&self.on_sign(screen), code).then_some(Presence::AtSign);
        for ago in (0..=known.min(present)).rev() {
            if is_same(&self.code(b"screen", screen, present - ago), code) {
                let began = Timestamp::from_millis(0).plus(PLACE_CODE_PERIOD * (present as u32));
                let into = now.saturating_since(began);
                let age = match ago {
                    0 => Duration::ZERO,
                    ago => PLACE_CODE_PERIOD * (ago as u32 - 1) + into,
                };
                found = Some(Presence::AtScreen { age });
            }
        }
        found
    }
}

impl fmt::Debug for PlaceCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlaceCodes(withheld)")
    }
}

fn period(now: Timestamp) -> u64 {
    let secs = u64::try_from(now.as_millis().div_euclid(1_000)).unwrap_or(0);
    secs / PLACE_CODE_PERIOD.as_secs()
}

/// Compared in a time that tells nothing but the length.
fn is_same(known: &str, given: &str) -> bool {
    is_same_secret(known.as_bytes(), given.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SiteKeys;

    fn codes(seed: u8) -> PlaceCodes {
        SiteKeys::from_seed(Zeroizing::new([seed; 32])).place_codes()
    }

    fn screen(id: &str) -> ScreenId {
        id.parse().unwrap()
    }

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000).plus(Duration::from_secs(secs))
    }

    #[test]
    fn a_code_is_known_for_sixteen_minutes_and_its_age_told() {
        let (codes, door) = (codes(1), screen("door"));
        let code = codes.on_screen(&door, at(0));
        for (secs, age) in [
            (0, 0),
            (29, 0),
            (30, 0),
            (31, 1),
            (60, 30),
            (600, 570),
            (959, 929),
        ] {
            let age = Duration::from_secs(age);
            let read = codes.read(&door, &code, at(secs));
            assert_eq!(read, Some(Presence::AtScreen { age }), "{secs} s");
        }
        assert_eq!(codes.read(&door, &code, at(990)), None);
        // Before it was shown it does not exist.
        assert_eq!(
            codes.read(&door, &codes.on_screen(&door, at(30)), at(0)),
            None
        );
    }

    #[test]
    fn a_code_holds_for_its_screen_and_its_site_alone() {
        let (codes, door) = (codes(1), screen("door"));
        let code = codes.on_screen(&door, at(0));
        assert_eq!(codes.read(&screen("till"), &code, at(0)), None);
        assert_eq!(self::codes(2).read(&door, &code, at(0)), None);
        for bad in [
            "",
            "0",
            &code[..11],
            &format!("{code}0"),
            "zzzzzzzzzzzz",
            "ÄÄÄÄÄÄ",
        ] {
            assert_eq!(codes.read(&door, bad, at(0)), None, "{bad:?}");
        }
    }

    #[test]
    fn the_sign_stays() {
        let (codes, door) = (codes(1), screen("door"));
        let sign = codes.on_sign(&door);
        for secs in [0, 86_400 * 365] {
            assert_eq!(codes.read(&door, &sign, at(secs)), Some(Presence::AtSign));
        }
        assert_eq!(codes.read(&screen("till"), &sign, at(0)), None);
    }

    #[test]
    fn codes_are_not_printed() {
        assert_eq!(format!("{:?}", codes(1)), "PlaceCodes(withheld)");
    }
}
