//! The signature under an impact assessment.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use regard_commitments::{Commitments, Date, Dpia};
use regard_domain::Clock as _;
use regard_engine::SystemClock;
use toml_edit::{DocumentMut, Item, Table, value};

use super::{Installation, day_of, open_in_assessment};
use crate::args::SignDpiaArgs;
use crate::exit;
use crate::printable::shown;
use crate::whole_file::write_whole;

/// Signs for the assessment of the configuration as it is now.
pub(super) fn sign(args: &SignDpiaArgs) -> Result<ExitCode> {
    let now = SystemClock::new().now();
    let installation = Installation::read(&args.source, now)?;
    let papers = installation.papers()?;
    let open = open_in_assessment(&papers);
    if !open.is_empty() {
        bail!(
            "nobody can sign for an assessment with open questions; answer these in {}: {}",
            shown(&args.source.answers_file()),
            open.join(", ")
        );
    }
    let assessed = papers
        .assessed()
        .context("the impact assessment is one of the papers")?;
    let site = &installation.site.commitments().site;
    let reference = match &args.reference {
        Some(reference) => reference.clone(),
        None => format!(
            "Impact assessment of {}, {}",
            site.name,
            &assessed.to_string()[..16]
        ),
    };
    let dpia = Dpia {
        reference,
        signed_by: args.signed_by.clone(),
        signed_on: installation.facts.made_on,
        configuration: Some(assessed),
    };
    if !args.write {
        return exit::print(&format!(
            "{}\nPut this into {} and raise its version; it counts until {} and while the configuration stays as it is.",
            section(&dpia),
            shown(&installation.site.commitments_file()),
            last_day(&dpia)?,
        ));
    }
    let file = installation.site.commitments_file();
    let version = put(&file, &dpia)?;
    exit::print(&format!(
        "wrote {}: version {version}, with the assessment signed by {:?}; it counts until {} and while the configuration stays as it is",
        shown(&file),
        dpia.signed_by,
        last_day(&dpia)?
    ))
}

fn last_day(dpia: &Dpia) -> Result<Date> {
    day_of(dpia.holds_until())
}

/// The section as it stands in the commitments.
fn section(dpia: &Dpia) -> String {
    let mut document = DocumentMut::new();
    document["dpia"] = table(dpia);
    document.to_string()
}

fn table(dpia: &Dpia) -> Item {
    let mut table = Table::new();
    table["reference"] = value(&dpia.reference);
    table["signed_by"] = value(&dpia.signed_by);
    table["signed_on"] = value(dpia.signed_on.to_string());
    if let Some(configuration) = dpia.configuration {
        table["configuration"] = value(configuration.to_string());
    }
    Item::Table(table)
}

/// Puts the section into commitments and raises their version; comments and order stay.
fn put(file: &Path, dpia: &Dpia) -> Result<u32> {
    let name = shown(file);
    let text = fs::read_to_string(file).with_context(|| format!("{name}: cannot be read"))?;
    let mut document: DocumentMut = text.parse().with_context(|| format!("{name}: not TOML"))?;
    let version = Commitments::parse(&text)?.version + 1;
    document["version"] = value(i64::from(version));
    document["dpia"] = table(dpia);
    let written = document.to_string();
    // What the next start would refuse is not written.
    Commitments::parse(&written)?;
    write_whole(file, written)?;
    Ok(version)
}
