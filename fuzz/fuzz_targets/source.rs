//! Coverage-guided: names of camera sources.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::source(data);
});
