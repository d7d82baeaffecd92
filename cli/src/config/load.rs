//! From files to what an engine and a server are started with, or to the list of all mistakes.

mod slots;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Path as FilePath, PathBuf};

use regard_audience::CrowdSettings;
use regard_commitments::Commitments;
use regard_decision::{Campaign, ContextSpec, Creative};
use regard_engine::{CameraConfig, EngineConfig, GalleryConfig, ScreenConfig};
use regard_server::{
    AcmeConfig, CompatConfig, Connectors, MqttConfig, ServerConfig, WebhookConfig,
};
use regard_vision::{CameraPlacement, SourceSpec};

use super::asset::{Asset, asset_of};
use super::campaigns::{self, Surroundings, plain_message};
use super::document::{Document, Mistake, read_text};
use super::form::{CameraForm, ServerForm, SiteFile};
use super::hint::{closest, did_you_mean};
use super::path::Path;
use super::promises;
use super::reader::{Reading, read};
use super::tls::{self, CERTIFICATES};
use super::{compat, connectors, gallery};

/// A configuration without mistakes.
#[derive(Debug)]
pub(crate) struct Site {
    form: SiteFile,
    folder: PathBuf,
    commitments: Commitments,
    campaigns: Vec<Campaign>,
    default_message: Creative,
    cameras: Vec<CameraConfig>,
    context: ContextSpec,
    connectors: Connectors,
    compat: CompatConfig,
    acme: Option<AcmeConfig>,
    gallery: GalleryConfig,
    /// The files that messages show.
    pub(crate) assets: Vec<Asset>,
}

impl Site {
    /// The folder of `regard.toml`, which paths in it are relative to.
    pub(crate) fn folder(&self) -> &FilePath {
        &self.folder
    }

    /// The file of the commitments.
    pub(crate) fn commitments_file(&self) -> PathBuf {
        self.folder.join(&self.form.commitments)
    }

    /// What it holds, in a line.
    pub(crate) fn summary(&self) -> String {
        let counted = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let n_messages = self
            .campaigns
            .iter()
            .map(|campaign| campaign.creatives.len())
            .sum();
        format!(
            "{}, {}, {} with {}",
            counted(self.cameras.len(), "camera"),
            counted(self.form.screens.len(), "screen"),
            counted(self.campaigns.len(), "campaign"),
            counted(n_messages, "message"),
        )
    }

    /// The screens and the cameras that watch their audience, in words.
    pub(crate) fn screens(&self) -> Vec<ScreenConfig> {
        let screens = self.form.screens.iter();
        screens
            .map(|screen| ScreenConfig {
                screen: screen.id.clone(),
                camera: screen.camera.clone(),
                in_process: screen.in_process,
                // It was checked when the configuration was read.
                layout: screen.layout().and_then(Result::ok),
            })
            .collect()
    }

    /// The cameras.
    pub(crate) fn cameras(&self) -> &[CameraConfig] {
        &self.cameras
    }

    /// The address under which others reach the server, if one is set.
    pub(crate) fn public_url(&self) -> Option<&str> {
        self.form
            .server
            .public_url
            .as_ref()
            .map(|url| url.0.as_str())
    }

    /// The commitments.
    pub(crate) const fn commitments(&self) -> &Commitments {
        &self.commitments
    }

    /// What an engine is started with.
    pub(crate) fn engine_config(&self, data_dir: &FilePath) -> EngineConfig {
        let engine = &self.form.engine;
        let models = engine
            .models
            .as_ref()
            .map(|models| self.folder.join(models));
        EngineConfig {
            data_dir: data_dir.to_owned(),
            commitments: self.commitments.clone(),
            cameras: self.cameras.clone(),
            screens: self.screens(),
            campaigns: self.campaigns.clone(),
            default_message: self.default_message.clone(),
            context: self.context.clone(),
            time_zone: self.form.site.time_zone.as_ref().map(|zone| zone.0.clone()),
            crowd: CrowdSettings::default(),
            n_workers: engine
                .workers
                .and_then(|workers| usize::try_from(workers.0).ok()),
            runtime: engine.runtime.choice(),
            models: std::env::var_os("REGARD_MODELS")
                .map(PathBuf::from)
                .or(models),
            detector_long_side_px: engine.detector_long_side_px.0,
            site_key: regard_engine::SiteKeyConfig::default(),
            recognition: self
                .form
                .recognition
                .config(&self.form.cameras, self.gallery.clone()),
            papers: None,
            recording: None,
        }
    }

