//! A PostgreSQL with the extension `vector` that tests start themselves.
//!
//! It is looked for in the folder that `REGARD_PG_BIN` names, then where Debian puts it; without it there is no server, and
//! tests say that they were skipped.

use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is said where there is no server.
pub const SKIPPED: &str =
    "skipped: PostgreSQL with the extension vector not found; see REGARD_PG_BIN";

/// An account that every Linux has: a server of PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;

/// As whom the server is spoken to.
const USER: &str = "regard";

/// A server of our own on a socket in a folder, which ends when dropped.
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
}

/// The programs of a PostgreSQL that has the extension.
fn programs() -> Option<PathBuf> {
    let named = env::var_os("REGARD_PG_BIN").map(PathBuf::from);
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let installed = installed.flatten().map(|entry| entry.path().join("bin"));
    named.into_iter().chain(installed).find(|programs| {
        let mut config = Command::new(programs.join("pg_config"));
        let shared = config.arg("--sharedir").output().ok();
        let shared = shared.and_then(|output| String::from_utf8(output.stdout).ok());
        shared.is_some_and(|shared| {
            let extension = Path::new(shared.trim()).join("extension/vector.control");
            extension.is_file()
        })
    })
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

impl Postgres {
    /// Starts one with its files in a folder that is empty; nothing where none can be had.
    ///
    /// # Panics
    /// When it is there and does not start.
    pub fn start(folder: &Path) -> Option<Self> {
        let programs = programs()?;
        if is_root() {
            chown(folder, Some(NOBODY), Some(NOBODY)).expect("a folder of the test");
        }
        let server = Self {
            programs,
            folder: folder.to_owned(),
        };
        let data = server.data();
        server.run(
            "initdb",
            &["-U", USER, "-A", "trust", "--no-sync", "-D", &data],
        );
        server.up();
        Some(server)
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    fn run(&self, program: &str, args: &[&str]) {
        let mut command = Command::new(self.programs.join(program));
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let path = self.folder.join(format!("{program}.log"));
        let log = fs::File::create(&path).expect("a file in the folder");
        let same = log.try_clone().expect("a file that is open");
        let command = command
            .args(args)
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(same);
        let status = command.status().expect("a program that is there");
        let said = || fs::read_to_string(&path).unwrap_or_default();
        assert!(status.success(), "{program} failed: {}", said());
    }

    /// Starts it again after [`Self::crash`].
    ///
    /// # Panics
    /// When it does not start.
    pub fn up(&self) {
        let sockets = self.folder.display();
        let options = format!("-c listen_addresses='' -c unix_socket_directories='{sockets}'");
        let log = self.folder.join("server.log").display().to_string();
        let data = self.data();
        self.run(
            "pg_ctl",
            &["-D", &data, "-w", "-l", &log, "-o", &options, "start"],
        );
    }

    /// Ends it as loss of power does.
    ///
    /// # Panics
    /// When it does not end.
    pub fn crash(&self) {
        self.run(
            "pg_ctl",
            &["-D", &self.data(), "-w", "-m", "immediate", "stop"],
        );
    }

    /// The address of its one database.
    pub fn address(&self) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{folder}/postgres")
    }

    fn copy(&self) -> String {
        self.folder.join("older.sql").display().to_string()
    }

    /// Writes a copy of all of the database beside it.
    ///
    /// # Panics
    /// When that fails.
    pub fn back_up(&self) {
        let (folder, copy) = (self.folder.display().to_string(), self.copy());
        self.run(
            "pg_dump",
            &["-h", &folder, "-U", USER, "-c", "-f", &copy, "postgres"],
        );
    }

    /// Puts the copy in the place of what is there, while others are connected.
    ///
    /// # Panics
    /// When that fails.
    pub fn restore(&self) {
        let (folder, copy) = (self.folder.display().to_string(), self.copy());
        self.run(
            "psql",
            &["-h", &folder, "-U", USER, "-q", "-f", &copy, "postgres"],
        );
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if Path::new(&self.data()).join("postmaster.pid").exists() {
            self.crash();
        }
    }
}
