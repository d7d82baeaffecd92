//! Commitments as files for a website: what is signed, the key to check it with, and a page to read.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use askama::Template;
use regard_commitments::{
    NoteSigner, Notice, NoticeText, Profile, SignedCommitments, VerifiedCommitments, ledger_origin,
};
use regard_engine::to_hex;

use super::{signed, words};
use crate::exit;
use crate::printable::shown;
use crate::whole_file::write_whole;

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

/// Signs the document and writes it, the keys and a page into a folder.
pub(super) fn publish(file: &Path, data_dir: &Path, folder: &Path) -> Result<ExitCode> {
    let (commitments, signed, key) = signed(file, data_dir)?;
    // What checkpoints of the ledger are checked with; it is best had from elsewhere than the ledger.
    let ledger = NoteSigner::new(
        ledger_origin(&commitments.site.id),
        regard_engine::site_keys(data_dir)?.ledger_key(),
    )?;
    let json = serde_json::to_string_pretty(&signed)? + "\n";
    // What is written is what people will check: it must pass.
    let written: SignedCommitments = serde_json::from_str(&json)?;
    let page = page(&written.verify(&key)?)?;
    let files = [
        ("commitments.json", json),
        ("commitments.key", to_hex(key.as_bytes()) + "\n"),
        ("commitments.html", page),
        ("ledger.key", format!("{}\n", ledger.verifier())),
    ];
    let mut said = Vec::new();
    for (name, text) in &files {
        let path = folder.join(name);
        write_whole(&path, text)?;
        said.push(format!("wrote {}", shown(&path)));
    }
    exit::print(&said.join("\n"))
}

fn page(verified: &VerifiedCommitments) -> Result<String> {
    let commitments = verified.document();
    let profile = Profile::named(&commitments.profile)?;
    profile.accepts(verified)?;
    let notice = Notice::of(verified, &profile);
    let page = Page {
        site: &commitments.site.name,
        facts: words::facts(commitments),
        notices: &notice.texts,
        key_id: &verified.key_id(),
        digest: verified.digest().to_string(),
    };
    page.render().context("the page cannot be written")
}
