//! Where pictures of faces are looked at: a few benches with their networks, each used by one at a time.

use std::sync::{Arc, Mutex, PoisonError};

use regard_commitments::{Grant, Recognition};
use regard_identity::{EmbedError, Embedder, Embedding};
use regard_inference::{Catalog, LoadOptions, Runtime};
use regard_vision::{AnalysisError, AnalyzerOptions, FaceAnalyzer, FaceChip};
use thiserror::Error;
use tokio::sync::Semaphore;

/// Most benches: two faces side by side keep two cores busy, and the cameras have theirs.
const MAX_BENCHES: usize = 2;

/// Why a picture was not looked at.
#[derive(Debug, Error)]
pub enum StudioError {
    /// A network could not be loaded or failed.
    #[error("the picture could not be analysed")]
    Analysis(#[from] AnalysisError),
    /// The same for the face network.
    #[error("the face could not be embedded")]
    Embed(#[from] EmbedError),
    /// The work ended before its time.
    #[error("the analysis ended unexpectedly")]
    Ended,
}

/// One set of networks, loaded when first needed.
pub(crate) struct Bench {
    pub(crate) analyzer: FaceAnalyzer,
    /// For single photographs, which are looked at larger than frames.
    photos: Option<FaceAnalyzer>,
    embedder: Option<Embedder>,
    runtime: Arc<dyn Runtime>,
    catalog: Arc<Catalog>,
}

impl Bench {
    /// The analyser of single photographs.
    pub(super) fn for_photos(&mut self) -> &mut FaceAnalyzer {
        self.photos.get_or_insert_with(|| {
            FaceAnalyzer::new(
                Arc::clone(&self.runtime),
                Arc::clone(&self.catalog),
                AnalyzerOptions::PHOTO,
            )
        })
    }

    /// Loads the face network, if it is not.
    pub(super) fn load_embedder(&mut self) -> Result<(), EmbedError> {
        if self.embedder.is_none() {
            let options = LoadOptions { threads: 1 };
            let embedder = Embedder::load(self.runtime.as_ref(), &self.catalog, &options)?;
            self.embedder = Some(embedder);
        }
        Ok(())
    }

    /// The embeddings of faces, in their order.
    pub(super) fn embed(
        &mut self,
        chips: &[&FaceChip],
        key: &Grant<Recognition>,
    ) -> Result<Vec<Embedding>, EmbedError> {
        self.load_embedder()?;
        let embedder = self.embedder.as_mut().expect("loaded above");
        embedder.embed_all(chips, key)
    }
}

/// The benches.
pub(super) struct Studio {
    runtime: Arc<dyn Runtime>,
    catalog: Arc<Catalog>,
    idle: Mutex<Vec<Bench>>,
    permits: Semaphore,
}

impl Studio {
    /// Benches without networks yet.
    pub(super) fn new(runtime: Arc<dyn Runtime>, catalog: Arc<Catalog>) -> Self {
        Self {
            runtime,
            catalog,
            idle: Mutex::default(),
            permits: Semaphore::new(MAX_BENCHES),
        }
    }

    fn bench(&self) -> Bench {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop().unwrap_or_else(|| Bench {
            analyzer: FaceAnalyzer::new(
                Arc::clone(&self.runtime),
                Arc::clone(&self.catalog),
                AnalyzerOptions::LIVE,
            ),
            photos: None,
            embedder: None,
            runtime: Arc::clone(&self.runtime),
            catalog: Arc::clone(&self.catalog),
        })
    }

    /// Does work on a bench, away from the threads that answer requests; waits while all are in use.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Bench) -> T + Send + 'static,
    ) -> Result<T, StudioError> {
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| StudioError::Ended)?;
        let mut bench = self.bench();
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&mut bench);
            (bench, done)
        });
        let (bench, done) = done.await.map_err(|_| StudioError::Ended)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(bench);
        Ok(done)
    }
}
