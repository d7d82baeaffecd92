//! Codes of a scan, and how to pass over many at once.

use super::bits::Bits;
use crate::PhotoError;

/// Bits of the table of single codes. Origin: longer ones are under 2 % in photographs.
const CODE_BITS: u32 = 9;

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

/// What a few bits say of coefficients that nobody wants.
#[derive(Clone, Copy, Default)]
struct Run {
    /// Bits of the whole symbols in them, with their values; 0 when not even the first is whole.
    n_bits: u8,
    /// By how many places they go on.
    n_places: u8,
    /// Whether the last of them ends the block.
    is_end: bool,
}

/// The code of the coefficients behind the first.
pub(super) struct AcCode {
    code: Code,
    /// For the next [`RUN_BITS`] bits.
    runs: Box<[Run]>,
}

impl AcCode {
    pub(super) fn new(code: Code) -> Self {
        let runs = (0..1_u32 << RUN_BITS).map(|bits| run_of(&code, bits));
        let runs = runs.collect();
        Self { code, runs }
    }

    /// Takes a symbol: zeros before the coefficient, and bits of its value.
    #[inline(always)]
    pub(super) fn symbol(&self, bits: &mut Bits<'_>) -> Result<(usize, u32), PhotoError> {
        let symbol = self.code.symbol(bits)?;
        let n_bits = u32::from(symbol & 15);
        if n_bits > MAX_AC_BITS {
            return Err(super::damaged("a coefficient of more than 10 bits"));
        }
        Ok((usize::from(symbol >> 4), n_bits))
    }

    /// Passes over the rest of a block, from place `at` on.
    ///
    /// # Errors
    /// [`PhotoError::Damaged`] for bits that are no code, or more than 64 coefficients.
    #[inline(always)]
    pub(super) fn pass_over(&self, bits: &mut Bits<'_>, mut at: usize) -> Result<(), PhotoError> {
        while at < 64 {
            bits.refill();
            // 56 bits are enough for two steps and a single symbol with its value, 16 and 10.
            for _ in 0..3 {
                let run = self.runs[bits.peek(RUN_BITS) as usize];
                let next = at + usize::from(run.n_places);
                let is_within = next < 64 || (next == 64 && !run.is_end);
                if run.n_bits == 0 || !is_within {
                    at = self.pass_over_one(bits, at)?;
                    break;
                }
                bits.skip(u32::from(run.n_bits));
                at = if run.is_end { 64 } else { next };
                if at == 64 {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Passes over a single symbol; where the next stands, 64 at the end. At least 26 bits are held.
    #[inline(always)]
    fn pass_over_one(&self, bits: &mut Bits<'_>, at: usize) -> Result<usize, PhotoError> {
        let (n_zeros, n_bits) = self.symbol(bits)?;
        bits.skip(n_bits);
        match (n_zeros, n_bits) {
            (15, 0) => beyond(at + 16),
            (_, 0) => Ok(64),
            _ => beyond(at + n_zeros + 1),
        }
    }
}

/// The place itself unless it lies outside the block.
pub(super) fn beyond(at: usize) -> Result<usize, PhotoError> {
    if at > 64 {
        return Err(super::damaged("a block of more than 64 coefficients"));
    }
    Ok(at)
}

/// Reads as many whole symbols as there are in these [`RUN_BITS`] bits.
fn run_of(code: &Code, bits: u32) -> Run {
    let mut run = Run::default();
    loop {
        let read = u32::from(run.n_bits);
        // Zeros take the place of what is not there; a code that reaches into them is not whole.
        let next = (bits << (32 - RUN_BITS + read)) >> 16;
        let Some((len, symbol)) = code.find(next) else {
            return run;
        };
        let n_bits = u32::from(symbol & 15);
        let end = read + len + n_bits;
        if end > RUN_BITS || n_bits > MAX_AC_BITS {
            return run;
        }
        run.n_bits = end as u8;
        match (symbol >> 4, n_bits) {
            (15, 0) => run.n_places += 16,
            (_, 0) => {
                run.is_end = true;
                return run;
            }
            (n_zeros, _) => run.n_places += n_zeros + 1,
        }
        if end == RUN_BITS || run.n_places >= 64 {
            return run;
        }
    }
}
