use std::collections::BTreeMap;

use regard_decision::Content;
use regard_domain::{CreativeId, StudyId};
use regard_evaluation::{
    Answer, Curve, Neutral, Question, QuestionKind, SITTING_FORMAT, Sitting, Stimulus, StudyPlan,
    StudyResult, Watched, Words, analyze_study,
};

use super::StudyPaper;

fn result(n: usize, least: u32) -> StudyResult {
    let id = |text: &str| CreativeId::new(text).unwrap();
    let study = StudyId::new("spring").unwrap();
    let plan = StudyPlan {
        id: study.clone(),
        title: Words::One("Spring <b>".to_owned()),
        explanation: Words::One("What we show".to_owned()),
        stimuli: vec![Stimulus {
            id: id("coffee"),
            name: "Coffee & cake".to_owned(),
            content: Content::Text {
                title: "Coffee".to_owned(),
                body: String::new(),
                background: "#000000".to_owned(),
                color: "#ffffff".to_owned(),
            },
            duration_millis: 2_000,
            alt_text: String::new(),
        }],
        questions: vec![Question {
            id: id("liking"),
            text: Words::One("Did you like it?".to_owned()),
            kind: QuestionKind::Liking {},
        }],
        randomize: true,
        rest_millis: 2_000,
        min_participants: least,
        free_text: false,
        movements: None,
    };
    let sitting = |n: usize| {
        let curve = |by: f32| Curve((0..8).map(|step| Some(by * (step + n) as f32)).collect());
        let watched = Watched {
            attention: curve(0.05),
            smile: curve(0.01),
            valence: curve(-0.01),
            answers: BTreeMap::from([(id("liking"), Answer::Liking(4 + (n % 3) as u8))]),
        };
        Sitting {
            format: SITTING_FORMAT,
            study: study.clone(),
            order: vec![id("coffee")],
            frames_per_sec: 30.0,
            neutral: Neutral::default(),
            watched: BTreeMap::from([(id("coffee"), watched)]),
            movements_refused: None,
        }
    };
    analyze_study(&plan, &(0..n).map(sitting).collect::<Vec<_>>())
}

fn paper(result: &StudyResult) -> StudyPaper<'_> {
    StudyPaper {
        site: "Café <x>",
        result,
        movements: None,
        n_refused_movements: 2,
    }
}

#[test]
fn a_page_is_complete_in_itself_and_breaks_out_of_nothing() {
    let result = result(6, 5);
    let page = paper(&result).to_html();
    assert!(page.contains("Spring &lt;b&gt;") && page.contains("Coffee &amp; cake"));
    assert_eq!(page.matches("<svg").count(), 3, "a band for each signal");
    assert!(page.contains("liking: ") && page.contains("6 participants"));
    assert!(page.contains("fps_too_low_for_microexpression"));
    assert!(!page.contains("below-usual"));
    for foreign in ["src=", "href=", "url(", "@import", "<script"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn of_too_few_only_why_is_said_and_of_few_there_is_a_warning() {
    let few = result(4, 5);
    let page = paper(&few).to_html();
    assert!(
        page.contains("4 participants saw it to its end, and 5 are needed"),
        "{page}"
    );
    assert!(!page.contains("<svg") && !page.contains("liking: "));
    let lab = result(2, 2);
    assert!(paper(&lab).to_html().contains("below-usual"));
}

#[test]
fn a_paper_is_laid_out_with_its_drawings() {
    let (few, many) = (result(4, 5), result(6, 5));
    let pdf = paper(&many).to_pdf().unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    assert!(paper(&few).to_pdf().unwrap().len() < pdf.len());
}
