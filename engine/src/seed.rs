//! 32 random bytes, and their form as text.

use std::io;

use rand::rngs::{StdRng, SysRng};
use rand::{SeedableRng, TryRng};
use regard_commitments::Zeroizing;

/// 32 bytes from the system's generator that nobody can guess.
///
/// # Errors
/// When the system gives no random bytes.
pub fn random_key() -> io::Result<[u8; 32]> {
    let mut key = [0_u8; 32];
    SysRng
        .try_fill_bytes(&mut key)
        .map_err(|e| io::Error::other(e.to_string()))?;
    Ok(key)
}

/// A generator that nobody can guess, seeded from the system's.
///
/// # Errors
/// When the system gives no random bytes.
pub(crate) fn fresh_rng() -> io::Result<StdRng> {
    Ok(StdRng::from_seed(*Zeroizing::new(random_key()?)))
}

/// The bytes as hexadecimal digits, two each.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes that 64 hexadecimal digits stand for; nothing for any other text. Wiped when dropped,
/// since they may be a secret.
pub fn from_hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    fill_from_hex(text, bytes.as_mut_slice()).map(|()| bytes)
}

/// The bytes that hexadecimal digits stand for, two each; nothing for any other text.
pub(crate) fn bytes_from_hex(text: &str) -> Option<Vec<u8>> {
    let mut bytes = vec![0; text.len() / 2];
    fill_from_hex(text, &mut bytes).map(|()| bytes)
}

fn fill_from_hex(text: &str, bytes: &mut [u8]) -> Option<()> {
    if text.len() != 2 * bytes.len() || !text.is_ascii() {
        return None;
    }
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_come_back_and_nothing_else_does() {
        let bytes = std::array::from_fn(|i| (i * 9) as u8);
        assert_eq!(*from_hex(&to_hex(&bytes)).unwrap(), bytes);
        for bad in ["", "00", &"g".repeat(64), &"ä".repeat(32), &"0".repeat(65)] {
            assert!(from_hex(bad).is_none(), "{bad:?}");
        }
        assert_eq!(bytes_from_hex("00ff"), Some(vec![0, 255]));
        for bad in ["0", "0g", "ää"] {
            assert_eq!(bytes_from_hex(bad), None, "{bad:?}");
        }
    }
}
