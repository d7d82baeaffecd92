//! What a site promises: one document, versioned and signed.

use std::collections::{BTreeMap, BTreeSet};

use regard_domain::{CameraId, SiteId};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::budget::StatisticsTerms;
use crate::consent::{ConsentPurpose, Dpia};
use crate::date::Date;
use crate::digest::canonical_json;
use crate::parse::{Mistake, locate, mistake_at};
use crate::retention::{DataKind, KeepFor};
use crate::scope::{Scope, Scopes};

mod day_minute;

pub use self::day_minute::DayMinute;

/// The document of the demonstration, profile `lab`.
const DEMO: &str = include_str!("../data/demo.toml");

/// A commented document to fill in, profile `eu`.
const EXAMPLE: &str = include_str!("../data/example.toml");

/// Longest text of a field, in characters: a notice must fit on a screen.
const MAX_TEXT_LEN: usize = 400;

/// Languages that the notice can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    En,
    /// French.
    Fr,
    /// German.
    De,
    /// Spanish.
    Es,
    /// Dutch.
    Nl,
}

impl Language {
    /// Every language, English first.
    pub const ALL: [Self; 5] = [Self::En, Self::Fr, Self::De, Self::Es, Self::Nl];

    /// The tag for `lang` attributes.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
            Self::De => "de",
            Self::Es => "es",
            Self::Nl => "nl",
        }
    }
}

/// What data about the audience is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessingPurpose {
    /// Counting who is there and how long they look.
    AudienceMeasurement,
    /// Choosing the message for the audience that is there.
    MessageSelection,
    /// Learning which messages serve which audience.
    MessageLearning,
    /// A study with participants who agreed.
    Research,
}

/// On which ground the data may be processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegalBasis {
    /// GDPR 6(1)(a).
    Consent,
    /// GDPR 6(1)(e).
    PublicTask,
    /// GDPR 6(1)(f).
    LegitimateInterest,
}

/// A category of data that the site handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Where faces are in the picture, for as long as they are in view.
    FacePosition,
    /// Whether a face is turned to the screen.
    Attention,
    /// What a face shows.
    Expression,
    /// What a face shows for a fraction of a second.
    MicroExpression,
    /// Whether a viewer may be a minor.
    AgeBracket,
    /// Sums and counts about no one.
    AudienceStatistics,
    /// Which message was on which screen.
    ScreenLog,
}

/// Where the template of an enrolled person is held; later ones leave more to the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Custody {
    /// By the person alone; the default.
    InPersonsHands,
    /// Stored, useless without the person's secret.
    Shared,
    /// By the site.
    Controller,
}

/// Where the site is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VenueKind {
    /// A shop or a mall.
    Shop,
    /// A restaurant, bar or hotel.
    Hospitality,
    /// A fair, a concert, a stadium.
    Event,
    /// A museum or library.
    Museum,
    /// The declarant's own rooms, no public.
    OwnPremises,
    /// A station, airport or vehicle.
    Transport,
    /// A street or square.
    PublicSpace,
    /// A hospital or practice.
    Healthcare,
    /// An office, factory or other workplace.
    Office,
    /// A school, university or other place of education.
    School,
    /// A kindergarten, playground, toy shop or other place for children.
    ChildrenVenue,
}

/// Who is expected to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudienceKind {
    /// Everyone; not aimed at children.
    GeneralAudience,
    /// Adults only, by the nature or the door of the place.
    Adults,
    /// Children are expected.
    ChildrenExpected,
    /// Nothing was declared.
    Undeclared,
}

/// Who answers for the site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Controller {
    /// Name, as on the notice.
    pub name: String,
    /// Where people write to: an address, not a name of a person if it can be avoided.
    pub contact: String,
}

/// Who receives data, and what for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// Name of the recipient.
    pub name: String,
    /// What they do with it.
    pub purpose: String,
}

