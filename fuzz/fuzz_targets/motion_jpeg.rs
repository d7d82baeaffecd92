//! Coverage-guided: JPEGs laid end to end.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::motion_jpeg(data);
});
