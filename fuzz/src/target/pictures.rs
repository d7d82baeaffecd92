//! Pictures, uploads, and the messages of a browser's camera.

use regard_domain::Timestamp;
use regard_server::fuzz::{asset_kind, frame_message as split, harmless_drawing};
use regard_vision::{
    MAX_PIXELS, MAX_SIDE_PX, Photo, PhotoFormat, PixelPool, RgbView, WantedSize, decode_jpeg,
};

/// Side that a reduced picture must have at least.
const WANTED_PX: u32 = 96;

fn check_size(view: &RgbView<'_>) {
    let size = view.size();
    let n_pixels = u64::from(size.width) * u64::from(size.height);
    assert!(n_pixels > 0 && n_pixels <= MAX_PIXELS, "{size:?}");
    assert!(size.width <= MAX_SIDE_PX && size.height <= MAX_SIDE_PX);
}

/// Photographs of all formats: sizes within the limits, and an error is an error each time.
pub fn photo(data: &[u8]) -> bool {
    let decoded = Photo::from_bytes(data);
    match &decoded {
        Ok(photo) => {
            check_size(&photo.view());
            assert_eq!(PhotoFormat::sniff(data), Some(photo.format()));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    decoded.is_ok()
}

/// JPEGs at reduced size, as cameras send them: as large as wanted where the picture is, and damaged
/// or not whatever size is wanted.
pub fn jpeg(data: &[u8]) -> bool {
    let pool = PixelPool::new();
    let whole = decode_jpeg(data, WantedSize::Whole, &pool);
    let wanted = WantedSize::AtLeast {
        width: WANTED_PX,
        height: WANTED_PX,
    };
    let reduced = decode_jpeg(data, wanted, &pool);
    for picture in [&whole, &reduced].into_iter().flatten() {
        check_size(&picture.view());
    }
    if let (Ok(whole), Ok(reduced)) = (&whole, &reduced) {
        let (whole, reduced) = (whole.size(), reduced.size());
        assert!(
            reduced.width >= WANTED_PX.min(whole.width),
            "{whole:?} {reduced:?}"
        );
        assert!(
            reduced.height >= WANTED_PX.min(whole.height),
            "{whole:?} {reduced:?}"
        );
    }
    whole.is_ok()
}

/// Uploads: a drawing made harmless is no longer than it may be, stays as it is when it is made so
/// again, and holds nothing that runs.
pub fn upload(data: &[u8]) -> bool {
    let kind = asset_kind(data);
    if kind != Some("svg") {
        return kind.is_some();
    }
    let Some(harmless) = harmless_drawing(data) else {
        return false;
    };
    let text = String::from_utf8_lossy(&harmless).to_ascii_lowercase();
    for word in [
        "<script",
        "<foreignobject",
        "<iframe",
        "<!entity",
        " onload=",
        " onclick=",
    ] {
        // Words within a text are escaped, and so are quotes within values.
        assert!(!text.contains(word), "{word} in {text}");
    }
    let again = harmless_drawing(&harmless);
    assert!(again.is_some(), "what was made harmless cannot be read");
    true
}

/// Messages of a browser's camera: the time never lies in the future, and no byte is lost.
pub fn frame_message(data: &[u8]) -> bool {
    let now = Timestamp::from_millis(1_780_315_200_000);
    let Some((at, jpeg)) = split(data, now) else {
        return false;
    };
    assert!(at <= now);
    assert_eq!(jpeg.len() + 8, data.len());
    true
}
