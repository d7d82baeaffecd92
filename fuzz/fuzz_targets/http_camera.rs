//! Coverage-guided: answers of network cameras.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::http_camera(data);
});
