//! Somebody of the set on the made-up stage, and the three checks before them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;
use regard_domain::{Face, FrameSize, Timestamp};
use regard_testkit::stage::{Medium, Sheet, Sitter, SpacePoint, Take, linear};
use regard_vision::{
    CameraHold, ColorChallenge, ColorStep, CueMeter, FaceAnalyzer, FaceLight, FaceMesh, HeadView,
    Liveness, PassiveCheck, Photo, RgbView, TurnChallenge, TurnDirection, TurnStep,
};

use super::species::Species;
use crate::accuracy::looking;

/// Time between two frames.
const FRAME: Duration = Duration::from_millis(66);

/// Frames that passive cues are gathered over: three seconds and some.
const N_PASSIVE: usize = 48;

/// Frames of a colour challenge: five seconds of colours and the time after them.
const N_COLORS: usize = 99;

/// Most frames of a turn challenge.
const N_TURNS: usize = 300;

/// Light of the screen on a face against that of the room, white against white, for the first person; a little more for each
/// further one, up to half as much again.
const SCREEN: f32 = 0.1;

/// How late colours are seen, in milliseconds, of the first person before the camera; more for each further one, up to 300.
const LATENCY_MILLIS: i64 = 60;

/// How much later by way of somebody. Origin: encoding, network and display of a video call take half a second to one.
const RELAY_MILLIS: i64 = 700;

/// Light of a room's grey screen before and after the colours.
const GREY: [u8; 3] = [128; 3];

/// A person of the set.
pub(super) struct Person {
    sitter: Sitter,
    mesh: Vec<SpacePoint>,
}

/// The first so many people of a folder who look into the camera alone, and close enough.
pub(super) fn sitters(folder: &Path, n: usize, analyzer: &mut FaceAnalyzer) -> Result<Vec<Person>> {
    let mut names: Vec<PathBuf> = entries(folder)?;
    names.sort();
    let mut sitters = Vec::new();
    for name in names {
        if sitters.len() == n {
            break;
        }
        let mut pictures = entries(&name)?;
        pictures.sort();
        let path = pictures.first().context("nobody has no picture")?;
        let photo = Photo::open(path)?;
        sitters.extend(sitter(&photo, analyzer)?);
    }
    Ok(sitters)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    entries.collect()
}

fn sitter(photo: &Photo, analyzer: &mut FaceAnalyzer) -> Result<Option<Person>> {
    /// Degrees within which somebody looks into the camera, and the least width of their face.
    const AHEAD_DEG: f32 = 10.0;
    const MIN_WIDTH_PX: f32 = 70.0;
    let Some((face, mesh)) = look(photo.view(), analyzer)? else {
        return Ok(None);
    };
    let is_ahead = mesh
        .head_pose()
        .is_some_and(|pose| pose.yaw_deg.abs() < AHEAD_DEG && pose.pitch_deg.abs() < AHEAD_DEG);
    if !is_ahead || face.bbox_in_frame.width() < MIN_WIDTH_PX {
        return Ok(None);
    }
    let mesh: Vec<SpacePoint> = mesh.points().iter().map(|p| [p.x, p.y, p.z]).collect();
    let sitter = Sitter::new(photo.view().pixels(), photo.size(), &mesh);
    Ok(sitter.map(|sitter| Person { sitter, mesh }))
}

/// The one face of a frame with its mesh.
fn look(frame: RgbView<'_>, analyzer: &mut FaceAnalyzer) -> Result<Option<(Face, FaceMesh)>> {
    let grant = looking::grant()?;
    let count = grant.count().context("own media are granted")?;
    let attention = grant.attention().context("own media are granted")?;
    let mut faces = analyzer.detect(frame, &count)?;
    if faces.len() != 1 {
        return Ok(None);
    }
    let mut meshes = analyzer.meshes(frame, &faces, &attention)?;
    let mesh = meshes.pop().flatten();
    Ok(faces.pop().zip(mesh))
}