/// A place in the picture of a camera where staff stand; thousandths of width and height.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaffZone {
    /// Which camera.
    pub camera: CameraId,
    /// Left edge, 0 to 1000.
    pub left: u16,
    /// Top edge, 0 to 1000.
    pub top: u16,
    /// Width, 1 to 1000.
    pub width: u16,
    /// Height, 1 to 1000.
    pub height: u16,
}

impl StaffZone {
    /// Whether a point given in `[0, 1]²` of the picture is in the zone, edges included.
    pub fn contains_in_unit(&self, x: f32, y: f32) -> bool {
        let inside = |value: f32, start: u16, extent: u16| {
            let value = value * 1_000.0;
            value >= f32::from(start) && value <= f32::from(start) + f32::from(extent)
        };
        inside(x, self.left, self.width) && inside(y, self.top, self.height)
    }
}

/// Minutes of the local day during which staff are in view; over midnight if `until` is before `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaffHours {
    /// First minute, as `08:30`.
    pub from: DayMinute,
    /// First minute after, as `09:00`.
    pub until: DayMinute,
}

impl StaffHours {
    /// Whether the minute of the local day is in the hours; equal ends mean the whole day.
    pub fn contains(self, minute: u16) -> bool {
        let (from, until) = (self.from.0, self.until.0);
        if from < until {
            (from..until).contains(&minute)
        } else {
            minute >= from || minute < until
        }
    }
}

/// How staff are kept out of expression analysis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum StaffRule {
    /// The declarant says that no staff come into view.
    NoStaffInView,
    /// Staff stand in these zones, which are left out.
    Zones {
        /// The zones.
        zones: Vec<StaffZone>,
    },
    /// Staff are in view at these hours, at which expressions are not analysed.
    Hours {
        /// The hours, local time.
        hours: Vec<StaffHours>,
    },
    /// Nothing was declared.
    Undeclared,
}

/// What the site says about itself, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declarations {
    /// Where the site is.
    pub venue: VenueKind,
    /// Who is expected to look.
    pub audience: AudienceKind,
    /// How staff are kept out.
    pub staff: StaffRule,
    /// Whether people at work or in education are the ones looked at.
    pub workplace_or_education: bool,
    /// Who declares this.
    pub declared_by: String,
    /// When.
    pub declared_on: Date,
}

impl Declarations {
    /// Whether the site is a workplace or a place of education, by declaration or by its kind.
    pub fn is_workplace_or_education(&self) -> bool {
        self.workplace_or_education || matches!(self.venue, VenueKind::Office | VenueKind::School)
    }

    /// Whether children are expected, by declaration or by the kind of the site.
    pub fn expects_children(&self) -> bool {
        matches!(self.audience, AudienceKind::ChildrenExpected)
            || matches!(self.venue, VenueKind::School | VenueKind::ChildrenVenue)
    }
}

/// How the notice speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeTerms {
    /// Languages, in the order shown; at least one.
    pub languages: Vec<Language>,
    /// Path of the privacy page on this server, such as `/privacy`.
    pub privacy_path: String,
}

/// The site by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Its id.
    pub id: SiteId,
    /// Its name, for people.
    pub name: String,
}

/// What a site promises about the people in front of its screens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commitments {
    /// Running number, from 1; weakening a promise makes a new version.
    pub version: u32,
    /// From when on it holds, midnight UTC.
    pub effective_from: Date,
    /// Jurisdiction profile.
    pub profile: String,
    /// What data is for.
    pub purposes: BTreeSet<ProcessingPurpose>,
    /// On which ground.
    pub legal_basis: LegalBasis,
    /// Which analyses are switched on, at most.
    pub scopes: Scopes,
    /// Which categories of data are handled.
    pub categories: BTreeSet<Category>,
    /// Where templates are held, if there ever are any.
    pub custody: Custody,
    /// What people may agree to, each purpose by itself; nobody can enrol while there is nothing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub consent_purposes: BTreeSet<ConsentPurpose>,
    /// What people do who do not want to be recognised, as good as being recognised; needed to identify people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternative_path: Option<String>,
    /// Why the site has to hold templates itself; needed under custody `controller`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custody_justification: Option<String>,
    /// The site.
    pub site: Site,
    /// Who answers for it.
    pub controller: Controller,
    /// What the site says about itself.
    pub declarations: Declarations,
    /// The notice.
    pub notice: NoticeTerms,
    /// How long each kind of data is kept; what is not named is not kept.
    pub retention: BTreeMap<DataKind, KeepFor>,
    /// What may be told in sums; what the profile begins with where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<StatisticsTerms>,
    /// Who receives data beyond the controller.
    #[serde(default)]
    pub recipients: Vec<Recipient>,
    /// The impact assessment; needed to identify people and under custody `controller`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpia: Option<Dpia>,
}

