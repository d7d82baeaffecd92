//! What players listen to and report.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Sse;
use axum::response::sse::Event;
use futures::Stream;
use futures::stream::{StreamExt, unfold};
use regard_decision::Creative;
use regard_domain::{CampaignId, DecisionId, ScreenId, SlotId};
use regard_engine::{Heartbeat, PlayReport, ScreenPreview, ScreenView};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Interval, interval};

use super::build;
use super::pages::public_base;
use crate::app::App;
use crate::extract::{Body, PathOf};
use crate::problem::Problem;
use crate::wire::preview::PreviewEvent;
use crate::wire::{
    self, CameraState, HeartbeatBody, LayoutEvent, NoticeEvent, Ping, PlaceEvent, PlayBody,
    Preload, ShownBody, ShownDecision,
};

/// How often a stream says that it lives.
pub(super) const PING_EVERY: Duration = Duration::from_secs(2);

/// Longest name a player may give itself, in characters.
const MAX_PLAYER_CHARS: usize = 64;

/// An event of that name.
pub(super) fn event(name: &str, data: &impl Serialize) -> Option<Event> {
    Event::default().event(name).json_data(data).ok()
}

/// Event `ping`.
pub(super) fn ping(app: &App) -> Option<Event> {
    let now_micros = app.engine.now().as_micros();
    event(
        "ping",
        &Ping {
            now_micros,
            build: build(),
        },
    )
}

/// A stream that ends with the server.
pub(super) fn until_ended<S: Stream<Item = Event> + Send + 'static>(
    app: &App,
    events: S,
) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<S>> {
    let app = app.clone();
    let ended = async move { app.ended().await };
    Sse::new(events.take_until(Box::pin(ended)).map(Ok))
}

/// Every message a screen may come to show.
type Messages = Vec<(Option<CampaignId>, Creative)>;

/// One player's stream: what it was told, and what is to be told next.
struct Listener {
    app: App,
    screen: ScreenId,
    /// How people outside reach this server, for codes.
    base: String,
    view: watch::Receiver<Arc<ScreenView>>,
    beat: Interval,
    pending: VecDeque<Event>,
    told_notice: Option<NoticeEvent>,
    told_place: Option<PlaceEvent>,
    told_camera: Option<CameraState>,
    told_layout: bool,
    told_decisions: BTreeMap<Option<SlotId>, DecisionId>,
    told_preview: Option<Arc<ScreenPreview>>,
    told_creatives: Option<Arc<Messages>>,
}

impl Listener {
    /// Waits for the next event; nothing when the engine has stopped.
    async fn next(mut self) -> Option<(Event, Self)> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Some((event, self));
            }
            tokio::select! {
                biased;
                changed = self.view.changed() => {
                    changed.ok()?;
                    self.tell().await;
                }
                _ = self.beat.tick() => {
                    self.tell_place();
                    self.pending.extend(ping(&self.app));
                }
            }
        }
    }

    /// Queues the code of the place when it is a new one.
    fn tell_place(&mut self) {
        let codes = self.app.engine.place_codes();
        let code = codes.on_screen(&self.screen, self.app.engine.now());
        let place = PlaceEvent::new(&self.screen, &code);
        if self.told_place.as_ref() != Some(&place) {
            self.pending.extend(event("place", &place));
            self.told_place = Some(place);
        }
    }

    /// Queues what is to be looked at instead of a message, when it is another.
    async fn tell_preview(&mut self, view: &ScreenView) {
        let Some(preview) = &view.preview else {
            self.told_preview = None;
            return;
        };
        let told = self.told_preview.as_ref();
        if told.is_some_and(|told| Arc::ptr_eq(told, preview)) {
            return;
        }
        self.told_preview = Some(Arc::clone(preview));
        let preview = PreviewEvent::new(&self.app, preview, &view.notice).await;
        self.pending.extend(event("preview", &preview));
    }

    /// Queues how the screen is parted, once, where it is: it stays so for as long as the program runs.
    fn tell_layout(&mut self, view: &ScreenView) {
        if let Some(layout) = &view.layout
            && !self.told_layout
        {
            self.pending
                .extend(event("layout", &LayoutEvent::new(layout)));
            self.told_layout = true;
        }
    }

    /// Queues the decisions that were not told yet, of each slot.
    async fn tell_decisions(&mut self, view: &ScreenView) {
        if view.preview.is_some() {
            return;
        }
        for showing in view.showings() {
            let (slot, id) = (showing.decision.slot.clone(), showing.decision.id);
            if self.told_decisions.insert(slot, id) == Some(id) {
                continue;
            }
            let decision = ShownDecision::for_player(&self.app, showing, &self.base).await;
            self.pending.extend(event("decision", &decision));
        }
    }

    /// Queues what has changed; the decisions first, for someone waits for them.
    async fn tell(&mut self) {
        let view = self.view.borrow_and_update().clone();
        self.tell_layout(&view);
        self.tell_preview(&view).await;
        self.tell_decisions(&view).await;
        let profile = self.app.engine.commitments().document().profile.clone();
        let notice = wire::notice(&view.notice, &profile);
        if self.told_notice.as_ref() != Some(&notice) {
            self.pending.extend(event("notice", &notice));
            self.told_notice = Some(notice);
            self.tell_place();
        }
        let refusal = view.refusal.as_ref().map(Into::into);
        let camera = CameraState {
            open: view.camera_open,
            refusal,
        };
        if self.told_camera.as_ref() != Some(&camera) {
            self.pending.extend(event("camera", &camera));
            self.told_camera = Some(camera);
        }
        // The list is replaced as a whole when campaigns change.
        let is_told = self
            .told_creatives
            .as_ref()
            .is_some_and(|t| Arc::ptr_eq(t, &view.creatives));
        if !is_told {
            self.told_creatives = Some(Arc::clone(&view.creatives));
            let mut creatives = Vec::with_capacity(view.creatives.len());
            for (campaign, message) in view.creatives.iter() {
                creatives.push(wire::creative(&self.app, campaign.as_ref(), message).await);
            }
            self.pending
                .extend(event("preload", &Preload { creatives }));
        }
    }
}

