//! `regard audit`, on installations that keep their word and on ones that were broken on purpose.

use std::fs;
use std::path::{Path, PathBuf};

use regard_backends::{Batch, Store as _};
use regard_commitments::{Commitments, EntryBody, LawRow, LedgerEntry, SiteKeys};
use regard_domain::Timestamp;
use serde_json::Value;

use crate::program::{Said, program, run, said_by};
use crate::running::{Serve, token_in};
use crate::site;

mod installation;
mod persons;
mod running;

use installation::{append, hangs_on, kept, minute, now, promised, stopped, with_store};

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// What an audit found, by check.
struct Audit {
    said: Said,
    report: Value,
    folder: PathBuf,
}

impl Audit {
    fn of(data: &Path, more: &[&str]) -> Self {
        let folder = tempfile::tempdir_in(data.parent().unwrap()).unwrap().keep();
        let mut command = program();
        command.args(["audit", "--data", &text(data), "-o", &text(&folder)]);
        let said = said_by(command.args(more));
        let signed = fs::read_to_string(folder.join("audit.json"))
            .unwrap_or_else(|error| panic!("{error}: {}{}", said.out, said.err));
        let signed: Value = serde_json::from_str(&signed).unwrap();
        let report = serde_json::from_str(signed["document"].as_str().unwrap()).unwrap();
        Self {
            said,
            report,
            folder,
        }
    }

    fn check(&self, id: &str) -> &Value {
        let checks = self.report["checks"].as_array().unwrap();
        let found = checks.iter().find(|check| check["evidence"]["id"] == id);
        found.unwrap_or_else(|| panic!("no check {id}"))
    }

    fn state(&self, id: &str) -> &str {
        self.check(id)["state"].as_str().unwrap()
    }

    /// This check fails, and those that look elsewhere do not.
    fn fails(&self, id: &str) -> &Value {
        assert_eq!(self.state(id), "fail", "{:#}", self.check(id));
        assert_eq!(self.said.code, 2, "{}{}", self.said.out, self.said.err);
        assert!(self.said.out.contains(id), "{}", self.said.out);
        assert!(self.check(id)["remedy"].is_string());
        let others = self.report["checks"].as_array().unwrap();
        for other in others {
            let name = other["evidence"]["id"].as_str().unwrap();
            if name != id && !hangs_on(name, id) {
                assert_ne!(other["state"], "fail", "{other:#}");
            }
        }
        &self.check(id)["evidence"]
    }
}

#[test]
fn a_running_installation_keeps_its_word() {
    let folder = site::small();
    let data = folder.path().join("data");
    let serve = Serve::start(folder.path(), &[]);
    let config = text(&folder.path().join("regard.toml"));
    let audit = Audit::of(&data, &["--config", &config]);
    for id in [
        "pictures_on_disk",
        "embeddings_on_disk",
        "open_files",
        "egress",
        "retention",
        "biometric_operations",
        "ledger",
        "notice",
        "models",
        "commitments",
        "refusals",
        "records",
        "papers",
        "notice_text",
    ] {
        assert_eq!(audit.state(id), "pass", "{:#}", audit.check(id));
    }
    check_law(&audit);
    // No database was given; that is not a pass.
    assert_eq!(audit.state("dependencies"), "unknown");
    assert!(audit.said.out.contains("not checked: no advisory database"));
    assert_eq!(audit.report["is_running"], true);
    assert_eq!(audit.check("egress")["evidence"]["n_listening"], 1);
    assert!(audit.check("ledger")["evidence"]["n_covered"].as_u64() >= Some(2));
    // It says what the system says; see the tests of `process` for both answers.
    let sandbox = audit.check("sandbox");
    assert!(sandbox["evidence"]["seccomp"].is_u64(), "{sandbox:#}");
    let (printed, _) = serve.stop();
    assert!(token_in(&printed).is_some());
}

/// Every rule and every refusal has its line, in the report, on the page and in what is printed.
fn check_law(audit: &Audit) {
    let law = audit.report["law"].as_array().unwrap();
    let rows: Vec<_> = LawRow::all().collect();
    assert_eq!(law.len(), rows.len());
    let page = fs::read_to_string(audit.folder.join("audit.html")).unwrap();
    for (line, row) in law.iter().zip(rows) {
        assert_eq!(line["row"], serde_json::to_value(row).unwrap());
        assert!(!line["checks"].as_array().unwrap().is_empty(), "{line:#}");
        let unknown = ["dependencies", "sandbox"];
        let checks = line["checks"].as_array().unwrap();
        if !checks
            .iter()
            .any(|id| unknown.contains(&id.as_str().unwrap()))
        {
            assert_eq!(line["state"], "pass", "{line:#}");
        }
        let id = row.id();
        assert!(page.contains(&format!("<code>{id}</code>")), "{id}");
        assert!(audit.said.out.contains(id), "{id}");
    }
}

