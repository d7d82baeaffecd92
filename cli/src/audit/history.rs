//! What the ledger and the commitments tell.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use regard_backends::SqliteReader;
use regard_commitments::{
    Digest, EntryBody, Evidence, LedgerEntry, OBSERVED_ALLOWANCE_MILLIS, OperationBook, Profile,
    SignedCommitments, VerifyingKey,
};
use regard_domain::{CameraId, Timestamp};

use super::papers::ToldPapers;
use super::records::ToldRecords;
use super::refusals::ToldRefusals;
use super::{listed, words};
use crate::ledger::{ledger_key, prove_anew, site_keys};
use crate::printable::on_one_line;

/// Milliseconds of a minute.
const MINUTE_MILLIS: i64 = 60_000;

/// What was found.
pub(super) struct History {
    pub(super) site: String,
    /// The latest checkpoint, as signed.
    pub(super) checkpoint: Option<String>,
    /// Biometric operations, ledger, notice, commitments, the words of the notice.
    pub(super) evidence: Vec<Evidence>,
    /// How often each refusal was given.
    pub(super) refusals: ToldRefusals,
    /// What is said of persons.
    pub(super) records: ToldRecords,
    /// What is said of papers.
    pub(super) papers: ToldPapers,
    /// Why nothing of all that can be believed, where that is so.
    pub(super) blind: Option<String>,
}

/// Reads the ledger from its first entry to its last.
pub(super) async fn look(
    reader: &SqliteReader,
    data_dir: &Path,
    now: Timestamp,
) -> Result<History> {
    let key = ledger_key(reader, data_dir, None).await?;
    let mut told = Told::default();
    let proven = prove_anew(reader, &key, &[], |at, entry| told.entry(at, &entry)).await?;
    let checkpoints = reader.checkpoints().await?;
    let ledger = match &proven {
        Ok(report) => Evidence::Ledger {
            n_entries: report.n_entries,
            n_checkpoints: report.n_checkpoints,
            n_covered: report.n_covered,
            fault: None,
        },
        Err(fault) => Evidence::Ledger {
            n_entries: reader.ledger_len().await?,
            n_checkpoints: u64::try_from(checkpoints.len())?,
            n_covered: checkpoints.last().map_or(0, |c| c.size),
            fault: Some(on_one_line(fault)),
        },
    };
    // A ledger that does not verify tells nothing.
    let published = proven.is_ok().then_some(told.published);
    let blind = proven
        .err()
        .map(|_| "the ledger does not verify".to_owned());
    let site_key = site_keys(data_dir)?.commitments_key().verifying_key();
    let stored = match told.published {
        Some(published) => reader.commitments(published.version).await?,
        None => reader.latest_commitments().await?,
    };
    let evidence = vec![
        told.biometric_operations(blind.clone()),
        ledger,
        told.notice(reader, now, blind.clone()).await?,
        commitments(stored.as_ref(), &site_key, published, now),
        words::look(
            stored.as_ref(),
            &site_key,
            published.map(|last| last.map(|p| p.notice)),
        ),
    ];
    Ok(History {
        refusals: told.refusals,
        records: told.records,
        papers: told.papers,
        blind,
        site: key.name().trim_start_matches("regard/ledger/").to_owned(),
        checkpoint: checkpoints.last().map(|c| c.note.clone()),
        evidence,
    })
}

/// Which commitments came into force last.
#[derive(Clone, Copy, Debug)]
struct Published {
    version: u32,
    commitments: Digest,
    notice: Digest,
}

/// From when to when a camera was open.
type Span = (Timestamp, Timestamp);

/// What entries add up to, told one after the other.
#[derive(Default)]
struct Told {
    published: Option<Published>,
    operations: OperationBook,
    /// Operations that stood on nothing, or on something else.
    lawless: Vec<String>,
    n_grants: u64,
    n_without_notice: u64,
    open: BTreeMap<CameraId, Timestamp>,
    spans: BTreeMap<CameraId, Vec<Span>>,
    refusals: ToldRefusals,
    records: ToldRecords,
    papers: ToldPapers,
}

