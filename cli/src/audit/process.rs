//! Looking at the running program from outside, as the system shows it in `/proc`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use regard_commitments::Evidence;

use super::{AllowedHost, listed};
use crate::printable::shown;

/// The file whose lock a running program holds; see `regard_backends::SqliteStore`.
const LOCK: &str = "regard.lock";

/// `TCP_LISTEN`, as `/proc/net/tcp` writes it.
const LISTENING: &str = "0A";

/// Where the system shows its processes.
pub(super) struct Proc {
    root: PathBuf,
}

/// The processes of an installation: the program and its children.
#[derive(Clone, Debug, Default)]
pub(super) struct Holders {
    pids: Vec<u32>,
    /// Why they cannot be looked at.
    unknown: Option<String>,
    is_held: bool,
}

impl Holders {
    pub(super) fn is_running(&self) -> bool {
        self.is_held
    }
}

impl Proc {
    pub(super) fn system() -> Self {
        Self::at(Path::new("/proc"))
    }

    fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    fn processes(&self) -> Vec<u32> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let mut pids: Vec<u32> = entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        pids.sort_unstable();
        pids
    }

    /// What each open file of a process is, by its number.
    fn open_files(&self, pid: u32) -> std::io::Result<BTreeMap<u32, PathBuf>> {
        let folder = self.root.join(pid.to_string()).join("fd");
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let number = entry.file_name().to_str().and_then(|n| n.parse().ok());
            // One that was closed since it was listed is open no more.
            if let (Some(number), Ok(target)) = (number, fs::read_link(entry.path())) {
                found.insert(number, target);
            }
        }
        Ok(found)
    }

    fn text(&self, pid: u32, name: &str) -> String {
        fs::read_to_string(self.root.join(pid.to_string()).join(name)).unwrap_or_default()
    }

    /// Who works in a data folder: whoever has its lock file open, and what that one started.
    pub(super) fn holders(&self, data_dir: &Path) -> Holders {
        let lock = data_dir.join(LOCK);
        let mut holders = Holders::default();
        let own = std::process::id();
        for pid in self.processes().into_iter().filter(|pid| *pid != own) {
            if let Ok(files) = self.open_files(pid)
                && files.values().any(|target| *target == lock)
            {
                holders.pids.push(pid);
            }
        }
        holders.is_held = !holders.pids.is_empty() || is_locked(&lock);
        if holders.pids.is_empty() {
            holders.unknown = Some(if holders.is_held {
                "the program runs as another user".to_owned()
            } else {
                "the program does not run".to_owned()
            });
        }
        self.add_children(&mut holders.pids);
        holders
    }

    fn add_children(&self, pids: &mut Vec<u32>) {
        let parents: BTreeMap<u32, u32> = self
            .processes()
            .into_iter()
            .filter_map(|pid| Some((pid, parent_in(&self.text(pid, "stat"))?)))
            .collect();
        let mut at = 0;
        while at < pids.len() {
            let children = parents.iter().filter(|(_, parent)| **parent == pids[at]);
            let new: Vec<u32> = children
                .map(|(child, _)| *child)
                .filter(|child| !pids.contains(child))
                .collect();
            pids.extend(new);
            at += 1;
        }
    }

    /// Files that the process was told of when it was started, such as that of `--record`.
    fn told(&self, pid: u32) -> BTreeSet<PathBuf> {
        let folder = fs::read_link(self.root.join(pid.to_string()).join("cwd")).unwrap_or_default();
        let line = self.text(pid, "cmdline");
        let words = line.split('\0').skip(1).filter(|word| !word.is_empty());
        words
            .map(|word| match word.split_once('=') {
                Some((option, value)) if option.starts_with("--") => value,
                _ => word,
            })
            .map(|word| folder.join(word))
            .collect()
    }

    /// Whether a file is open for writing; also when the system does not say.
    fn is_writable(&self, pid: u32, number: u32) -> bool {
        let info = self.text(pid, &format!("fdinfo/{number}"));
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
        // `O_ACCMODE`: 0 is reading alone.
        flags.is_none_or(|flags| flags & 0o3 != 0)
    }
}

/// Whether someone holds the lock whose process cannot be seen.
fn is_locked(path: &Path) -> bool {
    let Ok(file) = fs::File::open(path) else {
        return false;
    };
    // Shared, and let go at once: whoever starts in this moment tries again.
    matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock))
}

/// The parent in a `stat` line: the second field behind the name, which stands in brackets and may hold
/// brackets itself.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// Files that are open for writing outside the data folder.
pub(super) fn open_files(proc: &Proc, holders: &Holders, data_dir: &Path) -> Evidence {
    let mut unknown = holders.unknown.clone();
    let (mut n_open, mut found) = (0, BTreeSet::new());
    for &pid in &holders.pids {
        let files = match proc.open_files(pid) {
            Ok(files) => files,
            Err(error) => {
                unknown = Some(format!("process {pid}: {error}"));
                continue;
            }
        };
        n_open += files.len() as u64;
        let told = proc.told(pid);
        for (number, target) in files {
            // What it was started with is not its own choice: a terminal, a log, a recording.
            let is_given = number <= 2 || told.contains(&target);
            if !is_given && !is_harmless(&target, data_dir) && proc.is_writable(pid, number) {
                found.insert(shown(&target));
            }
        }
    }
    Evidence::OpenFiles {
        n_processes: holders.pids.len() as u64,
        n_open,
        found: listed(found.into_iter().collect()),
        unknown,
    }
}

