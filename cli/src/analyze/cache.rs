//! What other jobs found out already.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use regard_backends::{CacheState, CachedValue, OpenError, SqliteCache, StoreError};
use regard_inference::Catalog;
use regard_library::{
    AnalysisHash, ContentHash, Facts, FaultKind, JobSettings, MediaKind, Remembered, Remembering,
};
use regard_vision::{LIVE_MODELS, find_ffmpeg};
use tokio::runtime::Runtime;

use super::progress::Progress;
use crate::args::AnalyzeArgs;
use crate::printable::{on_one_line, shown};

/// Everything that computes rows, as it stood when this program was built.
const ANALYSIS: &str = env!("REGARD_ANALYSIS");

/// How often what was put in is made to last.
const COMMIT_EVERY: Duration = Duration::from_secs(2);

/// Bytes put in after which it is made to last earlier: little against the file, and in the memory of SQLite meanwhile.
const COMMIT_BYTES: u64 = 16 << 20;

/// Findings by content, shared by the workers, kept from job to job.
///
/// # Privacy
/// Holds the rows that tables hold, without names of files; readable by its owner only.
pub(super) struct Cache {
    analysis: AnalysisHash,
    /// Which `ffmpeg` reads videos; asked when the first one comes.
    ffmpeg: OnceLock<String>,
    inner: Mutex<Inner>,
    bar: indicatif::ProgressBar,
    name: String,
    n_too_many: AtomicU64,
}

struct Inner {
    runtime: Runtime,
    /// Nothing once it cannot be used any more.
    file: Option<SqliteCache>,
    committed: Instant,
    n_bytes: u64,
    n_damaged: u64,
}

/// The files of a cache, which may lie in a folder that is gone through.
pub(super) fn files_of(path: &Path) -> Vec<PathBuf> {
    ["", "-wal", "-shm"]
        .iter()
        .map(|ending| {
            let mut name = OsString::from(path);
            name.push(ending);
            PathBuf::from(name)
        })
        .collect()
}

impl Cache {
    /// Opens the file, and says where it was damaged.
    ///
    /// # Errors
    /// When it is not a cache, or another run uses it.
    pub(super) fn open(
        path: &Path,
        (args, runtime_name, catalog): (&AnalyzeArgs, &str, &Catalog),
        progress: &Progress,
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let max_bytes = args.cache_max.get().saturating_mul(1_000_000);
        let opened = runtime.block_on(SqliteCache::open(path, max_bytes));
        let (file, state) = opened.map_err(|error| told(path, &error))?;
        let name = shown(path);
        match state {
            CacheState::New | CacheState::Found(_) => {}
            CacheState::Rebuilt(reason) => progress.say(&format!(
                "the cache {name} was damaged ({reason}) and is begun anew"
            )),
        }
        Ok(Self {
            analysis: AnalysisHash::of(&settings(args, runtime_name, catalog)?),
            ffmpeg: OnceLock::new(),
            inner: Mutex::new(Inner {
                runtime,
                file: Some(file),
                committed: Instant::now(),
                n_bytes: 0,
                n_damaged: 0,
            }),
            bar: progress.bar(),
            name,
            n_too_many: AtomicU64::new(0),
        })
    }

    /// The key of a photograph's bytes.
    pub(super) fn photo_key(&self, content: &ContentHash) -> [u8; 32] {
        self.analysis.key(MediaKind::Photo, "", content)
    }

    /// The key of a video's bytes: what reads it counts, and the ending of its name, by which decoders go.
    pub(super) fn video_key(&self, path: &Path, content: &ContentHash) -> [u8; 32] {
        let ffmpeg = self
            .ffmpeg
            .get_or_init(|| find_ffmpeg().map_or_else(|| "none".to_owned(), |info| info.version));
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        let opened_as = format!("{ffmpeg} {}", ending.to_string_lossy());
        self.analysis.key(MediaKind::Video, &opened_as, content)
    }

    /// What is known of that key, and whether it was before this run.
    pub(super) fn look(&self, key: &[u8; 32]) -> Option<(Remembered, bool)> {
        let found = self.with(|inner| inner.get(key))??;
        let known = Remembered::read(key, found.bytes);
        if known.is_none() {
            self.lock().n_damaged += 1;
        }
        Some((known?, found.is_from_before))
    }