    /// What keeps those who may be found.
    pub(crate) const fn gallery(&self) -> &GalleryConfig {
        &self.gallery
    }

    /// The broker that is told what happens, if there is one.
    pub(crate) const fn broker(&self) -> Option<&MqttConfig> {
        self.connectors.mqtt.as_ref()
    }

    /// Every host and port that the program calls: to tell what happens, and for certificates.
    pub(crate) fn outbound_hosts(&self) -> Vec<(String, u16)> {
        let hooks = self.form.webhooks.iter().map(|hook| &hook.url.0);
        hooks
            .map(|url| (url.host().to_owned(), url.port()))
            .chain(self.connectors.hosts())
            .chain(self.acme.iter().map(AcmeConfig::host))
            .collect()
    }

    /// What a server is started with; the admin token comes later.
    pub(crate) fn server_config(&self, data_dir: &FilePath, session_key: [u8; 32]) -> ServerConfig {
        let ServerForm {
            listen,
            allow_remote,
            host_names,
            public_url,
            max_upload_mib,
            requires_approval,
            tls,
        } = self.form.server.clone();
        let max_upload_bytes = usize::try_from(u64::from(max_upload_mib.0) << 20);
        ServerConfig {
            listen: listen.0,
            allow_remote,
            host_names: host_names.into_iter().map(|name| name.0).collect(),
            public_url: public_url.map(|url| url.0),
            max_upload_bytes: max_upload_bytes.unwrap_or(usize::MAX),
            requires_approval,
            connectors: self.connectors.clone(),
            tls: tls.map(|tls| tls.files(&self.folder, data_dir)),
            acme: self.acme.clone().map(|acme| AcmeConfig {
                folder: data_dir.join(CERTIFICATES),
                ..acme
            }),
            webhooks: self.webhooks(),
            compat: self.compat.clone(),
            ..ServerConfig::new(data_dir.join(ASSETS), session_key)
        }
    }
}

/// Folder of what messages show, in the data folder.
pub(crate) const ASSETS: &str = "assets";

/// A classifier of the configuration: its name, its files, and the error it is to keep.
pub(crate) struct ClassifierFiles {
    pub(crate) id: String,
    pub(crate) model: PathBuf,
    pub(crate) network: Option<PathBuf>,
    pub(crate) error: Option<f64>,
}

impl Site {
    /// What tells things in pictures that are handed in.
    pub(crate) fn classifiers(&self) -> Vec<ClassifierFiles> {
        let forms = self.form.classifiers.iter();
        forms
            .map(|form| ClassifierFiles {
                id: form.id.0.clone(),
                model: self.folder.join(&form.model),
                network: form.network.as_ref().map(|file| self.folder.join(file)),
                error: form.error,
            })
            .collect()
    }

    fn webhooks(&self) -> Vec<WebhookConfig> {
        let webhooks = self.form.webhooks.iter();
        webhooks
            .map(|form| WebhookConfig {
                id: form.id.0.clone(),
                url: form.url.0.clone(),
                events: form.events.iter().copied().collect(),
            })
            .collect()
    }
}

