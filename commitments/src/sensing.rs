//! The Sensing gate: whether a camera may be looked at, and how.

mod agreement;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use regard_domain::{CameraId, ScreenId, Timestamp};

use crate::digest::Digest;
use crate::grant::{Grant, GrantOrigin, Sensing, SensingTerms};
use crate::ledger::{EntryBody, LedgerEntry};
use crate::notice::Notice;
use crate::profile::{Profile, PromiseFault};
use crate::refusal::{Answer, Refusal, RefusalCode};
use crate::scope::{Scope, Scopes};
use crate::signed::VerifiedCommitments;

use self::agreement::Agreement;
pub use self::agreement::MAX_AGREEMENT;

/// How long a heartbeat of a screen keeps its cameras open: a camera closes within one second of the
/// heartbeat failing (GDPR 12-14 as read in the rules of this program).
pub const NOTICE_HEARTBEAT_TTL: Duration = Duration::from_secs(1);

/// How often a screen should send its heartbeat: two may be lost on the way before the camera closes.
pub const NOTICE_HEARTBEAT_INTERVAL: Duration = Duration::from_millis(300);

/// How often [`SensingGate::tick`] should be called, so that a camera is closed within a second of
/// the first heartbeat that failed to come: at the latest 1 s − 300 ms + 100 ms after it was due.
pub const SENSING_TICK: Duration = Duration::from_millis(100);

/// The longest that one objection shuts a camera (CNIL 2022: objection must work at once; a lid, so
/// that one act cannot shut a site for good).
pub const MAX_OBJECTION: Duration = Duration::from_mins(15);

/// Entries held while the ledger cannot be written. Cameras are shut then, so that only objections
/// and closings come; past this the newest is counted and dropped.
const MAX_PENDING: usize = 1_024;

/// An outcome, and the entries to write into the ledger before acting on it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the entries belong into the ledger"]
pub struct Ruled<T> {
    /// What the gate says.
    pub outcome: T,
    /// What the ledger is to hold, in order.
    pub entries: Vec<LedgerEntry>,
}

/// A camera that must close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Which camera.
    pub camera: CameraId,
    /// Why.
    pub refusal: Refusal,
}

/// One camera as the gate must know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraSetup {
    /// The camera.
    pub camera: CameraId,
    /// Screens that carry the notice where this camera looks; one of them alive is enough.
    pub screens: BTreeSet<ScreenId>,
    /// Whether the analysers leave out faces in [`Grant::staff_zones`]. Where they do not, a site that
    /// relies on zones gets no expression analysis.
    pub masks_staff_zones: bool,
}

/// What became of a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// It counts.
    Counted,
    /// The screen shows another notice than the one promised.
    OtherNotice,
    /// No camera relies on this screen.
    UnknownScreen,
}

#[derive(Debug)]
struct CameraState {
    setup: CameraSetup,
    grant: Option<Grant<Sensing>>,
    blinded_until: Option<Timestamp>,
    /// Whether somebody in front of it agreed to be looked at.
    agreement: Agreement,
    /// The refusal that was told last; a run of the same is told once.
    refused: Option<RefusalCode>,
}

/// What the rules give at one instant.
struct Verdict {
    scopes: Scopes,
    withheld: Vec<(Scope, Refusal)>,
    valid_until: Timestamp,
}

#[derive(Debug)]
struct Outage {
    since: Timestamp,
    pending: Vec<LedgerEntry>,
    n_dropped: u64,
}

/// Says whether a camera may be looked at, under which scopes, and takes its word back the moment a
/// reason for it is gone.
///
/// # Privacy
/// Sees no frames and no people: screens, cameras, times.
#[derive(Debug)]
pub struct SensingGate {
    commitments: VerifiedCommitments,
    profile: Profile,
    notice: Notice,
    notice_hash: Digest,
    cameras: BTreeMap<CameraId, CameraState>,
    heartbeats: BTreeMap<ScreenId, Timestamp>,
    utc_offset_secs: Option<i32>,
    outage: Option<Outage>,
    refusals: BTreeMap<RefusalCode, u64>,
}

