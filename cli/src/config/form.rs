//! The forms of `regard.toml` and of campaign files.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use regard_backends::BrokerAddress;
use regard_decision::{Campaign, Creative, FactFeature};
use regard_domain::{CameraId, ScreenId, SlotId};
use regard_engine::{BadLayout, GalleryConfig, Layout, MarkedSpot, RecognitionConfig, SlotArea};
use regard_identity::TargetRate;
use regard_inference::{Device, RuntimeChoice};
use regard_server::{OutboundUrl, WebhookEvent};
use regard_vision::SourceSpec;
use serde::Deserialize;

use super::compat::CompatForm;
use super::gallery::GalleryForm;
use super::tls::TlsForm;

/// A value read from a text, with the reader's own words when it cannot be.
macro_rules! from_text {
    ($(#[$doc:meta])* $name:ident($inner:ty) = $read:expr;) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize)]
        #[serde(try_from = "String")]
        pub(super) struct $name(pub(super) $inner);

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                let read: fn(&str) -> Result<$inner, String> = $read;
                read(&text).map(Self)
            }
        }
    };
}

pub(super) use from_text;

/// A whole number within a range.
macro_rules! number_in_range {
    ($(#[$doc:meta])* $name:ident: $least:literal to $most:literal;) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Deserialize)]
        #[serde(try_from = "i64")]
        pub(super) struct $name(pub(super) u32);

        impl TryFrom<i64> for $name {
            type Error = String;
            fn try_from(number: i64) -> Result<Self, String> {
                u32::try_from(number)
                    .ok()
                    .filter(|number| ($least..=$most).contains(number))
                    .map(Self)
                    .ok_or_else(|| {
                        format!("expected a whole number from {} to {}, found {number}", $least, $most)
                    })
            }
        }
    };
}

pub(super) use number_in_range;

from_text! {
    /// Where frames come from.
    Source(SourceSpec) = |text| text.parse().map_err(|error: regard_vision::SpecError| error.to_string());
}

from_text! {
    /// An address to listen on.
    Listen(SocketAddr) = |text| {
        let text = text.strip_prefix("localhost:").map_or(text.to_owned(), |port| format!("127.0.0.1:{port}"));
        text.parse().map_err(|_| format!(
            "expected an address and a port such as \"127.0.0.1:8787\" or \"[::]:8787\", found {text:?}"
        ))
    };
}

from_text! {
    /// A name as in the `Host` header, without a port.
    HostName(String) = |text| {
        let good = (1..=253).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
        if good { Ok(text.to_ascii_lowercase()) } else { Err(format!(
            "expected a name without scheme, port and path, such as \"signage.example.org\", found {text:?}"
        )) }
    };
}

from_text! {
    /// Scheme, name and port of an address that people outside use.
    PublicUrl(String) = |text| {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let good = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest)).is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| {
                b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']')
            })
        });
        if good { Ok(text.trim_end_matches('/').to_owned()) } else { Err(format!(
            "expected http:// or https://, a name and perhaps a port, such as \"https://signage.example.org\", \
             found {text:?}"
        )) }
    };
}

from_text! {
    /// A time zone by name.
    TimeZone(String) = |text| match regard_engine::Calendar::new(Some(text)) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    };
}

number_in_range! {
    /// Analysis threads. More than 64 is more than any machine this is made for has cores.
    Workers: 1 to 64;
}

number_in_range! {
    /// Longer side of the picture that faces are looked for in. Below 128 pixels no face of a common
    /// camera is left; 1920 is the whole of a frame.
    LongSide: 128 to 1920;
}

number_in_range! {
    /// Largest upload in MiB: up to 4 GiB, the largest film that every file system holds.
    UploadMib: 1 to 4096;
}

/// Which model runtime.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RuntimeName {
    /// For each network the first that can load it: native, ONNX Runtime, rten.
    #[default]
    Auto,
    /// The built-in ones alone: native, and rten for what it cannot load.
    Native,
    /// The general one that is built in.
    Rten,
    /// ONNX Runtime or nothing.
    OnnxRuntime,
    /// ONNX Runtime on an NVIDIA GPU, or nothing.
    Cuda,
}

