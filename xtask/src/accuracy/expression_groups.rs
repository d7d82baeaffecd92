//! For which pictures expressions are told less well.
//!
//! No set of faces at hand says of what descent, age or sex the people are, and reading that from a face is what the
//! program must never do. What is left are groups of pictures: what the face shows, and how bright, how rich in contrast
//! and how sharp its picture is. That finds light and lenses that serve some people worse; it says nothing about whom.

use std::collections::BTreeMap;

use regard_domain::{Expression, ExpressionDistribution};
use regard_vision::RgbView;

use super::Report;

/// What can be measured of the picture of a face without saying anything about the person.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Traits {
    /// Mean luma, 0 to 255.
    pub brightness: f64,
    /// Standard deviation of luma.
    pub contrast: f64,
    /// Standard deviation of the Laplacian of luma, in shares of the contrast: without that, it would be contrast again.
    pub sharpness: f64,
}

impl Traits {
    /// Of a picture that is a face and nothing else.
    pub(super) fn of(view: RgbView<'_>) -> Self {
        let (width, height) = (view.size().width as usize, view.size().height as usize);
        // Origin of the weights: ITU-R BT.601.
        let luma: Vec<f64> = view
            .pixels()
            .chunks_exact(3)
            .map(|p| 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]))
            .collect();
        let (brightness, contrast) = mean_and_deviation(&luma);
        let at = |x: usize, y: usize| luma[y * width + x];
        let inner = (1..height.saturating_sub(1))
            .flat_map(|y| (1..width.saturating_sub(1)).map(move |x| (x, y)));
        let laplacian: Vec<f64> = inner
            .map(|(x, y)| {
                at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1) - 4.0 * at(x, y)
            })
            .collect();
        let (_, edges) = mean_and_deviation(&laplacian);
        Self {
            brightness,
            contrast,
            sharpness: edges / contrast.max(1.0),
        }
    }
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    (mean, square.sqrt())
}

/// A face of the test part: what was said of it, what its label is, and what its picture is like.
pub(super) type Case = (ExpressionDistribution, Expression, Traits);

fn is_right((said, label, _): &Case) -> bool {
    said.likeliest().0 == *label
}

/// Accuracy in every group.
pub(super) fn report(cases: &[Case]) -> Report {
    let mut metrics = BTreeMap::new();
    for expression in Expression::ALL {
        let shown: Vec<&Case> = cases.iter().filter(|case| case.1 == expression).collect();
        let n_called = cases
            .iter()
            .filter(|c| c.0.likeliest().0 == expression)
            .count();
        let n_right = shown.iter().filter(|case| is_right(case)).count();
        let name = expression.name();
        metrics.insert(format!("n_{name}"), shown.len() as f64);
        metrics.insert(
            format!("found_{name}"),
            super::expression::share(n_right, shown.len()),
        );
        metrics.insert(
            format!("right_{name}"),
            super::expression::share(n_right, n_called),
        );
    }
    let picks: [(&str, [&str; 3], fn(&Traits) -> f64); 3] = [
        ("brightness", ["dark", "medium", "bright"], |t| t.brightness),
        ("contrast", ["flat", "medium", "rich"], |t| t.contrast),
        ("sharpness", ["soft", "medium", "sharp"], |t| t.sharpness),
    ];
    for (trait_name, thirds, pick) in picks {
        let mut sorted: Vec<&Case> = cases.iter().collect();
        sorted.sort_by(|a, b| pick(&a.2).total_cmp(&pick(&b.2)));
        let bounds = [0, cases.len() / 3, cases.len() * 2 / 3, cases.len()];
        let mut balanced = Vec::new();
        for (third, name) in thirds.iter().enumerate() {
            let group = &sorted[bounds[third]..bounds[third + 1]];
            let n_right = group.iter().filter(|case| is_right(case)).count();
            let key = format!("{trait_name}_{name}");
            metrics.insert(key.clone(), super::expression::share(n_right, group.len()));
            let mean_found = balanced_accuracy(group);
            metrics.insert(format!("{key}_balanced"), mean_found);
            balanced.push(mean_found);
            if third > 0 {
                let from = group.first().map_or(0.0, |case| pick(&case.2));
                metrics.insert(format!("{key}_from"), from);
            }
        }
        let most = balanced.iter().copied().fold(0.0, f64::max);
        let least = balanced.iter().copied().fold(1.0, f64::min);
        metrics.insert(format!("{trait_name}_gap"), most - least);
    }
    Report {
        name: "expression-fer2013-groups".to_owned(),
        metrics,
        n: cases.len() as u64,
    }
}

