//! `regard report` and `regard proof-of-play`.

mod columns;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use regard_backends::{Play, SqliteReader};
use regard_commitments::{Commitments, Date, Detail, NoteSigner, ledger_origin};
use regard_domain::Timestamp;
use regard_reports::{DoohScreen, PlayTable, openrtb, prove_plays, verify_plays};
use regard_server::{in_words, play_records, report_plays};

use crate::args::{ProofOfPlayCommand, ReportArgs, ReportFormat, SpanArgs};
use crate::exit;
use crate::ledger;
use crate::printable::shown;
use crate::site::load_site;
use crate::speech::complain;
use crate::whole_file::write_whole;
use crate::work::block_on;

/// Largest record read, in bytes: four million plays.
const MAX_PROOF_BYTES: u64 = 2 << 30;

fn span(args: &SpanArgs) -> std::ops::Range<Timestamp> {
    let first = args.from.unwrap_or(Timestamp::from_micros(0));
    // Later than any play.
    let last = args.to.unwrap_or(Timestamp::from_micros(i64::MAX / 2));
    first..last
}

/// Writes a report.
pub(crate) fn report(args: &ReportArgs) -> Result<ExitCode> {
    let data = args.installation.data_dir();
    let during = span(&args.span);
    let (plays, decisions, outcomes, site) = block_on(async {
        let reader = ledger::open(&data).await?;
        let plays = reader.plays_since(None, during.start).await;
        let decisions = reader.decisions_since(during.start).await;
        let outcomes = reader.outcomes_since(during.start).await;
        let site = promised(&reader).await;
        reader.close().await;
        let told = || shown(&data);
        Ok((
            plays.with_context(told)?,
            decisions.with_context(told)?,
            outcomes.with_context(told)?,
            site?.site.name,
        ))
    })?;
    let rows = report_plays(&plays, &decisions, &outcomes, &during);
    let first = plays
        .iter()
        .map(|play| play.start.at)
        .find(|at| during.contains(at));
    let last = plays
        .iter()
        .rev()
        .map(|play| play.start.at)
        .find(|at| during.contains(at));
    let (Some(first), Some(last)) = (first, last) else {
        bail!("{}: no play of that time is kept", shown(&data));
    };
    let words = (
        in_words(args.span.from.unwrap_or(first)),
        in_words(args.span.to.unwrap_or(last)),
    );
    let mut table = PlayTable::new(&rows, args.by, words);
    if !args.people {
        table = table.without_people();
    }
    let bytes = match args.format {
        ReportFormat::Json => serde_json::to_vec_pretty(&table)?,
        ReportFormat::Csv => table.to_csv().into_bytes(),
        ReportFormat::Parquet => columns::parquet_of(&table)?,
        ReportFormat::Html => table.to_html(&site).into_bytes(),
        ReportFormat::Svg => table.to_svg().into_bytes(),
        ReportFormat::Pdf => table.to_pdf(&site).map_err(|why| anyhow::anyhow!(why))?,
    };
    match &args.output {
        Some(file) => {
            write_whole(file, bytes)?;
            exit::print(&format!("wrote {}", shown(file)))
        }
        None if matches!(args.format, ReportFormat::Pdf | ReportFormat::Parquet) => {
            bail!("a PDF or Parquet is written to a file: name it with --output")
        }
        None => exit::print(String::from_utf8(bytes)?.trim_end()),
    }
}

/// What the site promised last.
async fn promised(reader: &SqliteReader) -> Result<Commitments> {
    let signed = reader.latest_commitments().await?;
    let signed = signed.context("there are no commitments yet; start the installation once")?;
    serde_json::from_str(&signed.document).context("the commitments are damaged")
}

/// Writes or checks proof of play.
pub(crate) fn proof_of_play(command: &ProofOfPlayCommand) -> Result<ExitCode> {
    match command {
        ProofOfPlayCommand::Export {
            span,
            after,
            output,
            installation,
        } => export(
            span,
            after.as_deref(),
            output.as_deref(),
            &installation.data_dir(),
        ),
        ProofOfPlayCommand::Verify { file, key, after } => verify(file, key, after.as_deref()),
        ProofOfPlayCommand::Openrtb {
            day,
            venues,
            play_secs,
            config,
            installation,
        } => offer(*day, venues, *play_secs, config, &installation.data_dir()),
    }
}