impl RuntimeName {
    pub(super) const fn choice(self) -> RuntimeChoice {
        match self {
            Self::Auto => RuntimeChoice::Auto,
            Self::Native => RuntimeChoice::Native,
            Self::Rten => RuntimeChoice::Rten,
            Self::OnnxRuntime => RuntimeChoice::OnnxRuntime(Device::Cpu),
            Self::Cuda => RuntimeChoice::OnnxRuntime(Device::Cuda),
        }
    }
}

/// `[site]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SiteForm {
    /// Time zone of schedules and days; left out: the machine's.
    pub(super) time_zone: Option<TimeZone>,
}

from_text! {
    /// An address that is called.
    Outbound(OutboundUrl) = |text| text.parse().map_err(|error: regard_server::BadOutboundUrl| format!("{error}, found {text:?}"));
}

from_text! {
    /// The address of an MQTT broker.
    BrokerUrl(BrokerAddress) = |text| text.parse().map_err(|error: regard_backends::BadBrokerAddress| format!("{error}, found {text:?}"));
}

/// What other signage is told.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SignageKind {
    /// A Xibo player in the same network.
    XiboPlayer,
    /// A Xibo CMS.
    XiboCms,
    /// An Anthias player.
    Anthias,
}

/// `[[signage]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignageForm {
    pub(super) screen: ScreenId,
    pub(super) kind: SignageKind,
    pub(super) url: Outbound,
    /// Of a Xibo CMS: which displays.
    pub(super) display_group: Option<u32>,
    /// Of a Xibo CMS: the id of the application; of Anthias: the user.
    pub(super) user: Option<String>,
    /// A file whose first line is the secret of either.
    pub(super) password_file: Option<PathBuf>,
    /// Of Anthias: the asset of each message.
    #[serde(default)]
    pub(super) assets: BTreeMap<String, String>,
}

/// `[mqtt.tls]`: files in PEM, relative to this one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct BrokerTlsForm {
    /// Who vouches for the broker; left out: whoever the system trusts.
    pub(super) ca: Option<PathBuf>,
    /// What the broker is shown, where it asks …
    pub(super) certificate: Option<PathBuf>,
    /// … and its key.
    pub(super) key: Option<PathBuf>,
}

/// `[mqtt]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MqttForm {
    pub(super) broker: BrokerUrl,
    pub(super) user: Option<String>,
    /// A file whose first line is the password.
    pub(super) password_file: Option<PathBuf>,
    /// What topics of discovery begin with; left out: `homeassistant`.
    pub(super) discovery_prefix: Option<String>,
    pub(super) tls: Option<BrokerTlsForm>,
}

/// `[server]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ServerForm {
    pub(super) listen: Listen,
    pub(super) allow_remote: bool,
    pub(super) host_names: Vec<HostName>,
    pub(super) public_url: Option<PublicUrl>,
    pub(super) max_upload_mib: UploadMib,
    /// Whether each change of a campaign waits until somebody else lets it in force.
    pub(super) requires_approval: bool,
    /// Left out: unencrypted.
    pub(super) tls: Option<TlsForm>,
}

impl Default for ServerForm {
    /// The address that `docs/cli.md` promises, and a minute of film at 8 Mbit/s.
    fn default() -> Self {
        Self {
            listen: Listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 8787))),
            allow_remote: false,
            host_names: Vec::new(),
            public_url: None,
            max_upload_mib: UploadMib(64),
            requires_approval: false,
            tls: None,
        }
    }
}

/// `[engine]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct EngineForm {
    pub(super) runtime: RuntimeName,
    /// Left out: one a core.
    pub(super) workers: Option<Workers>,
    pub(super) detector_long_side_px: LongSide,
    /// A folder with further model files.
    pub(super) models: Option<PathBuf>,
    /// Facts that policies learn from.
    pub(super) features: Vec<FactFeature>,
}

impl Default for EngineForm {
    /// 320 pixels, as `DetectorOptions::LIVE` has it.
    fn default() -> Self {
        Self {
            runtime: RuntimeName::Auto,
            workers: None,
            detector_long_side_px: LongSide(320),
            models: None,
            features: Vec::new(),
        }
    }
}

