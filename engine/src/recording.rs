//! Recordings: what the engine was told, line by line, and the replay of it.
//!
//! A recording holds faces as numbers, never pixels. It is written only when the owner asks for it,
//! for tests and for finding faults; it is no log of the installation.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufWriter, Write};
use std::path::Path;

use regard_audience::CrowdSettings;
use regard_decision::{Campaign, FactFeature, FactValue, Outcome};
use regard_domain::{
    Attention, BBox, CameraId, ExpressionDistribution, Face, FaceReadings, FrameSize, HeadPose,
    Landmarks, PlayId, Point, Score, ScreenId, Sighting, SlotId, Timestamp,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::calendar::Calendar;
use crate::config::EngineConfig;
use crate::remembered::{Memory, Remembered};
use crate::seed::to_hex;
use crate::uses::{Uses, UsesByCamera};
use crate::view::PlayReport;

/// Form of recordings that this program writes and reads.
/// Form 1 held neither settings nor memory, form 2 not what data of the audience might serve, form 3 neither
/// experiments nor objections, so that their replays could differ from what was recorded.
pub const RECORDING_FORMAT: u32 = 4;

/// Longest line read, in bytes. Origin: a hundred faces take 40 kB, what `linucb` learned about twenty
/// messages 1 MB; campaigns with long texts a few.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// Why a recording could not be written or read.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The file.
    #[error("recording could not be read or written")]
    Io(#[from] io::Error),
    /// A line.
    #[error("line {line} of the recording is not valid")]
    Line {
        /// Which, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// Another form.
    #[error(
        "recording has form {found}, this program reads form {RECORDING_FORMAT}; replay it with the program that wrote it, or record anew"
    )]
    Format {
        /// The form it has.
        found: u32,
    },
    /// No head.
    #[error("recording is empty")]
    Empty,
    /// It ends before its first input.
    #[error("recording ends after {found} of the {expected} lines it remembers")]
    Cut {
        /// Lines announced.
        expected: usize,
        /// Lines found.
        found: usize,
    },
    /// A line longer than any that is written.
    #[error("line {line} of the recording is longer than {MAX_LINE_BYTES} bytes")]
    Long {
        /// Which, from 1.
        line: usize,
    },
    /// What it was recorded with cannot be set up.
    #[error("recording cannot be replayed: {0}")]
    Setup(String),
}

/// The first line: what the rest was recorded with. The lines after it are what was remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    /// Form of the recording.
    pub(crate) format: u32,
    /// Lines of memory that follow.
    pub(crate) n_memories: usize,
    /// Seed of the decisions, 64 hexadecimal digits.
    pub(crate) seed: String,
    /// Seed of the track ids of each camera.
    pub(crate) cameras: Vec<(CameraId, String)>,
    /// The screens and the cameras that watch their audiences.
    pub(crate) screens: Vec<(ScreenId, Option<CameraId>)>,
    /// The slots of those that are parted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) slots: BTreeMap<ScreenId, Vec<SlotId>>,
    /// The campaigns.
    pub(crate) campaigns: Vec<Campaign>,
    /// The message when there is none.
    pub(crate) default_message: regard_decision::Creative,
    /// What might be done with what each camera told of an audience, at the beginning.
    pub(crate) uses: Vec<(Option<CameraId>, Uses)>,
    /// Facts that policies learn from.
    pub(crate) fact_features: Vec<FactFeature>,
    /// Tracking and moments.
    pub(crate) crowd: CrowdSettings,
    /// Name of the time zone.
    pub(crate) time_zone: String,
}

impl Head {
    /// What decisions depend on besides what the engine is told. Every field of the configuration is
    /// named here: a new one does not compile until someone has said on which side it belongs.
    pub(crate) fn of(
        config: &EngineConfig,
        calendar: &Calendar,
        seed: &[u8; 32],
        track_seeds: impl Iterator<Item = (CameraId, [u8; 32])>,
        uses: &UsesByCamera,
    ) -> Result<Self, RecordingError> {
        let EngineConfig {
            screens,
            campaigns,
            default_message,
            context,
            crowd,
            // Held as the calendar that was made of it.
            time_zone: _,
            // Held with their seeds. Source, placement and resolution are behind the faces.
            cameras: _,
            // What these lead to is recorded as faces, or as a camera that closed.
            commitments: _,
            n_workers: _,
            runtime: _,
            models: _,
            detector_long_side_px: _,
            // Who somebody is enters no recording.
            recognition: _,
            // Where things are.
            data_dir: _,
            site_key: _,
            // Say what is done, and do nothing.
            papers: _,
            recording: _,
        } = config;
        let time_zone = calendar.zone_name().ok_or_else(|| {
            let why =
                "the machine's time zone has no name; name it as time_zone in the configuration";
            RecordingError::Setup(why.to_owned())
        })?;
        Ok(Self {
            format: RECORDING_FORMAT,
            n_memories: 0,
            seed: to_hex(seed),
            cameras: track_seeds.map(|(id, seed)| (id, to_hex(&seed))).collect(),
            screens: screens
                .iter()
                .map(|s| (s.screen.clone(), s.camera.clone()))
                .collect(),
            slots: screens
                .iter()
                .filter(|s| s.layout.is_some())
                .map(|s| (s.screen.clone(), s.slots()))
                .collect(),
            campaigns: campaigns.clone(),
            default_message: default_message.clone(),
            uses: uses.iter().map(|(id, uses)| (id.clone(), *uses)).collect(),
            fact_features: context.facts().to_vec(),
            crowd: *crowd,
            time_zone: time_zone.to_owned(),
        })
    }
}

