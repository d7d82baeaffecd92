//! `[server.tls]`: how pages are encrypted, and who issues the certificate.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path as FilePath, PathBuf};

use regard_server::{AcmeChallenge, AcmeConfig, AcmeRoots, ExternalAccount, OutboundUrl, TlsFiles};
use serde::Deserialize;

use super::connectors::{pem, secret};
use super::form::{HostName, from_text, number_in_range};

/// Folder of what an authority issues, in the data folder.
pub(crate) const CERTIFICATES: &str = "acme";

from_text! {
    /// The directory of an authority (RFC 8555, section 7.1.1), which is always encrypted.
    Directory(OutboundUrl) = |text| {
        let url: Option<OutboundUrl> = text.parse().ok();
        url.filter(OutboundUrl::is_encrypted).ok_or_else(|| format!(
            "expected https:// and the address of an ACME directory, such as \
             \"https://ca.shop.lan/acme/acme/directory\", found {text:?}"
        ))
    };
}

from_text! {
    /// Whom an authority may write to.
    Contact(String) = |text| {
        let address = text.strip_prefix("mailto:").and_then(|address| address.split_once('@'));
        let good = address.is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
        if good && !text.contains(char::is_whitespace) { Ok(text.to_owned()) } else { Err(format!(
            "expected an address such as \"mailto:it@shop.example\", found {text:?}"
        )) }
    };
}

from_text! {
    /// What a certificate is for.
    Domain(String) = |text| {
        if text.starts_with("*.") {
            return Err(format!(
                "expected a name, found {text:?}; authorities have a wildcard proven in the DNS, which is not done \
                 here: list each name"
            ));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(address.to_string());
        }
        HostName::try_from(text.to_owned()).map(|name| name.0)
    };
}

/// Where authorities look for the proof of `http-01`, unless something leads them elsewhere.
const HTTP_PORT: u32 = 80;

number_in_range! {
    /// A port.
    Port: 1 to 65_535;
}

/// How names are proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum ChallengeName {
    /// Over HTTP.
    #[default]
    #[serde(rename = "http-01")]
    Http01,
    /// In the handshake of TLS.
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
}

/// `[server.tls.acme.external_account]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExternalAccountForm {
    /// The id of the key, as the authority gives it …
    pub(super) key_id: String,
    /// … and a file whose first line is the key.
    pub(super) key_file: PathBuf,
}

/// `[server.tls.acme]`: files in PEM, relative to the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AcmeForm {
    pub(super) directory: Directory,
    pub(super) domains: Vec<Domain>,
    #[serde(default)]
    pub(super) agrees_to_terms: bool,
    #[serde(default)]
    pub(super) contact: Vec<Contact>,
    #[serde(default)]
    pub(super) challenge: ChallengeName,
    /// Of `http-01`; left out: 80.
    pub(super) http_port: Option<Port>,
    /// Who vouches for the directory; left out: the public authorities.
    pub(super) ca: Option<PathBuf>,
    pub(super) external_account: Option<ExternalAccountForm>,
}

/// `[server.tls]`. Without files and authority a certificate of our own is made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TlsForm {
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) acme: Option<AcmeForm>,
}

impl TlsForm {
    /// The files that are named, relative to the configuration, or our own in the data folder.
    pub(super) fn files(self, folder: &FilePath, data_dir: &FilePath) -> TlsFiles {
        match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => TlsFiles {
                certificate: folder.join(certificate),
                key: folder.join(key),
                makes_own: false,
            },
            // One without the other was a mistake.
            _ => TlsFiles::own(data_dir),
        }
    }

    /// Whether the files are there and fit together, and whether an authority can look for its proof beside what is listened on;
    /// mistakes go to `tell`, each with its path.
    pub(super) fn check(
        &self,
        folder: &FilePath,
        listen: SocketAddr,
        tell: &mut dyn FnMut(&str, String),
    ) {
        if self.certificate.is_some() != self.key.is_some() {
            let message = "expected both certificate and key, found one; name both, or neither for a \
                           certificate made here";
            tell("server.tls", message.to_owned());
        }
        if self.acme.is_some() && (self.certificate.is_some() || self.key.is_some()) {
            let message =
                "expected certificate and key, or acme, found both; remove what is not meant";
            tell("server.tls", message.to_owned());
        }
        for (name, file) in [("certificate", &self.certificate), ("key", &self.key)] {
            if let Some(file) = file.as_ref().filter(|file| !folder.join(file).is_file()) {
                let message = format!("expected a PEM file, found none at {}", file.display());
                tell(&format!("server.tls.{name}"), message);
            }
        }
        if self.acme.as_ref().and_then(AcmeForm::http_port) == Some(listen.port()) {
            let message = format!(
                "expected another port than {}, which is listened on; with challenge = \"tls-alpn-01\" one port is enough",
                listen.port()
            );
            tell("server.tls.acme.http_port", message);
        }
    }
}

