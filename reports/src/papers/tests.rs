use std::collections::BTreeSet;

use regard_commitments::{
    AudienceKind, Category, Commitments, DataKind, Date, Dpia, KeepFor, Language,
    ProcessingPurpose, Profile, Recipient, Scope, SiteKeys, StaffRule, VenueKind, Zeroizing,
};
use regard_domain::{CameraId, ScreenId, Timestamp};

use super::*;

mod assessment;
mod breach;
mod services;

/// A site as the demonstration has it, with a change to what it promises.
fn facts(change: impl FnOnce(&mut Commitments)) -> Facts {
    let mut document = Commitments::demo();
    change(&mut document);
    let key = SiteKeys::from_seed(Zeroizing::new([7; 32])).commitments_key();
    let profile = Profile::named(&document.profile).unwrap();
    let (camera, screen) = (
        CameraId::new("entrance").unwrap(),
        ScreenId::new("window").unwrap(),
    );
    Facts {
        program: "0.1.0".to_owned(),
        made_on: "2026-06-01".parse().unwrap(),
        made_at: "2026-06-01".parse::<Date>().unwrap().start(),
        time_zone: "Europe/Paris".to_owned(),
        promise: document.sign(&key).verify(&key.verifying_key()).unwrap(),
        profile,
        cameras: vec![CameraFact {
            id: camera.clone(),
            source: "push:browser".to_owned(),
            full_resolution: false,
            screens: BTreeSet::from([screen.clone()]),
        }],
        screens: vec![ScreenFact {
            id: screen,
            camera: Some(camera),
        }],
        campaigns: vec![campaign("welcome", &["n_looking", "expression: happy"])],
        features: vec!["temperature".to_owned()],
        models: vec![
            model("yunet", "detector"),
            model("face-api", "expression"),
            ModelFact {
                is_used: false,
                ..model("sface", "embedding")
            },
        ],
        runtime: "rten".to_owned(),
        measurements: vec![Measurement {
            name: "detection-widerface".to_owned(),
            n: 100,
            values: vec![("ap_easy".to_owned(), "0.69".to_owned())],
            bounds: vec![("ap_easy".to_owned(), "≥ 0.6".to_owned())],
        }],
        services: Vec::new(),
        gallery: None,
        guard: GuardFact {
            is_remote: false,
            encryption: "none by this program".to_owned(),
            public_url: None,
            sandbox: "Landlock and seccomp".to_owned(),
            site_key: "outside the data folder; not encrypted".to_owned(),
            ledger_key: Some("demo+00000000+key".to_owned()),
        },
    }
}

fn campaign(id: &str, reacts_to: &[&str]) -> CampaignFact {
    CampaignFact {
        id: id.to_owned(),
        is_enabled: true,
        policy: "thompson".to_owned(),
        n_messages: 2,
        reacts_to: reacts_to.iter().map(|&clause| clause.to_owned()).collect(),
        rewards: BTreeSet::from(["attention_seconds".to_owned()]),
        viewer_benefit: String::new(),
    }
}

fn model(id: &str, role: &str) -> ModelFact {
    let section = |name: &str| (name.to_owned(), format!("{name} of {id}."));
    ModelFact {
        id: id.to_owned(),
        role: role.to_owned(),
        is_used: true,
        sha256: "00".repeat(32),
        licence: Some("MIT".to_owned()),
        origin: "pypi:x 1".to_owned(),
        input: "a picture".to_owned(),
        output: "numbers".to_owned(),
        training_data: "photographs".to_owned(),
        training_data_terms: "research".to_owned(),
        consent_of_subjects: "none".to_owned(),
        error_by_group: None,
        card: ["Training data", "Measured", "Limits", "Known biases"]
            .map(section)
            .to_vec(),
    }
}

fn papers_of(facts: &Facts) -> Papers {
    Papers::of(facts, &BTreeMap::new()).unwrap()
}

fn demo() -> Papers {
    papers_of(&facts(|_| ()))
}

