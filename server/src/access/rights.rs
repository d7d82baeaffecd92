//! Which route needs what: the one table. A route that is not in it answers nobody.

use regard_commitments::Role;
use regard_domain::{CameraId, ScreenId};

use super::guest::Guest;

use Role::{Admin, Analyst, Device, Operator, PrivacyOfficer, Screen};

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: everyone who reaches the server.
    Everyone,
    /// A player: anyone on this machine where the server listens on loopback, else one of [`PLAYERS`],
    /// a screen only for itself.
    Player,
    /// One of these roles; in the demonstration anyone on this machine.
    Roles(&'static [Role]),
    /// The same, and what is sent is a question: it is looked at, and nothing becomes of it.
    Question(&'static [Role]),
    /// The same as for roles, and a device only for the cameras it names.
    Camera(&'static [Role]),
    /// One of these roles, with the token shown as clients of another service show their key, and answers in their form.
    Service(&'static [Role]),
}

/// Who may play a screen. A heartbeat keeps a camera open, so that nobody else may send one.
const PLAYERS: &[Role] = &[Admin, Operator, Screen];

/// Who looks at how the site is doing: sums, plots, what is on the screens now.
const WATCHERS: &[Role] = &[Admin, Operator, Analyst, PrivacyOfficer];
/// Who looks at the audience as it is now, for numbers about faces of this moment are more than sums; and at the papers, which
/// say how the site is guarded.
const LIVE: &[Role] = &[Admin, Operator, PrivacyOfficer];
/// Who sees exact sums about people. What others get has noise: it leaves the site with them.
const EXACT: &[Role] = &[Admin, PrivacyOfficer];
/// Who reads row by row; the ledger says so each time.
const ROWS: &[Role] = &[Admin, PrivacyOfficer];
/// Who changes what is shown.
const RUNNERS: &[Role] = &[Admin, Operator];
/// Who reports what was measured elsewhere.
const REPORTERS: &[Role] = &[Admin, Operator, Device];
const ADMINS: &[Role] = &[Admin];
/// Who attests the collections of services: whoever answers for it, and not whoever runs the site.
const OFFICERS: &[Role] = &[PrivacyOfficer];

/// Method, path and need of every route, in the order of the router.
const ROUTES: &[(&str, &str, Need)] = &[
    ("GET", "/", Need::Everyone),
    ("GET", "/privacy", Need::Everyone),
    ("GET", "/screen/{id}/privacy", Need::Everyone),
    ("GET", "/screen/{id}/here/{code}", Need::Everyone),
    ("POST", "/screen/{id}/here/{code}/object", Need::Everyone),
    ("POST", "/screen/{id}/here/{code}/agree", Need::Everyone),
    ("POST", "/screen/{id}/here/{code}/withdraw", Need::Everyone),
    ("GET", "/screen/{id}/qr.svg", Need::Player),
    ("GET", "/s/{decision}", Need::Everyone),
    ("GET", "/enroll", Need::Everyone),
    ("POST", "/enroll/persons", Need::Everyone),
    ("GET", "/verify", Need::Everyone),
    ("GET", "/login", Need::Everyone),
    ("POST", "/login", Need::Everyone),
    ("POST", "/logout", Need::Everyone),
    ("GET", "/static/{*path}", Need::Everyone),
    ("GET", "/assets/{name}", Need::Everyone),
    ("GET", "/healthz", Need::Everyone),
    ("GET", "/openapi.json", Need::Everyone),
    ("GET", "/.well-known/jwks.json", Need::Everyone),
    ("POST", "/v1/captures/{id}/colors", Need::Everyone),
    ("POST", "/v1/captures/{id}/end", Need::Everyone),
    ("DELETE", "/v1/captures/{id}", Need::Everyone),
    ("POST", "/v1/captures/{id}/pictures", Need::Everyone),
    ("POST", "/v1/searches/{id}/pictures", Need::Roles(RUNNERS)),
    ("GET", "/study/{token}", Need::Everyone),
    ("POST", "/v1/sittings", Need::Everyone),
    ("GET", "/v1/sittings/{id}/frames", Need::Everyone),
    ("POST", "/v1/sittings/{id}/answers", Need::Everyone),
    ("POST", "/v1/sittings/{id}/end", Need::Everyone),
    ("DELETE", "/v1/sittings/{id}", Need::Everyone),
    ("GET", "/ledger/checkpoint", Need::Everyone),
    ("GET", "/ledger/tile/{*path}", Need::Everyone),
    ("GET", "/ledger/tile/entries/{*path}", Need::Roles(ROWS)),
    ("GET", "/screen/{id}", Need::Player),
    ("GET", "/v1/screens/{id}/events", Need::Player),
    ("POST", "/v1/screens/{id}/heartbeat", Need::Player),
    ("POST", "/v1/screens/{id}/shown", Need::Player),
    ("POST", "/v1/screens/{id}/plays", Need::Player),
    ("GET", "/console", Need::Roles(LIVE)),
    ("GET", "/v1/live", Need::Roles(LIVE)),
    ("GET", "/v1/moment", Need::Roles(LIVE)),
    ("GET", "/v1/decisions", Need::Roles(ROWS)),
    ("GET", "/v1/report/today", Need::Roles(WATCHERS)),
    ("GET", "/v1/health", Need::Roles(WATCHERS)),
    ("GET", "/v1/facts", Need::Roles(WATCHERS)),
    ("PUT", "/v1/facts", Need::Roles(REPORTERS)),
    ("DELETE", "/v1/facts/{name}", Need::Roles(REPORTERS)),
    ("POST", "/v1/classify", Need::Roles(REPORTERS)),
    ("POST", "/v1/outcomes", Need::Roles(REPORTERS)),
    ("GET", "/v1/campaigns", Need::Roles(WATCHERS)),
    ("PUT", "/v1/campaigns", Need::Roles(RUNNERS)),
    ("POST", "/v1/campaigns", Need::Roles(RUNNERS)),
    ("GET", "/v1/campaigns/{id}", Need::Roles(WATCHERS)),
    ("PUT", "/v1/campaigns/{id}", Need::Roles(RUNNERS)),
    ("DELETE", "/v1/campaigns/{id}", Need::Roles(RUNNERS)),
    ("POST", "/v1/campaigns/{id}/creatives", Need::Roles(RUNNERS)),
    ("POST", "/v1/campaigns/check", Need::Question(LIVE)),
    ("POST", "/v1/campaigns/preview", Need::Question(LIVE)),
    ("GET", "/v1/campaign-overview", Need::Roles(LIVE)),
    ("GET", "/v1/campaigns/{id}/versions", Need::Roles(WATCHERS)),
    ("GET", "/v1/drafts", Need::Roles(WATCHERS)),
    ("GET", "/v1/drafts/{id}", Need::Roles(WATCHERS)),
    ("PUT", "/v1/drafts/{id}", Need::Roles(RUNNERS)),
    ("DELETE", "/v1/drafts/{id}", Need::Roles(RUNNERS)),
    ("POST", "/v1/drafts/{id}/submit", Need::Roles(RUNNERS)),
    ("POST", "/v1/drafts/{id}/approve", Need::Roles(RUNNERS)),
    ("POST", "/v1/drafts/{id}/reject", Need::Roles(RUNNERS)),
    ("POST", "/v1/drafts/{id}/preview", Need::Roles(RUNNERS)),
    ("GET", "/console/campaigns", Need::Roles(LIVE)),
    ("GET", "/console/campaign", Need::Roles(LIVE)),
    ("GET", "/v1/campaigns/{id}/evidence", Need::Roles(EXACT)),
    ("GET", "/v1/offers", Need::Roles(LIVE)),
    ("GET", "/v1/ranking", Need::Roles(WATCHERS)),
    ("GET", "/v1/reports/plays", Need::Roles(WATCHERS)),
    ("GET", "/console/plots/attention.svg", Need::Roles(LIVE)),
    ("GET", "/console/plots/expression.svg", Need::Roles(LIVE)),
    ("GET", "/console/plots/messages.svg", Need::Roles(EXACT)),
    ("GET", "/v1/cameras/{id}/preview.jpg", Need::Roles(RUNNERS)),
    ("GET", "/v1/cameras/{id}/frames", Need::Camera(REPORTERS)),
    ("GET", "/v1/cameras/{id}/zones", Need::Roles(LIVE)),
    ("PUT", "/v1/cameras/{id}/zones", Need::Roles(RUNNERS)),
    ("GET", "/v1/statistics", Need::Roles(WATCHERS)),
    ("GET", "/v1/statistics/{day}", Need::Roles(WATCHERS)),
    ("GET", "/console/studies", Need::Roles(LIVE)),
    ("GET", "/v1/studies", Need::Roles(LIVE)),
    ("POST", "/v1/studies", Need::Roles(RUNNERS)),
    ("GET", "/v1/studies/{study}", Need::Roles(LIVE)),
    (
        "POST",
        "/v1/studies/{study}/invitations",
        Need::Roles(RUNNERS),
    ),
    ("POST", "/v1/studies/{study}/close", Need::Roles(RUNNERS)),
    ("GET", "/v1/studies/{study}/report", Need::Roles(EXACT)),
    ("GET", "/v1/studies/{study}/priors", Need::Roles(EXACT)),
    ("GET", "/console/papers", Need::Roles(LIVE)),
    ("GET", "/console/papers/{kind}", Need::Roles(LIVE)),
    ("GET", "/v1/papers", Need::Roles(LIVE)),
    ("GET", "/v1/papers/{kind}", Need::Roles(LIVE)),
    ("GET", "/metrics", Need::Roles(WATCHERS)),
    ("POST", "/v1/assets", Need::Roles(RUNNERS)),
    ("GET", "/v1/tokens", Need::Roles(ADMINS)),
    ("POST", "/v1/persons", Need::Roles(RUNNERS)),
    ("GET", "/v1/persons", Need::Roles(ROWS)),
    (
        "POST",
        "/v1/persons/{person}/verifications",
        Need::Roles(REPORTERS),
    ),
    ("POST", "/v1/acts", Need::Roles(REPORTERS)),
    ("POST", "/v1/identifications", Need::Roles(REPORTERS)),
    ("POST", "/v1/searches", Need::Roles(RUNNERS)),
    ("DELETE", "/v1/searches/{id}", Need::Roles(RUNNERS)),
    ("GET", "/v1/recognition", Need::Roles(LIVE)),
    ("GET", "/console/recognition", Need::Roles(LIVE)),
    ("GET", "/v1/recognition/curve", Need::Roles(WATCHERS)),
    ("GET", "/v1/recognition/attempts", Need::Roles(LIVE)),
    ("GET", "/console/plots/det.svg", Need::Roles(WATCHERS)),
    ("GET", "/console/plots/open-set.svg", Need::Roles(LIVE)),
    (
        "POST",
        "/v1/galleries/{gallery}/searches",
        Need::Roles(RUNNERS),
    ),
    ("PUT", "/v1/galleries/{gallery}/armed", Need::Roles(ADMINS)),
    ("POST", "/v1/galleries/{gallery}/rekey", Need::Roles(ADMINS)),
    (
        "POST",
        "/v1/galleries/{gallery}/merges",
        Need::Roles(RUNNERS),
    ),
    (
        "DELETE",
        "/v1/galleries/{gallery}/merges/{person}",
        Need::Roles(RUNNERS),
    ),
    (
        "POST",
        "/v1/galleries/{gallery}/two-people",
        Need::Roles(RUNNERS),
    ),
    ("GET", "/v1/persons/me/faces", Need::Everyone),
    ("POST", "/v1/persons/me/faces", Need::Everyone),
    ("DELETE", "/v1/persons/me/faces/{template}", Need::Everyone),
    ("GET", "/v1/persons/me/wishes", Need::Everyone),
    ("DELETE", "/v1/persons/me/wishes/{name}", Need::Everyone),
    ("POST", "/v1/persons/me/merges", Need::Everyone),
    ("DELETE", "/v1/persons/me/merges/{person}", Need::Everyone),
    ("POST", "/v1/verifications", Need::Everyone),
    ("POST", "/v1/collections/{id}/acts", Need::Roles(REPORTERS)),
    ("GET", "/v1/attestations", Need::Roles(ROWS)),
    ("POST", "/v1/attestations", Need::Roles(OFFICERS)),
    (
        "DELETE",
        "/v1/attestations/{attestation}",
        Need::Roles(OFFICERS),
    ),
    ("GET", "/v1/persons/me", Need::Everyone),
    ("POST", "/v1/persons/me/offers", Need::Everyone),
    ("POST", "/v1/persons/me/consents", Need::Everyone),
    (
        "DELETE",
        "/v1/persons/me/consents/{purpose}",
        Need::Everyone,
    ),
    ("PUT", "/v1/persons/me/freeze", Need::Everyone),
    ("PUT", "/v1/persons/me/preferences", Need::Everyone),
    ("DELETE", "/v1/persons/me", Need::Everyone),
    ("GET", "/me", Need::Everyone),
    ("POST", "/me/open", Need::Everyone),
    ("POST", "/me/agree", Need::Everyone),
    ("POST", "/me/withdraw", Need::Everyone),
    ("POST", "/me/correct", Need::Everyone),
    ("POST", "/me/forget", Need::Everyone),
    ("POST", "/me/part", Need::Everyone),
    ("POST", "/me/freeze", Need::Everyone),
    ("POST", "/me/unfreeze", Need::Everyone),
    ("POST", "/me/erase", Need::Everyone),
    ("POST", "/me/close", Need::Everyone),
    ("GET", "/me/record.json", Need::Everyone),
    ("GET", "/me/proof.json", Need::Everyone),
    ("POST", "/v1/tokens", Need::Roles(ADMINS)),
    ("DELETE", "/v1/tokens/{id}", Need::Roles(ADMINS)),
    (
        "POST",
        "/personalizer/{version}/rank",
        Need::Service(REPORTERS),
    ),
    (
        "POST",
        "/personalizer/{version}/events/{id}/reward",
        Need::Service(REPORTERS),
    ),
    (
        "POST",
        "/personalizer/{version}/events/{id}/activate",
        Need::Service(REPORTERS),
    ),
    (
        "POST",
        "/personalizer/{version}/multislot/rank",
        Need::Service(REPORTERS),
    ),
    (
        "POST",
        "/personalizer/{version}/multislot/events/{id}/reward",
        Need::Service(REPORTERS),
    ),
    (
        "POST",
        "/personalizer/{version}/multislot/events/{id}/activate",
        Need::Service(REPORTERS),
    ),
    (
        "GET",
        "/personalizer/{version}/configurations/service",
        Need::Service(REPORTERS),
    ),
    (
        "PUT",
        "/personalizer/{version}/configurations/service",
        Need::Service(RUNNERS),
    ),
    (
        "GET",
        "/personalizer/{version}/configurations/policy",
        Need::Service(REPORTERS),
    ),
    (
        "PUT",
        "/personalizer/{version}/configurations/policy",
        Need::Service(RUNNERS),
    ),
    (
        "DELETE",
        "/personalizer/{version}/configurations/policy",
        Need::Service(RUNNERS),
    ),
    (
        "GET",
        "/personalizer/{version}/model/properties",
        Need::Service(REPORTERS),
    ),
    (
        "DELETE",
        "/personalizer/{version}/model",
        Need::Service(RUNNERS),
    ),
    ("GET", "/v1/webhooks", Need::Roles(ADMINS)),
    ("POST", "/v1/webhooks/{webhook}/secret", Need::Roles(ADMINS)),
];

/// What a route needs, by the method of the request and the path as the router has it. HEAD is GET
/// without a body. Nothing for a route that is not listed.
pub(crate) fn need_of(method: &str, path: &str) -> Option<Need> {
    let method = if method == "HEAD" { "GET" } else { method };
    let mut listed = ROUTES.iter();
    listed
        .find(|(known, at, _)| *known == method && *at == path)
        .map(|(_, _, need)| *need)
}

/// Whether this guest may use a route, by its path as the table has it.
pub(crate) fn may(guest: &Guest, method: &str, path: &str) -> bool {
    need_of(method, path).is_some_and(|need| rule(need, guest, None) == Ruling::Welcome)
}

/// Whether exact sums about people are for this guest, on a route that is open to them.
pub(crate) fn sees_exact_sums(guest: &Guest) -> bool {
    match guest {
        Guest::Machine => true,
        Guest::Stranger => false,
        Guest::Token(pass) | Guest::Session(pass, _) => EXACT.contains(&pass.role),
    }
}

/// How a guest stands to a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// May pass.
    Welcome,
    /// Nobody knows who asks.
    Unknown,
    /// Known, but of another role than these.
    OtherRole(&'static [Role]),
    /// Of the right role, but for other screens or cameras.
    OutOfScope,
}

/// Whether a guest may pass; `id` is what the path names.
pub(crate) fn rule(need: Need, guest: &Guest, id: Option<&str>) -> Ruling {
    let (roles, is_scoped) = match need {
        Need::Everyone => return Ruling::Welcome,
        Need::Player => (PLAYERS, true),
        Need::Camera(roles) => (roles, true),
        Need::Roles(roles) | Need::Question(roles) | Need::Service(roles) => (roles, false),
    };
    let pass = match guest {
        Guest::Machine => return Ruling::Welcome,
        Guest::Stranger => return Ruling::Unknown,
        Guest::Token(pass) | Guest::Session(pass, _) => pass,
    };
    if !roles.contains(&pass.role) {
        return Ruling::OtherRole(roles);
    }
    let names = |is_in: bool| {
        if is_in {
            Ruling::Welcome
        } else {
            Ruling::OutOfScope
        }
    };
    match pass.role {
        Screen => names(id.is_some_and(|id| pass.screens.iter().any(|own| is_screen(own, id)))),
        Device if is_scoped => {
            names(id.is_some_and(|id| pass.cameras.iter().any(|own| is_camera(own, id))))
        }
        Admin | Operator | Analyst | PrivacyOfficer | Device => Ruling::Welcome,
    }
}

fn is_screen(own: &ScreenId, id: &str) -> bool {
    own.as_str() == id
}

fn is_camera(own: &CameraId, id: &str) -> bool {
    own.as_str() == id
}

/// The table for people, as `docs/access.md` has it.
#[cfg(test)]
pub(crate) fn table_text() -> String {
    let mut text = String::from("| method | path |");
    for role in Role::ALL {
        text += &format!(" {role} |");
    }
    text += " without a token |\n|---|---|";
    text += &"---|".repeat(Role::ALL.len() + 1);
    text.push('\n');
    for (method, path, need) in ROUTES {
        text += &format!("| {method} | `{path}` |");
        let (roles, word, without) = match need {
            Need::Everyone => (Role::ALL, "yes", "yes"),
            Need::Player => (PLAYERS, "yes", "on loopback"),
            Need::Roles(roles) | Need::Question(roles) | Need::Service(roles) => {
                (*roles, "yes", "in the demonstration")
            }
            Need::Camera(roles) => (*roles, "its cameras", "in the demonstration"),
        };
        for role in Role::ALL {
            let cell = match (roles.contains(role), role, need) {
                (false, _, _) => "",
                (true, Screen, Need::Player) => "its screens",
                (true, Device, Need::Camera(_)) => word,
                (true, _, _) => "yes",
            };
            text += &format!(" {cell} |");
        }
        text += &format!(" {without} |\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use regard_domain::Timestamp;
    use regard_engine::TokenRecord;

    use super::*;

    fn guest(role: Role) -> Guest {
        Guest::Token(Arc::new(TokenRecord {
            id: "0123456789ab".parse().unwrap(),
            role,
            screens: BTreeSet::from([ScreenId::new("window").unwrap()]),
            cameras: BTreeSet::from([CameraId::new("door").unwrap()]),
            made_at: Timestamp::from_millis(0),
            expires_at: None,
            revoked_at: None,
            verifier: String::new(),
        }))
    }

    fn ruling(role: Role, method: &str, path: &str, id: Option<&str>) -> Ruling {
        rule(need_of(method, path).unwrap(), &guest(role), id)
    }

    #[test]
    fn no_route_is_listed_twice() {
        let all: BTreeSet<_> = ROUTES
            .iter()
            .map(|(method, path, _)| (method, path))
            .collect();
        assert_eq!(all.len(), ROUTES.len());
    }

    #[test]
    fn what_is_not_listed_has_no_need_that_could_be_met() {
        assert_eq!(need_of("PATCH", "/v1/facts"), None);
        assert_eq!(need_of("GET", "/v1/secrets"), None);
        assert_eq!(need_of("HEAD", "/v1/health"), need_of("GET", "/v1/health"));
    }

    #[test]
    fn a_screen_plays_itself_and_nothing_else() {
        let own = ruling(Screen, "POST", "/v1/screens/{id}/heartbeat", Some("window"));
        assert_eq!(own, Ruling::Welcome);
        for id in [Some("entrance"), Some("Window"), None] {
            let other = ruling(Screen, "POST", "/v1/screens/{id}/heartbeat", id);
            assert_eq!(other, Ruling::OutOfScope, "{id:?}");
        }
        for (method, path, need) in ROUTES {
            if !matches!(need, Need::Everyone | Need::Player) {
                let ruling = ruling(Screen, method, path, Some("window"));
                assert!(matches!(ruling, Ruling::OtherRole(_)), "{method} {path}");
            }
        }
    }

    #[test]
    fn a_device_hands_in_frames_of_its_own_cameras_alone() {
        let frames = |id| ruling(Device, "GET", "/v1/cameras/{id}/frames", Some(id));
        assert_eq!(frames("door"), Ruling::Welcome);
        assert_eq!(frames("hall"), Ruling::OutOfScope);
        assert_eq!(ruling(Device, "PUT", "/v1/facts", None), Ruling::Welcome);
        assert!(matches!(
            ruling(Device, "GET", "/v1/moment", None),
            Ruling::OtherRole(_)
        ));
    }

    /// Whoever is neither admin nor operator changes nothing that is shown, and tokens are the admin's. The privacy officer
    /// attests what services hold, and nobody else does.
    #[test]
    fn reading_roles_change_nothing() {
        for (method, path, need) in ROUTES {
            let changes_nothing = matches!(need, Need::Everyone | Need::Question(_));
            let is_change = *method != "GET" && !changes_nothing;
            if is_change && path.starts_with("/v1/attestations") {
                assert_eq!(*need, Need::Roles(&[PrivacyOfficer]), "{method} {path}");
                continue;
            }
            for role in [Analyst, PrivacyOfficer] {
                if is_change {
                    let ruling = ruling(role, method, path, None);
                    assert!(
                        matches!(ruling, Ruling::OtherRole(_)),
                        "{role}: {method} {path}"
                    );
                }
            }
            if path.starts_with("/v1/tokens") {
                for role in Role::ALL.iter().filter(|role| **role != Admin) {
                    let ruling = ruling(*role, method, path, None);
                    assert!(
                        matches!(ruling, Ruling::OtherRole(_)),
                        "{role}: {method} {path}"
                    );
                }
            }
        }
        for role in [Operator, Analyst, Screen, Device] {
            let ruling = ruling(role, "GET", "/v1/decisions", None);
            assert!(matches!(ruling, Ruling::OtherRole(_)), "{role} reads rows");
        }
    }

    #[test]
    fn exact_sums_about_people_are_for_two_roles() {
        for role in Role::ALL {
            let sees = [Admin, PrivacyOfficer].contains(role);
            assert_eq!(sees_exact_sums(&guest(*role)), sees, "{role}");
            let plot = ruling(*role, "GET", "/console/plots/messages.svg", None);
            assert_eq!(plot == Ruling::Welcome, sees, "{role}");
        }
        assert!(sees_exact_sums(&Guest::Machine) && !sees_exact_sums(&Guest::Stranger));
    }

    /// `docs/access.md` carries the table between two marks. `REGARD_UPDATE_DOCS=1` writes it anew.
    #[test]
    fn the_table_in_the_documentation_is_this_one() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/access.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (begin, end) = (
            "<!-- table of routes: begin -->\n",
            "<!-- table of routes: end -->",
        );
        let (head, rest) = text.split_once(begin).expect("the first mark");
        let (written, tail) = rest.split_once(end).expect("the second mark");
        if std::env::var_os("REGARD_UPDATE_DOCS").is_some() {
            let text = format!("{head}{begin}{}{end}{tail}", table_text());
            std::fs::write(&path, text).unwrap();
        } else {
            assert_eq!(
                written,
                table_text(),
                "run with REGARD_UPDATE_DOCS=1 and look at the change"
            );
        }
    }
}