/// Reads a configuration and everything it names.
///
/// # Errors
/// Every mistake found, in the order of files and lines; never an empty list.
pub(crate) fn load(file: &FilePath) -> Result<Site, Vec<Mistake>> {
    let text = read_text(file).map_err(|message| {
        let (file, path) = (file.to_owned(), String::new());
        vec![Mistake {
            file,
            line: 1,
            column: 1,
            path,
            message,
        }]
    })?;
    let mut mistakes = Vec::new();
    let document = Document::parse(file, &text, &mut mistakes);
    let is_whole = mistakes.is_empty();
    let mut reading: Reading<SiteFile> = read(&document);
    if is_whole {
        mistakes.append(&mut reading.mistakes);
    }
    let form = reading.value.take();
    let check = Check {
        document: &document,
        reading: &reading,
        is_whole,
    };
    let site = check.site(form.as_ref(), &mut mistakes);
    mistakes.sort();
    mistakes.dedup();
    match (site, form) {
        (Some(site), Some(form)) if mistakes.is_empty() => Ok(Site { form, ..site }),
        _ => Err(mistakes),
    }
}

/// The checks that need more than one value.
struct Check<'c, 't> {
    document: &'c Document<'t>,
    reading: &'c Reading<SiteFile>,
    /// Whether the text is without mistakes of syntax; otherwise parts of it are not known.
    is_whole: bool,
}

impl Check<'_, '_> {
    fn folder(&self) -> &FilePath {
        self.document.file().parent().unwrap_or(FilePath::new(""))
    }

    /// Tells a mistake at a path of the form, unless what stands there was mended by us.
    fn tell(&self, mistakes: &mut Vec<Mistake>, path: &str, message: String) {
        let path = self.reading.path_in_document(&Path::parse(path));
        if self.is_whole && self.reading.is_as_written(&path) {
            mistakes.push(self.document.mistake(&path, message));
        }
    }

    /// Whether every camera or screen has the id its author meant: else nobody knows which is named.
    fn are_ids_as_written(&self, kind: &str, n: usize) -> bool {
        let array = Path::ROOT.key(kind);
        let values = self.document.root().get_ref().get(kind);
        let n_written = values
            .and_then(|v| v.get_ref().as_array())
            .map_or(0, |v| v.len());
        self.reading.has_all_ids(&array, n.max(n_written))
    }

    fn site(&self, form: Option<&SiteFile>, mistakes: &mut Vec<Mistake>) -> Option<Site> {
        let default_form = SiteFile::default();
        let is_named = self.is_whole && form.is_some();
        let read = form.unwrap_or(&default_form);
        let known = form
            .filter(|form| self.is_whole && self.are_ids_as_written("camera", form.cameras.len()));
        // A path that was mended is the path of no file, and told already.
        let is_given = self.reading.is_as_written(&Path::ROOT.key("commitments"));
        let file = self.folder().join(&read.commitments);
        let commitments = if is_given && (is_named || file.exists()) {
            promises::commitments(self.document, &file, known, mistakes)
        } else {
            None
        };
        let files = campaigns::files(self.document, &self.patterns(read), mistakes);
        let name = commitments
            .as_ref()
            .map_or("Regard", |c| c.site.name.as_str());
        let mut default_message = read
            .default_message
            .clone()
            .unwrap_or_else(|| plain_message(name));
        let mut assets = self.asset_of_default(&mut default_message, mistakes);
        let surroundings = Surroundings {
            screens: (is_named && self.are_ids_as_written("screen", read.screens.len()))
                .then(|| read.screen_ids()),
            slots: (is_named && self.are_slots_as_written(read)).then(|| read.slot_ids()),
            inline: &read.inline_campaigns,
            default_message: &default_message,
        };
        let is_as_written = |path: &Path| self.is_whole && self.reading.is_all_as_written(path);
        let path_in_site = |path: &Path| self.reading.path_in_document(path);
        let found = campaigns::gather(
            self.document,
            &is_as_written,
            &path_in_site,
            &files,
            &surroundings,
        );
        assets.extend(found.assets);
        assets.sort();
        assets.dedup_by(|a, b| a.name == b.name);
        mistakes.extend(found.mistakes);
        let form = form?;
        self.ids(form, mistakes);
        self.server(&form.server, mistakes);
        self.layouts(form, mistakes);
        let context = self.context(form, mistakes);
        let cameras = self.cameras(form, mistakes);
        let tell = &mut |path: &str, message: String| self.tell(mistakes, path, message);
        let connectors = connectors::read(form, self.folder(), tell);
        let compat = compat::compat(&form.compat, self.folder(), tell);
        let gallery = gallery::read(&form.recognition.gallery, self.folder(), tell);
        let acme = form.server.tls.as_ref().and_then(|tls| tls.acme.as_ref());
        let acme = acme.and_then(|acme| tls::acme(acme, self.folder(), tell));
        Some(Site {
            form: SiteFile::default(),
            folder: self.folder().to_owned(),
            commitments: commitments?,
            campaigns: found.campaigns,
            default_message,
            cameras,
            context,
            connectors,
            compat,
            acme,
            gallery,
            assets,
        })
    }

