//! What happens by itself: consents run out, persons are kept no longer than promised, old files bring nobody back, and
//! the key of the site is rotated.

use std::collections::VecDeque;

use regard_backends::{HeldKey, KeyStore, SealedSlots};
use regard_commitments::{EndReason, EntryBody, LedgerEntry, SiteKeyId, subject};
use regard_domain::{PersonId, Timestamp};

use super::{Custodian, CustodyError, KeyPlace, SiteKeyFile};
use crate::chronicle::Said;
use crate::keys::KeyError;
use crate::seed::fresh_rng;

/// Persons and keys looked at in one go.
const CHUNK: u32 = 256;

/// Ids read in one go where all of them are looked at: a quarter of a megabyte, and a million persons in a second.
const IDS: u32 = 8_192;

/// What was destroyed because its time was over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweptKeys {
    /// Consents that ran out.
    pub n_consents: u64,
    /// Persons who were kept as long as promised.
    pub n_persons: u64,
}

impl SweptKeys {
    /// Both together.
    pub const fn total(&self) -> u64 {
        self.n_consents + self.n_persons
    }
}

impl Custodian {
    /// Destroys the keys of consents that ran out and of persons whose time is over. Afterwards nothing whose time
    /// was over at the beginning can be opened.
    ///
    /// # Errors
    /// [`CustodyError`]; what was destroyed before stays so.
    pub async fn sweep(&self) -> Result<SweptKeys, CustodyError> {
        let now = self.now();
        let mut swept = SweptKeys::default();
        loop {
            let _order = self.changing.lock().await;
            let over = self.keys.past(now, CHUNK).await?;
            for person in &over {
                self.destroy(*person).await?;
                swept.n_persons += 1;
            }
            self.settle().await?;
            if over.is_empty() {
                break;
            }
        }
        loop {
            let _order = self.changing.lock().await;
            let over = self.keys.ended(now, CHUNK).await?;
            for key in &over {
                match self.open(key.person).await {
                    Ok(opened) => self.end(opened, key.purpose, EndReason::Expired).await?,
                    // A key without its person has nothing to open.
                    Err(CustodyError::UnknownToken) => {
                        self.destroy(key.person).await?;
                    }
                    Err(error) => return Err(error),
                }
                swept.n_consents += 1;
            }
            self.settle().await?;
            if over.is_empty() {
                return Ok(swept);
            }
        }
    }

    /// Holds the keys against what the ledger says, before anybody is let in: a record that was erased and came back
    /// with an older file is erased again; a consent that ended stays ended; sealed rows that nobody has a key to are removed;
    /// records answer as one where both say so.
    /// What the ledger is still to say about the run before goes in as soon as it is written.
    pub(crate) async fn reconcile(&self, said: &Said) -> Result<(), CustodyError> {
        let now = self.now();
        {
            let mut ended = self
                .ended
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            ended.extend(said.ended.iter().filter(|(_, until)| now < **until));
        }
        let merges = self.merges_said(&said.merges).await?;
        let (mut n_again, mut merged) = (0_u64, Vec::new());
        let mut after = None;
        while !said.erased.is_empty() || !merges.0.is_empty() {
            let persons = self.keys.persons(after, IDS).await?;
            let Some(last) = persons.last() else { break };
            after = Some(*last);
            for person in persons {
                let name = subject(person);
                if said.erased.contains(&name) {
                    self.destroy(person).await?;
                    n_again += 1;
                } else if let Some(into) = merges.0.get(&name) {
                    merged.push((person, *into));
                }
            }
        }
        if n_again > 0 {
            tracing::warn!(
                n_again,
                "records that were erased had come back with older files; they are erased again"
            );
        }
        if !said.removed_templates.is_empty() {
            let n_again = self.remove_again(&said.removed_templates).await?;
            if n_again > 0 {
                tracing::warn!(
                    n_again,
                    "templates that were removed had come back with older files; they are removed again"
                );
            }
        }
        let n_orphans = self.remove_orphans().await?;
        if n_orphans > 0 {
            tracing::info!(n_orphans, "sealed rows without a key were removed");
        }
        self.take_up_merges(merged).await
    }

