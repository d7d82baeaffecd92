//! `regard timeline --micro` at an installation: under the consent that a participant gave there, and under nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::codecs::jpeg::JpegEncoder;
use regard_commitments::{Commitments, LibraryDeclaration, ask_library};
use regard_domain::{CameraId, Point};
use regard_inference::{Catalog, Rten};
use regard_testkit::clip;
use regard_testkit::injection::{Action, Injection, NeutralClip, PosedFrame, SensorNoise, Warp};
use regard_vision::{AnalyzerOptions, FaceAnalyzer, FaceMesh, PixelPool, WantedSize, decode_jpeg};
use serde_json::{Value, json};

use crate::program::{Said, program, said_by};
use crate::running::{Serve, token_in};
use crate::site;

/// Frames a second of the film that is made, and how many there are.
const FPS: f64 = 100.0;
const N_FRAMES: u64 = 260;

/// The frames that show the movement that is put in: 110 milliseconds, its height in the middle.
const FROM: u64 = 140;
const LASTS: u64 = 11;

/// Points that hold still, outer corners of the eyes, inner brows. Origin: MediaPipe's canonical face model.
const ANCHORS: [usize; 10] = [168, 6, 197, 33, 133, 362, 263, 127, 356, 4];
const EYES: [usize; 2] = [33, 263];
const INNER_BROWS: [usize; 2] = [107, 336];

fn point(mesh: &FaceMesh, at: usize) -> Point {
    let point = mesh.points()[at];
    Point::new(point.x, point.y)
}

/// A man who holds still, at a hundred frames a second, whose brows go up once for a ninth of a second and come back.
fn film(folder: &Path) -> PathBuf {
    let declared = LibraryDeclaration::own_media(CameraId::new("test").unwrap());
    let grant = ask_library(&declared).granted().unwrap();
    let (count, attention) = (grant.count().unwrap(), grant.attention().unwrap());
    let catalog = Arc::new(Catalog::open(None).unwrap());
    let mut analyzer = FaceAnalyzer::new(Arc::new(Rten), catalog, AnalyzerOptions::LIVE);
    let pool = PixelPool::new();
    // By hand (testkit/fixtures/clip/demo.toml): neutral and still from 22.4 s on.
    let seen: Vec<(PosedFrame, FaceMesh)> = clip::frames()[340..371]
        .iter()
        .map(|jpeg| {
            let picture = decode_jpeg(jpeg, WantedSize::Whole, &pool).unwrap();
            let faces = analyzer.detect(picture.view(), &count).unwrap();
            let meshes = analyzer.meshes(picture.view(), &faces[..1], &attention);
            let mesh = meshes.unwrap().remove(0).unwrap();
            let frame = PosedFrame {
                size: picture.size(),
                rgb: picture.pixels().to_vec(),
                anchors: ANCHORS.iter().map(|at| point(&mesh, *at)).collect(),
            };
            (frame, mesh)
        })
        .collect();
    let first = seen[0].1.clone();
    let unit = point(&first, EYES[0]).distance(point(&first, EYES[1]));
    let height = 0.035;
    let movement = Injection {
        action: Action::InnerBrowsUp,
        from: FROM,
        n_frames: LASTS,
        apex: 0.5,
        height,
        warps: INNER_BROWS
            .map(|at| Warp {
                middle: point(&first, at),
                by: (0.0, -height * unit),
                reach_px: 0.15 * unit,
            })
            .to_vec(),
    };
    let frames = seen.into_iter().map(|(frame, _)| frame).collect();
    let clip = NeutralClip::new(frames, 15.0).unwrap();
    let size = clip.size();
    let mut film = Vec::new();
    for index in 0..N_FRAMES {
        let noise = (SensorNoise::WEBCAM, 7);
        let rgb = clip.frame(index, FPS, std::slice::from_ref(&movement), noise);
        let encoder = JpegEncoder::new_with_quality(&mut film, 95);
        let kind = image::ExtendedColorType::Rgb8;
        image::ImageEncoder::write_image(encoder, &rgb, size.width, size.height, kind).unwrap();
    }
    let path = folder.join("film.mjpeg");
    fs::write(&path, film).unwrap();
    path
}

