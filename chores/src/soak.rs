//! `cargo xtask soak`: the release program for a long time, and what becomes of its memory.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use regard_testkit::wall::{FaceWall, WALL_FPS};

use xtask::run::release_binary;

/// How often memory is sampled.
const SAMPLE_EVERY: Duration = Duration::from_secs(10);

/// Samples that make a line of the table: two minutes.
const WINDOW_LEN: usize = 12;

/// Bounds of resident memory, in MB (10⁶ bytes). Origin: the promise of the design.
const MAX_DEMO_MB: f64 = 150.0;
const MAX_FULL_HD_MB: f64 = 250.0;

/// Steepest rise over the last three quarters of the run, in MB an hour. Origin: what the store's cache
/// and the allocator's arenas still move in 20 minutes; a leak of one frame of 640 x 480 a minute
/// would be 55.
const MAX_SLOPE_MB_PER_HOUR: f64 = 20.0;

/// Longest time a page of the program is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How to soak.
#[derive(Args, Clone, Debug)]
pub(crate) struct SoakArgs {
    /// How long, in minutes.
    #[arg(long, default_value_t = 20.0)]
    pub(crate) minutes: f64,
    /// What plays: `demo`, the clip of the program; `1080p`, a clip of five faces made for this run; or
    /// a source as in the configuration.
    #[arg(long, default_value = "demo")]
    pub(crate) source: String,
    /// Fail when memory exceeds 150 MB (demo) or 250 MB (others), or still rises.
    #[arg(long)]
    pub(crate) check: bool,
}

/// A running program; it ends with us.
struct Program {
    child: Child,
    address: String,
}

impl Program {
    fn start(binary: &Path, arguments: &[String]) -> Result<Self> {
        let mut child = Command::new(binary)
            .args(["demo", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} could not be started", binary.display()))?;
        let mut output = BufReader::new(child.stdout.take().context("standard output")?);
        let mut first = String::new();
        let read = output.read_line(&mut first);
        // What follows is a short introduction; the program must not wait for somebody to read it.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        let mut program = Self {
            child,
            address: String::new(),
        };
        read.context("the program's first line")?;
        let address = first.trim().strip_prefix("listening on http://");
        program.address = address
            .with_context(|| format!("the program's first line was {first:?}"))?
            .to_owned();
        Ok(program)
    }

    /// Resident memory in MB; an error when the program has ended.
    fn resident_mb(&mut self) -> Result<f64> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the program ended by itself ({status})");
        }
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        let kib = line.and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok());
        Ok(kib.with_context(|| format!("{path} has no VmRSS"))? * 1024.0 / 1e6)
    }

    /// One counter of the metrics page, all labels together.
    fn counter(&self, name: &str) -> Result<f64> {
        let mut stream = TcpStream::connect(&self.address).context("the metrics page")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let host = &self.address;
        write!(
            stream,
            "GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )?;
        let mut page = String::new();
        stream.read_to_string(&mut page)?;
        let value = |line: &str| line.rsplit(' ').next()?.trim().parse::<f64>().ok();
        let of_name = page.lines().filter(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|r| r.starts_with(' ') || r.starts_with('{'))
        });
        let values: Vec<f64> = of_name.filter_map(value).collect();
        ensure!(!values.is_empty(), "the metrics page has no {name}");
        Ok(values.iter().sum())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Asked first, so that it removes its temporary folder.
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status();
        if !asked.is_ok_and(|s| s.success()) {
            let _ = self.child.kill();
        }
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file that goes with us.
struct TemporaryClip(PathBuf);