/// Devices, sockets, pipes and what is in the data folder.
fn is_harmless(target: &Path, data_dir: &Path) -> bool {
    // `socket:[1]`, `pipe:[1]`, `anon_inode:[eventpoll]` are no paths.
    let is_device = target.starts_with("/dev") && !target.starts_with("/dev/shm");
    !target.is_absolute() || target.starts_with(data_dir) || is_device
}

/// A socket as the system lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Socket {
    kind: &'static str,
    local: SocketAddr,
    remote: SocketAddr,
    is_listening: bool,
    inode: u64,
}

/// Reads a line of `/proc/PID/net/tcp` and its like.
fn socket_in(line: &str, kind: &'static str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    Some(Socket {
        kind,
        local: address_in(fields.get(1)?)?,
        remote: address_in(fields.get(2)?)?,
        is_listening: *fields.get(3)? == LISTENING && kind == "tcp",
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// An address as `/proc` writes it: words of 32 bits as the machine has them in memory, and the port.
fn address_in(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = address.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let bytes = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?))
        }
        _ => return None,
    };
    // Addresses of the older form in the newer.
    Some(SocketAddr::new(ip.to_canonical(), port))
}

/// The sockets of the processes; why not all of them, where that is so.
fn sockets(proc: &Proc, holders: &Holders) -> (Vec<Socket>, Option<String>) {
    let mut unknown = holders.unknown.clone();
    let mut sockets: Vec<Socket> = Vec::new();
    for &pid in &holders.pids {
        let files = match proc.open_files(pid) {
            Ok(files) => files,
            Err(error) => {
                unknown = Some(format!("process {pid}: {error}"));
                continue;
            }
        };
        let inodes: BTreeSet<u64> = files.values().filter_map(|t| inode_in(t)).collect();
        for (name, kind) in [
            ("tcp", "tcp"),
            ("tcp6", "tcp"),
            ("udp", "udp"),
            ("udp6", "udp"),
        ] {
            let lines = proc.text(pid, &format!("net/{name}"));
            let own = lines.lines().filter_map(|line| socket_in(line, kind));
            sockets.extend(own.filter(|socket| inodes.contains(&socket.inode)));
        }
    }
    // A child may have a socket of its parent.
    sockets.sort_by_key(|socket| socket.inode);
    sockets.dedup();
    (sockets, unknown)
}

/// Connections to machines that the configuration does not name.
pub(super) fn egress(proc: &Proc, holders: &Holders, allowed: &[AllowedHost]) -> Evidence {
    let (sockets, unknown) = sockets(proc, holders);
    let doors: BTreeSet<u16> = sockets
        .iter()
        .filter(|socket| socket.is_listening)
        .map(|socket| socket.local.port())
        .collect();
    let is_inbound =
        |s: &Socket| s.kind == "tcp" && !s.is_listening && doors.contains(&s.local.port());
    let is_named = |ip: IpAddr| allowed.iter().any(|host| host.addresses.contains(&ip));
    let found: BTreeSet<String> = sockets
        .iter()
        .filter(|s| !s.is_listening && !is_inbound(s) && !s.remote.ip().is_unspecified())
        .filter(|s| !s.remote.ip().is_loopback() && !is_named(s.remote.ip()))
        .map(|s| format!("{} to {}", s.kind, s.remote))
        .collect();
    Evidence::Egress {
        n_sockets: sockets.len() as u64,
        n_listening: sockets.iter().filter(|s| s.is_listening).count() as u64,
        n_inbound: sockets.iter().filter(|s| is_inbound(s)).count() as u64,
        allowed: allowed.iter().map(|host| host.name.clone()).collect(),
        found: listed(found.into_iter().collect()),
        unknown,
    }
}

fn inode_in(target: &Path) -> Option<u64> {
    let text = target.to_str()?;
    text.strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

/// Whether every thread of every process is held by a filter of system calls.
pub(super) fn sandbox(proc: &Proc, holders: &Holders) -> Evidence {
    let (mut seccomp, mut no_new_privs): (Option<u64>, Option<bool>) = (None, None);
    let mut unknown = holders.unknown.clone();
    for &pid in &holders.pids {
        let tasks = proc.root.join(pid.to_string()).join("task");
        let tasks = fs::read_dir(tasks).into_iter().flatten().flatten();
        let mut statuses: Vec<String> = tasks
            .filter_map(|task| fs::read_to_string(task.path().join("status")).ok())
            .collect();
        statuses.push(proc.text(pid, "status"));
        for status in statuses.iter().filter(|status| !status.is_empty()) {
            let field = |name: &str| -> Option<u64> {
                let value = status.lines().find_map(|line| line.strip_prefix(name))?;
                value.trim().parse().ok()
            };
            // The weakest counts.
            match (field("Seccomp:"), field("NoNewPrivs:")) {
                (Some(mode), Some(privs)) => {
                    seccomp = Some(seccomp.map_or(mode, |known| known.min(mode)));
                    no_new_privs = Some(no_new_privs.unwrap_or(true) && privs == 1);
                }
                _ => unknown = Some("this system does not say".to_owned()),
            }
        }
    }
    if seccomp.is_none() && unknown.is_none() {
        unknown = Some("the program ended".to_owned());
    }
    Evidence::Sandbox {
        seccomp,
        no_new_privs,
        unknown,
    }
}

#[cfg(test)]
mod tests;