/// What each article asks for, copied from the law and not from the code.
const ASKED: &[(PaperKind, &[&str])] = &[
    (
        PaperKind::Record,
        &[
            "30(1)(a)", "30(1)(b)", "30(1)(c)", "30(1)(d)", "30(1)(e)", "30(1)(f)", "30(1)(g)",
        ],
    ),
    (
        PaperKind::ImpactAssessment,
        &[
            "35(7)(a)",
            "35(7)(b)",
            "35(7)(c)",
            "35(7)(d)",
            "35(2)",
            "35(9)",
            "35(11)",
            "36(1)",
            "signature",
        ],
    ),
    (
        PaperKind::TransparencyNotice,
        &[
            "13(1)(a)",
            "13(1)(b)",
            "13(1)(c)",
            "13(1)(d)",
            "13(1)(e)",
            "13(1)(f)",
            "13(2)(a)",
            "13(2)(b)",
            "13(2)(c)",
            "13(2)(d)",
            "13(2)(e)",
            "13(2)(f)",
            "13(3)",
            "14(1)(d)",
            "14(2)(f)",
            "AI Act 50(3)",
        ],
    ),
    (
        PaperKind::RiskFile,
        &[
            "5", "6(2)", "9(2)(a)", "9(2)(b)", "9(2)(c)", "9(2)(d)", "9(5)", "9(6)", "9(9)",
        ],
    ),
    (
        PaperKind::TechnicalDocumentation,
        &[
            "1(a)", "1(b)", "1(c)", "1(d)", "1(e)", "1(f)", "1(g)", "1(h)", "2(a)", "2(b)", "2(c)",
            "2(d)", "2(e)", "2(f)", "2(g)", "2(h)", "3", "4", "5", "6", "7", "8", "9",
        ],
    ),
    (
        PaperKind::Instructions,
        &[
            "13(3)(a)",
            "13(3)(b)(i)",
            "13(3)(b)(ii)",
            "13(3)(b)(iii)",
            "13(3)(b)(iv)",
            "13(3)(b)(v)",
            "13(3)(b)(vi)",
            "13(3)(b)(vii)",
            "13(3)(c)",
            "13(3)(d)",
            "13(3)(e)",
            "13(3)(f)",
            "26(1)",
            "26(2)",
            "26(4)",
            "26(5)",
            "26(6)",
            "26(7)",
            "26(8)",
            "26(9)",
            "26(11)",
        ],
    ),
    (
        PaperKind::RightsAssessment,
        &[
            "27(1)(a)", "27(1)(b)", "27(1)(c)", "27(1)(d)", "27(1)(e)", "27(1)(f)",
        ],
    ),
    (
        PaperKind::DatabaseEntry,
        &[
            "A(1)", "A(2)", "A(3)", "A(4)", "A(5)", "A(6)", "A(7)", "A(8)", "A(9)", "A(10)",
            "A(11)", "A(12)", "A(13)", "C(1)", "C(2)", "C(3)", "C(4)", "C(5)",
        ],
    ),
    (
        PaperKind::BreachReport,
        &[
            "33(1)", "33(3)(a)", "33(3)(b)", "33(3)(c)", "33(3)(d)", "33(4)", "33(5)", "34(1)",
            "34(3)",
        ],
    ),
];

fn says_something(item: &Item) -> bool {
    match item {
        Item::Fact { label, values, .. } => {
            !label.is_empty() && !values.is_empty() && values.iter().all(|value| !value.is_empty())
        }
        Item::Table {
            label,
            columns,
            rows,
            ..
        } => {
            !label.is_empty()
                && !rows.is_empty()
                && rows
                    .iter()
                    .all(|row| row.len() == columns.len() && !row[0].is_empty())
        }
        Item::Note { text } => !text.is_empty(),
        Item::Ask { id, question, .. } => !id.is_empty() && question.ends_with(['.', ')']),
    }
}

#[test]
fn every_point_of_every_article_is_there_and_says_something() {
    let (demo, breach) = (demo(), breach::breach_of(1));
    for (kind, asked) in ASKED {
        let paper = demo.paper(*kind).or(breach.paper(*kind)).unwrap();
        for id in *asked {
            let point = paper.points.iter().find(|point| point.id == *id);
            let point = point.unwrap_or_else(|| panic!("{kind}: {id} is missing"));
            assert!(!point.items.is_empty(), "{kind} {id}");
        }
        for point in &paper.points {
            for item in &point.items {
                assert!(says_something(item), "{kind} {}: {item:?}", point.id);
            }
        }
    }
    let kinds: Vec<PaperKind> = ASKED.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, PaperKind::ALL);
}

