//! Good inputs, and damaged ones that taught us something, to begin with.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use regard_audience::CrowdSettings;
use regard_commitments::{
    Checkpoint, Commitments, ConsentPurpose, Custody, EntryBody, ErasureProof, GivenBy, Ledger,
    LedgerEntry, MerkleTree, NoteSigner, Receipt, ReceiptTerms, SiteKeys, UtcText, Zeroizing,
    leaf_hash, ledger_origin, subject,
};
use regard_decision::{ContextSpec, Creative};
use regard_domain::{CreativeId, PersonId, ScreenId, Timestamp};
use regard_engine::{EngineConfig, SiteKeyConfig};
use regard_inference::RuntimeChoice;

use crate::target::{collections, keeping};

mod audits;

/// Seeds are no longer than this: the longer an input, the less of it is damaged in a sample.
const MAX_SEED_LEN: usize = 60_000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of a folder of the repository, as far as they are of use, in order of name.
fn files(folder: &str, endings: &[&str]) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(root().join(folder))
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    paths.sort();
    let is_wanted = |path: &PathBuf| {
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        endings.contains(&ending.as_ref())
    };
    let read = |path: PathBuf| fs::read(path).ok().filter(|b| b.len() <= MAX_SEED_LEN);
    paths
        .into_iter()
        .filter(is_wanted)
        .filter_map(read)
        .collect()
}

/// A small picture in a format.
fn picture(format: ImageFormat) -> Vec<u8> {
    let pixels = RgbImage::from_fn(33, 17, |x, y| Rgb([x as u8 * 7, y as u8 * 14, 90]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(pixels)
        .write_to(&mut bytes, format)
        .expect("memory takes a picture of any size");
    bytes.into_inner()
}

fn jpegs() -> Vec<Vec<u8>> {
    let mut found = files("testkit/fixtures/hostile", &["jpg"]);
    found.extend(
        files("testkit/fixtures/photos", &["jpg"])
            .into_iter()
            .take(2),
    );
    found.push(picture(ImageFormat::Jpeg));
    found
}

fn photos() -> Vec<Vec<u8>> {
    let mut found = jpegs();
    found.extend(files("testkit/fixtures/hostile", &["gif", "png"]));
    found.extend(files("testkit/fixtures/photos", &["webp"]));
    for format in [
        ImageFormat::Png,
        ImageFormat::Gif,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
        ImageFormat::WebP,
    ] {
        found.push(picture(format));
    }
    found
}

fn chunk(id: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let padding: &[u8] = if data.len() % 2 == 1 { &[0] } else { &[] };
    let len = (data.len() as u32).to_le_bytes();
    [id, len.as_slice(), data, padding].concat()
}

fn list(kind: &[u8; 4], chunks: &[u8]) -> Vec<u8> {
    chunk(b"LIST", &[kind.as_slice(), chunks].concat())
}

/// Three frames of Motion-JPEG in AVI, one of them empty, which means "as before".
fn avi() -> Vec<u8> {
    let jpeg = picture(ImageFormat::Jpeg);
    let mut header = [0; 56];
    header[..8].copy_from_slice(b"vidsMJPG");
    (header[20], header[24]) = (1, 15);
    let mut format = [0; 40];
    (format[0], format[4], format[8]) = (40, 33, 17);
    format[16..20].copy_from_slice(b"MJPG");
    let stream = list(
        b"strl",
        &[chunk(b"strh", &header), chunk(b"strf", &format)].concat(),
    );
    let headers = list(b"hdrl", &[chunk(b"avih", &[0; 56]), stream].concat());
    let frames = [
        chunk(b"00dc", &jpeg),
        chunk(b"00dc", &[]),
        chunk(b"00dc", &jpeg),
    ]
    .concat();
    let body = [b"AVI ".as_slice(), &headers, &list(b"movi", &frames)].concat();
    chunk(b"RIFF", &body)
}

fn motion_jpeg() -> Vec<Vec<u8>> {
    let jpeg = picture(ImageFormat::Jpeg);
    let mut found = files("testkit/fixtures/hostile", &["mjpeg"]);
    found.push([jpeg.as_slice(), &jpeg, b"\r\n--part\r\n", &jpeg].concat());
    found
}

/// Two pictures, so that it is a video.
fn moving_gif() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
    for shade in [10, 200] {
        let pixels = image::RgbaImage::from_pixel(20, 12, image::Rgba([shade, 90, 30, 255]));
        encoder
            .encode_frame(image::Frame::new(pixels))
            .expect("memory takes a picture of any size");
    }
    drop(encoder);
    bytes
}

fn http_answers() -> Vec<Vec<u8>> {
    let jpeg = picture(ImageFormat::Jpeg);
    let head = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n";
    let part = [
        format!(
            "--b\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
            jpeg.len()
        )
        .as_bytes(),
        &jpeg,
        b"\r\n",
    ]
    .concat();
    let plain = [head.as_bytes(), b"\r\n", &part, &part].concat();
    let size = format!("{:x}\r\n", part.len());
    let chunked = [
        head.as_bytes(),
        b"Transfer-Encoding: chunked\r\n\r\n",
        size.as_bytes(),
        &part,
        b"\r\n",
        size.as_bytes(),
        &part,
        b"\r\n0\r\n\r\n",
    ]
    .concat();
    let asks = b"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=x\r\n\r\n".to_vec();
    let leads = b"HTTP/1.1 302 Found\r\nLocation: /other\r\n\r\n".to_vec();
    vec![plain, chunked, asks, leads]
}

fn signer() -> NoteSigner {
    let keys = SiteKeys::from_seed(Zeroizing::new([7; 32]));
    let origin = ledger_origin(&Commitments::demo().site.id);
    NoteSigner::new(origin, keys.ledger_key()).expect("the name of the demonstration is a name")
}

fn entries() -> Vec<LedgerEntry> {
    let at = Timestamp::from_millis(1_780_315_200_000);
    let configuration = leaf_hash(b"configuration");
    vec![
        LedgerEntry {
            at,
            body: EntryBody::Started { configuration },
        },
        LedgerEntry {
            at,
            body: EntryBody::Stopped {},
        },
    ]
}

fn ledger() -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = entries().iter().map(LedgerEntry::leaf_bytes).collect();
    let all = found.join(&b'\n');
    found.push(all);
    found
}

