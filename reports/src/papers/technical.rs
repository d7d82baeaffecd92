//! The technical documentation of annex IV.

use regard_commitments::{PaperKind, Rule};

use super::draft::Draft;
use super::paper::{Item, LegalPaper, Source, ask, fact, known, note, point, program};
use super::{risk_file, risks};

/// What the system is for, in a sentence.
pub(super) fn intended_purpose(draft: &Draft<'_>) -> Vec<Item> {
    vec![
        program(
            "intended_purpose",
            "Intended purpose",
            "Choosing which message a screen shows by how many people are in front of it, whether they look, and what their \
             faces show; measuring that in sums; learning which messages serve which audience. It is for no decision about a \
             person.",
        ),
        draft.purposes(),
    ]
}

/// What the program runs on.
pub(super) fn hardware() -> Item {
    known(
        Source::Program,
        "hardware",
        "Hardware",
        vec![
            "A computer with two cores (x86-64 or 64-bit Arm) and 250 MB of free memory for one camera of 1080p at 30 frames/s; \
             a graphics processor is used where ONNX Runtime finds one and is not needed."
                .to_owned(),
            "Cameras: V4L2, Motion-JPEG over HTTP, a browser's; RTSP and others where `ffmpeg` is installed.".to_owned(),
            "Screens: a current browser at the address of the screen.".to_owned(),
        ],
    )
}

fn interface() -> Item {
    known(
        Source::Program,
        "interface",
        "Interface for those who run it",
        vec![
            "A console in the browser: what is seen, as data, what was decided and why, what worked, health.".to_owned(),
            "A command line (`docs/cli.md`) and an HTTP interface (`/openapi.json`).".to_owned(),
        ],
    )
}

fn architecture() -> Item {
    known(
        Source::Program,
        "architecture",
        "How it works",
        vec![
            "camera > frame > faces > tracks > moment > decision > screen; outcomes become rewards, and policies learn from these."
                .to_owned(),
            "Four gates (sensing, recognition, personalization, retention) give leave or refuse; work that needs leave does not \
             compile without it."
                .to_owned(),
            "Tracks are anonymous, end two seconds after a face was last seen, and are linked to nothing.".to_owned(),
            "Every choice is stored with its probability and the reasons; a recording of faces as numbers replays bit for bit."
                .to_owned(),
        ],
    )
}

pub(super) fn technical(draft: &Draft<'_>) -> LegalPaper {
    let mut points = general(draft);
    points.extend(elements(draft));
    points.extend(rest(draft));
    LegalPaper::new(PaperKind::TechnicalDocumentation, Vec::new(), points)
}

fn general(draft: &Draft<'_>) -> Vec<super::Point> {
    let mut purpose = intended_purpose(draft);
    purpose.extend(Draft::provider());
    purpose.push(program("version", "Version", &draft.facts.program));
    vec![
        point("1(a)", "Intended purpose, provider, version", purpose),
        point(
            "1(b)",
            "Interaction with hardware and other software",
            vec![
                draft.cameras(),
                draft.screens(),
                fact("runtime", "Runtime of the networks", &draft.facts.runtime),
            ],
        ),
        point(
            "1(c)",
            "Versions of software, and updates",
            vec![
                program("version", "Program", &draft.facts.program),
                ask(
                    "updates",
                    "Who brings updates, and how soon after they come out.",
                ),
            ],
        ),
        point(
            "1(d)",
            "Forms in which it is put on the market",
            vec![program(
                "form",
                "Form",
                "one program, built from its source, run by the owner on a machine of their own; no service",
            )],
        ),
        point(
            "1(e)",
            "Hardware it runs on",
            vec![
                hardware(),
                ask("machine", "The machine of this installation."),
            ],
        ),
        point(
            "1(f)",
            "Product it is part of",
            vec![ask(
                "product",
                "Photographs or drawings of the place where camera and screen are built in; or that they are part of no product.",
            )],
        ),
        point("1(g)", "Interface for the deployer", vec![interface()]),
        point(
            "1(h)",
            "Instructions for use",
            vec![note("They are a paper of their own: instructions.html.")],
        ),
    ]
}

