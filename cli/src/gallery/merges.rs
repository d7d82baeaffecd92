//! `regard gallery merge`, `unmerge` and `apart`: records of one person that answer as one, and those that never do.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};

use crate::args::{ApartArgs, MergeArgs, UnmergeArgs};
use crate::exit;
use crate::remote::{Asker, Remote};

fn named<'v>(told: &'v Value, name: &str) -> &'v str {
    told[name].as_str().unwrap_or_default()
}

pub(super) fn merge(args: &MergeArgs) -> Result<ExitCode> {
    let remote = Remote::new(&args.of.remote)?;
    let path = format!("/v1/galleries/{}/merges", args.of.gallery);
    let wish = json!({"from": args.from, "into": args.into, "has_asked": args.has_asked});
    let merged = remote.send(Asker::Site, ("POST", &path), &wish)?;
    exit::print(&format!(
        "{} answers as {}; regard gallery unmerge {} undoes it",
        named(&merged, "from"),
        named(&merged, "into"),
        named(&merged, "from"),
    ))
}

pub(super) fn unmerge(args: &UnmergeArgs) -> Result<ExitCode> {
    let remote = Remote::new(&args.of.remote)?;
    let path = format!(
        "/v1/galleries/{}/merges/{}?two_people={}",
        args.of.gallery, args.from, args.two_people
    );
    let undone = remote.ask(Asker::Site, ("DELETE", &path), ("", Vec::new()))?;
    let never = if args.two_people {
        "; they never answer as one again"
    } else {
        ""
    };
    exit::print(&format!(
        "{} answers for itself, not as {}{never}",
        named(&undone, "from"),
        named(&undone, "into"),
    ))
}

pub(super) fn apart(args: &ApartArgs) -> Result<ExitCode> {
    let remote = Remote::new(&args.of.remote)?;
    let path = format!("/v1/galleries/{}/two-people", args.of.gallery);
    let two = json!({"one": args.one, "other": args.other});
    remote.send(Asker::Site, ("POST", &path), &two)?;
    exit::print(&format!(
        "{} and {} are of two people; they never answer as one",
        args.one, args.other
    ))
}
