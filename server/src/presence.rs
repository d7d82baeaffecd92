//! How often the code of a printed sign may be used.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use regard_domain::{ScreenId, Timestamp};

/// Over which time uses of a sign are counted.
const WINDOW: Duration = Duration::from_secs(3_600);

/// Uses of the sign of one screen within [`WINDOW`]; four objections of 15 minutes shut a camera for an hour.
const MAX_USES: usize = 12;

/// Of these from one network.
const MAX_USES_A_NETWORK: usize = 4;

/// People who enrol by themselves in front of one screen within [`WINDOW`]. Origin: one a minute, all on the network of the
/// shop, and twice that on a busy day; a record is a few kilobytes.
const MAX_NEWCOMERS: usize = 120;

/// Counts uses of printed signs. Whoever photographed a sign could shut its camera from afar for ever; whoever is
/// on site scans the code on the screen, which is never refused.
///
/// # Privacy
/// Holds networks, not addresses, for an hour, in memory alone.
#[derive(Debug)]
pub(crate) struct SignLimiter {
    /// Uses within [`WINDOW`], and of these from one network.
    most: (usize, usize),
    uses: Mutex<BTreeMap<ScreenId, VecDeque<(Timestamp, Network)>>>,
}

/// The first 24 bits of an IPv4 address, or 48 of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network([u8; 6]);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                Self([0, 0, 0, a, b, c])
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, ..] = v6.octets();
                Self([a, b, c, d, e, f])
            }
        }
    }
}

impl Default for SignLimiter {
    fn default() -> Self {
        Self {
            most: (MAX_USES, MAX_USES_A_NETWORK),
            uses: Mutex::default(),
        }
    }
}

impl SignLimiter {
    /// The same for people who enrol by themselves in front of a screen.
    pub(crate) fn of_newcomers() -> Self {
        Self {
            most: (MAX_NEWCOMERS, MAX_NEWCOMERS),
            uses: Mutex::default(),
        }
    }

    /// Whether the sign of a screen may be used once more from there; counts it if so.
    pub(crate) fn may_use(&self, screen: &ScreenId, from: IpAddr, now: Timestamp) -> bool {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let uses = uses.entry(screen.clone()).or_default();
        while let Some((at, _)) = uses.front()
            && now.saturating_since(*at) >= WINDOW
        {
            uses.pop_front();
        }
        let network = Network::from(from);
        let n_here = uses.iter().filter(|(_, known)| *known == network).count();
        let may = uses.len() < self.most.0 && n_here < self.most.1;
        if may {
            uses.push_back((now, network));
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_serves_four_times_a_network_and_twelve_times_in_all() {
        let limiter = SignLimiter::default();
        let (door, till): (ScreenId, ScreenId) = ("door".parse().unwrap(), "till".parse().unwrap());
        let at = |secs: i64| Timestamp::from_millis(secs * 1_000);
        let use_from =
            |screen, host: &str, secs| limiter.may_use(screen, host.parse().unwrap(), at(secs));
        for i in 0..4 {
            assert!(use_from(&door, &format!("10.0.0.{i}"), i));
        }
        assert!(!use_from(&door, "10.0.0.9", 5));
        assert!(!use_from(&door, "::ffff:10.0.0.9", 5));
        assert!(use_from(&till, "10.0.0.9", 5));
        for i in 0..8 {
            assert!(use_from(&door, &format!("2001:db8:{i}::1"), 6));
        }
        assert!(!use_from(&door, "192.0.2.1", 7));
        // An hour after the first uses there is room again.
        assert!(use_from(&door, "10.0.0.9", 3_600));
    }
}
