//! `regard papers`, before an installation ever ran, while it runs, and afterwards.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use regard_commitments::UtcText;
use regard_domain::Timestamp;
use serde_json::Value;

use crate::program::{Said, program, run, said_by};
use crate::running::{Serve, token_in};
use crate::site;

/// `regard papers …` in the folder of an installation.
fn papers(folder: &Path, more: &[&str]) -> Said {
    said_by(program().arg("papers").args(more).current_dir(folder))
}

fn good(said: Said) -> Said {
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    said
}

fn json_in(file: &Path) -> Value {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap()
}

/// Puts a text in the place of another in a file.
fn change(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(file, text.replace(from, to)).unwrap();
}

/// Answers every question of the form.
fn answer_all(folder: &Path) {
    change(
        &folder.join("papers/answers.toml"),
        " = \"\"",
        " = \"as agreed\"",
    );
}

#[test]
fn papers_are_written_and_say_what_changed_when_they_are_written_again() {
    let site = site::small();
    let folder = site.path();
    let first = good(papers(folder, &[]));
    assert!(first.out.contains("Not signed"), "{}", first.out);
    let written = json_in(&folder.join("papers/papers.json"));
    let papers_written = written["papers"].as_array().unwrap();
    assert_eq!(papers_written.len(), 8);
    for paper in papers_written {
        let name = paper["id"].as_str().unwrap().replace('_', "-");
        let page = fs::read_to_string(folder.join(format!("papers/{name}.html"))).unwrap();
        assert!(page.contains(paper["digest"].as_str().unwrap()), "{name}");
    }
    assert!(folder.join("papers/index.html").exists());
    fs::copy(folder.join("papers/papers.json"), folder.join("old.json")).unwrap();

    let again = good(papers(folder, &[]));
    assert!(again.out.contains("nothing changed"), "{}", again.out);

    let commitments = folder.join("commitments.toml");
    change(&commitments, "play = \"24 hours\"", "play = \"20 hours\"");
    change(&commitments, "version = 1\n", "version = 2\n");
    let changed = good(papers(folder, &[]));
    let told = "play: Kept for was “24 hours” and is “20 hours”.";
    assert!(changed.out.contains(told), "{}", changed.out);
    let diff = good(papers(
        folder,
        &["diff", "old.json", "papers/papers.json", "--format", "json"],
    ));
    let diff: Value = serde_json::from_str(&diff.out).unwrap();
    let found: BTreeSet<&str> = diff
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["paper"].as_str().unwrap())
        .collect();
    let expected = [
        "impact_assessment",
        "instructions",
        "record",
        "transparency_notice",
    ];
    assert_eq!(found, BTreeSet::from(expected));
    let same = good(papers(folder, &["diff", "old.json", "old.json"]));
    assert_eq!(same.out.trim(), "nothing changed");

    fs::write(folder.join("other.json"), "{}").unwrap();
    let bad = papers(folder, &["diff", "old.json", "other.json"]);
    assert_eq!(bad.code, 1);
    assert!(bad.errors()[0].contains("other.json"), "{}", bad.err);
}

#[test]
fn an_answer_to_no_question_is_noticed() {
    let site = site::small();
    let folder = site.path();
    fs::write(folder.join("mine.toml"), "dpo_contcat = \"someone\"\n").unwrap();
    let said = papers(folder, &["--answers", "mine.toml"]);
    assert_eq!(said.code, 1);
    assert!(said.errors()[0].contains("dpo_contcat"), "{}", said.err);
    fs::write(
        folder.join("mine.toml"),
        "dpo_contact = \"office@example.org\"\n",
    )
    .unwrap();
    good(papers(folder, &["--answers", "mine.toml", "--lang", "fr"]));
    let notice = fs::read_to_string(folder.join("papers/transparency-notice.html")).unwrap();
    assert!(notice.contains("office@example.org"));
    assert!(notice.contains("lang=\"fr\"") && !notice.contains("lang=\"de\""));
}

#[test]
fn an_assessment_is_signed_for_this_configuration_and_no_other() {
    let site = site::small();
    let folder = site.path();
    good(papers(folder, &[]));
    let sign = ["sign-dpia", "--signed-by", "The officer", "--write"];
    let refused = papers(folder, &sign);
    assert_eq!(refused.code, 1);
    let said = refused.errors()[0].to_owned();
    assert!(
        said.contains("necessity") && said.contains("answers.toml"),
        "{said}"
    );

    answer_all(folder);
    let printed = good(papers(folder, &sign[..3]));
    assert!(
        printed.out.contains("[dpia]") && printed.out.contains("configuration = "),
        "{}",
        printed.out
    );
    good(papers(folder, &sign));
    let commitments = fs::read_to_string(folder.join("commitments.toml")).unwrap();
    assert!(
        commitments.contains("version = 2") && commitments.contains("signed_by = \"The officer\"")
    );
    assert!(commitments.contains("# A running number"), "comments stay");
    let signed = good(papers(folder, &[]));
    assert!(
        signed.out.contains("Signed for this very configuration"),
        "{}",
        signed.out
    );

    change(&folder.join("regard.toml"), "camera = \"entrance\"\n", "");
    let other = good(papers(folder, &[]));
    assert!(
        other.out.contains("signed for another configuration"),
        "{}",
        other.out
    );
}

