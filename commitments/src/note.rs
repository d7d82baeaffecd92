//! Signed notes and checkpoints: texts that witnesses and verifiers of transparency logs can read.
//!
//! # Source
//! C2SP `signed-note` and `tlog-checkpoint`.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use regard_domain::SiteId;
use thiserror::Error;

use crate::digest::Digest;
use crate::merkle::MerkleTree;

/// What a signature is over, as the first byte of its key (C2SP `signed-note`, "signature types").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureType {
    /// Ed25519 over the text.
    Text = 1,
    /// Ed25519 over the time and the text (C2SP `tlog-cosignature`).
    Cosignature = 4,
}

/// Longest note read, in bytes; checkpoints take some hundred.
const MAX_NOTE_LEN: usize = 64 * 1024;

/// What each line of a signature begins with: an em dash and a space.
pub(crate) const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// A note that is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoteError {
    /// Not a text, an empty line and lines of signatures.
    #[error("note is malformed")]
    Malformed,
    /// No line is signed by the key asked for.
    #[error("note has no signature of {0}")]
    NotSigned(String),
    /// The line of that key does not fit the text.
    #[error("signature of {0} does not verify")]
    BadSignature(String),
    /// The text is not origin, size and root.
    #[error("note is not a checkpoint")]
    NotCheckpoint,
    /// The checkpoint is of another log.
    #[error("checkpoint is of log {0:?}")]
    OtherLog(String),
    /// Not a name of a key: empty, or with a space or plus sign.
    #[error("{0:?} is not a key name: empty, or with a space or '+'")]
    BadName(String),
    /// Not a verifier key `name+hash+key`.
    #[error("not a verifier key of the form name+hash+key")]
    BadKey,
}

pub(crate) fn check_name(name: &str) -> Result<(), NoteError> {
    let good = (1..=200).contains(&name.len())
        && !name.contains(|c: char| c == '+' || c.is_whitespace() || c.is_control());
    if good {
        Ok(())
    } else {
        Err(NoteError::BadName(name.chars().take(40).collect()))
    }
}

/// The short name of a key that stands in each of its signatures.
pub(crate) fn key_hash(name: &str, what: SignatureType, key: &VerifyingKey) -> [u8; 4] {
    let digest = Digest::of(&[name.as_bytes(), b"\n", &[what as u8], key.as_bytes()]);
    let [a, b, c, d, ..] = *digest.as_bytes();
    [a, b, c, d]
}

/// The name of a site's ledger: the origin of its checkpoints and the name of its key.
pub fn ledger_origin(site: &SiteId) -> String {
    format!("regard/ledger/{site}")
}

/// A named key that signs notes. Does not print its secret.
#[derive(Clone)]
pub struct NoteSigner {
    name: String,
    key: SigningKey,
}

impl NoteSigner {
    /// Names a key.
    ///
    /// # Errors
    /// [`NoteError::BadName`].
    pub fn new(name: impl Into<String>, key: SigningKey) -> Result<Self, NoteError> {
        let name = name.into();
        check_name(&name)?;
        Ok(Self { name, key })
    }

    /// What others check its notes with.
    pub fn verifier(&self) -> NoteVerifier {
        NoteVerifier {
            name: self.name.clone(),
            key: self.key.verifying_key(),
        }
    }

    /// The text with an empty line and the signature.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] unless the text ends with a newline and has no other control characters.
    pub fn sign(&self, text: &str) -> Result<String, NoteError> {
        if !is_note_text(text) {
            return Err(NoteError::Malformed);
        }
        let hash = key_hash(&self.name, SignatureType::Text, &self.key.verifying_key());
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        let line = signed_line(&self.name, &[&hash, &signature]);
        Ok(format!("{text}\n{line}"))
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({})", self.name)
    }
}

/// A named key that notes are checked with; written `name+hash+key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteVerifier {
    name: String,
    key: VerifyingKey,
}

impl NoteVerifier {
    /// The name of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of the note, if this key signed it. Signatures of other keys are passed over.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        let hash = key_hash(&self.name, SignatureType::Text, &self.key);
        let (text, signature) = signature_of(note, &self.name, hash)?;
        let bad = || NoteError::BadSignature(self.name.clone());
        let signature = Signature::from_slice(&signature).map_err(|_| bad())?;
        self.key
            .verify_strict(text.as_bytes(), &signature)
            .map_err(|_| bad())?;
        Ok(text)
    }
}

/// The text of a note, and what one key has put under it, without the name of the key.
pub(crate) fn signature_of<'a>(
    note: &'a str,
    name: &str,
    hash: [u8; 4],
) -> Result<(&'a str, Vec<u8>), NoteError> {
    let (text, signatures) = split_note(note).ok_or(NoteError::Malformed)?;
    let mut found = None;
    for line in signatures.split_terminator('\n') {
        let (signer, bytes) = signature_line(line).ok_or(NoteError::Malformed)?;
        if signer == name && bytes.starts_with(&hash) {
            // The same key twice is either a copy or a trick.
            if found.replace(bytes[hash.len()..].to_vec()).is_some() {
                return Err(NoteError::Malformed);
            }
        }
    }
    let signature = found.ok_or_else(|| NoteError::NotSigned(name.to_owned()))?;
    Ok((text, signature))
}

