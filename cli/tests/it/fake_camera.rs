//! `regard doctor --camera` on a camera of known pace under known light: Motion-JPEG over HTTP, from a server in this process.
//!
//! Frames are drawn for the instant at which they are sent, and when they were sent is kept: whatever a busy machine does to the
//! pace of the server, what is said of the camera is compared with what the camera did.

use std::f64::consts::TAU;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use image::codecs::jpeg::JpegEncoder;
use serde_json::Value;

use crate::program::{Said, run};

const WIDTH: u32 = 96;
const HEIGHT: u32 = 64;

/// Pictures of the light at so many instants of one of its waves.
const N_PHASES: usize = 48;

/// Scenes, each a little brighter in some rows than in others: what moves before a camera.
const N_SCENES: usize = 8;

/// A number that looks drawn, the same for the same `seed`.
fn drawn(seed: u64) -> u64 {
    // SplitMix64 (Steele, Lea & Flood 2014).
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A camera, and the light it looks at.
#[derive(Clone, Copy)]
struct Camera {
    fps: f64,
    /// How often the light brightens each second, and how far, as a share of its brightness; nothing where it does not flicker.
    light: Option<(f64, f64)>,
    /// How long its sensor takes from the first row to the last.
    readout_secs: f64,
    /// Every so many frames one is not sent.
    loses_each: Option<u64>,
    /// Every so many frames one is sent twice instead of the next.
    repeats_each: Option<u64>,
}

impl Camera {
    const STEADY: Self = Self {
        fps: 30.0,
        light: None,
        readout_secs: 0.0,
        loses_each: None,
        repeats_each: None,
    };

    /// One picture for each phase of the light and each scene.
    fn pictures(self) -> Vec<Vec<u8>> {
        let waves = self.light.map_or(0.0, |(hz, _)| hz * self.readout_secs);
        let depth = self.light.map_or(0.0, |(_, depth)| depth);
        (0..N_SCENES * N_PHASES)
            .map(|nth| {
                let (scene, phase) = (nth % N_SCENES, (nth / N_SCENES) as f64 / N_PHASES as f64);
                let rows = (0..HEIGHT).flat_map(|y| {
                    let down = (f64::from(y) + 0.5) / f64::from(HEIGHT);
                    let light = 1.0 + depth * (TAU * (phase + waves * down)).cos();
                    // Blocks of eight rows, by up to four levels of grey.
                    let step = drawn((scene * 100) as u64 + u64::from(y / 8)) % 5;
                    let value = (118.0 + step as f64) * light;
                    std::iter::repeat_n(value.round() as u8, WIDTH as usize)
                });
                let pixels: Vec<u8> = rows.collect();
                let mut jpeg = Vec::new();
                let encoder = JpegEncoder::new_with_quality(&mut jpeg, 95);
                let kind = image::ExtendedColorType::L8;
                image::ImageEncoder::write_image(encoder, &pixels, WIDTH, HEIGHT, kind).unwrap();
                jpeg
            })
            .collect()
    }

    /// Sends frames until whoever looks has seen enough; when each was sent, in seconds.
    fn film(self, mut stream: TcpStream, pictures: &[Vec<u8>]) -> Vec<f64> {
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=--b\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let began = Instant::now();
        let (mut sent, mut last) = (Vec::new(), 0);
        for number in 0_u64.. {
            let due = Duration::from_secs_f64(number as f64 / self.fps);
            // A camera waits for its next frame as well.
            thread::sleep(due.saturating_sub(began.elapsed()));
            let is_each = |each: Option<u64>| each.is_some_and(|each| number % each == each - 1);
            if is_each(self.loses_each) {
                continue;
            }
            let now = began.elapsed().as_secs_f64();
            if !is_each(self.repeats_each) {
                let phase = self.light.map_or(0.0, |(hz, _)| (now * hz).fract());
                let phase = (phase * N_PHASES as f64).round() as usize % N_PHASES;
                // Never the scene of the frame before.
                let scene = last % N_SCENES + 1 + drawn(number) as usize % (N_SCENES - 1);
                last = phase * N_SCENES + scene % N_SCENES;
            }
            let jpeg = &pictures[last];
            let part = format!(
                "--b\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
                jpeg.len()
            );
            if stream
                .write_all(&[part.as_bytes(), jpeg, b"\r\n"].concat())
                .is_err()
            {
                break;
            }
            sent.push(now);
        }
        sent
    }

    /// An address at which it is to be seen once.
    fn serve(self) -> (String, JoinHandle<Vec<f64>>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let pictures = self.pictures();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            let (mut request, mut byte) = (Vec::new(), [0]);
            while !request.ends_with(b"\r\n\r\n") {
                assert_eq!(stream.read(&mut byte).unwrap(), 1);
                request.push(byte[0]);
            }
            self.film(stream, &pictures)
        });
        (format!("http://127.0.0.1:{port}/video"), server)
    }

    /// What the doctor says of it, and when its frames were sent.
    fn measured(self, format: &str) -> (Said, Vec<f64>) {
        let (address, server) = self.serve();
        let wish = ["doctor", "--camera", &address, "--seconds", "3"];
        let said = run(&[&wish[..], &["--format", format]].concat());
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        (said, server.join().unwrap())
    }

    fn told(self) -> (Value, Vec<f64>) {
        let (said, sent) = self.measured("json");
        (serde_json::from_str(&said.out).unwrap(), sent)
    }
}

