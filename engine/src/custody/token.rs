//! A key of the site that never leaves its PKCS#11 token: a card, a stick, a security module, or the same in software.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use rand::CryptoRng;
use regard_commitments::{DoesNotOpen, SiteKey, SiteKeyFault, SiteKeyId, Zeroizing};
use thiserror::Error as ThisError;

use super::token_uri::TokenUri;
use crate::seed::random_key;

/// Bytes of the key: AES with 256 bits.
const KEY_LEN: u64 = 32;

/// Bytes of a nonce of GCM. Random; NIST SP 800-38D, 8.3 allows 2³² of them under one key, which a site of a million persons
/// with six purposes each reaches after seven hundred rewrappings: rotate.
const NONCE_LEN: usize = 12;

/// Bits of the tag of GCM.
const TAG_BITS: u64 = 128;

/// Why a token does not do its work.
#[derive(Debug, ThisError)]
pub enum TokenError {
    /// The library.
    #[error("the module {} cannot be used", module.display())]
    Module {
        /// Where it is.
        module: PathBuf,
        /// Why.
        source: Error,
    },
    /// It is not there.
    #[error("no token of that label or serial number is there: {uri}")]
    NoToken {
        /// Which.
        uri: String,
    },
    /// The key is not in it.
    #[error("the token holds no key {id}; put in the token that does: {uri}")]
    NoKey {
        /// Which token.
        uri: String,
        /// Which key.
        id: SiteKeyId,
    },
    /// A key that can be taken out of the token.
    #[error(
        "key {id} may be taken out of its token, or was once outside of it: {uri}; rotate to a fresh one"
    )]
    Extractable {
        /// Which token.
        uri: String,
        /// Which key.
        id: SiteKeyId,
    },
    /// It cannot what is needed.
    #[error("the token has no AES-GCM: {uri}")]
    NoGcm {
        /// Which token.
        uri: String,
    },
    /// The PIN.
    #[error("the token did not take the PIN")]
    Pin(#[source] Error),
    /// Anything else.
    #[error("the token did not do it")]
    Device(#[source] Error),
    /// The machine gives no random bytes.
    #[error("the system gives no random bytes")]
    NoEntropy(#[source] std::io::Error),
}

impl From<Error> for TokenError {
    fn from(error: Error) -> Self {
        Self::Device(error)
    }
}

/// Libraries that are loaded. They stay: others may use them, and a library must not be started twice in one process.
static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

fn module(path: &Path) -> Result<Pkcs11, TokenError> {
    let failed = |source| TokenError::Module {
        module: path.to_owned(),
        source,
    };
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(loaded) = modules.get(path) {
        return Ok(loaded.clone());
    }
    let loaded = Pkcs11::new(path).map_err(failed)?;
    match loaded.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(failed(error)),
    }
    modules.insert(path.to_owned(), loaded.clone());
    Ok(loaded)
}

fn slot(module: &Pkcs11, uri: &TokenUri) -> Result<Slot, TokenError> {
    for slot in module.get_slots_with_initialized_token()? {
        let token = module.get_token_info(slot)?;
        let is_label = uri.token().is_none_or(|label| label == token.label());
        let is_serial = uri
            .serial()
            .is_none_or(|serial| serial == token.serial_number());
        if is_label && is_serial {
            if !module
                .get_mechanism_list(slot)?
                .contains(&MechanismType::AES_GCM)
            {
                return Err(TokenError::NoGcm {
                    uri: uri.to_string(),
                });
            }
            return Ok(slot);
        }
    }
    Err(TokenError::NoToken {
        uri: uri.to_string(),
    })
}

/// The PIN of a token; withheld when printed, wiped when dropped.
pub(super) struct Pin(AuthPin);

impl Pin {
    pub(super) fn new(text: &str) -> Self {
        Self(AuthPin::new(text.into()))
    }
}

fn logged_in(uri: &TokenUri, pin: &Pin) -> Result<Session, TokenError> {
    let module = module(uri.module())?;
    let slot = slot(&module, uri)?;
    // Read and write, for a session that only reads is refused by tokens on which somebody holds one of the other kind.
    let session = module.open_rw_session(slot)?;
    match session.login(UserType::User, Some(&pin.0)) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
        Err(
            error @ Error::Pkcs11(
                RvError::PinIncorrect
                | RvError::PinLocked
                | RvError::PinInvalid
                | RvError::PinLenRange,
                _,
            ),
        ) => Err(TokenError::Pin(error)),
        Err(error) => Err(error.into()),
    }
}

