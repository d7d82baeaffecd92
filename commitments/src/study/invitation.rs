//! What a participant is invited with: a text in a link, good once.

use std::fmt;
use std::str::FromStr;

use rand::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::digest::Digest;

/// How the text begins, so that people and scanners of leaked secrets recognise it.
const PREFIX: &str = "rgi_";

/// Secret bytes: 256 bits cannot be guessed, so that a plain hash of them may be stored.
const SECRET_LEN: usize = 32;

/// An invitation to a study: `rgi_SECRET` in hexadecimal digits. The site keeps its hash, and nothing of whom it was sent to.
///
/// # Privacy
/// Does not print; [`StudyInvitation::reveal`] is for whoever sends it.
pub struct StudyInvitation(Zeroizing<[u8; SECRET_LEN]>);

/// A text that is no invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an invitation to a study")]
pub struct BadInvitation;

impl StudyInvitation {
    /// A fresh one.
    pub fn random(rng: &mut dyn CryptoRng) -> Self {
        let mut secret = Zeroizing::new([0; SECRET_LEN]);
        rng.fill_bytes(secret.as_mut_slice());
        Self(secret)
    }

    /// What the site keeps of it.
    pub fn hash(&self) -> Digest {
        Digest::of(&[b"regard study invitation v1\0", self.0.as_slice()])
    }

    /// The text, for the link.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = PREFIX.to_owned();
        for byte in self.0.iter() {
            text.push_str(&format!("{byte:02x}"));
        }
        Zeroizing::new(text)
    }
}

impl fmt::Debug for StudyInvitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StudyInvitation(withheld)")
    }
}

impl FromStr for StudyInvitation {
    type Err = BadInvitation;
    fn from_str(text: &str) -> Result<Self, BadInvitation> {
        let digits = text.strip_prefix(PREFIX).ok_or(BadInvitation)?;
        let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 2 * SECRET_LEN || !digits.bytes().all(is_hex) {
            return Err(BadInvitation);
        }
        let mut secret = Zeroizing::new([0; SECRET_LEN]);
        for (byte, pair) in secret.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| BadInvitation)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| BadInvitation)?;
        }
        Ok(Self(secret))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn an_invitation_comes_back_and_no_other_text_is_one() {
        let one = StudyInvitation::random(&mut StdRng::seed_from_u64(1));
        let back: StudyInvitation = one.reveal().parse().unwrap();
        assert_eq!(back.hash(), one.hash());
        let other = StudyInvitation::random(&mut StdRng::seed_from_u64(2));
        assert_ne!(other.hash(), one.hash());
        let text = one.reveal().to_string();
        for bad in [
            "",
            "rgi_",
            &text[1..],
            &text[..60],
            &text.to_uppercase(),
            &format!("{text}0"),
        ] {
            assert!(bad.parse::<StudyInvitation>().is_err(), "{bad}");
        }
        assert_eq!(format!("{one:?}"), "StudyInvitation(withheld)");
    }
}
