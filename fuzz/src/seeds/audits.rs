//! A report of the audit.

use regard_commitments::{
    AskedRefusal, AuditReport, AuditedSite, CheckLine, Evidence, RefusalCode, SiteKeys,
    TableEvidence, Zeroizing, leaf_hash,
};
use regard_domain::Timestamp;

/// A report with every check.
pub(super) fn signed() -> Vec<u8> {
    let evidence = what_is_there()
        .into_iter()
        .chain(what_is_promised())
        .chain(what_is_on_record());
    let about = AuditedSite {
        at: Timestamp::from_millis(1_780_315_200_000),
        program: "0.1.0".to_owned(),
        site: "demo".to_owned(),
        is_running: true,
        checkpoint: Some("note".to_owned()),
    };
    let report = AuditReport::new(about, evidence.map(CheckLine::from).collect());
    let key = SiteKeys::from_seed(Zeroizing::new([7; 32])).audit_key();
    serde_json::to_vec(&report.sign(&key)).unwrap_or_default()
}

/// What was found on the machine.
fn what_is_there() -> Vec<Evidence> {
    let none = Vec::new;
    vec![
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
            found: vec!["face.bin".to_owned()],
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
            allowance_secs: 7_200,
        },
    ]
}

/// What was found of the promises, and of the program that is to keep them.
fn what_is_promised() -> Vec<Evidence> {
    let none = Vec::new;
    vec![
        Evidence::BiometricOperations {
            n_operations: 2,
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
            allowance_millis: 2_000,
            unknown: Some("why".to_owned()),
        },
        Evidence::Models {
            n_models: 5,
            unlicensed: none(),
            altered: none(),
        },
        Evidence::Dependencies {
            n_packages: 300,
            n_advisories: None,
            found: none(),
        },
        Evidence::Sandbox {
            seccomp: Some(2),
            no_new_privs: Some(true),
            unknown: None,
        },
        Evidence::Commitments {
            version: Some(1),
            digest: Some(leaf_hash(b"c")),
            is_signed: true,
            is_in_force: true,
            is_in_ledger: Some(true),
            fault: None,
        },
    ]
}

/// What was asked, and what is on record.
fn what_is_on_record() -> Vec<Evidence> {
    let none = Vec::new;
    vec![
        Evidence::Refusals {
            asked: RefusalCode::ALL
                .iter()
                .map(|code| AskedRefusal {
                    code: *code,
                    answered: Some(*code),
                    n_told: 1,
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
            all: Some(leaf_hash(b"p")),
            is_copied: true,
            is_current: None,
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
