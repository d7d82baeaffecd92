//! Backups: a consistent copy of the store, encrypted under the key of the site.
//!
//! A backup holds what is sealed for persons, and none of their keys: those lie in a file of their own that no backup
//! contains. Put back, a row opens if its key is still alive, and is left out if not.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regard_backends::{
    Integrity, KeyStore as _, OpenError, SealedSlots, SqliteKeys, SqliteOptions, SqliteStore,
    Store, StoreError,
};
use regard_commitments::{
    Answer, BadEntry, Date, Digest, EntryBody, Epsilon, Leaf, LedgerEntry, NoteError, NoteSigner,
    Profile, ProfileError, PromiseFault, RetentionGate, SignatureFault, SiteKeyFault, SiteKeyId,
    Zeroizing, ledger_origin,
};
use regard_domain::Timestamp;
use thiserror::Error;

use crate::chronicle::{Chronicle, ChronicleError};
use crate::custody::SiteKeyFile;
use crate::keys::{self, KeyError};
use crate::private_file::{create_private, create_private_folder};
use crate::seed::{fresh_rng, random_key};

mod envelope;

use self::envelope::{cipher_of, decrypt, encrypt, head_of, read_head};

/// What the key of a backup is bound to when the key of the site wraps it.
const SECRET: &str = "backup v2";

/// Rows looked at in one go.
const ROWS: u32 = 256;

/// Entries of the ledger read in one go.
const ENTRIES: u64 = 4_096;