impl AcmeForm {
    /// Where the authority looks for texts, where that is how names are proven.
    fn http_port(&self) -> Option<u16> {
        let port = self.http_port.map_or(HTTP_PORT, |port| port.0);
        u16::try_from(port)
            .ok()
            .filter(|_| self.challenge == ChallengeName::Http01)
    }
}

/// Who issues certificates; its folder is still to be said. Mistakes go to `tell`, each with its path.
pub(super) fn acme(
    form: &AcmeForm,
    folder: &FilePath,
    tell: &mut dyn FnMut(&str, String),
) -> Option<AcmeConfig> {
    if form.domains.is_empty() {
        let message = "expected at least one name, found none";
        tell("server.tls.acme.domains", message.to_owned());
    }
    let mut seen = BTreeSet::new();
    for (i, domain) in form.domains.iter().enumerate() {
        if !seen.insert(domain.0.as_str()) {
            let message = format!("expected each name once, found {} a second time", domain.0);
            tell(&format!("server.tls.acme.domains[{i}]"), message);
        }
    }
    let challenge = challenge(form, tell);
    let mut told = |path: &str, why: String| tell(&format!("server.tls.acme.{path}"), why);
    let roots = match &form.ca {
        None => None,
        Some(file) => {
            let read = pem(file, folder)
                .and_then(|pem| AcmeRoots::from_pem(&pem).map_err(|error| error.to_string()));
            Some(read.map_err(|why| told("ca", why)).ok()?)
        }
    };
    let external_account = match &form.external_account {
        None => None,
        Some(account) if account.key_id.is_empty() => {
            let message =
                "expected the id of the key, as the authority gives it, found an empty one";
            told("external_account.key_id", message.to_owned());
            return None;
        }
        Some(account) => {
            let read = secret(&account.key_file, folder).and_then(|key| {
                ExternalAccount::new(account.key_id.clone(), &key)
                    .map_err(|error| error.to_string())
            });
            let read = read.map_err(|why| told("external_account.key_file", why));
            Some(read.ok()?)
        }
    };
    let domains = form.domains.iter().map(|domain| domain.0.clone()).collect();
    Some(AcmeConfig {
        agrees_to_terms: form.agrees_to_terms,
        contact: form
            .contact
            .iter()
            .map(|contact| contact.0.clone())
            .collect(),
        challenge,
        roots,
        external_account,
        ..AcmeConfig::new(form.directory.0.clone(), domains, PathBuf::new())
    })
}

fn challenge(form: &AcmeForm, tell: &mut dyn FnMut(&str, String)) -> AcmeChallenge {
    if let Some(port) = form.http_port() {
        return AcmeChallenge::Http01 { port };
    }
    if form.http_port.is_some() {
        let message = "expected challenge = \"http-01\" with it, found \"tls-alpn-01\"; remove it, or set the other \
                       challenge";
        tell("server.tls.acme.http_port", message.to_owned());
    }
    for (i, domain) in form.domains.iter().enumerate() {
        if domain.0.parse::<IpAddr>().is_ok() {
            let message = format!(
                "expected a name, found the address {}; challenge = \"http-01\" proves addresses",
                domain.0
            );
            tell(&format!("server.tls.acme.domains[{i}]"), message);
        }
    }
    AcmeChallenge::TlsAlpn01
}
