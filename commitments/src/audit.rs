//! Audit reports: what was found of each promise, and what follows from it. The finding is done by
//! others; here it is judged, signed and checked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use regard_domain::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::{Digest, canonical_json};
use crate::law::Rule;

mod operations;

pub use self::operations::OperationBook;

/// What is signed begins with this, so that the signature can serve no other document.
const CONTEXT: &[u8] = b"regard-audit-v1\n";

/// How long a row may stay past its end, in seconds: sweeps come every hour, and one may take a while.
pub const SWEEP_ALLOWANCE_SECS: u64 = 2 * 3_600;

/// How much longer a camera may have been observed within one minute than the ledger has it open, in
/// milliseconds: entries carry the time of the gate, frames that of their capture.
pub const OBSERVED_ALLOWANCE_MILLIS: u64 = 2_000;

/// What follows from evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CheckState {
    /// The promise is kept, as far as was looked.
    #[serde(rename = "pass")]
    Pass,
    /// The promise is broken.
    #[serde(rename = "fail")]
    Fail,
    /// It could not be looked.
    #[serde(rename = "unknown")]
    Unknown,
}

impl CheckState {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }

    const fn when(is_good: bool) -> Self {
        if is_good { Self::Pass } else { Self::Fail }
    }
}

/// Rows of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableEvidence {
    /// The table.
    pub table: String,
    /// Rows in it.
    pub n_rows: u64,
    /// Of these, longer past their end than a sweep may take.
    pub n_overdue: u64,
}

/// What was found.
///
/// # Privacy
/// Names of files, tables, packages and models, addresses of machines, counts. No person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "id", rename_all = "snake_case", deny_unknown_fields)]
pub enum Evidence {
    /// Pictures and films in the data folder.
    PicturesOnDisk {
        /// Files looked at.
        n_files: u64,
        /// Bytes in them.
        n_bytes: u64,
        /// Values of the store looked at.
        n_values: u64,
        /// Pictures, films and pages of the owner, each named by the hash of its bytes.
        n_assets: u64,
        /// Where something was found, and what.
        found: Vec<String>,
        /// What could not be read.
        unread: Vec<String>,
    },
    /// Vectors such as an embedding is.
    EmbeddingsOnDisk {
        /// Files looked at.
        n_files: u64,
        /// Values of the store looked at.
        n_values: u64,
        /// Where something was found, and what.
        found: Vec<String>,
        /// What could not be read.
        unread: Vec<String>,
    },
    /// Files that the running program can write.
    OpenFiles {
        /// Processes looked at: the program and its children.
        n_processes: u64,
        /// Open files.
        n_open: u64,
        /// Files outside the data folder that are open for writing.
        found: Vec<String>,
        /// Why it could not be looked.
        unknown: Option<String>,
    },
    /// Connections of the running program.
    Egress {
        /// Sockets of it and its children.
        n_sockets: u64,
        /// Of these, waiting for others.
        n_listening: u64,
        /// Of these, come from others to where it listens.
        n_inbound: u64,
        /// Machines that the configuration names.
        allowed: Vec<String>,
        /// Connections to elsewhere.
        found: Vec<String>,
        /// Why it could not be looked.
        unknown: Option<String>,
    },
    /// Rows past their end.
    Retention {
        /// Every table with ends.
        tables: Vec<TableEvidence>,
        /// Tables whose rows have none.
        endless: Vec<String>,
        /// How long past its end a row may be, in seconds.
        allowance_secs: u64,
    },
    /// Biometric operations and the consents they had.
    BiometricOperations {
        /// Operations in the ledger.
        n_operations: u64,
        /// Of these, without a consent that was live, or what the law lets stand in its place.
        n_without_consent: u64,
        /// Which, and what they lacked.
        found: Vec<String>,
        /// Why it could not be looked.
        unknown: Option<String>,
    },
    /// The ledger.
    Ledger {
        /// Entries.
        n_entries: u64,
        /// Signed checkpoints.
        n_checkpoints: u64,
        /// Entries under them.
        n_covered: u64,
        /// What is wrong.
        fault: Option<String>,
    },
    /// The notice while a camera was open.
    Notice {
        /// Grants in the ledger.
        n_grants: u64,
        /// Of these, under another notice than the one published, or before any was.
        n_without_notice: u64,
        /// Minutes in which a camera observed something.
        n_minutes: u64,
        /// Of these, longer observed than the ledger has the camera open.
        n_unexplained: u64,
        /// How much longer counts, in milliseconds.
        allowance_millis: u64,
        /// Why it could not be looked.
        unknown: Option<String>,
    },
    /// The model files.
    Models {
        /// Those that are there.
        n_models: u64,
        /// Without a licence on record, or one that is not allowed.
        unlicensed: Vec<String>,
        /// With other bytes than recorded.
        altered: Vec<String>,
    },
    /// What the program is built from.
    Dependencies {
        /// Packages in the list that the program carries.
        n_packages: u64,
        /// Advisories they were held against; nothing when no database was given.
        n_advisories: Option<u64>,
        /// Packages with an advisory, and which.
        found: Vec<String>,
    },
    /// The sandbox of the running program.
    Sandbox {
        /// `Seccomp` of its status: 2 is a filter.
        seccomp: Option<u64>,
        /// Whether it can gain no privileges.
        no_new_privs: Option<bool>,
        /// Why it could not be looked.
        unknown: Option<String>,
    },
    /// The commitments.
    Commitments {
        /// Version in the store; nothing when there is none.
        version: Option<u32>,
        /// Hash of the document.
        digest: Option<Digest>,
        /// Whether the key of the site signed it.
        is_signed: bool,
        /// Whether its day has come.
        is_in_force: bool,
        /// Whether it is the one that the ledger names last; nothing when the ledger does not verify.
        is_in_ledger: Option<bool>,
        /// What is wrong.
        fault: Option<String>,
    },
}

