//! The record of processing activities.

use regard_commitments::{PaperKind, Rule};

use super::draft::Draft;
use super::paper::{Item, LegalPaper, Source, ask, facts, known, note, point};

pub(super) fn record(draft: &Draft<'_>) -> LegalPaper {
    let why = vec![
        draft.purposes(),
        draft.basis(),
        draft.consent_purposes(),
        draft.campaigns(),
        draft.profile(),
    ];
    let points = vec![
        point(
            "30(1)(a)",
            "Controller, joint controller, representative, data protection officer",
            who(draft),
        ),
        point("30(1)(b)", "Purposes of the processing", why),
        point(
            "30(1)(c)",
            "Categories of data subjects and of personal data",
            data(draft),
        ),
        point(
            "30(1)(d)",
            "Categories of recipients",
            vec![draft.recipients()],
        ),
        point(
            "30(1)(e)",
            "Transfers to third countries",
            draft.transfers(),
        ),
        point(
            "30(1)(f)",
            "Time limits for erasure",
            vec![
                draft.retention(),
                note(
                    "Pictures are in none of these kinds: frames live in memory for a moment and are never written.",
                ),
            ],
        ),
        point(
            "30(1)(g)",
            "Technical and organisational security measures",
            security(draft),
        ),
    ];
    LegalPaper::new(PaperKind::Record, Vec::new(), points)
}

fn who(draft: &Draft<'_>) -> Vec<Item> {
    let mut who = draft.controller();
    who.extend([
        Draft::officer(),
        ask(
            "joint_controller",
            "Joint controllers, and who answers for what (GDPR 26); or none.",
        ),
        ask(
            "representative",
            "Representative in the Union (GDPR 27); or none.",
        ),
    ]);
    who
}

fn data(draft: &Draft<'_>) -> Vec<Item> {
    let mut subjects = vec!["people in view of a camera".to_owned()];
    if !draft.promised().consent_purposes.is_empty() {
        subjects.push("people who enrolled".to_owned());
    }
    if !draft.facts.services.is_empty() {
        subjects.push("people whose pictures services send".to_owned());
    }
    let mut data = vec![
        facts("subjects", "Categories of people", subjects),
        known(
            Source::Program,
            "operators",
            "Also",
            vec!["people who run the site: hashes of their tokens, and their acts in the ledger by the id of a token".to_owned()],
        ),
        draft.categories(),
        draft.looks(),
        draft.cameras(),
    ];
    data.extend(draft.custody());
    data.extend(draft.signed_releases());
    data.extend(draft.kept_elsewhere());
    data
}

fn security(draft: &Draft<'_>) -> Vec<Item> {
    let mut security = draft.guard();
    security.push(Draft::rules(
        "security",
        "Measures (GDPR 32(1))",
        &[
            Rule::Security,
            Rule::Minimisation,
            Rule::KnownWeaknesses,
            Rule::Accountability,
            Rule::Erasure,
        ],
    ));
    security.push(ask(
        "organisational_measures",
        "Organisational measures: who holds keys and tokens, training, who looks after the machine.",
    ));
    security
}
