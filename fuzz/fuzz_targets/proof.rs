//! Coverage-guided: proof of play.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::proof(data);
});
