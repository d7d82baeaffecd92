//! The data protection impact assessment.

use regard_commitments::{Digest, Dpia, DpiaStanding, PaperKind, Rule, Scope};

use super::draft::Draft;
use super::paper::{
    Item, LegalPaper, Point, Source, Standing, ask, fact, known, note, point, program,
};
use super::risks;
use super::words::{self, list, plain, yes};

pub(super) fn assessment(draft: &Draft<'_>) -> LegalPaper {
    let mut points = vec![
        point(
            "35(7)(a)",
            "Description of the processing and its purposes",
            description(draft),
        ),
        point(
            "35(7)(b)",
            "Necessity and proportionality",
            necessity(draft),
        ),
        point(
            "35(7)(c)",
            "Risks to the rights and freedoms of people",
            risks::items(draft),
        ),
        point("35(7)(d)", "Measures against the risks", measures(draft)),
    ];
    points.extend(around(draft));
    let mut paper = LegalPaper::new(PaperKind::ImpactAssessment, Vec::new(), points);
    paper.standing = vec![standing(draft, paper.assessed())];
    paper
}

fn description(draft: &Draft<'_>) -> Vec<Item> {
    let mut what = draft.place();
    what.extend([
        draft.profile(),
        draft.size(),
        draft.cameras(),
        draft.screens(),
        draft.looks(),
    ]);
    what.extend([
        draft.categories(),
        draft.purposes(),
        draft.basis(),
        draft.consent_purposes(),
    ]);
    what.extend(draft.signed_releases());
    what.extend(draft.uses());
    what.extend([draft.retention(), draft.recipients(), draft.models()]);
    what.extend(draft.legitimate_interest());
    what.push(ask(
        "functional_description",
        "Anything about the place, the people or the use that is not above.",
    ));
    what
}

fn measures(draft: &Draft<'_>) -> Vec<Item> {
    let mut measures = vec![risks::measures(draft)];
    measures.extend(draft.guard());
    measures.push(Draft::rules(
        "rights",
        "Rights of people",
        &[
            Rule::Notice,
            Rule::Access,
            Rule::Erasure,
            Rule::Objection,
            Rule::Consent,
        ],
    ));
    measures.push(ask(
        "further_measures",
        "Measures of the site beside those of the program.",
    ));
    measures
}

/// Who is heard, who decides, and for how long it holds.
fn around(draft: &Draft<'_>) -> Vec<Point> {
    vec![
        point(
            "35(2)",
            "Advice of the data protection officer",
            vec![
                Draft::officer(),
                ask(
                    "dpo_advice",
                    "What the data protection officer advises, and the day.",
                ),
            ],
        ),
        point(
            "35(3)",
            "Whether an assessment is required",
            required(draft),
        ),
        point(
            "35(9)",
            "Views of the people concerned",
            vec![ask(
                "views",
                "How the views of the people concerned, or of their representatives, were sought, and what they were; or why not.",
            )],
        ),
        point(
            "36(1)",
            "Whether the authority is to be asked before",
            prior_consultation(draft),
        ),
        point(
            "35(11)",
            "Review",
            vec![
                program(
                    "review",
                    "When it is looked at again",
                    "12 months after it was signed at the latest, and when the configuration that it is about changes: it does not \
                 count from then on, and what needs one is refused with dpia_missing.",
                ),
                ask("review_by", "Who looks at it again, and when."),
            ],
        ),
        point(
            "signature",
            "Decision and signature",
            vec![
                ask(
                    "decision",
                    "Whether the processing may go on, under which conditions.",
                ),
                note(
                    "`regard papers sign-dpia` writes who signed into the commitments, with the hash of what is assessed; the \
                 commitments are signed with the key of the site.",
                ),
            ],
        ),
    ]
}

