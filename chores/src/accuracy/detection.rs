//! How well faces are found: average precision on WIDER FACE images, against a reference run.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use regard_domain::{BBox, Score};
use regard_vision::{AnalyzerOptions, DetectorOptions, Photo};

use super::Report;
use super::looking::{analyzer, grant, number, read_csv};

/// Overlap from which a detection counts as the face.
const MATCH_IOU: f32 = 0.5;

/// The detector on the same 100 files with ONNX Runtime 1.x: input 416 x 416 without scaling,
/// score from .02, NMS .3, average precision over all points as below. Computed once in Python
/// from `yunet_2023mar.onnx`; easy, medium, hard.
pub(crate) const REFERENCE_AP: [(&str, f64); 3] =
    [("easy", 0.6868), ("medium", 0.5842), ("hard", 0.3124)];

/// A face of the truth, or an area that neither counts for nor against.
struct Truth {
    bbox: BBox,
    /// In the order of [`REFERENCE_AP`].
    levels: [bool; 3],
}

/// Average precision on `widerface` under `data`; nothing when it is not there.
pub(crate) fn run(data: &Path) -> Result<Option<Report>> {
    let folder = data.join("widerface");
    let table = folder.join("gt.csv");
    if !table.is_file() {
        return Ok(None);
    }
    let mut images: BTreeMap<String, (f32, f32, Vec<Truth>)> = BTreeMap::new();
    for row in read_csv(&table)? {
        let file = row.get("file").context("no column file")?.clone();
        let size = (number(&row, "orig_w")?, number(&row, "orig_h")?);
        let entry = images.entry(file).or_insert((size.0, size.1, Vec::new()));
        let side = |name| number(&row, name);
        // Some rows of the set are empty boxes.
        if let Some(bbox) = BBox::new(side("x")?, side("y")?, side("w")?, side("h")?) {
            let level = |name| row.get(name).is_some_and(|v| v == "1");
            entry.2.push(Truth {
                bbox,
                levels: [level("easy"), level("medium"), level("hard")],
            });
        }
    }
    let mut analyzer = analyzer(AnalyzerOptions {
        detector: DetectorOptions {
            long_side_px: 416,
            enlarge: false,
            score_floor: 0.02,
            nms_iou: 0.3,
            full_resolution: false,
        },
        ..AnalyzerOptions::PHOTO
    })?;
    let grant = grant()?;
    let key = grant.count().context("counting is granted")?;
    let mut found = Vec::new();
    for (file, (width, height, truths)) in &images {
        let photo = Photo::open(&folder.join("images").join(file))
            .with_context(|| format!("{file} of widerface"))?;
        let size = photo.size();
        let (fx, fy) = (width / size.width as f32, height / size.height as f32);
        let faces = analyzer.detect(photo.view(), &key)?;
        let detections: Option<Vec<(BBox, Score)>> = faces
            .iter()
            .map(|f| Some((f.bbox_in_frame.scaled(fx, fy)?, f.score)))
            .collect();
        let Some(detections) = detections else {
            bail!("{file}: a box could not be scaled back");
        };
        found.push((detections, truths));
    }
    let mut metrics = BTreeMap::new();
    for (level, (name, reference)) in REFERENCE_AP.into_iter().enumerate() {
        let ap = average_precision(&found, level);
        metrics.insert(format!("ap_{name}"), ap);
        metrics.insert(format!("ap_{name}_minus_reference"), ap - reference);
    }
    Ok(Some(Report {
        name: "detection-widerface".to_owned(),
        metrics,
        n: images.len() as u64,
    }))
}

/// What was found in one picture, and what is there.
type Judged<'a> = (Vec<(BBox, Score)>, &'a Vec<Truth>);

/// Area under precision over recall, precision made monotone (as VOC 2010 counts). Detections of
/// faces of other levels count neither way.
fn average_precision(found: &[Judged<'_>], level: usize) -> f64 {
    let mut outcomes: Vec<(f32, bool)> = Vec::new();
    let mut n_positives = 0_usize;
    for (detections, truths) in found {
        n_positives += truths.iter().filter(|t| t.levels[level]).count();
        let mut is_taken = vec![false; truths.len()];
        for (bbox, score) in detections {
            let best = (0..truths.len())
                .filter(|i| !is_taken[*i])
                .map(|i| (i, truths[i].bbox.iou(bbox)))
                .reduce(|a, b| if b.1 > a.1 { b } else { a });
            match best {
                Some((i, iou)) if iou >= MATCH_IOU => {
                    is_taken[i] = true;
                    if truths[i].levels[level] {
                        outcomes.push((score.get(), true));
                    }
                }
                _ => outcomes.push((score.get(), false)),
            }
        }
    }
    outcomes.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut curve = Vec::with_capacity(outcomes.len());
    let (mut n_true, mut n_all) = (0.0_f64, 0.0_f64);
    for (_, is_true) in outcomes {
        n_all += 1.0;
        n_true += f64::from(u8::from(is_true));
        curve.push((n_true / n_positives.max(1) as f64, n_true / n_all));
    }
    let mut area = 0.0;
    let mut best_precision = 0.0_f64;
    let mut right = curve.last().map_or(0.0, |p| p.0);
    for (recall, precision) in curve.into_iter().rev() {
        if recall < right {
            area += (right - recall) * best_precision;
            right = recall;
        }
        best_precision = best_precision.max(precision);
    }
    area + right * best_precision
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32) -> BBox {
        BBox::new(x, 0.0, 10.0, 10.0).unwrap()
    }

    #[test]
    fn precision_by_hand() {
        let truth = |x, counts| Truth {
            bbox: at(x),
            levels: [counts; 3],
        };
        let truths = vec![truth(0.0, true), truth(100.0, true), truth(200.0, false)];
        let score = |v| Score::new(v).unwrap();
        // Right, wrong, of another level, right, twice the same.
        let detections = vec![
            (at(1.0), score(0.9)),
            (at(50.0), score(0.8)),
            (at(200.0), score(0.7)),
            (at(99.0), score(0.6)),
            (at(0.0), score(0.5)),
        ];
        // Recall 1/2 at precision 1, recall 1 at 2/3.
        let ap = average_precision(&[(detections, &truths)], 0);
        assert!((ap - (0.5 + 0.5 * 2.0 / 3.0)).abs() < 1e-9, "{ap}");
        assert_eq!(average_precision(&[(Vec::new(), &truths)], 0), 0.0);
    }

    #[test]
    fn within_a_hundredth_of_the_reference() {
        let Some(report) = run(&super::super::data_dir()).unwrap() else {
            println!("skipped: no widerface under REGARD_EVAL_DATA");
            return;
        };
        for (name, _) in REFERENCE_AP {
            let difference = report.metrics[&format!("ap_{name}_minus_reference")];
            assert!(difference.abs() <= 0.01, "{report:?}");
        }
    }
}
