//! The tree behind the ledger: one hash that changes when anything before it changes.
//!
//! # Source
//! RFC 6962, section 2.1; verification after RFC 9162, sections 2.1.3.2 and 2.1.4.2.

use crate::digest::Digest;

/// Hash of a leaf.
pub fn leaf_hash(bytes: &[u8]) -> Digest {
    Digest::of(&[&[0], bytes])
}

/// Hash of an inner node.
pub(crate) fn node_hash(left: Digest, right: Digest) -> Digest {
    Digest::of(&[&[1], left.as_bytes(), right.as_bytes()])
}

/// A Merkle tree that only grows. Holds the roots of its complete subtrees, at most 64, and not the leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MerkleTree {
    size: u64,
    /// Roots of the complete subtrees, the largest first: one for each bit set in `size`.
    peaks: Vec<Digest>,
}

impl MerkleTree {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// A tree from what [`MerkleTree::peaks`] gave; `None` unless there is one peak for each bit set in `size`.
    pub fn from_peaks(size: u64, peaks: Vec<Digest>) -> Option<Self> {
        let fits = u32::try_from(peaks.len()) == Ok(size.count_ones());
        fits.then_some(Self { size, peaks })
    }

    /// Adds the hash of a leaf; returns its index, from 0.
    pub fn append(&mut self, leaf: Digest) -> u64 {
        let index = self.size;
        let mut subtree = leaf;
        for _ in 0..index.trailing_ones() {
            let left = self
                .peaks
                .pop()
                .expect("one peak for each bit set in the size");
            subtree = node_hash(left, subtree);
        }
        self.peaks.push(subtree);
        self.size += 1;
        index
    }

    /// The hashes that prove the leaf that is appended next, in the tree that ends with it: at once, however
    /// large the tree is.
    pub fn inclusion_of_next(&self) -> Vec<Digest> {
        self.peaks.iter().rev().copied().collect()
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees, the largest first.
    pub fn peaks(&self) -> &[Digest] {
        &self.peaks
    }

    /// The root; SHA-256 of nothing when there is no leaf.
    pub fn root(&self) -> Digest {
        let mut from_right = self.peaks.iter().rev().copied();
        match from_right.next() {
            Some(last) => from_right.fold(last, |right, left| node_hash(left, right)),
            None => Digest::of(&[]),
        }
    }
}

impl FromIterator<Digest> for MerkleTree {
    fn from_iter<I: IntoIterator<Item = Digest>>(leaves: I) -> Self {
        let mut tree = Self::new();
        for leaf in leaves {
            tree.append(leaf);
        }
        tree
    }
}

fn root_of(leaves: &[Digest]) -> Digest {
    leaves.iter().copied().collect::<MerkleTree>().root()
}

/// Where a tree of `n >= 2` leaves splits: the largest power of two below `n`.
pub(crate) fn split(n: u64) -> u64 {
    1 << (u64::BITS - 1 - (n - 1).leading_zeros())
}

/// Where a list of `n >= 2` leaves splits.
fn split_len(n: usize) -> usize {
    1 << (usize::BITS - 1 - (n - 1).leading_zeros())
}

/// The hashes that prove that the leaf at `index` is in the tree of these leaf hashes, from the leaf
/// upwards; `None` if there is no such leaf. Time grows with the number of leaves.
pub fn inclusion_proof(leaves: &[Digest], index: usize) -> Option<Vec<Digest>> {
    fn path(leaves: &[Digest], index: usize, out: &mut Vec<Digest>) {
        if leaves.len() < 2 {
            return;
        }
        let (left, right) = leaves.split_at(split_len(leaves.len()));
        if index < left.len() {
            path(left, index, out);
            out.push(root_of(right));
        } else {
            path(right, index - left.len(), out);
            out.push(root_of(left));
        }
    }
    let mut out = Vec::new();
    (index < leaves.len()).then(|| path(leaves, index, &mut out))?;
    Some(out)
}

/// The hashes that prove that the tree of the first `old_size` leaves is the beginning of the tree
/// of all; `None` if there are fewer leaves. Empty for `old_size` 0 and for all of them.
pub fn consistency_proof(leaves: &[Digest], old_size: usize) -> Option<Vec<Digest>> {
    fn subproof(old_size: usize, leaves: &[Digest], known: bool, out: &mut Vec<Digest>) {
        if old_size == leaves.len() {
            if !known {
                out.push(root_of(leaves));
            }
            return;
        }
        let (left, right) = leaves.split_at(split_len(leaves.len()));
        if old_size <= left.len() {
            subproof(old_size, left, known, out);
            out.push(root_of(right));
        } else {
            subproof(old_size - left.len(), right, false, out);
            out.push(root_of(left));
        }
    }
    let mut out = Vec::new();
    if old_size > leaves.len() {
        return None;
    }
    if old_size > 0 {
        subproof(old_size, leaves, true, &mut out);
    }
    Some(out)
}

/// Whether the proof shows that `leaf` is at `index` of the tree with this size and root.
pub fn verify_inclusion(
    leaf: Digest,
    index: u64,
    size: u64,
    proof: &[Digest],
    root: Digest,
) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for &sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == root
}