impl Evidence {
    /// How many kinds there are: a report has each once.
    pub const N_KINDS: usize = 12;

    /// The stable name, in snake case.
    pub const fn id(&self) -> &'static str {
        match self {
            Self::PicturesOnDisk { .. } => "pictures_on_disk",
            Self::EmbeddingsOnDisk { .. } => "embeddings_on_disk",
            Self::OpenFiles { .. } => "open_files",
            Self::Egress { .. } => "egress",
            Self::Retention { .. } => "retention",
            Self::BiometricOperations { .. } => "biometric_operations",
            Self::Ledger { .. } => "ledger",
            Self::Notice { .. } => "notice",
            Self::Models { .. } => "models",
            Self::Dependencies { .. } => "dependencies",
            Self::Sandbox { .. } => "sandbox",
            Self::Commitments { .. } => "commitments",
        }
    }

    /// What follows from it.
    pub fn state(&self) -> CheckState {
        let unless = |unknown: &Option<String>, is_good: bool| match unknown {
            // What was found counts, also where not all could be looked at.
            Some(_) if is_good => CheckState::Unknown,
            Some(_) | None => CheckState::when(is_good),
        };
        match self {
            Self::PicturesOnDisk { found, unread, .. }
            | Self::EmbeddingsOnDisk { found, unread, .. } => {
                unless(&unread.first().cloned(), found.is_empty())
            }
            Self::OpenFiles { found, unknown, .. } | Self::Egress { found, unknown, .. } => {
                unless(unknown, found.is_empty())
            }
            Self::Retention {
                tables, endless, ..
            } => CheckState::when(
                endless.is_empty() && tables.iter().all(|table| table.n_overdue == 0),
            ),
            Self::BiometricOperations {
                n_without_consent,
                found,
                unknown,
                ..
            } => unless(unknown, *n_without_consent == 0 && found.is_empty()),
            Self::Ledger { fault, .. } => CheckState::when(fault.is_none()),
            Self::Notice {
                n_without_notice,
                n_unexplained,
                unknown,
                ..
            } => unless(unknown, *n_without_notice == 0 && *n_unexplained == 0),
            Self::Models {
                unlicensed,
                altered,
                ..
            } => CheckState::when(unlicensed.is_empty() && altered.is_empty()),
            Self::Dependencies {
                n_advisories,
                found,
                ..
            } => match n_advisories {
                None => CheckState::Unknown,
                Some(_) => CheckState::when(found.is_empty()),
            },
            Self::Sandbox {
                seccomp,
                no_new_privs,
                unknown,
            } => match unknown {
                Some(_) => CheckState::Unknown,
                None => CheckState::when(*seccomp == Some(2) && *no_new_privs == Some(true)),
            },
            Self::Commitments {
                version,
                digest,
                is_signed,
                is_in_force,
                is_in_ledger,
                fault,
            } => {
                let is_one = version.is_some() && digest.is_some() && fault.is_none();
                match (is_one && *is_signed && *is_in_force, is_in_ledger) {
                    (true, None) => CheckState::Unknown,
                    (is_good, is_in_ledger) => {
                        CheckState::when(is_good && *is_in_ledger == Some(true))
                    }
                }
            }
        }
    }

    /// Which rules it is about.
    pub const fn rules(&self) -> &'static [Rule] {
        match self {
            Self::PicturesOnDisk { .. } | Self::OpenFiles { .. } => &[Rule::Minimisation],
            Self::EmbeddingsOnDisk { .. } => &[Rule::Minimisation, Rule::AnonymousTracks],
            Self::Egress { .. } => &[Rule::LeavingTheSite],
            Self::Retention { .. } => &[Rule::StorageLimit],
            Self::BiometricOperations { .. } => &[Rule::Consent, Rule::Identification],
            Self::Ledger { .. } => &[Rule::Accountability, Rule::Security],
            Self::Notice { .. } => &[Rule::Notice],
            Self::Models { .. } => &[Rule::ModelLicences],
            Self::Dependencies { .. } => &[Rule::KnownWeaknesses],
            Self::Sandbox { .. } => &[Rule::Security],
            Self::Commitments { .. } => &[Rule::PurposeLimit, Rule::Profiles],
        }
    }

    /// What is promised, in one line.
    pub const fn title(&self) -> &'static str {
        match self {
            Self::PicturesOnDisk { .. } => "No picture or film of people is on the disk",
            Self::EmbeddingsOnDisk { .. } => "No embedding is on the disk",
            Self::OpenFiles { .. } => "The program writes into its data folder alone",
            Self::Egress { .. } => {
                "The program connects to nothing that the configuration does not name"
            }
            Self::Retention { .. } => "Nothing is kept past its time",
            Self::BiometricOperations { .. } => "Every biometric operation had a live consent",
            Self::Ledger { .. } => "The ledger is whole",
            Self::Notice { .. } => "The notice was shown while a camera was open",
            Self::Models { .. } => "Models are licensed and unaltered",
            Self::Dependencies { .. } => "No weakness is known of what the program is built from",
            Self::Sandbox { .. } => "The program runs in its sandbox",
            Self::Commitments { .. } => "The commitments are signed and in force",
        }
    }

    /// What to do where it does not pass.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::PicturesOnDisk { .. } | Self::EmbeddingsOnDisk { .. } => {
                "find out what wrote it, remove it, and report it as a breach if it shows people; make unread files readable"
            }
            Self::OpenFiles { .. } => {
                "stop the program and find out what it writes there; audit as the user that runs it, while it runs"
            }
            Self::Egress { .. } => {
                "stop the program and find out what it sends; if the machine is a camera of yours, name the configuration with --config; audit as the user that runs it, while it runs"
            }
            Self::Retention { .. } => {
                "start the program: it sweeps at once and every hour; if rows stay, its log says why"
            }
            Self::BiometricOperations { .. } => "stop recognition and ask for consent anew",
            Self::Ledger { .. } => {
                "keep this folder as it is, restore a backup, and hold it against a published checkpoint"
            }
            Self::Notice { .. } => {
                "check which screens show the notice; a camera without one must be taken from the configuration"
            }
            Self::Models { .. } => "`regard models verify` names the files; pull them anew",
            Self::Dependencies { .. } => {
                "update the program; without a database, name a copy of one with --advisories"
            }
            Self::Sandbox { .. } => {
                "run it on Linux 5.13 or later, where `regard doctor` says what is active; audit while it runs"
            }
            Self::Commitments { .. } => {
                "start the program with the commitments that are meant; it signs them and writes them to the ledger"
            }
        }
    }
}

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckLine {
    /// The rules it is about.
    pub rules: Vec<Rule>,
    /// What follows from the evidence.
    pub state: CheckState,
    /// What was found.
    pub evidence: Evidence,
    /// What to do, unless it passes.
    pub remedy: Option<String>,
}

