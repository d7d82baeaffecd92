use std::collections::BTreeMap;

use regard_decision::Content;
use regard_domain::{CreativeId, StudyId};
use regard_evaluation::{
    Answer, Curve, MovementRefusals, Neutral, Question, QuestionKind, SITTING_FORMAT, Sitting,
    Stimulus, StudyPlan, StudyResult, Watched, Words, analyze_study,
};

use super::{StudyPaper, words};
use crate::sheet::Mark;

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
            slowed: Vec::new(),
        }
    };
    analyze_study(&plan, &(0..n).map(sitting).collect::<Vec<_>>())
}

fn refused(codes: &[(&str, u32)], n_slowed: u32) -> MovementRefusals {
    MovementRefusals {
        by_code: codes
            .iter()
            .map(|(code, n)| ((*code).to_owned(), *n))
            .collect(),
        n_slowed,
    }
}

fn paper<'a>(result: &'a StudyResult, refused_movements: &'a MovementRefusals) -> StudyPaper<'a> {
    StudyPaper {
        site: "Café <x>",
        result,
        movements: None,
        refused_movements,
    }
}

/// What a paper says, each paragraph on a line.
fn text_of(paper: &StudyPaper<'_>) -> String {
    let sheets = paper.laid_out().sheets;
    let texts = sheets
        .iter()
        .flat_map(|sheet| &sheet.marks)
        .filter_map(|mark| match mark {
            Mark::Text(text) => {
                let lines: Vec<&str> = text.lines.iter().map(|(_, line)| line.as_str()).collect();
                Some(lines.join(" "))
            }
            Mark::Ground(_) | Mark::Drawing { .. } => None,
        });
    texts.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_page_is_complete_in_itself_and_breaks_out_of_nothing() {
    let (result, refused) = (result(6, 5), refused(&[], 0));
    let page = paper(&result, &refused).to_html();
    assert!(page.contains("Spring &lt;b&gt;") && page.contains("Coffee &amp; cake"));
    assert_eq!(page.matches("<svg").count(), 3, "a band for each signal");
    assert!(page.contains("liking: ") && page.contains("6 participants"));
    assert!(!page.contains("below-usual") && !page.contains("refused-movements"));
    for foreign in ["src=", "href=", "url(", "@import", "<script"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn of_too_few_only_why_is_said_and_of_few_there_is_a_warning() {
    let (few, refused) = (result(4, 5), refused(&[], 0));
    let page = paper(&few, &refused).to_html();
    assert!(
        page.contains("4 participants saw it to its end, and 5 are needed"),
        "{page}"
    );
    assert!(!page.contains("<svg") && !page.contains("liking: "));
    let lab = result(2, 2);
    assert!(paper(&lab, &refused).to_html().contains("below-usual"));
}

#[test]
fn a_paper_is_laid_out_with_its_drawings() {
    let (few, many, refused) = (result(4, 5), result(6, 5), refused(&[], 0));
    let pdf = paper(&many, &refused).to_pdf().unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    assert!(paper(&few, &refused).to_pdf().unwrap().len() < pdf.len());
}

#[test]
fn page_and_paper_say_the_same_means_and_refusals() {
    // In a laboratory that tells of everybody.
    let result = result(6, 1);
    let refused = refused(
        &[
            ("fps_too_low_for_microexpression", 2),
            ("ledger_unavailable", 1),
        ],
        3,
    );
    let paper = paper(&result, &refused);
    let (page, text) = (paper.to_html(), text_of(&paper));
    let mut lines = words::refused_movements(&refused, &result);
    assert_eq!(lines.len(), 3);
    let means = words::means(&result.creatives[0]);
    assert_eq!(means.len(), 3, "of each signal");
    lines.extend(means);
    lines.push(words::seen(&result.creatives[0]));
    // Which interval it is, too.
    lines.push(words::MEANING.to_owned());
    for line in &lines {
        assert!(page.contains(line), "{line}: {page}");
        assert!(text.contains(line), "{line}: {text}");
    }
    for told in [
        "Not of 2 participants: pictures of their cameras came too slowly (fps_too_low_for_microexpression).",
        "Not of 1 participant: refused (ledger_unavailable).",
        "Not throughout of 3 participants",
    ] {
        assert!(
            lines.iter().any(|line| line.starts_with(told)),
            "{told}: {lines:?}"
        );
    }
}

#[test]
fn of_few_it_is_not_told_how_many_were_refused() {
    const SLOW: &str = "fps_too_low_for_microexpression";
    const LEDGER: &str = "ledger_unavailable";
    let check = |n: usize, codes: &[(&str, u32)], n_slowed: u32, told: &[&str]| {
        let (result, refused) = (result(n, 5), refused(codes, n_slowed));
        let lines = words::refused_movements(&refused, &result);
        let beginnings: Vec<&str> = lines
            .iter()
            .map(|line| line.split(':').next().unwrap_or(line))
            .collect();
        assert_eq!(beginnings, told, "{n} {codes:?} {n_slowed}");
        let paper = paper(&result, &refused);
        for line in &lines {
            assert!(paper.to_html().contains(line) && text_of(&paper).contains(line));
        }
    };
    let hidden = "How many is not said where it would tell of fewer than 5 participants.";
    check(6, &[], 0, &[]);
    check(6, &[(LEDGER, 1)], 0, &["Not of some participants", hidden]);
    check(12, &[(SLOW, 6)], 0, &["Not of 6 participants"]);
    // The one who is left could be read off the rest.
    check(7, &[(SLOW, 6)], 0, &["Not of some participants", hidden]);
    check(
        20,
        &[(SLOW, 6), (LEDGER, 2)],
        4,
        &[
            "Not of 6 participants",
            "Not of some participants",
            "Not throughout of some participants",
            hidden,
        ],
    );
}