from_text! {
    /// A rate of errors, such as `"1e-4"`.
    ErrorRate(TargetRate) = |text| {
        let rate = text.parse().ok().filter(|rate| (1e-6..=1e-3).contains(rate)).and_then(TargetRate::new);
        rate.ok_or_else(|| format!(
            "expected a rate from \"1e-6\" (one in a million) to \"1e-3\" (one in a thousand), found {text:?}"
        ))
    };
}

/// `[recognition]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RecognitionForm {
    /// How often a stranger may pass for somebody (1:1); left out: one in ten thousand.
    pub(super) verify_fmr: Option<ErrorRate>,
    /// How often a stranger may be found in the gallery (1:N); left out: one in a thousand.
    pub(super) identify_fpir: Option<ErrorRate>,
    /// Whether the gallery of visitors is armed at every start.
    pub(super) arms_gallery: bool,
    /// Whether cameras before screens read face tokens that are held up to them.
    pub(super) reads_tokens: bool,
    /// What keeps those who may be found.
    pub(super) gallery: GalleryForm,
}

impl RecognitionForm {
    pub(super) fn config(
        &self,
        cameras: &[CameraForm],
        gallery: GalleryConfig,
    ) -> RecognitionConfig {
        let default = RecognitionConfig::default();
        let rate = |given: &Option<ErrorRate>| given.as_ref().map(|rate| rate.0);
        RecognitionConfig {
            verify_fmr: rate(&self.verify_fmr).unwrap_or(default.verify_fmr),
            identify_fpir: rate(&self.identify_fpir).unwrap_or(default.identify_fpir),
            arms_gallery: self.arms_gallery,
            reads_tokens: self.reads_tokens,
            spots: cameras
                .iter()
                .filter_map(|camera| Some((camera.id.clone(), camera.spot?.spot())))
                .collect(),
            gallery,
        }
    }
}

from_text! {
    /// Where events are sent.
    WebhookUrl(OutboundUrl) = regard_server::webhook_url;
}

/// `[[classifier]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClassifierForm {
    /// Its name.
    pub(super) id: HookId,
    /// What `regard learn` wrote, relative to this file.
    pub(super) model: PathBuf,
    /// The ONNX file of a network of one's own.
    #[serde(default)]
    pub(super) network: Option<PathBuf>,
    /// Another error than that of the model.
    #[serde(default)]
    pub(super) error: Option<f64>,
}

/// `[[webhook]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookForm {
    /// Its name.
    pub(super) id: HookId,
    pub(super) url: WebhookUrl,
    /// Which events.
    pub(super) events: Vec<WebhookEvent>,
}

from_text! {
    /// The name of a receiver.
    HookId(String) = |text| {
        let good = (1..=64).contains(&text.len())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        if good { Ok(text.to_owned()) } else { Err(format!(
            "expected 1 to 64 of a-z, 0-9, '-' and '_', found {text:?}"
        )) }
    };
}

/// `[[camera]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CameraForm {
    pub(super) id: CameraId,
    pub(super) source: Source,
    /// Where the screen's middle is as seen from the camera, as angles …
    pub(super) screen_right_deg: Option<f32>,
    pub(super) screen_up_deg: Option<f32>,
    /// … or as lengths, with how far away people stand.
    pub(super) screen_right_cm: Option<f32>,
    pub(super) screen_up_cm: Option<f32>,
    pub(super) distance_cm: Option<f32>,
    #[serde(default)]
    pub(super) full_resolution: bool,
    /// Where those stand who want to be recognised.
    pub(super) spot: Option<SpotForm>,
}

number_in_range! {
    /// A part of a side of the picture.
    Percent: 0 to 100;
}

/// A place in the picture, in percent of its sides from the left and the top.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpotForm {
    pub(super) left: Percent,
    pub(super) top: Percent,
    pub(super) width: Percent,
    pub(super) height: Percent,
}

impl SpotForm {
    fn spot(self) -> MarkedSpot {
        let share = |percent: Percent| percent.0 as f32 / 100.0;
        MarkedSpot {
            left: share(self.left),
            top: share(self.top),
            width: share(self.width),
            height: share(self.height),
        }
    }
}