/// Why a backup was not made or put back.
#[derive(Debug, Error)]
pub enum BackupError {
    /// A file.
    #[error("{} cannot be read or written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store could not be opened or copied.
    #[error("the store could not be opened or copied")]
    Open(#[from] OpenError),
    /// The store could not be read or written.
    #[error("the store could not be read or written")]
    Store(#[from] StoreError),
    /// The site's keys.
    #[error("the site's key cannot be used")]
    Key(#[from] KeyError),
    /// The key of the site did not do its work.
    #[error("the key of the site cannot be used")]
    SiteKey(#[from] SiteKeyFault),
    /// Not a backup.
    #[error("{} is not a backup of this program", path.display())]
    NotBackup {
        /// The file.
        path: PathBuf,
    },
    /// Made under a key of the site that is not there.
    #[error("{} was made under site key {key}, which is not there; name the file that holds it", path.display())]
    OtherKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: SiteKeyId,
    },
    /// Changed, cut short, or damaged.
    #[error("{} is damaged or was changed; nothing was restored", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The store inside is damaged.
    #[error("the store in the backup is damaged: {0}; nothing was restored")]
    Unsound(String),
    /// The folder belongs to another installation.
    #[error("the data folder {} belongs to another installation than the backup; restore into another folder", folder.display())]
    OtherSite {
        /// The folder.
        folder: PathBuf,
    },
    /// The ledger of the folder is no continuation of that of the backup.
    #[error("the ledger in {} does not go on where that of the backup ends; move the folder away and restore into a new one", folder.display())]
    OtherLedger {
        /// The folder.
        folder: PathBuf,
    },
    /// The backup holds no commitments, or none that this site signed.
    #[error("the commitments in the backup cannot be used")]
    Commitments(#[source] Option<SignatureFault>),
    /// Their profile.
    #[error("the commitments in the backup cannot be used")]
    Profile(#[from] ProfileError),
    /// What they promise.
    #[error("the commitments in the backup cannot be used")]
    Promise(#[from] PromiseFault),
    /// The ledger's name.
    #[error("the ledger cannot be signed")]
    Note(#[from] NoteError),
    /// An entry of the ledger.
    #[error("an entry of the ledger is damaged")]
    Entry(#[from] BadEntry),
    /// The ledger.
    #[error("the ledger of the backup cannot be continued")]
    Ledger(#[from] ChronicleError),
}

/// A backup that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// SHA-256 of the file.
    pub file: Digest,
    /// Bytes of the file.
    pub n_bytes: u64,
}

/// A backup that was put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Sealed rows of the backup that no living key opens, which were left out.
    pub n_left_out: u64,
    /// Sealed rows whose keys live.
    pub n_sealed: u64,
    /// Entries of the ledger that were written after the backup and are kept.
    pub n_later_entries: u64,
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> BackupError + '_ {
    |source| BackupError::Io {
        path: path.to_owned(),
        source,
    }
}

/// A file of our own beside the store, removed when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(data_dir: &Path, name: &str) -> Result<Self, BackupError> {
        let number = random_key().map_err(KeyError::NoEntropy)?;
        let text = crate::seed::to_hex(&number[..8]);
        Ok(Self(data_dir.join(format!("{name}-{text}"))))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Gone already when all went well.
        let _ = fs::remove_file(&self.0);
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes a backup of the store in a data folder, whether or not the program runs meanwhile.
///
/// The file appears under its name when it is whole. Files that messages show are not in it.
///
/// # Errors
/// [`BackupError`]; there is no file then, or the one that was there before.
pub async fn back_up(
    data_dir: &Path,
    site_key: &SiteKeyFile,
    to: &Path,
) -> Result<BackedUp, BackupError> {
    let copy = Scratch::new(data_dir, "backup")?;
    SqliteStore::copy(data_dir, &copy.0).await?;
    let seed = keys::open_or_create(data_dir)?.seed();
    let key = Zeroizing::new(random_key().map_err(KeyError::NoEntropy)?);
    let mut rng = fresh_rng().map_err(KeyError::NoEntropy)?;
    let wrapped = site_key
        .ring()
        .wrap_secret(SECRET, key.as_slice(), &mut rng)?;
    let head = head_of(&wrapped);
    let mut beside = to.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let mut writer = BufWriter::new(create_private(&beside).map_err(io_error(&beside))?);
    let plain = File::open(&copy.0).map_err(io_error(&copy.0))?;
    let mut plain = seed.as_slice().chain(BufReader::new(plain));
    let written = writer
        .write_all(&head)
        .and_then(|()| encrypt(&cipher_of(&key), &head, &mut plain, &mut writer))
        .and_then(|()| writer.into_inner().map_err(io::IntoInnerError::into_error))
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&beside, to));
    if let Err(source) = written {
        let _ = fs::remove_file(&beside);
        return Err(io_error(to)(source));
    }
    let (file, n_bytes) = digest_of(to)?;
    Ok(BackedUp { file, n_bytes })
}

/// SHA-256 of a file, as `sha256sum` says it, and its length.
fn digest_of(path: &Path) -> Result<(Digest, u64), BackupError> {
    let bytes = fs::read(path).map_err(io_error(path))?;
    Ok((Digest::of(&[&bytes]), bytes.len() as u64))
}

/// The parts of a backup, decrypted beside the store.
struct Opened {
    seed: Zeroizing<[u8; 32]>,
    /// A folder with the store in it.
    folder: Scratch,
}

fn open(file: &Path, data_dir: &Path, site_key: &SiteKeyFile) -> Result<Opened, BackupError> {
    let failed = io_error(file);
    let not_backup = || BackupError::NotBackup {
        path: file.to_owned(),
    };
    let damaged = || BackupError::Damaged {
        path: file.to_owned(),
    };
    let mut reader = BufReader::new(File::open(file).map_err(&failed)?);
    let head = read_head(&mut reader).map_err(&failed)?;
    let (head, wrapped) = head.ok_or_else(not_backup)?;
    let key = match site_key.ring().unwrap_secret(SECRET, &wrapped) {
        Ok(key) => key,
        Err(SiteKeyFault::Missing(key)) => {
            return Err(BackupError::OtherKey {
                path: file.to_owned(),
                key,
            });
        }
        Err(SiteKeyFault::DoesNotOpen(_)) => return Err(damaged()),
        Err(error) => return Err(error.into()),
    };
    let key = <[u8; 32]>::try_from(key.as_slice()).map_err(|_| damaged())?;
    let key = Zeroizing::new(key);
    let folder = Scratch::new(data_dir, "restore")?;
    create_private_folder(&folder.0).map_err(io_error(&folder.0))?;
    let path = folder.0.join("whole");
    let mut writer = BufWriter::new(create_private(&path).map_err(io_error(&path))?);
    let whole = decrypt(&cipher_of(&key), &head, &mut reader, &mut writer);
    whole.map_err(&failed)?.ok_or_else(damaged)?;
    writer.flush().map_err(io_error(&path))?;
    drop(writer);
    let mut whole = File::open(&path).map_err(io_error(&path))?;
    let mut seed = Zeroizing::new([0; 32]);
    whole
        .read_exact(seed.as_mut_slice())
        .map_err(|_| damaged())?;
    let store = folder.0.join("regard.db");
    io::copy(
        &mut whole,
        &mut create_private(&store).map_err(io_error(&store))?,
    )
    .map_err(io_error(&store))?;
    fs::remove_file(&path).map_err(io_error(&path))?;
    Ok(Opened { seed, folder })
}

/// Puts a backup back into a data folder in which no program works.
///
/// What was sealed for persons comes back if their keys are still in the folder, and is left out if not: who was erased
/// since stays erased. Entries that the ledger of the folder has beyond that of the backup stay, so that no erasure and no
/// withdrawal is forgotten and no published checkpoint is contradicted.
///
/// # Errors
/// [`BackupError`]; the folder is as it was then.
pub async fn restore(
    file: &Path,
    data_dir: &Path,
    site_key: &SiteKeyFile,
    now: Timestamp,
) -> Result<Restored, BackupError> {
    create_private_folder(data_dir).map_err(io_error(data_dir))?;
    let digest = digest_of(file)?.0;
    let opened = open(file, data_dir, site_key)?;
    let is_new = !data_dir.join("regard.db").exists();
    let existing_key = data_dir.join(keys::KEY_FILE).exists();
    if existing_key && *keys::open_or_create(data_dir)?.seed() != *opened.seed {
        return Err(BackupError::OtherSite {
            folder: data_dir.to_owned(),
        });
    }
    // Held until the end: no program may begin to work in the folder meanwhile.
    let present = SqliteStore::open(data_dir, SqliteOptions::default()).await?;
    let store: Arc<dyn Store> =
        Arc::new(SqliteStore::open(&opened.folder.0, SqliteOptions::default()).await?);
    let prepared = prepare(&present, &store, data_dir, &opened, digest, now).await;
    store.close().await;
    let restored = match prepared {
        Ok(restored) => restored,
        Err(error) => {
            present.close().await;
            if is_new {
                let _ = fs::remove_file(data_dir.join("regard.db"));
            }
            return Err(error);
        }
    };
    // Closing empties the log of each into its file, so that one file is all there is to move.
    present.close().await;
    if !existing_key {
        keys::write_new(&data_dir.join(keys::KEY_FILE), &opened.seed)
            .map_err(io_error(data_dir))?;
    }
    let place = data_dir.join("regard.db");
    for log in ["regard.db-wal", "regard.db-shm"] {
        let _ = fs::remove_file(data_dir.join(log));
    }
    fs::rename(opened.folder.0.join("regard.db"), &place).map_err(io_error(&place))?;
    Ok(restored)
}

/// Makes the store of the backup what is to be in the folder.
async fn prepare(
    present: &SqliteStore,
    store: &Arc<dyn Store>,
    data_dir: &Path,
    opened: &Opened,
    file: Digest,
    now: Timestamp,
) -> Result<Restored, BackupError> {
    if let Integrity::Damaged(lines) = store.integrity_check().await? {
        return Err(BackupError::Unsound(lines.join("; ")));
    }
    let site = regard_commitments::SiteKeys::from_seed(opened.seed.clone());
    let signed = store
        .latest_commitments()
        .await?
        .ok_or(BackupError::Commitments(None))?;
    let verified = signed
        .verify(&site.commitments_key().verifying_key())
        .map_err(|fault| BackupError::Commitments(Some(fault)))?;
    let profile = Profile::named(&verified.document().profile)?;
    let gate = RetentionGate::new(&verified, &profile)?;
    let n_later_entries = carry_ledger(present, &**store, data_dir, &gate, now).await?;
    carry_releases(present, &**store, &gate).await?;
    let keys = SqliteKeys::open(data_dir).await?;
    let counted = leave_out(&**store, &keys).await;
    keys.close().await;
    let (n_sealed, n_left_out) = counted?;
    let signer = NoteSigner::new(
        ledger_origin(&verified.document().site.id),
        site.ledger_key(),
    )?;
    let mut chronicle = Chronicle::open(Arc::clone(store), signer, gate).await?;
    let entry = LedgerEntry {
        at: now,
        body: EntryBody::Restored { file, n_left_out },
    };
    chronicle.append(&[entry], now).await?;
    chronicle.checkpoint(now).await?;
    Ok(Restored {
        n_left_out,
        n_sealed,
        n_later_entries,
    })
}

/// Appends to the ledger of the backup what that of the folder has beyond it; how many entries.
async fn carry_ledger(
    present: &SqliteStore,
    store: &dyn Store,
    data_dir: &Path,
    gate: &RetentionGate,
    now: Timestamp,
) -> Result<u64, BackupError> {
    let other = || BackupError::OtherLedger {
        folder: data_dir.to_owned(),
    };
    let (there, backed_up) = (present.ledger_len().await?, store.ledger_len().await?);
    if there == 0 {
        return Ok(0);
    }
    if there < backed_up {
        return Err(other());
    }
    for from in (0..backed_up).step_by(usize::try_from(ENTRIES).unwrap_or(usize::MAX)) {
        let range = from..(from + ENTRIES).min(backed_up);
        let (ours, theirs) = (
            present.ledger_range(range.clone()).await?,
            store.ledger_range(range).await?,
        );
        if ours
            .iter()
            .map(|row| row.hash)
            .ne(theirs.iter().map(|row| row.hash))
        {
            return Err(other());
        }
    }
    for from in (backed_up..there).step_by(usize::try_from(ENTRIES).unwrap_or(usize::MAX)) {
        let rows = present
            .ledger_range(from..(from + ENTRIES).min(there))
            .await?;
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            // Its time would have to be over within the age of a backup, which is ten years then.
            let bytes = row.bytes.ok_or_else(other)?;
            let at = LedgerEntry::from_leaf_bytes(&bytes)?.at;
            let leaf = Leaf {
                index: row.index,
                at,
                bytes,
                hash: row.hash,
            };
            if let Answer::Granted(row) = gate.keep(leaf, at) {
                kept.push(row);
            }
        }
        store.append_ledger(&kept).await?;
    }
    for checkpoint in present.checkpoints().await? {
        if checkpoint.size > backed_up
            && let Answer::Granted(kept) = gate.keep(checkpoint, now)
        {
            store.put_checkpoint(&kept).await?;
        }
    }
    Ok(there - backed_up)
}

/// Takes over what was released since the backup was made: what was told stays told, and paid.
async fn carry_releases(
    present: &SqliteStore,
    store: &dyn Store,
    gate: &RetentionGate,
) -> Result<(), BackupError> {
    let Some(first) = Date::of(Timestamp::from_micros(0)) else {
        return Ok(());
    };
    for release in present.releases_since(first).await? {
        let at = release.at;
        if let Answer::Granted(kept) = gate.keep(release, at) {
            // What was paid when it was told needs no budget now.
            store
                .put_release(&kept, Epsilon::from_micros(u64::MAX))
                .await?;
        }
    }
    Ok(())
}

/// Removes sealed rows that no living key opens; how many stay and how many went.
async fn leave_out(store: &dyn Store, keys: &SqliteKeys) -> Result<(u64, u64), BackupError> {
    let (mut n_sealed, mut n_left_out, mut after) = (0, 0, None);
    loop {
        let persons = store.sealed_persons(None, after, ROWS).await?;
        let Some(last) = persons.last() else {
            return Ok((n_sealed, n_left_out));
        };
        after = Some(*last);
        for person in persons {
            let rows = store.sealed_of(person).await?;
            if keys.person(person).await?.is_none() {
                n_left_out += store.remove_sealed(person, SealedSlots::All).await?;
                continue;
            }
            let mut slots: Vec<_> = rows.iter().map(|row| row.slot).collect();
            slots.sort_unstable();
            slots.dedup();
            let mut n_gone = 0;
            for slot in slots {
                let is_alive = match slot {
                    regard_commitments::KeySlot::Record => true,
                    regard_commitments::KeySlot::Purpose(purpose) => {
                        keys.purpose_key(person, purpose).await?.is_some()
                    }
                };
                if !is_alive {
                    n_gone += store.remove_sealed(person, SealedSlots::Of(slot)).await?;
                }
            }
            n_left_out += n_gone;
            n_sealed += rows.len() as u64 - n_gone;
        }
    }
}
