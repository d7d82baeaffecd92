//! What a photograph says about itself besides its pixels.

use std::io::Cursor;

use exif::{Exif, In, Tag, Value};

use super::PhotoFormat;
use crate::jpeg::exif_of;

/// Largest file besides JPEG whose EXIF block is looked for, which takes a copy of it.
const MAX_BYTES: usize = 64 << 20;

/// What the camera wrote into a photograph; nothing where it did not, or where that makes no sense.
///
/// # Privacy
/// Where it was taken only where that was asked for.
///
/// # Source
/// EXIF 2.32, 4.6.4 to 4.6.6.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PhotoFacts {
    /// Orientation, 1 to 8.
    pub orientation: Option<u8>,
    /// When it was taken: seconds from 1970-01-01T00:00:00 on the clock of the camera, whatever its zone.
    pub taken_at_secs: Option<i64>,
    /// Minutes that clock was ahead of universal time.
    pub taken_at_offset_min: Option<i16>,
    /// Degrees north and east.
    pub place: Option<(f64, f64)>,
}

/// Reads them from the bytes of a photograph.
pub fn photo_facts(bytes: &[u8], with_place: bool) -> PhotoFacts {
    let mut reader = exif::Reader::new();
    reader.continue_on_error(true);
    let read = match PhotoFormat::sniff(bytes) {
        Some(PhotoFormat::Jpeg) => exif_of(bytes).map(|block| reader.read_raw(block.to_vec())),
        Some(PhotoFormat::Png | PhotoFormat::WebP | PhotoFormat::Tiff)
            if bytes.len() <= MAX_BYTES =>
        {
            Some(reader.read_from_container(&mut Cursor::new(bytes)))
        }
        Some(_) | None => None,
    };
    let exif = match read {
        Some(Ok(exif)) => exif,
        Some(Err(error)) => match error.distill_partial_result(|_| {}) {
            Ok(exif) => exif,
            Err(_) => return PhotoFacts::default(),
        },
        None => return PhotoFacts::default(),
    };
    let text = |tags: [Tag; 2]| tags.into_iter().find_map(|tag| ascii(&exif, tag));
    PhotoFacts {
        orientation: exif
            .get_field(Tag::Orientation, In::PRIMARY)
            .and_then(|field| field.value.get_uint(0))
            .and_then(|value| u8::try_from(value).ok())
            .filter(|value| (1..=8).contains(value)),
        taken_at_secs: text([Tag::DateTimeOriginal, Tag::DateTimeDigitized])
            .and_then(|text| secs_of(&text)),
        taken_at_offset_min: text([Tag::OffsetTimeOriginal, Tag::OffsetTimeDigitized])
            .and_then(|text| offset_of(&text)),
        place: with_place.then(|| place_of(&exif)).flatten(),
    }
}

fn ascii(exif: &Exif, tag: Tag) -> Option<String> {
    match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(parts) => {
            let text = String::from_utf8_lossy(parts.first()?);
            Some(text.trim_matches(['\0', ' ']).to_owned())
        }
        _ => None,
    }
}

/// `2026:11:30 12:34:56` in seconds.
///
/// # Source
/// Year, month and day to days: Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
fn secs_of(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        let is_number = digits.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| digits.parse().ok()).flatten()
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let leap = i64::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + leap,
        _ => return None,
    };
    // Cameras whose clock was never set write zeros.
    let is_time = year > 0 && (1..=last).contains(&day) && hour < 24 && minute < 60 && second < 61;
    if !is_time {
        return None;
    }
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let from_march = (month + 9) % 12;
    let day_of_era =
        of_era * 365 + of_era / 4 - of_era / 100 + (153 * from_march + 2) / 5 + day - 1;
    let days = era * 146_097 + day_of_era - 719_468;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// `+01:00` in minutes.
fn offset_of(text: &str) -> Option<i16> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours: i16 = text.get(1..3)?.parse().ok()?;
    let minutes: i16 = text.get(4..6)?.parse().ok()?;
    // The zones of the earth lie from -12 to +14 hours.
    let offset = sign * (hours * 60 + minutes);
    ((0..=14).contains(&hours) && (0..60).contains(&minutes) && (-720..=840).contains(&offset))
        .then_some(offset)
}