/// One person before the camera, or what is taken for them.
pub(super) struct Scene<'a> {
    person: &'a Person,
    species: Species,
    /// Which of the people: the light is a little different with each.
    number: usize,
}

/// Where the head or the sheet is turned and shifted.
#[derive(Clone, Copy, Default)]
struct Pose {
    yaw_deg: f32,
    pitch_deg: f32,
    shift_px: [f32; 2],
}

impl<'a> Scene<'a> {
    pub(super) const fn new(person: &'a Person, species: Species, number: usize) -> Self {
        Self {
            person,
            species,
            number,
        }
    }

    const fn size(&self) -> FrameSize {
        self.person.sitter.size()
    }

    /// One frame: a pose, the colour of the screen before the camera, and that of the film where one is shown.
    fn render(&self, pose: Pose, color: [u8; 3], filmed: [u8; 3], seed: u64) -> Result<Vec<u8>> {
        let part = (self.number % 8) as f32 / 7.0;
        let strength = SCREEN * (1.0 + 0.5 * part);
        let light = |color: [u8; 3]| color.map(|value| strength * linear(value));
        let take = Take {
            yaw_deg: pose.yaw_deg,
            pitch_deg: pose.pitch_deg,
            shift_px: pose.shift_px,
            screen: light(color),
            frontal_room: 0.2 * part,
            seed,
            ..Take::default()
        };
        let sheet = |sheet: Sheet| {
            Medium::Sheet(Sheet {
                half_px: [100.0, 115.0],
                ..sheet
            })
        };
        let sitter = &self.person.sitter;
        Ok(match self.species {
            Species::Live | Species::Relay => sitter.render(&take),
            Species::Print => sitter.render(&Take {
                medium: sheet(Sheet::paper()),
                ..take
            }),
            Species::BentPrint => {
                let bent = Sheet {
                    bent_deg: 30.0,
                    ..Sheet::paper()
                };
                sitter.render(&Take {
                    medium: sheet(bent),
                    ..take
                })
            }
            Species::Replay => {
                let film = sitter.render(&Take {
                    screen: light(filmed),
                    ..take
                });
                let film = Sitter::new(&film, self.size(), &self.person.mesh).context("a film")?;
                let medium = sheet(Sheet::screen());
                // The tablet stands still; what moves is in the film.
                film.render(&Take {
                    medium,
                    yaw_deg: 0.0,
                    pitch_deg: 0.0,
                    shift_px: [0.0; 2],
                    ..take
                })
            }
            Species::TintedFeed => sitter.render(&Take {
                screen: [0.0; 3],
                tint: light(color),
                ..take
            }),
            Species::StillFeed => sitter.render(&Take {
                screen: [0.0; 3],
                noise: 0.0,
                ..Take::default()
            }),
        })
    }

    /// Three seconds of looking into a camera that stands.
    pub(super) fn passive(&self, analyzer: &mut FaceAnalyzer) -> Result<bool> {
        let grant = looking::grant()?;
        let count = grant.count().context("own media are granted")?;
        let attention = grant.attention().context("own media are granted")?;
        let (mut check, mut meter) = (PassiveCheck::new(CameraHold::Fixed), CueMeter::new());
        for frame in 0..N_PASSIVE {
            let part = frame as f32 / 16.0;
            let pose = match self.species {
                // A hand that holds a sheet is never still.
                Species::Print | Species::BentPrint => Pose {
                    yaw_deg: 2.0 * part.sin(),
                    pitch_deg: 1.5 * (1.7 * part).cos(),
                    shift_px: [7.0 * (2.3 * part).sin(), 5.0 * (1.9 * part).cos()],
                },
                _ => Pose {
                    yaw_deg: 1.5 * part.sin(),
                    pitch_deg: (2.0 * part).sin(),
                    shift_px: [4.0 * part.sin(), 2.0 * (3.0 * part).cos()],
                },
            };
            let pixels = self.render(pose, GREY, GREY, frame as u64)?;
            let view = RgbView::new(&pixels, self.size()).context("frames fill their size")?;
            let cue = match look(view, analyzer)? {
                Some((face, mesh)) => {
                    let mesh = Some((&mesh, &attention));
                    Some(meter.measure(view, &face, mesh, None, &count)?)
                }
                None => None,
            };
            check.observe(at(frame), cue.as_ref());
        }
        Ok(check.verdict(at(N_PASSIVE - 1)) == Liveness::Passed)
    }

