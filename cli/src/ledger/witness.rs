//! Looking at the ledger of another installation, and vouching for it.

use std::fs::{File, TryLockError};
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use regard_commitments::{
    AddCheckpoint, Checkpoint, Digest, NoteVerifier, Tile, Witness, consistency_proof_of_tiles,
};

use super::{MAX_BYTES, cosigner, small_file, verifier};
use crate::args::WitnessArgs;
use crate::exit;
use crate::printable::shown;
use crate::whole_file::write_whole;

/// How long the other side may take for one answer. Origin: satellite links stay well below.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn witness(args: &WitnessArgs) -> Result<ExitCode> {
    let key = verifier(&args.key)?;
    let cosigner = cosigner(&args.installation.data_dir())?;
    // Held to the end: two at once would each vouch for what the other has not seen.
    let _lock = lock(&args.state)?;
    let mut state = read_state(&args.state)?;
    let request = request(&args.source, &key, state.size_of(key.name()))?;
    let checkpoint = state
        .take(&request, &key)
        .with_context(|| format!("{}: not cosigned", args.source))?;
    // First remembered, then said: who forgets what was said can be led astray.
    write_whole(&args.state, &(serde_json::to_string_pretty(&state)? + "\n"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let at_secs = now
        .context("the clock of this machine is before 1970")?
        .as_secs();
    let line = cosigner.cosign(key.open(&request.note)?, at_secs);
    if let Some(output) = &args.output {
        write_whole(output, &(request.note.clone() + &line))?;
    }
    tracing::info!(size = checkpoint.size, "cosigned");
    exit::print(line.trim_end())
}

fn lock(state: &Path) -> Result<File> {
    let path = state.with_extension("lock");
    let cannot = || format!("{}: cannot be written", shown(&path));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(cannot)?;
    }
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("{}: another witness is at it", shown(state)),
        Err(TryLockError::Error(error)) => Err(error).with_context(cannot),
    }
}

fn read_state(path: &Path) -> Result<Witness> {
    if !path.exists() {
        return Ok(Witness::default());
    }
    serde_json::from_str(&small_file(path)?)
        .with_context(|| format!("{}: not what a witness remembers", shown(path)))
}

/// The checkpoint to vouch for, with the proof that it goes on from the last one seen.
fn request(source: &str, key: &NoteVerifier, known: u64) -> Result<AddCheckpoint> {
    if let Some(address) = ["http://", "https://"]
        .iter()
        .find_map(|scheme| source.starts_with(scheme).then_some(source))
    {
        return fetched(address.trim_end_matches('/'), key, known);
    }
    let body = if source == "-" {
        let mut body = String::new();
        let mut input = std::io::stdin().lock().take(MAX_BYTES);
        input
            .read_to_string(&mut body)
            .context("standard input cannot be read")?;
        body
    } else {
        small_file(Path::new(source))?
    };
    AddCheckpoint::parse(&body).with_context(|| {
        format!("{source}: `regard ledger prove --from SIZE --request` writes one")
    })
}

/// Fetches the checkpoint, and of the tree what the proof needs.
fn fetched(address: &str, key: &NoteVerifier, known: u64) -> Result<AddCheckpoint> {
    let note = get(&format!("{address}/checkpoint"))?;
    let note = String::from_utf8(note).map_err(|_| anyhow!("{address}/checkpoint: not a text"))?;
    let new = Checkpoint::open(&note, key).with_context(|| format!("{address}/checkpoint"))?;
    let proof = consistency_proof_of_tiles(known, new.size, |tile| hashes(address, tile))?;
    Ok(AddCheckpoint {
        old_size: known,
        // Where it became shorter there is no proof, and the witness says so.
        proof: proof.unwrap_or_default(),
        note,
    })
}

fn hashes(address: &str, tile: Tile) -> Result<Vec<Digest>> {
    let url = format!("{address}/tile/{}", tile.path());
    let bytes = get(&url)?;
    let (hashes, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() || hashes.len() as u64 != tile.width() {
        bail!(
            "{url}: {} bytes instead of {} hashes",
            bytes.len(),
            tile.width()
        );
    }
    Ok(hashes
        .iter()
        .map(|hash| Digest::from_bytes(*hash))
        .collect())
}

fn get(url: &str) -> Result<Vec<u8>> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER_TIMEOUT))
        .user_agent(concat!("regard/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut answer = agent.get(url).call().with_context(|| url.to_owned())?;
    let body = answer.body_mut().with_config().limit(MAX_BYTES);
    body.read_to_vec().with_context(|| url.to_owned())
}
