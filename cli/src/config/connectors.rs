//! Who is told what happens here, with the secrets that lie in files beside the configuration.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
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
            "expected a file whose first line is the secret, found {what} at {}",
            file.display()
        )
    };
    let bytes = read_within(&file, MAX_SECRET_BYTES).map_err(|why| told(&why))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| told("one that is no text"))?;
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() {
        return Err(told("an empty one"));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

/// Refuses a file that others than its owner may read.
pub(super) fn for_owner_alone(file: &FilePath, metadata: &Metadata) -> Result<(), String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if metadata.permissions().mode() & 0o077 != 0 {
            let file = file.display();
            return Err(format!(
                "{file} can be read by others; run: chmod 600 {file}"
            ));
        }
    }
    // Elsewhere nothing is told by a mode.
    let _ = (file, metadata);
    Ok(())
}

/// As [`secret`], of a file that its owner alone may read.
pub(super) fn own_secret(file: &FilePath, folder: &FilePath) -> Result<Zeroizing<String>, String> {
    let text = secret(file, folder)?;
    let file = folder.join(file);
    let metadata = std::fs::metadata(&file);
    let metadata =
        metadata.map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    for_owner_alone(&file, &metadata)?;
    Ok(text)
}

/// A file of certificates or of a key.
pub(super) fn pem(file: &FilePath, folder: &FilePath) -> Result<Zeroizing<Vec<u8>>, String> {
    let file = folder.join(file);
    read_within(&file, MAX_PEM_BYTES)
        .map_err(|what| format!("expected a PEM file, found {what} at {}", file.display()))
}

/// All of a file of at most so many bytes; else what was found in its place. Nothing but a file is opened: a device has no
/// end, and a pipe may never begin.
fn read_within(file: &FilePath, max_bytes: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    let unread = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound => "none".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "one that the user of the program may not read".to_owned()
        }
        _ => format!("one that cannot be read ({error})"),
    };
    if !std::fs::metadata(file).map_err(|e| unread(&e))?.is_file() {
        return Err("no file but a folder, a device or a pipe".to_owned());
    }
    let opened = File::open(file).map_err(|e| unread(&e))?;
    // Room for all there may be: what a vector outgrows is left in memory as it was.
    let capacity = usize::try_from(max_bytes)
        .unwrap_or(usize::MAX)
        .saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    let mut lidded = opened.take(max_bytes.saturating_add(1));
    lidded.read_to_end(&mut bytes).map_err(|e| unread(&e))?;
    if bytes.len() as u64 > max_bytes {
        return Err(format!("one of more than {max_bytes} bytes"));
    }
    Ok(bytes)
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_secret_is_the_first_line_of_a_file_and_of_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let write = |name: &str, bytes: &[u8]| fs::write(at.join(name), bytes).unwrap();
        write("good", b"  s3cret \nsecond\n");
        assert_eq!(*secret("good".as_ref(), at).unwrap(), "s3cret");
        write("longest", &[b'a'; 4_096]);
        assert_eq!(secret("longest".as_ref(), at).unwrap().len(), 4_096);
        write("empty", b"\nsecond\n");
        write("binary", &[0xff, 0xfe]);
        write("longer", &[b'a'; 4_097]);
        fs::create_dir(at.join("folder")).unwrap();
        for (name, found) in [
            ("missing", "found none at"),
            ("empty", "found an empty one at"),
            ("binary", "found one that is no text at"),
            ("longer", "found one of more than 4096 bytes at"),
            (
                "folder",
                "found no file but a folder, a device or a pipe at",
            ),
            (
                "/dev/zero",
                "found no file but a folder, a device or a pipe at /dev/zero",
            ),
        ] {
            let why = secret(name.as_ref(), at).unwrap_err();
            assert!(
                why.starts_with("expected a file whose first line is the secret, found")
                    && why.contains(found),
                "{name}: {why}"
            );
            assert!(!why.contains("second"), "{why}");
        }
    }

    #[test]
    fn a_file_of_certificates_is_read_whole_and_no_device_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        fs::write(at.join("ca.pem"), b"-----BEGIN").unwrap();
        assert_eq!(*pem("ca.pem".as_ref(), at).unwrap(), b"-----BEGIN");
        let why = pem("missing.pem".as_ref(), at).unwrap_err();
        assert!(
            why.starts_with("expected a PEM file, found none at "),
            "{why}"
        );
        let why = pem("/dev/zero".as_ref(), at).unwrap_err();
        assert!(why.contains("found no file but"), "{why}");
    }
}
