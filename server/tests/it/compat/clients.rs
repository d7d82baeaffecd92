//! The real clients, where they are installed: `compreface-sdk` and `boto3` in the Python that `REGARD_CLIENTS_PYTHON` names,
//! `@exadel/compreface-js-sdk` and `@aws-sdk/client-rekognition` in the folder that `REGARD_CLIENTS_NODE` names.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::site::{
    ACCESS_KEY, DETECTION_KEY, RECOGNITION_KEY, SECRET_KEY, Site, VERIFICATION_KEY, pictures,
};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(name)
}

/// The Python that has the clients, if one is named.
fn python() -> Option<Command> {
    let python = std::env::var_os("REGARD_CLIENTS_PYTHON")?;
    Some(Command::new(python))
}

/// Node, and the folder with the clients, if one is named.
fn node() -> Option<(Command, PathBuf)> {
    let folder = std::env::var_os("REGARD_CLIENTS_NODE").map(PathBuf::from)?;
    Some((Command::new("node"), std::path::absolute(folder).unwrap()))
}

async fn passes(mut command: Command) {
    let child = command.stdin(Stdio::null()).kill_on_drop(true);
    let output = child.output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(
        output.status.success() && out.contains("all good"),
        "{out}{errors}"
    );
}

#[expect(clippy::print_stdout, reason = "a test says what it skips")]
fn skip(what: &str, variable: &str) {
    println!("skipped: {what}: the client is not installed; see .ci/run and name it in {variable}");
}

#[tokio::test(flavor = "multi_thread")]
async fn compreface_for_python() {
    let Some(mut command) = python() else {
        return skip("CompreFace for Python", "REGARD_CLIENTS_PYTHON");
    };
    let site = Site::new().await;
    let folder = tempfile::tempdir().unwrap();
    let port = site.world.address.port().to_string();
    command.arg(script("compreface_client.py"));
    command.args([&port, RECOGNITION_KEY, DETECTION_KEY, VERIFICATION_KEY]);
    command.arg(pictures(folder.path()));
    passes(command).await;
    site.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compreface_for_javascript() {
    let Some((mut command, modules)) = node() else {
        return skip("CompreFace for JavaScript", "REGARD_CLIENTS_NODE");
    };
    let site = Site::new().await;
    let folder = tempfile::tempdir().unwrap();
    let port = site.world.address.port().to_string();
    command.arg(script("compreface_client.mjs")).arg(modules);
    command.args([&port, RECOGNITION_KEY, DETECTION_KEY, VERIFICATION_KEY]);
    command.arg(pictures(folder.path()));
    passes(command).await;
    site.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rekognition_for_python() {
    let Some(mut command) = python() else {
        return skip("boto3", "REGARD_CLIENTS_PYTHON");
    };
    let site = Site::new().await;
    let folder = tempfile::tempdir().unwrap();
    let port = site.world.address.port().to_string();
    command.arg(script("rekognition_client.py"));
    command.args([&port, ACCESS_KEY, SECRET_KEY]);
    command.arg(pictures(folder.path()));
    passes(command).await;
    site.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rekognition_for_javascript() {
    let Some((mut command, modules)) = node() else {
        return skip("the AWS SDK for JavaScript", "REGARD_CLIENTS_NODE");
    };
    let site = Site::new().await;
    let folder = tempfile::tempdir().unwrap();
    let port = site.world.address.port().to_string();
    command.arg(script("rekognition_client.mjs")).arg(modules);
    command.args([&port, ACCESS_KEY, SECRET_KEY]);
    command.arg(pictures(folder.path()));
    passes(command).await;
    site.world.stop().await;
}
