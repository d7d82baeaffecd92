//! A site whose services hold collections under attestations, and pictures to send.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use image::{ImageFormat, RgbImage};
use regard_commitments::{
    ActKind, AttestedSource, Commitments, ConsentPurpose, Custody, Dpia, EntryBody, LedgerEntry,
    Zeroizing,
};
use regard_domain::{Clock, GalleryId};
use regard_engine::{AttestationWish, Calendar, Collections, SystemClock};
use regard_server::{
    CompatConfig, CompreFaceKind, CompreFaceService, KeyHash, RekognitionConfig, RekognitionKey,
    ServerConfig,
};
use regard_testkit::wall::clip_jpegs;
use tempfile::TempDir;

use crate::api::heartbeat;
use crate::client::Request;
use crate::world::World;

pub(super) const RECOGNITION_KEY: &str = "00000000-0000-0000-0000-000000000002";
pub(super) const DETECTION_KEY: &str = "00000000-0000-0000-0000-000000000003";
pub(super) const VERIFICATION_KEY: &str = "00000000-0000-0000-0000-000000000004";
/// Of a service whose attestation does not make uploads acts.
pub(super) const ACTS_KEY: &str = "00000000-0000-0000-0000-000000000005";
/// Of a service that nobody attests.
pub(super) const BARE_KEY: &str = "00000000-0000-0000-0000-000000000006";
/// Of a service whose pictures come from a camera.
pub(super) const CAMERA_KEY: &str = "00000000-0000-0000-0000-000000000007";

pub(super) const ACCESS_KEY: &str = "AKIDTESTONLY";
pub(super) const SECRET_KEY: &str = "a/secret+of/tests/only";

/// Promises under which services may hold collections.
fn promises(document: &mut Commitments) {
    document.consent_purposes = ConsentPurpose::ALL.iter().copied().collect();
    document.custody = Custody::Controller;
    document.custody_justification = Some("a gate with a guard beside it".to_owned());
    document.alternative_path = Some("the guard looks at the card".to_owned());
    // Of no certain configuration, and as young as the law wants it.
    let today = Calendar::new(Some("UTC")).unwrap();
    let today = today.day_of(SystemClock::new().now());
    document.dpia = Some(Dpia {
        reference: "DPIA 7".to_owned(),
        signed_by: "the officer".to_owned(),
        signed_on: today.unwrap(),
        configuration: None,
    });
}

fn service(kind: CompreFaceKind, key: &str, name: &str) -> CompreFaceService {
    CompreFaceService {
        kind,
        key: KeyHash::of(key),
        service: name.to_owned(),
        collection: name.to_owned(),
        source: AttestedSource::Upload,
    }
}

pub(super) fn config() -> CompatConfig {
    use CompreFaceKind::{Detection, Recognition, Verification};
    CompatConfig {
        compreface: vec![
            service(Recognition, RECOGNITION_KEY, "staff"),
            service(Detection, DETECTION_KEY, "counting"),
            service(Verification, VERIFICATION_KEY, "pairs"),
            service(Recognition, ACTS_KEY, "guests"),
            service(Recognition, BARE_KEY, "bare"),
            CompreFaceService {
                source: AttestedSource::Camera,
                ..service(Recognition, CAMERA_KEY, "staff")
            },
        ],
        rekognition: Some(RekognitionConfig {
            region: "eu-west-1".to_owned(),
            compare_collection: "compare-faces".to_owned(),
            keys: vec![RekognitionKey {
                id: ACCESS_KEY.to_owned(),
                secret: Zeroizing::new(SECRET_KEY.to_owned()),
                service: "desk".to_owned(),
                source: AttestedSource::Upload,
            }],
        }),
    }
}

fn adjust(server: &mut ServerConfig) {
    server.compat = config();
    server.open_console = true;
}

/// A server with its services.
pub(super) struct Site {
    pub(super) world: World,
}

impl Site {
    pub(super) async fn new() -> Self {
        Self::on(tempfile::tempdir().unwrap())
            .await
            .attested()
            .await
    }

    /// One whose clock is moved.
    pub(super) async fn at(clock: Arc<dyn Clock>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let world = World::at(data, clock, promises, adjust).await;
        Self { world }.attested().await
    }

