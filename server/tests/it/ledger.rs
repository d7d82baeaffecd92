//! The ledger as others follow it.

use std::time::Duration;

use regard_commitments::{
    Checkpoint, Digest, LedgerEntry, MerkleTree, NoteSigner, Profile, RetentionGate, Tile,
    consistency_proof, ledger_origin, verify_consistency,
};

use crate::client::Answer;
use crate::world::World;

fn root(leaves: &[Digest]) -> Digest {
    leaves.iter().copied().collect::<MerkleTree>().root()
}

fn hashes(answer: &Answer) -> Vec<Digest> {
    assert_eq!(answer.status, 200);
    let (hashes, rest) = answer.body.as_chunks::<32>();
    assert!(rest.is_empty());
    hashes
        .iter()
        .map(|hash| Digest::from_bytes(*hash))
        .collect()
}

async fn checkpoint(world: &World) -> Checkpoint {
    let keys = regard_engine::existing_site_keys(world.data.path()).unwrap();
    let site = &world.engine.commitments().document().site.id;
    let signer = NoteSigner::new(ledger_origin(site), keys.ledger_key()).unwrap();
    let answer = world.get("/ledger/checkpoint").send().await;
    assert_eq!(answer.status, 200);
    Checkpoint::open(answer.text(), &signer.verifier()).unwrap()
}

#[tokio::test]
async fn a_stranger_follows_the_checkpoints_and_an_operator_the_entries() {
    let world = World::closed().await;
    let first = checkpoint(&world).await;
    assert!(first.size >= 2, "the start and the commitments");
    let path = |size: u64| format!("/ledger/tile/0/000.p/{size}");
    let leaves = hashes(&world.get(&path(first.size)).send().await);
    assert_eq!(root(&leaves), first.root);

    // The camera asks, nobody shows the notice: the refusal comes, and a checkpoint over it.
    let patience = std::time::Instant::now();
    let second = loop {
        let next = checkpoint(&world).await;
        if next.size > first.size {
            break next;
        }
        assert!(
            patience.elapsed() < Duration::from_secs(60),
            "no checkpoint"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let leaves = hashes(&world.get(&path(second.size)).send().await);
    let old = usize::try_from(first.size).unwrap();
    assert!(verify_consistency(
        (first.size, first.root),
        (second.size, second.root),
        &consistency_proof(&leaves, old).unwrap(),
    ));

    let bundle = format!("/ledger/tile/entries/000.p/{}", second.size);
    assert_eq!(world.get(&bundle).send().await.status, 401);
    let answer = world.get(&bundle).bearer(&world.token).send().await;
    assert_eq!(answer.status, 200);
    let mut rest = answer.body.as_slice();
    for leaf in &leaves {
        let (len, behind) = rest.split_first_chunk::<2>().unwrap();
        let (entry, behind) = behind.split_at(u16::from_be_bytes(*len).into());
        assert_eq!(regard_commitments::leaf_hash(entry), *leaf);
        LedgerEntry::from_leaf_bytes(entry).unwrap();
        rest = behind;
    }
    assert!(rest.is_empty());

    for (missing, code) in [
        ("/ledger/tile/0/000", "no_such_tile"),
        ("/ledger/tile/1/000.p/1", "no_such_tile"),
        ("/ledger/tile/0/000.p/0", "no_such_tile"),
        ("/ledger/tile/7/000", "no_such_tile"),
        ("/ledger/tile/0/..%2F000", "no_such_tile"),
    ] {
        let answer = world.get(missing).send().await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (404, code),
            "{missing}"
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn a_tile_of_subtrees_has_their_roots() {
    let world = World::open().await;
    let signer = NoteSigner::new("x", regard_commitments::SigningKey::from_bytes(&[1; 32]));
    let now = world.engine.now();
    // Entries straight into the store, as nothing writes six hundred of them in a test's time.
    // Not before the camera was refused: the program has no more to write then.
    let store = world.engine.store();
    let patience = std::time::Instant::now();
    while store.ledger_len().await.unwrap() < 3 {
        assert!(patience.elapsed() < Duration::from_secs(60), "no refusal");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let profile = Profile::named("lab").unwrap();
    let gate = RetentionGate::new(world.engine.commitments(), &profile).unwrap();
    let from = store.ledger_len().await.unwrap();
    let rows = store.ledger_range(0..from).await.unwrap();
    let tree = rows.iter().map(|row| row.hash).collect();
    let mut ledger = regard_commitments::Ledger::new(tree, signer.unwrap());
    let leaves: Vec<_> = (0..600)
        .map(|n_rows| {
            let data = regard_commitments::DataKind::Fact;
            let body = regard_commitments::EntryBody::Swept { data, n_rows };
            let leaf = ledger.append(&LedgerEntry { at: now, body });
            gate.keep(leaf, now).granted().unwrap()
        })
        .collect();
    store.append_ledger(&leaves).await.unwrap();
    let all = store.ledger_range(0..512).await.unwrap();
    let all: Vec<Digest> = all.iter().map(|row| row.hash).collect();
    let tile = Tile::from_path("1/000.p/2").unwrap();
    for _ in 0..2 {
        let answer = world
            .get(&format!("/ledger/tile/{}", tile.path()))
            .send()
            .await;
        assert_eq!(hashes(&answer), [root(&all[..256]), root(&all[256..])]);
    }
    let first = world.get("/ledger/tile/1/000.p/1").send().await;
    assert_eq!(hashes(&first), [root(&all[..256])]);
    let full = world.get("/ledger/tile/0/001").send().await;
    assert_eq!(hashes(&full), all[256..]);
    assert_eq!(
        full.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    world.stop().await;
}
