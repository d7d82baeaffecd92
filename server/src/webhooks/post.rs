//! One delivery: signed, to the one address, and nowhere else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use regard_domain::Timestamp;
use sha2::Sha256;

use super::event::Told;
use crate::outbound::{CallError, Caller, OutboundUrl};

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
fn signature(secret: &[u8], id: &str, secs: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{secs}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Sends an event, and says in a word why it was not taken.
pub(super) async fn post(
    caller: &Caller,
    url: &OutboundUrl,
    secret: &[u8; 32],
    told: &Told,
    now: Timestamp,
) -> Result<(), &'static str> {
    let body = told.body();
    let secs = now.as_millis().div_euclid(1_000);
    let signed = signature(secret, &told.id, secs, &body);
    let headers = vec![
        ("webhook-id", told.id.clone()),
        ("webhook-timestamp", secs.to_string()),
        ("webhook-signature", signed),
    ];
    match caller.post(url, headers, body.into_bytes()).await {
        Ok(_) => Ok(()),
        Err(CallError::Status(_)) => Err("not_taken"),
        Err(CallError::NoAnswer(_)) => Err("not_reached"),
        Err(CallError::Ending) => Err("ended"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vector of the standard's own documentation, computed anew with Python's `hmac`.
    #[test]
    fn a_signature_is_the_one_that_receivers_compute() {
        let secret = STANDARD.decode("plJ3nmyCDGBKInavdOK15jsl").unwrap();
        let body = r#"{"event_type":"ping","data":{"success":true}}"#;
        assert_eq!(
            signature(&secret, "msg_loFOjxBNrRLzqYUf", 1_731_705_121, body),
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="
        );
        assert_eq!(text_of(&[0; 32]), format!("whsec_{}=", "A".repeat(43)));
    }
}