fn elements(draft: &Draft<'_>) -> Vec<super::Point> {
    vec![
        point(
            "2(a)",
            "Methods, and what was taken from others",
            vec![draft.models(), origins(draft)],
        ),
        point("2(b)", "Design and logic", {
            let mut items = vec![architecture()];
            items.extend(draft.uses());
            items.push(Draft::rules(
                "choices",
                "Choices of the design",
                &[
                    Rule::AnonymousTracks,
                    Rule::Minimisation,
                    Rule::HonestWords,
                    Rule::MicroExpressions,
                ],
            ));
            items
        }),
        point(
            "2(c)",
            "Architecture and resources",
            vec![architecture(), hardware()],
        ),
        point(
            "2(d)",
            "Training data",
            vec![
                draft.cards("Training data", "What networks learned from"),
                note(
                    "The project trains no network. What policies learn is sums of rewards of this site; it holds nobody.",
                ),
            ],
        ),
        point("2(e)", "Human oversight", Draft::oversight()),
        point(
            "2(f)",
            "Changes determined beforehand",
            vec![program(
                "learning",
                "What changes by itself",
                "The weights of policies, within the messages and rules of the owner; the networks never change.",
            )],
        ),
        point(
            "2(g)",
            "Validation and testing",
            vec![
                draft.measurements(),
                draft.cards("Measured", "Measured of the networks"),
                draft.by_group(),
            ],
        ),
        point("2(h)", "Cybersecurity", {
            let mut items = draft.guard();
            items.push(Draft::rules(
                "security",
                "Measures",
                &[Rule::Security, Rule::KnownWeaknesses],
            ));
            items
        }),
    ]
}

fn origins(draft: &Draft<'_>) -> Item {
    let rows = draft.used_models().into_iter();
    super::paper::table(
        Source::Models,
        "origins",
        "Where networks come from",
        &["Network", "From", "Terms of the training data"],
        rows.map(|m| {
            vec![
                m.id.clone(),
                m.origin.clone(),
                m.training_data_terms.clone(),
            ]
        })
        .collect(),
    )
}

/// What the system can and cannot do.
pub(super) fn limits(draft: &Draft<'_>) -> Vec<Item> {
    vec![
        draft.cards("Limits", "Limits of the networks"),
        draft.cards("Known biases", "Known biases"),
        draft.by_group(),
        program(
            "fit",
            "Expressions that may drive a message",
            "happy, neutral, and with care surprised and angry; conditions on others are refused",
        ),
    ]
}

/// What the input has to be.
pub(super) fn input(draft: &Draft<'_>) -> Item {
    let rows = draft.used_models().into_iter();
    super::paper::table(
        Source::Models,
        "inputs",
        "Input and output of the networks",
        &["Network", "Input", "Output"],
        rows.map(|m| vec![m.id.clone(), m.input.clone(), m.output.clone()])
            .collect(),
    )
}

fn rest(draft: &Draft<'_>) -> Vec<super::Point> {
    let mut control = limits(draft);
    control.push(input(draft));
    control.extend(Draft::oversight());
    vec![
        point("3", "Monitoring, functioning and control", control),
        point(
            "4",
            "Whether the metrics fit",
            vec![
                note(
                    "Detection is measured by average precision, expressions by accuracy, calibration and what is left when the program \
                 abstains, tracking by HOTA and IDF1: the metrics of the field for these tasks. Policies are judged by rewards with \
                 the probability of each choice, so that another policy can be estimated from the log.",
                ),
                ask(
                    "metrics",
                    "Whether these metrics fit the use at this place.",
                ),
            ],
        ),
        point(
            "5",
            "Risk management",
            vec![
                risks::residual(draft),
                risk_file::prohibitions(),
                note("The whole is a paper of its own: risk-file.html."),
            ],
        ),
        point(
            "6",
            "Changes through the lifecycle",
            vec![program(
                "changes",
                "Changes",
                "CHANGELOG.md tells of the program; the ledger says when papers changed, a copy of each is kept in the data folder, and \
             `regard papers diff` says what changed.",
            )],
        ),
        point(
            "7",
            "Standards",
            vec![
                known(
                    Source::Program,
                    "standards",
                    "Forms that are followed",
                    vec![
                        "ISO/IEC TS 27560 (consent receipts)".to_owned(),
                        "RFC 6962, C2SP tlog-checkpoint and tlog-tiles (ledger)".to_owned(),
                        "WCAG 2.2 AA (pages), PDF/UA-1 (printed signs)".to_owned(),
                    ],
                ),
                note("No harmonised standard under the AI Act is applied."),
            ],
        ),
        point(
            "8",
            "EU declaration of conformity",
            vec![ask(
                "conformity",
                "A copy of the EU declaration of conformity (AI Act 47), where the system is of high risk.",
            )],
        ),
        point(
            "9",
            "Plan for monitoring after it is on the market",
            vec![
                Draft::logs(),
                ask(
                    "monitoring_plan",
                    "Who looks at audit reports, refusals and complaints, how often, and what follows (AI Act 72).",
                ),
            ],
        ),
    ]
}
