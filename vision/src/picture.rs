//! Pixels in memory: interleaved RGB, eight bits a channel.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use regard_domain::FrameSize;

/// Buffers a pool keeps for the next frame. When full, a returned buffer is freed.
/// Origin: per camera one frame is being decoded, two wait (the engine's queue) and one is analysed.
const MAX_POOLED_BUFFERS: usize = 4;

/// Bytes of one pixel.
pub(crate) const BYTES_PER_PIXEL: usize = 3;

/// Bytes of an interleaved RGB picture of that size.
pub(crate) fn n_bytes(size: FrameSize) -> usize {
    size.width as usize * size.height as usize * BYTES_PER_PIXEL
}

/// Pixel buffers that go round: a dropped [`Picture`] gives its buffer to the next one.
/// Cheap to clone; all clones share the buffers. Holds at most four.
///
/// # Privacy
/// Buffers hold old frames until overwritten; the pool lives and dies with its camera.
#[derive(Clone, Default)]
pub struct PixelPool {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl PixelPool {
    /// An empty pool.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        // A panic elsewhere cannot leave a list of byte buffers in a bad state.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A buffer of exactly `len` bytes; contents arbitrary.
    pub(crate) fn take(&self, len: usize) -> Vec<u8> {
        let mut buffer = self.lock().pop().unwrap_or_default();
        buffer.resize(len, 0);
        buffer
    }

    fn give(&self, buffer: Vec<u8>) {
        let mut free = self.lock();
        if free.len() < MAX_POOLED_BUFFERS {
            free.push(buffer);
        }
    }

    /// How many buffers wait for reuse.
    pub fn n_free(&self) -> usize {
        self.lock().len()
    }
}

impl fmt::Debug for PixelPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PixelPool({} buffers free)", self.n_free())
    }
}

/// An upright picture that owns its pixels; gives its buffer back to its pool when dropped.
///
/// # Privacy
/// May show faces: never printed, never serialized, written nowhere by this room except where a
/// person asked for a drawing.
pub struct Picture {
    pixels: Vec<u8>,
    size: FrameSize,
    pool: Option<PixelPool>,
}

impl Picture {
    /// A picture from interleaved RGB rows without padding; nothing when a side is 0 or the number
    /// of bytes is not width × height × 3.
    pub fn from_rgb(pixels: Vec<u8>, size: FrameSize) -> Option<Self> {
        let valid = size.width > 0 && size.height > 0 && pixels.len() == n_bytes(size);
        valid.then_some(Self {
            pixels,
            size,
            pool: None,
        })
    }

    /// A picture whose buffer comes from a pool and goes back there; contents arbitrary.
    /// Nothing when a side is 0.
    pub(crate) fn pooled(size: FrameSize, pool: &PixelPool) -> Option<Self> {
        let pixels = pool.take(n_bytes(size));
        let mut picture = Self::from_rgb(pixels, size)?;
        picture.pool = Some(pool.clone());
        Some(picture)
    }

    /// Width and height in pixels.
    pub const fn size(&self) -> FrameSize {
        self.size
    }

    /// The pixels, row by row from the top, RGB.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The pixels, to be changed in place.
    pub fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }

    /// A view of all of it.
    pub fn view(&self) -> RgbView<'_> {
        RgbView {
            pixels: &self.pixels,
            size: self.size,
        }
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.give(std::mem::take(&mut self.pixels));
        }
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FrameSize { width, height } = self.size;
        write!(f, "Picture({width}x{height}, pixels withheld)")
    }
}

/// A borrowed picture: what every analyser reads.
///
/// # Privacy
/// May show faces: never printed.
#[derive(Clone, Copy)]
pub struct RgbView<'a> {
    pixels: &'a [u8],
    size: FrameSize,
}

impl<'a> RgbView<'a> {
    /// A view of interleaved RGB rows without padding; nothing when a side is 0 or the number of
    /// bytes is not width × height × 3.
    pub fn new(pixels: &'a [u8], size: FrameSize) -> Option<Self> {
        let valid = size.width > 0 && size.height > 0 && pixels.len() == n_bytes(size);
        valid.then_some(Self { pixels, size })
    }

    /// Width and height in pixels.
    pub const fn size(&self) -> FrameSize {
        self.size
    }

    /// The pixels, row by row from the top, RGB.
    pub const fn pixels(&self) -> &'a [u8] {
        self.pixels
    }
}

impl fmt::Debug for RgbView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FrameSize { width, height } = self.size;
        write!(f, "RgbView({width}x{height}, pixels withheld)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: FrameSize = FrameSize {
        width: 4,
        height: 3,
    };

    #[test]
    fn a_dropped_picture_feeds_the_next() {
        let pool = PixelPool::new();
        let first = Picture::pooled(SIZE, &pool).unwrap();
        let address = first.pixels().as_ptr();
        drop(first);
        assert_eq!(pool.n_free(), 1);
        let second = Picture::pooled(SIZE, &pool).unwrap();
        assert_eq!(second.pixels().as_ptr(), address);
        assert_eq!(pool.n_free(), 0);
    }

    #[test]
    fn the_pool_has_a_lid() {
        let pool = PixelPool::new();
        let many: Vec<_> = (0..9)
            .map(|_| Picture::pooled(SIZE, &pool).unwrap())
            .collect();
        drop(many);
        assert_eq!(pool.n_free(), MAX_POOLED_BUFFERS);
    }

    #[test]
    fn wrong_sizes_are_refused() {
        assert!(Picture::from_rgb(vec![0; 35], SIZE).is_none());
        assert!(RgbView::new(&[0; 37], SIZE).is_none());
        let flat = FrameSize {
            width: 0,
            height: 3,
        };
        assert!(Picture::from_rgb(Vec::new(), flat).is_none());
        assert_eq!(
            format!("{:?}", Picture::from_rgb(vec![7; 36], SIZE).unwrap()),
            "Picture(4x3, pixels withheld)"
        );
    }
}
