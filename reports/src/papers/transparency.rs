//! What people are told in full; the notice on the screen is its first layer.

use regard_commitments::{LegalBasis, PaperKind, Rule};

use super::draft::Draft;
use super::facts::Happens;
use super::paper::{Item, LegalPaper, Point, ask, fact, note, point, program};
use super::words::yes;

pub(super) fn transparency(draft: &Draft<'_>) -> LegalPaper {
    let mut points = who_and_why(draft);
    points.extend(fairness(draft));
    points.extend(data_and_signs(draft));
    LegalPaper::new(PaperKind::TransparencyNotice, Vec::new(), points)
}

/// GDPR 13(1).
fn who_and_why(draft: &Draft<'_>) -> Vec<Point> {
    let purposes = vec![
        draft.purposes(),
        draft.basis(),
        draft.consent_purposes(),
        draft.campaigns(),
        draft.profile(),
    ];
    vec![
        point("13(1)(a)", "Who answers for it", draft.controller()),
        point(
            "13(1)(b)",
            "Data protection officer",
            vec![Draft::officer()],
        ),
        point("13(1)(c)", "Purposes and legal basis", purposes),
        point(
            "13(1)(d)",
            "Legitimate interests",
            match draft.legitimate_interest() {
                items if items.is_empty() => vec![fact(
                    "interest",
                    "Legitimate interests",
                    "not the legal basis",
                )],
                items => items,
            },
        ),
        point("13(1)(e)", "Recipients", vec![draft.recipients()]),
        point(
            "13(1)(f)",
            "Transfers to third countries",
            draft.transfers(),
        ),
    ]
}

/// GDPR 13(2) and (3).
fn fairness(draft: &Draft<'_>) -> Vec<Point> {
    vec![
        point("13(2)(a)", "How long data is kept", vec![draft.retention()]),
        point("13(2)(b)", "Rights", rights(draft)),
        point("13(2)(c)", "Withdrawing consent", vec![withdrawal(draft)]),
        point(
            "13(2)(d)",
            "Complaint to an authority",
            vec![draft.authority()],
        ),
        point(
            "13(2)(e)",
            "Whether data has to be given",
            vec![program(
                "obligation",
                "Obligation",
                "Nobody has to give data: whoever objects is not looked at, and the messages are then those for everyone.",
            )],
        ),
        point(
            "13(2)(f)",
            "Automated decisions",
            vec![program(
                "automated",
                "Automated decisions with significant effects",
                "None: which message is shown is chosen automatically; messages that change a price, a credit or access are refused \
             (significant_effect).",
            )],
        ),
        point(
            "13(3)",
            "Further purposes",
            vec![program(
                "further",
                "Further purposes",
                "None: what the commitments do not name is refused (purpose_not_promised).",
            )],
        ),
    ]
}

/// GDPR 14, and what stands where people are looked at.
fn data_and_signs(draft: &Draft<'_>) -> Vec<Point> {
    let mut data = vec![draft.categories(), draft.looks()];
    data.extend(draft.signed_releases());
    vec![
        point("14(1)(d)", "Categories of data", data),
        point(
            "14(2)(f)",
            "Where data comes from",
            vec![draft.cameras(), draft.screens()],
        ),
        point(
            "AI Act 50(3)",
            "What is shown where people are looked at",
            shown(draft),
        ),
        point(
            "easy",
            "In easy words and on paper",
            vec![
                note(
                    "`regard notice` prints the sign for the entrance, in each language and in easy words (`--easy`).",
                ),
                ask("sign_place", "Where the printed signs hang."),
            ],
        ),
    ]
}

fn rights(draft: &Draft<'_>) -> Vec<Item> {
    let path = &draft.promised().notice.privacy_path;
    let base = draft.facts.guard.public_url.as_deref().unwrap_or_default();
    vec![
        Draft::rules(
            "rights",
            "Rights, and how the program serves them",
            &[Rule::Access, Rule::Erasure, Rule::Objection, Rule::Consent],
        ),
        fact(
            "privacy_page",
            "Page with the rights and with the way to object",
            format!("{base}{path}"),
        ),
        note(
            "Nothing that is kept can be tied to a passer-by who did not enrol, so that there is nothing to show, correct or \
             erase (GDPR 11); objecting works all the same.",
        ),
    ]
}

fn withdrawal(draft: &Draft<'_>) -> Item {
    let waits = draft
        .looks
        .iter()
        .any(|look| look.happens == Happens::AfterAgreement);
    let rests_on_consent = draft.promised().legal_basis == LegalBasis::Consent
        || !draft.promised().consent_purposes.is_empty()
        || waits;
    fact(
        "withdrawal",
        "Consent can be withdrawn",
        if rests_on_consent {
            "at any time, with the token of the person or where the agreement was given; what was sealed for the purpose is \
             destroyed within a second"
        } else {
            "no processing rests on consent"
        },
    )
}

fn shown(draft: &Draft<'_>) -> Vec<Item> {
    let mut shown = draft.notice_texts();
    shown.push(fact(
        "reads_expressions",
        "Expressions are read, which is told as emotion recognition is (AI Act 50(3))",
        yes(draft.reads_expressions()),
    ));
    shown
}
