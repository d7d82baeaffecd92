//! The fundamental rights impact assessment: what is known filled in, the rest asked.

use regard_commitments::{PaperKind, VenueKind};

use super::draft::Draft;
use super::paper::{Item, LegalPaper, ask, fact, note, point};
use super::risks;
use super::words::yes;

pub(super) fn rights(draft: &Draft<'_>) -> LegalPaper {
    let mut oversight = Draft::oversight();
    oversight.push(draft.looks());
    let points = vec![
        point("27(1)", "Who has to assess", who(draft)),
        point("27(1)(a)", "Processes in which it is used", process(draft)),
        point(
            "27(1)(b)",
            "How long and how often",
            vec![
                draft.size(),
                fact(
                    "since",
                    "The commitments hold from",
                    draft.promised().effective_from.to_string(),
                ),
                ask("period", "Until when, at which hours, how often."),
            ],
        ),
        point(
            "27(1)(c)",
            "People and groups that are affected",
            vec![
                draft.place_audience(),
                fact(
                    "staff",
                    "Staff",
                    super::words::staff(&draft.promised().declarations.staff),
                ),
                ask(
                    "groups",
                    "Which groups come by here, and which of them are more vulnerable than others.",
                ),
            ],
        ),
        point("27(1)(d)", "Risks of harm to them", {
            let mut items = risks::items(draft);
            items.push(draft.cards("Known biases", "Known biases"));
            items
        }),
        point("27(1)(e)", "Human oversight", oversight),
        point(
            "27(1)(f)",
            "Measures if risks come true",
            vec![
                risks::measures(draft),
                ask(
                    "complaints",
                    "Internal governance, and where people complain.",
                ),
            ],
        ),
        point(
            "27(3)",
            "Telling the authority",
            vec![
                ask(
                    "notified",
                    "When the market surveillance authority was told the result, on its template.",
                ),
                note(
                    "Where the data protection impact assessment says it already, this complements it (27(4)).",
                ),
            ],
        ),
    ];
    LegalPaper::new(PaperKind::RightsAssessment, Vec::new(), points)
}

/// Whether this deployer has to assess.
fn who(draft: &Draft<'_>) -> Vec<Item> {
    let venue = draft.promised().declarations.venue;
    let served = matches!(
        venue,
        VenueKind::Transport
            | VenueKind::PublicSpace
            | VenueKind::Healthcare
            | VenueKind::School
            | VenueKind::Museum
    );
    vec![
        fact(
            "public_service",
            "The kind of place is often one of public services",
            yes(served),
        ),
        fact(
            "high_risk",
            "Expressions are read, so that the system is taken to be of high risk",
            yes(draft.reads_expressions()),
        ),
        ask(
            "public_body",
            "Whether the deployer is a body of public law or provides public services; others need not assess.",
        ),
    ]
}

fn process(draft: &Draft<'_>) -> Vec<Item> {
    let mut process = draft.place();
    process.extend([draft.purposes(), draft.campaigns()]);
    process.push(ask(
        "process",
        "In which of the deployer's processes the system is used.",
    ));
    process
}
