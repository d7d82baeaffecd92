//! Coverage-guided: videos that are read without ffmpeg.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::video(data);
});
