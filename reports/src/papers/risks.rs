//! What may go wrong for people, how grave that would be, and what the program does against it.

use std::fmt;

use regard_commitments::{Rule, Scope, Standing as Kept};

use super::draft::Draft;
use super::paper::{Item, Source, ask, note, table};
use super::words::list;

/// How likely or how grave: the scale of the French authority (CNIL, PIA knowledge bases) up to what is proposed here; it
/// goes on to "maximum", which a person may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Negligible,
    Limited,
    Significant,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Negligible => "negligible",
            Self::Limited => "limited",
            Self::Significant => "significant",
        })
    }
}

/// A risk to people.
pub(super) struct Risk {
    pub(super) id: &'static str,
    /// What would happen to whom.
    pub(super) what: &'static str,
    pub(super) severity: Level,
    /// What the program does against it.
    pub(super) rules: &'static [Rule],
    /// Where it can happen at all.
    applies: fn(&Draft<'_>) -> bool,
}

const RISKS: &[Risk] = &[
    Risk {
        id: "unaware",
        what: "People are looked at without knowing it or without being able to avoid it.",
        severity: Level::Limited,
        rules: &[Rule::Notice, Rule::Objection, Rule::ConsentGatedCamera],
        applies: |draft| draft.happens(Scope::Count),
    },
    Risk {
        id: "singled_out",
        what: "Somebody who never enrolled is followed or recognised across cameras, visits or days.",
        severity: Level::Significant,
        rules: &[
            Rule::AnonymousTracks,
            Rule::Identification,
            Rule::Minimisation,
        ],
        applies: |draft| draft.happens(Scope::Count),
    },
    Risk {
        id: "misread",
        what: "What a face shows is read wrongly, more often for some groups of people than for others, and messages, or \
               the sums about an audience, rest on it.",
        severity: Level::Limited,
        rules: &[Rule::HonestWords, Rule::ModelLicences],
        applies: |draft| draft.reads_expressions(),
    },
    Risk {
        id: "manipulated",
        what: "A message works on people through what they show without wanting to, or through a weakness.",
        severity: Level::Significant,
        rules: &[
            Rule::Forbidden,
            Rule::MicroExpressions,
            Rule::SignificantEffects,
        ],
        applies: |draft| !draft.facts.campaigns.is_empty(),
    },
    Risk {
        id: "staff",
        what: "People at work are watched while they work.",
        severity: Level::Significant,
        rules: &[Rule::Scopes, Rule::Forbidden],
        applies: |draft| draft.happens(Scope::Count),
    },
    Risk {
        id: "minors",
        what: "Children are looked at, and messages are chosen by what they show.",
        severity: Level::Significant,
        rules: &[Rule::Minors, Rule::Scopes],
        applies: |draft| draft.happens(Scope::Count),
    },
    Risk {
        id: "pictures",
        what: "Pictures of people leave the machine or are found on its disk.",
        severity: Level::Significant,
        rules: &[Rule::Minimisation, Rule::LeavingTheSite, Rule::Security],
        applies: |draft| draft.happens(Scope::Count),
    },
    Risk {
        id: "kept_too_long",
        what: "Records outlive their purpose, or serve another one than was promised.",
        severity: Level::Limited,
        rules: &[Rule::StorageLimit, Rule::PurposeLimit],
        applies: |_| true,
    },
    Risk {
        id: "persons_disclosed",
        what: "What people who enrolled agreed to, or prefer, becomes known to others.",
        severity: Level::Significant,
        rules: &[Rule::Security, Rule::Custody, Rule::Erasure],
        applies: |draft| !draft.promised().consent_purposes.is_empty(),
    },
    Risk {
        id: "not_free",
        what: "Agreeing is not free: whoever does not agree, or takes it back, is worse off.",
        severity: Level::Limited,
        rules: &[Rule::Consent, Rule::Erasure, Rule::Access],
        applies: |draft| !draft.promised().consent_purposes.is_empty(),
    },
    Risk {
        id: "promise_broken",
        what: "The site does something else than it promised, and nobody notices.",
        severity: Level::Significant,
        rules: &[Rule::Accountability, Rule::KnownWeaknesses, Rule::Profiles],
        applies: |_| true,
    },
];

/// How likely it is with what the program does: a proposal that follows from how far its rules are kept.
pub(super) fn likelihood(risk: &Risk) -> Level {
    let worst = risk
        .rules
        .iter()
        .map(|rule| rule.keeping().standing())
        .max();
    match worst {
        Some(Kept::Kept) => Level::Negligible,
        Some(Kept::Partly) => Level::Limited,
        Some(Kept::Open) | None => Level::Significant,
    }
}

/// The risks that this configuration has.
pub(super) fn of<'d>(draft: &'d Draft<'_>) -> impl Iterator<Item = &'static Risk> + 'd {
    RISKS.iter().filter(|risk| (risk.applies)(draft))
}

/// The risks as a table, with what a person has to judge.
pub(super) fn items(draft: &Draft<'_>) -> Vec<Item> {
    let row = |risk: &Risk| {
        vec![
            risk.id.replace('_', " "),
            risk.what.to_owned(),
            risk.severity.to_string(),
            likelihood(risk).to_string(),
        ]
    };
    vec![
        table(
            Source::Program,
            "risks",
            "Risks to people",
            &[
                "Risk",
                "What would happen",
                "Severity",
                "Likelihood with the measures",
            ],
            of(draft).map(row).collect(),
        ),
        note(
            "Severity is that of the table of risks in the program; likelihood follows from how far the rules against the \
             risk are kept: negligible where all are, limited where something is missing, significant where one is open. Both \
             are proposals, on the scale of the CNIL (negligible, limited, significant, maximum).",
        ),
        ask(
            "risk_judgement",
            "Whether severity and likelihood are right for this place and these people, and which risks are missing.",
        ),
    ]
}

/// What is done against each risk.
pub(super) fn measures(draft: &Draft<'_>) -> Item {
    let mut rows = Vec::new();
    for risk in of(draft) {
        for rule in risk.rules {
            let keeping = rule.keeping();
            rows.push(vec![
                format!(
                    "{}: {}",
                    risk.id.replace('_', " "),
                    rule.id().replace('_', " ")
                ),
                rule.title().to_owned(),
                keeping.standing().to_string(),
                keeping.missing.to_owned(),
            ]);
        }
    }
    let columns = [
        "Risk and rule",
        "What the program does",
        "Kept",
        "What is missing",
    ];
    table(Source::Program, "measures", "Measures", &columns, rows)
}

/// The risks that remain: what is missing against them.
pub(super) fn residual(draft: &Draft<'_>) -> Item {
    let rows = of(draft).filter(|risk| likelihood(risk) > Level::Negligible);
    let row = |risk: &Risk| {
        let missing = risk.rules.iter().map(|rule| rule.keeping().missing);
        vec![
            risk.id.replace('_', " "),
            risk.severity.to_string(),
            likelihood(risk).to_string(),
            list(missing.filter(|missing| !missing.is_empty())),
        ]
    };
    let columns = ["Risk", "Severity", "Likelihood", "What is missing"];
    table(
        Source::Program,
        "residual",
        "Risks that remain",
        &columns,
        rows.map(row).collect(),
    )
}

/// Whether a grave risk remains likely: then the authority is to be asked before (GDPR 36(1)).
pub(super) fn is_high(draft: &Draft<'_>) -> bool {
    of(draft)
        .any(|risk| risk.severity >= Level::Significant && likelihood(risk) >= Level::Significant)
}
