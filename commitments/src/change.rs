//! What a new version of commitments changes for the people in front of the screens.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use thiserror::Error;

use crate::commitments::{AudienceKind, Commitments, Custody, LegalBasis, StaffRule};
use crate::epsilon::Epsilon;
use crate::profile::Profile;
use crate::retention::{DataKind, KeepFor};
use crate::scope::Scope;
use crate::word::word;

/// Whether a change leaves people better or worse protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Less may be done, or for less long. Data taken before needs nothing.
    Strengthens,
    /// It makes no difference to what may be done with data.
    Neutral,
    /// More may be done, or for longer, or whether it is so cannot be told. Data taken before stays under the
    /// promise it was taken under.
    Weakens,
}

impl Direction {
    /// The direction of a change of how much is allowed.
    fn of_reach<T: Ord>(from: &T, to: &T) -> Self {
        match to.cmp(from) {
            Ordering::Less => Self::Strengthens,
            Ordering::Equal => Self::Neutral,
            Ordering::Greater => Self::Weakens,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Strengthens => "strengthens",
            Self::Neutral => "neutral",
            Self::Weakens => "weakens",
        })
    }
}

/// One difference between two versions of commitments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Path of the field in the document, such as `retention.decision`.
    pub field: String,
    /// What it does to the promise.
    pub direction: Direction,
    /// The difference in plain words, one sentence.
    pub text: String,
}

/// Two documents that are not versions of one promise.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotAVersion {
    /// They are about different sites.
    #[error("these are commitments of two sites, {older:?} and {newer:?}, not two versions of one")]
    OtherSite {
        /// Site of the older one.
        older: String,
        /// Site of the newer one.
        newer: String,
    },
    /// The content differs, the number does not grow.
    #[error("the content changed but the version went from {older} to {newer}; give the new one version {}", older.saturating_add(1))]
    NotNewer {
        /// Version of the older one.
        older: u32,
        /// Version of the newer one.
        newer: u32,
    },
}

impl Commitments {
    /// What changes from this version to a newer one, in the order of the document; empty if nothing does but the
    /// number and the date. What is unsure counts as weakening.
    ///
    /// # Errors
    /// [`NotAVersion`] if the other document is no newer version of this one.
    pub fn changes_to(&self, newer: &Self) -> Result<Vec<Change>, NotAVersion> {
        if self.site.id != newer.site.id {
            return Err(NotAVersion::OtherSite {
                older: self.site.id.to_string(),
                newer: newer.site.id.to_string(),
            });
        }
        let mut changes = Changes::default();
        changes.profile(self, newer);
        changes.purposes(self, newer);
        changes.scopes_and_categories(self, newer);
        changes.custody(self, newer);
        changes.consent(self, newer);
        changes.who(self, newer);
        changes.declarations(self, newer);
        changes.notice(self, newer);
        changes.retention(&self.retention, &newer.retention);
        changes.statistics(self, newer);
        changes.recipients(self, newer);
        if !changes.found.is_empty() && newer.version <= self.version {
            return Err(NotAVersion::NotNewer {
                older: self.version,
                newer: newer.version,
            });
        }
        Ok(changes.found)
    }
}

#[derive(Default)]
struct Changes {
    found: Vec<Change>,
}

impl Changes {
    fn add(&mut self, field: impl Into<String>, direction: Direction, text: String) {
        self.found.push(Change {
            field: field.into(),
            direction,
            text,
        });
    }

    /// Something that is now allowed, or no longer.
    fn set<T: Ord + Serialize>(
        &mut self,
        field: &str,
        older: impl IntoIterator<Item = T>,
        newer: impl IntoIterator<Item = T>,
        (added, removed): (Direction, Direction),
        what: &str,
    ) {
        let older: std::collections::BTreeSet<T> = older.into_iter().collect();
        let newer: std::collections::BTreeSet<T> = newer.into_iter().collect();
        for item in newer.difference(&older) {
            self.add(field, added, format!("{what} \"{}\" is new.", word(item)));
        }
        for item in older.difference(&newer) {
            let text = format!("{what} \"{}\" is gone.", word(item));
            self.add(field, removed, text);
        }
    }

