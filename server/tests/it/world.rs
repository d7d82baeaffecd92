//! An engine and a server for one test.

use std::net::SocketAddr;
use std::sync::Arc;

use regard_audience::CrowdSettings;
use regard_backends::{SqliteOptions, SqliteStore};
use regard_commitments::{Actor, AdminAct, Commitments, EntryBody, LedgerEntry};
use regard_decision::{Campaign, ContextSpec, Creative};
use regard_domain::{CameraId, Clock, CreativeId, ScreenId};
use regard_engine::{
    CameraConfig, Engine, EngineConfig, Layout, PaperMaker, ScreenConfig, SlotArea,
};
use regard_inference::RuntimeChoice;
use regard_server::{AdminToken, Server, ServerConfig};
use regard_vision::{CameraPlacement, SourceSpec};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::{Answer, Request};

/// Drop it and all is gone.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) engine: Engine,
    pub(crate) data: TempDir,
    /// Where a certificate authority looks for texts, where it does.
    pub(crate) proving: Option<SocketAddr>,
    /// The admin token of a closed console.
    pub(crate) token: String,
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
            layout: None,
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
        recognition: regard_engine::RecognitionConfig::default(),
        papers: None,
        recording: None,
    }
}

/// An address of the document with an example for each parameter, `id` for the one that is called so.
pub(crate) fn example_of(path: &str, id: &str) -> String {
    let zeros = "0".repeat(32);
    let example = path
        .replace("{id}", id)
        .replace("{person}", &zeros)
        .replace("{template}", &zeros)
        .replace("{decision}", &zeros)
        .replace("{token}", &zeros)
        .replace("{attestation}", &zeros.repeat(2))
        .replace("{gallery}", "visitors")
        .replace("{webhook}", "till")
        .replace("{study}", "none")
        .replace("{purpose}", "learn")
        .replace("{kind}", "none")
        .replace("{version}", "v0")
        .replace("{day}", "2000-01-01")
        .replace("{code}", "0000")
        .replace("{name}", "none.png")
        .replace("{*path}", "base.css");
    assert!(!example.contains('{'), "no example for {path}");
    example
}

impl World {
    /// With a console that is open, as in the demonstration.
    pub(crate) async fn open() -> Self {
        Self::new(|config| config.open_console = true).await
    }

    /// With a console that needs the token.
    pub(crate) async fn closed() -> Self {
        Self::new(|config| config.admin_token = AdminToken::IfMissing).await
    }

    pub(crate) async fn new(adjust: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::on(tempfile::tempdir().unwrap(), |_| {}, adjust).await
    }

    /// With a screen in two slots, these campaigns and a console that is open.
    pub(crate) async fn parted(campaigns: &serde_json::Value) -> Self {
        Self::parted_with(campaigns, |_| {}).await
    }

