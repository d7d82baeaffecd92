//! Usual JPEGs at a half, a quarter or an eighth, without reading what nobody wants.
//!
//! Of a photograph at a quarter, 4 of 64 coefficients a block are used; the codes of the rest must still be passed over to find
//! the next block, and with the noise of a camera they are nearly all of the file. So they are passed over several at a time.

mod bits;
mod huffman;
mod transform;

use std::array;

use regard_domain::FrameSize;

use self::bits::Bits;
use self::huffman::{AcCode, Code, is_end, within};
use self::transform::{BlockSize, Coefficients, Reduction};
use crate::picture::BYTES_PER_PIXEL;
use crate::{PhotoError, Picture, PixelPool};

pub(super) use super::damaged;

/// Most bits of the difference of a first coefficient.
///
/// # Source
/// ITU-T T.81 table F.1, 8 bits a sample.
const MAX_DC_BITS: u32 = 11;

/// A component as the frame header and the scan header have it.
#[derive(Clone, Copy, Debug)]
struct Component {
    /// Blocks across and down in a unit of the scan.
    across: usize,
    down: usize,
    quantization: usize,
    dc: usize,
    ac: usize,
}

/// All that a scan needs.
struct Scan<'a> {
    size: FrameSize,
    components: Vec<Component>,
    quantizations: [Option<[u16; 64]>; 4],
    dc_codes: [Option<Code>; 4],
    ac_codes: [Option<AcCode>; 4],
    /// Units between restart markers; 0: none.
    restart_interval: usize,
    bytes: &'a [u8],
}

/// Decodes at 1/2, 1/4 or 1/8. Nothing where the file is of a less usual kind, which the general decoder is for: progressive,
/// in several scans, with other colours than grey and YCbCr, with other than whole sampling ratios.
///
/// # Errors
/// [`PhotoError::Damaged`], [`PhotoError::Truncated`].
pub(super) fn decode(
    bytes: &[u8],
    denominator: u32,
    pool: &PixelPool,
) -> Option<Result<Picture, PhotoError>> {
    let scan = match read_segments(bytes)? {
        Ok(scan) => scan,
        Err(error) => return Some(Err(error)),
    };
    let side = 8 / denominator as usize;
    let planes = scan
        .components
        .iter()
        .map(|c| scan.reduction(c, side))
        .collect::<Option<Vec<_>>>()?;
    Some(Painter::new(&scan, planes, side).paint(pool))
}

impl Scan<'_> {
    fn most_across(&self) -> usize {
        self.components.iter().map(|c| c.across).max().unwrap_or(1)
    }

    fn most_down(&self) -> usize {
        self.components.iter().map(|c| c.down).max().unwrap_or(1)
    }

    /// Components of fewer samples are reduced by less, so that all have as many in the end.
    fn reduction(&self, component: &Component, side: usize) -> Option<Reduction> {
        let whole = |most: usize, own: usize| {
            let size = side * most / own;
            (most.is_multiple_of(own) && matches!(size, 1 | 2 | 4 | 8)).then_some(size)
        };
        let size = BlockSize {
            width: whole(self.most_across(), component.across)?,
            height: whole(self.most_down(), component.down)?,
        };
        let steps = self.quantizations[component.quantization].as_ref()?;
        // Both codes must be there, too; the general decoder says what is missing.
        self.dc_codes[component.dc].as_ref()?;
        self.ac_codes[component.ac].as_ref()?;
        Some(Reduction::new(size, steps))
    }
}

