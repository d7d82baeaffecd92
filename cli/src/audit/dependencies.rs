//! What the program is built from, held against a database of advisories.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use regard_commitments::Evidence;
use semver::{Version, VersionReq};
use serde::Deserialize;

use super::listed;
use crate::printable::shown;

/// The versions that this program was built with, and those of its tools and tests.
const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock"));

/// Largest advisory read, in bytes; they have some thousand.
const MAX_BYTES: u64 = 1 << 20;

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: Version,
    /// Where it comes from; our own have none.
    source: Option<String>,
}

/// The front of an advisory, as RustSec writes it.
#[derive(Deserialize)]
struct Advisory {
    advisory: About,
    #[serde(default)]
    versions: Versions,
}

#[derive(Deserialize)]
struct About {
    id: String,
    package: String,
    /// When it was taken back.
    withdrawn: Option<String>,
    /// `unmaintained`, `notice`, `unsound`: no weakness by itself.
    informational: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Versions {
    patched: Vec<VersionReq>,
    unaffected: Vec<VersionReq>,
}

impl Advisory {
    /// Reads what stands between the fences at the beginning.
    fn parse(text: &str) -> Result<Self> {
        let front = text
            .split_once("```toml\n")
            .and_then(|(_, rest)| rest.split_once("\n```"))
            .map_or(text, |(front, _)| front);
        toml::from_str(front).context("not an advisory in the form of RustSec")
    }

    /// Whether it counts: neither taken back nor a mere notice.
    fn counts(&self) -> bool {
        self.advisory.withdrawn.is_none() && self.advisory.informational.is_none()
    }

    fn affects(&self, package: &Package) -> bool {
        let Versions {
            patched,
            unaffected,
        } = &self.versions;
        self.advisory.package == package.name
            && !patched
                .iter()
                .chain(unaffected)
                .any(|range| range.matches(&package.version))
    }
}

/// Holds the packages of this program against the advisories of a folder, if one is named.
pub(super) fn look(advisories: Option<&Path>) -> Result<Evidence> {
    held_against(LOCK, advisories)
}

fn held_against(lock: &str, advisories: Option<&Path>) -> Result<Evidence> {
    let lock: Lock = toml::from_str(lock).context("the list of packages in this program")?;
    let foreign: Vec<&Package> = lock.package.iter().filter(|p| p.source.is_some()).collect();
    let mut found = Vec::new();
    let mut n_advisories = None;
    if let Some(folder) = advisories {
        let advisories = read(folder)?;
        n_advisories = Some(u64::try_from(advisories.len())?);
        for advisory in &advisories {
            for package in foreign.iter().filter(|package| advisory.affects(package)) {
                let (id, name) = (&advisory.advisory.id, &package.name);
                found.push(format!("{id}: {name} {}", package.version));
            }
        }
    }
    found.sort();
    Ok(Evidence::Dependencies {
        n_packages: u64::try_from(foreign.len())?,
        n_advisories,
        found: listed(found),
    })
}

/// Every advisory below a folder that counts.
fn read(folder: &Path) -> Result<Vec<Advisory>> {
    let mut folders = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let cannot = || format!("{}: cannot be read", shown(&folder));
        for entry in fs::read_dir(&folder).with_context(cannot)? {
            let entry = entry.with_context(cannot)?;
            let path = entry.path();
            if entry.file_type().with_context(cannot)?.is_dir() {
                folders.push(path);
            } else if is_advisory(&path) {
                found.extend(Some(one(&path)?).filter(Advisory::counts));
            }
        }
    }
    if found.is_empty() {
        bail!(
            "{}: no advisories; name a copy of a database in the form of RustSec",
            shown(folder)
        );
    }
    Ok(found)
}

/// Files such as `crates/time/RUSTSEC-2020-0071.md`.
fn is_advisory(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let ending = path.extension().and_then(|ending| ending.to_str());
    stem.is_some_and(|stem| stem.starts_with("RUSTSEC-") || stem.starts_with("CVE-"))
        && matches!(ending, Some("md" | "toml"))
}

fn one(path: &Path) -> Result<Advisory> {
    let name = || shown(path);
    if fs::metadata(path).with_context(name)?.len() > MAX_BYTES {
        bail!("{}: larger than {MAX_BYTES} bytes", name());
    }
    let text = fs::read_to_string(path).with_context(name)?;
    Advisory::parse(&text).with_context(name)
}

#[cfg(test)]
mod tests {
    use regard_commitments::CheckState;

    use super::*;

    const PACKAGES: &str = r#"
version = 4
[[package]]
name = "ours"
version = "0.1.0"
[[package]]
name = "time"
version = "0.2.7"
source = "registry+https://example.org/index"
[[package]]
name = "serde"
version = "1.0.200"
source = "registry+https://example.org/index"
"#;

    fn advisory(id: &str, package: &str, more: &str, patched: &str) -> String {
        format!(
            "```toml\n[advisory]\nid = \"{id}\"\npackage = \"{package}\"\ndate = \"2020-11-18\"\n{more}\n\
             [versions]\npatched = [{patched}]\nunaffected = [\"=0.2.0\", \"<0.1\"]\n```\n\n# What is wrong\n"
        )
    }

    fn write(folder: &Path, id: &str, text: &str) {
        let place = folder.join("crates/some");
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join(format!("{id}.md")), text).unwrap();
    }

    #[test]
    fn a_dependency_with_an_advisory_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let blind = held_against(PACKAGES, None).unwrap();
        assert_eq!(blind.state(), CheckState::Unknown, "{blind:?}");
        assert!(
            held_against(PACKAGES, Some(folder.path())).is_err(),
            "no database"
        );
        for (id, package, more, patched) in [
            ("RUSTSEC-2020-0001", "serde", "", "\">=1.0.100\""),
            (
                "RUSTSEC-2020-0002",
                "time",
                "withdrawn = \"2021-01-01\"",
                "",
            ),
            (
                "RUSTSEC-2020-0003",
                "time",
                "informational = \"unmaintained\"",
                "",
            ),
            ("RUSTSEC-2020-0004", "ours", "", ""),
        ] {
            write(folder.path(), id, &advisory(id, package, more, patched));
        }
        let look = || held_against(PACKAGES, Some(folder.path())).unwrap();
        assert_eq!(look().state(), CheckState::Pass, "{:?}", look());
        let bad = "RUSTSEC-2020-0071";
        write(
            folder.path(),
            bad,
            &advisory(bad, "time", "", "\">=0.2.23\""),
        );
        assert_eq!(look().state(), CheckState::Fail);
        let Evidence::Dependencies {
            n_packages,
            n_advisories,
            found,
        } = look()
        else {
            panic!("another kind");
        };
        assert_eq!((n_packages, n_advisories), (2, Some(3)));
        assert_eq!(found, ["RUSTSEC-2020-0071: time 0.2.7"]);
        write(
            folder.path(),
            "RUSTSEC-2020-0072",
            "```toml\nnonsense\n```\n",
        );
        let error = held_against(PACKAGES, Some(folder.path())).unwrap_err();
        assert!(
            format!("{error:#}").contains("RUSTSEC-2020-0072"),
            "{error:#}"
        );
    }

    #[test]
    fn the_program_carries_its_own_list() {
        let Evidence::Dependencies { n_packages, .. } = look(None).unwrap() else {
            panic!("another kind");
        };
        assert!(n_packages > 100, "{n_packages}");
    }
}
