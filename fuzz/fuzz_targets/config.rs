//! Coverage-guided: configurations.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::config(data);
});