impl Drop for TemporaryClip {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The option of the program, the bound in MB, and the clip when one was made.
fn source(name: &str) -> Result<(Vec<String>, f64, Option<TemporaryClip>)> {
    let option = |source: String| vec!["--source".to_owned(), source];
    match name {
        "demo" => Ok((Vec::new(), MAX_DEMO_MB, None)),
        "1080p" => {
            let file = format!("regard-soak-{}.mjpeg", std::process::id());
            let clip = TemporaryClip(std::env::temp_dir().join(file));
            FaceWall::full_hd(5)
                .write(&clip.0)
                .with_context(|| format!("{}", clip.0.display()))?;
            let source = format!("clip:{}?fps={WALL_FPS}&loop", clip.0.display());
            Ok((option(source), MAX_FULL_HD_MB, Some(clip)))
        }
        other => Ok((option(other.to_owned()), MAX_FULL_HD_MB, None)),
    }
}

/// Lets the release program run, samples its memory, prints it, and fails where `check` says so.
///
/// # Errors
/// When the program cannot be built or started, ends by itself, analyses nothing, or a bound is lost.
pub(crate) fn soak(args: &SoakArgs) -> Result<()> {
    let wanted = args.minutes * 60.0;
    ensure!(
        wanted.is_finite() && wanted >= 2.0 * SAMPLE_EVERY.as_secs_f64(),
        "--minutes {}: at least half a minute, for two samples",
        args.minutes
    );
    let binary = release_binary("regard-cli", "regard")?;
    let (arguments, max_mb, clip) = source(&args.source)?;
    let mut program = Program::start(&binary, &arguments)?;
    println!("soak: {} for {} minutes", args.source, args.minutes);
    let began = Instant::now();
    let mut samples: Vec<(f64, f64)> = Vec::new();
    while began.elapsed().as_secs_f64() < wanted {
        std::thread::sleep(SAMPLE_EVERY);
        samples.push((began.elapsed().as_secs_f64(), program.resident_mb()?));
        if samples.len().is_multiple_of(WINDOW_LEN) {
            print_window(&samples[samples.len() - WINDOW_LEN..]);
        }
    }
    let rest = samples.len() % WINDOW_LEN;
    if rest > 0 {
        print_window(&samples[samples.len() - rest..]);
    }
    let frames = program.counter("regard_frames_total")?;
    let dropped = program.counter("regard_frames_dropped_total")?;
    let changes = program.counter("regard_frame_to_screen_seconds_count")?;
    drop((program, clip));
    let max = samples.iter().map(|s| s.1).fold(0.0, f64::max);
    let slope = slope_per_hour(&samples[samples.len() / 4..]);
    println!("frames {frames}, dropped {dropped}, changes on the screen {changes}");
    println!("maximum {max:.1} MB, slope of the last three quarters {slope:+.1} MB an hour");
    ensure!(frames > dropped, "no frame was analysed");
    if dropped * 2.0 > frames {
        println!(
            "more than half of the frames were dropped: on so busy a machine this says little"
        );
    }
    if args.check {
        ensure!(max <= max_mb, "{max:.1} MB is above {max_mb} MB");
        ensure!(
            slope <= MAX_SLOPE_MB_PER_HOUR,
            "memory rises by {slope:.1} MB an hour, above {MAX_SLOPE_MB_PER_HOUR}"
        );
    }
    Ok(())
}

fn print_window(window: &[(f64, f64)]) {
    let mut mb: Vec<f64> = window.iter().map(|s| s.1).collect();
    mb.sort_by(f64::total_cmp);
    let minutes = window.last().map_or(0.0, |s| s.0) / 60.0;
    println!(
        "  until minute {minutes:5.1}: min {:6.1}  median {:6.1}  max {:6.1} MB",
        mb[0],
        mb[mb.len() / 2],
        mb[mb.len() - 1]
    );
}

/// Median of the slopes between all pairs of samples (Theil and Sen), per hour: one jump of the
/// allocator does not make a trend. 0 for fewer than two samples.
fn slope_per_hour(samples: &[(f64, f64)]) -> f64 {
    let mut slopes = Vec::new();
    for (i, a) in samples.iter().enumerate() {
        slopes.extend(samples[i + 1..].iter().map(|b| (b.1 - a.1) / (b.0 - a.0)));
    }
    slopes.sort_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).map_or(0.0, |s| s * 3_600.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_is_told_from_a_jump() {
        let samples = |f: &dyn Fn(f64) -> f64| -> Vec<(f64, f64)> {
            (0..90)
                .map(|i| f64::from(i) * 10.0)
                .map(|t| (t, f(t)))
                .collect()
        };
        let leak = samples(&|t| 100.0 + t / 60.0);
        assert!((slope_per_hour(&leak) - 60.0).abs() < 1e-6);
        let jump = samples(&|t| if t < 100.0 { 100.0 } else { 110.0 });
        assert_eq!(slope_per_hour(&jump), 0.0);
        assert_eq!(slope_per_hour(&[(0.0, 1.0)]), 0.0);
    }

    #[test]
    fn bounds_go_with_the_source() {
        let (arguments, max_mb, _) = source("demo").unwrap();
        assert_eq!((arguments.len(), max_mb), (0, MAX_DEMO_MB));
        let (arguments, max_mb, _) = source("clip:a.mjpeg").unwrap();
        assert_eq!(
            (arguments[1].as_str(), max_mb),
            ("clip:a.mjpeg", MAX_FULL_HD_MB)
        );
    }
}
