use ed25519_dalek::SigningKey;
use proptest::prelude::*;

use super::*;
use crate::Role;

fn camera() -> CameraId {
    CameraId::new("entrance").unwrap()
}

fn digest(byte: u8) -> Digest {
    Digest::of(&[&[byte]])
}

/// One entry of each kind.
fn every_kind() -> Vec<LedgerEntry> {
    let bodies = vec![
        EntryBody::Started {
            configuration: digest(0),
        },
        EntryBody::CommitmentsPublished {
            version: 3,
            commitments: digest(1),
            notice: digest(2),
            key: digest(3),
        },
        EntryBody::Granted {
            camera: camera(),
            scopes: Scopes::AUDIENCE.without(Scope::Expression),
            withheld: BTreeMap::from([(Scope::Expression, RefusalCode::StaffInView)]),
            commitments: digest(1),
            notice: digest(2),
        },
        EntryBody::Refused {
            camera: camera(),
            code: RefusalCode::NoticeMissing,
        },
        EntryBody::Revoked {
            camera: camera(),
            code: RefusalCode::ObjectionActive,
        },
        EntryBody::Closed { camera: camera() },
        EntryBody::Objected {
            camera: camera(),
            until: Timestamp::from_millis(7),
        },
        EntryBody::Interrupted {
            since: Timestamp::from_millis(5),
            n_unrecorded: 2,
        },
        EntryBody::Swept {
            data: DataKind::Decision,
            n_rows: 41,
        },
        EntryBody::Administered {
            act: AdminAct::TokenMade,
            by: Actor::Machine {},
            subject: digest(4),
        },
        EntryBody::Administered {
            act: AdminAct::CampaignsChanged,
            by: Actor::Token {
                role: Role::Operator,
                id: "0123456789ab".parse().unwrap(),
            },
            subject: digest(5),
        },
        EntryBody::PapersChanged {
            all: digest(6),
            changed: BTreeMap::from([(PaperKind::Record, digest(7))]),
        },
        EntryBody::Stopped {},
    ];
    let entry = |(i, body): (i64, EntryBody)| LedgerEntry {
        at: Timestamp::from_millis(i * 250),
        body,
    };
    (0_i64..).zip(bodies).map(entry).collect()
}

fn ledger() -> Ledger {
    let signer = NoteSigner::new("regard/ledger/demo", SigningKey::from_bytes(&[7; 32])).unwrap();
    Ledger::new(MerkleTree::new(), signer)
}

/// Stored leaves, a checkpoint after each, and the key.
fn stored() -> (Vec<Vec<u8>>, Vec<String>, NoteVerifier) {
    let mut ledger = ledger();
    let mut checkpoints = Vec::new();
    let mut leaves = Vec::new();
    for entry in every_kind() {
        let leaf = ledger.append(&entry);
        assert_eq!(leaf.index, leaves.len() as u64);
        leaves.push(leaf.bytes);
        checkpoints.push(ledger.checkpoint().note);
    }
    (leaves, checkpoints, ledger.verifier())
}

#[test]
fn entries_come_back_from_their_bytes() {
    for entry in every_kind() {
        let bytes = entry.leaf_bytes();
        assert_eq!(LedgerEntry::from_leaf_bytes(&bytes).unwrap(), entry);
        let spaced = [b" ", bytes.as_slice()].concat();
        let error = LedgerEntry::from_leaf_bytes(&spaced).unwrap_err();
        assert!(matches!(error, BadEntry::NotCanonical), "{error}");
    }
    let refused = &every_kind()[3];
    assert_eq!(
        String::from_utf8(refused.leaf_bytes()).unwrap(),
        r#"{"at":750000,"body":{"camera":"entrance","code":"notice_missing","kind":"refused"}}"#
    );
}

#[test]
fn an_unchanged_ledger_is_found_good() {
    let (leaves, checkpoints, key) = stored();
    let report = verify_ledger(&leaves, &checkpoints, &key).unwrap();
    let n = leaves.len() as u64;
    assert_eq!(
        (report.n_entries, report.n_covered, report.n_checkpoints),
        (n, n, n)
    );
    let some = verify_ledger(&leaves, &checkpoints[3..5], &key).unwrap();
    assert_eq!(
        (some.n_entries, some.n_covered, some.root),
        (n, 5, report.root)
    );
    let none: [&str; 0] = [];
    let empty = verify_ledger(Vec::<Vec<u8>>::new(), none, &key).unwrap();
    assert_eq!(empty.root, Digest::of(&[]));
}

#[test]
fn any_changed_bit_is_noticed() {
    let (leaves, checkpoints, key) = stored();
    let last = &checkpoints[checkpoints.len() - 1..];
    for entry in 0..leaves.len() {
        for byte in 0..leaves[entry].len() {
            for bit in 0..8 {
                let mut changed = leaves.clone();
                changed[entry][byte] ^= 1 << bit;
                let verified = verify_ledger(&changed, last, &key);
                assert!(verified.is_err(), "entry {entry}, byte {byte}, bit {bit}");
            }
        }
    }
}