#[test]
fn places_and_first_columns_are_there_once() {
    for paper in demo().papers.iter().chain(&breach::breach_of(1).papers) {
        let mut points: Vec<&str> = paper.points.iter().map(|point| point.id.as_str()).collect();
        points.sort_unstable();
        assert!(
            points.windows(2).all(|pair| pair[0] != pair[1]),
            "{}",
            paper.id
        );
        for point in &paper.points {
            let mut ids = BTreeSet::new();
            for item in &point.items {
                let id = match item {
                    Item::Fact { id, .. } | Item::Table { id, .. } | Item::Ask { id, .. } => id,
                    Item::Note { .. } => continue,
                };
                assert!(ids.insert(id), "{} {}: {id} twice", paper.id, point.id);
                if let Item::Table { rows, .. } = item {
                    let first: BTreeSet<&String> = rows.iter().map(|row| &row[0]).collect();
                    assert_eq!(first.len(), rows.len(), "{} {} {id}", paper.id, point.id);
                }
            }
        }
    }
}

/// Where the papers of two configurations differ, as paper and label.
fn differences(before: &Facts, now: &Facts) -> BTreeSet<(PaperKind, String)> {
    let (before, now) = (papers_of(before), papers_of(now));
    let changes = before.changes_to(&now);
    let changed: BTreeSet<PaperKind> = changes.iter().map(|change| change.paper).collect();
    for paper in &before.papers {
        let is_same = paper.digest == now.paper(paper.id).unwrap().digest;
        assert_eq!(is_same, !changed.contains(&paper.id), "{}", paper.id);
    }
    changes
        .into_iter()
        .map(|change| (change.paper, change.what))
        .collect()
}

fn in_papers(kinds: &[PaperKind], what: &str) -> BTreeSet<(PaperKind, String)> {
    kinds.iter().map(|kind| (*kind, what.to_owned())).collect()
}

#[test]
fn papers_differ_exactly_where_the_facts_differ() {
    use PaperKind::{
        ImpactAssessment, Instructions, Record, RightsAssessment, TechnicalDocumentation,
        TransparencyNotice,
    };
    let same = facts(|_| ());
    assert_eq!(differences(&same, &same), BTreeSet::new());

    let retention = "How long each kind of row is kept; a sweep removes it within two hours of its end, play: Kept for";
    let kept = facts(|d| {
        d.retention
            .insert(DataKind::Play, "20 hours".parse::<KeepFor>().unwrap());
    });
    let expected = in_papers(
        &[Record, ImpactAssessment, TransparencyNotice, Instructions],
        retention,
    );
    assert_eq!(differences(&same, &kept), expected);

    let passed_on = facts(|d| {
        d.recipients.push(Recipient {
            name: "A host".to_owned(),
            purpose: "hosting".to_owned(),
        });
    });
    let found = differences(&same, &passed_on);
    let label = "Recipients beyond the controller";
    let kinds: BTreeSet<PaperKind> = found.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(
        kinds,
        BTreeSet::from([Record, ImpactAssessment, TransparencyNotice])
    );
    // What people are told says it too.
    let told = |what: &str| what.starts_with(label) || what.starts_with("Notice on the screen");
    assert!(found.iter().all(|(_, what)| told(what)), "{found:?}");

    let mut named = same.clone();
    named.campaigns[0].id = "goodbye".to_owned();
    let kinds: BTreeSet<PaperKind> = differences(&same, &named).iter().map(|(k, _)| *k).collect();
    // The assessment is about kinds of use, not about each campaign.
    assert_eq!(
        kinds,
        BTreeSet::from([Record, TransparencyNotice, RightsAssessment])
    );

    let mut other_model = same.clone();
    other_model.models[0].sha256 = "11".repeat(32);
    let expected = in_papers(
        &[ImpactAssessment, TechnicalDocumentation],
        "Networks, yunet: SHA-256",
    );
    assert_eq!(differences(&same, &other_model), expected);

    let mut unused = same.clone();
    unused.models[2].sha256 = "11".repeat(32);
    assert_eq!(differences(&same, &unused), BTreeSet::new());
}

