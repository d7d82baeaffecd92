//! What is kept, and who may come in: zones, preferences, reports of audits, papers, backups, manifests, learned models, addresses
//! of tokens.

use std::fs;
use std::path::Path;
use std::str;
use std::sync::OnceLock;

use regard_commitments::{PaperKind, PlaceCodes, SignedAudit, SiteKeys, Zeroizing};
use regard_domain::{FrameSize, ScreenId, Timestamp, Zone};
use regard_engine::{SiteKeyConfig, SiteKeyFile, Token, TokenUri, restore};
use regard_inference::Catalog;
use regard_library::LearnedModel;
use regard_reports::{PAPERS_FORMAT, Papers};
use regard_vision::Mask;

use super::MAX_LEN;

/// Zones as the API takes them: what is taken is whole, written the same, and can be painted.
pub fn zones(data: &[u8]) -> bool {
    let Some(zones) = regard_server::fuzz::zones(data) else {
        return false;
    };
    for zone in &zones {
        assert!((3..=32).contains(&zone.corners().len()));
        assert!(zone.corners().iter().flatten().all(|part| *part <= 1_000));
        let text = serde_json::to_string(zone).expect("corners are numbers");
        let again: Zone = serde_json::from_str(&text).expect("what was written can be read");
        assert_eq!(again, *zone);
        let [x, y] = zone.corners()[0].map(|part| f32::from(part) / 1_000.0);
        assert!(zone.contains_in_unit(x, y), "a corner is inside");
    }
    let size = FrameSize {
        width: 33,
        height: 17,
    };
    assert_eq!(Mask::new(&zones, size), Mask::new(&zones, size));
    !zones.is_empty()
}

/// What a person typed as their preferences: what is read is written so that it is read again.
pub fn preferences(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else {
        return false;
    };
    let Some(read) = regard_server::fuzz::preferences(text) else {
        return false;
    };
    let written = regard_server::fuzz::preferences_text(&read);
    assert_eq!(regard_server::fuzz::preferences(&written), Some(read));
    true
}

/// Reports of audits: one is only believed when it is one that was signed.
pub fn audit(data: &[u8]) -> bool {
    let Ok(report) = serde_json::from_slice::<SignedAudit>(data) else {
        return false;
    };
    let is_believed = report.verify(None).is_ok();
    if is_believed {
        let genuine = crate::seeds("audit");
        let mut genuine = genuine
            .iter()
            .filter_map(|seed| serde_json::from_slice::<SignedAudit>(seed).ok());
        assert!(genuine.any(|one| one.document == report.document), "forged");
    }
    let stranger = SiteKeys::from_seed(Zeroizing::new([8; 32])).audit_key();
    assert!(report.verify(Some(&stranger.verifying_key())).is_err());
    is_believed
}

/// Legal papers as JSON: what is read can be shown and compared, and does not differ from itself.
pub fn legal_papers(data: &[u8]) -> bool {
    if data.len() > MAX_LEN {
        return false;
    }
    let Ok(papers) = serde_json::from_slice::<Papers>(data) else {
        return false;
    };
    let text = serde_json::to_string(&papers).expect("papers are texts");
    let again: Papers = serde_json::from_str(&text).expect("what was written can be read");
    assert_eq!(again, papers);
    assert_eq!(papers.changes_to(&again), []);
    for kind in PaperKind::ALL {
        let page = papers.page(*kind);
        assert_eq!(page.is_some(), papers.paper(*kind).is_some());
        // Whatever stands in a paper, no page of ours has a script.
        assert!(!page.is_some_and(|page| page.contains("<script")));
    }
    papers.questions();
    papers.format == PAPERS_FORMAT
}