fn named(uri: &TokenUri, id: SiteKeyId) -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Label(uri.object().as_bytes().to_vec()),
        Attribute::Id(id.as_bytes().to_vec()),
    ]
}

fn find(session: &Session, uri: &TokenUri, id: SiteKeyId) -> Result<ObjectHandle, TokenError> {
    let found = session.find_objects(&named(uri, id))?;
    let missing = || TokenError::NoKey {
        uri: uri.to_string(),
        id,
    };
    let key = *found.first().ok_or_else(missing)?;
    let asked = [
        AttributeType::Sensitive,
        AttributeType::AlwaysSensitive,
        AttributeType::Extractable,
        AttributeType::NeverExtractable,
    ];
    let said = session.get_attributes(key, &asked)?;
    let is_kept = [
        Attribute::Sensitive(true),
        Attribute::AlwaysSensitive(true),
        Attribute::Extractable(false),
        Attribute::NeverExtractable(true),
    ];
    if is_kept.iter().all(|wanted| said.contains(wanted)) {
        Ok(key)
    } else {
        Err(TokenError::Extractable {
            uri: uri.to_string(),
            id,
        })
    }
}

/// What a token that answers says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenProbe {
    /// Who made it, and which model it is.
    pub model: String,
    /// Keys of the site in it: more than one while a rotation goes on, none before the first start.
    pub n_keys: usize,
    /// Whether a wrong PIN was given so often that few tries are left.
    pub is_pin_count_low: bool,
}

/// Looks whether a token is there, takes the PIN, and can what is needed. Makes nothing.
pub(super) fn probe(uri: &TokenUri, pin: &Pin) -> Result<TokenProbe, TokenError> {
    let module = module(uri.module())?;
    let slot = slot(&module, uri)?;
    let token = module.get_token_info(slot)?;
    let session = logged_in(uri, pin)?;
    let keys = session.find_objects(&[
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Label(uri.object().as_bytes().to_vec()),
    ])?;
    Ok(TokenProbe {
        model: format!("{} {}", token.manufacturer_id(), token.model()),
        n_keys: keys.len(),
        is_pin_count_low: token.user_pin_count_low() || token.user_pin_final_try(),
    })
}

struct Open {
    session: Session,
    key: ObjectHandle,
}

/// A key of the site in a token: what it wraps goes into the token and comes out again, the key does not.
///
/// AES-256-GCM within the token, bound to its place by the additional data; the nonce comes first.
pub(super) struct TokenSiteKey {
    id: SiteKeyId,
    uri: TokenUri,
    pin: Pin,
    open: Mutex<Option<Open>>,
}

impl fmt::Debug for TokenSiteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSiteKey({} in {})", self.id, self.uri)
    }
}

