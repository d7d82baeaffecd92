//! The tree in pieces that can be fetched one by one and kept for ever: tiles of 256 hashes.
//!
//! # Source
//! C2SP `tlog-tiles`.

use std::ops::Range;

use thiserror::Error;

use crate::digest::Digest;
use crate::merkle::{MerkleTree, node_hash, split};

/// Hashes in a complete tile: the subtree of eight levels.
pub const TILE_WIDTH: u64 = 256;

/// Levels of the tree in one level of tiles.
const TILE_HEIGHT: u32 = 8;

/// Levels of tiles; the standard has no more: 2^48 entries.
const MAX_LEVEL: u8 = 5;

/// Digits in a part of a path.
const PART: u64 = 1_000;

/// A piece of the tree: `width` hashes of level `8 × level`, from number `index × 256` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u64,
}

/// A path that names no tile.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no path of a tile such as \"0/x001/234\" or \"0/x001/234.p/17\"")]
pub struct BadTile(String);

impl Tile {
    /// The tile that a path below `tile/` names: `LEVEL/INDEX` or `LEVEL/INDEX.p/WIDTH`, the index in
    /// parts of three digits, all but the last with an `x` before.
    ///
    /// # Errors
    /// [`BadTile`].
    pub fn from_path(path: &str) -> Result<Self, BadTile> {
        let bad = || BadTile(path.chars().take(80).collect());
        let (level, rest) = path.split_once('/').ok_or_else(bad)?;
        let level: u8 = level.parse().map_err(|_| bad())?;
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, width.parse().map_err(|_| bad())?),
            None => (rest, TILE_WIDTH),
        };
        let mut number: u64 = 0;
        for part in index.split('/') {
            let part: u64 = part.trim_start_matches('x').parse().map_err(|_| bad())?;
            number = number
                .checked_mul(PART)
                .and_then(|n| n.checked_add(part))
                .ok_or_else(bad)?;
        }
        let tile = Self {
            level,
            index: number,
            width,
        };
        let is_known = level <= MAX_LEVEL && (1..=TILE_WIDTH).contains(&width);
        // One way to write each: no signs, no zeros in front, no part of four digits.
        let is_good = is_known && tile.end().is_some() && tile.path() == path;
        is_good.then_some(tile).ok_or_else(bad)
    }

    /// Its path below `tile/`.
    pub fn path(&self) -> String {
        let mut index = format!("{:03}", self.index % PART);
        let mut rest = self.index / PART;
        while rest > 0 {
            index = format!("x{:03}/{index}", rest % PART);
            rest /= PART;
        }
        let level = self.level;
        if self.width == TILE_WIDTH {
            format!("{level}/{index}")
        } else {
            format!("{level}/{index}.p/{}", self.width)
        }
    }

    /// The tile of the least width that holds a complete subtree of `2^height` leaves from number
    /// `index × 2^height` on, for a tree of `size` leaves; and where in it. `None` beyond the tree.
    fn holding(height: u32, index: u64, size: u64) -> Option<(Self, Range<usize>)> {
        let level = height / TILE_HEIGHT;
        let span = 1_u64 << (height % TILE_HEIGHT);
        let first = index.checked_mul(span)?;
        let n_hashes = size >> (level * TILE_HEIGHT);
        let tile = first / TILE_WIDTH;
        let width = n_hashes.checked_sub(tile * TILE_WIDTH)?.min(TILE_WIDTH);
        let within = first % TILE_WIDTH;
        let held = Self {
            level: u8::try_from(level)
                .ok()
                .filter(|level| *level <= MAX_LEVEL)?,
            index: tile,
            width,
        };
        let range = usize::try_from(within).ok()?..usize::try_from(within + span).ok()?;
        (within + span <= width).then_some((held, range))
    }

    /// How many hashes it has.
    pub fn width(&self) -> u64 {
        self.width
    }

    /// Which level of tiles it is of, from 0.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// Leaves under each of its hashes.
    pub fn leaves_each(&self) -> u64 {
        1 << (u32::from(self.level) * TILE_HEIGHT)
    }

    fn end(&self) -> Option<u64> {
        let hashes = self
            .index
            .checked_mul(TILE_WIDTH)?
            .checked_add(self.width)?;
        hashes.checked_mul(self.leaves_each())
    }

    /// The leaves under it.
    pub fn leaves(&self) -> Range<u64> {
        let end = self.end().expect("checked when it was made");
        end - self.width * self.leaves_each()..end
    }
}

/// The root over as many hashes as a complete subtree has.
fn root_over(hashes: &[Digest]) -> Digest {
    // A tree of leaves is one of subtrees of equal height as well.
    hashes.iter().copied().collect::<MerkleTree>().root()
}

