//! Coverage-guided: uploads: what they are, drawings made harmless.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::upload(data);
});
