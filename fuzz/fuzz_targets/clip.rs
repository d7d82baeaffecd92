//! Coverage-guided: clips: Motion-JPEG bare and in AVI.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::clip(data);
});
