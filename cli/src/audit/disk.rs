//! Looking for what must not be on the disk: pictures, films, and vectors such as embeddings are.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Result;
use regard_backends::{SqliteKeysReader, SqliteReader, StoredValue};
use regard_commitments::Evidence;
use regard_engine::to_hex;
use sha2::{Digest, Sha256};

use super::listed;
use crate::printable::shown;

/// Bytes read at once.
const CHUNK_LEN: usize = 1 << 20;

/// Longest beginning of a picture that is looked at: the first segment of a JPEG, which may have 64 KiB.
const HEAD_LEN: usize = 66_000;

/// Shortest vector looked for. Origin: the embeddings in use have 128 to 512 numbers.
const MIN_NUMBERS: usize = 64;

/// Longest vector looked at; longer stretches are looked at from their beginning.
const MAX_NUMBERS: usize = 4_096;

/// The file of the store, whose values are looked at one by one as well.
const STORE: &str = "regard.db";

/// The file of keys, looked at likewise.
const KEYS: &str = "keys.db";

/// Columns that hold what was sealed, and nothing else: by file, table and column.
const SEALED: [(&str, &str, &str); 5] = [
    (STORE, "sealed", "body"),
    (KEYS, "persons", "file"),
    (KEYS, "persons", "wrapped"),
    (KEYS, "purpose_keys", "wrapped"),
    (KEYS, "secrets", "wrapped"),
];

/// What templates of faces begin with where they are not sealed: their mark and version.
const TEMPLATE: &[u8] = b"RGT\0\x01";

/// Chi-squared of the sixteen upper halves of bytes past which a value is no ciphertext: one in 10¹² is by chance, with 15
/// degrees of freedom. Text is past it by hundreds.
const CIPHERTEXT_CHI_SQUARED: f64 = 92.0;

/// What was found on the disk.
pub(super) struct Disk {
    pub(super) pictures: Evidence,
    pub(super) embeddings: Evidence,
}

#[derive(Default)]
struct Findings {
    n_files: u64,
    n_bytes: u64,
    n_assets: u64,
    pictures: Vec<String>,
    vectors: Vec<String>,
    unread: Vec<String>,
}

/// Looks at every file of a data folder, and at every value of its store.
pub(super) async fn look(
    data_dir: &Path,
    reader: &SqliteReader,
    keys: Option<&SqliteKeysReader>,
) -> Result<Disk> {
    let mut findings = Findings::default();
    let mut folders = vec![data_dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let mut paths: Vec<PathBuf> = match fs::read_dir(&folder) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(error) => {
                findings.cannot(data_dir, &folder, &error);
                continue;
            }
        };
        paths.sort();
        for path in paths {
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => folders.push(path),
                Ok(metadata) if metadata.is_file() => findings.file(data_dir, &path),
                // Where a link leads is another folder's affair, and nobody looked there.
                Ok(_) => findings
                    .unread
                    .push(format!("{}: a link", named(data_dir, &path))),
                Err(error) => findings.cannot(data_dir, &path, &error),
            }
        }
    }
    let min_len = u32::try_from(MIN_NUMBERS)?;
    let mut n_values = 0;
    reader
        .each_value(min_len, |value| {
            n_values += 1;
            findings.value(STORE, value);
        })
        .await?;
    if let Some(keys) = keys {
        keys.each_value(min_len, |value| {
            n_values += 1;
            findings.value(KEYS, value);
        })
        .await?;
    }
    findings.pictures.sort();
    findings.vectors.sort();
    let (n_files, unread) = (findings.n_files, listed(findings.unread));
    Ok(Disk {
        pictures: Evidence::PicturesOnDisk {
            n_files,
            n_bytes: findings.n_bytes,
            n_values,
            n_assets: findings.n_assets,
            found: listed(findings.pictures),
            unread: unread.clone(),
        },
        embeddings: Evidence::EmbeddingsOnDisk {
            n_files,
            n_values,
            found: listed(findings.vectors),
            unread,
        },
    })
}

fn named(data_dir: &Path, path: &Path) -> String {
    shown(path.strip_prefix(data_dir).unwrap_or(path))
}

impl Findings {
    fn cannot(&mut self, data_dir: &Path, path: &Path, error: &std::io::Error) {
        // A file of a running installation may have gone since it was listed.
        if error.kind() != std::io::ErrorKind::NotFound {
            self.unread
                .push(format!("{}: {error}", named(data_dir, path)));
        }
    }

