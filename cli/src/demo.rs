//! `regard demo`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use regard_audience::CrowdSettings;
use regard_commitments::Commitments;
use regard_decision::{Campaign, ContextSpec, Creative};
use regard_domain::{CameraId, ScreenId};
use regard_engine::{CameraConfig, EngineConfig, ScreenConfig};
use regard_inference::RuntimeChoice;
use regard_server::ServerConfig;
use regard_vision::{CameraPlacement, SourceSpec};
use serde::Deserialize;

use crate::args::DemoArgs;
use crate::run;
use crate::sandbox::Reach;
use crate::speech::say;

const CAMPAIGNS: &str = include_str!("../data/demo-campaigns.toml");

/// The campaigns of the demonstration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DemoCampaigns {
    default_message: Creative,
    campaign: Vec<Campaign>,
}

/// A folder that goes with the program, unless the user named one to keep.
struct DataFolder {
    path: PathBuf,
    is_temporary: bool,
}

impl DataFolder {
    fn open(named: Option<&Path>) -> Result<Self> {
        if let Some(path) = named {
            return Ok(Self {
                path: path.to_owned(),
                is_temporary: false,
            });
        }
        let nanos = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_nanos();
        let name = format!("regard-demo-{}-{nanos}", std::process::id());
        Ok(Self {
            path: std::env::temp_dir().join(name),
            is_temporary: true,
        })
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        if self.is_temporary && self.path.exists() {
            // The system empties its temporary folder if we cannot.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Runs the demonstration until it is told to stop.
pub(crate) fn demo(args: &DemoArgs) -> Result<ExitCode> {
    if !args.listen.ip().is_loopback() {
        bail!(
            "the demonstration listens on this machine only; use 127.0.0.1, not {}",
            args.listen.ip()
        );
    }
    let folder = DataFolder::open(args.data.as_deref())?;
    let config = engine_config(args, &folder.path)?;
    let mut server = ServerConfig::new(folder.path.join("assets"), run::random_key()?);
    server.listen = args.listen;
    server.open_console = true;
    let kept = if folder.is_temporary {
        "a fresh temporary folder, removed at the end".to_owned()
    } else {
        folder.path.display().to_string()
    };
    regard_engine::create_private_folder(&folder.path)
        .with_context(|| format!("the data folder {} cannot be used", folder.path.display()))?;
    let mut reach = Reach::of(&config, &server);
    if folder.is_temporary {
        reach = reach.tidying(&folder.path);
    }
    run::serve(config, server, &reach, BTreeMap::new(), |address, _| {
        introduction(args, address, &kept);
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn engine_config(args: &DemoArgs, data_dir: &Path) -> Result<EngineConfig> {
    let demo: DemoCampaigns = toml::from_str(CAMPAIGNS).context("the campaigns of the demo")?;
    let (camera, screen) = (CameraId::new("demo")?, ScreenId::new("demo")?);
    Ok(EngineConfig {
        data_dir: data_dir.to_owned(),
        commitments: Commitments::demo(),
        cameras: vec![CameraConfig {
            camera: camera.clone(),
            source: source(args)?,
            placement: CameraPlacement::default(),
            full_resolution: false,
        }],
        screens: vec![ScreenConfig {
            screen,
            camera: Some(camera),
            layout: None,
            in_process: !args.no_screen,
        }],
        campaigns: demo.campaign,
        default_message: demo.default_message,
        context: ContextSpec::default(),
        time_zone: None,
        crowd: CrowdSettings::default(),
        n_workers: None,
        runtime: RuntimeChoice::Auto,
        models: std::env::var_os("REGARD_MODELS").map(PathBuf::from),
        detector_long_side_px: 320,
        site_key: regard_engine::SiteKeyConfig::default(),
        recognition: regard_engine::RecognitionConfig::default(),
        papers: None,
        recording: args.record.clone(),
    })
}

fn source(args: &DemoArgs) -> Result<SourceSpec> {
    let text = match (&args.camera, args.browser, &args.source) {
        (Some(device), _, _) => format!("v4l2:{}", device.display()),
        (None, true, _) => "push:browser".to_owned(),
        (None, false, Some(source)) => source.clone(),
        (None, false, None) => return Ok(SourceSpec::Demo),
    };
    text.parse().with_context(|| format!("source {text:?}"))
}

/// What a person reads first, below the line that scripts read.
fn introduction(args: &DemoArgs, address: &str, kept: &str) {
    let camera = match source(args) {
        Ok(SourceSpec::Demo) => {
            "a recorded clip of one man and a portrait, over and over".to_owned()
        }
        Ok(SourceSpec::Push { .. }) => {
            "your browser's webcam: open the console and switch it on there".to_owned()
        }
        Ok(source) => source.to_string(),
        Err(error) => format!("{error:#}"),
    };
    say(format_args!(
        "
Regard looks at the people in front of a screen, chooses what to show them, and learns.
  camera    {camera}
  promises  profile lab, signed just now; everything stays on this machine
  data      {kept}

Open in a browser:
  {address}/screen/demo   the screen; it changes with the face
  {address}/console       what is seen, what was decided and why
  {address}/privacy       what this does, for the person in front of it"
    ));
    if args.no_screen {
        say(format_args!(
            "
No screen shows the notice, so the camera stays shut (notice_missing).
Open the screen page, and it opens; close it, and the camera shuts within a second."
        ));
    }
    say("\nStop with Ctrl-C.");
}