#[test]
fn any_changed_bit_of_a_checkpoint_is_noticed() {
    let (leaves, checkpoints, key) = stored();
    let note = checkpoints.last().unwrap().as_bytes();
    for byte in 0..note.len() {
        for bit in 0..8 {
            let mut changed = note.to_vec();
            changed[byte] ^= 1 << bit;
            if let Ok(text) = String::from_utf8(changed) {
                let verified = verify_ledger(&leaves, [&text], &key);
                assert!(
                    matches!(verified, Err(LedgerFault::Checkpoint { .. })),
                    "{byte}, {bit}"
                );
            }
        }
    }
}

#[test]
fn a_shortened_ledger_is_noticed() {
    let (leaves, checkpoints, key) = stored();
    for n in 0..leaves.len() {
        let fault = verify_ledger(&leaves[..n], &checkpoints, &key).unwrap_err();
        assert!(
            matches!(fault, LedgerFault::Truncated { found, .. } if found == n as u64),
            "{fault}"
        );
    }
}

#[test]
fn entries_removed_swapped_or_repeated_are_noticed() {
    let (leaves, checkpoints, key) = stored();
    let last = &checkpoints[checkpoints.len() - 1..];
    for i in 0..leaves.len() - 1 {
        let mut removed = leaves.clone();
        removed.remove(i);
        assert!(matches!(
            verify_ledger(&removed, last, &key),
            Err(LedgerFault::Truncated { .. })
        ));
        let mut swapped = leaves.clone();
        swapped.swap(i, i + 1);
        assert!(matches!(
            verify_ledger(&swapped, last, &key),
            Err(LedgerFault::Changed { .. })
        ));
        let mut repeated = leaves.clone();
        repeated.insert(i, leaves[i].clone());
        assert!(matches!(
            verify_ledger(&repeated, last, &key),
            Err(LedgerFault::Changed { .. })
        ));
    }
}

#[test]
fn two_histories_are_noticed() {
    let (leaves, mut checkpoints, key) = stored();
    let mut other = ledger();
    let _ = other.append(&every_kind()[9]);
    checkpoints.push(other.checkpoint().note);
    let fault = verify_ledger(&leaves, &checkpoints, &key).unwrap_err();
    assert!(
        matches!(fault, LedgerFault::TwoHistories { size: 1 }),
        "{fault}"
    );
}

#[test]
fn the_ledger_goes_on_from_stored_hashes() {
    let (leaves, checkpoints, _) = stored();
    let tree = leaves[..6].iter().map(|leaf| leaf_hash(leaf)).collect();
    let mut resumed = Ledger { tree, ..ledger() };
    assert_eq!(resumed.checkpoint().note, checkpoints[5]);
    let leaf = resumed.append(&every_kind()[6]);
    assert_eq!((leaf.index, &leaf.bytes), (6, &leaves[6]));
    assert_eq!(resumed.checkpoint().note, checkpoints[6]);
}

/// A ledger of so many entries, with a checkpoint at each size from 0 on.
fn grown(n: u64) -> (Vec<Vec<u8>>, Vec<String>, NoteVerifier) {
    let mut ledger = ledger();
    let mut notes = vec![ledger.checkpoint().note];
    let leaves = (0..n)
        .map(|n_rows| {
            let data = DataKind::Fact;
            let body = EntryBody::Swept { data, n_rows };
            let at = Timestamp::from_millis(7);
            let leaf = ledger.append(&LedgerEntry { at, body });
            notes.push(ledger.checkpoint().note);
            leaf.bytes
        })
        .collect();
    (leaves, notes, ledger.verifier())
}

proptest! {
    /// Against one checkpoint that was published, a ledger holds exactly as long as all that it covers
    /// is there: what came after may go, nothing before it may.
    #[test]
    fn truncation_is_noticed_once_a_checkpoint_was_published(
        n in 1_u64..60,
        published in any::<prop::sample::Index>(),
        left in any::<prop::sample::Index>(),
    ) {
        let (leaves, notes, key) = grown(n);
        let (published, left) = (published.index(notes.len()), left.index(leaves.len() + 1));
        let verified = verify_ledger(&leaves[..left], [&notes[published]], &key);
        prop_assert_eq!(verified.is_ok(), left >= published);
    }

    /// Any change of any bit before a published checkpoint is noticed, wherever it is.
    #[test]
    fn a_changed_bit_is_noticed_once_a_checkpoint_was_published(
        n in 1_u64..60,
        entry in any::<prop::sample::Index>(),
        byte in any::<prop::sample::Index>(),
        bit in 0_u32..8,
    ) {
        let (mut leaves, notes, key) = grown(n);
        let entry = entry.index(leaves.len());
        let byte = byte.index(leaves[entry].len());
        leaves[entry][byte] ^= 1 << bit;
        for published in &notes[entry + 1..] {
            prop_assert!(verify_ledger(&leaves, [published], &key).is_err());
        }
        // Before it was there, a checkpoint says nothing of it; a form that is none is noticed anyway.
        let early = verify_ledger(&leaves, [&notes[entry]], &key);
        prop_assert_eq!(early.is_ok(), LedgerEntry::from_leaf_bytes(&leaves[entry]).is_ok());
    }

    #[test]
    fn hostile_bytes_neither_panic_nor_pass(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        note in ".{0,200}",
    ) {
        let (_, _, key) = stored();
        prop_assert!(LedgerEntry::from_leaf_bytes(&bytes).is_err());
        prop_assert!(verify_ledger([&bytes], [&note], &key).is_err());
    }
}
