//! Coverage-guided: campaigns as JSON.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::campaigns(data);
});
