//! Chromium, driven over WebDriver.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use fantoccini::{Client, ClientBuilder};
use tempfile::TempDir;

/// A headless browser; its driver ends with it.
pub(crate) struct Browser {
    driver: Child,
    session: String,
    pub(crate) page: Client,
    /// Where the browser keeps its profile: killed, it leaves it behind.
    _temporary: TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver leads a group of its own: the browser it started goes with it.
        let group = format!("-{}", self.driver.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.driver.wait();
    }
}

fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

impl Browser {
    /// Starts one with further arguments; nothing where browser or driver is not installed.
    pub(crate) async fn start(arguments: &[String]) -> Option<Self> {
        for program in ["chromedriver", "chromium"] {
            if !found(program) {
                println!("skipped: browser tests: {program} not found");
                return None;
            }
        }
        let temporary = TempDir::new().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let started = lines
            .map_while(Result::ok)
            .find(|line| line.contains("started successfully"));
        let port: u16 = started
            .as_deref()
            .and_then(|line| line.trim_end_matches('.').rsplit(' ').next()?.parse().ok())
            .expect("chromedriver says its port");
        let fixed = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1440,1000",
        ];
        let all: Vec<&str> = fixed
            .into_iter()
            .chain(arguments.iter().map(String::as_str))
            .collect();
        let capabilities = serde_json::json!({ "goog:chromeOptions": { "args": all } });
        let page = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities.as_object().cloned().unwrap())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        let id = page.session_id().await.unwrap().expect("a session");
        let session = format!("http://127.0.0.1:{port}/session/{id}");
        Some(Self {
            driver,
            session,
            page,
            _temporary: temporary,
        })
    }

    /// A command of the DevTools protocol, for what WebDriver has no words.
    pub(crate) fn devtools(&self, command: &str, parameters: &serde_json::Value) {
        let body = serde_json::json!({ "cmd": command, "params": parameters });
        let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
        agent
            .post(format!("{}/goog/cdp/execute", self.session))
            .header("content-type", "application/json")
            .send(serde_json::to_vec(&body).unwrap())
            .unwrap();
    }

    /// Gives the page a window of exactly this size.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let size = serde_json::json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Closes the window and ends the driver.
    pub(crate) async fn stop(&mut self) {
        self.page.clone().close().await.unwrap();
    }
}
