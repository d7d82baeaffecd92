//! The file with the keys of the site that wrap the keys of persons.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use rand::Rng as _;
use regard_commitments::{HeldSiteKey, SiteKey, SiteKeyId, SiteKeyring, Zeroizing};

use super::key_disk::{KeyDisk, RealDisk, hold};
use super::token::{self, Pin, TokenError, TokenProbe, TokenSiteKey};
use super::token_uri::TokenUri;

use crate::config::SiteKeyConfig;
use crate::keys::KeyError;
use crate::private_file::read_private;
use crate::seed::{bytes_from_hex, fresh_rng, from_hex, random_key, to_hex};

/// Name of the file in the data folder, where none is named.
const FILE_NAME: &str = "custody.key";

/// First line of the file.
const HEAD: &str = "regard-site-keys-v1";

/// Longest file read, in bytes: two keys take three hundred, and of a key in a token the address stands there.
const MAX_LEN: u64 = 64 * 1_024;

/// Longest passphrase read, in bytes.
const MAX_PASSPHRASE_LEN: u64 = 1_024;

/// Memory in KiB, passes and lanes of argon2id: the second choice of RFC 9106, section 4, for memory-constrained
/// environments, with one lane instead of four: there is one thread.
const ARGON2: (u32, u32, u32) = (64 * 1_024, 3, 1);

/// Most memory in KiB that a file may ask for: 1 GiB.
const MAX_ARGON2_KIB: u32 = 1 << 20;

/// What a key is bound to when a passphrase encrypts it.
const BOUND: &[u8] = b"regard site key file v1";

/// The keys of the site in their file: the last one wraps, older ones are there while a rotation goes on.
///
/// Each line after the head is `plain KEY`, or `argon2id KIB PASSES LANES SALT KEY` with the key encrypted under a
/// passphrase, or `pkcs11 ID ADDRESS` of a key that lies in a token; in hexadecimal digits. `going ID ADDRESS` is a key
/// that wraps nothing any more, and that its token is still to destroy.
#[derive(Debug)]
pub struct SiteKeyFile {
    path: PathBuf,
    keys: Vec<Entry>,
    going: Vec<InToken>,
    passphrase: Option<Passphrase>,
    /// How the token is reached, where that was said beside the file.
    token: Option<TokenUri>,
    disk: Arc<dyn KeyDisk>,
}

/// A key in a token, as a line of the file names it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct InToken {
    id: SiteKeyId,
    uri: TokenUri,
}

impl InToken {
    fn read(id: &str, uri: &str) -> Option<Self> {
        Some(Self {
            id: SiteKeyId::try_from(id.to_owned()).ok()?,
            uri: uri.parse().ok()?,
        })
    }
}

/// A key of the file.
#[derive(Clone, Debug)]
enum Entry {
    Held(Arc<HeldSiteKey>),
    InToken(Arc<TokenSiteKey>),
}

impl Entry {
    fn key(&self) -> Arc<dyn SiteKey> {
        match self {
            Self::Held(key) => Arc::clone(key) as _,
            Self::InToken(key) => Arc::clone(key) as _,
        }
    }

    fn in_token(&self) -> Option<InToken> {
        match self {
            Self::Held(_) => None,
            Self::InToken(key) => Some(InToken {
                id: key.id(),
                uri: key.uri().clone(),
            }),
        }
    }
}

/// Where a fresh key is to lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In the file.
    File,
    /// In a token.
    Token(TokenUri),
}

/// Withheld when printed, wiped when dropped.
struct Passphrase(Zeroizing<String>);

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(withheld)")
    }
}

impl SiteKeyFile {
    /// Reads the file that is named, or the one in the data folder; makes it, with a fresh key, where there is none.
    ///
    /// # Errors
    /// [`KeyError`]; also when others than the owner may read the file, or it wants a passphrase that is not given.
    pub fn open_or_create(config: &SiteKeyConfig, data_dir: &Path) -> Result<Self, KeyError> {
        Self::create_if_missing(config, data_dir)?;
        Self::open(config, data_dir)
    }

    /// Makes the file, with a fresh key, where there is none.
    ///
    /// # Errors
    /// [`KeyError`]; also when it is to be encrypted under a passphrase that is not given.
    pub fn create_if_missing(config: &SiteKeyConfig, data_dir: &Path) -> Result<(), KeyError> {
        let path = place(config, data_dir);
        if path.exists() {
            return Ok(());
        }
        let mut file = Self::unread(path, config)?;
        let place = config.token.clone().map_or(KeyPlace::File, KeyPlace::Token);
        file.add_fresh(&place).map(drop)
    }

