//! Photographs of 12 megapixels with the noise of a sensor: decoded, and searched for faces, beside OpenCV, by turns and on one
//! core.

mod whole;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use regard_commitments::{LibraryDeclaration, ask_library};
use regard_domain::CameraId;
use regard_inference::{Catalog, Native, flush_to_zero};
use regard_testkit::turns::{Contestant, by_turns};
use regard_vision::{AnalyzerOptions, FaceAnalyzer, Keys, PixelPool, WantedSize, decode_jpeg};
use serde::Serialize;
use tempfile::TempDir;

use crate::bulk_files::{LargePhotos, N_DRAWN, N_FACES};

pub(super) use self::whole::{Whole, compare as compare_whole};

/// How long each case runs on all together, at least.
const TIME_PER_CASE: Duration = Duration::from_secs(10);

/// Longest side of the picture that is searched.
const SEARCHED_PX: u32 = 640;

/// How much faster than OpenCV the whole must be. Origin: the goal for the decoder of a C library, which ours shall keep too.
const GOAL: f64 = 1.25;

/// One contestant of one case.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    case: &'static str,
    who: String,
    /// Photographs a second, from the median.
    photos_a_second: f64,
    /// Median of the ratios on neighbouring turns: our time over this.
    ours_over_this: f64,
    n: usize,
}

impl Row {
    /// What was promised and not kept.
    pub(super) fn missed_goal(&self) -> Option<String> {
        let is_searched = self.case == SEARCHED || self.case == SEARCHED_EIGHTH;
        let is_rival = is_searched && self.who.starts_with("opencv");
        let ratio = 1.0 / self.ours_over_this;
        (is_rival && ratio < GOAL).then(|| {
            format!(
                "bulk: {}: {ratio:.2} times the rate of {}, promised {GOAL}",
                self.case, self.who
            )
        })
    }
}

const DECODED: &str = "decoded at a quarter";
const SEARCHED: &str = "decoded at a quarter, searched at 640 pixels";
const DECODED_EIGHTH: &str = "decoded at an eighth";
const SEARCHED_EIGHTH: &str = "decoded at an eighth (--min-face 200), searched at 640 pixels";

/// Compares and prints a table; our own alone where OpenCV is not there.
pub(super) fn compare() -> Result<Vec<Row>> {
    flush_to_zero();
    let photos = LargePhotos::draw()?;
    let jpegs = photos.drawn();
    let folder = TempDir::new()?;
    for (index, jpeg) in jpegs.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{index}.jpg")), jpeg)?;
    }
    let n_bytes = jpegs.iter().map(Vec::len).sum::<usize>() / jpegs.len();
    println!(
        "\nphotographs of 4000x3000 with sensor noise, {:.1} MB each, {N_FACES} faces, one core: milliseconds each; in brackets ours over the other",
        n_bytes as f64 / 1e6
    );
    let rival = |kind: &str| {
        let args = [kind.to_owned(), folder.path().display().to_string()];
        Contestant::rival("opencv", "cv2, numpy", "bulk_turns.py", &args)
    };
    let mut rows = Vec::new();
    let pool = PixelPool::new();
    let mut case = |name: &'static str, all: Vec<Contestant<'_>>| -> Result<()> {
        let measured = by_turns(name, all, TIME_PER_CASE)?;
        rows.extend(measured.into_iter().map(|row| Row {
            case: name,
            photos_a_second: 1e3 / row.millis,
            ours_over_this: row.first_over_this,
            who: row.who,
            n: row.n,
        }));
        Ok(())
    };
    let decode = |wanted| {
        let (mut turns, jpegs, pool) = (0.., jpegs, &pool);
        move || -> Result<()> {
            let index: usize = turns.next().unwrap_or_default();
            black_box(decode_jpeg(&jpegs[index % N_DRAWN], wanted, pool)?);
            Ok(())
        }
    };
    for (name, wanted, kind) in [
        (DECODED, QUARTER, "quarter"),
        (DECODED_EIGHTH, EIGHTH, "eighth"),
        ("decoded whole", WantedSize::Whole, "whole"),
    ] {
        let mut all = vec![Contestant::own("regard", decode(wanted))];
        all.extend(rival(kind));
        case(name, all)?;
    }
    for (name, wanted, kind) in [
        (SEARCHED, QUARTER, "searched"),
        (SEARCHED_EIGHTH, EIGHTH, "searched_eighth"),
    ] {
        let (mut searcher, mut turns, jpegs) = (Searcher::new()?, 0.., jpegs);
        let search = move || {
            let turn: usize = turns.next().unwrap_or_default();
            searcher.turn(&jpegs[turn % N_DRAWN], wanted, false)
        };
        let mut all = vec![Contestant::own("regard", search)];
        all.extend(rival(kind));
        case(name, all)?;
    }
    let (mut searcher, mut turns) = (Searcher::new()?, 0..);
    let read = || {
        searcher.turn(
            &jpegs[turns.next().unwrap_or_default() % N_DRAWN],
            QUARTER,
            true,
        )
    };
    let all = vec![Contestant::own("regard", read)];
    case(
        "decoded at a quarter, searched, and expression, head pose and attention of each face",
        all,
    )?;
    Ok(rows)
}

/// What `regard analyze` asks the decoder for, where nothing is said, and where faces of 200 pixels are the smallest wanted.
const QUARTER: WantedSize = WantedSize::AtLeast {
    width: SEARCHED_PX,
    height: SEARCHED_PX / 4 * 3,
};
const EIGHTH: WantedSize = WantedSize::AtLeast {
    width: 480,
    height: 360,
};

/// Decodes and looks for faces.
struct Searcher {
    analyzer: FaceAnalyzer,
    grant: regard_commitments::Grant<regard_commitments::Sensing>,
    pool: PixelPool,
}

impl Searcher {
    fn new() -> Result<Self> {
        let catalog = Arc::new(Catalog::open(None)?);
        let grant = ask_library(&LibraryDeclaration::own_media(CameraId::new("bench")?))
            .granted()
            .context("own media are granted")?;
        Ok(Self {
            analyzer: FaceAnalyzer::new(Arc::new(Native::new()), catalog, AnalyzerOptions::PHOTO),
            grant,
            pool: PixelPool::new(),
        })
    }

    fn turn(&mut self, jpeg: &[u8], wanted: WantedSize, is_read: bool) -> Result<()> {
        let picture = decode_jpeg(jpeg, wanted, &self.pool)?;
        let granted = "own media are granted";
        let (attention, expression) = (self.grant.attention(), self.grant.expression());
        let keys = Keys {
            count: &self.grant.count().context(granted)?,
            attention: attention.as_ref().filter(|_| is_read),
            expression: expression.as_ref().filter(|_| is_read),
        };
        let faces = self.analyzer.analyze(picture.view(), &keys)?;
        anyhow::ensure!(faces.len() >= N_FACES, "{} of {N_FACES} faces", faces.len());
        Ok(())
    }
}
