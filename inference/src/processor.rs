//! Processor flags and shared libraries: all the `unsafe` of this room.

use std::ffi::{CStr, OsStr};

use libloading::Library;

/// Makes arithmetic of the calling thread treat denormal numbers as zero, until the thread ends.
///
/// Denormals (below about 1e-38) carry no information in a network, and cost a processor up to 28
/// times the time of an ordinary number. Every thread that runs networks calls this once.
/// Sets FTZ and DAZ of MXCSR on x86-64 and FZ of FPCR on AArch64; does nothing elsewhere.
///
/// # Source
/// Intel SDM volume 1, 10.2.3; Arm ARM, FPCR.
pub fn flush_to_zero() {
    set_flags(flags() | FLUSH);
}

/// Flush-to-zero as long as this value lives; then what was before.
///
/// For work done on a thread that belongs to somebody else. Stays on its thread: not `Send`.
pub(crate) struct FlushScope {
    before: Flags,
    _on_this_thread: std::marker::PhantomData<*const ()>,
}

impl FlushScope {
    pub(crate) fn enter() -> Self {
        let before = flags();
        set_flags(before | FLUSH);
        Self {
            before,
            _on_this_thread: std::marker::PhantomData,
        }
    }
}

impl Drop for FlushScope {
    fn drop(&mut self) {
        set_flags(self.before);
    }
}

#[cfg(target_arch = "x86_64")]
type Flags = u32;
#[cfg(not(target_arch = "x86_64"))]
type Flags = u64;

/// FTZ is bit 15 and DAZ bit 6 of MXCSR. Every x86-64 processor has both.
#[cfg(target_arch = "x86_64")]
const FLUSH: Flags = 1 << 15 | 1 << 6;
/// FZ is bit 24 of FPCR; it flushes inputs and results.
#[cfg(target_arch = "aarch64")]
const FLUSH: Flags = 1 << 24;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const FLUSH: Flags = 0;

#[cfg(target_arch = "x86_64")]
fn flags() -> Flags {
    let mut flags: u32 = 0;
    // SAFETY: stores four bytes at a valid address and changes nothing else.
    unsafe {
        std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut flags, options(nostack, preserves_flags));
    }
    flags
}

#[cfg(target_arch = "x86_64")]
fn set_flags(flags: Flags) {
    // SAFETY: `flags` is a value read from MXCSR with only FTZ and DAZ changed, so no reserved bit
    // is set and no exception unmasked. The compiler assumes the default mode; what differs is that
    // a denormal it folded at compile time may be zero at run time, which is what is wanted.
    unsafe {
        std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const flags, options(nostack, preserves_flags, readonly));
    }
}

#[cfg(target_arch = "aarch64")]
fn flags() -> Flags {
    let flags: u64;
    // SAFETY: reads a register that user code may read.
    unsafe {
        std::arch::asm!("mrs {}, fpcr", out(reg) flags, options(nomem, nostack, preserves_flags));
    }
    flags
}

#[cfg(target_arch = "aarch64")]
fn set_flags(flags: Flags) {
    // SAFETY: `flags` is a value read from FPCR with only FZ changed; see the note for x86-64.
    unsafe {
        std::arch::asm!("msr fpcr, {}", in(reg) flags, options(nomem, nostack, preserves_flags));
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn flags() -> Flags {
    0
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn set_flags(_flags: Flags) {}

/// What a shared library said when asked whether it is ONNX Runtime.
#[derive(Debug)]
pub(crate) enum Probe {
    /// It is, and speaks the wanted version of the API.
    Good {
        /// Its version, such as `1.22.0`.
        version: String,
        /// Keeps it loaded until `ort` holds it as well.
        library: Library,
    },
    /// It is, but does not speak that version.
    WrongVersion {
        /// Its version.
        version: String,
    },
    /// A library, but another one.
    Foreign,
    /// Not a library for this machine, or one of its own libraries is missing.
    Unloadable(libloading::Error),
}

/// Loads the library at `path` and asks for its version, without panicking whatever it is.
pub(crate) fn probe_onnx_runtime(path: &OsStr, api_version: u32) -> Probe {
    // SAFETY: loading runs the library's initializers. The path is one the owner of the machine
    // named or one of the system's own library folders: code he already trusts.
    let library = match unsafe { Library::new(path) } {
        Ok(library) => library,
        Err(error) => return Probe::Unloadable(error),
    };
    type ApiBase = unsafe extern "system" fn() -> *const ort::sys::OrtApiBase;
    // SAFETY: no other library exports this name; its signature is fixed by ONNX Runtime's C API.
    let base = match unsafe { library.get::<ApiBase>(b"OrtGetApiBase\0") } {
        // SAFETY: as above; the function takes nothing and returns a pointer to a static.
        Ok(get_base) => unsafe { get_base() },
        Err(_) => return Probe::Foreign,
    };
    // SAFETY: either null or a static of the library, which stays loaded while `library` lives.
    let Some(base) = (unsafe { base.as_ref() }) else {
        return Probe::Foreign;
    };
    // SAFETY: part of the base since the first version; returns a static, terminated string.
    let version = unsafe { (base.GetVersionString)() };
    if version.is_null() {
        return Probe::Foreign;
    }
    // SAFETY: not null, terminated, static.
    let version = unsafe { CStr::from_ptr(version) }
        .to_string_lossy()
        .into_owned();
    // SAFETY: answers null for a version it does not speak.
    let api = unsafe { (base.GetApi)(api_version) };
    if api.is_null() {
        Probe::WrongVersion { version }
    } else {
        Probe::Good { version, library }
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    fn denormal_product() -> f32 {
        black_box(1e-30_f32) * black_box(1e-10_f32)
    }

    fn denormal_input() -> f32 {
        black_box(f32::from_bits(1 << 20)) * black_box(16.0_f32)
    }

    #[test]
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    fn denormals_are_zero_after_the_call_in_that_thread_only() {
        assert!(denormal_product() > 0.0 && denormal_input() > 0.0);
        std::thread::spawn(|| {
            flush_to_zero();
            assert_eq!(denormal_product(), 0.0);
            assert_eq!(denormal_input(), 0.0);
            flush_to_zero();
            assert_eq!(denormal_product(), 0.0);
        })
        .join()
        .unwrap();
        assert!(denormal_product() > 0.0 && denormal_input() > 0.0);
    }

    #[test]
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    fn a_scope_restores_what_was_before() {
        {
            let _scope = FlushScope::enter();
            assert_eq!(denormal_product(), 0.0);
            drop(FlushScope::enter());
            assert_eq!(denormal_product(), 0.0);
        }
        assert!(denormal_product() > 0.0);
    }
}
