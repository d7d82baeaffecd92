//! Which declaration withholds which scope.

use super::*;

const EU: (&str, &str) = ("profile = \"lab\"", "profile = \"eu\"");
const ALL_CATEGORIES: (&str, &str) = (
    "categories = [",
    "categories = [\"micro_expression\", \"age_bracket\", ",
);
const RESEARCH: (&str, &str) = ("purposes = [", "purposes = [\"research\", ");

const OWN_PREMISES: &str = "venue = \"own_premises\"";
const NO_STAFF: &str = "staff = { rule = \"no_staff_in_view\" }";

/// What is changed in the demo's document, the scope asked for, and why it is withheld.
type RuleCase = (
    &'static [(&'static str, &'static str)],
    Scope,
    Option<RefusalCode>,
);

const RULE_CASES: &[RuleCase] = &[
    (&[EU], Scope::Expression, None),
    (
        &[(OWN_PREMISES, "venue = \"shop\"")],
        Scope::Expression,
        None,
    ),
    (
        &[(OWN_PREMISES, "venue = \"office\"")],
        Scope::Expression,
        Some(RefusalCode::WorkplaceOrEducation),
    ),
    (
        &[(OWN_PREMISES, "venue = \"school\"")],
        Scope::Expression,
        Some(RefusalCode::WorkplaceOrEducation),
    ),
    (
        &[(OWN_PREMISES, "venue = \"office\"")],
        Scope::Attention,
        None,
    ),
    (
        &[(
            "workplace_or_education = false",
            "workplace_or_education = true",
        )],
        Scope::Expression,
        Some(RefusalCode::WorkplaceOrEducation),
    ),
    (
        &[(OWN_PREMISES, "venue = \"children_venue\"")],
        Scope::Expression,
        Some(RefusalCode::MinorProtection),
    ),
    (
        &[(OWN_PREMISES, "venue = \"children_venue\"")],
        Scope::Attention,
        None,
    ),
    (
        &[("\"general_audience\"", "\"children_expected\"")],
        Scope::Expression,
        Some(RefusalCode::MinorProtection),
    ),
    (
        &[("\"general_audience\"", "\"undeclared\"")],
        Scope::Expression,
        Some(RefusalCode::MinorProtection),
    ),
    (
        &[(NO_STAFF, "staff = { rule = \"undeclared\" }")],
        Scope::Expression,
        Some(RefusalCode::StaffInView),
    ),
    (
        &[(
            "\"attention\", \"expression\"]\n# What",
            "\"attention\"]\n# What",
        )],
        Scope::Expression,
        Some(RefusalCode::PurposeNotPromised),
    ),
    (&[], Scope::AgeGuard, Some(RefusalCode::PurposeNotPromised)),
    (
        &[ALL_SCOPES, ALL_CATEGORIES, RESEARCH],
        Scope::AgeGuard,
        None,
    ),
    (
        &[EU, ALL_SCOPES, ALL_CATEGORIES, RESEARCH],
        Scope::AgeGuard,
        Some(RefusalCode::FeatureNotInProfile),
    ),
    (
        &[ALL_SCOPES, ALL_CATEGORIES, RESEARCH],
        Scope::MicroExpression,
        Some(RefusalCode::ConsentMissing),
    ),
];

#[test]
fn each_rule_withholds_its_scope() {
    for &(replacements, scope, expected) in RULE_CASES {
        let mut gate = gate_with(replacements);
        let ruled = gate.ask(&camera(), Scopes::NONE.with(scope), at(0));
        let grant = ruled.outcome.granted().unwrap();
        let withheld = grant
            .withheld()
            .iter()
            .find(|(s, _)| *s == scope)
            .map(|(_, r)| r.code);
        assert_eq!(withheld, expected, "{replacements:?} {scope}");
        assert_eq!(grant.scopes().contains(scope), expected.is_none());
        assert!(grant.count().is_some());
        assert_eq!(gate.refusals().len(), usize::from(expected.is_some()));
    }
}
