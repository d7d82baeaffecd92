//! Secrets that the site shares with others, sealed like those of galleries: made here, and never in a file of settings.

use regard_backends::SiteSecret;
use regard_commitments::Zeroizing;
use regard_domain::Timestamp;

use super::{Custodian, CustodyError};
use crate::keys::KeyError;
use crate::seed::random_key;

/// Secrets of one name that are looked at: more than one while an older one is on its way out.
const PREFIX: &str = "shared/";

/// Name of a generation; a later one sorts behind, for an instant has as many digits for the next thousand years.
fn name_of(name: &str, at: Timestamp) -> String {
    format!("{PREFIX}{name}/{:020}", at.as_micros().max(0))
}

impl Custodian {
    /// The secret of that name that the site shares with somebody; nothing where none was made yet.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub async fn shared_secret(
        &self,
        name: &str,
    ) -> Result<Option<Zeroizing<[u8; 32]>>, CustodyError> {
        let held = self.keys.secrets(&format!("{PREFIX}{name}/")).await?;
        held.last().map(|one| self.opened_secret(one)).transpose()
    }

    /// Makes a fresh secret of that name. The one before is destroyed.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub async fn make_shared_secret(
        &self,
        name: &str,
    ) -> Result<Zeroizing<[u8; 32]>, CustodyError> {
        let _order = self.changing.lock().await;
        let older = self.keys.secrets(&format!("{PREFIX}{name}/")).await?;
        let secret = Zeroizing::new(random_key().map_err(KeyError::NoEntropy)?);
        self.put_fresh_secret(&name_of(name, self.now()), &secret)
            .await?;
        let older: Vec<String> = older.into_iter().map(|one| one.name).collect();
        if !older.is_empty() {
            self.keys.drop_secrets(&older, &[]).await?;
        }
        Ok(secret)
    }

    fn opened_secret(&self, held: &SiteSecret) -> Result<Zeroizing<[u8; 32]>, CustodyError> {
        let secret = self.with_ring(|ring| ring.unwrap_secret(&held.name, &held.key))?;
        let secret = <[u8; 32]>::try_from(secret.as_slice()).map_err(|_| CustodyError::Damaged)?;
        Ok(Zeroizing::new(secret))
    }
}