#[test]
fn a_stopped_installation_is_unknown_where_it_would_have_to_run() {
    let folder = stopped();
    let audit = Audit::of(&folder.path().join("data"), &[]);
    for id in ["open_files", "egress", "sandbox"] {
        assert_eq!(audit.state(id), "unknown", "{:#}", audit.check(id));
    }
    assert_eq!(
        (audit.said.code, &audit.report["is_running"]),
        (0, &false.into())
    );
}

#[test]
fn a_frame_on_the_disk_is_found() {
    let folder = stopped();
    let data = folder.path().join("data");
    let picture = fs::read(crate::program::fixture("photos/astronaut.jpg")).unwrap();
    // A message of the owner has the hash of its bytes as its name, and is allowed.
    use sha2::Digest as _;
    let hash = regard_engine::to_hex(&sha2::Sha256::digest(&picture));
    fs::create_dir_all(data.join("assets")).unwrap();
    fs::write(data.join(format!("assets/{hash}.jpg")), &picture).unwrap();
    let good = Audit::of(&data, &[]);
    assert_eq!(
        good.state("pictures_on_disk"),
        "pass",
        "{:#}",
        good.check("pictures_on_disk")
    );
    assert_eq!(good.check("pictures_on_disk")["evidence"]["n_assets"], 1);
    fs::write(
        data.join("cache.bin"),
        [b"nothing to see ".to_vec(), picture].concat(),
    )
    .unwrap();
    let audit = Audit::of(&data, &[]);
    let found = audit.fails("pictures_on_disk")["found"][0]
        .as_str()
        .unwrap();
    assert_eq!(found, "cache.bin: a JPEG picture at byte 15");
}

#[test]
fn an_embedding_on_the_disk_is_found() {
    let folder = stopped();
    let data = folder.path().join("data");
    let vector: Vec<u8> = (0..128_u32)
        .flat_map(|i| (((i * 37 % 101) as f32 - 50.0) / 331.0).to_le_bytes())
        .collect();
    fs::write(data.join("face.bin"), &vector).unwrap();
    let audit = Audit::of(&data, &[]);
    assert_eq!(
        audit.fails("embeddings_on_disk")["found"][0],
        "face.bin: 128 numbers of 4 bytes"
    );
    fs::remove_file(data.join("face.bin")).unwrap();

    // The same as JSON in the store, where a setting should be.
    let length = vector
        .as_chunks::<4>()
        .0
        .iter()
        .map(|b| f32::from_le_bytes(*b).powi(2))
        .sum::<f32>();
    let numbers: Vec<f32> = vector
        .as_chunks::<4>()
        .0
        .iter()
        .map(|b| f32::from_le_bytes(*b) / length.sqrt())
        .collect();
    let setting = regard_backends::Setting {
        name: "probe".to_owned(),
        value: serde_json::to_string(&numbers).unwrap(),
    };
    let setting = kept(&data, setting, now());
    with_store(&data, async |store| {
        store.put_setting(&setting).await.unwrap();
    });
    let audit = Audit::of(&data, &[]);
    let found = audit.fails("embeddings_on_disk")["found"][0]
        .as_str()
        .unwrap();
    assert!(found.starts_with("regard.db settings.value"), "{found}");
}

