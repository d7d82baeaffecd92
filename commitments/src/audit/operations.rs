//! Every biometric operation and every sitting of a study that the ledger tells of, matched to what it stood on.
//!
//! Entries are read by the names that they have in their one signed form, and not as values of this program: so whatever
//! says that a face was recognised or a template made is judged, and a kind of recognition that is not known here stands on
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A consent that the ledger tells of.
struct Given {
    subject: String,
    purpose: String,
    from: i64,
    until: i64,
    /// When it ended before its time.
    ended: Option<i64>,
}

/// Leave to recognise that was given.
struct Leave {
    kind: String,
    subject: Option<String>,
    until: i64,
    from: i64,
}

/// How long an act may be ago when something stands on it, in microseconds: ten minutes, the longest that one stands.
const ACT_MICROS: i64 = 600 * 1_000_000;

/// Purposes under which a template may be made.
const BIOMETRIC: [&str; 3] = ["verify", "identify", "analyse_library"];

/// What biometric operations may stand on, as the ledger tells it entry by entry. Memory grows with consents, acts and
/// operations.
#[derive(Default)]
pub struct OperationBook {
    given: BTreeMap<String, Given>,
    /// Acts, when they were, and whether something was done on them.
    acts: BTreeMap<String, (i64, bool)>,
    /// Attestations of collections: until when, and whether they were taken back.
    attested: BTreeMap<String, i64>,
    leaves: BTreeMap<String, Leave>,
    erased: BTreeSet<String>,
    n_operations: u64,
}

fn text<'a>(entry: &'a Value, name: &str) -> Option<&'a str> {
    entry.get(name)?.as_str()
}

fn time(entry: &Value, name: &str) -> Option<i64> {
    entry.get(name)?.as_i64()
}

impl OperationBook {
    /// Nothing was told yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Operations told so far.
    pub const fn n_operations(&self) -> u64 {
        self.n_operations
    }

    /// The next entry, as its bytes say it; what a biometric operation in it lacks, if it is one and lacks something.
    /// Bytes that are no entry are for the check of the ledger to tell.
    pub fn hear(&mut self, bytes: &[u8]) -> Option<String> {
        let mut entry: Value = serde_json::from_slice(bytes).ok()?;
        let at = time(&entry, "at")?;
        let entry = entry.get_mut("body")?.take();
        let kind = text(&entry, "kind")?;
        match kind {
            "consent_given" => self.consent(&entry, at),
            "consent_ended" => {
                if let Some(given) = text(&entry, "receipt").and_then(|r| self.given.get_mut(r)) {
                    given.ended.get_or_insert(at);
                }
            }
            "erased" => {
                let subject = text(&entry, "subject").unwrap_or_default();
                self.erased.insert(subject.to_owned());
                for given in self.given.values_mut().filter(|one| one.subject == subject) {
                    given.ended.get_or_insert(at);
                }
            }
            "acted" => {
                let act = text(&entry, "act").unwrap_or_default().to_owned();
                self.acts.entry(act).or_insert((at, false));
            }
            "attestation_made" => {
                let (name, until) = (text(&entry, "attestation"), time(&entry, "until"));
                if let (Some(name), Some(until)) = (name, until) {
                    self.attested.insert(name.to_owned(), until);
                }
            }
            "attestation_ended" => {
                if let Some(name) = text(&entry, "attestation") {
                    self.attested.remove(name);
                }
            }
            "recognition_granted" => {
                self.n_operations += 1;
                let lacks = self.recognition(&entry, at);
                self.leave(&entry, at);
                return lacks.err().map(str::to_owned);
            }
            "study_granted" => {
                self.n_operations += 1;
                return self.study(&entry, at).err().map(str::to_owned);
            }
            "template_made" => {
                self.n_operations += 1;
                return self.template(&entry, at).err().map(str::to_owned);
            }
            _ => {}
        }
        None
    }

    fn consent(&mut self, entry: &Value, at: i64) {
        let (receipt, until) = (text(entry, "receipt"), time(entry, "until"));
        let (Some(receipt), Some(until)) = (receipt, until) else {
            return;
        };
        let word = |name| text(entry, name).unwrap_or_default().to_owned();
        let given = Given {
            subject: word("subject"),
            purpose: word("purpose"),
            from: at,
            until,
            ended: None,
        };
        // One that is told a second time does not live again.
        self.given.entry(receipt.to_owned()).or_insert(given);
    }

    fn leave(&mut self, entry: &Value, at: i64) {
        let (number, until) = (text(entry, "number"), time(entry, "until"));
        if let (Some(number), Some(until)) = (number, until) {
            let leave = Leave {
                kind: text(entry, "recognition").unwrap_or_default().to_owned(),
                subject: text(entry, "subject").map(str::to_owned),
                until,
                from: at,
            };
            self.leaves.insert(number.to_owned(), leave);
        }
    }

