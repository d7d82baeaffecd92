//! Headers that promise too much, videos cut in half, files that may not be read.

use std::ffi::OsStr;
use std::fs;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use regard_testkit::wall::clip_jpegs;

use super::parsed;
use crate::program::{fixture, program, said_by};

/// Side of the pictures that are promised, in pixels: 2.7 GB as RGB.
const SIDE: u16 = 30_000;

/// Most memory that a run on damaged files may take, in bytes. Networks and threads take 150 MB of it.
const MAX_PEAK_BYTES: u64 = 400 << 20;

fn png() -> Vec<u8> {
    fs::read(fixture("hostile/huge_header.png")).unwrap()
}

fn jpeg() -> Vec<u8> {
    fs::read(fixture("hostile/huge_header.jpg")).unwrap()
}

/// The screen, then as many pictures, each as large as the screen and without its data.
fn gif(n_pictures: usize) -> Vec<u8> {
    let side = SIDE.to_le_bytes();
    let mut bytes = [b"GIF89a", side.as_slice(), &side, &[0x80, 0, 0], &[0; 6]].concat();
    for _ in 0..n_pictures {
        bytes.extend([0x21, 0xF9, 4, 0, 10, 0, 0, 0]);
        bytes.extend([b",\0\0\0\0".as_slice(), &side, &side, &[0]].concat());
        bytes.extend([2, 2, 0x4C, 1, 0]);
    }
    bytes.push(b';');
    bytes
}

fn bmp() -> Vec<u8> {
    let side = u32::from(SIDE).to_le_bytes();
    let head = [
        b"BM",
        [0; 8].as_slice(),
        &54_u32.to_le_bytes(),
        &40_u32.to_le_bytes(),
    ]
    .concat();
    [head.as_slice(), &side, &side, &[1, 0, 24, 0], &[0; 64]].concat()
}

/// One strip that would hold it all, and does not.
fn tiff() -> Vec<u8> {
    let side = u32::from(SIDE);
    let fields: [(u16, u32); 8] = [
        (256, side),
        (257, side),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (278, side),
        (279, side * side),
    ];
    let mut bytes = b"II*\0\x08\0\0\0\x08\0".to_vec();
    for (tag, value) in fields {
        bytes.extend([tag.to_le_bytes(), 4_u16.to_le_bytes()].concat());
        bytes.extend([1_u32.to_le_bytes(), value.to_le_bytes()].concat());
    }
    bytes.extend([0; 4]);
    bytes
}

fn webp() -> Vec<u8> {
    let side = (u32::from(SIDE) - 1).to_le_bytes();
    let canvas = [&[0, 0, 0, 0], &side[..3], &side[..3]].concat();
    let body = [b"WEBPVP8X", 10_u32.to_le_bytes().as_slice(), &canvas].concat();
    let len = (body.len() as u32).to_le_bytes();
    [b"RIFF", len.as_slice(), &body].concat()
}

/// Runs it, and looks at its memory all the while; what it said, and the peak in bytes.
fn watched(arguments: &[&OsStr]) -> (i32, String, u64) {
    let mut child = program()
        .arg("analyze")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kb = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        peak = peak.max(kb.unwrap_or(0) * 1024);
        sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap_or(-1), said, peak)
}

#[test]
fn headers_of_30000_by_30000_are_refused_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let too_large = "too large: 30000x30000";
    let files: [(&str, Vec<u8>, &str); 7] = [
        ("a.jpg", jpeg(), too_large),
        ("b.png", png(), too_large),
        ("c.gif", gif(1), too_large),
        ("d.gif", gif(2), too_large),
        ("e.bmp", bmp(), too_large),
        ("f.tiff", tiff(), too_large),
        // Only a canvas of WebP can be so large, never the picture on it, of which there is none.
        ("g.webp", webp(), "damaged WebP image"),
    ];
    for (name, bytes, _) in &files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    fs::copy(
        fixture("photos/astronaut.webp"),
        folder.path().join("h.webp"),
    )
    .unwrap();
    let (code, said, peak) = watched(&[folder.path().as_os_str()]);
    assert_eq!(code, 2, "{said}");
    let errors: Vec<&str> = said.lines().filter(|l| l.starts_with("error: ")).collect();
    assert_eq!(errors.len(), files.len(), "{said}");
    for ((name, _, reason), error) in files.iter().zip(&errors) {
        assert!(error.contains(name) && error.contains(reason), "{said}");
    }
    if peak == 0 {
        println!("skipped: memory of the program is not measured, no /proc");
    }
    println!("peak {} MiB", peak >> 20);
    assert!(peak < MAX_PEAK_BYTES, "{peak} bytes");
}

