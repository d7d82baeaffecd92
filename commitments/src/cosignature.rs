//! Cosignatures: the word of a witness that a checkpoint goes on from the one it saw before.
//!
//! # Source
//! C2SP `tlog-cosignature`, type `cosignature/v1`.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use crate::note::{
    NoteError, SignatureType, check_name, key_hash, signature_of, signed_line, verifier_of_text,
    verifier_text,
};

/// A named key that cosigns checkpoints. Does not print its secret.
#[derive(Clone)]
pub struct Cosigner {
    name: String,
    key: SigningKey,
}

impl Cosigner {
    /// Names a key.
    ///
    /// # Errors
    /// [`NoteError::BadName`].
    pub fn new(name: impl Into<String>, key: SigningKey) -> Result<Self, NoteError> {
        let name = name.into();
        check_name(&name)?;
        Ok(Self { name, key })
    }

    /// What others check its cosignatures with.
    pub fn verifier(&self) -> CosignatureVerifier {
        CosignatureVerifier {
            name: self.name.clone(),
            key: self.key.verifying_key(),
        }
    }

    /// The line to put under the note of a checkpoint, with its line feed. `text` is the text of the
    /// note without its signatures, `at_secs` the time in seconds since 1970.
    pub fn cosign(&self, text: &str, at_secs: u64) -> String {
        let hash = key_hash(
            &self.name,
            SignatureType::Cosignature,
            &self.key.verifying_key(),
        );
        let signature = self.key.sign(&message(text, at_secs)).to_bytes();
        signed_line(&self.name, &[&hash, &at_secs.to_be_bytes(), &signature])
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({})", self.name)
    }
}

fn message(text: &str, at_secs: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {at_secs}\n{text}").into_bytes()
}

/// A named key that cosignatures are checked with; written `name+hash+key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignatureVerifier {
    name: String,
    key: VerifyingKey,
}

impl CosignatureVerifier {
    /// The name of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of the note and when this witness cosigned it, in seconds since 1970; other
    /// signatures are passed over.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn open<'a>(&self, note: &'a str) -> Result<(&'a str, u64), NoteError> {
        let hash = key_hash(&self.name, SignatureType::Cosignature, &self.key);
        let (text, stamped) = signature_of(note, &self.name, hash)?;
        let bad = || NoteError::BadSignature(self.name.clone());
        let (time, signature) = stamped.split_first_chunk::<8>().ok_or_else(bad)?;
        let at_secs = u64::from_be_bytes(*time);
        let signature = Signature::from_slice(signature).map_err(|_| bad())?;
        self.key
            .verify_strict(&message(text, at_secs), &signature)
            .map_err(|_| bad())?;
        Ok((text, at_secs))
    }
}

impl fmt::Display for CosignatureVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = SignatureType::Cosignature;
        f.write_str(&verifier_text(&self.name, what, &self.key))
    }
}

impl FromStr for CosignatureVerifier {
    type Err = NoteError;
    fn from_str(text: &str) -> Result<Self, NoteError> {
        let (name, key) = verifier_of_text(text, SignatureType::Cosignature)?;
        Ok(Self { name, key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Checkpoint, MerkleTree, NoteSigner};

    fn cosigned() -> (String, Cosigner) {
        let tree: MerkleTree = (0..5_u8).map(|i| crate::leaf_hash(&[i])).collect();
        let signer = NoteSigner::new("regard/ledger/demo", SigningKey::from_bytes(&[7; 32]));
        let checkpoint = Checkpoint::of("regard/ledger/demo", &tree);
        let note = checkpoint.sign(&signer.unwrap()).unwrap();
        let witness = Cosigner::new("witness.example.com/w1", SigningKey::from_bytes(&[9; 32]));
        let witness = witness.unwrap();
        let line = witness.cosign(&checkpoint.to_string(), 1_679_315_147);
        (note + &line, witness)
    }

    #[test]
    fn a_cosignature_comes_back_with_its_time() {
        let (note, witness) = cosigned();
        let verifier: CosignatureVerifier = witness.verifier().to_string().parse().unwrap();
        let (text, at_secs) = verifier.open(&note).unwrap();
        assert_eq!(at_secs, 1_679_315_147);
        assert!(text.starts_with("regard/ledger/demo\n5\n"), "{text}");
        // The signature of the log is still there beside it.
        let log = NoteSigner::new("regard/ledger/demo", SigningKey::from_bytes(&[7; 32])).unwrap();
        assert!(Checkpoint::open(&note, &log.verifier()).is_ok());
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let (note, witness) = cosigned();
        let verifier = witness.verifier();
        let at = note.rfind("\n\u{2014} witness").unwrap() + 1;
        let log_line = note.find("\n\n").unwrap() + 2;
        // All but the line of the log, which is not this key's affair.
        for byte in (0..log_line).chain(at..note.len()) {
            for bit in 0..8 {
                let mut bytes = note.as_bytes().to_vec();
                bytes[byte] ^= 1 << bit;
                if let Ok(changed) = String::from_utf8(bytes) {
                    assert!(verifier.open(&changed).is_err(), "{byte}, {bit}");
                }
            }
        }
    }

    #[test]
    fn the_parts_stand_where_the_standard_puts_them() {
        let (note, witness) = cosigned();
        let line = note.lines().last().unwrap();
        let encoded = line
            .strip_prefix("\u{2014} witness.example.com/w1 ")
            .unwrap();
        let bytes = {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.decode(encoded)
        }
        .unwrap();
        // Key id, big-endian seconds, signature of 64 bytes.
        assert_eq!(bytes.len(), 4 + 8 + 64);
        assert_eq!(bytes[4..12], 1_679_315_147_u64.to_be_bytes());
        let key = witness.verifier().key;
        let id = crate::Digest::of(&[b"witness.example.com/w1\n", &[4], key.as_bytes()]);
        assert_eq!(bytes[..4], id.as_bytes()[..4]);
        let text = note.split("\n\n").next().unwrap().to_owned() + "\n";
        let signed = format!("cosignature/v1\ntime 1679315147\n{text}");
        let signature = Signature::from_slice(&bytes[12..]).unwrap();
        assert!(key.verify_strict(signed.as_bytes(), &signature).is_ok());
        // So do the first bytes of the example in the standard, of the same second.
        let example = {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.decode("jWbPPwAAAABkGFDL")
        };
        assert_eq!(example.unwrap()[4..12], bytes[4..12]);
        // A key of one type is none of the other.
        let as_text = witness.verifier().to_string();
        assert!(as_text.parse::<crate::NoteVerifier>().is_err());
    }
}
