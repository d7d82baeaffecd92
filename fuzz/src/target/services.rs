//! What clients of other services send: signatures, queries, pictures in JSON.

use regard_server::fuzz::{client_query, picture_in_json, signature};

/// Largest picture that either service takes, in bytes.
const MAX_PICTURE_BYTES: usize = 5 << 20;

/// A header with a signature, a query as the odd clients write it, or a body with a picture: a picture that is taken is of a kind
/// and size that may be, and a query has no more parameters than it has marks.
pub fn services(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let n_marks = text.matches(['&', '?']).count();
    assert!(client_query(&text).len() <= n_marks + 1);
    let picture = picture_in_json(data);
    if let Some(picture) = &picture {
        assert!(picture.len() <= MAX_PICTURE_BYTES);
        assert!(picture.starts_with(&[0xFF, 0xD8, 0xFF]) || picture.starts_with(b"\x89PNG"));
    }
    picture.is_some() || signature(&text)
}
