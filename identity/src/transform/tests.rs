use proptest::prelude::*;
use regard_commitments::{Grant, Recognition};

use super::*;
use crate::ModelTag;

const MODEL: ModelTag = ModelTag::from_bits(5);

fn transform(seed: u8, dimension: usize) -> GalleryTransform {
    GalleryTransform::from_key(&[seed; 32], dimension).unwrap()
}

#[test]
fn rows_are_at_right_angles() {
    for dimension in [1, 2, 3, 64, 128, 256] {
        let transform = transform(9, dimension);
        for (i, a) in transform.matrix.chunks_exact(dimension).enumerate() {
            for (j, b) in transform.matrix.chunks_exact(dimension).enumerate() {
                let product: f64 = a
                    .iter()
                    .zip(b)
                    .map(|(x, y)| f64::from(*x) * f64::from(*y))
                    .sum();
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!(
                    (product - expected).abs() < 1e-5,
                    "{dimension}: {i} {j} {product}"
                );
            }
        }
    }
    assert!(GalleryTransform::from_key(&[0; 32], 0).is_none());
    assert!(GalleryTransform::from_key(&[0; 32], MAX_DIMENSION + 1).is_none());
}

/// A template that somebody holds must mean the same on every machine and in every version.
#[test]
fn a_key_gives_the_same_matrix_for_ever() {
    let transform = GalleryTransform::from_key(&[42; 32], 128).unwrap();
    let mut hash = Sha256::new();
    for value in transform.matrix.iter() {
        hash.update(value.to_bits().to_le_bytes());
    }
    let text: String = hash.finalize()[..8]
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert_eq!(
        (text.as_str(), transform.id().as_bits()),
        ("1e618368f8e729db", 11_617_561_259_928_579_154)
    );
}

#[test]
fn other_keys_give_other_numbers() {
    let (a, b) = (transform(1, 128), transform(2, 128));
    assert_ne!(a.id(), b.id());
    assert_ne!(a.matrix, b.matrix);
    assert!(!format!("{a:?}").contains("0."));
}

#[test]
fn entries_are_spread_as_those_of_a_random_turn() {
    // Entries of a random orthogonal matrix of 128 rows have variance 1/128 and kurtosis 3 · 128 / 130.
    let transform = transform(3, 128);
    let n = transform.matrix.len() as f64;
    let moment = |power: i32| {
        transform
            .matrix
            .iter()
            .map(|v| f64::from(*v).powi(power))
            .sum::<f64>()
            / n
    };
    assert!(moment(1).abs() < 3.0 * (1.0 / 128.0_f64).sqrt() / n.sqrt());
    let kurtosis = moment(4) / (moment(2) * moment(2));
    assert!((kurtosis - 3.0 * 128.0 / 130.0).abs() < 0.15, "{kurtosis}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn angles_stay(
        key in any::<[u8; 32]>(),
        a in prop::collection::vec(-1.0_f32..1.0, 128), b in prop::collection::vec(-1.0_f32..1.0, 128),
    ) {
        let grant = Grant::<Recognition>::for_evaluation();
        let transform = GalleryTransform::from_key(&key, 128).unwrap();
        let (a, b) = (Embedding::new(a, MODEL).unwrap(), Embedding::new(b, MODEL).unwrap());
        let truth = a.similarity(&b, &grant).unwrap().get();
        let (a, b) = (transform.turn(&a).unwrap(), transform.turn(&b).unwrap());
        prop_assert!((dot(&a, &b) - truth).abs() < 1e-5);
        prop_assert!((dot(&a, &a) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn going_over_is_as_good_as_enrolling_anew(
        values in prop::collection::vec(-1.0_f32..1.0, 128), keys in any::<[[u8; 32]; 2]>(),
    ) {
        let grant = Grant::<Recognition>::for_evaluation();
        let [old, new] = keys.map(|key| GalleryTransform::from_key(&key, 128).unwrap());
        let embedding = Embedding::new(values, MODEL).unwrap();
        let way = old.way_to(&new).unwrap();
        let gone_over = way.template(&old.template(&embedding).unwrap()).unwrap();
        let anew = new.template(&embedding).unwrap();
        prop_assert_eq!(gone_over.transform(), new.id());
        prop_assert!(gone_over.similarity(&anew, &grant).unwrap().get() > 0.9998);
        prop_assert!(way.template(&anew).is_none());
    }
}
