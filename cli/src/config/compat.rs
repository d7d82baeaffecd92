//! `[compat]`: interfaces of other services, and the keys that open them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path as FilePath, PathBuf};

use regard_commitments::{AttestedSource, Zeroizing};
use regard_server::{
    CompatConfig, CompreFaceKind, CompreFaceService, KeyHash, RekognitionConfig, RekognitionKey,
};
use serde::Deserialize;

use super::connectors::for_owner_alone;
use super::form::from_text;

/// Longest secret read, in bytes: AWS's own have 40.
const MAX_SECRET_LEN: u64 = 200;

from_text! {
    /// The SHA-256 of a key.
    KeyDigest(KeyHash) = |text| text.parse().map_err(|_| {
        "expected the SHA-256 of a key, 64 hexadecimal digits as printf %s KEY | sha256sum gives them".to_owned()
    });
}

/// What a key opens.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// Faces are put into a collection and looked for in it.
    Recognition,
    /// Faces are found.
    Detection,
    /// Two pictures are compared.
    Verification,
}

/// Where the pictures of a service come from.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Source {
    /// Files that somebody sends.
    #[default]
    Upload,
    /// A camera that sees whoever passes: nothing is compared then.
    Camera,
}

impl Source {
    const fn attested(self) -> AttestedSource {
        match self {
            Self::Upload => AttestedSource::Upload,
            Self::Camera => AttestedSource::Camera,
        }
    }
}

/// `[[compat.compreface]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CompreFaceForm {
    /// Its name, as attestations have it.
    pub(super) service: String,
    pub(super) kind: Kind,
    pub(super) key_sha256: KeyDigest,
    /// Left out: the name of the service.
    pub(super) collection: Option<String>,
    #[serde(default)]
    pub(super) source: Source,
}

/// `[[compat.rekognition.key]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RekognitionKeyForm {
    /// The access key id.
    pub(super) id: String,
    /// A file with the secret access key that its owner alone may read, relative to the configuration.
    pub(super) secret_file: PathBuf,
    /// The service that uses it, as attestations have it.
    pub(super) service: String,
    #[serde(default)]
    pub(super) source: Source,
}

/// `[compat.rekognition]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RekognitionForm {
    /// The region that clients sign for.
    #[serde(default = "region")]
    pub(super) region: String,
    /// The collection that attestations of `CompareFaces` name.
    #[serde(default = "compare_collection")]
    pub(super) compare_collection: String,
    #[serde(rename = "key")]
    pub(super) keys: Vec<RekognitionKeyForm>,
}

fn region() -> String {
    "eu-west-1".to_owned()
}

fn compare_collection() -> String {
    "compare-faces".to_owned()
}

/// `[compat]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CompatForm {
    pub(super) compreface: Vec<CompreFaceForm>,
    pub(super) rekognition: Option<RekognitionForm>,
}

/// A secret from a file that its owner alone may read.
fn secret(path: &FilePath) -> Result<Zeroizing<String>, String> {
    let said = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!(
                "expected a file with a secret, found nothing at {}",
                path.display()
            )
        }
        _ => format!("{} cannot be read: {error}", path.display()),
    };
    let file = File::open(path).map_err(said)?;
    for_owner_alone(path, &file.metadata().map_err(said)?)?;
    let mut text = Zeroizing::new(String::new());
    let mut limited = file.take(MAX_SECRET_LEN);
    limited.read_to_string(&mut text).map_err(said)?;
    let secret = Zeroizing::new(text.trim().to_owned());
    if secret.is_empty() {
        return Err(format!(
            "expected a secret, found an empty file at {}",
            path.display()
        ));
    }
    Ok(secret)
}

