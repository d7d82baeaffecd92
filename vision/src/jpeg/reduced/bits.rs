//! The bits of a scan, without the bytes that were stuffed into it.

use memchr::memchr;

use crate::PhotoError;

/// Clean bytes that are kept at a time, unless one unit needs more.
/// Origin: fits the first cache beside the tables of a picture.
const WINDOW_BYTES: usize = 16_384;

/// Most bytes one unit of a scan can take: ten blocks (the most of ITU-T T.81 B.2.3) of 64 coefficients with a code of 16 bits
/// and 11 bits of value each, and what is looked at beyond.
const UNIT_BYTES: usize = 10 * 64 * 27 / 8 + 16;

/// Reads a scan from its most significant bit on.
pub(super) struct Bits<'a> {
    /// What follows the header of the scan.
    scan: &'a [u8],
    /// How much of it is in the window or was.
    taken: usize,
    /// Clean bytes, and behind the last ones zeros to look at.
    window: Vec<u8>,
    /// How many of them are of the scan.
    n_clean: usize,
    /// Whether they reach to the next marker.
    is_all: bool,
    /// The next byte to go into `held`.
    at: usize,
    /// The next bits, the first one on top.
    held: u64,
    /// How many.
    n_held: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(scan: &'a [u8]) -> Self {
        Self {
            scan,
            taken: 0,
            window: Vec::with_capacity(WINDOW_BYTES + 3 * UNIT_BYTES),
            n_clean: 0,
            is_all: false,
            at: 0,
            held: 0,
            n_held: 0,
        }
    }

    /// Makes sure that a whole unit can be read. Call before each.
    ///
    /// # Errors
    /// [`PhotoError::Truncated`] when more was read than there is.
    pub(super) fn begin_unit(&mut self) -> Result<(), PhotoError> {
        if self.is_beyond() {
            return Err(PhotoError::Truncated);
        }
        if self.n_clean < self.at + UNIT_BYTES && !self.is_all {
            self.fill();
        }
        Ok(())
    }

    /// Whether bits were read that are not of the scan.
    pub(super) const fn is_beyond(&self) -> bool {
        // The zeros behind the end are many enough that a unit does not run past them too.
        self.at * 8 > self.n_clean * 8 + self.n_held as usize
    }

    /// Passes over the rest of an interval and the marker that ends it.
    ///
    /// # Errors
    /// [`PhotoError::Damaged`] when another marker stands there, [`PhotoError::Truncated`] when none does.
    pub(super) fn restart(&mut self, number: u8) -> Result<(), PhotoError> {
        if self.is_beyond() {
            return Err(PhotoError::Truncated);
        }
        let mut rest = self.scan.get(self.taken..).unwrap_or_default();
        // What an interval has too much is of no use.
        while let Some(i) = rest.iter().position(|b| *b == 0xFF) {
            rest = &rest[i..];
            match rest {
                [_, 0, ..] => rest = &rest[2..],
                [_, 0xFF, ..] => rest = &rest[1..],
                [_, marker, ..] if *marker == 0xD0 + number => {
                    self.taken = self.scan.len() - rest.len() + 2;
                    self.window.clear();
                    self.is_all = false;
                    (self.n_clean, self.at, self.held, self.n_held) = (0, 0, 0, 0);
                    return Ok(());
                }
                [_, ..] => {
                    return Err(super::damaged("a restart marker is not where it belongs"));
                }
                [] => break,
            }
        }
        Err(PhotoError::Truncated)
    }

    /// Moves what is left to the front and takes on more, up to the next marker.
    fn fill(&mut self) {
        self.window.truncate(self.n_clean);
        let gone = self.at.min(self.n_clean);
        self.window.drain(..gone);
        self.at -= gone;
        let most = WINDOW_BYTES + UNIT_BYTES;
        while self.window.len() < most {
            let rest = &self.scan[self.taken..];
            let rest = &rest[..rest.len().min(most - self.window.len())];
            let n = memchr(0xFF, rest).unwrap_or(rest.len());
            self.window.extend_from_slice(&rest[..n]);
            self.taken += n;
            match self.scan[self.taken..] {
                [0xFF, 0, ..] => {
                    self.window.push(0xFF);
                    self.taken += 2;
                }
                // Fill bytes before a marker.
                [0xFF, 0xFF, ..] => self.taken += 1,
                [0xFF, ..] | [] => {
                    self.is_all = true;
                    break;
                }
                [_, ..] => {}
            }
        }
        self.n_clean = self.window.len();
        self.window.resize(self.n_clean + 2 * UNIT_BYTES, 0);
    }

    /// Holds at least 56 bits.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        // Beyond the window only where a unit was longer than any can be; zeros do there.
        let next = self
            .window
            .get(self.at..self.at + 8)
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, u64::from_be_bytes);
        self.held |= next >> self.n_held;
        self.at += ((63 - self.n_held) >> 3) as usize;
        self.n_held |= 56;
    }

    /// The next `n` bits, 1 to 32, without taking them. At least as many are held.
    #[inline(always)]
    pub(super) const fn peek(&self, n: u32) -> u32 {
        (self.held >> (64 - n)) as u32
    }

    /// Takes `n` bits, at most as many as are held.
    #[inline(always)]
    pub(super) const fn skip(&mut self, n: u32) {
        self.held <<= n;
        self.n_held -= n;
    }

    /// Takes a value of `n` bits, 0 to 15, in the form of coefficients.
    #[inline(always)]
    pub(super) const fn value(&mut self, n: u32) -> i32 {
        if n == 0 {
            return 0;
        }
        let bits = self.peek(n);
        self.skip(n);
        extended(bits, n)
    }
}

/// A value of `n` bits in the form of coefficients: without a leading 1 it is negative; 0 of no bits.
///
/// # Source
/// ITU-T T.81 F.2.2.1, EXTEND.
#[inline(always)]
pub(super) const fn extended(bits: u32, n: u32) -> i32 {
    let bits = bits as i32;
    if n > 0 && bits < 1 << (n - 1) {
        bits - (1 << n) + 1
    } else {
        bits
    }
}
