//! Who is told what happens here, with the secrets that lie in files beside the configuration.

use std::path::Path as FilePath;

use regard_commitments::Zeroizing;
use regard_server::{Connectors, MqttConfig, Password, SignageConfig, SignageTarget};

use super::form::{MqttForm, SignageForm, SignageKind, SiteFile};

/// Longest file of a secret, in bytes; none has more than some hundred.
const MAX_SECRET_BYTES: u64 = 4_096;

/// What topics of discovery begin with, unless Home Assistant was told otherwise.
const DISCOVERY_PREFIX: &str = "homeassistant";

/// Everyone who is told; mistakes go to `tell`, each with its path.
pub(super) fn read(
    form: &SiteFile,
    folder: &FilePath,
    tell: &mut dyn FnMut(&str, String),
) -> Connectors {
    let signage = form.signage.iter().enumerate();
    let signage = signage.filter_map(|(i, one)| {
        if !form.screens.iter().any(|screen| screen.id == one.screen) {
            let message = format!("expected the id of a [[screen]], found \"{}\"", one.screen);
            tell(&format!("signage[{i}].screen"), message);
        }
        signage_of(i, one, folder, tell)
    });
    let signage = signage.collect();
    let mqtt = form
        .mqtt
        .as_ref()
        .and_then(|mqtt| mqtt_of(mqtt, folder, tell));
    Connectors { signage, mqtt }
}

/// The first line of a file.
fn secret(file: &FilePath, folder: &FilePath) -> Result<Zeroizing<String>, String> {
    let file = folder.join(file);
    let told = |what: &str| {
        format!(
            "expected a file whose first line is the secret, {what} at {}",
            file.display()
        )
    };
    let bytes = std::fs::metadata(&file)
        .map_err(|_| told("found none"))?
        .len();
    if bytes > MAX_SECRET_BYTES {
        return Err(told("found a longer one"));
    }
    let text = Zeroizing::new(std::fs::read_to_string(&file).map_err(|_| told("found no text"))?);
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() {
        return Err(told("found an empty one"));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

fn signage_of(
    i: usize,
    form: &SignageForm,
    folder: &FilePath,
    tell: &mut dyn FnMut(&str, String),
) -> Option<SignageConfig> {
    let path = |field: &str| format!("signage[{i}].{field}");
    let password = match &form.password_file {
        None => None,
        Some(file) => {
            let text = secret(file, folder)
                .map_err(|why| tell(&path("password_file"), why))
                .ok()?;
            Some(Password::from(text.to_string()))
        }
    };
    let url = form.url.0.clone();
    let target = match form.kind {
        SignageKind::XiboPlayer => SignageTarget::XiboPlayer { url },
        SignageKind::XiboCms => {
            let missing = |field: &str| {
                format!(
                    "\"{field}\" is missing: a Xibo CMS needs display_group, user and password_file"
                )
            };
            let group = form.display_group.or_else(|| {
                tell(&format!("signage[{i}]"), missing("display_group"));
                None
            })?;
            let (Some(user), Some(password)) = (&form.user, password) else {
                tell(&format!("signage[{i}]"), missing("user"));
                return None;
            };
            SignageTarget::XiboCms {
                url,
                display_group: group,
                client_id: user.clone(),
                client_secret: password,
            }
        }
        SignageKind::Anthias => SignageTarget::Anthias {
            url,
            assets: form.assets.clone(),
            user: form.user.clone().zip(password),
        },
    };
    Some(SignageConfig {
        screen: form.screen.clone(),
        target,
    })
}

fn mqtt_of(
    form: &MqttForm,
    folder: &FilePath,
    tell: &mut dyn FnMut(&str, String),
) -> Option<MqttConfig> {
    let password = match &form.password_file {
        None => None,
        Some(file) => Some(
            secret(file, folder)
                .map_err(|why| tell("mqtt.password_file", why))
                .ok()?,
        ),
    };
    let prefix = form.discovery_prefix.as_deref().unwrap_or(DISCOVERY_PREFIX);
    if prefix.is_empty() || prefix.contains(['#', '+', '\0']) {
        let message = format!("expected the beginning of a topic, found {prefix:?}");
        tell("mqtt.discovery_prefix", message);
    }
    Some(MqttConfig {
        broker: form.broker.0.clone(),
        user: form.user.clone().zip(password),
        discovery_prefix: prefix.to_owned(),
    })
}
