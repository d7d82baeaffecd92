//! Coverage-guided: logs of choices.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::log(data);
});
