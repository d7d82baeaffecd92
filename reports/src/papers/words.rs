//! Words that several papers use.

use regard_commitments::{
    AudienceKind, Category, Custody, LegalBasis, PersonalCategory, ProcessingPurpose, StaffRule,
    VenueKind, word,
};
use serde::Serialize;

/// The word by which documents name a value, with spaces.
pub(super) fn plain(value: &impl Serialize) -> String {
    word(value).replace('_', " ")
}

/// Names one after the other; "none" of nothing.
pub(super) fn list<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names
        .into_iter()
        .map(|name| name.as_ref().to_owned())
        .collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

pub(super) const fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

pub(super) const fn purpose(purpose: ProcessingPurpose) -> &'static str {
    match purpose {
        ProcessingPurpose::AudienceMeasurement => {
            "Counting who is in front of a screen, and how long they look."
        }
        ProcessingPurpose::MessageSelection => {
            "Choosing the message for the audience that is there."
        }
        ProcessingPurpose::MessageLearning => {
            "Learning, in sums, which messages serve which audience."
        }
        ProcessingPurpose::Research => "A study with participants who agreed.",
    }
}

pub(super) const fn basis(basis: LegalBasis) -> &'static str {
    match basis {
        LegalBasis::Consent => "GDPR 6(1)(a): consent",
        LegalBasis::PublicTask => "GDPR 6(1)(e): a task in the public interest",
        LegalBasis::LegitimateInterest => "GDPR 6(1)(f): legitimate interests",
    }
}

/// What a category of data is, and how long it lives where no row is kept of it.
pub(super) const fn category(category: Category) -> &'static str {
    match category {
        Category::FacePosition => {
            "Where faces are in the picture; in memory, while they are in view."
        }
        Category::Attention => {
            "Whether a face is turned to the screen; in memory, while it is in view."
        }
        Category::Expression => {
            "What a face shows, as probabilities; in memory, while it is in view. Not what somebody feels."
        }
        Category::MicroExpression => "What a face shows for a fraction of a second.",
        Category::AgeBracket => "Whether a viewer may be a minor; only ever used to do less.",
        Category::AudienceStatistics => "Sums and counts that are about nobody.",
        Category::ScreenLog => "Which message was on which screen, when.",
    }
}

pub(super) const fn personal_category(category: PersonalCategory) -> &'static str {
    match category {
        PersonalCategory::FaceTemplate => "a vector made from a face",
        PersonalCategory::Preferences => "what the person said they prefer",
        PersonalCategory::Interactions => {
            "which messages the person was shown, and what came of it"
        }
        PersonalCategory::StudyRecord => "what a study measures",
    }
}

pub(super) const fn custody(custody: Custody) -> &'static str {
    match custody {
        Custody::InPersonsHands => {
            "in the hands of the person: the site keeps no template and no face data"
        }
        Custody::Shared => "stored by the site, useless without the secret of the person",
        Custody::Controller => "held by the site",
    }
}

pub(super) const fn audience(audience: AudienceKind) -> &'static str {
    match audience {
        AudienceKind::GeneralAudience => "everyone; not aimed at children",
        AudienceKind::Adults => "adults only, by the nature or the door of the place",
        AudienceKind::ChildrenExpected => "children are expected",
        AudienceKind::Undeclared => "not declared",
    }
}

/// Whether passers-by can hardly avoid the place: systematic watching of it calls for an assessment (GDPR 35(3)(c)).
pub(super) const fn is_public(venue: VenueKind) -> bool {
    match venue {
        VenueKind::Shop
        | VenueKind::Hospitality
        | VenueKind::Event
        | VenueKind::Museum
        | VenueKind::Transport
        | VenueKind::PublicSpace
        | VenueKind::Healthcare
        | VenueKind::School
        | VenueKind::ChildrenVenue => true,
        VenueKind::OwnPremises | VenueKind::Office => false,
    }
}

pub(super) fn staff(rule: &StaffRule) -> String {
    match rule {
        StaffRule::NoStaffInView => "declared not to come into view".to_owned(),
        StaffRule::Zones { zones } => {
            let cameras = zones.iter().map(|zone| zone.camera.as_str());
            format!(
                "left out where they stand, in the picture of {}",
                list(cameras)
            )
        }
        StaffRule::Hours { hours } => {
            let spans = hours
                .iter()
                .map(|span| format!("{}-{}", String::from(span.from), String::from(span.until)));
            format!(
                "in view at {}; expressions are not analysed then",
                list(spans)
            )
        }
        StaffRule::Undeclared => "not declared; expressions are not analysed".to_owned(),
    }
}