/// Entries of the ledger that tell of papers.
fn told(folder: &Path) -> Vec<Value> {
    let data = folder.join("data");
    let data = data.to_str().unwrap();
    let tail = good(run(&[
        "ledger", "tail", "-n", "1000", "--data", data, "--format", "json",
    ]));
    let lines = tail
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let bodies = lines.map(|line| line["entry"]["body"].clone());
    bodies
        .filter(|body| body["kind"] == "papers_changed")
        .collect()
}

fn changed(body: &Value) -> BTreeSet<String> {
    body["changed"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

#[test]
fn the_ledger_tells_which_papers_changed_and_only_then() {
    let site = site::small();
    let folder = site.path();
    Serve::start(folder, &[]).stop();
    let first = told(folder);
    assert_eq!(first.len(), 1);
    assert_eq!(changed(&first[0]).len(), 8, "all are new: {}", first[0]);

    Serve::start(folder, &[]).stop();
    assert_eq!(told(folder), first, "nothing changed");

    change(
        &folder.join("regard.toml"),
        "source = \"push:browser\"",
        "source = \"push:browser\"\nfull_resolution = true",
    );
    Serve::start(folder, &[]).stop();
    let both = told(folder);
    assert_eq!(both.len(), 2);
    let expected = [
        "impact_assessment",
        "instructions",
        "record",
        "technical_documentation",
        "transparency_notice",
    ];
    assert_eq!(changed(&both[1]), expected.map(str::to_owned).into());

    // What the ledger names can be compared, and is what the command makes.
    let copy = |body: &Value| {
        let name = &body["all"].as_str().unwrap()[..16];
        format!("data/papers/{name}.json")
    };
    let diff = good(papers(folder, &["diff", &copy(&both[0]), &copy(&both[1])]));
    assert!(
        diff.out
            .contains("entrance: Full resolution was “no” and is “yes”"),
        "{}",
        diff.out
    );
    good(papers(folder, &[]));
    let made = good(papers(
        folder,
        &["diff", &copy(&both[1]), "papers/papers.json"],
    ));
    assert_eq!(made.out.trim(), "nothing changed");
    let data = folder.join("data");
    let verified = run(&["ledger", "verify", "--data", data.to_str().unwrap()]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}

#[test]
fn a_breach_is_reported_with_counts_and_its_clock() {
    let site = site::small();
    let folder = site.path();
    let early = papers(folder, &["breach", "--known-since", "2026-01-01T00:00Z"]);
    assert_eq!(early.code, 1, "there is no store yet");
    let serve = Serve::start(folder, &[]);
    let token = loop {
        if let Some(token) = token_in(&serve.next_line()) {
            break token;
        }
    };
    for _ in 0..3 {
        assert_eq!(
            serve.send("POST", "/v1/persons", &token, "{\"is_minor\": false}"),
            Some(201)
        );
    }
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let now = Timestamp::from_micros(now.as_micros().try_into().unwrap());
    let known = |hours: i64| {
        let at = Timestamp::from_micros(now.as_micros() - hours * 3_600_000_000);
        UtcText::new(at).to_string()
    };
    // While it runs.
    let said = good(papers(
        folder,
        &[
            "breach",
            "--known-since",
            &known(2),
            "--nature",
            "confidentiality",
        ],
    ));
    assert!(
        said.out.contains("69 h 59 min left") || said.out.contains("70 h 0 min left"),
        "{}",
        said.out
    );
    serve.stop();
    let report = fs::read_to_string(folder.join("papers/breach-report.json")).unwrap();
    for expected in [
        "people who enrolled: 3",
        "3 enrolled so far, 0 erased",
        "confidentiality",
    ] {
        assert!(report.contains(expected), "{expected}: {report}");
    }
    let page = fs::read_to_string(folder.join("papers/breach-report.html")).unwrap();
    assert!(page.contains("33(3)(d)") && !page.contains("rgp_"));

    let late = good(papers(folder, &["breach", "--known-since", &known(100)]));
    assert!(
        late.out.contains("Late by 28 h") && late.out.contains("breach_delay"),
        "{}",
        late.out
    );
    let future = papers(folder, &["breach", "--known-since", &known(-1)]);
    assert_eq!(future.code, 1);
    let unreadable = papers(folder, &["breach", "--known-since", "yesterday"]);
    assert_eq!(unreadable.code, 64);
}