/// Whether the proof shows that the tree with the old size and root is the beginning of the new one.
pub fn verify_consistency(
    (old_size, old_root): (u64, Digest),
    (new_size, new_root): (u64, Digest),
    proof: &[Digest],
) -> bool {
    if old_size == 0 {
        return proof.is_empty() && old_root == Digest::of(&[]);
    }
    if old_size == new_size {
        return proof.is_empty() && old_root == new_root;
    }
    if old_size > new_size || proof.is_empty() {
        return false;
    }
    let begin = old_size.is_power_of_two().then_some(old_root);
    let mut path = begin.into_iter().chain(proof.iter().copied());
    let shift = (old_size - 1).trailing_ones();
    // Both sizes are below 2^63 + 1 in any tree that was ever built; a shift of 64 can only come
    // from an old size of 2^64, which does not exist.
    let (mut node, mut last) = ((old_size - 1) >> shift, (new_size - 1) >> shift);
    let Some(first) = path.next() else {
        return false;
    };
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, old_hash);
            new_hash = node_hash(sibling, new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == old_root && new_hash == new_root
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_proof_of_the_next_leaf_is_the_one_found_by_looking_at_all() {
        let mut tree = MerkleTree::new();
        let mut leaves = Vec::new();
        for index in 0..130_u64 {
            let leaf = leaf_hash(&index.to_be_bytes());
            let proof = tree.inclusion_of_next();
            tree.append(leaf);
            leaves.push(leaf);
            let at = leaves.len() - 1;
            assert_eq!(Some(&proof), inclusion_proof(&leaves, at).as_ref());
            assert!(verify_inclusion(
                leaf,
                index,
                tree.size(),
                &proof,
                tree.root()
            ));
        }
    }

    /// The definition of RFC 6962, section 2.1, word for word.
    fn mth(entries: &[Vec<u8>]) -> Digest {
        match entries {
            [] => Digest::of(&[]),
            [only] => Digest::of(&[&[0], only]),
            _ => {
                let mut k = 1;
                while 2 * k < entries.len() {
                    k *= 2;
                }
                let (left, right) = entries.split_at(k);
                Digest::of(&[&[1], mth(left).as_bytes(), mth(right).as_bytes()])
            }
        }
    }

    /// The leaves with which implementations of Certificate Transparency test their trees.
    fn reference_leaves() -> Vec<Vec<u8>> {
        [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ]
        .iter()
        .map(|hex| {
            hex.as_bytes()
                .chunks(2)
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
                .collect()
        })
        .collect()
    }

    fn hashes(entries: &[Vec<u8>]) -> Vec<Digest> {
        entries.iter().map(|e| leaf_hash(e)).collect()
    }

    #[test]
    fn roots_agree_with_the_reference() {
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let leaves = hashes(&reference_leaves());
        for (n, expected) in roots.iter().enumerate() {
            assert_eq!(root_of(&leaves[..n]).to_string(), *expected, "{n} leaves");
        }
    }

    #[test]
    fn a_proof_agrees_with_the_reference() {
        let leaves = hashes(&reference_leaves());
        let proof: Vec<String> = inclusion_proof(&leaves, 0)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            proof,
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ]
        );
    }

    #[test]
    fn every_small_proof_holds_and_no_other_does() {
        let entries: Vec<Vec<u8>> = (0..33_u8).map(|i| vec![i]).collect();
        let leaves = hashes(&entries);
        for size in 0..=leaves.len() {
            let tree = &leaves[..size];
            let root = mth(&entries[..size]);
            for index in 0..size {
                let proof = inclusion_proof(tree, index).unwrap();
                for other in 0..=size {
                    let holds =
                        verify_inclusion(tree[index], other as u64, size as u64, &proof, root);
                    assert_eq!(holds, other == index, "{index} as {other} of {size}");
                }
                let flipped = leaf_hash(b"another");
                assert!(!verify_inclusion(
                    flipped,
                    index as u64,
                    size as u64,
                    &proof,
                    root
                ));
            }
            assert_eq!(inclusion_proof(tree, size), None);
            for old in 0..=size {
                let proof = consistency_proof(tree, old).unwrap();
                let (old_root, new) = (mth(&entries[..old]), (size as u64, root));
                assert!(
                    verify_consistency((old as u64, old_root), new, &proof),
                    "{old} of {size}"
                );
                let forged = leaf_hash(b"forged");
                assert!(!verify_consistency((old as u64, forged), new, &proof));
                if old > 0 {
                    assert!(!verify_consistency(
                        (old as u64, old_root),
                        (new.0, forged),
                        &proof
                    ));
                }
            }
            assert_eq!(consistency_proof(tree, size + 1), None);
        }
    }

    #[test]
    fn a_tree_comes_back_from_its_peaks() {
        let mut tree: MerkleTree = (0..11_u8).map(|i| leaf_hash(&[i])).collect();
        let mut back = MerkleTree::from_peaks(tree.size(), tree.peaks().to_vec()).unwrap();
        assert_eq!(back.append(leaf_hash(b"x")), tree.append(leaf_hash(b"x")));
        assert_eq!(back.root(), tree.root());
        assert_eq!(MerkleTree::from_peaks(4, tree.peaks().to_vec()), None);
    }

    proptest! {
        #[test]
        fn growing_agrees_with_the_definition(
            entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..80),
        ) {
            prop_assert_eq!(root_of(&hashes(&entries)), mth(&entries));
        }

        #[test]
        fn hostile_proofs_neither_panic_nor_pass(
            sizes in any::<(u64, u64)>(),
            proof in prop::collection::vec(any::<[u8; 32]>().prop_map(Digest::from_bytes), 0..70),
            root in any::<[u8; 32]>().prop_map(Digest::from_bytes),
        ) {
            let leaf = leaf_hash(b"leaf");
            prop_assert!(!verify_inclusion(leaf, sizes.0, sizes.1, &proof, root));
            prop_assert!(!verify_consistency((sizes.0, leaf), (sizes.1, root), &proof));
        }
    }
}
