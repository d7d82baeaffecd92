//! Who is told what happens here, with the secrets that lie in files beside the configuration.

use std::path::{Path as FilePath, PathBuf};

use regard_backends::{BadBrokerTls, BrokerTls, ShownCertificate};
use regard_commitments::Zeroizing;
use regard_server::{Connectors, MqttConfig, Password, SignageConfig, SignageTarget};

use super::form::{MqttForm, SignageForm, SignageKind, SiteFile};

/// Longest file of a secret, in bytes; none has more than some hundred.
const MAX_SECRET_BYTES: u64 = 4_096;

/// Longest file of certificates, in bytes; the authorities of a whole system have some hundred thousand.
const MAX_PEM_BYTES: u64 = 1 << 20;

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
pub(super) fn secret(file: &FilePath, folder: &FilePath) -> Result<Zeroizing<String>, String> {
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

/// A file of certificates or of a key.
fn pem(file: &FilePath, folder: &FilePath) -> Result<Zeroizing<Vec<u8>>, String> {
    let file = folder.join(file);
    let told = |what: &str| format!("expected a PEM file, found {what} at {}", file.display());
    let bytes = std::fs::metadata(&file).map_err(|_| told("none"))?.len();
    if bytes > MAX_PEM_BYTES {
        return Err(told("a longer one"));
    }
    let bytes = std::fs::read(&file).map_err(|_| told("one that cannot be read"))?;
    Ok(Zeroizing::new(bytes))
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
        tls: tls_of(form, folder, tell),
        user: form.user.clone().zip(password),
        discovery_prefix: prefix.to_owned(),
    })
}

/// Who vouches for the broker and what it is shown; nothing where nothing is encrypted, and after a mistake.
fn tls_of(
    form: &MqttForm,
    folder: &FilePath,
    tell: &mut dyn FnMut(&str, String),
) -> Option<BrokerTls> {
    if !form.broker.0.is_encrypted {
        if form.tls.is_some() {
            let message = "expected a broker with mqtts://, found one with mqtt://; write mqtts://, or remove \
                           [mqtt.tls]";
            tell("mqtt.tls", message.to_owned());
        }
        return None;
    }
    let files = form.tls.clone().unwrap_or_default();
    if files.certificate.is_some() != files.key.is_some() {
        let message = "expected both certificate and key, found one; name both, or neither where the broker asks \
                       for none";
        tell("mqtt.tls", message.to_owned());
        return None;
    }
    let mut read = |name: &str, file: Option<&PathBuf>| {
        let read = file.map(|file| pem(file, folder)).transpose();
        read.map_err(|why| tell(&format!("mqtt.tls.{name}"), why))
            .ok()
    };
    let authorities = read("ca", files.ca.as_ref());
    let certificate = read("certificate", files.certificate.as_ref());
    let key = read("key", files.key.as_ref());
    let (authorities, certificate, key) = (authorities?, certificate?, key?);
    let shown = certificate
        .as_ref()
        .zip(key.as_ref())
        .map(|(certificate, key)| ShownCertificate { certificate, key });
    let tls = BrokerTls::new(authorities.as_ref().map(|pem| pem.as_slice()), shown);
    tls.map_err(|error| {
        let path = match &error {
            BadBrokerTls::Authorities => "mqtt.tls.ca",
            BadBrokerTls::System => "mqtt.broker",
            BadBrokerTls::Certificate => "mqtt.tls.certificate",
            BadBrokerTls::Key | BadBrokerTls::Unfit(_) => "mqtt.tls.key",
        };
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        tell(path, format!("{error}{}", cause.unwrap_or_default()));
    })
    .ok()
}
