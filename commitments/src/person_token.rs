//! What a person shows to reach their own record: a text for a card, a wallet or a QR code.

use std::fmt;
use std::str::FromStr;

use rand::CryptoRng;
use regard_domain::PersonId;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::digest::Digest;
use crate::same::is_same_secret;
use crate::seal::PersonSecret;

/// How the text begins, so that people and scanners of leaked secrets recognise it.
const PREFIX: &str = "rgp";

/// Secret bytes: 256 bits cannot be guessed, so that a plain hash of them may be stored.
const SECRET_LEN: usize = 32;

/// The token of one person, shown once: `rgp_PERSON_SECRET` in hexadecimal digits. The site keeps its hash.
///
/// # Privacy
/// Does not print; [`PersonToken::reveal`] is for the person's own eyes.
pub struct PersonToken {
    person: PersonId,
    secret: Zeroizing<[u8; SECRET_LEN]>,
}

/// A text that is no token of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a token of a person")]
pub struct BadPersonToken;

/// What the site keeps of a token.
#[derive(Clone, Copy)]
pub struct PersonTokenHash([u8; 32]);

impl PersonTokenHash {
    /// From stored bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// To be stored.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether it is the hash of this token; takes the same time whichever bytes differ.
    pub fn is_of(&self, token: &PersonToken) -> bool {
        *self == token.hash()
    }
}

impl PartialEq for PersonTokenHash {
    fn eq(&self, other: &Self) -> bool {
        is_same_secret(&self.0, &other.0)
    }
}

impl Eq for PersonTokenHash {}

impl fmt::Debug for PersonTokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonTokenHash(withheld)")
    }
}

impl PersonToken {
    /// A fresh one.
    pub fn random(person: PersonId, rng: &mut dyn CryptoRng) -> Self {
        let mut secret = Zeroizing::new([0; SECRET_LEN]);
        rng.fill_bytes(secret.as_mut_slice());
        Self { person, secret }
    }

    /// Whose it says it is; believe it when the hash fits.
    pub fn person(&self) -> PersonId {
        self.person
    }

    /// What the site keeps of it.
    pub fn hash(&self) -> PersonTokenHash {
        let person = self.person.as_bits().to_be_bytes();
        let digest = Digest::of(&[b"regard person token v1\0", &person, self.secret.as_slice()]);
        PersonTokenHash(*digest.as_bytes())
    }

    /// The part of it that custody `shared` wraps keys with. Another label than that of the hash, so that the
    /// stored hash tells nothing about it.
    pub fn secret(&self) -> PersonSecret {
        PersonSecret::derive(self.secret.as_slice())
    }

    /// The text, to be shown once.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = format!("{PREFIX}_{}_", self.person);
        for byte in self.secret.iter() {
            text.push_str(&format!("{byte:02x}"));
        }
        Zeroizing::new(text)
    }
}

impl FromStr for PersonToken {
    type Err = BadPersonToken;
    fn from_str(text: &str) -> Result<Self, BadPersonToken> {
        let mut parts = text.split('_');
        let (Some(PREFIX), Some(person), Some(digits), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(BadPersonToken);
        };
        let person = person.parse().map_err(|_| BadPersonToken)?;
        let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 2 * SECRET_LEN || !digits.bytes().all(is_hex) {
            return Err(BadPersonToken);
        }
        let mut secret = Zeroizing::new([0; SECRET_LEN]);
        for (byte, at) in secret.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| BadPersonToken)?;
        }
        Ok(Self { person, secret })
    }
}

impl fmt::Debug for PersonToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonToken(withheld)")
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_token_comes_back_from_its_text_and_fits_its_own_hash_only() {
        let mut rng = StdRng::seed_from_u64(1);
        let token = PersonToken::random(PersonId::from_bits(7), &mut rng);
        let text = token.reveal();
        let back: PersonToken = text.parse().unwrap();
        assert_eq!(back.person(), PersonId::from_bits(7));
        assert!(token.hash().is_of(&back));
        assert!(
            !text
                .contains(&format!("{:02x}{:02x}", token.hash().0[0], token.hash().0[1]).repeat(2))
        );
        let other = PersonToken::random(PersonId::from_bits(7), &mut rng);
        assert!(!other.hash().is_of(&back));
        // The same secret under another person's name.
        let forged = text.replacen(&"0".repeat(31), &"1".repeat(31), 1);
        assert!(!token.hash().is_of(&forged.parse().unwrap()));
        assert_eq!(format!("{token:?}"), "PersonToken(withheld)");
    }

    #[test]
    fn other_texts_are_no_tokens() {
        let mut rng = StdRng::seed_from_u64(2);
        let good = PersonToken::random(PersonId::from_bits(7), &mut rng).reveal();
        for bad in [
            "",
            "rgp__",
            &good[1..],
            &good[..good.len() - 1],
            &format!("{}_", &*good),
            &good.to_uppercase(),
            &good.replace("rgp", "rgd"),
            &"é".repeat(50),
        ] {
            assert_eq!(
                bad.parse::<PersonToken>().unwrap_err(),
                BadPersonToken,
                "{bad}"
            );
        }
    }
}
