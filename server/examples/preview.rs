//! The pages with a real engine on the built-in clip, to look at while changing them:
//! `cargo run -p regard-server --example preview`. Everything is in a temporary folder.

use std::error::Error;

use regard_audience::CrowdSettings;
use regard_commitments::Commitments;
use regard_decision::{Campaign, ContextSpec, Creative};
use regard_domain::{CameraId, CreativeId, ScreenId};
use regard_engine::{CameraConfig, Engine, EngineConfig, ScreenConfig};
use regard_inference::RuntimeChoice;
use regard_server::{Server, ServerConfig};
use regard_vision::{CameraPlacement, SourceSpec};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "says where to look")]
async fn main() -> Result<(), Box<dyn Error>> {
    let data = tempfile::tempdir()?;
    let (camera, screen) = (CameraId::new("demo")?, ScreenId::new("demo")?);
    let campaigns: Vec<Campaign> = serde_json::from_value(serde_json::json!([{
        "id": "cafe", "name": "Café", "viewer_benefit": "Offers that fit the hour.",
        "creative": [
            {"id": "welcome", "name": "Welcome", "when": {"expression": [{"label": "happy", "min": 0.5}]}, "content": {
                "kind": "text", "title": "Good to see you", "body": "Fresh bread every hour.",
                "background": "#0b3d4f", "color": "#ffffff"}},
            {"id": "morning", "name": "Morning", "content": {
                "kind": "text", "title": "The kettle is on", "body": "Come in and warm up.",
                "background": "#4a2c17", "color": "#fff6ea"}},
        ],
    }]))?;
    let engine = Engine::start(EngineConfig {
        data_dir: data.path().to_owned(),
        commitments: Commitments::demo(),
        cameras: vec![CameraConfig {
            camera: camera.clone(),
            source: SourceSpec::Demo,
            placement: CameraPlacement::default(),
            full_resolution: false,
        }],
        screens: vec![ScreenConfig {
            screen,
            camera: Some(camera),
            in_process: true,
            layout: None,
        }],
        campaigns,
        default_message: Creative::text(CreativeId::new("default")?, "Regard", ""),
        context: ContextSpec::default(),
        time_zone: None,
        crowd: CrowdSettings::default(),
        n_workers: None,
        runtime: RuntimeChoice::Auto,
        models: None,
        detector_long_side_px: 320,
        site_key: regard_engine::SiteKeyConfig::default(),
        recognition: regard_engine::RecognitionConfig::default(),
        papers: None,
        recording: None,
    })
    .await?;
    let mut config = ServerConfig::new(data.path().join("assets"), [0; 32]);
    config.open_console = true;
    let bound = Server::bind(config, engine.clone()).await?;
    println!("listening on http://{}", bound.address());
    bound
        .run(async { tokio::signal::ctrl_c().await.unwrap_or(()) })
        .await;
    engine.stop().await;
    Ok(())
}
