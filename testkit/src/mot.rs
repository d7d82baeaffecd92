//! CLEAR-MOT, IDF1 and HOTA of a tracker's output against ground truth.

use std::collections::BTreeMap;

use regard_domain::BBox;

/// Overlap from which a hypothesis may stand for an object, as in the MOT challenge.
const MATCH_IOU: f32 = 0.5;

/// One box with its identity; what the identity is called does not matter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MotBox {
    /// Frame, from 1 by custom.
    pub frame: u32,
    /// Identity within its file.
    pub id: u64,
    /// Box in frame pixels.
    pub bbox: BBox,
    /// Seventh column: detector score, or for ground truth whether to count it.
    pub score: f32,
}

/// Reads the comma-separated form of the MOT challenge: frame, id, left, top, width, height, score.
/// Ids of −1 (detections) become 0. Nothing when a line is malformed.
pub fn parse_mot(text: &str) -> Option<Vec<MotBox>> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let mut cells = line.split(',').map(|cell| cell.trim().parse::<f32>().ok());
            let mut next = || cells.next().flatten();
            let (frame, id) = (next()?, next()?);
            Some(MotBox {
                frame: frame as u32,
                id: id.max(0.0) as u64,
                bbox: BBox::new(next()?, next()?, next()?, next()?)?,
                score: next()?,
            })
        })
        .collect()
}

/// The standard measures. Ratios may be negative (MOTA) and are NaN when there is nothing to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MotSummary {
    /// `1 − (false positives + misses + switches) / objects`; greater is better, at most 1.
    pub mota: f64,
    /// Mean overlap of the matched pairs, in `[0.5, 1]`; greater is better.
    pub motp_iou: f64,
    /// Hypotheses that stand for nothing.
    pub n_false_positives: u64,
    /// Objects that nothing stands for.
    pub n_misses: u64,
    /// Objects whose hypothesis is another than last time.
    pub n_switches: u64,
    /// Objects in all frames.
    pub n_objects: u64,
    /// Share of boxes that carry the right identity under the best one-to-one mapping, in `[0, 1]`.
    pub idf1: f64,
    /// Geometric mean of detection and association, averaged over overlaps .05 to .95, in `[0, 1]`.
    pub hota: f64,
}

/// Boxes of both sides by frame.
type Frames<'a> = BTreeMap<u32, (Vec<&'a MotBox>, Vec<&'a MotBox>)>;

fn by_frame<'a>(truth: &'a [MotBox], output: &'a [MotBox]) -> Frames<'a> {
    let mut frames = Frames::new();
    for object in truth {
        frames.entry(object.frame).or_default().0.push(object);
    }
    for hypothesis in output {
        frames
            .entry(hypothesis.frame)
            .or_default()
            .1
            .push(hypothesis);
    }
    frames
}

/// Scores a tracker's output.
///
/// # Source
/// Bernardin and Stiefelhagen 2008 (CLEAR-MOT: a correspondence of the frame before is kept while
/// it overlaps enough, the rest is matched at the least total distance); Ristani et al. 2016
/// (IDF1); Luiten et al. 2020 (HOTA).
pub fn score_mot(truth: &[MotBox], output: &[MotBox]) -> MotSummary {
    let frames = by_frame(truth, output);
    let clear = clear_mot(&frames);
    let n_objects = truth.len() as u64;
    let errors = clear.n_false_positives + clear.n_misses + clear.n_switches;
    MotSummary {
        mota: 1.0 - errors as f64 / n_objects as f64,
        motp_iou: clear.iou_sum / clear.n_matches as f64,
        n_false_positives: clear.n_false_positives,
        n_misses: clear.n_misses,
        n_switches: clear.n_switches,
        n_objects,
        idf1: idf1(&frames, truth.len(), output.len()),
        hota: hota(&frames, truth, output),
    }
}

