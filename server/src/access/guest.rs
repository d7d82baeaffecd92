//! Who asks, as far as it is known.

use regard_commitments::{Actor, Role};

use super::book::Pass;
use super::sessions::SessionKey;

/// Who asks, as far as it is known.
#[derive(Clone)]
pub(crate) enum Guest {
    /// Nobody we know.
    Stranger,
    /// Whoever uses this machine, where that is enough: the demonstration, and players on loopback.
    Machine,
    /// A program that showed a token.
    Token(Pass),
    /// A browser whose session began with a token.
    Session(Pass, SessionKey),
}

impl Guest {
    /// With which role.
    pub(crate) fn role(&self) -> Option<Role> {
        self.pass().map(|pass| pass.role)
    }

    /// The token behind it.
    pub(crate) const fn pass(&self) -> Option<&Pass> {
        match self {
            Self::Token(pass) | Self::Session(pass, _) => Some(pass),
            Self::Stranger | Self::Machine => None,
        }
    }

    /// As the ledger names it.
    pub(crate) fn actor(&self) -> Actor {
        match self {
            Self::Stranger => Actor::Stranger {},
            Self::Machine => Actor::Machine {},
            Self::Token(pass) | Self::Session(pass, _) => Actor::Token {
                role: pass.role,
                id: pass.id.clone(),
            },
        }
    }
}