fn export(
    args: &SpanArgs,
    after: Option<&Path>,
    output: Option<&Path>,
    data: &Path,
) -> Result<ExitCode> {
    let mut during = span(args);
    let (plays, site) = block_on(async {
        let reader = ledger::open(data).await?;
        let plays = reader.plays_since(None, during.start).await;
        let promised = promised(&reader).await;
        reader.close().await;
        let plays = plays.with_context(|| shown(data))?;
        Ok::<_, anyhow::Error>((plays, promised?.site.id))
    })?;
    let signer = NoteSigner::new(ledger_origin(&site), ledger::site_keys(data)?.ledger_key())?;
    let before = match after {
        None => None,
        Some(file) => {
            let before =
                verify_plays(&read(file)?, &signer.verifier()).with_context(|| shown(file))?;
            ensure!(
                before.site == site.as_str(),
                "{}: of another site",
                shown(file)
            );
            if let (None, Some(last)) = (args.from, before.plays.last()) {
                during.start = Timestamp::from_micros(last.began_at_micros + 1);
            }
            Some(before.last)
        }
    };
    let records = play_records(&plays, &during);
    let text = prove_plays(site.as_str(), &records, before.as_deref(), &signer)?;
    match output {
        Some(file) => {
            write_whole(file, text)?;
            exit::print(&format!("wrote {} plays to {}", records.len(), shown(file)))
        }
        None => exit::print(text.trim_end()),
    }
}

fn read(file: &Path) -> Result<String> {
    let bytes = fs::metadata(file).with_context(|| shown(file))?.len();
    ensure!(
        bytes <= MAX_PROOF_BYTES,
        "{}: longer than {MAX_PROOF_BYTES} bytes",
        shown(file)
    );
    fs::read_to_string(file).with_context(|| shown(file))
}

fn verify(file: &Path, key: &str, after: Option<&Path>) -> Result<ExitCode> {
    let key = ledger::verifier(key)?;
    let text = read(file)?;
    let bad = |file: &Path, why: &dyn std::fmt::Display| {
        complain(format_args!("error: {}: {why}", shown(file)));
        Ok(ExitCode::from(exit::SOME_BAD))
    };
    let proof = match verify_plays(&text, &key) {
        Ok(proof) => proof,
        Err(fault) => return bad(file, &fault),
    };
    if let Some(before) = after {
        match verify_plays(&read(before)?, &key) {
            Err(fault) => return bad(before, &fault),
            Ok(before) if before.last != proof.after => {
                return bad(file, &"it does not go on from the other");
            }
            Ok(_) => {}
        }
    }
    let millis: u64 = proof.plays.iter().map(|play| play.shown_millis).sum();
    exit::print(&format!(
        "good: {} plays of {}, {:.0} seconds on the glass",
        proof.plays.len(),
        proof.site,
        millis as f64 / 1e3
    ))
}

fn offer(
    day: Option<Date>,
    venues: &[String],
    play_secs: u32,
    config: &Path,
    data: &Path,
) -> Result<ExitCode> {
    let site = load_site(config)?;
    let (releases, plays) = block_on(async {
        let reader = ledger::open(data).await?;
        let first = day.or(Date::of(Timestamp::from_micros(0)));
        let first = first.context("the calendar has no first day")?;
        let releases = reader.releases_since(first).await;
        let plays = reader.plays_since(None, Timestamp::from_micros(0)).await;
        reader.close().await;
        Ok((
            releases.with_context(|| shown(data))?,
            plays.with_context(|| shown(data))?,
        ))
    })?;
    let mut told = releases.iter().filter(|one| one.detail == Detail::Day);
    let release = match day {
        Some(day) => told.find(|one| one.day == day),
        None => told.next_back(),
    };
    let Some(release) = release else {
        bail!(
            "{}: nothing was told about that day; `regard statistics --list` shows what was",
            shown(data)
        );
    };
    let calendar = regard_engine::Calendar::new(site.engine_config(data).time_zone.as_deref())?;
    let span = calendar
        .span_of(release.day)
        .context("that day is not in the calendar")?;
    let screens: Vec<DoohScreen> = site
        .screens()
        .into_iter()
        .map(|screen| {
            let is_of_it =
                |play: &&Play| play.start.screen == screen.screen && span.contains(&play.start.at);
            let of_it = plays.iter().filter(is_of_it);
            let slots: BTreeSet<_> = of_it.clone().map(|play| &play.start.slot).collect();
            DoohScreen {
                n_plays: of_it.count().div_ceil(slots.len().max(1)) as u64,
                id: screen.screen.to_string(),
                venue_types: venues.to_vec(),
                play_secs,
                camera: screen.camera.map(|camera| camera.to_string()),
            }
        })
        .collect();
    let id = site.commitments().site.id.to_string();
    exit::print(&openrtb(&id, release, &screens)?)
}
