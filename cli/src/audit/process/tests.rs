use std::os::unix::fs::symlink;

use regard_commitments::CheckState;

use super::*;

/// A program as `/proc` shows it, in a folder of the test.
struct Machine {
    root: tempfile::TempDir,
    data: PathBuf,
}

impl Machine {
    /// Process 41 works in the data folder, process 42 is its child, 7 has nothing to do with them.
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let machine = Self {
            data: PathBuf::from("/srv/regard/data"),
            root,
        };
        for (pid, parent) in [(7, 1), (41, 7), (42, 41)] {
            let folder = machine.root.path().join(pid.to_string());
            for part in ["fd", "fdinfo", "net", "task"] {
                fs::create_dir_all(folder.join(part)).unwrap();
            }
            let stat = format!("{pid} (a) (name) S {parent} 1 1");
            fs::write(folder.join("stat"), stat).unwrap();
        }
        machine.file(41, 5, "/srv/regard/data/regard.lock", "0100002");
        machine.file(41, 6, "/srv/regard/data/regard.db", "0100002");
        machine.file(41, 7, "/dev/video0", "02");
        machine.file(41, 8, "/usr/share/zoneinfo/UTC", "0100000");
        machine.file(41, 2, "/var/log/regard.log", "0102001");
        machine.file(7, 3, "/home/someone/film.mp4", "0100002");
        machine
    }

    fn file(&self, pid: u32, number: u32, target: &str, flags: &str) {
        let folder = self.root.path().join(pid.to_string());
        symlink(target, folder.join("fd").join(number.to_string())).unwrap();
        let info = format!("pos:\t0\nflags:\t{flags}\n");
        fs::write(folder.join("fdinfo").join(number.to_string()), info).unwrap();
    }

    fn sockets(&self, pid: u32, name: &str, lines: &[&str]) {
        let text = format!("  sl  local_address rem_address st\n{}\n", lines.join("\n"));
        fs::write(self.root.path().join(format!("{pid}/net/{name}")), text).unwrap();
    }

    fn status(&self, path: &str, seccomp: u8, no_new_privs: u8) {
        let text = format!("Name:\tregard\nNoNewPrivs:\t{no_new_privs}\nSeccomp:\t{seccomp}\n");
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn proc(&self) -> Proc {
        Proc::at(self.root.path())
    }

    fn holders(&self) -> Holders {
        self.proc().holders(&self.data)
    }
}

fn found(evidence: &Evidence) -> Vec<String> {
    let json = serde_json::to_value(evidence).unwrap();
    serde_json::from_value(json["found"].clone()).unwrap()
}

#[test]
fn the_program_and_its_children_are_found() {
    let machine = Machine::new();
    assert_eq!(machine.holders().pids, [41, 42]);
    assert!(machine.holders().is_running());
    let nobody = machine.proc().holders(Path::new("/srv/other"));
    assert!(!nobody.is_running());
    for evidence in [
        open_files(&machine.proc(), &nobody, Path::new("/srv/other")),
        egress(&machine.proc(), &nobody, &[]),
        sandbox(&machine.proc(), &nobody),
    ] {
        assert_eq!(evidence.state(), CheckState::Unknown, "{evidence:?}");
    }
}

#[test]
fn a_file_open_elsewhere_is_found() {
    let machine = Machine::new();
    let look = || open_files(&machine.proc(), &machine.holders(), &machine.data);
    assert_eq!(look().state(), CheckState::Pass, "{:?}", look());
    // A recording that was asked for is no surprise, in either way to ask.
    let folder = machine.root.path().join("41");
    symlink("/home/owner", folder.join("cwd")).unwrap();
    let line = "regard\0serve\0--record\0run.rec\0--data=/srv/regard/data\0--x=/tmp/y.rec\0";
    fs::write(folder.join("cmdline"), line).unwrap();
    machine.file(41, 30, "/home/owner/run.rec", "0100001");
    machine.file(41, 31, "/tmp/y.rec", "0100001");
    assert_eq!(look().state(), CheckState::Pass, "{:?}", look());
    machine.file(42, 9, "/tmp/frames.raw", "0100001");
    machine.file(41, 9, "/dev/shm/faces", "0100002");
    assert_eq!(look().state(), CheckState::Fail);
    assert_eq!(found(&look()), ["/dev/shm/faces", "/tmp/frames.raw"]);
}

