//! The facts that papers are drafted from, as an engine and a server are started with them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use regard_commitments::{
    AttestedSource, Date, NoteSigner, Profile, SiteKeys, ledger_origin, word,
};
use regard_decision::{Campaign, Condition};
use regard_domain::{CameraId, ScreenId, Timestamp};
use regard_engine::{Calendar, EngineConfig, GalleryKind, SiteKeyConfig};
use regard_inference::{Catalog, Device, RuntimeChoice};
use regard_reports::{CameraFact, CampaignFact, Facts, GuardFact, ScreenFact, ServiceFact};
use regard_server::{CompatConfig, CompreFaceKind, ServerConfig};
use regard_vision::SourceSpec;

use super::records;

/// What an installation is started with, as facts.
pub(super) fn facts(
    engine: &EngineConfig,
    server: &ServerConfig,
    keys: &SiteKeys,
    (made_on, made_at): (Date, Timestamp),
) -> Result<Facts> {
    let key = keys.commitments_key();
    let promise = engine.commitments.sign(&key).verify(&key.verifying_key())?;
    let profile = Profile::named(&engine.commitments.profile)?;
    profile.accepts(&promise)?;
    let ledger = NoteSigner::new(
        ledger_origin(&engine.commitments.site.id),
        keys.ledger_key(),
    )?;
    let catalog = Catalog::open(engine.models.as_deref()).context("the models cannot be listed")?;
    let features = engine.context.facts().iter();
    Ok(Facts {
        program: env!("CARGO_PKG_VERSION").to_owned(),
        made_on,
        made_at,
        time_zone: time_zone(engine)?,
        promise,
        profile,
        cameras: cameras(engine),
        screens: engine
            .screens
            .iter()
            .map(|s| ScreenFact {
                id: s.screen.clone(),
                camera: s.camera.clone(),
            })
            .collect(),
        campaigns: campaigns(&engine.campaigns),
        features: features.map(|feature| feature.name.clone()).collect(),
        models: catalog.entries().map(records::model).collect(),
        runtime: runtime(engine.runtime).to_owned(),
        measurements: records::measurements()?,
        services: services(&server.compat),
        gallery: gallery(&engine.recognition.gallery.kind),
        guard: GuardFact {
            is_remote: !server.listen.ip().is_loopback(),
            encryption: encryption(server),
            public_url: server.public_url.clone(),
            sandbox: sandbox().to_owned(),
            site_key: site_key(&engine.site_key, &engine.data_dir),
            ledger_key: Some(ledger.verifier().to_string()),
        },
    })
}

/// How pages are encrypted, in words.
fn encryption(server: &ServerConfig) -> String {
    match (&server.tls, &server.acme) {
        (None, _) => "none by this program".to_owned(),
        (Some(_), Some(acme)) => {
            let host = acme.directory.host();
            format!("TLS with a certificate that the authority at {host} issues (ACME)")
        }
        (Some(tls), None) if tls.makes_own => "TLS with a certificate that signs itself".to_owned(),
        (Some(_), None) => "TLS with the certificate of the owner".to_owned(),
    }
}

/// Services that may hold and compare faces.
fn services(compat: &CompatConfig) -> Vec<ServiceFact> {
    let pictures = |source: AttestedSource| match source {
        AttestedSource::Upload => "files that are sent",
        AttestedSource::Camera => "a camera, so that nobody is compared",
    };
    let compreface = compat.compreface.iter().filter_map(|one| {
        let interface = match one.kind {
            CompreFaceKind::Recognition => "CompreFace",
            CompreFaceKind::Verification => "CompreFace, comparing two pictures",
            // It tells nobody apart.
            CompreFaceKind::Detection => return None,
        };
        Some(ServiceFact {
            service: one.service.clone(),
            interface: interface.to_owned(),
            collection: Some(one.collection.clone()),
            pictures: pictures(one.source).to_owned(),
        })
    });
    let keys = compat.rekognition.iter().flat_map(|config| &config.keys);
    let rekognition = keys.map(|key| ServiceFact {
        service: key.service.clone(),
        interface: "Rekognition".to_owned(),
        collection: None,
        pictures: pictures(key.source).to_owned(),
    });
    // A service with several keys is one.
    let all: BTreeSet<ServiceFact> = compreface.chain(rekognition).collect();
    all.into_iter().collect()
}

/// Where templates are searched outside this machine's memory.
fn gallery(kind: &GalleryKind) -> Option<String> {
    match kind {
        GalleryKind::Exact | GalleryKind::Neighbours { .. } => None,
        GalleryKind::Parts { addresses, .. } => Some(format!(
            "in the memory of {} other machines, diversified and not sealed",
            addresses.len()
        )),
        GalleryKind::Database(address) => Some(format!(
            "in a PostgreSQL database ({}), diversified and not sealed",
            address.place()
        )),
    }
}

