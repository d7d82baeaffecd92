//! Licences of all dependencies, against the list in `deny.toml`.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::run::{cargo, root};

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

/// Whether an SPDX expression can be met with the licences allowed. `OR` needs one side, `AND` both;
/// an exception (`WITH …`) counts as part of the name.
fn allowed(expression: &str, allow: &BTreeSet<String>) -> bool {
    let flat = expression.replace('/', " OR ").replace(['(', ')'], " ");
    let alternatives = if expression.contains(") AND") || expression.contains("AND (") {
        // `(A OR B) AND C`: every conjunct must have an allowed alternative.
        return expression
            .split(" AND ")
            .all(|part| allowed(part.trim().trim_matches(['(', ')']), allow));
    } else {
        flat
    };
    alternatives.split(" OR ").any(|alternative| {
        alternative
            .split(" AND ")
            .all(|licence| allow.contains(licence.trim()))
    })
}

pub(crate) fn check() -> Result<()> {
    eprintln!("── licences");
    let deny: Deny = toml::from_str(&std::fs::read_to_string(root().join("deny.toml"))?)?;
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--locked"])
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let bad: Vec<String> = metadata
        .packages
        .iter()
        .filter(|p| p.source.is_some())
        .filter(|p| {
            !p.license
                .as_deref()
                .is_some_and(|l| allowed(l, &deny.licenses.allow))
        })
        .map(|p| {
            format!(
                "{} {}: {}",
                p.name,
                p.version,
                p.license.as_deref().unwrap_or("none")
            )
        })
        .collect();
    ensure!(
        bad.is_empty(),
        "licences not in deny.toml:\n  {}",
        bad.join("\n  ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read() {
        let allow = BTreeSet::from([
            "MIT".to_owned(),
            "Apache-2.0 WITH LLVM-exception".to_owned(),
        ]);
        for (expression, good) in [
            ("MIT", true),
            ("MIT OR GPL-3.0", true),
            ("Unlicense/MIT", true),
            ("GPL-3.0", false),
            ("MIT AND GPL-3.0", false),
            ("(GPL-3.0 OR MIT) AND MIT", true),
            ("(GPL-3.0 OR MIT) AND GPL-3.0", false),
            ("Apache-2.0 WITH LLVM-exception", true),
        ] {
            assert_eq!(allowed(expression, &allow), good, "{expression}");
        }
    }
}
