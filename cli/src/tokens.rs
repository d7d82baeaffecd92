//! `regard tokens`: who may come in, while the program does not run.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use regard_backends::OpenError;
use regard_commitments::{AdminAct, TokenId};
use regard_domain::{CameraId, ScreenId, Timestamp};
use regard_engine::{Calendar, Installation, InstallationError, NewToken, TokenRecord};
use regard_server::{MadeToken, TokenBody};

use crate::args::{InstallationArgs, ListFormat, NewTokenArgs, TokensCommand};
use crate::exit;
use crate::work::block_on;

/// Makes, lists and revokes tokens.
pub(crate) fn tokens(command: &TokensCommand) -> Result<ExitCode> {
    let text = block_on(async {
        match command {
            TokensCommand::New(args) => new(args).await,
            TokensCommand::List {
                installation,
                format,
            } => list(installation, *format).await,
            TokensCommand::Revoke {
                id,
                installation,
                format,
            } => revoke(id, installation, *format).await,
        }
    })?;
    exit::print(&text)
}

async fn open(args: &InstallationArgs) -> Result<Installation> {
    let folder = args.data_dir();
    Installation::open(&folder).await.map_err(|error| {
        let runs = matches!(
            error,
            InstallationError::Open(OpenError::InUse { .. })
        );
        let error = anyhow::Error::new(error);
        if runs {
            error.context(
                "the program runs; while it does, tokens are made and revoked through its API with an \
                 admin token: POST /v1/tokens, DELETE /v1/tokens/ID",
            )
        } else {
            error
        }
    })
}

async fn new(args: &NewTokenArgs) -> Result<String> {
    let mut installation = open(&args.installation).await?;
    let new = NewToken {
        role: args.role,
        screens: args.screens.iter().cloned().collect(),
        cameras: args.cameras.iter().cloned().collect(),
        lifetime: args
            .days
            .map(|days| Duration::from_secs(u64::from(days) * 86_400)),
    };
    let (token, record) = new.make(installation.now())?;
    let kept = installation.keep_token(&record, AdminAct::TokenMade).await;
    let now = installation.now();
    installation.close().await;
    kept?;
    match args.format {
        ListFormat::Json => Ok(serde_json::to_string_pretty(&MadeToken {
            token: token.text().to_owned(),
            record: TokenBody::of(&record, now),
        })?),
        ListFormat::Text => Ok(format!(
            "{}\nShown this once. {}",
            token.text(),
            line(&record, now)?
        )),
    }
}

async fn list(args: &InstallationArgs, format: ListFormat) -> Result<String> {
    let installation = open(args).await?;
    let records = installation.tokens().await;
    let now = installation.now();
    installation.close().await;
    let records = records?;
    match format {
        ListFormat::Json => {
            let rows: Vec<TokenBody> = records
                .iter()
                .map(|record| TokenBody::of(record, now))
                .collect();
            Ok(serde_json::to_string_pretty(&rows)?)
        }
        ListFormat::Text if records.is_empty() => {
            Ok("no tokens; the first is made when the program starts".to_owned())
        }
        ListFormat::Text => {
            let lines: Result<Vec<String>> =
                records.iter().map(|record| line(record, now)).collect();
            Ok(lines?.join("\n"))
        }
    }
}

async fn revoke(id: &TokenId, args: &InstallationArgs, format: ListFormat) -> Result<String> {
    let mut installation = open(args).await?;
    let revoked = revoke_in(&mut installation, id).await;
    let now = installation.now();
    installation.close().await;
    let record = revoked?;
    match format {
        ListFormat::Json => Ok(serde_json::to_string_pretty(&TokenBody::of(&record, now))?),
        ListFormat::Text => line(&record, now),
    }
}

async fn revoke_in(installation: &mut Installation, id: &TokenId) -> Result<TokenRecord> {
    let mut records = installation.tokens().await?.into_iter();
    let Some(mut record) = records.find(|record| record.id == *id) else {
        bail!("there is no token {id}; regard tokens list shows those there are");
    };
    if record.revoked_at.is_none() {
        record.revoked_at = Some(installation.now());
        installation
            .keep_token(&record, AdminAct::TokenRevoked)
            .await?;
    }
    Ok(record)
}

/// One token in a line.
fn line(record: &TokenRecord, now: Timestamp) -> Result<String> {
    let mut text = format!("{}  {}", record.id, record.role);
    let named: Vec<&str> = record
        .screens
        .iter()
        .map(ScreenId::as_str)
        .chain(record.cameras.iter().map(CameraId::as_str))
        .collect();
    if !named.is_empty() {
        text += &format!(" for {}", named.join(", "));
    }
    let calendar = Calendar::new(None)?;
    text += &match (record.revoked_at, record.expires_at) {
        (Some(at), _) => format!("  revoked on {}", day(&calendar, at)),
        (None, Some(at)) if !record.is_live(now) => {
            format!("  expired on {}", day(&calendar, at))
        }
        (None, Some(at)) => format!("  until {}", day(&calendar, at)),
        (None, None) => "  until revoked".to_owned(),
    };
    Ok(text)
}

fn day(calendar: &Calendar, at: Timestamp) -> String {
    let date = calendar.local(at).date;
    date.to_string()
}