/// Mean over the classes of the share found: bright pictures hold more happy faces, which are easy, and that must not pass
/// for an effect of light.
fn balanced_accuracy(group: &[&Case]) -> f64 {
    let shares: Vec<f64> = Expression::ALL
        .iter()
        .filter_map(|expression| {
            let shown: Vec<&&Case> = group.iter().filter(|case| case.1 == *expression).collect();
            let n_right = shown.iter().filter(|case| is_right(case)).count();
            (!shown.is_empty()).then(|| super::expression::share(n_right, shown.len()))
        })
        .collect();
    shares.iter().sum::<f64>() / shares.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use regard_domain::FrameSize;

    use super::*;

    fn traits_of(luma: &[u8], width: u32) -> Traits {
        let pixels: Vec<u8> = luma.iter().flat_map(|v| [*v; 3]).collect();
        let height = luma.len() as u32 / width;
        Traits::of(RgbView::new(&pixels, FrameSize { width, height }).unwrap())
    }

    #[test]
    fn traits_by_hand() {
        let even = traits_of(&[100; 16], 4);
        assert!((even.brightness - 100.0).abs() < 1e-9, "{even:?}");
        assert!(even.contrast < 1e-6 && even.sharpness < 1e-6, "{even:?}");
        // Half black and half white: deviation 127.5, whatever the order; fine stripes are sharper than coarse ones.
        let fine: Vec<u8> = (0..64).map(|i| if i % 2 == 0 { 0 } else { 255 }).collect();
        let coarse: Vec<u8> = (0..64).map(|i| if i % 8 < 4 { 0 } else { 255 }).collect();
        let (fine, coarse) = (traits_of(&fine, 8), traits_of(&coarse, 8));
        assert!((fine.contrast - 127.5).abs() < 1e-6 && (coarse.contrast - 127.5).abs() < 1e-6);
        assert!(
            fine.sharpness > 2.0 * coarse.sharpness,
            "{fine:?} {coarse:?}"
        );
    }

    #[test]
    fn groups_by_hand() {
        let case = |said: usize, label: Expression, brightness: f64| -> Case {
            let mut weights = [0.0; 7];
            weights[said] = 1.0;
            let traits = Traits {
                brightness,
                contrast: brightness,
                sharpness: brightness,
            };
            (
                ExpressionDistribution::from_weights(weights).unwrap(),
                label,
                traits,
            )
        };
        let index = |e: Expression| Expression::ALL.iter().position(|x| *x == e).unwrap();
        let (happy, sad) = (Expression::Happy, Expression::Sad);
        let cases = [
            case(index(sad), happy, 10.0),
            case(index(sad), sad, 11.0),
            case(index(happy), happy, 50.0),
            case(index(happy), sad, 51.0),
            case(index(happy), happy, 90.0),
            case(index(sad), sad, 91.0),
        ];
        let report = report(&cases);
        let metric = |name: &str| report.metrics[name];
        assert_eq!(report.n, 6);
        assert_eq!(metric("n_happy"), 3.0);
        assert!((metric("found_happy") - 2.0 / 3.0).abs() < 1e-9);
        assert!((metric("right_happy") - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(metric("brightness_dark"), 0.5);
        assert_eq!(metric("brightness_bright_balanced"), 1.0);
        assert_eq!(metric("brightness_bright_from"), 90.0);
        assert_eq!(metric("brightness_gap"), 0.5);
    }
}
