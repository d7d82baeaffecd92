//! Other implementations of the same standards read what is written here: ports of Go's
//! `golang.org/x/mod/sumdb/note` and `tlog`.

use proptest::prelude::*;
use regard_commitments::{
    Checkpoint, Cosigner, Digest, MerkleTree, NoteSigner, SigningKey, Tile, consistency_proof,
    inclusion_proof, leaf_hash,
};
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{
    Error, Hash, TileHashReader, TileReader, check_record, check_tree, prove_record, prove_tree,
    record_hash,
};

const ORIGIN: &str = "regard/ledger/demo";

fn signer() -> NoteSigner {
    NoteSigner::new(ORIGIN, SigningKey::from_bytes(&[7; 32])).expect("a good name")
}

fn leaves(n: u32) -> Vec<Digest> {
    (0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

fn root(leaves: &[Digest]) -> Digest {
    leaves.iter().copied().collect::<MerkleTree>().root()
}

fn theirs(digest: Digest) -> Hash {
    Hash(*digest.as_bytes())
}

fn their_proof(proof: Option<Vec<Digest>>) -> Vec<Hash> {
    let proof = proof.expect("within the tree");
    proof.into_iter().map(theirs).collect()
}

fn note_of(leaves: &[Digest]) -> String {
    let tree: MerkleTree = leaves.iter().copied().collect();
    let checkpoint = Checkpoint::of(ORIGIN, &tree);
    checkpoint
        .sign(&signer())
        .expect("the origin is the name of the key")
}

#[test]
fn a_checkpoint_is_read_and_believed() {
    let ours = leaves(21);
    let key = signer().verifier().to_string();
    let note = note_of(&ours);
    let known = || {
        let verifier = StandardVerifier::new(&key).expect("our key is one of theirs");
        VerifierList::new(vec![Box::new(verifier)])
    };
    let read = Note::from_bytes(note.as_bytes()).expect("our note is one of theirs");
    let (verified, unverified) = read.verify(&known()).expect("signed by the key");
    assert_eq!((verified.len(), unverified.len()), (1, 0));
    let mut text = read.text();
    let checkpoint = tlog_tiles::Checkpoint::from_reader(&mut text, false);
    let checkpoint = checkpoint.expect("our text is a checkpoint of theirs");
    assert_eq!((checkpoint.origin(), checkpoint.size()), (ORIGIN, 21));
    assert_eq!(checkpoint.hash().0, *root(&ours).as_bytes());

    // With a cosignature the note is still one, and the log's own signature holds.
    let witness = Cosigner::new("witness.example.com/w1", SigningKey::from_bytes(&[9; 32]));
    let line = witness.expect("a good name").cosign(
        std::str::from_utf8(read.text()).expect("a text"),
        1_780_315_200,
    );
    let cosigned = Note::from_bytes((note.clone() + &line).as_bytes()).expect("still a note");
    let (verified, unverified) = cosigned.verify(&known()).expect("signed by the key");
    assert_eq!((verified.len(), unverified.len()), (1, 1));
    assert_eq!(unverified[0].name(), "witness.example.com/w1");

    // What is changed they do not believe either.
    let forged = note.replacen("\n21\n", "\n22\n", 1);
    let forged = Note::from_bytes(forged.as_bytes()).expect("still a note");
    assert!(forged.verify(&known()).is_err());
}

/// Our tiles, for their reader.
struct Tiles(Vec<Digest>);

impl TileReader for Tiles {
    fn height(&self) -> u8 {
        8
    }
    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let bytes = |tile: &tlog_tiles::Tile| {
            let path = tile.path();
            let path = path.strip_prefix("tile/8/").expect("of height 8");
            let tile = Tile::from_path(path).expect("their path is one of ours");
            let range = tile.leaves();
            let range = range.start as usize..range.end as usize;
            let each = tile.leaves_each() as usize;
            let hashes = self.0[range].chunks(each).map(root);
            hashes.flat_map(|hash| *hash.as_bytes()).collect()
        };
        Ok(tiles.iter().map(bytes).collect())
    }
    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

#[test]
fn tiles_and_proofs_are_read_and_believed() {
    let all = leaves(700);
    for size in [1, 2, 3, 8, 255, 256, 257, 512, 700_usize] {
        let ours = &all[..size];
        let (t, th) = (size as u64, theirs(root(ours)));
        let tiles = Tiles(ours.to_vec());
        let reader = TileHashReader::new(t, th, &tiles);
        for n in (0..size).filter(|n| n % 97 < 2 || size - n < 3) {
            let proof = their_proof(inclusion_proof(ours, n));
            let (n, leaf) = (n as u64, record_hash(&(n as u32).to_be_bytes()));
            check_record(&proof, t, th, n, leaf).expect("our proof holds there");
            let by_tiles = prove_record(t, n, &reader).expect("our tiles hold there");
            assert_eq!(by_tiles, proof, "{n} of {t}");
            assert!(check_record(&proof, t, th, (n + 1) % t.max(2), leaf).is_err());
        }
        for n in (1..=size).filter(|n| n % 97 < 2 || size - n < 3) {
            let proof = their_proof(consistency_proof(ours, n));
            let (n, old) = (n as u64, theirs(root(&ours[..n])));
            check_tree(&proof, t, th, n, old).expect("our proof holds there");
            assert_eq!(
                prove_tree(t, n, &reader).expect("our tiles hold there"),
                proof
            );
        }
    }
}

proptest! {
    #[test]
    fn any_proof_is_the_same_there_and_here(size in 1_u32..300, at in any::<prop::sample::Index>()) {
        let ours = leaves(size);
        let n = at.index(size as usize);
        let tiles = Tiles(ours.clone());
        let reader = TileHashReader::new(size.into(), theirs(root(&ours)), &tiles);
        let record = prove_record(size.into(), n as u64, &reader).expect("our tiles hold there");
        prop_assert_eq!(record, their_proof(inclusion_proof(&ours, n)));
        let tree = prove_tree(size.into(), n as u64 + 1, &reader).expect("our tiles hold there");
        prop_assert_eq!(tree, their_proof(consistency_proof(&ours, n + 1)));
    }
}
