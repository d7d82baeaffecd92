//! Sixteen floats at a time: the one vocabulary in which the kernels are written.
//!
//! Sixteen on every processor, so that tensors and packed weights lie the same way everywhere: one register
//! of AVX-512, two of AVX, four of NEON, an array elsewhere.

/// Floats in a vector; channels are padded to a multiple of it.
pub(crate) const LANES: usize = 16;

/// Arithmetic on sixteen floats.
///
/// # Safety
/// Every method must run on a processor that has the instructions of the implementation; pointers must be
/// good for sixteen floats, or for one where the method says so. No alignment is asked for.
pub(super) trait Simd: Copy {
    /// Sixteen floats.
    type V: Copy;

    /// How many of them the processor keeps in registers.
    const REGISTERS: usize;

    /// Sixteen times `value`.
    unsafe fn splat(value: f32) -> Self::V;
    /// Sixteen times the one float at `from`.
    unsafe fn broadcast(from: *const f32) -> Self::V;
    unsafe fn load(from: *const f32) -> Self::V;
    unsafe fn store(to: *mut f32, value: Self::V);
    /// The sixteen signed bytes at `from`.
    unsafe fn load_bytes(from: *const u8) -> Self::V;
    /// The sixteen bytes without sign at `from`.
    unsafe fn load_levels(from: *const u8) -> Self::V;
    /// `a * b + c`, rounded once or twice.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// The greater; `b` where either is not a number.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// The lesser; `b` where either is not a number.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// The same address, of which the compiler knows nothing.
    #[inline(always)]
    fn opaque<T>(address: *const T) -> *const T {
        address
    }
}

/// `Simd::opaque` where the machine code has registers to hide an address in.
macro_rules! opaque {
    () => {
        #[inline(always)]
        #[expect(
            clippy::pointers_in_nomem_asm_block,
            reason = "nothing is read: there is no instruction"
        )]
        fn opaque<T>(mut address: *const T) -> *const T {
            // SAFETY: no instruction; the address stays as it is.
            unsafe {
                std::arch::asm!("/* {0} */", inout(reg) address, options(pure, nomem, nostack, preserves_flags));
            }
            address
        }
    };
}
pub(super) use opaque;