/// A template in the clear where sealed ones lie, and the same hidden in a file.
#[test]
fn a_template_that_is_not_sealed_is_found() {
    let folder = stopped();
    let data = folder.path().join("data");
    let numbers: Vec<u8> = (0..128_i32)
        .map(|i| ((i * 37 % 101 - 50) as i8).cast_unsigned())
        .collect();
    let template = [b"RGT\0\x01\0\x80\0".as_slice(), &[3; 16], &numbers].concat();
    let person = regard_domain::PersonId::from_bits(7);
    let purpose = regard_commitments::ConsentPurpose::Verify;
    let row = |body: Vec<u8>| regard_backends::SealedRow {
        person,
        kind: "template".to_owned(),
        name: String::new(),
        slot: regard_commitments::KeySlot::Purpose(purpose),
        at: now(),
        body,
    };
    let put = |body: Vec<u8>| {
        let kept = kept(&data, row(body), now());
        with_store(&data, async |store| {
            store.put_sealed(&[kept]).await.unwrap();
        });
    };
    // Sealed, as the program does it, nobody sees anything.
    use rand::SeedableRng as _;
    let mut rng = rand::rngs::StdRng::from_seed([3; 32]);
    let key = regard_commitments::DataKey::random(&mut rng);
    let place = regard_commitments::SealedAs {
        person,
        kind: "template",
        name: "",
    };
    put(key.seal(&place, &template, &mut rng));
    let good = Audit::of(&data, &[]);
    assert_eq!(
        good.state("embeddings_on_disk"),
        "pass",
        "{:#}",
        good.check("embeddings_on_disk")
    );
    put(template.clone());
    let audit = Audit::of(&data, &[]);
    let found = audit.fails("embeddings_on_disk")["found"].clone();
    let found: Vec<&str> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap())
        .collect();
    assert!(
        found.contains(&"regard.db sealed.body: not sealed"),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|one| one.starts_with("regard.db") && one.contains("a template of a face")),
        "{found:?}"
    );

    let folder = stopped();
    let data = folder.path().join("data");
    fs::write(data.join("cache"), [vec![9; 2_000_000], template].concat()).unwrap();
    let audit = Audit::of(&data, &[]);
    let found = audit.fails("embeddings_on_disk")["found"][0].clone();
    assert_eq!(found, "cache: a template of a face at byte 2000000");
}

/// A ledger that tells of a recognition without a consent, as one would be written by a program that skipped its gate.
#[test]
fn a_biometric_operation_without_a_consent_is_found() {
    let folder = stopped();
    let data = folder.path().join("data");
    let good = Audit::of(&data, &[]);
    let evidence = &good.check("biometric_operations")["evidence"];
    assert_eq!(
        (
            good.state("biometric_operations"),
            &evidence["n_operations"]
        ),
        ("pass", &0.into())
    );
    let digest = |text: &str| regard_commitments::Digest::of(&[text.as_bytes()]);
    let until = now().plus(std::time::Duration::from_secs(60));
    let told = serde_json::json!({ "at": now(), "body": { "kind": "recognition_granted", "recognition": "verify",
        "number": digest("n"), "subject": digest("s"), "receipts": [digest("r")], "until": until } });
    let text = regard_commitments::canonical_json(&told).unwrap();
    let entry = LedgerEntry::from_leaf_bytes(text.as_bytes()).unwrap();
    append(&data, &entry);
    let audit = Audit::of(&data, &[]);
    let evidence = audit.fails("biometric_operations");
    assert_eq!(
        (&evidence["n_operations"], &evidence["n_without_consent"]),
        (&1.into(), &1.into())
    );
    let found = evidence["found"][0].as_str().unwrap();
    assert!(found.ends_with("its consent was never given"), "{found}");
}

#[test]
fn a_row_past_its_time_is_found() {
    let folder = stopped();
    let data = folder.path().join("data");
    let setting = regard_backends::Setting {
        name: "old".to_owned(),
        value: "x".to_owned(),
    };
    let old = kept(&data, setting, Timestamp::from_millis(0));
    with_store(&data, async |store| store.put_setting(&old).await.unwrap());
    let audit = Audit::of(&data, &[]);
    let tables = audit.fails("retention")["tables"].as_array().unwrap();
    let settings = tables.iter().find(|t| t["table"] == "settings").unwrap();
    assert_eq!(settings["n_overdue"], 1, "{settings}");
    // It goes when the program starts.
    Serve::start(folder.path(), &[]).stop();
    assert_eq!(Audit::of(&data, &[]).state("retention"), "pass");
}

