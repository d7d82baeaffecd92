//! What the server is told at start.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::{AcmeConfig, CompatConfig, Connectors, NamedClassifier, TlsFiles, WebhookConfig};

/// Port of the default address.
const DEFAULT_PORT: u16 = 8787;

/// What becomes of the token with which the owner comes in first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AdminToken {
    /// What is there stays; nothing is made.
    #[default]
    Keep,
    /// One is made where no live one is kept.
    IfMissing,
    /// Every token of role admin is revoked and one is made.
    Replace,
}

/// What the process has taken from itself, in words for health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxState {
    /// Files and ports.
    pub files: String,
    /// Calls into the kernel.
    pub calls: String,
}

impl SandboxState {
    /// Nothing, and why.
    pub fn none(why: &str) -> Self {
        let not = format!("not limited: {why}");
        Self {
            files: not.clone(),
            calls: not,
        }
    }
}

/// Settings of one server.
#[derive(Clone)]
pub struct ServerConfig {
    /// Where to listen; port 0 takes any free one. Anything but loopback also needs
    /// [`Self::allow_remote`].
    pub listen: SocketAddr,
    /// Whether an address that others can reach may be listened on.
    pub allow_remote: bool,
    /// Further names under which this server is reached, as in the `Host` header without port:
    /// `signage.example.org`. Its own address and loopback need not be listed.
    pub host_names: Vec<String>,
    /// Scheme, name and port that people outside reach the privacy page under, for the code on the
    /// notice: `https://signage.example.org`. Left out: the address the player itself used.
    pub public_url: Option<String>,
    /// Whether console and API are open to everyone on this machine, as in the demonstration.
    /// Without effect unless `listen` is loopback.
    pub open_console: bool,
    /// What becomes of the token with which the owner comes in first.
    pub admin_token: AdminToken,
    /// Binds forms and proven tokens to this run; fresh random bits at every start.
    pub session_key: [u8; 32],
    /// Folder of pictures, films and pages that messages name; uploads go there too.
    pub asset_dir: PathBuf,
    /// Certificate and key; nothing: unencrypted.
    pub tls: Option<TlsFiles>,
    /// The authority that issues certificates; what `tls` names stands in until it has. Without `tls` it has no effect.
    pub acme: Option<AcmeConfig>,
    /// What the process has taken from itself before the server began.
    pub sandbox: SandboxState,
    /// Programs that are told what happens here, by signed messages.
    pub webhooks: Vec<WebhookConfig>,
    /// Most bytes of one upload.
    pub max_upload_bytes: usize,
    /// Whether each change of a campaign waits until somebody else lets it in force.
    pub requires_approval: bool,
    /// Players and brokers that are told what begins.
    pub connectors: Connectors,
    /// The interfaces of other services; off unless named here.
    pub compat: CompatConfig,
    /// What tells classes of things in pictures that are handed in.
    pub classifiers: Vec<NamedClassifier>,
}

impl ServerConfig {
    /// Loopback on the default port, closed console, 64 MiB an upload (a minute of film at 8 Mbit/s).
    pub fn new(asset_dir: PathBuf, session_key: [u8; 32]) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            allow_remote: false,
            host_names: Vec::new(),
            public_url: None,
            open_console: false,
            admin_token: AdminToken::Keep,
            session_key,
            asset_dir,
            tls: None,
            acme: None,
            sandbox: SandboxState::none("nobody asked for it"),
            webhooks: Vec::new(),
            max_upload_bytes: 64 << 20,
            requires_approval: false,
            connectors: Connectors::default(),
            compat: CompatConfig::default(),
            classifiers: Vec::new(),
        }
    }

    /// Every host and port that is called from here.
    pub fn outbound_hosts(&self) -> Vec<(String, u16)> {
        let hooks = self.webhooks.iter().map(|hook| &hook.url);
        let mut hosts: Vec<(String, u16)> = hooks
            .map(|url| (url.host().to_owned(), url.port()))
            .chain(self.connectors.hosts())
            .chain(self.acme.iter().map(AcmeConfig::host))
            .collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// Every name under which it is reached by those who look it up.
    pub(crate) fn names_by_lookup(&self) -> impl Iterator<Item = &str> {
        let issued_for = self.acme.iter().flat_map(|acme| &acme.domains);
        self.host_names.iter().chain(issued_for).map(String::as_str)
    }

    /// Whether people on other machines can use it: it listens for them, or something in front of it does.
    pub(crate) fn is_reached_from_outside(&self) -> bool {
        !self.listen.ip().is_loopback()
            || self.public_url.is_some()
            || self.names_by_lookup().next().is_some()
    }

    /// What addresses of this server itself begin with.
    pub(crate) const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Every name and address under which it is reached, for a certificate.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = vec![
            "localhost".to_owned(),
            "127.0.0.1".to_owned(),
            "::1".to_owned(),
        ];
        if !self.listen.ip().is_unspecified() {
            names.push(self.listen.ip().to_string());
        }
        names.extend(self.names_by_lookup().map(str::to_owned));
        let public = self
            .public_url
            .as_deref()
            .and_then(|url| url.split("://").nth(1));
        names.extend(public.map(|host| crate::guard::name_of(host).to_owned()));
        names.sort();
        names.dedup();
        names
    }

    /// Whether browsers reach it over an encrypted connection, by itself or through what stands in front of it.
    pub(crate) fn is_https(&self) -> bool {
        let public = self.public_url.as_deref();
        self.tls.is_some() || public.is_some_and(|url| url.starts_with("https://"))
    }

    /// Whether whoever reaches the server may use the console without a token.
    pub(crate) fn is_console_open(&self) -> bool {
        self.open_console && self.listen.ip().is_loopback()
    }
}