#[test]
fn another_day_is_no_change() {
    let before = facts(|_| ());
    let mut later = before.clone();
    later.made_on = "2026-09-09".parse().unwrap();
    let (before, later) = (papers_of(&before), papers_of(&later));
    assert_eq!(before.changes_to(&later), []);
    assert_eq!(before.digests(), later.digests());
    assert_eq!(before.assessed(), later.assessed());
}

#[test]
fn what_is_looked_at_is_what_the_gate_says() {
    let expression = |facts: &Facts| {
        let looks = facts.looks().unwrap();
        let look = looks
            .into_iter()
            .find(|look| look.scope == Scope::Expression)
            .unwrap();
        (
            look.happens,
            look.refusal.map(|refusal| refusal.code.as_str()),
        )
    };
    assert_eq!(expression(&facts(|_| ())), (Happens::WithNotice, None));
    let office = facts(|d| d.declarations.venue = VenueKind::Office);
    assert_eq!(
        expression(&office),
        (Happens::Never, Some("workplace_or_education"))
    );
    let children = facts(|d| d.declarations.audience = AudienceKind::ChildrenExpected);
    assert_eq!(
        expression(&children),
        (Happens::Never, Some("minor_protection"))
    );
    let hours = facts(|d| {
        let staff = r#"{"rule": "hours", "hours": [{"from": "00:00", "until": "09:30"}]}"#;
        d.declarations.staff = serde_json::from_str(staff).unwrap();
    });
    assert_eq!(expression(&hours), (Happens::OutsideStaffHours, None));
    let always = facts(|d| {
        let staff = r#"{"rule": "hours", "hours": [{"from": "08:00", "until": "08:00"}]}"#;
        d.declarations.staff = serde_json::from_str(staff).unwrap();
    });
    assert_eq!(expression(&always), (Happens::Never, Some("staff_in_view")));
    let dutch = facts(|d| {
        d.profile = "nl".to_owned();
        d.retention.clear();
        d.consent_purposes.clear();
    });
    assert_eq!(
        expression(&dutch),
        (Happens::AfterAgreement, Some("consent_missing"))
    );
    let mut blind = facts(|_| ());
    blind.cameras[0].screens.clear();
    assert_eq!(expression(&blind), (Happens::Never, Some("notice_missing")));
    let micro = facts(|_| ()).looks().unwrap();
    let micro = micro
        .iter()
        .find(|look| look.scope == Scope::MicroExpression)
        .unwrap();
    assert_eq!(micro.happens, Happens::NotBuilt);
}

#[test]
fn where_no_expression_is_read_the_system_is_not_of_high_risk() {
    let said = |facts: &Facts| {
        let papers = papers_of(facts);
        let paper = papers.paper(PaperKind::RiskFile).unwrap();
        let point = paper
            .points
            .iter()
            .find(|point| point.id == "6(2)")
            .unwrap();
        let found = point.items.iter().find_map(|item| match item {
            Item::Fact { id, values, .. } if id == "high_risk" => Some(values[0].clone()),
            _ => None,
        });
        found.unwrap()
    };
    assert_eq!(said(&facts(|_| ())), "of high risk (6(2))");
    let counted = facts(|d| {
        d.scopes = [Scope::Count].into_iter().collect();
        d.categories = BTreeSet::from([Category::FacePosition]);
        d.purposes = BTreeSet::from([ProcessingPurpose::AudienceMeasurement]);
    });
    assert_eq!(said(&counted), "not of high risk in this configuration");
    let models = |facts: &Facts| {
        let text = serde_json::to_string(
            papers_of(facts)
                .paper(PaperKind::TechnicalDocumentation)
                .unwrap(),
        );
        text.unwrap().contains("face-api")
    };
    assert!(
        models(&facts(|_| ())) && !models(&counted),
        "a network that never runs is not told of"
    );
}

