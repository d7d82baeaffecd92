//! `regard doctor --camera`: what a camera really delivers, and what may be claimed of it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use regard_commitments::{
    CameraSetup, Commitments, Grant, LONGEST_MOVEMENT, LibraryDeclaration, MeasuredRate,
    MovementClaim, Profile, SHORTEST_MOVEMENT, Scope, Scopes, Sensing, SensingGate, SiteKeys,
    Zeroizing, ask_library,
};
use regard_domain::{CameraId, Clock, ScreenId, Timestamp};
use regard_engine::{SystemClock, notice_text};
use regard_vision::{
    CameraCheck, Flicker, FrameTrace, OpenOptions, Pace, PixelPool, SourceError, SourceSpec,
    VideoKind, VideoOptions, WantedSize, check_camera, decode_frame, open_source, open_video,
    picture_of,
};
use serde::Serialize;
use serde_json::json;

use crate::args::{DoctorArgs, ListFormat};
use crate::exit;
use crate::run::random_key;
use crate::speech::complain;

/// Most frames that are measured: a minute of a fast camera.
const MAX_FRAMES: usize = 20_000;

/// Longest pause before the first frame, in which a camera sets itself to the light; left out of the measurement.
const SETTLING: Duration = Duration::from_millis(500);

/// What was taken of a source.
struct Taken {
    traces: Vec<FrameTrace>,
    times: Vec<Timestamp>,
    n_bad: u64,
    /// Frames that came while another was looked at, and were passed over for a newer one: this machine's doing, not the camera's.
    n_passed_over: u64,
    /// The running number that the next frame of the source should have.
    next_index: Option<u64>,
    /// Whether the times are those of the frames, or those that a file says.
    is_live: bool,
}

impl Taken {
    const fn new(is_live: bool) -> Self {
        Self {
            traces: Vec::new(),
            times: Vec::new(),
            n_bad: 0,
            n_passed_over: 0,
            next_index: None,
            is_live,
        }
    }

    /// Counts the frames between the last one and that of this number.
    fn number(&mut self, index: u64, n_bad_since: u64) {
        if let Some(expected) = self.next_index {
            self.n_passed_over += index.saturating_sub(expected).saturating_sub(n_bad_since);
        }
        self.next_index = Some(index + 1);
    }

    fn push(&mut self, trace: FrameTrace, at: Timestamp) {
        // Two frames of one time, as some containers have them, are one that was given twice.
        if self.times.last().is_none_or(|last| at > *last) {
            self.traces.push(trace);
            self.times.push(at);
        } else {
            self.n_bad += 1;
        }
    }
}

/// Measures the source that was named, and says what it is good for.
pub(super) fn camera(args: &DoctorArgs, named: &str) -> Result<ExitCode> {
    let span = Duration::from_secs_f64(args.seconds);
    let path = Path::new(named);
    let taken = if path.is_file() {
        from_file(path, span)?
    } else {
        let text = if path.starts_with("/dev") {
            format!("v4l2:{named}")
        } else {
            named.to_owned()
        };
        let spec: SourceSpec = text
            .parse()
            .with_context(|| format!("{named:?} is neither a file nor a source"))?;
        from_source(&spec, span)?
    };
    let check = check_camera(&taken.traces).with_context(|| {
        format!(
            "{} frames came; at least 30 one after the other are measured: name a longer clip, or --seconds",
            taken.traces.len()
        )
    })?;
    let advice = Advice::of(&check, &taken);
    let text = match args.format {
        ListFormat::Json => serde_json::to_string_pretty(&as_json(&check, &taken, &advice))?,
        ListFormat::Text => as_text(&check, &taken, &advice),
    };
    exit::print(&text)
}

