//! What came of a content under the same analysis at another time, to be written down again.

use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use sha2::{Digest, Sha256};

use super::{ContentHash, JobSettings};
use crate::rows::{FaceRow, Facts, MediaKind};

/// Form of what is remembered; another one is another analysis.
const FORM: u32 = 1;

/// Most bytes that are remembered of one item, packed. Origin: rows of faces pack to a tenth of some 600 bytes, so that four
/// hours of film with a face in every frame have room, and a worker holds no more than a photograph takes.
const MAX_PACKED_BYTES: usize = 16 << 20;

/// Where the parts are: a sum over the rest, how long the facts are, the facts, the rows.
const SUM_LEN: usize = 32;
const LEN_LEN: usize = 4;

/// Longest row of text. Origin: twenty times the longest that is written.
const MAX_ROW_BYTES: u64 = 1 << 16;

/// All that rows depend on besides the bytes they are about: settings, networks, runtime, program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnalysisHash([u8; 32]);

impl AnalysisHash {
    /// That of these settings; whatever changes rows has to be among them.
    pub fn of(settings: &JobSettings) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(FORM.to_le_bytes());
        hasher.update(settings.to_json());
        Self(hasher.finalize().into())
    }

    /// The key of a content that is looked at in this way. `opened_as` is what the decoder goes by besides the bytes: of videos,
    /// the ending of the name.
    pub fn key(&self, kind: MediaKind, opened_as: &str, content: &ContentHash) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update(kind.as_str());
        hasher.update([0]);
        hasher.update(opened_as);
        hasher.update([0]);
        hasher.update(content.as_bytes());
        hasher.finalize().into()
    }
}

/// What will be remembered of an item, while it is looked at.
///
/// # Privacy
/// The rows that the tables will have, and nothing else: no pixels, no name of a file.
pub struct Remembering {
    key: [u8; 32],
    /// Nothing once there is too much of it.
    rows: Option<DeflateEncoder<Vec<u8>>>,
}

impl Remembering {
    /// Nothing yet, of the item of that key.
    pub fn new(key: [u8; 32]) -> Self {
        Self {
            key,
            rows: Some(DeflateEncoder::new(Vec::new(), Compression::fast())),
        }
    }

    /// Its key.
    pub const fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// Adds the rows of a picture.
    pub fn add(&mut self, rows: &[FaceRow]) {
        let Some(packed) = &mut self.rows else {
            return;
        };
        let written: io::Result<()> = rows.iter().try_for_each(|row| {
            let mut line = serde_json::to_vec(row)?;
            line.push(b'\n');
            packed.write_all(&line)
        });
        if written.is_err() || packed.get_ref().len() > MAX_PACKED_BYTES {
            self.rows = None;
        }
    }

    /// All of it, with a sum; nothing where there was more than is remembered of one item.
    pub fn finish(self, facts: &Facts) -> Option<Vec<u8>> {
        let rows = self.rows?.finish().ok()?;
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&serde_json::to_vec(facts).ok()?).ok()?;
        let facts = packed.finish().ok()?;
        let mut all = vec![0; SUM_LEN];
        all.extend(u32::try_from(facts.len()).ok()?.to_le_bytes());
        all.extend(facts);
        all.extend(rows);
        let sum = sum_of(&self.key, &all[SUM_LEN..]);
        all[..SUM_LEN].copy_from_slice(&sum);
        (all.len() <= MAX_PACKED_BYTES).then_some(all)
    }
}

fn sum_of(key: &[u8; 32], rest: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(key);
    hasher.update(rest);
    hasher.finalize().into()
}

/// What follows the sum, with the sum that belongs to it, so that damage is looked for beyond the sum.
#[cfg(feature = "fuzz")]
pub(crate) fn with_its_sum(key: &[u8; 32], rest: &[u8]) -> Vec<u8> {
    [sum_of(key, rest).as_slice(), rest].concat()
}

/// What came of an item at another time.
pub struct Remembered {
    bytes: Vec<u8>,
    rows_from: usize,
    facts: Facts,
}

impl Remembered {
    /// Reads what [`Remembering::finish`] gave under that key; nothing where a byte of it is not what it was.
    pub fn read(key: &[u8; 32], bytes: Vec<u8>) -> Option<Self> {
        let rest = bytes.get(SUM_LEN..)?;
        if sum_of(key, rest) != bytes[..SUM_LEN] {
            return None;
        }
        let len: [u8; LEN_LEN] = rest.get(..LEN_LEN)?.try_into().ok()?;
        let n_facts = usize::try_from(u32::from_le_bytes(len)).ok()?;
        let rows_from = SUM_LEN + LEN_LEN + n_facts;
        let packed = bytes.get(SUM_LEN + LEN_LEN..rows_from)?;
        let mut json = Vec::new();
        DeflateDecoder::new(packed)
            .take(MAX_ROW_BYTES)
            .read_to_end(&mut json)
            .ok()?;
        let facts: Facts = serde_json::from_slice(&json).ok()?;
        let this = Self {
            bytes,
            rows_from,
            facts,
        };
        // Found out now: nobody takes rows back that were handed on.
        let mut n_rows = 0;
        for row in this.rows() {
            row.ok()?;
            n_rows += 1;
        }
        (n_rows == this.facts.n_faces).then_some(this)
    }

