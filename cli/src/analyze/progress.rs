//! How far it is, and what came of it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use regard_library::{Facts, Fault, FaultKind, MediaKind};

use crate::speech::complain;

/// How often it is said how far it is where there is no terminal, in a log say.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Tally {
    n_photos: u64,
    n_photos_without_face: u64,
    n_videos: u64,
    n_frames_of_videos: u64,
    n_faces: u64,
    bad: BTreeMap<FaultKind, u64>,
    n_copies: u64,
    n_known: u64,
}

impl Tally {
    /// Counts an item. Without those that were done before this run, so that rates are right, `n_pictures` says how many
    /// pictures there were in it.
    pub(super) fn add(&mut self, facts: &Facts) {
        match facts.kind {
            Some(MediaKind::Photo) => {
                self.n_photos += 1;
                self.n_photos_without_face += u64::from(facts.n_faces == 0);
            }
            Some(MediaKind::Video) => {
                self.n_videos += 1;
                self.n_frames_of_videos += facts.n_frames;
            }
            None => {}
        }
        self.n_faces += facts.n_faces;
        if let Some(fault) = &facts.fault {
            self.add_fault(fault);
        }
    }

    pub(super) fn add_fault(&mut self, fault: &Fault) {
        *self.bad.entry(fault.kind).or_default() += 1;
    }

    /// Counts an item whose bytes were those of another.
    pub(super) const fn add_copy(&mut self) {
        self.n_copies += 1;
    }

    /// Counts items that another job had looked at.
    pub(super) const fn add_known(&mut self, n: u64) {
        self.n_known += n;
    }

    pub(super) const fn n_known(&self) -> u64 {
        self.n_known
    }

    pub(super) fn n_bad(&self) -> u64 {
        self.bad.values().sum()
    }

    /// What was bad by kind: "2 cut short, 1 damaged".
    fn bad_by_kind(&self) -> String {
        let parts = self
            .bad
            .iter()
            .map(|(kind, n)| format!("{n} {}", kind.words()));
        parts.collect::<Vec<_>>().join(", ")
    }

    pub(super) const fn is_anything_done(&self) -> bool {
        self.n_photos + self.n_videos > 0
    }

    /// One line: sources, faces, what was bad, how fast.
    fn summary(&self, n_pictures: u64, elapsed: Duration) -> String {
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
        let secs = elapsed.as_secs_f64();
        let rate = n_pictures as f64 / secs.max(1e-3);
        let kinds = match self.n_bad() {
            0 => String::new(),
            _ => format!(" ({})", self.bad_by_kind()),
        };
        let copies = match self.n_copies {
            0 => String::new(),
            n => format!("; {n} with the bytes of another"),
        };
        let known = match self.n_known {
            0 => String::new(),
            n => format!("; {n} known from the cache"),
        };
        format!(
            "analysed {}: {}{copies}{known}; {} bad{kinds}; {secs:.1} s, {rate:.1} pictures/s",
            parts.join(" and "),
            counted(self.n_faces, "face"),
            self.n_bad(),
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

/// A bar on a terminal; elsewhere a line now and then.
pub(super) struct Progress {
    bar: ProgressBar,
    began: Instant,
    said: Instant,
    n_frames: u64,
    n_faces: u64,
    n_items: u64,
}

impl Progress {
    pub(super) fn start() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template(
            "[{elapsed_precise}] {wide_bar} {pos}/{len} files  {per_sec}  {eta} left  {msg}",
        );
        if let Ok(style) = style {
            bar.set_style(style);
        }
        let now = Instant::now();
        Self {
            bar,
            began: now,
            said: now,
            n_frames: 0,
            n_faces: 0,
            n_items: 0,
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

    /// Items that were done by an earlier run count as done.
    pub(super) fn resume(&self, n_items: u64) {
        self.bar.inc(n_items);
        self.bar.reset_eta();
    }

    pub(super) fn picture(&mut self, n_faces: usize) {
        self.n_frames += 1;
        self.n_faces += n_faces as u64;
    }

    pub(super) fn item_done(&mut self, tally: &Tally) {
        self.n_items += 1;
        self.bar.inc(1);
        let bad = match tally.n_bad() {
            0 => String::new(),
            _ => format!(", {}", tally.bad_by_kind()),
        };
        let known = match tally.n_known() {
            0 => String::new(),
            n => format!(", {n} known from the cache"),
        };
        let done = format!(
            "{} pictures, {} faces{known}{bad}",
            self.n_frames, self.n_faces
        );
        if !Self::is_watched() && self.said.elapsed() >= SAY_EVERY {
            self.said = Instant::now();
            let rate = self.n_frames as f64 / self.began.elapsed().as_secs_f64().max(1e-3);
            complain(format_args!(
                "{} items done: {done}; {rate:.1} pictures/s",
                self.n_items
            ));
        }
        self.bar.set_message(done);
    }

    /// A line on standard error that does not get in the way of the bar.
    pub(super) fn say(&self, line: &str) {
        self.bar.suspend(|| complain(line));
    }

    pub(super) fn finish(self, tally: &Tally) {
        self.bar.finish_and_clear();
        complain(tally.summary(self.n_frames, self.began.elapsed()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_in_words() {
        let mut tally = Tally::default();
        let photo = |n_faces| Facts {
            kind: Some(MediaKind::Photo),
            n_frames: 1,
            n_faces,
            ..Facts::default()
        };
        tally.add(&photo(2));
        tally.add(&photo(0));
        let video = Facts {
            kind: Some(MediaKind::Video),
            n_frames: 10,
            fault: Some(Fault::new(FaultKind::CutShort, "")),
            ..Facts::default()
        };
        tally.add(&video);
        tally.add_fault(&Fault::new(FaultKind::Missing, ""));
        let said = |tally: &Tally| tally.summary(12, Duration::from_secs(4));
        assert_eq!(
            said(&tally),
            "analysed 2 photographs (1 without a face) and 1 video (10 frames): 2 faces; 2 bad (1 missing, 1 cut short); 4.0 s, 3.0 pictures/s"
        );
        tally.add_copy();
        tally.add_known(1);
        assert!(
            said(&tally)
                .contains("2 faces; 1 with the bytes of another; 1 known from the cache; 2 bad")
        );
    }
}
