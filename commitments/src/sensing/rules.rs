//! What the Sensing gate asks of a camera, in the order in which it asks.

use regard_domain::{CameraId, ScreenId, Timestamp};

use super::{CameraState, NOTICE_HEARTBEAT_TTL, SensingGate, Verdict};
use crate::commitments::{AudienceKind, StaffRule, StaffZone};
use crate::refusal::{Refusal, RefusalCode};
use crate::scope::{Scope, Scopes};

fn no_screen(camera: &CameraId) -> Refusal {
    Refusal::new(
        RefusalCode::NoticeMissing,
        format!("no screen is named that carries the notice for camera {camera}"),
        "name a screen for this camera in the configuration",
    )
}

impl SensingGate {
    /// What the rules say now: the scopes that may be had and those that may not.
    ///
    /// # Errors
    /// The refusal, where the camera stays shut.
    pub(super) fn judge(
        &self,
        camera: &CameraId,
        wanted: Scopes,
        now: Timestamp,
    ) -> Result<Verdict, Refusal> {
        if self.outage.is_some() {
            return Err(Refusal::new(
                RefusalCode::LedgerUnavailable,
                "the ledger cannot be written, and what cannot be recorded is not done",
                "free disk space or repair the data folder",
            ));
        }
        if !self.commitments.is_effective(now) {
            let from = self.commitments.document().effective_from;
            return Err(Refusal::new(
                RefusalCode::NoticeMissing,
                format!("the commitments hold from {from} only"),
                "wait, or sign commitments that hold today",
            ));
        }
        let state = self.cameras.get(camera).ok_or_else(|| no_screen(camera))?;
        if state.blinded_until.is_some_and(|until| now < until) {
            return Err(Refusal::new(
                RefusalCode::ObjectionActive,
                "someone asked not to be looked at",
                "wait; one objection lasts at most 15 minutes",
            ));
        }
        let valid_until = self.notice_until(state, now)?;
        let mut verdict = Verdict {
            scopes: Scopes::NONE,
            withheld: Vec::new(),
            valid_until,
        };
        for scope in wanted.iter() {
            match self.scope_rule(state, scope, now) {
                Ok(()) => verdict.scopes = verdict.scopes.with(scope),
                Err(refusal) if scope == Scope::Count => return Err(refusal),
                Err(refusal) => verdict.withheld.push((scope, refusal)),
            }
        }
        if let Some(end) = state.agreement_bounds(verdict.scopes, &self.profile) {
            verdict.valid_until = verdict.valid_until.min(end);
        }
        Ok(verdict)
    }

    /// Until when the notice counts as shown.
    fn notice_until(&self, state: &CameraState, now: Timestamp) -> Result<Timestamp, Refusal> {
        if !self.profile.needs_notice() {
            return Ok(now.plus(NOTICE_HEARTBEAT_TTL));
        }
        let seen = state
            .setup
            .screens
            .iter()
            .filter_map(|s| self.heartbeats.get(s));
        // A heartbeat from the future means that the clock was set back: how old it is cannot be known.
        let live = seen
            .filter(|at| **at <= now && now < at.plus(NOTICE_HEARTBEAT_TTL))
            .max();
        live.map(|at| at.plus(NOTICE_HEARTBEAT_TTL)).ok_or_else(|| {
            let screens: Vec<&str> = state.setup.screens.iter().map(ScreenId::as_str).collect();
            let camera = &state.setup.camera;
            if screens.is_empty() {
                no_screen(camera)
            } else {
                Refusal::new(
                    RefusalCode::NoticeMissing,
                    format!("no screen shows the notice for camera {camera}"),
                    format!("open the page of screen {}", screens.join(" or ")),
                )
            }
        })
    }

