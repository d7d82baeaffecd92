//! The store that forgets: everything in memory, with a lid.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use regard_commitments::{
    Date, Detail, Digest, Epsilon, Kept, Leaf, Release, SignedCheckpoint, SignedCommitments,
    Spending,
};
use regard_decision::{Decision, Outcome, PlayRow};
use regard_domain::{
    CameraId, CampaignId, DecisionId, PersonId, PlayId, ScreenId, StudyId, Timestamp,
};

use crate::{
    Batch, CollectedRow, CommitReport, CreativeReport, DecisionCursor, Document, Fact, Integrity,
    LedgerRow, MinuteAggregate, OutcomeKey, Play, PlayCount, PolicyRow, SealedRow, SealedSlots,
    Setting, Store, StoreError, StudyRow, SweepReport,
    sums::{self, PlayRows, ReportBuilder},
};

mod collected;
mod keys;
mod lidded;
mod studies;
mod writes;

use collected::CollectedKey;
pub use keys::MemoryKeys;
use lidded::Lidded;
use studies::HeldInvitation;

/// The store that forgets: for tests, and for the time the disk is full.
///
/// Of each kind of row it keeps so many; beyond, the row written first gives way, which [`CommitReport::displaced`] counts.
/// The ledger never gives way: at the lid, appending gives [`StoreError::Full`]. It is no place for promises:
/// what must be durable has to go to a store that lasts, or not happen.
///
/// Its sums are counted row by row and share no query with [`SqliteStore`](crate::SqliteStore), so that each checks the other.
#[derive(Debug)]
pub struct MemoryStore {
    max_rows: usize,
    rooms: Mutex<Option<Rooms>>,
}

/// Person, kind and name.
type SealedKey = (PersonId, String, String);

/// An outcome with what its decision said.
#[derive(Clone, Debug)]
struct Measured {
    outcome: Outcome,
    campaign: Option<CampaignId>,
    creative: regard_domain::CreativeId,
    decided_at: Timestamp,
}

/// Everything kept.
#[derive(Debug)]
struct Rooms {
    decisions: Lidded<DecisionId, Decision>,
    totals: Lidded<CampaignId, u64>,
    plays: Lidded<PlayId, Play>,
    outcomes: Lidded<OutcomeKey, Measured>,
    policies: Lidded<CampaignId, PolicyRow>,
    minutes: Lidded<(Timestamp, CameraId, u64), MinuteAggregate>,
    facts: Lidded<String, Fact>,
    settings: Lidded<String, Setting>,
    documents: Lidded<String, Document>,
    sealed: Lidded<SealedKey, SealedRow>,
    collected: Lidded<CollectedKey, CollectedRow>,
    studies: Lidded<StudyId, StudyRow>,
    invitations: Lidded<Digest, HeldInvitation>,
    /// Never gives way: what was spent must not be forgotten.
    releases: BTreeMap<(Date, Detail), (Release, Timestamp)>,
    ledger: Vec<(LedgerRow, Timestamp)>,
    checkpoints: BTreeMap<u64, (String, Timestamp)>,
    commitments: BTreeMap<u32, (SignedCommitments, Timestamp)>,
}

impl MemoryStore {
    /// An empty store that keeps up to `max_rows` of each kind of row, at least one. A decision with its play and outcomes takes about 4 kB.
    pub fn new(max_rows: usize) -> Self {
        let max_rows = max_rows.max(1);
        Self {
            max_rows,
            rooms: Mutex::new(Some(Rooms {
                decisions: Lidded::new(max_rows),
                totals: Lidded::new(max_rows),
                plays: Lidded::new(max_rows),
                outcomes: Lidded::new(max_rows),
                policies: Lidded::new(max_rows),
                minutes: Lidded::new(max_rows),
                facts: Lidded::new(max_rows),
                settings: Lidded::new(max_rows),
                documents: Lidded::new(max_rows),
                sealed: Lidded::new(max_rows),
                collected: Lidded::new(max_rows),
                studies: Lidded::new(max_rows),
                invitations: Lidded::new(max_rows),
                releases: BTreeMap::new(),
                ledger: Vec::new(),
                checkpoints: BTreeMap::new(),
                commitments: BTreeMap::new(),
            })),
        }
    }

