//! `regard gallery`: galleries of an installation that runs, records in them that are of one person, and a part of a gallery for an
//! installation on another machine.

mod merges;
mod shard;

use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};

use crate::args::{GalleryArgs, GalleryCommand, ListFormat, RemoteArgs};
use crate::exit;
use crate::remote::{Asker, Remote};

pub(crate) fn gallery(command: &GalleryCommand) -> Result<ExitCode> {
    match command {
        GalleryCommand::List { remote, format } => list(remote, *format),
        GalleryCommand::Arm(args) => arm(args, true),
        GalleryCommand::Disarm(args) => arm(args, false),
        GalleryCommand::Rekey(args) => rekey(args),
        GalleryCommand::Merge(args) => merges::merge(args),
        GalleryCommand::Unmerge(args) => merges::unmerge(args),
        GalleryCommand::Apart(args) => merges::apart(args),
        GalleryCommand::Shard(args) => shard::shard(args),
    }
}

fn list(args: &RemoteArgs, format: ListFormat) -> Result<ExitCode> {
    let remote = Remote::new(args)?;
    let standing = remote.get("/v1/recognition")?;
    let galleries = &standing["galleries"];
    match format {
        ListFormat::Json => exit::print(&serde_json::to_string_pretty(galleries)?),
        ListFormat::Text => {
            let lines = galleries.as_array().into_iter().flatten().map(line);
            exit::print(&lines.collect::<Vec<_>>().join("\n"))
        }
    }
}

fn line(gallery: &Value) -> String {
    let armed = if gallery["is_armed"] == true {
        "armed"
    } else {
        "not armed"
    };
    let index = match gallery["index"].as_str() {
        Some("neighbours") => "an index names who is compared",
        Some("database") => "a database compares everybody",
        Some("shards") => "parts on other machines compare everybody",
        Some("unavailable") => {
            "not there: nobody is found until it is filled anew; the log says why"
        }
        Some(_) | None => "everybody is compared",
    };
    format!(
        "{}  {armed}  {} persons, {} templates, room for {}, {index}",
        gallery["gallery"].as_str().unwrap_or_default(),
        gallery["n_persons"],
        gallery["n_templates"],
        gallery["max_templates"],
    )
}

fn arm(args: &GalleryArgs, is_armed: bool) -> Result<ExitCode> {
    let remote = Remote::new(&args.remote)?;
    let path = format!("/v1/galleries/{}/armed", args.gallery);
    remote.send(Asker::Site, ("PUT", &path), &json!({"is_armed": is_armed}))?;
    exit::print(&format!(
        "{}  {}",
        args.gallery,
        if is_armed { "armed" } else { "not armed" }
    ))
}

fn rekey(args: &GalleryArgs) -> Result<ExitCode> {
    let remote = Remote::new(&args.remote)?;
    let path = format!("/v1/galleries/{}/rekey", args.gallery);
    let rekeyed = remote.ask(Asker::Site, ("POST", &path), ("", Vec::new()))?;
    exit::print(&format!(
        "{}  {} templates went over to the fresh secret, {} were left out",
        args.gallery, rekeyed["n_templates"], rekeyed["n_left_out"],
    ))
}
