//! What an owner hands over: configurations, campaigns, sources, models, recordings.

use std::fs;
use std::panic;
use std::str;
use std::sync::Once;

use regard_commitments::Commitments;
use regard_decision::{Campaign, ContextSpec, Creative, Planner};
use regard_domain::Expression;
use regard_engine::replay;
use regard_inference::{Dim, LoadOptions, Native, Port, Rten, Runtime, TensorView};
use regard_vision::SourceSpec;

use super::MAX_LEN;

/// Configurations: read, or told what is wrong, with places in the file.
pub fn config(data: &[u8]) -> bool {
    // A path could lead anywhere on this machine.
    let Ok(text) = str::from_utf8(data) else {
        return false;
    };
    if text.contains("..") || text.contains("**") || text.contains("\"/") || text.contains("'/") {
        return false;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("regard.toml");
    let commitments = folder.path().join("commitments.toml");
    fs::write(&file, data).expect("a temporary file");
    fs::write(commitments, Commitments::example_text()).expect("a temporary file");
    let Err(mistakes) = crate::config::load(&file) else {
        return true;
    };
    assert!(!mistakes.is_empty());
    for mistake in &mistakes {
        let said = mistake.to_string();
        assert!(mistake.line >= 1 && mistake.column >= 1, "{said}");
        if mistake.file == file {
            assert!(mistake.line <= text.lines().count() + 1, "{said}");
        }
    }
    false
}

/// Campaigns as JSON: what is read is taken or every mistake is told.
pub fn campaigns(data: &[u8]) -> bool {
    let Ok(campaigns) = serde_json::from_slice::<Vec<Campaign>>(data) else {
        return false;
    };
    let text = serde_json::to_string(&campaigns).expect("what was read can be written");
    let again: Vec<Campaign> = serde_json::from_str(&text).expect("what was written can be read");
    assert_eq!(again, campaigns);
    let default = r##"{"id": "d", "name": "n", "content": {"kind": "text", "title": "t", "body": "b",
        "background": "#000000", "color": "#ffffff"}}"##;
    let default: Creative = serde_json::from_str(default).expect("a message");
    match Planner::new(campaigns, default, ContextSpec::default()) {
        Ok(planner) => {
            assert_eq!(planner.campaigns().count(), again.len());
            again.iter().for_each(assert_harmless);
            true
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            false
        }
    }
}

/// What no campaign that is taken may say, looked for without the check that takes it: an effect on somebody's
/// price or access, an aim at distress or weakness, a flash, harm as success.
fn assert_harmless(campaign: &Campaign) {
    const WEAKNESSES: [&str; 5] = ["distress", "fatigue", "age", "disability", "poverty"];
    let is_fit = |name: &str| {
        !name
            .split(['.', '_', '-'])
            .any(|word| WEAKNESSES.contains(&word))
    };
    let segments = campaign.experiment.iter().flat_map(|e| &e.segments);
    let conditions = campaign.creatives.iter().map(|c| &c.when);
    for condition in conditions.chain(segments.map(|s| &s.when)) {
        let unfit = [Expression::Sad, Expression::Fearful, Expression::Disgusted];
        assert!(
            condition
                .expression
                .iter()
                .all(|test| !unfit.contains(&test.label))
        );
        assert!(condition.facts.iter().all(|test| is_fit(&test.name)));
    }
    for creative in &campaign.creatives {
        assert!(!creative.changes_price_or_access);
        assert!(creative.features.keys().all(|name| is_fit(name)));
        assert!(creative.duration_millis >= 50 && creative.min_show_millis >= 50);
        assert!(!(1..50).contains(&creative.transition_millis));
    }
    assert!(
        campaign
            .reward
            .terms
            .iter()
            .all(|term| !term.kind.is_harm())
    );
}

/// Whether the password of the seeds stands where a password does, and nowhere else.
fn has_password(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let scheme = scheme.strip_prefix("ffmpeg:").unwrap_or(scheme);
    if !["http", "https", "rtsp", "rtsps", "rtmp", "srt"].contains(&scheme) {
        return false;
    }
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, elsewhere) = rest.split_at(end);
    authority.contains(":pass@") && !elsewhere.contains("pass@")
}

/// Names of camera sources: what is shown of one holds no password.
pub fn source(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else {
        return false;
    };
    match text.parse::<SourceSpec>() {
        Ok(spec) => {
            // What is a path is shown as it is.
            let is_url = matches!(spec, SourceSpec::Http(_) | SourceSpec::Ffmpeg(_));
            let is_hidden = !spec.to_string().contains("pass@");
            assert!(is_hidden || !is_url || !has_password(text), "{spec}");
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

/// Floats given to a network at most: what a model asks for is its own affair, the time of a test is ours.
const MAX_NETWORK_INPUT: usize = 1 << 18;

/// ONNX models: refused or loaded. A runtime that panics is caught inside.
pub fn model(data: &[u8]) -> bool {
    static QUIET: Once = Once::new();
    if cfg!(feature = "libfuzzer") {
        // It ends the process at the first panic, caught or not; those that come out still do.
        QUIET.call_once(|| panic::set_hook(Box::new(|_| {})));
    }
    if data.len() > MAX_LEN {
        return false;
    }
    let native = native(data);
    Rten.load(data, &LoadOptions::default()).is_ok() || native
}

/// Loads a model with the native runtime and runs it where that works; whether it got as far as outputs.
/// Its answers are errors, never panics.
fn native(data: &[u8]) -> bool {
    let is_caught = |text: &str| text.contains("gave up");
    let mut network = match Native::new().load(data, &LoadOptions::default()) {
        Ok(network) => network,
        Err(error) => {
            assert!(!is_caught(&error.to_string()), "{error:?}");
            return false;
        }
    };
    let shapes: Vec<Vec<usize>> = network.inputs().iter().map(small_shape).collect();
    let names: Vec<String> = network
        .inputs()
        .iter()
        .map(|port| port.name.clone())
        .collect();
    let total: usize = shapes
        .iter()
        .map(|shape| shape.iter().product::<usize>())
        .sum();
    if total > MAX_NETWORK_INPUT {
        return true;
    }
    let values = vec![0.5; total];
    let views: Option<Vec<_>> = shapes
        .iter()
        .map(|shape| TensorView::new(shape, &values[..shape.iter().product()]).ok())
        .collect();
    let inputs: Vec<_> = names
        .iter()
        .map(String::as_str)
        .zip(views.unwrap_or_default())
        .collect();
    match network.run(&inputs) {
        Ok(_) => true,
        Err(error) => {
            assert!(!is_caught(&error.to_string()), "{error:?}");
            false
        }
    }
}

/// A shape that a port takes, 32 where it takes any size.
fn small_shape(port: &Port) -> Vec<usize> {
    let size = |dim: &Dim| match dim {
        // Small enough that sizes can be multiplied; more than is tried is refused by the network.
        Dim::Fixed(size) => (*size).min(256),
        Dim::Open => 32,
    };
    port.shape
        .as_deref()
        .unwrap_or_default()
        .iter()
        .take(4)
        .map(size)
        .collect()
}

/// Recordings: replayed twice they give the same.
pub fn recording(data: &[u8]) -> bool {
    if data.len() > MAX_LEN {
        return false;
    }
    match (replay(data), replay(data)) {
        (Ok(one), Ok(other)) => {
            assert_eq!(one, other);
            !one.moments.is_empty()
        }
        (Err(one), Err(other)) => {
            assert_eq!(one.to_string(), other.to_string());
            false
        }
        (one, other) => panic!("{:?} or {:?}", one.is_ok(), other.is_ok()),
    }
}
