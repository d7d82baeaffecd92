//! What is sealed for persons.

use std::collections::BTreeSet;

use regard_domain::PersonId;

use crate::SealedRow;

/// Whose rows these are, after the given person in order of id.
pub(super) fn persons_of<'a>(
    rows: impl Iterator<Item = &'a SealedRow>,
    after: Option<PersonId>,
    limit: u32,
) -> Vec<PersonId> {
    let persons = rows.map(|row| row.person);
    let persons = persons.filter(|person| after.is_none_or(|after| *person > after));
    let distinct: BTreeSet<PersonId> = persons.collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    distinct.into_iter().take(limit).collect()
}
