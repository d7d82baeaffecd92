//! What is entered into the EU database: section A by providers, section C by deployers who are public authorities.

use regard_commitments::PaperKind;

use super::draft::Draft;
use super::paper::{LegalPaper, Source, ask, fact, known, note, point, program};
use super::technical::intended_purpose;
use super::words::yes;

pub(super) fn database(draft: &Draft<'_>) -> LegalPaper {
    let mut deployer = draft.controller();
    deployer.push(fact(
        "high_risk",
        "Expressions are read, so that the system is taken to be of high risk",
        yes(draft.reads_expressions()),
    ));
    let points = vec![
        point("49", "Who registers", vec![
            ask("registers", "Whether provider (49(1)) or deployer (49(3), public authorities) has to register; systems that are not of high risk need not."),
        ]),
        point("A(1)", "Provider", Draft::provider()),
        point("A(2)", "Who submits on behalf of the provider", vec![ask("submitter", "Name, address and contact; or nobody.")]),
        point("A(3)", "Authorised representative", vec![ask("authorised_representative", "Name, address and contact; or nobody.")]),
        point("A(4)", "Trade name and reference", vec![
            program("name", "Trade name", "Regard"),
            program("version", "Version", &draft.facts.program),
        ]),
        point("A(5)", "Intended purpose, components and functions", intended_purpose(draft)),
        point("A(6)", "Data that is used, and logic", vec![
            known(
                Source::Program,
                "logic",
                "Logic",
                vec![
                    "Faces are found in the picture of a camera; attention and expression are read from them; numbers about all in view \
                     choose, by rules and learned weights, which of the owner's messages is shown."
                        .to_owned(),
                ],
            ),
            draft.categories(),
            draft.looks(),
        ]),
        point("A(7)", "Status", vec![ask("status", "On the market or in service; no longer; recalled.")]),
        point("A(8)", "Certificate of a notified body", vec![ask("certificate", "Type, number, expiry and the body; or none.")]),
        point("A(9)", "Copy of the certificate", vec![ask("certificate_copy", "A scanned copy; or none.")]),
        point("A(10)", "Member States", vec![ask("member_states", "Where the system is on the market or in service.")]),
        point("A(11)", "EU declaration of conformity", vec![ask(
            "conformity",
            "A copy of the EU declaration of conformity (AI Act 47), where the system is of high risk.",
        )]),
        point("A(12)", "Instructions for use", vec![note("The paper instructions.html; not for systems of law enforcement and migration.")]),
        point("A(13)", "Address for further information", vec![ask("further_information", "An address; may be left out.")]),
        point("C(1)", "Deployer", deployer),
        point("C(2)", "Who submits on behalf of the deployer", vec![ask("deployer_submitter", "Name and contact; or nobody.")]),
        point("C(3)", "The provider's entry", vec![ask("provider_entry", "Address of the provider's entry in the database.")]),
        point("C(4)", "Summary of the fundamental rights impact assessment", vec![ask("rights_summary", "A summary of the paper rights-assessment.html.")]),
        point("C(5)", "Summary of the data protection impact assessment", vec![ask("dpia_summary", "A summary of the paper impact-assessment.html, where there is one.")]),
    ];
    LegalPaper::new(PaperKind::DatabaseEntry, Vec::new(), points)
}
