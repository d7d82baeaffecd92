//! What the console listens to.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::Event;
use futures::Stream;
use futures::stream::unfold;
use regard_domain::{CameraId, DecisionId, ScreenId, SlotId};
use regard_engine::{Health, LiveView, ScreenView};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use utoipa::IntoParams;

use super::player::{PING_EVERY, event, ping, until_ended};
use crate::app::App;
use crate::extract::Params;
use crate::problem::Problem;
use crate::wire::{self, Live, Moment, ShownDecision};

/// How often the console hears of the audience: eyes follow ten pictures a second.
const BEAT: Duration = Duration::from_millis(100);

/// Beats between two pings.
const BEATS_A_PING: u64 = (PING_EVERY.as_millis() / BEAT.as_millis()) as u64;

/// Which camera.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CameraParams {
    /// Id of the camera; left out: the first.
    camera: Option<String>,
}

impl CameraParams {
    /// The camera asked for, or the first.
    pub(super) fn camera(&self, app: &App) -> Result<CameraId, Problem> {
        match &self.camera {
            Some(text) => CameraId::new(text.as_str())
                .map_err(|error| Problem::not_found("unknown_camera", error.to_string())),
            None => app
                .engine
                .cameras()
                .into_iter()
                .next()
                .ok_or_else(|| Problem::not_found("unknown_camera", "there is no camera")),
        }
    }
}

/// Event `closed`: the camera sees nothing.
#[derive(Serialize)]
struct Closed {
    camera: String,
}

struct Listener {
    app: App,
    camera: Option<(CameraId, watch::Receiver<Option<Arc<LiveView>>>)>,
    screens: Vec<(ScreenId, watch::Receiver<Arc<ScreenView>>)>,
    health: watch::Receiver<Arc<Health>>,
    beat: Interval,
    n_beats: u64,
    told: BTreeMap<(ScreenId, Option<SlotId>), DecisionId>,
    pending: VecDeque<Event>,
}

impl Listener {
    async fn next(mut self) -> Option<(Event, Self)> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Some((event, self));
            }
            self.beat.tick().await;
            self.tell().await.ok()?;
            if self.n_beats.is_multiple_of(BEATS_A_PING) {
                self.pending.extend(ping(&self.app));
            }
            self.n_beats += 1;
        }
    }

    /// Queues what has changed since the last beat; an error when the engine has stopped.
    async fn tell(&mut self) -> Result<(), watch::error::RecvError> {
        if self.health.has_changed()? {
            let health = self.health.borrow_and_update().clone();
            let body = wire::health(&self.app, &health);
            self.pending.extend(event("health", &body));
        }
        if let Some((camera, live)) = &mut self.camera
            && live.has_changed()?
        {
            let view = live.borrow_and_update().clone();
            self.pending.extend(match view {
                Some(view) => event("live", &wire::live(&view)),
                None => event(
                    "closed",
                    &Closed {
                        camera: camera.to_string(),
                    },
                ),
            });
        }
        for (screen, view) in &mut self.screens {
            if !view.has_changed()? {
                continue;
            }
            let view = view.borrow_and_update().clone();
            for showing in view.showings() {
                let place = (screen.clone(), showing.decision.slot.clone());
                let id = showing.decision.id;
                if self.told.insert(place, id) == Some(id) {
                    continue;
                }
                let decision = ShownDecision::for_console(&self.app, showing).await;
                self.pending.extend(event("decision", &decision));
            }
        }
        Ok(())
    }
}

/// Events for the console: `live` up to ten times a second, `closed`, `decision`, `health` once a second, `ping` every 2 s.
#[utoipa::path(
    get, path = "/v1/live", tag = "console", params(CameraParams),
    responses(
        (status = 200, content_type = "text/event-stream", body = Live, description = "Server-sent events; the body of `live` is shown"),
        (status = 401, body = Problem), (status = 404, body = Problem),
    )
)]
pub(crate) async fn live(
    State(app): State<App>,
    Params(params): Params<CameraParams>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let camera = match params.camera(&app) {
        Ok(camera) => {
            let mut live = app.engine.live(&camera)?;
            live.mark_changed();
            Some((camera, live))
        }
        // A site may have screens without any camera.
        Err(_) if params.camera.is_none() => None,
        Err(problem) => return Err(problem),
    };
    let mut screens = Vec::new();
    for screen in app.engine.screens() {
        let mut view = app.engine.screen(&screen)?;
        view.mark_changed();
        screens.push((screen, view));
    }
    let mut health = app.engine.health();
    health.mark_changed();
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let listener = Listener {
        app: app.clone(),
        camera,
        screens,
        health,
        beat,
        n_beats: 0,
        told: BTreeMap::new(),
        pending: VecDeque::new(),
    };
    Ok(until_ended(&app, unfold(listener, Listener::next)))
}

/// The last moment of a camera; null before the first and while it is closed.
#[utoipa::path(
    get, path = "/v1/moment", tag = "console", params(CameraParams),
    responses((status = 200, body = Option<Moment>), (status = 401, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn moment(
    State(app): State<App>,
    Params(params): Params<CameraParams>,
) -> Result<Json<Option<Moment>>, Problem> {
    let view = app.engine.live(&params.camera(&app)?)?.borrow().clone();
    Ok(Json(view.as_deref().and_then(wire::moment)))
}
