//! One order, from its names to the certificate.

use std::sync::Arc;
use std::time::Duration;

use instant_acme::{
    Account, AuthorizationHandle, AuthorizationState, AuthorizationStatus, ChallengeType, NewOrder,
    Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use super::challenges::{Challenges, Shown};
use super::error::{AcmeError, Objection, on_one_line};
use super::issued::Issued;
use crate::{AcmeChallenge, AcmeConfig};

/// How often the authority is asked how far it is, unless it says when to ask again, and how long at the most: one looks at every
/// name from several places, and may have a queue.
const ASKING: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(250))
    .backoff(1.5)
    .timeout(Duration::from_secs(180));

/// Orders a certificate, shows what proves the names, and brings it. What was shown is gone when this returns.
///
/// # Errors
/// [`AcmeError`].
pub(super) async fn order(
    account: &Account,
    config: &AcmeConfig,
    challenges: &Arc<Challenges>,
) -> Result<Issued, AcmeError> {
    let told = |error| AcmeError::of(&config.directory, error);
    let identifiers = config.identifiers();
    let ordered = account.new_order(&NewOrder::new(&identifiers)).await;
    let mut order = ordered.map_err(told)?;
    let shown = show(&mut order, config, challenges).await?;
    match order.poll_ready(&ASKING).await {
        Ok(OrderStatus::Ready) => {}
        Ok(
            OrderStatus::Pending
            | OrderStatus::Processing
            | OrderStatus::Valid
            | OrderStatus::Invalid,
        ) => {
            let found = objection(&mut order, config).await;
            return Err(found.unwrap_or_else(|| AcmeError::Slow(config.directory.clone())));
        }
        // What is wrong with an order is most often wrong with the proof of one name.
        Err(error) => {
            let found = objection(&mut order, config).await;
            return Err(found.unwrap_or_else(|| told(error)));
        }
    }
    drop(shown);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(config.domains.clone())?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key)?;
    let asked = order.finalize_csr(request.der()).await;
    asked.map_err(told)?;
    let chain = order.poll_certificate(&ASKING).await.map_err(told)?;
    Ok(Issued::new(&key.serialize_pem(), &chain))
}

/// Shows what proves every name that is not proven yet, and has the authority look.
async fn show(
    order: &mut Order,
    config: &AcmeConfig,
    challenges: &Arc<Challenges>,
) -> Result<Vec<Shown>, AcmeError> {
    let mut shown = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(next) = authorizations.next().await {
        let authorization = next.map_err(|error| AcmeError::of(&config.directory, error))?;
        match authorization.status {
            AuthorizationStatus::Pending => {}
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Invalid
            | AuthorizationStatus::Revoked
            | AuthorizationStatus::Expired
            | AuthorizationStatus::Deactivated => {
                return Err(refused(&authorization, config)
                    .unwrap_or_else(|| ended(&authorization, config)));
            }
        }
        shown.push(prove(authorization, config, challenges).await?);
    }
    Ok(shown)
}

/// Shows what proves one name, and has the authority look.
async fn prove(
    authorization: AuthorizationHandle<'_>,
    config: &AcmeConfig,
    challenges: &Arc<Challenges>,
) -> Result<Shown, AcmeError> {
    let told = |error| AcmeError::of(&config.directory, error);
    let name = on_one_line(&authorization.identifier().to_string());
    let offered = authorization.challenges.iter();
    let offered: Vec<&str> = offered.map(|one| name_of(&one.r#type)).collect();
    let not_offered = AcmeError::NotOffered {
        name: name.clone(),
        directory: config.directory.clone(),
        offered: on_one_line(&offered.join(", ")),
        wanted: config.challenge,
    };
    let kind = match config.challenge {
        AcmeChallenge::Http01 { .. } => ChallengeType::Http01,
        AcmeChallenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
    };
    // What a challenge borrows it borrows for as long as the handle lives.
    let mut handle = authorization;
    let mut challenge = handle.challenge(kind).ok_or(not_offered)?;
    let text = challenge.key_authorization();
    let shown = match config.challenge {
        AcmeChallenge::Http01 { .. } => challenges.show_text(&challenge.token, text.as_str()),
        AcmeChallenge::TlsAlpn01 => challenges.show_certificate(&name, text.digest().as_ref())?,
    };
    challenge.set_ready().await.map_err(told)?;
    Ok(shown)
}

/// The kinds of challenges that are usual, by name.
fn name_of(kind: &ChallengeType) -> &str {
    match kind {
        ChallengeType::Http01 => "http-01",
        ChallengeType::Dns01 => "dns-01",
        ChallengeType::TlsAlpn01 => "tls-alpn-01",
        ChallengeType::Unknown(name) => name.as_str(),
        _ => "another one",
    }
}

/// What the authority has against the proof of a name, as it says now; nothing where it has nothing.
async fn objection(order: &mut Order, config: &AcmeConfig) -> Option<AcmeError> {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if authorization.refresh().await.is_err() {
            continue;
        }
        let found = refused(&authorization, config);
        if found.is_some() {
            return found;
        }
    }
    None
}

/// What the authority has against the proof of this name.
fn refused(state: &AuthorizationState, config: &AcmeConfig) -> Option<AcmeError> {
    let mut challenges = state.challenges.iter();
    let problem = challenges.find_map(|challenge| challenge.error.as_ref())?;
    Some(AcmeError::Challenge {
        name: on_one_line(&state.identifier().to_string()),
        challenge: config.challenge,
        objection: Objection::from(problem),
    })
}

/// An authorization that is of no use any more, though nobody says why.
fn ended(state: &AuthorizationState, config: &AcmeConfig) -> AcmeError {
    AcmeError::Challenge {
        name: on_one_line(&state.identifier().to_string()),
        challenge: config.challenge,
        objection: Objection {
            kind: "ended".to_owned(),
            detail: "the authority takes no proof of it in this order".to_owned(),
        },
    }
}
