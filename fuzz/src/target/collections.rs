//! Archives, lists, logs of jobs, and what is remembered of contents.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Cursor, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use regard_domain::{BBox, Face, FaceReadings, Landmarks, Point, Score};
use regard_library::{
    ContentHash, FaceRow, Facts, Finding, Found, Input, Item, Job, JobError, JobSettings, Limits,
    Loaded, MediaKind, Place, Remembered, Remembering, Row, SourceOptions, Sources, Visitor, Wish,
};

use super::MAX_LEN;

/// Most bytes of an entry; enough for what seeds hold.
const LIMITS: Limits = Limits {
    max_item_bytes: 1 << 16,
    max_ratio: 200,
};

/// Looks into everything, and that what it is told makes sense.
#[derive(Default)]
struct Looker {
    n_good: usize,
    last: Option<u64>,
    names: BTreeSet<String>,
    is_archive: bool,
}

impl Looker {
    fn note(&mut self, item: &Item) {
        assert!(
            self.last.is_none_or(|last| last < item.ordinal),
            "counted wrongly"
        );
        self.last = Some(item.ordinal);
    }
}

impl Visitor for Looker {
    fn wish(&mut self, _: &Item) -> Wish {
        Wish::Take
    }

    fn take(&mut self, found: Found) -> bool {
        match found {
            Found::Content(item, content) => {
                self.note(&item);
                let source = item.source();
                if self.is_archive {
                    assert!(!source.contains("/../"), "{source} leads out");
                    assert!(self.names.insert(source), "a name that came before");
                }
                if let Ok(Loaded::Photo(bytes)) = content.load(LIMITS) {
                    assert!(bytes.as_slice().len() as u64 <= LIMITS.max_item_bytes);
                    self.n_good += 1;
                }
            }
            Found::Bad(item, fault) => {
                self.note(&item);
                assert!(!fault.reason.is_empty() && !fault.reason.contains('\n'));
            }
            Found::End(item, _) => self.note(&item),
        }
        true
    }
}

fn looked(input: Input, spool: &Path, is_archive: bool) -> bool {
    let options = SourceOptions {
        limits: LIMITS,
        spool: Some(spool.join("spool")),
        ..SourceOptions::default()
    };
    let mut looker = Looker {
        is_archive,
        ..Looker::default()
    };
    // Stores are not asked: a list that names one is an error of its own.
    let _ = Sources::new(vec![input], options).visit(&mut looker);
    if let Ok(left) = fs::read_dir(spool.join("spool")) {
        assert_eq!(left.count(), 0, "files are left");
    }
    looker.n_good > 0
}

