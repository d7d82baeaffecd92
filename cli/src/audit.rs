//! `regard audit`.

mod dependencies;
mod disk;
mod history;
mod page;
mod papers;
mod process;
mod records;
mod refusals;
mod words;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regard_backends::{SqliteKeysReader, SqliteReader};
use regard_commitments::{
    AuditReport, AuditedSite, CheckLine, CheckState, Evidence, SWEEP_ALLOWANCE_SECS, SignedAudit,
    TableEvidence, VerifyingKey,
};
use regard_domain::{Clock as _, Timestamp};
use regard_engine::SystemClock;
use regard_inference::{Catalog, FileState};

use crate::args::{AuditArgs, AuditCommand, ListFormat};
use crate::config::Site;
use crate::ledger::{open, site_keys, small_file};
use crate::printable::{on_one_line, shown};
use crate::site::load_site;
use crate::speech::complain;
use crate::whole_file::write_whole;
use crate::work::block_on;
use crate::{exit, models};

/// Most findings of one check that a report lists; what is beyond is counted.
const MAX_FINDINGS: usize = 100;

/// Proves the promises anew, or checks a report.
pub(crate) fn audit(args: &AuditArgs) -> Result<ExitCode> {
    match &args.command {
        Some(AuditCommand::Check {
            report,
            key,
            format,
        }) => check(report, key.as_deref(), *format),
        None => prove(args),
    }
}

fn prove(args: &AuditArgs) -> Result<ExitCode> {
    let data_dir = args.installation.data_dir();
    let key = site_keys(&data_dir)?.audit_key();
    let signed = block_on(look(args, &data_dir))?.sign(&key);
    let report = signed.verify(Some(&key.verifying_key()))?;
    let json = serde_json::to_string_pretty(&signed)? + "\n";
    let files = [
        (args.output.join("audit.json"), json.clone()),
        (
            args.output.join("audit.html"),
            page::page(&signed, &report)?,
        ),
    ];
    for (path, text) in &files {
        write_whole(path, text)?;
    }
    let printed = match args.format {
        ListFormat::Json => exit::print(json.trim_end())?,
        ListFormat::Text => {
            let mut text = in_words(&report);
            for (path, _) in &files {
                text.push_str(&format!("\nwrote {}", shown(path)));
            }
            exit::print(&text)?
        }
    };
    Ok(code_of(&report, printed))
}

fn code_of(report: &AuditReport, printed: ExitCode) -> ExitCode {
    match report.state() {
        CheckState::Fail => ExitCode::from(exit::SOME_BAD),
        CheckState::Pass | CheckState::Unknown => printed,
    }
}

async fn look(args: &AuditArgs, data_dir: &Path) -> Result<AuditReport> {
    let reader = open(data_dir).await?;
    let data_dir = data_dir
        .canonicalize()
        .with_context(|| format!("{}: cannot be read", shown(data_dir)))?;
    let site = args.config.as_deref().map(load_site).transpose()?;
    let now = SystemClock::new().now();
    let proc = process::Proc::system();
    let found = proc.holders(&data_dir);
    let keys = SqliteKeysReader::open(&data_dir)
        .await
        .with_context(|| shown(&data_dir))?;
    let disk = disk::look(&data_dir, &reader, keys.as_ref()).await?;
    let held = records::held(keys.as_ref()).await?;
    let history = history::look(&reader, &data_dir, now).await?;
    let named = site.as_ref().map(|site| {
        let mut engine = site.engine_config(&data_dir);
        engine.site_key = args.site_key.config_to_run(&data_dir);
        papers::Named { site, engine }
    });
    let mut evidence = vec![disk.pictures, disk.embeddings];
    evidence.push(process::open_files(&proc, &found, &data_dir));
    evidence.push(process::egress(&proc, &found, &allowed(site.as_ref())));
    evidence.push(retention(&reader, keys.as_ref(), now).await?);
    evidence.extend(history.evidence);
    evidence.push(models(site.as_ref(), &data_dir)?);
    evidence.push(dependencies::look(args.advisories.as_deref())?);
    evidence.push(process::sandbox(&proc, &found));
    evidence.push(refusals::look(&history.refusals).await?);
    evidence.push(papers::look(&history.papers, &reader, &data_dir, named, now).await?);
    let (said, blind) = (history.records, history.blind);
    evidence.push(records::look(&reader, keys.as_ref(), &held, said, blind).await?);
    reader.close().await;
    if let Some(keys) = keys {
        keys.close().await;
    }
    let about = AuditedSite {
        at: now,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        site: history.site,
        is_running: found.is_running(),
        checkpoint: history.checkpoint,
    };
    let checks = evidence.into_iter().map(CheckLine::from).collect();
    Ok(AuditReport::new(about, checks))
}

