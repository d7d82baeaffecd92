//! Who plays each screen. A browser takes over from the in-process screen, and gives back by leaving.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use regard_commitments::NOTICE_HEARTBEAT_TTL;
use regard_domain::{ScreenId, Timestamp};

/// Id of the screen inside the program.
pub(crate) const IN_PROCESS: &str = "in-process";

/// Characters of a player's id that count.
const MAX_PLAYER_LEN: usize = 64;

#[derive(Debug)]
struct Charge {
    player: String,
    at: Timestamp,
}

/// The player in charge of each screen: the one heard last, where a browser that is heard goes before
/// the in-process screen.
#[derive(Debug, Default)]
pub(crate) struct Players {
    charges: Mutex<BTreeMap<ScreenId, Charge>>,
}

impl Players {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ScreenId, Charge>> {
        self.charges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_fresh(charge: &Charge, now: Timestamp) -> bool {
        now.saturating_since(charge.at) < NOTICE_HEARTBEAT_TTL
    }

    /// A player with the notice in view was heard; whether its word counts.
    pub(crate) fn heard(&self, screen: &ScreenId, player: &str, now: Timestamp) -> bool {
        let player: String = player.chars().take(MAX_PLAYER_LEN).collect();
        let mut charges = self.lock();
        let yields = match charges.get(screen) {
            None => true,
            Some(charge) if charge.player == player || !Self::is_fresh(charge, now) => true,
            Some(charge) => player != IN_PROCESS && charge.player == IN_PROCESS,
        };
        if yields {
            charges.insert(screen.clone(), Charge { player, at: now });
        }
        yields
    }

    /// A player says that the notice is out of view; whether it was in charge and nobody is now.
    pub(crate) fn hidden(&self, screen: &ScreenId, player: &str) -> bool {
        let mut charges = self.lock();
        let in_charge = charges
            .get(screen)
            .is_some_and(|charge| charge.player == player);
        if in_charge {
            charges.remove(screen);
        }
        in_charge
    }

    /// Whether this player is in charge of the screen, or nobody is.
    pub(crate) fn is_in_charge(&self, screen: &ScreenId, player: &str, now: Timestamp) -> bool {
        self.lock()
            .get(screen)
            .is_none_or(|charge| !Self::is_fresh(charge, now) || charge.player == player)
    }

    /// Who is in charge of the screen with its notice in view.
    pub(crate) fn in_charge(&self, screen: &ScreenId, now: Timestamp) -> Option<String> {
        let charges = self.lock();
        let charge = charges.get(screen).filter(|c| Self::is_fresh(c, now))?;
        Some(charge.player.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_takes_over_and_gives_back_by_leaving() {
        let (players, screen) = (Players::default(), ScreenId::new("s").unwrap());
        let at = Timestamp::from_millis;
        assert!(players.heard(&screen, IN_PROCESS, at(0)));
        assert!(players.heard(&screen, "browser", at(100)));
        assert!(!players.heard(&screen, IN_PROCESS, at(200)));
        assert!(!players.is_in_charge(&screen, IN_PROCESS, at(200)));
        assert_eq!(
            players.in_charge(&screen, at(200)).as_deref(),
            Some("browser")
        );
        assert!(!players.heard(&screen, "other", at(300)));
        assert!(!players.hidden(&screen, "other"));
        assert!(players.hidden(&screen, "browser"));
        assert_eq!(players.in_charge(&screen, at(400)), None);
        assert!(players.heard(&screen, "other", at(500)));
        assert!(players.heard(&screen, IN_PROCESS, at(1_500)));
    }
}
