//! Where tensors lie, so that those that are not needed at the same time share memory.

use std::ops::Range;

use super::{Place, Step};

/// The range of each slot in the arena, and the length of the arena.
///
/// The largest are placed first, each at the lowest address where nothing lies that is needed while it is.
pub(super) fn place(
    lens: &[usize],
    steps: &[Step],
    outputs: &[(Vec<usize>, Place)],
) -> (Vec<Range<usize>>, usize) {
    let lives = lives(lens.len(), steps, outputs);
    let mut order: Vec<usize> = (0..lens.len()).collect();
    order.sort_by_key(|&slot| (std::cmp::Reverse(lens[slot]), slot));
    let mut ranges = vec![0..0; lens.len()];
    let mut placed: Vec<usize> = Vec::with_capacity(lens.len());
    for slot in order {
        let life = &lives[slot];
        if life.start == life.end {
            continue;
        }
        let mut beside: Vec<Range<usize>> = placed
            .iter()
            .filter(|&&other| lives[other].start < life.end && life.start < lives[other].end)
            .map(|&other| ranges[other].clone())
            .collect();
        beside.sort_by_key(|range| range.start);
        let mut start = 0;
        for taken in beside {
            if taken.start >= start + lens[slot] {
                break;
            }
            start = start.max(taken.end);
        }
        ranges[slot] = start..start + lens[slot];
        placed.push(slot);
    }
    let len = ranges.iter().map(|range| range.end).max().unwrap_or(0);
    (ranges, len)
}

/// The steps during which each slot holds something; none where it is never touched.
fn lives(n_slots: usize, steps: &[Step], outputs: &[(Vec<usize>, Place)]) -> Vec<Range<usize>> {
    let mut lives = vec![0..0; n_slots];
    let mut touch = |slot: usize, step: usize| {
        let life: &mut Range<usize> = &mut lives[slot];
        if life.start == life.end {
            life.start = step;
        }
        life.end = step + 1;
    };
    for (index, step) in steps.iter().enumerate() {
        touch(step.write, index);
        let besides = step.plain.iter().chain(&step.between);
        besides.for_each(|&slot| touch(slot, index));
        for read in step.reads {
            if let Place::Slot(slot) = read {
                touch(slot, index);
            }
        }
    }
    for (_, place) in outputs {
        if let Place::Slot(slot) = place {
            touch(*slot, steps.len());
        }
    }
    lives
}

#[cfg(test)]
mod tests {
    use super::super::Work;
    use super::*;

    fn step(read: usize, write: usize) -> Step {
        let mut reads = [Place::None; crate::native::kernel::MAX_READS];
        reads[0] = Place::Slot(read);
        Step {
            op: 0,
            work: Work::Sigmoid { len: 0 },
            reads,
            write,
            plain: None,
            between: None,
        }
    }

    #[test]
    fn a_chain_takes_turns() {
        // 0 > 1 > 2 > 3, and 0 is wanted again at the end.
        let mut steps = vec![step(0, 1), step(1, 2), step(2, 3)];
        let lens = [32, 64, 48, 64];
        let outputs = [(vec![64], Place::Slot(3))];
        let (ranges, len) = place(&lens, &steps, &outputs);
        // 1 and 3 share; 2 lies beside them; 0 fits beside 1.
        assert_eq!(ranges[1], ranges[3]);
        assert_eq!(len, 64 + 48);
        steps[2].reads[1] = Place::Slot(0);
        let (ranges, len) = place(&lens, &steps, &outputs);
        assert_eq!(len, 64 + 48 + 32);
        for (index, range) in ranges.iter().enumerate() {
            assert_eq!(range.len(), lens[index]);
        }
    }
}
