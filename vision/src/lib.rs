//! Room `vision`: pixels in, faces and what they show out.
//!
//! In: bytes of pictures and frames, and the keys of the sensing gate. Out: [`Picture`]s,
//! [`regard_domain::Face`]s with their readings, drawings for those who asked. This room never
//! keeps a pixel longer than its frame, never makes or compares an embedding, never reads the clock.

mod analyzer;
mod attention;
mod detector;
mod error;
mod frame;
mod jpeg;
mod keys;
mod model;
mod nms;
mod photo;
mod picture;
mod scale;
mod source;
mod warp;

pub use analyzer::{AnalyzerOptions, FaceAnalyzer};
pub use attention::CameraPlacement;
pub use detector::{Detector, DetectorOptions};
pub use error::{AnalysisError, PhotoError};
pub use frame::Frame;
pub use jpeg::{MAX_PIXELS, MAX_SIDE_PX, WantedSize, decode_jpeg};
pub use keys::Keys;
pub use photo::{MAX_FILE_BYTES, Photo, PhotoFormat};
pub use picture::{Picture, PixelPool, RgbView};
pub use source::{
    BadFrame, CameraFormat, CameraInfo, CameraProblem, ClipSpec, DEMO_CLIP, DEMO_CLIP_FPS,
    FfmpegInfo, FfmpegSpec, FolderSpec, FrameSource, HttpSpec, JpegFrame, JpegSplitter, LostReason,
    MAX_JPEG_BYTES, OpenError, OpenOptions, PUSH_QUEUE_LEN, Pace, PixelChoice, PushError, PushQueue,
    RawFrame, RawPixels, Sleep, SourceError, SourceSpec, SpecError, V4l2Spec, VideoError,
    VideoFrame, VideoKind, VideoOptions, VideoReader, WAKE_INTERVAL, find_ffmpeg, list_cameras,
    open_clip_bytes, open_source, open_video, rgb_from_yuyv,
};