/// What the server is told; each mistake goes to `tell`, with where it stands.
pub(super) fn compat(
    form: &CompatForm,
    folder: &FilePath,
    tell: &mut dyn FnMut(&str, String),
) -> CompatConfig {
    let mut hashes = Vec::new();
    for (i, service) in form.compreface.iter().enumerate() {
        if hashes.contains(&service.key_sha256.0) {
            let message =
                "expected a key of its own, found the hash of another service's".to_owned();
            tell(&format!("compat.compreface[{i}].key_sha256"), message);
        }
        hashes.push(service.key_sha256.0);
    }
    let compreface = form.compreface.iter().map(|form| CompreFaceService {
        kind: match form.kind {
            Kind::Recognition => CompreFaceKind::Recognition,
            Kind::Detection => CompreFaceKind::Detection,
            Kind::Verification => CompreFaceKind::Verification,
        },
        key: form.key_sha256.0,
        service: form.service.clone(),
        collection: form
            .collection
            .clone()
            .unwrap_or_else(|| form.service.clone()),
        source: form.source.attested(),
    });
    let rekognition = form.rekognition.as_ref().map(|form| {
        if form.keys.is_empty() {
            let message = "expected at least one [[compat.rekognition.key]], found none".to_owned();
            tell("compat.rekognition", message);
        }
        let (mut keys, mut ids) = (Vec::new(), BTreeSet::new());
        for (i, key) in form.keys.iter().enumerate() {
            let at = |name: &str| format!("compat.rekognition.key[{i}].{name}");
            if !ids.insert(&key.id) {
                let message = "expected an id of its own, found that of another key".to_owned();
                tell(&at("id"), message);
            }
            match secret(&folder.join(&key.secret_file)) {
                Err(message) => tell(&at("secret_file"), message),
                Ok(secret) => keys.push(RekognitionKey {
                    id: key.id.clone(),
                    secret,
                    service: key.service.clone(),
                    source: key.source.attested(),
                }),
            }
        }
        RekognitionConfig {
            region: form.region.clone(),
            compare_collection: form.compare_collection.clone(),
            keys,
        }
    });
    CompatConfig {
        compreface: compreface.collect(),
        rekognition,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(text: &str, folder: &FilePath) -> (CompatConfig, Vec<String>) {
        let form: CompatForm = toml::from_str(text).unwrap();
        let mut told = Vec::new();
        let config = compat(&form, folder, &mut |path, message| {
            told.push(format!("{path}: {message}"));
        });
        (config, told)
    }

    #[test]
    fn secrets_are_read_and_mistakes_told() {
        let folder = tempfile::tempdir().unwrap();
        let text = "[rekognition]\n[[rekognition.key]]\nid = \"A\"\nsecret_file = \"secret\"\nservice = \"desk\"\n";
        let (_, told) = read(text, folder.path());
        assert!(
            told[0].contains("key[0].secret_file") && told[0].contains("found nothing"),
            "{told:?}"
        );
        regard_engine::write_private(&folder.path().join("secret"), b"very secret\n").unwrap();
        let (config, told) = read(text, folder.path());
        assert!(told.is_empty(), "{told:?}");
        let key = &config.rekognition.unwrap().keys[0];
        assert_eq!(key.secret.as_str(), "very secret");
        assert!(!format!("{key:?}").contains("very"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let open = fs::Permissions::from_mode(0o644);
            fs::set_permissions(folder.path().join("secret"), open).unwrap();
            assert!(read(text, folder.path()).1[0].contains("chmod 600"));
        }
        let none = "[rekognition]\nkey = []\n";
        assert!(read(none, folder.path()).1[0].contains("at least one"));
        let hash = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
        let service = format!(
            "[[compreface]]\nservice = \"door\"\nkind = \"recognition\"\nkey_sha256 = \"{hash}\"\n"
        );
        let (config, told) = read(&service, folder.path());
        assert!(told.is_empty());
        assert_eq!(config.compreface[0].collection, "door");
        let (_, told) = read(&format!("{service}{service}"), folder.path());
        assert!(told[0].contains("compreface[1].key_sha256"), "{told:?}");
    }
}
