//! Whether somebody who was recognised may enter the context of a decision.

use std::time::Duration;

use regard_domain::{Timestamp, TrackId};

use super::RecognitionGate;
use crate::consent::{ConsentPurpose, LiveConsent, missing};
use crate::erasure::subject;
use crate::grant::{Grant, Lifeline, Personalization};
use crate::ledger::{EntryBody, LedgerEntry};
use crate::personal::{PersonalTerms, Recognized};
use crate::refusal::{Answer, Refusal};
use crate::sensing::Ruled;

/// Longest time that somebody stays recognised, whatever the track does. Origin: nobody stands before a screen for longer.
const PERSONAL_TTL: Duration = Duration::from_secs(3_600);

/// Tracks with a person at once. When full the one whose time is over first goes.
const MAX_TRACKS: usize = 1_000;

impl RecognitionGate {
    /// Asks to let somebody who was recognised enter the context of a decision. The grant ends with their track, and with
    /// their consent.
    pub fn ask_personalization(
        &mut self,
        who: &Recognized<'_>,
        consent: &LiveConsent,
        track: TrackId,
        now: Timestamp,
    ) -> Ruled<Answer<Grant<Personalization>>> {
        match self.rule_personalization(who, consent, now) {
            Ok((lifelines, until)) => {
                let line = self.line_of(track, until, now);
                let lifelines = lifelines.into_iter().chain([line]).collect();
                let terms = PersonalTerms {
                    person: consent.person(),
                    track,
                };
                let body = EntryBody::PersonalizationGranted {
                    subject: subject(consent.person()),
                    receipt: consent.receipt(),
                    until,
                };
                Ruled {
                    outcome: Answer::Granted(Grant::issue(terms, until, lifelines)),
                    entries: vec![LedgerEntry { at: now, body }],
                }
            }
            Err(refusal) => {
                let code = refusal.code;
                let entries = if self.is_ledger_out {
                    Vec::new()
                } else {
                    self.told
                        .entry(now, |n_untold| EntryBody::PersonalizationRefused {
                            code,
                            n_untold,
                        })
                };
                Ruled {
                    outcome: Answer::Refused(refusal),
                    entries,
                }
            }
        }
    }

    fn rule_personalization(
        &self,
        who: &Recognized<'_>,
        consent: &LiveConsent,
        now: Timestamp,
    ) -> Result<(Vec<Lifeline>, Timestamp), Refusal> {
        const PURPOSE: ConsentPurpose = ConsentPurpose::Personalize;
        self.standing().may_ask_for(PURPOSE, now)?;
        consent.serves(PURPOSE, now)?;
        let (lines, until) = match who {
            Recognized::Verified(key) => {
                if !key.is_live_at(now) || !key.is_about(consent.person()) {
                    return Err(missing(PURPOSE));
                }
                (key.grant().lifelines().to_vec(), consent.until())
            }
            Recognized::Identified(key, identified) => {
                identified.serves(ConsentPurpose::Identify, now)?;
                if !key.is_live_at(now) || identified.person() != consent.person() {
                    return Err(missing(PURPOSE));
                }
                let mut lines = key.grant().lifelines().to_vec();
                lines.push(identified.lifeline().clone());
                (lines, consent.until().min(identified.until()))
            }
        };
        let lifelines = lines.into_iter().chain([consent.lifeline().clone()]);
        Ok((lifelines.collect(), until.min(now.plus(PERSONAL_TTL))))
    }

    /// The line of a track, made where there is none yet.
    fn line_of(&mut self, track: TrackId, until: Timestamp, now: Timestamp) -> Lifeline {
        self.tracks.retain(|_, (until, line)| {
            let goes_on = now < *until;
            if !goes_on {
                line.cut();
            }
            goes_on
        });
        if self.tracks.len() >= MAX_TRACKS && !self.tracks.contains_key(&track) {
            let first = self
                .tracks
                .iter()
                .min_by_key(|(id, (until, _))| (*until, **id));
            if let Some(id) = first.map(|(id, _)| *id) {
                self.track_ended(id);
            }
        }
        let entry = self.tracks.entry(track);
        let (end, line) = entry.or_insert_with(|| (until, Lifeline::default()));
        *end = (*end).max(until);
        line.clone()
    }

    /// A visitor is gone: whoever they were recognised as enters no context any more.
    pub fn track_ended(&mut self, track: TrackId) {
        if let Some((_, line)) = self.tracks.remove(&track) {
            line.cut();
        }
    }
}
