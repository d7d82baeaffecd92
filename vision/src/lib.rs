//! Room `vision`: pixels in, faces and what they show out.
//!
//! In: bytes of pictures and frames, and the keys of the sensing gate. Out: [`Picture`]s,
//! [`regard_domain::Face`]s with their readings, drawings for those who asked. This room never
//! keeps a pixel longer than its frame, never makes or compares an embedding, never reads the clock.

mod analyzer;
mod attention;
mod blendshapes;
mod camera_check;
mod chip;
mod code;
mod decode;
mod detector;
mod draw;
mod error;
mod expression;
mod film;
mod fine_mesh;
mod flash;
mod frame;
mod head_pose;
mod jpeg;
mod keys;
mod liveness;
mod mask;
mod mesh;
mod model;
mod movement;
mod nms;
mod photo;
mod picture;
mod quality;
mod redaction;
mod scale;
mod source;
mod warp;

pub use analyzer::{AnalyzerOptions, FaceAnalyzer, LIVE_MODELS};
pub use attention::{CameraPlacement, attention_of};
pub use blendshapes::Blendshapes;
pub use camera_check::{CameraCheck, Flicker, FramePace, FrameTrace, Mains, check_camera};
pub use chip::{CHIP_SIDE_PX, FaceChip, chip_from_frame};
pub use code::{MAX_CODE_LEN, read_code};
pub use decode::{FrameError, decode_frame, picture_of};
pub use detector::{Detector, DetectorOptions};
pub use draw::{DrawError, draw_faces, save_drawing};
pub use error::{AnalysisError, PhotoError};
pub use expression::{CERTAIN_FROM, ExpressionAnalyzer, ExpressionDetail, Temperature, Views};
pub use film::{FilmError, FilmWriter, film_name};
pub use fine_mesh::FineMeshAnalyzer;
pub use flash::{FilmFlashes, look_for_flashes};
pub use frame::Frame;
pub use head_pose::quick_head_pose;
pub use jpeg::{MAX_PIXELS, MAX_SIDE_PX, WantedSize, decode_jpeg};
pub use keys::Keys;
pub use liveness::{
    CameraHold, ColorAnswer, ColorChallenge, ColorStep, CueMeter, FaceLight, HeadView, Liveness,
    LivenessFault, LivenessNetworks, MAX_COLOR_LATENCY, N_LIGHT_SPOTS, PassiveAnswer, PassiveCheck,
    PassiveCue, TurnChallenge, TurnDirection, TurnStep,
};
pub use mask::Mask;
pub use mesh::{FaceMesh, MeshAnalyzer, MeshPoint, N_FINE_MESH_POINTS, N_MESH_POINTS};
pub use movement::{
    ActionUnit, CurvePoint, ExpressionCurves, FaceRegion, MAX_MOVEMENT_SAMPLES, MicroMovement,
    MicroPlace, MicroReport, MicroSpotter, MicroTrace, Movement, MovementMeter, MovementReadings,
    Phases, Smile, SmileKind, SpottingMeans, UnitValues,
};
pub use photo::{
    EncodeError, MAX_FILE_BYTES, Photo, PhotoFacts, PhotoFormat, ReducedPhoto, encode_photo,
    photo_facts, read_photo,
};
pub use picture::{Picture, PixelPool, RgbView};
pub use quality::{ComponentQuality, FaceQuality, QualityComponent, QualityGate, QualityHint};
pub use redaction::{RedactionStyle, Veil, cover, with_margin};
pub use source::{
    BadFrame, CameraFormat, CameraInfo, CameraProblem, ClipSpec, DEMO_CLIP, DEMO_CLIP_FPS,
    FfmpegInfo, FfmpegSpec, FolderSpec, FrameSource, HttpSpec, JpegFrame, JpegSplitter, LostReason,
    MAX_JPEG_BYTES, OpenError, OpenOptions, PUSH_QUEUE_LEN, Pace, PixelChoice, PushError,
    PushQueue, RawFrame, RawPixels, Sleep, SourceError, SourceSpec, SpecError, V4l2Spec,
    VideoError, VideoFrame, VideoKind, VideoOptions, VideoReader, WAKE_INTERVAL, find_ffmpeg,
    list_cameras, open_clip_bytes, open_source, open_video, rgb_from_yuyv,
};

/// Inner parts that read foreign bytes, for `fuzz/` alone.
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz {
    pub use crate::source::images_in_answer;
}
