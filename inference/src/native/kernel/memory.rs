//! Floats on borders of cache lines, and parts of them side by side.

use std::ops::Range;

use super::simd::LANES;

/// One cache line: a vector never straddles two.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(super) struct Line(pub(super) [f32; LANES]);

/// Floats that begin on the border of a cache line; their number is a multiple of sixteen.
///
/// # Privacy
/// Intermediate results may come from a face: not `Debug`.
#[derive(Clone, Default)]
pub(crate) struct Aligned {
    lines: Vec<Line>,
}

/// Inputs that one step reads at most.
pub(crate) const MAX_READS: usize = 4;

impl Aligned {
    /// Noughts, at least `len`.
    pub(crate) fn zeros(len: usize) -> Self {
        Self {
            lines: vec![Line([0.0; LANES]); len.div_ceil(LANES)],
        }
    }

    pub(super) fn from_lines(lines: Vec<Line>) -> Self {
        Self { lines }
    }

    #[cfg(test)]
    /// These values, then noughts.
    pub(crate) fn from_values(values: &[f32]) -> Self {
        let mut aligned = Self::zeros(values.len());
        aligned.as_mut_slice()[..values.len()].copy_from_slice(values);
        aligned
    }

    /// Makes room for at least `len` floats; what is new is nought.
    pub(crate) fn grow(&mut self, len: usize) {
        let n_lines = len.div_ceil(LANES);
        if n_lines > self.lines.len() {
            // The old content is of no use, so it need not be copied.
            self.lines = Vec::new();
            self.lines = vec![Line([0.0; LANES]); n_lines];
        }
    }

    pub(crate) fn as_slice(&self) -> &[f32] {
        // SAFETY: a line is sixteen floats and nothing else.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * LANES) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        let len = self.lines.len() * LANES;
        // SAFETY: a line is sixteen floats and nothing else.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), len) }
    }

    /// Parts to read beside parts to write.
    ///
    /// # Panics
    /// Where a part lies outside, or a part to write touches another part.
    pub(crate) fn parts(
        &mut self,
        reads: &[Range<usize>; MAX_READS],
        writes: &[Range<usize>; 3],
    ) -> ([&[f32]; MAX_READS], [&mut [f32]; 3]) {
        let all = self.as_mut_slice();
        for part in reads.iter().chain(writes) {
            assert!(part.start <= part.end && part.end <= all.len(), "outside");
        }
        for (index, write) in writes.iter().enumerate() {
            for other in reads.iter().chain(&writes[..index]) {
                assert!(
                    write.is_empty()
                        || other.is_empty()
                        || write.end <= other.start
                        || other.end <= write.start,
                    "a part to write touches another"
                );
            }
        }
        let start = all.as_mut_ptr();
        // SAFETY: all parts lie inside, and no part to write touches another part.
        let read = |part: &Range<usize>| unsafe {
            std::slice::from_raw_parts(start.add(part.start).cast_const(), part.len())
        };
        // SAFETY: as above.
        let write = |part: &Range<usize>| unsafe {
            std::slice::from_raw_parts_mut(start.add(part.start), part.len())
        };
        let [a, b, c, d] = reads;
        let [x, y, z] = writes;
        let reads = [read(a), read(b), read(c), read(d)];
        (reads, [write(x), write(y), write(z)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_where_they_should() {
        let mut memory = Aligned::from_values(&[1.0; 40]);
        assert_eq!(memory.as_slice().len(), 48);
        assert_eq!(memory.as_slice().as_ptr() as usize % 64, 0);
        let (reads, writes) = memory.parts(&[0..16, 8..20, 0..0, 0..0], &[20..30, 32..48, 0..0]);
        writes[0].fill(2.0);
        writes[1].fill(3.0);
        assert_eq!((reads[0][15], reads[1].len()), (1.0, 12));
        assert_eq!(memory.as_slice()[29..33], [2.0, 1.0, 1.0, 3.0]);
        memory.grow(40);
        assert_eq!(memory.as_slice()[29], 2.0);
        memory.grow(100);
        assert_eq!(memory.as_slice().len(), 112);
    }

    #[test]
    #[should_panic(expected = "touches")]
    fn a_part_to_write_is_alone() {
        Aligned::zeros(64).parts(&[0..16, 0..0, 0..0, 0..0], &[15..30, 0..0, 0..0]);
    }

    #[test]
    #[should_panic(expected = "outside")]
    fn parts_lie_inside() {
        Aligned::zeros(64).parts(&[0..65, 0..0, 0..0, 0..0], &[0..0, 0..0, 0..0]);
    }
}