    fn profile(&mut self, older: &Commitments, newer: &Commitments) {
        if older.profile == newer.profile {
            return;
        }
        let stricter = match (
            Profile::named(&older.profile),
            Profile::named(&newer.profile),
        ) {
            (Ok(from), Ok(to)) => to.is_within(&from),
            _ => false,
        };
        let (direction, why) = if stricter {
            (Direction::Strengthens, "which allows nothing more")
        } else {
            (Direction::Weakens, "which allows things the older did not")
        };
        let (from, to) = (&older.profile, &newer.profile);
        self.add(
            "profile",
            direction,
            format!("The jurisdiction profile changes from {from} to {to}, {why}."),
        );
    }

    fn purposes(&mut self, older: &Commitments, newer: &Commitments) {
        const WIDENED: (Direction, Direction) = (Direction::Weakens, Direction::Strengthens);
        self.set(
            "purposes",
            older.purposes.iter().copied(),
            newer.purposes.iter().copied(),
            WIDENED,
            "Purpose",
        );
        let (from, to) = (older.legal_basis, newer.legal_basis);
        if from != to {
            // Consent is the person's own choice; between the other two nobody asks them either way.
            let direction = if to == LegalBasis::Consent {
                Direction::Strengthens
            } else {
                Direction::Weakens
            };
            let text = format!(
                "The legal basis changes from \"{}\" to \"{}\".",
                word(&from),
                word(&to)
            );
            self.add("legal_basis", direction, text);
        }
    }

    fn scopes_and_categories(&mut self, older: &Commitments, newer: &Commitments) {
        for scope in Scope::ALL {
            let (was, is) = (older.scopes.contains(scope), newer.scopes.contains(scope));
            // The age guard only ever makes the program do less.
            let (direction, verb) = match (was, is) {
                (false, true) if scope == Scope::AgeGuard => (Direction::Neutral, "on"),
                (true, false) if scope == Scope::AgeGuard => (Direction::Weakens, "off"),
                (false, true) => (Direction::Weakens, "on"),
                (true, false) => (Direction::Strengthens, "off"),
                _ => continue,
            };
            let text = format!("Analysis \"{scope}\" is switched {verb}.");
            self.add("scopes", direction, text);
        }
        self.set(
            "categories",
            older.categories.iter().copied(),
            newer.categories.iter().copied(),
            (Direction::Weakens, Direction::Strengthens),
            "Category of data",
        );
    }

    fn custody(&mut self, older: &Commitments, newer: &Commitments) {
        let reach = |custody| match custody {
            Custody::InPersonsHands => 0,
            Custody::Shared => 1,
            Custody::Controller => 2,
        };
        let (from, to) = (older.custody, newer.custody);
        if from == to {
            return;
        }
        let direction = Direction::of_reach(&reach(from), &reach(to));
        let text = format!(
            "Templates of enrolled people are held \"{}\" instead of \"{}\".",
            word(&to),
            word(&from)
        );
        self.add("custody", direction, text);
    }

    fn consent(&mut self, older: &Commitments, newer: &Commitments) {
        // A further purpose does nothing to anyone who does not agree to it.
        self.set(
            "consent_purposes",
            older.consent_purposes.iter().copied(),
            newer.consent_purposes.iter().copied(),
            (Direction::Neutral, Direction::Strengthens),
            "Purpose that people may agree to",
        );
        let (from, to) = (&older.custody_justification, &newer.custody_justification);
        if from != to {
            let text = match to {
                Some(why) => format!("The site says why it has to hold templates: {why:?}."),
                None => "The site gives no reason to hold templates any more.".to_owned(),
            };
            self.add("custody_justification", Direction::Neutral, text);
        }
        let (from, to) = (&older.alternative_path, &newer.alternative_path);
        if from != to {
            // Whether another way is as good nobody can tell from here.
            let (direction, text) = match (from, to) {
                (None, Some(way)) => (
                    Direction::Strengthens,
                    format!("Who does not want to be recognised has another way: {way:?}."),
                ),
                (_, Some(way)) => (
                    Direction::Weakens,
                    format!(
                        "The way for those who do not want to be recognised is another one: {way:?}."
                    ),
                ),
                (_, None) => (
                    Direction::Weakens,
                    "No way is named any more for those who do not want to be recognised."
                        .to_owned(),
                ),
            };
            self.add("alternative_path", direction, text);
        }
        match (&older.dpia, &newer.dpia) {
            (from, Some(to)) if from.as_ref() != Some(to) => {
                let text = format!(
                    "The impact assessment is {:?}, signed by {:?}, {}.",
                    to.reference, to.signed_by, to.signed_on
                );
                self.add("dpia", Direction::Neutral, text);
            }
            (Some(_), None) => {
                let text = "No impact assessment is named any more.".to_owned();
                self.add("dpia", Direction::Weakens, text);
            }
            _ => {}
        }
    }

