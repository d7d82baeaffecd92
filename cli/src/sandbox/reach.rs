//! What the program needs to reach, worked out from what it is started with.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use regard_engine::{EngineConfig, GalleryKind, SiteKeyFile};
use regard_inference::{Device, LibrarySearch, RuntimeChoice};
use regard_server::{AcmeConfig, ServerConfig};
use regard_vision::SourceSpec;

/// Where systems keep their libraries, their settings (names of hosts, time zones, certificates) and what
/// they say of themselves. No one's home is in it.
const SYSTEM: &[&str] = &[
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/bin",
    "/sbin",
    "/opt",
    "/etc",
    "/nix/store",
    "/proc",
    "/sys",
    "/run/systemd",
];

/// Devices that give or take nothing of interest.
const PLAIN_DEVICES: &[&str] = &[
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];

/// Questions about names that are too long for one datagram.
const DNS_PORT: u16 = 53;

/// What the program needs to reach.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    /// Folders and files that are written, made and removed.
    pub(crate) writes: Vec<PathBuf>,
    /// Folders in which files are made and written, and none is removed.
    pub(crate) adds: Vec<PathBuf>,
    /// Folders and files that are read.
    pub(crate) reads: Vec<PathBuf>,
    /// Devices that are read, written and set.
    pub(crate) devices: Vec<PathBuf>,
    /// A folder from which an empty folder may be removed.
    pub(crate) tidies: Option<PathBuf>,
    /// Ports that are listened on.
    pub(crate) listens: BTreeSet<u16>,
    /// Ports that are connected to; nothing where that cannot be told.
    pub(crate) connects: Option<BTreeSet<u16>>,
    /// Whether programs are started.
    pub(crate) starts_programs: bool,
}

impl Reach {
    /// Of an engine and its server.
    pub(crate) fn of(engine: &EngineConfig, server: &ServerConfig) -> Self {
        let mut reach = Self {
            writes: vec![engine.data_dir.clone(), server.asset_dir.clone()],
            reads: SYSTEM.iter().map(PathBuf::from).collect(),
            devices: PLAIN_DEVICES.iter().map(PathBuf::from).collect(),
            listens: BTreeSet::from([server.listen.port()]),
            connects: Some(BTreeSet::new()),
            ..Self::default()
        };
        reach.reads.extend(engine.models.clone());
        // Keys that are rotated while the program runs are another file.
        let site_key = &engine.site_key;
        let keys = [&site_key.file, &site_key.passphrase_file];
        reach.reads.extend(
            keys.into_iter()
                .flatten()
                .filter_map(|file| folder_of(file)),
        );
        for token in SiteKeyFile::named_tokens(site_key, &engine.data_dir) {
            reach.reads.extend(folder_of(token.module()));
            reach
                .reads
                .extend(token.pin_file().and_then(|pin| folder_of(pin)));
            let (devices, folders) = token
                .reaches()
                .iter()
                .cloned()
                .partition::<Vec<_>, _>(|path| path.starts_with("/dev"));
            reach.devices.extend(devices);
            reach.writes.extend(folders);
        }
        if let Some(tls) = &server.tls {
            // Whoever renews a certificate puts another file in its place, or turns a link.
            for file in [&tls.certificate, &tls.key] {
                reach.reads.extend(folder_of(file));
                let real = std::fs::canonicalize(file).ok();
                reach.reads.extend(real.as_deref().and_then(folder_of));
            }
        }
        if let Some(port) = server.acme.as_ref().and_then(AcmeConfig::http_port) {
            reach.listens.insert(port);
        }
        // The engine looks for a model runtime in these; the program itself is in one of them.
        let libraries = LibrarySearch::system();
        reach.reads.extend(libraries.folders);
        let named = libraries.file.as_deref().and_then(folder_of);
        reach.reads.extend(named);
        if let Some(recording) = &engine.recording {
            reach.adds.extend(folder_of(recording));
        }
        if engine.runtime == RuntimeChoice::OnnxRuntime(Device::Cuda) {
            reach.devices.push(PathBuf::from("/dev"));
        }
        // Whom the configuration names, and names of hosts.
        for (_, port) in server.outbound_hosts() {
            if let Some(connects) = &mut reach.connects {
                connects.insert(port);
                connects.insert(DNS_PORT);
            }
        }
        let gallery_ports: Vec<u16> = match &engine.recognition.gallery.kind {
            GalleryKind::Exact | GalleryKind::Neighbours { .. } => Vec::new(),
            GalleryKind::Parts { addresses, .. } => {
                addresses.iter().map(SocketAddr::port).collect()
            }
            // A socket in a folder is no port, and not told apart.
            GalleryKind::Database(address) => {
                let port = address.port().into_iter();
                port.flat_map(|port| [port, DNS_PORT]).collect()
            }
        };
        if let Some(connects) = &mut reach.connects {
            connects.extend(gallery_ports);
        }
        for camera in &engine.cameras {
            reach.add_source(&camera.source);
        }
        reach
    }

    /// A folder of the temporary folder that goes with the program: only its removal asks for more.
    pub(crate) fn tidying(mut self, folder: &Path) -> Self {
        self.tidies = folder.parent().map(Path::to_owned);
        self
    }

    fn add_source(&mut self, source: &SourceSpec) {
        match source {
            // A camera that is plugged in again is another file.
            SourceSpec::V4l2(_) => self.devices.push(PathBuf::from("/dev")),
            SourceSpec::Clip(_) | SourceSpec::Folder(_) => {
                // A file may be put in the place of the one that was there.
                self.reads.extend(source.path().and_then(folder_of));
                self.reads.extend(source.path().map(Path::to_owned));
            }
            SourceSpec::Ffmpeg(_) => {
                self.starts_programs = true;
                self.reads.extend(source.path().and_then(folder_of));
                let places = std::env::var_os("PATH").unwrap_or_default();
                self.reads.extend(std::env::split_paths(&places));
                self.add_ports(source);
            }
            SourceSpec::Http(_) => self.add_ports(source),
            SourceSpec::Push { .. } | SourceSpec::Demo => {}
        }
    }

    fn add_ports(&mut self, source: &SourceSpec) {
        match (source.tcp_ports(), &mut self.connects) {
            (Some(ports), Some(connects)) => {
                connects.extend(ports);
                connects.insert(DNS_PORT);
            }
            (None, connects) => *connects = None,
            (Some(_), None) => {}
        }
    }
}

/// The folder a file is in.
fn folder_of(file: &Path) -> Option<PathBuf> {
    match file.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Some(PathBuf::from(".")),
        Some(folder) => Some(folder.to_owned()),
        None => None,
    }
}
