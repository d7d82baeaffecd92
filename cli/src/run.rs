//! An engine and its server, from start to end.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::{Context, Result};
use regard_engine::{Engine, EngineConfig};
use regard_server::{AdminToken, Server, ServerConfig};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::one_line::OneLine;
use crate::sandbox::{self, Reach};
use crate::speech::say;
use crate::{dumps, papers, swap};

/// How long calls to others that go on at the end may still take.
const LAST_CALLS: Duration = Duration::from_secs(1);

/// Log lines go to standard error: warnings, with `-v` what happens, with `-vv` everything.
pub(crate) fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("REGARD_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    // Colours are for people; https://no-color.org says how they refuse them.
    let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let has_colors = !is_refused && std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(has_colors)
        .with_writer(OneLine { has_colors })
        // It would report on standard error that standard error cannot be written, and panic.
        .log_internal_errors(false)
        .init();
}

/// 32 bytes nobody can guess.
pub(crate) fn random_key() -> Result<[u8; 32]> {
    regard_engine::random_key().context("the system gives no random bytes")
}

/// Starts engine and server, says where they are, and runs until told to stop. The first line on
/// standard output is `listening on http://…`, or https; `introduce` prints what follows, with the admin token if
/// one was made just now.
pub(crate) fn serve(
    mut config: EngineConfig,
    mut server: ServerConfig,
    reach: &Reach,
    answers: BTreeMap<String, String>,
    introduce: impl FnOnce(&str, Option<&str>),
) -> Result<()> {
    dumps::leave_none();
    swap::keep_in_memory();
    // Outside the data folder, where nothing can be made once the sandbox is entered.
    regard_engine::SiteKeyFile::create_if_missing(&config.site_key, &config.data_dir)
        .context("the site's key cannot be used")?;
    // Before the sandbox too: models are listed for it. What is wrong here the engine says in its own words.
    config.papers = papers::maker(&config, &server, answers)
        .inspect_err(|error| tracing::warn!("no papers are made: {error:#}"))
        .ok();
    // Before the first thread: those that are there already would not be limited.
    server.sandbox = sandbox::enter(reach);
    // The engine has threads of its own for the work that counts; the web needs little.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the runtime could not be started")?;
    let result: Result<()> = runtime.block_on(async {
        // Before anyone is told that it runs: who reads the first line may stop it at once.
        let stop = StopSignals::listen()?;
        let engine = Engine::start(config).await.map_err(explained)?;
        let result = open_doors(&engine, server, stop, introduce).await;
        engine.stop().await;
        result
    });
    // All that is to be kept is kept; an authority or program that is being called, and says nothing, is not waited for.
    runtime.shutdown_timeout(LAST_CALLS);
    result
}

/// What becomes of the admin token of an installation.
pub(crate) const fn admin_token(wants_new: bool) -> AdminToken {
    if wants_new {
        AdminToken::Replace
    } else {
        AdminToken::IfMissing
    }
}

async fn open_doors(
    engine: &Engine,
    server: ServerConfig,
    stop: StopSignals,
    introduce: impl FnOnce(&str, Option<&str>),
) -> Result<()> {
    let bound = Server::bind(server, engine.clone())
        .await
        .context("the server")?;
    let address = bound.url();
    say(format_args!("listening on {address}"));
    introduce(&address, bound.fresh_token());
    bound.run(stop.told()).await;
    Ok(())
}

/// Campaign mistakes are told one by one, all of them.
fn explained(error: regard_engine::StartError) -> anyhow::Error {
    match error {
        regard_engine::StartError::Campaigns(faults) => {
            let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
            anyhow::anyhow!(
                "the campaigns have {} mistakes:\n  {}",
                faults.len(),
                lines.join("\n  ")
            )
        }
        other => anyhow::Error::new(other),
    }
}

/// The signals that tell it to stop, heard from the moment this is made.
struct StopSignals {
    interrupted: Signal,
    terminated: Signal,
}

impl StopSignals {
    fn listen() -> Result<Self> {
        let heard = |kind| signal(kind).context("the signals to stop cannot be heard");
        Ok(Self {
            interrupted: heard(SignalKind::interrupt())?,
            terminated: heard(SignalKind::terminate())?,
        })
    }

    async fn told(mut self) {
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
        }
    }
}
