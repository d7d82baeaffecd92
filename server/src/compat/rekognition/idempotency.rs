//! Requests that are sent again: the same token with the same request does nothing more, with another it is an error.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use regard_commitments::Digest;

use super::fault::Fault;

/// Tokens remembered; beyond, the oldest is forgotten. Origin: what clients send again, they send again within minutes.
const MAX_TOKENS: usize = 10_000;

/// The tokens of requests that went through.
#[derive(Default)]
pub(crate) struct Repeats(Mutex<(BTreeMap<Digest, Digest>, VecDeque<Digest>)>);

impl Repeats {
    /// Whether a request of this token went through before.
    ///
    /// # Errors
    /// `IdempotentParameterMismatchException` where it was another request.
    pub(super) fn is_repeated(&self, token: &Digest, request: &Digest) -> Result<bool, Fault> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.0.get(token) {
            None => Ok(false),
            Some(before) if before == request => Ok(true),
            Some(_) => Err(Fault::other_request(
                "A ClientRequestToken input parameter was reused with an operation, but at least one of the other \
                 input parameters is different from the previous call to the operation.",
            )),
        }
    }

    /// A request went through.
    pub(super) fn went_through(&self, token: Digest, request: Digest) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0.insert(token, request).is_none() {
            known.1.push_back(token);
        }
        if known.1.len() > MAX_TOKENS
            && let Some(oldest) = known.1.pop_front()
        {
            known.0.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_for_one_request() {
        let of = |text: &str| Digest::of(&[text.as_bytes()]);
        let repeats = Repeats::default();
        assert_eq!(repeats.is_repeated(&of("t"), &of("a")), Ok(false));
        repeats.went_through(of("t"), of("a"));
        assert_eq!(repeats.is_repeated(&of("t"), &of("a")), Ok(true));
        assert!(repeats.is_repeated(&of("t"), &of("b")).is_err());
        for n in 0..MAX_TOKENS {
            repeats.went_through(of(&n.to_string()), of("a"));
        }
        assert_eq!(
            repeats.is_repeated(&of("t"), &of("b")),
            Ok(false),
            "forgotten"
        );
        assert_eq!(repeats.is_repeated(&of("9"), &of("a")), Ok(true));
    }
}