/// A document that cannot be commitments; every mistake found, in the order of lines.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("commitments are not valid: {}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct CommitmentsError {
    /// The mistakes; never empty.
    pub mistakes: Vec<Mistake>,
}

/// A rule of the document that is broken: where, and what.
pub(crate) type Breach = (&'static [&'static str], String);

impl Commitments {
    /// Commitments from their TOML text.
    ///
    /// # Errors
    /// [`CommitmentsError`]: the first mistake of form, or all mistakes of content, with lines.
    pub fn parse(text: &str) -> Result<Self, CommitmentsError> {
        let document: Self = toml::from_str(text).map_err(|e| CommitmentsError {
            mistakes: vec![locate(text, &e)],
        })?;
        let mut mistakes: Vec<Mistake> = document
            .breaches()
            .into_iter()
            .map(|(path, message)| mistake_at(text, path, message))
            .collect();
        mistakes
            .sort_by(|a, b| (a.line, a.column, &a.message).cmp(&(b.line, b.column, &b.message)));
        if mistakes.is_empty() {
            Ok(document)
        } else {
            Err(CommitmentsError { mistakes })
        }
    }

    /// The commitments of the demonstration: profile `lab`, own premises, no staff in view.
    pub fn demo() -> Self {
        Self::parse(DEMO).expect("the built-in text is parsed by a test")
    }

