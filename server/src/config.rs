//! What the server is told at start.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Port of the default address.
const DEFAULT_PORT: u16 = 8787;

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
    /// SHA-256 of the admin token; nothing lets nobody in.
    pub admin_token_hash: Option<[u8; 32]>,
    /// Signs session cookies; fresh random bits at every start, so that a restart ends sessions.
    pub session_key: [u8; 32],
    /// Folder of pictures, films and pages that messages name; uploads go there too.
    pub asset_dir: PathBuf,
    /// Most bytes of one upload.
    pub max_upload_bytes: usize,
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
            admin_token_hash: None,
            session_key,
            asset_dir,
            max_upload_bytes: 64 << 20,
        }
    }

    /// Whether people on other machines can use it: it listens for them, or something in front of it does.
    pub(crate) fn is_reached_from_outside(&self) -> bool {
        !self.listen.ip().is_loopback() || self.public_url.is_some() || !self.host_names.is_empty()
    }

    /// Whether whoever reaches the server may use the console without a token.
    pub(crate) fn is_console_open(&self) -> bool {
        self.open_console && self.listen.ip().is_loopback()
    }
}
