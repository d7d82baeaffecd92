//! Acts of persons: each stands for a while, and for one use.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rand::CryptoRng;
use regard_domain::{ActId, GalleryId, PersonId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// How long an act stands: time to step before the camera and look into it. Origin: somebody who pressed a button and went
/// away must not be searched for in whoever comes next.
pub(super) const ACT_TTL: Duration = Duration::from_secs(60);

/// The same for an enrolment, which is begun after an agreement and a page to read: as long as an offer to agree stands.
pub(super) const ENROLL_ACT_TTL: Duration = Duration::from_secs(600);

/// Acts that stand at once. When full the oldest goes: whoever did it acts again. Origin: a thousand people within a minute
/// at one site, a hundred bytes each.
const MAX_ACTS: usize = 1_000;

macro_rules! acts {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// How somebody said that they want to be recognised.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ActKind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl ActKind {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, in snake case.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

acts! {
    /// Scanned a code and pressed there.
    Qr = "qr";
    /// Pressed a button beside the camera.
    Button = "button";
    /// Stepped onto the spot that is marked for it.
    Spot = "spot";
    /// Sent pictures of themselves.
    Upload = "upload";
    /// Agreed at a terminal.
    Terminal = "terminal";
}

impl fmt::Display for ActKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An act that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Random id, shown where the act is used.
    pub id: ActId,
    /// How it was done.
    pub kind: ActKind,
    /// Until when it stands.
    pub until: Timestamp,
}

impl Act {
    /// The name by which the ledger knows it.
    pub fn digest(id: ActId) -> Digest {
        Digest::of(&[b"regard act v1\0", &id.as_bits().to_be_bytes()])
    }
}

/// What an act is for.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum ActFor {
    /// A person enrols.
    Enrolling(PersonId),
    /// Somebody wants to be found in a gallery.
    Gallery(GalleryId),
}

impl fmt::Debug for ActFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enrolling(_) => f.write_str("Enrolling(withheld)"),
            Self::Gallery(gallery) => write!(f, "Gallery({gallery})"),
        }
    }
}

/// The acts that stand.
#[derive(Debug, Default)]
pub(super) struct ActBook {
    standing: BTreeMap<ActId, (Act, ActFor)>,
}

impl ActBook {
    /// Notes an act.
    pub(super) fn put(
        &mut self,
        kind: ActKind,
        what: ActFor,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Act {
        self.standing.retain(|_, (act, _)| now < act.until);
        if self.standing.len() >= MAX_ACTS {
            let oldest = self
                .standing
                .values()
                .min_by_key(|(act, _)| (act.until, act.id));
            if let Some(id) = oldest.map(|(act, _)| act.id) {
                self.standing.remove(&id);
            }
        }
        let ttl = match what {
            ActFor::Enrolling(_) => ENROLL_ACT_TTL,
            ActFor::Gallery(_) => ACT_TTL,
        };
        let act = Act {
            id: ActId::random(rng),
            kind,
            until: now.plus(ttl),
        };
        self.standing.insert(act.id, (act.clone(), what));
        act
    }

    /// Takes an act that stands for this. Whatever was wrong with it, it is gone.
    pub(super) fn take(&mut self, id: ActId, what: &ActFor, now: Timestamp) -> Option<Act> {
        let (act, meant) = self.standing.remove(&id)?;
        (meant == *what && now < act.until).then_some(act)
    }

    /// Forgets the acts of a person.
    pub(super) fn forget(&mut self, person: PersonId) {
        self.standing
            .retain(|_, (_, what)| *what != ActFor::Enrolling(person));
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_780_315_200_000);

    fn gallery(name: &str) -> ActFor {
        ActFor::Gallery(GalleryId::new(name).unwrap())
    }

    #[test]
    fn an_act_is_good_once_for_its_gallery_and_for_a_minute() {
        let (mut book, mut rng) = (ActBook::default(), StdRng::seed_from_u64(1));
        let mut act =
            |book: &mut ActBook| book.put(ActKind::Button, gallery("main"), NOW, &mut rng).id;
        let (once, other, late) = (act(&mut book), act(&mut book), act(&mut book));
        let last = NOW.plus(ACT_TTL - Duration::from_micros(1));
        assert!(book.take(once, &gallery("main"), last).is_some());
        assert!(book.take(once, &gallery("main"), last).is_none(), "once");
        assert!(book.take(other, &gallery("side"), NOW).is_none());
        assert!(
            book.take(other, &gallery("main"), NOW).is_none(),
            "tried elsewhere, it is gone"
        );
        assert!(
            book.take(late, &gallery("main"), NOW.plus(ACT_TTL))
                .is_none()
        );
    }

    #[test]
    fn there_is_a_lid_and_the_oldest_goes() {
        let (mut book, mut rng) = (ActBook::default(), StdRng::seed_from_u64(2));
        let at = |n: usize| NOW.plus(Duration::from_millis(n as u64));
        let ids: Vec<ActId> = (0..=MAX_ACTS)
            .map(|n| book.put(ActKind::Qr, gallery("main"), at(n), &mut rng).id)
            .collect();
        assert_eq!(book.standing.len(), MAX_ACTS);
        let now = at(MAX_ACTS);
        assert!(book.take(ids[0], &gallery("main"), now).is_none());
        assert!(book.take(ids[1], &gallery("main"), now).is_some());
    }

    #[test]
    fn what_a_person_began_goes_with_them() {
        let (mut book, mut rng) = (ActBook::default(), StdRng::seed_from_u64(3));
        let (one, other) = (PersonId::from_bits(1), PersonId::from_bits(2));
        let acts = [one, other].map(|person| {
            let what = ActFor::Enrolling(person);
            book.put(ActKind::Terminal, what, NOW, &mut rng).id
        });
        book.forget(one);
        assert!(book.take(acts[0], &ActFor::Enrolling(one), NOW).is_none());
        assert!(book.take(acts[1], &ActFor::Enrolling(other), NOW).is_some());
        assert!(!format!("{:?}", ActFor::Enrolling(one)).contains('1'));
    }
}