/// Persons and consents past their time, in the file of keys, and one whose record lies there in the clear.
#[test]
fn a_person_past_their_time_or_in_the_clear_is_found() {
    let folder = stopped();
    let data = folder.path().join("data");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let put = |id: u128, file: Vec<u8>, at: Timestamp| {
        let row = regard_backends::PersonRow {
            person: regard_domain::PersonId::from_bits(id),
            token: regard_commitments::PersonTokenHash::from_bytes([id as u8; 32]),
            key: regard_commitments::WrappedKey {
                site_key: regard_commitments::SiteKeyId::from_bytes([1; 16]),
                bytes: vec![1; 40],
            },
            file,
        };
        let tells = LedgerEntry {
            at,
            body: EntryBody::Stopped {},
        };
        let kept = kept(&data, row, at);
        runtime.block_on(async {
            use regard_backends::KeyStore as _;
            let keys = regard_backends::SqliteKeys::open(&data).await.unwrap();
            keys.create(&kept, &tells).await.unwrap();
            keys.close().await;
        });
    };
    // Bytes as a cipher makes them.
    let sealed: Vec<u8> = (0..20_u8)
        .flat_map(|n| *regard_commitments::Digest::of(&[&[n]]).as_bytes())
        .collect();
    put(1, sealed.clone(), now());
    let good = Audit::of(&data, &[]);
    for id in ["retention", "embeddings_on_disk"] {
        assert_eq!(good.state(id), "pass", "{:#}", good.check(id));
    }
    put(2, sealed, Timestamp::from_millis(0));
    let audit = Audit::of(&data, &[]);
    let tables = audit.fails("retention")["tables"]
        .as_array()
        .unwrap()
        .clone();
    let persons = tables.iter().find(|t| t["table"] == "persons").unwrap();
    assert_eq!(
        (&persons["n_rows"], &persons["n_overdue"]),
        (&2.into(), &1.into())
    );
    put(3, b"{\"name\": \"nobody\", ".repeat(9), now());
    let audit = Audit::of(&data, &[]);
    assert_eq!(audit.state("embeddings_on_disk"), "fail");
    let found = &audit.check("embeddings_on_disk")["evidence"]["found"];
    assert_eq!(found[0], "keys.db persons.file: not sealed");
}

#[test]
fn a_ledger_that_was_changed_is_found() {
    let folder = stopped();
    let data = folder.path().join("data");
    site::tamper(
        &data.join("regard.db"),
        "\"kind\":\"started\"",
        "\"kind\":\"stopped\"",
    );
    let audit = Audit::of(&data, &[]);
    let evidence = audit.fails("ledger");
    assert!(evidence["fault"].is_string(), "{evidence:#}");
    // And it tells nothing about the notice then.
    assert_eq!(audit.state("notice"), "unknown");
}

#[test]
fn a_camera_that_was_open_without_the_notice_is_found() {
    let folder = stopped();
    let data = folder.path().join("data");
    // An hour before the installation began, as far as its ledger knows.
    let hour = Timestamp::from_millis(now().as_millis() / 60_000 * 60_000 - 3_600_000);
    let observed = kept(&data, minute(hour, 30_000), now());
    with_store(&data, async |store| {
        let mut batch = Batch::new();
        batch.minute(observed);
        store.commit(&batch).await.unwrap();
    });
    let audit = Audit::of(&data, &[]);
    assert_eq!(audit.fails("notice")["n_unexplained"], 1);
}

#[test]
fn commitments_that_are_not_those_of_the_ledger_are_found() {
    let folder = stopped();
    let data = folder.path().join("data");
    site::tamper(
        &data.join("regard.db"),
        "\"signature\":\"",
        "\"signatura\":\"",
    );
    let command = ["audit", "--data", &text(&data), "-o", &text(folder.path())];
    let damaged = run(&command);
    assert_eq!(damaged.code, 1, "{}{}", damaged.out, damaged.err);

    // Another key signed: as after the key file was lost and made anew.
    let folder = stopped();
    let data = folder.path().join("data");
    let other = SiteKeys::from_seed(regard_commitments::Zeroizing::new([3; 32]));
    let forged = Commitments::demo().sign(&other.commitments_key());
    let document = forged.document.clone();
    assert!(promised(&data).document().canonical() == document);
    let signature = with_store(&data, async |store| {
        store.latest_commitments().await.unwrap().unwrap().signature
    });
    site::tamper(&data.join("regard.db"), &signature, &forged.signature);
    let audit = Audit::of(&data, &[]);
    let evidence = audit.fails("commitments");
    assert_eq!(evidence["is_signed"], false, "{evidence:#}");
}

#[test]
fn an_altered_model_is_found() {
    let folder = stopped();
    let models = folder.path().join("models");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    site::copy(&shipped, &models);
    let altered = fs::read_dir(&models)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "onnx"))
        .unwrap();
    let mut bytes = fs::read(&altered).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&altered, bytes).unwrap();
    let config = folder.path().join("regard.toml");
    let with_models = fs::read_to_string(&config)
        .unwrap()
        .replace("[engine]\n", "[engine]\nmodels = \"models\"\n");
    fs::write(&config, with_models).unwrap();
    let audit = Audit::of(&folder.path().join("data"), &["--config", &text(&config)]);
    let evidence = audit.fails("models");
    assert_eq!(
        evidence["altered"].as_array().unwrap().len(),
        1,
        "{evidence:#}"
    );
}