impl SensingGate {
    /// The gate of these commitments; no camera is known to it yet.
    ///
    /// # Errors
    /// Where the commitments are not made for this profile or go beyond it.
    pub fn new(commitments: VerifiedCommitments, profile: Profile) -> Result<Self, PromiseFault> {
        profile.accepts(&commitments)?;
        let notice = Notice::of(&commitments, &profile);
        Ok(Self {
            notice_hash: notice.hash(),
            notice,
            commitments,
            profile,
            cameras: BTreeMap::new(),
            heartbeats: BTreeMap::new(),
            utc_offset_secs: None,
            outage: None,
            refusals: BTreeMap::new(),
        })
    }

    /// The notice that screens must show.
    pub fn notice(&self) -> &Notice {
        &self.notice
    }

    /// The hash that heartbeats must carry.
    pub fn notice_hash(&self) -> Digest {
        self.notice_hash
    }

    /// The commitments in force.
    pub fn commitments(&self) -> &VerifiedCommitments {
        &self.commitments
    }

    /// The profile in force.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The entry that tells that these commitments came into force; the first to write.
    pub fn published(&self, now: Timestamp) -> LedgerEntry {
        LedgerEntry {
            at: now,
            body: EntryBody::CommitmentsPublished {
                version: self.commitments.document().version,
                commitments: self.commitments.digest(),
                notice: self.notice_hash,
                key: self.commitments.key_digest(),
            },
        }
    }

    /// Makes a camera known, or changes which screens carry its notice; a grant it has is judged anew
    /// at the next tick.
    pub fn register(&mut self, setup: CameraSetup) {
        match self.cameras.get_mut(&setup.camera) {
            Some(state) => state.setup = setup,
            None => {
                let state = CameraState {
                    grant: None,
                    blinded_until: None,
                    agreement: Agreement::Never,
                    refused: None,
                    setup: setup.clone(),
                };
                self.cameras.insert(setup.camera, state);
            }
        }
        let cameras = &self.cameras;
        let carried =
            |screen: &ScreenId| cameras.values().any(|c| c.setup.screens.contains(screen));
        self.heartbeats.retain(|screen, _| carried(screen));
    }

    /// How many seconds local time is ahead of UTC, negative west of Greenwich; needed by staff hours, and
    /// to be told again when it changes. Without it a site that relies on hours gets no expression
    /// analysis.
    pub fn set_utc_offset_secs(&mut self, secs: i32) {
        self.utc_offset_secs = Some(secs);
    }

    /// A screen reports that it shows this notice.
    pub fn heartbeat(&mut self, screen: &ScreenId, notice: Digest, now: Timestamp) -> Heartbeat {
        if !self
            .cameras
            .values()
            .any(|c| c.setup.screens.contains(screen))
        {
            return Heartbeat::UnknownScreen;
        }
        if notice != self.notice_hash {
            self.heartbeats.remove(screen);
            return Heartbeat::OtherNotice;
        }
        self.heartbeats.insert(screen.clone(), now);
        for state in self.cameras.values() {
            if let Some(grant) = &state.grant
                && state.setup.screens.contains(screen)
            {
                let agreed = state.agreement_bounds(grant.scopes(), &self.profile);
                let until = now.plus(NOTICE_HEARTBEAT_TTL);
                grant.extend_to(agreed.map_or(until, |end| end.min(until)));
            }
        }
        Heartbeat::Counted
    }

    /// A screen is gone, or stopped showing the notice.
    pub fn screen_gone(&mut self, screen: &ScreenId) {
        self.heartbeats.remove(screen);
    }

    /// Asks to look through a camera. Counting is always part of the question: the other analyses look at
    /// faces that were found. What else is not allowed narrows the grant, see [`Grant::withheld`].
    /// Asking again while the answer is the same gives the same grant. A camera that is not known becomes
    /// known, without a screen.
    pub fn ask(
        &mut self,
        camera: &CameraId,
        wanted: Scopes,
        now: Timestamp,
    ) -> Ruled<Answer<Grant<Sensing>>> {
        if !self.cameras.contains_key(camera) {
            self.register(CameraSetup {
                camera: camera.clone(),
                screens: BTreeSet::new(),
                masks_staff_zones: false,
            });
        }
        match self.judge(camera, wanted.with(Scope::Count), now) {
            Ok(verdict) => self.give(camera, verdict, now),
            Err(refusal) => self.refuse(camera, refusal, now),
        }
    }

