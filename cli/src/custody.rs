//! `regard keys`, `regard erasure`, `regard backup`, `regard restore`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use regard_backends::{KeyStore as _, SqliteKeys};
use regard_commitments::{ErasureProof, NoteVerifier, UtcText};
use regard_domain::Clock as _;
use regard_engine::{
    CustodyError, Installation, KeyPlace, Rotated, SiteKeyConfig, SiteKeyFile, SystemClock,
    TokenUri,
};
use serde::Serialize;

use crate::args::{
    BackupArgs, ErasureCommand, InstallationArgs, KeysCommand, ListFormat, RestoreArgs,
    SiteKeyArgs, SiteKeyPlace,
};
use crate::exit;
use crate::printable::shown;
use crate::speech::complain;
use crate::work::block_on;

/// Largest proof read, in bytes; real ones take two thousand.
const MAX_PROOF_BYTES: u64 = 1 << 20;

/// Does what was asked with the keys of an installation.
pub(crate) fn keys(command: &KeysCommand) -> Result<ExitCode> {
    match command {
        KeysCommand::Show {
            installation,
            site_key,
            format,
        } => block_on(show(installation, site_key, *format)),
        KeysCommand::Rotate {
            installation,
            site_key,
            to,
        } => block_on(rotate(installation, site_key, to.as_ref())),
    }
}

/// The file of keys of an installation that is there.
async fn existing_keys(data: &Path) -> Result<SqliteKeys> {
    if !data.join("keys.db").exists() {
        bail!(
            "{}: no installation with persons; name its data folder with --data",
            shown(data)
        );
    }
    SqliteKeys::open(data).await.with_context(|| shown(data))
}

/// What `keys show` says, for programs.
#[derive(Serialize)]
struct KeysShown {
    file: String,
    /// The address of the token that holds the key; nothing where the file does.
    token: Option<String>,
    has_passphrase: bool,
    in_data_folder: bool,
    site_keys: Vec<String>,
    n_persons: u64,
    rotation_unfinished: bool,
}

async fn show(
    installation: &InstallationArgs,
    site_key: &SiteKeyArgs,
    format: ListFormat,
) -> Result<ExitCode> {
    let data = installation.data_dir();
    let file = SiteKeyFile::open(&site_key.config(&data), &data)?;
    let keys = existing_keys(&data).await?;
    let n_persons = keys.n_persons().await?;
    keys.close().await;
    let ids = file.ring().ids();
    let shown = KeysShown {
        file: file.path().display().to_string(),
        token: match file.place() {
            KeyPlace::Token(uri) => Some(uri.to_string()),
            KeyPlace::File => None,
        },
        has_passphrase: file.has_passphrase(),
        in_data_folder: file.path().starts_with(&data),
        site_keys: ids.iter().map(ToString::to_string).collect(),
        n_persons,
        rotation_unfinished: ids.len() > 1 || file.n_going() > 0,
    };
    match format {
        ListFormat::Json => exit::print(&serde_json::to_string_pretty(&shown)?),
        ListFormat::Text => exit::print(&in_words(&shown)),
    }
}

fn in_words(shown: &KeysShown) -> String {
    let mut lines = vec![
        format!("file      {}", shown.file),
        format!("site key  {}", shown.site_keys[0]),
        format!("persons   {}", shown.n_persons),
    ];
    if let Some(token) = &shown.token {
        lines.insert(1, format!("token     {token}"));
    }
    if shown.rotation_unfinished {
        lines.push("A rotation was broken off; `regard keys rotate` finishes it.".to_owned());
    }
    if shown.in_data_folder && !shown.has_passphrase && shown.token.is_none() {
        lines.push(
            "The key lies in the data folder: whoever takes the disk opens everything. Keep it elsewhere \
             (--site-key) or encrypt it (--passphrase-file)."
                .to_owned(),
        );
    }
    lines.join("\n")
}

async fn rotate(
    installation: &InstallationArgs,
    site_key: &SiteKeyArgs,
    to: Option<&KeyPlace>,
) -> Result<ExitCode> {
    let data = installation.data_dir();
    let keys = existing_keys(&data).await?;
    let mut file = SiteKeyFile::open(&site_key.config(&data), &data)?;
    let place = to.cloned().unwrap_or_else(|| file.place());
    // A program that runs has shut itself in with what was named when it started.
    let held = if file.place().is_same(&place) {
        None
    } else {
        let held = Installation::open(&data).await;
        Some(held.context("to take the key elsewhere the program must not run; stop it, rotate, and start it again")?)
    };
    let rotated = rotate_to(&keys, &mut file, &place).await;
    keys.close().await;
    if let Some(held) = held {
        held.close().await;
    }
    let rotated = rotated.context("the rotation was broken off; run it again to finish it")?;
    if !rotated.is_wiped {
        complain(
            "another program reads the file of keys; what the older key wrapped leaves its log with the next change",
        );
    }
    if rotated.n_going > 0 {
        complain(
            "a token has not destroyed the older key that lies in it; put it in and run `regard keys rotate` again",
        );
    }
    exit::print(&format!(
        "site key {} wraps {} keys; the older one {}. It lies {}",
        rotated.to,
        rotated.n_keys,
        if rotated.n_going > 0 {
            "wraps nothing any more"
        } else {
            "is gone"
        },
        match file.place() {
            KeyPlace::File => format!("in {}", file.path().display()),
            KeyPlace::Token(uri) =>
                format!("in the token {uri}, and {} says so", file.path().display()),
        }
    ))
}

