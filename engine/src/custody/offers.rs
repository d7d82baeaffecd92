//! Offers to agree, each good once and for a short while: a consent that is sent again is none.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::Rng as _;
use regard_commitments::{ConsentPurpose, Refusal, RefusalCode};
use regard_domain::{PersonId, Timestamp};

use super::{Custodian, CustodyError};

/// How long an offer stands: time to read a page, and to fetch a guardian.
const OFFER_TTL: Duration = Duration::from_secs(600);

/// Offers that stand at once. When full the oldest goes: whoever had it asks again. Origin: a thousand people
/// enrolling in ten minutes, a hundred bytes each.
const MAX_OFFERS: usize = 1_000;

/// Offers to one person that stand at once: two pages with all six purposes. Then their own oldest goes, so that nobody pushes
/// out those of others.
const MAX_OFFERS_EACH: usize = 12;

/// An offer to agree to one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Random number, sent back with the consent.
    pub id: u128,
    /// To what.
    pub purpose: ConsentPurpose,
    /// Until when it stands.
    pub until: Timestamp,
}

#[derive(Default)]
pub(super) struct Offers {
    standing: Mutex<BTreeMap<u128, (PersonId, Offer)>>,
}

impl Offers {
    fn put(&self, person: PersonId, offer: Offer, now: Timestamp) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing.retain(|_, (_, offer)| now < offer.until);
        let own = |(_, (whose, _)): &(&u128, &(PersonId, Offer))| *whose == person;
        let is_own_full = standing.iter().filter(own).count() >= MAX_OFFERS_EACH;
        if is_own_full || standing.len() >= MAX_OFFERS {
            let oldest = standing
                .iter()
                .filter(|one| !is_own_full || own(one))
                .min_by_key(|(id, (_, offer))| (offer.until, **id));
            if let Some(id) = oldest.map(|(id, _)| *id) {
                standing.remove(&id);
            }
        }
        standing.insert(offer.id, (person, offer));
    }

    /// Takes an offer that stands for this person and purpose. Whatever was wrong with it, it is gone.
    pub(super) fn take(
        &self,
        person: PersonId,
        id: u128,
        now: Timestamp,
    ) -> Result<Offer, Refusal> {
        let taken = {
            let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
            standing.remove(&id)
        };
        taken
            .filter(|(whose, offer)| *whose == person && now < offer.until)
            .map(|(_, offer)| offer)
            .ok_or_else(|| {
                Refusal::new(
                    RefusalCode::ConsentMissing,
                    "this offer to agree was used, has run out or is not for this person",
                    "ask for a new offer and agree to that",
                )
            })
    }
}

impl Custodian {
    /// Offers a person to agree to a purpose; the offer stands for ten minutes and can be taken once.
    ///
    /// # Errors
    /// [`CustodyError::Refused`] when the site may not ask for that.
    pub fn offer(&self, person: PersonId, purpose: ConsentPurpose) -> Result<Offer, CustodyError> {
        let now = self.now();
        self.standing().may_ask_for(purpose, now)?;
        let mut rng = Self::rng()?;
        let id = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
        let offer = Offer {
            id,
            purpose,
            until: now.plus(OFFER_TTL),
        };
        self.offers.put(person, offer, now);
        Ok(offer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_pushes_out_the_offers_of_others() {
        let offers = Offers::default();
        let now = Timestamp::from_millis(0);
        let (one, other) = (PersonId::from_bits(1), PersonId::from_bits(2));
        let offer = |id: u128| Offer {
            id,
            purpose: ConsentPurpose::Learn,
            until: now.plus(OFFER_TTL),
        };
        offers.put(one, offer(0), now);
        for id in 1..=2 * MAX_OFFERS as u128 {
            offers.put(other, offer(id), now);
        }
        let standing = offers.standing.lock().unwrap().len();
        assert_eq!(standing, 1 + MAX_OFFERS_EACH);
        assert!(offers.take(one, 0, now).is_ok());
        assert!(
            offers.take(other, 2 * MAX_OFFERS as u128, now).is_ok(),
            "the newest stands"
        );
        assert!(offers.take(other, 1, now).is_err(), "the oldest went");
    }
}
