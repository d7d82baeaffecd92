//! Coverage-guided: JPEGs at reduced size, as cameras send them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::jpeg(data);
});
