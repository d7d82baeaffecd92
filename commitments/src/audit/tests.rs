use super::*;
use crate::{Digest, RefusalCode, Rule};

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
        Evidence::Refusals {
            asked: RefusalCode::ALL
                .iter()
                .map(|code| AskedRefusal {
                    code: *code,
                    answered: Some(*code),
                    n_told: 0,
                })
                .collect(),
        },
        Evidence::Records {
            n_persons: 3,
            n_consents: 4,
            n_erased: 2,
            n_ended: 1,
            found: none(),
            unknown: None,
        },
        Evidence::Papers {
            n_papers: 8,
            all: Some(Digest::of(&[b"papers"])),
            is_copied: true,
            is_current: Some(true),
            fault: None,
        },
        Evidence::NoticeText {
            n_languages: 5,
            is_of_commitments: Some(true),
            found: none(),
            fault: None,
        },
    ]
}

fn report(evidence: Vec<Evidence>) -> AuditReport {
    let about = AuditedSite {
        at: Timestamp::from_millis(1_780_315_200_000),
        program: "0.1.0".to_owned(),
        site: "demo".to_owned(),
        is_running: true,
        checkpoint: None,
    };
    AuditReport::new(about, evidence.into_iter().map(CheckLine::from).collect())
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
                "asked" => {
                    let granted = |at: usize| {
                        let mut asked = value.clone();
                        asked[at]["answered"] = serde_json::Value::Null;
                        asked
                    };
                    changes.extend((0..RefusalCode::ALL.len()).map(granted));
                    let mut fewer = value.clone();
                    fewer.as_array_mut().unwrap().pop();
                    changes.push(fewer);
                }
                "n_languages" => changes.push(serde_json::json!(0)),
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
        } else if let Some(name) = ["is_in_ledger", "is_current", "is_of_commitments"]
            .into_iter()
            .find(|name| fields.contains_key(*name))
        {
            fields.insert(name.to_owned(), serde_json::Value::Null);
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
        matches!(fault, AuditFault::Incomplete { found: 15, .. }),
        "{fault}"
    );
    let mut twice = report(good());
    twice.checks.push(twice.checks[0].clone());
    assert!(twice.sign(&key()).verify(None).is_err());
}

/// Every row of the law has a line, which at least one check is about, and says what those checks say.
#[test]
fn every_row_of_the_law_has_a_line_that_follows_from_the_checks() {
    let report = report(good());
    let rows: Vec<LawRow> = report.law.iter().map(|line| line.row).collect();
    assert_eq!(rows, LawRow::all().collect::<Vec<_>>());
    assert_eq!(rows.len(), Rule::ALL.len() + RefusalCode::ALL.len());
    for line in &report.law {
        assert!(!line.checks.is_empty(), "no check looks at {}", line.row.id());
        assert_eq!(line.state, CheckState::Pass, "{}", line.row.id());
        let keeping = line.row.keeping();
        assert_eq!(line.standing, keeping.standing());
        assert_eq!(line.n_tests, keeping.tests.len() as u64);
    }
    // A gate that grants is told at its refusal, at the rules which that refusal upholds, and nowhere else.
    for (at, code) in RefusalCode::ALL.iter().enumerate() {
        let mut evidence = good();
        for one in &mut evidence {
            if let Evidence::Refusals { asked } = one {
                asked[at].answered = None;
            }
        }
        let report = self::report(evidence);
        assert_eq!(report.state(), CheckState::Fail);
        let mut n_rules = 0;
        for line in &report.law {
            let is_about = match line.row {
                LawRow::Refusal(other) => other == *code,
                LawRow::Requirement(rule) => code.upholds(rule),
            };
            n_rules += u64::from(is_about && matches!(line.row, LawRow::Requirement(_)));
            let expected = if is_about {
                CheckState::Fail
            } else {
                CheckState::Pass
            };
            assert_eq!(line.state, expected, "{code}: {}", line.row.id());
        }
        assert!(n_rules > 0, "{code} upholds no rule");
    }
}

#[test]
fn a_report_that_says_more_of_the_law_than_its_checks_is_not_believed() {
    for change in [
        |line: &mut LawLine| line.state = CheckState::Unknown,
        |line: &mut LawLine| line.n_tests += 1,
        |line: &mut LawLine| line.checks.push("mood".to_owned()),
        |line: &mut LawLine| line.missing = Some("nothing".to_owned()),
    ] {
        let mut report = report(good());
        change(&mut report.law[3]);
        let fault = report.sign(&key()).verify(None).unwrap_err();
        assert!(matches!(fault, AuditFault::LawDoesNotFollow), "{fault}");
    }
    let mut short = report(good());
    short.law.pop();
    assert!(short.sign(&key()).verify(None).is_err());
}

/// Each check has a fixture of its own, by its name; that the tests exist is looked after in `xtask`.
#[test]
fn every_check_names_the_installation_that_was_broken_for_it() {
    let ids: Vec<&str> = good().iter().map(Evidence::id).collect();
    let mut named: Vec<&str> = Evidence::FIXTURES.iter().map(|(id, _)| *id).collect();
    named.sort_unstable();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    assert_eq!(named, sorted);
}
