//! What makes two runs the same job.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Form of the log; another one is not read.
const FORM: u32 = 1;

/// Settings by the names by which they are typed; the same settings on the same sources give the same rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSettings {
    regard_job: u32,
    settings: BTreeMap<String, String>,
}

impl JobSettings {
    /// With what the first line of every log begins.
    pub(super) const BEGINNING: &'static [u8] = b"H{\"regard_job\":";

    /// None yet.
    pub fn new() -> Self {
        Self {
            regard_job: FORM,
            settings: BTreeMap::new(),
        }
    }

    /// Adds one.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn to_json(&self) -> String {
        // Texts and a number.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What is different in the job that began with that line, as it was and as it is.
    pub(super) fn difference(&self, head: &str) -> Option<String> {
        let Ok(there) = serde_json::from_str::<Self>(head) else {
            return Some("another version of this program".to_owned());
        };
        if there.regard_job != self.regard_job {
            return Some("another version of this program".to_owned());
        }
        let names = there.settings.keys().chain(self.settings.keys());
        let different = names
            .filter(|name| there.settings.get(*name) != self.settings.get(*name))
            .min()?;
        let value = |settings: &BTreeMap<String, String>| {
            let value = settings.get(different);
            value.map_or_else(|| "nothing".to_owned(), Clone::clone)
        };
        Some(format!(
            "{different}: {}, now {}",
            value(&there.settings),
            value(&self.settings)
        ))
    }
}
