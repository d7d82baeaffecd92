//! One delivery: signed, to the one address, and nowhere else.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use regard_domain::Timestamp;
use sha2::Sha256;

use super::event::Told;

/// How long a receiver may take. Origin: it says that it has heard, and does its work later.
const PATIENCE: Duration = Duration::from_secs(10);

/// A secret as receivers are given it.
///
/// # Source
/// Standard Webhooks 1.0.0: `whsec_` and base64.
pub(crate) fn text_of(secret: &[u8; 32]) -> String {
    format!("whsec_{}", STANDARD.encode(secret))
}

/// The signature of a delivery.
///
/// # Source
/// Standard Webhooks 1.0.0: `v1,` and the base64 of HMAC-SHA-256 over id, seconds and body, joined by full stops.
fn signature(secret: &[u8; 32], id: &str, secs: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{secs}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Sends an event, and says in a word why it was not taken.
pub(super) async fn post(
    url: &str,
    secret: &[u8; 32],
    told: &Told,
    now: Timestamp,
) -> Result<(), &'static str> {
    let (url, body, id) = (url.to_owned(), told.body(), told.id.clone());
    let secs = now.as_millis().div_euclid(1_000);
    let signed = signature(secret, &id, secs, &body);
    let sent = tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            // Whoever was named is told, and nobody to whom they point.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("regard/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        let request = agent
            .post(&url)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", secs.to_string())
            .header("webhook-signature", signed);
        request
            .send(body)
            .map(|answer| answer.status().is_success())
    });
    match sent.await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err("not_taken"),
        Ok(Err(_)) => Err("not_reached"),
        Err(_) => Err("ended"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the example of the standard: its own secret is shorter, so the arithmetic is done by another road.
    #[test]
    fn a_signature_is_the_one_that_receivers_compute() {
        let secret = [7; 32];
        let signed = signature(&secret, "entry-1", 1_700_000_000, "{}");
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
        mac.update(b"entry-1.1700000000.{}");
        let sent = STANDARD
            .decode(signed.strip_prefix("v1,").unwrap())
            .unwrap();
        assert!(mac.verify_slice(&sent).is_ok());
        assert_ne!(signed, signature(&secret, "entry-2", 1_700_000_000, "{}"));
        assert_eq!(text_of(&[0; 32]), format!("whsec_{}=", "A".repeat(43)));
    }
}