/// Reads the segments up to the first scan; nothing for an unusual kind.
fn read_segments(bytes: &[u8]) -> Option<Result<Scan<'_>, PhotoError>> {
    let mut scan = Scan {
        size: FrameSize {
            width: 0,
            height: 0,
        },
        components: Vec::new(),
        quantizations: [None; 4],
        dc_codes: array::from_fn(|_| None),
        ac_codes: array::from_fn(|_| None),
        restart_interval: 0,
        bytes: &[],
    };
    let mut ids = Vec::new();
    // What passes over many codes at a time takes a while to make: of those alone that the scan uses, for a file may define any
    // number.
    let mut ac_found: [Option<Code>; 4] = array::from_fn(|_| None);
    let mut at = 2;
    loop {
        while bytes.get(at + 1) == Some(&0xFF) {
            at += 1;
        }
        let [0xFF, marker, high, low, ..] = *bytes.get(at..)? else {
            return None;
        };
        // These have no length.
        if matches!(marker, 0x01 | 0xD0..=0xD9) {
            return None;
        }
        let len = usize::from(u16::from_be_bytes([high, low]));
        let body = bytes.get(at + 4..at + 2 + len)?;
        at += 2 + len;
        match marker {
            0xC0 | 0xC1 => ids = read_frame(body, &mut scan)?,
            0xC4 => {
                if let Err(error) = read_codes(body, &mut scan.dc_codes, &mut ac_found)? {
                    return Some(Err(error));
                }
            }
            0xDB => read_quantizations(body, &mut scan)?,
            0xDD => scan.restart_interval = usize::from(u16::from_be_bytes(body.try_into().ok()?)),
            // Adobe's segment says when three components are not YCbCr.
            0xEE if body.starts_with(b"Adobe") && body.get(11) != Some(&1) => return None,
            0xDA => {
                read_scan(body, &ids, &mut scan)?;
                for component in &scan.components {
                    // Two components share one.
                    if let Some(code) = ac_found[component.ac].take() {
                        scan.ac_codes[component.ac] = Some(AcCode::new(code));
                    }
                }
                scan.bytes = &bytes[at..];
                return Some(Ok(scan));
            }
            0xC2..=0xCF => return None,
            _ => {}
        }
    }
}

/// The ids of the components.
fn read_frame(body: &[u8], scan: &mut Scan<'_>) -> Option<Vec<u8>> {
    let [8, h1, h0, w1, w0, n, ref rest @ ..] = *body else {
        return None;
    };
    scan.size = FrameSize {
        width: u32::from(u16::from_be_bytes([w1, w0])),
        height: u32::from(u16::from_be_bytes([h1, h0])),
    };
    let parts: Vec<[u8; 3]> = rest.as_chunks::<3>().0.to_vec();
    let is_usual = matches!(n, 1 | 3) && parts.len() == usize::from(n);
    if !is_usual || scan.size.width == 0 || scan.size.height == 0 {
        return None;
    }
    let component = |[_, sampling, table]: &[u8; 3]| {
        let (across, down) = (usize::from(sampling >> 4), usize::from(sampling & 15));
        let is_usual = (1..=4).contains(&across) && (1..=4).contains(&down) && *table < 4;
        is_usual.then_some(Component {
            // A single component is not interleaved with anything: its units are single blocks.
            across: if n == 1 { 1 } else { across },
            down: if n == 1 { 1 } else { down },
            quantization: usize::from(*table),
            dc: 0,
            ac: 0,
        })
    };
    scan.components = parts.iter().map(component).collect::<Option<_>>()?;
    let n_blocks: usize = scan.components.iter().map(|c| c.across * c.down).sum();
    let ids: Vec<u8> = parts.iter().map(|part| part[0]).collect();
    (n_blocks <= 10 && ids != *b"RGB").then_some(ids)
}

fn read_quantizations(mut body: &[u8], scan: &mut Scan<'_>) -> Option<()> {
    while let [head, rest @ ..] = body {
        let table = scan.quantizations.get_mut(usize::from(head & 15))?;
        let (values, rest) = if head >> 4 == 0 {
            let (values, rest) = rest.split_first_chunk::<64>()?;
            (values.map(u16::from), rest)
        } else {
            let (values, rest) = rest.split_at_checked(128)?;
            let pairs = values.as_chunks::<2>().0;
            (array::from_fn(|i| u16::from_be_bytes(pairs[i])), rest)
        };
        *table = Some(values);
        body = rest;
    }
    Some(())
}