/// Addresses of keys in tokens, files that name them, and texts that let somebody in: each is read in one way, and no PIN and
/// no secret is told.
pub fn credentials(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else {
        return false;
    };
    let mut is_taken = false;
    match text.parse::<TokenUri>() {
        Ok(uri) => {
            assert_eq!(uri.to_string().parse::<TokenUri>(), Ok(uri.clone()));
            assert!(uri.module().is_absolute() && uri.is_same_place(&uri));
            is_taken = true;
        }
        Err(error) => {
            let told = error.to_string();
            let pins = text
                .split(['?', '&', ';'])
                .filter_map(|part| part.strip_prefix("pin-value="));
            // Shorter ones stand in the words of an error by chance.
            for pin in pins.filter(|pin| pin.len() >= 4) {
                // Some are words of the error itself: then it says them of an address without that PIN, too.
                let bare = text.replace(&format!("pin-value={pin}"), "pin-value=");
                let is_chance = || {
                    let error = bare.parse::<TokenUri>().err();
                    error.is_some_and(|error| error.to_string().contains(pin))
                };
                assert!(!told.contains(pin) || is_chance(), "{told}");
            }
        }
    }
    if let Some(token) = Token::read(text) {
        assert_eq!(token.text(), text);
        assert!(!format!("{token:?}").contains(&text[text.len() - 64..]));
        is_taken = true;
    }
    let codes: PlaceCodes = SiteKeys::from_seed(Zeroizing::new([7; 32])).place_codes();
    let screen = ScreenId::new("window").expect("an id");
    if codes.read(&screen, text, AT).is_some() {
        let genuine = crate::seeds("credentials");
        assert!(genuine.iter().any(|seed| seed == data), "forged");
        is_taken = true;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("key");
    regard_engine::write_private(&file, data).expect("a temporary file");
    let config = SiteKeyConfig {
        file: Some(file),
        ..SiteKeyConfig::default()
    };
    // Only what it names: opening it would load whatever library stands there.
    let named = SiteKeyFile::named_tokens(&config, folder.path());
    is_taken || !named.is_empty()
}

/// The instant at which codes of places are looked at.
pub(crate) const AT: Timestamp = Timestamp::from_millis(1_780_315_200_000);

/// Manifests of models that an owner brings: read whole, or refused.
pub fn manifest(data: &[u8]) -> bool {
    if data.len() > MAX_LEN {
        return false;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("manifest.toml"), data).expect("a temporary file");
    let n_built_in = Catalog::open(None)
        .expect("the built-in models")
        .entries()
        .len();
    let Ok(catalog) = Catalog::open(Some(folder.path())) else {
        return false;
    };
    assert!(catalog.entries().len() >= n_built_in);
    for entry in catalog.entries() {
        // No entry reaches outside of its folder.
        assert!(!entry.file.contains(['/', '\\']) && !entry.file.starts_with('.'));
        let _ = entry.check_licence();
    }
    catalog.entries().len() > n_built_in
}

/// Models that were learned, without the hash at their end, which whoever forges one can compute: read whole, or refused; what
/// is read is written the same again and answers.
pub fn learned(data: &[u8]) -> bool {
    if data.len() > MAX_LEN {
        return false;
    }
    let bytes = regard_library::fuzz::model_with_its_hash(data);
    let Ok(model) = LearnedModel::from_bytes(&bytes) else {
        return false;
    };
    let again = LearnedModel::from_bytes(&model.to_bytes()).expect("what was read can be written");
    // Numbers of the head are decimal, and may be off by their last bit.
    assert_eq!(model.note().classes, again.note().classes);
    assert_eq!(model.dim(), again.dim());
    let n_classes = model.note().classes.len();
    let (said, _) = model
        .classify(&vec![0.1; model.dim()], None)
        .expect("an embedding of its length");
    assert!(said.set.len() <= n_classes && !said.probabilities.is_empty());
    true
}

/// The key that the backup among the seeds was made under.
fn site_key(folder: &Path) -> SiteKeyFile {
    static KEY: OnceLock<Vec<u8>> = OnceLock::new();
    let file = folder.join("key");
    let text = KEY
        .get_or_init(|| format!("regard-site-keys-v1\nplain {}\n", "5a".repeat(32)).into_bytes());
    regard_engine::write_private(&file, text).expect("a temporary file");
    let config = SiteKeyConfig {
        file: Some(file),
        ..SiteKeyConfig::default()
    };
    SiteKeyFile::open(&config, folder).expect("a key as it is written")
}

/// A backup of an installation that has run, made once.
pub(crate) fn backup_seed() -> Vec<u8> {
    static MADE: OnceLock<Vec<u8>> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        let to = folder.path().join("backup");
        let key = site_key(folder.path());
        runtime().block_on(async {
            let engine = regard_engine::Engine::start(crate::seeds::engine_config(&data));
            engine
                .await
                .expect("an engine without cameras starts")
                .stop()
                .await;
            let made = regard_engine::back_up(&data, &key, &to).await;
            made.expect("an installation that has run");
        });
        fs::read(&to).expect("it was written just now")
    };
    MADE.get_or_init(make).clone()
}

fn runtime() -> tokio::runtime::Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().expect("a runtime")
}

/// Backups: put back whole, or nothing is written at all.
pub fn backup(data: &[u8]) -> bool {
    if data.len() > 4 * MAX_LEN {
        return false;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("backup");
    fs::write(&file, data).expect("a temporary file");
    let to = folder.path().join("data");
    let key = site_key(folder.path());
    let restored = runtime().block_on(restore(&file, &to, &key, AT));
    let is_there = to.join("regard.db").exists();
    assert_eq!(restored.is_ok(), is_there, "half of it was put back");
    if restored.is_ok() {
        assert_eq!(data, backup_seed(), "a backup that nobody made");
    }
    restored.is_ok()
}