    async fn attested(self) -> Self {
        for (service, collection, uploads_are_acts) in [
            ("staff", "staff", true),
            ("pairs", "pairs", false),
            ("guests", "guests", false),
            ("desk", "photos", true),
            ("desk", "My.Photos", true),
            ("desk", "acts", false),
            ("desk", "compare-faces", false),
        ] {
            self.attest(service, collection, uploads_are_acts).await;
        }
        self
    }

    /// On what an earlier one left.
    pub(super) async fn on(data: TempDir) -> Self {
        let world = World::on(data, promises, adjust).await;
        Self { world }
    }

    async fn attest(&self, service: &str, collection: &str, uploads_are_acts: bool) {
        let wish = AttestationWish {
            service: service.to_owned(),
            purpose: "open the gate".to_owned(),
            collection: Collections::id_of(collection),
            lawful_source: "pictures that staff sent in with a signed form".to_owned(),
            uploads_are_acts,
            signed_by: "the officer".to_owned(),
            officer: None,
            valid_for: Duration::from_secs(86_400),
        };
        self.world.engine.recognizer().attest(wish).await.unwrap();
    }

    /// An act that stands for a collection.
    pub(super) async fn act(&self, collection: &str) -> String {
        let collection = GalleryId::new(collection).unwrap();
        let recognizer = self.world.engine.recognizer();
        let act = recognizer.act_for_service(&collection, ActKind::Button);
        act.await.unwrap().id.to_string()
    }

    /// Does something while a screen reports the notice in view and the camera is open.
    pub(super) async fn under_a_live_notice<T>(&self, work: impl Future<Output = T>) -> T {
        let (_, mut stream) = self.world.get("/v1/screens/demo/events").stream().await;
        let notice = stream.next("notice").await.expect("every screen is told");
        let hash = notice["hash"].as_str().unwrap().to_owned();
        let beating = async {
            loop {
                let beat = self.world.post("/v1/screens/demo/heartbeat");
                let beat = beat.json(&heartbeat(&hash)).send().await;
                if beat.status != 204 {
                    break beat.status;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let working = async {
            while self.world.engine.expression_in_pictures().is_some() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            work.await
        };
        tokio::select! {
            done = working => done,
            status = beating => panic!("a report of the notice was answered with {status}"),
        }
    }

    pub(super) fn get(&self, key: &str, path: &str) -> Request {
        self.world.get(path).header("x-api-key", key)
    }

    pub(super) fn post(&self, key: &str, path: &str) -> Request {
        self.world.post(path).header("x-api-key", key)
    }

    pub(super) fn put(&self, key: &str, path: &str) -> Request {
        self.world.put(path).header("x-api-key", key)
    }

    pub(super) fn delete(&self, key: &str, path: &str) -> Request {
        self.world.delete(path).header("x-api-key", key)
    }

    /// What the ledger says, from the beginning.
    pub(super) async fn ledger(&self) -> Vec<EntryBody> {
        let rows = self.world.engine.store().ledger_range(0..u64::MAX).await;
        let rows = rows.unwrap();
        let entries = rows.iter().filter_map(|row| row.bytes.as_ref());
        entries
            .map(|bytes| LedgerEntry::from_leaf_bytes(bytes).unwrap().body)
            .collect()
    }
}

fn fixture(path: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/fixtures");
    std::fs::read(folder.join(path)).unwrap()
}

/// One frame of the clip.
fn frame(n: usize) -> Vec<u8> {
    clip_jpegs()[n].to_vec()
}

/// One person, twice; another; several; nobody.
pub(super) fn one() -> Vec<u8> {
    frame(0)
}

pub(super) fn same() -> Vec<u8> {
    frame(30)
}

pub(super) fn other() -> Vec<u8> {
    fixture("photos/grace_hopper.jpg")
}

/// Somebody with a broad smile.
pub(super) fn smiling() -> Vec<u8> {
    fixture("photos/astronaut.jpg")
}

pub(super) fn crowd() -> Vec<u8> {
    fixture("photos/solvay.jpg")
}

pub(super) fn nobody() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let gray = RgbImage::from_pixel(64, 64, image::Rgb([90, 90, 90]));
    gray.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A picture in another format.
pub(super) fn as_format(bytes: &[u8], format: ImageFormat) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let picture = image::load_from_memory(bytes).unwrap();
    if format == ImageFormat::Ico {
        // An icon is at most 256 wide.
        let small = picture.thumbnail(256, 256).to_rgba8();
        small.write_to(&mut out, format).unwrap();
    } else {
        picture.to_rgb8().write_to(&mut out, format).unwrap();
    }
    out.into_inner()
}
