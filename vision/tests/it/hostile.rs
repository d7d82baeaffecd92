//! Networks that are not what they should be; grants that do not give.

use std::sync::Arc;

use regard_domain::FrameSize;
use regard_inference::{Catalog, LoadError, LoadOptions, Network, Runtime};
use regard_vision::{AnalysisError, AnalyzerOptions, FaceAnalyzer, RgbView};

use crate::support::grant;

struct Refusing;

impl Runtime for Refusing {
    fn name(&self) -> &'static str {
        "refusing"
    }

    fn description(&self) -> String {
        "loads nothing".to_owned()
    }

    fn load(&self, bytes: &[u8], _: &LoadOptions) -> Result<Box<dyn Network>, LoadError> {
        Err(LoadError::TooLarge { bytes: bytes.len() })
    }
}

#[test]
fn a_network_that_cannot_be_loaded_is_named() {
    let catalog = Arc::new(Catalog::open(None).unwrap());
    let mut analyzer = FaceAnalyzer::new(Arc::new(Refusing), catalog, AnalyzerOptions::LIVE);
    let size = FrameSize {
        width: 2,
        height: 2,
    };
    let view = RgbView::new(&[0; 12], size).unwrap();
    let error = analyzer
        .detect(view, &grant().count().unwrap())
        .unwrap_err();
    assert!(matches!(
        error,
        AnalysisError::Load {
            model: "yunet-2023mar",
            ..
        }
    ));
}
