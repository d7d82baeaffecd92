use proptest::prelude::*;
use regard_domain::{PersonId, TemplateId};

use super::decision::{fmr_of_fpir, fpir_of_fmr};
use super::*;
use crate::{Hit, SearchAnswer};

const TEXT: &str = r#"
model = "m"
sha256 = "0123456789abcdef"
data = "made up"
[likelihood]
slope = 40.0
offset = -12.0
[[point]]
fmr = 1e-2
threshold = 0.3
low = 0.29
high = 0.31
fnmr = 0.01
fnmr_low = 0.005
fnmr_high = 0.02
[[point]]
fmr = 1e-4
threshold = 0.4
low = 0.38
high = 0.42
fnmr = 0.03
fnmr_low = 0.02
fnmr_high = 0.04
[[point]]
fmr = 1e-8
threshold = 0.6
low = 0.55
high = 0.7
extrapolated = true
fnmr = 0.3
fnmr_low = 0.2
fnmr_high = 0.4
"#;

fn scale() -> MatchScale {
    MatchScale::parse(TEXT).unwrap()
}

fn similarity(value: f32) -> Similarity {
    Similarity::new(value).unwrap()
}

#[test]
fn thresholds_lie_between_the_rows() {
    let at = |rate: f64| scale().threshold(TargetRate::new(rate).unwrap());
    let middle = at(1e-3);
    assert!((middle.similarity.get() - 0.35).abs() < 1e-6);
    assert!((middle.fmr.value - 1e-3).abs() < 1e-6);
    assert!((middle.fnmr.value - 0.02).abs() < 1e-6);
    assert!(middle.fmr.low < 1e-3 && 1e-3 < middle.fmr.high);
    assert!(!middle.fmr.is_extrapolated);
    let rare = at(1e-6);
    assert!(rare.fmr.is_extrapolated);
    assert!((rare.similarity.get() - 0.5).abs() < 1e-6);
    assert!(rare.interval.0 < rare.similarity && rare.similarity < rare.interval.1);
    // Beyond the last row the scale is silent, and says which rate its last threshold has.
    let rarest = at(1e-12);
    assert!((rarest.similarity.get() - 0.6).abs() < 1e-6);
    assert!((rarest.fmr.value / 1e-8 - 1.0).abs() < 1e-3);
}

#[test]
fn what_is_out_of_order_is_no_scale() {
    for (from, to) in [
        ("fmr = 1e-4", "fmr = 1e-1"),
        ("threshold = 0.4", "threshold = 0.2"),
        ("low = 0.38", "low = 0.41"),
        ("fnmr = 0.03", "fnmr = 0.001"),
        ("slope = 40.0", "slope = -1.0"),
        ("0123456789abcdef", "x"),
        ("extrapolated = true", "guessed = true"),
    ] {
        assert!(MatchScale::parse(&TEXT.replace(from, to)).is_err(), "{to}");
    }
}

#[test]
fn the_enclosed_scale_is_that_of_the_enclosed_model() {
    let scale = MatchScale::built_in();
    let catalog = regard_inference::Catalog::open(None).unwrap();
    let entry = catalog.entry(crate::EMBEDDING_MODEL).unwrap();
    assert_eq!(
        ModelTag::from_sha256_text(&entry.sha256),
        Some(scale.model())
    );
    for target in [
        TargetRate::ONE_IN_1_000,
        TargetRate::ONE_IN_10_000,
        TargetRate::ONE_IN_100_000,
    ] {
        assert!(!scale.threshold(target).fmr.is_extrapolated);
    }
    let rare = scale.threshold(TargetRate::ONE_IN_1_000_000);
    assert!(rare.fmr.is_extrapolated);
    assert!(rare.fmr.low < 1e-6 && 1e-6 < rare.fmr.high);
}

#[test]
fn a_search_asks_more_the_more_are_enrolled() {
    let hit = Hit {
        person: PersonId::from_bits(1),
        template: TemplateId::from_bits(1),
        similarity: similarity(0.45),
    };
    let answer = |n_persons| SearchAnswer {
        hits: vec![hit],
        n_persons,
    };
    let target = TargetRate::new(0.01).unwrap();
    let few = scale().identify(&answer(10), target);
    assert_eq!(few.known, Some(hit));
    assert!((few.fpir.value - 0.01).abs() < 1e-4);
    let many = scale().identify(&answer(100_000), target);
    assert_eq!(many.known, None);
    assert!(many.threshold.similarity > few.threshold.similarity);
    assert!(many.fpir.is_extrapolated && many.fnir.value > few.fnir.value);
    let nobody = SearchAnswer::of_nobody(0);
    assert_eq!(scale().identify(&nobody, target).known, None);
}

#[test]
fn rates_of_many_comparisons_agree_with_multiplying_out() {
    for (fmr, n) in [(1e-3, 10_u64), (1e-6, 1_000), (0.05, 3)] {
        let mut none = 1.0_f64;
        for _ in 0..n {
            none *= 1.0 - fmr;
        }
        let fpir = fpir_of_fmr(fmr, n);
        assert!((fpir - (1.0 - none)).abs() < 1e-9, "{fmr} {n}");
        assert!((fmr_of_fpir(fpir, n) / fmr - 1.0).abs() < 1e-9);
    }
}

#[test]
fn scores_of_foreign_interfaces_have_their_operating_point() {
    let (scale, target) = (scale(), TargetRate::ONE_IN_10_000);
    assert!((scale.unit_score(similarity(0.4), target) - 0.5).abs() < 1e-6);
    assert!((scale.percent_score(similarity(0.4), target) - 80.0).abs() < 1e-3);
    // A hundred times rarer: 1e-6 at .5.
    assert!((scale.unit_score(similarity(0.5), target) - 0.9).abs() < 1e-4);
}

proptest! {
    #[test]
    fn everything_rises_or_falls_with_the_similarity(a in -1.0_f32..1.0, b in -1.0_f32..1.0) {
        let (scale, even) = (scale(), Probability::clamped(0.5));
        let (less, more) = (similarity(a.min(b)), similarity(a.max(b)));
        prop_assert!(scale.fmr_at(less).value >= scale.fmr_at(more).value);
        prop_assert!(scale.fnmr_at(less).value <= scale.fnmr_at(more).value);
        prop_assert!(scale.probability(less, even) <= scale.probability(more, even));
        let target = TargetRate::ONE_IN_1_000;
        prop_assert!(scale.unit_score(less, target) <= scale.unit_score(more, target));
        let rate = scale.fmr_at(more);
        prop_assert!(rate.low <= rate.value && rate.value <= rate.high);
    }

    #[test]
    fn a_score_and_its_similarity_belong_together(score in 0.05_f32..0.95) {
        let (scale, target) = (scale(), TargetRate::ONE_IN_1_000);
        let there = scale.similarity_of_unit_score(score, target);
        prop_assert!((scale.unit_score(there, target) - score).abs() < 1e-3);
        let there = scale.similarity_of_percent_score(score * 100.0, target);
        prop_assert!((scale.percent_score(there, target) - score * 100.0).abs() < 0.1);
    }

    #[test]
    fn a_surer_prior_is_a_surer_answer(s in -1.0_f32..1.0, a in 0.01_f32..0.99, b in 0.01_f32..0.99) {
        let scale = scale();
        let of = |prior: f32| scale.probability(similarity(s), Probability::clamped(prior)).get();
        prop_assert!(of(a.min(b)) <= of(a.max(b)));
    }
}
