//! No campaign can encode an effect that is refused, wherever it is hidden.

use proptest::prelude::*;
use regard_decision::{Campaign, Creative, FaultKind, validate};

use crate::support::{campaign, campaigns};

/// A way to say something refused, as TOML: for the head of a campaign or for one of its messages.
#[derive(Clone, Debug)]
struct Harm {
    head: Option<String>,
    message: Option<String>,
    kind: FaultKind,
}

fn weak_word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "distress",
        "stress",
        "fatigue",
        "tired",
        "age",
        "disability",
        "poverty",
    ])
}

/// A name with a word that aims at weakness somewhere in it.
fn weak_name() -> impl Strategy<Value = String> {
    // No word of these letters is refused for another reason.
    let part = "[k-q]{0,4}";
    (
        part,
        weak_word(),
        part,
        prop::sample::select(vec!['.', '_', '-']),
    )
        .prop_map(|(before, word, after, by)| {
            let parts = [before.as_str(), word, after.as_str()];
            let parts: Vec<&str> = parts.into_iter().filter(|p| !p.is_empty()).collect();
            parts.join(&by.to_string())
        })
}

/// A name of a decision that matters to somebody, written in one of the ways that names are written.
fn effect_name() -> impl Strategy<Value = String> {
    let words = vec![
        "loan_approved",
        "credit-score",
        "personal_price",
        "insurance-premium",
        "access_denied",
        "eligibility",
        "votre_prix",
    ];
    (prop::sample::select(words), "[k-q]{0,4}").prop_map(|(word, more)| match more.as_str() {
        "" => word.to_owned(),
        more => format!("{word}_{more}"),
    })
}

fn condition() -> impl Strategy<Value = String> {
    let label = prop::sample::select(vec!["sad", "fearful", "disgusted"]);
    prop_oneof![
        (label, 0.0_f32..1.0).prop_map(|(label, min)| format!(
            "{{ expression = [{{ label = '{label}', min = {min} }}] }}"
        )),
        weak_name()
            .prop_map(|name| format!("{{ facts = [{{ name = '{name}', equals = true }}] }}")),
        // Distress, circled by what it is not.
        (0.0_f32..0.12).prop_map(|max| {
            let tests: Vec<String> = ["happy", "neutral", "surprised", "angry"]
                .map(|label| format!("{{ label = '{label}', max = {max} }}"))
                .into();
            format!("{{ expression = [{}] }}", tests.join(", "))
        }),
    ]
}

fn harm() -> impl Strategy<Value = Harm> {
    let aimed = FaultKind::VulnerabilityTargeting;
    let of_message = move |text: String| Harm {
        head: None,
        message: Some(text),
        kind: aimed,
    };
    let of_head = move |text: String| Harm {
        head: Some(text),
        message: None,
        kind: aimed,
    };
    let bad_outcome = prop::sample::select(vec![
        "negative_lift",
        "turned_away",
        "complaint",
        "objection",
    ]);
    prop_oneof![
        Just(Harm {
            head: None,
            message: Some("changes_price_or_access = true".to_owned()),
            kind: FaultKind::SignificantEffect,
        }),
        effect_name().prop_map(|name| Harm {
            head: Some(format!("reward = {{ terms = [{{ kind = 'custom:{name}' }}] }}")),
            message: None,
            kind: FaultKind::SignificantEffect,
        }),
        effect_name().prop_map(|name| Harm {
            head: Some(format!(
                "experiment = {{ segment = [{{ name = '{name}', when = {{ n_visitors = {{ min = 1 }} }} }}] }}"
            )),
            message: None,
            kind: FaultKind::SignificantEffect,
        }),
        effect_name().prop_map(|name| Harm {
            head: None,
            message: Some(format!("features = {{ '{name}' = 1.0 }}")),
            kind: FaultKind::SignificantEffect,
        }),
        effect_name().prop_map(|name| Harm {
            head: None,
            message: Some(format!("when = {{ facts = [{{ name = '{name}', equals = true }}] }}")),
            kind: FaultKind::SignificantEffect,
        }),
        condition().prop_map(move |when| of_message(format!("when = {when}"))),
        weak_name().prop_map(move |name| of_message(format!("features = {{ '{name}' = 1.0 }}"))),
        (1..50_u32).prop_map(move |millis| of_message(format!("transition_millis = {millis}"))),
        (0..50_u32).prop_map(move |millis| of_message(format!("duration_millis = {millis}"))),
        condition().prop_map(move |when| of_head(format!(
            "experiment = {{ kind = 'ab', segment = [{{ name = 's', when = {when} }}] }}"
        ))),
        (bad_outcome, 0.1_f32..10.0).prop_map(move |(kind, weight)| of_head(format!(
            "reward = {{ terms = [{{ kind = 'scan' }}, {{ kind = '{kind}', weight = {weight} }}] }}"
        ))),
    ]
}

fn policies() -> impl Strategy<Value = &'static str> {
    let all = vec![
        "fixed",
        "rules",
        "thompson",
        "linucb",
        "epsilon",
        "lints",
        "squarecb",
        "bootstrapped",
    ];
    prop::sample::select(all)
}

proptest! {
    #[test]
    fn what_is_refused_is_refused_wherever_it_hides(
        harm in harm(), policy in policies(), n in 1..5_usize, place in 0..5_usize,
        guarded: bool, enabled: bool,
    ) {
        let mut head = format!("policy = {{ kind = '{policy}' }}\nenabled = {enabled}\n");
        if guarded {
            head += "guardrail = [{ metric = 'complaints', at_most = 0.1 }]\n";
        }
        head += harm.head.as_deref().unwrap_or_default();
        let ids: Vec<String> = (0..n).map(|i| format!("m{i}")).collect();
        let planted = place % n;
        let messages: Vec<(&str, &str)> = ids
            .iter()
            .enumerate()
            .map(|(i, id)| {
                let more = harm.message.as_deref().filter(|_| i == planted);
                (id.as_str(), more.unwrap_or_default())
            })
            .collect();
        let campaigns: Vec<Campaign> = campaigns(&campaign("k", &head, &messages));
        let default = Creative::text("welcome".parse().unwrap(), "Welcome", "");
        let faults = validate(&campaigns, &default);
        prop_assert!(
            faults.iter().any(|fault| fault.kind == harm.kind),
            "{harm:?}: {faults:?}"
        );
    }
}