fn notes() -> Vec<Vec<u8>> {
    let signer = signer();
    let mut ledger = Ledger::new(MerkleTree::new(), signer.clone());
    for entry in entries() {
        ledger.append(&entry);
    }
    let empty = Checkpoint::of(signer.verifier().name(), &MerkleTree::new()).sign(&signer);
    let mut found = vec![ledger.checkpoint().note.into_bytes()];
    found.extend(empty.ok().map(String::into_bytes));
    found
}

/// The key that the notes among the seeds are signed with.
pub(crate) fn verifier() -> regard_commitments::NoteVerifier {
    signer().verifier()
}

/// The key that the receipts among the seeds are signed with.
pub(crate) fn receipts_key() -> regard_commitments::VerifyingKey {
    let keys = SiteKeys::from_seed(Zeroizing::new([7; 32]));
    keys.receipts_key().verifying_key()
}

/// A token, a receipt, a proof of an erasure.
fn papers() -> Vec<Vec<u8>> {
    let keys = SiteKeys::from_seed(Zeroizing::new([7; 32]));
    let person = PersonId::from_bits(7);
    let token = format!("rgp_{person}_{}", "5a".repeat(32));
    let at = UtcText::new(Timestamp::from_millis(1_780_315_200_000));
    let signed = Commitments::demo().sign(&keys.commitments_key());
    let promise = signed.verify(&keys.commitments_key().verifying_key());
    let receipt = promise.ok().map(|promise| {
        let terms = ReceiptTerms {
            record: 1,
            person,
            purpose: ConsentPurpose::Learn,
            given_by: GivenBy::Person,
            given_at: at,
            expires_at: at,
            custody: Custody::InPersonsHands,
            release: None,
            promise: &promise,
        };
        let receipt = Receipt::issue(&terms).sign(&keys.receipts_key());
        receipt.as_str().as_bytes().to_vec()
    });
    let mut ledger = Ledger::new(MerkleTree::new(), signer());
    for entry in entries() {
        ledger.append(&entry);
    }
    let erased = LedgerEntry {
        at: at.at(),
        body: EntryBody::Erased {
            subject: subject(person),
        },
    };
    let written = ledger.append_proven(&erased);
    let proof = ErasureProof::new(person, &written, &ledger.verifier());
    let proof = proof.and_then(|proof| serde_json::to_vec(&proof).ok());
    let mut found = vec![token.into_bytes()];
    found.extend(receipt);
    found.extend(proof);
    found
}

