//! Coverage-guided: what is remembered of contents that were looked at before.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::remembered(data);
});
