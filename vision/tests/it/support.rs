//! What the tests of this room share.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use regard_commitments::{Answer, Grant, LibraryDeclaration, Sensing, ask_library};
use regard_domain::CameraId;
use regard_inference::{Catalog, Rten};
use regard_vision::{AnalyzerOptions, FaceAnalyzer, Photo};

pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/fixtures")).join(name)
}

pub(crate) fn photo(name: &str) -> Photo {
    Photo::open(&fixture("photos").join(name)).unwrap()
}

pub(crate) fn grant() -> Grant<Sensing> {
    let declaration = LibraryDeclaration::own_media(CameraId::new("test").unwrap());
    match ask_library(&declaration) {
        Answer::Granted(grant) => grant,
        Answer::Refused(refusal) => panic!("{refusal:?}"),
    }
}

pub(crate) fn analyzer(options: AnalyzerOptions) -> FaceAnalyzer {
    static CATALOG: OnceLock<Arc<Catalog>> = OnceLock::new();
    let catalog = CATALOG.get_or_init(|| Arc::new(Catalog::open(None).unwrap()));
    FaceAnalyzer::new(Arc::new(Rten), Arc::clone(catalog), options)
}