    /// The same, told more.
    pub(crate) async fn parted_with(
        campaigns: &serde_json::Value,
        adjust: impl FnOnce(&mut ServerConfig),
    ) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut engine_config = engine_config(&data);
        let areas = [("main", 0, 70), ("side", 70, 30)];
        let areas = areas.map(|(slot, left_percent, width_percent)| SlotArea {
            slot: slot.parse().unwrap(),
            left_percent,
            top_percent: 0,
            width_percent,
            height_percent: 100,
        });
        engine_config.screens[0].layout = Some(Layout::new(areas.into()).unwrap());
        engine_config.campaigns = serde_json::from_value(campaigns.clone()).unwrap();
        let engine = Engine::start(engine_config).await.unwrap();
        Self::around(data, engine, |config| {
            config.open_console = true;
            adjust(config);
        })
        .await
    }

    /// Under other promises.
    pub(crate) async fn promising(change: impl FnOnce(&mut Commitments)) -> Self {
        let data = tempfile::tempdir().unwrap();
        Self::on(data, change, |config| config.open_console = true).await
    }

    /// On what an earlier world left.
    pub(crate) async fn on(
        data: TempDir,
        change: impl FnOnce(&mut Commitments),
        adjust: impl FnOnce(&mut ServerConfig),
    ) -> Self {
        let mut engine_config = engine_config(&data);
        change(&mut engine_config.commitments);
        let engine = Engine::start(engine_config).await.unwrap();
        Self::around(data, engine, adjust).await
    }

    /// With papers, and a console that needs the token.
    pub(crate) async fn with_papers(
        data: TempDir,
        change: impl FnOnce(&mut Commitments),
        maker: PaperMaker,
    ) -> Self {
        let mut engine_config = engine_config(&data);
        engine_config.papers = Some(maker);
        change(&mut engine_config.commitments);
        let engine = Engine::start(engine_config).await.unwrap();
        Self::around(data, engine, |config| {
            config.admin_token = AdminToken::IfMissing;
        })
        .await
    }

    /// On what an earlier world left, at another time, in UTC.
    pub(crate) async fn at(
        data: TempDir,
        clock: Arc<dyn Clock>,
        change: impl FnOnce(&mut Commitments),
        adjust: impl FnOnce(&mut ServerConfig),
    ) -> Self {
        let mut engine_config = engine_config(&data);
        engine_config.time_zone = Some("UTC".to_owned());
        change(&mut engine_config.commitments);
        let store = SqliteStore::open(data.path(), SqliteOptions::default());
        let store = Arc::new(store.await.unwrap());
        let engine = Engine::start_on(engine_config, clock, store).await.unwrap();
        Self::around(data, engine, adjust).await
    }

    /// The same with papers.
    pub(crate) async fn at_with_papers(
        data: TempDir,
        clock: Arc<dyn Clock>,
        change: impl FnOnce(&mut Commitments),
        maker: PaperMaker,
        adjust: impl FnOnce(&mut ServerConfig),
    ) -> Self {
        let mut engine_config = engine_config(&data);
        engine_config.time_zone = Some("UTC".to_owned());
        engine_config.papers = Some(maker);
        change(&mut engine_config.commitments);
        let store = SqliteStore::open(data.path(), SqliteOptions::default());
        let store = Arc::new(store.await.unwrap());
        let engine = Engine::start_on(engine_config, clock, store).await.unwrap();
        Self::around(data, engine, adjust).await
    }

    async fn around(data: TempDir, engine: Engine, adjust: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = ServerConfig::new(data.path().join("assets"), [7; 32]);
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.max_upload_bytes = 64 << 10;
        adjust(&mut config);
        let bound = Server::bind(config, engine.clone()).await.unwrap();
        let (address, proving) = (bound.address(), bound.proving_address());
        let token = bound.fresh_token().unwrap_or_default().to_owned();
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            bound.run(async { stopped.await.unwrap_or(()) }).await;
        });
        Self {
            address,
            proving,
            engine,
            data,
            token,
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

    /// Ends the server, waits until it has ended, and hands over what it kept.
    pub(crate) async fn end(self) -> TempDir {
        let Self {
            engine,
            data,
            stop,
            server,
            ..
        } = self;
        stop.unwrap().send(()).unwrap();
        server.unwrap().await.unwrap();
        engine.stop().await;
        data
    }

    /// Ends the server and waits until it has ended.
    pub(crate) async fn stop(self) {
        self.end().await;
    }

    /// A token made through the API by the admin: its id and its text.
    pub(crate) async fn make_token(&self, body: &serde_json::Value) -> (String, String) {
        let answer = self
            .post("/v1/tokens")
            .bearer(&self.token)
            .json(body)
            .send()
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let made: serde_json::Value = answer.json();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        (text(&made["record"]["id"]), text(&made["token"]))
    }

    /// Sends the login form as a browser does that opened it: with its cookie and what stands hidden in it.
    pub(crate) async fn log_in(&self, token: &str, session: Option<&str>) -> Answer {
        let opened = self.page("/login?next=/console").await;
        let held = opened.cookie("regard_form").expect("a cookie for the form");
        let text = opened.text();
        let hidden = text.split("name=\"form\" value=\"").nth(1).unwrap();
        let hidden = hidden.split('"').next().unwrap();
        let cookies: Vec<&str> = std::iter::once(held.as_str()).chain(session).collect();
        self.post("/login")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", &cookies.join("; "))
            .header("origin", &format!("http://{}", self.address))
            .bytes(format!("token={token}&form={hidden}&next=%2Fconsole").into_bytes())
            .send()
            .await
    }

    /// The acts in the ledger, in order: what was done, and by whom.
    pub(crate) async fn acts(&self) -> Vec<(AdminAct, Actor)> {
        let store = self.engine.store();
        let rows = store.ledger_range(0..u64::MAX).await.unwrap();
        let entries = rows
            .iter()
            .map(|row| LedgerEntry::from_leaf_bytes(row.bytes.as_ref().unwrap()).unwrap());
        entries
            .filter_map(|entry| match entry.body {
                EntryBody::Administered { act, by, .. } => Some((act, by)),
                _ => None,
            })
            .collect()
    }

    /// Waits until the ledger tells of an act of somebody from outside.
    pub(crate) async fn told_of(&self, act: AdminAct) -> Actor {
        let told = self.told(act, 1, |by| *by != Actor::Machine {}).await;
        told.into_iter().next_back().expect("one at least")
    }

    /// Waits until the ledger tells of an act so many times, whoever did it; how many times it does.
    pub(crate) async fn told_times(&self, act: AdminAct, n: usize) -> usize {
        self.told(act, n, |_| true).await.len()
    }

    /// Who did an act, of those who are meant, once they are so many: the ledger is written beside the answers.
    async fn told(&self, act: AdminAct, n: usize, is_meant: impl Fn(&Actor) -> bool) -> Vec<Actor> {
        let began = std::time::Instant::now();
        loop {
            let acts = self.acts().await.into_iter();
            let by = acts.filter_map(|(known, by)| (known == act).then_some(by));
            let told: Vec<Actor> = by.filter(&is_meant).collect();
            if told.len() >= n {
                return told;
            }
            let patience = std::time::Duration::from_secs(20);
            assert!(
                began.elapsed() < patience,
                "the ledger tells {} times of {act}, not {n}",
                told.len()
            );
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}