    /// The TOML text of [`Commitments::demo`].
    pub const fn demo_text() -> &'static str {
        DEMO
    }

    /// A commented TOML text for an owner to fill in: profile `eu`, a shop, audience and staff not
    /// declared, so that expressions are not analysed until someone declares them.
    pub const fn example_text() -> &'static str {
        EXAMPLE
    }

    /// The one JSON text that is signed.
    pub fn canonical(&self) -> String {
        canonical_json(self).expect("the document holds texts and integers only")
    }

    /// Rules that the fields break together.
    pub(crate) fn breaches(&self) -> Vec<Breach> {
        let mut found: Vec<Breach> = Vec::new();
        let mut check = |good: bool, path: &'static [&'static str], message: &str| {
            if !good {
                found.push((path, message.to_owned()));
            }
        };
        check(
            self.version >= 1,
            &["version"],
            "version must be at least 1",
        );
        check(
            !self.purposes.is_empty(),
            &["purposes"],
            "at least one purpose must be named",
        );
        check(
            self.scopes.is_empty() || self.scopes.contains(Scope::Count),
            &["scopes"],
            "scopes must have \"count\": the other analyses look at faces that were found",
        );
        check(
            !self.scopes.contains(Scope::MicroExpression)
                || self.purposes.contains(&ProcessingPurpose::Research),
            &["scopes"],
            "scope \"micro_expression\" serves purpose \"research\" only, which is not named",
        );
        for scope in self.scopes.iter() {
            check(
                self.categories.contains(&category_of(scope)),
                &["categories"],
                &format!("scope \"{scope}\" handles a category that is not named"),
            );
        }
        check(
            !self.notice.languages.is_empty(),
            &["notice", "languages"],
            "at least one language is needed: en, fr, de, es or nl",
        );
        check(
            is_path(&self.notice.privacy_path),
            &["notice", "privacy_path"],
            "privacy_path must be a path on this server, such as \"/privacy\"",
        );
        check(
            !self.retention.keys().any(|kind| kind.has_fixed_period()),
            &["retention"],
            "ledger, commitments and release have a period of their own (ten years) and are not listed",
        );
        self.check_persons(&mut check);
        self.check_texts(&mut check);
        self.check_staff(&mut check);
        found
    }

    fn check_persons(&self, check: &mut impl FnMut(bool, &'static [&'static str], &str)) {
        check(
            self.consent_purposes.is_empty() || self.retention.contains_key(&DataKind::Person),
            &["consent_purposes"],
            "what people agree to is kept under retention \"person\", which is not named",
        );
        let is_justified = self.custody_justification.is_some() && self.dpia.is_some();
        check(
            self.custody != Custody::Controller || is_justified,
            &["custody"],
            "custody \"controller\" needs custody_justification and [dpia]; \"in_persons_hands\" needs neither",
        );
    }

    fn check_texts(&self, check: &mut impl FnMut(bool, &'static [&'static str], &str)) {
        let texts: [(&'static [&'static str], &str); 4] = [
            (&["site", "name"], &self.site.name),
            (&["controller", "name"], &self.controller.name),
            (&["controller", "contact"], &self.controller.contact),
            (
                &["declarations", "declared_by"],
                &self.declarations.declared_by,
            ),
        ];
        let recipients = self.recipients.iter().flat_map(|r| [&r.name, &r.purpose]);
        let recipients = recipients.map(|text| (&["recipients"][..], text.as_str()));
        let dpia = self.dpia.iter().flat_map(|d| [&d.reference, &d.signed_by]);
        let dpia = dpia.map(|text| (&["dpia"][..], text.as_str()));
        let why = self
            .custody_justification
            .iter()
            .map(|text| (&["custody_justification"][..], text.as_str()));
        let instead = self
            .alternative_path
            .iter()
            .map(|text| (&["alternative_path"][..], text.as_str()));
        let persons = why.chain(instead);
        for (path, text) in texts
            .into_iter()
            .chain(recipients)
            .chain(dpia)
            .chain(persons)
        {
            check(
                is_text(text),
                path,
                &format!(
                    "a text of 1 to {MAX_TEXT_LEN} characters without control characters is needed"
                ),
            );
        }
    }

    fn check_staff(&self, check: &mut impl FnMut(bool, &'static [&'static str], &str)) {
        let path: &'static [&'static str] = &["declarations", "staff"];
        match &self.declarations.staff {
            StaffRule::Zones { zones } => {
                check(
                    !zones.is_empty(),
                    path,
                    "rule \"zones\" needs at least one zone",
                );
                for zone in zones {
                    let fits = |start: u16, extent: u16| {
                        extent >= 1 && u32::from(start) + u32::from(extent) <= 1_000
                    };
                    check(
                        fits(zone.left, zone.width) && fits(zone.top, zone.height),
                        path,
                        "a zone must lie within the picture: thousandths from 0 to 1000",
                    );
                }
            }
            StaffRule::Hours { hours } => {
                check(
                    !hours.is_empty(),
                    path,
                    "rule \"hours\" needs at least one pair of times",
                );
            }
            StaffRule::NoStaffInView | StaffRule::Undeclared => {}
        }
    }
}

const fn category_of(scope: Scope) -> Category {
    match scope {
        Scope::Count => Category::FacePosition,
        Scope::Attention => Category::Attention,
        Scope::Expression => Category::Expression,
        Scope::MicroExpression => Category::MicroExpression,
        Scope::AgeGuard => Category::AgeBracket,
    }
}

/// Whether a text can stand in a document that people read.
pub(crate) fn is_text(text: &str) -> bool {
    (1..=MAX_TEXT_LEN).contains(&text.chars().count())
        && !text.trim().is_empty()
        && !text.chars().any(char::is_control)
}

/// A path of plain characters: it goes into a QR code and a link, and must not lead to another host.
fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= 200
        && path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.'))
        && !path.contains("..")
}

#[cfg(test)]
mod tests;
