//! Instructions for use, and what falls to whoever uses the system.

use regard_commitments::{PaperKind, Rule};

use super::draft::Draft;
use super::paper::{LegalPaper, Point, Source, ask, fact, known, note, point, program};
use super::technical::{hardware, input, intended_purpose, limits};
use super::words::yes;

pub(super) fn instructions(draft: &Draft<'_>) -> LegalPaper {
    let mut points = of_provider(draft);
    points.extend(of_deployer(draft));
    points.extend(of_deployer_to_others(draft));
    LegalPaper::new(PaperKind::Instructions, Vec::new(), points)
}

fn of_provider(draft: &Draft<'_>) -> Vec<Point> {
    let mut accuracy = vec![
        draft.measurements(),
        draft.cards("Measured", "Measured of the networks"),
    ];
    accuracy.push(Draft::rules(
        "robustness",
        "Robustness and security",
        &[Rule::Security, Rule::KnownWeaknesses],
    ));
    vec![
        point("13(3)(a)", "Provider and contact", Draft::provider()),
        point("13(3)(b)(i)", "Intended purpose", intended_purpose(draft)),
        point("13(3)(b)(ii)", "Accuracy, robustness, cybersecurity", accuracy),
        point("13(3)(b)(iii)", "Circumstances that may lead to risks", limits(draft)),
        point("13(3)(b)(iv)", "What explains an output", vec![program(
            "explanation",
            "Explanation",
            "Each decision is kept with its candidates, the clauses that held or did not, its probability and the policy; the console \
             shows them.",
        )]),
        point("13(3)(b)(v)", "Performance for certain people or groups", vec![
            draft.cards("Known biases", "Known biases"),
            draft.by_group(),
        ]),
        point("13(3)(b)(vi)", "What the input has to be", vec![
            input(draft),
            known(
                Source::Program,
                "scene",
                "The scene",
                vec![
                    "Faces from about 70 pixels of height in a frame of full HD; from 24 where full resolution is switched on.".to_owned(),
                    "The camera is near the screen, or its place is told in the configuration.".to_owned(),
                ],
            ),
        ]),
        point("13(3)(b)(vii)", "How to read an output", vec![program(
            "reading",
            "Reading",
            "A probability is about what a face shows. `uncertain` means that the program abstains. Attention says that a face is \
             turned to the screen, not that somebody reads.",
        )]),
        point("13(3)(c)", "Changes determined beforehand", vec![program(
            "learning",
            "What changes by itself",
            "The weights of policies, within the messages and rules of the owner; the networks never change.",
        )]),
        point("13(3)(d)", "Human oversight", Draft::oversight()),
        point("13(3)(e)", "Resources, lifetime, maintenance", vec![
            hardware(),
            known(
                Source::Program,
                "care",
                "Care",
                vec![
                    "`regard doctor` says what a machine lacks; `regard audit` proves the promises anew; `regard backup` copies the store.".to_owned(),
                    "Keep the checkpoint of the ledger elsewhere, and the key of the site outside the data folder.".to_owned(),
                ],
            ),
            ask("lifetime", "How long the installation is to be in use, and who looks after it."),
        ]),
        point("13(3)(f)", "Logs", vec![Draft::logs(), draft.retention()]),
    ]
}

fn of_deployer(draft: &Draft<'_>) -> Vec<Point> {
    vec![
        point(
            "26(1)",
            "Use according to these instructions",
            vec![note(
                "The configuration and the signed commitments are what these instructions are written from; what goes beyond them is refused.",
            )],
        ),
        point("26(2)", "People who oversee it", Draft::oversight()),
        point(
            "26(4)",
            "Input data that fits",
            vec![
                draft.cameras(),
                ask(
                    "placement",
                    "Who checks that cameras still see what they are meant to see.",
                ),
            ],
        ),
        point(
            "26(5)",
            "Monitoring, and telling of serious incidents",
            vec![
                ask(
                    "incidents",
                    "Who is told of a serious incident, and who tells provider and authority (AI Act 26(5), 73).",
                ),
                note(
                    "`regard papers breach` writes the report of a personal data breach and keeps its clock.",
                ),
            ],
        ),
        point(
            "26(6)",
            "Logs are kept for six months at least",
            vec![
                draft.retention(),
                program(
                    "ledger_period",
                    "Ledger",
                    "kept for ten years, which no commitment shortens; rows of the audience may go sooner",
                ),
            ],
        ),
    ]
}

/// Who is told by whoever uses the system.
fn of_deployer_to_others(draft: &Draft<'_>) -> Vec<Point> {
    let at_work = draft.promised().declarations.is_workplace_or_education();
    vec![
        point(
            "26(7)",
            "People at work are told before",
            vec![
                fact(
                    "at_work",
                    "People at work or in education are looked at",
                    yes(at_work),
                ),
                ask(
                    "workers",
                    "Whether staff who may come into view and their representatives were told.",
                ),
            ],
        ),
        point(
            "26(8)",
            "Registration by public authorities",
            vec![note("See the paper database-entry.html.")],
        ),
        point(
            "26(9)",
            "Use of this for the impact assessment",
            vec![note(
                "See the paper impact-assessment.html, which is made from the same facts.",
            )],
        ),
        point(
            "26(11)",
            "Telling people",
            vec![note(
                "See the paper transparency-notice.html; no decision about a person is made or assisted.",
            )],
        ),
    ]
}