/// Frames a second on the whole.
fn mean_hz(sent: &[f64]) -> f64 {
    (sent.len() - 1) as f64 / (sent[sent.len() - 1] - sent[0])
}

fn is_about(told: &Value, expected: f64, share: f64) -> bool {
    told.as_f64()
        .is_some_and(|told| (told / expected - 1.0).abs() <= share)
}

#[test]
fn flicker_its_depth_and_the_readout_of_the_rows_are_those_of_the_camera() {
    let (told, sent) = Camera {
        light: Some((100.0, 0.12)),
        readout_secs: 0.02,
        ..Camera::STEADY
    }
    .told();
    assert_eq!(told["times_are"], "arrivals");
    assert!(is_about(&told["mean_hz"], mean_hz(&sent), 0.03), "{told}");
    let fifty = &told["flicker"][0];
    assert_eq!(
        (&fifty["mains_hz"], &fifty["state"]),
        (&50.into(), &"seen".into()),
        "{told}"
    );
    // What comes late by some milliseconds is out of step and takes some of the depth away.
    let depth = fifty["depth_ratio"].as_f64().unwrap();
    assert!((0.06..0.13).contains(&depth), "{told}");
    let readout = fifty["readout_millis"].as_f64().unwrap();
    assert!((readout - 20.0).abs() <= 2.5, "{told}");
    // 120 Hz at 30 frames a second stands still, where the frames keep to it.
    let sixty = told["flicker"][1]["state"].as_str().unwrap();
    assert_ne!(sixty, "seen", "{told}");
    let claims = &told["micro_movements"];
    assert!(
        claims["refusal"]
            .as_str()
            .unwrap()
            .contains("fps_too_low_for_microexpression"),
        "{told}"
    );
    let remedies = claims["remedies"].as_array().unwrap();
    assert!(
        remedies
            .iter()
            .any(|one| one.as_str().unwrap().contains("flickers 100 times")),
        "{told}"
    );
}

#[test]
fn frames_that_are_lost_or_repeated_are_counted_and_steady_light_is_not_called_flicker() {
    let (told, sent) = Camera {
        loses_each: Some(10),
        repeats_each: Some(13),
        ..Camera::STEADY
    }
    .told();
    assert!(is_about(&told["mean_hz"], mean_hz(&sent), 0.03), "{told}");
    assert_eq!(told["flicker"][0]["state"], "none", "{told}");
    let n_frames = told["frames"].as_u64().unwrap();
    let about = |what: &str, expected: f64| {
        let counted = told[what].as_u64().unwrap() as f64;
        // A busy machine loses more, and at most one more falls on either end.
        assert!(
            counted >= expected - 1.5 && counted <= expected + 4.0,
            "{what} {expected}: {told}"
        );
    };
    about("dropped", n_frames as f64 / 9.0);
    about("duplicates", n_frames as f64 / 13.0);
    assert_eq!(told["bad_frames"], 0);
}

#[test]
fn a_fast_camera_may_claim_what_a_slow_one_may_not() {
    let fast = Camera {
        fps: 100.0,
        ..Camera::STEADY
    };
    let (said, sent) = fast.measured("text");
    let rate: f64 = said
        .out
        .lines()
        .nth(1)
        .unwrap()
        .trim()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!((rate / mean_hz(&sent) - 1.0).abs() < 0.03, "{}", said.out);
    // How much may be claimed follows from how evenly the frames came, and is told with the rate that can be counted on.
    assert!(
        said.out.contains("frames a second can be counted on"),
        "{}",
        said.out
    );
    assert!(
        said.out
            .contains("times are those at which frames arrived here"),
        "{}",
        said.out
    );
    // The notice stands on the terminal while somebody could be seen.
    assert!(!said.err.trim().is_empty());
}

#[test]
fn a_server_that_shows_no_pictures_is_told_as_such() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).unwrap();
        let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi";
        stream.write_all(page.as_bytes()).unwrap();
    });
    let said = run(&["doctor", "--camera", &format!("http://127.0.0.1:{port}/")]);
    server.join().unwrap();
    assert_eq!(said.code, 1);
    assert!(said.err.contains("text/html"), "{}", said.err);
}