    /// Looks after the grants given: revokes each whose reason is gone, at the latest when its notice
    /// was not confirmed for [`NOTICE_HEARTBEAT_TTL`].
    pub fn tick(&mut self, now: Timestamp) -> Ruled<Vec<Revocation>> {
        let live: Vec<(CameraId, Scopes)> = self
            .cameras
            .iter()
            .filter_map(|(camera, state)| Some((camera.clone(), state.grant.as_ref()?.scopes())))
            .collect();
        let mut revoked = Vec::new();
        for (camera, scopes) in live {
            match self.judge(&camera, scopes, now) {
                Ok(verdict) => match verdict.withheld.into_iter().next() {
                    Some((_, refusal)) => revoked.push(Revocation { camera, refusal }),
                    None => {
                        if let Some(grant) =
                            self.cameras.get(&camera).and_then(|c| c.grant.as_ref())
                        {
                            grant.extend_to(verdict.valid_until);
                        }
                    }
                },
                Err(refusal) => revoked.push(Revocation { camera, refusal }),
            }
        }
        let entries = revoked
            .iter()
            .map(|revocation| self.revoke(revocation, now))
            .collect();
        self.ruled(revoked, entries)
    }

    /// Someone asked not to be looked at: the camera is shut until then, at most [`MAX_OBJECTION`] from
    /// `now`; a longer shutting already in force stays. A camera that is not known has nothing to shut.
    pub fn blind(
        &mut self,
        camera: &CameraId,
        until: Timestamp,
        now: Timestamp,
    ) -> Ruled<Vec<Revocation>> {
        let Some(state) = self.cameras.get_mut(camera) else {
            return self.ruled(Vec::new(), Vec::new());
        };
        let until = until.min(now.plus(MAX_OBJECTION));
        if until <= now {
            return self.ruled(Vec::new(), Vec::new());
        }
        let until = state
            .blinded_until
            .map_or(until, |earlier| earlier.max(until));
        state.blinded_until = Some(until);
        let objected = LedgerEntry {
            at: now,
            body: EntryBody::Objected {
                camera: camera.clone(),
                until,
            },
        };
        let mut ruled = self.tick(now);
        let entries = self.ruled((), vec![objected]).entries;
        ruled.entries.splice(0..0, entries);
        ruled
    }

    /// The owner closes a camera: its grant ends. The camera stays known.
    pub fn close(&mut self, camera: &CameraId, now: Timestamp) -> Ruled<()> {
        let open = self
            .cameras
            .get_mut(camera)
            .and_then(|state| state.grant.take());
        let entry = open.map(|grant| {
            grant.revoke();
            LedgerEntry {
                at: now,
                body: EntryBody::Closed {
                    camera: camera.clone(),
                },
            }
        });
        self.ruled((), entry.into_iter().collect())
    }

    /// Closes every camera, for a stop in good order or before other commitments come into force.
    pub fn close_all(&mut self, now: Timestamp) -> Ruled<()> {
        let cameras: Vec<CameraId> = self.cameras.keys().cloned().collect();
        let entries = cameras
            .iter()
            .flat_map(|camera| self.close(camera, now).entries)
            .collect();
        Ruled {
            outcome: (),
            entries,
        }
    }

    /// The ledger cannot be written: every camera closes, and stays so until
    /// [`SensingGate::ledger_available`]. Entries of this time are held and given then.
    pub fn ledger_unavailable(&mut self, now: Timestamp) -> Vec<Revocation> {
        self.outage.get_or_insert_with(|| Outage {
            since: now,
            pending: Vec::new(),
            n_dropped: 0,
        });
        self.tick(now).outcome
    }

    /// The ledger can be written again; these entries first. Nothing if it was never unavailable.
    /// Should writing them fail, say [`SensingGate::ledger_unavailable`] and keep them.
    pub fn ledger_available(&mut self, now: Timestamp) -> Vec<LedgerEntry> {
        let Some(outage) = self.outage.take() else {
            return Vec::new();
        };
        let mut entries = outage.pending;
        entries.push(LedgerEntry {
            at: now,
            body: EntryBody::Interrupted {
                since: outage.since,
                n_unrecorded: outage.n_dropped,
            },
        });
        entries
    }

