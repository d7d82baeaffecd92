//! The keys that work with faces must show.

use std::fmt;
use std::marker::PhantomData;

use regard_domain::{GalleryId, PersonId, Timestamp};

use super::kind::{
    AttestedUse, Enrollment, Evaluation, Identification, LibrarySearch, MayCompare, MaySearch,
    NeedsLiveness, RecognitionKind, RecognitionMarker, Verification,
};
use crate::digest::Digest;
use crate::grant::{Grant, Recognition, Sensing};

/// What the recognition gate puts into a grant.
#[derive(Clone)]
pub struct RecognitionTerms {
    /// Nothing for an evaluation.
    pub(crate) kind: Option<RecognitionKind>,
    /// Hash of the random number of the grant, by which the ledger names it.
    pub(crate) number: Digest,
    /// Whom it is about.
    pub(crate) person: Option<PersonId>,
    /// Which gallery it opens.
    pub(crate) gallery: Option<GalleryId>,
}

impl fmt::Debug for RecognitionTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.map_or("evaluation", RecognitionKind::as_str);
        write!(f, "{kind}, rest withheld")
    }
}

impl Grant<Recognition> {
    /// Of which kind it is; nothing for an evaluation.
    pub fn kind(&self) -> Option<RecognitionKind> {
        self.terms().kind
    }

    /// The name by which the ledger knows it.
    pub fn number(&self) -> Digest {
        self.terms().number
    }
}

/// Leave for one kind of recognition. Cheap to clone; all clones die together, with the consent behind it.
///
/// # Privacy
/// Does not print whom it is about.
pub struct RecognitionKey<K: RecognitionMarker> {
    grant: Grant<Recognition>,
    kind: PhantomData<fn() -> K>,
}

/// Leave to measure on data sets.
pub type EvaluationKey = RecognitionKey<Evaluation>;

impl<K: RecognitionMarker> Clone for RecognitionKey<K> {
    fn clone(&self) -> Self {
        Self::new(self.grant.clone())
    }
}

impl<K: RecognitionMarker> fmt::Debug for RecognitionKey<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecognitionKey({:?})", self.grant)
    }
}

impl<K: RecognitionMarker> RecognitionKey<K> {
    pub(super) fn new(grant: Grant<Recognition>) -> Self {
        debug_assert_eq!(grant.kind(), K::KIND, "the gate gives each kind its key");
        Self {
            grant,
            kind: PhantomData,
        }
    }

    /// The grant behind it: what turns a face chip into an embedding takes this.
    pub fn grant(&self) -> &Grant<Recognition> {
        &self.grant
    }

    /// Whether nobody has ended it and nothing it hangs on has ended. Ask before each use.
    pub fn is_live(&self) -> bool {
        self.grant.is_live()
    }

    /// Whether it is live and its time is not over.
    pub fn is_live_at(&self, now: Timestamp) -> bool {
        self.grant.is_live_at(now)
    }

    /// Whether it is about this person: their templates may be made, or compared with. The key of an evaluation is about
    /// everyone in the data set, and that of a gallery about no one person.
    pub fn is_about(&self, person: PersonId) -> bool {
        let terms = self.grant.terms();
        terms.kind.is_none() || terms.person == Some(person)
    }

    /// Whether it opens this gallery.
    pub fn opens(&self, gallery: &GalleryId) -> bool {
        let terms = self.grant.terms();
        terms.kind.is_none() || terms.gallery.as_ref() == Some(gallery)
    }
}

macro_rules! of_one_person {
    ($($marker:ident)+) => {$(
        impl RecognitionKey<$marker> {
            /// Whom it is about.
            ///
            /// # Privacy
            /// A random id that names one person.
            pub fn person(&self) -> PersonId {
                self.grant.terms().person.expect("the gate binds these keys to a person")
            }
        }
    )+};
}

of_one_person! { Enrollment Verification LibrarySearch }

macro_rules! of_one_gallery {
    ($($marker:ident)+) => {$(
        impl RecognitionKey<$marker> {
            /// Which gallery it opens.
            pub fn gallery(&self) -> &GalleryId {
                let gallery = self.grant.terms().gallery.as_ref();
                gallery.expect("the gate binds these keys to a gallery")
            }
        }
    )+};
}

of_one_gallery! { Identification AttestedUse }

