//! Coverage-guided: messages of a browser's camera.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::frame_message(data);
});
