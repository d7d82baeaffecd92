//! Secrets of the site by name, each wrapped by its key: what is dropped here opens nothing any more, in any copy. Some the site
//! shares with others: made here, and never in a file of settings.

use regard_backends::{SiteSecret, StoreError};
use regard_commitments::{LedgerEntry, Zeroizing};
use regard_domain::Timestamp;

use super::{Custodian, CustodyError};
use crate::keys::KeyError;
use crate::seed::random_key;

/// A secret of the site.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// What names of secrets begin with that the site shares with others. More than one of a name is kept while an older one is
/// on its way out.
const SHARED: &str = "shared/";

/// Name of a generation; a later one sorts behind, for an instant has as many digits for the next thousand years.
fn name_of(name: &str, at: Timestamp) -> String {
    format!("{SHARED}{name}/{:020}", at.as_micros().max(0))
}

impl Custodian {
    /// Makes a secret of this name and keeps it; nothing where there is one.
    pub(crate) async fn fresh_secret(&self, name: String) -> Result<Option<Secret>, CustodyError> {
        let secret = Zeroizing::new(random_key().map_err(KeyError::NoEntropy)?);
        for is_last in [false, true] {
            let key = self
                .ring()
                .wrap_secret(&name, secret.as_slice(), &mut Self::rng()?)?;
            let held = SiteSecret {
                name: name.clone(),
                key,
            };
            match self.keys.put_secret(&held).await {
                Err(StoreError::RetiredKey) if !is_last => self.reload_ring()?,
                Err(StoreError::Taken) => return Ok(None),
                Ok(()) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(secret))
    }

    /// The secrets whose names begin so, in order of name.
    pub(crate) async fn named_secrets(
        &self,
        prefix: &str,
    ) -> Result<Vec<(String, Secret)>, CustodyError> {
        let held = self.keys.secrets(prefix).await?;
        held.into_iter()
            .map(|one| {
                let secret = self.with_ring(|ring| ring.unwrap_secret(&one.name, &one.key))?;
                let secret = <[u8; 32]>::try_from(secret.as_slice());
                let secret = secret.map_err(|_| CustodyError::Damaged)?;
                Ok((one.name, Zeroizing::new(secret)))
            })
            .collect()
    }

    /// Destroys secrets; what the ledger is to say about it is kept with that, until [`Custodian::say`].
    pub(crate) async fn drop_secrets(
        &self,
        names: &[String],
        tells: &[LedgerEntry],
    ) -> Result<(), CustodyError> {
        let _order = self.changing.lock().await;
        self.keys.drop_secrets(names, tells).await?;
        Ok(())
    }

    /// Has the ledger say what it is still to say.
    pub(crate) async fn say(&self) -> Result<(), CustodyError> {
        let _order = self.changing.lock().await;
        self.settle().await.map(|_| ())
    }

    /// The secret of that name that the site shares with somebody; nothing where none was made yet.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub async fn shared_secret(&self, name: &str) -> Result<Option<Secret>, CustodyError> {
        let held = self.named_secrets(&format!("{SHARED}{name}/")).await?;
        Ok(held.into_iter().next_back().map(|(_, secret)| secret))
    }

    /// Makes a fresh secret of that name. The one before is destroyed.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub async fn make_shared_secret(&self, name: &str) -> Result<Secret, CustodyError> {
        let _order = self.changing.lock().await;
        let older = self.keys.secrets(&format!("{SHARED}{name}/")).await?;
        let secret = self.fresh_secret(name_of(name, self.now())).await?;
        // Two in the same microsecond: the clock stood still, and so does whoever asked.
        let secret = secret.ok_or(CustodyError::Store(StoreError::Taken))?;
        let older: Vec<String> = older.into_iter().map(|one| one.name).collect();
        if !older.is_empty() {
            self.keys.drop_secrets(&older, &[]).await?;
        }
        Ok(secret)
    }
}
