//! Who enrolled, page by page, for those who answer for the site: random ids and what was agreed to, nobody's name or face.

use regard_commitments::{ConsentPurpose, Custody};
use regard_domain::{PersonId, Timestamp};

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
    /// What they agree to now, in order.
    pub purposes: Vec<ConsentPurpose>,
    /// Templates that serve, in tokens or at the site.
    pub n_faces: usize,
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
            let file = self.open_row(row)?.file;
            let now = self.now();
            let mut purposes: Vec<ConsentPurpose> = file
                .consents()
                .filter(|consent| consent.is_live(now) && !self.has_ended(consent.receipt))
                .map(|consent| consent.purpose)
                .collect();
            purposes.sort_unstable();
            notes.push(PersonNote {
                person,
                created_at: file.created_at,
                custody: file.custody,
                is_minor: file.is_minor,
                is_frozen: file.frozen_at.is_some(),
                purposes,
                n_faces: self.notes_of(person).await?.len(),
            });
        }
        Ok(notes)
    }
}
