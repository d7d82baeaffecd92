//! Proofs for others.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use regard_commitments::{
    AddCheckpoint, ConsistencyProof, Digest, InclusionProof, LedgerEntry, LedgerProof,
    NoteVerifier, SignedCheckpoint, leaf_hash,
};

use super::{deliver, each_entry, ledger_key, open};
use crate::args::ProveArgs;

/// What proofs are made from.
struct Material {
    key: NoteVerifier,
    /// All that were signed, smallest first.
    checkpoints: Vec<SignedCheckpoint>,
    leaves: Vec<Digest>,
    /// The text of the entry that is to be proven, as far as it is kept.
    bytes: Option<Vec<u8>>,
}

pub(super) async fn prove(args: &ProveArgs) -> Result<ExitCode> {
    let data_dir = args.installation.data_dir();
    let reader = open(&data_dir).await?;
    let key = ledger_key(&reader, &data_dir, None).await?;
    let sought = args.entry.as_deref().map(sought).transpose()?;
    let mut index = args.index;
    let mut material = Material {
        key,
        checkpoints: reader.checkpoints().await?,
        leaves: Vec::new(),
        bytes: None,
    };
    let len = reader.ledger_len().await?;
    let read = each_entry(&reader, 0..len, |row| {
        if sought == Some(row.hash) {
            index = Some(row.index);
        }
        if index == Some(row.index) {
            material.bytes = row.bytes;
        }
        material.leaves.push(row.hash);
        Ok(())
    })
    .await?;
    read.context("the ledger does not verify")?;
    reader.close().await;
    let text = match (index, args.from) {
        (Some(index), _) => material.inclusion(index, args.to)?,
        (None, Some(from)) => material.consistency(from, args.to, args.request)?,
        (None, None) => {
            bail!("there is no such entry; `regard ledger tail --format json` lists them")
        }
    };
    deliver(&text, args.output.as_ref())
}

/// The hash of an entry that was typed: as it stands in the ledger, or the whole line of `tail`.
fn sought(text: &str) -> Result<Digest> {
    let value: serde_json::Value =
        serde_json::from_str(text).context("--entry: not the JSON of an entry")?;
    let entry = value.get("entry").unwrap_or(&value);
    let entry: LedgerEntry =
        serde_json::from_value(entry.clone()).context("--entry: not the JSON of an entry")?;
    Ok(leaf_hash(&entry.leaf_bytes()))
}

impl Material {
    fn checkpoint(&self, size: Option<u64>) -> Result<&SignedCheckpoint> {
        let Some(size) = size else {
            return self.checkpoints.last().context(
                "nothing was signed yet; a checkpoint comes within two seconds of an entry",
            );
        };
        let at = self.checkpoints.binary_search_by_key(&size, |c| c.size);
        match at {
            Ok(at) => Ok(&self.checkpoints[at]),
            Err(next) => {
                let near = [next.checked_sub(1), Some(next)];
                let near = near
                    .into_iter()
                    .flatten()
                    .filter_map(|i| self.checkpoints.get(i));
                let near: Vec<String> = near.map(|c| c.size.to_string()).collect();
                bail!(
                    "there is no checkpoint of size {size}; the nearest: {}",
                    near.join(", ")
                )
            }
        }
    }

    fn inclusion(&self, index: u64, size: Option<u64>) -> Result<String> {
        let note = &self.checkpoint(size)?.note;
        let bytes = self.bytes.as_deref();
        let proof = InclusionProof::of(index, bytes, &self.leaves, note, &self.key)
            .with_context(|| format!("entry {index}"))?;
        Ok(serde_json::to_string_pretty(&LedgerProof::Inclusion(
            proof,
        ))?)
    }

    fn consistency(&self, from: u64, to: Option<u64>, is_request: bool) -> Result<String> {
        let new = &self.checkpoint(to)?.note;
        if is_request && from == 0 {
            // The first that a witness sees needs no proof.
            let (old_size, proof, note) = (0, Vec::new(), new.clone());
            return Ok(AddCheckpoint {
                old_size,
                proof,
                note,
            }
            .to_body());
        }
        let old = &self.checkpoint(Some(from))?.note;
        let proof = ConsistencyProof::of(old, new, &self.leaves, &self.key)?;
        if is_request {
            let request = AddCheckpoint {
                old_size: from,
                proof: proof.path,
                note: proof.new_checkpoint,
            };
            return Ok(request.to_body());
        }
        Ok(serde_json::to_string_pretty(&LedgerProof::Consistency(
            proof,
        ))?)
    }
}
