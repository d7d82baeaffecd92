//! The catalogue of models.

use std::fs;
use std::path::Path;

use regard_inference::{Catalog, CatalogError, FileState, ManifestError, ModelEntry, Policy, Role};

const GOOD: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/// A manifest of one model whose file holds `hello`, with one field replaced or added.
fn manifest(field: &str, line: &str) -> String {
    let fields = [
        ("id", r#"id = "mine""#.to_owned()),
        ("role", r#"role = "embedding""#.to_owned()),
        ("file", r#"file = "mine.onnx""#.to_owned()),
        ("bytes", "bytes = 5".to_owned()),
        ("sha256", format!("sha256 = \"{GOOD}\"")),
        ("licence", r#"licence = "MIT""#.to_owned()),
        ("obtain", r#"obtain = "committed""#.to_owned()),
    ];
    let mut lines: Vec<String> = fields
        .iter()
        .filter(|(name, _)| *name != field)
        .map(|(_, line)| line.clone())
        .collect();
    lines.push(line.to_owned());
    format!("[[model]]\n{}\n", lines.join("\n"))
}

fn folder(manifest: &str, file: Option<&[u8]>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("manifest.toml"), manifest).unwrap();
    if let Some(bytes) = file {
        fs::write(folder.path().join("mine.onnx"), bytes).unwrap();
    }
    folder
}

#[test]
fn the_default_set_is_whole_and_licensed() {
    let catalog = Catalog::open(None).unwrap();
    let mut roles: Vec<Role> = Vec::new();
    for (finding, entry) in catalog.verify().iter().zip(catalog.entries()) {
        match entry.obtain.as_str() {
            "committed" => {
                assert!(matches!(finding.state, FileState::Good), "{finding:?}");
                roles.push(entry.role);
            }
            _ => assert!(
                matches!(finding.state, FileState::NotObtained),
                "{finding:?}"
            ),
        }
    }
    roles.sort_unstable();
    roles.dedup();
    assert_eq!(
        roles,
        [
            Role::Detector,
            Role::Embedding,
            Role::Expression,
            Role::Mesh,
            Role::Age
        ],
        "roles of the default set"
    );
}

#[test]
fn the_repository_folder_serves_as_well() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let catalog = Catalog::open(Some(&models)).unwrap();
    for finding in catalog.verify() {
        assert!(!matches!(finding.state, FileState::Bad(_)), "{finding:?}");
    }
    assert_eq!(
        catalog.bytes_of("yunet-2023mar").unwrap(),
        Catalog::open(None)
            .unwrap()
            .bytes_of("yunet-2023mar")
            .unwrap()
    );
}

#[test]
fn a_folder_adds_and_replaces() {
    let added = folder(&manifest("", ""), Some(b"hello"));
    let n_built_in = Catalog::open(None).unwrap().entries().len();
    let catalog = Catalog::open(Some(added.path())).unwrap();
    assert_eq!(catalog.entries().len(), n_built_in + 1);
    assert_eq!(catalog.bytes_of("mine").unwrap().as_ref(), b"hello");

    let replaced = folder(&manifest("id", r#"id = "yunet-2023mar""#), Some(b"hello"));
    let catalog = Catalog::open(Some(replaced.path())).unwrap();
    assert_eq!(catalog.entries().len(), n_built_in);
    assert_eq!(
        catalog.bytes_of("yunet-2023mar").unwrap().as_ref(),
        b"hello"
    );
}

#[test]
fn a_folder_without_a_manifest_is_good() {
    let empty = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(Some(empty.path())).unwrap();
    assert!(catalog.bytes_of("yunet-2023mar").is_ok());
}

#[test]
fn unlicensed_models_are_refused() {
    for licence in [
        "",
        r#"licence = """#,
        r#"licence = "CC-BY-NC-4.0""#,
        r#"licence = "unknown""#,
    ] {
        let folder = folder(&manifest("licence", licence), Some(b"hello"));
        let catalog = Catalog::open(Some(folder.path())).unwrap();
        let error = catalog.bytes_of("mine").unwrap_err();
        assert_eq!(error.code(), "licence_unknown", "{licence}");
        let found = catalog
            .verify()
            .into_iter()
            .find(|finding| finding.id == "mine")
            .unwrap();
        assert!(
            matches!(
                found.state,
                FileState::Bad(CatalogError::LicenceUnknown { .. })
            ),
            "{licence}"
        );
    }
}

/// A network that says by its own account what nobody may find out about people is not loaded, whatever its licence.
#[test]
fn sensitive_inference() {
    for (line, said) in [
        (
            r#"labels = ["happy", "Latino_Hispanic"]"#,
            "Latino_Hispanic",
        ),
        (
            r#"outputs = [{ name = "religion", shape = [1, 4] }]"#,
            "religion",
        ),
        (r#"labels = ["healthy"]"#, "healthy"),
    ] {
        let folder = folder(&manifest("", line), Some(b"hello"));
        let catalog = Catalog::open(Some(folder.path())).unwrap();
        let error = catalog.bytes_of("mine").unwrap_err();
        assert_eq!(error.code(), "sensitive_inference", "{line}");
        assert!(error.to_string().contains(said), "{error}");
        let found = catalog
            .verify()
            .into_iter()
            .find(|finding| finding.id == "mine");
        let state = found.unwrap().state;
        assert!(
            matches!(state, FileState::Bad(CatalogError::Sensitive { .. })),
            "{state:?}"
        );
    }
    // None of the networks that come with the program does.
    for entry in Catalog::open(None).unwrap().entries() {
        entry.check_outputs().unwrap();
    }
}

#[test]
fn altered_files_are_refused() {
    fn check(file: Option<&[u8]>, expected: &str) {
        let folder = folder(&manifest("", ""), file);
        let catalog = Catalog::open(Some(folder.path())).unwrap();
        let error = catalog.bytes_of("mine").unwrap_err();
        let text = format!("{error:?}");
        assert!(text.starts_with(expected), "{text}");
    }
    check(Some(b"hellp"), "WrongHash");
    check(Some(b"hell"), "WrongSize");
    check(Some(b"hello and much more"), "WrongSize");
    check(None, "Read");

    // A file that changes after it was read once is noticed.
    let folder = folder(&manifest("", ""), Some(b"hello"));
    let catalog = Catalog::open(Some(folder.path())).unwrap();
    assert!(catalog.bytes_of("mine").is_ok());
    fs::write(folder.path().join("mine.onnx"), b"jello").unwrap();
    assert_eq!(
        catalog.bytes_of("mine").unwrap_err().code(),
        "model_altered"
    );
}

#[test]
fn optional_files_come_from_the_folder() {
    let catalog = Catalog::open(None).unwrap();
    let Some(optional) = catalog
        .entries()
        .find(|entry| entry.obtain.as_str() != "committed")
    else {
        panic!("the manifest names optional models");
    };
    assert_eq!(
        catalog.bytes_of(&optional.id).unwrap_err().code(),
        "model_not_obtained"
    );
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(&optional.file), b"not it").unwrap();
    let with_folder = Catalog::open(Some(folder.path())).unwrap();
    assert_eq!(
        with_folder.bytes_of(&optional.id).unwrap_err().code(),
        "model_altered"
    );
}

#[test]
fn wrong_manifests_are_errors() {
    fn check(manifest: &str, expected: &str) {
        let folder = folder(manifest, None);
        let error = Catalog::open(Some(folder.path())).unwrap_err();
        let text = format!("{error:?}");
        assert!(text.starts_with(expected), "{text}");
    }
    check("[[model", "Syntax");
    check(&manifest("role", r#"role = "oracle""#), "Syntax");
    check(&manifest("bytes", "bytes = -5"), "Syntax");
    check(&manifest("bytes", "bytes = 0"), "BadField");
    check(&manifest("bytes", "bytes = 99999999999"), "BadField");
    check(&manifest("file", r#"file = "../mine.onnx""#), "BadField");
    check(&manifest("file", r#"file = "/etc/passwd""#), "BadField");
    check(&manifest("file", r#"file = "..""#), "BadField");
    check(&manifest("sha256", r#"sha256 = "2CF2""#), "BadField");
    check(&format!("{0}{0}", manifest("", "")), "DuplicateId");
    check(&format!("# {}", "x".repeat(1 << 20)), "TooLong");
    assert!(matches!(
        Catalog::open(Some(Path::new("/does/not/exist"))),
        Err(ManifestError::NoFolder { .. })
    ));
}

#[test]
fn policies_ask_more_step_by_step() {
    fn entry(fields: &str) -> ModelEntry {
        let folder = folder(&manifest("", fields), None);
        Catalog::open(Some(folder.path()))
            .unwrap()
            .entry("mine")
            .unwrap()
            .clone()
    }
    fn check(fields: &str, accepted_by: &[Policy]) {
        let entry = entry(fields);
        for policy in [Policy::Any, Policy::Disclosed, Policy::Consented] {
            let good = policy.check(&entry).is_ok();
            assert_eq!(good, accepted_by.contains(&policy), "{policy:?} {fields}");
        }
    }
    let (disclosed, documented) = (
        "training_data_disclosed = true",
        "consent_of_subjects = \"documented\"",
    );
    check("", &[Policy::Any]);
    check(documented, &[Policy::Any]);
    check(disclosed, &[Policy::Any, Policy::Disclosed]);
    for weaker in ["none", "partial", "unknown"] {
        let fields = format!("{disclosed}\nconsent_of_subjects = \"{weaker}\"");
        check(&fields, &[Policy::Any, Policy::Disclosed]);
    }
    check(
        &format!("{disclosed}\n{documented}"),
        &[Policy::Any, Policy::Disclosed, Policy::Consented],
    );
    let refusal = Policy::Consented.check(&entry("")).unwrap_err();
    let text = refusal.to_string();
    assert!(
        text.contains("embedding") && text.contains("documented"),
        "{text}"
    );
}