    /// Removes sealed rows of persons who are not there. Both lists come in order of id and are gone through side by side:
    /// asked for one by one, a million persons would keep the start waiting for minutes.
    async fn remove_orphans(&self) -> Result<u64, CustodyError> {
        let (mut after, mut n_rows): (Option<PersonId>, u64) = (None, 0);
        // Persons who are there, from the last one looked at on.
        let mut there: VecDeque<PersonId> = VecDeque::new();
        loop {
            let with_rows = self.store.sealed_persons(None, after, IDS).await?;
            let Some(last) = with_rows.last() else {
                return Ok(n_rows);
            };
            after = Some(*last);
            for person in with_rows {
                while there.front().is_some_and(|known| *known < person) {
                    there.pop_front();
                }
                if there.is_empty() {
                    // The next ones, from the person looked for on.
                    let before = person.as_bits().checked_sub(1).map(PersonId::from_bits);
                    there = self.keys.persons(before, IDS).await?.into();
                }
                if there.front() != Some(&person) {
                    n_rows += self.store.remove_sealed(person, SealedSlots::All).await?;
                }
            }
        }
    }
}

/// What a rotation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The key that wraps from now on.
    pub to: SiteKeyId,
    /// Keys of persons, and secrets of the site, wrapped again.
    pub n_keys: u64,
    /// Whether no file holds anything under the older key any more; if not, another program was reading, and the next
    /// change sees to it.
    pub is_wiped: bool,
    /// Older keys that their tokens have not destroyed; the file names them, and the next rotation tries again.
    pub n_going: usize,
}

/// Wraps the keys of all persons under a fresh key of the site, in small steps, while others go on working: meanwhile both
/// keys open, and only the new one wraps. The fresh key is made in `place`. Broken off, it goes on where it was when it is called again.
///
/// # Errors
/// [`CustodyError`]; both keys stay in the file then. Also when another program is rotating them.
pub async fn rotate(
    keys: &dyn KeyStore,
    file: &mut SiteKeyFile,
    place: &KeyPlace,
    now: Timestamp,
) -> Result<Rotated, CustodyError> {
    rotate_in_steps(keys, file, place, now, CHUNK).await
}

/// The same, so many keys of persons at a time.
pub(super) async fn rotate_in_steps(
    keys: &dyn KeyStore,
    file: &mut SiteKeyFile,
    place: &KeyPlace,
    now: Timestamp,
    n_in_one_go: u32,
) -> Result<Rotated, CustodyError> {
    let _held = file.hold()?;
    file.destroy_going()?;
    // More than one key is a rotation that was broken off.
    if file.ring().ids().len() == 1 {
        file.add_fresh(place)?;
    }
    let ring = file.ring();
    let to = ring.current();
    let entry = LedgerEntry {
        at: now,
        body: EntryBody::SiteKeyRotated { to },
    };
    let mut rng = fresh_rng().map_err(KeyError::NoEntropy)?;
    let mut n_keys = 0;
    for older in ring.ids().into_iter().skip(1) {
        // From here on nobody wraps with it, whatever they have in memory.
        keys.retire(older, &entry).await?;
        loop {
            let held = keys.wrapped_under(older, n_in_one_go).await?;
            if held.is_empty() {
                break;
            }
            let mut again = Vec::with_capacity(held.len());
            for one in held {
                let HeldKey { person, slot, .. } = one;
                let wrapped = ring.rewrap((person, slot), &one.key, one.is_shared, &mut rng)?;
                again.push((one, wrapped));
            }
            n_keys += keys.rewrap(&again).await?;
        }
    }
    for held in keys.secrets("").await? {
        if held.key.site_key != to {
            let secret = ring.unwrap_secret(&held.name, &held.key)?;
            let wrapped = ring.wrap_secret(&held.name, &secret, &mut rng)?;
            n_keys += keys.rewrap_secrets(&[(held, wrapped)]).await?;
        }
    }
    let is_wiped = keys.wipe().await?;
    file.drop_older()?;
    Ok(Rotated {
        to,
        n_keys,
        is_wiped,
        n_going: file.n_going(),
    })
}
