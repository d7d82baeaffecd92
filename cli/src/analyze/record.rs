//! One record a face, as JSON and as CSV.

use regard_domain::{Expression, ExpressionDistribution, Face};
use regard_vision::CERTAIN_FROM;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// Decimals of pixels and degrees. Origin: detectors are not sure of a tenth of either.
const GEOMETRY_DECIMALS: i32 = 2;
/// Decimals of scores, probabilities and attention. Origin: ten times finer than runtimes agree on
/// the decisions that hang on them.
const UNIT_DECIMALS: i32 = 4;
/// Decimals of seconds: milliseconds, finer than frames come.
const TIME_DECIMALS: i32 = 3;

/// A face of a picture, ready to be written. The order of the fields is the order in both formats.
///
/// # Privacy
/// Readings of a face that whoever runs the command asked for; neither pixels nor template.
#[derive(Serialize)]
pub(super) struct Record {
    source: String,
    frame: u64,
    time_secs: Option<f64>,
    track: Option<u64>,
    bbox: BoxRecord,
    score: f64,
    landmarks: [[f64; 2]; 5],
    expression: Option<ExpressionRecord>,
    head_pose: Option<PoseRecord>,
    attention: Option<f64>,
}

#[derive(Serialize)]
struct BoxRecord {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

#[derive(Serialize)]
struct ExpressionRecord {
    label: &'static str,
    probabilities: Probabilities,
}

/// In the order of [`Expression::ALL`]; the decimals written sum to 1 exactly.
struct Probabilities([f64; 7]);

#[derive(Serialize)]
struct PoseRecord {
    yaw_deg: f64,
    pitch_deg: f64,
    roll_deg: f64,
}

/// Where in its source a face stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place<'a> {
    /// The source as it is written.
    pub(super) source: &'a str,
    /// Number of the frame; 0 for photographs.
    pub(super) frame: u64,
    /// Seconds from the beginning of a video.
    pub(super) time_secs: Option<f64>,
    /// Number of the track in a video.
    pub(super) track: Option<u64>,
}

impl Record {
    pub(super) fn new(place: Place<'_>, face: &Face) -> Self {
        let bbox = &face.bbox_in_frame;
        let readings = &face.readings;
        Self {
            source: place.source.to_owned(),
            frame: place.frame,
            time_secs: place.time_secs.map(|secs| rounded(secs, TIME_DECIMALS)),
            track: place.track,
            bbox: BoxRecord {
                left: geometry(bbox.left()),
                top: geometry(bbox.top()),
                width: geometry(bbox.width()),
                height: geometry(bbox.height()),
            },
            score: unit(face.score.get()),
            landmarks: face
                .landmarks_in_frame
                .0
                .map(|p| [geometry(p.x), geometry(p.y)]),
            expression: readings
                .expression
                .as_ref()
                .map(|distribution| ExpressionRecord {
                    label: distribution.label(CERTAIN_FROM).name(),
                    probabilities: Probabilities::of(distribution),
                }),
            head_pose: readings.head_pose.map(|pose| PoseRecord {
                yaw_deg: geometry(pose.yaw_deg),
                pitch_deg: geometry(pose.pitch_deg),
                roll_deg: geometry(pose.roll_deg),
            }),
            attention: readings.attention.map(|attention| unit(attention.get())),
        }
    }

    /// The names of the columns; always all of them, in the same order.
    pub(super) fn csv_header() -> Vec<String> {
        let mut names: Vec<String> = ["source", "frame", "time_secs", "track"]
            .into_iter()
            .chain([
                "bbox.left",
                "bbox.top",
                "bbox.width",
                "bbox.height",
                "score",
            ])
            .map(str::to_owned)
            .collect();
        for index in 0..5 {
            names.extend([
                format!("landmarks.{index}.x"),
                format!("landmarks.{index}.y"),
            ]);
        }
        names.push("expression.label".to_owned());
        names.extend(Expression::ALL.map(|expression| format!("expression.{}", expression.name())));
        names.extend(
            [
                "head_pose.yaw_deg",
                "head_pose.pitch_deg",
                "head_pose.roll_deg",
                "attention",
            ]
            .map(str::to_owned),
        );
        names
    }

