//! Codes of a scan, and how to pass over many at once.

use super::bits::{Bits, extended};
use crate::PhotoError;

/// Bits of the table of single codes. Origin: longer ones are under 2 % in photographs.
const CODE_BITS: u32 = 9;

/// Bits of the table of coefficients with their values.
const STEP_BITS: u32 = 10;

/// Bits of the table of several codes at once. Origin: of 10 to 15 bits the fastest on photographs with noise: a larger table
/// passes over more and misses the first cache.
const RUN_BITS: u32 = 13;

/// Most bits of a coefficient behind the first.
///
/// # Source
/// ITU-T T.81 table F.2, 8 bits a sample.
const MAX_AC_BITS: u32 = 10;

/// A Huffman code as a picture defines it.
pub(super) struct Code {
    /// For the next [`CODE_BITS`] bits the length of the code they begin with, and its symbol; length 0 where it is longer.
    short: Box<[(u8, u8)]>,
    /// For each length, what a code of it is below, aligned to 16 bits; 0 where there is none.
    below: [u32; 17],
    /// For each length, what to add to a code for the place of its symbol.
    offset: [i32; 17],
    symbols: Vec<u8>,
}

impl Code {
    /// The code of these many symbols of length 1 to 16.
    ///
    /// # Source
    /// ITU-T T.81 annex C.
    ///
    /// # Errors
    /// [`PhotoError::Damaged`] when there are more codes of a length than fit, or fewer symbols than codes.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, PhotoError> {
        let mut code = 0_u32;
        let mut first = 0_usize;
        let mut this = Self {
            short: vec![(0, 0); 1 << CODE_BITS].into(),
            below: [0; 17],
            offset: [0; 17],
            symbols: symbols.to_vec(),
        };
        for (len, &n) in (1_u32..).zip(counts) {
            let end = code + u32::from(n);
            if end > 1 << len || first + usize::from(n) > symbols.len() {
                return Err(super::damaged("a Huffman table that is none"));
            }
            this.offset[len as usize] = first as i32 - code as i32;
            if n > 0 {
                this.below[len as usize] = end << (16 - len);
            }
            for (i, symbol) in (code..end).zip(&symbols[first..]) {
                if len <= CODE_BITS {
                    let width = 1 << (CODE_BITS - len);
                    let begin = (i as usize) << (CODE_BITS - len);
                    this.short[begin..begin + width].fill((len as u8, *symbol));
                }
            }
            first += usize::from(n);
            code = end << 1;
        }
        Ok(this)
    }

    /// Length and symbol of the code that these 16 bits begin with.
    #[inline(always)]
    fn find(&self, bits: u32) -> Option<(u32, u8)> {
        let (len, symbol) = self.short[(bits >> (16 - CODE_BITS)) as usize];
        if len > 0 {
            return Some((u32::from(len), symbol));
        }
        self.find_long(bits)
    }

    #[cold]
    fn find_long(&self, bits: u32) -> Option<(u32, u8)> {
        let len = (CODE_BITS + 1..=16).find(|len| bits < self.below[*len as usize])?;
        let place = (bits >> (16 - len)) as i32 + self.offset[len as usize];
        let symbol = self.symbols.get(usize::try_from(place).ok()?)?;
        Some((len, *symbol))
    }

    /// Takes the next symbol. At least 16 bits are held.
    #[inline(always)]
    pub(super) fn symbol(&self, bits: &mut Bits<'_>) -> Result<u8, PhotoError> {
        let (len, symbol) = self
            .find(bits.peek(16))
            .ok_or_else(|| super::damaged("a code that its table does not have"))?;
        bits.skip(len);
        Ok(symbol)
    }
}

/// A coefficient that a few bits hold whole.
#[derive(Clone, Copy, Default)]
struct Step {
    value: i16,
    /// Bits of its code and its value together; 0 when it is longer.
    n_bits: u8,
    /// By how many places it goes on, or [`END`].
    n_places: u8,
}

/// More places than a block has: the rest of it is zero.
const END: usize = 128;

/// What a few bits say of coefficients that nobody wants, in one number, so that the table is small.
#[derive(Clone, Copy, Default)]
struct Run(u16);

impl Run {
    const END: u16 = 1 << 15;

    const fn new(n_bits: u32, n_places: usize, is_end: bool) -> Self {
        // At most 13 bits, and 64 + 15 places.
        let packed = n_bits as u16 | (n_places as u16) << 4;
        Self(if is_end { packed | Self::END } else { packed })
    }

    /// Bits of the whole symbols, with their values; 0 when not even the first is whole.
    const fn n_bits(self) -> u32 {
        (self.0 & 15) as u32
    }

    /// By how many places they go on.
    const fn n_places(self) -> usize {
        (self.0 >> 4 & 0x7F) as usize
    }

    /// Whether the last of them ends the block.
    const fn is_end(self) -> bool {
        self.0 & Self::END != 0
    }
}

/// The code of the coefficients behind the first.
pub(super) struct AcCode {
    code: Code,
    /// For the next [`STEP_BITS`] bits.
    steps: Box<[Step; 1 << STEP_BITS]>,
    /// For the next [`RUN_BITS`] bits.
    runs: Box<[Run; 1 << RUN_BITS]>,
}