#[test]
fn text_by_any_name_is_not_an_image() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "a.jpg", "b.png", "c.gif", "d.bmp", "e.tiff", "f.webp", "g.JPEG",
    ];
    for name in names {
        fs::write(folder.path().join(name), "This is a text.\n".repeat(100)).unwrap();
    }
    let said = said_by(program().arg("analyze").arg(folder.path()));
    assert_eq!(
        (said.code, said.errors().len()),
        (1, names.len()),
        "{}",
        said.err
    );
    for error in said.errors() {
        assert!(error.ends_with(": not an image"), "{error}");
    }
}

/// The first frames of the demo clip, one after the other.
fn clip(n_frames: usize) -> Vec<u8> {
    clip_jpegs()[..n_frames].concat()
}

fn is_ffmpeg_there() -> bool {
    let mut ffmpeg = Command::new("ffmpeg");
    let found = ffmpeg
        .arg("-version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    found.status().is_ok_and(|status| status.success())
}

/// A film in a container, made by `ffmpeg` from the clip.
fn film(folder: &Path, name: &str, options: &[&str]) -> Vec<u8> {
    let clip_file = folder.join("clip.mjpeg");
    fs::write(&clip_file, clip(10)).unwrap();
    let file = folder.join(name);
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "mjpeg", "-r", "15", "-i"])
        .arg(&clip_file)
        .args(options)
        .arg(&file)
        .status()
        .unwrap();
    assert!(status.success(), "{name}");
    let bytes = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    fs::remove_file(&clip_file).unwrap();
    bytes
}

/// What is said of a film of which the first half is there, and how many frames had a face.
fn half(folder: &Path, name: &str, bytes: &[u8]) -> (String, usize) {
    let file = folder.join(name);
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let said = said_by(program().arg("analyze").arg(&file));
    assert!(!said.err.contains("panicked"), "{}", said.err);
    assert_eq!(said.errors().len(), 1, "{}", said.err);
    let frames: Vec<u64> = parsed(&said.out)
        .iter()
        .map(|r| r["frame"].as_u64().unwrap())
        .collect();
    // The man is in every frame of this part, so that a missing frame would show.
    assert!(
        frames.iter().copied().eq(0..frames.len() as u64),
        "{frames:?}"
    );
    let code = if frames.is_empty() { 1 } else { 2 };
    assert_eq!(said.code, code, "{}", said.err);
    (said.errors()[0].to_owned(), frames.len())
}

#[test]
fn half_a_bare_clip_is_half_done() {
    let folder = tempfile::tempdir().unwrap();
    let (error, n_frames) = half(folder.path(), "half.mjpeg", &clip(8));
    assert!(error.contains("the video is cut short after"), "{error}");
    assert!((2..8).contains(&n_frames), "{n_frames}");
}

#[test]
fn half_a_film_is_half_done() {
    if !is_ffmpeg_there() {
        println!("skipped: ffmpeg not found");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let h264_or_mpeg4 = ["-c:v", "mpeg4", "-g", "2", "-pix_fmt", "yuv420p"];
    let first = [h264_or_mpeg4.as_slice(), &["-movflags", "+faststart"]].concat();
    let cases: [(&str, &[&str], bool); 5] = [
        // Its table stands at the end, and nothing can be read without.
        ("end.mp4", &h264_or_mpeg4, false),
        ("start.mp4", &first, true),
        ("a.mkv", &h264_or_mpeg4, true),
        ("native.avi", &["-c", "copy"], true),
        ("other.avi", &h264_or_mpeg4, true),
    ];
    for (name, options, gives_frames) in cases {
        let bytes = film(folder.path(), name, options);
        let (error, n_frames) = half(folder.path(), name, &bytes);
        assert_eq!(n_frames > 0, gives_frames, "{name}: {n_frames}, {error}");
        assert!(n_frames < 10, "{name}: {n_frames}");
        let says = if gives_frames {
            "cut short after"
        } else {
            "ffmpeg failed after 0 frames"
        };
        assert!(error.contains(says), "{name}: {error}");
    }
}

#[test]
fn half_a_gif_is_half_done() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new_with_speed(&mut bytes, 30);
    for jpeg in 0..6 {
        let one = clip(jpeg + 1).split_off(if jpeg == 0 { 0 } else { clip(jpeg).len() });
        let mut reader = image::ImageReader::new(Cursor::new(one));
        reader.set_format(image::ImageFormat::Jpeg);
        let pixels = reader.decode().unwrap().into_rgba8();
        encoder.encode_frame(image::Frame::new(pixels)).unwrap();
    }
    drop(encoder);
    let (error, n_frames) = half(folder.path(), "half.gif", &bytes);
    assert!((2..6).contains(&n_frames), "{n_frames}");
    assert!(error.contains("damaged video after"), "{error}");
}

