//! `regard attestations`: collections that services may hold, as the privacy officer attests them.

use std::process::ExitCode;

use anyhow::Result;
use regard_commitments::UtcText;
use regard_domain::Timestamp;
use serde_json::{Value, json};

use crate::args::{AttestationsCommand, ListFormat, NewAttestationArgs, RemoteArgs};
use crate::exit;
use crate::remote::{Asker, Remote};

const PATH: &str = "/v1/attestations";

pub(crate) fn attestations(command: &AttestationsCommand) -> Result<ExitCode> {
    match command {
        AttestationsCommand::New(args) => new(args),
        AttestationsCommand::List { remote, format } => list(remote, *format),
        AttestationsCommand::End {
            attestation,
            remote,
        } => end(remote, attestation),
    }
}

fn new(args: &NewAttestationArgs) -> Result<ExitCode> {
    let remote = Remote::new(&args.remote)?;
    let body = json!({
        "service": args.service, "collection": args.collection, "purpose": args.purpose, "lawful_source": args.source,
        "uploads_are_acts": args.uploads_are_acts, "signed_by": args.signed_by, "days": args.days,
    });
    let made = remote.send(Asker::Site, ("POST", PATH), &body)?;
    match args.format {
        ListFormat::Json => exit::print(&serde_json::to_string_pretty(&made)?),
        ListFormat::Text => exit::print(&line(&made)),
    }
}

fn list(args: &RemoteArgs, format: ListFormat) -> Result<ExitCode> {
    let remote = Remote::new(args)?;
    let known = remote.get(PATH)?;
    match format {
        ListFormat::Json => exit::print(&serde_json::to_string_pretty(&known)?),
        ListFormat::Text => {
            let lines = known.as_array().into_iter().flatten().map(line);
            exit::print(&lines.collect::<Vec<_>>().join("\n"))
        }
    }
}

fn end(args: &RemoteArgs, attestation: &str) -> Result<ExitCode> {
    let remote = Remote::new(args)?;
    let path = format!("{PATH}/{attestation}");
    remote.ask(Asker::Site, ("DELETE", &path), ("", Vec::new()))?;
    exit::print(&format!("{attestation}  holds no more"))
}

fn line(known: &Value) -> String {
    let text = |name: &str| known[name].as_str().unwrap_or_default();
    let until = known["expires_at"].as_i64().unwrap_or_default();
    let until = UtcText::new(Timestamp::from_micros(until)).to_string();
    let day: String = until.chars().take(10).collect();
    let acts = if known["uploads_are_acts"] == true {
        "uploads are acts"
    } else {
        "each search names its act"
    };
    format!(
        "{}  {}/{}  until {day}  {acts}",
        text("attestation"),
        text("service"),
        text("collection"),
    )
}