fn archive(data: &[u8], names: &[&str]) -> bool {
    if data.len() > MAX_LEN {
        return false;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut is_good = false;
    for name in names {
        let path = folder.path().join(name);
        fs::write(&path, data).expect("room for it");
        is_good |= looked(Input::Path(path), folder.path(), true);
    }
    is_good
}

/// A tape archive, plain or compressed: names stay inside, and nothing is larger than allowed.
pub fn tape(data: &[u8]) -> bool {
    archive(data, &["x.tar", "x.tgz"])
}

/// A ZIP archive: likewise.
pub fn zipped(data: &[u8]) -> bool {
    archive(data, &["x.zip"])
}

/// A list of names, of which none is there: one line each.
pub fn list(data: &[u8]) -> bool {
    // Nothing outside of this folder is named, and no store.
    let data: Vec<u8> = data
        .iter()
        .map(|b| if *b == b'/' { b'_' } else { *b })
        .collect();
    let leads_out = |line: &[u8]| matches!(line.trim_ascii_end(), b"." | b"..");
    if data.len() > MAX_LEN || data.split(|b| *b == b'\n').any(leads_out) {
        return false;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("list");
    fs::write(&path, data).expect("room for it");
    looked(Input::List(path), folder.path(), false);
    true
}

/// A log of a job: what can be read of it is gone on with, and is there when it is opened again.
pub fn job_log(data: &[u8]) -> bool {
    if data.len() > MAX_LEN {
        return false;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("log");
    fs::write(&path, data).expect("room for it");
    let mut settings = JobSettings::new();
    settings.set("every", "1");
    let Ok(mut job) = Job::open(&path, &settings, false, |_| {}) else {
        return false;
    };
    let n_before = job.n_items();
    if !job.is_complete() {
        add(&mut job, 1_000_000, b"more");
    }
    let n_after = job.n_items();
    drop(job);
    let mut n_read = 0;
    let job = Job::open(&path, &settings, false, |_| n_read += 1).expect("what was opened before");
    assert_eq!(job.n_items(), n_after);
    let _ = job.rows::<JobError>(|row| {
        if let Row::Item(item) = row {
            assert!(item.item < n_after);
        }
        Ok(())
    });
    n_before > 0
}

fn add(job: &mut Job, ordinal: u64, bytes: &[u8]) {
    let item = Item {
        ordinal,
        input: 0,
        path: format!("{ordinal}.jpg").into(),
        is_named: false,
        stamp: "1".to_owned(),
    };
    let facts = Facts {
        content: Some(ContentHash::of(bytes)),
        look: Some("0f".repeat(16)),
        ..Facts::default()
    };
    job.item(&item, Finding::New(Box::new(facts)))
        .expect("a log that can be written");
}

/// A log with some items.
pub(crate) fn log_of_a_job() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("log");
    let mut settings = JobSettings::new();
    settings.set("every", "1");
    let mut job = Job::open(&path, &settings, false, |_| {}).expect("a fresh log");
    for (ordinal, bytes) in [(0, b"a"), (2, b"b"), (3, b"a")] {
        add(&mut job, ordinal, bytes);
    }
    fs::read(&path).expect("what was written")
}

/// The key that contents are remembered under here.
const KEY: [u8; 32] = [7; 32];

/// What is remembered of a content, as it lies in the cache beyond its sum, and as the text that is packed there: a line of facts and
/// the lines of its rows. Without the sum it is not taken; with it, what is read is read again once it is written again.
pub fn remembered(data: &[u8]) -> bool {
    if data.len() > MAX_LEN {
        return false;
    }
    let as_it_is = Remembered::read(&KEY, data.to_vec());
    assert!(as_it_is.is_none(), "taken without the sum");
    let is_packed = is_read_again(data);
    is_read_again(&packed(data)) || is_packed
}

fn is_read_again(rest: &[u8]) -> bool {
    let bytes = regard_library::fuzz::remembered_with_its_sum(&KEY, rest);
    let Some(known) = Remembered::read(&KEY, bytes) else {
        return false;
    };
    let good = |row: io::Result<FaceRow>| row.expect("all rows were read before");
    let mut remembering = Remembering::new(KEY);
    for row in known.rows().map(good) {
        remembering.add(&[row]);
    }
    // Of very long ones too much is packed to be remembered.
    if let Some(written) = remembering.finish(known.facts()) {
        let again = Remembered::read(&KEY, written).expect("what was read can be written");
        assert_eq!(again.facts(), known.facts());
        let text = |row| good(row).to_json("x").expect("numbers and texts");
        assert!(
            again.rows().map(text).eq(known.rows().map(text)),
            "other rows"
        );
    }
    true
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("room in memory");
    encoder.finish().expect("room in memory")
}

/// A line of facts and lines of rows, packed as what is remembered is.
fn packed(text: &[u8]) -> Vec<u8> {
    let mut parts = text.splitn(2, |byte| *byte == b'\n');
    let facts = deflated(parts.next().unwrap_or_default());
    let rows = deflated(parts.next().unwrap_or_default());
    let n_facts = (facts.len() as u32).to_le_bytes();
    [n_facts.as_slice(), &facts, &rows].concat()
}

/// What is remembered of a photograph and of a video, as text and packed.
pub(crate) fn remembered_items() -> Vec<Vec<u8>> {
    let item = |kind: MediaKind, n_faces: u64| {
        let facts = Facts {
            kind: Some(kind),
            content: Some(ContentHash::of(b"a")),
            n_faces,
            place: Some((48.858_222, 2.2945)),
            sharpness: Some(0.3),
            ..Facts::default()
        };
        let mut text = serde_json::to_vec(&facts).expect("numbers and texts");
        for frame in 0..n_faces {
            text.push(b'\n');
            text.extend(serde_json::to_vec(&row(frame)).expect("numbers and texts"));
        }
        text
    };
    let texts = [item(MediaKind::Photo, 1), item(MediaKind::Video, 3)];
    let packed = texts.each_ref().map(|text| packed(text));
    [texts, packed].concat()
}

/// The row of a face in a frame.
fn row(frame: u64) -> FaceRow {
    let face = Face {
        bbox_in_frame: BBox::new(1.5, 2.5, 30.0, 40.0).expect("a box of some size"),
        score: Score::clamped(0.9),
        landmarks_in_frame: Landmarks([Point::new(1.0, 2.0); 5]),
        readings: FaceReadings::default(),
    };
    let place = Place {
        frame,
        time_secs: Some(frame as f64 / 30.0),
        track: Some(1),
        taken_from_seen: (1.0, 1.0),
    };
    FaceRow::new(place, &face)
}

/// The beginning of a JPEG.
const JPEG: &[u8] = b"\xff\xd8\xff\xe0 and so on";

/// Names of entries of the seeds.
const NAMES: [&str; 4] = ["a.jpg", "folder/b.jpg", "film.mjpeg", "notes.txt"];

/// Tape archives, plain and compressed.
pub(crate) fn tapes() -> Vec<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for name in NAMES {
        let mut header = tar::Header::new_gnu();
        header.set_size(JPEG.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, name, JPEG)
            .expect("room in memory");
    }
    let mut header = tar::Header::new_gnu();
    header.set_size(JPEG.len() as u64);
    builder
        .append_data(&mut header, "long/".repeat(40) + "c.jpg", JPEG)
        .expect("room in memory");
    let plain = builder.into_inner().expect("room in memory");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&plain).expect("room in memory");
    let packed = encoder.finish().expect("room in memory");
    vec![plain, packed]
}

/// ZIP archives, stored and packed.
pub(crate) fn zips() -> Vec<Vec<u8>> {
    [
        zip::CompressionMethod::Stored,
        zip::CompressionMethod::Deflated,
    ]
    .map(|method| {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        for name in NAMES {
            writer.start_file(name, options).expect("room in memory");
            writer.write_all(JPEG).expect("room in memory");
        }
        writer.finish().expect("room in memory").into_inner()
    })
    .to_vec()
}