    fn scope_rule(&self, state: &CameraState, scope: Scope, now: Timestamp) -> Result<(), Refusal> {
        let document = self.commitments.document();
        if self.profile.consented_scopes().contains(scope)
            && !self.profile.allowed_scopes().contains(scope)
        {
            state.agreement.check(now)?;
        } else if !self.profile.allowed_scopes().contains(scope) {
            return Err(Refusal::new(
                RefusalCode::FeatureNotInProfile,
                format!("profile {} does not allow {scope}", self.profile.name()),
                "choose a profile that allows it, and sign commitments for that profile",
            ));
        }
        if !document.scopes.contains(scope) {
            return Err(Refusal::new(
                RefusalCode::PurposeNotPromised,
                format!(
                    "version {} of the commitments does not name {scope}",
                    document.version
                ),
                format!("add \"{scope}\" to scopes and sign a new version"),
            ));
        }
        match scope {
            Scope::Count | Scope::Attention | Scope::AgeGuard => Ok(()),
            Scope::Expression => self.expression_rule(state, now),
            Scope::MicroExpression => {
                self.expression_rule(state, now)?;
                Err(Refusal::new(
                    RefusalCode::ConsentMissing,
                    "no participant of a study has agreed",
                    "collect the consent of each participant",
                ))
            }
        }
    }

    fn expression_rule(&self, state: &CameraState, now: Timestamp) -> Result<(), Refusal> {
        let declared = &self.commitments.document().declarations;
        if declared.is_workplace_or_education() {
            return Err(Refusal::new(
                RefusalCode::WorkplaceOrEducation,
                "people at work or in education are looked at",
                "count and measure attention only",
            ));
        }
        self.staff_rule(state, now)?;
        if declared.expects_children() {
            return Err(Refusal::new(
                RefusalCode::MinorProtection,
                "children are expected at this site",
                "count and measure attention only",
            ));
        }
        if declared.audience == AudienceKind::Undeclared {
            return Err(Refusal::new(
                RefusalCode::MinorProtection,
                "nobody declared who is expected to look",
                "declare the audience of the site and sign a new version",
            ));
        }
        Ok(())
    }

    fn staff_rule(&self, state: &CameraState, now: Timestamp) -> Result<(), Refusal> {
        let refuse = |reason: &str, remedy: &str| {
            Err(Refusal::new(RefusalCode::StaffInView, reason, remedy))
        };
        match &self.commitments.document().declarations.staff {
            StaffRule::NoStaffInView => Ok(()),
            StaffRule::Undeclared => refuse(
                "nothing keeps staff out of view",
                "declare zones or hours of staff, or that no staff come into view",
            ),
            StaffRule::Zones { .. } if self.staff_zones(&state.setup.camera).is_empty() => refuse(
                "no staff zone is declared for this camera",
                "declare where staff stand in its picture",
            ),
            StaffRule::Zones { .. } if !state.setup.masks_staff_zones => refuse(
                "staff zones are declared, but this camera does not leave them out",
                "turn masking on for this camera",
            ),
            StaffRule::Zones { .. } => Ok(()),
            StaffRule::Hours { hours } => match self.local_minute(now) {
                None => refuse(
                    "staff hours are declared, but the local time is not known",
                    "set the time zone of the machine",
                ),
                Some(minute) if hours.iter().any(|h| h.contains(minute)) => refuse(
                    "staff are in view at this hour",
                    "wait until their hours end",
                ),
                Some(_) => Ok(()),
            },
        }
    }

    pub(super) fn staff_zones(&self, camera: &CameraId) -> Vec<StaffZone> {
        match &self.commitments.document().declarations.staff {
            StaffRule::Zones { zones } => zones
                .iter()
                .filter(|zone| zone.camera == *camera)
                .cloned()
                .collect(),
            StaffRule::NoStaffInView | StaffRule::Undeclared | StaffRule::Hours { .. } => {
                Vec::new()
            }
        }
    }

    fn local_minute(&self, now: Timestamp) -> Option<u16> {
        let offset = i64::from(self.utc_offset_secs?);
        let secs = now.as_micros().div_euclid(1_000_000).checked_add(offset)?;
        u16::try_from(secs.rem_euclid(86_400) / 60).ok()
    }
}
