//! What a backup is as a file: a head, and chunks that cannot change places.

use std::io::{self, Read, Write};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use regard_commitments::{SiteKeyId, WrappedKey, Zeroizing};

/// First line of a backup.
const HEAD: &[u8] = b"regard-backup-v2\n";

/// Longest wrapped key, in bytes: keys in memory add forty, tokens twenty-eight.
const MAX_WRAPPED_LEN: usize = 256;

/// Bytes encrypted at once: what a restore holds in memory.
const CHUNK_LEN: usize = 64 * 1024;

/// Bytes that a chunk grows by.
const TAG_LEN: usize = 16;

/// The cipher of one backup: its key is fresh, so that nonces may count from 0.
pub(super) fn cipher_of(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&Key::from(*key))
}

/// What a backup begins with: which key of the site wraps its own key, and that, wrapped. All of it is authenticated.
pub(super) fn head_of(wrapped: &WrappedKey) -> Vec<u8> {
    // Checked where it is made.
    let len = u16::try_from(wrapped.bytes.len()).unwrap_or(u16::MAX);
    [
        HEAD,
        wrapped.site_key.as_bytes(),
        &len.to_be_bytes(),
        &wrapped.bytes,
    ]
    .concat()
}

/// Reads what a backup begins with; nothing where it is none.
pub(super) fn read_head(from: &mut impl Read) -> io::Result<Option<(Vec<u8>, WrappedKey)>> {
    let mut fixed = vec![0; HEAD.len() + 16 + 2];
    if fill(from, &mut fixed)? < fixed.len() {
        return Ok(None);
    }
    let parts = fixed
        .strip_prefix(HEAD)
        .and_then(<[u8]>::split_first_chunk::<16>);
    let Some((id, [high, low])) = parts else {
        return Ok(None);
    };
    let len = usize::from(u16::from_be_bytes([*high, *low]));
    let mut bytes = vec![0; len];
    if len > MAX_WRAPPED_LEN || fill(from, &mut bytes)? < len {
        return Ok(None);
    }
    let wrapped = WrappedKey {
        site_key: SiteKeyId::from_bytes(*id),
        bytes,
    };
    Ok(Some((head_of(&wrapped), wrapped)))
}

/// A counter, and whether the chunk is the last: chunks cannot change places, be left out, or be cut off at the end.
fn chunk_nonce(number: u64, is_last: bool) -> XNonce {
    let mut nonce = [0; 24];
    nonce[0] = u8::from(is_last);
    nonce[16..].copy_from_slice(&number.to_be_bytes());
    XNonce::from(nonce)
}

/// Reads until the buffer is full or nothing is left.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Writes all there is, chunk by chunk.
pub(super) fn encrypt(
    cipher: &XChaCha20Poly1305,
    head: &[u8],
    from: &mut impl Read,
    to: &mut impl Write,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_LEN];
    for number in 0.. {
        let n = fill(from, &mut buffer)?;
        let is_last = n < CHUNK_LEN;
        let payload = Payload {
            msg: &buffer[..n],
            aad: head,
        };
        let sealed = cipher.encrypt(&chunk_nonce(number, is_last), payload);
        to.write_all(&sealed.map_err(|_| io::Error::other("a chunk is too large"))?)?;
        if is_last {
            break;
        }
    }
    Ok(())
}

/// Writes what is whole; `None` at the first chunk that is not.
pub(super) fn decrypt(
    cipher: &XChaCha20Poly1305,
    head: &[u8],
    from: &mut impl Read,
    to: &mut impl Write,
) -> io::Result<Option<()>> {
    let mut buffer = vec![0; CHUNK_LEN + TAG_LEN];
    for number in 0.. {
        let n = fill(from, &mut buffer)?;
        let is_last = n < buffer.len();
        let payload = Payload {
            msg: &buffer[..n],
            aad: head,
        };
        let Ok(plain) = cipher.decrypt(&chunk_nonce(number, is_last), payload) else {
            return Ok(None);
        };
        to.write_all(&Zeroizing::new(plain))?;
        if is_last {
            break;
        }
    }
    Ok(Some(()))
}
