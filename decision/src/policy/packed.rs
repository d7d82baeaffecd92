//! Many numbers as one short text.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// Numbers that are stored as base64 of their little-endian bytes: half the room of decimal digits,
/// and the same to the last bit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Packed(pub Vec<f64>);

/// A text that does not hold packed numbers.
#[derive(Debug, thiserror::Error)]
#[error("packed numbers cannot be read")]
pub struct BadPacked;

impl TryFrom<String> for Packed {
    type Error = BadPacked;
    fn try_from(text: String) -> Result<Self, BadPacked> {
        let bytes = STANDARD.decode(text).map_err(|_| BadPacked)?;
        let (words, rest) = bytes.as_chunks::<8>();
        if rest.is_empty() {
            Ok(Self(
                words.iter().copied().map(f64::from_le_bytes).collect(),
            ))
        } else {
            Err(BadPacked)
        }
    }
}

impl From<Packed> for String {
    fn from(packed: Packed) -> Self {
        let bytes: Vec<u8> = packed.0.iter().flat_map(|v| v.to_le_bytes()).collect();
        STANDARD.encode(bytes)
    }
}
