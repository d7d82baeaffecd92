//! A small model, for tests and for `fuzz/`.

use super::*;
use crate::learn::conformal::Promise;
use crate::learn::embedder::NetworkNote;

/// Two classes in two dimensions.
pub(crate) fn model() -> LearnedModel {
    let note = ModelNote {
        classes: vec!["cola".to_owned(), "water".to_owned()],
        network: NetworkNote {
            name: "builtin:descriptor".to_owned(),
            sha256: "1".to_owned(),
            licence: "MIT".to_owned(),
            preprocessing: None,
            output: None,
        },
        head: "prototypes".to_owned(),
        temperature: 0.05,
        error: 0.1,
        promise: Promise::Overall,
        n_taught: 6,
        n_calibrating: 20,
        n_tested: 2,
        n_moved: 0,
        tested_error: Some(0.0),
        seed: 1,
    };
    let cases = (0..20)
        .map(|i| Case {
            class: i % 2,
            taken_for: i % 2,
            misfit: 0.01 * i as f32,
            distance: 0.02 * i as f32,
            doubt: 0.01 * i as f32,
            nearest: 0.02 * i as f32,
        })
        .collect();
    LearnedModel {
        note,
        head: Linear {
            dim: 2,
            weights: vec![1.0, 0.0, 0.0, 1.0],
            bias: vec![0.0; 2],
        },
        centers: Centers {
            dim: 2,
            ends: vec![1, 3],
            values: vec![1.0, 0.0, 0.0, 1.0, -0.6, 0.8],
        },
        calibration: Calibration::new(cases, 2),
    }
}
