//! Rows on their way to the store: through the retention gate, then in groups.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use regard_backends::{Batch, Store, StoreError};
use regard_commitments::{Answer, RetentionGate};
use regard_decision::OutcomeKind;
use regard_domain::Timestamp;
use tokio::sync::Notify;

use crate::conductor::{HEARD, LEARNED, Row};
use crate::fault::Fault;

/// How long rows gather before they are written together: a fifth of the 50 ms a crash may cost, so
/// that the rest is there for the disk and for a machine that is busy.
const GATHER: Duration = Duration::from_millis(10);

/// Pause before a failed write is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Rows that wait while the store fails. When full, new rows are counted and lost: the screen goes on. What was learned and the mark that
/// says so are never lost, neither without the other, or a reward would count twice after a restart: of a policy the newest
/// state alone waits, and marks are short.
const MAX_WAITING: usize = 50_000;

/// Whether a row says what was learned, or that something was.
fn is_of_a_lesson(row: &Row) -> bool {
    match row {
        Row::Policy(_) => true,
        Row::Outcome(row) => match &row.0.kind {
            OutcomeKind::Custom(name) => name == LEARNED || name == HEARD,
            _ => false,
        },
        Row::Decision(_)
        | Row::PlayStart(_)
        | Row::PlayEnd(_)
        | Row::Minute(_)
        | Row::Fact(_)
        | Row::Campaign(_) => false,
    }
}

/// Where the conductor leaves rows; a task writes them in groups.
pub(crate) struct Recorder {
    gate: RetentionGate,
    waiting: Mutex<Batch>,
    wake: Notify,
    fault: Fault,
    n_lost: AtomicU64,
    closing: AtomicBool,
}

impl Recorder {
    /// An empty one.
    pub(crate) fn new(gate: RetentionGate) -> Arc<Self> {
        Arc::new(Self {
            gate,
            waiting: Mutex::new(Batch::new()),
            wake: Notify::new(),
            fault: Fault::default(),
            n_lost: AtomicU64::new(0),
            closing: AtomicBool::new(false),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Batch> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes rows that the retention gate lets through. Never waits for the disk.
    pub(crate) fn keep(&self, rows: Vec<Row>, now: Timestamp) {
        if rows.is_empty() {
            return;
        }
        let mut batch = self.lock();
        for row in rows {
            if batch.len() >= MAX_WAITING && !is_of_a_lesson(&row) {
                self.n_lost.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            self.admit(&mut batch, row, now);
        }
        drop(batch);
        self.wake.notify_one();
    }

    /// A kind of row that was not promised is not written; that is an answer, not a failure.
    fn admit(&self, batch: &mut Batch, row: Row, now: Timestamp) {
        macro_rules! through_the_gate {
            ($row:expr, $add:ident) => {
                if let Answer::Granted(kept) = self.gate.keep($row, now) {
                    batch.$add(kept);
                }
            };
        }
        match row {
            Row::Decision(row) => through_the_gate!(row, decision),
            Row::Outcome(row) => through_the_gate!(row, outcome),
            Row::PlayStart(row) => through_the_gate!(row, play_start),
            Row::PlayEnd(row) => through_the_gate!(row, play_end),
            Row::Policy(row) => through_the_gate!(row, policy),
            Row::Minute(row) => through_the_gate!(row, minute),
            Row::Fact(row) => through_the_gate!(row, fact),
            Row::Campaign(row) => through_the_gate!(row, campaign),
        }
    }

    /// Why the last write failed; nothing when it did not.
    pub(crate) fn fault(&self) -> Option<String> {
        self.fault.why()
    }

    /// Rows that wait.
    pub(crate) fn n_waiting(&self) -> usize {
        self.lock().len()
    }

    /// Rows that were lost because the store failed for too long.
    pub(crate) fn n_lost(&self) -> u64 {
        self.n_lost.load(Ordering::Relaxed)
    }

    /// Lets [`Self::run`] write what is left and return.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Writes groups of rows until closed.
    pub(crate) async fn run(self: Arc<Self>, store: Arc<dyn Store>) {
        loop {
            if self.n_waiting() == 0 {
                if self.closing.load(Ordering::Acquire) {
                    return;
                }
                self.wake.notified().await;
            }
            if !self.closing.load(Ordering::Acquire) {
                tokio::time::sleep(GATHER).await;
            }
            let batch = std::mem::take(&mut *self.lock());
            if batch.is_empty() {
                continue;
            }
            match store.commit(&batch).await {
                Ok(_) => {
                    if self.fault.end() {
                        tracing::info!(lost = self.n_lost(), "recording goes on");
                    }
                }
                Err(error) => {
                    self.failed(&error);
                    self.put_back(batch);
                    if self.closing.load(Ordering::Acquire) {
                        tracing::error!(rows = self.n_waiting(), "rows were lost at the end");
                        return;
                    }
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    /// What waits goes behind what could not be written, in the order it came.
    fn put_back(&self, mut batch: Batch) {
        let mut newer = self.lock();
        batch.append(&mut newer);
        *newer = batch;
    }

    /// Says it once, when writing begins to fail.
    fn failed(&self, error: &StoreError) {
        if self.fault.begin(&error.to_string()) {
            tracing::error!(%error, "recording stopped; the screens go on");
        }
    }
}

#[cfg(test)]
mod tests {
    use regard_backends::{Fact, OutcomeRow, PolicyRow};
    use regard_commitments::{Commitments, Profile, SiteKeys, Zeroizing};
    use regard_decision::{Outcome, PolicyState};
    use regard_domain::DecisionId;

    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn recorder() -> Arc<Recorder> {
        let document = Commitments::demo();
        let key = SiteKeys::from_seed(Zeroizing::new([5; 32])).commitments_key();
        let promise = document.sign(&key).verify(&key.verifying_key()).unwrap();
        let profile = Profile::named(&document.profile).unwrap();
        Recorder::new(RetentionGate::new(&promise, &profile).unwrap())
    }

    fn said(decision: u128, name: &str) -> Row {
        Row::Outcome(OutcomeRow(Outcome {
            decision: DecisionId::from_bits(decision),
            kind: OutcomeKind::Custom(name.to_owned()),
            value: 1.0,
            at: NOON,
            key: String::new(),
        }))
    }

    fn learned(campaign: &str, version: u64) -> Row {
        let text = format!(r#"{{"format":2,"version":{version},"learned":{{"kind":"rules"}}}}"#);
        Row::Policy(PolicyRow {
            campaign: campaign.parse().unwrap(),
            at: NOON,
            state: PolicyState::from_json(&text).unwrap(),
        })
    }

    #[test]
    fn what_was_learned_and_its_mark_are_not_lost_however_much_waits() {
        let recorder = recorder();
        let fact = |i: usize| {
            Row::Fact(Fact {
                name: format!("f{i}"),
                value: None,
                at: NOON,
            })
        };
        recorder.keep((0..MAX_WAITING + 3).map(fact).collect(), NOON);
        assert_eq!((recorder.n_waiting(), recorder.n_lost()), (MAX_WAITING, 3));
        let lessons = [
            said(1, LEARNED),
            learned("k", 1),
            said(2, LEARNED),
            learned("k", 2),
            said(3, HEARD),
            learned("other", 1),
        ];
        recorder.keep(lessons.into(), NOON);
        // Three marks, and of each policy the newest state.
        assert_eq!(recorder.n_waiting(), MAX_WAITING + 5);
        recorder.keep(vec![said(4, "till")], NOON);
        assert_eq!(
            (recorder.n_waiting(), recorder.n_lost()),
            (MAX_WAITING + 5, 4)
        );
    }
}
