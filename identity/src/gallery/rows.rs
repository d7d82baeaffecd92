//! Templates in memory, laid out for scanning.
//!
//! Sixteen rows make a block, and a block lies group by group: four numbers of the first row, four of the second, and so
//! on, 64 bytes a group. A vector instruction then multiplies four numbers of sixteen rows at once, and no sums across
//! a register are needed. Numbers are stored with 128 added, because the instruction wants one side without a sign.

use zeroize::Zeroize;

use crate::kernel::{BLOCK_ROWS, GROUP_LEN, Line, Lines, Probe, products};
use crate::template::inverse_length;

/// Rows of a chunk: 2 MiB of templates of 128 numbers. Chunks never move, so that no copy of a template is left behind when
/// a gallery grows.
const CHUNK_ROWS: usize = 16_384;

/// Blocks scanned at once: 32 KiB of templates of 128 numbers, which stay in the nearest cache for all probes.
const SPAN_BLOCKS: usize = 16;

/// Added to every stored number.
const OFFSET: u8 = 0x80;

/// Where a row lies.
pub(super) type Slot = u32;

struct Chunk {
    lines: Lines,
    /// One over the length of each row; NaN for rows that are vacant or passed over, which no comparison lets through.
    inverse_lengths: Vec<f32>,
}

/// Rows of whole numbers of one dimension.
///
/// # Privacy
/// Holds templates; overwritten when removed and when dropped.
pub(super) struct Rows {
    dimension: usize,
    n_groups: usize,
    chunks: Vec<Chunk>,
    n_slots: usize,
}

impl Rows {
    pub(super) fn new(dimension: usize) -> Self {
        Self {
            dimension,
            n_groups: dimension.div_ceil(GROUP_LEN),
            chunks: Vec::new(),
            n_slots: 0,
        }
    }

    /// Bytes held for templates and their lengths.
    pub(super) fn n_bytes(&self) -> usize {
        let chunk = CHUNK_ROWS / BLOCK_ROWS * self.n_groups * size_of::<Line>();
        self.chunks.len() * (chunk + CHUNK_ROWS * size_of::<f32>())
    }

    /// A vacant slot at the end.
    pub(super) fn push_vacant(&mut self) -> Slot {
        if self.n_slots == self.chunks.len() * CHUNK_ROWS {
            let n_lines = CHUNK_ROWS / BLOCK_ROWS * self.n_groups;
            self.chunks.push(Chunk {
                lines: Lines::zeroed(n_lines),
                inverse_lengths: vec![f32::NAN; CHUNK_ROWS],
            });
        }
        let slot = u32::try_from(self.n_slots).expect("galleries have a lid below 2^32");
        self.n_slots += 1;
        slot
    }

    /// Writes a row, which can be found from now on.
    pub(super) fn write(&mut self, slot: Slot, values: &[i8]) {
        debug_assert_eq!(values.len(), self.dimension);
        let (chunk, row) = place(slot);
        let n_groups = self.n_groups;
        let chunk = &mut self.chunks[chunk];
        let lines = &mut chunk.lines[row / BLOCK_ROWS * n_groups..][..n_groups];
        let lane = row % BLOCK_ROWS * GROUP_LEN;
        for (line, group) in lines.iter_mut().zip(values.chunks(GROUP_LEN)) {
            for (at, byte) in line.0[lane..][..GROUP_LEN].iter_mut().enumerate() {
                *byte = group.get(at).map_or(0, |v| v.cast_unsigned()) ^ OFFSET;
            }
        }
        chunk.inverse_lengths[row] = inverse_length(square(values));
    }

    /// Writes other numbers into a row that is there; one that is passed over stays so.
    pub(super) fn rewrite(&mut self, slot: Slot, values: &[i8]) {
        let (chunk, row) = place(slot);
        let is_hidden = self.chunks[chunk].inverse_lengths[row].is_nan();
        self.write(slot, values);
        if is_hidden {
            self.chunks[chunk].inverse_lengths[row] = f32::NAN;
        }
    }

    /// The numbers of a row.
    pub(super) fn read(&self, slot: Slot, values: &mut Vec<i8>) {
        let (chunk, row) = place(slot);
        let lines = &self.chunks[chunk].lines[row / BLOCK_ROWS * self.n_groups..][..self.n_groups];
        let lane = row % BLOCK_ROWS * GROUP_LEN;
        values.clear();
        let bytes = lines.iter().flat_map(|line| &line.0[lane..][..GROUP_LEN]);
        values.extend(
            bytes
                .take(self.dimension)
                .map(|byte| (byte ^ OFFSET).cast_signed()),
        );
    }

