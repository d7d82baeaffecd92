//! Galleries in PostgreSQL, on a server that the tests start themselves.
//!
//! The server is looked for in the folder that `REGARD_PG_BIN` names, then where Debian puts it; it needs the extension
//! `vector`. Without one, these tests say that they were skipped.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use regard_backends::PgGallery;
use regard_commitments::{Grant, Recognition};
use regard_domain::{PersonId, TemplateId};
use regard_identity::{
    Embedding, Enrolment, ExactGallery, Gallery, GalleryError, GalleryLimits, GalleryTransform,
};
use regard_testkit::conformance::gallery::{
    self as laws, DIMENSION, MODEL, Strictness, first_transform, random_embedding,
};
use tempfile::TempDir;

/// An account that every Linux has: a server of PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;

/// A server of our own, which ends with the test.
struct Server {
    programs: PathBuf,
    folder: TempDir,
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
            Path::new(shared.trim())
                .join("extension/vector.control")
                .is_file()
        })
    })
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

impl Server {
    /// Starts one; nothing, and a word about it, where none can be had.
    fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            println!("skipped: PostgreSQL with the extension vector not found; see REGARD_PG_BIN");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let server = Self { programs, folder };
        let data = server.data();
        let made = ["-U", "regard", "-A", "trust", "--no-sync", "-D", &data];
        server.run("initdb", &made);
        server.up();
        Some(server)
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn run(&self, program: &str, args: &[&str]) {
        let mut command = Command::new(self.programs.join(program));
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let log = fs::File::create(self.folder.path().join(format!("{program}.log"))).unwrap();
        let command = command
            .args(args)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path());
        let status = command
            .stdin(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .stdout(log)
            .status();
        if !status.unwrap().success() {
            let log = fs::read_to_string(self.folder.path().join(format!("{program}.log")));
            panic!("{program} failed: {}", log.unwrap_or_default());
        }
    }

    fn up(&self) {
        let sockets = self.folder.path().display();
        let options = format!("-c listen_addresses='' -c unix_socket_directories='{sockets}'");
        let log = self.folder.path().join("server.log").display().to_string();
        self.run(
            "pg_ctl",
            &[
                "-D",
                &self.data(),
                "-w",
                "-l",
                &log,
                "-o",
                &options,
                "start",
            ],
        );
    }

    /// Ends it as loss of power does.
    fn crash(&self) {
        self.run(
            "pg_ctl",
            &["-D", &self.data(), "-w", "-m", "immediate", "stop"],
        );
    }

    fn address(&self) -> String {
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://regard@{folder}/postgres")
    }

    fn gallery(&self, name: &str) -> PgGallery {
        PgGallery::open(&self.address(), name, first_transform(), MODEL, 1_000_000).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if Path::new(&self.data()).join("postmaster.pid").exists() {
            self.crash();
        }
    }
}

fn enroll(gallery: &mut dyn Gallery, bits: u128, face: &Embedding) {
    let values = gallery.transform().template(face).unwrap();
    let enrolment = Enrolment {
        template: TemplateId::from_bits(bits),
        person: PersonId::from_bits(bits),
        picture: None,
        values,
    };
    gallery.insert(enrolment).unwrap();
}

fn first(gallery: &dyn Gallery, face: &Embedding) -> Option<PersonId> {
    let key = Grant::<Recognition>::for_evaluation();
    let answer = gallery.search(face, 1, &key).unwrap();
    answer.hits.first().map(|hit| hit.person)
}

#[test]
fn the_laws_are_kept_by_postgres() {
    let Some(server) = Server::start() else {
        return;
    };
    for seed in 0..2 {
        let gallery = server.gallery(&format!("seed {seed}"));
        laws::random_history(Box::new(gallery), seed, 80, Strictness { is_exact: true });
    }
    let mut n = 0;
    let fresh = || -> Box<dyn Gallery> {
        n += 1;
        Box::new(server.gallery(&format!("order {n}")))
    };
    laws::order_does_not_matter(fresh, 3);
    laws::foreign_templates_are_refused(Box::new(server.gallery("foreign")));
}

#[test]
fn postgres_and_memory_answer_alike() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut rng = ChaCha20Rng::seed_from_u64(17);
    let mut stored = server.gallery("alike");
    let mut memory = ExactGallery::new(first_transform(), MODEL, GalleryLimits::default());
    for bits in 0..400 {
        let face = random_embedding(&mut rng);
        enroll(&mut stored, bits, &face);
        enroll(&mut memory, bits, &face);
    }
    let to = || GalleryTransform::from_key(&[77; 32], DIMENSION).unwrap();
    let key = Grant::<Recognition>::for_evaluation();
    for is_turned_over in [false, true] {
        if is_turned_over {
            stored.rekey(to()).unwrap();
            memory.rekey(to()).unwrap();
        }
        for _ in 0..10 {
            let probe = random_embedding(&mut rng);
            // To the last bit.
            let (a, b) = (
                stored.search(&probe, 25, &key),
                memory.search(&probe, 25, &key),
            );
            assert_eq!(a.unwrap(), b.unwrap());
        }
    }
    // Whoever still has the transform of before is told so, and finds nobody.
    let late = PgGallery::open(&server.address(), "alike", first_transform(), MODEL, 10);
    assert!(late.is_err());
}

#[test]
fn who_was_removed_stays_away_after_a_crash_and_after_a_restore() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut rng = ChaCha20Rng::seed_from_u64(23);
    let faces: Vec<Embedding> = (0..30).map(|_| random_embedding(&mut rng)).collect();
    let mut gallery = server.gallery("crash");
    for (bits, face) in (0_u128..).zip(&faces) {
        enroll(&mut gallery, bits, face);
    }
    let older = server.folder.path().join("older.sql").display().to_string();
    let folder = server.folder.path().display().to_string();
    let host = ["-h", &folder, "-U", "regard"];
    server.run(
        "pg_dump",
        &[&host[..], &["-c", "-f", &older, "postgres"]].concat(),
    );
    let person = PersonId::from_bits;
    assert_eq!(gallery.remove_person(person(4)).unwrap(), 1);
    assert!(gallery.remove_template(TemplateId::from_bits(5)).unwrap());
    server.crash();
    assert!(matches!(
        gallery.n_templates(),
        Err(GalleryError::Index { .. })
    ));
    server.up();
    let check = |gallery: &PgGallery| {
        for (bits, face) in (0_u128..).zip(&faces) {
            let is_there = ![4, 5].contains(&bits);
            assert_eq!(
                first(gallery, face) == Some(person(bits)),
                is_there,
                "{bits}"
            );
        }
    };
    let mut gallery = server.gallery("crash");
    check(&gallery);
    // An older copy comes back, in which both are; who is to be there is known by whoever keeps the consents.
    server.run(
        "psql",
        &[&host[..], &["-q", "-f", &older, "postgres"]].concat(),
    );
    assert_eq!(first(&gallery, &faces[4]), Some(person(4)));
    let kept: BTreeSet<TemplateId> = (0..30)
        .filter(|bits| ![4, 5].contains(bits))
        .map(TemplateId::from_bits)
        .collect();
    assert_eq!(gallery.keep_only(&kept).unwrap(), 2);
    check(&gallery);
}