fn place_of(exif: &Exif) -> Option<(f64, f64)> {
    let degrees = |tag: Tag, reference: Tag, negative: &str, most: f64| {
        let Value::Rational(parts) = &exif.get_field(tag, In::PRIMARY)?.value else {
            return None;
        };
        let [degrees, minutes, seconds] = parts.get(..3)? else {
            return None;
        };
        let value = degrees.to_f64() + minutes.to_f64() / 60.0 + seconds.to_f64() / 3_600.0;
        let is_negative = ascii(exif, reference)?.eq_ignore_ascii_case(negative);
        // A millionth of a degree is a tenth of a metre.
        let value = (if is_negative { -value } else { value } * 1e6).round() / 1e6;
        (value.is_finite() && value.abs() <= most).then_some(value)
    };
    Some((
        degrees(Tag::GPSLatitude, Tag::GPSLatitudeRef, "S", 90.0)?,
        degrees(Tag::GPSLongitude, Tag::GPSLongitudeRef, "W", 180.0)?,
    ))
}

#[cfg(test)]
mod tests {
    use exif::Field;
    use exif::experimental::Writer;

    use super::*;

    /// A JPEG that is nothing but a block of these fields.
    fn jpeg(fields: &[(Tag, Value)]) -> Vec<u8> {
        let fields: Vec<Field> = fields
            .iter()
            .map(|(tag, value)| Field {
                tag: *tag,
                ifd_num: In::PRIMARY,
                value: value.clone(),
            })
            .collect();
        let mut writer = Writer::new();
        fields.iter().for_each(|field| writer.push_field(field));
        let mut block = Cursor::new(Vec::new());
        writer.write(&mut block, false).unwrap();
        let body = [b"Exif\0\0", block.into_inner().as_slice()].concat();
        let len = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
        let photo = std::fs::read(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../testkit/fixtures/photos/grace_hopper.jpg"
        ))
        .unwrap();
        [&[0xFF, 0xD8, 0xFF, 0xE1], &len[..], &body, &photo[2..]].concat()
    }

    fn ascii_value(text: &str) -> Value {
        Value::Ascii(vec![text.as_bytes().to_vec()])
    }

    fn rationals(numbers: [u32; 3]) -> Value {
        let rational = |num| exif::Rational { num, denom: 1 };
        Value::Rational(numbers.map(rational).to_vec())
    }

    #[test]
    fn what_the_camera_wrote_is_read() {
        let fields = [
            (Tag::Orientation, Value::Short(vec![6])),
            (Tag::DateTimeOriginal, ascii_value("2000:02:29 12:34:56")),
            (Tag::OffsetTimeOriginal, ascii_value("-03:30")),
            (Tag::GPSLatitudeRef, ascii_value("S")),
            (Tag::GPSLatitude, rationals([33, 51, 36])),
            (Tag::GPSLongitudeRef, ascii_value("E")),
            (Tag::GPSLongitude, rationals([151, 12, 0])),
        ];
        let photo = jpeg(&fields);
        let mut expected = PhotoFacts {
            orientation: Some(6),
            taken_at_secs: Some(951_827_696),
            taken_at_offset_min: Some(-210),
            place: Some((-33.86, 151.2)),
        };
        assert_eq!(photo_facts(&photo, true), expected);
        expected.place = None;
        assert_eq!(photo_facts(&photo, false), expected);
        assert_eq!(photo_facts(b"text", true), PhotoFacts::default());
    }

    #[test]
    fn what_makes_no_sense_is_nothing() {
        for bad in [
            "",
            "0000:00:00 00:00:00",
            "2023:02:29 00:00:00",
            "2023:01:01 24:00:00",
            "yesterday at noon, or so",
        ] {
            assert_eq!(secs_of(bad), None, "{bad}");
        }
        assert_eq!(secs_of("1970-01-01T00:00:01"), Some(1));
        for bad in ["", "01:00", "+25:00", "+1", "+14:30", "-13:00"] {
            assert_eq!(offset_of(bad), None, "{bad}");
        }
        assert_eq!(offset_of("+05:45"), Some(345));
    }
}
