//! For which pictures expressions are told less well.
//!
//! No set of faces at hand says of what descent, age or sex the people are, and reading that from a face is what the
//! program must never do. What is left are groups of pictures: what the face shows, and how sharp its picture is; and the
//! same pictures once more, darker, flatter and smaller. That finds light and lenses that serve people worse; it says nothing
//! about whom.

use std::collections::BTreeMap;

use regard_domain::{Expression, ExpressionDistribution};
use regard_vision::RgbView;

use super::Report;
use super::expression::share;

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

/// A trait of a picture, and its name.
type Pick = (&'static str, fn(&Traits) -> f64);

const PICKS: [Pick; 2] = [
    ("brightness", |t| t.brightness),
    ("contrast", |t| t.contrast),
];

/// What is done to a picture to see what that costs; the name says what a camera would have done.
type Change = (&'static str, fn(f64) -> f64, usize);

/// Origin: a quarter of the light is what backlight leaves of a face; faces of 24 and 16 pixels are those of people who walk by at
/// ten metres and more.
const CHANGES: [Change; 7] = [
    ("unchanged", |v| v, 1),
    ("half_the_light", |v| v * 0.5, 1),
    ("quarter_of_the_light", |v| v * 0.25, 1),
    ("overexposed", |v| v.mul_add(0.5, 128.0), 1),
    (
        "quarter_of_the_contrast",
        |v| (v - 128.0).mul_add(0.25, 128.0),
        1,
    ),
    ("face_of_24_pixels", |v| v, 2),
    ("face_of_16_pixels", |v| v, 3),
];

/// How the same faces are told once their pictures are changed, by the name of the change.
pub(super) type Changed = BTreeMap<&'static str, Vec<Case>>;

/// Every change of a picture, with its name.
pub(super) fn changed(view: RgbView<'_>) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    CHANGES
        .iter()
        .map(move |(name, tone, block)| (*name, altered(view, *tone, *block)))
}

/// A picture with another tone, of which every block of so many pixels is one.
fn altered(view: RgbView<'_>, tone: fn(f64) -> f64, block: usize) -> Vec<u8> {
    let (width, height) = (view.size().width as usize, view.size().height as usize);
    let pixels = view.pixels();
    let mut out = vec![0; pixels.len()];
    for (at, byte) in out.iter_mut().enumerate() {
        let (channel, x, y) = (at % 3, at / 3 % width, at / 3 / width);
        let (left, top) = (x / block * block, y / block * block);
        let inside = (top..(top + block).min(height))
            .flat_map(|y| (left..(left + block).min(width)).map(move |x| (y * width + x) * 3));
        let (sum, n) = inside.fold((0.0, 0.0), |(sum, n), i| {
            (sum + f64::from(pixels[i + channel]), n + 1.0)
        });
        *byte = tone(sum / n).round().clamp(0.0, 255.0) as u8;
    }
    out
}

/// Accuracy in every group, and what changes of the picture cost.
pub(super) fn report(cases: &[Case], changed: &Changed) -> Report {
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
        metrics.insert(format!("found_{name}"), share(n_right, shown.len()));
        metrics.insert(format!("right_{name}"), share(n_right, n_called));
    }
    by_sharpness(cases, &mut metrics);
    // The files of this set are equalised: what is left of brightness and contrast is here to be seen, and no group is made of
    // it. Light is tried by changing the pictures instead.
    for (name, pick) in PICKS {
        let mut values: Vec<f64> = cases.iter().map(|case| pick(&case.2)).collect();
        values.sort_by(f64::total_cmp);
        for (part, of) in [("tenth", 1), ("ninth_tenth", 9)] {
            let value = values.get(values.len() * of / 10).copied().unwrap_or(0.0);
            metrics.insert(format!("{name}_{part}"), value);
        }
    }
    let (before, n_tried) = changed.get("unchanged").map_or((0.0, 0), |said| {
        (
            balanced_accuracy(&said.iter().collect::<Vec<_>>()),
            said.len(),
        )
    });
    metrics.insert("n_changed".to_owned(), n_tried as f64);
    for (name, said) in changed {
        let after = balanced_accuracy(&said.iter().collect::<Vec<_>>());
        metrics.insert(format!("changed_{name}_balanced"), after);
        if *name != "unchanged" {
            metrics.insert(format!("changed_{name}_lost"), before - after);
        }
    }
    Report {
        name: "expression-fer2013-groups".to_owned(),
        metrics,
        n: cases.len() as u64,
    }
}

fn by_sharpness(cases: &[Case], metrics: &mut BTreeMap<String, f64>) {
    let mut sorted: Vec<&Case> = cases.iter().collect();
    sorted.sort_by(|a, b| a.2.sharpness.total_cmp(&b.2.sharpness));
    let bounds = [0, cases.len() / 3, cases.len() * 2 / 3, cases.len()];
    let mut balanced = Vec::new();
    for (third, name) in ["soft", "medium", "sharp"].into_iter().enumerate() {
        let group = &sorted[bounds[third]..bounds[third + 1]];
        let n_right = group.iter().filter(|case| is_right(case)).count();
        let mean_found = balanced_accuracy(group);
        balanced.push(mean_found);
        let from = group.first().map_or(0.0, |case| case.2.sharpness);
        metrics.insert(format!("sharpness_{name}"), share(n_right, group.len()));
        metrics.insert(format!("sharpness_{name}_balanced"), mean_found);
        metrics.insert(format!("sharpness_{name}_from"), from);
    }
    let most = balanced.iter().copied().fold(0.0, f64::max);
    let least = balanced.iter().copied().fold(1.0, f64::min);
    metrics.insert("sharpness_gap".to_owned(), most - least);
}

/// Mean over the classes of the share found: a group may hold more happy faces, which are easy, and that must not pass for
/// an effect of the picture.
fn balanced_accuracy(group: &[&Case]) -> f64 {
    let shares: Vec<f64> = Expression::ALL
        .iter()
        .filter_map(|expression| {
            let shown: Vec<&&Case> = group.iter().filter(|case| case.1 == *expression).collect();
            let n_right = shown.iter().filter(|case| is_right(case)).count();
            (!shown.is_empty()).then(|| share(n_right, shown.len()))
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
        let changed = Changed::from([
            ("unchanged", cases.to_vec()),
            ("half_the_light", cases[..2].to_vec()),
        ]);
        let report = report(&cases, &changed);
        let metric = |name: &str| report.metrics[name];
        assert_eq!(report.n, 6);
        assert_eq!(metric("n_happy"), 3.0);
        assert!((metric("found_happy") - 2.0 / 3.0).abs() < 1e-9);
        assert!((metric("right_happy") - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(metric("sharpness_soft"), 0.5);
        assert_eq!(metric("sharpness_sharp_balanced"), 1.0);
        assert_eq!(metric("sharpness_sharp_from"), 90.0);
        assert_eq!(metric("sharpness_gap"), 0.5);
        assert_eq!(metric("brightness_ninth_tenth"), 91.0);
        assert_eq!(metric("n_changed"), 6.0);
        // Two thirds of each of the two classes are found; in the dark half of one pair.
        let lost = 2.0 / 3.0 - 0.5;
        assert!((metric("changed_half_the_light_lost") - lost).abs() < 1e-9);
    }

    #[test]
    fn changes_by_hand() {
        let pixels: Vec<u8> = [0, 100, 200, 40].iter().flat_map(|v| [*v; 3]).collect();
        let size = FrameSize {
            width: 2,
            height: 2,
        };
        let view = RgbView::new(&pixels, size).unwrap();
        let of = |name: &str| changed(view).find(|one| one.0 == name).unwrap().1;
        assert_eq!(of("unchanged"), pixels);
        assert_eq!(of("half_the_light")[3], 50);
        assert_eq!(of("overexposed")[0], 128);
        assert_eq!(of("quarter_of_the_contrast")[6], 146);
        assert_eq!(of("face_of_24_pixels"), [85; 12]);
    }
}
