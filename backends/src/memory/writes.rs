//! The group commit and the sweep.

use std::collections::BTreeMap;

use regard_commitments::DataKind;
use regard_decision::Outcome;
use regard_domain::{DecisionId, Timestamp};

use super::{Measured, Rooms};
use crate::{Batch, CommitReport, DecisionRow, OutcomeKey, OutcomeRow, Play, SweepReport};

impl Rooms {
    /// In the order in which one row may need the other. Nothing here can fail half way.
    pub(super) fn commit(&mut self, batch: &Batch) -> CommitReport {
        let mut report = CommitReport::default();
        self.commit_decisions(batch, &mut report);
        self.commit_plays(batch, &mut report);
        self.commit_outcomes(batch, &mut report);
        for kept in &batch.policies {
            if report.body("policy", kept.row()).is_some() {
                let key = kept.row().campaign.clone();
                report.displaced += self
                    .policies
                    .put(key, kept.row().clone(), kept.keep_until());
                report.written += 1;
            }
        }
        for kept in &batch.minutes {
            let row = kept.row();
            if report.body("minute", row).is_some() {
                let key = (row.minute, row.camera.clone(), row.run);
                report.displaced += self.minutes.put(key, row.clone(), kept.keep_until());
                report.written += 1;
            }
        }
        for kept in &batch.facts {
            if report.body("fact", kept.row()).is_some() {
                let key = kept.row().name.clone();
                report.displaced += self.facts.put(key, kept.row().clone(), kept.keep_until());
                report.written += 1;
            }
        }
        for kept in &batch.campaigns {
            if let Some((_, keep_until)) = self.totals.get_mut(&kept.row().campaign)
                && *keep_until < kept.keep_until()
            {
                *keep_until = kept.keep_until();
                report.written += 1;
            }
        }
        report
    }

    fn commit_decisions(&mut self, batch: &Batch, report: &mut CommitReport) {
        for kept in &batch.decisions {
            let DecisionRow(row) = kept.row();
            if report.body("decision", row).is_none() {
                continue;
            }
            if self.decisions.contains(&row.id) {
                report.repeated += 1;
                continue;
            }
            if let Some(campaign) = &row.campaign {
                match self.totals.get_mut(campaign) {
                    Some((n, keep_until)) => {
                        *n += 1;
                        *keep_until = kept.keep_until().max(*keep_until);
                    }
                    None => {
                        let key = campaign.clone();
                        report.displaced += self.totals.put(key, 1, kept.keep_until());
                    }
                }
            }
            report.displaced += self.decisions.put(row.id, row.clone(), kept.keep_until());
            report.written += 1;
        }
    }

    fn commit_plays(&mut self, batch: &Batch, report: &mut CommitReport) {
        for kept in &batch.play_starts {
            let row = kept.row();
            if self.plays.contains(&row.id) {
                report.repeated += 1;
                continue;
            }
            let play = Play {
                start: row.clone(),
                ended_at: None,
                shown_millis: 0,
            };
            report.displaced += self.plays.put(row.id, play, kept.keep_until());
            report.written += 1;
        }
        for kept in &batch.play_ends {
            let row = kept.row();
            if report.signed("play", row.shown_millis).is_none() {
                continue;
            }
            match self.plays.get_mut(&row.id) {
                Some((play, keep_until)) => {
                    play.ended_at = Some(row.at);
                    play.shown_millis = row.shown_millis;
                    *keep_until = kept.keep_until().min(*keep_until);
                    report.written += 1;
                }
                None => report.orphaned_ends.push(row.id),
            }
        }
    }

    fn commit_outcomes(&mut self, batch: &Batch, report: &mut CommitReport) {
        for kept in &batch.outcomes {
            let OutcomeRow(row) = kept.row();
            if report.body("outcome", row).is_none() {
                continue;
            }
            let key = OutcomeKey::of(row);
            if self.outcomes.contains(&key) {
                report.repeated_outcomes.push(key);
                continue;
            }
            let Some(decision) = self.decisions.get(&row.decision) else {
                report.orphaned_outcomes.push(key);
                continue;
            };
            let measured = Measured {
                outcome: row.clone(),
                campaign: decision.campaign.clone(),
                creative: decision.creative.clone(),
                decided_at: decision.at,
            };
            report.displaced += self.outcomes.put(key, measured, kept.keep_until());
            report.written += 1;
        }
    }

    pub(super) fn outcomes_of(&self, decision: DecisionId) -> impl Iterator<Item = &Outcome> {
        let first = OutcomeKey {
            decision,
            kind: String::new(),
            key: String::new(),
        };
        self.outcomes
            .from(first)
            .take_while(move |(key, _)| key.decision == decision)
            .map(|(_, measured)| &measured.outcome)
    }

    pub(super) fn sweep(&mut self, now: Timestamp) -> SweepReport {
        let checkpoints = sweep_map(&mut self.checkpoints, now);
        let commitments = sweep_map(&mut self.commitments, now);
        let releases = sweep_map(&mut self.releases, now);
        let mut entries = 0;
        for (row, _) in self.ledger.iter_mut().filter(|(_, end)| *end <= now) {
            entries += u64::from(row.bytes.take().is_some());
        }
        let mut report = SweepReport {
            is_wiped: true,
            ..SweepReport::default()
        };
        for (kind, n_rows) in [
            (DataKind::Ledger, checkpoints + entries),
            (DataKind::Commitments, commitments),
            (DataKind::Release, releases),
            (DataKind::Decision, self.decisions.sweep(now)),
            (DataKind::Fact, self.facts.sweep(now)),
            (DataKind::MinuteAggregate, self.minutes.sweep(now)),
            (DataKind::Outcome, self.outcomes.sweep(now)),
            (DataKind::Play, self.plays.sweep(now)),
            (DataKind::PolicyState, self.policies.sweep(now)),
            (DataKind::Credential, self.settings.sweep(now)),
            (
                DataKind::Person,
                self.sealed.sweep(now) + self.collected.sweep(now),
            ),
            (
                DataKind::Content,
                self.totals.sweep(now)
                    + self.documents.sweep(now)
                    + self.studies.sweep(now)
                    + self.invitations.sweep(now),
            ),
        ] {
            report.count(kind, n_rows);
        }
        report
    }
}

fn sweep_map<K: Ord, T>(map: &mut BTreeMap<K, (T, Timestamp)>, now: Timestamp) -> u64 {
    let before = map.len();
    map.retain(|_, (_, end)| *end > now);
    (before - map.len()) as u64
}