fn texts(names: &[&str]) -> Vec<Vec<u8>> {
    let read = |name: &&str| fs::read(root().join(name)).ok();
    names.iter().filter_map(read).collect()
}

/// The campaigns of a file as JSON.
fn campaigns() -> Vec<Vec<u8>> {
    let of = |name: &str| -> Option<Vec<u8>> {
        let text = fs::read_to_string(root().join(name)).ok()?;
        let table: toml::Table = text.parse().ok()?;
        serde_json::to_vec(table.get("campaign")?).ok()
    };
    let names = ["cli/data/demo-campaigns.toml", "cli/data/init/welcome.toml"];
    let mut seeds: Vec<Vec<u8>> = names.into_iter().filter_map(of).collect();
    // One that uses all there is, near what is refused.
    let rich = serde_json::json!([{
        "id": "k", "name": "K", "policy": { "kind": "lints", "ridge": 2.0, "half_life_plays": 500.0, "width": 0.3 },
        "reward": { "terms": [{ "kind": "smile_lift" }, { "kind": "scan", "weight": 2.0 }], "window_secs": 60 },
        "experiment": { "kind": "ab", "holdout": 0.1, "error": 0.05,
            "segment": [{ "name": "glad", "when": { "expression": [{ "label": "happy", "min": 0.4 }] } }] },
        "guardrail": [{ "metric": "complaints", "at_most": 0.1 }, { "metric": "negative_expression", "at_most": 0.05 }],
        "expression": "auto",
        "creative": [{
            "id": "a", "name": "A", "content": { "kind": "text", "title": "A" }, "changes_price_or_access": false,
            "features": { "warm": 0.5 }, "transition_millis": 300,
            "when": { "expression": [{ "label": "neutral", "max": 0.9 }], "facts": [{ "name": "rain", "equals": true }] },
        }],
    }]);
    seeds.extend(serde_json::to_vec(&rich).ok());
    seeds
}

/// Records of no play and of three.
fn proofs() -> Vec<Vec<u8>> {
    let play = |i: i64| regard_reports::PlayRecord {
        play: format!("{i:032x}"),
        screen: "window".to_owned(),
        slot: (i > 1).then(|| "main".to_owned()),
        campaign: (i > 0).then(|| "spring".to_owned()),
        creative: "coffee".to_owned(),
        began_at_micros: i * 10_000_000,
        ended_at_micros: (i + 1) * 10_000_000,
        shown_millis: 10_000,
    };
    let plays: Vec<_> = (0..3).map(play).collect();
    let prove = |plays: &[regard_reports::PlayRecord]| {
        let text = regard_reports::prove_plays("shop", plays, None, &crate::target::proof_signer());
        text.expect("three plays are few").into_bytes()
    };
    vec![prove(&[]), prove(&plays)]
}

/// What clients of the ranking service send.
fn rankings() -> Vec<Vec<u8>> {
    let one = r#"{"contextFeatures":[{"time":"morning","user":{"items":3,"new":true,"tags":["a","b"]}}],
        "actions":[{"id":"a","features":[{"x":0.5}]},{"id":"b","features":null}],"excludedActions":["b"],"eventId":"e","deferActivation":false}"#;
    vec![one.as_bytes().to_vec(), br#"{"actions":[]}"#.to_vec()]
}