/// `[[screen.slot]]`, in percent of what the notice leaves of the glass, from the left and the top.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlotForm {
    pub(super) id: SlotId,
    pub(super) left: Percent,
    pub(super) top: Percent,
    pub(super) width: Percent,
    pub(super) height: Percent,
}

impl SlotForm {
    fn area(&self) -> SlotArea {
        let percent = |percent: Percent| u8::try_from(percent.0).unwrap_or(u8::MAX);
        SlotArea {
            slot: self.id.clone(),
            left_percent: percent(self.left),
            top_percent: percent(self.top),
            width_percent: percent(self.width),
            height_percent: percent(self.height),
        }
    }
}

/// `[[screen]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScreenForm {
    pub(super) id: ScreenId,
    pub(super) camera: Option<CameraId>,
    #[serde(default)]
    pub(super) in_process: bool,
    /// Parts of the glass that show a message of their own, in the order in which they choose.
    #[serde(default, rename = "slot")]
    pub(super) slots: Vec<SlotForm>,
}

impl ScreenForm {
    /// How it is parted into slots, or why it cannot be; nothing where it is not.
    pub(super) fn layout(&self) -> Option<Result<Layout, Vec<BadLayout>>> {
        let areas = self.slots.iter().map(SlotForm::area);
        (!self.slots.is_empty()).then(|| Layout::new(areas.collect()))
    }
}

/// `regard.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SiteFile {
    /// File of the commitments, relative to this one.
    pub(super) commitments: PathBuf,
    /// Files of campaigns, with wildcards, relative to this one.
    pub(super) campaigns: Vec<String>,
    pub(super) site: SiteForm,
    pub(super) server: ServerForm,
    /// Interfaces of other services; none unless named.
    pub(super) compat: CompatForm,
    pub(super) engine: EngineForm,
    pub(super) recognition: RecognitionForm,
    pub(super) default_message: Option<Creative>,
    #[serde(rename = "camera")]
    pub(super) cameras: Vec<CameraForm>,
    #[serde(rename = "screen")]
    pub(super) screens: Vec<ScreenForm>,
    /// Programs that are told what happens here.
    #[serde(rename = "webhook")]
    pub(super) webhooks: Vec<WebhookForm>,
    /// What tells things in pictures that are handed in.
    #[serde(rename = "classifier")]
    pub(super) classifiers: Vec<ClassifierForm>,
    /// Campaigns may also stand here.
    #[serde(rename = "campaign")]
    pub(super) inline_campaigns: Vec<Campaign>,
    /// Other signage.
    pub(super) signage: Vec<SignageForm>,
    /// A broker of the house.
    pub(super) mqtt: Option<MqttForm>,
}

impl Default for SiteFile {
    fn default() -> Self {
        Self {
            commitments: PathBuf::from("commitments.toml"),
            campaigns: Vec::new(),
            site: SiteForm::default(),
            server: ServerForm::default(),
            compat: CompatForm::default(),
            engine: EngineForm::default(),
            recognition: RecognitionForm::default(),
            default_message: None,
            cameras: Vec::new(),
            screens: Vec::new(),
            webhooks: Vec::new(),
            classifiers: Vec::new(),
            inline_campaigns: Vec::new(),
            signage: Vec::new(),
            mqtt: None,
        }
    }
}

impl SiteFile {
    /// Ids of the cameras.
    pub(super) fn camera_ids(&self) -> BTreeSet<&CameraId> {
        self.cameras.iter().map(|camera| &camera.id).collect()
    }

    /// Ids of the slots of all screens, each once.
    pub(super) fn slot_ids(&self) -> BTreeSet<&SlotId> {
        let slots = self.screens.iter().flat_map(|screen| &screen.slots);
        slots.map(|slot| &slot.id).collect()
    }

    /// Ids of the screens.
    pub(super) fn screen_ids(&self) -> BTreeSet<&ScreenId> {
        self.screens.iter().map(|screen| &screen.id).collect()
    }
}

/// A file of campaigns.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CampaignFile {
    #[serde(rename = "campaign")]
    pub(super) campaigns: Vec<Campaign>,
}
