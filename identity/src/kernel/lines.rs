//! Memory for lines.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::Line;

/// Bytes of a large page of most processors.
const LARGE_PAGE: usize = 2 << 20;

/// Lines in one piece that never moves, in large pages where the system has them: a scan looks up one address of a page in tables, and
/// begins to read ahead anew, for each page that it enters.
pub(crate) struct Lines {
    start: NonNull<Line>,
    len: usize,
}

impl Lines {
    /// So many lines of nought, at least one.
    ///
    /// # Panics
    /// Where there are none, or more than memory has addresses.
    pub(crate) fn zeroed(len: usize) -> Self {
        let layout = layout(len);
        assert!(layout.size() > 0, "no lines");
        // SAFETY: the size is not nought.
        let Some(start) = NonNull::new(unsafe { alloc(layout) }.cast::<Line>()) else {
            handle_alloc_error(layout)
        };
        #[cfg(target_os = "linux")]
        if layout.align() == LARGE_PAGE {
            // SAFETY: the piece is ours, begins with a page, and what it holds is not touched; where the system refuses, pages
            // stay small.
            unsafe {
                libc::madvise(start.as_ptr().cast(), layout.size(), libc::MADV_HUGEPAGE);
            }
        }
        // SAFETY: so many bytes are there, and a line may be of noughts.
        unsafe { start.write_bytes(0, len) }
        Self { start, len }
    }
}

fn layout(len: usize) -> Layout {
    let layout = Layout::array::<Line>(len).expect("memory has fewer addresses");
    if layout.size() < LARGE_PAGE {
        return layout;
    }
    layout
        .align_to(LARGE_PAGE)
        .expect("memory has fewer addresses")
}

impl Deref for Lines {
    type Target = [Line];

    fn deref(&self) -> &[Line] {
        // SAFETY: so many lines were written, and nobody else has them.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for Lines {
    fn deref_mut(&mut self) -> &mut [Line] {
        // SAFETY: as in `deref`.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // SAFETY: it was allocated with the same layout, and lines are bytes.
        unsafe { dealloc(self.start.as_ptr().cast(), layout(self.len)) }
    }
}

// SAFETY: it owns what it points to, as a box does.
unsafe impl Send for Lines {}
// SAFETY: as above.
unsafe impl Sync for Lines {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_begin_with_noughts_and_hold_what_is_written() {
        for len in [1, 100, LARGE_PAGE / size_of::<Line>(), 40_000] {
            let mut lines = Lines::zeroed(len);
            assert_eq!(lines.len(), len);
            assert!(
                lines
                    .iter()
                    .all(|line| line.0.iter().all(|byte| *byte == 0))
            );
            lines[len - 1].0[63] = 7;
            lines[0].0[0] = 5;
            assert_eq!((lines[0].0[0], lines[len - 1].0[63]), (5, 7));
            assert_eq!(lines.as_ptr().align_offset(align_of::<Line>()), 0);
        }
    }
}