    /// The patterns of campaign files as their author wrote them, and where they stand.
    fn patterns<'f>(&self, form: &'f SiteFile) -> Vec<(Path, &'f str)> {
        let array = Path::ROOT.key("campaigns");
        let patterns = form.campaigns.iter().enumerate();
        patterns
            .map(|(i, pattern)| {
                let path = self.reading.path_in_document(&array.index(i));
                (path, pattern.as_str())
            })
            .filter(|(path, _)| self.reading.is_as_written(path))
            .collect()
    }

    fn asset_of_default(&self, message: &mut Creative, mistakes: &mut Vec<Mistake>) -> Vec<Asset> {
        let Some((kind, named)) = asset_of(message) else {
            return Vec::new();
        };
        match Asset::find(self.folder(), named, kind) {
            Ok(asset) => {
                named.clone_from(&asset.name);
                vec![asset]
            }
            Err(said) => {
                "missing".clone_into(named);
                self.tell(mistakes, "default_message.content.asset", said);
                Vec::new()
            }
        }
    }

    /// Ids are there once, and those that are named are there.
    fn ids(&self, form: &SiteFile, mistakes: &mut Vec<Mistake>) {
        if form.screens.is_empty() {
            let message = "expected at least one [[screen]], found none; \
                           a screen is a browser at /screen/ID and needs no more than: id = \"entrance\"";
            self.tell(mistakes, "screen", message.to_owned());
        }
        self.once(
            mistakes,
            "camera",
            form.cameras.iter().map(|camera| &camera.id),
        );
        self.once(
            mistakes,
            "screen",
            form.screens.iter().map(|screen| &screen.id),
        );
        self.once(
            mistakes,
            "webhook",
            form.webhooks.iter().map(|webhook| &webhook.id.0),
        );
        self.once(
            mistakes,
            "classifier",
            form.classifiers.iter().map(|classifier| &classifier.id.0),
        );
        if !self.are_ids_as_written("camera", form.cameras.len()) {
            return;
        }
        let cameras = form.camera_ids();
        for (i, screen) in form.screens.iter().enumerate() {
            if let Some(camera) = screen
                .camera
                .as_ref()
                .filter(|camera| !cameras.contains(camera))
            {
                let known = cameras.iter().map(|id| id.as_str());
                let hint = did_you_mean(closest(camera.as_str(), known));
                let message = format!("expected the id of a [[camera]], found \"{camera}\"{hint}");
                self.tell(mistakes, &format!("screen[{i}].camera"), message);
            }
        }
    }

    fn once<I: Ord + Display>(
        &self,
        mistakes: &mut Vec<Mistake>,
        kind: &str,
        ids: impl Iterator<Item = I>,
    ) {
        let mut seen = BTreeSet::new();
        for (i, id) in ids.enumerate() {
            let text = id.to_string();
            if !seen.insert(id) {
                let message = format!("expected an id of its own, found \"{text}\" a second time");
                self.tell(mistakes, &format!("{kind}[{i}].id"), message);
            }
        }
    }

    fn server(&self, server: &ServerForm, mistakes: &mut Vec<Mistake>) {
        let is_known = self
            .reading
            .is_as_written(&Path::parse("server.allow_remote"));
        if !server.listen.0.ip().is_loopback() && !server.allow_remote && is_known {
            let message = format!(
                "expected an address of this machine only, found {}, which others can reach; \
                 if that is meant add allow_remote = true",
                server.listen.0
            );
            self.tell(mistakes, "server.listen", message);
        }
        if let Some(tls) = &server.tls {
            tls.check(self.folder(), server.listen.0, &mut |path, message| {
                self.tell(mistakes, path, message);
            });
        }
    }

    fn cameras(&self, form: &SiteFile, mistakes: &mut Vec<Mistake>) -> Vec<CameraConfig> {
        let cameras = form.cameras.iter().enumerate();
        cameras
            .map(|(i, camera)| CameraConfig {
                camera: camera.id.clone(),
                source: self.source(&camera.source.0),
                placement: self.placement(&format!("camera[{i}]"), camera, mistakes),
                full_resolution: camera.full_resolution,
            })
            .collect()
    }

    /// Paths are relative to the configuration, wherever the program was started.
    fn source(&self, source: &SourceSpec) -> SourceSpec {
        let mut source = source.clone();
        match &mut source {
            SourceSpec::Clip(clip) => clip.path = self.folder().join(&clip.path),
            SourceSpec::Folder(folder) => folder.path = self.folder().join(&folder.path),
            SourceSpec::Ffmpeg(input) if input.is_file() => {
                let shown = SourceSpec::Ffmpeg(input.clone()).to_string();
                let file = shown.strip_prefix("ffmpeg:").unwrap_or(&shown);
                let text = format!("ffmpeg:{}", self.folder().join(file).display());
                if let Ok(joined) = text.parse() {
                    return joined;
                }
            }
            SourceSpec::V4l2(_)
            | SourceSpec::Http(_)
            | SourceSpec::Ffmpeg(_)
            | SourceSpec::Push { .. }
            | SourceSpec::Demo => {}
        }
        source
    }

    fn placement(
        &self,
        path: &str,
        camera: &CameraForm,
        mistakes: &mut Vec<Mistake>,
    ) -> CameraPlacement {
        let angles = [
            ("screen_right_deg", camera.screen_right_deg),
            ("screen_up_deg", camera.screen_up_deg),
        ];
        let lengths = [
            ("screen_right_cm", camera.screen_right_cm),
            ("screen_up_cm", camera.screen_up_cm),
            ("distance_cm", camera.distance_cm),
        ];
        let given = |all: &[(&'static str, Option<f32>)]| {
            all.iter()
                .find(|(_, value)| value.is_some())
                .map(|(name, _)| *name)
        };
        if let (Some(_), Some(length)) = (given(&angles), given(&lengths)) {
            let message = "expected the place of the screen in degrees or in centimeters, found both; \
                           remove one";
            self.tell(mistakes, &format!("{path}.{length}"), message.to_owned());
            return CameraPlacement::default();
        }
        for (name, value) in angles {
            if let Some(value) = value.filter(|value| !(-90.0..=90.0).contains(value)) {
                let message = format!("expected degrees from -90 to 90, found {value}");
                self.tell(mistakes, &format!("{path}.{name}"), message);
            }
        }
        if given(&lengths).is_none() {
            return CameraPlacement {
                screen_right_deg: camera.screen_right_deg.unwrap_or(0.0),
                screen_up_deg: camera.screen_up_deg.unwrap_or(0.0),
            };
        }
        let Some(distance_cm) = camera.distance_cm else {
            let message = "\"distance_cm\" is missing: how far away people stand, such as 150";
            self.tell(mistakes, path, message.to_owned());
            return CameraPlacement::default();
        };
        let right_cm = camera.screen_right_cm.unwrap_or(0.0);
        let up_cm = camera.screen_up_cm.unwrap_or(0.0);
        CameraPlacement::from_centimeters(right_cm, up_cm, distance_cm).unwrap_or_else(|| {
            let message = format!("expected centimeters above 0, found {distance_cm}");
            self.tell(mistakes, &format!("{path}.distance_cm"), message);
            CameraPlacement::default()
        })
    }
}
