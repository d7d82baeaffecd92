//! Tokens of persons that had proven themselves, and how often their holders changed something.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use regard_domain::{PersonId, Timestamp};

use super::own::MAX_OWN_AGE;
use super::sessions::SessionKey;

/// Tokens remembered at once; then the one that was shown longest ago is forgotten, and proves itself once more.
const MAX_KNOWN: usize = 1_024;

/// Persons whose changes are counted at once; then the one whose hour began first is forgotten.
const MAX_COUNTED: usize = 1_024;

/// Changes of one record within [`ACTS_SPAN`] that add to the ledger without end: agreeing, correcting, blocking and lifting
/// it. Somebody who sets everything up and thinks better of it needs a dozen. Taking back and erasing are not counted: they
/// end something, and nobody is kept from them.
const MAX_ACTS: u32 = 60;
const ACTS_SPAN: Duration = Duration::from_hours(1);

/// Whom the server knows again, for a while and in memory alone.
///
/// # Privacy
/// Holds hashes of tokens, and random ids of those who changed something within the hour.
#[derive(Default)]
pub(crate) struct Acquainted {
    known: Mutex<BTreeMap<SessionKey, Timestamp>>,
    acts: Mutex<BTreeMap<PersonId, (Timestamp, u32)>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes room for one more: the least goes.
fn make_room<K: Ord + Copy, V>(
    map: &mut BTreeMap<K, V>,
    max: usize,
    age: impl Fn(&V) -> Timestamp,
) {
    while map.len() >= max {
        let oldest = map.iter().min_by_key(|(_, value)| age(value));
        let Some(key) = oldest.map(|(key, _)| *key) else {
            return;
        };
        map.remove(&key);
    }
}

impl Acquainted {
    /// Whether that very token was right before: then wrong ones that come from the same network do not keep it out.
    pub(crate) fn knows(&self, token: &str, now: Timestamp) -> bool {
        let mut known = held(&self.known);
        known.retain(|_, shown_at| now.saturating_since(*shown_at) < MAX_OWN_AGE);
        known.contains_key(&SessionKey::of_cookie(token))
    }

    /// The token was right.
    pub(crate) fn learn(&self, token: &str, now: Timestamp) {
        let mut known = held(&self.known);
        let key = SessionKey::of_cookie(token);
        if known.insert(key, now).is_none() && known.len() > MAX_KNOWN {
            make_room(&mut known, MAX_KNOWN + 1, |at| *at);
        }
    }

    /// The token is nobody's any more.
    pub(crate) fn forget(&self, token: &str) {
        held(&self.known).remove(&SessionKey::of_cookie(token));
    }

    /// Whether a person may change their record once more within the hour; counts it.
    pub(crate) fn may_act(&self, person: PersonId, now: Timestamp) -> bool {
        let mut acts = held(&self.acts);
        acts.retain(|_, (since, _)| now.saturating_since(*since) < ACTS_SPAN);
        if !acts.contains_key(&person) {
            make_room(&mut acts, MAX_COUNTED, |(since, _)| *since);
        }
        let (_, n) = acts.entry(person).or_insert((now, 0));
        *n = n.saturating_add(1);
        *n <= MAX_ACTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    #[test]
    fn tokens_are_known_again_for_a_while_and_no_more_than_there_is_room_for() {
        let all = Acquainted::default();
        let at = |secs: usize| NOW.plus(Duration::from_secs(secs as u64));
        all.learn("rgp_one", NOW);
        assert!(all.knows("rgp_one", NOW) && !all.knows("rgp_two", NOW));
        assert!(!all.knows("rgp_one", NOW.plus(MAX_OWN_AGE)));
        all.learn("rgp_one", NOW);
        all.forget("rgp_one");
        assert!(!all.knows("rgp_one", NOW));
        for n in 0..=MAX_KNOWN {
            all.learn(&format!("rgp_{n}"), at(n));
        }
        let later = at(MAX_KNOWN);
        assert_eq!(held(&all.known).len(), MAX_KNOWN);
        assert!(!all.knows("rgp_0", later) && all.knows("rgp_1", later));
    }

    #[test]
    fn an_hour_has_sixty_changes() {
        let all = Acquainted::default();
        let (one, two) = (PersonId::from_bits(1), PersonId::from_bits(2));
        let allowed = (0..100).filter(|_| all.may_act(one, NOW)).count();
        assert_eq!(allowed, MAX_ACTS as usize);
        assert!(all.may_act(two, NOW), "of one record");
        assert!(all.may_act(one, NOW.plus(ACTS_SPAN)));
        for n in 0..2 * MAX_COUNTED as u128 {
            all.may_act(PersonId::from_bits(n), NOW);
        }
        assert!(held(&all.acts).len() <= MAX_COUNTED);
    }
}