    /// Until when a camera stays shut because somebody asked not to be looked at; `None` where it does not.
    pub fn objected_until(&self, camera: &CameraId, now: Timestamp) -> Option<Timestamp> {
        let until = self.cameras.get(camera)?.blinded_until?;
        (now < until).then_some(until)
    }

    /// The present grant of a camera.
    pub fn grant(&self, camera: &CameraId) -> Option<&Grant<Sensing>> {
        self.cameras.get(camera)?.grant.as_ref()
    }

    /// How often each code was given as an answer; a run of the same answer for a camera counts once.
    pub fn refusals(&self) -> BTreeMap<RefusalCode, u64> {
        self.refusals.clone()
    }

    fn give(
        &mut self,
        camera: &CameraId,
        verdict: Verdict,
        now: Timestamp,
    ) -> Ruled<Answer<Grant<Sensing>>> {
        let staff_zones = self.staff_zones(camera);
        let state = self.cameras.get_mut(camera).expect("judged, so known");
        state.refused = None;
        if let Some(present) = &state.grant {
            if present.scopes() == verdict.scopes
                && present.withheld() == verdict.withheld
                && present.staff_zones() == staff_zones
            {
                present.extend_to(verdict.valid_until);
                let outcome = Answer::Granted(present.clone());
                return self.ruled(outcome, Vec::new());
            }
            present.revoke();
        }
        let codes: BTreeMap<Scope, RefusalCode> = verdict
            .withheld
            .iter()
            .map(|(scope, refusal)| (*scope, refusal.code))
            .collect();
        for code in codes.values() {
            *self.refusals.entry(*code).or_default() += 1;
        }
        let entry = LedgerEntry {
            at: now,
            body: EntryBody::Granted {
                camera: camera.clone(),
                scopes: verdict.scopes,
                withheld: codes,
                commitments: self.commitments.digest(),
                notice: self.notice_hash,
            },
        };
        let terms = SensingTerms {
            camera: camera.clone(),
            origin: GrantOrigin::LiveCamera,
            scopes: verdict.scopes,
            withheld: verdict.withheld,
            staff_zones,
            commitments: Some(self.commitments.digest()),
        };
        let grant = Grant::issue(terms, verdict.valid_until, Vec::new());
        state.grant = Some(grant.clone());
        self.ruled(Answer::Granted(grant), vec![entry])
    }

    fn refuse(
        &mut self,
        camera: &CameraId,
        refusal: Refusal,
        now: Timestamp,
    ) -> Ruled<Answer<Grant<Sensing>>> {
        let code = refusal.code;
        let state = self
            .cameras
            .get_mut(camera)
            .expect("known since it was asked for");
        let entry = if state.grant.is_some() {
            let revocation = Revocation {
                camera: camera.clone(),
                refusal: refusal.clone(),
            };
            Some(self.revoke(&revocation, now))
        } else if state.refused.replace(code) == Some(code) {
            None
        } else {
            *self.refusals.entry(code).or_default() += 1;
            Some(LedgerEntry {
                at: now,
                body: EntryBody::Refused {
                    camera: camera.clone(),
                    code,
                },
            })
        };
        self.ruled(Answer::Refused(refusal), entry.into_iter().collect())
    }

    /// Ends the grant of a camera; this opens a run of refusals.
    fn revoke(&mut self, revocation: &Revocation, now: Timestamp) -> LedgerEntry {
        let code = revocation.refusal.code;
        if let Some(state) = self.cameras.get_mut(&revocation.camera) {
            if let Some(grant) = state.grant.take() {
                grant.revoke();
            }
            state.refused = Some(code);
        }
        *self.refusals.entry(code).or_default() += 1;
        LedgerEntry {
            at: now,
            body: EntryBody::Revoked {
                camera: revocation.camera.clone(),
                code,
            },
        }
    }

    /// An outcome with its entries; during an outage the entries are held back.
    fn ruled<T>(&mut self, outcome: T, entries: Vec<LedgerEntry>) -> Ruled<T> {
        let Some(outage) = &mut self.outage else {
            return Ruled { outcome, entries };
        };
        for entry in entries {
            if outage.pending.len() < MAX_PENDING {
                outage.pending.push(entry);
            } else {
                outage.n_dropped += 1;
            }
        }
        Ruled {
            outcome,
            entries: Vec::new(),
        }
    }
}
