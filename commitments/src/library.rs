//! Stored media that an operator hands over.

use regard_domain::{CameraId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::grant::{Grant, GrantOrigin, Sensing, SensingTerms};
use crate::refusal::{Answer, Refusal, RefusalCode};
use crate::scope::Scopes;

/// What an operator says about media they hand over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibraryDeclaration {
    /// The name under which the media are analysed, in place of a camera.
    pub source: CameraId,
    /// The operator has a lawful ground to hold these media and to look at them.
    pub lawfully_held: bool,
    /// The analyses wanted.
    pub wanted: Scopes,
}

impl LibraryDeclaration {
    /// The declaration that whoever runs the analysis command on their own files makes by running it:
    /// counting, attention and expression.
    pub fn own_media(source: CameraId) -> Self {
        Self {
            source,
            lawfully_held: true,
            wanted: Scopes::AUDIENCE,
        }
    }
}

/// Asks to analyse stored media.
///
/// There is no live notice: nobody stands in front of anything, and nothing reacts to anyone. The
/// operator states that the media are lawfully theirs to look at; without that statement the answer
/// is `untargeted_collection`. Only counting, attention and expression can be had: the identity of the people
/// shown stays untouched, as embedding needs a grant of its own. Other scopes are withheld with
/// `feature_not_in_profile`. The grant is never revoked: there is no notice that could fail.
pub fn ask_library(declaration: &LibraryDeclaration) -> Answer<Grant<Sensing>> {
    if !declaration.lawfully_held {
        return Answer::Refused(Refusal::new(
            RefusalCode::UntargetedCollection,
            "nobody states that these media are lawfully held",
            "state the provenance of the media",
        ));
    }
    let allowed = |scope| Scopes::AUDIENCE.contains(scope);
    let scopes: Scopes = declaration.wanted.iter().filter(|s| allowed(*s)).collect();
    if scopes.is_empty() {
        return Answer::Refused(Refusal::new(
            RefusalCode::FeatureNotInProfile,
            "no analysis was asked for that stored media can have",
            "ask for count, attention or expression",
        ));
    }
    let withheld = declaration.wanted.iter().filter(|s| !allowed(*s));
    let terms = SensingTerms {
        camera: declaration.source.clone(),
        origin: GrantOrigin::Library,
        scopes: scopes.with(crate::Scope::Count),
        withheld: withheld
            .map(|scope| {
                let refusal = Refusal::new(
                    RefusalCode::FeatureNotInProfile,
                    format!("{scope} is not analysed on stored media"),
                    "leave it out",
                );
                (scope, refusal)
            })
            .collect(),
        staff_zones: Vec::new(),
        commitments: None,
    };
    let never = Timestamp::from_micros(i64::MAX);
    Answer::Granted(Grant::issue(terms, never, Vec::new()))
}

/// What is said to whoever wants the unknown people of stored media told apart from each other, or found again in other
/// pictures: that makes identities of people who never enrolled, whatever it is called. There is no grant for it, in any
/// profile.
pub fn refuse_grouping() -> Refusal {
    Refusal::new(
        RefusalCode::UntargetedCollection,
        "unknown people are not grouped, nor found again in other pictures",
        "count faces without telling people apart; somebody who agrees is found with their own token",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scope;

    fn declaration() -> LibraryDeclaration {
        LibraryDeclaration::own_media(CameraId::new("holiday").unwrap())
    }

    #[test]
    fn stored_media_get_the_audience_scopes_and_no_more() {
        let wanted = Scopes::AUDIENCE
            .with(Scope::MicroExpression)
            .with(Scope::AgeGuard);
        let grant = ask_library(&LibraryDeclaration {
            wanted,
            ..declaration()
        })
        .granted()
        .unwrap();
        assert_eq!(grant.scopes(), Scopes::AUDIENCE);
        assert!(grant.is_live() && grant.is_live_at(Timestamp::from_micros(0)));
        assert!(grant.count().is_some() && grant.expression().is_some());
        assert!(grant.micro_expression().is_none() && grant.age_guard().is_none());
        let withheld: Vec<Scope> = grant.withheld().iter().map(|(s, _)| *s).collect();
        assert_eq!(withheld, [Scope::MicroExpression, Scope::AgeGuard]);
        assert_eq!(grant.origin(), GrantOrigin::Library);
    }

    #[test]
    fn unknown_people_are_not_grouped() {
        let refusal = refuse_grouping();
        assert_eq!(refusal.code, RefusalCode::UntargetedCollection);
        assert_eq!(refusal.article, "AI Act 5(1)(e)");
        assert!(refusal.remedy.contains("token"));
    }

    #[test]
    fn without_a_statement_there_is_no_grant() {
        let refused = ask_library(&LibraryDeclaration {
            lawfully_held: false,
            ..declaration()
        });
        assert_eq!(
            refused.refusal().unwrap().code,
            RefusalCode::UntargetedCollection
        );
        let nothing = ask_library(&LibraryDeclaration {
            wanted: Scopes::NONE,
            ..declaration()
        });
        assert!(nothing.granted().is_none());
    }
}