#[test]
fn papers_that_are_not_those_of_the_ledger_are_found() {
    let folder = stopped();
    let data = folder.path().join("data");
    let config = text(&folder.path().join("regard.toml"));
    let good = Audit::of(&data, &["--config", &config]);
    assert_eq!(good.state("papers"), "pass", "{:#}", good.check("papers"));
    // Without a configuration nobody can say what they should be.
    assert_eq!(Audit::of(&data, &[]).state("papers"), "unknown");
    let copies = data.join("papers");
    let copy = fs::read_dir(&copies).unwrap().next().unwrap().unwrap();
    site::tamper(&copy.path(), "Regard demonstration", "Regard demonstratiom");
    let audit = Audit::of(&data, &["--config", &config]);
    let fault = audit.fails("papers")["fault"].as_str().unwrap();
    assert!(
        fault.ends_with("says something else than its hash"),
        "{fault}"
    );
    fs::remove_file(copy.path()).unwrap();
    let audit = Audit::of(&data, &["--config", &config]);
    assert!(audit.fails("papers")["fault"].is_string());
}

#[test]
fn a_notice_that_is_not_of_the_commitments_is_found() {
    let folder = stopped();
    let data = folder.path().join("data");
    let promised = promised(&data);
    let digest = |text: &str| regard_commitments::Digest::of(&[text.as_bytes()]);
    let body = EntryBody::CommitmentsPublished {
        version: promised.document().version,
        commitments: promised.digest(),
        notice: digest("another notice"),
        key: promised.key_digest(),
    };
    append(&data, &LedgerEntry { at: now(), body });
    let audit = Audit::of(&data, &[]);
    assert_eq!(audit.fails("notice_text")["is_of_commitments"], false);
}

#[test]
fn a_dependency_with_an_advisory_is_found() {
    let folder = stopped();
    let advisories = folder.path().join("advisories/crates/serde");
    fs::create_dir_all(&advisories).unwrap();
    let text_of = |patched: &str| {
        format!(
            "```toml\n[advisory]\nid = \"RUSTSEC-2099-0001\"\npackage = \"serde\"\ndate = \"2099-01-01\"\n\
             [versions]\npatched = [{patched}]\n```\n\n# Made up for a test\n"
        )
    };
    let file = advisories.join("RUSTSEC-2099-0001.md");
    fs::write(&file, text_of("\">=0.1\"")).unwrap();
    let (data, advisories) = (
        folder.path().join("data"),
        text(&folder.path().join("advisories")),
    );
    let good = Audit::of(&data, &["--advisories", &advisories]);
    assert_eq!(
        good.state("dependencies"),
        "pass",
        "{:#}",
        good.check("dependencies")
    );
    fs::write(&file, text_of("\">=99\"")).unwrap();
    let audit = Audit::of(&data, &["--advisories", &advisories]);
    let found = audit.fails("dependencies")["found"][0].as_str().unwrap();
    assert!(found.starts_with("RUSTSEC-2099-0001: serde "), "{found}");
}

#[test]
fn a_changed_report_is_noticed() {
    let folder = stopped();
    let audit = Audit::of(&folder.path().join("data"), &[]);
    let (json, page) = (
        audit.folder.join("audit.json"),
        audit.folder.join("audit.html"),
    );
    for file in [&json, &page] {
        let said = run(&["audit", "check", &text(file)]);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        assert!(said.out.contains("every line follows"), "{}", said.out);
    }
    let key = fs::read_to_string(&json).unwrap();
    let key: Value = serde_json::from_str(&key).unwrap();
    let key = key["key"].as_str().unwrap();
    assert_eq!(run(&["audit", "check", &text(&json), "--key", key]).code, 0);
    let stranger = "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=";
    assert_eq!(
        run(&["audit", "check", &text(&json), "--key", stranger]).code,
        2
    );

    // What people read is held against what is signed.
    site::tamper(
        &page,
        "No promise was found broken",
        "No promise was ever  broken",
    );
    let said = run(&["audit", "check", &text(&page)]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(
        said.errors()[0].contains("NOT TO BE BELIEVED"),
        "{}",
        said.err
    );
    site::tamper(&json, "n_overdue", "n_overdoe");
    assert_eq!(run(&["audit", "check", &text(&json)]).code, 2);
}