/// One log of each form.
fn logs() -> Vec<Vec<u8>> {
    let ours: String = (0..8)
        .map(|i| {
            let line = serde_json::json!({
                "context": { "n": 0.1 * f64::from(i) }, "chosen": i % 2, "propensity": 0.5, "reward": f64::from(i % 3) / 2.0,
                "options": [{ "id": "a", "propensity": 0.5 }, { "id": "b", "propensity": 0.5, "features": { "warm": 1.0 } }],
            });
            format!("{line}\n")
        })
        .collect();
    let dsjson = r#"{"_label_cost":-1,"_label_probability":0.8,"_label_Action":2,"_labelIndex":1,"EventId":"e","a":[2,1],"c":{"U":{"age":3,"from":"Paris"},"_multi":[{"_tag":"one","A":{"x":1}},{"_tag":"two","A":{"new":true}}]},"p":[0.8,0.2]}"#;
    let table = ",timestamp,item_id,position,click,propensity_score,user_feature_0\n0,t,14,3,0,0.5,81ce\n1,t,2,1,1,0.5,03a5\n";
    vec![
        ours.into_bytes(),
        format!("{dsjson}\n{dsjson}\n{dsjson}\n{dsjson}\n").into_bytes(),
        table.as_bytes().to_vec(),
    ]
}

/// What an engine was told in a second, in few lines.
fn recording() -> Vec<u8> {
    let head = serde_json::json!({
        "format": regard_engine::RECORDING_FORMAT,
        "n_memories": 0,
        "fact_features": [],
        "crowd": CrowdSettings::default(),
        "seed": "07".repeat(32),
        "cameras": [["c", "09".repeat(32)]],
        "screens": [["s", "c"]],
        "campaigns": [],
        "uses": [["c", { "measurement": true, "selection": true, "learning": true }]],
        "default_message": { "id": "d", "name": "n", "content": { "kind": "text", "title": "t", "body": "b",
            "background": "#000000", "color": "#ffffff" } },
        "time_zone": "UTC",
    });
    let face = serde_json::json!({
        "bbox": [40.0, 40.0, 80.0, 100.0], "score": 0.9,
        "landmarks": [[60.0, 70.0], [100.0, 70.0], [80.0, 90.0], [65.0, 115.0], [95.0, 115.0]],
        "expression": [0.1, 0.4, 0.1, 0.1, 0.1, 0.1, 0.1], "pose": [3.0, -2.0, 1.0], "attention": 0.8,
    });
    let mut lines = vec![head.to_string()];
    for i in 0..12_i64 {
        let now = 1_780_315_200_000_000 + i * 100_000;
        let sighting = serde_json::json!({ "camera": "c", "frame_index": i, "captured_at": now,
            "width": 400, "height": 300, "faces": [face] });
        let seen = serde_json::json!({ "now": now, "input": "seen", "sighting": sighting });
        lines.push(seen.to_string());
        lines.push(serde_json::json!({ "now": now, "input": "tick" }).to_string());
    }
    lines.push(
        serde_json::json!({ "now": 1_780_315_202_000_000_i64, "input": "closed", "camera": "c" })
            .to_string(),
    );
    (lines.join("\n") + "\n").into_bytes()
}