    /// What was known of the item.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Its rows, in the order in which they were added.
    pub fn rows(&self) -> impl Iterator<Item = io::Result<FaceRow>> {
        let packed = self.bytes.get(self.rows_from..).unwrap_or_default();
        let mut lines = BufReader::new(DeflateDecoder::new(packed));
        let mut line = Vec::new();
        std::iter::from_fn(move || {
            line.clear();
            let read = (&mut lines)
                .take(MAX_ROW_BYTES)
                .read_until(b'\n', &mut line);
            match read {
                Ok(0) => None,
                Ok(_) => Some(serde_json::from_slice(&line).map_err(io::Error::from)),
                Err(error) => Some(Err(error)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regard_domain::{BBox, Face, FaceReadings, Landmarks, Point, Score};

    use super::*;
    use crate::rows::Place;
    use crate::{Fault, FaultKind};

    fn row(frame: u64) -> FaceRow {
        let face = Face {
            bbox_in_frame: BBox::new(frame as f32 / 3.0, 1.0, 30.0, 40.0).unwrap(),
            score: Score::clamped(0.9),
            landmarks_in_frame: Landmarks([Point::new(1.0, 2.0); 5]),
            readings: FaceReadings::default(),
        };
        let place = Place {
            frame,
            time_secs: Some(frame as f64 / 7.0),
            track: Some(1),
            taken_from_seen: (1.0, 1.0),
        };
        FaceRow::new(place, &face)
    }

    fn packed(key: [u8; 32], n_rows: u64) -> (Vec<u8>, Facts) {
        let facts = Facts {
            n_faces: n_rows,
            sharpness: Some(0.1 + 0.2),
            place: Some((48.858_222, 2.2945)),
            fault: Some(Fault::new(FaultKind::CutShort, "cut")),
            ..Facts::default()
        };
        let mut remembering = Remembering::new(key);
        for frame in 0..n_rows {
            remembering.add(&[row(frame)]);
        }
        (remembering.finish(&facts).unwrap(), facts)
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        for n_rows in [0, 1, 500] {
            let (bytes, facts) = packed([7; 32], n_rows);
            let back = Remembered::read(&[7; 32], bytes).unwrap();
            assert_eq!(back.facts(), &facts);
            let texts: Vec<String> = back
                .rows()
                .map(|row| row.unwrap().to_json("x").unwrap())
                .collect();
            let expected: Vec<String> = (0..n_rows)
                .map(|frame| row(frame).to_json("x").unwrap())
                .collect();
            assert_eq!(texts, expected);
        }
    }

    #[test]
    fn what_belongs_to_another_content_is_not_read() {
        let (bytes, _) = packed([7; 32], 3);
        assert!(Remembered::read(&[8; 32], bytes).is_none());
        assert!(Remembered::read(&[7; 32], Vec::new()).is_none());
    }

    #[test]
    fn an_item_with_too_many_rows_is_not_remembered() {
        let mut remembering = Remembering::new([0; 32]);
        // Some that do not pack: as many as fill the lid at a byte each.
        let rows: Vec<FaceRow> = (0..2_000).map(|i| row(i * i * 7_919)).collect();
        let mut n_bytes = 0;
        while n_bytes <= MAX_PACKED_BYTES {
            remembering.add(&rows);
            match &remembering.rows {
                Some(packed) => n_bytes = packed.get_ref().len(),
                None => break,
            }
        }
        assert!(remembering.finish(&Facts::default()).is_none());
    }

    #[test]
    fn every_part_of_the_key_counts() {
        let mut settings = JobSettings::new();
        settings.set("--every", "2");
        let (two, content) = (AnalysisHash::of(&settings), ContentHash::of(b"x"));
        settings.set("--every", "3");
        let three = AnalysisHash::of(&settings);
        let keys = [
            two.key(MediaKind::Photo, "", &content),
            three.key(MediaKind::Photo, "", &content),
            two.key(MediaKind::Video, "", &content),
            two.key(MediaKind::Video, "mp4", &content),
            two.key(MediaKind::Photo, "", &ContentHash::of(b"y")),
        ];
        for (i, key) in keys.iter().enumerate() {
            assert!(!keys[..i].contains(key), "{i}");
        }
        assert_eq!(two.key(MediaKind::Photo, "", &content), keys[0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever a disk does to it: it is not taken for what it was.
        #[test]
        fn a_changed_byte_is_noticed(n_rows in 0_u64..5, at in 0.0_f64..1.0, change in 1_u8.., cut in any::<bool>()) {
            let (mut bytes, _) = packed([3; 32], n_rows);
            let at = (bytes.len() as f64 * at) as usize;
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= change;
            }
            prop_assert!(Remembered::read(&[3; 32], bytes).is_none());
        }
    }
}