/// Something the engine was told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "snake_case")]
pub(crate) enum Input {
    /// Time went by.
    Tick,
    /// A frame was analysed.
    Seen {
        /// Its faces with their readings.
        sighting: SightingLine,
    },
    /// A camera closed.
    Closed {
        /// Which.
        camera: CameraId,
    },
    /// Nobody is seen on a camera any more.
    Emptied {
        /// Which.
        camera: CameraId,
        /// Since when.
        at: Timestamp,
    },
    /// A play is on the glass.
    Shown {
        /// Where.
        screen: ScreenId,
        /// Which play.
        play: PlayId,
        /// Since when.
        at: Timestamp,
    },
    /// How long a play was on the glass.
    Play {
        /// Where.
        screen: ScreenId,
        /// What the player said.
        report: PlayReport,
    },
    /// Something came of a decision.
    Outcome {
        /// What.
        outcome: Outcome,
    },
    /// A fact was set.
    Fact {
        /// Its name.
        name: String,
        /// Its value.
        value: FactValue,
        /// Until when.
        expires_at: Option<Timestamp>,
    },
    /// A fact was taken back.
    FactGone {
        /// Its name.
        name: String,
    },
    /// The campaigns were replaced.
    Campaigns {
        /// With these.
        campaigns: Vec<Campaign>,
    },
    /// The ledger could not be written, or can be again.
    Ledger {
        /// Which of the two.
        writable: bool,
    },
    /// What may be done with what a camera, or none, tells of an audience is something else from now on.
    Uses {
        /// Which camera.
        camera: Option<CameraId>,
        /// What may be done.
        uses: Uses,
    },
    /// Somebody in front of a camera took their agreement back.
    Withdrawn {
        /// Which camera.
        camera: CameraId,
    },
    /// Somebody before a screen asked not to be looked at.
    Objected {
        /// Which screen.
        screen: ScreenId,
    },
    /// A screen shows something that is no message until then.
    Preview {
        /// Which screen.
        screen: ScreenId,
        /// Until when.
        until: Timestamp,
    },
    /// The screens stopped.
    Finished,
}

#[derive(Serialize, Deserialize)]
struct Line {
    now: Timestamp,
    #[serde(flatten)]
    input: Input,
}

/// A sighting as a line of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SightingLine {
    camera: CameraId,
    frame_index: u64,
    captured_at: Timestamp,
    width: u32,
    height: u32,
    faces: Vec<FaceLine>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct FaceLine {
    bbox: [f32; 4],
    score: f32,
    landmarks: [[f32; 2]; 5],
    expression: Option<[f32; 7]>,
    pose: Option<[f32; 3]>,
    attention: Option<f32>,
}

impl From<&Face> for FaceLine {
    fn from(face: &Face) -> Self {
        let bbox = &face.bbox_in_frame;
        let readings = &face.readings;
        Self {
            bbox: [bbox.left(), bbox.top(), bbox.width(), bbox.height()],
            score: face.score.get(),
            landmarks: face.landmarks_in_frame.0.map(|p| [p.x, p.y]),
            expression: readings.expression.map(|e| *e.as_array()),
            pose: readings
                .head_pose
                .map(|p| [p.yaw_deg, p.pitch_deg, p.roll_deg]),
            attention: readings.attention.map(Attention::get),
        }
    }
}

impl FaceLine {
    fn to_face(&self) -> Option<Face> {
        let [left, top, width, height] = self.bbox;
        Some(Face {
            bbox_in_frame: BBox::new(left, top, width, height)?,
            score: Score::new(self.score)?,
            landmarks_in_frame: Landmarks(self.landmarks.map(|[x, y]| Point::new(x, y))),
            readings: FaceReadings {
                expression: self
                    .expression
                    .and_then(ExpressionDistribution::from_probabilities),
                head_pose: self.pose.map(|[yaw_deg, pitch_deg, roll_deg]| HeadPose {
                    yaw_deg,
                    pitch_deg,
                    roll_deg,
                }),
                attention: self.attention.and_then(Attention::new),
            },
        })
    }
}

