//! Videos: searched once, then read again and written.

use std::collections::BTreeMap;
use std::path::Path;

use regard_domain::BBox;
use regard_vision::{FilmWriter, Veil, VideoError, VideoKind, cover};

use super::keep::{Keeper, WINDOW_SECS};
use super::plan::{FramePlan, plan};
use super::{RedactError, RedactStep, Redacted, Redactor};
use crate::follow::{Compared, Comparer, Frames, Samples, Watched, watch};

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
        let bounds = keeper.as_ref().map(|keeper| keeper.bounds());
        let comparer = keeper.map(|keeper| (keeper as &mut dyn Comparer, WINDOW_SECS));
        let Watched {
            timeline,
            tracks,
            compared,
            ..
        } = watch(
            &mut self.finder,
            (input, &self.options.video),
            comparer,
            &mut || step(RedactStep::Searched),
        )?;
        let samples: BTreeMap<usize, Samples> = bounds.map_or_else(BTreeMap::new, |bounds| {
            let of = |(track, compared): (&usize, &Compared)| (*track, compared.samples(&bounds));
            compared.iter().map(of).collect()
        });
        let plans = plan(&tracks, &timeline, &samples, self.options.margin);
        let n_kept = samples.values().filter(|s| s.is_ever_theirs()).count() as u64;
        drop(tracks);
        let (mut done, broken) = self.write(input, output, &plans, step)?;
        done.n_kept = n_kept;
        Ok((done, broken))
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