    fn who(&mut self, older: &Commitments, newer: &Commitments) {
        if older.site.name != newer.site.name {
            let text = format!(
                "The site is called {:?} instead of {:?}.",
                newer.site.name, older.site.name
            );
            self.add("site.name", Direction::Neutral, text);
        }
        let (from, to) = (&older.controller, &newer.controller);
        if from.name != to.name {
            // Data goes over to somebody whom nobody agreed with.
            let text = format!("{:?} answers for it instead of {:?}.", to.name, from.name);
            self.add("controller.name", Direction::Weakens, text);
        }
        if from.contact != to.contact {
            let text = format!(
                "People write to {:?} instead of {:?}.",
                to.contact, from.contact
            );
            self.add("controller.contact", Direction::Neutral, text);
        }
    }

    fn declarations(&mut self, older: &Commitments, newer: &Commitments) {
        let (from, to) = (&older.declarations, &newer.declarations);
        if from.venue != to.venue {
            let guarded = |d: &crate::Declarations| {
                u8::from(d.is_workplace_or_education()) + u8::from(d.expects_children())
            };
            let direction = Direction::of_reach(&Reverse(guarded(from)), &Reverse(guarded(to)));
            let text = format!(
                "The place is declared \"{}\" instead of \"{}\".",
                word(&to.venue),
                word(&from.venue)
            );
            self.add("declarations.venue", direction, text);
        }
        if from.audience != to.audience {
            let openness = |audience| match audience {
                AudienceKind::Undeclared | AudienceKind::ChildrenExpected => 0,
                AudienceKind::GeneralAudience | AudienceKind::Adults => 1,
            };
            let direction = Direction::of_reach(&openness(from.audience), &openness(to.audience));
            let text = format!(
                "The audience is declared \"{}\" instead of \"{}\".",
                word(&to.audience),
                word(&from.audience)
            );
            self.add("declarations.audience", direction, text);
        }
        if from.workplace_or_education != to.workplace_or_education {
            let (direction, verb) = if to.workplace_or_education {
                (Direction::Strengthens, "is now")
            } else {
                (Direction::Weakens, "is no longer")
            };
            let text = format!("It {verb} declared a workplace or place of education.");
            self.add("declarations.workplace_or_education", direction, text);
        }
        if from.staff != to.staff {
            self.staff(&from.staff, &to.staff);
        }
        if (&from.declared_by, from.declared_on) != (&to.declared_by, to.declared_on) {
            let text = format!("{:?} declares this, {}.", to.declared_by, to.declared_on);
            self.add("declarations.declared_by", Direction::Neutral, text);
        }
    }