    /// Whether leave to recognise stood on what its kind needs.
    fn recognition(&mut self, entry: &Value, at: i64) -> Result<(), &'static str> {
        let until = time(entry, "until").ok_or("it never ends")?;
        match text(entry, "recognition").unwrap_or_default() {
            "verify" => self.consents(entry, &["verify"], at, until),
            "library" => self.consents(entry, &["analyse_library"], at, until),
            "enroll" => {
                self.consents(entry, &BIOMETRIC, at, until)?;
                self.act(entry, at)
            }
            "identify" => {
                text(entry, "gallery").ok_or("it names no gallery")?;
                self.act(entry, at)
            }
            "attested" => self.attestation(entry, at, until),
            _ => Err("a kind of recognition that nothing is known of"),
        }
    }

    /// Whether each consent it names was live, is about that person and serves it, and whether it names one.
    fn consents(
        &self,
        entry: &Value,
        purposes: &[&str],
        at: i64,
        until: i64,
    ) -> Result<(), &'static str> {
        let receipts = entry.get("receipts").and_then(Value::as_array);
        let receipts: Vec<&str> = receipts
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        self.all_serve(&receipts, entry, purposes, at, until)
    }

    /// Whether a sitting of a study stood on the live consent of its participant.
    fn study(&self, entry: &Value, at: i64) -> Result<(), &'static str> {
        let until = time(entry, "until").ok_or("it never ends")?;
        let receipt = text(entry, "receipt").ok_or("it names no consent")?;
        self.all_serve(&[receipt], entry, &["research"], at, until)
    }

    fn all_serve(
        &self,
        receipts: &[&str],
        entry: &Value,
        purposes: &[&str],
        at: i64,
        until: i64,
    ) -> Result<(), &'static str> {
        if receipts.is_empty() {
            return Err("it names no consent");
        }
        let subject = text(entry, "subject").ok_or("it names nobody's record")?;
        for &receipt in receipts {
            let given = self
                .given
                .get(receipt)
                .ok_or("its consent was never given")?;
            if given.subject != subject {
                return Err("its consent is somebody else's");
            }
            if !purposes.contains(&given.purpose.as_str()) {
                return Err("its consent is to something else");
            }
            if at < given.from || at >= given.until || given.ended.is_some_and(|end| at >= end) {
                return Err("its consent had ended");
            }
            if until > given.until {
                return Err("it outlasts its consent");
            }
        }
        Ok(())
    }

    /// Whether an act stood behind it, its own and a fresh one.
    fn act(&mut self, entry: &Value, at: i64) -> Result<(), &'static str> {
        let act = text(entry, "act").ok_or("no act stood behind it")?;
        let (acted, is_used) = self.acts.get_mut(act).ok_or("its act never was")?;
        if std::mem::replace(is_used, true) {
            return Err("its act had been used up");
        }
        if at < *acted || at - *acted > ACT_MICROS {
            return Err("its act was too long ago");
        }
        Ok(())
    }

    fn attestation(&self, entry: &Value, at: i64, until: i64) -> Result<(), &'static str> {
        let name = text(entry, "attestation").ok_or("it names no attestation")?;
        let end = self
            .attested
            .get(name)
            .ok_or("its attestation is none, or was taken back")?;
        if at >= *end || until > *end {
            return Err("it outlasts its attestation");
        }
        Ok(())
    }

    /// Whether a template was made under leave to enrol that very person, while that held.
    fn template(&self, entry: &Value, at: i64) -> Result<(), &'static str> {
        let number = text(entry, "number").ok_or("it names no leave")?;
        let leave = self
            .leaves
            .get(number)
            .ok_or("leave for it was never given")?;
        if leave.kind != "enroll" {
            return Err("its leave is for something else");
        }
        let subject = text(entry, "subject").ok_or("it names nobody's record")?;
        if leave.subject.as_deref() != Some(subject) {
            return Err("its leave is about somebody else");
        }
        if at < leave.from || at >= leave.until {
            return Err("its leave had ended");
        }
        if self.erased.contains(subject) {
            return Err("its person was erased");
        }
        let until = time(entry, "until").ok_or("it never ends")?;
        let is_live = |given: &Given| {
            given.subject == subject
                && BIOMETRIC.contains(&given.purpose.as_str())
                && at < given.until
                && given.ended.is_none_or(|end| at < end)
                && until <= given.until
        };
        let mut all = self.given.values();
        all.any(is_live)
            .then_some(())
            .ok_or("no consent to it was live, or it outlasts it")
    }
}

#[cfg(test)]
mod tests;