impl From<Evidence> for CheckLine {
    fn from(evidence: Evidence) -> Self {
        let state = evidence.state();
        Self {
            rules: evidence.rules().to_vec(),
            state,
            remedy: (state != CheckState::Pass).then(|| evidence.remedy().to_owned()),
            evidence,
        }
    }
}

/// What was found of every promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditReport {
    /// When it was looked.
    pub at: Timestamp,
    /// Version of the program that looked.
    pub program: String,
    /// The site.
    pub site: String,
    /// Whether the installation ran.
    pub is_running: bool,
    /// The latest checkpoint of its ledger, as signed.
    pub checkpoint: Option<String>,
    /// The checks.
    pub checks: Vec<CheckLine>,
}

impl AuditReport {
    /// Fails if any check does; passes if all do.
    pub fn state(&self) -> CheckState {
        let has = |state| self.checks.iter().any(|check| check.state == state);
        if has(CheckState::Fail) {
            CheckState::Fail
        } else if has(CheckState::Unknown) {
            CheckState::Unknown
        } else {
            CheckState::Pass
        }
    }

    /// The report, signed.
    pub fn sign(&self, key: &SigningKey) -> SignedAudit {
        let document = canonical_json(self).expect("a report holds texts and integers only");
        SignedAudit {
            key: STANDARD.encode(key.verifying_key().as_bytes()),
            signature: STANDARD.encode(key.sign(&message(&document)).to_bytes()),
            document,
        }
    }
}

