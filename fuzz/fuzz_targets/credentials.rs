//! Coverage-guided: addresses of keys, tokens, codes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::credentials(data);
});
