//! Coverage-guided: signed notes and checkpoints.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::note(data);
});
