//! A lid on the refusals that the ledger is told of.

use regard_domain::Timestamp;

use crate::ledger::{EntryBody, LedgerEntry};

/// Refusals that the ledger tells one by one within a minute; more are counted and told with the next. Origin: a ledger keeps
/// entries for ten years, and whoever is refused can ask again at once.
const MAX_TOLD_A_MINUTE: u64 = 60;

/// How many refusals the ledger was told of within a minute.
#[derive(Debug, Default)]
pub(crate) struct ToldRefusals {
    minute: i64,
    n_told: u64,
    n_untold: u64,
}

impl ToldRefusals {
    /// The entry of one more refusal, made from how many were not told before it; none where it is not told itself.
    pub(crate) fn entry(
        &mut self,
        now: Timestamp,
        body: impl FnOnce(u64) -> EntryBody,
    ) -> Vec<LedgerEntry> {
        let minute = now.as_millis().div_euclid(60_000);
        if minute != self.minute {
            (self.minute, self.n_told) = (minute, 0);
        }
        if self.n_told >= MAX_TOLD_A_MINUTE {
            self.n_untold += 1;
            return Vec::new();
        }
        self.n_told += 1;
        let body = body(std::mem::take(&mut self.n_untold));
        vec![LedgerEntry { at: now, body }]
    }
}