/// A line of a signature, with its line feed.
pub(crate) fn signed_line(name: &str, parts: &[&[u8]]) -> String {
    format!(
        "{SIGNATURE_PREFIX}{name} {}\n",
        STANDARD.encode(parts.concat())
    )
}

/// A key as text: `name+hash+key`.
pub(crate) fn verifier_text(name: &str, what: SignatureType, key: &VerifyingKey) -> String {
    let hash = u32::from_be_bytes(key_hash(name, what, key));
    let typed = [&[what as u8], key.as_bytes().as_slice()].concat();
    format!("{name}+{hash:08x}+{}", STANDARD.encode(typed))
}

/// A key out of its text.
pub(crate) fn verifier_of_text(
    text: &str,
    what: SignatureType,
) -> Result<(String, VerifyingKey), NoteError> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(NoteError::BadKey);
    };
    check_name(name)?;
    let typed = STANDARD.decode(key).map_err(|_| NoteError::BadKey)?;
    let bytes = match typed.as_slice() {
        [kind, rest @ ..] if *kind == what as u8 => {
            <[u8; 32]>::try_from(rest).map_err(|_| NoteError::BadKey)?
        }
        _ => return Err(NoteError::BadKey),
    };
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| NoteError::BadKey)?;
    // The hash in the middle, and the one way to write the whole.
    if verifier_text(name, what, &key) == text {
        Ok((name.to_owned(), key))
    } else {
        Err(NoteError::BadKey)
    }
}

fn is_note_text(text: &str) -> bool {
    text.len() > 1 && text.ends_with('\n') && !text.bytes().any(|b| b < b' ' && b != b'\n')
}

/// Text and signature lines of a note, without the empty line between them.
fn split_note(note: &str) -> Option<(&str, &str)> {
    if note.len() > MAX_NOTE_LEN || !is_note_text(note) {
        return None;
    }
    let end = note.rfind("\n\n")? + 1;
    let (text, signatures) = (&note[..end], &note[end + 1..]);
    (is_note_text(text) && !signatures.is_empty()).then_some((text, signatures))
}

fn signature_line(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, encoded) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
    check_name(name).ok()?;
    let bytes = STANDARD.decode(encoded).ok()?;
    (bytes.len() > 4).then_some((name, bytes))
}

impl fmt::Display for NoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&verifier_text(&self.name, SignatureType::Text, &self.key))
    }
}

impl FromStr for NoteVerifier {
    type Err = NoteError;
    fn from_str(text: &str) -> Result<Self, NoteError> {
        let (name, key) = verifier_of_text(text, SignatureType::Text)?;
        Ok(Self { name, key })
    }
}

/// Size and root of a log at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root of the Merkle tree of the entries.
    pub root: Digest,
}

impl Checkpoint {
    /// The checkpoint of a tree.
    pub fn of(origin: impl Into<String>, tree: &MerkleTree) -> Self {
        Self {
            origin: origin.into(),
            size: tree.size(),
            root: tree.root(),
        }
    }

    /// The checkpoint as a note, signed; its origin must be the name of the key.
    ///
    /// # Errors
    /// [`NoteError::OtherLog`] when it is not.
    pub fn sign(&self, signer: &NoteSigner) -> Result<String, NoteError> {
        if self.origin != signer.name {
            return Err(NoteError::OtherLog(self.origin.chars().take(80).collect()));
        }
        signer.sign(&self.to_string())
    }

    /// The checkpoint in a note, if this key signed it.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn open(note: &str, verifier: &NoteVerifier) -> Result<Self, NoteError> {
        let checkpoint: Self = verifier.open(note)?.parse()?;
        if checkpoint.origin == verifier.name {
            Ok(checkpoint)
        } else {
            Err(NoteError::OtherLog(
                checkpoint.origin.chars().take(80).collect(),
            ))
        }
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = STANDARD.encode(self.root.as_bytes());
        write!(f, "{}\n{}\n{root}\n", self.origin, self.size)
    }
}