    /// Turning the head as asked.
    pub(super) fn turn(&self, analyzer: &mut FaceAnalyzer, rng: &mut ChaCha20Rng) -> Result<bool> {
        let mut challenge = TurnChallenge::new(rng);
        // Whatever is filmed turns in an order of its own.
        let mut film = TurnChallenge::new(rng);
        for frame in 0..N_TURNS {
            let asked = match self.species {
                Species::Replay => film.step(),
                _ => challenge.step(),
            };
            let pose = match (self.species, asked) {
                (Species::StillFeed, _) | (_, TurnStep::LookAhead | TurnStep::Done) => {
                    Pose::default()
                }
                (_, TurnStep::Turn(direction)) => turned(direction),
            };
            let pixels = self.render(pose, GREY, GREY, frame as u64)?;
            let view = RgbView::new(&pixels, self.size()).context("frames fill their size")?;
            let head = look(view, analyzer)?;
            let head = head.and_then(|(face, mesh)| HeadView::new(&face, &mesh));
            challenge.observe(at(frame), head.as_ref());
            film.observe(at(frame), head.as_ref());
            match challenge.verdict(at(frame)) {
                Liveness::Pending => {}
                verdict => return Ok(verdict == Liveness::Passed),
            }
        }
        Ok(false)
    }

    /// Being lit by the screen's colours.
    pub(super) fn colors(
        &self,
        analyzer: &mut FaceAnalyzer,
        rng: &mut ChaCha20Rng,
    ) -> Result<bool> {
        let grant = looking::grant()?;
        let count = grant.count().context("own media are granted")?;
        let mut challenge = ColorChallenge::new(rng);
        let other: Vec<ColorStep> = ColorChallenge::new(rng).steps().collect();
        let steps: Vec<ColorStep> = challenge.steps().collect();
        let late = match self.species {
            Species::Relay => RELAY_MILLIS,
            _ => 0,
        };
        let latency = LATENCY_MILLIS + 34 * (self.number % 8) as i64 + late;
        challenge.begin(at(0));
        for frame in 0..N_COLORS {
            let millis = at(frame).as_millis() - at(0).as_millis() - latency;
            let color = color_at(&steps, millis);
            let pixels = self.render(
                Pose::default(),
                color,
                color_at(&other, millis),
                rng.next_u64(),
            )?;
            let view = RgbView::new(&pixels, self.size()).context("frames fill their size")?;
            let light = match look(view, analyzer)? {
                Some((face, _)) => FaceLight::measure(view, &face, &count)?,
                None => None,
            };
            challenge.observe(at(frame), light.as_ref());
        }
        Ok(challenge.verdict(at(N_COLORS)) == Liveness::Passed)
    }
}

/// Far enough for a made-up head, whose mesh shows two thirds of its angle.
const fn turned(direction: TurnDirection) -> Pose {
    let (yaw_deg, pitch_deg) = match direction {
        TurnDirection::Left => (-34.0, 0.0),
        TurnDirection::Right => (34.0, 0.0),
        TurnDirection::Up => (0.0, 26.0),
        TurnDirection::Down => (0.0, -22.0),
    };
    Pose {
        yaw_deg,
        pitch_deg,
        shift_px: [0.0; 2],
    }
}

fn at(frame: usize) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).plus(FRAME * frame as u32)
}

/// What a screen shows so many milliseconds after it was to begin.
fn color_at(steps: &[ColorStep], millis: i64) -> [u8; 3] {
    let mut left = millis;
    for step in steps {
        if left < 0 {
            break;
        }
        let lasts = step.lasts.as_millis() as i64;
        if left < lasts {
            return step.color;
        }
        left -= lasts;
    }
    GREY
}
