//! `regard commitments`.

mod publication;
mod words;

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use regard_commitments::{Change, Commitments, Direction, SignedCommitments, VerifyingKey};
use serde::Serialize;

use crate::args::{CommitmentsCommand, ListFormat};
use crate::exit;
use crate::printable::shown;
use crate::speech::complain;
use crate::whole_file::write_whole;

/// Largest document read, in bytes. Origin: a hundred times the longest that fits a notice.
const MAX_BYTES: u64 = 1 << 20;

/// Does what was asked with commitments.
pub(crate) fn commitments(command: &CommitmentsCommand) -> Result<ExitCode> {
    match command {
        CommitmentsCommand::New { file, profile } => new(file, profile),
        CommitmentsCommand::Show { file, format } => show(file, *format),
        CommitmentsCommand::Diff {
            older,
            newer,
            format,
            fail_on_weakening,
        } => diff(older, newer, *format, *fail_on_weakening),
        CommitmentsCommand::Sign {
            file,
            installation,
            output,
        } => sign(file, &installation.data_dir(), output.as_deref()),
        CommitmentsCommand::Publish {
            file,
            installation,
            to,
        } => publication::publish(file, &installation.data_dir(), to),
    }
}

/// A document as it was found: with a signature or without.
struct Found {
    commitments: Commitments,
    signed: Option<SignedCommitments>,
}

/// The text of a document, whole.
fn text_of(file: &Path) -> Result<String> {
    let name = || shown(file);
    let size = fs::metadata(file).map(|m| m.len());
    if size.as_ref().is_ok_and(|size| *size > MAX_BYTES) {
        bail!(
            "{}: larger than {MAX_BYTES} bytes; this is no commitments document",
            name()
        );
    }
    fs::read_to_string(file).with_context(|| {
        let hint = if size.is_err() {
            "; `regard commitments new` writes one"
        } else {
            ""
        };
        format!("{}: cannot be read{hint}", name())
    })
}

/// Reads a document: signed JSON where it begins like JSON, else TOML, with each mistake and its line.
fn read(file: &Path) -> Result<Found> {
    let text = text_of(file)?;
    let name = shown(file);
    if !text.trim_start().starts_with('{') {
        return Ok(Found {
            commitments: read_toml(&text, &name)?,
            signed: None,
        });
    }
    let signed: SignedCommitments = serde_json::from_str(&text).with_context(|| {
        format!("{name}: neither TOML nor what `regard commitments sign` writes")
    })?;
    let commitments = serde_json::from_str(&signed.document)
        .with_context(|| format!("{name}: what is signed is no commitments document"))?;
    Ok(Found {
        commitments,
        signed: Some(signed),
    })
}

fn read_toml(text: &str, name: &str) -> Result<Commitments> {
    Commitments::parse(text).map_err(|error| {
        for mistake in &error.mistakes {
            let (line, column) = (mistake.line, mistake.column);
            complain(format_args!("{name}:{line}:{column}: {}", mistake.message));
        }
        anyhow::anyhow!("{name} cannot be used, for the reasons above")
    })
}

fn new(file: &Path, profile: &str) -> Result<ExitCode> {
    let text = Commitments::example_text();
    let line = |name: &str| format!("profile = \"{name}\"");
    let text = text.replacen(&line("eu"), &line(profile), 1);
    let mut options = fs::OpenOptions::new();
    let opened = options.write(true).create_new(true).open(file);
    let mut written = match opened {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!(
                "{}: is there already; nothing was written; name another file",
                shown(file)
            );
        }
        opened => opened.with_context(|| format!("{}: cannot be written", shown(file)))?,
    };
    written
        .write_all(text.as_bytes())
        .with_context(|| format!("{}: cannot be written", shown(file)))?;
    exit::print(&format!(
        "wrote {}\nFill it in, then see what it says: regard commitments show {}",
        shown(file),
        shown(file)
    ))
}

fn show(file: &Path, format: ListFormat) -> Result<ExitCode> {
    let found = read(file)?;
    match format {
        ListFormat::Json => exit::print(&found.commitments.canonical()),
        ListFormat::Text => {
            let mut text = words::describe(&found.commitments);
            let signature = match &found.signed {
                Some(signed) => format!("by key {}", signed.key_id),
                None => "none; the installation signs it when it starts".to_owned(),
            };
            text.push_str(&words::line("signature", &signature));
            exit::print(text.trim_end())
        }
    }
}

/// What `diff` says, for programs.
#[derive(Serialize)]
struct Difference {
    older: u32,
    newer: u32,
    direction: Direction,
    changes: Vec<Change>,
}

fn diff(
    older: &Path,
    newer: &Path,
    format: ListFormat,
    fail_on_weakening: bool,
) -> Result<ExitCode> {
    let (from, to) = (read(older)?.commitments, read(newer)?.commitments);
    let changes = from
        .changes_to(&to)
        .with_context(|| format!("{} and {}", shown(older), shown(newer)))?;
    let has = |direction| changes.iter().any(|c| c.direction == direction);
    let weakens = has(Direction::Weakens);
    let difference = Difference {
        older: from.version,
        newer: to.version,
        direction: match (weakens, has(Direction::Strengthens)) {
            (true, _) => Direction::Weakens,
            (false, true) => Direction::Strengthens,
            (false, false) => Direction::Neutral,
        },
        changes,
    };
    let text = match format {
        ListFormat::Json => serde_json::to_string_pretty(&difference)?,
        ListFormat::Text => in_words(&difference),
    };
    exit::print(&text)?;
    Ok(if weakens && fail_on_weakening {
        ExitCode::from(exit::SOME_BAD)
    } else {
        ExitCode::SUCCESS
    })
}

fn in_words(difference: &Difference) -> String {
    let Difference { older, newer, .. } = difference;
    if difference.changes.is_empty() {
        return format!("Version {newer} promises what version {older} promised.");
    }
    let mut lines: Vec<String> = difference
        .changes
        .iter()
        .map(|c| format!("{:<12} {}", c.direction.to_string(), c.text))
        .collect();
    lines.push(String::new());
    lines.push(match difference.direction {
        Direction::Weakens => format!(
            "Version {newer} weakens the promise. What was taken under version {older} stays under \
             version {older}."
        ),
        Direction::Strengthens => format!("Version {newer} strengthens the promise."),
        Direction::Neutral => {
            format!("Version {newer} neither strengthens nor weakens the promise.")
        }
    });
    lines.join("\n")
}

/// The document signed with the key of the installation, which is made where there is none yet.
fn signed(file: &Path, data_dir: &Path) -> Result<(Commitments, SignedCommitments, VerifyingKey)> {
    let commitments = read_toml(&text_of(file)?, &shown(file))?;
    let keys = regard_engine::site_keys(data_dir)?;
    let key = keys.commitments_key();
    let signed = commitments.sign(&key);
    Ok((commitments, signed, key.verifying_key()))
}

fn sign(file: &Path, data_dir: &Path, output: Option<&Path>) -> Result<ExitCode> {
    let (commitments, signed, _) = signed(file, data_dir)?;
    let text = serde_json::to_string_pretty(&signed)?;
    let Some(output) = output else {
        return exit::print(&text);
    };
    write_whole(output, &(text + "\n"))?;
    exit::print(&format!(
        "signed version {} with key {}, wrote {}",
        commitments.version,
        signed.key_id,
        shown(output)
    ))
}
