//! Sums that leave the site: made once a day with noise, and paid from the budget of the day.
//!
//! A release and its price are one row, written before anything is shown, and the ledger has an entry of it. Whoever asks
//! again reads the row: that costs nothing, over restarts too.

mod mechanism;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use regard_backends::{Store, StoreError};
use regard_commitments::{
    Answer, Cell, DataKind, Date, Detail, Digest, EntryBody, Epsilon, LedgerEntry, Refusal,
    RefusalCode, Release, RetentionGate, Spending, VisitSums, canonical_json,
};
use regard_domain::{CameraId, Clock, Timestamp};
use thiserror::Error;
use tokio::sync::watch;

use crate::calendar::Calendar;
use crate::chronicle::Said;
use crate::custody::Scribe;

use mechanism::OpenDp;
pub use mechanism::{LibraryFault, NoiseError};

/// How long after its end a day is released at the earliest: visits of its last minute have ended and are written then.
const SETTLING: Duration = Duration::from_secs(600);

/// How long after its end a day can be released at the latest: a program that stood still for some days catches up.
const RELEASABLE: Duration = Duration::from_secs(7 * 86_400);

/// How often it is looked whether yesterday is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);

const HOUR_MICROS: i64 = 3_600_000_000;

/// Why there are no numbers.
#[derive(Debug, Error)]
pub enum StatisticsError {
    /// The day is not over.
    #[error("{day} is not over; its numbers are made ten minutes after its end")]
    NotYet {
        /// Which day.
        day: Date,
        /// When they can be asked for.
        from: Timestamp,
    },
    /// Nobody released it in time, or the site was not there yet.
    #[error("{day} was never released: it is too long ago, or before the site began")]
    NeverReleased {
        /// Which day.
        day: Date,
    },
    /// A rule says no.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The store failed.
    #[error("the store could not be read or written")]
    Store(#[from] StoreError),
    /// There was no noise.
    #[error("the numbers could not be noised")]
    Noise(#[from] NoiseError),
    /// It is made and paid, but the ledger could not say so yet; shown as soon as it can.
    #[error("the ledger could not be written yet")]
    Unrecorded,
}

/// What may be told about a day, and what was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrivacyBudget {
    /// About which day.
    pub day: Date,
    /// What its releases cost so far.
    pub spent: Epsilon,
    /// What they may cost, by the commitments in force.
    pub granted: Epsilon,
}

/// What a statistician is made of.
pub(crate) struct StatisticsParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) retention: RetentionGate,
    pub(crate) calendar: Calendar,
    pub(crate) clock: Arc<dyn Clock>,
    /// Every camera of the site: which cells there are must not depend on who came.
    pub(crate) cameras: Vec<CameraId>,
    /// What all releases about one day may cost.
    pub(crate) granted: Epsilon,
    pub(crate) scribe: Scribe,
}

/// Makes and keeps what is told about each day.
pub struct Statistician {
    parts: StatisticsParts,
    /// Held while a release is made, so that its noise is drawn once. The store watches over the budget all the same.
    turn: tokio::sync::Mutex<()>,
    /// Releases that the ledger tells of.
    told: Mutex<BTreeSet<(Date, Detail)>>,
    /// When the site began: about earlier days there is nothing to tell.
    began_at: Timestamp,
    /// When a backup was put back last.
    restored_at: Option<Timestamp>,
}

impl Statistician {
    pub(crate) fn new(parts: StatisticsParts, said: &Said) -> Self {
        let now = parts.clock.now();
        Self {
            parts,
            began_at: said.began_at.unwrap_or(now),
            turn: tokio::sync::Mutex::new(()),
            told: Mutex::new(said.released.clone()),
            restored_at: said.restored_at,
        }
    }