impl AcCode {
    pub(super) fn new(code: Code) -> Self {
        let mut steps = Box::new([Step::default(); 1 << STEP_BITS]);
        for (bits, step) in (0..).zip(steps.iter_mut()) {
            *step = step_of(&code, bits).unwrap_or_default();
        }
        let mut runs = Box::new([Run::default(); 1 << RUN_BITS]);
        for (bits, run) in (0..).zip(runs.iter_mut()) {
            *run = run_of(&code, bits);
        }
        Self { code, steps, runs }
    }

    /// Takes the next coefficient: its value and the place behind it, more than 64 at the end. At least 26 bits are held.
    ///
    /// # Errors
    /// [`PhotoError::Damaged`] for bits that are no code.
    #[inline(always)]
    pub(super) fn step(&self, bits: &mut Bits<'_>, at: usize) -> Result<(i16, usize), PhotoError> {
        let step = self.steps[bits.peek(STEP_BITS) as usize];
        if step.n_bits == 0 {
            return self.long_step(bits, at);
        }
        bits.skip(u32::from(step.n_bits));
        Ok((step.value, at + usize::from(step.n_places)))
    }

    #[inline(never)]
    fn long_step(&self, bits: &mut Bits<'_>, at: usize) -> Result<(i16, usize), PhotoError> {
        let symbol = self.code.symbol(bits)?;
        let (n_places, n_bits) =
            meaning(symbol).ok_or_else(|| super::damaged("a coefficient of more than 10 bits"))?;
        Ok((bits.value(n_bits) as i16, at + n_places))
    }

    /// Passes over the rest of a block, from place `at` on.
    ///
    /// # Errors
    /// [`PhotoError::Damaged`] for bits that are no code, or more than 64 coefficients.
    #[inline(always)]
    pub(super) fn pass_over(&self, bits: &mut Bits<'_>, mut at: usize) -> Result<(), PhotoError> {
        while at < 64 {
            bits.refill();
            // 56 bits are enough for two runs and a single coefficient of 16 and 10.
            for _ in 0..3 {
                let run = self.runs[bits.peek(RUN_BITS) as usize];
                let next = at + run.n_places();
                // Behind the 64th, the bits are those of the next block.
                let is_within = next < 64 || (next == 64 && !run.is_end());
                if run.n_bits() == 0 || !is_within {
                    (_, at) = self.step(bits, at)?;
                    if at >= END {
                        return Ok(());
                    }
                    break;
                }
                bits.skip(run.n_bits());
                at = next;
                if run.is_end() || at == 64 {
                    return Ok(());
                }
            }
        }
        within(at)
    }
}

/// An error for a place outside the block.
pub(super) fn within(at: usize) -> Result<(), PhotoError> {
    if at > 64 {
        return Err(super::damaged("a block of more than 64 coefficients"));
    }
    Ok(())
}

/// Whether the block is over at this place, for all that follows is zero.
pub(super) const fn is_end(at: usize) -> bool {
    at >= END
}

/// By how many places a symbol goes on, and bits of the value behind it; nothing for more of these than there may be.
///
/// # Source
/// ITU-T T.81 F.1.2.2.1.
const fn meaning(symbol: u8) -> Option<(usize, u32)> {
    let (n_zeros, n_bits) = ((symbol >> 4) as usize, (symbol & 15) as u32);
    match (n_zeros, n_bits) {
        (15, 0) => Some((16, 0)),
        (_, 0) => Some((END, 0)),
        (_, 1..=MAX_AC_BITS) => Some((n_zeros + 1, n_bits)),
        _ => None,
    }
}

/// The coefficient that these [`STEP_BITS`] bits begin with, if they hold all of it.
fn step_of(code: &Code, bits: u32) -> Option<Step> {
    let (len, symbol) = code.find(bits << (16 - STEP_BITS))?;
    let (n_places, n_value) = meaning(symbol)?;
    let n_bits = len + n_value;
    let rest = STEP_BITS.checked_sub(n_bits)?;
    let value = (bits >> rest) & ((1 << n_value) - 1);
    Some(Step {
        value: extended(value, n_value) as i16,
        n_bits: n_bits as u8,
        n_places: n_places as u8,
    })
}

/// Reads as many whole symbols as there are in these [`RUN_BITS`] bits.
fn run_of(code: &Code, bits: u32) -> Run {
    let (mut n_bits, mut n_places) = (0, 0);
    while n_bits < RUN_BITS && n_places < 64 {
        // Zeros take the place of what is not there; a code that reaches into them is not whole.
        let next = (bits << (32 - RUN_BITS + n_bits)) >> 16;
        let Some((len, symbol)) = code.find(next) else {
            break;
        };
        let Some((places, n_value)) = meaning(symbol) else {
            break;
        };
        if n_bits + len + n_value > RUN_BITS {
            break;
        }
        n_bits += len + n_value;
        if places == END {
            return Run::new(n_bits, n_places, true);
        }
        n_places += places;
    }
    Run::new(n_bits, n_places, false)
}
