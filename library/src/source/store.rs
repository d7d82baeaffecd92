//! Object stores that speak as Amazon S3 does.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as ObjectPath;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt,
    RetryConfig,
};
use tokio::runtime::{Builder, Runtime};

use super::archive::{Entry, Shelf};
use super::content::{Content, too_large};
use super::walk::{Step, Stop, Walker};
use super::{Found, Limits, SourceError, Wish, on_one_line};
use crate::{Fault, FaultKind};

/// Bytes fetched at a time, so that a connection that breaks costs little. Origin: what S3 recommends for ranged reads.
const PIECE_BYTES: u64 = 8 << 20;

/// How often one request is tried anew, and for how long: a store that is overloaded for a minute is waited for.
const MAX_RETRIES: usize = 8;
const RETRY_TIMEOUT: Duration = Duration::from_secs(90);

/// How long one request may take, a piece of an object on a line of 1 Mbit/s.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A bucket and the beginning of the keys in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreAddress {
    bucket: String,
    prefix: String,
}

impl StoreAddress {
    /// Reads `s3://BUCKET/PREFIX`.
    ///
    /// # Errors
    /// When it names no bucket.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let rest = text.strip_prefix("s3://").unwrap_or(text);
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if bucket.is_empty() || !bucket.chars().all(is_name) {
            return Err(SourceError::Address {
                address: text.to_owned(),
            });
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if !self.prefix.is_empty() {
            write!(f, "/{}", self.prefix)?;
        }
        Ok(())
    }
}

/// The bucket that was last looked into: the lines of a list name objects of one bucket a million times.
#[derive(Default)]
pub(super) struct LastBucket(Mutex<Option<(String, Arc<Store>)>>);

impl fmt::Debug for LastBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LastBucket")
    }
}

impl LastBucket {
    fn open(&self, address: &StoreAddress) -> Result<Arc<Store>, SourceError> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((bucket, store)) = &*last
            && *bucket == address.bucket
        {
            return Ok(Arc::clone(store));
        }
        let store = Arc::new(Store::open(address)?);
        *last = Some((address.bucket.clone(), Arc::clone(&store)));
        Ok(store)
    }
}

/// A connection to one bucket.
struct Store {
    runtime: Runtime,
    s3: AmazonS3,
}

/// An object that has not been fetched yet.
pub struct RemoteObject {
    store: Arc<Store>,
    shelf: Shelf,
    meta: ObjectMeta,
}

fn failed(address: &StoreAddress, reason: impl Into<String>, remedy: &'static str) -> SourceError {
    SourceError::Store {
        address: address.to_string(),
        reason: reason.into(),
        remedy,
    }
}

