//! A site that decides and learns several times a second.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// Campaigns whose messages change as often as the law allows (three times a second), and whose
/// rewards close within a second.
const CONFIG: &str = r##"
[[camera]]
id = "clip"
source = "clip:CLIP?loop"

[[screen]]
id = "window"
camera = "clip"
in_process = true

[engine]
runtime = "rten"

[[campaign]]
id = "offers"
name = "Offers that learn"
policy = { kind = "thompson" }
viewer_benefit = "Offers that fit the moment"
reward = { terms = [{ kind = "attention_seconds" }], window_secs = 1 }

[[campaign.creative]]
id = "coffee"
name = "Coffee"
duration_millis = 340
min_show_millis = 334
content = { kind = "text", title = "Coffee", body = "", background = "#3d2314", color = "#ffeedd" }

[[campaign.creative]]
id = "tea"
name = "Tea"
duration_millis = 340
min_show_millis = 334
content = { kind = "text", title = "Tea", body = "", background = "#1f4d2c", color = "#f0fff2" }
"##;

/// Its folder, with a configuration and commitments.
pub(super) fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/fixtures/clip/demo.mjpeg");
    let config = CONFIG.replace("CLIP", clip.to_str().unwrap());
    fs::write(folder.path().join("regard.toml"), config).unwrap();
    let demo = regard_commitments::Commitments::demo_text();
    fs::write(folder.path().join("commitments.toml"), demo).unwrap();
    folder
}

/// The campaigns in force are those that were configured.
pub(super) fn check_campaigns(body: &str) {
    let campaigns: Value = serde_json::from_str(body).unwrap();
    assert_eq!(campaigns.as_array().unwrap().len(), 1, "{body}");
    assert_eq!(campaigns[0]["id"], "offers");
    let creatives = campaigns[0]["creatives"].as_array();
    let creatives = creatives.or(campaigns[0]["creative"].as_array()).unwrap();
    assert_eq!(creatives.len(), 2, "{body}");
}
