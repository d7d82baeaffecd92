//! `regard timeline`: what faces in a video do over time.

mod curves;
mod micro;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use regard_reports::Timeline;

use self::micro::{MicroAnswer, look_for_micro};
use self::watch::{Watcher, watch};
use crate::args::TimelineArgs;
use crate::exit;
use crate::printable::{shown, source_text};
use crate::speech::{complain, say};
use crate::whole_file::write_whole;

/// Looks at a video and writes what its faces do.
pub(crate) fn timeline(args: &TimelineArgs) -> Result<ExitCode> {
    let page = args
        .output
        .clone()
        .unwrap_or_else(|| default_page(&args.video));
    let outputs = [
        Some(&page),
        args.csv.as_ref(),
        args.events.as_ref(),
        args.svg.as_ref(),
    ];
    for output in outputs.into_iter().flatten() {
        if is_same_file(output, &args.video) {
            bail!("{} is the video; write to another file", shown(output));
        }
    }
    let mut watcher = Watcher::new()?;
    let watched = watch(args, &mut watcher)?;
    let answer = args
        .micro
        .then(|| look_for_micro(args, &watched, &mut watcher));
    let mut timeline = Timeline {
        title: source_text(&args.video),
        video: address(&args.video, &page),
        secs: watched.secs,
        tracks: watched.tracks.iter().filter_map(curves::track).collect(),
        notes: curves::notes(&watched),
        mesh: watched.mesh_used.ids().to_owned(),
    };
    let mut code = ExitCode::SUCCESS;
    match answer {
        None => {}
        Some(Ok(MicroAnswer::Found(found))) => curves::add_micro(&mut timeline, &found),
        Some(Ok(MicroAnswer::Nothing(why))) => timeline.notes.push(why),
        // What was seen of slower movements is not lost.
        Some(Err(error)) => {
            complain(format_args!("error: {error:#}"));
            timeline
                .notes
                .push("Movements of a fraction of a second could not be looked for.".to_owned());
            code = ExitCode::from(exit::SOME_BAD);
        }
        Some(Ok(MicroAnswer::Refused(refusal))) => {
            complain(format_args!(
                "refused: {}: {}; {}",
                refusal.code, refusal.reason, refusal.remedy
            ));
            timeline.notes.push(format!(
                "Movements of a fraction of a second were not looked for: {} ({}). Slower movements are above.",
                refusal.reason, refusal.code
            ));
            code = ExitCode::from(exit::SOME_BAD);
        }
    }
    for problem in &watched.problems {
        complain(format_args!("error: {}: {problem}", shown(&args.video)));
        code = ExitCode::from(exit::SOME_BAD);
    }
    write(args, &page, &timeline)?;
    tell(&page, &timeline);
    Ok(code)
}

fn write(args: &TimelineArgs, page: &Path, timeline: &Timeline) -> Result<()> {
    write_whole(page, timeline.to_html())?;
    if let Some(file) = &args.csv {
        write_whole(file, timeline.to_csv())?;
    }
    if let Some(file) = &args.events {
        write_whole(file, timeline.events_to_csv())?;
    }
    if let Some(file) = &args.svg {
        write_whole(file, timeline.to_svg())?;
    }
    Ok(())
}

fn tell(page: &Path, timeline: &Timeline) {
    say(format_args!("points of faces by {}", timeline.mesh));
    for track in &timeline.tracks {
        let count = |kind: &str| track.events.iter().filter(|e| e.kind == kind).count();
        let mut line = format!(
            "{}: {} movements, {} smiles",
            track.name,
            count("movement"),
            count("smile")
        );
        if track.events.iter().any(|e| e.kind == "micro_movement") {
            line.push_str(&format!(
                ", {} within half a second",
                count("micro_movement")
            ));
        }
        say(line);
    }
    if timeline.tracks.is_empty() {
        say("no face was seen for long enough to draw a curve");
    }
    say(format_args!("wrote {}", shown(page)));
}

fn default_page(video: &Path) -> PathBuf {
    let mut name = video.file_name().unwrap_or_default().to_owned();
    name.push(".timeline.html");
    PathBuf::from(name)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    match (std::fs::canonicalize(one), std::fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// Endings of videos that browsers play.
const PLAYED: [&str; 6] = ["mp4", "m4v", "webm", "mov", "ogv", "mkv"];

/// The video as a page that lies there asks for it: by its name where it lies beside, else by its whole path. Nothing where browsers
/// do not play its kind.
fn address(video: &Path, page: &Path) -> Option<String> {
    let ending = video.extension()?.to_string_lossy().to_ascii_lowercase();
    if !PLAYED.contains(&ending.as_str()) {
        return None;
    }
    let video = std::fs::canonicalize(video).ok()?;
    let folder = match page.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let folder = std::fs::canonicalize(folder).ok();
    if folder.is_some() && folder.as_deref() == video.parent() {
        return Some(encoded(&video.file_name()?.to_string_lossy()));
    }
    let path = encoded(&video.to_string_lossy());
    Some(format!("file://{path}"))
}

/// A path as an address takes it.
fn encoded(path: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
    path.bytes().fold(String::new(), |mut out, b| {
        if is_plain(b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
        out
    })
}

/// A token on the first line of a file.
fn token_in(file: &Path) -> Result<String> {
    crate::remote::secret_in(file).context("the participant's token")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_video_beside_its_page_is_called_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let video = folder.path().join("a film #1.mp4");
        std::fs::write(&video, "").unwrap();
        let beside = address(&video, &folder.path().join("out.html"));
        assert_eq!(beside.as_deref(), Some("a%20film%20%231.mp4"));
        let elsewhere = address(&video, Path::new("/nowhere/out.html")).unwrap();
        assert!(elsewhere.starts_with("file:///") && elsewhere.ends_with("/a%20film%20%231.mp4"));
        let unplayed = folder.path().join("clip.mjpeg");
        std::fs::write(&unplayed, "").unwrap();
        assert_eq!(address(&unplayed, Path::new("x.html")), None);
        assert_eq!(
            default_page(Path::new("d/film.mp4")),
            Path::new("film.mp4.timeline.html")
        );
        assert!(is_same_file(&video, &video) && !is_same_file(&video, &unplayed));
    }
}
