//! `regard study`: studies of an installation that runs.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use regard_domain::StudyId;
use regard_evaluation::StudyPlan;
use serde_json::{Value, json};

use crate::args::{ListFormat, RemoteArgs, StudyCommand, StudyReportFormat};
use crate::exit;
use crate::printable::shown;
use crate::remote::{Asker, Remote};
use crate::speech::complain;
use crate::whole_file::write_whole;

/// Largest plan read, in bytes: twenty-four messages and their words.
const MAX_PLAN_BYTES: u64 = 1 << 20;

/// The plan that is written to begin with.
const EXAMPLE: &str = include_str!("../data/study.toml");

pub(crate) fn study(command: &StudyCommand) -> Result<ExitCode> {
    match command {
        StudyCommand::New {
            file,
            check,
            remote,
        } => new(file, *check, remote),
        StudyCommand::Show {
            study,
            remote,
            format,
        } => show(study.as_ref(), remote, *format),
        StudyCommand::Invite {
            study,
            n,
            days,
            remote,
        } => invite(study, (*n, *days), remote),
        StudyCommand::Close { study, remote } => close(study, remote),
        StudyCommand::Report {
            study,
            format,
            output,
            remote,
        } => report(study, *format, (output.as_deref(), remote)),
        StudyCommand::Export {
            study,
            priors: _,
            output,
            remote,
        } => export(study, output.as_deref(), remote),
    }
}

/// The plan in a file.
fn plan_in(file: &Path) -> Result<StudyPlan> {
    let told = || shown(file);
    let bytes = std::fs::metadata(file).with_context(told)?.len();
    ensure!(
        bytes <= MAX_PLAN_BYTES,
        "{}: longer than {MAX_PLAN_BYTES} bytes",
        told()
    );
    let text = std::fs::read_to_string(file).with_context(told)?;
    let plan: StudyPlan = toml::from_str(&text).with_context(told)?;
    let faults = plan.faults();
    for fault in &faults {
        complain(format_args!("{}: {fault}", told()));
    }
    ensure!(
        faults.is_empty(),
        "{} has {} mistakes",
        told(),
        faults.len()
    );
    Ok(plan)
}

fn new(file: &Path, check: bool, remote: &RemoteArgs) -> Result<ExitCode> {
    if !file.exists() {
        ensure!(!check, "{}: there is no such file", shown(file));
        write_whole(file, EXAMPLE)?;
        return exit::print(&format!(
            "wrote {}: fill it in, then type the same command again to set the study up",
            shown(file)
        ));
    }
    let plan = plan_in(file)?;
    if check {
        return exit::print("ok");
    }
    let remote = Remote::new(remote)?;
    let request = ("POST", "/v1/studies");
    remote.send(Asker::Site, request, &serde_json::to_value(&plan)?)?;
    exit::print(&format!(
        "study {} is set up; `regard study invite {} -n 20` makes links",
        plan.id, plan.id
    ))
}

fn show(study: Option<&StudyId>, remote: &RemoteArgs, format: ListFormat) -> Result<ExitCode> {
    let remote = Remote::new(remote)?;
    let found = match study {
        None => remote.get("/v1/studies")?,
        Some(study) => remote.get(&format!("/v1/studies/{study}"))?,
    };
    let text = match (format, study) {
        (ListFormat::Json, _) => serde_json::to_string_pretty(&found)?,
        (ListFormat::Text, None) => {
            let lines = found.as_array().into_iter().flatten().map(line);
            let lines: Vec<String> = lines.collect();
            if lines.is_empty() {
                "no studies; `regard study new` sets one up".to_owned()
            } else {
                lines.join("\n")
            }
        }
        (ListFormat::Text, Some(_)) => {
            let plan: StudyPlan = serde_json::from_value(found["plan"].clone())
                .context("the installation answered with another form of plan")?;
            let plan = toml::to_string_pretty(&plan)?;
            format!("{}\n\n{}", line(&found["study"]), plan.trim_end())
        }
    };
    exit::print(&text)
}

fn line(study: &Value) -> String {
    let state = if study["is_open"] == true {
        "open"
    } else {
        "closed"
    };
    format!(
        "{}  {state}  {} invited, {} came  told from {} participants  {}",
        study["study"].as_str().unwrap_or_default(),
        study["n_invited"],
        study["n_came"],
        study["min_participants"],
        study["title"].as_str().unwrap_or_default(),
    )
}

fn invite(study: &StudyId, (n, days): (u32, u32), remote: &RemoteArgs) -> Result<ExitCode> {
    let path = format!("/v1/studies/{study}/invitations");
    let body = json!({ "n": n, "days": days });
    let made = Remote::new(remote)?.send(Asker::Site, ("POST", &path), &body)?;
    let links = made["links"].as_array().into_iter().flatten();
    let links: Vec<&str> = links.filter_map(Value::as_str).collect();
    exit::print(&links.join("\n"))
}

fn close(study: &StudyId, remote: &RemoteArgs) -> Result<ExitCode> {
    let path = format!("/v1/studies/{study}/close");
    let nothing = ("", Vec::new());
    Remote::new(remote)?.ask(Asker::Site, ("POST", &path), nothing)?;
    exit::print(&format!("study {study} is closed; its report stays"))
}

fn report(
    study: &StudyId,
    format: StudyReportFormat,
    (output, remote): (Option<&Path>, &RemoteArgs),
) -> Result<ExitCode> {
    let path = format!("/v1/studies/{study}/report?format={}", format.name());
    let mut bytes = Remote::new(remote)?.fetch(&path)?;
    if format == StudyReportFormat::Json {
        let json: Value = serde_json::from_slice(&bytes).context("the report is no JSON")?;
        bytes = serde_json::to_vec_pretty(&json)?;
    }
    put(bytes, output)
}

fn export(study: &StudyId, output: Option<&Path>, remote: &RemoteArgs) -> Result<ExitCode> {
    let found = Remote::new(remote)?.get(&format!("/v1/studies/{study}/priors"))?;
    let suppressed = found["priors"]["suppressed"].as_array();
    for creative in suppressed.into_iter().flatten().filter_map(Value::as_str) {
        complain(format_args!(
            "{creative}: fewer than {} answered how they liked it, so that it goes into no prior",
            found["priors"]["needed"]
        ));
    }
    let state = &found["policy_state"];
    if state.is_null() {
        bail!("study {study}: of no message enough participants answered how they liked it");
    }
    put(serde_json::to_vec(state)?, output)
}

fn put(bytes: Vec<u8>, output: Option<&Path>) -> Result<ExitCode> {
    match output {
        Some(file) => {
            write_whole(file, bytes)?;
            exit::print(&format!("wrote {}", shown(file)))
        }
        None => match String::from_utf8(bytes) {
            Ok(text) => exit::print(text.trim_end()),
            Err(_) => bail!("a PDF is written to a file: name it with --output"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_plan_without_mistakes() {
        let plan: StudyPlan = toml::from_str(EXAMPLE).unwrap();
        assert_eq!(plan.faults(), []);
        assert_eq!(plan.stimuli.len(), 3);
        let again: StudyPlan = toml::from_str(&toml::to_string_pretty(&plan).unwrap()).unwrap();
        assert_eq!(again, plan);
    }
}
