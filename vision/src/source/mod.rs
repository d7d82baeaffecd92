//! Where frames come from: cameras, streams, files, browsers.
//!
//! In: a [`SourceSpec`] and a live grant of the sensing gate. Out: [`RawFrame`]s, still compressed
//! where the camera compressed them. A source blocks its thread, looks at its grant at least every
//! [`WAKE_INTERVAL`] and closes its device as soon as the grant is gone. It never decodes,
//! never reconnects by itself and never reads the clock.

mod avi;
mod chunked;
mod clip;
mod error;
mod ffmpeg;
mod folder;
mod frame;
mod gif;
mod http;
mod jpeg_stream;
mod open;
mod pace;
mod push;
mod spec;
mod v4l2;
mod video;

pub use clip::{DEMO_CLIP, DEMO_CLIP_FPS, open_clip_bytes};
pub use error::{BadFrame, LostReason, OpenError, SourceError, SpecError};
pub use ffmpeg::{FfmpegInfo, find_ffmpeg};
pub use frame::{RawFrame, RawPixels, rgb_from_yuyv};
#[cfg(feature = "fuzz")]
pub use http::images_in_answer;
pub use jpeg_stream::{JpegFrame, JpegSplitter, MAX_JPEG_BYTES};
pub use open::{FrameSource, OpenOptions, WAKE_INTERVAL, open_source};
pub use pace::{Pace, Sleep};
pub use push::{PUSH_QUEUE_LEN, PushError, PushQueue};
pub use spec::{ClipSpec, FfmpegSpec, FolderSpec, HttpSpec, PixelChoice, SourceSpec, V4l2Spec};
pub use v4l2::{CameraFormat, CameraInfo, CameraProblem, list_cameras};
pub use video::{VideoError, VideoFrame, VideoKind, VideoOptions, VideoReader, open_video};
