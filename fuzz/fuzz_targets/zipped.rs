//! Coverage-guided: ZIP archives.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::zipped(data);
});
