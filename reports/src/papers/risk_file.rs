//! The risk management file of the AI Act.

use regard_commitments::{PaperKind, RefusalCode, Rule};

use super::draft::Draft;
use super::paper::{Item, LegalPaper, Source, ask, fact, note, point, program, table};
use super::risks;

/// A prohibition of article 5, what keeps to it, and the refusals by which it does.
const PROHIBITED: &[(&str, &str, &str, &[RefusalCode])] = &[
    (
        "5(1)(a) manipulation beyond consciousness",
        "Nothing is shown for less than 50 ms; what a face shows without its owner's knowing is no input of any decision.",
        "no type leads from it to a decision",
        &[RefusalCode::VulnerabilityTargeting],
    ),
    (
        "5(1)(b) exploiting vulnerabilities",
        "Rules that aim at distress, fatigue, age, disability or poverty are refused.",
        "",
        &[
            RefusalCode::VulnerabilityTargeting,
            RefusalCode::MinorProtection,
        ],
    ),
    (
        "5(1)(c) social scoring",
        "Nobody is known again unless they enrolled; no score of a person exists; no decision changes how somebody is treated elsewhere.",
        "",
        &[
            RefusalCode::NoReidentification,
            RefusalCode::SignificantEffect,
        ],
    ),
    (
        "5(1)(d) predicting crimes",
        "Nothing of the kind is computed.",
        "no output, field or label for it exists",
        &[],
    ),
    (
        "5(1)(e) databases of faces from the internet or CCTV",
        "Faces are embedded or enrolled only with provenance and consent; the live gates refuse recognition.",
        "",
        &[RefusalCode::UntargetedCollection],
    ),
    (
        "5(1)(f) emotion recognition at work and in education",
        "Expressions are not analysed where people at work or in education are looked at, nor where staff may be in view.",
        "",
        &[RefusalCode::WorkplaceOrEducation, RefusalCode::StaffInView],
    ),
    (
        "5(1)(g) biometric categorisation by sensitive traits",
        "Race, opinions, belief, sex life and orientation have no output, field or label.",
        "no output, field or label for it exists",
        &[RefusalCode::SensitiveInference],
    ),
    (
        "5(1)(h) remote biometric identification for law enforcement",
        "Identification needs an act of the person; a crowd is never held against a gallery.",
        "",
        &[RefusalCode::ActMissing, RefusalCode::FeatureNotInProfile],
    ),
];

/// The prohibitions and how the program keeps to them.
pub(super) fn prohibitions() -> Item {
    let row = |(what, how, absent, codes): &(&str, &str, &str, &[RefusalCode])| {
        let refusals = match (codes.is_empty(), absent.is_empty()) {
            (true, _) => (*absent).to_owned(),
            (false, true) => Draft::refusals(codes),
            (false, false) => format!("{absent}; {}", Draft::refusals(codes)),
        };
        vec![(*what).to_owned(), (*how).to_owned(), refusals]
    };
    let columns = [
        "Prohibited",
        "What the program does",
        "By which refusal (how far it is kept)",
    ];
    let rows = PROHIBITED.iter().map(row).collect();
    table(
        Source::Program,
        "prohibitions",
        "Prohibited practices",
        &columns,
        rows,
    )
}

/// Whether the system is of high risk, read strictly.
pub(super) fn classification(draft: &Draft<'_>) -> Vec<Item> {
    let reads = draft.reads_expressions();
    let expressions = if reads {
        "Expressions are read from faces. Read strictly this is emotion recognition (3(39)) and of high risk, although the \
         program gives what a face shows and infers no emotion: recital 18 leaves out movements that are merely readily \
         apparent, and whether messages chosen by them are more than that is not settled."
    } else {
        "Expressions are read at no camera of this configuration: no emotion recognition takes place."
    };
    vec![
        fact(
            "emotion_recognition",
            "Annex III 1(c): emotion recognition",
            expressions,
        ),
        program(
            "categorisation",
            "Annex III 1(b): biometric categorisation",
            "no: people are put into no category; how many look and what they show is summed over those in view",
        ),
        program(
            "identification",
            "Annex III 1(a): remote biometric identification",
            "no: recognition is built for nobody who did not ask for it, and its gate refuses in every profile that comes with \
             the program; verification of a claim (recital 17) is kept apart",
        ),
        fact(
            "high_risk",
            "So the system is taken to be",
            if reads {
                "of high risk (6(2))"
            } else {
                "not of high risk in this configuration"
            },
        ),
        note(
            "Recital 44 names what such systems lack: reliability, specificity, limits of generalising. The program therefore \
             gives probabilities, abstains, and never names a feeling.",
        ),
    ]
}

