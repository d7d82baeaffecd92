//! What is held of persons, beside what the ledger says of them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use regard_backends::{HeldNames, SqliteKeysReader, SqliteReader};
use regard_commitments::{Digest, EntryBody, Evidence, LedgerEntry, subject};

use super::listed;

/// What the ledger says of persons and their consents, told entry by entry.
#[derive(Default)]
pub(super) struct ToldRecords {
    erased: BTreeSet<Digest>,
    /// Receipts that hold, by record and purpose; none where all of them ended.
    consents: BTreeMap<(Digest, String), BTreeSet<Digest>>,
}

impl ToldRecords {
    /// The next entry.
    pub(super) fn hear(&mut self, body: &EntryBody) {
        match body {
            EntryBody::ConsentGiven {
                subject,
                purpose,
                receipt,
                ..
            } => {
                let of = (*subject, purpose.to_string());
                self.consents.entry(of).or_default().insert(*receipt);
            }
            EntryBody::ConsentEnded {
                subject,
                purpose,
                receipt,
                ..
            } => {
                let of = (*subject, purpose.to_string());
                self.consents.entry(of).or_default().remove(receipt);
            }
            EntryBody::Erased { subject } => {
                self.erased.insert(*subject);
                for ((of, _), receipts) in &mut self.consents {
                    if of == subject {
                        receipts.clear();
                    }
                }
            }
            _ => {}
        }
    }

    fn has_ended(&self, record: Digest, purpose: &str) -> bool {
        let of = (record, purpose.to_owned());
        self.consents.get(&of).is_some_and(BTreeSet::is_empty)
    }

    /// What of these names should not be there.
    fn wrong(&self, names: &HeldNames) -> BTreeSet<String> {
        let persons = names.persons.iter().map(|person| subject(*person));
        let erased = persons.filter(|record| self.erased.contains(record));
        let mut found: BTreeSet<String> = erased
            .map(|record| format!("keys.db persons: {record} was erased"))
            .collect();
        for (person, purpose) in &names.consents {
            let record = subject(*person);
            if self.has_ended(record, purpose) {
                found.insert(format!(
                    "keys.db purpose_keys: the consent of {record} to {purpose} had ended"
                ));
            }
        }
        found
    }
}

/// Who is held now; nobody where there is no file of keys.
pub(super) async fn held(keys: Option<&SqliteKeysReader>) -> Result<HeldNames> {
    Ok(match keys {
        Some(keys) => keys.names().await?,
        None => HeldNames::default(),
    })
}

/// Compares. `before`: who was held before the ledger was read. What a running program changed meanwhile is told neither way.
pub(super) async fn look(
    reader: &SqliteReader,
    keys: Option<&SqliteKeysReader>,
    before: &HeldNames,
    mut told: ToldRecords,
    unknown: Option<String>,
) -> Result<Evidence> {
    let after = held(keys).await?;
    let sealed = reader.sealed_persons().await?;
    // What was done to the keys is in the ledger, or on its way there.
    for entry in before.pending.iter().chain(&after.pending) {
        if let Ok(entry) = LedgerEntry::from_leaf_bytes(entry) {
            told.hear(&entry.body);
        }
    }
    let mut found: Vec<String> = Vec::new();
    if unknown.is_none() {
        let earlier = told.wrong(before);
        found.extend(told.wrong(&after).intersection(&earlier).cloned());
        let held: BTreeSet<_> = before.persons.iter().chain(&after.persons).collect();
        let left = sealed.iter().filter(|person| !held.contains(person));
        let left = left.map(|person| subject(*person));
        let erased = left.filter(|record| told.erased.contains(record));
        found.extend(erased.map(|record| format!("regard.db sealed: {record} was erased")));
    }
    let n_ended = told
        .consents
        .values()
        .filter(|live| live.is_empty())
        .count();
    Ok(Evidence::Records {
        n_persons: u64::try_from(after.persons.len())?,
        n_consents: u64::try_from(after.consents.len())?,
        n_erased: u64::try_from(told.erased.len())?,
        n_ended: u64::try_from(n_ended)?,
        found: listed(found),
        unknown,
    })
}

#[cfg(test)]
mod tests {
    use regard_commitments::{ConsentPurpose, EndReason};
    use regard_domain::{PersonId, Timestamp};

    use super::*;

    const ONE: PersonId = PersonId::from_bits(1);

    fn names(purpose: Option<ConsentPurpose>) -> HeldNames {
        HeldNames {
            persons: vec![ONE],
            consents: purpose.into_iter().map(|p| (ONE, p.to_string())).collect(),
            pending: Vec::new(),
        }
    }

    fn told(bodies: &[EntryBody]) -> ToldRecords {
        let mut told = ToldRecords::default();
        bodies.iter().for_each(|body| told.hear(body));
        told
    }

    #[test]
    fn a_key_may_be_there_as_long_as_a_receipt_holds() {
        const LEARN: ConsentPurpose = ConsentPurpose::Learn;
        let receipt = |number: u8| Digest::of(&[&[number]]);
        let given = |number| EntryBody::ConsentGiven {
            subject: subject(ONE),
            purpose: LEARN,
            receipt: receipt(number),
            commitments: receipt(9),
            until: Timestamp::from_millis(1),
        };
        let ended = |number, why| EntryBody::ConsentEnded {
            subject: subject(ONE),
            purpose: LEARN,
            receipt: receipt(number),
            why,
        };
        let held = names(Some(LEARN));
        for (bodies, n_wrong) in [
            (vec![given(1)], 0),
            (vec![given(1), ended(1, EndReason::Withdrawn)], 1),
            (vec![given(1), ended(1, EndReason::Expired), given(2)], 0),
            // A newer one takes the place of the older, in whichever order that is told.
            (vec![given(1), given(2), ended(1, EndReason::Renewed)], 0),
            (vec![given(1), ended(1, EndReason::Renewed), given(2)], 0),
            (
                vec![
                    given(1),
                    EntryBody::Erased {
                        subject: subject(ONE),
                    },
                ],
                2,
            ),
        ] {
            assert_eq!(told(&bodies).wrong(&held).len(), n_wrong, "{bodies:?}");
        }
        let erased = told(&[EntryBody::Erased {
            subject: subject(ONE),
        }]);
        assert_eq!(erased.wrong(&names(None)).len(), 1);
        assert!(told(&[]).wrong(&held).is_empty());
    }
}
