//! Retention in action: rows whose time is over are removed, and the ledger says so; attempts at recognition are forgotten.

use std::sync::Arc;
use std::time::Duration;

use regard_backends::Store;
use regard_commitments::{EntryBody, LedgerEntry};
use regard_domain::Clock;
use tokio::sync::{mpsc, watch};

use crate::chronicle::Line;
use crate::custody::Custodian;
use crate::handle::Engine;

/// How often rows whose time is over are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);

/// How often a gallery that failed is tried to be filled anew.
const MEND_EVERY: Duration = Duration::from_secs(30);

/// Removes rows whose time is over, now and every hour, until told to end. What is under way goes on
/// to its end, so that the ledger tells of every row that was removed. Meanwhile a gallery that failed is filled anew.
pub(crate) async fn sweep(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entries: mpsc::UnboundedSender<Line>,
    (engine, custodian): (Engine, Arc<Custodian>),
    mut ends: watch::Receiver<bool>,
) {
    let mut beat = tokio::time::interval(SWEEP_EVERY);
    let mut mending = tokio::time::interval(MEND_EVERY);
    loop {
        tokio::select! {
            // Changed, or the other end is gone: both are the end.
            _ = ends.changed() => return,
            _ = beat.tick() => {}
            _ = mending.tick() => {
                if let Err(error) = custodian.mend_gallery().await {
                    tracing::warn!(%error, "the gallery cannot be filled anew yet");
                }
                continue;
            }
        }
        let now = clock.now();
        // Before anything goes: what is in force is not to go with it.
        engine.prolong_zones().await;
        engine.recognizer().forget_old_attempts();
        if let Err(error) = engine.collections().drop_ended().await {
            tracing::error!(%error, "collections whose attestation ran out were not destroyed");
        }
        match custodian.sweep().await {
            Ok(swept) if swept.total() > 0 => {
                let (n_consents, n_persons) = (swept.n_consents, swept.n_persons);
                tracing::info!(n_consents, n_persons, "keys past their time destroyed");
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "keys past their time were not destroyed"),
        }
        let report = match store.sweep(now).await {
            Ok(report) => report,
            Err(error) => {
                tracing::error!(%error, "rows past their time were not removed");
                continue;
            }
        };
        if let Some(fault) = &report.fault {
            tracing::error!(%fault, "not all rows past their time were removed");
        }
        if report.total() > 0 {
            tracing::info!(rows = report.total(), "rows past their time removed");
        }
        for (data, n_rows) in report.removed {
            let body = EntryBody::Swept { data, n_rows };
            // If the reader has gone, the ledger has ended before us: nothing can be told any more.
            let _ = entries.send(LedgerEntry { at: now, body }.into());
        }
    }
}
