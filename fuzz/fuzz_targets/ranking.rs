//! Coverage-guided: what clients of the ranking service send.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::ranking(data);
});
