//! `regard ledger`.

mod prove;
mod tail;
mod witness;

pub(crate) use tail::instant;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use regard_backends::{LedgerRow, OpenError, SqliteReader};
use regard_commitments::{
    Checkpoint, Commitments, CosignatureVerifier, Cosigner, Digest, LedgerCheck, LedgerEntry,
    LedgerFault, LedgerProof, LedgerReport, NoteSigner, NoteVerifier, SiteKeys, key_id,
    ledger_origin,
};
use serde::Serialize;

use crate::args::{CheckArgs, LedgerCommand, ListFormat, VerifyArgs};
use crate::exit;
use crate::printable::{on_one_line, shown};
use crate::work::block_on;

/// Entries read at once.
const READ_CHUNK: u64 = 4_096;

/// Largest note, key or proof read, in bytes; none has more than some thousand.
const MAX_BYTES: u64 = 1 << 20;

/// Does what was asked with the ledger.
pub(crate) fn ledger(command: &LedgerCommand) -> Result<ExitCode> {
    match command {
        LedgerCommand::Tail(args) => block_on(tail::tail(args)),
        LedgerCommand::Verify(args) => block_on(verify(args)),
        LedgerCommand::Prove(args) => block_on(prove::prove(args)),
        LedgerCommand::Check(args) => check(args),
        LedgerCommand::Key {
            installation,
            witness,
        } => block_on(key(&installation.data_dir(), *witness)),
        LedgerCommand::Witness(args) => witness::witness(args),
    }
}

/// The store of an installation, looked at from outside.
pub(crate) async fn open(data_dir: &Path) -> Result<SqliteReader> {
    SqliteReader::open(data_dir).await.map_err(|error| {
        let is_missing = matches!(&error, OpenError::Io { source, .. }
            if source.kind() == std::io::ErrorKind::NotFound);
        let hint = if is_missing {
            "; name the data folder of an installation with --data"
        } else {
            ""
        };
        anyhow!("{}: {}{hint}", shown(data_dir), on_one_line(&error))
    })
}

/// The keys of an installation that is there.
pub(crate) fn site_keys(data_dir: &Path) -> Result<SiteKeys> {
    Ok(regard_engine::existing_site_keys(data_dir)?)
}

/// The key of the ledger of an installation.
pub(crate) async fn ledger_key(
    reader: &SqliteReader,
    data_dir: &Path,
    named: Option<&str>,
) -> Result<NoteVerifier> {
    if let Some(named) = named {
        return verifier(named);
    }
    let signed = reader.latest_commitments().await?.with_context(|| {
        format!(
            "{}: there are no commitments yet; start the installation once",
            shown(data_dir)
        )
    })?;
    let promised: Commitments = serde_json::from_str(&signed.document)
        .with_context(|| format!("{}: the commitments are damaged", shown(data_dir)))?;
    let signer = NoteSigner::new(
        ledger_origin(&promised.site.id),
        site_keys(data_dir)?.ledger_key(),
    )?;
    Ok(signer.verifier())
}

/// A small text file.
pub(crate) fn small_file(path: &Path) -> Result<String> {
    let name = || shown(path);
    let size = fs::metadata(path).map(|m| m.len());
    if size.as_ref().is_ok_and(|size| *size > MAX_BYTES) {
        anyhow::bail!("{}: larger than {MAX_BYTES} bytes", name());
    }
    fs::read_to_string(path).with_context(|| format!("{}: cannot be read", name()))
}

/// What is meant by a key: its text, or the name of a file with it.
fn key_text(named: &str) -> Result<String> {
    if named.contains('+') && !Path::new(named).exists() {
        return Ok(named.to_owned());
    }
    Ok(small_file(Path::new(named))?.trim().to_owned())
}

/// A key of a ledger, by its text or the name of a file with it.
pub(crate) fn verifier(named: &str) -> Result<NoteVerifier> {
    let text = key_text(named)?;
    text.parse()
        .with_context(|| format!("{named}: `regard ledger key` prints the key of a ledger"))
}

fn cosignature_verifier(named: &str) -> Result<CosignatureVerifier> {
    let text = key_text(named)?;
    text.parse().with_context(|| {
        format!("{named}: `regard ledger key --witness` prints the key of a witness")
    })
}

/// The name under which an installation is a witness.
fn cosigner(data_dir: &Path) -> Result<Cosigner> {
    let key = site_keys(data_dir)?.witness_key();
    // By its key: sites of one owner may have the same id, keys never meet.
    let name = format!("regard/witness/{}", &key_id(&key.verifying_key())[..16]);
    Ok(Cosigner::new(name, key)?)
}

