//! Weights as a file stores them, narrow, until somebody needs them as floats.

/// How a number is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Element {
    Unsigned,
    Signed,
    /// Half precision, little-endian.
    Half,
}

impl Element {
    /// Bytes of a number.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Unsigned | Self::Signed => 1,
            Self::Half => 2,
        }
    }
}

/// Numbers as they are stored, and what makes them floats: `(stored - zero) * scale`.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    element: Element,
    bytes: Vec<u8>,
    /// One for each run of as many numbers as are left for it, the last axis fastest; empty for none.
    zeros: Vec<f32>,
    scales: Vec<f32>,
}

impl Stored {
    /// Those bytes, as they are.
    pub(crate) fn new(element: Element, bytes: &[u8]) -> Self {
        Self {
            element,
            bytes: bytes.to_vec(),
            zeros: Vec::new(),
            scales: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len() / self.element.size()
    }

    /// Subtracts one value from each run; whether that could be told without the floats.
    pub(crate) fn subtract(&mut self, values: &[f32]) -> bool {
        let fits = self.zeros.is_empty() && self.scales.is_empty() && self.has_runs(values.len());
        if fits {
            self.zeros = values.to_vec();
        }
        fits
    }

    /// Multiplies each run by one value; whether that could be told without the floats.
    pub(crate) fn multiply(&mut self, values: &[f32]) -> bool {
        let is_alike = self.zeros.is_empty() || self.zeros.len() == values.len();
        let fits = self.scales.is_empty() && is_alike && self.has_runs(values.len());
        if fits {
            self.scales = values.to_vec();
        }
        fits
    }

    fn has_runs(&self, n: usize) -> bool {
        n > 0 && self.len().is_multiple_of(n) && self.len() > 0
    }

    /// The floats from number `first` on, as many as `into` holds.
    ///
    /// # Panics
    /// Where there are fewer.
    pub(crate) fn expand(&self, first: usize, into: &mut [f32]) {
        let size = self.element.size();
        let bytes = &self.bytes[first * size..(first + into.len()) * size];
        match self.element {
            Element::Unsigned => widen(bytes, into, |&byte| f32::from(byte)),
            Element::Signed => widen(bytes, into, |&byte| f32::from(byte.cast_signed())),
            Element::Half => widen(bytes.as_chunks::<2>().0, into, |&[low, high]| {
                half(low, high)
            }),
        }
        if !self.zeros.is_empty() {
            self.each_run(&self.zeros, (first, into), |x, zero| x - zero);
        }
        if !self.scales.is_empty() {
            self.each_run(&self.scales, (first, into), |x, scale| x * scale);
        }
    }

    /// Changes each number by the value of its run.
    fn each_run(
        &self,
        values: &[f32],
        (first, into): (usize, &mut [f32]),
        change: impl Fn(f32, f32) -> f32,
    ) {
        let run = self.len() / values.len();
        let (mut at, mut left) = (first, into);
        while !left.is_empty() {
            let n = (run - at % run).min(left.len());
            let (own, rest) = left.split_at_mut(n);
            let value = values[at / run];
            own.iter_mut().for_each(|x| *x = change(*x, value));
            (at, left) = (at + n, rest);
        }
    }

    /// All as floats.
    pub(crate) fn to_floats(&self) -> Vec<f32> {
        let mut floats = vec![0.0; self.len()];
        self.expand(0, &mut floats);
        floats
    }

    /// Whether these are signed bytes with zero and scale for each run, where a run fills so many lanes several times
    /// and rows of so many numbers are so many runs.
    pub(crate) fn has_bytes(&self, lanes: usize, row: usize) -> bool {
        let n_runs = self.scales.len();
        let is_whole = n_runs > 0 && self.zeros.len() == n_runs;
        let run = self.len() / n_runs.max(1);
        self.element == Element::Signed
            && is_whole
            && run > 0
            && run.is_multiple_of(lanes)
            && row.is_multiple_of(run)
    }

    /// The bytes themselves.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes {
            run: self.len() / self.scales.len().max(1),
            values: self.bytes,
            zeros: self.zeros,
            scales: self.scales,
        }
    }
}

/// Weights of one byte each: `(value - zero) * scale`, zero and scale of each run.
pub(crate) struct Bytes {
    pub(crate) values: Vec<u8>,
    /// Values of a run.
    pub(crate) run: usize,
    pub(crate) zeros: Vec<f32>,
    pub(crate) scales: Vec<f32>,
}

fn widen<T>(from: &[T], into: &mut [f32], as_float: impl Fn(&T) -> f32) {
    for (into, from) in into.iter_mut().zip(from) {
        *into = as_float(from);
    }
}

/// A half-precision number, little-endian, widened without loss, without a branch.
pub(crate) fn half(low: u8, high: u8) -> f32 {
    let bits = u32::from(u16::from_le_bytes([low, high]));
    let sign = (bits & 0x8000) << 16;
    let (exponent, mantissa) = (bits >> 10 & 0x1f, bits & 0x3ff);
    // Exponents count from 15 in a half, from 127 in a float.
    let shifted = (bits & 0x7fff) << 13;
    // A denormal half is an ordinary number here: mantissa times 2^-24.
    let small = (mantissa as f32 * (1.0 / 16_777_216.0)).to_bits();
    let usual = if exponent == 0x1f {
        shifted | 0x7f80_0000
    } else {
        shifted + (112 << 23)
    };
    let magnitude = if exponent == 0 { small } else { usual };
    f32::from_bits(sign | magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_widen_exactly() {
        for (bits, expected) in [
            (0x0000_u16, 0.0_f32),
            (0x8000, -0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x83ff, -6.097_555e-5),
            (0x7c00, f32::INFINITY),
        ] {
            let [low, high] = bits.to_le_bytes();
            assert_eq!(half(low, high).to_bits(), expected.to_bits(), "{bits:04x}");
        }
        assert!(half(1, 0x7e).is_nan());
    }

    #[test]
    fn runs_have_zeros_and_scales_of_their_own() {
        let mut stored = Stored::new(Element::Signed, &[1, 2, 3, 0xff, 5, 6]);
        assert!(
            !stored.clone().subtract(&[1.0; 4]),
            "no runs of one and a half"
        );
        assert!(stored.subtract(&[1.0, 0.0, -1.0]));
        assert!(
            !stored.clone().multiply(&[1.0; 2]),
            "runs of another length"
        );
        assert!(stored.multiply(&[2.0, 10.0, 0.5]));
        assert_eq!(stored.to_floats(), [0.0, 2.0, 30.0, -10.0, 3.0, 3.5]);
        let mut some = [0.0; 3];
        stored.expand(1, &mut some);
        assert_eq!(some, [2.0, 30.0, -10.0]);
        assert!(!stored.subtract(&[1.0]), "scaled already");
    }
}
