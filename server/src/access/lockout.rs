//! Wrong tokens are counted, by where they come from and by whose they pretend to be.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use regard_commitments::TokenId;
use regard_domain::Timestamp;

/// Wrong tokens within [`MAX_LOCKED`] before nobody is let in any more; the secret has 256 bits, so this
/// is against noise and against what proving costs, rather than against guessing.
const MAX_FAILURES: u32 = 5;

/// How long after the first wrong token a lockout ends.
pub(crate) const MAX_LOCKED: Duration = Duration::from_secs(60);

/// Addresses and tokens that are counted at once. When full, new ones wait until an old one's time is over.
const MAX_COUNTED: usize = 1_024;

/// Lockouts an hour that the ledger is told of: nobody outside may fill it. The log hears of the rest.
const MAX_TOLD: u32 = 60;
const TOLD_SPAN: Duration = Duration::from_secs(3_600);

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Counted {
    /// An address; of IPv6 the network, since one house has as many addresses as it likes.
    Address(IpAddr),
    Token(TokenId),
}

#[derive(Default)]
struct Counts {
    /// Since when, and how many.
    tries: BTreeMap<Counted, (Timestamp, u32)>,
    told: (Option<Timestamp>, u32),
}

/// Who has shown too many wrong tokens. Each try counts when it begins, so that many at once are no way
/// around; one that was right is forgiven.
#[derive(Default)]
pub(crate) struct Lockout(Mutex<Counts>);

/// A try that was let through.
pub(crate) struct Attempt(Vec<(Counted, u32)>);

impl Attempt {
    /// Whom this try, now that it has failed, locked out: as text, for a hash.
    pub(crate) fn locked_now(&self) -> Vec<String> {
        let reached = self.0.iter().filter(|(_, n)| *n == MAX_FAILURES);
        reached
            .map(|(counted, _)| match counted {
                Counted::Address(address) => address.to_string(),
                Counted::Token(id) => id.to_string(),
            })
            .collect()
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

impl Lockout {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a token may be tried from there now; nothing when not.
    pub(crate) fn attempt(
        &self,
        from: IpAddr,
        token: Option<&TokenId>,
        now: Timestamp,
    ) -> Option<Attempt> {
        let address = Counted::Address(network(from));
        let counted: Vec<Counted> = [Some(address), token.cloned().map(Counted::Token)]
            .into_iter()
            .flatten()
            .collect();
        let mut counts = self.counts();
        let tries = &mut counts.tries;
        tries.retain(|_, (since, _)| now.saturating_since(*since) < MAX_LOCKED);
        let may_try = counted.iter().all(|one| match tries.get(one) {
            Some((_, n)) => *n < MAX_FAILURES,
            None => tries.len() + counted.len() <= MAX_COUNTED,
        });
        may_try.then(|| {
            let count = |one: Counted| {
                let (_, n) = tries.entry(one.clone()).or_insert((now, 0));
                *n += 1;
                (one, *n)
            };
            Attempt(counted.into_iter().map(count).collect())
        })
    }

    /// The token was right.
    pub(crate) fn forgive(&self, attempt: Attempt) {
        let mut counts = self.counts();
        for (counted, _) in attempt.0 {
            if let Some((_, n)) = counts.tries.get_mut(&counted) {
                *n = n.saturating_sub(1);
            }
        }
    }

    /// Whether the ledger is to be told of one more lockout.
    pub(crate) fn may_tell(&self, now: Timestamp) -> bool {
        let mut counts = self.counts();
        let (since, n) = &mut counts.told;
        if since.is_none_or(|since| now.saturating_since(since) >= TOLD_SPAN) {
            (*since, *n) = (Some(now), 0);
        }
        *n += 1;
        *n <= MAX_TOLD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(0);

    #[test]
    fn five_wrong_tokens_and_a_pause() {
        let lockout = Lockout::default();
        let [here, there]: [IpAddr; 2] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap());
        for n in 1..=MAX_FAILURES {
            let attempt = lockout.attempt(here, None, START).unwrap();
            let locked = attempt.locked_now();
            assert_eq!(locked.len(), usize::from(n == MAX_FAILURES), "told once");
        }
        assert!(lockout.attempt(here, None, START).is_none());
        assert!(lockout.attempt(there, None, START).is_some());
        assert!(
            lockout
                .attempt(here, None, START.plus(MAX_LOCKED))
                .is_some()
        );
    }

    #[test]
    fn a_token_is_locked_wherever_it_is_tried_and_networks_are_one() {
        let lockout = Lockout::default();
        let id: TokenId = "0123456789ab".parse().unwrap();
        for n in 0..MAX_FAILURES {
            let from = IpAddr::from([10, 0, 1, n as u8]);
            assert!(lockout.attempt(from, Some(&id), START).is_some());
        }
        let elsewhere = IpAddr::from([10, 9, 9, 9]);
        assert!(lockout.attempt(elsewhere, Some(&id), START).is_none());
        assert!(lockout.attempt(elsewhere, None, START).is_some());
        for n in 0..MAX_FAILURES {
            let from = format!("2001:db8:1:2::{n}").parse().unwrap();
            assert!(lockout.attempt(from, None, START).is_some());
        }
        let neighbour = "2001:db8:1:2:ffff::1".parse().unwrap();
        assert!(lockout.attempt(neighbour, None, START).is_none());
        // The same machine, written in two ways.
        let mapped: IpAddr = "::ffff:10.0.1.0".parse().unwrap();
        assert_eq!(network(mapped), IpAddr::from([10, 0, 1, 0]));
    }

    #[test]
    fn right_tokens_lock_nobody_out_and_many_addresses_only_wait() {
        let lockout = Lockout::default();
        let here = IpAddr::from([10, 0, 0, 1]);
        for _ in 0..100 {
            let attempt = lockout.attempt(here, None, START).unwrap();
            lockout.forgive(attempt);
        }
        for n in 0..MAX_COUNTED as u32 + 10 {
            let _ = lockout.attempt(IpAddr::from((0x0b00_0000 + n).to_be_bytes()), None, START);
        }
        assert!(lockout.counts().tries.len() <= MAX_COUNTED);
        let later = START.plus(MAX_LOCKED);
        assert!(
            lockout
                .attempt(IpAddr::from([12, 0, 0, 1]), None, later)
                .is_some()
        );
    }

    #[test]
    fn the_ledger_is_not_filled_from_outside() {
        let lockout = Lockout::default();
        let told = (0..1_000).filter(|_| lockout.may_tell(START)).count();
        assert_eq!(told, MAX_TOLD as usize);
        assert!(lockout.may_tell(START.plus(TOLD_SPAN)));
    }
}
