//! Coverage-guided: recordings for replay.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::recording(data);
});