#[test]
fn a_connection_to_elsewhere_is_found() {
    let machine = Machine::new();
    let listening = "0: 00000000:2253 00000000:0000 0A 0 0 0 0 0 101 1";
    // A screen at 192.0.2.9 that came to us, and ourselves at another port of this machine.
    let inbound = "1: 0A0200C0:2253 090200C0:C001 01 0 0 0 0 0 102 1";
    let local = "2: 0100007F:C002 0100007F:1F90 01 0 0 0 0 0 103 1";
    // The camera at 192.0.2.50, and somebody at 198.51.100.7.
    let camera = "3: 0A0200C0:C003 320200C0:0050 01 0 0 0 0 0 104 1";
    let elsewhere = "4: 0A0200C0:C004 076433C6:01BB 01 0 0 0 0 0 105 1";
    let not_ours = "5: 0A0200C0:C005 076433C6:01BB 01 0 0 0 0 0 999 1";
    for (number, inode) in [(20, 101), (21, 102), (22, 103), (23, 104)] {
        machine.file(41, number, &format!("socket:[{inode}]"), "02");
    }
    machine.sockets(41, "tcp", &[listening, inbound, local, camera, not_ours]);
    let named = [AllowedHost {
        name: "camera.example".to_owned(),
        addresses: vec!["192.0.2.50".parse().unwrap()],
    }];
    let look = |allowed: &[AllowedHost]| egress(&machine.proc(), &machine.holders(), allowed);
    let good = look(&named);
    assert_eq!(good.state(), CheckState::Pass, "{good:?}");
    assert_eq!(
        found(&look(&[])),
        ["tcp to 192.0.2.50:80"],
        "where no camera is named"
    );

    machine.file(42, 24, "socket:[105]", "02");
    machine.sockets(42, "tcp", &[elsewhere]);
    assert_eq!(look(&named).state(), CheckState::Fail);
    assert_eq!(found(&look(&named)), ["tcp to 198.51.100.7:443"]);
    // The same over the newer protocol, by datagrams.
    machine.file(41, 25, "socket:[106]", "02");
    let datagrams = "9: 00000000000000000000000000000000:C006 B80D0120000000000000000001000000:0035 01 0 0 0 0 0 106 1";
    machine.sockets(41, "udp6", &[datagrams]);
    assert!(found(&look(&named)).contains(&"udp to [2001:db8::1]:53".to_owned()));
}

#[test]
fn a_program_without_its_sandbox_is_found() {
    let machine = Machine::new();
    let look = || sandbox(&machine.proc(), &machine.holders());
    machine.status("41/status", 2, 1);
    machine.status("42/status", 2, 1);
    machine.status("41/task/41/status", 2, 1);
    assert_eq!(look().state(), CheckState::Pass, "{:?}", look());
    // One thread without is one too many.
    machine.status("41/task/43/status", 0, 1);
    assert_eq!(look().state(), CheckState::Fail);
    machine.status("41/task/43/status", 2, 0);
    assert_eq!(look().state(), CheckState::Fail);
    let silent = machine.root.path().join("41/task/43/status");
    fs::write(silent, "Name:\tregard\n").unwrap();
    assert_eq!(look().state(), CheckState::Unknown);
}

#[test]
fn addresses_are_read_as_the_system_writes_them() {
    for (text, address) in [
        ("0100007F:1F90", "127.0.0.1:8080"),
        ("00000000000000000000000001000000:0050", "[::1]:80"),
        ("0000000000000000FFFF00000100007F:0050", "127.0.0.1:80"),
    ] {
        assert_eq!(address_in(text), address.parse().ok(), "{text}");
    }
    for bad in [
        "",
        ":",
        "0100007F",
        "0100007F:XYZ",
        "01:02",
        "\u{e9}\u{e9}\u{e9}\u{e9}:0050",
    ] {
        assert_eq!(address_in(bad), None, "{bad}");
    }
}

#[test]
fn this_test_itself_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().canonicalize().unwrap().join(LOCK);
    let held = fs::File::create(&lock).unwrap();
    let proc = Proc::system();
    let files = proc.open_files(std::process::id()).unwrap();
    assert!(files.values().any(|target| *target == lock));
    // Whoever audits is not the installation, unless it holds the lock.
    assert!(!proc.holders(lock.parent().unwrap()).is_running());
    held.lock().unwrap();
    let holders = proc.holders(lock.parent().unwrap());
    assert!(holders.is_running() && holders.pids.is_empty());
}
