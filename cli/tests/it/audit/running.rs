//! Programs that break a promise while they run: a process that works in the data folder as the program does, and does one
//! thing that the program never does.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::installation::stopped;
use super::{Audit, text};

/// A process that works in the data folder until it is dropped.
struct Impostor(Child);

impl Impostor {
    /// It holds the lock of the folder and does what the shell is told; nothing where there is no such shell, or it cannot.
    fn start(data: &Path, does: &str) -> Option<Self> {
        let lock = data.canonicalize().unwrap().join("regard.lock");
        let ready = data.with_file_name("ready");
        let script = format!(
            "exec 9>>\"$LOCK\" || exit 1; {does} || exit 1; : > \"$READY\"; read -r forever"
        );
        let child = Command::new("bash")
            .args(["-c", &script])
            .env("LOCK", &lock)
            .env("READY", &ready)
            .current_dir(data.parent().unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut impostor = Self(child.ok()?);
        for _ in 0..600 {
            if ready.exists() {
                return Some(impostor);
            }
            if impostor.0.try_wait().unwrap().is_some() {
                return None;
            }
            sleep(Duration::from_millis(50));
        }
        None
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_program_that_writes_elsewhere_is_found() {
    let folder = stopped();
    let data = folder.path().join("data");
    let Some(_impostor) = Impostor::start(&data, "exec 8>>./frames.raw") else {
        println!("skipped: a program that writes elsewhere: no bash");
        return;
    };
    let audit = Audit::of(&data, &[]);
    assert_eq!(audit.state("open_files"), "fail");
    let found = &audit.check("open_files")["evidence"]["found"];
    let elsewhere = folder.path().canonicalize().unwrap().join("frames.raw");
    assert_eq!(found[0], text(&elsewhere).as_str(), "{found:#}");
    assert_eq!(audit.report["is_running"], true);
}

#[test]
fn a_program_that_connects_elsewhere_is_found() {
    let folder = stopped();
    let data = folder.path().join("data");
    // An address for documentation: nothing is sent, and nobody is there.
    let Some(_impostor) = Impostor::start(&data, "exec 7<>/dev/udp/192.0.2.1/9") else {
        println!(
            "skipped: a program that connects elsewhere: no bash, or no way out of this machine"
        );
        return;
    };
    let audit = Audit::of(&data, &[]);
    assert_eq!(audit.state("egress"), "fail");
    let found = &audit.check("egress")["evidence"]["found"];
    assert_eq!(found[0], "udp to 192.0.2.1:9", "{found:#}");
}

#[test]
fn a_program_without_its_sandbox_is_found() {
    let folder = stopped();
    let data = folder.path().join("data");
    let Some(_impostor) = Impostor::start(&data, ":") else {
        println!("skipped: a program without its sandbox: no bash");
        return;
    };
    let audit = Audit::of(&data, &[]);
    let sandbox = audit.check("sandbox");
    assert_eq!(sandbox["state"], "fail", "{sandbox:#}");
    // It writes nowhere else and connects to nothing: that is not held against it.
    for id in ["open_files", "egress"] {
        assert_eq!(audit.state(id), "pass", "{:#}", audit.check(id));
    }
}
