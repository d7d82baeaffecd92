//! Pagination tokens: where a list goes on, readable by this process alone.

use hmac::{Hmac, Mac as _};
use regard_engine::to_hex;
use sha2::Sha256;

use super::fault::Fault;

/// Hexadecimal digits of the check: 128 bits.
const CHECK_LEN: usize = 32;

/// What a token is for: another list does not take it.
pub(super) struct Pages<'a> {
    /// Fresh at every start.
    pub(super) key: &'a [u8; 32],
    /// Operation and collection.
    pub(super) list: String,
}

impl Pages<'_> {
    fn check(&self, at: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key).expect("a key of any length");
        for part in ["regard page v1", &self.list, at] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let mut check = to_hex(&mac.finalize().into_bytes());
        check.truncate(CHECK_LEN);
        check
    }

    /// How many were told already.
    pub(super) fn begin(&self, token: Option<&str>) -> Result<usize, Fault> {
        let Some(token) = token else { return Ok(0) };
        let bad = || Fault::bad_page("Provided pagination token is invalid");
        let (at, check) = token.split_once('.').ok_or_else(bad)?;
        if self.check(at) != check {
            return Err(bad());
        }
        at.parse().map_err(|_| bad())
    }

    /// One page of a list from there on, and the token of the next.
    pub(super) fn page<T>(
        &self,
        all: Vec<T>,
        from: usize,
        size: usize,
    ) -> (Vec<T>, Option<String>) {
        let n = all.len();
        let page: Vec<T> = all.into_iter().skip(from).take(size).collect();
        let next = from.saturating_add(page.len());
        let is_last = next >= n || page.is_empty();
        let token = (!is_last).then(|| {
            let at = next.to_string();
            format!("{at}.{}", self.check(&at))
        });
        (page, token)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pages(list: &str) -> Pages<'_> {
        Pages {
            key: &[7; 32],
            list: list.to_owned(),
        }
    }

    proptest! {
        #[test]
        fn pages_together_are_the_list(n in 0_usize..50, size in 1_usize..20) {
            let all: Vec<usize> = (0..n).collect();
            let (mut token, mut seen) = (None::<String>, Vec::new());
            loop {
                let from = pages("a").begin(token.as_deref()).unwrap();
                let (page, next) = pages("a").page(all.clone(), from, size);
                seen.extend(page);
                if let Some(next) = &next {
                    prop_assert!(next.len() <= 255);
                    prop_assert!(pages("b").begin(Some(next)).is_err());
                }
                token = next;
                if token.is_none() {
                    break;
                }
            }
            prop_assert_eq!(seen, all);
        }

        #[test]
        fn other_tokens_are_none(text in "\\PC{0,60}") {
            prop_assert!(pages("a").begin(Some(&text)).is_err());
        }
    }
}