#[derive(Default)]
struct Clear {
    n_matches: u64,
    n_false_positives: u64,
    n_misses: u64,
    n_switches: u64,
    iou_sum: f64,
}

fn clear_mot(frames: &Frames<'_>) -> Clear {
    let mut clear = Clear::default();
    // The last hypothesis each object had, however long ago.
    let mut last: BTreeMap<u64, u64> = BTreeMap::new();
    for (objects, hypotheses) in frames.values() {
        let mut object_done = vec![false; objects.len()];
        let mut hypothesis_done = vec![false; hypotheses.len()];
        let mut pairs = Vec::new();
        for (o, object) in objects.iter().enumerate() {
            let kept = hypotheses.iter().position(|h| {
                last.get(&object.id) == Some(&h.id) && object.bbox.iou(&h.bbox) >= MATCH_IOU
            });
            if let Some(h) = kept.filter(|h| !hypothesis_done[*h]) {
                (object_done[o], hypothesis_done[h]) = (true, true);
                pairs.push((o, h));
            }
        }
        let free_objects: Vec<usize> = (0..objects.len()).filter(|o| !object_done[*o]).collect();
        let free_hypotheses: Vec<usize> = (0..hypotheses.len())
            .filter(|h| !hypothesis_done[*h])
            .collect();
        let overlaps = free_objects
            .iter()
            .map(|o| {
                free_hypotheses
                    .iter()
                    .map(|h| f64::from(objects[*o].bbox.iou(&hypotheses[*h].bbox)))
                    .map(|iou| {
                        if iou >= f64::from(MATCH_IOU) {
                            iou
                        } else {
                            FORBIDDEN
                        }
                    })
                    .collect()
            })
            .collect::<Vec<Vec<f64>>>();
        pairs.extend(
            heaviest_pairs(&overlaps, free_hypotheses.len())
                .into_iter()
                .filter(|(o, h)| overlaps[*o][*h] > 0.0)
                .map(|(o, h)| (free_objects[o], free_hypotheses[h])),
        );
        for (o, h) in &pairs {
            let (object, hypothesis) = (objects[*o], hypotheses[*h]);
            clear.iou_sum += f64::from(object.bbox.iou(&hypothesis.bbox));
            let before = last.insert(object.id, hypothesis.id);
            clear.n_switches += u64::from(before.is_some_and(|id| id != hypothesis.id));
        }
        clear.n_matches += pairs.len() as u64;
        clear.n_misses += (objects.len() - pairs.len()) as u64;
        clear.n_false_positives += (hypotheses.len() - pairs.len()) as u64;
    }
    clear
}

/// Weight of a pair that must not be made: worse than any number of good pairs is good.
const FORBIDDEN: f64 = -1e6;

/// The ids of a side, in order.
fn ids<'a>(boxes: impl Iterator<Item = &'a MotBox>) -> BTreeMap<u64, usize> {
    let mut ids: BTreeMap<u64, usize> = boxes.map(|b| (b.id, 0)).collect();
    for (index, place) in ids.values_mut().enumerate() {
        *place = index;
    }
    ids
}

fn idf1(frames: &Frames<'_>, n_truth: usize, n_output: usize) -> f64 {
    let object_ids = ids(frames.values().flat_map(|(o, _)| o.iter().copied()));
    let hypothesis_ids = ids(frames.values().flat_map(|(_, h)| h.iter().copied()));
    let mut together = vec![vec![0.0; hypothesis_ids.len()]; object_ids.len()];
    for (objects, hypotheses) in frames.values() {
        for object in objects {
            for hypothesis in hypotheses {
                if object.bbox.iou(&hypothesis.bbox) >= MATCH_IOU {
                    together[object_ids[&object.id]][hypothesis_ids[&hypothesis.id]] += 1.0;
                }
            }
        }
    }
    // Leaving a pair out costs its boxes on both sides, so the best mapping has most in common.
    let in_common: f64 = heaviest_pairs(&together, hypothesis_ids.len())
        .into_iter()
        .map(|(o, h)| together[o][h])
        .sum();
    2.0 * in_common / (n_truth + n_output) as f64
}