/// A recording, whose times are those of its container.
fn from_file(path: &Path, span: Duration) -> Result<Taken> {
    let kind = VideoKind::sniff(path).context("it cannot be read")?;
    if kind.is_none() {
        bail!("{} is no video; name one, or a camera", path.display());
    }
    let mut taken = Taken::new(false);
    let pool = PixelPool::new();
    for frame in open_video(path, &VideoOptions::default())? {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) if error.is_passing() => {
                taken.n_bad += 1;
                continue;
            }
            Err(error) => {
                complain(format_args!("warning: {error}; measured until there"));
                break;
            }
        };
        if frame.time_secs > span.as_secs_f64() || taken.traces.len() >= MAX_FRAMES {
            break;
        }
        let at = Timestamp::from_micros((frame.time_secs * 1e6).round() as i64);
        match picture_of(frame, &pool) {
            Ok(picture) => taken.push(FrameTrace::of(picture.view(), at), at),
            Err(_) => taken.n_bad += 1,
        }
    }
    Ok(taken)
}

/// Leave to look through a camera for its own sake: this terminal carries the notice, and says so as any screen has to.
///
/// # Privacy
/// Profile `lab`: the camera of whoever types the command, on their own premises. The scope is `count`, and not even that is
/// used: of each frame thirty-two numbers are kept until the command ends, and nothing is written anywhere. As there is no
/// installation there is no ledger; the notice on the terminal is what is told.
struct Leave {
    gate: RefCell<SensingGate>,
    clock: SystemClock,
    camera: CameraId,
    screen: ScreenId,
}

impl Leave {
    fn new() -> Result<Self> {
        let keys = SiteKeys::from_seed(Zeroizing::new(random_key()?));
        let key = keys.commitments_key();
        let promised = Commitments::demo()
            .sign(&key)
            .verify(&key.verifying_key())
            .context("the promises of this command")?;
        let mut gate = SensingGate::new(promised, Profile::named("lab")?)?;
        let (camera, screen) = (CameraId::new("doctor")?, ScreenId::new("terminal")?);
        gate.register(CameraSetup {
            camera: camera.clone(),
            screens: BTreeSet::from([screen.clone()]),
            masks_staff_zones: false,
        });
        complain(notice_text(gate.notice()).trim_end());
        Ok(Self {
            gate: RefCell::new(gate),
            clock: SystemClock::new(),
            camera,
            screen,
        })
    }

    /// The time; whoever asks for it is told that the notice still stands on the terminal.
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        let mut gate = self.gate.borrow_mut();
        let notice = gate.notice_hash();
        gate.heartbeat(&self.screen, notice, now);
        now
    }

    fn ask(&self) -> Result<Grant<Sensing>> {
        let now = self.now();
        let wanted = Scopes::NONE.with(Scope::Count);
        let ruled = self.gate.borrow_mut().ask(&self.camera, wanted, now);
        let answer = ruled.outcome.into_result();
        answer.map_err(|refusal| anyhow::anyhow!("refused: {refusal}"))
    }
}

/// Whether a source looks at what happens now.
const fn is_live(spec: &SourceSpec) -> bool {
    !matches!(
        spec,
        SourceSpec::Folder(_) | SourceSpec::Clip(_) | SourceSpec::Demo
    )
}

fn from_source(spec: &SourceSpec, span: Duration) -> Result<Taken> {
    let is_live = is_live(spec);
    let leave = is_live.then(Leave::new).transpose()?;
    let grant = match &leave {
        Some(leave) => leave.ask()?,
        None => {
            let declared = LibraryDeclaration::own_media(CameraId::new("doctor")?);
            let answer = ask_library(&declared).into_result();
            answer.map_err(|refusal| anyhow::anyhow!("refused: {refusal}"))?
        }
    };
    let clock = SystemClock::new();
    let now = || leave.as_ref().map_or_else(|| clock.now(), Leave::now);
    let options = OpenOptions {
        pace: Pace::AsFast,
        ..OpenOptions::default()
    };
    let mut source = open_source(spec, &grant, &options)?;
    let mut taken = Taken::new(is_live);
    let pool = PixelPool::new();
    let mut first: Option<Timestamp> = None;
    let mut n_bad_since = 0;
    loop {
        let raw = match source.next(&now) {
            Ok(raw) => raw,
            Err(SourceError::BadFrame { .. }) => {
                taken.n_bad += 1;
                n_bad_since += 1;
                continue;
            }
            Err(SourceError::Ended) => break,
            Err(error) if taken.traces.is_empty() => return Err(error.into()),
            Err(error) => {
                complain(format_args!("warning: {error}; measured until there"));
                break;
            }
        };
        let at = raw.captured_at;
        let settling = if is_live { SETTLING } else { Duration::ZERO };
        let begun = first.get_or_insert(at).plus(settling);
        if at < begun {
            continue;
        }
        if at > begun.plus(span) || taken.traces.len() >= MAX_FRAMES {
            break;
        }
        taken.number(raw.index, std::mem::take(&mut n_bad_since));
        match decode_frame(&raw, WantedSize::Whole, &pool) {
            Ok(frame) => taken.push(FrameTrace::of(frame.view(), at), at),
            Err(_) => taken.n_bad += 1,
        }
    }
    Ok(taken)
}