    /// The file before anything of it was read.
    fn unread(path: PathBuf, config: &SiteKeyConfig) -> Result<Self, KeyError> {
        Ok(Self {
            path,
            keys: Vec::new(),
            going: Vec::new(),
            passphrase: passphrase(config)?,
            token: config.token.clone(),
            disk: Arc::new(RealDisk),
        })
    }

    /// The same on another disk.
    #[cfg(test)]
    pub(super) fn on(mut self, disk: Arc<dyn KeyDisk>) -> Self {
        self.disk = disk;
        self
    }

    /// Reads the file that is named, or the one in the data folder.
    ///
    /// # Errors
    /// [`KeyError`]; also when there is none.
    pub fn open(config: &SiteKeyConfig, data_dir: &Path) -> Result<Self, KeyError> {
        let mut file = Self::unread(place(config, data_dir), config)?;
        file.reload()?;
        if let Some(token) = &config.token
            && !file.place().is_in(token)
        {
            return Err(KeyError::NotInToken {
                path: file.path,
                uri: token.to_string(),
            });
        }
        Ok(file)
    }

    /// The tokens that the keys of an installation lie in, as far as that can be read without opening them.
    pub fn named_tokens(config: &SiteKeyConfig, data_dir: &Path) -> Vec<TokenUri> {
        let text = read_private(&place(config, data_dir), MAX_LEN);
        let text = text.unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.strip_prefix("pkcs11 "));
        let uris = lines.filter_map(|line| line.split_once(' ')?.1.parse().ok());
        config.token.iter().cloned().chain(uris).collect()
    }

    /// Looks whether a token is there and takes the PIN; makes nothing.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn probe_token(config: &SiteKeyConfig, uri: &TokenUri) -> Result<TokenProbe, KeyError> {
        let asking = Self::unread(PathBuf::new(), config)?;
        Ok(token::probe(uri, &asking.pin(uri)?)?)
    }

    /// Reads the file again: another program may have rotated the keys.
    ///
    /// # Errors
    /// [`KeyError`]; the keys stay as they were then.
    pub fn reload(&mut self) -> Result<(), KeyError> {
        let text = read_private(&self.path, MAX_LEN)?;
        let malformed = || KeyError::MalformedSiteKeys {
            path: self.path.clone(),
        };
        let mut lines = text.lines();
        if lines.next() != Some(HEAD) {
            return Err(malformed());
        }
        let (mut keys, mut going) = (Vec::new(), Vec::new());
        for line in lines {
            if let Some(of) = line.strip_prefix("going ") {
                let named = of.split_once(' ');
                let named = named.and_then(|(id, uri)| InToken::read(id, uri));
                going.push(named.ok_or_else(malformed)?);
            } else {
                keys.push(self.read_line(line)?);
            }
        }
        if keys.is_empty() {
            return Err(malformed());
        }
        (self.keys, self.going) = (keys, going);
        Ok(())
    }

    /// Keeps others from rotating these keys as long as the answer lives, and reads the file again: somebody may have
    /// rotated them since it was read.
    ///
    /// # Errors
    /// [`KeyError::Rotating`] when somebody else is about it; [`KeyError`].
    pub(super) fn hold(&mut self) -> Result<File, KeyError> {
        let held = hold(&self.path)?;
        self.reload()?;
        Ok(held)
    }

    fn read_line(&self, line: &str) -> Result<Entry, KeyError> {
        let malformed = || KeyError::MalformedSiteKeys {
            path: self.path.clone(),
        };
        let words: Vec<&str> = line.split(' ').collect();
        let key = match words.as_slice() {
            ["plain", key] => from_hex(key).ok_or_else(malformed)?,
            ["pkcs11", id, uri] => {
                return self.in_token(InToken::read(id, uri).ok_or_else(malformed)?);
            }
            ["argon2id", kib, passes, lanes, salt, sealed] => {
                let number = |text: &str| text.parse::<u32>().map_err(|_| malformed());
                let costs = (number(kib)?, number(passes)?, number(lanes)?);
                let (salt, sealed) = (
                    bytes_from_hex(salt).ok_or_else(malformed)?,
                    bytes_from_hex(sealed).ok_or_else(malformed)?,
                );
                let wrapping = self.wrapping(costs, &salt)?;
                let bytes =
                    wrapping
                        .unwrap(BOUND, &sealed)
                        .map_err(|_| KeyError::WrongPassphrase {
                            path: self.path.clone(),
                        })?;
                let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| malformed())?;
                Zeroizing::new(bytes)
            }
            _ => return Err(malformed()),
        };
        Ok(Entry::Held(Arc::new(HeldSiteKey::new(key))))
    }

    /// A key in a token; one that is open already stays so.
    fn in_token(&self, named: InToken) -> Result<Entry, KeyError> {
        let InToken { id, uri: written } = named;
        let open = self.keys.iter().find_map(|entry| match entry {
            Entry::InToken(key) if key.id() == id => Some(entry.clone()),
            Entry::InToken(_) | Entry::Held(_) => None,
        });
        if let Some(entry) = open {
            return Ok(entry);
        }
        let named = self
            .token
            .as_ref()
            .filter(|uri| uri.is_same_place(&written));
        let uri = named.cloned().unwrap_or(written);
        let pin = self.pin(&uri)?;
        Ok(Entry::InToken(Arc::new(TokenSiteKey::open(uri, id, pin)?)))
    }

    fn pin(&self, uri: &TokenUri) -> Result<Pin, KeyError> {
        if let Some(path) = uri.pin_file() {
            return Ok(Pin::new(&first_line(path)?.0));
        }
        let named = self.passphrase.as_ref();
        let named = named.ok_or_else(|| KeyError::NoPin {
            uri: uri.to_string(),
        })?;
        Ok(Pin::new(&named.0))
    }

    /// The key that the passphrase makes.
    fn wrapping(
        &self,
        (kib, passes, lanes): (u32, u32, u32),
        salt: &[u8],
    ) -> Result<HeldSiteKey, KeyError> {
        let Some(passphrase) = &self.passphrase else {
            return Err(KeyError::NoPassphrase {
                path: self.path.clone(),
            });
        };
        let unusable = || KeyError::MalformedSiteKeys {
            path: self.path.clone(),
        };
        if kib > MAX_ARGON2_KIB {
            return Err(unusable());
        }
        let params = Params::new(kib, passes, lanes, Some(32)).map_err(|_| unusable())?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.0.as_bytes(), salt, key.as_mut_slice())
            .map_err(|_| unusable())?;
        Ok(HeldSiteKey::new(key))
    }

    /// Adds a fresh key, which wraps from now on; those before stay until [`SiteKeyFile::drop_older`].
    ///
    /// # Errors
    /// [`KeyError`]; the file is as it was then.
    pub fn add_fresh(&mut self, place: &KeyPlace) -> Result<SiteKeyId, KeyError> {
        let fresh = match place {
            KeyPlace::File => {
                let seed = Zeroizing::new(random_key().map_err(KeyError::NoEntropy)?);
                Entry::Held(Arc::new(HeldSiteKey::new(seed)))
            }
            KeyPlace::Token(uri) => {
                let pin = self.pin(uri)?;
                Entry::InToken(Arc::new(TokenSiteKey::create(uri.clone(), pin)?))
            }
        };
        let id = fresh.key().id();
        let mut keys = self.keys.clone();
        keys.push(fresh);
        self.write(&keys, &self.going)?;
        self.keys = keys;
        Ok(id)
    }

    /// Leaves the newest key alone in the file, and destroys the older ones that lie in tokens. What a token does not
    /// destroy stays named in the file until [`SiteKeyFile::destroy_going`].
    ///
    /// # Errors
    /// [`KeyError`]; the keys are as they were then.
    pub fn drop_older(&mut self) -> Result<(), KeyError> {
        let Some((newest, older)) = self.keys.split_last() else {
            return Ok(());
        };
        let keys = vec![newest.clone()];
        let mut going = self.going.clone();
        going.extend(older.iter().filter_map(Entry::in_token));
        // First it is written that they go: whoever dies here finds them again.
        self.write(&keys, &going)?;
        (self.keys, self.going) = (keys, going);
        self.destroy_going()
    }

    /// Destroys the keys in tokens that wrap nothing any more. One whose token is away, or does not do it, stays named in
    /// the file, and the log says why.
    ///
    /// # Errors
    /// [`KeyError`] when the file cannot be written; they stay named in it then.
    pub fn destroy_going(&mut self) -> Result<(), KeyError> {
        let mut left = Vec::new();
        for one in &self.going {
            if let Err(error) = self.destroy(one) {
                let cause = &error as &(dyn std::error::Error + 'static);
                tracing::warn!(key = %one.id, cause, "a token did not destroy an older key of the site");
                left.push(one.clone());
            }
        }
        if left.len() < self.going.len() {
            self.write(&self.keys, &left)?;
            self.going = left;
        }
        Ok(())
    }

    fn destroy(&self, InToken { id, uri }: &InToken) -> Result<(), KeyError> {
        match TokenSiteKey::open(uri.clone(), *id, self.pin(uri)?) {
            Ok(key) => Ok(self.disk.destroy(&key)?),
            // Destroyed before.
            Err(TokenError::NoKey { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// How many keys tokens are still to destroy.
    pub const fn n_going(&self) -> usize {
        self.going.len()
    }

    fn write(&self, keys: &[Entry], going: &[InToken]) -> Result<(), KeyError> {
        let mut text = Zeroizing::new(format!("{HEAD}\n"));
        for key in keys {
            let key = match key {
                Entry::Held(key) => key,
                Entry::InToken(key) => {
                    // Writing to a text does not fail.
                    let _ = writeln!(text, "pkcs11 {} {}", key.id(), key.uri());
                    continue;
                }
            };
            let secret = key.secret();
            let line = if self.passphrase.is_some() {
                let mut rng = fresh_rng().map_err(KeyError::NoEntropy)?;
                let mut salt = [0; 16];
                rng.fill_bytes(&mut salt);
                let wrapping = self.wrapping(ARGON2, &salt)?;
                let sealed = wrapping.wrap(BOUND, secret.as_slice(), &mut rng);
                let sealed = sealed.map_err(|_| KeyError::MalformedSiteKeys {
                    path: self.path.clone(),
                })?;
                let (kib, passes, lanes) = ARGON2;
                format!(
                    "argon2id {kib} {passes} {lanes} {} {}",
                    to_hex(&salt),
                    to_hex(&sealed)
                )
            } else {
                format!("plain {}", to_hex(secret.as_slice()))
            };
            let line = Zeroizing::new(line);
            // Writing to a text does not fail.
            let _ = writeln!(text, "{}", *line);
        }
        for InToken { id, uri } in going {
            let _ = writeln!(text, "going {id} {uri}");
        }
        let written = self.disk.write(&self.path, text.as_bytes());
        written.map_err(|source| KeyError::Io {
            path: self.path.clone(),
            source,
        })
    }

    /// The keys, for wrapping and unwrapping.
    pub fn ring(&self) -> SiteKeyring {
        let (current, older) = self
            .keys
            .split_last()
            .expect("a file without a key is not read");
        let current = SiteKeyring::new(current.key());
        older
            .iter()
            .fold(current, |ring, key| ring.with_older(key.key()))
    }

    /// Where the key is that wraps.
    pub fn place(&self) -> KeyPlace {
        match self.keys.last() {
            Some(Entry::InToken(key)) => KeyPlace::Token(key.uri().clone()),
            Some(Entry::Held(_)) | None => KeyPlace::File,
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a passphrase encrypts it.
    pub fn has_passphrase(&self) -> bool {
        self.passphrase.is_some()
    }
}

fn place(config: &SiteKeyConfig, data_dir: &Path) -> PathBuf {
    config
        .file
        .clone()
        .unwrap_or_else(|| data_dir.join(FILE_NAME))
}

impl KeyPlace {
    /// Whether it is where the address says, however that is reached.
    pub fn is_in(&self, token: &TokenUri) -> bool {
        match self {
            Self::File => false,
            Self::Token(uri) => uri.is_same_place(token),
        }
    }

    /// Whether both are the same place.
    pub fn is_same(&self, other: &Self) -> bool {
        match other {
            Self::File => *self == Self::File,
            Self::Token(uri) => self.is_in(uri),
        }
    }
}

fn passphrase(config: &SiteKeyConfig) -> Result<Option<Passphrase>, KeyError> {
    config
        .passphrase_file
        .as_deref()
        .map(first_line)
        .transpose()
}

/// The first line of a private file.
fn first_line(path: &Path) -> Result<Passphrase, KeyError> {
    let text = read_private(path, MAX_PASSPHRASE_LEN)?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Passphrase(Zeroizing::new(line.to_owned()))),
        Some(_) | None => Err(KeyError::EmptyPassphrase {
            path: path.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