impl Told {
    fn entry(&mut self, index: u64, entry: &LedgerEntry) {
        let at = entry.at;
        let lacks = self.operations.hear(&entry.leaf_bytes());
        self.lawless
            .extend(lacks.map(|what| format!("entry {index}: {what}")));
        self.refusals.hear(&entry.body);
        self.records.hear(&entry.body);
        self.papers.hear(&entry.body);
        match &entry.body {
            EntryBody::CommitmentsPublished {
                version,
                commitments,
                notice,
                ..
            } => {
                self.published = Some(Published {
                    version: *version,
                    commitments: *commitments,
                    notice: *notice,
                });
            }
            EntryBody::Granted {
                camera,
                commitments,
                notice,
                ..
            } => {
                self.n_grants += 1;
                let is_noticed = self
                    .published
                    .is_some_and(|p| p.notice == *notice && p.commitments == *commitments);
                self.n_without_notice += u64::from(!is_noticed);
                self.close(camera, at);
                self.open.insert(camera.clone(), at);
            }
            EntryBody::Revoked { camera, .. } | EntryBody::Closed { camera } => {
                self.close(camera, at);
            }
            EntryBody::Interrupted { since, .. } => self.close_all(*since),
            // A run that was killed told of no end: it had one before the next began.
            EntryBody::Started { .. } | EntryBody::Stopped {} => self.close_all(at),
            _ => {}
        }
    }

    fn close(&mut self, camera: &CameraId, at: Timestamp) {
        if let Some(since) = self.open.remove(camera) {
            self.spans
                .entry(camera.clone())
                .or_default()
                .push((since, at));
        }
    }

    fn close_all(&mut self, at: Timestamp) {
        let cameras: Vec<CameraId> = self.open.keys().cloned().collect();
        for camera in cameras {
            self.close(&camera, at);
        }
    }

    fn biometric_operations(&mut self, unknown: Option<String>) -> Evidence {
        let n_without_consent = self.lawless.len() as u64;
        Evidence::BiometricOperations {
            n_operations: self.operations.n_operations(),
            n_without_consent,
            found: listed(std::mem::take(&mut self.lawless)),
            unknown,
        }
    }

    /// Holds what cameras observed, minute by minute, against the times at which the ledger has them
    /// open under the notice.
    async fn notice(
        &mut self,
        reader: &SqliteReader,
        now: Timestamp,
        unknown: Option<String>,
    ) -> Result<Evidence> {
        self.close_all(now);
        let first = Timestamp::from_micros(0);
        let mut observed: BTreeMap<(CameraId, Timestamp), u64> = BTreeMap::new();
        for minute in reader.minutes(first..now).await? {
            *observed.entry((minute.camera, minute.minute)).or_default() += minute.observed_millis;
        }
        observed.retain(|_, millis| *millis > 0);
        let n_unexplained = observed
            .iter()
            .filter(|((camera, minute), millis)| {
                let open = self.open_millis(camera, *minute);
                **millis > open + OBSERVED_ALLOWANCE_MILLIS
            })
            .count();
        Ok(Evidence::Notice {
            n_grants: self.n_grants,
            n_without_notice: self.n_without_notice,
            n_minutes: u64::try_from(observed.len())?,
            n_unexplained: u64::try_from(n_unexplained)?,
            allowance_millis: OBSERVED_ALLOWANCE_MILLIS,
            unknown,
        })
    }

    /// For how much of a minute the ledger has a camera open.
    fn open_millis(&self, camera: &CameraId, minute: Timestamp) -> u64 {
        let (from, to) = (minute.as_millis(), minute.as_millis() + MINUTE_MILLIS);
        let spans = self.spans.get(camera).map_or(&[][..], Vec::as_slice);
        let overlap = |(since, until): &Span| {
            let overlap = until.as_millis().min(to) - since.as_millis().max(from);
            u64::try_from(overlap).unwrap_or(0)
        };
        spans.iter().map(overlap).sum()
    }
}

/// Judges the stored commitments. `published`: which came into force last as the ledger tells it, where
/// it can be believed.
fn commitments(
    stored: Option<&SignedCommitments>,
    key: &VerifyingKey,
    published: Option<Option<Published>>,
    now: Timestamp,
) -> Evidence {
    let blank = |fault: String| Evidence::Commitments {
        version: None,
        digest: None,
        is_signed: false,
        is_in_force: false,
        is_in_ledger: published.map(|_| false),
        fault: Some(fault),
    };
    let verified = match stored.map(|signed| signed.verify(key)) {
        Some(Ok(verified)) => verified,
        Some(Err(error)) => return blank(on_one_line(&error)),
        None => return blank("there are none in the store".to_owned()),
    };
    let document = verified.document();
    let fits = Profile::named(&document.profile)
        .map_err(|error| on_one_line(&error))
        .and_then(|profile| profile.accepts(&verified).map_err(|e| on_one_line(&e)));
    Evidence::Commitments {
        version: Some(document.version),
        digest: Some(verified.digest()),
        is_signed: true,
        is_in_force: document.effective_from.start() <= now,
        is_in_ledger: published
            .map(|last| last.is_some_and(|p| p.commitments == verified.digest())),
        fault: fits.err(),
    }
}
