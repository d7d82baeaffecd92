//! Videos and streams.

use std::cell::Cell;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use regard_commitments::{Answer, LibraryDeclaration, ask_library};
use regard_domain::{CameraId, FrameSize, Timestamp};
use regard_vision::fuzz::images_in_answer;
use regard_vision::{
    BadFrame, JpegFrame, JpegSplitter, MAX_JPEG_BYTES, OpenOptions, Pace, RawPixels, SourceError,
    VideoKind, VideoOptions, open_clip_bytes, open_video,
};

use super::MAX_LEN;

/// Frames asked for; the rest are like them.
const MAX_FRAMES: usize = 2_000;

type Images = Vec<Result<(FrameSize, Vec<u8>), String>>;

fn plain(images: impl IntoIterator<Item = Result<JpegFrame, BadFrame>>) -> Images {
    images
        .into_iter()
        .map(|image| {
            image
                .map(|image| (image.size, image.bytes))
                .map_err(|reason| reason.to_string())
        })
        .collect()
}

fn split(data: &[u8], piece_len: usize) -> Images {
    let mut splitter = JpegSplitter::new();
    let mut images = Vec::new();
    for piece in data.chunks(piece_len) {
        splitter.push(piece);
        images.extend(std::iter::from_fn(|| splitter.next_frame()));
        assert!(splitter.n_held() <= MAX_JPEG_BYTES + piece_len);
    }
    plain(images)
}

/// How long the pieces are that an input comes in: as its last byte says.
fn piece_len(data: &[u8]) -> usize {
    1 + usize::from(data.last().copied().unwrap_or(0)) * 3
}

/// JPEGs laid end to end: the same images however the bytes come, each from its start to its end.
pub fn motion_jpeg(data: &[u8]) -> bool {
    let whole = split(data, data.len().max(1));
    assert_eq!(whole, split(data, piece_len(data)));
    let total: usize = whole.iter().flatten().map(|(_, bytes)| bytes.len()).sum();
    assert!(total <= data.len(), "images from nowhere");
    for (_, bytes) in whole.iter().flatten() {
        assert!(bytes.starts_with(&[0xFF, 0xD8]) && bytes.ends_with(&[0xFF, 0xD9]));
    }
    whole.iter().any(Result::is_ok)
}

/// Answers of network cameras: the same images however the bytes come.
pub fn http_camera(data: &[u8]) -> bool {
    let whole = images_in_answer(data, data.len().max(1));
    let pieces = images_in_answer(data, piece_len(data));
    match (whole, pieces) {
        (Ok((whole, _)), Ok((pieces, n_held))) => {
            let whole = plain(whole);
            assert_eq!(whole, plain(pieces));
            assert!(n_held <= MAX_JPEG_BYTES + piece_len(data));
            whole.iter().any(Result::is_ok)
        }
        (Err(one), Err(other)) => {
            assert_eq!(one, other);
            false
        }
        (one, other) => panic!("{:?} or {:?}", one.is_ok(), other.is_ok()),
    }
}

/// Clips as cameras: every frame is given once, then they end.
pub fn clip(data: &[u8]) -> bool {
    if data.len() > MAX_LEN {
        return false;
    }
    let camera = CameraId::new("clip").expect("a name");
    let Answer::Granted(grant) = ask_library(&LibraryDeclaration::own_media(camera)) else {
        panic!("own media may be looked at");
    };
    let options = OpenOptions {
        pace: Pace::AsFast,
        ..OpenOptions::default()
    };
    let Ok(mut source) = open_clip_bytes(Arc::from(data), 25.0, false, &grant, &options) else {
        return false;
    };
    let time = Cell::new(Timestamp::from_millis(1_780_315_200_000));
    let now = || {
        time.set(time.get().plus(Duration::from_millis(40)));
        time.get()
    };
    let mut last = None;
    for _ in 0..MAX_FRAMES {
        match source.next(&now) {
            Ok(frame) => {
                assert!(last.is_none_or(|last| frame.index > last), "{last:?}");
                last = Some(frame.index);
                assert!(
                    matches!(frame.pixels, RawPixels::Mjpeg(bytes) if bytes.len() <= MAX_JPEG_BYTES)
                );
            }
            Err(SourceError::BadFrame { .. }) => {}
            Err(_) => break,
        }
    }
    last.is_some()
}

/// Videos of files, as far as they are read without `ffmpeg`: times never go back.
pub fn video(data: &[u8]) -> bool {
    if data.len() > MAX_LEN {
        return false;
    }
    let file = tempfile::Builder::new().suffix(".bin").tempfile();
    let file = file.expect("a temporary file");
    fs::write(file.path(), data).expect("a temporary file");
    let kind = VideoKind::sniff(file.path()).expect("it can be read");
    // AVI of other contents than Motion-JPEG would go to `ffmpeg`, which is not ours to test.
    let is_ours = match kind {
        Some(VideoKind::Gif) => true,
        Some(VideoKind::Avi) => data.windows(4).any(|w| w.eq_ignore_ascii_case(b"MJPG")),
        Some(VideoKind::Mjpeg | VideoKind::Other) | None => false,
    };
    if !is_ours {
        return false;
    }
    let Ok(video) = open_video(file.path(), &VideoOptions::default()) else {
        return false;
    };
    let mut last = -1.0;
    for outcome in video.take(MAX_FRAMES) {
        match outcome {
            Ok(frame) => {
                assert!(frame.time_secs >= last, "{} after {last}", frame.time_secs);
                last = frame.time_secs;
            }
            Err(error) if error.is_passing() => {}
            Err(_) => break,
        }
    }
    last >= 0.0
}