impl From<&Sighting> for SightingLine {
    fn from(sighting: &Sighting) -> Self {
        Self {
            camera: sighting.camera.clone(),
            frame_index: sighting.frame_index,
            captured_at: sighting.captured_at,
            width: sighting.frame_size.width,
            height: sighting.frame_size.height,
            faces: sighting.faces.iter().map(FaceLine::from).collect(),
        }
    }
}

impl SightingLine {
    /// The sighting; a face whose numbers are not those of a face is left out.
    pub(crate) fn to_sighting(&self) -> Sighting {
        Sighting {
            camera: self.camera.clone(),
            frame_index: self.frame_index,
            captured_at: self.captured_at,
            frame_size: FrameSize {
                width: self.width,
                height: self.height,
            },
            faces: self.faces.iter().filter_map(FaceLine::to_face).collect(),
        }
    }
}

/// Writes a recording. A disk that fails ends the recording and nothing else.
pub(crate) struct RecordingWriter {
    file: Option<BufWriter<File>>,
}

impl RecordingWriter {
    /// Creates the file, which must not be there yet, readable by its owner alone.
    pub(crate) fn create(
        path: &Path,
        mut head: Head,
        memories: impl Iterator<Item = Memory>,
    ) -> Result<Self, RecordingError> {
        let memories: Vec<Memory> = memories.collect();
        head.n_memories = memories.len();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = BufWriter::new(options.open(path)?);
        serde_json::to_writer(&mut file, &head).map_err(io::Error::from)?;
        file.write_all(b"\n")?;
        for memory in &memories {
            serde_json::to_writer(&mut file, memory).map_err(io::Error::from)?;
            file.write_all(b"\n")?;
        }
        file.flush()?;
        Ok(Self { file: Some(file) })
    }

    /// Adds a line.
    pub(crate) fn write(&mut self, at: Timestamp, input: &Input) {
        let Some(file) = &mut self.file else { return };
        let line = Line {
            now: at,
            input: input.clone(),
        };
        let written = serde_json::to_writer(&mut *file, &line)
            .map_err(io::Error::from)
            .and_then(|()| file.write_all(b"\n"));
        if let Err(error) = written {
            tracing::error!(%error, "the recording ends here; everything else goes on");
            self.file = None;
        }
    }

    /// Writes what is buffered.
    pub(crate) fn finish(&mut self) {
        if let Some(mut file) = self.file.take()
            && let Err(error) = file.flush()
        {
            tracing::error!(%error, "the end of the recording was not written");
        }
    }
}

/// Reads a recording: its head and memory, then its inputs one by one.
pub(crate) struct RecordingReader<R> {
    lines: R,
    line: usize,
}

impl<R: BufRead> RecordingReader<R> {
    /// Reads the head and what was remembered.
    pub(crate) fn open(lines: R) -> Result<(Head, Remembered, Self), RecordingError> {
        /// Read first, so that a recording of another form is called that and not damaged.
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let mut reader = Self { lines, line: 0 };
        let text = reader.next_text()?.ok_or(RecordingError::Empty)?;
        let Form { format } = reader.parse(&text)?;
        if format != RECORDING_FORMAT {
            return Err(RecordingError::Format { found: format });
        }
        let head: Head = reader.parse(&text)?;
        let mut remembered = Remembered::default();
        for found in 0..head.n_memories {
            let text = reader.next_text()?.ok_or(RecordingError::Cut {
                expected: head.n_memories,
                found,
            })?;
            remembered.add(reader.parse(&text)?);
        }
        Ok((head, remembered, reader))
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, text: &str) -> Result<T, RecordingError> {
        let line = self.line;
        serde_json::from_str(text).map_err(|source| RecordingError::Line { line, source })
    }

    fn next_text(&mut self) -> Result<Option<String>, RecordingError> {
        let mut text = String::new();
        self.line += 1;
        let n = io::Read::take(&mut self.lines, MAX_LINE_BYTES).read_line(&mut text)?;
        if n as u64 == MAX_LINE_BYTES && !text.ends_with('\n') {
            return Err(RecordingError::Long { line: self.line });
        }
        Ok((n > 0).then_some(text))
    }

    /// The next input and its time; nothing at the end. A last line cut short by a crash ends it too.
    pub(crate) fn next_input(&mut self) -> Result<Option<(Timestamp, Input)>, RecordingError> {
        let Some(text) = self.next_text()? else {
            return Ok(None);
        };
        match serde_json::from_str::<Line>(&text) {
            Ok(line) => Ok(Some((line.now, line.input))),
            Err(_) if !text.ends_with('\n') => Ok(None),
            Err(source) => Err(RecordingError::Line {
                line: self.line,
                source,
            }),
        }
    }
}