/// The calendar of the site, by name.
fn time_zone(engine: &EngineConfig) -> Result<String> {
    let calendar = Calendar::new(engine.time_zone.as_deref())?;
    let name = calendar.zone_name();
    Ok(name.map_or_else(
        || "that of the machine, which has no name".to_owned(),
        str::to_owned,
    ))
}

fn cameras(engine: &EngineConfig) -> Vec<CameraFact> {
    let mut screens: BTreeMap<&CameraId, BTreeSet<ScreenId>> = BTreeMap::new();
    for screen in &engine.screens {
        if let Some(camera) = &screen.camera {
            screens
                .entry(camera)
                .or_default()
                .insert(screen.screen.clone());
        }
    }
    let cameras = engine.cameras.iter();
    cameras
        .map(|camera| CameraFact {
            id: camera.camera.clone(),
            source: source(&camera.source),
            full_resolution: camera.full_resolution,
            screens: screens.remove(&camera.camera).unwrap_or_default(),
        })
        .collect()
}

/// A source without secrets, and without folders of this machine: the same wherever the program was started.
fn source(source: &SourceSpec) -> String {
    let name = |path: Option<&Path>| {
        let name = path.and_then(Path::file_name).unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    match source {
        SourceSpec::Clip(_) => format!("clip:{}", name(source.path())),
        SourceSpec::Folder(_) => format!("folder:{}", name(source.path())),
        SourceSpec::Ffmpeg(input) if input.is_file() => format!("ffmpeg:{}", name(source.path())),
        SourceSpec::Ffmpeg(_)
        | SourceSpec::V4l2(_)
        | SourceSpec::Http(_)
        | SourceSpec::Push { .. }
        | SourceSpec::Demo => source.to_string(),
    }
}

/// Campaigns as papers tell of them.
pub(super) fn campaigns(campaigns: &[Campaign]) -> Vec<CampaignFact> {
    let fact = |campaign: &Campaign| {
        let creatives = campaign.creatives.iter();
        let rewards = campaign.reward.terms.iter();
        CampaignFact {
            id: campaign.id.to_string(),
            is_enabled: campaign.enabled,
            policy: kind_of(campaign),
            n_messages: campaign.creatives.len(),
            reacts_to: creatives
                .flat_map(|creative| clauses(&creative.when))
                .collect(),
            rewards: rewards.map(|term| term.kind.to_string()).collect(),
            viewer_benefit: campaign.viewer_benefit.clone(),
        }
    };
    campaigns.iter().map(fact).collect()
}

/// The name of a policy, as configurations have it.
fn kind_of(campaign: &Campaign) -> String {
    let value = serde_json::to_value(campaign.policy).unwrap_or_default();
    value["kind"].as_str().unwrap_or("unknown").to_owned()
}

/// What a condition asks about.
fn clauses(when: &Condition) -> BTreeSet<String> {
    let Condition {
        n_visitors,
        n_looking,
        attention,
        expression,
        nearness,
        dwell_secs,
        hour,
        facts,
    } = when;
    let plain = [
        ("n_visitors", n_visitors.is_some()),
        ("n_looking", n_looking.is_some()),
        ("attention", attention.is_some()),
        ("nearness", nearness.is_some()),
        ("dwell_secs", dwell_secs.is_some()),
        ("hour", hour.is_some()),
    ];
    let plain = plain.into_iter().filter(|(_, is_there)| *is_there);
    let shown = expression
        .iter()
        .map(|test| format!("expression: {}", word(&test.label)));
    let told = facts.iter().map(|test| format!("fact: {}", test.name));
    plain
        .map(|(name, _)| name.to_owned())
        .chain(shown)
        .chain(told)
        .collect()
}

const fn runtime(choice: RuntimeChoice) -> &'static str {
    match choice {
        RuntimeChoice::Auto => {
            "for each network the first that can load it: native, ONNX Runtime where its library is found, rten"
        }
        RuntimeChoice::Native => "native, and rten for what it cannot load",
        RuntimeChoice::Rten => "rten",
        RuntimeChoice::OnnxRuntime(Device::Cpu) => "ONNX Runtime",
        RuntimeChoice::OnnxRuntime(Device::Cuda) => "ONNX Runtime on a graphics processor",
    }
}

const fn sandbox() -> &'static str {
    if cfg!(target_os = "linux") {
        "Landlock (files, ports, signals) and seccomp (system calls), as far as the kernel can; health says how far"
    } else {
        "none on this system"
    }
}

fn site_key(site_key: &SiteKeyConfig, data_dir: &Path) -> String {
    let within = site_key
        .file
        .as_ref()
        .is_none_or(|file| file.starts_with(data_dir));
    let place = if within {
        "in the data folder: whoever takes the disk takes the key too"
    } else {
        "outside the data folder"
    };
    let tokens = regard_engine::SiteKeyFile::named_tokens(site_key, data_dir);
    if !tokens.is_empty() {
        return "in a PKCS#11 token, which it never leaves".to_owned();
    }
    let lock = if site_key.passphrase_file.is_some() {
        "encrypted with a passphrase"
    } else {
        "not encrypted"
    };
    format!("{place}; {lock}")
}