    fn value(&mut self, file: &str, value: &StoredValue) {
        let place = format!("{file} {}.{}", value.table, value.column);
        if let Some(what) = picture_in(&value.bytes) {
            self.pictures.push(format!("{place}: {what}"));
        }
        let column = (file, value.table.as_str(), value.column.as_str());
        let is_to_be_sealed = SEALED.contains(&column);
        if is_to_be_sealed && !is_ciphertext(&value.bytes) {
            self.vectors.push(format!("{place}: not sealed"));
        }
        if template_at(&value.bytes).is_some() {
            self.vectors.push(format!("{place}: a template of a face"));
        } else if !is_to_be_sealed && let Some(what) = vector_in(&value.bytes) {
            self.vectors.push(format!("{place}: {what}"));
        }
    }

    fn file(&mut self, data_dir: &Path, path: &Path) {
        let mut looked = Looked::default();
        if let Err(error) = looked.read(path) {
            self.cannot(data_dir, path, &error);
            return;
        }
        self.n_files += 1;
        self.n_bytes += looked.n_bytes;
        let name = named(data_dir, path);
        if name.starts_with("assets/") && is_named_by_hash(path, &looked.hash) {
            // What the owner shows: it came in as a message and has the hash of its bytes as its name.
            self.n_assets += 1;
            return;
        }
        self.pictures
            .extend(looked.picture.map(|what| format!("{name}: {what}")));
        self.vectors
            .extend(looked.vector.map(|what| format!("{name}: {what}")));
    }
}

fn is_named_by_hash(path: &Path, hash: &str) -> bool {
    path.file_stem().and_then(|stem| stem.to_str()) == Some(hash)
}

/// A file, looked at from beginning to end.
#[derive(Default)]
struct Looked {
    n_bytes: u64,
    hash: String,
    picture: Option<String>,
    vector: Option<String>,
}

impl Looked {
    fn read(&mut self, path: &Path) -> std::io::Result<()> {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut window: Vec<u8> = Vec::with_capacity(CHUNK_LEN + HEAD_LEN);
        // Where in the file the window begins.
        let mut from = 0_u64;
        loop {
            let kept = window.len();
            let n = file
                .by_ref()
                .take(CHUNK_LEN as u64)
                .read_to_end(&mut window)?;
            if n == 0 {
                break;
            }
            hasher.update(&window[kept..]);
            if from == 0 && kept == 0 {
                self.vector = vector_in(&window);
                self.picture = file_of_pictures(&window);
            }
            if self.vector.is_none() {
                let at = template_at(&window).map(|at| from + at as u64);
                self.vector = at.map(|at| format!("a template of a face at byte {at}"));
            }
            if self.picture.is_none()
                && let Some((at, what)) = find_picture(&window)
            {
                self.picture = Some(format!("{what} at byte {}", from + at as u64));
            }
            self.n_bytes += n as u64;
            // A picture may begin here and go on in the next.
            let rest = window.len().saturating_sub(HEAD_LEN);
            window.drain(..rest);
            from += rest as u64;
        }
        self.hash = to_hex(&hasher.finalize());
        Ok(())
    }
}

/// Kinds that are told by the first bytes of a file alone: too short to be looked for in the midst.
fn file_of_pictures(bytes: &[u8]) -> Option<String> {
    let what = match bytes {
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => "a BMP picture",
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => "a TIFF picture",
        [b'P', b'5' | b'6', b'\n' | b' ', ..] => "a PNM picture",
        [0x1A, 0x45, 0xDF, 0xA3, ..] => "a Matroska or WebM film",
        [0, 0, 1, 0xBA | 0xB3, ..] => "an MPEG film",
        _ => return None,
    };
    Some(what.to_owned())
}

fn picture_in(bytes: &[u8]) -> Option<String> {
    file_of_pictures(bytes).or_else(|| find_picture(bytes).map(|(_, what)| what.to_owned()))
}

/// The first picture or film that begins somewhere in these bytes.
fn find_picture(bytes: &[u8]) -> Option<(usize, &'static str)> {
    (0..bytes.len()).find_map(|at| Some((at, picture_at(&bytes[at..])?)))
}

/// What begins with these bytes, of which there is at least one.
fn picture_at(bytes: &[u8]) -> Option<&'static str> {
    let begins = |with: &[u8]| bytes.starts_with(with);
    let (is_one, what) = match bytes[0] {
        0xFF => (is_jpeg(bytes), "a JPEG picture"),
        0x89 => (begins(b"\x89PNG\r\n\x1a\n"), "a PNG picture"),
        b'G' => (begins(b"GIF87a") || begins(b"GIF89a"), "a GIF picture"),
        b'R' => return riff(bytes),
        // The length of the box stands before its name.
        0 if bytes.get(4..8) == Some(b"ftyp") => {
            let is_length = begins(&[0; 3]) && (8..=128).contains(&bytes[3]);
            (is_length, "an MP4 film or HEIF picture")
        }
        b'Y' => (begins(b"YUV4MPEG2 "), "a raw film"),
        b'/' => (
            begins(b"/9j/4") || begins(b"/9j/2"),
            "a JPEG picture in base64",
        ),
        b'i' => (begins(b"iVBORw0KGgo"), "a PNG picture in base64"),
        _ => return None,
    };
    is_one.then_some(what)
}

