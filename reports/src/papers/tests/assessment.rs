//! The signed impact assessment.

use super::*;

fn signed(configuration: Option<Digest>, change: impl FnOnce(&mut Facts), on: &str) -> Standing {
    let mut facts = facts(|d| {
        d.dpia = Some(Dpia {
            reference: "DPIA 7".to_owned(),
            signed_by: "the officer".to_owned(),
            signed_on: "2026-05-01".parse().unwrap(),
            configuration,
        });
    });
    change(&mut facts);
    facts.made_on = on.parse::<Date>().unwrap();
    facts.made_at = facts.made_on.start();
    let papers = papers_of(&facts);
    papers.paper(PaperKind::ImpactAssessment).unwrap().standing[0].clone()
}

#[test]
fn an_assessment_ages_and_is_about_one_configuration() {
    let assessed = demo().assessed();
    assert!(assessed.is_some());
    let unsigned = &demo().papers[1].standing[0];
    assert!(!unsigned.is_good && unsigned.text.starts_with("Not signed"));
    // Naming the assessment does not change what it is about.
    let good = signed(assessed, |_| (), "2026-06-01");
    assert!(
        good.is_good && good.text.contains("very configuration"),
        "{}",
        good.text
    );
    let last_day = signed(assessed, |_| (), "2027-04-30");
    assert!(last_day.is_good, "{}", last_day.text);
    let old = signed(assessed, |_| (), "2027-05-01");
    assert!(
        !old.is_good && old.text.contains("12 months"),
        "{}",
        old.text
    );
    let early = signed(assessed, |_| (), "2026-04-30");
    assert!(
        !early.is_good && early.text.contains("not come"),
        "{}",
        early.text
    );
    let changed = signed(
        assessed,
        |facts| facts.cameras[0].source = "demo".to_owned(),
        "2026-06-01",
    );
    assert!(
        !changed.is_good && changed.text.contains("another configuration"),
        "{}",
        changed.text
    );
    let own = signed(None, |_| (), "2026-06-01");
    assert!(
        own.is_good && own.text.contains("cannot be checked"),
        "{}",
        own.text
    );
    let renamed = signed(
        assessed,
        |facts| facts.program = "9.9.9".to_owned(),
        "2026-06-01",
    );
    assert!(
        renamed.is_good,
        "a newer program does not undo a signature: {}",
        renamed.text
    );
}

/// What remains of a risk, as the risk file has it: likelihood and why; nothing where it is not listed.
fn remains(facts: &Facts, risk: &str) -> Option<(String, String)> {
    let papers = papers_of(facts);
    let paper = papers.paper(PaperKind::RiskFile).unwrap();
    let items = paper.points.iter().flat_map(|point| &point.items);
    let mut rows = items.flat_map(|item| match item {
        Item::Table { id, rows, .. } if id == "residual" => rows.clone(),
        _ => Vec::new(),
    });
    let row = rows.find(|row| row[0] == risk)?;
    Some((row[2].clone(), row[3].clone()))
}

#[test]
fn that_somebody_is_misread_remains_a_risk_until_error_is_measured_by_group() {
    let (likelihood, why) = remains(&facts(|_| ()), "misread").unwrap();
    assert_eq!(likelihood, "limited");
    assert!(why.contains("error by group of people"), "{why}");
    let counted = facts(|d| {
        d.scopes = [Scope::Count].into_iter().collect();
        d.categories = BTreeSet::from([Category::FacePosition]);
        d.purposes = BTreeSet::from([ProcessingPurpose::AudienceMeasurement]);
    });
    assert_eq!(remains(&counted, "misread"), None);
}
