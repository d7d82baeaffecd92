//! One row a face, as JSON and as cells of a table.

use std::collections::BTreeMap;

use regard_domain::{Expression, ExpressionDistribution, Face};
use regard_vision::CERTAIN_FROM;
use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Cell;

/// Decimals of pixels and degrees. Origin: detectors are not sure of a tenth of either.
const GEOMETRY_DECIMALS: i32 = 2;
/// Decimals of scores, probabilities and attention. Origin: ten times finer than runtimes agree on
/// the decisions that hang on them.
const UNIT_DECIMALS: i32 = 4;
/// Decimals of seconds: milliseconds, finer than frames come.
const TIME_DECIMALS: i32 = 3;

/// A face of a picture, ready to be written, in pixels of the upright picture as it was taken. The order of the fields is the
/// order in every format; the source comes before them.
///
/// # Privacy
/// Readings of a face that whoever runs the command asked for; neither pixels nor template.
#[derive(Clone, Serialize, Deserialize)]
pub struct FaceRow {
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

#[derive(Clone, Serialize, Deserialize)]
struct BoxRecord {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

#[derive(Clone, Serialize, Deserialize)]
struct ExpressionRecord {
    label: String,
    probabilities: Probabilities,
}

/// In the order of [`Expression::ALL`]; the decimals written sum to 1 exactly.
#[derive(Clone)]
struct Probabilities([f64; 7]);

#[derive(Clone, Serialize, Deserialize)]
struct PoseRecord {
    yaw_deg: f64,
    pitch_deg: f64,
    roll_deg: f64,
}

/// Where in its source a face stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Number of the frame; 0 for photographs.
    pub frame: u64,
    /// Seconds from the beginning of a video.
    pub time_secs: Option<f64>,
    /// Number of the track in a video.
    pub track: Option<u64>,
    /// Pixels of the picture as it was taken in one of the picture that was looked at, across and down; 1 where it was
    /// decoded whole.
    pub taken_from_seen: (f32, f32),
}

impl FaceRow {
    /// The row of a face.
    pub fn new(place: Place, face: &Face) -> Self {
        let bbox = &face.bbox_in_frame;
        let readings = &face.readings;
        let (across, down) = place.taken_from_seen;
        Self {
            frame: place.frame,
            time_secs: place.time_secs.map(|secs| rounded(secs, TIME_DECIMALS)),
            track: place.track,
            bbox: BoxRecord {
                left: geometry(bbox.left() * across),
                top: geometry(bbox.top() * down),
                width: geometry(bbox.width() * across),
                height: geometry(bbox.height() * down),
            },
            score: unit(face.score.get()),
            landmarks: face
                .landmarks_in_frame
                .0
                .map(|p| [geometry(p.x * across), geometry(p.y * down)]),
            expression: readings
                .expression
                .as_ref()
                .map(|distribution| ExpressionRecord {
                    label: distribution.label(CERTAIN_FROM).name().to_owned(),
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

    /// The label of its expression, where one was read.
    pub fn expression(&self) -> Option<&str> {
        self.expression.as_ref().map(|e| e.label.as_str())
    }

    /// How much it is turned to the camera, in `[0, 1]`.
    pub const fn attention(&self) -> Option<f64> {
        self.attention
    }

    /// One line of JSON with its source, without the line's end.
    ///
    /// # Errors
    /// None that occurs: its fields are numbers and texts.
    pub fn to_json(&self, source: &str) -> Result<String, serde_json::Error> {
        let row = serde_json::to_string(self)?;
        let source = serde_json::to_string(source)?;
        // The row is an object that is not empty.
        Ok(format!("{{\"source\":{source},{}", &row[1..]))
    }

    /// The names of the columns of CSV; always all of them, in the same order.
    pub fn csv_header() -> Vec<String> {
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

    /// The cells of its row of CSV; what was not computed is empty.
    pub fn csv_row(&self, source: &str) -> Vec<String> {
        let mut row = vec![source.to_owned()];
        row.extend(self.cells().iter().map(Cell::to_text));
        row
    }

    /// Its cells, from `frame` on, in the order of the columns of tables.
    pub fn cells(&self) -> Vec<Cell> {
        let bbox = &self.bbox;
        let mut cells = vec![
            Cell::of(Some(self.frame)),
            Cell::Real(self.time_secs),
            Cell::of(self.track),
        ];
        let numbers = [bbox.left, bbox.top, bbox.width, bbox.height, self.score];
        let numbers = numbers.iter().chain(self.landmarks.as_flattened());
        cells.extend(numbers.map(|number| Cell::Real(Some(*number))));
        let expression = self.expression.as_ref();
        cells.push(Cell::Text(expression.map(|e| e.label.clone())));
        cells.extend((0..7).map(|i| Cell::Real(expression.map(|e| e.probabilities.0[i]))));
        let pose = self.head_pose.as_ref();
        cells.extend([
            Cell::Real(pose.map(|p| p.yaw_deg)),
            Cell::Real(pose.map(|p| p.pitch_deg)),
            Cell::Real(pose.map(|p| p.roll_deg)),
            Cell::Real(self.attention),
        ]);
        cells
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

impl<'de> Deserialize<'de> for Probabilities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = BTreeMap::<String, f64>::deserialize(deserializer)?;
        let mut probabilities = [0.0; 7];
        for (place, expression) in probabilities.iter_mut().zip(Expression::ALL) {
            *place = *map
                .get(expression.name())
                .ok_or_else(|| D::Error::missing_field(expression.name()))?;
        }
        Ok(Self(probabilities))
    }
}

fn geometry(value: f32) -> f64 {
    rounded(f64::from(value), GEOMETRY_DECIMALS)
}

fn unit(value: f32) -> f64 {
    rounded(f64::from(value), UNIT_DECIMALS)
}

pub(crate) fn rounded(value: f64, decimals: i32) -> f64 {
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
            frame: 0,
            time_secs: None,
            track: None,
            taken_from_seen: (1.0, 1.0),
        };
        let row = FaceRow::new(place, &face());
        assert_eq!(
            row.to_json("a.jpg").unwrap(),
            r#"{"source":"a.jpg","frame":0,"time_secs":null,"track":null,"bbox":{"left":0.0,"top":2.35,"width":30.0,"height":40.25},"score":0.9123,"landmarks":[[1.0,1.5],[2.0,2.5],[3.0,3.5],[4.0,4.5],[5.0,5.5]],"expression":null,"head_pose":null,"attention":null}"#
        );
        assert_eq!(
            row.csv_row("a.jpg").join(","),
            "a.jpg,0,,,0,2.35,30,40.25,0.9123,1,1.5,2,2.5,3,3.5,4,4.5,5,5.5,,,,,,,,,,,,"
        );
        assert_eq!(row.csv_row("").len(), FaceRow::csv_header().len());
    }

    #[test]
    fn a_reduced_picture_gives_the_places_of_the_whole() {
        let place = Place {
            frame: 3,
            time_secs: Some(0.5),
            track: Some(1),
            taken_from_seen: (4.0, 2.0),
        };
        let row = FaceRow::new(place, &face());
        let bbox = [row.bbox.left, row.bbox.top, row.bbox.width, row.bbox.height];
        assert_eq!(bbox, [0.0, 4.69, 120.0, 80.5]);
        assert_eq!(row.landmarks[1], [8.0, 5.0]);
    }

    #[test]
    fn what_is_read_back_is_what_was_written() {
        let mut face = face();
        face.readings.expression =
            ExpressionDistribution::from_weights([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]);
        let place = Place {
            frame: 7,
            time_secs: Some(1.0 / 3.0),
            track: Some(2),
            taken_from_seen: (1.0, 1.0),
        };
        let row = FaceRow::new(place, &face);
        let json = row.to_json("x").unwrap();
        let back: FaceRow = serde_json::from_str(&json).unwrap();
        assert_eq!(back.to_json("x").unwrap(), json);
        assert_eq!(back.csv_row("x"), row.csv_row("x"));
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
