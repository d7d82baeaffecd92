//! Commitments, ledger entries, signed notes.

use std::str;

use regard_commitments::{
    AddCheckpoint, Checkpoint, Commitments, CosignatureVerifier, ErasureProof, LedgerEntry,
    LedgerFault, LedgerProof, PersonToken, SignedReceipt, SiteKeys, StudyInvitation, Tile,
    Zeroizing, canonical_json, verify_ledger,
};

use crate::seeds::{receipts_key, verifier};

/// Commitments: what is read can be signed and verified, and its one JSON text says the same again.
pub fn commitments(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else {
        return false;
    };
    match Commitments::parse(text) {
        Ok(read) => {
            let canonical = read.canonical();
            let again: Commitments =
                serde_json::from_str(&canonical).expect("what was written can be read");
            assert_eq!(again.canonical(), canonical);
            let key = SiteKeys::from_seed(Zeroizing::new([7; 32])).commitments_key();
            let verified = read.sign(&key).verify(&key.verifying_key());
            assert_eq!(verified.expect("just signed").document(), &read);
            true
        }
        Err(error) => {
            assert!(!error.mistakes.is_empty());
            let n_lines = text.lines().count().max(1);
            for mistake in &error.mistakes {
                assert!((1..=n_lines + 1).contains(&mistake.line), "{mistake:?}");
            }
            false
        }
    }
}

/// Ledger entries, one a line: each is read in its one form alone, and any JSON has one canonical form.
pub fn ledger(data: &[u8]) -> bool {
    if let Ok(entry) = LedgerEntry::from_leaf_bytes(data) {
        assert_eq!(entry.leaf_bytes(), data);
    }
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(data)
        && let Ok(text) = canonical_json(&value)
    {
        let again: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(canonical_json(&again).expect("it was canonical"), text);
    }
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    match verify_ledger(&lines, std::iter::empty::<&str>(), &verifier()) {
        Ok(report) => {
            assert_eq!(report.n_entries, lines.len() as u64);
            true
        }
        Err(fault) => {
            assert!(matches!(fault, LedgerFault::Entry { .. }), "{fault}");
            false
        }
    }
}

/// Signed notes: one is only believed when it is, byte for byte, one that was signed.
pub fn note(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else {
        return false;
    };
    let verifier = verifier();
    let _ = verifier.open(text);
    let _ = text.parse::<CosignatureVerifier>();
    if let Ok(request) = AddCheckpoint::parse(text) {
        assert_eq!(AddCheckpoint::parse(&request.to_body()), Ok(request));
    }
    if let Ok(tile) = Tile::from_path(text) {
        assert_eq!(tile.path(), text);
    }
    match serde_json::from_str(text) {
        Ok(LedgerProof::Inclusion(proof)) => assert!(proof.check(&verifier).is_err()),
        Ok(LedgerProof::Consistency(proof)) => assert!(proof.check(&verifier).is_err()),
        Err(_) => {}
    }
    let Ok(checkpoint) = Checkpoint::open(text, &verifier) else {
        return false;
    };
    let seeds = crate::seeds("note");
    // Further signatures may follow, of keys that are not known here.
    let is_ours = |seed: &Vec<u8>| data.starts_with(seed);
    assert!(seeds.iter().any(is_ours), "forged: {checkpoint:?}");
    true
}

/// A person's papers: receipts and proofs of erasure are only believed when they are what was signed, and a token or an
/// invitation has one text.
pub fn papers(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else {
        return false;
    };
    if let Ok(token) = text.parse::<PersonToken>() {
        assert_eq!(*token.reveal(), text);
        return true;
    }
    if let Ok(invitation) = text.parse::<StudyInvitation>() {
        assert_eq!(*invitation.reveal(), text);
        return true;
    }
    let seeds = crate::seeds("papers");
    if SignedReceipt::from_text(text)
        .verify(&receipts_key())
        .is_ok()
    {
        assert!(seeds.iter().any(|seed| seed == data), "forged");
        return true;
    }
    let Ok(proof) = serde_json::from_slice::<ErasureProof>(data) else {
        return false;
    };
    if proof.verify(Some(&verifier())).is_err() {
        return false;
    }
    let genuine = seeds
        .iter()
        .filter_map(|seed| serde_json::from_slice::<ErasureProof>(seed).ok());
    // The key that it brings is not looked at when another is given.
    let said = |proof: &ErasureProof| (proof.person, proof.entry.clone(), proof.index);
    assert!(
        genuine.map(|one| said(&one)).any(|one| one == said(&proof)),
        "forged"
    );
    true
}
