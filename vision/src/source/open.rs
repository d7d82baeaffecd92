//! Opening a source, under a grant.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use regard_commitments::{Grant, GrantOrigin, Sensing};
use regard_domain::Timestamp;

use super::error::{OpenError, SourceError};
use super::frame::RawFrame;
use super::pace::{Pace, Sleep};
use super::push::PushQueue;
use super::spec::SourceSpec;
use super::{clip, ffmpeg, folder, http, v4l2};

/// Longest time a waiting source does not look at its grant.
/// Origin: the camera must be closed within 1 s of the gate closing; a tenth leaves the rest to others.
pub const WAKE_INTERVAL: Duration = Duration::from_millis(100);

/// Longest time a live source may be silent before it counts as lost.
/// Origin: MJPEG cameras in night mode fall to 1 frame/s; ten missed ones are no pause.
pub(super) const STALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Something that delivers frames to the thread that asks for them.
///
/// # Privacy
/// Exists only under a live `Grant<Sensing>`; dropping it closes the device.
pub trait FrameSource: Send {
    /// What it is, for people: never with credentials.
    fn describe(&self) -> String;

    /// The next frame; blocks until there is one.
    ///
    /// `now` is the engine's clock. Frames are as new as the source can make them: what waited too
    /// long is skipped, and leaves a gap in the indices.
    ///
    /// # Errors
    /// [`SourceError::BadFrame`] asks to be called again; after every other error the source is closed:
    /// drop it and, for [`SourceError::Lost`], open it anew.
    fn next(&mut self, now: &dyn Fn() -> Timestamp) -> Result<RawFrame, SourceError>;
}

/// How to open a source.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// How fast recorded frames come.
    pub pace: Pace,
    /// How to wait for their time.
    pub sleep: Sleep,
    /// Set to true to make every waiting source return [`SourceError::Stopped`] within [`WAKE_INTERVAL`].
    pub stop: Arc<AtomicBool>,
    /// The queue of a `push:` source; its other end goes to the server.
    pub push: Option<PushQueue>,
}

/// What a waiting source looks at: the grant and the stop flag.
#[derive(Clone)]
pub(super) struct Watch {
    is_live_at: Arc<dyn Fn(Timestamp) -> bool + Send + Sync>,
    is_live: Arc<dyn Fn() -> bool + Send + Sync>,
    stop: Arc<AtomicBool>,
}

impl Watch {
    pub(super) fn new(grant: &Grant<Sensing>, stop: &Arc<AtomicBool>) -> Self {
        let (now_and_then, always) = (grant.clone(), grant.clone());
        Self {
            is_live_at: Arc::new(move |now| now_and_then.is_live_at(now)),
            is_live: Arc::new(move || always.is_live()),
            stop: Arc::clone(stop),
        }
    }

    /// A watch that tests steer; a stop flag comes with it.
    #[cfg(test)]
    pub(super) fn of(is_live_at: impl Fn(Timestamp) -> bool + Send + Sync + 'static) -> Self {
        Self {
            is_live_at: Arc::new(is_live_at),
            is_live: Arc::new(|| true),
            stop: Arc::default(),
        }
    }

    /// Whether it may go on at this time.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), SourceError> {
        if !(self.is_live_at)(now) {
            Err(SourceError::Refused)
        } else if self.stop.load(Ordering::Relaxed) {
            Err(SourceError::Stopped)
        } else {
            Ok(())
        }
    }

    /// Whether opening may go on.
    pub(super) fn check_open(&self) -> Result<(), OpenError> {
        if !(self.is_live)() {
            Err(OpenError::Refused)
        } else if self.stop.load(Ordering::Relaxed) {
            Err(OpenError::Stopped)
        } else {
            Ok(())
        }
    }
}

/// Closes the inner source as soon as the grant is gone or the source has failed.
struct Gated<S> {
    inner: Option<S>,
    description: String,
    watch: Watch,
}

impl<S: FrameSource> FrameSource for Gated<S> {
    fn describe(&self) -> String {
        self.description.clone()
    }

    fn next(&mut self, now: &dyn Fn() -> Timestamp) -> Result<RawFrame, SourceError> {
        let checked = self.watch.check(now());
        let outcome = match (checked, self.inner.as_mut()) {
            (Err(reason), _) => Err(reason),
            (Ok(()), Some(inner)) => inner.next(now),
            (Ok(()), None) => Err(SourceError::Ended),
        };
        // A frame that came in while the gate closed is not handed out.
        let outcome = outcome.and_then(|frame| self.watch.check(now()).map(|()| frame));
        match outcome {
            Ok(_) | Err(SourceError::BadFrame { .. }) => {}
            Err(
                SourceError::Ended
                | SourceError::Lost { .. }
                | SourceError::Refused
                | SourceError::Stopped,
            ) => self.inner = None,
        }
        outcome
    }
}