    /// How staff are kept out: only what surely keeps out more strengthens.
    fn staff(&mut self, from: &StaffRule, to: &StaffRule) {
        let (direction, text) = match (from, to) {
            (_, StaffRule::Undeclared) => (
                Direction::Strengthens,
                "Nothing is declared about staff any more, so expressions are not analysed."
                    .to_owned(),
            ),
            (StaffRule::Zones { zones: old }, StaffRule::Zones { zones: new })
                if old.iter().all(|zone| new.contains(zone)) =>
            {
                let n = new.len().saturating_sub(old.len());
                let text = format!("{n} further staff zones are left out.");
                (Direction::Strengthens, text)
            }
            (StaffRule::Hours { hours: old }, StaffRule::Hours { hours: new })
                if old.iter().all(|hours| new.contains(hours)) =>
            {
                let n = new.len().saturating_sub(old.len());
                let text = format!("{n} further staff hours are left out.");
                (Direction::Strengthens, text)
            }
            _ => (
                Direction::Weakens,
                format!(
                    "Staff are kept out by rule \"{}\" as it is now, instead of \"{}\" as it was.",
                    rule_name(to),
                    rule_name(from)
                ),
            ),
        };
        self.add("declarations.staff", direction, text);
    }

    fn notice(&mut self, older: &Commitments, newer: &Commitments) {
        self.set(
            "notice.languages",
            older.notice.languages.iter().copied(),
            newer.notice.languages.iter().copied(),
            (Direction::Strengthens, Direction::Weakens),
            "Language of the notice",
        );
        let (from, to) = (&older.notice.privacy_path, &newer.notice.privacy_path);
        if from != to {
            let text = format!("The privacy page is at {to} instead of {from}.");
            self.add("notice.privacy_path", Direction::Neutral, text);
        }
    }

    fn retention(
        &mut self,
        older: &BTreeMap<DataKind, KeepFor>,
        newer: &BTreeMap<DataKind, KeepFor>,
    ) {
        for &kind in DataKind::ALL {
            // Nothing kept is less than any period.
            let (from, to) = (older.get(&kind), newer.get(&kind));
            let direction = Direction::of_reach(&from, &to);
            let text = match (from, to) {
                (Some(from), Some(to)) if direction != Direction::Neutral => {
                    format!("Rows of kind {kind} are kept for {to} instead of {from}.")
                }
                (None, Some(to)) => format!("Rows of kind {kind} are now kept, for {to}."),
                (Some(_), None) => format!("Rows of kind {kind} are no longer kept."),
                _ => continue,
            };
            self.add(format!("retention.{kind}"), direction, text);
        }
    }

    /// What counts is the budget in force, whether the document or its profile says it.
    fn statistics(&mut self, older: &Commitments, newer: &Commitments) {
        let budget = |document: &Commitments| {
            let profile = Profile::named(&document.profile).ok();
            let named = document.statistics.as_ref();
            let named = named.map(|terms| terms.epsilon_per_day);
            named.or(profile.map(|profile| profile.default_privacy_budget()))
        };
        let (from, to) = (budget(older), budget(newer));
        let direction = match (from, to) {
            (Some(from), Some(to)) => Direction::of_reach(&from, &to),
            // No profile is known to say what holds: whether it is more cannot be told.
            (from, to) if from == to => Direction::Neutral,
            _ => Direction::Weakens,
        };
        if from == to {
            return;
        }
        let said = |budget: Option<Epsilon>| {
            budget.map_or_else(|| "what its profile says".to_owned(), |b| b.to_string())
        };
        let text = format!(
            "Sums that leave the site may tell {} about one visit of a day instead of {} (epsilon).",
            said(to),
            said(from)
        );
        self.add("statistics.epsilon_per_day", direction, text);
    }

    fn recipients(&mut self, older: &Commitments, newer: &Commitments) {
        for to in &newer.recipients {
            if !older.recipients.contains(to) {
                let text = format!("{:?} receives data, for: {}.", to.name, to.purpose);
                self.add("recipients", Direction::Weakens, text);
            }
        }
        for from in &older.recipients {
            if !newer.recipients.contains(from) {
                let text = format!(
                    "{:?} receives nothing any more for: {}.",
                    from.name, from.purpose
                );
                self.add("recipients", Direction::Strengthens, text);
            }
        }
    }
}

const fn rule_name(rule: &StaffRule) -> &'static str {
    match rule {
        StaffRule::NoStaffInView => "no_staff_in_view",
        StaffRule::Zones { .. } => "zones",
        StaffRule::Hours { .. } => "hours",
        StaffRule::Undeclared => "undeclared",
    }
}

#[cfg(test)]
mod tests;
