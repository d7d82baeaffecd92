//! The text that somebody shows: which role, which token, and a secret nobody can guess.

use std::fmt;
use std::io;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use regard_commitments::{Role, TokenId, Zeroizing};

use crate::seed::{random_key, to_hex};

/// What every token begins with, so that people and scanners of repositories know one when they see it.
const PREFIX: &str = "rgd_";

/// Hexadecimal digits of the secret: 256 bits.
const SECRET_LEN: usize = 64;

/// Longest text that is looked at; the longest token has 97 characters.
const MAX_LEN: usize = 128;

/// Random bytes of a salt, as RFC 9106 recommends.
const SALT_LEN: usize = 16;

/// Argon2id with 19 MiB, two passes, one lane: the least that OWASP's password cheat sheet allows. The
/// secret itself has 256 bits, so that this is a second wall and not the first.
const MEMORY_KIB: u32 = 19 * 1_024;
const N_PASSES: u32 = 2;
const N_LANES: u32 = 1;

/// A token as it is shown: `rgd_<role>_<id>_<secret>`. What is written of it is known; whether its secret
/// is the right one only [`Token::is_proven_by`] says.
///
/// # Privacy
/// Its secret is wiped when dropped, and never printed.
pub struct Token {
    role: Role,
    id: TokenId,
    text: Zeroizing<String>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Token({PREFIX}{}_{}, secret withheld)",
            self.role, self.id
        )
    }
}

fn hasher() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, N_PASSES, N_LANES, None)
        .expect("the parameters are within the bounds of RFC 9106");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

impl Token {
    /// A new token of this role.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn random(role: Role) -> io::Result<Self> {
        let digits = to_hex(&random_key()?);
        let id: TokenId = digits[..TokenId::LEN]
            .parse()
            .expect("hexadecimal digits of the right number");
        let secret = Zeroizing::new(to_hex(&random_key()?));
        let text = Zeroizing::new(format!("{PREFIX}{role}_{id}_{}", *secret));
        Ok(Self { role, id, text })
    }

    /// The token in a text, if it is written like one.
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_LEN {
            return None;
        }
        let (rest, secret) = text.strip_prefix(PREFIX)?.rsplit_once('_')?;
        let (role, id) = rest.rsplit_once('_')?;
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if secret.len() != SECRET_LEN || !secret.bytes().all(is_digit) {
            return None;
        }
        Some(Self {
            role: role.parse().ok()?,
            id: id.parse().ok()?,
            text: Zeroizing::new(text.to_owned()),
        })
    }

    /// The role that is written on it; what counts is the role that is kept.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Its public id.
    pub const fn id(&self) -> &TokenId {
        &self.id
    }

    /// The whole text: a secret.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is kept of it: an Argon2id hash with salt and parameters, in the PHC form. Takes 19 MiB and
    /// some tens of milliseconds.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn verifier(&self) -> io::Result<String> {
        let random = random_key()?;
        let salt = SaltString::encode_b64(&random[..SALT_LEN])
            .map_err(|error| io::Error::other(error.to_string()))?;
        let hash = hasher().hash_password(self.text.as_bytes(), &salt);
        hash.map(|hash| hash.to_string())
            .map_err(|error| io::Error::other(error.to_string()))
    }

    /// Whether what is kept was made from this token; compared in constant time. Takes as long as
    /// [`Self::verifier`].
    pub fn is_proven_by(&self, verifier: &str) -> bool {
        PasswordHash::new(verifier).is_ok_and(|hash| {
            hasher()
                .verify_password(self.text.as_bytes(), &hash)
                .is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_proves_itself_and_no_other_does() {
        let token = Token::random(Role::PrivacyOfficer).unwrap();
        let verifier = token.verifier().unwrap();
        assert!(
            verifier.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{verifier}"
        );
        assert!(!verifier.contains(&token.text()[token.text().len() - SECRET_LEN..]));
        let read = Token::read(token.text()).expect("written like one");
        assert_eq!((read.role(), read.id()), (Role::PrivacyOfficer, token.id()));
        assert!(read.is_proven_by(&verifier));
        assert_ne!(token.verifier().unwrap(), verifier, "another salt");
        let last = if token.text().ends_with('0') {
            "1"
        } else {
            "0"
        };
        let other = format!("{}{last}", &token.text()[..token.text().len() - 1]);
        assert!(!Token::read(&other).unwrap().is_proven_by(&verifier));
        for nonsense in ["", "$argon2id$", "plain", token.text()] {
            assert!(!token.is_proven_by(nonsense), "{nonsense}");
        }
        let printed = format!("{token:?}");
        assert!(printed.ends_with("secret withheld)"), "{printed}");
    }

    #[test]
    fn only_what_is_written_like_a_token_is_looked_at() {
        let secret = "0".repeat(SECRET_LEN);
        let good = format!("rgd_screen_0123456789ab_{secret}");
        assert!(Token::read(&good).is_some());
        for bad in [
            String::new(),
            "rgd_".to_owned(),
            good.replace("rgd_", "reg_"),
            good.replace("screen", "root"),
            good.replace("0123456789ab", "0123456789AB"),
            good.replace("0123456789ab", "0123456789"),
            format!("{good}0"),
            good[..good.len() - 1].to_owned(),
            format!(" {good}"),
            format!("{good}\n"),
            "é".repeat(60),
            format!("rgd_{}_{secret}", "screen_".repeat(1_000)),
        ] {
            assert!(Token::read(&bad).is_none(), "{bad}");
        }
    }
}