impl Grant<Recognition> {
    /// Leave to embed the faces of an evaluation set, without anybody having enrolled.
    ///
    /// # Privacy
    /// For `cargo xtask accuracy`, benches and tests alone: a rule in `xtask/tests/rooms.rs` fails the build of
    /// any room that says this name. No person is behind it, so nothing made under it is ever stored.
    pub fn for_evaluation() -> Self {
        let terms = RecognitionTerms {
            kind: None,
            number: Digest::of(&[b"regard evaluation"]),
            person: None,
            gallery: None,
        };
        Self::issue(terms, Timestamp::from_micros(i64::MAX), Vec::new())
    }
}

impl Grant<Recognition> {
    /// The leave that the gate of a site gave for one search, on a machine that holds a part of the gallery for that site: it goes with
    /// the search, opens it and nothing else, and nobody there can ask for one. The ledger of the site knows its number.
    ///
    /// # Privacy
    /// For the room that was told of it over a channel that the site alone can speak on: a rule in `xtask/tests/rooms.rs` fails
    /// the build of any other room that says this name.
    pub fn relayed_leave(number: Digest, until: Timestamp) -> Self {
        let terms = RecognitionTerms {
            kind: Some(RecognitionKind::Identify),
            number,
            person: None,
            gallery: None,
        };
        Self::issue(terms, until, Vec::new())
    }
}

impl EvaluationKey {
    /// The same as a key that also searches and compares.
    pub fn for_evaluation() -> Self {
        Self::new(Grant::<Recognition>::for_evaluation())
    }
}

macro_rules! keys_of_work {
    ($($(#[$doc:meta])* $name:ident, $may:ident, $as_name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Grant<Recognition>);

        impl $name {
            /// The grant behind it.
            pub fn grant(&self) -> &Grant<Recognition> {
                &self.0
            }

            /// Whether nobody has ended it and nothing it hangs on has ended. Ask before each use.
            pub fn is_live(&self) -> bool {
                self.0.is_live()
            }

            /// Whether it opens this gallery.
            pub fn opens(&self, gallery: &GalleryId) -> bool {
                let terms = self.0.terms();
                terms.kind.is_none() || terms.gallery.as_ref() == Some(gallery)
            }

            /// Whether it is about this person.
            pub fn is_about(&self, person: PersonId) -> bool {
                let terms = self.0.terms();
                terms.kind.is_none() || terms.person == Some(person)
            }
        }

        impl<K: $may> RecognitionKey<K> {
            #[doc = concat!("The same as a [`", stringify!($name), "`], whatever the kind.")]
            pub fn $as_name(&self) -> $name {
                $name(self.grant.clone())
            }
        }
    )+};
}

keys_of_work! {
    /// Leave to search: what a gallery takes. No key of a verification becomes one.
    SearchKey, MaySearch, to_search;
    /// Leave to compare with one template.
    CompareKey, MayCompare, to_compare;
}

/// Leave to look at the pictures that somebody hands in by an act of their own, to see whether they are good enough and show a
/// live face. Nothing is computed of the face itself before [`RecognitionGate::admit`](super::RecognitionGate::admit).
pub struct Presenting<K: NeedsLiveness> {
    pub(super) grant: Grant<Recognition>,
    pub(super) sensing: Grant<Sensing>,
    pub(super) kind: PhantomData<fn() -> K>,
}

impl<K: NeedsLiveness> Presenting<K> {
    /// The grant of detectors, pose, quality and liveness for these pictures.
    pub fn sensing(&self) -> &Grant<Sensing> {
        &self.sensing
    }

    /// Whether nobody has ended it and its time is not over.
    pub fn is_live_at(&self, now: Timestamp) -> bool {
        self.grant.is_live_at(now)
    }

    /// The instant at which its time is over.
    pub fn valid_until(&self) -> Timestamp {
        self.grant.valid_until()
    }

    /// The name by which the ledger knows it.
    pub fn number(&self) -> Digest {
        self.grant.number()
    }
}

impl<K: NeedsLiveness> fmt::Debug for Presenting<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presenting({:?})", self.grant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relayed_leave_is_known_by_its_number_and_is_about_one_search_and_nobody() {
        let (number, until) = (Digest::of(&[b"one search"]), Timestamp::from_micros(9));
        let leave = Grant::<Recognition>::relayed_leave(number, until);
        assert_eq!(leave.kind(), Some(RecognitionKind::Identify));
        assert_eq!((leave.number(), leave.valid_until()), (number, until));
        assert!(leave.is_live_at(Timestamp::from_micros(8)) && !leave.is_live_at(until));
        assert_eq!(leave.terms().person, None);
    }
}