async fn key(data_dir: &Path, is_witness: bool) -> Result<ExitCode> {
    if is_witness {
        return exit::print(&cosigner(data_dir)?.verifier().to_string());
    }
    let reader = open(data_dir).await?;
    exit::print(&ledger_key(&reader, data_dir, None).await?.to_string())
}

/// Calls `see` with every entry from number `from` up to `to`, in order.
pub(crate) async fn each_entry(
    reader: &SqliteReader,
    range: std::ops::Range<u64>,
    mut see: impl FnMut(LedgerRow) -> Result<(), LedgerFault>,
) -> Result<Result<(), LedgerFault>> {
    let mut next = range.start;
    while next < range.end {
        let chunk = next..range.end.min(next + READ_CHUNK);
        for row in reader.ledger_range(chunk.clone()).await? {
            // A gap is a missing entry, whatever the numbers behind it say.
            if row.index != next {
                return Ok(Err(LedgerFault::Changed { size: next + 1 }));
            }
            next += 1;
            if let Err(fault) = see(row) {
                return Ok(Err(fault));
            }
        }
        if next < chunk.end {
            return Ok(Err(LedgerFault::Changed { size: next + 1 }));
        }
    }
    Ok(Ok(()))
}

/// Proves the whole ledger anew: every entry has its one form and its hash, and all of them have the
/// roots of the checkpoints in the store and of those given.
pub(crate) async fn prove_anew(
    reader: &SqliteReader,
    key: &NoteVerifier,
    published: &[String],
    mut see: impl FnMut(u64, LedgerEntry),
) -> Result<Result<LedgerReport, LedgerFault>> {
    // Before the length: what a checkpoint covers was written before it.
    let stored = reader.checkpoints().await?;
    let notes = stored.iter().map(|c| &c.note).chain(published);
    let mut check = match LedgerCheck::new(notes, key) {
        Ok(check) => check,
        Err(fault) => return Ok(Err(fault)),
    };
    let len = reader.ledger_len().await?;
    let read = each_entry(reader, 0..len, |row| {
        check.hashed(row.hash, row.bytes.as_deref())?;
        if let Some(bytes) = &row.bytes {
            let entry =
                LedgerEntry::from_leaf_bytes(bytes).map_err(|source| LedgerFault::Entry {
                    index: row.index,
                    source,
                })?;
            see(row.index, entry);
        }
        Ok(())
    })
    .await?;
    Ok(read.and_then(|()| check.finish().map(|(_, report)| report)))
}

/// What `verify` says, for programs.
#[derive(Serialize)]
struct Verified {
    ok: bool,
    /// What is wrong.
    fault: Option<String>,
    #[serde(flatten)]
    report: Option<LedgerReport>,
    /// Checkpoints from elsewhere that were held against it.
    published: Vec<Published>,
}

#[derive(Serialize)]
struct Published {
    file: String,
    size: u64,
    root: Digest,
}

async fn verify(args: &VerifyArgs) -> Result<ExitCode> {
    let data_dir = args.installation.data_dir();
    let reader = open(&data_dir).await?;
    let key = ledger_key(&reader, &data_dir, args.key.as_deref()).await?;
    let notes: Vec<String> = args
        .checkpoints
        .iter()
        .map(|file| small_file(file))
        .collect::<Result<_>>()?;
    let (published, mut fault) = match published(args, &notes, &key)? {
        Ok(published) => (published, None),
        Err(fault) => (Vec::new(), Some(fault)),
    };
    let proven = prove_anew(&reader, &key, &notes, |_, _| {}).await?;
    reader.close().await;
    let report = match proven {
        Ok(report) => Some(report),
        Err(error) => {
            // A checkpoint from elsewhere is told of by its name, not by its number.
            fault.get_or_insert_with(|| on_one_line(&error));
            None
        }
    };
    let verified = Verified {
        ok: fault.is_none(),
        fault,
        report,
        published,
    };
    let text = match args.format {
        ListFormat::Json => serde_json::to_string_pretty(&verified)?,
        ListFormat::Text => verified.in_words(),
    };
    let printed = exit::print(&text)?;
    Ok(if verified.ok {
        printed
    } else {
        ExitCode::from(exit::SOME_BAD)
    })
}

