//! The papers about what runs: made at start, compared with those of the run before, told of in the ledger.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use regard_backends::{SqliteReader, StoreError};
use regard_commitments::{Date, Digest, EntryBody, PaperKind};
use regard_decision::Campaign;
use regard_domain::Timestamp;

use crate::config::EngineConfig;
use crate::kept_campaigns;
use crate::private_file::{create_private_folder, write_private};

/// Folder of the copies, in the data folder.
pub const PAPERS_FOLDER: &str = "papers";

/// Most copies kept, one for each start at which something had changed; then the oldest goes. A site that changes twice
/// a week keeps those of ten years, as long as AI Act 18 has documentation kept.
const MAX_COPIES: usize = 1_000;

/// Papers as they are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadePapers {
    /// The hash of what each says, without the day it was made on.
    pub papers: BTreeMap<PaperKind, Digest>,
    /// Hash of what an impact assessment of this configuration is about.
    pub assessed: Digest,
    /// All of them as text.
    pub text: String,
}

impl MadePapers {
    /// Hash over all papers.
    pub fn all(&self) -> Digest {
        let lines = self.papers.iter();
        let text: String = lines
            .map(|(kind, digest)| format!("{kind} {digest}\n"))
            .collect();
        Digest::of(&[text.as_bytes()])
    }

    /// The papers that are not as they were, and the hash of each now.
    pub(crate) fn changed_since(
        &self,
        before: &BTreeMap<PaperKind, Digest>,
    ) -> BTreeMap<PaperKind, Digest> {
        let papers = self.papers.iter();
        papers
            .filter(|(kind, digest)| before.get(kind) != Some(digest))
            .map(|(kind, digest)| (*kind, *digest))
            .collect()
    }

    /// What the ledger is to say; nothing where nothing changed.
    pub(crate) fn entry(&self, before: &BTreeMap<PaperKind, Digest>) -> Option<EntryBody> {
        let changed = self.changed_since(before);
        let all = self.all();
        (!changed.is_empty()).then_some(EntryBody::PapersChanged { all, changed })
    }

    /// Keeps a copy under the name that the ledger gives it, so that what changed can be read later.
    ///
    /// # Errors
    /// As the system says.
    pub(crate) fn keep(&self, data_dir: &Path) -> io::Result<()> {
        let folder = data_dir.join(PAPERS_FOLDER);
        create_private_folder(&folder)?;
        write_private(&folder.join(copy_name(self.all())), self.text.as_bytes())?;
        let mut copies = Vec::new();
        for file in fs::read_dir(&folder)? {
            let file = file?;
            let written = file
                .metadata()?
                .modified()
                .unwrap_or(SystemTime::UNIX_EPOCH);
            copies.push((written, file.path()));
        }
        copies.sort();
        let n_too_many = copies.len().saturating_sub(MAX_COPIES);
        for (_, oldest) in copies.into_iter().take(n_too_many) {
            fs::remove_file(oldest)?;
        }
        Ok(())
    }
}

/// Name of the copy of papers, in its folder.
pub fn copy_name(all: Digest) -> String {
    format!("{}.json", &all.to_string()[..16])
}

type Make = dyn Fn(&[Campaign], Date, Timestamp) -> MadePapers + Send + Sync;

/// Makes the papers of the configuration, with the campaigns that are in force, on a day of the site and at an instant
/// of it: the one dates them, the other says how they stand.
#[derive(Clone)]
pub struct PaperMaker(Arc<Make>);

impl PaperMaker {
    /// Papers made by that function.
    pub fn new(
        make: impl Fn(&[Campaign], Date, Timestamp) -> MadePapers + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(make))
    }

    /// The papers.
    pub(crate) fn make(&self, campaigns: &[Campaign], day: Date, at: Timestamp) -> MadePapers {
        (self.0)(campaigns, day, at)
    }
}

impl fmt::Debug for PaperMaker {
    /// The same for every one: the ledger holds a hash of the configuration as text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PaperMaker")
    }
}

/// The campaigns that an installation runs, or would run if it were started now: those that were changed while it ran
/// are in force until the configuration changes.
///
/// # Errors
/// [`StoreError`].
pub async fn campaigns_in_force(
    config: &EngineConfig,
    reader: &SqliteReader,
) -> Result<Vec<Campaign>, StoreError> {
    let kept = reader.document(kept_campaigns::NAME).await?;
    let changed = kept.and_then(|text| kept_campaigns::changed(&text, config).ok());
    Ok(changed.unwrap_or_else(|| config.campaigns.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(of: &[(PaperKind, &[u8])]) -> MadePapers {
        let papers = of.iter().map(|(kind, text)| (*kind, Digest::of(&[*text])));
        MadePapers {
            papers: papers.collect(),
            assessed: Digest::of(&[b"assessed"]),
            text: "{}\n".to_owned(),
        }
    }

    #[test]
    fn what_did_not_change_is_not_told() {
        let first = made(&[(PaperKind::Record, b"a"), (PaperKind::RiskFile, b"b")]);
        let second = made(&[(PaperKind::Record, b"a"), (PaperKind::RiskFile, b"c")]);
        assert_eq!(first.entry(&first.papers), None);
        let Some(EntryBody::PapersChanged { all, changed }) = second.entry(&first.papers) else {
            panic!("one changed");
        };
        assert_eq!(all, second.all());
        assert_ne!(all, first.all());
        assert_eq!(changed.keys().collect::<Vec<_>>(), [&PaperKind::RiskFile]);
        assert_eq!(
            changed[&PaperKind::RiskFile],
            second.papers[&PaperKind::RiskFile]
        );
    }

    #[test]
    fn copies_have_the_name_that_the_ledger_gives() {
        let folder = tempfile::tempdir().unwrap();
        let made = made(&[(PaperKind::Record, b"a")]);
        made.keep(folder.path()).unwrap();
        made.keep(folder.path()).unwrap();
        let name = copy_name(made.all());
        let files: Vec<_> = fs::read_dir(folder.path().join(PAPERS_FOLDER))
            .unwrap()
            .map(|file| file.unwrap().file_name())
            .collect();
        assert_eq!(files, [name.as_str()]);
    }
}
