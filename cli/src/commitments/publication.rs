//! Commitments as files for a website: what is signed, the key to check it with, and a page to read.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use askama::Template;
use regard_commitments::{
    Commitments, Notice, NoticeText, Profile, SignedCommitments, VerifyingKey,
};

use super::{check, signed, words};
use crate::exit;
use crate::printable::shown;

/// The page for people.
#[derive(Template)]
#[template(path = "commitments.html")]
struct Page<'a> {
    site: &'a str,
    facts: Vec<(&'static str, String)>,
    notices: &'a [NoticeText],
    key_id: &'a str,
    digest: String,
}

/// Signs the document and writes three files into a folder.
pub(super) fn publish(file: &Path, data_dir: &Path, folder: &Path) -> Result<ExitCode> {
    let (commitments, signed, key) = signed(file, data_dir)?;
    let page = page(&commitments, &signed, &key)?;
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", shown(folder)))?;
    let json = serde_json::to_string_pretty(&signed)? + "\n";
    let files = [
        ("commitments.json", json),
        ("commitments.key", hex + "\n"),
        ("commitments.html", page),
    ];
    let mut said = Vec::new();
    for (name, text) in &files {
        let path = folder.join(name);
        let beside = path.with_extension("part");
        fs::write(&beside, text)
            .and_then(|()| fs::rename(&beside, &path))
            .with_context(|| format!("{}: cannot be written", shown(&path)))?;
        said.push(format!("wrote {}", shown(&path)));
    }
    // What was written is what people will check: it must pass.
    let written: SignedCommitments = serde_json::from_str(&files[0].1)?;
    check(&written, &key)?;
    exit::print(&said.join("\n"))
}

fn page(commitments: &Commitments, signed: &SignedCommitments, key: &[u8]) -> Result<String> {
    let key: &[u8; 32] = key.try_into().context("the key is not 32 bytes long")?;
    let verified = signed.verify(&VerifyingKey::from_bytes(key)?)?;
    let profile = Profile::named(&commitments.profile)?;
    profile.accepts(&verified)?;
    let notice = Notice::of(&verified, &profile);
    let page = Page {
        site: &commitments.site.name,
        facts: words::facts(commitments),
        notices: &notice.texts,
        key_id: &signed.key_id,
        digest: verified.digest().to_string(),
    };
    page.render().context("the page cannot be written")
}