fn riff(bytes: &[u8]) -> Option<&'static str> {
    match (bytes.get(..4)?, bytes.get(8..12)?) {
        (b"RIFF", b"WEBP") => Some("a WebP picture"),
        (b"RIFF", b"AVI ") => Some("an AVI film"),
        _ => None,
    }
}

/// A start of image, a segment, and a marker behind that: with three bytes alone every hash of a large
/// store would be a picture now and then.
fn is_jpeg(bytes: &[u8]) -> bool {
    let [0xFF, 0xD8, 0xFF, marker, high, low, ..] = bytes else {
        return false;
    };
    // Tables, frame headers, application segments, comment.
    let is_segment = matches!(marker, 0xC0..=0xC4 | 0xDB | 0xDD | 0xE0..=0xEF | 0xFE);
    let next = 4 + usize::from(u16::from_be_bytes([*high, *low]));
    is_segment && bytes.get(next) == Some(&0xFF) && bytes.get(next + 1).is_some_and(|m| *m >= 0xC0)
}

/// A vector such as an embedding is, if these bytes are one: numbers of 4 or 8 bytes, or as JSON.
fn vector_in(bytes: &[u8]) -> Option<String> {
    if bytes.starts_with(b"\x93NUMPY") {
        return Some("an array of NumPy".to_owned());
    }
    let singles = numbers(bytes, |b: &[u8; 4]| f64::from(f32::from_le_bytes(*b)));
    if is_vector(bytes, 4, &singles) {
        return Some(format!("{} numbers of 4 bytes", bytes.len() / 4));
    }
    let doubles = numbers(bytes, |b: &[u8; 8]| f64::from_le_bytes(*b));
    if is_vector(bytes, 8, &doubles) {
        return Some(format!("{} numbers of 8 bytes", bytes.len() / 8));
    }
    let halves = numbers(bytes, |b: &[u8; 2]| half(u16::from_le_bytes(*b)));
    let n_zeros = halves.iter().filter(|x| **x == 0.0).count();
    // Short numbers are easily met by chance in long files of mixed content, and in padding.
    let is_short = bytes.len() <= 2 * MAX_NUMBERS && 2 * n_zeros <= halves.len();
    if is_short && is_vector(bytes, 2, &halves) {
        return Some(format!("{} numbers of 2 bytes", bytes.len() / 2));
    }
    if is_quantized(bytes, CHANCE) {
        return Some(format!("{} numbers of 1 byte", bytes.len()));
    }
    unit_vector_in_json(bytes).map(|n| format!("a unit vector of {n} numbers"))
}

/// Where a template of a face that is not sealed begins in these bytes.
fn template_at(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(TEMPLATE.len())
        .position(|window| window == TEMPLATE)
}

/// A number of IEEE 754 half precision.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1_023));
    sign * match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 => f64::INFINITY,
        _ => (1.0 + fraction / 1_024.0) * 2_f64.powi(exponent - 15),
    }
}

/// How many standard deviations closer to 0 than chance puts it a value of bytes must lie to be called numbers: of bytes of
/// no kind in particular three in ten million are so by chance, of sealed values, of which there may be millions, one in 10¹².
const CHANCE: f64 = 5.0;
const CHANCE_OF_SEALED: f64 = 7.0;

/// Standard deviation of bytes that are spread evenly, read as numbers from -128 to 127.
const EVEN: f64 = 73.9;

/// How far the standard deviation of 128 such bytes is off by chance: 1/4 of their excess over a bell's, by its fourth moment.
const EVEN_OFF: f64 = 2.92;

