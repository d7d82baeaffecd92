//! How far it is, and what came of it.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::examiner::{Kind, Outcome};
use crate::speech::complain;

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Tally {
    n_photos: u64,
    n_photos_without_face: u64,
    n_videos: u64,
    n_frames_of_videos: u64,
    n_faces: u64,
    pub(super) n_bad: u64,
}

impl Tally {
    pub(super) fn add(&mut self, outcome: &Outcome) {
        match outcome.kind {
            Some(Kind::Photo) => {
                self.n_photos += 1;
                self.n_photos_without_face += u64::from(outcome.n_faces == 0);
            }
            Some(Kind::Video) => {
                self.n_videos += 1;
                self.n_frames_of_videos += outcome.n_frames;
            }
            None => {}
        }
        self.n_faces += outcome.n_faces;
    }

    pub(super) const fn is_anything_done(&self) -> bool {
        self.n_photos + self.n_videos > 0
    }

    /// One line: sources, faces, what was bad, how fast.
    fn summary(&self, elapsed: Duration) -> String {
        let mut parts = Vec::new();
        if self.n_photos > 0 {
            let mut part = counted(self.n_photos, "photograph");
            if self.n_photos_without_face > 0 {
                let _ = write!(part, " ({} without a face)", self.n_photos_without_face);
            }
            parts.push(part);
        }
        if self.n_videos > 0 {
            let frames = counted(self.n_frames_of_videos, "frame");
            parts.push(format!("{} ({frames})", counted(self.n_videos, "video")));
        }
        if parts.is_empty() {
            parts.push("nothing".to_owned());
        }
        let n_pictures = self.n_photos + self.n_frames_of_videos;
        let secs = elapsed.as_secs_f64();
        let rate = n_pictures as f64 / secs.max(1e-3);
        format!(
            "analysed {}: {}; {} bad; {secs:.1} s, {rate:.1} pictures/s",
            parts.join(" and "),
            counted(self.n_faces, "face"),
            self.n_bad,
        )
    }
}

fn counted(n: u64, what: &str) -> String {
    if n == 1 {
        format!("1 {what}")
    } else {
        format!("{n} {what}s")
    }
}

/// A bar on a terminal; nothing elsewhere.
pub(super) struct Progress {
    bar: ProgressBar,
    began: Instant,
    n_frames: u64,
    n_faces: u64,
}

impl Progress {
    pub(super) fn start() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let style =
            ProgressStyle::with_template("[{elapsed_precise}] {wide_bar} {pos}/{len} files  {msg}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Self {
            bar,
            began: Instant::now(),
            n_frames: 0,
            n_faces: 0,
        }
    }

    /// Whether somebody watches, so that counting the files ahead is worth while.
    pub(super) fn is_watched() -> bool {
        std::io::stderr().is_terminal()
    }

    /// The bar, for whoever counts how many files there are.
    pub(super) fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }

    pub(super) fn pictures(&mut self, n_faces: usize) {
        self.n_frames += 1;
        self.n_faces += n_faces as u64;
        self.bar.set_message(format!(
            "{} pictures, {} faces",
            self.n_frames, self.n_faces
        ));
    }

    pub(super) fn source_done(&self) {
        self.bar.inc(1);
    }

    /// A line on standard error that does not get in the way of the bar.
    pub(super) fn say(&self, line: &str) {
        self.bar.suspend(|| complain(line));
    }

    pub(super) fn finish(self, tally: &Tally) {
        self.bar.finish_and_clear();
        complain(tally.summary(self.began.elapsed()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_in_words() {
        let mut tally = Tally {
            n_bad: 1,
            ..Tally::default()
        };
        let photo = |n_faces| Outcome {
            kind: Some(Kind::Photo),
            n_frames: 1,
            n_faces,
            ..Outcome::default()
        };
        tally.add(&photo(2));
        tally.add(&photo(0));
        let video = Outcome {
            kind: Some(Kind::Video),
            n_frames: 10,
            ..Outcome::default()
        };
        tally.add(&video);
        assert_eq!(
            tally.summary(Duration::from_secs(4)),
            "analysed 2 photographs (1 without a face) and 1 video (10 frames): 2 faces; 1 bad; 4.0 s, 3.0 pictures/s"
        );
    }
}
