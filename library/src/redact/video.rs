//! Videos: searched once, then read again and written.

use std::collections::BTreeMap;
use std::path::Path;

use regard_domain::BBox;
use regard_vision::{
    FilmWriter, Picture, PixelPool, Veil, VideoError, VideoKind, cover, open_video, picture_of,
};

use super::cuts::CutFinder;
use super::keep::{Keeper, Sampler, Samples};
use super::linking::{Instant, Linker, Track};
use super::plan::{FramePlan, Timeline, plan};
use super::{RedactError, RedactStep, Redacted, Redactor, crop_area};

/// Most sightings of faces that are held of one video: 40 people for an hour at 30 frames a second, some 120 MB.
const MAX_SIGHTINGS: usize = 4_500_000;

/// What the first reading found.
struct Searched {
    timeline: Timeline,
    tracks: Vec<Track>,
    samples: BTreeMap<usize, Samples>,
}

/// The frames of a video that can be had.
struct Frames {
    reader: regard_vision::VideoReader,
    pool: PixelPool,
    n_damaged: u64,
    /// Why it ended before its end.
    broken: Option<VideoError>,
}

impl Frames {
    fn open(path: &Path, options: &regard_vision::VideoOptions) -> Result<Self, RedactError> {
        Ok(Self {
            reader: open_video(path, options)?,
            pool: PixelPool::new(),
            n_damaged: 0,
            broken: None,
        })
    }

    /// The next frame that can be read, and its time.
    fn next(&mut self) -> Option<(Picture, f64)> {
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

impl Redactor {
    /// Covers the faces of a video but that of whoever agreed, into a file that is new. Reads it twice: faces are searched in every
    /// frame, followed forwards and backwards, and then covered, also in frames in which the detector missed them.
    ///
    /// # Privacy
    /// What is written holds pixels and, unless that is left out, sound: voices tell people too.
    ///
    /// Beside what was done comes why reading ended before the end of the video, where it did: then the file holds the frames before.
    ///
    /// # Errors
    /// [`RedactError`]; what was written is to be thrown away then.
    pub fn video(
        &mut self,
        (input, kind): (&Path, VideoKind),
        output: &Path,
        keeper: Option<&mut dyn Keeper>,
        step: &mut dyn FnMut(RedactStep),
    ) -> Result<(Redacted, Option<VideoError>), RedactError> {
        self.video_as(input, (output, kind), keeper, step)
    }

    /// The same into a file of another kind.
    ///
    /// # Errors
    /// As [`Redactor::video`].
    pub fn video_as(
        &mut self,
        input: &Path,
        output: (&Path, VideoKind),
        keeper: Option<&mut dyn Keeper>,
        step: &mut dyn FnMut(RedactStep),
    ) -> Result<(Redacted, Option<VideoError>), RedactError> {
        let Searched {
            timeline,
            tracks,
            samples,
        } = self.search(input, keeper, step)?;
        let plans = plan(&tracks, &timeline, &samples, self.options.margin);
        let n_kept = samples.values().filter(|s| s.is_ever_theirs()).count() as u64;
        drop(tracks);
        let (mut done, broken) = self.write(input, output, &plans, step)?;
        done.n_kept = n_kept;
        Ok((done, broken))
    }

    fn search(
        &mut self,
        input: &Path,
        mut keeper: Option<&mut dyn Keeper>,
        step: &mut dyn FnMut(RedactStep),
    ) -> Result<Searched, RedactError> {
        let mut frames = Frames::open(input, &self.options.video)?;
        let (mut linker, mut cuts) = (Linker::default(), CutFinder::default());
        let (mut timeline, mut sampler) = (Timeline::default(), Sampler::default());
        let mut n_sightings = 0;
        while let Some((picture, time_secs)) = frames.next() {
            let found = self.finder.find(picture.view())?;
            n_sightings += found.len();
            if n_sightings > MAX_SIGHTINGS {
                return Err(RedactError::TooMany { max: MAX_SIGHTINGS });
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
            if let Some(keeper) = keeper.as_deref_mut() {
                for (sighting, track) in found.iter().zip(numbers) {
                    let worth = sighting.score * sighting.bbox.area().sqrt();
                    sampler.offer(track, time_secs, worth, || {
                        picture.view().crop(&crop_area(sighting))
                    });
                }
                sampler.work(keeper)?;
            }
            step(RedactStep::Searched);
        }
        if timeline.len() == 0 {
            return Err(frames.broken.map_or(RedactError::Empty, RedactError::Video));
        }
        let samples = match keeper {
            Some(keeper) => sampler.finish(keeper)?,
            None => BTreeMap::new(),
        };
        Ok(Searched {
            timeline,
            tracks: linker.into_tracks(),
            samples,
        })
    }

    fn write(
        &mut self,
        input: &Path,
        (output, kind): (&Path, VideoKind),
        plans: &[FramePlan],
        step: &mut dyn FnMut(RedactStep),
    ) -> Result<(Redacted, Option<VideoError>), RedactError> {
        let sound = (!self.options.mute).then_some(input);
        let mut writer = FilmWriter::create(output, kind, sound)?;
        let mut frames = Frames::open(input, &self.options.video)?;
        let mut veils: BTreeMap<usize, Veil> = BTreeMap::new();
        let mut done = Redacted::default();
        let changed = || RedactError::Changed {
            path: input.to_owned(),
        };
        let mut plans = plans.iter();
        while let Some((mut picture, time_secs)) = frames.next() {
            // Read again it has to be what it was.
            let plan = plans.next().ok_or_else(changed)?;
            for place in &plan.covered {
                // Taken once a track, so that many frames tell no more of a face than one.
                veils
                    .entry(place.track)
                    .or_insert_with(|| Veil::of(picture.view(), &place.area, &mut self.rng));
            }
            let covers: Vec<(BBox, &Veil)> = plan
                .covered
                .iter()
                .filter_map(|place| Some((place.area, veils.get(&place.track)?)))
                .collect();
            cover(&mut picture, &covers, self.options.style);
            done.n_found_again += self.look_again(&mut picture, &plan.shown)?;
            writer.frame(&picture, time_secs)?;
            done.n_frames += 1;
            step(RedactStep::Written);
        }
        if plans.next().is_some() {
            return Err(changed());
        }
        writer.finish()?;
        done.n_covered = veils.len() as u64;
        done.n_damaged = frames.n_damaged;
        Ok((done, frames.broken))
    }
}
