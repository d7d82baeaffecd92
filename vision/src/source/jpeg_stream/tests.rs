use proptest::prelude::*;

use super::*;
use crate::source::clip::DEMO_CLIP;

/// What a splitter makes of these pieces: the bytes of good images, the reasons of bad ones.
fn split(pieces: &[&[u8]], max_bytes: usize) -> Vec<Result<Vec<u8>, BadFrame>> {
    let mut splitter = JpegSplitter::with_max_bytes(max_bytes);
    let mut all = Vec::new();
    let longest = pieces.iter().map(|piece| piece.len()).max().unwrap_or(0);
    for piece in pieces {
        splitter.push(piece);
        assert!(splitter.n_held() <= max_bytes + longest);
        while let Some(outcome) = splitter.next_frame() {
            all.push(outcome.map(|jpeg| jpeg.bytes));
        }
    }
    all
}

fn segment(code: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, code][..], &length, body].concat()
}

/// A small image with a whole JPEG as a thumbnail in a segment, as cameras write it.
fn image(scan: &[u8]) -> Vec<u8> {
    let header = segment(0xC0, &[8, 0, 48, 0, 64, 1, 1, 0x11, 0]);
    let scan_header = segment(0xDA, &[1, 1, 0, 0, 63, 0]);
    let thumbnail = [
        &[0xFF, 0xD8][..],
        &header,
        &scan_header,
        &[1, 2, 3, 0xFF, 0xD9],
    ]
    .concat();
    [
        &[0xFF, 0xD8][..],
        &segment(0xE1, &thumbnail),
        &header,
        &scan_header,
        scan,
        &[0xFF, 0xD9],
    ]
    .concat()
}

#[test]
fn the_demo_clip_falls_into_its_frames() {
    let all = split(&[DEMO_CLIP], MAX_JPEG_BYTES);
    assert_eq!(all.len(), 372);
    let joined: Vec<u8> = all.into_iter().flat_map(Result::unwrap).collect();
    assert!(joined == DEMO_CLIP);
    let mut splitter = JpegSplitter::new();
    splitter.push(DEMO_CLIP);
    let size = splitter.next_frame().unwrap().unwrap().size;
    assert_eq!((size.width, size.height), (400, 300));
}

#[test]
fn what_is_not_an_image_is_skipped_or_reported() {
    fn check(pieces: &[&[u8]], wanted: &[&str]) {
        let got: Vec<String> = split(&[&pieces.concat()], 2_000)
            .into_iter()
            .map(|outcome| match outcome {
                Ok(bytes) => format!("{}", bytes.len()),
                Err(reason) => reason.to_string(),
            })
            .collect();
        assert_eq!(got, wanted);
    }
    let good = image(&[5, 0xFF, 0, 0xFF, 0xD3, 6]);
    let long = image(&[7; 3_000]);
    let n_good = good.len().to_string();
    let n_good = n_good.as_str();
    let not = "not a JPEG image";
    check(&[&good], &[n_good]);
    check(
        &[
            b"--boundary\r\nContent-Length: 9\r\n\r\n",
            &good,
            b"\r\n",
            &good,
        ],
        &[n_good, n_good],
    );
    // Fill bytes before a marker belong to the image.
    let filled = [&good[..good.len() - 2], &[0xFF, 0xFF, 0xFF, 0xD9]].concat();
    check(&[&filled], &[&filled.len().to_string()]);
    // Cut in the scan: the next image tells.
    check(&[&good[..good.len() - 4], &good], &[not, n_good]);
    check(&[&long, &good], &["longer than 2000 bytes", n_good]);
    check(&[&[0xFF, 0xD8, 0xFF, 0xE0, 0, 1], &good], &[not, n_good]);
    check(&[&[0xFF, 0xD8, 0xFF, 0x00], &good], &[not, n_good]);
    // No header, no scan: ended, but no image.
    check(&[&[0xFF, 0xD8, 0xFF, 0xD9], &good], &[not, n_good]);
}

#[test]
fn sizes_are_found_without_decoding() {
    let size = jpeg_size(&image(&[1])).unwrap();
    assert_eq!((size.width, size.height), (64, 48));
    let whole = image(&[1]);
    assert!((0..whole.len()).all(|n| jpeg_size(&whole[..n]).is_none_or(|s| s == size)));
    assert!(jpeg_size(b"").is_none() && jpeg_size(&[0xFF, 0xD8, 0xFF]).is_none());
}

/// One part of a stream: a good image, garbage, or an image that was damaged.
fn part() -> impl Strategy<Value = Vec<u8>> {
    let scan = prop::collection::vec(0_u8..=0xFE, 0..200);
    prop_oneof![
        4 => scan.prop_map(|scan| image(&scan)),
        2 => prop::collection::vec(any::<u8>(), 0..60),
        1 => Just(image(&[9; 900])),
        2 => (prop::collection::vec(0_u8..=0xFE, 0..99), any::<prop::sample::Index>(), any::<u8>())
            .prop_map(|(scan, at, value)| {
                let mut bytes = image(&scan);
                let at = at.index(bytes.len());
                bytes[at] = value;
                bytes
            }),
        1 => prop::collection::vec(prop_oneof![Just(0xFF), Just(0xD8), Just(0xD9), Just(0)], 0..40),
    ]
}

proptest! {
    #[test]
    fn any_cut_of_a_stream_gives_the_same(
        parts in prop::collection::vec(part(), 0..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let stream = parts.concat();
        let whole = split(&[&stream], 600);
        let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        places.push(stream.len());
        places.sort_unstable();
        let mut pieces: Vec<&[u8]> = Vec::new();
        let mut from = 0;
        for place in places {
            pieces.push(&stream[from..place]);
            from = place;
        }
        prop_assert_eq!(&split(&pieces, 600), &whole);
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(&split(&bytes, 600), &whole);
    }

    #[test]
    fn good_images_survive_garbage_without_start_markers(
        scans in prop::collection::vec(prop::collection::vec(0_u8..=0xFE, 0..99), 1..6),
        garbage in prop::collection::vec(0_u8..=0xFE, 0..80),
    ) {
        let images: Vec<_> = scans.iter().map(|scan| image(scan)).collect();
        let stream = images.join(garbage.as_slice());
        let got: Vec<_> = split(&[&stream], 600).into_iter().map(Result::unwrap).collect();
        prop_assert_eq!(got, images);
    }
}