impl TokenSiteKey {
    /// Makes a fresh key in a token.
    ///
    /// # Errors
    /// [`TokenError`].
    pub(super) fn create(uri: TokenUri, pin: Pin) -> Result<Self, TokenError> {
        let seed = random_key().map_err(TokenError::NoEntropy)?;
        let mut id = [0; 16];
        id.copy_from_slice(&seed[..16]);
        let id = SiteKeyId::from_bytes(id);
        let session = logged_in(&uri, &pin)?;
        let mut template = named(&uri, id);
        template.extend([
            Attribute::KeyType(KeyType::AES),
            Attribute::ValueLen(KEY_LEN.into()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Modifiable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Wrap(false),
            Attribute::Unwrap(false),
        ]);
        session.generate_key(&Mechanism::AesKeyGen, &template)?;
        let key = find(&session, &uri, id)?;
        Ok(Self {
            id,
            uri,
            pin,
            open: Mutex::new(Some(Open { session, key })),
        })
    }

    /// Finds a key in its token.
    ///
    /// # Errors
    /// [`TokenError`]; also when the key could be taken out of the token.
    pub(super) fn open(uri: TokenUri, id: SiteKeyId, pin: Pin) -> Result<Self, TokenError> {
        let session = logged_in(&uri, &pin)?;
        let key = find(&session, &uri, id)?;
        Ok(Self {
            id,
            uri,
            pin,
            open: Mutex::new(Some(Open { session, key })),
        })
    }

    /// Where it is.
    pub(super) fn uri(&self) -> &TokenUri {
        &self.uri
    }

    /// Destroys the key in its token.
    ///
    /// # Errors
    /// [`TokenError`].
    pub(super) fn destroy(&self) -> Result<(), TokenError> {
        let work = |open: &Open| open.session.destroy_object(open.key);
        self.with_token(work)?;
        *self.held() = None;
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the key, and once more after the token was taken out and put in again.
    fn with_token<T>(&self, work: impl Fn(&Open) -> Result<T, Error>) -> Result<T, TokenError> {
        let mut held = self.held();
        if let Some(open) = &*held {
            match work(open) {
                Ok(done) => return Ok(done),
                Err(error) if is_away(&error) => *held = None,
                Err(error) => return Err(error.into()),
            }
        }
        let session = logged_in(&self.uri, &self.pin)?;
        let key = find(&session, &self.uri, self.id)?;
        let open = held.insert(Open { session, key });
        Ok(work(open)?)
    }

    /// Whether the token does anything at all.
    fn works(&self) -> bool {
        let Ok(seed) = random_key() else { return false };
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&seed[..NONCE_LEN]);
        self.encrypt(b"regard probe", &[0; 16], nonce).is_ok()
    }

    fn encrypt(
        &self,
        bound: &[u8],
        plain: &[u8],
        nonce: [u8; NONCE_LEN],
    ) -> Result<Vec<u8>, TokenError> {
        self.with_token(|open| {
            // A token may write into what it is given.
            let mut nonce = nonce;
            let params = GcmParams::new(&mut nonce, bound, TAG_BITS.into())?;
            open.session
                .encrypt(&Mechanism::AesGcm(params), open.key, plain)
        })
    }
}

/// Whether the token, or the session with it, is gone.
fn is_away(error: &Error) -> bool {
    use RvError::{
        DeviceRemoved, KeyHandleInvalid, ObjectHandleInvalid, SessionClosed, SessionHandleInvalid,
        TokenNotPresent, UserNotLoggedIn,
    };
    matches!(
        error,
        Error::Pkcs11(
            DeviceRemoved
                | KeyHandleInvalid
                | ObjectHandleInvalid
                | SessionClosed
                | SessionHandleInvalid
                | TokenNotPresent
                | UserNotLoggedIn,
            _
        )
    )
}

/// A key that is not in its token any more was rotated away, perhaps: then the file says which one is.
fn fault(error: TokenError) -> SiteKeyFault {
    match error {
        TokenError::NoKey { id, .. } => SiteKeyFault::Missing(id),
        error => SiteKeyFault::Device(Box::new(error)),
    }
}

impl SiteKey for TokenSiteKey {
    fn id(&self) -> SiteKeyId {
        self.id
    }

    fn wrap(
        &self,
        bound: &[u8],
        secret: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, SiteKeyFault> {
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let sealed = self.encrypt(bound, secret, nonce).map_err(fault)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn unwrap(&self, bound: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, SiteKeyFault> {
        let (nonce, sealed) = wrapped
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(DoesNotOpen)?;
        let opened = self.with_token(|open| {
            let mut nonce = *nonce;
            let params = GcmParams::new(&mut nonce, bound, TAG_BITS.into())?;
            open.session
                .decrypt(&Mechanism::AesGcm(params), open.key, sealed)
        });
        match opened {
            Ok(plain) => Ok(Zeroizing::new(plain)),
            // Tokens disagree about what a wrong tag is called. One that works otherwise has found what was sealed changed.
            Err(TokenError::Device(_)) if self.works() => Err(DoesNotOpen.into()),
            Err(error) => Err(fault(error)),
        }
    }
}
