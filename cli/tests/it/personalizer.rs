//! The clients that Microsoft published, against the program.

use std::path::Path;
use std::process::Command;

use crate::running::{Serve, token_in};

/// Where a Python is that has `azure-cognitiveservices-personalizer`.
const PYTHON: &str = "REGARD_PERSONALIZER_PYTHON";

#[test]
fn the_real_client_ranks_rewards_and_activates() {
    let Some(python) = std::env::var_os(PYTHON) else {
        println!(
            "skipped: Azure Personalizer's client: {PYTHON} names no Python with azure-cognitiveservices-personalizer"
        );
        return;
    };
    let folder = crate::site::small();
    // What a start prints is read at its end: the first one is for its token.
    let (printed, _) = Serve::start(folder.path(), &[]).stop();
    let token = token_in(&printed).expect("the first start prints the token");
    let serve = Serve::start(folder.path(), &[]);
    let address = format!("http://{}", serve.address());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/personalizer.py");
    let output = Command::new(python)
        .arg(script)
        .args([&address, &token])
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy")
        .output()
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success() && said.contains("all good"),
        "{said}"
    );
    serve.stop();
}