fn hota(frames: &Frames<'_>, truth: &[MotBox], output: &[MotBox]) -> f64 {
    let (object_ids, hypothesis_ids) = (ids(truth.iter()), ids(output.iter()));
    let count = |ids: &BTreeMap<u64, usize>, boxes: &[MotBox]| {
        let mut counts = vec![0.0; ids.len()];
        for b in boxes {
            counts[ids[&b.id]] += 1.0;
        }
        counts
    };
    let (object_counts, hypothesis_counts) =
        (count(&object_ids, truth), count(&hypothesis_ids, output));
    // How well two identities fit over the whole sequence, to which frames are then matched.
    let mut potential = vec![vec![0.0_f64; hypothesis_ids.len()]; object_ids.len()];
    for (objects, hypotheses) in frames.values() {
        let iou = overlap_table(objects, hypotheses);
        for (o, object) in objects.iter().enumerate() {
            for (h, hypothesis) in hypotheses.iter().enumerate() {
                let row: f64 = iou[o].iter().sum();
                let column: f64 = iou.iter().map(|r| r[h]).sum();
                let denominator = row + column - iou[o][h];
                if denominator > f64::EPSILON {
                    potential[object_ids[&object.id]][hypothesis_ids[&hypothesis.id]] +=
                        iou[o][h] / denominator;
                }
            }
        }
    }
    let alignment = |o: usize, h: usize| {
        potential[o][h] / (object_counts[o] + hypothesis_counts[h] - potential[o][h])
    };
    let levels = (1..=19).map(|step| f64::from(step) * 0.05);
    let mut matches = vec![BTreeMap::<(usize, usize), f64>::new(); 19];
    for (objects, hypotheses) in frames.values() {
        let iou = overlap_table(objects, hypotheses);
        let id_pair = |o: usize, h: usize| {
            (
                object_ids[&objects[o].id],
                hypothesis_ids[&hypotheses[h].id],
            )
        };
        let weights: Vec<Vec<f64>> = (0..objects.len())
            .map(|o| {
                (0..hypotheses.len())
                    .map(|h| alignment(id_pair(o, h).0, id_pair(o, h).1) * iou[o][h])
                    .collect()
            })
            .collect();
        for (o, h) in heaviest_pairs(&weights, hypotheses.len()) {
            for (level, at_level) in levels.clone().zip(&mut matches) {
                if iou[o][h] >= level - f64::EPSILON {
                    *at_level.entry(id_pair(o, h)).or_insert(0.0) += 1.0;
                }
            }
        }
    }
    let total = matches.iter().map(|at_level| {
        let n_true: f64 = at_level.values().sum();
        let association: f64 = at_level
            .iter()
            .map(|((o, h), n)| n * n / (object_counts[*o] + hypothesis_counts[*h] - n))
            .sum::<f64>();
        // Detection is TP / (TP + FN + FP); association a mean over the TP, which cancels.
        (association / (truth.len() as f64 + output.len() as f64 - n_true)).sqrt()
    });
    total.sum::<f64>() / 19.0
}

fn overlap_table(objects: &[&MotBox], hypotheses: &[&MotBox]) -> Vec<Vec<f64>> {
    objects
        .iter()
        .map(|o| {
            hypotheses
                .iter()
                .map(|h| f64::from(o.bbox.iou(&h.bbox)))
                .collect()
        })
        .collect()
}