pub(super) fn risk_file(draft: &Draft<'_>) -> LegalPaper {
    let mut testing = vec![draft.measurements(), draft.by_group()];
    testing.push(program(
        "bounds",
        "Bounds",
        "A change of the program that falls below a bound does not pass its tests (`cargo xtask accuracy`).",
    ));
    let points = vec![
        point("5", "Prohibited practices", vec![prohibitions()]),
        point("6(2)", "Classification", classification(draft)),
        point(
            "9(2)(a)",
            "Known and foreseeable risks",
            risks::items(draft),
        ),
        point(
            "9(2)(b)",
            "Risks under foreseeable misuse",
            vec![
                table(
                    Source::Program,
                    "misuse",
                    "Foreseeable misuse",
                    &["Misuse", "What meets it"],
                    misuse(),
                ),
                ask(
                    "further_misuse",
                    "Other misuse that is to be expected at this place.",
                ),
            ],
        ),
        point(
            "9(2)(c)",
            "Risks from monitoring after it is in use",
            vec![
                program(
                    "monitoring",
                    "What monitoring finds",
                    "`regard audit`, counts of refusals on the privacy page, health and metrics tell of broken promises and failures.",
                ),
                ask("monitoring_findings", "What monitoring found so far."),
            ],
        ),
        point("9(2)(d)", "Measures", vec![risks::measures(draft)]),
        point(
            "9(5)",
            "Risks that remain, and whether they are acceptable",
            vec![
                risks::residual(draft),
                ask(
                    "residual_acceptable",
                    "Whether each risk that remains, and all of them together, are acceptable, and why.",
                ),
            ],
        ),
        point("9(6)", "Testing against metrics defined before", testing),
        point(
            "9(9)",
            "People under 18 and other vulnerable groups",
            vec![
                Draft::rules(
                    "minors",
                    "What protects them",
                    &[Rule::Minors, Rule::Forbidden, Rule::Scopes],
                ),
                draft.place_audience(),
            ],
        ),
    ];
    LegalPaper::new(PaperKind::RiskFile, Vec::new(), points)
}

fn misuse() -> Vec<Vec<String>> {
    let rows: [(&str, &[RefusalCode]); 7] = [
        (
            "The notice is hidden, or its screen switched off, while the camera looks",
            &[RefusalCode::NoticeMissing],
        ),
        (
            "Staff or pupils are watched",
            &[RefusalCode::WorkplaceOrEducation, RefusalCode::StaffInView],
        ),
        (
            "Prices, credit or access hang on what a face shows",
            &[RefusalCode::SignificantEffect],
        ),
        (
            "Weakness is aimed at",
            &[RefusalCode::VulnerabilityTargeting],
        ),
        (
            "Data serves another purpose than was promised",
            &[RefusalCode::PurposeNotPromised],
        ),
        (
            "People are told apart who never enrolled",
            &[RefusalCode::NoReidentification, RefusalCode::ConsentMissing],
        ),
        (
            "What is done is not to be recorded",
            &[RefusalCode::LedgerUnavailable],
        ),
    ];
    let row = |(what, codes): (&str, &[RefusalCode])| vec![what.to_owned(), Draft::refusals(codes)];
    rows.into_iter().map(row).collect()
}