    /// The cells of its row; what was not computed is empty.
    pub(super) fn csv_row(&self) -> Vec<String> {
        fn cell<T: ToString>(value: Option<T>) -> String {
            value.map(|value| value.to_string()).unwrap_or_default()
        }
        let bbox = &self.bbox;
        let mut row = vec![
            self.source.clone(),
            self.frame.to_string(),
            cell(self.time_secs),
            cell(self.track),
        ];
        let numbers = [bbox.left, bbox.top, bbox.width, bbox.height, self.score];
        row.extend(
            numbers
                .iter()
                .chain(self.landmarks.as_flattened())
                .map(f64::to_string),
        );
        let expression = self.expression.as_ref();
        row.push(cell(expression.map(|e| e.label)));
        row.extend((0..7).map(|i| cell(expression.map(|e| e.probabilities.0[i]))));
        let pose = self.head_pose.as_ref();
        row.extend([
            cell(pose.map(|p| p.yaw_deg)),
            cell(pose.map(|p| p.pitch_deg)),
            cell(pose.map(|p| p.roll_deg)),
            cell(self.attention),
        ]);
        row
    }
}

impl Probabilities {
    /// Rounds by largest remainders: each to its nearest or next decimal, so that the sum stays 1.
    fn of(distribution: &ExpressionDistribution) -> Self {
        let n_steps = 10_f64.powi(UNIT_DECIMALS);
        let exact = distribution.as_array().map(|p| f64::from(p) * n_steps);
        let mut steps = exact.map(f64::floor);
        let mut order: [usize; 7] = std::array::from_fn(|i| i);
        order.sort_by(|a, b| {
            (exact[*b] - steps[*b])
                .total_cmp(&(exact[*a] - steps[*a]))
                .then(a.cmp(b))
        });
        let missing = n_steps - steps.iter().sum::<f64>();
        for index in order
            .into_iter()
            .take(missing.round().clamp(0.0, 7.0) as usize)
        {
            steps[index] += 1.0;
        }
        Self(steps.map(|s| s / n_steps))
    }
}

impl Serialize for Probabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(7))?;
        for (expression, probability) in Expression::ALL.iter().zip(self.0) {
            map.serialize_entry(expression.name(), &probability)?;
        }
        map.end()
    }
}

fn geometry(value: f32) -> f64 {
    rounded(f64::from(value), GEOMETRY_DECIMALS)
}

fn unit(value: f32) -> f64 {
    rounded(f64::from(value), UNIT_DECIMALS)
}

fn rounded(value: f64, decimals: i32) -> f64 {
    let factor = 10_f64.powi(decimals);
    // Adding zero turns a negative zero into a plain one.
    (value * factor).round() / factor + 0.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regard_domain::{BBox, FaceReadings, Landmarks, Point, Score};

    use super::*;

    fn face() -> Face {
        Face {
            bbox_in_frame: BBox::new(-0.001, 2.345_67, 30.0, 40.25).unwrap(),
            score: Score::clamped(0.912_34),
            landmarks_in_frame: Landmarks(
                [1.0, 2.0, 3.0, 4.0, 5.0].map(|v| Point::new(v, v + 0.5)),
            ),
            readings: FaceReadings::default(),
        }
    }

    #[test]
    fn what_was_not_computed_is_null_in_json_and_empty_in_csv() {
        let place = Place {
            source: "a.jpg",
            frame: 0,
            time_secs: None,
            track: None,
        };
        let record = Record::new(place, &face());
        assert_eq!(
            serde_json::to_string(&record).unwrap(),
            r#"{"source":"a.jpg","frame":0,"time_secs":null,"track":null,"bbox":{"left":0.0,"top":2.35,"width":30.0,"height":40.25},"score":0.9123,"landmarks":[[1.0,1.5],[2.0,2.5],[3.0,3.5],[4.0,4.5],[5.0,5.5]],"expression":null,"head_pose":null,"attention":null}"#
        );
        assert_eq!(
            record.csv_row().join(","),
            "a.jpg,0,,,0,2.35,30,40.25,0.9123,1,1.5,2,2.5,3,3.5,4,4.5,5,5.5,,,,,,,,,,,,"
        );
        assert_eq!(record.csv_row().len(), Record::csv_header().len());
    }

    proptest! {
        #[test]
        fn rounded_probabilities_sum_to_one_and_stay_close(
            weights in proptest::array::uniform7(0.0_f32..1.0)
        ) {
            prop_assume!(weights.iter().sum::<f32>() > 0.0);
            let exact = ExpressionDistribution::from_weights(weights).unwrap();
            let written = Probabilities::of(&exact).0;
            let n_steps: f64 = written.iter().map(|p| (p * 1e4).round()).sum();
            prop_assert_eq!(n_steps, 1e4);
            for (a, b) in written.iter().zip(exact.as_array()) {
                prop_assert!((a - f64::from(*b)).abs() < 1.01e-4);
            }
        }
    }
}
