//! Coverage-guided: models that were learned from examples.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::learned(data);
});
