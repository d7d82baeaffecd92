//! The faces of a video, followed from frame to frame, and compared with that of one person who agreed.

mod cuts;
mod finder;
mod linking;
mod sampler;

use std::collections::BTreeMap;
use std::path::Path;

use regard_commitments::Refusal;
use regard_domain::BBox;
use regard_vision::{
    AnalysisError, Picture, PixelPool, VideoError, VideoOptions, VideoReader, open_video,
    picture_of, with_margin,
};
use thiserror::Error;

use self::cuts::CutFinder;
pub(crate) use self::finder::{FaceFinder, Sighting};
use self::linking::{Instant, Linker};
pub(crate) use self::linking::{Mark, Track, moved};
use self::sampler::Sampler;
pub use self::sampler::{CompareFault, Comparer};
pub(crate) use self::sampler::{Compared, Samples, similarities};

/// Most sightings of faces that are held of one video: 40 people for an hour at 30 frames a second, some 120 MB.
const MAX_SIGHTINGS: usize = 4_500_000;

/// Why the faces of a video were not followed.
#[derive(Debug, Error)]
pub enum WatchError {
    /// The gate says no.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The video cannot be read.
    #[error(transparent)]
    Video(#[from] VideoError),
    /// Faces cannot be looked for.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// Nobody said how near they are to that of the person.
    #[error(transparent)]
    Compare(#[from] CompareFault),
    /// More faces than are followed at once.
    #[error("more than {max} sightings of faces in one video; cut it into parts")]
    TooMany {
        /// The most.
        max: usize,
    },
    /// No frame could be read.
    #[error("no frame in it")]
    Empty,
}

/// When each frame is, and which begin a scene.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    pub(crate) times_secs: Vec<f64>,
    pub(crate) cuts: Vec<bool>,
}

impl Timeline {
    pub(crate) fn push(&mut self, time_secs: f64, is_cut: bool) {
        self.times_secs.push(time_secs);
        self.cuts.push(is_cut);
    }

    pub(crate) fn len(&self) -> usize {
        self.times_secs.len()
    }

    pub(crate) fn secs_between(&self, a: usize, b: usize) -> f64 {
        (self.times_secs[b] - self.times_secs[a]).abs()
    }
}

/// The frames of a video that can be had.
pub(crate) struct Frames {
    reader: VideoReader,
    pool: PixelPool,
    pub(crate) n_damaged: u64,
    /// Why it ended before its end.
    pub(crate) broken: Option<VideoError>,
}

impl Frames {
    pub(crate) fn open(path: &Path, options: &VideoOptions) -> Result<Self, VideoError> {
        Ok(Self {
            reader: open_video(path, options)?,
            pool: PixelPool::new(),
            n_damaged: 0,
            broken: None,
        })
    }

    /// The next frame that can be read, and its time.
    pub(crate) fn next(&mut self) -> Option<(Picture, f64)> {
        loop {
            match self.reader.next()? {
                Ok(frame) => {
                    let time_secs = frame.time_secs;
                    match picture_of(frame, &self.pool) {
                        Ok(picture) => return Some((picture, time_secs)),
                        Err(_) => self.n_damaged += 1,
                    }
                }
                Err(error) if error.is_passing() => self.n_damaged += 1,
                Err(error) => {
                    self.broken = Some(error);
                    return None;
                }
            }
        }
    }
}

/// The faces of a video.
pub(crate) struct Watched {
    pub(crate) timeline: Timeline,
    pub(crate) tracks: Vec<Track>,
    /// What came of the crops of a track, by its number.
    pub(crate) compared: BTreeMap<usize, Compared>,
    pub(crate) n_damaged: u64,
    /// Why reading ended before the end of the video.
    pub(crate) broken: Option<VideoError>,
}

/// Looks for faces in every frame, follows them, and has a crop of each compared once in `window_secs` where there is somebody to
/// compare them with. `step` is called after every frame.
pub(crate) fn watch(
    finder: &mut FaceFinder,
    (input, options): (&Path, &VideoOptions),
    mut comparer: Option<(&mut dyn Comparer, f64)>,
    step: &mut dyn FnMut(),
) -> Result<Watched, WatchError> {
    let mut frames = Frames::open(input, options)?;
    let (mut linker, mut cuts) = (Linker::default(), CutFinder::default());
    let window_secs = comparer.as_ref().map_or(0.0, |(_, secs)| *secs);
    let (mut timeline, mut sampler) = (Timeline::default(), Sampler::new(window_secs));
    let mut n_sightings = 0;
    while let Some((picture, time_secs)) = frames.next() {
        let found = finder.find(picture.view())?;
        n_sightings += found.len();
        if n_sightings > MAX_SIGHTINGS {
            return Err(WatchError::TooMany { max: MAX_SIGHTINGS });
        }
        let is_cut = cuts.is_cut(picture.view());
        let boxes: Vec<BBox> = found.iter().map(|sighting| sighting.bbox).collect();
        let now = Instant {
            frame: timeline.len(),
            time_secs,
            is_cut,
        };
        let numbers = linker.step(now, &boxes);
        timeline.push(time_secs, is_cut);
        if let Some((comparer, _)) = &mut comparer {
            for (sighting, track) in found.iter().zip(numbers) {
                let worth = sighting.score * sighting.bbox.area().sqrt();
                sampler.offer(track, time_secs, worth, || {
                    picture.view().crop(&crop_area(sighting))
                });
            }
            sampler.work(&mut **comparer)?;
        }
        step();
    }
    if timeline.len() == 0 {
        return Err(frames.broken.map_or(WatchError::Empty, WatchError::Video));
    }
    let compared = match comparer {
        Some((comparer, _)) => sampler.finish(comparer)?,
        None => BTreeMap::new(),
    };
    Ok(Watched {
        timeline,
        tracks: linker.into_tracks(),
        compared,
        n_damaged: frames.n_damaged,
        broken: frames.broken,
    })
}

/// What a face is cut out with for a [`Comparer`]: it and as much around it on each side as half of it is large.
pub(crate) fn crop_area(sighting: &Sighting) -> BBox {
    with_margin(&sighting.bbox, 0.5)
}
