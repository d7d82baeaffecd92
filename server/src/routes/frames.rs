//! Pictures: those a browser hands in, and the last one of a camera where the profile allows it.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use regard_domain::{CameraId, Timestamp};

use crate::access::Guest;
use crate::app::App;
use crate::extract::PathOf;
use crate::problem::Problem;
use crate::wire;

/// Longest message: a JPEG of 640×480 takes some 60 kB, the rest is room for larger cameras.
pub(super) const MAX_FRAME_BYTES: usize = 2 << 20;

/// Bytes of the capture time before the JPEG.
const TIME_LEN: usize = 8;

/// How long an answer waits for the analysis of its frame.
const ANSWER_WAIT: Duration = Duration::from_millis(250);

/// Farther from our clock than this the browser's clock is not believed.
const MAX_CLOCK_ERROR: Duration = Duration::from_secs(2);

/// The last frame of a camera as JPEG, under profile `lab` only.
#[utoipa::path(
    get, path = "/v1/cameras/{id}/preview.jpg", tag = "console",
    params(("id" = String, Path, description = "Id of the camera")),
    responses(
        (status = 200, content_type = "image/jpeg", description = "Picture"),
        (status = 401, body = Problem), (status = 403, body = Problem, description = "`feature_not_in_profile`"),
        (status = 404, body = Problem, description = "No such camera, or it is closed"),
    )
)]
pub(crate) async fn preview(
    State(app): State<App>,
    PathOf(id): PathOf<CameraId>,
) -> Result<Response, Problem> {
    let picture = app.engine.preview(&id)?;
    let picture = picture
        .ok_or_else(|| Problem::not_found("no_picture", "the camera is closed or begins"))?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg")], picture.to_vec()).into_response())
}

/// Frames of a browser's camera: binary messages of a capture time (f64, little-endian, milliseconds since 1970) and a JPEG.
/// Each is answered by one text message: the body of `live`, or a problem. At most 2 may be unanswered.
#[utoipa::path(
    get, path = "/v1/cameras/{id}/frames", tag = "console",
    params(("id" = String, Path, description = "Id of the camera")),
    responses((status = 101, description = "WebSocket"), (status = 401, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn frames(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(id): PathOf<CameraId>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    if !app.engine.takes_pushed_frames(&id) {
        let detail = format!("camera {id} is not there or has a device of its own");
        return Err(Problem::not_found("unknown_camera", detail));
    }
    let upgrade = upgrade
        .max_message_size(MAX_FRAME_BYTES)
        .max_frame_size(MAX_FRAME_BYTES);
    Ok(upgrade.on_upgrade(move |socket| take_frames(app, guest, id, socket)))
}

async fn take_frames(app: App, guest: Guest, camera: CameraId, mut socket: WebSocket) {
    let over = app.over_for(&guest);
    let mut over = std::pin::pin!(over);
    loop {
        let Some(message) = heard(&mut socket, &mut over).await else {
            return;
        };
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Close(_) => return,
            Message::Text(_) | Message::Ping(_) | Message::Pong(_) => continue,
        };
        let answer = match take(&app, &camera, &bytes).await {
            Ok(text) => text,
            Err(problem) => serde_json::to_string(&problem).unwrap_or_default(),
        };
        if socket
            .send(Message::Text(Utf8Bytes::from(answer)))
            .await
            .is_err()
        {
            return;
        }
    }
}

/// The next message; nothing once the connection or whoever may use it is over.
pub(super) async fn heard(
    socket: &mut WebSocket,
    over: &mut (impl Future<Output = ()> + Unpin),
) -> Option<Message> {
    let message = tokio::select! {
        message = socket.recv() => message,
        () = over => None,
    };
    message?.ok()
}

/// Hands one frame in and waits a little for what was seen.
async fn take(app: &App, camera: &CameraId, message: &[u8]) -> Result<String, Problem> {
    let now = app.engine.now();
    let (captured_at, jpeg) = split(message, now).ok_or_else(bad_frame)?;
    let mut live = app.engine.live(camera)?;
    live.mark_unchanged();
    app.engine.push_frame(camera, jpeg.to_vec(), captured_at)?;
    // Whether it came in time or not, the answer says what is known.
    let _ = tokio::time::timeout(ANSWER_WAIT, live.changed()).await;
    let view = live.borrow().clone();
    let body = view.as_deref().map(wire::live);
    serde_json::to_string(&body).map_err(|error| Problem::internal("bad_answer", &error))
}

/// What a message is told that is no frame.
pub(super) fn bad_frame() -> Problem {
    Problem::invalid("bad_frame", "8 bytes of time, then a JPEG")
}

/// Capture time in milliseconds of the sender's clock, and JPEG.
pub(super) fn timed_jpeg(message: &[u8]) -> Option<(f64, &[u8])> {
    let (time, jpeg) = message.split_at_checked(TIME_LEN)?;
    let millis = f64::from_le_bytes(time.try_into().ok()?);
    (millis.is_finite() && !jpeg.is_empty()).then_some((millis, jpeg))
}

/// Capture time and JPEG. The time of a clock far from ours is replaced by `now`.
pub(crate) fn split(message: &[u8], now: Timestamp) -> Option<(Timestamp, &[u8])> {
    let (millis, jpeg) = timed_jpeg(message)?;
    let claimed = Timestamp::from_micros((millis * 1e3) as i64);
    let error = now
        .saturating_since(claimed)
        .max(claimed.saturating_since(now));
    // A frame from the future would be newer than all that follow.
    let captured_at = if error <= MAX_CLOCK_ERROR {
        claimed.min(now)
    } else {
        now
    };
    Some((captured_at, jpeg))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn time_and_picture_are_told_apart() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let message = |millis: f64| [&millis.to_le_bytes()[..], b"jpeg"].concat();
        let at = |millis: f64| split(&message(millis), now).map(|(at, _)| at.as_millis());
        let ms = 1_700_000_000_000.0;
        assert_eq!(at(ms - 40.0), Some(1_699_999_999_960));
        assert_eq!(at(ms + 40.0), Some(now.as_millis()));
        assert_eq!(at(ms - 90_000.0), Some(now.as_millis()));
        assert_eq!(at(f64::NAN), None);
        assert_eq!(split(&[0; 8], now), None);
        assert_eq!(split(&[0; 3], now), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let now = Timestamp::from_millis(1_700_000_000_000);
            if let Some((at, jpeg)) = split(&bytes, now) {
                prop_assert!(at <= now);
                prop_assert_eq!(jpeg.len() + TIME_LEN, bytes.len());
            }
        }
    }
}
