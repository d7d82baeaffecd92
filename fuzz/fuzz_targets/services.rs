//! Coverage-guided: what clients of other services send.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::services(data);
});