fn read_codes(
    mut body: &[u8],
    dc: &mut [Option<Code>; 4],
    ac: &mut [Option<Code>; 4],
) -> Option<Result<(), PhotoError>> {
    while let [head, rest @ ..] = body {
        let (counts, rest) = rest.split_first_chunk::<16>()?;
        let n: usize = counts.iter().map(|n| usize::from(*n)).sum();
        let (symbols, rest) = rest.split_at_checked(n)?;
        let code = match Code::new(counts, symbols) {
            Ok(code) => code,
            Err(error) => return Some(Err(error)),
        };
        let codes = if head >> 4 == 0 { &mut *dc } else { &mut *ac };
        *codes.get_mut(usize::from(head & 15))? = Some(code);
        body = rest;
    }
    Some(Ok(()))
}

/// All components in one scan, in the order of the frame.
fn read_scan(body: &[u8], ids: &[u8], scan: &mut Scan<'_>) -> Option<()> {
    let [n, ref rest @ ..] = *body else {
        return None;
    };
    let (parts, rest) = rest.split_at_checked(2 * usize::from(n))?;
    if usize::from(n) != scan.components.len() || rest != [0, 63, 0] {
        return None;
    }
    for ((component, id), part) in scan
        .components
        .iter_mut()
        .zip(ids)
        .zip(parts.as_chunks::<2>().0)
    {
        (component.dc, component.ac) = (usize::from(part[1] >> 4), usize::from(part[1] & 15));
        if part[0] != *id || component.dc > 3 || component.ac > 3 {
            return None;
        }
    }
    Some(())
}

/// Decodes a row of units after the other and paints them.
struct Painter<'a> {
    scan: &'a Scan<'a>,
    reductions: Vec<Reduction>,
    /// Pixels of a unit across and down.
    unit: BlockSize,
    units_across: usize,
    units_down: usize,
    /// A row of units of each component.
    planes: Vec<Vec<f32>>,
    denominator: u32,
}

impl<'a> Painter<'a> {
    fn new(scan: &'a Scan<'a>, reductions: Vec<Reduction>, side: usize) -> Self {
        let (across, down) = (scan.most_across(), scan.most_down());
        let unit = BlockSize {
            width: side * across,
            height: side * down,
        };
        let units_across = (scan.size.width as usize).div_ceil(8 * across);
        let planes = vec![vec![0.0; units_across * unit.width * unit.height]; reductions.len()];
        Self {
            scan,
            reductions,
            unit,
            units_across,
            units_down: (scan.size.height as usize).div_ceil(8 * down),
            planes,
            denominator: (8 / side) as u32,
        }
    }

    fn paint(mut self, pool: &PixelPool) -> Result<Picture, PhotoError> {
        let size = FrameSize {
            width: self.scan.size.width.div_ceil(self.denominator),
            height: self.scan.size.height.div_ceil(self.denominator),
        };
        let mut picture =
            Picture::pooled(size, pool).ok_or_else(|| damaged("a side of 0 pixels"))?;
        let row_bytes = size.width as usize * BYTES_PER_PIXEL;
        let mut bits = Bits::new(self.scan.bytes);
        let mut before = [0_i32; 3];
        let mut n_units = 0;
        for row in 0..self.units_down {
            for column in 0..self.units_across {
                self.restart_if_due(&mut bits, n_units, &mut before)?;
                bits.begin_unit()?;
                self.read_unit(&mut bits, column, &mut before)?;
                n_units += 1;
            }
            let begin = row * self.unit.height * row_bytes;
            let pixels = &mut picture.pixels_mut()[begin..];
            for (y, out) in pixels
                .chunks_exact_mut(row_bytes)
                .take(self.unit.height)
                .enumerate()
            {
                self.colors(y, out);
            }
        }
        if bits.is_beyond() {
            return Err(PhotoError::Truncated);
        }
        Ok(picture)
    }

