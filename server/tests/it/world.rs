//! An engine and a server for one test.

use std::net::SocketAddr;

use regard_audience::CrowdSettings;
use regard_commitments::Commitments;
use regard_decision::{Campaign, ContextSpec, Creative};
use regard_domain::{CameraId, CreativeId, ScreenId};
use regard_engine::{CameraConfig, Engine, EngineConfig, ScreenConfig};
use regard_inference::RuntimeChoice;
use regard_server::{Server, ServerConfig};
use regard_vision::{CameraPlacement, SourceSpec};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::{Answer, Request};

/// The admin token of closed consoles.
pub(crate) const TOKEN: &str = "an admin token of a test";

/// Drop it and all is gone.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) engine: Engine,
    pub(crate) data: TempDir,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

/// A camera that waits for frames of a browser, one screen, one campaign.
fn engine_config(data: &TempDir) -> EngineConfig {
    let (camera, screen) = (
        CameraId::new("demo").unwrap(),
        ScreenId::new("demo").unwrap(),
    );
    let welcome = |id: &str| Creative::text(CreativeId::new(id).unwrap(), "Welcome", "Come in");
    let campaign: Campaign = serde_json::from_value(serde_json::json!({
        "id": "spring", "name": "Spring", "viewer_benefit": "Prices <b>in view</b>",
        "creatives": [serde_json::to_value(welcome("hello")).unwrap()],
    }))
    .unwrap();
    EngineConfig {
        data_dir: data.path().to_owned(),
        commitments: Commitments::demo(),
        cameras: vec![CameraConfig {
            camera: camera.clone(),
            source: SourceSpec::Push {
                name: "browser".to_owned(),
            },
            placement: CameraPlacement::default(),
            full_resolution: false,
        }],
        screens: vec![ScreenConfig {
            screen,
            camera: Some(camera),
            in_process: false,
        }],
        campaigns: vec![campaign],
        default_message: welcome("default"),
        context: ContextSpec::default(),
        time_zone: None,
        crowd: CrowdSettings::default(),
        n_workers: Some(1),
        runtime: RuntimeChoice::Auto,
        models: None,
        detector_long_side_px: 320,
        site_key: regard_engine::SiteKeyConfig::default(),
        recording: None,
    }
}

impl World {
    /// With a console that is open, as in the demonstration.
    pub(crate) async fn open() -> Self {
        Self::new(|config| config.open_console = true).await
    }

    /// With a console that needs the token.
    pub(crate) async fn closed() -> Self {
        Self::new(|config| config.admin_token_hash = Some(Sha256::digest(TOKEN).into())).await
    }

    pub(crate) async fn new(adjust: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::of(|_| {}, adjust).await
    }

    /// Under other promises.
    pub(crate) async fn promising(change: impl FnOnce(&mut Commitments)) -> Self {
        Self::of(change, |config| config.open_console = true).await
    }

    async fn of(
        change: impl FnOnce(&mut Commitments),
        adjust: impl FnOnce(&mut ServerConfig),
    ) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut engine_config = engine_config(&data);
        change(&mut engine_config.commitments);
        let engine = Engine::start(engine_config).await.unwrap();
        let mut config = ServerConfig::new(data.path().join("assets"), [7; 32]);
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.max_upload_bytes = 64 << 10;
        adjust(&mut config);
        let bound = Server::bind(config, engine.clone()).await.unwrap();
        let address = bound.address();
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            bound
                .run(async { stopped.await.unwrap_or(()) })
                .await
                .unwrap();
        });
        Self {
            address,
            engine,
            data,
            stop: Some(stop),
            server: Some(server),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Request {
        Request::new(self.address, "GET", path)
    }

    pub(crate) fn post(&self, path: &str) -> Request {
        Request::new(self.address, "POST", path)
    }

    pub(crate) fn put(&self, path: &str) -> Request {
        Request::new(self.address, "PUT", path)
    }

    pub(crate) fn delete(&self, path: &str) -> Request {
        Request::new(self.address, "DELETE", path)
    }

    pub(crate) async fn page(&self, path: &str) -> Answer {
        self.get(path).header("accept", "text/html").send().await
    }

    /// Ends the server and waits until it has ended.
    pub(crate) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.server.take().unwrap().await.unwrap();
        self.engine.stop().await;
    }
}