/// Events of a screen: `decision`, `preview`, `notice`, `camera`, `preload` at once and when they change, `ping` every 2 s. Of a screen
/// that is parted into slots also `layout`, before all others, and a `decision` for each `slot`.
#[utoipa::path(
    get, path = "/v1/screens/{id}/events", tag = "player",
    params(("id" = String, Path, description = "Id of the screen")),
    responses(
        (status = 200, content_type = "text/event-stream", body = ShownDecision, description = "Server-sent events; the body of `decision` is shown"),
        (status = 404, body = Problem),
    )
)]
pub(crate) async fn events(
    State(app): State<App>,
    PathOf(id): PathOf<ScreenId>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let mut view = app.engine.screen(&id)?;
    view.mark_changed();
    let listener = Listener {
        app: app.clone(),
        screen: id,
        base: public_base(&app, &headers),
        view,
        beat: interval(PING_EVERY),
        pending: VecDeque::new(),
        told_notice: None,
        told_place: None,
        told_camera: None,
        told_layout: false,
        told_decisions: BTreeMap::new(),
        told_preview: None,
        told_creatives: None,
    };
    Ok(until_ended(&app, unfold(listener, Listener::next)))
}

fn player_name(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_control())
        .take(MAX_PLAYER_CHARS)
        .collect()
}

/// A player says, four times a second, whether the notice is in view. The camera shuts when 1 s passes without.
#[utoipa::path(
    post, path = "/v1/screens/{id}/heartbeat", tag = "player", request_body = HeartbeatBody,
    params(("id" = String, Path, description = "Id of the screen")),
    responses((status = 204, description = "Heard"), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn heartbeat(
    State(app): State<App>,
    PathOf(id): PathOf<ScreenId>,
    Body(body): Body<HeartbeatBody>,
) -> Result<StatusCode, Problem> {
    let heartbeat = Heartbeat {
        player: player_name(&body.player),
        notice_hash: body.notice_hash,
        in_view: body.notice_visible && body.visible,
    };
    app.engine.heartbeat(&id, heartbeat)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A player says that a message is on the glass.
#[utoipa::path(
    post, path = "/v1/screens/{id}/shown", tag = "player", request_body = ShownBody,
    params(("id" = String, Path, description = "Id of the screen")),
    responses((status = 204, description = "Heard"), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn shown(
    State(app): State<App>,
    PathOf(id): PathOf<ScreenId>,
    Body(body): Body<ShownBody>,
) -> Result<StatusCode, Problem> {
    // The time of arrival, not of the player: clocks of browsers may be off.
    let at = app.engine.now();
    app.engine
        .shown(&id, body.play, player_name(&body.player), at)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A player says how long a message was on the glass.
#[utoipa::path(
    post, path = "/v1/screens/{id}/plays", tag = "player", request_body = PlayBody,
    params(("id" = String, Path, description = "Id of the screen")),
    responses((status = 204, description = "Heard"), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn plays(
    State(app): State<App>,
    PathOf(id): PathOf<ScreenId>,
    Body(body): Body<PlayBody>,
) -> Result<StatusCode, Problem> {
    let PlayBody {
        play,
        shown_millis,
        ended,
        ..
    } = body;
    app.engine.play(
        &id,
        PlayReport {
            play,
            shown_millis,
            ended,
        },
    )?;
    Ok(StatusCode::NO_CONTENT)
}