/// A site at which somebody sat down for a study: they agreed to `research`, and their token is in `participant.txt`.
fn site_with_a_participant(promised: &str) -> tempfile::TempDir {
    let folder = site::small();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("commitments.toml"), promised).unwrap();
    let plan = "id = \"spring\"\ntitle = \"Which?\"\nexplanation = \"We choose.\"\nrest_millis = 2500\nmin_participants = 2\n\
                [[creative]]\nid = \"coffee\"\nname = \"Coffee\"\nduration_millis = 3000\n\
                content = { kind = \"text\", title = \"A coffee\", background = \"#3b2416\" }\n\
                [[question]]\nid = \"liking\"\nkind = \"liking\"\ntext = \"Do you like it?\"\n";
    fs::write(path("study.toml"), plan).unwrap();
    let serve = Serve::start(folder.path(), &[]);
    let admin = std::iter::repeat_with(|| serve.next_line())
        .find_map(|line| token_in(&line))
        .unwrap();
    fs::write(path("admin.token"), admin).unwrap();
    let url = format!("http://{}", serve.address());
    let study = |arguments: &[&str]| {
        let of = ["--url", &url, "--token-file", "admin.token"];
        let mut command = program();
        let command = command.arg("study").args(arguments).args(of);
        let said = said_by(command.current_dir(folder.path()));
        assert_eq!(said.code, 0, "{}", said.err);
        said.out
    };
    study(&["new", "study.toml"]);
    let link = study(&["invite", "spring", "-n", "1"]);
    let invitation = link.trim().rsplit('/').next().unwrap();
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    let body = json!({ "invitation": invitation, "agrees": true, "is_adult": true });
    let mut answer = agent
        .post(format!("{url}/v1/sittings"))
        .header("content-type", "application/json")
        .send(body.to_string())
        .unwrap();
    let seated: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    fs::write(path("participant.txt"), seated["token"].as_str().unwrap()).unwrap();
    serve.stop();
    folder
}

/// What a laboratory promises that studies movements of a fraction of a second.
fn laboratory() -> String {
    Commitments::demo_text()
        .replacen("scopes = [", "scopes = [\"micro_expression\", ", 1)
        .replacen("categories = [", "categories = [\"micro_expression\", ", 1)
        .replacen("purposes = [", "purposes = [\"research\", ", 1)
}

fn timeline(folder: &Path, film: &Path, fps: &str) -> Said {
    let mut command = program();
    command
        .current_dir(folder)
        .args(["timeline", "--micro", "--data", "data"])
        .args(["--participant", "participant.txt", "--mjpeg-fps", fps])
        .args([
            "-o",
            "out.html",
            "--csv",
            "out.csv",
            "--events",
            "events.csv",
        ])
        .arg(film);
    said_by(&mut command)
}

/// What the ledger says last.
fn last_entry(folder: &Path) -> String {
    let mut command = program();
    let command = command.args(["ledger", "tail", "-n", "1", "--data", "data"]);
    said_by(command.current_dir(folder)).out
}

#[test]
fn under_a_participants_consent_a_movement_is_found_and_without_it_nothing_is_looked_for() {
    let folder = site_with_a_participant(&laboratory());
    let folder = folder.path();
    let film = film(folder);
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();

    let said = timeline(folder, &film, "100");
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let events = read("events.csv");
    let found: Vec<Vec<&str>> = events
        .lines()
        .filter(|line| line.contains(",micro_movement,"))
        .map(|line| line.split(',').collect())
        .collect();
    let apex = (FROM as f64 + LASTS as f64 / 2.0) / FPS;
    let near: Vec<&Vec<&str>> = found
        .iter()
        .filter(|row| (row[5].parse::<f64>().unwrap() - apex).abs() < 0.04)
        .collect();
    assert_eq!(near.len(), 1, "{events}");
    assert!(near[0][2].contains("brow"), "{near:?}");
    assert_eq!(found.len(), 1, "and nothing else: {events}");
    let page = read("out.html");
    assert!(page.contains("For the study alone") && page.contains("Destroy this file"));
    assert!(
        read("out.csv")
            .lines()
            .next()
            .unwrap()
            .contains(",micro_strength,")
    );
    assert!(
        last_entry(folder).contains("study_granted"),
        "{}",
        last_entry(folder)
    );

    // The same pictures at the pace of an ordinary camera: slower movements are told all the same.
    let said = timeline(folder, &film, "30");
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    let refused = "refused: fps_too_low_for_microexpression: ";
    assert!(said.err.contains(refused), "{}", said.err);
    assert!(read("out.html").contains("Slower movements are above"));
    assert!(!read("events.csv").contains("micro_movement"));
    assert!(!read("out.csv").contains("micro_strength"));
    let told = last_entry(folder);
    assert!(
        told.contains("study_refused") && told.contains("fps_too_low"),
        "{told}"
    );

    // Nobody's token is nobody's consent.
    fs::write(folder.join("participant.txt"), "nobody\n").unwrap();
    let said = timeline(folder, &film, "100");
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(!read("out.csv").contains("micro_strength"));
}

#[test]
fn a_site_that_does_not_name_the_purpose_refuses() {
    // People may agree to research here; movements of a fraction of a second are not among what was promised.
    let folder = site_with_a_participant(Commitments::demo_text());
    let folder = folder.path();
    let film = folder.join("film.mjpeg");
    fs::write(&film, clip::frames()[..40].concat()).unwrap();
    let said = timeline(folder, &film, "100");
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(
        said.err.contains("refused: purpose_not_promised: "),
        "{}",
        said.err
    );
    let table = fs::read_to_string(folder.join("out.csv")).unwrap();
    assert!(!table.contains("micro_strength"), "{table}");
    let told = last_entry(folder);
    assert!(
        told.contains("study_refused") && told.contains("purpose_not_promised"),
        "{told}"
    );
}