/// A machine that the configuration names, and its addresses as far as they can be found.
#[derive(Debug)]
struct AllowedHost {
    name: String,
    addresses: Vec<IpAddr>,
}

/// The machines behind cameras, and those that are told what happens. Any port: streams come on others than the one that is
/// named.
fn allowed(site: Option<&Site>) -> Vec<AllowedHost> {
    use std::net::ToSocketAddrs as _;
    let resolve = |name: String| {
        // Brackets around an address are for URLs.
        let bare = name
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let found = (bare.as_str(), 0).to_socket_addrs();
        AllowedHost {
            addresses: found.map_or_else(|_| Vec::new(), |all| all.map(|a| a.ip()).collect()),
            name,
        }
    };
    site.map(named_hosts)
        .unwrap_or_default()
        .into_iter()
        .map(resolve)
        .collect()
}

/// Every host that a configuration names, once.
fn named_hosts(site: &Site) -> BTreeSet<String> {
    let cameras = site.cameras().iter();
    let behind = cameras.filter_map(|camera| host_of(&camera.source.to_string()));
    let told = site.outbound_hosts().into_iter().map(|(host, _)| host);
    behind.chain(told).collect()
}

/// The host of a source that is an address.
fn host_of(source: &str) -> Option<String> {
    let (_, rest) = source.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let end = match host.find(']') {
        Some(bracket) => bracket + 1,
        None => host.find(':').unwrap_or(host.len()),
    };
    Some(host[..end].to_owned()).filter(|host| !host.is_empty())
}

async fn retention(
    reader: &SqliteReader,
    keys: Option<&SqliteKeysReader>,
    now: Timestamp,
) -> Result<Evidence> {
    let allowance = i64::try_from(SWEEP_ALLOWANCE_SECS * 1_000_000).context("a few hours")?;
    let latest_end = Timestamp::from_micros(now.as_micros() - allowance);
    let mut tables = reader.overdue(latest_end).await?;
    if let Some(keys) = keys {
        tables.extend(keys.overdue(latest_end).await?);
    }
    let tables = tables
        .into_iter()
        .map(|table| TableEvidence {
            table: table.table,
            n_rows: table.n_rows,
            n_overdue: table.n_overdue,
        })
        .collect();
    Ok(Evidence::Retention {
        tables,
        endless: reader.endless_tables().await?,
        allowance_secs: SWEEP_ALLOWANCE_SECS,
    })
}

fn models(site: Option<&Site>, data_dir: &Path) -> Result<Evidence> {
    let folder: Option<PathBuf> = site
        .and_then(|site| site.engine_config(data_dir).models)
        .or_else(models::folder);
    let catalog = Catalog::open(folder.as_deref()).context("the models cannot be listed")?;
    let (mut n_models, mut unlicensed, mut altered) = (0, Vec::new(), Vec::new());
    for (entry, finding) in catalog.entries().zip(catalog.verify()) {
        match finding.state {
            FileState::NotObtained => continue,
            FileState::Good => {}
            FileState::Bad(error) if entry.check_licence().is_ok() => {
                altered.push(format!("{}: {}", entry.id, on_one_line(&error)));
            }
            FileState::Bad(_) => {}
        }
        n_models += 1;
        if let Err(error) = entry.check_licence() {
            unlicensed.push(format!("{}: {}", entry.id, on_one_line(&error)));
        }
    }
    Ok(Evidence::Models {
        n_models,
        unlicensed,
        altered,
    })
}

/// As many findings as a report lists, and how many more there are.
fn listed(mut found: Vec<String>) -> Vec<String> {
    let n_more = found.len().saturating_sub(MAX_FINDINGS);
    if n_more > 0 {
        found.truncate(MAX_FINDINGS);
        found.push(format!("and {n_more} more"));
    }
    found
}

fn in_words(report: &AuditReport) -> String {
    let running = if report.is_running {
        "running"
    } else {
        "not running"
    };
    let mut lines = vec![format!("{}, {running}", report.site)];
    for check in &report.checks {
        let (state, title) = (check.state.as_str(), check.evidence.title());
        lines.push(format!("  {state:<8} {:<22} {title}", check.evidence.id()));
        lines.extend(
            page::reasons(&check.evidence)
                .into_iter()
                .map(|r| format!("           {r}")),
        );
        lines.extend(
            check
                .remedy
                .as_ref()
                .map(|remedy| format!("           -> {remedy}")),
        );
    }
    let count = |state| report.checks.iter().filter(|c| c.state == state).count();
    lines.push(format!(
        "{} kept, {} broken, {} unknown",
        count(CheckState::Pass),
        count(CheckState::Fail),
        count(CheckState::Unknown)
    ));
    lines.push(
        "the law, row by row: what these checks say here; how far the program keeps it".to_owned(),
    );
    lines.extend(report.law.iter().map(|line| {
        let (id, state, checks) = (line.row.id(), line.state.as_str(), line.checks.join(", "));
        format!(
            "  {state:<8} {id:<32} {:<7} {checks}",
            line.standing.to_string()
        )
    }));
    lines.join("\n")
}

