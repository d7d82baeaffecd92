//! Made-up photographs for the jobs that are measured, each with bytes of its own, and the program that looks at them.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use regard_testkit::wall::FaceWall;

/// Faces in a large photograph.
pub(crate) const N_FACES: usize = 3;

/// Large photographs that are drawn; of others the comment alone is another.
pub(crate) const N_DRAWN: usize = 6;

/// Most resident memory of a job, in MB (10⁶ bytes). Origin: the promise of the design.
pub(crate) const MAX_MB: f64 = 400.0;

/// How often memory is looked at.
const SAMPLE_EVERY: Duration = Duration::from_millis(20);

/// Photographs of 12 megapixels with the noise of a sensor.
pub(crate) struct LargePhotos(Vec<Vec<u8>>);

impl LargePhotos {
    /// Draws them, which takes seconds.
    pub(crate) fn draw() -> Result<Self> {
        let wall = FaceWall::photograph(N_FACES);
        let jpegs: Result<Vec<Vec<u8>>, _> =
            (0..N_DRAWN).map(|i| wall.noisy_jpeg(i * 17)).collect();
        Ok(Self(jpegs?))
    }

    /// Those that were drawn.
    pub(crate) fn drawn(&self) -> &[Vec<u8>] {
        &self.0
    }

    /// One whose bytes are no other's.
    pub(crate) fn jpeg(&self, number: usize) -> Vec<u8> {
        with_comment(&self.0[number % N_DRAWN], &number.to_string())
    }
}

/// A JPEG with a comment.
fn with_comment(jpeg: &[u8], comment: &str) -> Vec<u8> {
    let len = u16::try_from(comment.len() + 2).unwrap_or(u16::MAX);
    [
        &jpeg[..2],
        &[0xFF, 0xFE],
        &len.to_be_bytes(),
        comment.as_bytes(),
        &jpeg[2..],
    ]
    .concat()
}

/// What a run of the program came to.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) secs: f64,
    /// Resident memory in MB (10⁶ bytes) at equal times, the whole run through.
    pub(crate) resident_mb: Vec<f64>,
    /// The greatest, as the system has it.
    pub(crate) peak_mb: f64,
}

/// Runs `regard analyze FOLDER -o TABLE` to its end, and looks at its memory meanwhile.
pub(crate) fn analyze(
    program: &Path,
    (folder, table): (&Path, &Path),
    n_workers: usize,
) -> Result<Ran> {
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(["analyze", "--workers", &n_workers.to_string(), "-o"])
        .arg(table)
        .arg(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("{} could not be started", program.display()))?;
    let status_file = format!("/proc/{}/status", child.id());
    let (mut resident_mb, mut peak_mb) = (Vec::new(), 0_f64);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let text = std::fs::read_to_string(&status_file).unwrap_or_default();
        let mb = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
            Some(kib * 1024.0 / 1e6)
        };
        resident_mb.extend(mb("VmRSS:"));
        peak_mb = peak_mb.max(mb("VmHWM:").unwrap_or(0.0));
        sleep(SAMPLE_EVERY);
    };
    Ok(Ran {
        status,
        secs: began.elapsed().as_secs_f64(),
        resident_mb,
        peak_mb,
    })
}