    /// Remembers what came of an item, where it would come of it again.
    pub(super) fn keep(&self, remembering: Remembering, kind: MediaKind, facts: &Facts) {
        if !is_lasting(kind, facts) {
            return;
        }
        let key = *remembering.key();
        match remembering.finish(facts) {
            Some(packed) => {
                self.with(|inner| inner.put(&key, &packed));
            }
            None => {
                self.n_too_many.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Makes all of it last, and closes the file; what there is to say about it.
    pub(super) fn finish(self) -> Vec<String> {
        let Self {
            inner,
            name,
            n_too_many,
            ..
        } = self;
        let mut inner = inner.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut words = Vec::new();
        if let Some(file) = inner.file.take()
            && let Err(error) = inner.runtime.block_on(file.close())
        {
            words.push(format!(
                "the cache {name} could not be closed: {}",
                on_one_line(&error)
            ));
        }
        if inner.n_damaged > 0 {
            words.push(format!(
                "{} entries of the cache {name} were damaged; what they were about was looked at again",
                inner.n_damaged
            ));
        }
        let n_too_many = n_too_many.into_inner();
        if n_too_many > 0 {
            words.push(format!(
                "{n_too_many} videos have more rows than the cache takes of one, and will be looked at again"
            ));
        }
        words
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the file. One that is damaged is begun anew; one that fails otherwise is left alone from then on, and
    /// the job goes on without it.
    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> Result<T, StoreError>) -> Option<T> {
        let mut inner = self.lock();
        inner.file.as_ref()?;
        let error = match work(&mut inner) {
            Ok(done) => return Some(done),
            Err(error) => error,
        };
        let said = on_one_line(&error);
        let name = &self.name;
        let line = match (error, inner.file.take()) {
            (StoreError::Corrupt { .. }, Some(file)) => {
                match inner.runtime.block_on(file.rebuild()) {
                    Ok(file) => {
                        inner.file = Some(file);
                        inner.n_bytes = 0;
                        format!("the cache {name} was damaged ({said}) and is begun anew")
                    }
                    Err(error) => format!(
                        "the cache {name} is damaged and could not be begun anew: {}; going on without it",
                        on_one_line(&error)
                    ),
                }
            }
            (_, _) => format!("the cache {name} cannot be used: {said}; going on without it"),
        };
        drop(inner);
        self.bar.suspend(|| crate::speech::complain(line));
        None
    }
}

impl Inner {
    fn get(&mut self, key: &[u8; 32]) -> Result<Option<CachedValue>, StoreError> {
        let Some(file) = &mut self.file else {
            return Ok(None);
        };
        self.runtime.block_on(file.get(key))
    }

    fn put(&mut self, key: &[u8; 32], packed: &[u8]) -> Result<(), StoreError> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        self.n_bytes += packed.len() as u64;
        let is_due = self.n_bytes >= COMMIT_BYTES || self.committed.elapsed() >= COMMIT_EVERY;
        self.runtime.block_on(async {
            file.put(key, packed).await?;
            if is_due {
                file.commit().await?;
            }
            Ok::<(), StoreError>(())
        })?;
        if is_due {
            self.n_bytes = 0;
            self.committed = Instant::now();
        }
        Ok(())
    }
}

fn told(path: &Path, error: &OpenError) -> anyhow::Error {
    let remedy = match error {
        OpenError::InUse { .. } => "wait for it, or name another file: --cache FILE",
        OpenError::Foreign { .. } | OpenError::Newer { .. } => {
            "name another file, or move that one away: --cache FILE"
        }
        OpenError::Migrate { .. } | OpenError::Io { .. } | OpenError::Store { .. } => {
            "name a file that can be written: --cache FILE"
        }
    };
    let said = on_one_line(error);
    anyhow::anyhow!("{}: {said}; {remedy}", shown(path))
}

/// Whether the same would come of the same bytes another time. What a video came to grief on may have been its decoder, which is
/// another process; what a network or a disk had to do with it, the bytes do not say.
fn is_lasting(kind: MediaKind, facts: &Facts) -> bool {
    let Some(fault) = &facts.fault else {
        return true;
    };
    let is_of_bytes = match fault.kind {
        FaultKind::NotAPicture | FaultKind::CutShort | FaultKind::Damaged => true,
        FaultKind::Missing
        | FaultKind::Unreadable
        | FaultKind::Unsupported
        | FaultKind::TooLarge
        | FaultKind::Refused
        | FaultKind::Program => false,
    };
    kind == MediaKind::Photo && is_of_bytes
}

/// All that rows depend on besides the bytes.
fn settings(args: &AnalyzeArgs, runtime: &str, catalog: &Catalog) -> Result<JobSettings> {
    let mut settings = JobSettings::new();
    settings.set("version", env!("CARGO_PKG_VERSION"));
    settings.set("analysis", ANALYSIS);
    settings.set("runtime", runtime);
    for id in LIVE_MODELS {
        let entry = catalog.entry(id).context("the networks")?;
        settings.set(id, &entry.sha256);
    }
    settings.set("--mjpeg-fps", &args.mjpeg_fps.to_string());
    settings.set("--gps", &args.gps.to_string());
    if let Some(secs) = args.every {
        settings.set("--every", &secs.to_string());
    }
    if let Some(px) = args.min_face {
        settings.set("--min-face", &px.to_string());
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use regard_library::Fault;

    use super::*;

    #[test]
    fn what_may_have_been_chance_is_looked_at_again() {
        let of = |fault: Option<FaultKind>| Facts {
            fault: fault.map(|kind| Fault::new(kind, "why")),
            ..Facts::default()
        };
        let check = |kind, fault, expected| {
            assert_eq!(is_lasting(kind, &of(fault)), expected, "{kind:?} {fault:?}");
        };
        check(MediaKind::Photo, None, true);
        check(MediaKind::Video, None, true);
        check(MediaKind::Photo, Some(FaultKind::Damaged), true);
        check(MediaKind::Video, Some(FaultKind::Damaged), false);
        check(MediaKind::Photo, Some(FaultKind::Program), false);
        check(MediaKind::Photo, Some(FaultKind::Unreadable), false);
    }
}