/// Whether an endpoint may be spoken to: encrypted, or on this machine.
fn is_plain_but_near(endpoint: &str) -> Option<bool> {
    let Some(rest) = endpoint.strip_prefix("http://") else {
        return endpoint.starts_with("https://").then_some(false);
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // What stands before an @ is no host.
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_near = host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    is_near.then_some(true)
}

/// Whether the environment says as whom to ask, or that nobody has to be. Without it the service of a cloud's machines would be
/// asked, for minutes where there is none.
fn knows_as_whom(builder: &AmazonS3Builder) -> bool {
    let value = |key: &AmazonS3ConfigKey| builder.get_config_value(key);
    let keys = [
        AmazonS3ConfigKey::AccessKeyId,
        AmazonS3ConfigKey::WebIdentityTokenFile,
        AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
        AmazonS3ConfigKey::ContainerCredentialsFullUri,
        AmazonS3ConfigKey::MetadataEndpoint,
    ];
    keys.iter().any(|key| value(key).is_some())
        || value(&AmazonS3ConfigKey::SkipSignature).is_some_and(|skips| skips == "true")
}

impl Store {
    fn open(address: &StoreAddress) -> Result<Self, SourceError> {
        static PROVIDER: OnceLock<()> = OnceLock::new();
        PROVIDER.get_or_init(|| {
            // Somebody else may have installed it: the same one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(&address.bucket);
        let endpoint = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint]
            .iter()
            .find_map(|key| builder.get_config_value(key));
        let mut is_plain = false;
        if let Some(endpoint) = endpoint {
            is_plain = is_plain_but_near(&endpoint).ok_or_else(|| {
                failed(
                    address,
                    format!("AWS_ENDPOINT_URL={endpoint} is not encrypted"),
                    "name an address with https://; http:// is for this machine alone",
                )
            })?;
        }
        if !knows_as_whom(&builder) {
            return Err(failed(
                address,
                "nobody says as whom to ask for it",
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SKIP_SIGNATURE=true for what is public",
            ));
        }
        builder = builder
            .with_client_options(
                ClientOptions::new()
                    .with_timeout(REQUEST_TIMEOUT)
                    .with_connect_timeout(CONNECT_TIMEOUT),
            )
            .with_allow_http(is_plain)
            .with_retry(RetryConfig {
                backoff: BackoffConfig::default(),
                max_retries: MAX_RETRIES,
                retry_timeout: RETRY_TIMEOUT,
            });
        let remedy = "see docs/bulk.md for the variables that are read";
        let s3 = builder
            .build()
            .map_err(|error| failed(address, on_one_line(&error), remedy))?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("store")
            .enable_all()
            .build()
            .map_err(|error| failed(address, on_one_line(&error), remedy))?;
        Ok(Self { runtime, s3 })
    }
}

impl Walker<'_> {
    /// What a bucket holds under a prefix, or the one object of that key.
    pub(super) fn store(&mut self, address: &StoreAddress) -> Step {
        let store = self.last_bucket.open(address).map_err(Stop::Failed)?;
        let prefix = ObjectPath::parse(&address.prefix).map_err(|error| {
            let remedy = "write the prefix without empty parts";
            Stop::Failed(failed(address, on_one_line(&error), remedy))
        })?;
        if !address.prefix.is_empty()
            && let Ok(meta) = store.runtime.block_on(store.s3.head(&prefix))
        {
            return self.object(address, &store, meta, true);
        }
        let listing = |error: object_store::Error| {
            Stop::Failed(SourceError::Listing {
                address: address.to_string(),
                reason: on_one_line(&error),
            })
        };
        let mut objects = store
            .s3
            .list(Some(&prefix).filter(|_| !address.prefix.is_empty()));
        let mut last: Option<ObjectPath> = None;
        while let Some(meta) = store.runtime.block_on(objects.next()) {
            let meta = meta.map_err(listing)?;
            // The order is what makes it possible to go on where a run ended.
            if last.as_ref().is_some_and(|last| *last >= meta.location) {
                let remedy = "copy them to a bucket of the general kind";
                let reason = "the store does not list its objects in the order of their keys";
                return Err(Stop::Failed(failed(address, reason, remedy)));
            }
            last = Some(meta.location.clone());
            self.object(address, &store, meta, false)?;
        }
        self.end(PathBuf::from(address.to_string()), "prefix")
    }

    fn object(
        &mut self,
        address: &StoreAddress,
        store: &Arc<Store>,
        meta: ObjectMeta,
        is_named: bool,
    ) -> Step {
        let path = PathBuf::from(format!("s3://{}/{}", address.bucket, meta.location));
        let tag = meta
            .e_tag
            .clone()
            .unwrap_or_else(|| meta.last_modified.timestamp_micros().to_string());
        let item = self.item(path, is_named, format!("{}-{tag}", meta.size));
        match self.wish(&item) {
            Wish::Stop => Err(Stop::Enough),
            Wish::Pass => Ok(()),
            Wish::Take => {
                let object = RemoteObject {
                    store: Arc::clone(store),
                    shelf: self.shelf().without_waiting(),
                    meta,
                };
                self.take(Found::Content(item, Content::Object(object)))
            }
        }
    }
}

impl RemoteObject {
    /// Fetches it; nothing when it is neither picture nor video.
    pub(crate) fn fetch(self, limits: Limits) -> Result<Option<Content>, Fault> {
        let n_bytes = self.meta.size;
        if n_bytes > limits.max_item_bytes {
            return Err(too_large(n_bytes, limits.max_item_bytes));
        }
        let name = PathBuf::from(self.meta.location.filename().unwrap_or_default());
        let mut pieces = Pieces {
            object: &self,
            piece: Vec::new(),
            n_used: 0,
            n_fetched: 0,
            fault: None,
        };
        let taken = self.shelf.take(&name, n_bytes, &mut pieces);
        if let Some(fault) = pieces.fault.take() {
            return Err(fault);
        }
        Ok(match taken? {
            Entry::Content(content) => Some(content),
            Entry::Nothing => None,
        })
    }

    fn piece(&self, from: u64) -> Result<Vec<u8>, Fault> {
        let to = (from + PIECE_BYTES).min(self.meta.size);
        // From the second piece on it may have been written over meanwhile.
        let options = GetOptions::new()
            .with_range(Some(GetRange::Bounded(from..to)))
            .with_if_match(self.meta.e_tag.clone().filter(|_| from > 0));
        let fetched = self.store.runtime.block_on(async {
            self.store
                .s3
                .get_opts(&self.meta.location, options)
                .await?
                .bytes()
                .await
        });
        let bytes = fetched.map_err(|error| {
            let reason = match &error {
                object_store::Error::Precondition { .. } => {
                    "it was changed while it was fetched".to_owned()
                }
                object_store::Error::NotFound { .. } => "it is gone since it was listed".to_owned(),
                other => format!("it could not be fetched: {}", on_one_line(other)),
            };
            Fault::new(FaultKind::Unreadable, reason)
        })?;
        if bytes.len() as u64 != to - from {
            let reason = format!(
                "cut short: {} of {} bytes",
                from + bytes.len() as u64,
                self.meta.size
            );
            return Err(Fault::new(FaultKind::CutShort, reason));
        }
        Ok(bytes.to_vec())
    }
}

/// An object read piece by piece.
struct Pieces<'a> {
    object: &'a RemoteObject,
    piece: Vec<u8>,
    n_used: usize,
    n_fetched: u64,
    /// What went wrong, in better words than an error of reading has.
    fault: Option<Fault>,
}

impl std::io::Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.n_used == self.piece.len() && self.n_fetched < self.object.meta.size {
            match self.object.piece(self.n_fetched) {
                Ok(piece) => {
                    self.n_fetched += piece.len() as u64;
                    (self.piece, self.n_used) = (piece, 0);
                }
                Err(fault) => {
                    let error = std::io::Error::other(fault.reason.clone());
                    self.fault = Some(fault);
                    return Err(error);
                }
            }
        }
        let n = buffer.len().min(self.piece.len() - self.n_used);
        buffer[..n].copy_from_slice(&self.piece[self.n_used..self.n_used + n]);
        self.n_used += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines_lead_to_this_machine_alone() {
        let check = |endpoint: &str, expected| {
            assert_eq!(is_plain_but_near(endpoint), expected, "{endpoint}");
        };
        check("https://s3.example.org", Some(false));
        check("http://127.0.0.1:9000", Some(true));
        check("http://[::1]:9000/x", Some(true));
        check("http://localhost", Some(true));
        check("http://10.0.0.1:9000", None);
        check("http://127.0.0.1@example.org", None);
        check("http://localhost.example.org", None);
        check("ftp://127.0.0.1", None);
        check("", None);
    }
}