/// The checkpoints from elsewhere, each signed by the ledger and cosigned by every witness asked for.
fn published(
    args: &VerifyArgs,
    notes: &[String],
    key: &NoteVerifier,
) -> Result<Result<Vec<Published>, String>> {
    let witnesses: Vec<CosignatureVerifier> = args
        .witness
        .iter()
        .map(|key| cosignature_verifier(key))
        .collect::<Result<_>>()?;
    let mut found = Vec::new();
    for (file, note) in args.checkpoints.iter().zip(notes) {
        let told =
            |error: &dyn std::error::Error| format!("{}: {}", shown(file), on_one_line(error));
        let checkpoint = match Checkpoint::open(note, key) {
            Ok(checkpoint) => checkpoint,
            Err(error) => return Ok(Err(told(&error))),
        };
        if let Some(error) = witnesses
            .iter()
            .find_map(|witness| witness.open(note).err())
        {
            return Ok(Err(told(&error)));
        }
        found.push(Published {
            file: shown(file),
            size: checkpoint.size,
            root: checkpoint.root,
        });
    }
    Ok(Ok(found))
}

impl Verified {
    fn in_words(&self) -> String {
        let mut lines = Vec::new();
        if let Some(report) = &self.report {
            let LedgerReport {
                n_entries,
                n_checkpoints,
                n_covered,
                root,
            } = report;
            lines.push(format!(
                "{n_entries} entries, {n_covered} of them under {n_checkpoints} signed checkpoints\nroot {root}"
            ));
        }
        for published in &self.published {
            let Published { file, size, .. } = published;
            lines.push(format!("{file}: its {size} entries are held against these"));
        }
        lines.push(match &self.fault {
            None => "the ledger is whole".to_owned(),
            Some(fault) => format!("THE LEDGER DOES NOT VERIFY: {fault}"),
        });
        lines.join("\n")
    }
}

/// What `check` says, for programs.
#[derive(Serialize)]
struct Checked {
    ok: bool,
    fault: Option<String>,
    origin: Option<String>,
    /// Entries under the checkpoint; of growth, under the later one.
    size: Option<u64>,
    /// Entries under the earlier checkpoint.
    old_size: Option<u64>,
    index: Option<u64>,
    entry: Option<LedgerEntry>,
}

fn check(args: &CheckArgs) -> Result<ExitCode> {
    let key = verifier(&args.key)?;
    let name = shown(&args.proof);
    let proof: LedgerProof = serde_json::from_str(&small_file(&args.proof)?)
        .with_context(|| format!("{name}: not a proof that `regard ledger prove` writes"))?;
    let mut checked = Checked {
        ok: true,
        fault: None,
        origin: None,
        size: None,
        old_size: None,
        index: None,
        entry: None,
    };
    let words = match &proof {
        LedgerProof::Inclusion(proof) => proof.check(&key).map(|(tree, entry)| {
            let text = proof
                .entry
                .as_deref()
                .unwrap_or("(its text is past its time)");
            let words = format!(
                "entry {} is among the first {} of {}:\n{text}",
                proof.index, tree.size, tree.origin
            );
            checked.origin = Some(tree.origin);
            checked.size = Some(tree.size);
            checked.index = Some(proof.index);
            checked.entry = entry;
            words
        }),
        LedgerProof::Consistency(proof) => proof.check(&key).map(|(old, new)| {
            checked.size = Some(new.size);
            checked.old_size = Some(old.size);
            let words = format!(
                "the {} entries of {} begin with the {} that were signed before",
                new.size, new.origin, old.size
            );
            checked.origin = Some(new.origin);
            words
        }),
    };
    let words = words.unwrap_or_else(|fault| {
        let fault = on_one_line(&fault);
        let words = format!("{name}: THE PROOF DOES NOT HOLD: {fault}");
        checked.ok = false;
        checked.fault = Some(fault);
        words
    });
    let text = match args.format {
        ListFormat::Json => serde_json::to_string_pretty(&checked)?,
        ListFormat::Text => words,
    };
    let printed = exit::print(&text)?;
    Ok(if checked.ok {
        printed
    } else {
        ExitCode::from(exit::SOME_BAD)
    })
}

/// Where a proof goes: a file, or standard output.
fn deliver(text: &str, output: Option<&PathBuf>) -> Result<ExitCode> {
    match output {
        Some(path) => {
            crate::whole_file::write_whole(path, format!("{}\n", text.trim_end()))?;
            exit::print(&format!("wrote {}", shown(path)))
        }
        None => exit::print(text.trim_end()),
    }
}
