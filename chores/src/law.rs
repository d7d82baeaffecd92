//! `cargo xtask law`: the table of rules, from the registry in `commitments`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use regard_commitments::{ATTACKS, Evidence, FAULT_POINTS, Keeping, RefusalCode, Rule, Standing};

/// The file that is written, below the root of the repository.
const FILE: &str = "docs/law.md";

const HEAD: &str = "\
# The rules, and where they are kept

Written by `cargo xtask law` from `commitments/src/law.rs`; a test holds it against the code, and checks that every
file and every test named here exists. Engineering readings of the law, not legal advice.

*Kept*: in the code, and shown by the tests named. *Partly*: some of it; what is missing is named. *Open*: not yet.
A site asks the same of a running installation with `regard audit`.
";

const ATTACKED: &str = "
## Attacks

What somebody may try against an installation, what comes of it, and the test that tries it.
";

const KILLED: &str = "
## Where the program may die

Every kind of write that the law hangs on. In each test the program dies before and after each of these writes, or is killed at any moment; it
starts again, and what was acknowledged holds, what was withdrawn stays withdrawn, who was erased stays erased.
";

const AUDITED: &str = "
## What `regard audit` looks at

Its report has a line for each row above: which of these checks look at it, and what follows from them for the installation. Each check fails, by
its name, on an installation that a test broke for it:

";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Writes the table.
pub(crate) fn write() -> Result<()> {
    let path = root().join(FILE);
    fs::write(&path, table()).with_context(|| format!("{FILE} cannot be written"))?;
    println!("wrote {FILE}: {}", counts());
    Ok(())
}

/// Every rule and every refusal.
fn all() -> impl Iterator<Item = Keeping> {
    let rules = Rule::ALL.iter().map(|rule| rule.keeping());
    rules.chain(RefusalCode::ALL.iter().map(|code| code.keeping()))
}

fn counts() -> String {
    let count = |standing| all().filter(|k| k.standing() == standing).count();
    format!(
        "{} kept, {} partly, {} open",
        count(Standing::Kept),
        count(Standing::Partly),
        count(Standing::Open)
    )
}

fn table() -> String {
    let mut text = format!("{HEAD}\nNow: {}.\n\n## Requirements\n", counts());
    for rule in Rule::ALL {
        let keeping = rule.keeping();
        let standing = keeping.standing();
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n### `{}`: {standing}\n\n{}. {}\n\n",
            rule.id(),
            rule.article(),
            rule.title()
        );
        text.push_str(&lines(&keeping));
    }
    text.push_str("\n## Refusals\n\nA refusal is an answer: `{code, article, reason, remedy}`, the same code everywhere.\n");
    for code in RefusalCode::ALL {
        let keeping = code.keeping();
        let standing = keeping.standing();
        let _ = write!(text, "\n### `{code}`: {standing}\n\n{}\n\n", code.article());
        text.push_str(&lines(&keeping));
    }
    text.push_str(ATTACKED);
    for attack in ATTACKS {
        let _ = writeln!(
            text,
            "\n**{}**: {}.\n",
            capital(attack.name),
            attack.outcome
        );
        for test in attack.tests {
            let _ = writeln!(text, "- test: `{test}`");
        }
    }
    text.push_str(KILLED);
    for point in FAULT_POINTS {
        let _ = writeln!(text, "\n**{}**\n", capital(point.what));
        let _ = writeln!(text, "- code: {}", ticked(point.code));
        for test in point.tests {
            let _ = writeln!(text, "- test: `{test}`");
        }
    }
    text.push_str(AUDITED);
    for (check, test) in Evidence::FIXTURES {
        let _ = writeln!(text, "- `{check}`: `{test}`");
    }
    text
}

/// File names as a list.
fn ticked(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The same with a capital letter in front.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters
        .next()
        .map(|c| c.to_uppercase().to_string())
        .unwrap_or_default();
    first + letters.as_str()
}

fn lines(keeping: &Keeping) -> String {
    let mut text = String::new();
    if !keeping.code.is_empty() {
        let _ = writeln!(text, "- code: {}", ticked(keeping.code));
    }
    for test in keeping.tests {
        let _ = writeln!(text, "- test: `{test}`");
    }
    if !keeping.missing.is_empty() {
        let _ = writeln!(text, "- missing: {}", keeping.missing);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a file has a test of this name, with the attribute that makes it run.
    fn has_test(text: &str, name: &str) -> bool {
        let declared = [format!("fn {name}("), format!("fn {name}<")];
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        lines.iter().enumerate().any(|(at, line)| {
            let is_it = declared.iter().any(|d| line.contains(d.as_str()));
            // Attributes and comments stand right above.
            let above = lines[..at]
                .iter()
                .rev()
                .take_while(|line| line.starts_with("#[") || line.starts_with("//"));
            is_it
                && above
                    .into_iter()
                    .any(|line| line.contains("test]") || line.contains("::test("))
        })
    }

    #[test]
    fn the_table_is_that_of_the_code() {
        let written = fs::read_to_string(root().join(FILE)).unwrap_or_default();
        assert!(
            written == table(),
            "{FILE} is not current; run `cargo xtask law`"
        );
    }

    #[test]
    fn every_file_and_every_test_exists() {
        let mut missing = Vec::new();
        for keeping in all() {
            for file in keeping.code {
                if !root().join(file).is_file() {
                    missing.push((*file).to_owned());
                }
            }
            for test in keeping.tests {
                check_test(test, &mut missing);
            }
        }
        for (_, test) in Evidence::FIXTURES {
            check_test(test, &mut missing);
        }
        for test in ATTACKS.iter().flat_map(|attack| attack.tests) {
            check_test(test, &mut missing);
        }
        for point in FAULT_POINTS {
            missing.extend(
                point
                    .code
                    .iter()
                    .filter(|file| !root().join(file).is_file())
                    .map(|file| (*file).to_owned()),
            );
            for test in point.tests {
                check_test(test, &mut missing);
            }
        }
        assert!(
            missing.is_empty(),
            "named in the law and nowhere else: {missing:#?}"
        );
    }

    fn check_test(test: &str, missing: &mut Vec<String>) {
        let (file, name) = test.split_once("::").expect("file::function");
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        if !has_test(&text, name) {
            missing.push(test.to_owned());
        }
    }

    #[test]
    fn a_test_that_does_not_run_is_none() {
        assert!(has_test(
            "    #[test]\n    // why\n    fn a_law() {",
            "a_law"
        ));
        assert!(has_test("#[tokio::test]\nasync fn a_law() {", "a_law"));
        assert!(!has_test("fn a_law() {", "a_law"));
        assert!(!has_test("#[test]\nfn a_law_of_others() {", "a_law"));
        assert!(!has_test(
            "#[test]\nfn other() {\n}\n\nfn a_law() {",
            "a_law"
        ));
    }

    #[test]
    fn the_rules_of_the_specification_are_all_there() {
        let text = table();
        for code in RefusalCode::ALL {
            assert!(text.contains(&format!("### `{code}`: ")), "{code}");
        }
        for rule in Rule::ALL {
            assert!(text.contains(&format!("### `{rule}`: ")), "{rule}");
        }
    }
}
