//! Who enrolled, page by page, for those who answer for the site: random ids and what was agreed to, nobody's name or face.

use regard_commitments::{ConsentPurpose, Custody};
use regard_domain::{PersonId, Timestamp};

use super::face_quality::FaceQualityNote;
use super::faces::{FaceNote, notes_in};
use super::{Custodian, CustodyError};

/// Persons told at once.
pub const MAX_ROSTER_PAGE: u32 = 100;

/// Somebody who enrolled.
///
/// # Privacy
/// Names a person by a random id; does not print.
pub struct PersonNote {
    /// Random id.
    pub person: PersonId,
    /// When they came.
    pub created_at: Timestamp,
    /// Where their templates are.
    pub custody: Custody,
    /// Whether a guardian has to agree for them.
    pub is_minor: bool,
    /// Whether what is held is used for nothing at their wish.
    pub is_frozen: bool,
    /// The record that is answered with in place of theirs, where it answers as another one of the same person.
    pub answers_as: Option<PersonId>,
    /// What they agree to now, in order of purpose.
    pub consents: Vec<PersonConsent>,
    /// Templates that serve, in tokens or at the site, each with how good its pictures were where the site keeps that and can
    /// open it alone.
    pub faces: Vec<(FaceNote, Option<FaceQualityNote>)>,
}

/// A consent that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PersonConsent {
    /// To what.
    pub purpose: ConsentPurpose,
    /// Since when.
    pub given_at: Timestamp,
    /// The instant from which it no longer holds.
    pub until: Timestamp,
}

impl std::fmt::Debug for PersonNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonNote(withheld)")
    }
}

impl Custodian {
    /// Persons after the given one in order of id, at most [`MAX_ROSTER_PAGE`]. Whoever is erased meanwhile is left out.
    ///
    /// # Privacy
    /// Opens their files, one by one; for those who answer for the site alone.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub async fn roster(
        &self,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<PersonNote>, CustodyError> {
        let mut notes = Vec::new();
        for person in self.keys.persons(after, limit.min(MAX_ROSTER_PAGE)).await? {
            let Some(row) = self.keys.person(person).await? else {
                continue;
            };
            let opened = self.open_row(row)?;
            let (file, now) = (&opened.file, self.now());
            let mut consents: Vec<PersonConsent> = file
                .consents()
                .filter(|consent| consent.is_live(now) && !self.has_ended(consent.receipt))
                .map(|consent| PersonConsent {
                    purpose: consent.purpose,
                    given_at: consent.given_at,
                    until: consent.expires_at,
                })
                .collect();
            consents.sort_unstable();
            let rows = self.store.sealed_of(person).await?;
            let mut qualities = self.qualities_in(&rows, &opened).await?;
            let faces = notes_in(&rows)?.into_iter().map(|note| {
                let quality = qualities.remove(&note.template);
                (note, quality)
            });
            notes.push(PersonNote {
                person,
                created_at: file.created_at,
                custody: file.custody,
                is_minor: file.is_minor,
                is_frozen: file.frozen_at.is_some(),
                answers_as: Some(self.galleries.answered_with(person)).filter(|id| *id != person),
                consents,
                faces: faces.collect(),
            });
        }
        Ok(notes)
    }
}