fn uploads() -> Vec<Vec<u8>> {
    let mut found = texts(&["cli/data/init/welcome.svg"]);
    found.extend(files("server/assets", &["svg"]));
    found.push(
        br##"<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "x">]><svg xmlns="http://www.w3.org/2000/svg"
        xmlns:xlink="http://www.w3.org/1999/xlink" onload="alert(1)"><script>1</script>
        <image xlink:href="data:image/png;base64,AAAA"/><style>@import url(https://evil.example/a);
        rect{fill:url(#a)}</style><a href="javascript:alert(3)"><rect width="4" fill="red"/></a></svg>"##
            .to_vec(),
    );
    found.extend(photos());
    found.push(b"<!DOCTYPE html><title>x</title>".to_vec());
    found.push(b"\0\0\0\x18ftypmp42\0\0\0\0".to_vec());
    found
}

/// A message of a browser's camera.
fn frame_messages() -> Vec<Vec<u8>> {
    let time = 1_780_315_200_000.0_f64.to_le_bytes();
    let jpegs = jpegs().into_iter();
    jpegs
        .map(|jpeg| [time.as_slice(), &jpeg].concat())
        .collect()
}

fn sources() -> Vec<Vec<u8>> {
    [
        "v4l2:/dev/video0?width=1280&height=720&fps=30",
        "http://user:pass@host:81/stream?x=1",
        "rtsp://user:pass@host/stream",
        "ffmpeg:film.mp4",
        "clip:film.mjpeg?fps=25&loop",
        "folder:pictures?fps=1",
        "push:browser",
        "demo",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

/// The smallest networks there are here, and one of a few bytes.
fn models() -> Vec<Vec<u8>> {
    let mut found = texts(&["models/yunet_2023mar.onnx", "models/fer_mini_xception.onnx"]);
    // A graph of one empty node, and one operator set.
    found.push(vec![0x08, 7, 0x3a, 2, 0x0a, 0, 0x42, 2, 0x10, 13]);
    found
}

fn zones() -> Vec<Vec<u8>> {
    [
        r#"{"based_on":0,"zones":[[[0,0],[500,0],[500,1000],[0,1000]],[[10,10],[900,20],[40,990]]]}"#,
        r#"{"based_on":7,"zones":[]}"#,
        r#"{"based_on":1,"zones":[[[0,0],[1000,1000],[1000,0],[0,1000]]]}"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

fn preferences() -> Vec<Vec<u8>> {
    [
        "language: nl\r\ntea : green: with milk\n",
        r#"{"language":"nl","n":[1,true,null,{"a":-1.5e3}]}"#,
        "{a: 1\n",
        "\"a\": 1",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

/// What clients of other services send.
fn services() -> Vec<Vec<u8>> {
    [
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260601/eu-west-1/rekognition/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
         Signature=81ed8542159657b2a538658a87d04b4faef4587985441f5385bb527fe637cabf",
        "subject=Jo+%C3%89?det_prob_threshold=0.8&limit=0&status=True",
        r#"{"CollectionId":"staff","Image":{"Bytes":"/9j/4AAQ"}}"#,
        r#"{"Bytes":"/9j/4AAQSkZJRg=="}"#,
        r#"{"Bytes":"iVBORw0KGgo="}"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

/// Papers with an item of each kind.
fn legal_papers() -> Vec<u8> {
    let hash = "00".repeat(32);
    let paper = |id: &str, items: serde_json::Value| {
        serde_json::json!({ "id": id, "title": "t", "law": "l", "digest": hash,
            "standing": [{ "is_good": false, "text": "not signed" }],
            "points": [{ "id": "30(1)(a)", "asks": "what", "items": items }] })
    };
    let items = serde_json::json!([
        { "kind": "fact", "id": "site", "label": "Site", "values": ["a", "<b>"], "source": "configuration" },
        { "kind": "fact", "id": "notice", "label": "N", "values": ["é"], "language": "fr", "source": "program" },
        { "kind": "table", "id": "t", "label": "T", "columns": ["a", "b"], "rows": [["1", "2"], ["3", "4"]], "source": "models" },
        { "kind": "note", "text": "n" },
        { "kind": "ask", "id": "q", "question": "?", "answer": null },
        { "kind": "ask", "id": "r", "question": "!", "answer": "x" },
    ]);
    let papers = [
        paper("record", items.clone()),
        paper("impact_assessment", items),
    ];
    serde_json::json!({ "format": "regard-papers-v1", "site": "s", "made_on": "2026-06-01", "program": "0.1.0",
        "version": 1, "commitments": hash, "papers": papers })
    .to_string()
    .into_bytes()
}

/// Addresses of keys, a file that names one, a token of the console, codes of a screen and of a sign.
fn credentials() -> Vec<Vec<u8>> {
    let codes = SiteKeys::from_seed(Zeroizing::new([7; 32])).place_codes();
    let screen = ScreenId::new("window").expect("an id");
    let full = "pkcs11:token=The%20shop;serial=7f;object=site%3bkey?module-path=/usr/lib/m.so&pin-source=file:/etc/pin&x-regard-reach=/var/lib/x";
    [
        full.to_owned(),
        "pkcs11:token=a?module-path=/m.so&pin-value=4711".to_owned(),
        format!(
            "regard-site-keys-v1\npkcs11 {} {full}\nplain {}\n",
            "0a".repeat(16),
            "5a".repeat(32)
        ),
        format!("rgd_admin_0123456789ab_{}", "5a".repeat(32)),
        codes.on_screen(&screen, keeping::AT),
        codes.on_sign(&screen),
    ]
    .map(String::into_bytes)
    .into()
}

fn own_manifest() -> Vec<u8> {
    format!(
        "[[model]]\nid = \"own\"\nrole = \"expression\"\nfile = \"own.onnx\"\nbytes = 10\nsha256 = \"{}\"\n\
         licence = \"MIT\"\nobtain = \"committed\"\nlabels = [\"happy\", \"neutral\"]\n",
        "00".repeat(32)
    )
    .into_bytes()
}

/// An engine with nothing to look at.
pub(crate) fn engine_config(data: &Path) -> EngineConfig {
    let id = CreativeId::new("default").expect("an id");
    EngineConfig {
        data_dir: data.to_owned(),
        commitments: Commitments::demo(),
        cameras: Vec::new(),
        screens: Vec::new(),
        campaigns: Vec::new(),
        default_message: Creative::text(id, "Regard", ""),
        context: ContextSpec::default(),
        time_zone: Some("UTC".to_owned()),
        crowd: CrowdSettings::default(),
        n_workers: Some(1),
        runtime: RuntimeChoice::Auto,
        models: None,
        detector_long_side_px: 320,
        site_key: SiteKeyConfig::default(),
        recognition: regard_engine::RecognitionConfig::default(),
        papers: None,
        recording: None,
    }
}

/// What damage begins with: at least one input for each target of [`TARGETS`](crate::TARGETS).
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "photo" => photos(),
        "jpeg" => jpegs(),
        "motion_jpeg" => motion_jpeg(),
        "clip" => [motion_jpeg(), vec![avi()]].concat(),
        "video" => vec![moving_gif(), avi()],
        "http_camera" => http_answers(),
        "model" => models(),
        "config" => texts(&["cli/data/init/regard.toml", "cli/data/init/welcome.toml"]),
        "commitments" => texts(&[
            "commitments/data/demo.toml",
            "commitments/data/example.toml",
        ]),
        "ledger" => ledger(),
        "note" => notes(),
        "papers" => papers(),
        "recording" => vec![recording()],
        "campaigns" => campaigns(),
        "log" => logs(),
        "proof" => proofs(),
        "ranking" => rankings(),
        "upload" => uploads(),
        "frame_message" => frame_messages(),
        "source" => sources(),
        "zones" => zones(),
        "preferences" => preferences(),
        "services" => services(),
        "audit" => vec![audits::signed()],
        "legal_papers" => vec![legal_papers()],
        "credentials" => credentials(),
        "manifest" => texts(&["models/manifest.toml"])
            .into_iter()
            .chain([own_manifest()])
            .collect(),
        "learned" => vec![regard_library::fuzz::model_body()],
        "backup" => vec![keeping::backup_seed()],
        "tape" => collections::tapes(),
        "zipped" => collections::zips(),
        "list" => vec![b"a.jpg\n@b\ns3://\n/no/such/folder\r\n\n".to_vec()],
        "job_log" => vec![collections::log_of_a_job()],
        "remembered" => collections::remembered_items(),
        _ => Vec::new(),
    }
}