    fn restart_if_due(
        &self,
        bits: &mut Bits<'_>,
        n_units: usize,
        before: &mut [i32; 3],
    ) -> Result<(), PhotoError> {
        let interval = self.scan.restart_interval;
        if interval > 0 && n_units > 0 && n_units.is_multiple_of(interval) {
            bits.restart(((n_units / interval - 1) % 8) as u8)?;
            *before = [0; 3];
        }
        Ok(())
    }

    /// Reads all blocks of a unit into the planes.
    fn read_unit(
        &mut self,
        bits: &mut Bits<'_>,
        column: usize,
        before: &mut [i32; 3],
    ) -> Result<(), PhotoError> {
        let stride = self.units_across * self.unit.width;
        let mut coefficients = [0.0; 65];
        let parts = self.scan.components.iter().zip(&self.reductions);
        for (((component, reduction), plane), before) in
            parts.zip(&mut self.planes).zip(before.iter_mut())
        {
            let (Some(dc), Some(ac)) = (
                &self.scan.dc_codes[component.dc],
                &self.scan.ac_codes[component.ac],
            ) else {
                return Err(damaged("a Huffman table is missing"));
            };
            let block = reduction.size();
            for down in 0..component.down {
                for across in 0..component.across {
                    reduction.clear(&mut coefficients);
                    read_block(bits, (dc, ac), reduction, (before, &mut coefficients))?;
                    let at = down * block.height * stride
                        + column * self.unit.width
                        + across * block.width;
                    reduction.pixels(&coefficients, &mut plane[at..], stride);
                }
            }
        }
        Ok(())
    }

    /// Row `y` of the planes as RGB.
    fn colors(&self, y: usize, out: &mut [u8]) {
        let stride = self.units_across * self.unit.width;
        let row = |plane: usize| &self.planes[plane][y * stride..(y + 1) * stride];
        let pixels = out.as_chunks_mut::<BYTES_PER_PIXEL>().0;
        if self.planes.len() == 1 {
            for (pixel, luma) in pixels.iter_mut().zip(row(0)) {
                pixel.fill(byte(luma + 128.0));
            }
            return;
        }
        for (pixel, ((luma, blue), red)) in
            pixels.iter_mut().zip(row(0).iter().zip(row(1)).zip(row(2)))
        {
            // JFIF 1.02: BT.601 with the full range.
            let luma = luma + 128.0;
            *pixel = [
                byte(luma + 1.402 * red),
                byte(luma - 0.344_136 * blue - 0.714_136 * red),
                byte(luma + 1.772 * blue),
            ];
        }
    }
}

/// The nearest whole number in the range of a byte.
#[inline(always)]
fn byte(value: f32) -> u8 {
    // Added to this, a number below 2^22 has its units in the last bits: faster than a conversion, which looks for NaN.
    const UNITS_LAST: f32 = 12_582_912.0;
    (value.clamp(0.0, 255.0) + UNITS_LAST).to_bits() as u8
}

/// Reads the wanted coefficients of the next block; the others of these stay as they are.
#[inline(always)]
fn read_block(
    bits: &mut Bits<'_>,
    (dc, ac): (&Code, &AcCode),
    reduction: &Reduction,
    (before, coefficients): (&mut i32, &mut Coefficients),
) -> Result<(), PhotoError> {
    bits.refill();
    let n_bits = u32::from(dc.symbol(bits)?);
    if n_bits > MAX_DC_BITS {
        return Err(damaged("a first coefficient of more than 11 bits"));
    }
    *before = before.wrapping_add(bits.value(n_bits));
    coefficients[0] = *before as f32 * reduction.steps[0];
    let mut at = 1;
    while at <= reduction.last {
        bits.refill();
        let value;
        (value, at) = ac.step(bits, at)?;
        if at > 64 {
            return if is_end(at) { Ok(()) } else { within(at) };
        }
        // Sixteen zeros are one more zero at their last place.
        let place = usize::from(reduction.places[at - 1]);
        coefficients[place] = f32::from(value) * reduction.steps[at - 1];
    }
    ac.pass_over(bits, at)
}

#[cfg(test)]
mod tests;