/// Rotates until the key is where it is wanted: one rotation that was broken off is finished first.
async fn rotate_to(
    keys: &SqliteKeys,
    file: &mut SiteKeyFile,
    place: &KeyPlace,
) -> Result<Rotated, CustodyError> {
    loop {
        let rotated = regard_engine::rotate(keys, file, place, SystemClock::new().now()).await?;
        if file.place().is_same(place) {
            return Ok(rotated);
        }
    }
}

/// Does what was asked about erasures.
pub(crate) fn erasure(command: &ErasureCommand) -> Result<ExitCode> {
    match command {
        ErasureCommand::Verify { proof, key } => verify(proof, key.as_deref()),
    }
}

fn verify(file: &Path, key: Option<&str>) -> Result<ExitCode> {
    let name = shown(file);
    let size = fs::metadata(file)
        .with_context(|| format!("{name}: cannot be read"))?
        .len();
    if size > MAX_PROOF_BYTES {
        bail!("{name}: larger than {MAX_PROOF_BYTES} bytes; this is no proof of an erasure");
    }
    let text = fs::read_to_string(file).with_context(|| format!("{name}: cannot be read"))?;
    let proof: ErasureProof = serde_json::from_str(&text)
        .with_context(|| format!("{name}: not a proof of an erasure"))?;
    let given = key
        .map(str::parse::<NoteVerifier>)
        .transpose()
        .context("--key")?;
    let proven = proof
        .verify(given.as_ref())
        .with_context(|| format!("{name}: proves nothing"))?;
    let mut said = format!(
        "erased on {}, entry {} of ledger {}",
        UtcText::new(proven.at),
        proven.index,
        proven.ledger
    );
    if given.is_none() {
        said.push_str(&format!(
            "\nsigned with {}\nCompare that key with the one the site publishes, or give it with --key.",
            proof.key
        ));
    }
    exit::print(&said)
}

/// Writes a backup.
pub(crate) fn backup(args: &BackupArgs) -> Result<ExitCode> {
    let data = args.installation.data_dir();
    let site_key = SiteKeyFile::open(&args.site_key.config(&data), &data)?;
    block_on(async {
        let made = regard_engine::back_up(&data, &site_key, &args.output).await?;
        exit::print(&format!(
            "wrote {}: {} bytes, sha256 {}\nIt opens with site key {} alone, and holds no key of any person.",
            shown(&args.output),
            made.n_bytes,
            made.file,
            site_key.ring().current()
        ))
    })
}

/// Puts a backup back.
pub(crate) fn restore(args: &RestoreArgs) -> Result<ExitCode> {
    let data = args.installation.data_dir();
    let site_key = SiteKeyFile::open(&args.site_key.config(&data), &data)?;
    block_on(async {
        let now = SystemClock::new().now();
        let restored = regard_engine::restore(&args.file, &data, &site_key, now).await?;
        exit::print(&format!(
            "restored {} into {}\n{} sealed rows open with living keys, {} have none any more and were left out, {} later \
             entries of the ledger were kept",
            shown(&args.file),
            shown(&data),
            restored.n_sealed,
            restored.n_left_out,
            restored.n_later_entries
        ))
    })
}

impl SiteKeyArgs {
    /// Where the key of the site is: as named, or beside the data folder if it is there.
    pub(crate) fn config(&self, data: &Path) -> SiteKeyConfig {
        let beside = beside(data);
        SiteKeyConfig {
            file: self.file().or_else(|| beside.exists().then_some(beside)),
            passphrase_file: self.passphrase_file.clone(),
            token: self.token(),
        }
    }

    /// The same for an installation that is to run: where nothing is named and nothing is there yet, beside the data
    /// folder, so that the folder alone opens nothing.
    pub(crate) fn config_to_run(&self, data: &Path) -> SiteKeyConfig {
        let within = data.join("custody.key").exists();
        SiteKeyConfig {
            file: self.file().or_else(|| (!within).then(|| beside(data))),
            passphrase_file: self.passphrase_file.clone(),
            token: self.token(),
        }
    }

    fn file(&self) -> Option<PathBuf> {
        match &self.site_key {
            Some(SiteKeyPlace::File(file)) => Some(file.clone()),
            Some(SiteKeyPlace::Token(_)) | None => None,
        }
    }

    fn token(&self) -> Option<TokenUri> {
        match &self.site_key {
            Some(SiteKeyPlace::Token(uri)) => Some((**uri).clone()),
            Some(SiteKeyPlace::File(_)) | None => None,
        }
    }
}

/// `data.key` beside the folder `data`.
fn beside(data: &Path) -> PathBuf {
    let name = data.file_name().unwrap_or_default().to_string_lossy();
    data.with_file_name(format!("{name}.key"))
}