/// Puts a source behind its gate.
pub(super) fn gated<S: FrameSource + 'static>(inner: S, watch: &Watch) -> Box<dyn FrameSource> {
    Box::new(Gated {
        description: inner.describe(),
        inner: Some(inner),
        watch: watch.clone(),
    })
}

/// Whether a source looks at what happens now, and not at a recording.
const fn is_live(spec: &SourceSpec) -> bool {
    match spec {
        SourceSpec::V4l2(_) | SourceSpec::Http(_) | SourceSpec::Push { .. } => true,
        // A path may be a device too, so the name of a file is no proof of a recording.
        SourceSpec::Ffmpeg(_) => true,
        SourceSpec::Folder(_) | SourceSpec::Clip(_) | SourceSpec::Demo => false,
    }
}

/// Opens a source under a grant of the sensing gate.
///
/// # Privacy
/// The camera opens here and nowhere else. It closes when the source is dropped, when it fails, and
/// when the grant dies. A grant for stored media opens recordings only, never a live source.
///
/// # Errors
/// [`OpenError`], with what to do about it; [`OpenError::is_final`] says whether to try again.
///
/// # Examples
/// ```no_run
/// use regard_commitments::{Grant, Sensing};
/// use regard_vision::{FrameSource, OpenError, OpenOptions, SourceSpec, open_source};
///
/// fn open(spec: &SourceSpec, grant: &Grant<Sensing>, options: &OpenOptions) -> Result<Box<dyn FrameSource>, OpenError> {
///     open_source(spec, grant, options)
/// }
/// ```
/// Whoever skipped the gate has nothing to open a camera with, and does not compile:
/// ```compile_fail,E0308
/// use regard_commitments::{Grant, Sensing};
/// use regard_vision::{FrameSource, OpenError, OpenOptions, SourceSpec, open_source};
///
/// fn open(spec: &SourceSpec, grant: &(), options: &OpenOptions) -> Result<Box<dyn FrameSource>, OpenError> {
///     open_source(spec, grant, options)
/// }
/// ```
pub fn open_source(
    spec: &SourceSpec,
    grant: &Grant<Sensing>,
    options: &OpenOptions,
) -> Result<Box<dyn FrameSource>, OpenError> {
    let watch = Watch::new(grant, &options.stop);
    watch.check_open()?;
    // Leave to look at stored media is no leave to look at people: no notice stands behind it.
    if is_live(spec) && grant.origin() != GrantOrigin::LiveCamera {
        return Err(OpenError::Refused);
    }
    Ok(match spec {
        SourceSpec::V4l2(spec) => gated(v4l2::V4l2Source::open(spec, &watch)?, &watch),
        SourceSpec::Http(spec) => gated(http::HttpSource::open(spec, &watch)?, &watch),
        SourceSpec::Folder(spec) => {
            gated(folder::FolderSource::open(spec, options, &watch)?, &watch)
        }
        SourceSpec::Clip(spec) => gated(clip::ClipSource::open(spec, options, &watch)?, &watch),
        SourceSpec::Demo => gated(clip::ClipSource::demo(options, &watch)?, &watch),
        SourceSpec::Ffmpeg(spec) => {
            gated(ffmpeg::FfmpegSource::open(spec, options, &watch)?, &watch)
        }
        SourceSpec::Push { name } => {
            let queue = options
                .push
                .as_ref()
                .ok_or_else(|| OpenError::NoPushQueue { name: name.clone() })?;
            gated(queue.open(name, &watch), &watch)
        }
    })
}

/// What failing to open a device or file means.
pub(super) fn open_failed(path: &Path, source: io::Error) -> OpenError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => OpenError::NotFound { path },
        io::ErrorKind::PermissionDenied => OpenError::Permission {
            remedy: if path.starts_with("/dev") {
                "add the user to the group video: sudo usermod -aG video $USER, then log in again"
            } else {
                "give this user the right to read it"
            },
            path,
        },
        io::ErrorKind::ResourceBusy => OpenError::Busy { path },
        io::ErrorKind::Unsupported => OpenError::Unsupported {
            what: format!("{}: {source}", path.display()),
        },
        _ => OpenError::Io {
            what: path.display().to_string(),
            source,
        },
    }
}