fn message(document: &str) -> Vec<u8> {
    [CONTEXT, document.as_bytes()].concat()
}

/// A report with a signature; the form in which it is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedAudit {
    /// The canonical JSON text of the report.
    pub document: String,
    /// The Ed25519 key in base64.
    pub key: String,
    /// The signature in base64, over `regard-audit-v1`, a line feed and the document.
    pub signature: String,
}

/// A report that is not to be believed.
#[derive(Debug, Error)]
pub enum AuditFault {
    /// Another key signed than was asked for.
    #[error("the report is signed by another key")]
    OtherKey,
    /// The signature is not one, or does not fit.
    #[error("signature of the report does not verify")]
    BadSignature,
    /// Signed, but not a report of this program.
    #[error("signed text is not a report")]
    NotReport(#[source] serde_json::Error),
    /// Signed, but not in canonical form.
    #[error("signed text is not in canonical form")]
    NotCanonical,
    /// A line says something that its evidence does not.
    #[error("check {0} says something else than its evidence")]
    DoesNotFollow(&'static str),
    /// Checks are missing or there twice.
    #[error("the report has {found} different checks instead of {expected}")]
    Incomplete {
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
}

impl SignedAudit {
    /// The key that the report names.
    ///
    /// # Errors
    /// [`AuditFault::BadSignature`] when it is none.
    pub fn key(&self) -> Result<VerifyingKey, AuditFault> {
        let bytes = STANDARD.decode(&self.key).ok();
        bytes
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
            .ok_or(AuditFault::BadSignature)
    }

    /// The report, if the signature holds, every check is there, and every state follows from its
    /// evidence. `expected`: the key that must have signed; where nothing is expected, the one named.
    ///
    /// # Errors
    /// [`AuditFault`].
    pub fn verify(&self, expected: Option<&VerifyingKey>) -> Result<AuditReport, AuditFault> {
        let key = self.key()?;
        if expected.is_some_and(|expected| *expected != key) {
            return Err(AuditFault::OtherKey);
        }
        let bytes = STANDARD
            .decode(&self.signature)
            .map_err(|_| AuditFault::BadSignature)?;
        let signature = Signature::from_slice(&bytes).map_err(|_| AuditFault::BadSignature)?;
        key.verify_strict(&message(&self.document), &signature)
            .map_err(|_| AuditFault::BadSignature)?;
        let report: AuditReport =
            serde_json::from_str(&self.document).map_err(AuditFault::NotReport)?;
        if canonical_json(&report).ok().as_deref() != Some(self.document.as_str()) {
            return Err(AuditFault::NotCanonical);
        }
        for check in &report.checks {
            if CheckLine::from(check.evidence.clone()) != *check {
                return Err(AuditFault::DoesNotFollow(check.evidence.id()));
            }
        }
        let mut ids: Vec<&str> = report.checks.iter().map(|c| c.evidence.id()).collect();
        let n_lines = ids.len();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() != Evidence::N_KINDS || n_lines != Evidence::N_KINDS {
            return Err(AuditFault::Incomplete {
                found: ids.len(),
                expected: Evidence::N_KINDS,
            });
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests;
