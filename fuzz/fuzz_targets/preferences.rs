//! Coverage-guided: what a person prefers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::preferences(data);
});
