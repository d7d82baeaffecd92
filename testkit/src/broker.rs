//! A broker of MQTT that tests start themselves, with certificates made for it.
//!
//! It is Mosquitto, from where systems put it; without it there is no broker, and tests say that they were skipped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

pub use crate::authority::{Authority, Signed};

/// What is said where there is no broker.
pub const SKIPPED: &str =
    "skipped: mosquitto not found; Debian: apt install mosquitto mosquitto-clients";

/// How the broker encrypts.
pub struct Encryption<'a> {
    /// What it shows.
    pub shown: &'a Signed,
    /// Who has to have signed the certificates that it demands; nothing: it demands none.
    pub clients: Option<&'a Authority>,
}

/// A broker on free ports of this machine. Ended when dropped.
pub struct Mosquitto {
    /// Where it listens without encryption.
    pub plain_port: u16,
    /// Where it listens with encryption; without any nobody listens there.
    pub encrypted_port: u16,
    config: PathBuf,
    process: Child,
    listeners: Vec<Child>,
}

fn program(name: &str) -> Option<PathBuf> {
    let places = [
        "/usr/sbin",
        "/usr/bin",
        "/usr/local/sbin",
        "/usr/local/bin",
        "/opt/homebrew/sbin",
        "/opt/homebrew/bin",
    ];
    let mut files = places.iter().map(|place| Path::new(place).join(name));
    files.find(|file| file.exists())
}

/// Starts it, and waits until it says that it listens.
fn run(config: &Path) -> Option<Child> {
    let mut command = Command::new(program("mosquitto")?);
    command.arg("-v").arg("-c").arg(config);
    command.stderr(Stdio::piped()).stdout(Stdio::null());
    let mut process = command.spawn().expect("mosquitto starts");
    let told = process.stderr.take().expect("it was piped");
    let mut lines = BufReader::new(told).lines().map_while(Result::ok);
    if !lines.any(|line| line.contains(" running")) {
        let _ = process.kill();
        let _ = process.wait();
        panic!("mosquitto does not listen");
    }
    // Whoever writes to a pipe that nobody reads waits some day.
    thread::spawn(move || lines.for_each(drop));
    Some(process)
}

impl Mosquitto {
    /// Starts one with its files in this folder; nothing where there is none.
    ///
    /// # Panics
    /// If it is there and cannot be started.
    pub fn start(folder: &Path, encryption: Option<&Encryption<'_>>) -> Option<Self> {
        program("mosquitto_sub")?;
        let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let ports = sockets.map(|socket| socket.local_addr().expect("its own address").port());
        let [plain_port, encrypted_port] = ports;
        // It would give up what root may, and with that these files.
        let mut text =
            format!("user root\nallow_anonymous true\nlistener {plain_port} 127.0.0.1\n");
        let write = |name: &str, option: &str, pem: &str| {
            let file = folder.join(name);
            fs::write(&file, pem).expect("the folder can be written to");
            format!("{option} {}\n", file.display())
        };
        if let Some(Encryption { shown, clients }) = encryption {
            text.push_str(&format!("listener {encrypted_port} 127.0.0.1\n"));
            text.push_str(&write("broker.pem", "certfile", &shown.certificate));
            text.push_str(&write("broker.key", "keyfile", &shown.key));
            if let Some(clients) = clients {
                text.push_str(&write("clients.pem", "cafile", &clients.pem()));
                text.push_str("require_certificate true\n");
            }
        }
        let config = folder.join("mosquitto.conf");
        fs::write(&config, text).expect("the folder can be written to");
        let process = run(&config)?;
        Some(Self {
            plain_port,
            encrypted_port,
            config,
            process,
            listeners: Vec::new(),
        })
    }

    /// Ends it as if the power had gone.
    pub fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Ends it, and starts it again on the same ports; it knows nothing of before.
    pub fn start_again(&mut self) {
        self.end();
        self.process = run(&self.config).expect("it was there");
    }

    /// Everything that is said from now on and what is retained, as `topic payload`.
    pub fn said(&mut self) -> Receiver<String> {
        let port = self.plain_port.to_string();
        let mut heard = Command::new(program("mosquitto_sub").expect("it was there"))
            .args(["-h", "127.0.0.1", "-p", &port, "-t", "#", "-v"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("mosquitto_sub starts");
        let said = BufReader::new(heard.stdout.take().expect("it was piped"));
        self.listeners.push(heard);
        let (sender, receiver) = channel();
        thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        receiver
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.end();
        for listener in &mut self.listeners {
            let _ = listener.kill();
            let _ = listener.wait();
        }
    }
}
