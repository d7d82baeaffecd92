//! An engine on the demo clip.

use std::path::Path;
use std::time::{Duration, Instant};

use regard_audience::CrowdSettings;
use regard_commitments::Commitments;
use regard_decision::{Campaign, ContextSpec, Creative};
use regard_domain::{CameraId, Clock, CreativeId, ScreenId, Timestamp};
use regard_engine::{CameraConfig, Engine, EngineConfig, ScreenConfig, SystemClock};
use regard_inference::RuntimeChoice;
use regard_vision::{CameraPlacement, SourceSpec};

/// Longest time anything is waited for; a busy machine takes seconds where an idle one takes none.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Real time, so much later.
pub(crate) struct Later {
    clock: SystemClock,
    by: Duration,
}

impl Clock for Later {
    fn now(&self) -> Timestamp {
        self.clock.now().plus(self.by)
    }
}

impl Later {
    pub(crate) fn by(by: Duration) -> Self {
        let clock = SystemClock::new();
        Self { clock, by }
    }
}

pub(crate) fn screen() -> ScreenId {
    ScreenId::new("test").unwrap()
}

pub(crate) fn camera() -> CameraId {
    CameraId::new("test").unwrap()
}

fn message(id: &str, when: &str) -> Creative {
    let mut creative = Creative::text(CreativeId::new(id).unwrap(), id, "");
    creative.min_show_millis = 400;
    creative.duration_millis = 2_000;
    creative.when = serde_json::from_str(when).unwrap();
    creative
}

pub(crate) fn campaigns() -> Vec<Campaign> {
    let text = r#"{"id": "reactions", "name": "Reactions", "policy": {"kind": "thompson"}, "priority": 5}"#;
    let mut campaign: Campaign = serde_json::from_str(text).unwrap();
    campaign.creatives = vec![
        message("someone", r#"{"n_visitors": {"min": 1}}"#),
        message("also", r#"{"n_visitors": {"min": 1}}"#),
    ];
    campaign.reward.window_secs = 1;
    vec![campaign]
}

pub(crate) fn config(folder: &Path, in_process: bool) -> EngineConfig {
    let mut default_message = message("default", "{}");
    default_message.name = "Default".to_owned();
    EngineConfig {
        data_dir: folder.join("data"),
        commitments: Commitments::demo(),
        cameras: vec![CameraConfig {
            camera: camera(),
            source: SourceSpec::Demo,
            placement: CameraPlacement::default(),
            full_resolution: false,
        }],
        screens: vec![ScreenConfig {
            screen: screen(),
            camera: Some(camera()),
            in_process,
            layout: None,
        }],
        campaigns: campaigns(),
        default_message,
        context: ContextSpec::default(),
        time_zone: Some("UTC".to_owned()),
        crowd: CrowdSettings::default(),
        n_workers: Some(2),
        runtime: RuntimeChoice::Rten,
        models: None,
        detector_long_side_px: 320,
        site_key: regard_engine::SiteKeyConfig::default(),
        recognition: regard_engine::RecognitionConfig::default(),
        papers: None,
        recording: None,
    }
}

/// Waits until a condition holds, looking every 20 ms; false when it never did.
pub(crate) async fn until(mut holds: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if holds() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

/// The id of the message a screen shows now.
pub(crate) fn showing(engine: &Engine) -> Option<String> {
    let view = engine.screen(&screen()).unwrap();
    let view = view.borrow();
    view.showing.as_ref().map(|s| s.creative.id.to_string())
}
