use super::*;

/// Evidence of an installation that keeps its word; one of each kind.
fn good() -> Vec<Evidence> {
    let none = Vec::new;
    let mut all = vec![
        Evidence::PicturesOnDisk {
            n_files: 4,
            n_bytes: 40_960,
            n_values: 7,
            n_assets: 1,
            found: none(),
            unread: none(),
        },
        Evidence::EmbeddingsOnDisk {
            n_files: 4,
            n_values: 7,
            found: none(),
            unread: none(),
        },
        Evidence::OpenFiles {
            n_processes: 1,
            n_open: 30,
            found: none(),
            unknown: None,
        },
        Evidence::Egress {
            n_sockets: 3,
            n_listening: 1,
            n_inbound: 2,
            allowed: none(),
            found: none(),
            unknown: None,
        },
        Evidence::Retention {
            tables: vec![TableEvidence {
                table: "decisions".to_owned(),
                n_rows: 9,
                n_overdue: 0,
            }],
            endless: none(),
            allowance_secs: SWEEP_ALLOWANCE_SECS,
        },
        Evidence::BiometricOperations {
            n_operations: 0,
            n_without_consent: 0,
            found: none(),
            unknown: None,
        },
        Evidence::Ledger {
            n_entries: 9,
            n_checkpoints: 2,
            n_covered: 9,
            fault: None,
        },
        Evidence::Notice {
            n_grants: 2,
            n_without_notice: 0,
            n_minutes: 5,
            n_unexplained: 0,
            allowance_millis: OBSERVED_ALLOWANCE_MILLIS,
            unknown: None,
        },
    ];
    all.extend(of_the_program());
    all
}

fn of_the_program() -> Vec<Evidence> {
    let none = Vec::new;
    vec![
        Evidence::Models {
            n_models: 6,
            unlicensed: none(),
            altered: none(),
        },
        Evidence::Dependencies {
            n_packages: 400,
            n_advisories: Some(900),
            found: none(),
        },
        Evidence::Sandbox {
            seccomp: Some(2),
            no_new_privs: Some(true),
            unknown: None,
        },
        Evidence::Commitments {
            version: Some(1),
            digest: Some(Digest::of(&[b"x"])),
            is_signed: true,
            is_in_force: true,
            is_in_ledger: Some(true),
            fault: None,
        },
    ]
}

fn report(evidence: Vec<Evidence>) -> AuditReport {
    AuditReport {
        at: Timestamp::from_millis(1_780_315_200_000),
        program: "0.1.0".to_owned(),
        site: "demo".to_owned(),
        is_running: true,
        checkpoint: None,
        checks: evidence.into_iter().map(CheckLine::from).collect(),
    }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

/// Every single change of a field that breaks a promise.
fn broken() -> Vec<(&'static str, Evidence)> {
    let mut all = Vec::new();
    for evidence in good() {
        let json = serde_json::to_value(&evidence).unwrap();
        for (field, value) in json.as_object().unwrap() {
            let mut changes = Vec::new();
            match field.as_str() {
                "found" | "endless" | "unlicensed" | "altered" => {
                    changes.push(serde_json::json!(["something"]));
                }
                "fault" => changes.push(serde_json::json!("something")),
                "n_without_consent" | "n_without_notice" | "n_unexplained" => {
                    changes.push(serde_json::json!(1));
                }
                "seccomp" => changes.push(serde_json::json!(0)),
                "version" | "digest" => changes.push(serde_json::Value::Null),
                "tables" => changes
                    .push(serde_json::json!([{"table": "plays", "n_rows": 3, "n_overdue": 1}])),
                _ if value == &serde_json::json!(true) => changes.push(serde_json::json!(false)),
                _ => {}
            }
            for change in changes {
                let mut changed = json.clone();
                changed[field] = change;
                all.push((evidence.id(), serde_json::from_value(changed).unwrap()));
            }
        }
    }
    all
}

#[test]
fn states_follow_from_evidence_alone() {
    for evidence in good() {
        let id = serde_json::to_value(&evidence).unwrap()["id"].clone();
        assert_eq!(id, evidence.id());
        assert_eq!(evidence.state(), CheckState::Pass, "{id}");
        assert!(!evidence.rules().is_empty(), "{id}");
    }
    let broken = broken();
    let mut ids: Vec<&str> = broken.iter().map(|(id, _)| *id).collect();
    ids.dedup();
    assert_eq!(ids.len(), Evidence::N_KINDS, "{ids:?}");
    for (id, evidence) in broken {
        assert_eq!(evidence.state(), CheckState::Fail, "{id}: {evidence:?}");
    }
    assert_eq!(report(good()).state(), CheckState::Pass);
}

#[test]
fn what_could_not_be_looked_at_is_unknown_and_not_passed() {
    let why = Some("nobody runs".to_owned());
    let unread = vec!["regard.db".to_owned()];
    for evidence in good() {
        let mut json = serde_json::to_value(&evidence).unwrap();
        let fields = json.as_object_mut().unwrap();
        if fields.contains_key("unknown") {
            fields.insert("unknown".to_owned(), serde_json::json!(why));
        } else if fields.contains_key("unread") {
            fields.insert("unread".to_owned(), serde_json::json!(unread));
        } else if fields.contains_key("n_advisories") {
            fields.insert("n_advisories".to_owned(), serde_json::Value::Null);
        } else if fields.contains_key("is_in_ledger") {
            fields.insert("is_in_ledger".to_owned(), serde_json::Value::Null);
        } else {
            continue;
        }
        let blind: Evidence = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(blind.state(), CheckState::Unknown, "{blind:?}");
        // What was found counts all the same.
        if json.get("found").is_some() && json.get("n_advisories").is_none() {
            json["found"] = serde_json::json!(["something"]);
            let seen: Evidence = serde_json::from_value(json).unwrap();
            assert_eq!(seen.state(), CheckState::Fail, "{seen:?}");
        }
    }
}

#[test]
fn a_signed_report_comes_back_and_any_changed_byte_is_noticed() {
    let signed = report(good()).sign(&key());
    assert_eq!(
        signed.verify(Some(&key().verifying_key())).unwrap(),
        report(good())
    );
    assert_eq!(signed.verify(None).unwrap(), report(good()));
    let stranger = SigningKey::from_bytes(&[6; 32]).verifying_key();
    assert!(matches!(
        signed.verify(Some(&stranger)),
        Err(AuditFault::OtherKey)
    ));
    let text = serde_json::to_string(&signed).unwrap();
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        if let Ok(changed) = serde_json::from_slice::<SignedAudit>(&bytes) {
            assert!(changed.verify(None).is_err(), "byte {at}");
        }
    }
}

#[test]
fn a_report_that_lies_or_leaves_out_is_not_believed() {
    let mut lying = report(good());
    lying.checks[4].evidence = broken()
        .into_iter()
        .find(|(id, _)| *id == "retention")
        .unwrap()
        .1;
    let fault = lying.sign(&key()).verify(None).unwrap_err();
    assert!(
        matches!(fault, AuditFault::DoesNotFollow("retention")),
        "{fault}"
    );
    let mut short = report(good());
    short.checks.pop();
    let fault = short.sign(&key()).verify(None).unwrap_err();
    assert!(
        matches!(fault, AuditFault::Incomplete { found: 11, .. }),
        "{fault}"
    );
    let mut twice = report(good());
    twice.checks.push(twice.checks[0].clone());
    assert!(twice.sign(&key()).verify(None).is_err());
}