/// Papers whose assessment was signed for `configuration`, made on a day.
#[test]
fn answers_stand_in_the_papers_and_are_no_fact() {
    let facts = facts(|_| ());
    let answers = BTreeMap::from([("dpo_contact".to_owned(), "dpo@example.org".to_owned())]);
    let (asked, answered) = (papers_of(&facts), Papers::of(&facts, &answers).unwrap());
    assert_eq!(asked.digests(), answered.digests());
    let open = |papers: &Papers| {
        papers
            .questions()
            .iter()
            .filter(|q| q.answer.is_none())
            .count()
    };
    assert_eq!(open(&asked), open(&answered) + 1);
    let question = answered
        .questions()
        .into_iter()
        .find(|q| q.id == "dpo_contact")
        .unwrap();
    assert!(
        question.papers.len() >= 3,
        "asked once for {:?}",
        question.papers
    );
    let page = answered.page(PaperKind::Record).unwrap();
    assert!(page.contains("dpo@example.org"));
    let changes = asked.changes_to(&answered);
    assert!(!changes.is_empty() && changes.iter().all(|change| change.before.is_none()));
    assert!(
        changes[0].in_words().contains("is new: “dpo@example.org”"),
        "{}",
        changes[0].in_words()
    );
}

#[test]
fn every_paper_with_figures_says_for_whom_they_are_not_measured() {
    let notes = |paper: &LegalPaper| {
        let items = || paper.points.iter().flat_map(|point| &point.items);
        let has_figures = items().any(|item| {
            matches!(item, Item::Table { id, .. } if id == "measurements" || id == "measured")
        });
        let said: Vec<String> = items()
            .filter_map(|item| match item {
                Item::Note { text } if text.contains("rror by group of people") => {
                    Some(text.clone())
                }
                _ => None,
            })
            .collect();
        (has_figures, said)
    };
    let mut some = facts(|_| ());
    some.models[0].error_by_group = Some("sex, as 300 people said of themselves".to_owned());
    let mut all = some.clone();
    all.models[1].error_by_group = Some("age, as 200 people said of themselves".to_owned());
    let others = "Of the other networks it is not";
    for (facts, expected, denied) in [
        (
            facts(|_| ()),
            "No error by group of people is measured",
            others,
        ),
        (
            some,
            "yunet: sex, as 300 people said of themselves.",
            "No error",
        ),
        (all, "face-api: age, as 200", others),
    ] {
        let mut n_with_figures = 0;
        for paper in &papers_of(&facts).papers {
            let (has_figures, said) = notes(paper);
            n_with_figures += usize::from(has_figures);
            assert!(!has_figures || !said.is_empty(), "{}", paper.id);
            for text in said {
                assert!(text.contains(expected) && !text.contains(denied), "{text}");
            }
        }
        assert!(n_with_figures >= 3, "{n_with_figures}");
    }
}

#[test]
fn papers_come_back_from_their_json() {
    let papers = demo();
    let json = serde_json::to_string(&papers).unwrap();
    assert_eq!(serde_json::from_str::<Papers>(&json).unwrap(), papers);
}

#[test]
fn pages_stand_alone_and_hold_what_was_written_as_text() {
    let facts = facts(|d| d.controller.name = "<script>alert(1)</script> & Co".to_owned());
    let papers = papers_of(&facts);
    for kind in PaperKind::ALL
        .iter()
        .filter(|kind| kind.is_of_configuration())
    {
        let page = papers.page(*kind).unwrap();
        assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
        assert!(page.contains("not legal advice"), "{kind}");
        for foreign in ["<script", "src=", "http-equiv", "@import", "url("] {
            assert!(!page.contains(foreign), "{kind}: {foreign}");
        }
        let paper = papers.paper(*kind).unwrap();
        assert!(page.contains(&paper.digest.to_string()));
        assert_eq!(
            page.matches("<section>").count(),
            paper.points.len(),
            "{kind}"
        );
        assert!(papers.index_page().contains(&paper.file_name()));
    }
    let page = papers.page(PaperKind::TransparencyNotice).unwrap();
    assert!(page.contains("lang=\"de\"") && page.contains("lang=\"nl\""));
    let french = papers.in_language(Language::Fr);
    let page = french.page(PaperKind::TransparencyNotice).unwrap();
    assert!(page.contains("lang=\"fr\"") && !page.contains("lang=\"de\""));
}

#[test]
fn staff_are_told_of_as_declared() {
    let said = |staff: StaffRule| words::staff(&staff);
    assert!(said(StaffRule::NoStaffInView).contains("declared"));
    assert!(said(StaffRule::Undeclared).contains("not declared"));
    let hours: StaffRule = serde_json::from_str(
        r#"{"rule": "hours", "hours": [{"from": "08:00", "until": "09:30"}]}"#,
    )
    .unwrap();
    assert!(said(hours).contains("08:00-09:30"));
}
