//! Laws of reading: whatever is done to a configuration, it is read or told what is wrong, with lines.

use std::fs;
use std::path::Path as FilePath;

use proptest::prelude::*;
use regard_commitments::Commitments;

use super::document::{Document, Mistake};
use super::form::{CampaignFile, SiteFile};
use super::load;
use super::reader::{Reading, read};

const EXAMPLE: &str = include_str!("../../data/init/regard.toml");
const CAMPAIGNS: &str = include_str!("../../data/init/welcome.toml");

/// An installation as `regard init` writes it, with one file changed.
fn changed(name: &str, text: &str) -> Result<(), Vec<Mistake>> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("campaigns")).unwrap();
    let files = [
        ("regard.toml", EXAMPLE),
        ("commitments.toml", Commitments::example_text()),
        ("campaigns/welcome.toml", CAMPAIGNS),
        ("campaigns/welcome.svg", "<svg/>"),
    ];
    for (file, example) in files {
        fs::write(
            folder.path().join(file),
            if file == name { text } else { example },
        )
        .unwrap();
    }
    load(&folder.path().join("regard.toml")).map(drop)
}

fn check_told(text: &str, result: &Result<(), Vec<Mistake>>) -> Result<(), TestCaseError> {
    if let Err(mistakes) = result {
        prop_assert!(!mistakes.is_empty());
        for mistake in mistakes {
            prop_assert!(mistake.line >= 1 && mistake.column >= 1, "{mistake}");
            prop_assert!(
                !mistake.message.is_empty() && !mistake.message.contains('\n'),
                "{mistake}"
            );
            if mistake.file.ends_with("regard.toml") && text.len() > 1 {
                prop_assert!(mistake.line <= text.lines().count() + 1, "{mistake}");
            }
            // What was filled in must not be told as if somebody had written it.
            prop_assert!(!mistake.message.contains("filler"), "{mistake}");
        }
    }
    Ok(())
}

#[test]
fn the_example_has_no_mistakes() {
    assert_eq!(changed("", ""), Ok(()));
}

#[test]
fn every_setting_of_the_form_is_in_the_example() {
    // The lines that are commented out are settings too.
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| {
            line.strip_prefix("# ")
                .filter(|rest| is_setting(rest))
                .unwrap_or(line)
        })
        .fold(String::new(), |text, line| text + line + "\n");
    for key in [
        "time_zone",
        "allow_remote",
        "host_names",
        "public_url",
        "max_upload_mib",
        "workers",
        "runtime",
        "detector_long_side_px",
        "models",
        "features",
        "verify_fmr",
        "identify_fpir",
        "arms_gallery",
        "reads_tokens",
        "kind",
        "max_templates",
        "index_beyond",
        "shards",
        "secret_file",
        "address_file",
        "spot",
        "url",
        "events",
        "screen_right_deg",
        "screen_up_deg",
        "screen_right_cm",
        "screen_up_cm",
        "distance_cm",
        "full_resolution",
        "in_process",
        "slot",
        "listen",
        "commitments",
        "campaigns",
        "source",
        "camera",
    ] {
        let is_set = uncommented
            .lines()
            .any(|line| line.split(" =").next() == Some(key));
        assert!(is_set, "{key} is not in the example");
    }
}

fn is_setting(text: &str) -> bool {
    text.split_once(" = ")
        .is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
}

#[test]
fn two_slips_in_one_table_are_both_told_and_the_rest_is_read() {
    let text = "[[campaign]]\nid = \"a\"\nnmae = \"A\"\npriorty = 7\n\n[[campaign.creative]]\n\
                id = \"b\"\nname = \"B\"\ncontent = { kind = \"txt\", title = 3 }\n";
    let document = Document::parse(FilePath::new("x.toml"), text, &mut Vec::new());
    let reading: Reading<CampaignFile> = read(&document);
    let lines: Vec<usize> = reading
        .mistakes
        .iter()
        .map(|mistake| mistake.line)
        .collect();
    assert_eq!(lines, [3, 4, 9, 9], "{:?}", reading.mistakes);
    let campaign = &reading.value.unwrap().campaigns[0];
    assert_eq!((campaign.name.as_str(), campaign.priority), ("A", 7));
}

#[test]
fn a_flood_of_mistakes_ends_and_says_so() {
    let text: String = (0..500).map(|i| format!("key{i}zz = 1\n")).collect();
    let document = Document::parse(FilePath::new("x.toml"), &text, &mut Vec::new());
    let reading: Reading<SiteFile> = read(&document);
    assert_eq!(reading.mistakes.len(), 101);
    assert!(
        reading.mistakes[100].message.contains("more than 100"),
        "{}",
        reading.mistakes[100]
    );
}

/// A piece of the text left out: bytes (as far as it stays UTF-8) or lines.
fn without(text: &str, at: usize, n: usize, by_line: bool) -> String {
    if by_line {
        let lines: Vec<&str> = text.lines().collect();
        let at = at % lines.len();
        let kept = lines
            .iter()
            .enumerate()
            .filter(|(i, _)| !(at..at + n.min(6)).contains(i));
        return kept.fold(String::new(), |text, (_, line)| text + line + "\n");
    }
    let at = at % text.len();
    let bytes = text
        .bytes()
        .enumerate()
        .filter(|(i, _)| !(at..at + n).contains(i));
    String::from_utf8_lossy(&bytes.map(|(_, b)| b).collect::<Vec<_>>()).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn damaged_configurations_are_read_or_told(at in any::<prop::sample::Index>(), n in 1_usize..40, by_line: bool) {
        let text = without(EXAMPLE, at.index(EXAMPLE.len()), n, by_line);
        check_told(&text, &changed("regard.toml", &text))?;
    }

    #[test]
    fn damaged_campaigns_are_read_or_told(at in any::<prop::sample::Index>(), n in 1_usize..40, by_line: bool) {
        let text = without(CAMPAIGNS, at.index(CAMPAIGNS.len()), n, by_line);
        check_told("", &changed("campaigns/welcome.toml", &text))?;
    }

    #[test]
    fn damaged_commitments_are_read_or_told(at in any::<prop::sample::Index>(), n in 1_usize..40, by_line: bool) {
        let example = Commitments::example_text();
        let text = without(example, at.index(example.len()), n, by_line);
        check_told("", &changed("commitments.toml", &text))?;
    }

    /// The independent oracle: what the strict reader of TOML takes, we take, and nothing else.
    #[test]
    fn the_strict_reader_agrees(at in any::<prop::sample::Index>(), n in 1_usize..30, by_line: bool) {
        let text = without(CAMPAIGNS, at.index(CAMPAIGNS.len()), n, by_line);
        let mut mistakes = Vec::new();
        let document = Document::parse(FilePath::new("x.toml"), &text, &mut mistakes);
        let reading: Reading<CampaignFile> = read(&document);
        mistakes.extend(reading.mistakes);
        let strict = toml::from_str::<CampaignFile>(&text);
        prop_assert_eq!(strict.is_ok(), mistakes.is_empty(), "{:?}\n{:?}", strict.err(), mistakes);
    }
}
