//! Every address, who may use it, and how large and slow its requests may be.

#![expect(
    unused_qualifications,
    reason = "the macro that describes routes writes paths in full"
)]

mod admin;
mod api;
mod attestations;
mod authoring;
mod campaigns;
mod captures;
mod classify;
mod collections;
mod desk;
mod drafts;
mod embedded;
mod evidence;
mod face;
mod frames;
mod here;
mod ledger;
mod live;
mod merges;
mod meta;
mod own;
mod own_files;
mod own_merges;
mod pages;
mod papers;
mod personalizer;
mod persons;
mod player;
mod plots;
mod recognition;
mod reports;
mod searches;
mod sittings;
mod statistics;
mod studies;
mod tokens;
mod uploads;
mod webhooks;
mod zones;

use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::{Router, response::IntoResponse};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::problem::Problem;
use crate::{access, compat, guard, idempotency};

pub(crate) use embedded::build;
#[cfg(feature = "fuzz")]
pub(crate) use frames::split as split_frame_message;
pub(crate) use ledger::TileRoots;
#[cfg(feature = "fuzz")]
pub(crate) use personalizer::rank_features;
pub(crate) use personalizer::{ServiceError, subscription_key};

/// Largest body of a request that is no upload: a hundred campaigns of ten messages fit.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Largest body with pictures of a face: one of the largest taken, or a second of a camera.
const MAX_PICTURES_BYTES: usize = 16 << 20;

/// Longest time until an answer begins. Streams begin at once and are not cut.
const MAX_WAIT: Duration = Duration::from_secs(15);

/// Longest time for an upload: 64 MiB at 5 Mbit/s.
const MAX_UPLOAD_WAIT: Duration = Duration::from_secs(120);

/// Head of the document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Regard",
        description = "Screens that choose their message for the audience in front of them, and keep their word about its data. \
            Errors are application/problem+json with a stable code. Ids of decisions and plays are 32 hexadecimal digits; \
            times are microseconds since 1970-01-01 in UTC.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "pages", description = "For people"),
        (name = "player", description = "For screens; open on loopback, else with a token of the screen"),
        (name = "console", description = "For those who run the site, each role its part; open in the demonstration, else with a token"),
        (name = "admin", description = "For admins; open in the demonstration, else with a token"),
        (name = "person", description = "For a person and their own record, with the token shown when enrolling: `Authorization: Person TOKEN`, or as a page at /me"),
        (name = "ranking", description = "Ranking of what others offer, as clients of Azure Personalizer know it; the subscription key is a token"),
        (name = "open", description = "For everyone who reaches the server"),
    )
)]
struct Document;

fn open_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(pages::index))
        .routes(routes!(pages::privacy))
        .routes(routes!(pages::screen_privacy))
        .routes(routes!(face::enroll))
        .routes(routes!(face::newcomer))
        .routes(routes!(face::verify))
        .routes(routes!(here::here))
        .routes(routes!(here::object))
        .routes(routes!(here::agree))
        .routes(routes!(here::withdraw))
        .routes(routes!(pages::scan))
        .routes(routes!(admin::login_page, admin::login))
        .routes(routes!(admin::logout))
        .routes(routes!(embedded::file))
        .routes(routes!(uploads::asset))
        .routes(routes!(ledger::checkpoint))
        .routes(routes!(ledger::tile))
        .routes(routes!(meta::healthz))
        .routes(routes!(meta::openapi))
        .routes(routes!(recognition::keys))
        .routes(routes!(captures::colors))
        .routes(routes!(captures::end))
        .routes(routes!(captures::give_up))
        .routes(routes!(sittings::study))
        .routes(routes!(sittings::sit_down))
        .routes(routes!(sittings::frames))
        .routes(routes!(sittings::answers))
        .routes(routes!(sittings::end))
        .routes(routes!(sittings::give_up))
}

fn player_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(pages::screen))
        .routes(routes!(pages::qr))
        .routes(routes!(player::events))
        .routes(routes!(player::heartbeat))
        .routes(routes!(player::shown))
        .routes(routes!(player::plays))
}

fn console_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(pages::console))
        .routes(routes!(live::live))
        .routes(routes!(live::moment))
        .routes(routes!(api::decisions))
        .routes(routes!(api::report_today))
        .routes(routes!(api::health))
        .routes(routes!(api::facts, api::set_facts))
        .routes(routes!(api::forget_fact))
        .routes(routes!(api::outcomes))
        .routes(routes!(
            campaigns::campaigns,
            campaigns::set_campaigns,
            campaigns::add_campaign
        ))
        .routes(routes!(
            campaigns::campaign,
            campaigns::set_campaign,
            campaigns::remove_campaign
        ))
        .routes(routes!(campaigns::add_creative))
        .routes(routes!(drafts::check))
        .routes(routes!(drafts::preview_campaign))
        .routes(routes!(drafts::campaign_overview))
        .routes(routes!(drafts::versions))
        .routes(routes!(drafts::drafts))
        .routes(routes!(
            drafts::draft,
            drafts::put_draft,
            drafts::remove_draft
        ))
        .routes(routes!(drafts::submit))
        .routes(routes!(drafts::approve))
        .routes(routes!(drafts::reject))
        .routes(routes!(drafts::preview_draft))
        .routes(routes!(authoring::campaigns_page))
        .routes(routes!(authoring::campaign_page))
        .routes(routes!(evidence::evidence))
        .routes(routes!(evidence::offers))
        .routes(routes!(personalizer::report))
        .routes(routes!(reports::plays))
        .routes(routes!(plots::attention_plot))
        .routes(routes!(plots::expression_plot))
        .routes(routes!(plots::messages_plot))
        .routes(routes!(frames::preview))
        .routes(routes!(frames::frames))
        .routes(routes!(zones::zones, zones::set_zones))
        .routes(routes!(ledger::entries))
        .routes(routes!(statistics::list))
        .routes(routes!(statistics::of_day))
        .routes(routes!(studies::studies_page))
        .routes(routes!(studies::list, studies::make))
        .routes(routes!(studies::study))
        .routes(routes!(studies::invite))
        .routes(routes!(studies::close))
        .routes(routes!(studies::report))
        .routes(routes!(studies::priors))
        .routes(routes!(papers::papers_page))
        .routes(routes!(papers::paper_page))
        .routes(routes!(papers::list))
        .routes(routes!(papers::paper))
        .routes(routes!(meta::metrics))
        .merge(recognition_routes())
        .routes(routes!(tokens::tokens, tokens::make_token))
        .routes(routes!(tokens::revoke_token))
        .routes(routes!(webhooks::list))
        .routes(routes!(webhooks::secret))
}