impl FromStr for Checkpoint {
    type Err = NoteError;
    /// Reads origin, size and root. Extension lines may follow and are passed over.
    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.split_terminator('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(NoteError::NotCheckpoint);
        };
        let number: u64 = size.parse().map_err(|_| NoteError::NotCheckpoint)?;
        let bytes = STANDARD
            .decode(root)
            .map_err(|_| NoteError::NotCheckpoint)?;
        let root = <[u8; 32]>::try_from(bytes).map_err(|_| NoteError::NotCheckpoint)?;
        // `parse` takes "+5" and "05"; the standard takes neither.
        if origin.is_empty() || number.to_string() != size || lines.any(str::is_empty) {
            return Err(NoteError::NotCheckpoint);
        }
        Ok(Self {
            origin: origin.to_owned(),
            size: number,
            root: Digest::from_bytes(root),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Go implementation, `golang.org/x/mod/sumdb/note`.
    const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn signer() -> NoteSigner {
        NoteSigner::new("regard/ledger/demo", SigningKey::from_bytes(&[7; 32])).unwrap()
    }

    #[test]
    fn a_note_of_another_implementation_is_read() {
        let verifier: NoteVerifier = GO_KEY.parse().unwrap();
        let text = verifier.open(GO_NOTE).unwrap();
        assert!(text.starts_with("If you think") && text.ends_with("problem is.\n"));
        assert_eq!(verifier.to_string(), GO_KEY);
    }

    #[test]
    fn any_flipped_bit_of_a_note_is_noticed() {
        let verifier: NoteVerifier = GO_KEY.parse().unwrap();
        for byte in 0..GO_NOTE.len() {
            for bit in 0..8 {
                let mut bytes = GO_NOTE.as_bytes().to_vec();
                bytes[byte] ^= 1 << bit;
                if let Ok(changed) = String::from_utf8(bytes) {
                    assert!(verifier.open(&changed).is_err(), "byte {byte}, bit {bit}");
                }
            }
        }
    }

    #[test]
    fn signatures_of_others_are_passed_over() {
        let note = signer().sign("hello\n").unwrap();
        let witness = NoteSigner::new("witness", SigningKey::from_bytes(&[9; 32])).unwrap();
        let other = witness.sign("hello\n").unwrap();
        let line = other.strip_prefix("hello\n\n").unwrap();
        let both = format!("{note}{line}");
        assert_eq!(signer().verifier().open(&both), Ok("hello\n"));
        assert_eq!(witness.verifier().open(&both), Ok("hello\n"));
        assert_eq!(
            witness.verifier().open(&note),
            Err(NoteError::NotSigned("witness".into()))
        );
        let twice = format!("{note}{}", note.strip_prefix("hello\n\n").unwrap());
        assert_eq!(signer().verifier().open(&twice), Err(NoteError::Malformed));
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let verifier = signer().verifier();
        for bad in [
            "",
            "\n",
            "\n\n",
            "a\n",
            "a\n\n",
            "a\n\n\n",
            "\n\n\u{2014} x AAAA\n",
            "a\r\n\n\u{2014} x AAAAAAA=\n",
        ] {
            assert!(verifier.open(bad).is_err(), "{bad:?}");
        }
        assert!(signer().sign("no newline").is_err());
        assert!(signer().sign("tab\t\n").is_err());
        for name in ["", "a b", "a+b", "a\n"] {
            assert!(
                NoteSigner::new(name, SigningKey::from_bytes(&[1; 32])).is_err(),
                "{name:?}"
            );
        }
        for key in [
            "",
            "a",
            "a+b",
            "a+b+c",
            &GO_KEY.replace("c74f", "c74e"),
            &format!("{GO_KEY}="),
        ] {
            assert!(key.parse::<NoteVerifier>().is_err(), "{key:?}");
        }
    }

    #[test]
    fn checkpoints_come_back() {
        let tree: MerkleTree = (0..5_u8).map(|i| crate::leaf_hash(&[i])).collect();
        let checkpoint = Checkpoint::of("regard/ledger/demo", &tree);
        let note = checkpoint.sign(&signer()).unwrap();
        assert_eq!(
            Checkpoint::open(&note, &signer().verifier()),
            Ok(checkpoint.clone())
        );
        assert!(note.starts_with("regard/ledger/demo\n5\n"), "{note}");
        let foreign = Checkpoint {
            origin: "other".into(),
            ..checkpoint
        };
        assert!(matches!(
            foreign.sign(&signer()),
            Err(NoteError::OtherLog(_))
        ));
        let note = signer().sign(&foreign.to_string()).unwrap();
        assert!(matches!(
            Checkpoint::open(&note, &signer().verifier()),
            Err(NoteError::OtherLog(_))
        ));
    }

    #[test]
    fn the_example_of_the_standard_is_read() {
        // C2SP tlog-checkpoint, "Note text", with an extension line.
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nextension\n";
        let checkpoint: Checkpoint = text.parse().unwrap();
        assert_eq!(
            (checkpoint.origin.as_str(), checkpoint.size),
            ("example.com/behind-the-sofa", 20_852_163)
        );
        for bad in [
            "",
            "o\n1\n",
            "o\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "o\n+1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "o\n1\nCsUY\n",
            "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        ] {
            assert_eq!(
                bad.parse::<Checkpoint>(),
                Err(NoteError::NotCheckpoint),
                "{bad:?}"
            );
        }
    }
}
