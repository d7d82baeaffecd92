//! Audit reports: what was found of each promise, and what follows from it. The finding is done by
//! others; here it is judged, signed and checked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use regard_domain::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::canonical_json;
use crate::law::Rule;

mod evidence;
mod law_lines;
mod operations;

pub use self::evidence::{AskedRefusal, CheckState, Evidence, TableEvidence};
pub use self::law_lines::{LawLine, LawRow};
pub use self::operations::OperationBook;

/// What is signed begins with this, so that the signature can serve no other document.
const CONTEXT: &[u8] = b"regard-audit-v1\n";

/// How long a row may stay past its end, in seconds: sweeps come every hour, and one may take a while.
pub const SWEEP_ALLOWANCE_SECS: u64 = 2 * 3_600;

/// How much longer a camera may have been observed within one minute than the ledger has it open, in
/// milliseconds: entries carry the time of the gate, frames that of their capture.
pub const OBSERVED_ALLOWANCE_MILLIS: u64 = 2_000;

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

/// What was looked at, and when.
#[derive(Clone, Debug)]
pub struct AuditedSite {
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
    /// Every rule and every refusal of the law: how far the program keeps it, and what these checks say of it here.
    pub law: Vec<LawLine>,
}

impl AuditReport {
    /// A report with these checks, and what follows from them for each row of the law.
    pub fn new(about: AuditedSite, checks: Vec<CheckLine>) -> Self {
        Self {
            at: about.at,
            program: about.program,
            site: about.site,
            is_running: about.is_running,
            checkpoint: about.checkpoint,
            law: LawLine::all(&checks),
            checks,
        }
    }

    /// Fails if any check does; passes if all do.
    pub fn state(&self) -> CheckState {
        CheckState::of_all(self.checks.iter().map(|check| check.state))
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
    /// The rows of the law say something else than the checks.
    #[error("what is said of the law does not follow from the checks")]
    LawDoesNotFollow,
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
        if LawLine::all(&report.checks) != report.law {
            return Err(AuditFault::LawDoesNotFollow);
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests;
