//! `regard statistics`: what was told about people, read from the installation whether or not it runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use regard_commitments::{Date, Detail, Release, Statistic};
use regard_domain::{CameraId, ScreenId, Timestamp};
use regard_server::StatisticsBody;
use serde::Serialize;

use crate::args::{StatisticsArgs, StatisticsFormat};
use crate::exit;
use crate::ledger;
use crate::printable::shown;
use crate::whole_file::write_whole;
use crate::work::block_on;

/// Shows or exports releases. Makes none: the running program does, once a day.
pub(crate) fn statistics(args: &StatisticsArgs) -> Result<ExitCode> {
    let data = args.installation.data_dir();
    let releases = block_on(async {
        let reader = ledger::open(&data).await?;
        let first = args.day.or(Date::of(Timestamp::from_micros(0)));
        let first = first.context("the calendar has no first day")?;
        let releases = reader.releases_since(first).await;
        reader.close().await;
        releases.with_context(|| shown(&data))
    })?;
    if args.list {
        return exit::print(&list(&releases, args.format)?);
    }
    let mut meant = releases.iter().filter(|one| one.detail == args.detail);
    let found = match args.day {
        Some(day) => meant.find(|one| one.day == day),
        None => meant.next_back(),
    };
    let Some(release) = found else {
        bail!(
            "{}: {}; the running program tells a day ten minutes after its end, within the epsilon_per_day of its \
             commitments (`regard statistics --list` shows what was told)",
            shown(&data),
            match args.day {
                Some(day) => format!("nothing was told about {day} in detail {}", args.detail),
                None => format!("no day was told in detail {}", args.detail),
            }
        );
    };
    let text = match args.format {
        StatisticsFormat::Text => in_words(release),
        StatisticsFormat::Json => {
            let screens: BTreeMap<CameraId, Vec<ScreenId>> = BTreeMap::new();
            serde_json::to_string_pretty(&StatisticsBody::of(release, &screens))?
        }
        StatisticsFormat::Csv => release.to_csv().trim_end().to_owned(),
    };
    match &args.output {
        None => exit::print(&text),
        Some(file) => {
            write_whole(file, format!("{text}\n"))?;
            exit::print(&format!("wrote {}", shown(file)))
        }
    }
}

/// A release in the list.
#[derive(Serialize)]
struct Line {
    day: String,
    detail: &'static str,
    epsilon: String,
    made_at_micros: i64,
}

fn list(releases: &[Release], format: StatisticsFormat) -> Result<String> {
    let line = |release: &Release| Line {
        day: release.day.to_string(),
        detail: release.detail.as_str(),
        epsilon: release.epsilon.to_string(),
        made_at_micros: release.at.as_micros(),
    };
    let lines: Vec<Line> = releases.iter().map(line).collect();
    let rows = |separator: &str| -> Vec<String> {
        let row =
            |line: &Line| [line.day.as_str(), line.detail, line.epsilon.as_str()].join(separator);
        lines.iter().map(row).collect()
    };
    Ok(match format {
        StatisticsFormat::Json => serde_json::to_string_pretty(&lines)?,
        StatisticsFormat::Text if lines.is_empty() => "no day was told yet".to_owned(),
        StatisticsFormat::Text => rows("  ").join("\n"),
        StatisticsFormat::Csv => {
            let mut text = vec!["day,detail,epsilon".to_owned()];
            text.extend(rows(","));
            text.join("\n")
        }
    })
}

/// A table for a terminal, and what its numbers are worth.
fn in_words(release: &Release) -> String {
    let margin = |statistic: Statistic| {
        let mut levels = release.noise.iter();
        let level = levels.find(|level| level.statistic == statistic);
        level.map_or(0, |level| level.margin_95)
    };
    let mut text = format!(
        "{}, {}: epsilon {}, delta 0, for one visit more or less\n{:<16} {:>4} {:>8} {:>8} {:>8} {:>10} {:>10}\n",
        release.day,
        match release.detail {
            Detail::Day => "the whole day",
            Detail::Hours => "hour by hour",
        },
        release.epsilon,
        "camera",
        "hour",
        "visits",
        "lookers",
        "looks",
        "looked s",
        "stayed s"
    );
    let secs = |millis: u64| millis as f64 / 1e3;
    for cell in &release.cells {
        let hour = cell
            .hour
            .map_or_else(|| "all".to_owned(), |hour| hour.to_string());
        // Writing to a string cannot fail.
        let _ = match &cell.sums {
            Some(sums) => writeln!(
                text,
                "{:<16} {hour:>4} {:>8} {:>8} {:>8} {:>10.1} {:>10.1}",
                cell.camera.as_str(),
                sums.visits,
                sums.lookers,
                sums.looks,
                secs(sums.mean_attention_millis),
                secs(sums.mean_dwell_millis)
            ),
            None => writeln!(
                text,
                "{:<16} {hour:>4}  too few to tell",
                cell.camera.as_str()
            ),
        };
    }
    let _ = write!(
        text,
        "Noise, in 95 of 100 cells at most: visits {}, lookers {}, looks {}. looked, stayed: seconds a visit.",
        margin(Statistic::Visits),
        margin(Statistic::Lookers),
        margin(Statistic::Looks)
    );
    text
}