/// The program as a user who may do nothing, where that can be had: as it is when the tests run as such
/// a user themselves.
fn as_nobody(folder: &Path, unreadable: &Path) -> Option<Command> {
    if fs::read(unreadable).is_err() {
        return Some(program());
    }
    // Where this file lies nobody may look; so it is copied.
    let copy = folder.join("regard");
    fs::copy(program().get_program(), &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(&copy)
        .env_clear()
        .env("ORT_DYLIB_PATH", "/nonexistent/libonnxruntime.so");
    let mut trial = Command::new("setpriv");
    let works = trial
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(&copy)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    works.status().is_ok_and(|s| s.success()).then_some(command)
}

#[test]
fn what_may_not_be_read_is_a_line_and_the_rest_is_done() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let inside = folder.path().join("in");
    fs::create_dir_all(inside.join("b")).unwrap();
    for name in ["a.webp", "c.webp"] {
        fs::copy(fixture("photos/astronaut.webp"), inside.join(name)).unwrap();
    }
    let closed = fs::Permissions::from_mode(0o0);
    fs::set_permissions(inside.join("a.webp"), closed.clone()).unwrap();
    fs::set_permissions(inside.join("b"), closed).unwrap();
    let Some(mut command) = as_nobody(folder.path(), &inside.join("a.webp")) else {
        println!("skipped: this user may read everything, and setpriv cannot make it another");
        return;
    };
    let said = said_by(command.arg("analyze").arg(&inside));
    // So that the folder can be removed.
    fs::set_permissions(inside.join("b"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!((said.code, said.errors().len()), (2, 2), "{}", said.err);
    for (error, name) in said.errors().iter().zip(["/a.webp: ", "/b: "]) {
        assert!(
            error.contains(name) && error.contains("ermission denied"),
            "{error}"
        );
    }
    assert_eq!(said.out.lines().count(), 1, "{}", said.out);
}

#[test]
fn a_file_that_fails_while_it_is_read_is_a_line() {
    let file = Path::new("/proc/self/mem");
    if !file.exists() {
        println!("skipped: no file here fails while it is read, no /proc");
        return;
    }
    let photo = fixture("photos/astronaut.webp");
    let said = said_by(program().arg("analyze").arg(file).arg(photo));
    assert_eq!((said.code, said.errors().len()), (2, 1), "{}", said.err);
    assert!(
        said.errors()[0].starts_with("error: /proc/self/mem: "),
        "{}",
        said.err
    );
}

/// A chunk of a PNG; nobody looks at its sum where the decoder leaves it out.
fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let summed = [kind.as_slice(), body].concat();
    let mut crc = u32::MAX;
    for byte in &summed {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let len = (body.len() as u32).to_be_bytes();
    [&len[..], &summed, &(!crc).to_be_bytes()].concat()
}

/// Zlib of zeros: one byte, and so many times 258 more of what came before, 13 bits each.
fn zeros(n_times: usize) -> Vec<u8> {
    let mut bytes = vec![0x78, 1];
    let (mut waiting, mut n_waiting) = (0_u32, 0);
    let mut put = |bits: &[u8]| {
        for bit in bits {
            waiting |= u32::from(*bit) << n_waiting;
            n_waiting += 1;
            if n_waiting == 8 {
                bytes.push(waiting as u8);
                (waiting, n_waiting) = (0, 0);
            }
        }
    };
    // The last block, of fixed codes; a literal 0.
    put(&[1, 1, 0]);
    put(&[0, 0, 1, 1, 0, 0, 0, 0]);
    for _ in 0..n_times {
        put(&[1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
    }
    put(&[0; 7]);
    put(&[0; 7]);
    bytes
}

#[test]
fn what_stands_beside_the_pixels_takes_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(fixture("photos/astronaut.png")).unwrap();
    // The header ends there. A profile, and texts, of a gigabyte each.
    let at = 33;
    let bomb = zeros((1 << 30) / 258);
    let beside = [
        (
            "a.png",
            chunk(b"iCCP", &[b"x\0\0", bomb.as_slice()].concat()),
        ),
        (
            "b.png",
            chunk(b"zTXt", &[b"x\0\0", bomb.as_slice()].concat()),
        ),
        (
            "c.png",
            chunk(b"iTXt", &[b"x\0\x01\0\0\0", bomb.as_slice()].concat()),
        ),
    ];
    for (name, chunk) in &beside {
        let bytes = [&whole[..at], chunk, &whole[at..]].concat();
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let (code, said, peak) = watched(
        &["--workers", "1"]
            .map(OsStr::new)
            .iter()
            .copied()
            .chain([folder.path().as_os_str()])
            .collect::<Vec<_>>(),
    );
    // The portraits are found all the same.
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("3 photographs: 3 faces"), "{said}");
    println!("peak {} MiB", peak >> 20);
    assert!(peak < MAX_PEAK_BYTES, "{peak} bytes");
}

#[test]
fn a_canvas_of_a_hundred_megapixels_is_looked_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = [
        b"GIF89a".as_slice(),
        &[0x10, 0x27, 0x06, 0x27, 0x80, 0, 0],
        &[0; 6],
    ]
    .concat();
    for _ in 0..500 {
        bytes.extend([0x21, 0xF9, 4, 0, 10, 0, 0, 0]);
        bytes.extend([b',', 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]);
    }
    bytes.push(b';');
    let file = folder.path().join("a.gif");
    fs::write(&file, bytes).unwrap();
    let began = std::time::Instant::now();
    let (code, said, peak) = watched(&[file.as_os_str()]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1 photograph"), "{said}");
    println!("peak {} MiB, {:?}", peak >> 20, began.elapsed());
    // The canvas in four bytes a pixel, and what a run takes anyhow.
    assert!(peak < 600 << 20, "{peak} bytes");
}

#[test]
fn a_film_leads_to_no_other_file() {
    if !is_ffmpeg_there() {
        println!("skipped: ffmpeg not found");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret.ts");
    let bytes = film(
        folder.path(),
        "secret.ts",
        &["-c:v", "mpeg2video", "-r", "25"],
    );
    fs::write(&secret, bytes).unwrap();
    let said = said_by(program().arg("analyze").arg(&secret));
    assert!(said.code == 0 && !said.out.is_empty(), "{}", said.err);
    let films = folder.path().join("films");
    fs::create_dir(&films).unwrap();
    let playlist = format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n",
        secret.display()
    );
    let script = "ffconcat version 1.0\nfile secret.ts\n";
    fs::write(films.join("playlist.mp4"), playlist).unwrap();
    fs::write(folder.path().join("script.mp4"), script).unwrap();
    let mut command = program();
    let said = said_by(
        command
            .arg("analyze")
            .arg(&films)
            .arg(folder.path().join("script.mp4")),
    );
    assert_eq!((said.code, said.errors().len()), (1, 2), "{}", said.err);
    assert!(said.out.is_empty(), "another file was read: {}", said.out);
}

#[test]
fn films_whose_headers_lie_take_no_more_than_others() {
    if !is_ffmpeg_there() {
        println!("skipped: ffmpeg not found");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mpeg4 = ["-c:v", "mpeg4", "-g", "2", "-pix_fmt", "yuv420p"];
    let at = |bytes: &[u8], wanted: &[u8]| {
        let found = bytes.windows(wanted.len()).position(|part| part == wanted);
        found.unwrap()
    };
    let inside = folder.path().join("in");
    fs::create_dir(&inside).unwrap();
    let lie = |name: &str, bytes: &[u8], at: usize, claim: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[at..at + claim.len()].copy_from_slice(claim);
        fs::write(inside.join(name), bytes).unwrap();
    };
    let mp4 = film(folder.path(), "a.mp4", &mpeg4);
    // Counts and sizes of tables, of all frames, and of a picture.
    lie("count.mp4", &mp4, at(&mp4, b"stsz") + 12, &[0xFF; 4]);
    lie("times.mp4", &mp4, at(&mp4, b"stts") + 8, &[0xFF; 4]);
    lie(
        "sample.mp4",
        &mp4,
        at(&mp4, b"stsz") + 8,
        &[0x7F, 0xFF, 0xFF, 0xFF],
    );
    lie("size.mp4", &mp4, at(&mp4, b"mdat") - 4, &[0xFF; 4]);
    lie("side.mp4", &mp4, at(&mp4, b"mp4v") + 28, &[0xFD; 4]);
    let mkv = film(folder.path(), "a.mkv", &mpeg4);
    let claim = [0x01, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE];
    lie(
        "segment.mkv",
        &mkv,
        at(&mkv, b"\x18\x53\x80\x67") + 4,
        &claim,
    );
    lie(
        "cluster.mkv",
        &mkv,
        at(&mkv, b"\x1f\x43\xb6\x75") + 4,
        &claim,
    );
    let avi = film(folder.path(), "a.avi", &["-c", "copy"]);
    lie(
        "format.avi",
        &avi,
        at(&avi, b"strf") + 4,
        &[0xFF, 0xFF, 0xFF, 0x7F],
    );
    lie("frames.avi", &avi, at(&avi, b"avih") + 24, &[0xFF; 4]);
    let movi = at(&avi, b"movi");
    lie("chunk.avi", &avi, movi + 8, &[0xFF; 4]);
    let began = std::time::Instant::now();
    let (_, said, peak) = watched(&[inside.as_os_str()]);
    assert!(!said.contains("panicked"), "{said}");
    println!("peak {} MiB, {:?}: {said}", peak >> 20, began.elapsed());
    assert!(peak < MAX_PEAK_BYTES, "{peak} bytes");
    // Ten films of ten frames: seconds, on any machine.
    assert!(began.elapsed() < Duration::from_secs(300), "{said}");
}
