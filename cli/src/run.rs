//! An engine and its server, from start to end.

use anyhow::{Context, Result};
use regard_engine::{Engine, EngineConfig};
use regard_server::{Server, ServerConfig};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::admin::AdminToken;
use crate::speech::say;

/// Log lines go to standard error: warnings, with `-v` what happens, with `-vv` everything.
pub(crate) fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("REGARD_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would report on standard error that standard error cannot be written, and panic.
        .log_internal_errors(false)
        .init();
}

/// 32 bytes nobody can guess.
pub(crate) fn random_key() -> Result<[u8; 32]> {
    regard_engine::random_key().context("the system gives no random bytes")
}

/// Starts engine and server, says where they are, and runs until told to stop. The first line on
/// standard output is `listening on http://…`; `introduce` prints what follows.
pub(crate) fn serve(
    config: EngineConfig,
    server: ServerConfig,
    introduce: impl FnOnce(&str),
) -> Result<()> {
    run(config, server, None, |address, _| introduce(address))
}

/// The same with an admin token, made at the first start or when a new one is wished for; a token
/// that was made just now is handed to `introduce`.
pub(crate) fn serve_with_admin(
    config: EngineConfig,
    server: ServerConfig,
    wants_new_token: bool,
    introduce: impl FnOnce(&str, Option<&str>),
) -> Result<()> {
    run(config, server, Some(wants_new_token), introduce)
}

fn run(
    config: EngineConfig,
    server: ServerConfig,
    wants_new_token: Option<bool>,
    introduce: impl FnOnce(&str, Option<&str>),
) -> Result<()> {
    // The engine has threads of its own for the work that counts; the web needs little.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the runtime could not be started")?;
    runtime.block_on(async {
        // Before anyone is told that it runs: who reads the first line may stop it at once.
        let stop = StopSignals::listen()?;
        let engine = Engine::start(config).await.map_err(explained)?;
        let result = open_doors(&engine, server, wants_new_token, stop, introduce).await;
        engine.stop().await;
        result
    })
}

async fn open_doors(
    engine: &Engine,
    mut server: ServerConfig,
    wants_new_token: Option<bool>,
    stop: StopSignals,
    introduce: impl FnOnce(&str, Option<&str>),
) -> Result<()> {
    let token = match wants_new_token {
        Some(wants_new) => Some(AdminToken::open(engine, wants_new).await?),
        None => None,
    };
    server.admin_token_hash = token.as_ref().map(|token| token.hash);
    let bound = Server::bind(server, engine.clone())
        .await
        .context("the server")?;
    // Not before the address is ours: a token nobody was shown must not be the one that counts.
    if let Some(token) = &token {
        token.keep(engine).await?;
    }
    let address = format!("http://{}", bound.address());
    say(format_args!("listening on {address}"));
    introduce(
        &address,
        token.as_ref().and_then(|token| token.fresh.as_deref()),
    );
    bound.run(stop.told()).await.context("the server")
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
