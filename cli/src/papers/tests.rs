use std::fmt::Write as _;

use clap::Parser as _;
use regard_commitments::{SiteKeys, Zeroizing};
use regard_reports::{Item, Source};

use super::*;
use crate::args::{Cli, Command};

/// The papers about the demonstration, with keys that do not change.
fn demo() -> Papers {
    let Command::Demo(args) = Cli::parse_from(["regard", "demo"]).command else {
        panic!("the demonstration was asked for");
    };
    let data_dir = Path::new("data");
    let mut engine = crate::demo::engine_config(&args, data_dir).unwrap();
    engine.models = None;
    let server = ServerConfig::new(data_dir.join("assets"), [0; 32]);
    let keys = SiteKeys::from_seed(Zeroizing::new([7; 32]));
    engine.time_zone = Some("UTC".to_owned());
    let day: Date = "2026-06-01".parse().unwrap();
    let facts = facts::facts(&engine, &server, &keys, (day, day.start())).unwrap();
    Papers::of(&facts, &BTreeMap::new()).unwrap()
}

/// Beginning of a long text.
fn short(text: &str) -> String {
    let text = text.replace('\n', " / ");
    match text.char_indices().nth(90) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What papers say, without what the program says in every installation.
fn outline(papers: &Papers) -> String {
    let mut text = String::new();
    for paper in &papers.papers {
        let _ = writeln!(text, "{} ({})", paper.title, paper.law);
        for standing in &paper.standing {
            let _ = writeln!(text, "  ! {}", standing.text);
        }
        for point in &paper.points {
            let _ = writeln!(text, "  {} {}", point.id, point.asks);
            for item in &point.items {
                let line = match item {
                    Item::Fact {
                        label,
                        values,
                        source,
                        ..
                    } if *source != Source::Program => {
                        format!("{label}: {}", short(&values.join("; ")))
                    }
                    Item::Table {
                        label,
                        rows,
                        source,
                        ..
                    } if *source != Source::Program => {
                        let rows: Vec<String> = rows
                            .iter()
                            .map(|row| format!("\n        {}", short(&row.join(" | "))))
                            .collect();
                        format!("{label}:{}", rows.concat())
                    }
                    Item::Fact { id, .. } | Item::Table { id, .. } => format!("[{id}]"),
                    Item::Ask { id, .. } => format!("? {id}"),
                    Item::Note { .. } => continue,
                };
                let _ = writeln!(text, "    {line}");
            }
        }
    }
    text
}

#[test]
fn papers_of_the_demonstration() {
    insta::assert_snapshot!(outline(&demo()));
}

#[test]
fn the_form_of_answers_is_read_as_no_answer() {
    let questions = demo().questions();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answers.toml");
    fs::write(&file, answers::form(&questions)).unwrap();
    assert_eq!(answers::read(&file).unwrap(), BTreeMap::new());
    let filled = fs::read_to_string(&file)
        .unwrap()
        .replace("dpo_contact = \"\"", "dpo_contact = \"dpo\"");
    fs::write(&file, filled).unwrap();
    let given = answers::read(&file).unwrap();
    assert_eq!(given["dpo_contact"], "dpo");
    answers::check(&given, &questions, &file).unwrap();
    let misspelt = BTreeMap::from([("dpo_contcat".to_owned(), "dpo".to_owned())]);
    let error = answers::check(&misspelt, &questions, &file)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("dpo_contcat") && error.contains("answers.toml"),
        "{error}"
    );
}