/// What follows from what was measured.
#[derive(Serialize)]
struct Advice {
    /// Frames a second that can be counted on: 95 % of the gaps are no longer.
    counted_on_hz: Option<f64>,
    /// The shortest movement of a face that may be claimed at that rate, in milliseconds; nothing where no micro-expression may.
    shortest_movement_millis: Option<u64>,
    /// Why not, in the words of the gate.
    refusal: Option<String>,
    /// What to change.
    remedies: Vec<String>,
}

impl Advice {
    fn of(check: &CameraCheck, taken: &Taken) -> Self {
        let rate = MeasuredRate::of(&taken.times);
        let shortest = rate.and_then(shortest_claim);
        let refusal = rate.and_then(|rate| MovementClaim::ALL.check(rate).err());
        let mut remedies = Vec::new();
        for found in &check.flicker {
            match found {
                Flicker::Seen { mains, .. } => {
                    let light = mains.hz() * 2;
                    remedies.push(format!(
                        "the light flickers {light} times a second: set the exposure to 1/{light} s or a multiple of it (1/{} s), \
                         set the camera's power line frequency to {} Hz, or light with daylight or lamps that do not flicker",
                        mains.hz(),
                        mains.hz()
                    ));
                }
                Flicker::Hidden(mains) => remedies.push(format!(
                    "light of {} Hz mains stands still at this rate and cannot be measured; measure for longer (--seconds), or at a rate that is no divisor of {}",
                    mains.hz(),
                    mains.hz() * 2
                )),
                Flicker::None => {}
            }
        }
        let pace = &check.pace;
        let n_lost = pace.n_dropped + pace.n_duplicates;
        if n_lost * 100 > pace.n_frames {
            remedies.push(
                "frames are missing or doubled: use MJPEG instead of YUYV, a port of its own, a smaller picture, or more light, \
                 for many cameras halve their rate in the dark"
                    .to_owned(),
            );
        }
        if refusal.is_some() {
            remedies.push(
                "for every micro-expression 75 frames a second are needed: a camera that gives them, with exposures below 1/75 s \
                 and so much light"
                    .to_owned(),
            );
        }
        Self {
            counted_on_hz: rate.map(|rate| round(rate.frames_per_sec(), 2)),
            shortest_movement_millis: shortest,
            refusal: refusal.map(|refusal| refusal.to_string()),
            remedies,
        }
    }
}

/// The shortest movement that may be claimed, to whole milliseconds.
fn shortest_claim(rate: MeasuredRate) -> Option<u64> {
    let (shortest, longest) = (SHORTEST_MOVEMENT.as_millis(), LONGEST_MOVEMENT.as_millis());
    (shortest..=longest)
        .filter_map(|millis| u64::try_from(millis).ok())
        .find(|millis| {
            MovementClaim::from(Duration::from_millis(*millis))
                .is_some_and(|claim| claim.check(rate).is_ok())
        })
}

fn round(value: f64, digits: i32) -> f64 {
    let unit = 10_f64.powi(digits);
    (value * unit).round() / unit
}