/// Whether these are whole numbers of one byte such as a vector is kept in: around 0, of both signs, and closer to it than
/// bytes that are spread evenly, such as those of a ciphertext. Bytes of text are not negative.
fn is_quantized(bytes: &[u8], chance: f64) -> bool {
    if !(2 * MIN_NUMBERS..=MAX_NUMBERS).contains(&bytes.len()) {
        return false;
    }
    let n = bytes.len() as f64;
    let numbers = bytes.iter().map(|b| f64::from(b.cast_signed()));
    let mean = numbers.clone().sum::<f64>() / n;
    let variance = numbers.clone().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let n_negative = numbers.clone().filter(|x| *x < 0.0).count() as f64;
    let n_positive = numbers.filter(|x| *x > 0.0).count() as f64;
    let is_around_zero = mean.abs() < 12.0 && n_negative >= 0.25 * n && n_positive >= 0.25 * n;
    let most = EVEN - chance * EVEN_OFF * (128.0 / n).sqrt();
    // Below 4 it would be mostly zeros: a bitmap, or padding.
    is_around_zero && (4.0..most).contains(&variance.sqrt())
}

/// Whether these bytes are spread as those of a ciphertext are: every upper half of a byte as often as every other, and as far
/// from 0.
fn is_ciphertext(bytes: &[u8]) -> bool {
    let mut counts = [0_u32; 16];
    for byte in bytes {
        counts[usize::from(byte >> 4)] += 1;
    }
    let expected = bytes.len() as f64 / 16.0;
    let chi_squared: f64 = counts
        .iter()
        .map(|count| (f64::from(*count) - expected).powi(2) / expected)
        .sum();
    chi_squared < CIPHERTEXT_CHI_SQUARED && !is_quantized(bytes, CHANCE_OF_SEALED)
}

fn numbers<const N: usize>(bytes: &[u8], read: impl Fn(&[u8; N]) -> f64) -> Vec<f64> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().take(MAX_NUMBERS).map(read).collect()
}

/// Whether these are numbers that were computed, rather than bytes of something else: nearly all of a
/// common size, of both signs. Of random bytes one in ten is so by chance, and of text none is negative.
fn is_vector(bytes: &[u8], each: usize, numbers: &[f64]) -> bool {
    if !bytes.len().is_multiple_of(each) || numbers.len() < MIN_NUMBERS {
        return false;
    }
    let n = numbers.len() as f64;
    let count = |is: fn(&f64) -> bool| numbers.iter().filter(|x| is(x)).count() as f64;
    let n_common = count(|x| *x == 0.0 || (1e-6..=100.0).contains(&x.abs()));
    let n_negative = count(|x| *x < 0.0);
    let n_positive = count(|x| *x > 0.0);
    n_common >= 0.95 * n && n_negative >= 0.05 * n && n_positive >= 0.05 * n
}