    fn told(&self) -> MutexGuard<'_, BTreeSet<(Date, Detail)>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is told about a day: made, kept and paid now if it never was, else what was told before.
    ///
    /// # Privacy
    /// Noised sums over everyone; all that was ever told about one day together costs what the commitments grant at most.
    ///
    /// # Errors
    /// [`StatisticsError`]; nothing was told then.
    pub async fn release(&self, day: Date, detail: Detail) -> Result<Release, StatisticsError> {
        let _turn = self.turn.lock().await;
        let release = match self.parts.store.release(day, detail).await? {
            Some(before) => before,
            None => self.make(day, detail).await?,
        };
        self.tell(&release).await?;
        Ok(release)
    }

    /// What was told about a day; makes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn released(&self, day: Date, detail: Detail) -> Result<Option<Release>, StoreError> {
        let found = self.parts.store.release(day, detail).await?;
        Ok(found.filter(|_| self.told().contains(&(day, detail))))
    }

    /// What was told about a day and later ones, in order of day and detail; makes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn released_since(&self, day: Date) -> Result<Vec<Release>, StoreError> {
        let mut found = self.parts.store.releases_since(day).await?;
        let told = self.told();
        found.retain(|release| told.contains(&(release.day, release.detail)));
        Ok(found)
    }

    /// The last day that is over at the site.
    pub fn yesterday(&self) -> Option<Date> {
        self.parts.calendar.day_before(self.parts.clock.now())
    }

    /// What may be told about yesterday, the day that is told of today, and what was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn budget(&self) -> Result<Option<PrivacyBudget>, StoreError> {
        let Some(day) = self.yesterday() else {
            return Ok(None);
        };
        let found = self.parts.store.releases_since(day).await?;
        Ok(Some(PrivacyBudget {
            day,
            spent: Release::spent(found.iter().filter(|release| release.day == day)),
            granted: self.parts.granted,
        }))
    }

    async fn make(&self, day: Date, detail: Detail) -> Result<Release, StatisticsError> {
        let span = self.releasable(day)?;
        let cells = self.cells(&span, detail).await?;
        let at = self.parts.clock.now();
        // Some thousand draws at most, of some ten microseconds.
        let made =
            tokio::task::spawn_blocking(move || Release::make((day, detail), at, &cells, &OpenDp));
        let release = match made.await {
            Ok(release) => release?,
            // The program ends.
            Err(_) => return Err(StoreError::Closed.into()),
        };
        let kept = match self.parts.retention.keep(release, at) {
            Answer::Granted(kept) => kept,
            Answer::Refused(refusal) => return Err(StatisticsError::Refused(refusal)),
        };
        let granted = self.parts.granted;
        match self.parts.store.put_release(&kept, granted).await? {
            Spending::Paid => Ok(kept.into_parts().0),
            Spending::MadeBefore(before) => Ok(*before),
            Spending::Exceeds(spent) => {
                let refusal = detail.refusal(day, spent, granted);
                Err(StatisticsError::Refused(refusal))
            }
        }
    }

    /// When the day was, if it can be released now.
    fn releasable(&self, day: Date) -> Result<Range<Timestamp>, StatisticsError> {
        let span = self.parts.calendar.span_of(day);
        let span = span.ok_or(StatisticsError::NeverReleased { day })?;
        let (now, from) = (self.parts.clock.now(), span.end.plus(SETTLING));
        if now < from {
            return Err(StatisticsError::NotYet { day, from });
        }
        if now > span.end.plus(RELEASABLE) || span.end <= self.began_at {
            return Err(StatisticsError::NeverReleased { day });
        }
        if self
            .restored_at
            .is_some_and(|restored_at| from <= restored_at)
        {
            return Err(StatisticsError::Refused(Refusal::new(
                RefusalCode::PrivacyBudgetSpent,
                format!(
                    "a backup was put back after {day} was over: what was told about it before may be forgotten"
                ),
                "wait for the next day",
            )));
        }
        if self
            .parts
            .retention
            .period(DataKind::MinuteAggregate)
            .is_none()
        {
            return Err(StatisticsError::Refused(Refusal::new(
                RefusalCode::PurposeNotPromised,
                "the commitments keep no sums over minutes, so that there is nothing to tell",
                "add `minute_aggregate` under [retention] and sign a new version",
            )));
        }
        Ok(span)
    }

    /// The true sums of every cell of a day, the empty ones too.
    async fn cells(
        &self,
        span: &Range<Timestamp>,
        detail: Detail,
    ) -> Result<Vec<Cell>, StoreError> {
        let micros = span.end.as_micros() - span.start.as_micros();
        // A day has 25 hours at most.
        let last = u8::try_from((micros - 1).div_euclid(HOUR_MICROS)).unwrap_or(u8::MAX);
        let hours: Vec<Option<u8>> = match detail {
            Detail::Day => vec![None],
            Detail::Hours => (0..=last).map(Some).collect(),
        };
        let mut sums: BTreeMap<(CameraId, Option<u8>), VisitSums> = BTreeMap::new();
        for camera in &self.parts.cameras {
            for hour in &hours {
                sums.insert((camera.clone(), *hour), VisitSums::default());
            }
        }
        for row in self.parts.store.minutes(span.clone()).await? {
            let since = row.minute.as_micros() - span.start.as_micros();
            let hour = match detail {
                Detail::Day => None,
                Detail::Hours => u8::try_from(since.div_euclid(HOUR_MICROS)).ok(),
            };
            // Of a camera that the site has no longer, nothing is told.
            if let Some(cell) = sums.get_mut(&(row.camera, hour)) {
                cell.add(&row.visits);
            }
        }
        let cell = |((camera, hour), sums)| Cell { camera, hour, sums };
        Ok(sums.into_iter().map(cell).collect())
    }

    /// Has the ledger say it, once.
    async fn tell(&self, release: &Release) -> Result<(), StatisticsError> {
        let key = (release.day, release.detail);
        if self.told().contains(&key) {
            return Ok(());
        }
        let text = canonical_json(release).expect("a release holds texts and whole numbers only");
        let body = EntryBody::Released {
            day: release.day,
            detail: release.detail,
            epsilon: release.epsilon,
            release: Digest::of(&[text.as_bytes()]),
        };
        let at = self.parts.clock.now();
        let written = self.parts.scribe.write(LedgerEntry { at, body }).await;
        written.map_err(|_| StatisticsError::Unrecorded)?;
        self.told().insert(key);
        Ok(())
    }

    /// Releases yesterday as soon as it is due, in every detail that its budget has room for, until told to end.
    pub(crate) async fn keep_releasing(self: Arc<Self>, mut ends: watch::Receiver<bool>) {
        let mut beat = tokio::time::interval(LOOK_EVERY);
        let mut settled: BTreeMap<Detail, Date> = BTreeMap::new();
        loop {
            tokio::select! {
                // Changed, or the other end is gone: both are the end.
                _ = ends.changed() => return,
                _ = beat.tick() => {}
            }
            let Some(day) = self.yesterday() else {
                continue;
            };
            for detail in Detail::ALL {
                if settled.get(&detail) == Some(&day) {
                    continue;
                }
                match self.release(day, detail).await {
                    Ok(_) => tracing::info!(%day, %detail, "the numbers of the day are made"),
                    Err(StatisticsError::Refused(refusal)) => {
                        tracing::warn!(%day, %detail, %refusal, "the numbers of the day are not made");
                    }
                    // Before the site began; or it comes.
                    Err(StatisticsError::NeverReleased { .. }) => {}
                    Err(StatisticsError::NotYet { .. }) => continue,
                    Err(error) => {
                        tracing::error!(%day, %detail, %error, "the numbers of the day could not be made");
                        continue;
                    }
                }
                settled.insert(detail, day);
            }
        }
    }

    /// Tells the ledger nothing more, so that it can come to its end.
    pub(crate) fn stop(&self) {
        self.parts.scribe.close();
    }
}