fn necessity(draft: &Draft<'_>) -> Vec<Item> {
    let mut items = vec![Draft::rules(
        "proportionality",
        "What keeps it to what is needed",
        &[
            Rule::Minimisation,
            Rule::PurposeLimit,
            Rule::StorageLimit,
            Rule::AnonymousTracks,
            Rule::Scopes,
        ],
    )];
    let unused = Scope::ALL.into_iter().filter(|scope| {
        draft.happens(*scope)
            && *scope == Scope::Expression
            && !draft
                .facts
                .campaigns
                .iter()
                .filter(|c| c.is_enabled)
                .any(uses_expression)
    });
    let unused: Vec<String> = unused.map(|scope| plain(&scope)).collect();
    items.push(fact(
        "unused",
        "Analyses that are switched on and no running campaign uses",
        list(unused),
    ));
    items.push(ask(
        "necessity",
        "Why each analysis is needed for its purpose, and why less would not do: counting alone, attention alone, or no camera.",
    ));
    items
}

/// Whether expressions decide anything in a campaign.
fn uses_expression(campaign: &super::CampaignFact) -> bool {
    let learns = campaign.policy == "linucb";
    let reacts = campaign
        .reacts_to
        .iter()
        .any(|clause| clause.starts_with("expression"));
    learns || reacts || campaign.rewards.iter().any(|reward| reward == "smile_lift")
}

fn required(draft: &Draft<'_>) -> Vec<Item> {
    let declared = &draft.promised().declarations;
    let is_public = words::is_public(declared.venue) && draft.happens(Scope::Count);
    vec![
        fact(
            "public",
            "A place open to the public is watched systematically (35(3)(c))",
            yes(is_public),
        ),
        fact(
            "special",
            "Special categories are processed on a large scale (35(3)(b))",
            yes(draft
                .promised()
                .consent_purposes
                .iter()
                .any(|purpose| purpose.is_biometric())),
        ),
        program(
            "effects",
            "Decisions with legal or similar effects (35(3)(a))",
            "no: messages that change a price, a credit or access are refused (significant_effect)",
        ),
        ask(
            "national_list",
            "Whether the processing is on the list of the authority (35(4), 35(5)).",
        ),
    ]
}

fn prior_consultation(draft: &Draft<'_>) -> Vec<Item> {
    vec![
        known(
            Source::Program,
            "high_risk",
            "A significant risk remains likely, by the proposals above",
            vec![yes(risks::is_high(draft)).to_owned()],
        ),
        draft.authority(),
        ask(
            "prior_consultation",
            "Whether a high risk remains in spite of the measures; then the authority is asked before the processing begins.",
        ),
    ]
}

/// What the assessment that the commitments name is worth to this configuration.
fn standing(draft: &Draft<'_>, assessed: Digest) -> Standing {
    let Some(dpia) = &draft.promised().dpia else {
        return Standing {
            is_good: false,
            text: "Not signed: the commitments name no impact assessment.".to_owned(),
        };
    };
    let verdict = dpia.standing(Some(assessed), draft.facts.made_at);
    Standing {
        is_good: verdict == DpiaStanding::Holds,
        text: format!(
            "{} {:?}, signed by {:?} on {}.",
            verdict_text(verdict, dpia),
            dpia.reference,
            dpia.signed_by,
            dpia.signed_on
        ),
    }
}

fn verdict_text(verdict: DpiaStanding, dpia: &Dpia) -> &'static str {
    match verdict {
        DpiaStanding::Holds if dpia.configuration.is_some() => {
            "Signed for this very configuration:"
        }
        DpiaStanding::Holds => {
            "Signed, as a paper of the owner's own; whether it is about this configuration cannot be checked:"
        }
        DpiaStanding::NotYetSigned => "Does not count yet, the day of its signature has not come:",
        DpiaStanding::TooOld => "Does not count any more, it is 12 months old or more:",
        DpiaStanding::OfAnotherConfiguration => {
            "Does not count, it was signed for another configuration; compare the papers and sign again:"
        }
    }
}