fn as_json(check: &CameraCheck, taken: &Taken, advice: &Advice) -> serde_json::Value {
    let pace = &check.pace;
    let flicker: Vec<serde_json::Value> = check
        .flicker
        .iter()
        .zip([50, 60])
        .map(|(found, mains_hz)| match found {
            Flicker::None => json!({"mains_hz": mains_hz, "state": "none"}),
            Flicker::Hidden(_) => json!({"mains_hz": mains_hz, "state": "hidden"}),
            Flicker::Seen {
                depth_ratio,
                chance,
                readout_millis,
                ..
            } => json!({
                "mains_hz": mains_hz, "state": "seen", "depth_ratio": round(*depth_ratio, 4), "chance": chance,
                "readout_millis": readout_millis.map(|millis| round(millis, 1)),
            }),
        })
        .collect();
    json!({
        "times_are": if taken.is_live { "arrivals" } else { "of_the_recording" },
        "frames": pace.n_frames, "bad_frames": taken.n_bad, "passed_over": taken.n_passed_over,
        "mean_hz": round(pace.mean_hz, 3), "usual_gap_millis": round(pace.usual_gap_millis, 3),
        "jitter_millis": round(pace.jitter_millis, 3),
        "dropped": pace.n_dropped, "duplicates": pace.n_duplicates,
        "flicker": flicker, "micro_movements": advice,
    })
}

fn as_text(check: &CameraCheck, taken: &Taken, advice: &Advice) -> String {
    let pace = &check.pace;
    let mut lines = vec![
        "rate".to_owned(),
        format!(
            "  {:.2} frames a second; a gap is {:.2} ms, give or take {:.2} ms",
            pace.mean_hz, pace.usual_gap_millis, pace.jitter_millis
        ),
        format!(
            "  {} frames, {} missing, {} doubled, {} damaged",
            pace.n_frames, pace.n_dropped, pace.n_duplicates, taken.n_bad
        ),
    ];
    if taken.n_passed_over > 0 {
        lines.push(format!(
            "  {} of the missing came, and were passed over here: the network held them back, or this machine is too slow for this source",
            taken.n_passed_over
        ));
    }
    lines.extend([
        if taken.is_live {
            "  times are those at which frames arrived here".to_owned()
        } else {
            "  times are those that the recording says, which may be smoother than the camera was"
                .to_owned()
        },
        "light".to_owned(),
    ]);
    for (found, mains_hz) in check.flicker.iter().zip([50, 60]) {
        lines.push(match found {
            Flicker::None => format!("  {mains_hz} Hz mains: no flicker"),
            Flicker::Hidden(_) => format!("  {mains_hz} Hz mains: cannot be told at this rate"),
            Flicker::Seen {
                depth_ratio,
                chance,
                readout_millis,
                ..
            } => {
                let rows = match readout_millis {
                    Some(millis) => format!(
                        "; bands: rows are read one after the other, all of them in about {millis:.0} ms"
                    ),
                    None => "; the whole picture at once".to_owned(),
                };
                format!(
                    "  {mains_hz} Hz mains: brightness swings by {:.1} % (chance {chance:.0e}){rows}",
                    depth_ratio * 100.0
                )
            }
        });
    }
    let has_bands = check.flicker.iter().any(|found| {
        matches!(
            found,
            Flicker::Seen {
                readout_millis: Some(_),
                ..
            }
        )
    });
    if !has_bands {
        lines.push("  how fast rows are read shows only under light that flickers".to_owned());
    }
    lines.push("movements of a face".to_owned());
    match (advice.counted_on_hz, advice.shortest_movement_millis) {
        (Some(hz), Some(millis)) => lines.push(format!(
            "  {hz} frames a second can be counted on: movements from {millis} ms may be claimed"
        )),
        (Some(hz), None) => lines.push(format!(
            "  {hz} frames a second can be counted on: too few for any micro-expression"
        )),
        (None, _) => lines.push("  too few frames to say; measure for longer".to_owned()),
    }
    if let Some(refusal) = &advice.refusal {
        lines.push(format!("  all micro-expressions: {refusal}"));
    }
    lines.extend(advice.remedies.iter().map(|remedy| format!("-> {remedy}")));
    lines.join("\n")
}
