//! Coverage-guided: lists of names.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::list(data);
});