    fn read<T>(&self, look: impl FnOnce(&Rooms) -> T) -> Result<T, StoreError> {
        self.locked().as_ref().map(look).ok_or(StoreError::Closed)
    }

    fn write<T>(
        &self,
        change: impl FnOnce(&mut Rooms) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.locked()
            .as_mut()
            .map_or(Err(StoreError::Closed), change)
    }

    /// Every change checks first and then goes through, so a panic elsewhere leaves nothing half done.
    fn locked(&self) -> MutexGuard<'_, Option<Rooms>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, batch: &Batch) -> Result<CommitReport, StoreError> {
        self.write(|rooms| Ok(rooms.commit(batch)))
    }

    async fn append_ledger(&self, leaves: &[Kept<Leaf>]) -> Result<(), StoreError> {
        self.write(|rooms| {
            for (expected, leaf) in (rooms.ledger.len() as u64..).zip(leaves) {
                let found = leaf.row().index;
                if found != expected {
                    return Err(StoreError::LedgerGap { expected, found });
                }
            }
            if rooms.ledger.len() + leaves.len() > self.max_rows {
                return Err(StoreError::Full);
            }
            rooms.ledger.extend(leaves.iter().map(|kept| {
                let leaf = kept.row();
                let row = LedgerRow {
                    index: leaf.index,
                    hash: leaf.hash,
                    bytes: Some(leaf.bytes.clone()),
                };
                (row, kept.keep_until())
            }));
            Ok(())
        })
    }

    async fn ledger_len(&self) -> Result<u64, StoreError> {
        self.read(|rooms| rooms.ledger.len() as u64)
    }

    async fn ledger_range(&self, range: Range<u64>) -> Result<Vec<LedgerRow>, StoreError> {
        self.read(|rooms| {
            let rows = rooms.ledger.iter().map(|(row, _)| row);
            let within = rows.filter(|row| range.contains(&row.index));
            within.cloned().collect()
        })
    }

    async fn put_checkpoint(&self, checkpoint: &Kept<SignedCheckpoint>) -> Result<(), StoreError> {
        self.write(|rooms| {
            let len = rooms.ledger.len() as u64;
            let SignedCheckpoint { size, note } = checkpoint.row();
            let size = *size;
            if size > len {
                return Err(StoreError::LedgerGap {
                    expected: len,
                    found: size,
                });
            }
            let end = checkpoint.keep_until();
            put_once(&mut rooms.checkpoints, size, note, end, "checkpoint")
        })
    }

    async fn checkpoints(&self) -> Result<Vec<SignedCheckpoint>, StoreError> {
        self.read(|rooms| rooms.checkpoints.iter().map(checkpoint).collect())
    }

    async fn latest_checkpoint(&self) -> Result<Option<SignedCheckpoint>, StoreError> {
        self.read(|rooms| rooms.checkpoints.last_key_value().map(checkpoint))
    }

    async fn put_commitments(
        &self,
        version: u32,
        signed: &Kept<SignedCommitments>,
    ) -> Result<(), StoreError> {
        self.write(|rooms| {
            let (row, end) = (signed.row(), signed.keep_until());
            put_once(
                &mut rooms.commitments,
                version,
                row,
                end,
                "commitments version",
            )
        })
    }

    async fn commitments(&self, version: u32) -> Result<Option<SignedCommitments>, StoreError> {
        self.read(|rooms| rooms.commitments.get(&version).map(|(row, _)| row.clone()))
    }

    async fn latest_commitments(&self) -> Result<Option<SignedCommitments>, StoreError> {
        self.read(|rooms| {
            rooms
                .commitments
                .values()
                .next_back()
                .map(|(row, _)| row.clone())
        })
    }

    async fn decisions(
        &self,
        limit: u32,
        before: Option<DecisionCursor>,
    ) -> Result<Vec<Decision>, StoreError> {
        let mut found = self
            .decisions_since(Timestamp::from_micros(i64::MIN))
            .await?;
        found.reverse();
        found.retain(|d| before.is_none_or(|cursor| (d.at, d.id) < (cursor.at, cursor.id)));
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    async fn decisions_since(&self, since: Timestamp) -> Result<Vec<Decision>, StoreError> {
        self.read(|rooms| {
            let all = rooms.decisions.values();
            let mut found: Vec<_> = all.filter(|d| d.at >= since).cloned().collect();
            found.sort_by_key(|d| (d.at, d.id));
            found
        })
    }

    async fn campaign_totals(&self) -> Result<BTreeMap<CampaignId, u64>, StoreError> {
        self.read(|rooms| rooms.totals.iter().map(|(k, n)| (k.clone(), *n)).collect())
    }

    async fn decision(&self, id: DecisionId) -> Result<Option<Decision>, StoreError> {
        self.read(|rooms| rooms.decisions.get(&id).cloned())
    }

    async fn outcomes_of(&self, decision: DecisionId) -> Result<Vec<Outcome>, StoreError> {
        self.read(|rooms| rooms.outcomes_of(decision).cloned().collect())
            .map(|mut found: Vec<Outcome>| {
                found.sort_by_cached_key(|o| (o.at, o.kind.to_string(), o.key.clone()));
                found
            })
    }

    async fn outcomes_since(
        &self,
        since: Timestamp,
    ) -> Result<BTreeMap<DecisionId, Vec<Outcome>>, StoreError> {
        let mut found: BTreeMap<DecisionId, Vec<Outcome>> = BTreeMap::new();
        self.read(|rooms| {
            for one in rooms.outcomes.values().filter(|m| m.decided_at >= since) {
                let of_decision = found.entry(one.outcome.decision).or_default();
                of_decision.push(one.outcome.clone());
            }
        })?;
        for outcomes in found.values_mut() {
            outcomes.sort_by_cached_key(|o| (o.at, o.kind.to_string(), o.key.clone()));
        }
        Ok(found)
    }

    async fn plays_since(
        &self,
        screen: Option<&ScreenId>,
        since: Timestamp,
    ) -> Result<Vec<Play>, StoreError> {
        self.read(|rooms| {
            let here = |p: &&Play| screen.is_none_or(|screen| p.start.screen == *screen);
            let plays = rooms.plays.values().filter(|p| p.start.at >= since);
            let mut found: Vec<_> = plays.filter(here).cloned().collect();
            found.sort_by_key(|p| (p.start.at, p.start.id));
            found
        })
    }

    async fn play_counts(&self, since: Timestamp) -> Result<Vec<PlayCount>, StoreError> {
        let mut counts = BTreeMap::new();
        for play in self.plays_since(None, since).await? {
            let PlayCount {
                plays,
                shown_millis,
                last_at,
                ..
            } = counts
                .entry((
                    play.start.screen.clone(),
                    play.start.campaign.clone(),
                    play.start.creative.clone(),
                ))
                .or_insert_with(|| PlayCount {
                    screen: play.start.screen,
                    campaign: play.start.campaign,
                    creative: play.start.creative,
                    plays: 0,
                    shown_millis: 0,
                    last_at: play.start.at,
                });
            *plays += 1;
            *shown_millis += play.shown_millis;
            *last_at = play.start.at.max(*last_at);
        }
        Ok(counts.into_values().collect())
    }

    async fn policies(&self) -> Result<Vec<PolicyRow>, StoreError> {
        self.read(|rooms| rooms.policies.values().cloned().collect())
    }

    async fn play_rows(&self, during: Range<Timestamp>) -> Result<Vec<PlayRow>, StoreError> {
        let plays = self.plays_since(None, during.start).await?;
        let mut rows = PlayRows::default();
        for play in plays.into_iter().filter(|p| p.start.at < during.end) {
            let id = play.start.id;
            rows.begin(
                id,
                play.start.campaign,
                play.start.creative,
                play.shown_millis,
            );
            let decision = DecisionId::from_bits(id.as_bits());
            for outcome in self.outcomes_of(decision).await? {
                rows.measure(&outcome.kind, outcome.value.into());
            }
        }
        Ok(rows.finish())
    }

    async fn creative_report(
        &self,
        during: Range<Timestamp>,
    ) -> Result<Vec<CreativeReport>, StoreError> {
        let mut builder = ReportBuilder::default();
        self.read(|rooms| {
            for play in rooms
                .plays
                .values()
                .filter(|p| during.contains(&p.start.at))
            {
                let (campaign, creative) =
                    (play.start.campaign.clone(), play.start.creative.clone());
                builder.plays(campaign, creative, 1, play.shown_millis);
            }
            let measured = rooms.outcomes.values();
            for one in measured.filter(|m| during.contains(&m.decided_at)) {
                let mut sums = crate::Sums::default();
                sums.add(one.outcome.value.into());
                builder.outcome(
                    one.campaign.clone(),
                    one.creative.clone(),
                    one.outcome.kind.to_string(),
                    sums,
                );
            }
        })?;
        Ok(builder.finish())
    }

    async fn minutes(&self, during: Range<Timestamp>) -> Result<Vec<MinuteAggregate>, StoreError> {
        self.read(|rooms| {
            let within = rooms
                .minutes
                .values()
                .filter(|m| during.contains(&m.minute));
            sums::over_runs(within.cloned().collect())
        })
    }

    async fn facts(&self) -> Result<Vec<Fact>, StoreError> {
        self.read(|rooms| {
            let stated = rooms.facts.values().filter(|f| f.value.is_some());
            stated.cloned().collect()
        })
    }

    async fn sweep(&self, now: Timestamp) -> Result<SweepReport, StoreError> {
        self.write(|rooms| Ok(rooms.sweep(now)))
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read(|rooms| rooms.settings.get(name).map(|s| s.value.clone()))
    }

    async fn settings(&self, prefix: &str) -> Result<Vec<Setting>, StoreError> {
        self.read(|rooms| {
            let all = rooms.settings.values();
            let mut found: Vec<_> = all
                .filter(|s| s.name.starts_with(prefix))
                .cloned()
                .collect();
            found.sort_by(|a, b| a.name.cmp(&b.name));
            found
        })
    }

    async fn put_setting(&self, setting: &Kept<Setting>) -> Result<(), StoreError> {
        self.write(|rooms| {
            let row = setting.row();
            rooms
                .settings
                .put(row.name.clone(), row.clone(), setting.keep_until());
            Ok(())
        })
    }

    async fn remove_setting(&self, name: &str) -> Result<bool, StoreError> {
        self.write(|rooms| Ok(rooms.settings.remove(name)))
    }

    async fn document(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read(|rooms| rooms.documents.get(name).map(|d| d.value.clone()))
    }

    async fn put_document(&self, document: &Kept<Document>) -> Result<(), StoreError> {
        self.write(|rooms| {
            let row = document.row();
            rooms
                .documents
                .put(row.name.clone(), row.clone(), document.keep_until());
            Ok(())
        })
    }

    async fn put_release(
        &self,
        release: &Kept<Release>,
        budget: Epsilon,
    ) -> Result<Spending, StoreError> {
        self.write(|rooms| {
            let row = release.row();
            let key = (row.day, row.detail);
            if let Some((before, _)) = rooms.releases.get(&key) {
                return Ok(Spending::MadeBefore(Box::new(before.clone())));
            }
            let of_day = rooms.releases.values().map(|(release, _)| release);
            let spent = Release::spent(of_day.filter(|one| one.day == row.day));
            if spent.plus(row.epsilon) > budget {
                return Ok(Spending::Exceeds(spent));
            }
            if rooms.releases.len() >= self.max_rows {
                return Err(StoreError::Full);
            }
            rooms
                .releases
                .insert(key, (row.clone(), release.keep_until()));
            Ok(Spending::Paid)
        })
    }

    async fn release(&self, day: Date, detail: Detail) -> Result<Option<Release>, StoreError> {
        self.read(|rooms| {
            let found = rooms.releases.get(&(day, detail));
            found.map(|(release, _)| release.clone())
        })
    }

    async fn releases_since(&self, day: Date) -> Result<Vec<Release>, StoreError> {
        self.read(|rooms| {
            let found = rooms.releases.range((day, Detail::Day)..);
            found.map(|(_, (release, _))| release.clone()).collect()
        })
    }

    async fn put_sealed(&self, rows: &[Kept<SealedRow>]) -> Result<(), StoreError> {
        self.write(|rooms| {
            for kept in rows {
                let row = kept.row();
                let key = (row.person, row.kind.clone(), row.name.clone());
                rooms.sealed.put(key, row.clone(), kept.keep_until());
            }
            Ok(())
        })
    }

    async fn sealed_of(&self, person: PersonId) -> Result<Vec<SealedRow>, StoreError> {
        self.read(|rooms| {
            let rows = rooms.sealed.values().filter(|row| row.person == person);
            rows.cloned().collect()
        })
    }

    async fn remove_sealed(&self, person: PersonId, slots: SealedSlots) -> Result<u64, StoreError> {
        self.write(|rooms| {
            let is_meant = |row: &SealedRow| match slots {
                SealedSlots::All => true,
                SealedSlots::Of(slot) => row.slot == slot,
            };
            let rows = rooms.sealed.iter().filter(|(_, row)| row.person == person);
            let gone: Vec<SealedKey> = rows
                .filter(|(_, row)| is_meant(row))
                .map(|(key, _)| key.clone())
                .collect();
            for key in &gone {
                rooms.sealed.remove(key);
            }
            Ok(gone.len() as u64)
        })
    }

    async fn remove_sealed_row(
        &self,
        person: PersonId,
        kind: &str,
        name: &str,
    ) -> Result<bool, StoreError> {
        let key = (person, kind.to_owned(), name.to_owned());
        self.write(|rooms| {
            let is_there = rooms.sealed.iter().any(|(known, _)| *known == key);
            rooms.sealed.remove(&key);
            Ok(is_there)
        })
    }

    async fn sealed_persons(
        &self,
        kind: Option<&str>,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<PersonId>, StoreError> {
        self.read(|rooms| {
            let rows = rooms.sealed.values();
            let rows = rows.filter(|row| kind.is_none_or(|kind| row.kind == kind));
            let persons = rows.map(|row| row.person);
            let persons = persons.filter(|person| after.is_none_or(|after| *person > after));
            let distinct: std::collections::BTreeSet<PersonId> = persons.collect();
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            distinct.into_iter().take(limit).collect()
        })
    }

    async fn integrity_check(&self) -> Result<Integrity, StoreError> {
        self.read(|_| Integrity::Sound)
    }

    async fn vacuum(&self) -> Result<(), StoreError> {
        self.read(|_| ())
    }

    async fn close(&self) {
        drop(self.locked().take());
    }
}

fn checkpoint((size, (note, _)): (&u64, &(String, Timestamp))) -> SignedCheckpoint {
    SignedCheckpoint {
        size: *size,
        note: note.clone(),
    }
}

/// The same once more is fine; another in its place is not.
fn put_once<K: Ord + Copy + Into<u64>, T: Clone + PartialEq>(
    room: &mut BTreeMap<K, (T, Timestamp)>,
    number: K,
    new: &T,
    keep_until: Timestamp,
    what: &'static str,
) -> Result<(), StoreError> {
    match room.get_mut(&number) {
        Some((old, _)) if old != new => Err(StoreError::Conflict {
            what,
            number: number.into(),
        }),
        Some((_, end)) => {
            *end = keep_until.max(*end);
            Ok(())
        }
        None => {
            room.insert(number, (new.clone(), keep_until));
            Ok(())
        }
    }
}