/// Numbers of the first list of JSON with the length 1, if there is one. What policies learn are lists
/// too, of other lengths.
fn unit_vector_in_json(bytes: &[u8]) -> Option<usize> {
    fn first(value: &serde_json::Value) -> Option<usize> {
        match value {
            serde_json::Value::Array(items) => {
                let numbers: Option<Vec<f64>> =
                    items.iter().map(serde_json::Value::as_f64).collect();
                let squares = numbers
                    .filter(|numbers| numbers.len() >= MIN_NUMBERS)
                    .map(|numbers| numbers.iter().map(|x| x * x).sum::<f64>());
                match squares {
                    Some(sum) if (sum - 1.0).abs() < 0.02 => Some(items.len()),
                    Some(_) | None => items.iter().find_map(first),
                }
            }
            serde_json::Value::Object(fields) => fields.values().find_map(first),
            _ => None,
        }
    }
    let begins = bytes.iter().find(|b| !b.is_ascii_whitespace());
    matches!(begins, Some(b'{' | b'['))
        .then(|| serde_json::from_slice(bytes).ok())
        .flatten()
        .and_then(|value| first(&value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bits of half precision, rounded towards 0; of numbers from -1 to 1.
    fn to_half(x: f64) -> u16 {
        let sign = if x < 0.0 { 0x8000 } else { 0 };
        let x = x.abs();
        if x < 2_f64.powi(-14) {
            return sign | (x * 2_f64.powi(24)) as u16;
        }
        let exponent = x.log2().floor() as i32;
        let fraction = (x / 2_f64.powi(exponent) - 1.0) * 1_024.0;
        sign | ((exponent + 15) as u16) << 10 | (fraction as u16).min(1_023)
    }

    #[test]
    fn half_precision_is_read() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_953_125),
            (1, 2_f64.powi(-24)),
        ] {
            assert_eq!(half(bits), value, "{bits:x}");
        }
        for x in [0.5, -0.75, 0.01, -1.0, 0.0] {
            assert!((half(to_half(x)) - x).abs() <= x.abs() / 1_000.0, "{x}");
        }
    }

    fn picture(format: image::ImageFormat) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let picture = image::DynamicImage::from(image::RgbImage::new(33, 17));
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn jpeg() -> Vec<u8> {
        picture(image::ImageFormat::Jpeg)
    }

    #[test]
    fn pictures_are_found_wherever_they_are() {
        let mut hidden = vec![7; 100_000];
        hidden.extend(jpeg());
        assert_eq!(find_picture(&hidden), Some((100_000, "a JPEG picture")));
        for format in [
            image::ImageFormat::Png,
            image::ImageFormat::Gif,
            image::ImageFormat::WebP,
            image::ImageFormat::Bmp,
            image::ImageFormat::Tiff,
            image::ImageFormat::Jpeg,
        ] {
            assert!(picture_in(&picture(format)).is_some(), "{format:?}");
        }
        let film =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/fixtures/clip/demo.mjpeg");
        let mut looked = Looked::default();
        looked.read(&film).unwrap();
        assert_eq!(looked.picture.as_deref(), Some("a JPEG picture at byte 0"));
        assert!(picture_in(b"\0\0\0\x18ftypmp42\0\0\0\0").is_some());
        assert!(picture_in(b"{\"x\":\"/9j/4AAQSkZJRg\"}").is_some());
    }

    #[test]
    fn a_picture_over_the_edge_of_what_is_read_at_once_is_found() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for before in [CHUNK_LEN - 1, CHUNK_LEN - 20, CHUNK_LEN, 2 * CHUNK_LEN - 3] {
            let bytes = [vec![1; before], jpeg(), vec![1; 5]].concat();
            fs::write(file.path(), &bytes).unwrap();
            let mut looked = Looked::default();
            looked.read(file.path()).unwrap();
            let expected = format!("a JPEG picture at byte {before}");
            assert_eq!(looked.picture, Some(expected));
            assert_eq!(looked.n_bytes, bytes.len() as u64);
            assert_eq!(looked.hash, to_hex(&Sha256::digest(&bytes)));
        }
    }

    #[test]
    fn embeddings_are_found_and_learned_sums_are_not() {
        let unit: Vec<f32> = (0..128)
            .map(|i| ((i * 37 % 101) as f32 - 50.0) / 331.0)
            .collect();
        let bytes: Vec<u8> = unit.iter().flat_map(|x| x.to_le_bytes()).collect();
        assert!(vector_in(&bytes).is_some());
        let doubles: Vec<u8> = unit
            .iter()
            .flat_map(|x| f64::from(*x).to_le_bytes())
            .collect();
        assert!(vector_in(&doubles).is_some());
        let length: f32 = unit.iter().map(|x| x * x).sum::<f32>().sqrt();
        let json: Vec<f32> = unit.iter().map(|x| x / length).collect();
        let json = serde_json::json!({"v": json}).to_string();
        assert_eq!(unit_vector_in_json(json.as_bytes()), Some(128));
        let sums: Vec<f32> = unit.iter().map(|x| x * 40.0).collect();
        let json = serde_json::json!({"a": [[1.0, 2.0], sums]}).to_string();
        assert_eq!(vector_in(json.as_bytes()), None);
    }

    proptest! {
        #[test]
        fn random_bytes_and_texts_are_neither(
            bytes in prop::collection::vec(any::<u8>(), 256..4_096),
            text in "[ -~]{300,900}",
        ) {
            prop_assert_eq!(vector_in(&bytes), None);
            prop_assert_eq!(vector_in(text.as_bytes()), None);
            prop_assert_eq!(template_at(&bytes), None);
            prop_assert!(is_ciphertext(&bytes) && !is_ciphertext(text.as_bytes()));
        }

        /// Vectors as templates hold them: drawn from a bell, scaled so that the largest number is 127.
        #[test]
        fn quantized_vectors_are_found_and_are_no_ciphertext(
            sums in prop::collection::vec(prop::collection::vec(-1.0_f64..1.0, 12), 400..513),
        ) {
            let values: Vec<f64> = sums.iter().map(|parts| parts.iter().sum()).collect();
            let most = values.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
            let bytes: Vec<u8> = values
                .iter()
                .map(|x| ((x / most * 127.0).round() as i8).cast_unsigned())
                .collect();
            prop_assert!(vector_in(&bytes).is_some());
            prop_assert!(!is_ciphertext(&bytes));
            let template = [b"RGT\0\x01\0", bytes.as_slice()].concat();
            prop_assert_eq!(template_at(&[b"before ", template.as_slice()].concat()), Some(7));
            let halves: Vec<u8> = values
                .iter()
                .flat_map(|x| to_half(x / most).to_le_bytes())
                .collect();
            prop_assert!(vector_in(&halves).is_some());
        }
    }
}