/// Pairs of row and column with the greatest total weight, as many as the shorter side has.
/// Written apart from the tracker's own assignment, so that a mistake there cannot hide here.
///
/// # Source
/// Kuhn 1955 and Munkres 1957 in the form with potentials and row-wise insertion.
fn heaviest_pairs(weights: &[Vec<f64>], n_columns: usize) -> Vec<(usize, usize)> {
    let n_rows = weights.len();
    if n_rows > n_columns {
        let turned: Vec<Vec<f64>> = (0..n_columns)
            .map(|column| weights.iter().map(|row| row[column]).collect())
            .collect();
        let mut pairs: Vec<(usize, usize)> = heaviest_pairs(&turned, n_rows)
            .into_iter()
            .map(|(column, row)| (row, column))
            .collect();
        pairs.sort_unstable();
        return pairs;
    }
    // Place 0 is the way in: rows and columns count from 1.
    let (mut u, mut v) = (vec![0.0; n_rows + 1], vec![0.0; n_columns + 1]);
    let mut row_of = vec![0_usize; n_columns + 1];
    for row in 1..=n_rows {
        row_of[0] = row;
        let mut column = 0;
        let mut least = vec![f64::INFINITY; n_columns + 1];
        let mut back = vec![0_usize; n_columns + 1];
        let mut used = vec![false; n_columns + 1];
        while row_of[column] != 0 {
            used[column] = true;
            let current = row_of[column];
            let (mut delta, mut next) = (f64::INFINITY, 0);
            for j in (1..=n_columns).filter(|j| !used[*j]) {
                let reduced = -weights[current - 1][j - 1] - u[current] - v[j];
                if reduced < least[j] {
                    (least[j], back[j]) = (reduced, column);
                }
                if least[j] < delta {
                    (delta, next) = (least[j], j);
                }
            }
            for j in 0..=n_columns {
                if used[j] {
                    u[row_of[j]] += delta;
                    v[j] -= delta;
                } else {
                    least[j] -= delta;
                }
            }
            column = next;
        }
        while column != 0 {
            row_of[column] = row_of[back[column]];
            column = back[column];
        }
    }
    let mut pairs: Vec<(usize, usize)> = (1..=n_columns)
        .filter(|column| row_of[*column] != 0)
        .map(|column| (row_of[column] - 1, column - 1))
        .collect();
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `truth.txt` and `output.txt` are made up (jitter, misses, ghosts, two swaps, one new
    /// identity). Expected: PyPI motmetrics 1.4.0, distance 0.5; HOTA: PyPI trackeval.
    #[test]
    fn the_measures_agree_with_the_reference_programs() {
        let truth = parse_mot(include_str!("../fixtures/mot/truth.txt")).unwrap();
        let output = parse_mot(include_str!("../fixtures/mot/output.txt")).unwrap();
        let m = score_mot(&truth, &output);
        let counts = (m.n_false_positives, m.n_misses, m.n_switches, m.n_objects);
        assert_eq!(counts, (22, 30, 5, 113));
        // The reference's MOTP is a distance.
        for (name, ours, reference) in [
            ("mota", m.mota, 0.495_575_22),
            ("motp", 1.0 - m.motp_iou, 0.261_254_05),
            ("idf1", m.idf1, 0.587_155_96),
            ("hota", m.hota, 0.40903493),
        ] {
            assert!((ours - reference).abs() < 1e-6, "{name}: {ours}");
        }
    }

    #[test]
    fn perfect_and_absent_output() {
        let truth = parse_mot(include_str!("../fixtures/mot/truth.txt")).unwrap();
        let m = score_mot(&truth, &truth);
        assert_eq!((m.mota, m.idf1, m.n_switches), (1.0, 1.0, 0));
        assert!((m.hota - 1.0).abs() < 1e-12);
        let m = score_mot(&truth, &[]);
        assert_eq!((m.mota, m.idf1, m.n_misses), (0.0, 0.0, 113));
    }

    #[test]
    fn malformed_lines_are_refused() {
        for bad in ["1,2,3", "a,1,0,0,5,5,1", "1,1,0,0,0,5,1"] {
            assert!(parse_mot(bad).is_none(), "{bad}");
        }
    }
}
