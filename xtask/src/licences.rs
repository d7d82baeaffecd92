//! Licences of all dependencies, against the list in `deny.toml`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

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
    manifest_path: PathBuf,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
    #[serde(default)]
    clarify: Vec<Clarification>,
}

/// The licence of a package that does not name it, read from the text it carries.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Clarification {
    #[serde(rename = "crate")]
    name: String,
    expression: String,
    license_files: Vec<LicenceFile>,
}

#[derive(Deserialize)]
struct LicenceFile {
    path: PathBuf,
    hash: u32,
}

impl Clarification {
    /// Whether the texts in the folder of the package are those that were read.
    fn holds_in(&self, folder: &Path) -> bool {
        let is_known = |file: &LicenceFile| {
            let text = std::fs::read(folder.join(&file.path));
            text.is_ok_and(|text| xxh32(&text) == file.hash)
        };
        !self.license_files.is_empty() && self.license_files.iter().all(is_known)
    }
}

/// XXH32 with seed 0, the hash that cargo-deny knows texts by.
fn xxh32(bytes: &[u8]) -> u32 {
    const P: [u32; 5] = [
        2_654_435_761,
        2_246_822_519,
        3_266_489_917,
        668_265_263,
        374_761_393,
    ];
    let word = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    let mut stripes = bytes.chunks_exact(16);
    let mut lanes = [P[0].wrapping_add(P[1]), P[1], 0, 0_u32.wrapping_sub(P[0])];
    for stripe in &mut stripes {
        for (lane, four) in lanes.iter_mut().zip(stripe.chunks_exact(4)) {
            let mixed = lane.wrapping_add(word(four).wrapping_mul(P[1]));
            *lane = mixed.rotate_left(13).wrapping_mul(P[0]);
        }
    }
    let mut hash = if bytes.len() >= 16 {
        let turned = lanes.iter().zip([1, 7, 12, 18]);
        turned.fold(0_u32, |sum, (lane, by)| {
            sum.wrapping_add(lane.rotate_left(by))
        })
    } else {
        P[4]
    };
    hash = hash.wrapping_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let mut fours = stripes.remainder().chunks_exact(4);
    for four in &mut fours {
        hash = hash.wrapping_add(word(four).wrapping_mul(P[2]));
        hash = hash.rotate_left(17).wrapping_mul(P[3]);
    }
    for byte in fours.remainder() {
        hash = hash.wrapping_add(u32::from(*byte).wrapping_mul(P[4]));
        hash = hash.rotate_left(11).wrapping_mul(P[0]);
    }
    hash = (hash ^ (hash >> 15)).wrapping_mul(P[1]);
    hash = (hash ^ (hash >> 13)).wrapping_mul(P[2]);
    hash ^ (hash >> 16)
}

/// What a package may be used under: as it says, or as its text was read.
fn licence<'a>(package: &'a Package, clarify: &'a [Clarification]) -> Option<&'a str> {
    let folder = package.manifest_path.parent()?;
    let read = clarify
        .iter()
        .find(|one| one.name == package.name && one.holds_in(folder));
    package
        .license
        .as_deref()
        .or(read.map(|one| one.expression.as_str()))
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
            !licence(p, &deny.licenses.clarify).is_some_and(|l| allowed(l, &deny.licenses.allow))
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
    fn texts_are_known_by_their_hash() {
        for (text, hash) in [
            ("", 0x02cc_5d05),
            ("abc", 0x32d1_53ff),
            ("Nobody inspects the spammish repetition", 0xe229_3b2f_u32),
        ] {
            assert_eq!(xxh32(text.as_bytes()), hash, "{text}");
        }
        let folder = tempfile::tempdir().unwrap();
        let clarified = |hash| Clarification {
            name: "some".to_owned(),
            expression: "MIT".to_owned(),
            license_files: vec![LicenceFile {
                path: "LICENSE".into(),
                hash,
            }],
        };
        let package = Package {
            name: "some".to_owned(),
            version: "1.0.0".to_owned(),
            license: None,
            manifest_path: folder.path().join("Cargo.toml"),
            source: None,
        };
        assert_eq!(
            licence(&package, &[clarified(0x32d1_53ff)]),
            None,
            "no text"
        );
        std::fs::write(folder.path().join("LICENSE"), "abc").unwrap();
        assert_eq!(licence(&package, &[clarified(0x32d1_53ff)]), Some("MIT"));
        assert_eq!(licence(&package, &[clarified(1)]), None, "another text");
    }

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