/// The proof that the tree of `new_size` leaves begins with that of `old_size`, out of tiles: `read`
/// brings the hashes of a tile, as many as it is wide. `None` when `old_size` is the greater, or a
/// tile has too few hashes.
///
/// The tiles need not be trusted: a proof out of wrong ones does not verify.
///
/// # Errors
/// What `read` says.
pub fn consistency_proof_of_tiles<E>(
    old_size: u64,
    new_size: u64,
    mut read: impl FnMut(Tile) -> Result<Vec<Digest>, E>,
) -> Result<Option<Vec<Digest>>, E> {
    if old_size > new_size {
        return Ok(None);
    }
    let mut wanted = Vec::new();
    if old_size > 0 {
        consistency_ranges(old_size, 0..new_size, true, &mut wanted);
    }
    let mut proof = Vec::new();
    for range in wanted {
        let Some(root) = range_root(range, new_size, &mut read)? else {
            return Ok(None);
        };
        proof.push(root);
    }
    Ok(Some(proof))
}

/// The leaves under each hash of a proof of consistency (RFC 6962, section 2.1.2).
fn consistency_ranges(old_end: u64, leaves: Range<u64>, known: bool, out: &mut Vec<Range<u64>>) {
    if old_end == leaves.end {
        if !known {
            out.push(leaves);
        }
        return;
    }
    let middle = leaves.start + split(leaves.end - leaves.start);
    let (left, right) = (leaves.start..middle, middle..leaves.end);
    if old_end <= middle {
        consistency_ranges(old_end, left, known, out);
        out.push(right);
    } else {
        consistency_ranges(old_end, right, false, out);
        out.push(left);
    }
}

fn range_root<E>(
    leaves: Range<u64>,
    size: u64,
    read: &mut impl FnMut(Tile) -> Result<Vec<Digest>, E>,
) -> Result<Option<Digest>, E> {
    let n = leaves.end - leaves.start;
    if n.is_power_of_two() {
        let height = n.trailing_zeros();
        let Some((tile, within)) = Tile::holding(height, leaves.start >> height, size) else {
            return Ok(None);
        };
        return Ok(read(tile)?.get(within).map(root_over));
    }
    let middle = leaves.start + split(n);
    let left = range_root(leaves.start..middle, size, read)?;
    let right = range_root(middle..leaves.end, size, read)?;
    Ok(left.zip(right).map(|(left, right)| node_hash(left, right)))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::merkle::{consistency_proof, leaf_hash};

    fn leaves(n: u32) -> Vec<Digest> {
        (0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    /// The hashes of a tile by their definition.
    fn tile_of(leaves: &[Digest], tile: Tile) -> Vec<Digest> {
        let range = tile.leaves();
        leaves[range.start as usize..range.end as usize]
            .chunks(tile.leaves_each() as usize)
            .map(root_over)
            .collect()
    }

    #[test]
    fn paths_have_one_form() {
        for (path, leaves) in [
            ("0/000", 0..256),
            ("0/000.p/1", 0..1),
            ("0/x001/234.p/17", 1_234 * 256..1_234 * 256 + 17),
            ("1/002", 2 * 65_536..3 * 65_536),
            ("0/x001/x234/067", 1_234_067 * 256..1_234_068 * 256),
        ] {
            let tile = Tile::from_path(path).unwrap();
            assert_eq!((tile.path().as_str(), tile.leaves()), (path, leaves));
        }
        for bad in [
            "",
            "0",
            "0/",
            "0/0",
            "0/00",
            "00/000",
            "+0/000",
            "0/x000/000",
            "0/001/234",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "6/000",
            "0/x001",
            "0/000/",
            "entries/000",
            "0/-01",
            "5/x999/x999/x999/999",
            "0/../000",
        ] {
            assert!(Tile::from_path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn proofs_out_of_tiles_are_those_out_of_leaves() {
        let all = leaves(1_100);
        for size in [0, 1, 2, 255, 256, 257, 511, 512, 700, 1_024, 1_100_usize] {
            for old in (0..=size).filter(|old| old % 61 < 3 || size - old < 3) {
                let mut fetched = 0;
                let proof = consistency_proof_of_tiles(old as u64, size as u64, |tile| {
                    fetched += 1;
                    assert!(tile.leaves().end <= size as u64);
                    Ok::<_, Infallible>(tile_of(&all, tile))
                });
                let Ok(proof) = proof;
                assert_eq!(
                    proof,
                    consistency_proof(&all[..size], old),
                    "{old} of {size}"
                );
                assert!(fetched <= 40, "{fetched} tiles");
            }
        }
        let Ok(none) = consistency_proof_of_tiles(5, 4, |_| Ok::<_, Infallible>(Vec::new()));
        assert_eq!(none, None);
        let Ok(none) = consistency_proof_of_tiles(3, 5, |_| Ok::<_, Infallible>(Vec::new()));
        assert_eq!(none, None, "a tile with too few hashes");
    }
}