/// What the people of the desk ask about those who asked to be known.
fn recognition_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(persons::enroll, recognition::persons))
        .routes(routes!(captures::begin_verify_of))
        .routes(routes!(captures::act))
        .routes(routes!(captures::begin_identify))
        .routes(routes!(searches::begin))
        .routes(routes!(searches::end))
        .routes(routes!(recognition::standing))
        .routes(routes!(desk::recognition_page))
        .routes(routes!(desk::curve))
        .routes(routes!(desk::attempts))
        .routes(routes!(desk::det_plot))
        .routes(routes!(desk::open_set_plot))
        .routes(routes!(desk::search))
        .routes(routes!(recognition::arm))
        .routes(routes!(recognition::rekey))
        .routes(routes!(merges::merge))
        .routes(routes!(merges::undo_merge))
        .routes(routes!(merges::tell_apart))
        .routes(routes!(collections::act_for_service))
        .routes(routes!(attestations::list, attestations::make))
        .routes(routes!(attestations::end))
}

/// Each handler takes the person's token, or the cookie of their open page, itself: without it there is no record to speak of.
fn person_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(persons::export, persons::erase))
        .routes(routes!(persons::offer))
        .routes(routes!(persons::agree))
        .routes(routes!(persons::withdraw))
        .routes(routes!(persons::freeze))
        .routes(routes!(persons::correct))
        .routes(routes!(captures::begin_enroll, recognition::faces))
        .routes(routes!(recognition::remove_face))
        .routes(routes!(recognition::wishes))
        .routes(routes!(recognition::forget_wish))
        .routes(routes!(merges::merge_own))
        .routes(routes!(merges::undo_own))
        .routes(routes!(captures::begin_verify))
        .routes(routes!(own::own))
        .routes(routes!(own::open))
        .routes(routes!(own::agree))
        .routes(routes!(own::withdraw))
        .routes(routes!(own::correct))
        .routes(routes!(own::forget))
        .routes(routes!(own::freeze))
        .routes(routes!(own::unfreeze))
        .routes(routes!(own::erase))
        .routes(routes!(own::close))
        .routes(routes!(own_merges::part))
        .routes(routes!(own_files::record))
        .routes(routes!(own_files::proof))
}

/// Clients of Azure Personalizer.
fn ranking_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(personalizer::rank))
        .routes(routes!(personalizer::reward))
        .routes(routes!(personalizer::activate))
        .routes(routes!(personalizer::rank_slots))
        .routes(routes!(personalizer::reward_slots))
        .routes(routes!(personalizer::activate_slots))
        .routes(routes!(
            personalizer::configuration,
            personalizer::set_configuration
        ))
        .routes(routes!(
            personalizer::policy,
            personalizer::set_policy,
            personalizer::reset_policy
        ))
        .routes(routes!(personalizer::model))
        .routes(routes!(personalizer::forget))
}

fn upload_routes(app: &App) -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(uploads::upload))
        .layer(DefaultBodyLimit::max(app.config.max_upload_bytes))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            MAX_UPLOAD_WAIT,
        ))
}

fn picture_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(captures::pictures))
        .routes(routes!(classify::classify))
        .routes(routes!(searches::pictures))
        .layer(DefaultBodyLimit::max(MAX_PICTURES_BYTES))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            MAX_UPLOAD_WAIT,
        ))
}

/// All routes with their document.
fn all(app: &App) -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(open_routes())
        .merge(person_routes())
        .merge(player_routes())
        .merge(console_routes())
        .merge(ranking_routes())
        .route_layer(middleware::from_fn_with_state(
            app.clone(),
            idempotency::once,
        ))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            MAX_WAIT,
        ))
        .merge(upload_routes(app))
        .merge(picture_routes())
        // Outermost, so that nothing of a request is looked at before it is known who asks.
        .route_layer(middleware::from_fn_with_state(app.clone(), access::admit))
}

/// The whole server as a service.
pub(crate) fn router(app: &App) -> Router {
    let (router, document) = all(app).split_for_parts();
    router
        .merge(compat::router(app))
        .fallback(|| async {
            Problem::not_found("no_such_page", "there is nothing at this address")
        })
        .method_not_allowed_fallback(|| async {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            Problem::new(
                status,
                "method_not_allowed",
                "this address does not take that method",
            )
        })
        .layer(axum::Extension(std::sync::Arc::new(document)))
        .layer(middleware::from_fn_with_state(app.clone(), compat::images))
        .layer(middleware::from_fn_with_state(app.clone(), guard::check))
        .layer(CatchPanicLayer::custom(
            |_: Box<dyn std::any::Any + Send>| {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                Problem::new(status, "panic", "something failed here; the log says what")
                    .into_response()
            },
        ))
        .layer(middleware::from_fn(guard::secure))
        .with_state(app.clone())
}
