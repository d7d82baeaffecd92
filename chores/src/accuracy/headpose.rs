//! How well the turn of a head is measured: eight images of AFLW2000-3D, a sanity check.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use regard_domain::HeadPose;
use regard_vision::{AnalyzerOptions, DetectorOptions, Photo};

use super::Report;
use super::looking::{analyzer, grant, number, read_csv};

/// Mean absolute errors on `headpose` under `data`, from the mesh and from five points; nothing when
/// it is not there.
pub(crate) fn run(data: &Path) -> Result<Option<Report>> {
    let folder = data.join("headpose");
    let table = folder.join("labels.csv");
    if !table.is_file() {
        return Ok(None);
    }
    let mut analyzer = analyzer(AnalyzerOptions {
        detector: DetectorOptions {
            enlarge: false,
            ..DetectorOptions::PHOTO
        },
        ..AnalyzerOptions::PHOTO
    })?;
    let grant = grant()?;
    let count = grant.count().context("counting is granted")?;
    let attention = grant.attention().context("attention is granted")?;
    let rows = read_csv(&table)?;
    let (mut mesh, mut quick) = (Errors::default(), Errors::default());
    for row in &rows {
        let file = row.get("file").context("no column file")?;
        let photo = Photo::open(&folder.join(file)).with_context(|| file.clone())?;
        let faces = analyzer.detect(photo.view(), &count)?;
        let face = *faces
            .first()
            .with_context(|| format!("{file}: no face found"))?;
        // The set counts yaw towards the left of the image.
        let truth = HeadPose {
            yaw_deg: -number(row, "yaw_deg")?,
            pitch_deg: number(row, "pitch_deg")?,
            roll_deg: number(row, "roll_deg")?,
        };
        let found = analyzer.meshes(photo.view(), &[face], &attention)?;
        let pose = found
            .first()
            .and_then(|m| m.as_ref()?.head_pose())
            .with_context(|| format!("{file}: no mesh"))?;
        mesh.add(&pose, &truth);
        let five = analyzer
            .quick_head_pose(&face, &attention)
            .with_context(|| format!("{file}: no five-point pose"))?;
        quick.add(&five, &truth);
    }
    let mut metrics = BTreeMap::new();
    mesh.put("mesh", &mut metrics);
    quick.put("five_points", &mut metrics);
    Ok(Some(Report {
        name: "head-pose-aflw2000".to_owned(),
        metrics,
        n: rows.len() as u64,
    }))
}

/// Sums of absolute differences in degrees.
#[derive(Default)]
struct Errors {
    sums: [f64; 3],
    n: u32,
}

impl Errors {
    fn add(&mut self, found: &HeadPose, truth: &HeadPose) {
        let pairs = [
            (found.yaw_deg, truth.yaw_deg),
            (found.pitch_deg, truth.pitch_deg),
            (found.roll_deg, truth.roll_deg),
        ];
        for (sum, (found, truth)) in self.sums.iter_mut().zip(pairs) {
            *sum += f64::from((found - truth).abs());
        }
        self.n += 1;
    }

    fn put(&self, name: &str, metrics: &mut BTreeMap<String, f64>) {
        let n = f64::from(self.n.max(1));
        for (axis, sum) in ["yaw", "pitch", "roll"].into_iter().zip(self.sums) {
            metrics.insert(format!("{name}_{axis}_mae_deg"), sum / n);
        }
        let mean = self.sums.iter().sum::<f64>() / (3.0 * n);
        metrics.insert(format!("{name}_mae_deg"), mean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_means() {
        let pose = |yaw_deg, pitch_deg| HeadPose {
            yaw_deg,
            pitch_deg,
            roll_deg: 0.0,
        };
        let mut errors = Errors::default();
        errors.add(&pose(3.0, 0.0), &pose(0.0, 6.0));
        errors.add(&pose(-1.0, 0.0), &pose(0.0, 0.0));
        let mut metrics = BTreeMap::new();
        errors.put("m", &mut metrics);
        assert_eq!(metrics["m_yaw_mae_deg"], 2.0);
        assert_eq!(metrics["m_pitch_mae_deg"], 3.0);
        assert!((metrics["m_mae_deg"] - 5.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn below_eight_degrees() {
        let Some(report) = run(&super::super::data_dir()).unwrap() else {
            println!("skipped: no headpose under REGARD_EVAL_DATA");
            return;
        };
        assert!(report.metrics["mesh_mae_deg"] < 8.0, "{report:?}");
    }
}