    /// One over the length of a row; nothing where it is vacant or passed over.
    pub(super) fn inverse_length(&self, slot: Slot) -> Option<f32> {
        let (chunk, row) = place(slot);
        let inverse_length = self.chunks.get(chunk)?.inverse_lengths[row];
        (!inverse_length.is_nan()).then_some(inverse_length)
    }

    /// Slots there are, vacant ones included.
    #[cfg(feature = "hnsw")]
    pub(super) const fn n_slots(&self) -> usize {
        self.n_slots
    }

    /// Overwrites a row, which is found no more.
    pub(super) fn erase(&mut self, slot: Slot) {
        let (chunk, row) = place(slot);
        let n_groups = self.n_groups;
        let chunk = &mut self.chunks[chunk];
        let lines = &mut chunk.lines[row / BLOCK_ROWS * n_groups..][..n_groups];
        let lane = row % BLOCK_ROWS * GROUP_LEN;
        for line in lines {
            line.0[lane..][..GROUP_LEN].zeroize();
        }
        chunk.inverse_lengths[row] = f32::NAN;
    }

    /// Has a row passed over by searches, or found again.
    pub(super) fn set_hidden(&mut self, slot: Slot, is_hidden: bool) {
        let (chunk, row) = place(slot);
        let inverse_length = if is_hidden {
            f32::NAN
        } else {
            let mut values = zeroize::Zeroizing::new(Vec::with_capacity(self.dimension));
            self.read(slot, &mut values);
            inverse_length(square(&values))
        };
        self.chunks[chunk].inverse_lengths[row] = inverse_length;
    }

    /// Spans into which a scan may be cut: from the first to the last, in chunks of rows.
    pub(super) fn n_chunks(&self) -> usize {
        self.n_slots.div_ceil(CHUNK_ROWS)
    }

    /// Compares all rows of a chunk with probes; `found` is told the probe, the slot and the cosine of whatever reaches the
    /// probe's floor, which it answers with the floor from then on.
    pub(super) fn scan(
        &self,
        chunk: usize,
        probes: &[Probe],
        floors: &mut [f32],
        mut found: impl FnMut(usize, Slot, f32) -> f32,
    ) {
        let first_slot = chunk * CHUNK_ROWS;
        let n_rows = (self.n_slots - first_slot).min(CHUNK_ROWS);
        let chunk = &self.chunks[chunk];
        let span_rows = SPAN_BLOCKS * BLOCK_ROWS;
        let mut sums = vec![0_i32; probes.len() * span_rows];
        for first in (0..n_rows).step_by(span_rows) {
            let n_blocks = (n_rows - first).min(span_rows).div_ceil(BLOCK_ROWS);
            let lines = &chunk.lines[first / BLOCK_ROWS * self.n_groups..];
            let lines = &lines[..n_blocks * self.n_groups];
            products(lines, self.n_groups, probes, span_rows, &mut sums);
            let inverse_lengths = &chunk.inverse_lengths[first..][..n_blocks * BLOCK_ROWS];
            let sums = sums.chunks_exact(span_rows);
            for (at, ((probe, sums), floor)) in
                probes.iter().zip(sums).zip(&mut *floors).enumerate()
            {
                let (sums, _) = sums[..inverse_lengths.len()].as_chunks::<BLOCK_ROWS>();
                let (lengths, _) = inverse_lengths.as_chunks::<BLOCK_ROWS>();
                for (block, (sums, lengths)) in sums.iter().zip(lengths).enumerate() {
                    let cosines: [f32; BLOCK_ROWS] = std::array::from_fn(|i| {
                        sums[i] as f32 * lengths[i] * probe.inverse_length()
                    });
                    let is_any = cosines.iter().fold(false, |any, c| any | (*c >= *floor));
                    if !is_any {
                        continue;
                    }
                    let row = first_slot + first + block * BLOCK_ROWS;
                    for (lane, cosine) in cosines.into_iter().enumerate() {
                        if cosine >= *floor {
                            *floor = found(at, (row + lane) as Slot, cosine);
                        }
                    }
                }
            }
        }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        for chunk in &mut self.chunks {
            for line in &mut *chunk.lines {
                line.0.zeroize();
            }
        }
    }
}

fn place(slot: Slot) -> (usize, usize) {
    let slot = slot as usize;
    (slot / CHUNK_ROWS, slot % CHUNK_ROWS)
}

fn square(values: &[i8]) -> i32 {
    values.iter().map(|v| i32::from(*v) * i32::from(*v)).sum()
}