fn check(file: &Path, key: Option<&str>, format: ListFormat) -> Result<ExitCode> {
    let text = small_file(file)?;
    let name = shown(file);
    let (json, is_page) = match page::report_in(&text) {
        Some(json) => (json, true),
        None => (text.as_str(), false),
    };
    let signed: SignedAudit = serde_json::from_str(json)
        .with_context(|| format!("{name}: neither audit.json nor audit.html"))?;
    let expected = key.map(verifying_key).transpose()?;
    let report = match believed(&signed, expected.as_ref(), is_page.then_some(text.as_str())) {
        Ok(report) => report,
        Err(fault) => {
            complain(format_args!("error: {name}: NOT TO BE BELIEVED: {fault:#}"));
            return Ok(ExitCode::from(exit::SOME_BAD));
        }
    };
    let words = match format {
        ListFormat::Json => serde_json::to_string_pretty(&report)?,
        ListFormat::Text => format!(
            "{}\nsigned by {}; every line follows from what was found",
            in_words(&report),
            signed.key
        ),
    };
    exit::print(&words)
}

/// The report, if it holds; of a page, if the page says the same.
fn believed(
    signed: &SignedAudit,
    expected: Option<&VerifyingKey>,
    page: Option<&str>,
) -> Result<AuditReport> {
    let report = signed.verify(expected)?;
    if let Some(page) = page
        && page::page(signed, &report)? != page
    {
        bail!("the page says something else than the report in it");
    }
    Ok(report)
}

fn verifying_key(text: &str) -> Result<VerifyingKey> {
    let bytes = STANDARD.decode(text).ok();
    bytes
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
        .with_context(|| {
            format!("--key: {text:?} is no key; `regard audit check` prints that of a report")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_in_sources() {
        for (source, host) in [
            ("http://cam.example:8080/video", Some("cam.example")),
            ("rtsp://user:…@10.0.0.7/stream?x=1", Some("10.0.0.7")),
            ("ffmpeg:https://[fd00::7]:443/a", Some("[fd00::7]")),
            ("v4l2:/dev/video0?fps=30", None),
            ("push:browser", None),
            ("demo", None),
        ] {
            assert_eq!(host_of(source).as_deref(), host, "{source}");
        }
    }

    #[test]
    fn whoever_the_configuration_names_may_be_called() {
        let folder = tempfile::tempdir().unwrap();
        let args = crate::args::InitArgs {
            folder: folder.path().to_owned(),
            force: false,
        };
        crate::init::init(&args).unwrap();
        let file = folder.path().join("regard.toml");
        let mut text = std::fs::read_to_string(&file).unwrap();
        text.push_str(
            "\n[[webhook]]\nid = \"till\"\nurl = \"https://till.example:8443/x\"\nevents = [\"erased\"]\n\
             \n[mqtt]\nbroker = \"mqtt://10.0.0.9:1883\"\n\
             \n[server.tls.acme]\ndirectory = \"https://ca.example:9000/acme/directory\"\n\
             domains = [\"signage.example\"]\nhttp_port = 8088\n",
        );
        std::fs::write(&file, text).unwrap();
        let site = crate::config::load(&file).unwrap();
        let named: Vec<String> = named_hosts(&site).into_iter().collect();
        assert_eq!(named, ["10.0.0.9", "ca.example", "till.example"]);
        let data = folder.path().join("data");
        let server = site.server_config(&data, [0; 32]);
        let reach = crate::sandbox::Reach::of(&site.engine_config(&data), &server);
        let connects = reach.connects.unwrap();
        for port in [8443, 1883, 9000] {
            assert!(connects.contains(&port), "{port} in {connects:?}");
        }
        assert!(reach.listens.contains(&8088), "where the authority looks");
        assert_eq!(server.acme.unwrap().folder, data.join("acme"));
    }

    #[test]
    fn long_lists_are_counted() {
        let many: Vec<String> = (0..130).map(|i| i.to_string()).collect();
        let listed = listed(many);
        assert_eq!((listed.len(), listed[100].as_str()), (101, "and 30 more"));
    }
}
